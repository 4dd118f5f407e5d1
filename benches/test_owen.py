"""Bills at dual prices for communities far beyond any table, the ranges of all bills included.

    python -m pytest benches/test_owen.py --benchmark-only -p no:xdist

Of 10,000 members in a month ``python -m pytest -s benches/test_owen.py -k memory`` prints
processor time and the memory beside the community itself.
"""

from __future__ import annotations

from resource import RUSAGE_SELF, getrusage
from time import process_time
from typing import Any

import numpy as np
import pytest
import sesgame as sg

COMMUNITIES = [
    pytest.param(104, 35_136, id="104 members, 35136 steps"),
    pytest.param(10_000, 96, id="10000 members, 96 steps"),
    pytest.param(10_000, 2_976, id="10000 members, 2976 steps"),
    pytest.param(100_000, 24, id="100000 members, 24 steps"),
]


def drawn(members: int, steps: int) -> sg.energy.Community:
    random = np.random.default_rng(1)
    day = np.arange(steps) % 96 * 2 * np.pi / 96
    sun = np.maximum(0, np.sin(day - np.pi / 2)) * random.uniform(0, 2, (members, 1))
    return sg.energy.Community(
        members=[f"m{index}" for index in range(members)],
        steps=np.datetime64("2016-01-01T00:00") + np.arange(steps) * np.timedelta64(15, "m"),
        load_kwh=random.uniform(0, 0.4, (members, steps)) + 0.1 * np.sin(day) - sun,
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        batteries=[
            sg.energy.Battery(
                owner=f"m{index}",
                energy_kwh=5,
                power_kw=2.5,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
            )
            for index in range(0, members, 3)
        ],
    )


@pytest.mark.parametrize(("members", "steps"), COMMUNITIES)
def test_owen_allocation(benchmark: Any, members: int, steps: int) -> None:
    community = drawn(members, steps)
    bills = benchmark.pedantic(sg.owen_allocation, (community,), rounds=3)
    assert bills.total == pytest.approx(community.dispatch().cost, rel=1e-9)
    assert np.all(bills.evidence.lowest <= bills.evidence.highest)


def test_memory_and_processor_time_of_a_month() -> None:
    community = drawn(10_000, 2_976)
    before, times = peak_megabytes(), []
    for _ in range(3):
        start = process_time()
        bills = sg.owen_allocation(community, progress=False)
        times.append(process_time() - start)
    assert bills.evidence.turnover > 0
    print(
        f"\n10,000 members x 2,976 steps: {min(times):.2f} s of a core, "
        f"{peak_megabytes() - before:.0f} MB beside the community, whose meters take "
        f"{(community.load_kwh.nbytes + community.pv_kwh.nbytes) / 1e6:.0f} MB"
    )


def peak_megabytes() -> float:
    """Return the most memory that the process has had, on Linux."""
    return getrusage(RUSAGE_SELF).ru_maxrss / 1e3
