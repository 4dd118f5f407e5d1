"""Clock times and days of the week as cells of tables."""

from __future__ import annotations

import re

from sesgame.energy.tariff import WEEKDAYS

__all__ = ["CLOCK", "DAYS", "days_of", "minute_of"]

CLOCK, DAYS = "a clock time like 06:30", "days like mon-fri or sat sun"
"""What messages say is expected."""


def minute_of(text: str) -> int:
    """Return a clock time as minutes after midnight."""
    match = re.fullmatch(r"(\d\d?):(\d\d)", text)
    if not match or int(match[2]) > 59 or int(match[1]) * 60 + int(match[2]) > 24 * 60:
        raise ValueError(text)
    return int(match[1]) * 60 + int(match[2])


def days_of(text: str) -> frozenset[int]:
    """Return the days of the week that words like ``mon-fri sun`` mean; nothing means all."""
    days: set[int] = set()
    for word in (text.lower() or "mon-sun").split():
        first, _, last = word.partition("-")
        low, high = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        # From fri to mon is over the weekend.
        days.update(day % 7 for day in range(low, high + 1 if low <= high else high + 8))
    return frozenset(days)
