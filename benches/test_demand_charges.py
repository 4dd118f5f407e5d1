"""Coalitions of rural13 with demand charges: the built-in search for peaks, HiGHS, and the pool.

The tests print ratios of processor time per coalition, of one run: to the linear program of the
same dispatch, from the basis of all as ``model="linear"`` starts, and to the pool without charges.
A year has twelve monthly charges, and is compared to the pool alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from time import process_time
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from sesgame.energy import Community, DemandCharge, Grid
from sesgame.energy.dispatch.model import MODELS

FOLDER = Path(__file__).parents[1] / "examples" / "rural13"
COALITIONS = 64
"""So many of the 8,192 are measured, evenly spread."""


@pytest.mark.parametrize("price_per_kw", [0.3, 6.5])
@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param("2016-06-01", "2016-06-02", id="96 steps"),
        pytest.param("2016-06-01", "2016-07-01", id="2880 steps"),
        pytest.param(None, None, id="35136 steps"),
    ],
)
def test_demand_charges(
    benchmark: Any, start: str | None, end: str | None, price_per_kw: float
) -> None:
    community = Community.from_csv(FOLDER).period(start, end)
    problem = community.problem
    grid = Grid(demand_charges=[DemandCharge(price_per_kw=price_per_kw)])
    charged = replace(problem, peak_charges=grid.peak_charges(community.steps))
    numbers = np.linspace(1, 2**13 - 1, COALITIONS).astype(np.int64)
    coalitions = (numbers[:, np.newaxis] >> np.arange(13) & 1).astype(np.bool_)
    plain = MODELS["battery"].native_game(problem)
    game = MODELS["battery"].native_game(charged)
    values = benchmark.pedantic(lambda: game.values(coalitions), rounds=1)
    ours = processor_time(lambda: game.values(coalitions)) / COALITIONS
    pool = processor_time(lambda: plain.values(coalitions)) / COALITIONS
    if start is None:
        return print_ratios(problem.steps.n_steps, ours, pool)
    few = coalitions[:: 8 if problem.steps.n_steps > 96 else 1]
    highs = {}
    for name in ("linear", "battery"):
        program = MODELS[name].program([charged]).game
        # HiGHS promises 1e-7; the pool of these four batteries costs as much as they do.
        expected = program.values(few)
        np.testing.assert_allclose(values[:: len(values) // len(few)], expected, rtol=1e-6)
        highs[name] = processor_time(lambda game=program: game.values(few)) / len(few)
    return print_ratios(problem.steps.n_steps, ours, pool, highs)


def print_ratios(
    n_steps: int, ours: float, pool: float, highs: Mapping[str, float] = MappingProxyType({})
) -> None:
    print(
        f"\n{n_steps} steps: {ours * 1e3:.3g} ms a coalition, {ours / pool:.1f} times the pool "
        f"without charges"
    )
    for name, seconds in highs.items():
        print(f"HiGHS, model {name}: {seconds * 1e3:.3g} ms, {seconds / ours:.0f} times faster")


def processor_time(work: Callable[[], object]) -> float:
    """Return the least time of several runs, all cores together."""
    times: list[float] = []
    while sum(times) < 1:
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)
