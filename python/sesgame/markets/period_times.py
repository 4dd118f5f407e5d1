"""Periods by the time at which they begin, in place of numbers from 0."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sesgame.errors import GameError
from sesgame.formatting import named

__all__ = [
    "PeriodTimes",
    "checked_times",
    "in_zone",
    "is_time",
    "numbered",
    "time_of",
    "time_text",
]

_UNIT = "datetime64[us]"


class PeriodTimes(NamedTuple):
    """Periods that have times.

    Attributes
    ----------
    period : ndarray of int, shape (m,)
        The period of each order.
    times : ndarray of datetime64, shape (T,)
        When each begins; in UTC where a zone was given.
    in_utc : bool
        Whether a zone was given.
    """

    period: NDArray[np.int64]
    times: NDArray[np.datetime64]
    in_utc: bool


def is_time(value: object) -> bool:
    """Return whether a period is given as a time."""
    return isinstance(value, (datetime.datetime, np.datetime64))


def time_of(text: str) -> datetime.datetime:
    """Return a time in ISO 8601, with a zone where it has one.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> time_of("2024-06-01T12:00"), time_of("2024-06-01 12:00Z").tzinfo
    (datetime.datetime(2024, 6, 1, 12, 0), datetime.timezone.utc)
    """
    return datetime.datetime.fromisoformat(text.strip().replace("Z", "+00:00"))


def time_text(time: np.datetime64, in_utc: bool = False) -> str:
    """Return a time as people read it: to the minute where it is one.

    Examples
    --------
    >>> time_text(np.datetime64("2024-06-01T12:00:00.000000"), in_utc=True)
    '2024-06-01T12:00Z'
    """
    units: tuple[Literal["m", "s", "us"], ...] = ("m", "s", "us")
    unit = next(unit for unit in units if time == time.astype(f"datetime64[{unit}]"))
    return str(np.datetime_as_string(time, unit=unit)) + "Z" * in_utc


def in_zone(times: NDArray[np.datetime64] | None, in_utc: bool) -> Any:
    """Return times with the zone that they are in, as :func:`checked_times` takes them."""
    if times is None or not in_utc:
        return times
    utc = datetime.timezone.utc
    return [time.replace(tzinfo=utc) for time in times.tolist()]


def checked_times(times: ArrayLike | None) -> tuple[NDArray[np.datetime64] | None, bool]:
    """Return the start of each period, and whether it is in UTC.

    Raises
    ------
    GameError
        These are no times, or do not rise.
    """
    if times is None:
        return None, False
    if isinstance(times, str) or not isinstance(times, Iterable):
        raise GameError(f"times must be the start of each period, got {named(times)}")
    given = list(times)
    found, in_utc = _in_one_clock(given, lambda k: f"times[{k}]")
    falls = np.flatnonzero(np.diff(found) <= np.timedelta64(0, "us"))
    if falls.size:
        k = int(falls[0])
        raise GameError(
            f"times must rise: times[{k + 1}] is {time_text(found[k + 1])}, after "
            f"{time_text(found[k])}"
        )
    found.setflags(write=False)
    return found, in_utc


def numbered(
    given: Sequence[Any], times: ArrayLike | None, name: Callable[[int], str]
) -> PeriodTimes:
    """Return the number of the period of each order from the time at which it begins.

    Parameters
    ----------
    given : sequence of datetime or datetime64
        The period of each order.
    times : array_like of datetime64, optional
        All periods; by default those that have an order.
    name : callable
        From an order's position to what messages call it.

    Raises
    ------
    GameError
        One is no time, some have a zone and others none, or one is not among `times`.
    """
    found, in_utc = _in_one_clock(given, name)
    starts, all_in_utc = checked_times(times)
    if starts is None:
        starts, period = np.unique(found, return_inverse=True)
        starts.setflags(write=False)
        return PeriodTimes(period.reshape(-1).astype(np.int64), starts, in_utc)
    if all_in_utc != in_utc and len(found):
        raise GameError(
            f"the times of orders {'have' if in_utc else 'lack'} a zone, and those of periods "
            f"{'have' if all_in_utc else 'lack'} one"
        )
    period = np.searchsorted(starts, found)
    inside = np.minimum(period, max(len(starts) - 1, 0))
    absent = np.ones(len(found), np.bool_) if not len(starts) else starts[inside] != found
    if absent.any():
        k = int(np.argmax(absent))
        raise GameError(f"{name(k)}: no period begins at {time_text(found[k], in_utc)}")
    return PeriodTimes(period.astype(np.int64), starts, all_in_utc)


def _in_one_clock(
    given: Sequence[Any], name: Callable[[int], str]
) -> tuple[NDArray[np.datetime64], bool]:
    """Return times in UTC, if they have zones, and whether they have."""
    found = np.empty(len(given), dtype=_UNIT)
    in_utc: bool | None = None
    for k, value in enumerate(given):
        if not is_time(value):
            raise GameError(f"{name(k)}: its period is {named(value)}, where others are times")
        zoned = isinstance(value, datetime.datetime) and value.tzinfo is not None
        if in_utc is not None and zoned != in_utc:
            raise GameError(
                f"{name(k)}: its time {value} {'has' if zoned else 'lacks'} a zone, unlike that "
                f"of the first"
            )
        in_utc = zoned
        if zoned:
            value = value.astimezone(datetime.timezone.utc).replace(tzinfo=None)
        found[k] = np.datetime64(value).astype(_UNIT)
        if np.isnat(found[k]):
            raise GameError(f"{name(k)}: its time is missing (NaT)")
    return found, bool(in_utc)
