"""Many communities like rural13 in a month: what settle_many takes of each beyond the rule itself.

    python -m pytest -s benches/test_settle_many.py

Processor time of all threads, since a machine may be busy with other things: `n` communities on
`k` free cores take n / k times as long, as long as the interpreter, one thread at a time, is not
the limit. Its share is printed: the time in Python of a community without any native work.
"""

from __future__ import annotations

from collections.abc import Callable
from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import Any

import pytest
import sesgame as sg

MANY = 10_000
CORES = 2


@pytest.fixture(scope="module")
def month() -> sg.energy.Community:
    return sg.energy.Community.from_csv("examples/rural13").period("2016-06-01", "2016-07-01")


def cpu_seconds(work: Callable[[], Any], shots: int = 3) -> float:
    """Return the least processor time of some calls."""
    times = []
    for _ in range(shots):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)


@pytest.mark.parametrize(
    ("rule", "alone", "count"),
    [
        pytest.param("shapley", lambda month: sg.shapley_value(month.cost_game()), 4, id="shapley"),
        pytest.param("dual-prices", sg.owen_allocation, 200, id="dual-prices"),
    ],
)
@pytest.mark.parametrize("kept", [False, True], ids=["yielded", "kept"])
def test_settle_many(
    month: sg.energy.Community, tmp_path: Any, rule: str, alone: Any, count: int, kept: bool
) -> None:
    expected = alone(month)
    single = (
        cpu_seconds(lambda: alone(month))
        if rule == "shapley"
        else (cpu_seconds(lambda: [alone(month) for _ in range(50)]) / 50)
    )
    shots = iter(range(100))

    def settle() -> None:
        store = tmp_path / f"{next(shots)}.sqlite" if kept else None
        # Of other names, so that none is found in the store.
        months = (named(month, f"m{number}") for number in range(count))
        for settled in sg.settle_many(months, rule, store=store, progress=False):
            assert settled.allocation == expected

    each = cpu_seconds(settle) / count
    print(
        f"\n{rule}: {1e3 * each:.2f} ms of a core for each community, {1e3 * single:.2f} ms by "
        f"itself ({each / single:.2f} times); {MANY:,} on {CORES} cores: "
        f"{MANY * each / CORES / 60:.1f} min"
    )


def test_memory(month: sg.energy.Community) -> None:
    """Print how much the process grows over 10,000 communities whose results nobody keeps."""

    def grown(count: int) -> int:
        months = (named(month, f"m{number}") for number in range(count))
        for settled in sg.settle_many(months, "dual-prices", progress=False):
            assert len(settled.allocation) == len(month.members)
        return getrusage(RUSAGE_SELF).ru_maxrss

    first = grown(100)
    print(f"\n{MANY:,} communities: {(grown(MANY) - first) / 1024:.1f} MB more than 100 of them")


def named(community: sg.energy.Community, name: str) -> sg.energy.Community:
    """Return a community of another name that shares its arrays."""
    other = community.period()
    object.__setattr__(other, "name", name)
    return other
