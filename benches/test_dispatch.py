"""Every coalition of rural13 with its pooled battery: the built-in dispatch and HiGHS.

The rows of sesgame are for the table of 8,192 coalitions on all cores. HiGHS gets the dispatch of
the whole community as a linear program that is built once; only its solve is timed. Its tests
print the ratio of processor time per coalition.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from reference.dispatch_lp import DispatchLP
from sesgame import _engine
from sesgame.energy import Community, Pool

FOLDER = Path(__file__).parents[1] / "examples" / "rural13"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(("2016-06-01", "2016-06-02"), id="96 steps"),
        pytest.param((None, None), id="35136 steps"),
    ],
)
def community(request: Any) -> Community:
    return Community.from_csv(FOLDER).period(*request.param)


def native(community: Community) -> _engine.NativeGame:
    game = community.cost_game().native
    assert game is not None
    return game


def test_sesgame(benchmark: Callable[..., NDArray[np.float64]], community: Community) -> None:
    assert np.isfinite(benchmark(native(community).tabulate)).all()


def test_highs(benchmark: Any, community: Community) -> None:
    pool = Pool.of(community.batteries, community.members)
    lp = DispatchLP(
        community.net_load_kwh.sum(axis=0),
        community.buy_per_kwh,
        community.sell_per_kwh,
        pool.energy_kwh.sum(),
        pool.charge_power_kw.sum() * community.steps.step_hours,
        pool.charge_efficiency,
        pool.discharge_efficiency,
        pool.initial_charge_kwh.sum(),
        tolerance=1e-7,
    )
    cost = benchmark.pedantic(lp.solve_anew, rounds=2)
    table = native(community).tabulate()
    assert table[-1] == pytest.approx(cost, rel=1e-6)
    steps = community.steps.n_steps
    highs = processor_time(lp.solve_anew)
    sesgame = processor_time(native(community).tabulate) / len(table)
    print(
        f"\n{steps} steps: HiGHS {highs:.3g} s, sesgame {sesgame:.3g} s per coalition "
        f"({sesgame / steps * 1e9:.1f} ns a step), {highs / sesgame:.0f} times faster"
    )


def processor_time(work: Callable[[], object]) -> float:
    """Return the least time of several runs, all cores together."""
    times: list[float] = []
    while sum(times) < 1:
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)
