"""Order books as CSV files: the arguments that make one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable
from sesgame.markets.market import LOAD
from sesgame.markets.period_times import in_zone, numbered, time_of

__all__ = ["OrderRows", "read_orders", "rows_by_side"]

MOST_PERIODS = 1_000_000
"""Each takes memory, also where nobody trades: a slip in a number would take all there is."""

_SIDES = ("offer", "bid", "load")


class OrderRows(NamedTuple):
    """Which rows of a file are orders, which are fixed demand, and what the latter is worth."""

    sides: tuple[str, ...]
    orders: list[int]
    load: list[int]
    value_of_lost_load: float | None


def read_orders(path: Path) -> dict[str, Any]:
    """Return the arguments of :meth:`OrderBook.from_orders`; see :meth:`OrderBook.from_csv`."""
    table = CsvTable.read(path)
    table.expect(("participant", "side", "price_per_kwh", "quantity_kwh"), ["period"])
    rows = rows_by_side(table, "price_per_kwh")
    prices, quantities = table.floats("price_per_kwh"), table.floats("quantity_kwh")
    cells = table.texts("period", "0")
    is_number = any(cell.strip().lstrip("-").isdecimal() for cell in cells)
    periods: Any = table.convert(
        "period",
        cells,
        _period if is_number else time_of,
        f"a period, a non-negative integer below {MOST_PERIODS:,}, or in every row the time at "
        f"which it begins, like 2024-06-01T12:00",
    )
    times: Any = None
    if not is_number:
        periods, times, in_utc = numbered(
            periods, None, lambda k: f"line {table.lines[k]}, column period"
        )
        times = in_zone(times, in_utc)
    names = table.texts("participant")
    n_periods = 1 + max(periods)
    demand: dict[str, Any] = {}
    for row in rows.load:
        load = demand.setdefault(names[row] or LOAD, [0.0] * n_periods)
        load[periods[row]] += quantities[row]
    starts = periods if times is None else [times[period] for period in periods]
    return {
        "orders": [
            (names[k], rows.sides[k], prices[k], quantities[k], starts[k]) for k in rows.orders
        ],
        "demand_kwh": demand or [0.0] * n_periods,
        "value_of_lost_load": rows.value_of_lost_load,
        "times": times,
    }


def rows_by_side(table: CsvTable, price: str) -> OrderRows:
    """Return which rows offer, bid or are fixed demand, whose price is the value of lost load.

    Raises
    ------
    GameError
        An unknown side, an order of nobody, no order at all, or two values of lost load; the line
        is named.
    """
    sides, names, prices = table.texts("side"), table.texts("participant"), table.floats(price)
    for row, side in enumerate(sides):
        if side not in _SIDES:
            table.fail(row, "side", f'"{side}" is neither "offer" nor "bid" nor "load"')
    orders = [row for row, side in enumerate(sides) if side != "load"]
    load = [row for row, side in enumerate(sides) if side == "load"]
    for row in orders:
        if not names[row]:
            table.fail(row, "participant", "an offer or bid needs a participant")
    if not orders:
        raise GameError(f"{table.path} has no offer and no bid")
    value_of_lost_load = None
    for row in load:
        if value_of_lost_load not in (None, prices[row]):
            table.fail(
                row,
                price,
                f"the value of lost load is {prices[row]} here and {value_of_lost_load} above; "
                f"it is one number",
            )
        value_of_lost_load = prices[row]
    return OrderRows(sides, orders, load, value_of_lost_load)


def _period(text: str) -> int:
    period = int(text)
    if not 0 <= period < MOST_PERIODS:
        raise ValueError(text)
    return period
