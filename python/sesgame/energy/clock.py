"""Clocks: what a wall clock in some zone shows at an instant, and which instant a stamp means."""

from __future__ import annotations

import datetime
import difflib
import re
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from sesgame.errors import GameError
from sesgame.game.by_value import InOrder
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Calendar", "as_date", "instant_of", "instants_of", "is_fixed", "offsets", "wall_times"]

_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)?")
_DAY = np.timedelta64(86_400, "s")


@checked_fields
@dataclass(frozen=True)
class Calendar(InOrder):
    """The clock and the calendar by which prices, months and periods are meant.

    Parameters
    ----------
    zone : str, optional
        A name of the IANA time zone database, such as ``"Europe/Madrid"``, or a fixed offset such
        as ``"+01:00"``. By default the clock of the meters, which never changes: no daylight
        saving, and nobody knows where it is.
    holidays : iterable of date or ISO 8601 text, optional
        The days on which prices for holidays hold. By default no list is given, which is not the
        same as an empty one: a tariff with prices for holidays is then refused.

    Raises
    ------
    GameError
        There is no such zone, or a holiday is no date.

    Examples
    --------
    >>> Calendar("Europe/Madrid", ["2024-08-15"]).zone
    'Europe/Madrid'
    """

    zone: str | None = None
    holidays: frozenset[datetime.date] | None = None

    def __init__(
        self,
        zone: str | None = None,
        holidays: Iterable[datetime.date | str | np.datetime64] | None = None,
    ) -> None:
        if zone is not None:
            zone = str(zone)
            _time_zone(zone)
        object.__setattr__(self, "zone", zone)
        dates = None if holidays is None else frozenset(as_date(day) for day in holidays)
        object.__setattr__(self, "holidays", dates)

    def wall_times(self, instants: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
        """Return what the clock shows at instants; without a zone, they are what it shows."""
        return instants if self.zone is None else wall_times(instants, self.zone)

    def is_holiday(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Return which days are in the list of holidays."""
        dates = np.array(sorted(self.holidays or ()), dtype="datetime64[D]")
        return np.isin(days.astype("datetime64[D]"), dates)


def is_fixed(zone: str) -> bool:
    """Return whether a zone never changes its offset by law or name: UTC, or an offset."""
    return zone.upper() in ("UTC", "GMT", "Z", "ETC/UTC") or _OFFSET.fullmatch(zone) is not None


class Offsets(NamedTuple):
    """The offsets of a zone from UTC, one after the other.

    Attributes
    ----------
    since : array of datetime64, shape (k,)
        From which instant each holds; the first from before all that was asked for.
    offset : array of timedelta64, shape (k,)
        What is added to UTC.
    """

    since: NDArray[np.datetime64]
    offset: NDArray[np.timedelta64]


def offsets(zone: str, first: np.datetime64, last: np.datetime64) -> Offsets:
    """Return the offsets that a zone has from an instant to another.

    Raises
    ------
    GameError
        There is no such zone.
    """
    # A day more on either side, since a stamp of a wall clock may be most of a day from UTC.
    low, high = first.astype("datetime64[D]") - 2, last.astype("datetime64[D]") + 3
    return _offsets(zone, int(low.astype(np.int64)), int(high.astype(np.int64)))


@lru_cache(maxsize=64)
def _offsets(zone: str, first_day: int, last_day: int) -> Offsets:
    zone_info = _time_zone(zone)

    def offset_at(second: int) -> int:
        instant = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
        offset = instant.astimezone(zone_info).utcoffset()
        return 0 if offset is None else round(offset.total_seconds())

    since, found = [first_day * 86_400], [offset_at(first_day * 86_400)]
    for day in range(first_day, last_day):
        low, high = day * 86_400, (day + 1) * 86_400
        after = offset_at(high)
        # No law has ever changed a clock twice in a day, so that bisection finds the one change.
        if after != found[-1]:
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if offset_at(middle) == found[-1] else (low, middle)
            since.append(high)
            found.append(after)
    result = Offsets(
        np.array(since, dtype="datetime64[s]"), np.array(found, dtype="timedelta64[s]")
    )
    for array in result:
        array.setflags(write=False)
    return result


def wall_times(instants: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Return what the clocks of a zone show at instants of UTC."""
    if instants.size == 0:
        return instants
    since, offset = offsets(zone, instants.min(), instants.max())
    return instants + offset[np.searchsorted(since, instants, side="right") - 1]


def instants_of(walls: NDArray[np.datetime64], zone: str) -> NDArray[np.datetime64]:
    """Return the instants of UTC that stamps of a wall clock mean, which come in order.

    An hour that is there twice is told apart by that order: where its stamps begin anew, the
    clock has been put back. Where they do not, and nothing comes before them, what comes after
    says which of the two it is.

    Parameters
    ----------
    walls : array of datetime64, shape (T,)
    zone : str

    Raises
    ------
    GameError
        There is no such zone, a stamp does not exist, or a repeated hour has no order.
    """
    pieces, segment = _segments(walls, zone)
    for later in range(1, len(pieces.offset)):
        twice = np.flatnonzero((segment == later) & (walls < pieces.ends[later - 1]))
        if twice.size:
            segment[twice[: _first_pass(walls, twice, zone)]] = later - 1
    return walls - pieces.offset[segment]


def instant_of(wall: np.datetime64, zone: str) -> np.datetime64:
    """Return the instant of UTC at which a wall clock shows a time, the first if it does twice.

    Raises
    ------
    GameError
        There is no such zone, or it never shows that time.
    """
    pieces, (segment,) = _segments(np.array([wall]), zone)
    first = segment - 1 if segment and wall < pieces.ends[segment - 1] else segment
    instant: np.datetime64 = wall - pieces.offset[first]
    return instant


class _Pieces(NamedTuple):
    """What a wall clock shows between changes of its offset."""

    ends: NDArray[np.datetime64]
    offset: NDArray[np.timedelta64]


def _segments(walls: NDArray[np.datetime64], zone: str) -> tuple[_Pieces, NDArray[np.intp]]:
    """Return the pieces of a zone, and the last in which each time of a wall clock is shown."""
    since, offset = offsets(zone, walls.min(), walls.max())
    begins = since + offset
    # The last piece goes on beyond all that was asked for.
    until: NDArray[np.datetime64] = np.append(since[1:], walls.max() + 4 * _DAY)
    ends = until + offset
    segment = np.searchsorted(begins, walls, side="right") - 1
    missing = walls >= ends[segment]
    if missing.any():
        k = int(segment[np.argmax(missing)])
        raise GameError(
            f"there is no {_shown(walls[np.argmax(missing)])} in {zone}: the clock goes from "
            f"{_shown(ends[k])} to {_shown(begins[k + 1])}"
        )
    return _Pieces(ends, offset), segment


def _first_pass(walls: NDArray[np.datetime64], twice: NDArray[np.intp], zone: str) -> int:
    """Return how many of the stamps of a repeated hour are of its first pass."""
    stamps = walls[twice]
    anew = np.flatnonzero(np.diff(stamps) <= np.timedelta64(0, "s")) + 1
    if anew.size > 1:
        raise GameError(
            f"{_shown(stamps[anew[1]])} is there twice in {zone}, since the clock is put back, "
            f"but its stamps are not in order: all of the first pass come first, then all of the "
            f"second"
        )
    if anew.size:
        return int(anew[0])
    if twice[0] > 0:
        return len(twice)  # they go on from what is before them
    if twice[-1] + 1 == len(walls):
        raise GameError(
            f"{_shown(stamps[0])} is there twice in {zone}, since the clock is put back, and no "
            f"stamp before or after says which is meant; give stamps with offsets"
        )
    return 0  # what follows without a second pass follows the second pass


def _time_zone(zone: str) -> datetime.tzinfo:
    """Return the rules of a zone.

    Raises
    ------
    GameError
        There is no such zone.
    """
    match = _OFFSET.fullmatch(zone)
    if match:
        minutes = int(match[2]) * 60 + int(match[3] or 0)
        if minutes < 24 * 60:
            sign = -1 if match[1] == "-" else 1
            return datetime.timezone(sign * datetime.timedelta(minutes=minutes))
    elif zone.upper() in ("UTC", "Z"):
        return datetime.timezone.utc
    else:
        try:
            return zoneinfo.ZoneInfo(zone)
        # Beside its own error it passes on what the file system says of a name.
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            pass
    names = sorted(zoneinfo.available_timezones())
    alike = difflib.get_close_matches(zone, names, 1)
    hint = f"; is it {alike[0]}?" if alike else ""
    raise GameError(
        f'"{zone}" is no time zone: give a name of the IANA database such as Europe/Madrid, or an '
        f"offset such as +01:00{hint}"
    )


def as_date(day: datetime.date | str | np.datetime64) -> datetime.date:
    """Return a day of the calendar.

    Raises
    ------
    GameError
        It is none: a month or a year is no day, nor is a time after midnight.
    """
    try:
        given = np.datetime64(cast(datetime.date, day))
        begins = given.astype("datetime64[D]")
    except (TypeError, ValueError) as error:
        raise GameError(f"{day!r} is no date like 2024-08-15") from error
    is_day = begins == given and np.datetime_data(given)[0] not in ("Y", "M", "W")
    if not is_day or (isinstance(day, str) and not day[:1].isdigit()):
        raise GameError(f"{day!r} is no date like 2024-08-15")
    found: datetime.date = begins.item()
    return found


def _shown(wall: np.datetime64) -> str:
    return str(wall.astype("datetime64[s]")).removesuffix(":00")
