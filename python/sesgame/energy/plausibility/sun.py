"""Generation when there is no sun, or before and after it: the mark of a wrong clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.clock import is_fixed
from sesgame.energy.plausibility.columns import MEMBERS, METERS, MeterColumn
from sesgame.energy.plausibility.meters import DAY, HUM
from sesgame.energy.plausibility.question import Question
from sesgame.energy.plausibility.solar_time import longitude_of, solar_times
from sesgame.formatting import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["sun_questions"]

NIGHT = (23, 2)
"""Hours of the clock without sun wherever people live, but for the summers of the far north."""

OFF_NOON = 0.75
"""Hours between the middle of the sunny hours and the sun's noon at the city of the zone: places of
one zone and country are half an hour from it, hills and steps add a quarter, and a clock that is
wrong is an hour off. (Steps of an hour leave half an hour undecided.)"""

FAINT = 0.02
"""Of the highest reading: less than that at dawn is as much the inverter's as the sun's."""


def sun_questions(
    steps: TimeSteps, columns: Sequence[MeterColumn], file: str = METERS, listed: str = MEMBERS
) -> list[Question]:
    """Return what is to be asked about PV by the clock, where that has a zone of some country.

    Of meters on a clock that nobody has named, on UTC or on an offset nobody can say when the sun
    shines there.

    Notes
    -----
    O(columns x steps).
    """
    zone = steps.calendar.zone
    if zone is None or is_fixed(zone):
        return []
    pv = [column for column in columns if column.kind == "pv"]
    if not pv:
        return []
    longitude, is_dark, found = longitude_of(zone), _is_dark(steps), []
    days = None if longitude is None or steps.step_hours > 1 else _SolarDays.of(steps, longitude)
    for column in pv:
        # Two hours too late is also after dark, and is one mistake.
        off_noon = list(_off_noon(column, file, zone, days)) if days else []
        found += off_noon or list(_at_night(steps, column, file, listed, is_dark))
    return found


def _is_dark(steps: TimeSteps) -> NDArray[np.bool_]:
    """Return which steps are wholly within the hours without sun."""
    walls = steps.times
    begin = (walls - walls.astype("datetime64[D]")) / np.timedelta64(1, "h")
    # From 23:00 on, as hours after it.
    found: NDArray[np.bool_] = (begin - NIGHT[0]) % DAY + steps.step_hours <= (
        NIGHT[1] - NIGHT[0]
    ) % DAY
    return found


def _at_night(
    steps: TimeSteps, column: MeterColumn, file: str, listed: str, is_dark: NDArray[np.bool_]
) -> Iterator[Question]:
    generated = np.maximum(column.values, 0.0)
    at_night = np.where(is_dark, generated, 0.0)
    if at_night.sum() <= HUM * generated.sum():
        return
    rows = np.flatnonzero(at_night)
    yield Question(
        "PV at night",
        file,
        column.name,
        f"from {steps.time(int(rows[0]))}",
        f"{at_night.sum() / generated.sum():.1%} of its generation is between {NIGHT[0]}:00 and "
        f"0{NIGHT[1]}:00 ({count(len(rows), 'step')})",
        "a clock that is hours off, or a column that is no PV",
        f"name the zone of the meters (meters_zone in clock.csv), or mend {listed}",
    )


def _off_noon(column: MeterColumn, file: str, zone: str, days: _SolarDays) -> Iterator[Question]:
    noons = days.middles(column.values)
    # Three days tell a clock from a cloud.
    if len(noons) < 3:
        return
    off = float(np.median(noons)) - DAY / 2
    if abs(off) < OFF_NOON:
        return
    early_or_late = "after" if off > 0 else "before"
    yield Question(
        "PV off the sun's noon",
        file,
        column.name,
        "",
        f"the middle of its sunny hours is {abs(off):.1f} hours {early_or_late} the sun's noon in "
        f"{zone.rsplit('/', 1)[-1].replace('_', ' ')}",
        "that the meters are on another clock (UTC, or without daylight saving), or stamps mark "
        "the ends of steps",
        "say meters_zone or stamp in clock.csv",
    )


class _SolarDays(NamedTuple):
    """Steps by days of solar time.

    Attributes
    ----------
    hours : array, shape (T,)
        When each step begins, in hours of solar time.
    firsts : array of int, shape (days,)
        The first step of each day.
    is_whole : array of bool, shape (days,)
    step_hours : float
    """

    hours: NDArray[np.float64]
    firsts: NDArray[np.intp]
    is_whole: NDArray[np.bool_]
    step_hours: float

    @classmethod
    def of(cls, steps: TimeSteps, longitude: float) -> _SolarDays:
        solar = solar_times(steps.instants, longitude)
        days = solar.astype("datetime64[D]")
        firsts = np.flatnonzero(np.concatenate(([True], days[1:] != days[:-1])))
        lengths = np.diff(np.append(firsts, len(days))) * steps.step_hours
        hours = (solar - days) / np.timedelta64(1, "h")
        return cls(hours, firsts, lengths > DAY - 2, steps.step_hours)

    def middles(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the middle of the generating hours of each whole day, in solar time."""
        shines = values > FAINT * values.max()
        first = np.minimum.reduceat(np.where(shines, self.hours, np.inf), self.firsts)
        last = np.maximum.reduceat(np.where(shines, self.hours, -np.inf), self.firsts)
        kept = self.is_whole & np.isfinite(first)
        found: NDArray[np.float64] = (first[kept] + last[kept] + self.step_hours) / 2
        return found
