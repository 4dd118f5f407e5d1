"""Columns of readings, as files have them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.folder_reading import MeterReadings
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["MEMBERS", "METERS", "POINTS", "MeterColumn", "columns_of"]

METERS = "meters.csv"
MEMBERS, POINTS = "members.csv", "points.csv"
"""The files that list meters."""


@dataclass(frozen=True)
class MeterColumn:
    """A column of readings, and whose meter of which kind it is.

    Attributes
    ----------
    name : str
    kind : str
        ``"load"`` or ``"pv"``.
    unit : str
        ``"kW"`` or ``"kWh"``, once the readings are scaled.
    scales : dict of str to float
        By member.
    values : array, shape (T,)
        As they stand in the file.
    """

    name: str
    kind: str
    unit: str
    scales: dict[str, float]
    values: NDArray[np.float64]

    def kwh(self, steps: TimeSteps) -> float:
        """Return the energy that all of its members have by it, whichever way it flows."""
        hours = steps.step_hours if self.unit == "kW" else 1.0
        scale = sum(abs(scale) for scale in self.scales.values())
        return float(np.abs(self.values).sum()) * scale * hours

    @property
    def flows(self) -> tuple[float, float]:
        """The sums of what is above zero and below it, once the scale has turned signs."""
        values = self.values * np.sign(sum(self.scales.values()))
        return float(values[values > 0].sum()), float(-values[values < 0].sum())


def columns_of(readings: Iterable[MeterReadings]) -> list[MeterColumn]:
    """Return the columns of meters, each once for each kind and unit that it is used as."""
    found: dict[tuple[str, str, str], MeterColumn] = {}
    for meter in readings:
        key = (meter.column, meter.kind, meter.unit)
        column = found.setdefault(key, MeterColumn(*key, {}, meter.values))
        column.scales[meter.member] = meter.scale
    return list(found.values())
