"""Steps of equal length that follow each other without a gap: the time axis of a community."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias, cast, get_args

import numpy as np

from sesgame.energy.clock import Calendar, instant_of, instants_of
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["MONTHS", "Moment", "Stamp", "TimeSteps", "check_time", "moment"]

Moment: TypeAlias = str | np.datetime64 | datetime.date
"""A point in time: ISO 8601 text, numpy, date or datetime, on the clock of the steps or with an
offset from UTC."""

Stamp: TypeAlias = Literal["start", "end"]
"""What of a step a stamp marks."""

_FIRST_HALF = ("January", "February", "March", "April", "May", "June")
_SECOND_HALF = ("July", "August", "September", "October", "November", "December")
MONTHS = _FIRST_HALF + _SECOND_HALF

_MOMENT = re.compile(r"(\d{4}-\d\d(?:-\d\d(?:[T ]\d\d(?::\d\d(?::\d\d)?)?)?)?)")
_ZONED = re.compile(_MOMENT.pattern + r"\s*(Z|[+-]\d\d(?::?\d\d)?)")


_BACKWARDS = "the times run backwards, newest first; sort them by time"


class _Given(NamedTuple):
    """A time as it was given.

    Attributes
    ----------
    time : datetime64
        In UTC where the offset is known, else on some clock.
    offset : timedelta64 or None
        From UTC, where one was given.
    """

    time: np.datetime64
    offset: np.timedelta64 | None


def moment(value: Moment) -> np.datetime64:
    """Return a point in time without a zone, to the second.

    Raises
    ------
    GameError
        It is not a time, or carries a time zone.

    Examples
    --------
    >>> print(moment("2016-06-01 12:15"))
    2016-06-01T12:15:00
    """
    time, offset = _given(value)
    if offset is not None:
        raise GameError(
            f"{_text(value)} carries a time zone, but the steps have none: say on which clock they "
            f"are (meters_zone, or zone of TimeSteps.from_times)"
        )
    return time


def _given(value: Moment) -> _Given:
    """Return a time, and its offset from UTC where there is one.

    Raises
    ------
    GameError
        It is not a time.
    """
    offset = None
    if isinstance(value, str):
        text = value.strip()
        match = _MOMENT.fullmatch(text) or _ZONED.fullmatch(text)
        if not match:
            raise GameError(f'"{text}" is not a time like 2016-06-01T12:15')
        if len(match.groups()) == 2:
            offset = _offset(match[2])
        plain: str | np.datetime64 | datetime.date = match[1]
    elif isinstance(value, (np.datetime64, datetime.date)):
        plain = value
        if isinstance(value, datetime.datetime) and value.tzinfo is not None:
            offset = np.timedelta64(cast(datetime.timedelta, value.utcoffset())).astype("m8[s]")
            plain = value.replace(tzinfo=None)
    else:
        raise GameError(f"{value!r} is not a time")
    try:
        time = np.datetime64(cast(datetime.date, plain), "s")
    except ValueError as error:
        raise GameError(f'"{value}" is not a time that exists') from error
    if np.isnat(time):
        raise GameError(f"{value!r} is not a time")
    return _Given(time if offset is None else time - offset, offset)


def _all_given(
    times: list[Moment],
) -> tuple[NDArray[np.datetime64], set[np.timedelta64 | None]]:
    """Return times as :func:`_given` does each, and which offsets they have."""
    if all(isinstance(time, str) and _MOMENT.fullmatch(time) for time in times):
        try:
            # All at once, as a year of quarter-hours wants it.
            return np.array(times, dtype="datetime64[s]"), {None}
        except ValueError:
            pass  # one of them does not exist, which is found below
    given = [_given(time) for time in times]
    return np.array([time for time, _ in given]), {offset for _, offset in given}


def check_time(text: str) -> None:
    """Refuse a text that is not a time, with an offset or without.

    Raises
    ------
    GameError
        It is not.
    """
    _given(text)


def _offset(text: str) -> np.timedelta64:
    """Return the offset that ``Z`` or ``+01:00`` is."""
    if text == "Z":
        return np.timedelta64(0, "s")
    digits = text[1:].replace(":", "").ljust(4, "0")
    seconds = int(digits[:2]) * 3600 + int(digits[2:]) * 60
    return np.timedelta64(-seconds if text[0] == "-" else seconds, "s")


def _text(value: Moment) -> str:
    return f'"{value.strip()}"' if isinstance(value, str) else str(value)


def show(time: np.datetime64) -> str:
    """Return a time as messages show it: to the minute where that is all there is."""
    text = str(time.astype("datetime64[s]"))
    return text.removesuffix(":00")


@checked_fields
@dataclass(frozen=True)
class TimeSteps:
    """A number of steps of equal length.

    Parameters
    ----------
    start : datetime64
        When the first step starts: in UTC where the calendar has a zone, else on the clock of the
        meters.
    step : timedelta64
        The length of each step, a whole number of seconds.
    n_steps : int
        How many there are.
    calendar : Calendar, optional
        On which clock prices, months and periods are meant; by default that of the meters.

    Notes
    -----
    All steps are equally long, also where clocks are changed: a day in spring has 23 hours then,
    and one in autumn 25.

    Examples
    --------
    >>> steps = TimeSteps.from_times(["2016-06-01T00:00", "2016-06-01T00:15"])
    >>> steps.step_hours, str(steps.end)
    (0.25, '2016-06-01T00:30:00')
    >>> spring = TimeSteps.from_times(
    ...     ["2024-03-31T01:00", "2024-03-31T03:00"], zone="Europe/Madrid"
    ... )
    >>> spring.step_hours, spring.time(1), str(spring.start)
    (1.0, '2024-03-31T03:00+02:00', '2024-03-31T00:00:00')
    """

    start: np.datetime64
    step: np.timedelta64
    n_steps: int
    calendar: Calendar = field(default_factory=Calendar)

    def __post_init__(self) -> None:
        object.__setattr__(self, "start", moment(self.start))
        step = np.timedelta64(self.step).astype("timedelta64[s]")
        object.__setattr__(self, "step", step)
        if step <= np.timedelta64(0, "s") or step != self.step:
            raise GameError(f"step must be a positive number of seconds, got {self.step}")
        if self.n_steps < 1:
            raise GameError(f"n_steps must be at least 1, got {self.n_steps}")

    @property
    def in_words(self) -> str:
        """How many steps there are, and how long they are."""
        minutes = self.step_hours * 60
        length = "1 minute" if minutes == 1 else f"{minutes:g} minutes"
        return f"{count(self.n_steps, 'step')} of {length}"

    @property
    def in_calendar(self) -> str:
        """The period as people write it: whole days by their first and last, others by the clock.

        Examples
        --------
        >>> quarter = np.timedelta64(15, "m")
        >>> TimeSteps(np.datetime64("2016-06-01"), quarter, 96 * 30).in_calendar
        '1 June 2016 to 30 June 2016'
        >>> TimeSteps(np.datetime64("2016-06-01"), quarter, 96).in_calendar
        '1 June 2016'
        >>> TimeSteps(np.datetime64("2016-06-01T10:00"), quarter, 4).in_calendar
        '1 June 2016 10:00 to 1 June 2016 11:00'
        """
        ends = tuple(self.calendar.wall_times(np.array([self.start, self.end])))
        days = [time.astype("datetime64[D]") for time in ends]
        if all(time == day for time, day in zip(ends, days, strict=True)):
            first, last = _day(days[0]), _day(days[1] - 1)
            return first if first == last else f"{first} to {last}"
        return " to ".join(
            f"{_day(day)} {str(time.astype('datetime64[m]'))[11:]}"
            for time, day in zip(ends, days, strict=True)
        )

    @classmethod
    def from_times(
        cls,
        times: ArrayLike,
        *,
        zone: str | None = None,
        tariff_zone: str | None = None,
        holidays: Iterable[datetime.date | str] | None = None,
        stamp: Stamp = "start",
    ) -> TimeSteps:
        """Return the steps whose stamps are given.

        Parameters
        ----------
        times : array_like of datetime64, datetime or ISO 8601 text, shape (T,), T >= 2
            The stamp of each step, in order and evenly spaced: on the clock of `zone`, or with
            offsets from UTC.
        zone : str, optional
            Where the clock of the stamps is, such as ``"Europe/Madrid"`` or ``"UTC"``. A repeated
            hour is told apart by its order. By default a clock that never changes, or the one that
            the offsets of the stamps name.
        tariff_zone : str, optional
            Where the clock is by which prices and months are meant; by default `zone`.
        holidays : iterable of date, optional
            As in :class:`Calendar`.
        stamp : {"start", "end"}, default "start"
            Which end of a step its stamp marks.

        Raises
        ------
        GameError
            A time is missing, duplicate, out of order, or does not exist in the zone; the message
            names it. There is a tariff zone, but nobody knows where the clock of the stamps is.
        """
        if stamp not in get_args(Stamp):
            raise GameError(f'stamp must be "start" or "end", got {stamp!r}')
        array = np.asarray(times)
        if array.ndim != 1 or len(array) < 2:
            raise GameError(
                f"the times have shape {array.shape}; at least two, one after the other, are needed"
            )
        offsets: set[np.timedelta64 | None] = {None}
        if array.dtype.kind != "M":
            array, offsets = _all_given(array.tolist())
        elif np.isnat(array).any():
            raise GameError(f"the time of row {int(np.argmax(np.isnat(array)))} is missing")
        seconds = array.astype("datetime64[s]")
        if (seconds != array).any():
            raise GameError(f"{array[np.argmax(seconds != array)]} is not a whole second")
        if None in offsets and len(offsets) > 1:
            texts = [str(time) for time in np.asarray(times).tolist()]
            without, with_one = (
                next(text for text in texts if bool(_ZONED.fullmatch(text.strip())) == has)
                for has in (False, True)
            )
            raise GameError(
                f"{with_one} carries an offset from UTC, and {without} does not: give all with one"
            )
        if None not in offsets:
            zone = zone or tariff_zone or _zone_of(cast("set[np.timedelta64]", offsets))
        if zone is None and tariff_zone is not None:
            raise GameError(
                f"the tariff is on the clock of {tariff_zone}, but nobody knows on which clock the "
                f'times are: say meters_zone (zone of TimeSteps.from_times), such as "UTC"'
            )
        calendar = Calendar(tariff_zone or zone, holidays)
        if zone is not None and None in offsets:
            Calendar(zone)
            if (np.diff(seconds) < np.timedelta64(0, "s")).all():
                raise GameError(_BACKWARDS)
            seconds = instants_of(seconds, zone)
        gaps = np.diff(seconds)
        # The length that most of them have is the one that was meant.
        step = np.sort(gaps)[(len(gaps) - 1) // 2]
        if (gaps != step).any() or step <= np.timedelta64(0, "s"):
            raise GameError(_irregular(seconds, step, calendar))
        first = seconds[0] - step if stamp == "end" else seconds[0]
        return cls(first, step, len(seconds), calendar)

    @property
    def instants(self) -> NDArray[np.datetime64]:
        """When each step starts, in UTC where the calendar has a zone, shape (T,)."""
        return self.start + self.step * np.arange(self.n_steps)

    @property
    def times(self) -> NDArray[np.datetime64]:
        """What the clock of the calendar shows when each step starts, shape (T,)."""
        return self.calendar.wall_times(self.instants)

    @property
    def end(self) -> np.datetime64:
        """When the last step ends, on the clock of `start`."""
        return self.start + self.step * self.n_steps

    @property
    def step_hours(self) -> float:
        """The length of a step in hours."""
        return float(self.step / np.timedelta64(1, "h"))

    def time(self, index: int) -> str:
        """Return when a step starts, as messages show it: with its offset where a zone is known."""
        return _clock_text(self.start + self.step * index, self.calendar)

    @property
    def ends_in_iso(self) -> tuple[str, str]:
        """When the first step starts and the last ends, as :meth:`period` takes them."""
        ends = (self.start, self.end)
        zone = self.calendar.zone
        first, last = (str(end) if zone is None else self._show(end) for end in ends)
        return first, last

    def instant(self, value: Moment) -> np.datetime64:
        """Return when a moment on the clock of the calendar is, on that of `start`.

        A moment of a repeated hour is the first; one with an offset says itself which.

        Raises
        ------
        GameError
            It is not a time, does not exist in the zone, or carries an offset while there is none.
        """
        zone = self.calendar.zone
        if zone is None:
            return moment(value)
        time, offset = _given(value)
        return instant_of(time, zone) if offset is None else time

    def period(self, start: Moment | None, end: Moment | None) -> slice:
        """Return the indices of the steps that start in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty, or reaches beyond the steps.
        """
        first = self.start if start is None else self.instant(start)
        last = self.end if end is None else self.instant(end)
        asked = f"the period from {self._show(first)} to {self._show(last)}"
        covered = f"the data cover {self._show(self.start)} to {self._show(self.end)}"
        if first >= last:
            raise GameError(f"{asked} is empty (the end itself is not in it); {covered}")
        if first < self.start or last > self.end:
            raise GameError(f"{asked} reaches beyond the data; {covered}")
        # Rounding up: a step belongs to the period in which it starts.
        low = -((self.start - first) // self.step)
        high = -((self.start - last) // self.step)
        if low >= high:
            raise GameError(
                f"no step starts from {self._show(first)} to {self._show(last)}; {covered}"
            )
        return slice(int(low), int(high))

    def part(self, period: slice) -> TimeSteps:
        """Return the steps of a period, as :meth:`period` gives it."""
        start = self.start + self.step * period.start
        return replace(self, start=start, n_steps=period.stop - period.start)

    @property
    def months(self) -> NDArray[np.datetime64]:
        """The calendar month of each step, shape (T,).

        Raises
        ------
        GameError
            A step is in two of them.
        """
        begin = self.times
        months = begin.astype("datetime64[M]")
        last = self.calendar.wall_times(self.instants + (self.step - np.timedelta64(1, "s")))
        torn = last.astype("datetime64[M]") != months
        if torn.any():
            raise GameError(
                f"the step from {self.time(int(np.argmax(torn)))} is in two months"
                f"{self.clock_in_words}; steps that begin with a month are needed"
            )
        return months

    @property
    def clock_in_words(self) -> str:
        """On which clock that is, to end a sentence with."""
        zone = self.calendar.zone
        return " on the clock of the meters" if zone is None else f" on the clock of {zone}"

    def _show(self, time: np.datetime64) -> str:
        return _clock_text(time, self.calendar)


def _day(day: np.datetime64) -> str:
    """Return a date as people write it."""
    year, month, number_of_day = str(day).rsplit("-", 2)
    return f"{int(number_of_day)} {MONTHS[int(month) - 1]} {year}"


def _clock_text(time: np.datetime64, calendar: Calendar) -> str:
    """Return a time on the clock of a calendar, with its offset where a zone is known."""
    if calendar.zone is None:
        return show(time)
    wall = calendar.wall_times(np.array([time]))[0]
    minutes = int((wall - time) / np.timedelta64(1, "m"))
    sign = "-" if minutes < 0 else "+"
    return f"{show(wall)}{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


def _zone_of(offsets: set[np.timedelta64]) -> str:
    """Return the zone that stamps name which all have one offset.

    Raises
    ------
    GameError
        They have several.
    """
    minutes = sorted(int(offset / np.timedelta64(1, "m")) for offset in offsets)
    names = [
        f"{'-' if number < 0 else '+'}{abs(number) // 60:02}:{abs(number) % 60:02}"
        for number in minutes
    ]
    if len(names) > 1:
        raise GameError(
            f"the times have the offsets {' and '.join(names)}, as clocks with daylight saving: "
            f"say in which zone the tariff is (tariff_zone), such as Europe/Madrid"
        )
    return "UTC" if names[0] == "+00:00" else names[0]


def _irregular(times: NDArray[np.datetime64], step: np.timedelta64, calendar: Calendar) -> str:
    """Return what is wrong where two neighbouring times are not a step apart."""
    gaps, nothing = np.diff(times), np.timedelta64(0, "s")
    if (gaps < nothing).all():
        return _BACKWARDS
    wrong = gaps <= nothing
    row = int(np.argmax(wrong if wrong.any() else gaps != step))
    gap = gaps[row]
    before, after = (_clock_text(times[k], calendar) for k in (row, row + 1))
    if gap == nothing:
        fault = f"duplicate time {after}"
    elif gap < nothing:
        fault = f"the time {after} comes after {before}: times must be in order"
    elif gap > step > nothing and gap % step == nothing:
        fault = f"after {before} the next time is {after}: steps are missing"
    else:
        fault = f"after {before} the next time is {after}: the steps are irregular"
    hint = (
        ". If the clock changed to or from daylight saving there, say in which zone it is, such as "
        'meters_zone="Europe/Madrid"'
        if calendar.zone is None
        else ""
    )
    usual = (
        f" (most steps take {step / np.timedelta64(1, 'm'):g} minutes)" if step > nothing else ""
    )
    return f"{fault}{usual}{hint}"
