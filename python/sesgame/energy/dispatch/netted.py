"""Net loads that are settled as they are: no cost is made less by a dispatch.

What passes the meter may come from the meter itself, or from a controller that runs storage. It is
paid by prices and charges on peaks, or by all elements of a contract; selling may earn more than
buying costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import contract_game, controlled_game, netting_game
from sesgame.energy.dispatch.problem import GENERATION_TO_BUY, Dispatch, DispatchProblem
from sesgame.errors import GameError
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import ControlledGame, NativeGame
    from sesgame.energy.dispatch.billing import BilledPeak, Billing

__all__ = [
    "beyond_netting",
    "controlled_cost_game",
    "cost_of",
    "netted_cost_game",
    "netted_dispatch",
    "not_subadditive",
    "refuse_prices_above_buy",
    "settled_dispatch",
]


def netted_cost_game(problem: DispatchProblem) -> NativeGame:
    """Return the game of what net loads cost, under all that a problem charges."""
    steps = (problem.net_load_kwh, problem.buy_per_kwh, problem.sell_per_kwh)
    if problem.billing is not None:
        terms = _terms(problem.billing, problem.steps.step_hours)
        return native_from(contract_game, *steps, terms)
    if not problem.peak_charges:
        return native_from(netting_game, *steps)
    return controlled_cost_game(problem, [])


def controlled_cost_game(
    problem: DispatchProblem, units: list[NDArray[np.intp]], cost_of_all: float | None = None
) -> ControlledGame:
    """Return the game in which a controller runs storage.

    Parameters
    ----------
    problem : DispatchProblem
    units : list of ndarray of int
        The batteries, by number, that act as one each, in the order in which they act.
    cost_of_all : float, optional
        What all members together cost, where that is known.
    """
    storage, hours, n_members = problem.storage, problem.steps.step_hours, len(problem.members)
    idle = np.zeros(problem.steps.n_steps)
    control = problem.control
    band = (idle, idle) if control is None else (control.low_kwh, control.high_kwh)
    brought = np.zeros((n_members, len(units), 4))
    for number, unit in enumerate(units):
        brought[:, number] = np.stack(storage.brought(unit, n_members, hours), axis=1)
    firsts = [unit[0] for unit in units]
    losses = (
        storage.charge_efficiency,
        storage.discharge_efficiency,
        storage.degradation_cost_per_kwh,
    )
    return native_from(
        controlled_game,
        problem.net_load_kwh,
        problem.buy_per_kwh,
        problem.sell_per_kwh,
        band,
        [
            (
                *(float(each[first]) for each in losses),
                int(storage.first_step[first]),
                int(storage.end_step[first]),
            )
            for first in firsts
        ],
        brought,
        np.zeros(n_members) if control is None else control.shift_kwh,
        [
            (charge.price_per_kw / hours, charge.steps.astype(np.int64))
            for charge in problem.peak_charges
        ],
        None if problem.billing is None else _terms(problem.billing, hours),
        cost_of_all,
    )


def netted_dispatch(problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
    """Return what passes the meter of a coalition without any battery."""
    nothing = np.zeros(problem.steps.n_steps)
    return settled_dispatch(
        problem,
        members,
        charge_kwh=nothing,
        discharge_kwh=nothing,
        state_of_charge_kwh=np.zeros(problem.steps.n_steps + 1),
        cost=cost_of(netted_cost_game(problem), len(problem.members), members),
    )


def cost_of(game: NativeGame, n_members: int, members: Sequence[int]) -> float:
    """Return the cost of a coalition, its members by number."""
    chosen = np.zeros((1, n_members), dtype=np.bool_)
    chosen[0, list(members)] = True
    return float(game.values(chosen)[0])


def beyond_netting(problem: DispatchProblem) -> list[str]:
    """Return what would have to be decided, in words."""
    features = problem.limits_of_nobody + problem.beyond_a_step
    if len(problem.offers):
        features.append("storage to buy")
    if len(problem.generation):
        features.append(GENERATION_TO_BUY)
    if problem.binding.curtailment.any():
        features.append("PV that may be left unused")
    return features


def not_subadditive(problems: Sequence[DispatchProblem]) -> str:
    """Return a warning where joining may cost something, in words."""
    above = next(filter(None, (problem.sells_above_buy for problem in problems)), "")
    return f" ({above}: joining can cost more, the game is not subadditive)" if above else ""


def settled_dispatch(
    problem: DispatchProblem,
    members: Sequence[int],
    *,
    charge_kwh: NDArray[np.float64],
    discharge_kwh: NDArray[np.float64],
    state_of_charge_kwh: NDArray[np.float64],
    cost: float,
) -> Dispatch:
    """Return what passes the meter of a coalition."""
    net_load_kwh = problem.net_load_kwh[members].sum(axis=0)
    flow_kwh = net_load_kwh + charge_kwh - discharge_kwh
    return Dispatch(
        net_load_kwh=net_load_kwh,
        charge_kwh=charge_kwh,
        discharge_kwh=discharge_kwh,
        state_of_charge_kwh=state_of_charge_kwh,
        grid_import_kwh=np.maximum(flow_kwh, 0.0),
        grid_export_kwh=np.maximum(-flow_kwh, 0.0),
        cost=cost,
        purchases={},
        burnt_kwh=np.zeros(len(flow_kwh)),
    )


def refuse_prices_above_buy(problem: DispatchProblem) -> None:
    """Refuse dual prices where selling earns more than buying costs.

    Raises
    ------
    GameError
        There is such a step.
    """
    above = problem.sells_above_buy
    if above:
        raise GameError(
            f"{above}: where selling earns more than buying costs, no prices prove the costs of a "
            f"coalition, and there are no bills at dual prices"
        )


def _terms(billing: Billing, step_hours: float) -> tuple[object, ...]:
    """Return the elements of a contract as the engine takes them."""
    groups = billing.groups
    return (
        billing.credit == "capped",
        None if groups is None else (groups.of_step, groups.prices, groups.periods),
        billing.losses,
        (billing.ends, billing.fees, billing.minimum, list(billing.blocks)),
        [_engine_peak(peak, step_hours) for peak in billing.peaks],
    )


def _engine_peak(peak: BilledPeak, step_hours: float) -> tuple[object, ...]:
    """Return a charge as the engine takes it, in kWh of a window."""
    hours = peak.width * step_hours
    months = [(month.period, month.starts, month.days) for month in peak.months]
    limits = (peak.floor_kw * hours, peak.cap_kw * hours)
    memory = (peak.n_averaged, peak.ratchet, peak.n_back)
    price = peak.price_per_kw / hours
    return price, peak.width, months, peak.n_highest, limits, peak.history_kw * hours, memory
