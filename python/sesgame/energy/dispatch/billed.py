"""Nothing is dispatched: what a coalition nets is billed by all elements of its contract."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sesgame._engine import weighted_sum_game
from sesgame.energy.dispatch.dual_prices import ContractPrices, DualBills, PoolBills
from sesgame.energy.dispatch.netted import (
    netted_cost_game,
    netted_dispatch,
    not_subadditive,
    refuse_prices_above_buy,
)
from sesgame.energy.dispatch.problem import GENERATION_TO_BUY, Dispatch, DispatchProblem, Model
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.game.native_source import native_from
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.billing import Billing
    from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.risk import Risk

__all__ = ["DIVISIONS", "BilledModel"]

LOCAL_SEARCH = 20_000
"""Coalitions looked at where not all are: a bill is cheap."""

SHARE = 1e-7
"""By how much of a member's profile that of all is moved for the range of its bill: far below any
difference between two readings, far above rounding."""


DIVISIONS: dict[str, Callable[[DispatchProblem], NDArray[np.float64]]] = {
    "equally": lambda problem: np.ones(len(problem.members)),
    "by import": lambda problem: np.maximum(problem.net_load_kwh, 0.0).sum(axis=1),
}
"""What each member's part of what has no price is in proportion to, by the names of rules."""


class BilledModel(ByValue):
    """The bill of the netted loads, for elements that depend on the totals of months."""

    name: Model = "contract"
    sentence = (
        "Loads and PV are netted in each step and billed by every element of the contract; no "
        "battery is used."
    )
    reading = "no battery is used"
    optimises = False
    is_pooled = False
    uses_batteries = False
    max_listed_players = MAX_TABLE_PLAYERS
    local_search = LOCAL_SEARCH

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words what the contract bills."""
        elements = dict.fromkeys(each for one in problems for each in _billing(one).elements)
        return f"netting, billed with {', '.join(elements)}{not_subadditive(problems)}"

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return that costs are exact."""
        return 0.0

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        return self._to_dispatch(problem) if problem.billing else ["contracts of such elements"]

    def _to_dispatch(self, problem: DispatchProblem) -> list[str]:
        """Return what would be left to dispatch, in words."""
        features = {
            "batteries": problem.storage.usable.size > 0,
            "readings of batteries": problem.metered_kwh is not None,
            "storage to buy": len(problem.offers) > 0,
            GENERATION_TO_BUY: len(problem.generation) > 0,
            "PV left unused at negative prices": bool(problem.binding.curtailment.any()),
        }
        found = [name for name, is_there in features.items() if is_there]
        found += problem.limits_of_nobody
        binding = zip(problem.flow_limits, problem.binding.flows, strict=True)
        return found + [limit.name for limit, steps in binding if steps.any()]

    def refuse_dispatch(self, problem: DispatchProblem) -> None:
        """Refuse what no dispatch can take into account, with the reason.

        Raises
        ------
        GameError
            There is something to dispatch.
        """
        left = self._to_dispatch(problem)
        if left:
            elements = " and ".join(_billing(problem).elements)
            raise GameError(
                f"{elements} cannot be billed beside {', '.join(left)}: what a step costs would "
                f"depend on all others, which no dispatch knows; leave out one of them, or give "
                f"meters with the storage as it ran"
            )

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Refuse: these costs are those of no linear program.

        Raises
        ------
        GameError
            Always.
        """
        self._refuse_program(problems[0])

    def _refuse_program(self, problem: DispatchProblem) -> NoReturn:
        elements = " and ".join(_billing(problem).elements)
        raise GameError(
            f"there is no linear program with {elements}: coalitions are searched only where all "
            f"can be listed, of up to {MAX_TABLE_PLAYERS} members"
        )

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Return that there is no storage."""
        return []

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        return netted_cost_game(problem)

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs: each scenario is billed by itself."""
        parts = [self.native_game(problem) for problem in problems]
        return native_from(weighted_sum_game, parts, np.array(weights))

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition nets."""
        return netted_dispatch(problem, members)

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Return the bills at dual prices.

        Raises
        ------
        GameError
            An element is not in proportion to energy.
        """
        self._refuse_constants(problem, "")
        bills = problem.net_load_kwh @ self._slopes(problem, problem.net_load_kwh.sum(axis=0))
        return DualBills(bills, 0.0)

    def dual_prices(
        self, problem: DispatchProblem, *, progress: bool, constants: str = ""
    ) -> ContractPrices:
        """Return the slopes of the bill of all, and the range of each member's bill under them.

        Parameters
        ----------
        problem : DispatchProblem
        progress : bool
        constants : str, optional
            How what has no price is divided, a key of :data:`DIVISIONS`; by default it is refused.

        Raises
        ------
        GameError
            An element is not in proportion to energy, and not divided; or what is to be divided is
            negative, or in proportion to what nobody has.
        """
        self._refuse_constants(problem, constants)
        net = problem.net_load_kwh
        total = net.sum(axis=0)
        price = self._slopes(problem, total)
        by_step = PoolBills(problem.load_kwh, problem.pv_kwh, price, (), np.zeros(len(net)))
        bills, _ = by_step.sums
        cost, constant = float(price @ total), 0.0
        weights = np.zeros(len(net))
        divided = constants if _billing(problem).constants else ""
        if divided:
            cost = self.dispatch(problem, range(len(net))).cost
            constant = cost - float(price @ total)
            weights = _weights(divided, problem)
            if constant < -problem.rounding:
                raise GameError(
                    f"bills at dual prices leave {constant:g} {problem.currency} over, which is "
                    f"less than nothing: no division of it is sure to satisfy every group"
                )
            constant = max(constant, 0.0)
        # What is divided depends on the prices, too: the range is that of a price of the profile
        # of a member without its part of that of all, at the profile of all moved a little there.
        lowest, highest = bills + weights * constant, bills + weights * constant
        exact = lowest.copy()
        with progress_report("ranges of the bills", "member", progress) as report:
            for member, row in enumerate(net):
                way = row - weights[member] * total
                for share, bound in ((-SHARE, lowest), (SHARE, highest)):
                    slopes = self._slopes(problem, total + share * way)
                    bound[member] = float(slopes @ way) + weights[member] * cost
                if report is not None:
                    report(member + 1, len(net))
        is_one = highest - lowest <= problem.rounding
        return ContractPrices(
            energy_price=price,
            cost=cost,
            duality_gap=0.0,
            lowest=np.where(is_one, exact, np.minimum(lowest, exact)),
            highest=np.where(is_one, exact, np.maximum(highest, exact)),
            by_step=by_step,
            constant=constant,
            divided=divided,
            constant_shares=weights * constant,
        )

    def _refuse_constants(self, problem: DispatchProblem, divided: str) -> None:
        """Refuse what has no price, unless it is divided by a rule.

        Raises
        ------
        GameError
            There is such an element, or selling earns more than buying costs.
        """
        refuse_prices_above_buy(problem)
        billing = _billing(problem)
        left = billing.undivided if divided else billing.constants
        if not left:
            return
        cure = "" if billing.undivided else "; constants= divides them by a rule"
        raise GameError(
            f"bills at dual prices are off with {' and '.join(left)}: such costs are not in "
            f"proportion to energy, so prices do not add up to them{cure}; core_existence says "
            f"whether some split satisfies every group"
        )

    def _slopes(self, problem: DispatchProblem, load: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return slopes of the bill at a load, shape (T,): without constants they add up to it."""
        billing, hours = _billing(problem), problem.steps.step_hours
        slopes = np.where(load > 0, problem.buy_per_kwh, problem.sell_per_kwh)
        if billing.groups is not None:
            left = np.bincount(
                billing.groups.of_step, weights=load, minlength=len(billing.groups.names)
            )
            buy, sell = billing.groups.prices.T
            slopes = np.where(left > 0, buy, sell)[billing.groups.of_step]
        if billing.credit == "capped":
            for part in billing.parts:
                if slopes[part] @ load[part] <= 0:
                    slopes[part] = 0.0
        drawn = np.maximum(load, 0.0)
        at_minimum = self._at_minimum(billing, slopes * load, drawn, hours)
        for period in at_minimum:
            slopes[billing.parts[period]] = 0.0
        for peak in billing.peaks:
            paid = peak.slopes(drawn, hours, at_minimum)
            slopes = slopes + np.where(load > 0, paid, 0.0)
        return slopes

    def _at_minimum(
        self,
        billing: Billing,
        energy: NDArray[np.float64],
        drawn: NDArray[np.float64],
        hours: float,
    ) -> list[int]:
        """Return the periods that are billed their minimum."""
        if np.isnan(billing.minimum).all():
            return []
        owed = billing.fees + [energy[part].sum() for part in billing.parts]
        for peak in billing.peaks:
            for found in peak.peaks(drawn, hours):
                if found.month.period < len(owed):
                    owed[found.month.period] += found.billed_kw * peak.price_per_kw
        return np.flatnonzero(owed < billing.minimum).tolist()

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle:
        """Refuse: coalitions are listed, or not searched.

        Raises
        ------
        GameError
            Always.
        """
        self._refuse_program(problem)


def _weights(divided: str, problem: DispatchProblem) -> NDArray[np.float64]:
    """Return each member's part of what has no price.

    Raises
    ------
    GameError
        It is in proportion to what nobody has.
    """
    weights = DIVISIONS[divided](problem)
    total = float(weights.sum())
    if not total > 0:
        raise GameError(f"what has no price cannot be divided {divided}: nobody draws any")
    return weights / total


def _billing(problem: DispatchProblem) -> Billing:
    if problem.billing is None:
        raise GameError("there is no contract beyond prices and peaks of steps")
    return problem.billing
