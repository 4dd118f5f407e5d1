"""Tariffs: prices of energy bought from and sold to the grid."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from math import gcd
from typing import TYPE_CHECKING

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.calendar_hours import (
    DAY_TYPES,
    EVERY_DAY,
    EVERY_MONTH,
    HOLIDAY,
    MINUTES,
    calendar_hours,
    cells,
    number_set,
    refuse_unknown_holidays,
    throughout,
    within_steps,
)
from sesgame.energy.clock import as_date
from sesgame.energy.time_steps import MONTHS, TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue, InOrder
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PriceBand", "PriceSeries", "Tariff"]

_CURE = (
    "give meters with shorter steps, or average=True if its mean over the step is to count "
    '("prices_within_step,average" in clock.csv)'
)


@checked_fields
@dataclass(frozen=True)
class PriceBand:
    """One pair of prices and when it holds.

    Parameters
    ----------
    buy_per_kwh, sell_per_kwh : float
        Prices, in the tariff's currency for each kWh.
    start_minute, end_minute : int, default 0 and 1440
        Clock time as minutes after midnight; the end is not part of the band. With an end
        before the start, the band is the evening and the early morning of each of its days.
    days : iterable of int, default all
        Days of the week, Monday is 0; 7 is a holiday, which is no day of the week then.
    months : iterable of int, default all
        January is 1.
    valid_from : date, optional
        The day from which the prices hold, until others have a later one; by default always.

    Raises
    ------
    GameError
        A price is not finite, or there are no such minutes, days, months or date.
    """

    buy_per_kwh: float
    sell_per_kwh: float
    start_minute: int = 0
    end_minute: int = MINUTES
    days: frozenset[int] = EVERY_DAY
    months: frozenset[int] = EVERY_MONTH
    valid_from: datetime.date | None = None

    def __post_init__(self) -> None:
        if not (np.isfinite(self.buy_per_kwh) and np.isfinite(self.sell_per_kwh)):
            raise GameError(
                f"the prices {self.buy_per_kwh} and {self.sell_per_kwh} are not both finite"
            )
        object.__setattr__(self, "days", number_set("days", self.days))
        object.__setattr__(self, "months", number_set("months", self.months))
        if self.valid_from is not None:
            object.__setattr__(self, "valid_from", as_date(self.valid_from))
        calendar_hours(self.start_minute, self.end_minute, self.days, self.months)

    @property
    def holds(self) -> NDArray[np.bool_]:
        """The minutes in which the band holds, by month, type of day and minute: (12, 8, 1440)."""
        return calendar_hours(self.start_minute, self.end_minute, self.days, self.months)


@checked_fields
@dataclass(frozen=True)
class Tariff(InOrder):
    """Prices that depend on the calendar and the clock, or on nothing.

    Parameters
    ----------
    bands : iterable of PriceBand
        Those that are valid from the same day cover each minute of the week, in each month,
        exactly once. Holidays count as days of the week unless the steps have a list of them.
    currency : str, default "EUR"
        The unit of all money.
    average : bool, default False
        What a step costs in which the price changes: the mean of its prices, weighted by time, as
        if energy were used evenly within the step; by default it is refused.

    Raises
    ------
    GameError
        A minute has no price, or two.

    Examples
    --------
    >>> Tariff.flat(0.30, 0.08)
    Tariff(0.3 / 0.08 EUR per kWh)
    >>> day, night = PriceBand(0.35, 0.08, 6 * 60, 22 * 60), PriceBand(0.25, 0.08, 22 * 60, 6 * 60)
    >>> Tariff([day, night])
    Tariff(2 price bands in EUR per kWh)
    """

    bands: tuple[PriceBand, ...]
    currency: str = "EUR"
    average: bool = False

    def __init__(
        self, bands: Iterable[PriceBand], currency: str = "EUR", average: bool = False
    ) -> None:
        object.__setattr__(self, "bands", tuple(bands))
        object.__setattr__(self, "currency", currency)
        object.__setattr__(self, "average", average)
        for valid_from, members in self._versions.items():
            count = np.zeros((12, len(DAY_TYPES), MINUTES), dtype=np.intp)
            for index in members:
                count += self.bands[index].holds
            # Holidays may be left out where the calendar has none.
            wrong = (count > 1) | ((count < 1) & (np.arange(len(DAY_TYPES)) != HOLIDAY)[:, None])
            if wrong.any():
                month, day, minute = (
                    int(i) for i in np.unravel_index(np.argmax(wrong), wrong.shape)
                )
                number = "no price" if count[month, day, minute] == 0 else "more than one price"
                seasons = any(self.bands[index].months != EVERY_MONTH for index in members)
                since = "" if valid_from is None else f", valid from {valid_from}"
                raise GameError(
                    f"the tariff has {number} on {DAY_TYPES[day]} at "
                    f"{minute // 60:02}:{minute % 60:02}"
                    f"{f' in {MONTHS[month]}' if seasons else ''}{since}; each minute of the "
                    f"week needs exactly one"
                )

    @cached_property
    def _versions(self) -> dict[datetime.date | None, list[int]]:
        """The bands by the day from which they are valid, the earliest first."""
        since = {band.valid_from for band in self.bands}
        days = sorted(since, key=lambda day: day or datetime.date.min) or [None]
        return {
            day: [k for k, band in enumerate(self.bands) if band.valid_from == day] for day in days
        }

    @property
    def valid_from(self) -> datetime.date | None:
        """The first day that has prices, if there is one."""
        return next(iter(self._versions))

    @property
    def follows_clock(self) -> bool:
        """Whether the price depends on the calendar or the clock at all."""
        return len({(band.buy_per_kwh, band.sell_per_kwh) for band in self.bands}) > 1

    @classmethod
    def flat(cls, buy_per_kwh: float, sell_per_kwh: float, currency: str = "EUR") -> Tariff:
        """Return a tariff with the same prices at all times."""
        return cls([PriceBand(buy_per_kwh, sell_per_kwh)], currency)

    def prices(self, steps: TimeSteps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the buy and the sell price of each step, shape (T,), for each kWh.

        Raises
        ------
        GameError
            The price changes inside a step, no band is valid yet, or a holiday has no price.
        """
        edges = [m for band in self.bands for m in (band.start_minute, band.end_minute)]
        instants = within_steps(steps, edges if self.follows_clock else ())
        if not self.follows_clock:
            instants = instants[:, :1]
        band_of = self._bands_of(instants.ravel(), steps).reshape(instants.shape)
        pairs = [(band.buy_per_kwh, band.sell_per_kwh) for band in self.bands]
        found = np.array(pairs, dtype=np.float64).T[:, band_of]
        if self.average:
            buy, sell = found.mean(axis=2)
        else:
            buy, sell = (throughout(prices, steps, "the price changes", _CURE) for prices in found)
        return np.ascontiguousarray(buy), np.ascontiguousarray(sell)

    def _bands_of(self, instants: NDArray[np.datetime64], steps: TimeSteps) -> NDArray[np.intp]:
        """Return which band holds at each instant."""
        for band in self.bands:
            refuse_unknown_holidays(band.days, steps, "the tariff has prices for")
        place = cells(instants, steps)
        days = steps.calendar.wall_times(instants).astype("datetime64[D]")
        result = np.full(len(instants), -1, dtype=np.intp)
        for valid_from, members in self._versions.items():
            band_of = np.full((12, len(DAY_TYPES), MINUTES), -1, dtype=np.intp)
            for index in members:
                band_of[self.bands[index].holds] = index
            valid = slice(None) if valid_from is None else days >= np.datetime64(valid_from)
            result[valid] = band_of[tuple(part[valid] for part in place)]
        if (result < 0).any():
            day = days[np.argmin(result)]
            if steps.calendar.is_holiday(days[result < 0][:1])[0]:
                raise GameError(
                    f"{day} is a holiday, for which the tariff has no price at some hour: say for "
                    f"it, too (hol in the days, or 7)"
                )
            raise GameError(f"the tariff begins after {day}, the first of the meters' days")
        return result

    def __repr__(self) -> str:
        if len(self.bands) > 1:
            return f"Tariff({len(self.bands)} price bands in {self.currency} per kWh)"
        (band,) = self.bands
        return f"Tariff({band.buy_per_kwh} / {band.sell_per_kwh} {self.currency} per kWh)"


@checked_fields
@dataclass(frozen=True, eq=False)
class PriceSeries(ByValue):
    """Prices that were different in each hour or quarter-hour, as on an exchange.

    Parameters
    ----------
    steps : TimeSteps
        When each price holds; with a zone where those of the meters have one. Steps may be longer
        than those of the meters.
    buy_per_kwh, sell_per_kwh : array_like of float, shape (T,)
        Prices, in the currency for each kWh.
    currency : str, default "EUR"
        The unit of all money.
    average : bool, default False
        What a step costs in which several prices hold: their mean, weighted by time; by default it
        is refused.
    """

    steps: TimeSteps
    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    currency: str = "EUR"
    average: bool = False

    def __post_init__(self) -> None:
        for name in ("buy_per_kwh", "sell_per_kwh"):
            prices = self._checked(name, getattr(self, name))
            object.__setattr__(self, name, prices)

    def _checked(self, name: str, values: ArrayLike) -> NDArray[np.float64]:
        prices = np.array(values, dtype=np.float64)
        if prices.shape != (self.steps.n_steps,):
            raise GameError(
                f"{name} has shape {prices.shape}; one price for each of the "
                f"{self.steps.n_steps} steps is needed"
            )
        if not np.isfinite(prices).all():
            index = int(np.argmin(np.isfinite(prices)))
            raise GameError(f"{name} is {prices[index]} at {self.steps.time(index)}")
        prices.setflags(write=False)
        return prices

    @property
    def follows_clock(self) -> bool:
        """Whether the price depends on the calendar: no, it has times of its own."""
        return False

    def prices(self, steps: TimeSteps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the buy and the sell price of each step, shape (T,), for each kWh.

        Raises
        ------
        GameError
            The prices do not cover all steps, one step would have several prices, or only one of
            meters and prices has a zone.
        """
        own, second = self.steps, np.timedelta64(1, "s")
        if (own.calendar.zone is None) != (steps.calendar.zone is None):
            known, unknown = ("meters", "prices")[:: 1 if own.calendar.zone is None else -1]
            raise GameError(
                f"the {known} have a zone, the {unknown} have none: say on which clock their times "
                f"are (zone of TimeSteps.from_times)"
            )
        if steps.start < own.start or steps.end > own.end:
            raise GameError(
                f"the prices cover {own.time(0)} to {own.time(own.n_steps)}, but the meters "
                f"{steps.time(0)} to {steps.time(steps.n_steps)}"
            )
        lag = int((steps.start - own.start) / second)
        part = gcd(int(steps.step / second), int(own.step / second), lag)
        n_parts = int(steps.step / second) // part
        ticks = lag + int(steps.step / second) * np.arange(steps.n_steps)[:, np.newaxis]
        index = (ticks + part * np.arange(n_parts)) // int(own.step / second)
        buy, sell = self.buy_per_kwh[index], self.sell_per_kwh[index]
        if self.average:
            return buy.mean(axis=1), sell.mean(axis=1)
        # Also where the prices happen to be equal: what finer meters would need is not there.
        throughout(index, steps, "the price may change", _CURE)
        return buy[:, 0].copy(), sell[:, 0].copy()

    def __repr__(self) -> str:
        return f"PriceSeries({self.steps.n_steps} prices in {self.currency} per kWh)"
