"""A pool under demand charges: the recursion for any step cost, within a search for caps.

The charges are paid on the peaks of an optimal dispatch, which are found by cutting planes over
all of them jointly. What proves them is a price: each charge is shared among its steps, and the
dispatch without charges in which import pays its shares bounds the cost of every dispatch from
below.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sesgame._engine import peak_charged_game
from sesgame.cached import cached_property
from sesgame.energy.dispatch.convex_pool import (
    ConvexPool,
    amounts_of,
    another_unit,
    arrays_of,
    check_step,
    chosen_of,
    dispatch_of,
    losses_of,
)
from sesgame.energy.dispatch.dual_prices import (
    RELATIVE_TOLERANCE,
    DualPrices,
    PeakPrices,
    PeakShare,
)
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem
from sesgame.energy.dispatch.step_cost import StepCosts
from sesgame.energy.dispatch.two_price_pool import TwoPricePool
from sesgame.errors import NumericalWarning, SolverError
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from sesgame._engine import PeakChargedDispatch, PeakChargedGame
    from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit

__all__ = ["PeakPool", "UnchargedPool", "uncharged_pool"]

UnchargedPool: TypeAlias = TwoPricePool | ConvexPool


def uncharged_pool(problem: DispatchProblem, unit: StorageUnit) -> UnchargedPool:
    """Return the recursion that has all of a problem but its charges, the faster one if it does."""
    if TwoPricePool.has_all_of(problem, unit):
        return TwoPricePool(problem, unit)
    return ConvexPool(problem, unit)


class PeakPool:
    """The pool of each coalition, and the charges on the peaks of its import.

    Parameters
    ----------
    problem : DispatchProblem
        With at least one charge on a peak.
    unit : StorageUnit
        What each member brings of the pool.
    program : callable
        Returns the linear program of the same, for when the search ends without proof.
    """

    def __init__(
        self,
        problem: DispatchProblem,
        unit: StorageUnit,
        program: Callable[[], LinearDispatch],
    ) -> None:
        self._problem = problem
        self._unit = unit
        self._program = program

    @cached_property
    def _costs(self) -> StepCosts:
        return StepCosts.of(self._problem)

    @cached_property
    def _game(self) -> PeakChargedGame:
        return self._game_of(self._costs, self._unit)

    def _game_of(self, costs: StepCosts, unit: StorageUnit) -> PeakChargedGame:
        problem, hours = self._problem, self._problem.steps.step_hours
        charges = [
            (charge.price_per_kw / hours, charge.steps.astype(np.int64))
            for charge in problem.peak_charges
        ]
        # The first resource is less the net load, the last less the load where that is a choice.
        meter = 0, costs.resources.shape[1] - 1, problem.import_limit_kw * hours
        return native_from(
            peak_charged_game, *arrays_of(costs), charges, meter, amounts_of(unit), losses_of(unit)
        )

    def game(self) -> PeakChargedGame:
        """Return the compiled game."""
        return self._game

    def broken_step(self, members: Sequence[int]) -> int | None:
        """Return the first step in which a coalition cannot keep a limit, if there is any."""
        return self._game.infeasible_step(chosen_of(self._problem, members))

    def dispatch(self, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does, its members by number.

        Raises
        ------
        GameError
            It cannot keep a limit of import or export.
        """
        check_step(self._problem, members, self.broken_step(members))
        try:
            found = self._found(members)
        except SolverError as error:
            return self._instead(error).dispatches(members)[0]
        return self._dispatch_of(members, found)

    def cost_of_all(
        self, energy_kwh: float, charge_kwh: float, discharge_kwh: float, initial_kwh: float
    ) -> float:
        """Return the cost of all members with another pool; infinite where a limit is not kept."""
        other = another_unit(self._unit, energy_kwh, charge_kwh, discharge_kwh, initial_kwh)
        game = self._game_of(self._costs.together(), other)
        return float(game.values(np.ones((1, 1), dtype=np.bool_))[0])

    def prices(self) -> DualPrices:
        """Return prices that prove the dispatch of all optimal, without the ranges of bills."""
        problem, hours = self._problem, self._problem.steps.step_hours
        everybody = range(len(problem.members))
        try:
            found = self._found(everybody)
            dispatch = self._dispatch_of(everybody, found)
            shares = tuple(
                PeakShare(
                    name=charge.name,
                    peak_kw=float(dispatch.grid_import_kwh[charge.steps].max()) / hours,
                    price_per_kw=charge.price_per_kw,
                    steps=charge.steps,
                    paid_per_kwh=paid,
                )
                for charge, paid in zip(problem.peak_charges, found.shares, strict=True)
            )
            priced = self._priced(shares).prices()
            if abs(dispatch.cost - priced.cost) > RELATIVE_TOLERANCE * found.turnover:
                raise SolverError(
                    "dispatch of the pooled battery with peak charges",
                    f"cost {dispatch.cost} and its bound {priced.cost} differ",
                )
        except SolverError as error:
            return self._instead(error).dual_prices(progress=False)
        kept = {field.name: getattr(priced, field.name) for field in fields(priced)}
        # What limits of nobody earn is in the gap of the priced dispatch.
        gap = dispatch.cost - priced.cost + priced.duality_gap
        kept |= {"cost": dispatch.cost, "duality_gap": gap}
        return PeakPrices(**kept, peak_shares=shares)

    def _priced(self, shares: Sequence[PeakShare]) -> UnchargedPool:
        """Return the pool without charges whose import pays shares of them."""
        problem = self._problem
        buy_per_kwh = problem.buy_per_kwh.copy()
        for share in shares:
            buy_per_kwh[share.steps] += share.paid_per_kwh
        return uncharged_pool(
            replace(problem, buy_per_kwh=buy_per_kwh, peak_charges=()), self._unit
        )

    def _found(self, members: Sequence[int]) -> PeakChargedDispatch:
        """Return the best caps of a coalition, and its dispatch.

        Raises
        ------
        SolverError
            The search has ended without proof.
        """
        return self._game.dispatch(chosen_of(self._problem, members))

    def _dispatch_of(self, members: Sequence[int], found: PeakChargedDispatch) -> Dispatch:
        """Return what the engine has found, at the cost of its own peaks."""
        problem, hours = self._problem, self._problem.steps.step_hours
        pays_up_to_kwh = np.full(problem.steps.n_steps, np.inf)
        for charge, cap_kwh in zip(problem.peak_charges, found.caps.tolist(), strict=True):
            no_more = problem.buy_per_kwh[charge.steps] + charge.price_per_kw / hours >= 0
            pays_up_to_kwh[charge.steps[no_more]] = cap_kwh
        dispatch = dispatch_of(problem, members, self._unit, found.schedule, pays_up_to_kwh)
        imported = dispatch.grid_import_kwh
        paid = [
            charge.price_per_kw / hours * imported[charge.steps].max()
            for charge in problem.peak_charges
        ]
        cost = (
            problem.buy_per_kwh @ imported
            - problem.sell_per_kwh @ dispatch.grid_export_kwh
            + self._unit.degradation_cost_per_kwh * dispatch.discharge_kwh.sum()
        )
        return replace(dispatch, cost=float(cost + sum(paid)))

    def _instead(self, error: SolverError) -> LinearDispatch:
        """Return the linear program, and say why it is solved."""
        warnings.warn(
            f"{error}: the linear program is solved instead", NumericalWarning, stacklevel=2
        )
        return self._program()
