"""Charges on peaks of import, as grid operators bill them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import TYPE_CHECKING, Literal, TypeAlias, cast, get_args

import numpy as np

from sesgame.energy.calendar_hours import (
    EVERY_DAY,
    EVERY_MONTH,
    MINUTES,
    CalendarHours,
    cells,
    number_set,
    refuse_unknown_holidays,
    throughout,
    within_steps,
)
from sesgame.energy.dispatch.billing import BilledPeak, PeakMonth
from sesgame.energy.dispatch.problem import PeakCharge
from sesgame.energy.time_steps import MONTHS, TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import InOrder
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DemandCharge", "Per", "in_words"]

Per = Literal["period", "month", "year"]

History: TypeAlias = Mapping[str, float] | Iterable[tuple[str, float]]


@checked_fields
@dataclass(frozen=True, kw_only=True)
class DemandCharge(InOrder):
    r"""A charge on the highest import in each month or year, or in the whole period.

    The peak of a month is the mean of its highest windows, between floor and cap,

    .. math:: P_m = \min \left( \max \left( \frac{1}{k} \sum_{j=1}^{k} w_{(j)}, f \right),
              \mathrm{cap} \right)

    where :math:`w_{(1)} \ge w_{(2)} \ge \dots` are the mean imports in kW of the windows, or of the
    highest window of each day. Billed is :math:`P_m`, the mean of the last
    `mean_of_months` of them, or :math:`\max(P_m, r \max_{l < m} P_l)` with a ratchet.

    Parameters
    ----------
    price_per_kw : float
        For the billed peak, once for each month or year or for the period, whatever its length; at
        least 0.
    per : {"month", "year", "period"}, default "month"
        Whether each calendar month or year has a peak of its own, or all steps have one.
    start_minute, end_minute : int, default 0 and 1440
        The clock time within which import counts, as minutes after midnight; the end is not part
        of it. With an end before the start it is the evening and the early morning of each day.
    days : iterable of int, default all
        Days of the week on which import counts, Monday is 0; 7 is a holiday, where the steps have
        a list of them.
    months : iterable of int, default all
        The months in which import counts, January is 1.
    also : iterable of CalendarHours, optional
        Further hours in which import counts, towards the same peak.
    mean_minutes : int, optional
        The length of a window over which import is averaged, by the clock, such as 60; it divides
        the day. By default each step is one.
    n_highest : int, default 1
        How many windows make the peak; of those there are.
    one_per_day : bool, default False
        Whether only the highest window of each day is one of these.
    floor_kw, cap_kw : float, default 0 and infinite
        What each month's peak counts at least, and at most.
    mean_of_months : int, default 1
        Of how many months the mean is billed, the month's own among them; of those that are known.
    ratchet : float, default 0
        The share of the highest peak of earlier months that is billed at least, from 0 to 1.
    ratchet_months : int, default 11
        How many earlier months that looks back, of those in which import counts.
    history_kw : mapping of str to float, optional
        Peaks of months before the first, such as ``{"2023-12": 4.2}``.

    Raises
    ------
    GameError
        A number is negative or not finite, `per` is something else, there are no such minutes, days
        or months, or the elements do not go together.

    Notes
    -----
    A step that is in two months, or only in part within the hours, is refused. A month of which
    only a part is dispatched pays the whole charge on the peak of that part; one without a step
    that counts pays nothing. Months outside the period are known from `history_kw` alone, also
    where there are meters of them.

    What is more than the highest step of each period (a mean of several windows, floor, cap, mean
    of months, ratchet) is exact where no storage is dispatched, and refused with its reason where
    some is.

    Examples
    --------
    Ten per kW of each month's highest import on working days from 8 to 20 h:

    >>> DemandCharge(price_per_kw=10.0, start_minute=8 * 60, end_minute=20 * 60, days=range(5)).per
    'month'

    The mean of the three highest hours of different days, at least 2.5 kW:

    >>> DemandCharge(
    ...     price_per_kw=4.0, mean_minutes=60, n_highest=3, one_per_day=True, floor_kw=2.5
    ... ).manner
    'mean of the 3 highest windows of 60 minutes, one a day, at least 2.5 kW'
    """

    price_per_kw: float
    per: Per = "month"
    start_minute: int = 0
    end_minute: int = MINUTES
    days: frozenset[int] = EVERY_DAY
    months: frozenset[int] = EVERY_MONTH
    mean_minutes: int | None = None
    n_highest: int = 1
    one_per_day: bool = False
    floor_kw: float = 0.0
    cap_kw: float = math.inf
    mean_of_months: int = 1
    ratchet: float = 0.0
    ratchet_months: int = 11
    history_kw: tuple[tuple[str, float], ...] = ()
    also: tuple[CalendarHours, ...] = ()

    def __post_init__(self) -> None:
        for name in ("price_per_kw", "floor_kw"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value >= 0):
                raise GameError(f"{name} must be non-negative, got {value}")
        if self.per not in get_args(Per):
            raise GameError(f'per must be "period", "month" or "year", got {self.per!r}')
        if not self.cap_kw >= self.floor_kw:
            raise GameError(
                f"cap_kw must be at least floor_kw, {self.floor_kw:g}, got {self.cap_kw}"
            )
        for name in ("n_highest", "mean_of_months", "ratchet_months"):
            if getattr(self, name) < 1:
                raise GameError(f"{name} must be at least 1, got {getattr(self, name)}")
            if not isinstance(getattr(self, name), Integral):
                raise GameError(f"{name} must be a whole number, got {getattr(self, name)}")
        window = self.mean_minutes
        if window is not None and (window < 1 or MINUTES % window or window != int(window)):
            raise GameError(f"mean_minutes must divide the day of {MINUTES} minutes, got {window}")
        if not 0 <= self.ratchet <= 1:
            raise GameError(f"ratchet must be from 0 to 1, got {self.ratchet}")
        self._check_memory()
        object.__setattr__(self, "days", number_set("days", self.days))
        object.__setattr__(self, "months", number_set("months", self.months))
        object.__setattr__(self, "also", tuple(self.also))
        self._hours()

    def _check_memory(self) -> None:
        given = cast("History", self.history_kw)
        try:
            pairs = given.items() if isinstance(given, Mapping) else given
            history = tuple(sorted((str(month), float(kw)) for month, kw in pairs))
        except (TypeError, ValueError) as error:
            raise GameError(
                f'history_kw must be peaks by month, such as {{"2023-12": 4.2}}, got {given!r}'
            ) from error
        repeated = [month for (month, _), (later, _) in pairwise(history) if month == later]
        if repeated:
            raise GameError(f"history_kw has {repeated[0]} twice")
        for month, kw in history:
            if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", month):
                raise GameError(f'history_kw has "{month}", which is no month like 2024-05')
            if not (math.isfinite(kw) and kw >= 0):
                raise GameError(f"history_kw of {month} must be non-negative, got {kw}")
        object.__setattr__(self, "history_kw", history)
        if self._remembered and self.per != "month":
            raise GameError(f'{self._remembered} needs per="month", got {self.per!r}')
        if self.ratchet and self.mean_of_months > 1:
            raise GameError("a demand charge has a mean of months or a ratchet, not both")
        if history and not self._remembered:
            raise GameError("history_kw is for a mean of months or a ratchet; there is none")

    @property
    def _remembered(self) -> str:
        """What depends on the months before, in words."""
        if self.mean_of_months > 1:
            return f"the mean of {self.mean_of_months} months"
        return f"a ratchet of {100 * self.ratchet:g} %" if self.ratchet else ""

    @property
    def _parts(self) -> tuple[CalendarHours, ...]:
        """All hours in which import counts."""
        own = CalendarHours(
            start_minute=self.start_minute,
            end_minute=self.end_minute,
            days=self.days,
            months=self.months,
        )
        return (own, *self.also)

    def _hours(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.any([part.holds for part in self._parts], axis=0)
        return found

    @property
    def follows_clock(self) -> bool:
        """Whether it depends on the calendar or the clock at all."""
        by_clock = self.per != "period" or self.mean_minutes is not None or self.one_per_day
        return bool(self.price_per_kw) and (by_clock or not self._hours().all())

    def beyond_a_step(self, steps: TimeSteps) -> list[str]:
        """Return what makes the peak more than the highest step of a period, in words."""
        minutes = steps.step_hours * 60
        several = self.n_highest > 1
        features = {
            f"the mean of the {self.n_highest} highest windows": several,
            f"windows of {self.mean_minutes} minutes over several steps": (
                self.mean_minutes is not None and self.mean_minutes != minutes
            ),
            f"a floor of {self.floor_kw:g} kW": self.floor_kw > 0,
            f"a cap of {self.cap_kw:g} kW": math.isfinite(self.cap_kw),
            self._remembered: bool(self._remembered),
        }
        if not self.price_per_kw:
            return []
        return [f"{name} of a demand charge" for name, is_there in features.items() if is_there]

    @property
    def constants(self) -> list[str]:
        """What of it is not in proportion to import, in words."""
        features = {
            "the floor of a demand charge": self.floor_kw > 0,
            "the cap of a demand charge": math.isfinite(self.cap_kw),
            "the peak history of a demand charge": bool(self.history_kw),
        }
        return [name for name, is_there in features.items() if is_there and self.price_per_kw]

    @property
    def undivided(self) -> list[str]:
        """Those of them of which no division is sure to satisfy every group, in words."""
        return [name for name in self.constants if name.startswith("the cap")]

    def peak_charges(self, steps: TimeSteps) -> list[PeakCharge]:
        """Return the charge in each of its periods, as a dispatch model takes it.

        Raises
        ------
        GameError
            A step is in two months, or only in part within the hours, or holidays are meant but
            not given; the peak is more than the highest step.
        """
        found = self.beyond_a_step(steps)
        if found:
            raise GameError(f"{found[0]} is more than the peak of a step")
        counted = self._counted(steps)
        return [
            PeakCharge(
                f"the demand charge{f' of {name}' if name else ''}{self._when}",
                self.price_per_kw,
                part,
            )
            for name, part in self._periods(steps, counted)
        ]

    def billed_peak(self, steps: TimeSteps, ends: NDArray[np.int64]) -> BilledPeak:
        """Return the charge with all its elements, as the bill of a contract takes it.

        Parameters
        ----------
        steps : TimeSteps
        ends : ndarray of int
            Where the billing periods end: a month that lies within one is paid in it.

        Raises
        ------
        GameError
            As :meth:`peak_charges`; windows do not fit the steps, or the history the months.
        """
        width, starts = self._windows(steps, self._counted(steps))
        months = []
        for name, part in self._periods(steps, starts):
            day = steps.times[part].astype("datetime64[D]").astype(np.int64)
            # The peak of a year is of no month.
            is_within = self.per == "month" or len(ends) == 1
            period = int(np.searchsorted(ends, part[0], side="right")) if is_within else len(ends)
            months.append(PeakMonth(name, period, part, day if self.one_per_day else day[:0]))
        return BilledPeak(
            name=f"demand charge{self._when}",
            price_per_kw=self.price_per_kw,
            width=width,
            months=tuple(months),
            n_highest=self.n_highest,
            floor_kw=self.floor_kw,
            cap_kw=self.cap_kw,
            history_kw=self._history(steps, starts),
            n_averaged=self.mean_of_months,
            ratchet=self.ratchet,
            n_back=self.ratchet_months,
        )

    def _counted(self, steps: TimeSteps) -> NDArray[np.int64]:
        """Return the steps in which import counts."""
        if not self.price_per_kw:
            return np.zeros(0, dtype=np.int64)
        for part in self._parts:
            refuse_unknown_holidays(part.days, steps, "a demand charge counts import on")
        hours = self._hours()
        edges = [m for part in self._parts for m in (part.start_minute, part.end_minute)]
        instants = within_steps(steps, edges)
        counts = hours[cells(instants, steps)] if not hours.all() else np.ones((steps.n_steps, 1))
        cure = "give meters with shorter steps"
        return np.flatnonzero(
            throughout(counts, steps, "the hours of a demand charge begin or end", cure)
        )

    def _windows(
        self, steps: TimeSteps, counted: NDArray[np.int64]
    ) -> tuple[int, NDArray[np.int64]]:
        """Return how many steps a window has, and the first of each.

        Raises
        ------
        GameError
            Steps are longer than the window or do not fit it, or one is there only in part.
        """
        minutes = steps.step_hours * 60
        if self.mean_minutes is None or self.mean_minutes == minutes or not len(counted):
            return 1, counted
        window = f"the windows of {self.mean_minutes} minutes of a demand charge"
        if self.mean_minutes % minutes:
            raise GameError(
                f"{window} do not fit steps of {minutes:g} minutes: give meters whose steps divide "
                f"them"
            )
        width = int(self.mean_minutes // minutes)
        seconds = (steps.times - steps.times.astype("datetime64[D]")).astype(np.int64)
        begins = seconds[counted] % (60 * self.mean_minutes) == 0
        starts = counted[begins]
        whole = (starts[:, np.newaxis] + np.arange(width)).ravel()
        if not np.array_equal(whole, counted):
            # Where the clock goes forward inside a window, it reaches into the next one.
            odd = np.append(np.setxor1d(whole, counted), whole[1:][whole[1:] <= whole[:-1]])
            raise GameError(
                f"{window}: one is there only in part at {steps.time(int(odd[0]))}; begin and end "
                f"the period, and the hours of the charge, with a window, and have no window over "
                f"a change of the clock"
            )
        return width, starts

    def _periods(
        self, steps: TimeSteps, starts: NDArray[np.int64]
    ) -> list[tuple[str, NDArray[np.int64]]]:
        """Return what has a peak of its own: its month or year, and its steps."""
        if not len(starts):
            return []
        if self.per == "period":
            return [("", starts)]
        unit = "Y" if self.per == "year" else "M"
        turns = steps.months[starts].astype(f"datetime64[{unit}]")
        firsts = np.flatnonzero(np.append(True, turns[1:] != turns[:-1]))
        parts = np.split(starts, firsts[1:])
        return [(in_words(turns[first]), part) for first, part in zip(firsts, parts, strict=True)]

    def _history(self, steps: TimeSteps, starts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the peaks of the months just before the first that counts.

        Raises
        ------
        GameError
            The history has a month that is billed, or lacks the one before or one in between.
        """
        if not (self.history_kw and len(starts)):
            return np.zeros(0)
        first = steps.months[starts[0]]
        months = frozenset().union(*(part.months for part in self._parts))
        known = {np.datetime64(month, "M"): kw for month, kw in self.history_kw}
        late = [month for month in known if month >= first]
        if late:
            raise GameError(
                f"history_kw has {late[0]}, but {first} and later months are measured: leave it out"
            )
        found: list[float] = []
        month = first
        while True:
            month -= 1
            while int(month.astype(np.int64)) % 12 + 1 not in months:
                month -= 1
            if month not in known:
                break
            found.append(known[month])
        if not found:
            raise GameError(
                f"history_kw ends with {max(known)}, but the first month that is measured is "
                f"{first}: give all months in between"
            )
        n_back = self.ratchet_months if self.ratchet else self.mean_of_months - 1
        earlier = [each for each in known if each < month]
        if len(found) < n_back and earlier:
            raise GameError(
                f"history_kw has {max(earlier)}, but not {month}: give all months in between, or "
                f"leave earlier ones out"
            )
        return np.array(found[::-1])

    @property
    def manner(self) -> str:
        """What is billed, in words; empty for the highest step."""
        window = "step" if self.mean_minutes is None else f"window of {self.mean_minutes} minutes"
        words = []
        if self.n_highest > 1:
            several = window.replace("step", "steps").replace("window", "windows")
            words.append(f"mean of the {self.n_highest} highest {several}")
        elif self.mean_minutes is not None:
            words.append(f"highest {window}")
        if self.one_per_day and self.n_highest > 1:
            words.append("one a day")
        if self.floor_kw:
            words.append(f"at least {self.floor_kw:g} kW")
        if math.isfinite(self.cap_kw):
            words.append(f"at most {self.cap_kw:g} kW")
        if self._remembered:
            words.append(self._remembered.removeprefix("the ").removeprefix("a "))
        return ", ".join(words)

    @property
    def _when(self) -> str:
        """The hours, days and months in which import counts, in words; empty for all of them."""
        found = []
        for part in self._parts:
            words = [part.in_words] if part.in_words else []
            if part.months != EVERY_MONTH and self.per != "month":
                names = (MONTHS[month - 1][:3] for month in sorted(part.months))
                words.append(f"in {' '.join(names)}")
            found.append(" ".join(words) or "at all times")
        return "" if found == ["at all times"] else f" {' and '.join(found)}"


def in_words(turn: np.datetime64) -> str:
    """Return a month or a year as people write it."""
    year, *number = str(turn).split("-")
    return f"{MONTHS[int(number[0]) - 1]} {year}" if number else year
