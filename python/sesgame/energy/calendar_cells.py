"""What holds in each minute of the calendar, as bands of prices and as hours of a charge."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.energy.calendar_hours import DAY_TYPES, HOLIDAY, MINUTES, CalendarHours
from sesgame.energy.tariff import PriceBand

if TYPE_CHECKING:
    import datetime

    from numpy.typing import NDArray

__all__ = ["CELLS", "hours_of_cells", "price_bands", "silent_on_holidays"]

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
