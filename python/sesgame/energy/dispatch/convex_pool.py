"""A pool whose steps have any convex cost: wear, two powers, limits of import and export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import convex_dispatch_game
from sesgame.cached import cached_property
from sesgame.energy.dispatch.dual_prices import OwenPrices
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, burnt
from sesgame.energy.dispatch.step_cost import StepCosts
from sesgame.errors import GameError
from sesgame.formatting import format_coalition
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import ConvexDispatch, ConvexDispatchGame
    from sesgame.energy.dispatch.linear_program import StorageUnit

__all__ = [
    "ConvexPool",
    "amounts_of",
    "another_unit",
    "arrays_of",
    "check_step",
    "chosen_of",
    "convex_game",
    "dispatch_of",
    "losses_of",
]


def convex_game(costs: StepCosts, unit: StorageUnit) -> ConvexDispatchGame:
    """Return the compiled game of coalitions with step costs and a pool."""
    return native_from(
        convex_dispatch_game, *arrays_of(costs), np.zeros(0), amounts_of(unit), losses_of(unit)
    )


def arrays_of(costs: StepCosts) -> tuple[Any, ...]:
    """Return step costs as the engine reads them."""
    kinks = costs.constants, costs.rows, costs.caps, costs.rungs
    return costs.resources, costs.money.sum(axis=1), costs.slopes, kinks, costs.anchor


def amounts_of(unit: StorageUnit) -> tuple[NDArray[np.float64], ...]:
    """Return what each member brings of a pool, as the engine reads it."""
    return unit.energy_kwh, unit.charge_kwh, unit.discharge_kwh, unit.initial_kwh


def losses_of(unit: StorageUnit) -> tuple[float, float, float, float, float]:
    """Return what a pool loses, as the engine reads it: it wears when it delivers."""
    wear = 0.0, unit.degradation_cost_per_kwh
    return unit.charge_efficiency, unit.discharge_efficiency, *wear, 1.0


def another_unit(
    unit: StorageUnit,
    energy_kwh: float,
    charge_kwh: float,
    discharge_kwh: float,
    initial_kwh: float,
) -> StorageUnit:
    """Return a pool of another size, of all members together."""
    return replace(
        unit,
        energy_kwh=np.array([energy_kwh]),
        charge_kwh=np.array([charge_kwh]),
        discharge_kwh=np.array([discharge_kwh]),
        initial_kwh=np.array([initial_kwh]),
    )


def chosen_of(problem: DispatchProblem, members: Sequence[int]) -> NDArray[np.bool_]:
    """Return which of all members some are, by number."""
    chosen = np.zeros(len(problem.members), dtype=np.bool_)
    chosen[list(members)] = True
    return chosen


def check_step(problem: DispatchProblem, members: Sequence[int], step: int | None) -> None:
    """Refuse a step in which a coalition cannot keep a limit, if there is any.

    Raises
    ------
    GameError
        There is one.
    """
    if step is not None:
        who = format_coalition([problem.members[number] for number in members])
        own = list(members)
        unused = problem.pv_kwh[own, step] > problem.curtailable_kwh[own, step]
        cure = '; curtailment="allowed" leaves PV unused' if unused.any() else ""
        raise GameError(
            f"{who} cannot keep {' and '.join(problem.limits_of_nobody)} in the step from "
            f"{problem.steps.time(step)}{cure}"
        )


def dispatch_of(
    problem: DispatchProblem,
    members: Sequence[int],
    unit: StorageUnit,
    found: ConvexDispatch,
    pays_up_to_kwh: NDArray[np.float64] | float = np.inf,
) -> Dispatch:
    """Return what the engine has found for a coalition, its members by number.

    `pays_up_to_kwh` is the import beyond which buying has no negative price any more.
    """
    net_load_kwh = problem.net_load_kwh[members].sum(axis=0)
    flow_kwh = net_load_kwh + found.charge - found.discharge
    hours = problem.steps.step_hours
    if problem.binding.curtailment.any():
        # As little PV is left unused as is cheapest.
        limits = problem.import_limit_kw * hours, -problem.export_limit_kw * hours
        wanted = np.select(
            [problem.buy_per_kwh < 0, problem.sell_per_kwh < 0],
            [np.minimum(limits[0], pays_up_to_kwh), 0.0],
            limits[1],
        )
        pv_kwh = problem.curtailable_kwh[members].sum(axis=0)
        flow_kwh += np.clip(wanted - flow_kwh, 0.0, pv_kwh)
    return Dispatch(
        net_load_kwh=net_load_kwh,
        charge_kwh=found.charge,
        discharge_kwh=found.discharge,
        state_of_charge_kwh=found.state_of_charge,
        grid_import_kwh=np.maximum(flow_kwh, 0.0),
        grid_export_kwh=np.maximum(-flow_kwh, 0.0),
        cost=found.cost,
        purchases={},
        burnt_kwh=burnt(
            found.charge, found.discharge, unit.charge_efficiency, unit.discharge_efficiency
        ),
    )


class ConvexPool:
    """The pool of each coalition.

    Parameters
    ----------
    problem : DispatchProblem
        The energy of members, prices, and limits of import and export.
    unit : StorageUnit
        What each member brings of the pool.
    """

    def __init__(self, problem: DispatchProblem, unit: StorageUnit) -> None:
        self._problem = problem
        self._unit = unit

    @cached_property
    def _costs(self) -> StepCosts:
        return StepCosts.of(self._problem)

    @cached_property
    def _game(self) -> ConvexDispatchGame:
        return convex_game(self._costs, self._unit)

    def game(self) -> ConvexDispatchGame:
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
        found = self._game.dispatch(chosen_of(self._problem, members))
        return dispatch_of(self._problem, members, self._unit, found)

    def cost_of_all(
        self, energy_kwh: float, charge_kwh: float, discharge_kwh: float, initial_kwh: float
    ) -> float:
        """Return the cost of all members with another pool; infinite where a limit is not kept."""
        other = another_unit(self._unit, energy_kwh, charge_kwh, discharge_kwh, initial_kwh)
        game = convex_game(self._costs.together(), other)
        return float(game.values(np.ones((1, 1), dtype=np.bool_))[0])

    def prices(self) -> OwenPrices:
        """Return prices that prove the dispatch of all optimal, without the ranges of bills.

        A limit of import or export belongs to no member: the bills exceed the cost by what it
        earns where it binds.
        """
        costs, unit = self._costs, self._unit
        found = self._game.dispatch(np.ones(len(self._problem.members), dtype=np.bool_))
        bills_by_step = (
            costs.money
            + np.einsum("irt,rt->it", costs.resources, found.resource_price)
            - np.outer(unit.energy_kwh, found.capacity_price)
            - np.outer(unit.charge_kwh, found.charge_power_price)
            - np.outer(unit.discharge_kwh, found.discharge_power_price)
        )
        bills_by_step[:, 0] -= found.initial_charge_price * unit.initial_kwh
        bills = bills_by_step.sum(axis=1)
        return OwenPrices(
            energy_price=found.exchange_price,
            cost=found.cost,
            duality_gap=float(found.cost - bills.sum()),
            lowest=bills,
            highest=bills,
            by_step=bills_by_step,
            capacity_price=found.capacity_price,
            power_price=found.charge_power_price + found.discharge_power_price,
            initial_charge_price=found.initial_charge_price,
        )
