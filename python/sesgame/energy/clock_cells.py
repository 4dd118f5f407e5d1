"""Clock times and days of the week as cells of tables."""

from __future__ import annotations

import re

from sesgame.energy.calendar_hours import DAY_TYPES, EVERY_DAY, EVERY_MONTH, CalendarHours
from sesgame.energy.time_steps import MONTHS

__all__ = [
    "CLOCK",
    "DAYS",
    "HOURS",
    "MONTHS_OF_YEAR",
    "days_of",
    "hours_of",
    "minute_of",
    "months_of",
]

CLOCK, DAYS = "a clock time like 06:30", "days like mon-fri, sat sun or hol"
MONTHS_OF_YEAR = "months like jun-sep or dec jan"
HOURS = "hours like 20:00-07:00 mon-fri;00:00-24:00 sat sun dec-feb"
"""What messages say is expected."""

_MONTHS = tuple(month[:3].lower() for month in MONTHS)


def minute_of(text: str) -> int:
    """Return a clock time as minutes after midnight."""
    match = re.fullmatch(r"(\d\d?):(\d\d)", text)
    if not match or int(match[2]) > 59 or int(match[1]) * 60 + int(match[2]) > 24 * 60:
        raise ValueError(text)
    return int(match[1]) * 60 + int(match[2])


def days_of(text: str) -> frozenset[int]:
    """Return the days that words like ``mon-fri sun hol`` mean; nothing means every day."""
    return _ranges(text, DAY_TYPES[:7], {"hol": 7}) or EVERY_DAY


def months_of(text: str) -> frozenset[int]:
    """Return the months that words like ``oct-mar jul`` mean, January is 1; nothing means all."""
    return frozenset(month + 1 for month in _ranges(text, _MONTHS, {})) or EVERY_MONTH


def hours_of(text: str) -> tuple[CalendarHours, ...]:
    """Return hours like ``20:00-07:00 mon-fri nov-mar;00:00-24:00 sat sun``."""
    found = []
    for part in text.split(";"):
        clock, *words = part.lower().split()
        start, end = clock.split("-")
        days = [word for word in words if word[:3] in DAY_TYPES]
        months = [word for word in words if word not in days]
        found.append(
            CalendarHours(
                start_minute=minute_of(start),
                end_minute=minute_of(end),
                days=days_of(" ".join(days)),
                months=months_of(" ".join(months)),
            )
        )
    return tuple(found)


def _ranges(text: str, names: tuple[str, ...], also: dict[str, int]) -> frozenset[int]:
    """Return the numbers of names, and of all between two of them, around the end if need be."""
    found: set[int] = set()
    for word in text.lower().split():
        if word in also:
            found.add(also[word])
            continue
        first, _, last = word.partition("-")
        low, high = names.index(first), names.index(last or first)
        found.update(k % len(names) for k in range(low, high + 1 + len(names) * (low > high)))
    return frozenset(found)
