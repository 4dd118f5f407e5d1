"""Programs of those who take prices as given: each member's own, and that of what nobody brings.

A dispatch splits at prices of energy. Each member moves its own batteries, leaves its own PV unused
and keeps its own connection's limit; whoever runs the common connection buys and sells there, pays
for peaks and keeps limits; and whoever has something for sale sells as much of it as pays. The sum
of their optima is the dual function of the dispatch: never above its cost, and equal to it at
prices that prove it optimal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.linear import LinearModel
from sesgame.energy.dispatch.linear_program import (
    HOURS_PER_DAY,
    HOURS_PER_YEAR,
    Flows,
    add_states,
    keep_to_size,
)
from sesgame.energy.dispatch.pooled import PooledModel
from sesgame.energy.dispatch.problem import (
    NO_GENERATION,
    NO_OFFERS,
    DispatchProblem,
    FlowLimit,
)
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.compiled_game import compiled_game

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["cost_at_prices", "earned_outside", "largest_trade", "money_at_prices"]

NOTHING, NOBODY = np.zeros(1), np.zeros(0, dtype=np.intp)
"""What the one who trades brings of storage that is bought, and whose it is."""


def cost_at_prices(
    problem: DispatchProblem, prices: Array, *, uses_batteries: bool, by_recursion: bool
) -> Array:
    """Return what the own program of each member costs at prices, shape (n,).

    Parameters
    ----------
    problem : DispatchProblem
    prices : ndarray of shape (n, T)
        What a kWh costs each member, and what it earns.
    uses_batteries : bool
        Whether members run their batteries.
    by_recursion : bool
        Solve the programs by recursion, wherever one has everything; else by linear programs.
    """
    costs: Array = np.einsum("it,it->i", prices, problem.net_load_kwh)
    decides: NDArray[np.bool_] = np.any(problem.curtailable_kwh > 0, axis=1)
    if uses_batteries:
        decides[problem.storage.owner[problem.storage.usable]] = True
    connections = [limit for limit in problem.flow_limits if limit.is_own]
    for limit in connections:
        decides |= limit.behind
    deciders = np.flatnonzero(decides)
    # Members of equal prices share a program, of which each is a coalition.
    groups: dict[bytes, list[int]] = {}
    for member in deciders.tolist():
        groups.setdefault(prices[member].tobytes(), []).append(member)
    for group in groups.values():
        part = _part(problem, np.array(group), prices[group[0]], uses_batteries)
        pooled, linear = PooledModel(), LinearModel()
        is_exact = not (pooled.missing(part) or pooled.proved_gap(part))
        game = (pooled if by_recursion and is_exact else linear).native_game(part)
        costs[group] = game.values(np.eye(len(group), dtype=np.bool_))
    return costs


def _part(
    problem: DispatchProblem, members: NDArray[np.intp], price: Array, uses_batteries: bool
) -> DispatchProblem:
    """Return what some members can do for themselves at a price."""
    storage = problem.storage
    place = np.full(len(problem.members), -1)
    place[members] = np.arange(len(members))
    kept = np.flatnonzero(place[storage.owner] >= 0) if uses_batteries else np.zeros(0, np.intp)
    own = storage.part(kept)
    limits = [
        FlowLimit(limit.name, limit.behind[members], limit.limit_kw, limit.is_own)
        for limit in problem.flow_limits
        if limit.is_own and limit.behind[members].any()
    ]
    return replace(
        problem,
        members=tuple(problem.members[member] for member in members),
        load_kwh=problem.load_kwh[members],
        pv_kwh=problem.pv_kwh[members],
        buy_per_kwh=price,
        sell_per_kwh=price,
        storage=replace(own, owner=place[own.owner]),
        offers=NO_OFFERS,
        generation=NO_GENERATION,
        peak_charges=(),
        import_limit_kw=np.inf,
        export_limit_kw=np.inf,
        flow_limits=tuple(limits),
        may_curtail=None if problem.may_curtail is None else problem.may_curtail[members],
        metered_kwh=None,
        control=None,
        exclusive=False,
    )


def money_at_prices(problem: DispatchProblem, prices: Array) -> float:
    """Return all money that can flow at prices of members, shape (n, T)."""
    storage, hours = problem.storage, problem.steps.step_hours
    moved_kwh = np.maximum(storage.charge_power_kw, storage.discharge_power_kw) * hours
    sizes = np.abs(prices)
    metered = np.einsum("it,it->", sizes, np.abs(problem.load_kwh) + np.abs(problem.pv_kwh))
    return float(metered + (sizes[storage.owner].sum(axis=1) * moved_kwh).sum())


def largest_trade(problem: DispatchProblem) -> float:
    """Return the most that all members could draw or feed in together in a step, in kWh.

    Without what they may buy.
    """
    storage, hours = problem.storage, problem.steps.step_hours
    moved = np.maximum(storage.charge_power_kw, storage.discharge_power_kw).sum() * hours
    meters = np.abs(problem.load_kwh).sum(axis=0) + np.abs(problem.pv_kwh).sum(axis=0)
    return float(meters.max(initial=0.0) + moved)


def earned_outside(
    problems: Sequence[DispatchProblem],
    weights: Sequence[float],
    prices: Sequence[Array],
    line_prices: Sequence[Array],
    most_kwh: float,
) -> float:
    """Return what trading at prices could earn whoever owns what no member brings.

    Without limits that is either nothing or without end, so nobody trades more than some amount.

    Parameters
    ----------
    problems, weights
        The scenarios.
    prices : sequence of ndarray of shape (T,)
        What a kWh costs at the common connection in each scenario.
    line_prices : sequence of ndarray of shape (lines, T)
        What it costs more behind each line.
    most_kwh : float
        The most that is traded in a step, with or without a limit.
    """
    builder = LinearBuilder(1)
    first = problems[0]
    n_steps, hours = first.steps.n_steps, first.steps.step_hours
    days = n_steps * hours / HOURS_PER_DAY
    years = n_steps * hours / HOURS_PER_YEAR
    brought = {"upper": 0.0, "upper_brought": most_kwh}
    offers, generation = first.offers, first.generation
    largest = np.array([[n_steps * most_kwh], [most_kwh / hours]])
    sizes = [
        builder.add_columns(2, cost=cost * years, upper=0.0, upper_brought=largest)
        for cost in offers.price_per_year
    ]
    for number, rent in enumerate(generation.price_per_kw_day * days):
        earned = sum(
            weight * float((problem.generation.profile_kwh[number] * price).sum())
            for problem, weight, price in zip(problems, weights, prices, strict=True)
        )
        best = max(float(each.generation.profile_kwh[number].max()) for each in problems)
        most_kw = most_kwh / best if best > 0 else 0.0
        builder.add_columns(1, cost=rent - earned, upper=0.0, upper_brought=most_kw)
    for problem, weight, price, behind in zip(problems, weights, prices, line_prices, strict=True):
        _add_connection(builder, problem, weight, price, most_kwh)
        for number, size in enumerate(sizes):
            wear = float(offers.degradation_cost_per_kwh[number])
            charge = builder.add_columns(n_steps, cost=weight * price, **brought)
            discharge = builder.add_columns(n_steps, cost=weight * (wear - price), **brought)
            state = builder.add_columns(n_steps)
            keep_to_size(builder, (charge, discharge, state), size, hours)
            efficiencies = offers.charge_efficiency[number], offers.discharge_efficiency[number]
            add_states(builder, Flows(charge, discharge, state, NOTHING, NOBODY, *efficiencies))
        lines = [limit for limit in problem.flow_limits if not limit.is_own]
        for limit, difference in zip(lines, behind, strict=True):
            carried = min(limit.limit_kw * hours, most_kwh)
            cost = -weight * np.abs(difference)
            builder.add_columns(n_steps, cost=cost, upper=0.0, upper_brought=carried)
    # A program has rows, and a row an entry.
    builder.add_rows(-np.inf, np.inf, (np.array([0]), 1.0))
    earned_by_all = compiled_game(builder.program()).values(np.ones((1, 1), dtype=np.bool_))
    return -float(earned_by_all[0])


def _add_connection(
    builder: LinearBuilder, problem: DispatchProblem, weight: float, price: Array, most_kwh: float
) -> None:
    """Add what is bought and sold outside for, and from, those inside, and the peaks of it."""
    n_steps, hours = problem.steps.n_steps, problem.steps.step_hours
    columns = [
        builder.add_columns(
            n_steps, cost=weight * cost, upper=0.0, upper_brought=min(limit * hours, most_kwh)
        )
        for cost, limit in (
            (problem.buy_per_kwh - price, problem.import_limit_kw),
            (price - problem.sell_per_kwh, problem.export_limit_kw),
        )
    ]
    for charge in problem.peak_charges:
        peak = builder.add_columns(1, cost=weight * charge.price_per_kw)
        builder.add_rows(
            -np.inf,
            0.0,
            (columns[0][charge.steps], 1.0),
            (np.repeat(peak, len(charge.steps)), -hours),
        )
