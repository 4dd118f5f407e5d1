"""The days of the open Swedish tariff format: patterns of days of the week and of dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.calendar_cells import CELLS
from sesgame.energy.calendar_hours import DAY_TYPES, HOLIDAY, MINUTES
from sesgame.energy.clock import as_date

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.files.json_fields import JsonField

__all__ = ["ActiveHours", "DayPatterns", "Validity", "special_dates", "validity_of"]

HOLIDAYS = "holidays"
"""The pattern of which the format has no dates, unless the file brings them."""


class Validity(NamedTuple):
    """From a day on, and until another, which is no part of it."""

    first: datetime.date
    end: datetime.date


def validity_of(owner: JsonField) -> Validity | None:
    """Return the valid period of an object, if it has one."""
    field = owner.get("validPeriod")
    if field is None:
        return None
    field.only(["fromIncluding", "toExcluding"])
    wanted = "a date like 2025-05-25"
    found = Validity(
        *(field.need(name).as_(_date, wanted) for name in ("fromIncluding", "toExcluding"))
    )
    if found.end <= found.first:
        field.fail(f"it ends on {found.end}, and begins on {found.first}")
    return found


class Pattern(NamedTuple):
    """Days of the week, or dates."""

    days: frozenset[int]
    dates: frozenset[datetime.date]


_NEVER = Pattern(frozenset(), frozenset())


class ActiveHours(NamedTuple):
    """Clock times on the days of some patterns, without those of others."""

    field: JsonField
    start_minute: int
    end_minute: int
    include: tuple[Pattern, ...]
    exclude: tuple[Pattern, ...]

    def has_date(self, date: datetime.date) -> bool:
        """Return whether it is active on a date."""
        return _has(self.include, date) and not _has(self.exclude, date)

    def has_day(self, day: int) -> bool:
        """Return whether it is active on a day of the week that is no special date."""
        included = any(day in pattern.days for pattern in self.include)
        return included and not any(day in pattern.days for pattern in self.exclude)

    @property
    def every_day(self) -> bool:
        """Whether it is active on all days of the week."""
        return all(map(self.has_day, range(HOLIDAY)))

    def cells(self, holidays: Iterable[datetime.date]) -> NDArray[np.bool_]:
        """Return the cells of the calendar that are active.

        Parameters
        ----------
        holidays : iterable of date
            Days on which something is otherwise than on others of their day of the week.

        Raises
        ------
        GameError
            Two of these are not alike, or hours end on the next day, which may be of no pattern.
        """
        active = np.zeros(len(DAY_TYPES), dtype=np.bool_)
        active[:HOLIDAY] = [self.has_day(day) for day in range(HOLIDAY)]
        special = {self.has_date(date): date for date in sorted(holidays, reverse=True)}
        if len(special) > 1:
            self.field.fail(
                f"it holds on {special[True]} and not on {special[False]}; there is one kind of "
                f"holidays, on which all prices are alike"
            )
        active[HOLIDAY] = next(iter(special), bool(active[:HOLIDAY].all()))
        minutes = np.arange(MINUTES)
        hours = (minutes >= self.start_minute) & (minutes < self.end_minute)
        if self.start_minute >= self.end_minute:
            if not active.all():
                self.field.fail(
                    "hours over midnight on some days only: the file does not say of which day the "
                    "early morning is; divide them at 00:00:00"
                )
            hours = (minutes >= self.start_minute) | (minutes < self.end_minute)
        return np.broadcast_to(active[:, np.newaxis] & hours, CELLS)


class DayPatterns:
    """The patterns of a file by their references.

    Parameters
    ----------
    field : JsonField or None
        The list of them.
    holidays : iterable of date, optional
        The dates of ``"holidays"`` where the file has none.
    """

    def __init__(self, field: JsonField | None, holidays: frozenset[datetime.date] | None) -> None:
        self._patterns = dict(map(_pattern, field.items())) if field is not None else {}
        in_file = self._patterns.get(HOLIDAYS, _NEVER)
        if in_file == _NEVER:
            self._patterns.pop(HOLIDAYS, None)
        if holidays is not None:
            if field is not None and in_file not in (_NEVER, Pattern(frozenset(), holidays)):
                odd = min(in_file.dates ^ holidays, default=None)
                field.fail(f"its holidays are not those that are given: {odd} is only in one")
            self._patterns[HOLIDAYS] = Pattern(frozenset(), holidays)

    def active_hours(self, field: JsonField) -> ActiveHours:
        """Return one active period."""
        field.only(["fromIncluding", "toExcluding", "calendarPatternReferences"])
        start, end = (
            field.need(name).as_(_minute, "a clock time like 06:00:00")
            for name in ("fromIncluding", "toExcluding")
        )
        days = field.need("calendarPatternReferences")
        days.only(["include", "exclude"])
        include, exclude = (
            tuple(self._named(each) for each in found.items()) if found is not None else ()
            for found in (days.get("include"), days.get("exclude"))
        )
        # Midnight is also the end of the day.
        return ActiveHours(field, start, end or MINUTES, include, exclude)

    def _named(self, field: JsonField) -> Pattern:
        name = field.text()
        if name in self._patterns:
            return self._patterns[name]
        if name == HOLIDAYS:
            field.fail(
                "the file does not say which days are holidays: give holidays, if only an empty "
                "list"
            )
        known = ", ".join(self._patterns) or "none"
        return field.fail(f'there is no calendar pattern "{name}"; there is {known}')


def special_dates(periods: Iterable[ActiveHours]) -> tuple[datetime.date, ...]:
    """Return the dates on which something is otherwise than on their day of the week."""
    hours = list(periods)
    patterns = {pattern for each in hours for pattern in (*each.include, *each.exclude)}
    dates = {date for pattern in patterns for date in pattern.dates}
    return tuple(
        sorted(
            date
            for date in dates
            if any(each.has_date(date) != each.has_day(date.weekday()) for each in hours)
        )
    )


def _pattern(field: JsonField) -> tuple[str, Pattern]:
    field.only(["reference", "name", "frequency", "days", "dates"])
    name = (field.get("reference") or field.need("name")).text()
    days, dates = field.get("days"), field.get("dates")
    found = Pattern(
        frozenset(_weekday(each) for each in days.items()) if days else frozenset(),
        frozenset(each.as_(_date, "a date like 2025-05-25") for each in dates.items())
        if dates
        else frozenset(),
    )
    wanted = {"P1W": found.dates, "P1Y": found.days}
    frequency = field.need("frequency")
    if frequency.text() not in wanted:
        frequency.fail(f"{frequency.text()} is not P1W, for days, or P1Y, for dates")
    if wanted[frequency.text()]:
        frequency.fail("days go with P1W, and dates with P1Y")
    return name, found


def _weekday(field: JsonField) -> int:
    number = field.whole()
    if not 1 <= number <= 7:
        field.fail(f"{number} is no day of the week, 1 to 7")
    return number - 1


def _has(patterns: Iterable[Pattern], date: datetime.date) -> bool:
    return any(date.weekday() in each.days or date in each.dates for each in patterns)


def _date(text: str) -> datetime.date:
    match = re.fullmatch(r"(\d{4}-\d\d-\d\d)(T00:00(:00)?(Z|[+-]\d\d:\d\d)?)?", text)
    if not match:
        raise ValueError(text)
    return as_date(match[1])


def _minute(text: str) -> int:
    match = re.fullmatch(r"([01]\d|2[0-4]):([0-5]\d)(:00)?", text)
    if not match or int(match[1]) * 60 + int(match[2]) > MINUTES:
        raise ValueError(text)
    return int(match[1]) * 60 + int(match[2])
