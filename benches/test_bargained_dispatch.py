"""Bargaining for a dispatch without side payments, by number of members and steps.

Answers are proved before a time counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sesgame as sg


def neighbours(members: int, steps: int) -> sg.energy.Community:
    """Return members of whom each second has PV, and each third a battery."""
    random = np.random.default_rng(members)
    times = np.datetime64("2016-06-01T00:00") + np.arange(steps) * np.timedelta64(1, "h")
    hours = sg.energy.TimeSteps.from_times(times)
    hour = np.arange(steps) % 24
    sun = np.maximum(0.0, np.sin((hour - 6) / 12 * np.pi))
    has_pv = np.arange(members)[:, np.newaxis] % 2 == 0
    return sg.energy.Community(
        members=[f"m{number}" for number in range(members)],
        steps=hours,
        load_kwh=random.uniform(0.1, 1, (members, steps)) * (1 + (hour > 17)),
        pv_kwh=sun * random.uniform(0, 4, (members, 1)) * has_pv,
        tariff=sg.energy.PriceSeries(
            hours,
            np.where(hour < 6, 0.12, np.where(hour > 17, 0.40, 0.28)),
            np.full(steps, 0.08),
        ),
        batteries=[
            sg.energy.Battery(
                owner=f"m{number}",
                energy_kwh=4 + number,
                power_kw=2,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
            )
            for number in range(0, members, 3)
        ],
    )


@pytest.mark.parametrize(("members", "steps"), [(6, 24), (10, 48), (13, 168)])
def test_a_dispatch_is_bargained_for(benchmark: Any, members: int, steps: int) -> None:
    community = neighbours(members, steps)

    def bargain() -> sg.Allocation:
        return sg.energy.bargained_dispatch(community, model="battery", progress=False)

    found = benchmark.pedantic(bargain, rounds=1)
    assert found.evidence.gap <= 1e-8
    benchmark.extra_info["programs"] = found.evidence.rounds
    benchmark.extra_info["gap"] = found.evidence.gap
