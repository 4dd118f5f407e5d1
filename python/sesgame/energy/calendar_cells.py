"""What holds in each minute of the calendar, as bands of prices and as hours of a charge."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.energy.calendar_hours import (
    DAY_TYPES,
    EVERY_DAY,
    HOLIDAY,
    MINUTES,
    CalendarHours,
)
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CELLS", "hours_of_cells", "price_bands", "silent_on_holidays", "tariffs_together"]

CELLS = (12, len(DAY_TYPES), MINUTES)
"""Months, types of day and minutes, as :func:`calendar_hours` has them."""


class _Block(NamedTuple):
    """Cells with the same value: some days of some months between two minutes."""

    start_minute: int
    end_minute: int
    days: frozenset[int]
    months: frozenset[int]
    value: Any


def price_bands(
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    valid_from: datetime.date | None = None,
    *,
    holidays_apart: bool = False,
) -> list[PriceBand]:
    """Return bands with the prices of all cells.

    Parameters
    ----------
    buy, sell : ndarray of shape CELLS
        Types of day without a price, as holidays of which nothing is said, are not a number.
    valid_from : date, optional
    holidays_apart : bool, default False
        Whether holidays have bands of their own, so that steps need a list of them even where all
        prices are those of other days.
    """
    pairs = np.stack([buy, sell], axis=3)
    holiday = frozenset([HOLIDAY])
    return [
        PriceBand(
            buy_per_kwh=float(block.value[0]),
            sell_per_kwh=float(block.value[1]),
            start_minute=block.start_minute,
            end_minute=block.end_minute,
            days=days,
            months=block.months,
            valid_from=valid_from,
        )
        for block in _blocks(pairs)
        if not np.isnan(block.value).any()
        for days in (
            [block.days - holiday, block.days & holiday] if holidays_apart else [block.days]
        )
        if days
    ]


def tariffs_together(one: Tariff, other: Tariff | PriceSeries) -> Tariff | PriceSeries:
    """Return the sums of the prices of two tariffs; a series stays a series.

    Raises
    ------
    GameError
        They are in different currencies, or the first has no price in a step of a series.
    """
    if one.currency != other.currency:
        raise GameError(f"prices in {one.currency} and in {other.currency} do not add up")
    if isinstance(other, PriceSeries):
        buy, sell = one.prices(other.steps)
        return replace(
            other, buy_per_kwh=other.buy_per_kwh + buy, sell_per_kwh=other.sell_per_kwh + sell
        )
    versions = [_versions(tariff) for tariff in (one, other)]
    # Before that, one of them has no prices yet.
    first = max(min(each) for each in versions)
    bands = []
    for date in sorted({date for each in versions for date in each if date >= first}):
        valid = [each[max(known for known in each if known <= date)] for each in versions]
        prices = valid[0] + valid[1]
        since = None if date == datetime.date.min else date
        apart = any(_holidays_apart(tariff) for tariff in (one, other))
        bands += price_bands(prices[..., 0], prices[..., 1], since, holidays_apart=apart)
    return Tariff(bands, one.currency, one.average or other.average)


def _versions(tariff: Tariff) -> dict[datetime.date, NDArray[np.float64]]:
    """Return the prices of all cells by the day from which they hold, buy and sell last."""
    found: dict[datetime.date, NDArray[np.float64]] = {}
    for band in tariff.bands:
        since = band.valid_from or datetime.date.min
        cells = found.setdefault(since, np.full((*CELLS, 2), np.nan))
        cells[band.holds] = band.buy_per_kwh, band.sell_per_kwh
    return found


def _holidays_apart(tariff: Tariff) -> bool:
    return any(HOLIDAY in band.days and band.days != EVERY_DAY for band in tariff.bands)


def hours_of_cells(holds: NDArray[np.bool_]) -> list[CalendarHours]:
    """Return hours that are those cells, none of them twice."""
    return [
        CalendarHours(
            start_minute=block.start_minute,
            end_minute=block.end_minute,
            days=block.days,
            months=block.months,
        )
        for block in _blocks(holds[..., np.newaxis])
        if block.value.all()
    ]


def silent_on_holidays(holds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return cells without holidays, unless all days of a month are alike."""
    found = holds.copy()
    alike = (holds[:, :HOLIDAY] == holds[:, :1]).all(axis=(1, 2))
    found[:, HOLIDAY] = holds[:, 0] & alike[:, np.newaxis]
    return found


def _blocks(cells: NDArray[Any]) -> Iterator[_Block]:
    """Yield blocks of equal vectors, of an array of shape (12, 8, 1440, k)."""
    for months, of_month in _alike(cells):
        for days, of_day in _alike(of_month):
            changes = (of_day[1:] != of_day[:-1]).any(axis=1)
            edges = [0, *(np.flatnonzero(changes) + 1).tolist(), MINUTES]
            for low, high in pairwise(edges):
                yield _Block(
                    low, high, frozenset(days), frozenset(m + 1 for m in months), of_day[low]
                )


def _alike(parts: NDArray[Any]) -> list[tuple[list[int], NDArray[Any]]]:
    """Return the places of parts that are the same, and one of each."""
    places: dict[bytes, list[int]] = {}
    for place, part in enumerate(parts):
        places.setdefault(part.tobytes(), []).append(place)
    return [(found, parts[found[0]]) for found in places.values()]
