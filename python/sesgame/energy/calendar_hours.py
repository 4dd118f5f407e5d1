"""Hours of the calendar: clock times on some days of some months, and what holds within a step."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.clock import offsets
from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import InOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "DAY_TYPES",
    "EVERY_DAY",
    "EVERY_MONTH",
    "HOLIDAY",
    "MINUTES",
    "CalendarHours",
    "calendar_hours",
    "cells",
    "number_set",
    "refuse_unknown_holidays",
    "throughout",
    "within_steps",
]

DAY_TYPES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "hol")
"""Days of the week, and holidays, which are none of them."""

HOLIDAY = DAY_TYPES.index("hol")
EVERY_DAY, EVERY_MONTH = frozenset(range(len(DAY_TYPES))), frozenset(range(1, 13))
MINUTES = 24 * 60


@dataclass(frozen=True, kw_only=True)
class CalendarHours(InOrder):
    """Clock times on some days of some months.

    Parameters
    ----------
    start_minute, end_minute : int, default 0 and 1440
        Minutes after midnight; the end is not part of it. With an end before the start it is the
        evening and the early morning of each day.
    days : iterable of int, default all
        Days of the week, Monday is 0; 7 is a holiday, which is no day of the week then.
    months : iterable of int, default all
        January is 1.

    Raises
    ------
    GameError
        There are no such minutes, days or months.

    Examples
    --------
    >>> weekend = CalendarHours(days=[5, 6])
    >>> weekend.holds.mean().round(2).tolist()
    0.25
    """

    start_minute: int = 0
    end_minute: int = MINUTES
    days: frozenset[int] = EVERY_DAY
    months: frozenset[int] = EVERY_MONTH

    def __post_init__(self) -> None:
        object.__setattr__(self, "days", number_set("days", self.days))
        object.__setattr__(self, "months", number_set("months", self.months))
        calendar_hours(self.start_minute, self.end_minute, self.days, self.months)

    @property
    def holds(self) -> NDArray[np.bool_]:
        """The minutes that are meant, by month, type of day and minute: (12, 8, 1440)."""
        return calendar_hours(self.start_minute, self.end_minute, self.days, self.months)

    @property
    def in_words(self) -> str:
        """The clock times and days, in words; empty for all of them."""
        words = []
        if (self.start_minute, self.end_minute) != (0, MINUTES):
            clock = [f"{m // 60:02}:{m % 60:02}" for m in (self.start_minute, self.end_minute)]
            words.append(f"from {clock[0]} to {clock[1]}")
        if self.days != EVERY_DAY:
            words.append(f"on {' '.join(DAY_TYPES[day] for day in sorted(self.days))}")
        return " ".join(words)


def calendar_hours(
    start_minute: int, end_minute: int, days: Iterable[int], months: Iterable[int]
) -> NDArray[np.bool_]:
    """Return the minutes of some days between two clock times, shape (12, 8, 1440).

    By month, type of day and minute. Over midnight where the end is before the start; all day
    where they are equal.

    Raises
    ------
    GameError
        There are no such days, months or minutes.
    """
    chosen, seasons = number_set("days", days), number_set("months", months)
    if not (chosen and chosen <= EVERY_DAY):
        raise GameError(
            f"the days {sorted(chosen)} are not days of the week, 0 to 6, or holidays, {HOLIDAY}"
        )
    if not (seasons and seasons <= EVERY_MONTH):
        raise GameError(f"the months {sorted(seasons)} are not months, 1 to 12")
    for minute in (start_minute, end_minute):
        if not (isinstance(minute, Integral) and 0 <= minute <= MINUTES):
            raise GameError(f"{minute!r} is not a minute of the day, 0 to {MINUTES}")
    minutes = np.arange(MINUTES)
    after_start, before_end = minutes >= start_minute, minutes < end_minute
    in_day = after_start & before_end if start_minute < end_minute else after_start | before_end
    in_days = np.isin(np.arange(len(DAY_TYPES)), sorted(chosen))
    in_months = np.isin(np.arange(1, 13), sorted(seasons))
    return in_months[:, np.newaxis, np.newaxis] & in_days[:, np.newaxis] & in_day


def number_set(name: str, values: Iterable[int]) -> frozenset[int]:
    """Return days or months as a set.

    Raises
    ------
    GameError
        They are no numbers.
    """
    try:
        return frozenset(operator.index(value) for value in values)
    except TypeError:
        raise GameError(f"{name} must be whole numbers, got {values!r}") from None


def cells(instants: NDArray[np.datetime64], steps: TimeSteps) -> tuple[NDArray[np.intp], ...]:
    """Return month, type of day and minute of instants, as :func:`calendar_hours` has them."""
    walls = steps.calendar.wall_times(instants)
    minutes = walls.astype("datetime64[m]")
    days = minutes.astype("datetime64[D]")
    # 1970-01-01, day 0 of numpy's calendar, was a Thursday.
    day = (days.astype(np.int64) + 3) % 7
    day[steps.calendar.is_holiday(days)] = HOLIDAY
    month = days.astype("datetime64[M]").astype(np.int64) % 12
    return month.astype(np.intp), day.astype(np.intp), (minutes - days).astype(np.intp)


def refuse_unknown_holidays(days: frozenset[int], steps: TimeSteps, what: str) -> None:
    """Refuse hours that treat holidays by themselves where nobody said which days they are.

    Raises
    ------
    GameError
        Holidays are among the days but not all days are, and the steps have no list of them.
    """
    if HOLIDAY in days and days != EVERY_DAY and steps.calendar.holidays is None:
        raise GameError(
            f"{what} holidays, but nobody said which days they are: give holidays (holidays.csv), "
            f"if only an empty list"
        )


def within_steps(steps: TimeSteps, minutes: Iterable[int]) -> NDArray[np.datetime64]:
    """Return instants so that nothing changes between two of them, shape (T, k).

    A step has k of them, equally far apart, the first at its start.

    Parameters
    ----------
    steps : TimeSteps
    minutes : iterable of int
        The minutes of the day at which something may change. Midnight is one of them.
    """
    second = np.timedelta64(1, "s")
    length = int(steps.step / second)
    part = gcd(length, 86_400, *(60 * minute for minute in minutes))
    zone = steps.calendar.zone
    since, offset = (
        (np.array([steps.start]), np.array([0], dtype="timedelta64[s]"))
        if zone is None
        else offsets(zone, steps.start, steps.end)
    )
    # What a clock shows is a whole number of parts only if its offset is, and its changes are.
    walls = (steps.start + offset).astype("datetime64[s]").astype(np.int64)
    changes = ((since[1:] - steps.start) / second).astype(np.int64)
    part = gcd(part, *walls.tolist(), *changes.tolist())
    ticks = np.arange(length // part) * np.timedelta64(part, "s")
    return steps.instants[:, np.newaxis] + ticks


def throughout(values: NDArray[Any], steps: TimeSteps, what: str, cure: str) -> NDArray[Any]:
    """Return what holds all through each step, of values at its instants of shape (T, k).

    Raises
    ------
    GameError
        Something changes inside a step.
    """
    changed = (values != values[:, :1]).any(axis=1)
    if changed.any():
        step = int(np.argmax(changed))
        raise GameError(
            f"{what} within the step of {steps.step_hours * 60:g} minutes from {steps.time(step)}"
            f"{steps.clock_in_words}: {cure}"
        )
    return values[:, 0]
