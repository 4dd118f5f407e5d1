"""Order books as CSV files: the arguments that make one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable

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
    periods = table.convert(
        "period",
        table.texts("period", "0"),
        _period,
        f"a period, a non-negative integer below {MOST_PERIODS:,}",
    )
    names = table.texts("participant")
    demand = [0.0] * (1 + max(periods))
    for row in rows.load:
        demand[periods[row]] += quantities[row]
    return {
        "orders": [
            (names[k], rows.sides[k], prices[k], quantities[k], periods[k]) for k in rows.orders
        ],
        "demand_kwh": demand,
        "value_of_lost_load": rows.value_of_lost_load,
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
