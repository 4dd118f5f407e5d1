"""Nothing is dispatched: what a coalition nets is billed by all elements of its contract."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sesgame._engine import weighted_sum_game
from sesgame.energy.dispatch.dual_prices import DualBills, DualPrices, PoolBills
from sesgame.energy.dispatch.netted import (
    netted_cost_game,
    netted_dispatch,
    not_subadditive,
    refuse_prices_above_buy,
)
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
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

__all__ = ["BilledModel"]

LOCAL_SEARCH = 20_000
"""Coalitions looked at where not all are: a bill is cheap."""

SHARE = 1e-7
"""By how much of a member's profile that of all is moved for the range of its bill: far below any
difference between two readings, far above rounding."""


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
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
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
        bills = problem.net_load_kwh @ self._prices(problem)
        return DualBills(bills, 0.0)

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> DualPrices:
        """Return the slopes of the bill of all, and the range of each member's bill under them.

        Raises
        ------
        GameError
            As :meth:`dual_bills`.
        """
        price = self._prices(problem)
        net = problem.net_load_kwh
        total = net.sum(axis=0)
        by_step = PoolBills(problem.load_kwh, problem.pv_kwh, price, (), np.zeros(len(net)))
        bills, _ = by_step.sums
        # One more player for each member and way: the profile of all, moved a little.
        lowest, highest = bills.copy(), bills.copy()
        with progress_report("ranges of the bills", "member", progress) as report:
            for member, row in enumerate(net):
                for share, bound in ((-SHARE, lowest), (SHARE, highest)):
                    moved = total + share * row
                    bound[member] = (self._cost(problem, moved) - float(price @ total)) / share
                if report is not None:
                    report(member + 1, len(net))
        slack = problem.rounding / SHARE
        is_one = highest - lowest <= slack
        return DualPrices(
            energy_price=price,
            cost=float(price @ total),
            duality_gap=0.0,
            lowest=np.where(is_one, bills, np.minimum(lowest, bills)),
            highest=np.where(is_one, bills, np.maximum(highest, bills)),
            by_step=by_step,
        )

    def _cost(self, problem: DispatchProblem, load: NDArray[np.float64]) -> float:
        """Return what a load costs, by its slopes: costs are in proportion to energy."""
        return float(self._slopes(problem, load) @ load)

    def _prices(self, problem: DispatchProblem) -> NDArray[np.float64]:
        """Return what a kWh in each step costs all together.

        Raises
        ------
        GameError
            An element is not in proportion to energy, or selling earns more than buying costs.
        """
        refuse_prices_above_buy(problem)
        constants = _billing(problem).constants
        if constants:
            raise GameError(
                f"bills at dual prices are off with {' and '.join(constants)}: such costs are not "
                f"in proportion to energy, so prices do not add up to them; core_existence says "
                f"whether some split satisfies every group"
            )
        return self._slopes(problem, problem.net_load_kwh.sum(axis=0))

    def _slopes(self, problem: DispatchProblem, load: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return slopes of the bill at a load, shape (T,): their sum with it is the bill."""
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
        for peak in billing.peaks:
            slopes = slopes + np.where(load > 0, peak.slopes(drawn, hours), 0.0)
        return slopes

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle:
        """Refuse: coalitions are listed, or not searched.

        Raises
        ------
        GameError
            Always.
        """
        self._refuse_program(problem)


def _billing(problem: DispatchProblem) -> Billing:
    if problem.billing is None:
        raise GameError("there is no contract beyond prices and peaks of steps")
    return problem.billing
