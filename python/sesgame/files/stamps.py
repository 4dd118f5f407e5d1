"""Times as portals write them, in ISO 8601: found out where they cannot be misread."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from sesgame.errors import GameError

__all__ = ["MARKS_END", "IsoTimes", "clock_minutes", "clock_text", "iso_times", "looks_like_time"]

_CLOCK = (
    r"(?P<hour>\d{1,2})[:.h](?P<minute>\d\d)(?:[:.](?P<second>\d\d)(?:[.,]0+)?)?"
    r"\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
)
_UNTIL = r"(?P<until>\s*(?:-|\N{EN DASH}|to|bis|a)\s*\d{1,2}[:.]\d\d(?:[:.]\d\d)?)?"
_WEST = re.compile(r"-(0\d|1[0-2]):([0-5]\d)")
"""Offsets west of Greenwich, as which the end of a step may be written, too."""

_OFFSET = r"\s*(?P<offset>Z|[+-]\d\d(?::?\d\d)?)?"
_AFTER_DAY = rf",?(?:[T\s]\s*{_CLOCK}{_UNTIL}{_OFFSET})?"
_DAYS = (
    rf"(?P<year>\d{{4}})(?P<sign>[-/.])(?P<month>\d\d)(?P=sign)(?P<day>\d\d){_AFTER_DAY}",
    rf"(?P<one>\d{{1,2}})(?P<sign>[./-])(?P<other>\d{{1,2}})(?P=sign)(?P<year>\d{{4}}|\d\d){_AFTER_DAY}",
    rf"(?P<day>\d{{1,2}})[ -](?P<name>[A-Za-z]{{3}})[a-z]*\.?[ -](?P<year>\d{{4}}){_AFTER_DAY}",
    r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)[:T]?(?P<hour>\d\d)(?P<minute>\d\d)(?P<second>\d\d)?",
)
_TIMES = [re.compile(pattern) for pattern in _DAYS]
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_ONLY_CLOCK = re.compile(rf"{_CLOCK}{_UNTIL}")
DAY = 86400
"""Seconds."""

_PLAIN = re.compile(
    r"\d{4}-\d\d-\d\d(?:[T ](?:[01]\d|2[0-3]):\d\d(?::\d\d)?\s*(?:Z|[+-]\d\d(?::?\d\d)?)?)?"
)


MARKS_END = re.compile(r"\d[T ]\s*24[:.]00")
"""What a time has that only the end of a step can have."""


class IsoTimes(NamedTuple):
    """Times in ISO 8601, and how they were read.

    Attributes
    ----------
    times : tuple of str
        In the order of the cells.
    assumed : list of str
        What was assumed, in words.
    """

    times: tuple[str, ...]
    assumed: list[str]


class _Part(NamedTuple):
    """A cell taken apart: day and month or, where there is a sign between them, maybe not so."""

    year: int
    one: int
    other: int
    sign: str
    seconds: int | None
    offset: str
    until: str


def looks_like_time(cell: str) -> bool:
    """Return whether a cell begins with a day.

    Examples
    --------
    >>> looks_like_time("31.12.2024 23:45"), looks_like_time("23:45"), looks_like_time("20241231")
    (True, False, False)
    """
    text = cell.strip()
    return not text.isdigit() and _taken_apart(text) is not None


def clock_minutes(cells: Sequence[str]) -> tuple[list[int], list[str]] | None:
    """Return times of day as minutes after midnight, and how they were read.

    Whole numbers are hours: from 0 to 23 they begin then, from 1 to 24 they end then. None where a
    cell is no time of day, or nothing tells.

    Examples
    --------
    >>> clock_minutes(["00:15", "24:00"]), clock_minutes(["1:15 PM"])
    (([15, 1440], []), ([795], ['a clock of twelve hours']))
    >>> clock_minutes(["1", "24"])
    ([60, 1440], ['hours from 1 to 24, each the one that ends then'])
    """
    texts = [cell.strip() for cell in cells]
    if texts and all(text.isdigit() for text in texts):
        hours = [int(text) for text in texts]
        lowest, highest = min(hours), max(hours)
        if (lowest, highest) not in ((0, 23), (1, 24)):
            return None
        does = "begins" if lowest == 0 else "ends"
        words = f"hours from {lowest} to {highest}, each the one that {does} then"
        return [60 * hour for hour in hours], [words]
    found: list[int] = []
    for text in texts:
        match = _ONLY_CLOCK.fullmatch(text)
        seconds = _seconds_of(match.groupdict("")) if match else None
        if seconds is None:
            return None
        found.append(seconds // 60)
    return found, _halves(texts)


def clock_text(minute: int) -> str:
    """Return a time of day from minutes after midnight.

    Examples
    --------
    >>> clock_text(75)
    '01:15'
    """
    return f"{minute // 60:02}:{minute % 60:02}"


def iso_times(cells: Sequence[str]) -> IsoTimes | None:
    """Return times like ``31.12.2024 23:45`` in ISO 8601; None where a cell is no time.

    Raises
    ------
    GameError
        They may be read in two ways: nothing tells which is the day and which the month.

    Examples
    --------
    >>> found = iso_times(["31.12.2024 23:45", "31.12.2024 24:00"])
    >>> found.times, found.assumed
    (('2024-12-31T23:45', '2025-01-01T00:00'), ['the day before the month'])
    """
    texts = [cell.strip() for cell in cells]
    if all(_PLAIN.fullmatch(text) for text in texts):
        return IsoTimes(tuple(texts), [])
    parts = [_taken_apart(text) for text in texts]
    known = [part for part in parts if part]
    if len(known) < len(texts) or len({part.sign for part in known}) > 1:
        return None
    assumed: list[str] = []
    day_first = True
    try:
        if _is_west(known, texts):
            known = [part._replace(offset=part.offset or part.until) for part in known]
        if known[0].sign:
            day_first, why = _day_first(known, texts)
            words = "the day before the month" if day_first else "the month before the day"
            assumed.append(words + why)
        times = tuple(_iso(part, day_first) for part in known)
    except GameError:
        raise
    except ValueError:  # there is no such day
        return None
    return IsoTimes(times, assumed + _halves(texts))


def _taken_apart(text: str) -> _Part | None:
    """Return what a cell says, or None where it is no time."""
    match = next((found for one in _TIMES if (found := one.fullmatch(text))), None)
    if match is None:
        return None
    groups = {name: cell or "" for name, cell in match.groupdict().items()}
    seconds = None
    if groups.get("hour"):
        seconds = _seconds_of(groups)
        if seconds is None:
            return None
    year = int(groups["year"]) + (2000 if len(groups["year"]) == 2 else 0)
    offset, until = groups.get("offset", ""), groups.get("until", "")
    if "one" in groups:
        one, other = int(groups["one"]), int(groups["other"])
        return _Part(year, one, other, groups["sign"], seconds, offset, until)
    name = groups.get("name", "").lower()
    if name and name not in _MONTHS:
        return None
    month = _MONTHS.index(name) + 1 if name else int(groups["month"])
    return _Part(year, int(groups["day"]), month, "", seconds, offset, until)


def _seconds_of(clock: dict[str, str]) -> int | None:
    """Return seconds after midnight; None where there is no such time."""
    hour, minute = int(clock["hour"]), int(clock["minute"])
    second = int(clock.get("second") or 0)
    half = clock.get("half", "").lower().replace(".", "")
    if half:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if half == "pm" else 0)
    seconds = 3600 * hour + 60 * minute + second
    return seconds if minute < 60 and second < 60 and seconds <= DAY else None


def _halves(texts: Sequence[str]) -> list[str]:
    return ["a clock of twelve hours"] if re.search(r"[AaPp]\.?[Mm]", texts[0]) else []


def _is_west(parts: list[_Part], texts: Sequence[str]) -> bool:
    """Return whether what looks like the ends of steps are offsets, as ``-05:00`` may be either.

    Ends are equally far from their beginnings; an offset stays, or changes to another and back.

    Raises
    ------
    GameError
        Nothing tells.
    """
    found = [(part.seconds or 0, match) for part in parts if (match := _WEST.fullmatch(part.until))]
    if not found or not all(part.offset or _WEST.fullmatch(part.until) for part in parts):
        return False
    if len(found) < len(parts) or all("T" in text for text in texts):
        return True
    begins = {seconds for seconds, _ in found}
    lengths = {
        (3600 * int(match[1]) + 60 * int(match[2]) - seconds) % DAY for seconds, match in found
    }
    if len(begins) == 1:
        raise GameError(
            f'nothing tells whether the end of "{texts[0]}" is an offset from UTC or when the step '
            f"ends; write times like 2024-12-31T23:45-05:00, or without the end"
        )
    n_ends = len({match[0] for _, match in found})
    return (len(lengths) > 1 or lengths == {0}) and n_ends <= 2 and n_ends < len(begins)


def _day_first(parts: list[_Part], texts: Sequence[str]) -> tuple[bool, str]:
    """Return whether the day stands before the month, and how that is known.

    Raises
    ------
    GameError
        Nothing tells.
    """
    if all(part.sign == "." for part in parts):
        return True, ""  # nobody writes the month first with points
    one, other = max(part.one for part in parts), max(part.other for part in parts)
    if (one > 12) != (other > 12):
        return one > 12, ""
    even = [day_first for day_first in (True, False) if _is_even(parts, day_first)]
    if len(even) == 1:
        return even[0], ", as only so the steps are even"
    row = next((row for row, part in enumerate(parts) if part.one != part.other), 0)
    readings = " or ".join(_iso(parts[row], flag)[:10] for flag in (True, False))
    raise GameError(
        f'"{texts[row]}" may be {readings}, and no row tells whether the day or the month stands '
        f"first; write times like 2024-12-31T23:45"
    )


def _is_even(parts: list[_Part], day_first: bool) -> bool:
    """Return whether times follow each other in even steps, or months, if the day is first, or not.

    So that readings of months are not taken for those of days.
    """
    try:
        times = [_moment(part, day_first) for part in parts]
    except ValueError:
        return False
    months = [12 * time.year + time.month for time in times]
    if len({time.replace(year=1970, month=1) for time in times}) == 1:
        return len({later - earlier for earlier, later in pairwise(months)}) == 1
    return len({later - earlier for earlier, later in pairwise(times)}) == 1


def _iso(part: _Part, day_first: bool) -> str:
    """Return a time in ISO 8601."""
    moment = _moment(part, day_first)
    if part.seconds is None:
        return moment.date().isoformat()
    return moment.isoformat(timespec="seconds" if part.seconds % 60 else "minutes") + part.offset


def _moment(part: _Part, day_first: bool) -> datetime.datetime:
    """Return when that is; 24:00 is the beginning of the next day."""
    day, month = part.one, part.other
    if part.sign and not day_first:
        day, month = month, day
    day_begins = datetime.datetime(part.year, month, day)
    return day_begins + datetime.timedelta(seconds=part.seconds or 0)
