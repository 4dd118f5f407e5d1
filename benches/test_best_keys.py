"""The best sharing keys of 104 points in a year of quarter-hours.

The tests print processor time, and its ratio to that of sorting as many numbers as there are
readings, each point by itself, which is a limit of the method.
"""

from __future__ import annotations

from functools import cache
from time import process_time
from typing import Any

import numpy as np
import pytest
import sesgame as sg

N_POINTS = 104
N_STEPS = 365 * 96


@cache
def street() -> sg.energy.PublicGrid:
    """Return two plants, and points under five contracts with charges on monthly peaks."""
    draw = np.random.default_rng(0)
    hour = np.arange(N_STEPS) / 4 % 24
    sun = np.maximum(0.0, np.sin((hour - 6) / 12 * np.pi))
    flat, point = sg.energy.Tariff.flat, sg.energy.MeteringPoint
    plants = [
        point(
            name=f"plant {k}",
            member=f"plant {k}",
            contract=f"plant {k}",
            export_kwh=sun * draw.uniform(0.3, 1.0, N_STEPS) * 10,
        )
        for k in range(2)
    ]
    consumers = [
        point(name=f"{k}", member=k, contract=f"{k % 5}", import_kwh=draw.gamma(0.5, 0.3, N_STEPS))
        for k in range(N_POINTS)
    ]
    charge = sg.energy.DemandCharge(price_per_kw=5.0)
    contracts = [
        sg.energy.Contract(name=f"plant {k}", energy=flat(0.30, 0.06 + 0.01 * k)) for k in range(2)
    ] + [
        sg.energy.Contract(name=f"{k}", energy=flat(0.25 + 0.02 * k, 0.05), demand_charges=[charge])
        for k in range(5)
    ]
    return sg.energy.PublicGrid(
        points=plants + consumers,
        steps=sg.energy.TimeSteps("2023-01-01T00:00", np.timedelta64(15, "m"), N_STEPS),
        contracts=contracts,
        fee_per_kwh=0.05,
    )


@cache
def street_without_charges() -> sg.energy.PublicGrid:
    """Return the same without charges."""
    world = street()
    contracts = [sg.energy.Contract(name=c.name, energy=c.energy) for c in world.contracts]
    return sg.energy.PublicGrid(
        points=world.points, steps=world.steps, contracts=contracts, fee_per_kwh=0.05
    )


@cache
def sorting_seconds() -> float:
    readings = np.array([point.import_kwh for point in street().points[2:]])
    return seconds(lambda: [np.sort(row, kind="stable") for row in readings])


def seconds(work: Any) -> float:
    """Return the least processor time of three runs."""
    times = []
    for _ in range(3):
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)


KEYS = {
    "fixed": lambda: sg.energy.best_static_key(street_without_charges()),
    "fixed, residual peaks": lambda: sg.energy.best_static_key(street(), peaks="residual"),
    "after the fact": lambda: sg.energy.best_given_key(street_without_charges()),
    "after the fact, residual peaks": lambda: sg.energy.best_given_key(street(), peaks="residual"),
}


@pytest.mark.parametrize("name", KEYS)
def test_best_key(benchmark: Any, name: str) -> None:
    best = benchmark.pedantic(KEYS[name], rounds=1)
    assert best.gap <= 1e-6 * best.cost
    took = seconds(KEYS[name])
    print(f"\n{name}: {took:.2f} s, {took / sorting_seconds():.1f} times sorting the readings")
