"""A pool under one tariff and nothing else: the engine's recursion for two prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import pooled_battery_dispatch, pooled_battery_game, pooled_bill_ranges
from sesgame.cached import cached_property
from sesgame.energy.dispatch.dual_prices import OwenPrices, PoolBills, blocks
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, burnt
from sesgame.game.native_source import native_from
from sesgame.progress import Report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import PooledBatteryDispatch, PooledBatteryGame
    from sesgame.energy.dispatch.linear_program import StorageUnit

    Array = NDArray[np.float64]

__all__ = ["TwoPricePool"]


def dispatch_of(
    net_load_kwh: NDArray[np.float64], found: PooledBatteryDispatch, unit: StorageUnit
) -> Dispatch:
    """Return what the engine has found for a coalition of this net load."""
    return Dispatch(
        net_load_kwh=net_load_kwh,
        charge_kwh=found.charge,
        discharge_kwh=found.discharge,
        state_of_charge_kwh=found.state_of_charge,
        grid_import_kwh=found.grid_import,
        grid_export_kwh=found.grid_export,
        cost=found.cost,
        purchases={},
        burnt_kwh=burnt(
            found.charge, found.discharge, unit.charge_efficiency, unit.discharge_efficiency
        ),
    )


class TwoPricePool:
    """The pool of each coalition: no wear, as much drawn as delivered at most, no limits.

    Parameters
    ----------
    problem : DispatchProblem
        The energy of members, and the prices.
    unit : StorageUnit
        What each member brings of the pool.
    """

    def __init__(self, problem: DispatchProblem, unit: StorageUnit) -> None:
        self._problem = problem
        self._unit = unit

    @staticmethod
    def has_all_of(problem: DispatchProblem, unit: StorageUnit) -> bool:
        """Return whether there is nothing else."""
        return not (
            problem.limits_of_nobody
            or problem.binding.curtailment.any()
            or unit.degradation_cost_per_kwh
            or (unit.charge_kwh != unit.discharge_kwh).any()
        )

    @property
    def arguments(self) -> tuple[Array, Array, Array, Array, Array, float, float, Array]:
        """What the engine makes a game, or a separation, of the pool from."""
        problem, unit = self._problem, self._unit
        return (
            problem.net_load_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            unit.energy_kwh,
            unit.charge_kwh,
            unit.charge_efficiency,
            unit.discharge_efficiency,
            unit.initial_kwh,
        )

    def game(self) -> PooledBatteryGame:
        """Return the compiled game."""
        return native_from(pooled_battery_game, *self.arguments)

    def broken_step(self, members: Sequence[int]) -> None:
        """Return that there is no limit that a coalition could break."""

    def dispatch(self, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does, its members by number."""
        unit, net_load_kwh = self._unit, self._problem.net_load_kwh[members].sum(axis=0)
        found = self._run(
            net_load_kwh,
            *(
                float(each[members].sum())
                for each in (unit.energy_kwh, unit.charge_kwh, unit.initial_kwh)
            ),
        )
        return dispatch_of(net_load_kwh, found, unit)

    def cost_of_all(
        self, energy_kwh: float, charge_kwh: float, discharge_kwh: float, initial_kwh: float
    ) -> float:
        """Return the cost of all members with another pool, of the less of both powers."""
        net_load_kwh = self._problem.net_load_kwh.sum(axis=0)
        return self._run(net_load_kwh, energy_kwh, min(charge_kwh, discharge_kwh), initial_kwh).cost

    def prices(self) -> OwenPrices:
        """Return prices that prove the dispatch of all optimal, without the ranges of bills."""
        problem, unit = self._problem, self._unit
        found = self._run(
            self._total_kwh,
            float(unit.energy_kwh.sum()),
            float(unit.charge_kwh.sum()),
            float(unit.initial_kwh.sum()),
        )
        bills = PoolBills(
            load_kwh=problem.load_kwh,
            pv_kwh=problem.pv_kwh,
            energy_price=found.energy_price,
            brought=(
                (unit.energy_kwh, found.capacity_price),
                (unit.charge_kwh, found.power_price),
            ),
            earned_at_start=found.initial_charge_price * unit.initial_kwh,
        )
        each, _ = bills.sums
        return OwenPrices(
            energy_price=found.energy_price,
            cost=found.cost,
            duality_gap=float(found.cost - each.sum()),
            lowest=each,
            highest=each,
            by_step=bills,
            capacity_price=found.capacity_price,
            power_price=found.power_price,
            initial_charge_price=found.initial_charge_price,
        )

    def bill_ranges(self, report: Report | None) -> NDArray[np.float64]:
        """Return between which bills each member's lies, shape (n, 2), as of :meth:`game`."""
        problem, unit = self._problem, self._unit
        return pooled_bill_ranges(
            problem.load_kwh,
            problem.pv_kwh,
            self._total_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            unit.energy_kwh,
            unit.charge_kwh,
            unit.charge_efficiency,
            unit.discharge_efficiency,
            unit.initial_kwh,
            report,
        )

    @cached_property
    def _total_kwh(self) -> NDArray[np.float64]:
        """The net load of all, member after member as one sum adds them up, in blocks."""
        load_kwh, pv_kwh = self._problem.load_kwh, self._problem.pv_kwh
        total: NDArray[np.float64] = np.zeros((1, load_kwh.shape[1]))
        for rows in blocks(load_kwh.shape):
            net = load_kwh[rows] - pv_kwh[rows]
            total = np.concatenate([total, net]).sum(axis=0, keepdims=True)
        return total.reshape(-1)

    def _run(
        self,
        net_load_kwh: NDArray[np.float64],
        energy_kwh: float,
        power_kwh: float,
        initial_kwh: float,
    ) -> PooledBatteryDispatch:
        """Return the dispatch of a net load, and of what there is of the pool."""
        problem, unit = self._problem, self._unit
        return pooled_battery_dispatch(
            net_load_kwh,
            problem.buy_per_kwh,
            problem.sell_per_kwh,
            energy_kwh,
            power_kwh,
            unit.charge_efficiency,
            unit.discharge_efficiency,
            initial_kwh,
        )
