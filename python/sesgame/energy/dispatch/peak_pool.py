"""A pool under demand charges: the engine's recursion over the charge, within a search for caps.

The charges are paid on the peaks of an optimal dispatch, which are found by cutting planes over
all of them jointly. What proves them is a price: each charge is shared among its steps, and the
dispatch without charges in which import pays its shares bounds the cost of every dispatch from
below.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import (
    peak_charged_dispatch,
    peak_charged_game,
    pooled_battery_dispatch,
)
from sesgame.energy.dispatch.dual_prices import DualPrices, PeakPrices, PeakShare
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem
from sesgame.energy.dispatch.two_price_pool import bills_of, dispatch_of
from sesgame.errors import GameError, NumericalWarning, SolverError
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import PeakChargedDispatch, PeakChargedGame
    from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit

__all__ = ["PeakPool"]


class PeakPool:
    """The pool of each coalition, and the charges on the peaks of its import.

    Parameters
    ----------
    problem : DispatchProblem
        With at least one charge on a peak.
    unit : StorageUnit
        What each member brings of the pool; no wear, as much drawn as delivered at most.
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
        self._brought = (unit.energy_kwh, unit.charge_kwh, unit.initial_kwh)
        self._efficiencies = (unit.charge_efficiency, unit.discharge_efficiency)
        self._program = program

    def game(self) -> PeakChargedGame:
        """Return the compiled game."""
        problem = self._problem
        energy_kwh, power_kwh, initial_kwh = self._brought
        return native_from(
            peak_charged_game,
            problem.net_load_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            self._charges,
            energy_kwh,
            power_kwh,
            *self._efficiencies,
            initial_kwh,
        )

    def broken_step(self, members: Sequence[int]) -> None:
        """Return that there is no limit that a coalition could break."""

    def dispatch(self, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does, its members by number."""
        net_load_kwh = self._problem.net_load_kwh[members].sum(axis=0)
        amounts = [float(each[members].sum()) for each in self._brought]
        try:
            found = self._run(net_load_kwh, *amounts).schedule
        except SolverError as error:
            return self._instead(error).dispatches(members)[0]
        return dispatch_of(net_load_kwh, found)

    def cost_of_all(
        self, energy_kwh: float, charge_kwh: float, discharge_kwh: float, initial_kwh: float
    ) -> float:
        """Return the cost of all members with another pool, of the less of both powers."""
        net_load_kwh = self._problem.net_load_kwh.sum(axis=0)
        power_kwh = min(charge_kwh, discharge_kwh)
        return self._run(net_load_kwh, energy_kwh, power_kwh, initial_kwh).schedule.cost

    def prices(self) -> DualPrices:
        """Return prices that prove the dispatch of all optimal, without the ranges of bills."""
        problem, hours = self._problem, self._problem.steps.step_hours
        amounts = [float(each.sum()) for each in self._brought]
        try:
            found = self._run(problem.net_load_kwh.sum(axis=0), *amounts)
        except SolverError as error:
            return self._instead(error).dual_prices(progress=False)
        schedule = found.schedule
        bills_by_step = bills_of(problem.net_load_kwh, self._unit, schedule)
        bills = bills_by_step.sum(axis=1)
        shares = zip(problem.peak_charges, found.peaks.tolist(), found.peak_prices, strict=True)
        return PeakPrices(
            energy_price=schedule.energy_price,
            cost=schedule.cost,
            duality_gap=float(schedule.cost - bills.sum()),
            lowest=bills,
            highest=bills,
            by_step=bills_by_step,
            capacity_price=schedule.capacity_price,
            power_price=schedule.power_price,
            initial_charge_price=schedule.initial_charge_price,
            peak_shares=tuple(
                PeakShare(charge.name, peak_kwh / hours, charge.price_per_kw, charge.steps, paid)
                for charge, peak_kwh, paid in shares
            ),
        )

    def least_cost(self, members: Sequence[int], shares: Sequence[PeakShare]) -> float:
        """Return what no dispatch of a coalition costs less than, by shares of the charges alone.

        It is the cost of the pool without charges whose import pays the shares: another recursion
        than the one that found them.

        Raises
        ------
        GameError
            The shares are not of these charges, one is negative, or they add up to more than it.
        """
        problem = self._problem
        buy_per_kwh = problem.buy_per_kwh.copy()
        if [share.name for share in shares] != [charge.name for charge in problem.peak_charges]:
            raise GameError("there must be a share of each demand charge, in their order")
        for charge, share in zip(problem.peak_charges, shares, strict=True):
            paid = np.asarray(share.paid_per_kwh, dtype=np.float64)
            price_per_kwh = charge.price_per_kw / problem.steps.step_hours
            # The sum of so many numbers is exact to as many units in its last place.
            rounding = float(np.finfo(np.float64).eps) * len(paid)
            if paid.shape != charge.steps.shape or not (paid >= 0).all():
                raise GameError(
                    f"the shares of {charge.name} must be non-negative, one for each step"
                )
            if not float(paid.sum()) <= price_per_kwh * (1 + rounding):
                raise GameError(
                    f"the shares of {charge.name} add up to {paid.sum():g}; the charge is "
                    f"{price_per_kwh:g} {problem.currency} for each kWh in a step"
                )
            buy_per_kwh[charge.steps] += paid
        energy_kwh, power_kwh, initial_kwh = (float(each[members].sum()) for each in self._brought)
        return pooled_battery_dispatch(
            problem.net_load_kwh[members].sum(axis=0),
            buy_per_kwh,
            problem.sell_per_kwh,
            energy_kwh,
            power_kwh,
            *self._efficiencies,
            initial_kwh,
        ).cost

    @property
    def _charges(self) -> list[tuple[float, NDArray[np.int64]]]:
        """The price of a kWh in a step, and the steps, of each charge."""
        hours = self._problem.steps.step_hours
        return [
            (charge.price_per_kw / hours, charge.steps.astype(np.int64))
            for charge in self._problem.peak_charges
        ]

    def _instead(self, error: SolverError) -> LinearDispatch:
        """Return the linear program, and say why it is solved."""
        warnings.warn(
            f"{error}: the linear program is solved instead", NumericalWarning, stacklevel=2
        )
        return self._program()

    def _run(
        self,
        net_load_kwh: NDArray[np.float64],
        energy_kwh: float,
        power_kwh: float,
        initial_kwh: float,
    ) -> PeakChargedDispatch:
        """Return the dispatch of a net load, and of what there is of the pool."""
        problem = self._problem
        return peak_charged_dispatch(
            net_load_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            self._charges,
            energy_kwh,
            power_kwh,
            *self._efficiencies,
            initial_kwh,
        )
