"""Bills under sharing keys of a thousand points in a year of quarter-hours.

Beside them stands a limit of the machine: all registers read twice, and added up.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray

POINTS = 1000
QUARTERS = 366 * 96


@cache
def street() -> sg.energy.PublicGrid:
    """Return points of which each tenth has a plant, under one contract."""
    draw = np.random.default_rng(7)
    hours = np.arange(QUARTERS) / 4 % 24
    sun = np.maximum(np.cos((hours - 13) / 12 * np.pi), 0.0)
    points = [
        sg.energy.MeteringPoint(
            name=f"p{number}",
            member=f"m{number}",
            contract="basic",
            import_kwh=draw.random(QUARTERS),
            export_kwh=5 * draw.random() * sun if number % 10 == 0 else None,
        )
        for number in range(POINTS)
    ]
    return sg.energy.PublicGrid(
        points=points,
        steps=sg.energy.TimeSteps("2024-01-01", np.timedelta64(15, "m"), QUARTERS),
        contracts=[sg.energy.Contract(name="basic", energy=sg.energy.Tariff.flat(0.30, 0.08))],
        fee_per_kwh=0.05,
    )


def read_twice() -> NDArray[np.float64]:
    """Return the sum of all registers, after two passes over them."""
    for _ in range(2):
        total = np.zeros(QUARTERS)
        for point in street().points:
            total += point.import_kwh
            total += point.export_kwh
    return total


def test_reading_registers_twice(benchmark: Any) -> None:
    street()
    assert benchmark(read_twice).min() > 0


KEYS = {
    "dynamic": sg.energy.DynamicKey(),
    "static": sg.energy.StaticKey({f"p{number}": 1 / POINTS for number in range(POINTS)}),
    "equal": sg.energy.EqualKey(),
}


@pytest.mark.parametrize("name", KEYS)
def test_bills_under_a_key(benchmark: Any, name: str) -> None:
    world = street()
    bills = benchmark(
        lambda: sg.energy.shared_generation(world, KEYS[name], local_price_per_kwh=0.12)
    )
    assert bills.evidence.lost_kwh == 0 or name == "static"
