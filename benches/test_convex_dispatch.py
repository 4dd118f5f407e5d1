"""Coalitions of rural13 whose steps cost more than two prices: recursion, plain pool, HiGHS.

For a day and a month, per coalition and in processor time of one run: wear, limits of import and
export, and a price ladder of 13 contracts, each against the plain pooled battery of the same table,
and against the linear program that the same coalitions were before, on a sample of them. There is
no linear program of a ladder here: with a column for each pair of members it is larger than that of
limits, which stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from sesgame.energy import Community
from sesgame.energy.dispatch.convex_pool import convex_game
from sesgame.energy.dispatch.model import MODELS
from sesgame.energy.dispatch.problem import DispatchProblem
from sesgame.energy.dispatch.step_cost import StepCosts

FOLDER = Path(__file__).parents[1] / "examples" / "rural13"
POOLED = MODELS["battery"]
N_PROGRAMS = 12
"""Coalitions that are solved as linear programs."""

WEAR = 0.02
"""EUR for each kWh delivered."""


def processor_time(work: Callable[[], object], least: float = 1.0) -> float:
    """Return the least time of several runs, all cores together."""
    times: list[float] = []
    while sum(times) < least:
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)


def worn(problem: DispatchProblem) -> DispatchProblem:
    storage = problem.storage
    costs = np.full_like(storage.degradation_cost_per_kwh, WEAR)
    return replace(problem, storage=replace(storage, degradation_cost_per_kwh=costs))


def limited(problem: DispatchProblem) -> DispatchProblem:
    """Return a problem with limits that every coalition can keep, and that bind for many."""
    hours, net = problem.steps.step_hours, problem.net_load_kwh
    drawn = np.maximum(net, 0.0).sum(axis=0).max() / hours
    fed_in = -net.sum(axis=0).min() / hours
    return replace(
        problem,
        import_limit_kw=drawn,
        export_limit_kw=0.7 * fed_in,
        may_curtail=np.ones(len(net), dtype=np.bool_),
    )


def ladder_of(problem: DispatchProblem) -> StepCosts:
    """Return step costs with a contract of each member, within the prices of the pool's own."""
    n, net = len(problem.members), problem.net_load_kwh
    share = np.linspace(0.0, 0.25, n)[:, np.newaxis]
    gap = problem.buy_per_kwh - problem.sell_per_kwh
    return StepCosts.ladder(
        deficit_kwh=np.maximum(net, 0.0),
        surplus_kwh=np.maximum(-net, 0.0),
        buy_per_kwh=problem.buy_per_kwh - share * gap,
        sell_per_kwh=problem.sell_per_kwh + share * gap,
        storage_prices=(problem.buy_per_kwh, problem.sell_per_kwh),
    )


@pytest.mark.parametrize(
    "period",
    [
        pytest.param(("2016-06-01", "2016-06-02"), id="day"),
        pytest.param(("2016-06-01", "2016-07-01"), id="month"),
    ],
)
def test_step_costs(benchmark: Any, period: tuple[str, str]) -> None:
    community = Community.from_csv(FOLDER).period(*period)
    plain, n = community.problem, len(community.members)
    unit = POOLED.storage_units(worn(plain))[0]
    worlds = {"wear": worn(plain), "limits": limited(plain), "wear, limits": limited(worn(plain))}
    games = {name: POOLED.native_game(problem) for name, problem in worlds.items()}
    games["wear, 13 contracts"] = convex_game(ladder_of(plain), unit)
    rows = np.random.default_rng(0).random((N_PROGRAMS, n)) < 0.5
    n_coalitions, steps = 1 << n, plain.steps.n_steps
    pool = processor_time(POOLED.native_game(plain).tabulate) / n_coalitions
    single = processor_time(lambda: POOLED.native_game(plain).values(rows)) / N_PROGRAMS
    print(
        f"\n{steps} steps, plain pool, per step: {1e9 * pool / steps:.1f} ns in a table, "
        f"eight at once; {1e9 * single / steps:.1f} ns by itself"
    )
    for name, game in games.items():
        seconds = processor_time(game.tabulate) / n_coalitions
        alone = processor_time(lambda game=game: game.values(rows)) / N_PROGRAMS
        text = (
            f"{name}: {1e9 * seconds / steps:.1f} ns in a table, {seconds / pool:.1f} times the "
            f"plain pool there; {1e9 * alone / steps:.1f} ns by itself, {alone / single:.1f} times"
        )
        if name in worlds:
            program = MODELS["linear"].native_game(worlds[name])
            values = program.values(rows)
            assert game.values(rows) == pytest.approx(values, rel=1e-6)
            solved = processor_time(lambda program=program: program.values(rows)) / N_PROGRAMS
            text += f"; linear program {1e3 * solved:.3g} ms, {solved / seconds:.0f} times slower"
        print(text)
    benchmark.pedantic(games["wear, limits"].tabulate, rounds=1)
