"""Tariffs: prices of energy bought from and sold to the grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "WEEKDAYS",
    "PriceBand",
    "PriceSeries",
    "Tariff",
    "minutes_of_week",
    "weekday_and_minute",
]

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MINUTES = 24 * 60


def minutes_of_week(start_minute: int, end_minute: int, days: Iterable[int]) -> NDArray[np.bool_]:
    """Return the minutes of some days between two clock times, shape (7, 1440).

    Over midnight where the end is before the start; all day where they are equal.

    Raises
    ------
    GameError
        There are no such days or minutes.
    """
    chosen = frozenset(days)
    if not (chosen and chosen <= frozenset(range(7))):
        raise GameError(f"the days {sorted(chosen)} are not days of the week, 0 to 6")
    for minute in (start_minute, end_minute):
        if not 0 <= minute <= _MINUTES:
            raise GameError(f"{minute} is not a minute of the day, 0 to {_MINUTES}")
    minutes = np.arange(_MINUTES)
    after_start, before_end = minutes >= start_minute, minutes < end_minute
    in_day = after_start & before_end if start_minute < end_minute else after_start | before_end
    return np.isin(np.arange(7), sorted(chosen))[:, np.newaxis] & in_day


def weekday_and_minute(steps: TimeSteps) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return on which day of the week, and in which minute of it, each step starts."""
    times = steps.times.astype("datetime64[m]")
    days = times.astype("datetime64[D]")
    # 1970-01-01, day 0 of numpy's calendar, was a Thursday.
    weekday = (days.astype(np.int64) + 3) % 7
    return weekday.astype(np.intp), (times - days).astype(np.intp)


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
    days : frozenset of int, default all
        Days of the week, Monday is 0.
    """

    buy_per_kwh: float
    sell_per_kwh: float
    start_minute: int = 0
    end_minute: int = _MINUTES
    days: frozenset[int] = field(default=frozenset(range(7)))

    def __post_init__(self) -> None:
        if not (np.isfinite(self.buy_per_kwh) and np.isfinite(self.sell_per_kwh)):
            raise GameError(
                f"the prices {self.buy_per_kwh} and {self.sell_per_kwh} are not both finite"
            )
        object.__setattr__(self, "days", frozenset(self.days))
        minutes_of_week(self.start_minute, self.end_minute, self.days)

    @property
    def holds(self) -> NDArray[np.bool_]:
        """The minutes of the week in which the band holds, shape (7, 1440)."""
        return minutes_of_week(self.start_minute, self.end_minute, self.days)


@dataclass(frozen=True)
class Tariff:
    """Prices that depend on the day of the week and the clock, or on nothing.

    Parameters
    ----------
    bands : iterable of PriceBand
        Together they cover each minute of the week exactly once.
    currency : str, default "EUR"
        The unit of all money.

    Raises
    ------
    GameError
        A minute of the week has no price, or two.

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

    def __init__(self, bands: Iterable[PriceBand], currency: str = "EUR") -> None:
        object.__setattr__(self, "bands", tuple(bands))
        object.__setattr__(self, "currency", currency)
        count = np.zeros((7, _MINUTES), dtype=np.intp)
        for band in self.bands:
            count += band.holds
        if (count != 1).any():
            day, minute = divmod(int(np.argmax(count != 1)), _MINUTES)
            number = "no price" if count[day, minute] == 0 else "more than one price"
            raise GameError(
                f"the tariff has {number} on {WEEKDAYS[day]} at "
                f"{minute // 60:02}:{minute % 60:02}; each minute of the week needs exactly one"
            )

    @classmethod
    def flat(cls, buy_per_kwh: float, sell_per_kwh: float, currency: str = "EUR") -> Tariff:
        """Return a tariff with the same prices at all times."""
        return cls([PriceBand(buy_per_kwh, sell_per_kwh)], currency)

    def prices(self, steps: TimeSteps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the buy and the sell price of each step, shape (T,), for each kWh.

        A step has the price of the moment in which it starts.
        """
        weekday, minute = weekday_and_minute(steps)
        band_of = np.zeros((7, _MINUTES), dtype=np.intp)
        for index, band in enumerate(self.bands):
            band_of[band.holds] = index
        band_of_step = band_of[weekday, minute]
        buy = np.array([band.buy_per_kwh for band in self.bands], dtype=np.float64)
        sell = np.array([band.sell_per_kwh for band in self.bands], dtype=np.float64)
        return buy[band_of_step], sell[band_of_step]

    def __repr__(self) -> str:
        if len(self.bands) > 1:
            return f"Tariff({len(self.bands)} price bands in {self.currency} per kWh)"
        (band,) = self.bands
        return f"Tariff({band.buy_per_kwh} / {band.sell_per_kwh} {self.currency} per kWh)"


@dataclass(frozen=True, eq=False)
class PriceSeries(ByValue):
    """Prices that were different in each hour or quarter-hour, as on an exchange.

    Parameters
    ----------
    steps : TimeSteps
        When each price holds; steps may be longer than those of the meters, not shorter.
    buy_per_kwh, sell_per_kwh : array_like of float, shape (T,)
        Prices, in the currency for each kWh.
    currency : str, default "EUR"
        The unit of all money.
    """

    steps: TimeSteps
    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    currency: str = "EUR"

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

    def prices(self, steps: TimeSteps) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the buy and the sell price of each step, shape (T,), for each kWh.

        Raises
        ------
        GameError
            The prices do not cover all steps, or one step would have several prices.
        """
        own = self.steps
        if steps.start < own.start or steps.end > own.end:
            raise GameError(
                f"the prices cover {own.time(0)} to {own.time(own.n_steps)}, but the meters "
                f"{steps.time(0)} to {steps.time(steps.n_steps)}"
            )
        offset = (steps.start - own.start) % own.step
        if own.step % steps.step or offset % steps.step:
            raise GameError(
                f"prices change within a step of the meters: they hold for {own.step} from "
                f"{own.time(0)}, and the meters' steps take {steps.step} from {steps.time(0)}"
            )
        index = ((steps.times - own.start) // own.step).astype(np.intp)
        return self.buy_per_kwh[index], self.sell_per_kwh[index]

    def __repr__(self) -> str:
        return f"PriceSeries({self.steps.n_steps} prices in {self.currency} per kWh)"
