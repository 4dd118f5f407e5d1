"""Steps of equal length that follow each other without a gap: the time axis of a community."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, cast

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import count

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["MONTHS", "Moment", "TimeSteps", "moment"]

Moment: TypeAlias = str | np.datetime64 | datetime.date
"""A point in time without a time zone: ISO 8601 text, numpy, date or datetime."""

_FIRST_HALF = ("January", "February", "March", "April", "May", "June")
_SECOND_HALF = ("July", "August", "September", "October", "November", "December")
MONTHS = _FIRST_HALF + _SECOND_HALF

_MOMENT = re.compile(r"\d{4}-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d)?)?)?)?")
_ZONED = re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+\s*(Z|[+-]\d\d(:?\d\d)?)")


def moment(value: Moment) -> np.datetime64:
    """Return a point in time, to the second.

    Raises
    ------
    GameError
        It is not a time, or carries a time zone.

    Examples
    --------
    >>> print(moment("2016-06-01 12:15"))
    2016-06-01T12:15:00
    """
    text = value.strip() if isinstance(value, str) else None
    if text is not None and not _MOMENT.fullmatch(text):
        if _ZONED.fullmatch(text):
            raise GameError(
                f'"{text}" carries a time zone; give all times in one clock that never changes '
                f"(UTC, or local time without daylight saving), without a zone"
            )
        raise GameError(f'"{text}" is not a time like 2016-06-01T12:15')
    if not isinstance(value, (str, np.datetime64, datetime.date)):
        raise GameError(f"{value!r} is not a time")
    if isinstance(value, datetime.datetime) and value.tzinfo is not None:
        raise GameError(f"{value} carries a time zone; give times without one")
    try:
        result = np.datetime64(text or cast(datetime.date, value), "s")
    except ValueError as error:
        raise GameError(f'"{value}" is not a time that exists') from error
    if np.isnat(result):
        raise GameError(f"{value!r} is not a time")
    return result


def show(time: np.datetime64) -> str:
    """Return a time as messages show it: to the minute where that is all there is."""
    text = str(time.astype("datetime64[s]"))
    return text.removesuffix(":00")


@dataclass(frozen=True)
class TimeSteps:
    """A number of steps of equal length.

    Parameters
    ----------
    start : datetime64
        When the first step starts.
    step : timedelta64
        The length of each step, a whole number of seconds.
    n_steps : int
        How many there are.

    Examples
    --------
    >>> steps = TimeSteps.from_times(["2016-06-01T00:00", "2016-06-01T00:15"])
    >>> steps.step_hours, str(steps.end)
    (0.25, '2016-06-01T00:30:00')
    """

    start: np.datetime64
    step: np.timedelta64
    n_steps: int

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
        ends = (self.start, self.end)
        days = [time.astype("datetime64[D]") for time in ends]
        if all(time == day for time, day in zip(ends, days, strict=True)):
            first, last = _day(days[0]), _day(days[1] - 1)
            return first if first == last else f"{first} to {last}"
        return " to ".join(
            f"{_day(day)} {str(time.astype('datetime64[m]'))[11:]}"
            for time, day in zip(ends, days, strict=True)
        )

    @classmethod
    def from_times(cls, times: ArrayLike) -> TimeSteps:
        """Return the steps that start at given times.

        Parameters
        ----------
        times : array_like of datetime64 or ISO 8601 text, shape (T,), T >= 2
            The start of each step; without time zone, in order, evenly spaced.

        Raises
        ------
        GameError
            A time is missing, duplicate, or out of order; the message names it.
        """
        array = np.asarray(times)
        if array.ndim != 1 or len(array) < 2:
            raise GameError(
                f"the times have shape {array.shape}; at least two, one after the other, are needed"
            )
        if array.dtype.kind != "M":
            array = np.array([moment(time) for time in array.tolist()])
        elif np.isnat(array).any():
            raise GameError(f"the time of row {int(np.argmax(np.isnat(array)))} is missing")
        seconds = array.astype("datetime64[s]")
        if (seconds != array).any():
            raise GameError(f"{array[np.argmax(seconds != array)]} is not a whole second")
        gaps = np.diff(seconds)
        # The length that most of them have is the one that was meant.
        step = np.sort(gaps)[(len(gaps) - 1) // 2]
        if (gaps != step).any() or step <= np.timedelta64(0, "s"):
            wrong = gaps <= np.timedelta64(0, "s")
            row = int(np.argmax(wrong if wrong.any() else gaps != step))
            raise GameError(_irregular(seconds[row], seconds[row + 1], step))
        return cls(seconds[0], step, len(seconds))

    @property
    def times(self) -> NDArray[np.datetime64]:
        """When each step starts, shape (T,)."""
        return self.start + self.step * np.arange(self.n_steps)

    @property
    def end(self) -> np.datetime64:
        """When the last step ends."""
        return self.start + self.step * self.n_steps

    @property
    def step_hours(self) -> float:
        """The length of a step in hours."""
        return float(self.step / np.timedelta64(1, "h"))

    def time(self, index: int) -> str:
        """Return when a step starts, as messages show it."""
        return show(self.start + self.step * index)

    def period(self, start: Moment | None, end: Moment | None) -> slice:
        """Return the indices of the steps that start in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty, or reaches beyond the steps.
        """
        first = self.start if start is None else moment(start)
        last = self.end if end is None else moment(end)
        covered = f"the data cover {show(self.start)} to {show(self.end)}"
        if first >= last:
            raise GameError(
                f"the period from {show(first)} to {show(last)} is empty (the end itself is not in "
                f"it); {covered}"
            )
        if first < self.start or last > self.end:
            raise GameError(
                f"the period from {show(first)} to {show(last)} reaches beyond the data; {covered}"
            )
        # Rounding up: a step belongs to the period in which it starts.
        low = -((self.start - first) // self.step)
        high = -((self.start - last) // self.step)
        if low >= high:
            raise GameError(f"no step starts from {show(first)} to {show(last)}; {covered}")
        return slice(int(low), int(high))

    def part(self, period: slice) -> TimeSteps:
        """Return the steps of a period, as :meth:`period` gives it."""
        start = self.start + self.step * period.start
        return TimeSteps(start, self.step, period.stop - period.start)


def _day(day: np.datetime64) -> str:
    """Return a date as people write it."""
    year, month, number_of_day = str(day).rsplit("-", 2)
    return f"{int(number_of_day)} {MONTHS[int(month) - 1]} {year}"


def _irregular(before: np.datetime64, after: np.datetime64, step: np.timedelta64) -> str:
    """Return what is wrong between two neighbouring times."""
    minutes = step / np.timedelta64(1, "m")
    if after == before:
        wrong = f"duplicate time {show(after)}"
    elif after < before:
        wrong = f"the time {show(after)} comes after {show(before)}: times must be in order"
    elif after - before > step and (after - before) % step == np.timedelta64(0, "s"):
        wrong = f"after {show(before)} the next time is {show(after)}: steps are missing"
    else:
        wrong = f"after {show(before)} the next time is {show(after)}: the steps are irregular"
    return (
        f"{wrong} (most steps take {minutes:g} minutes). If the clock changed to or from daylight "
        f"saving there, give UTC or a local time that never changes"
    )
