"""Network markets as folders of CSV files: the arguments that make one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sesgame.files.csv_folder import csv_files
from sesgame.files.csv_table import CsvTable
from sesgame.markets.market import LOAD
from sesgame.markets.order_book_files import rows_by_side

__all__ = ["NETWORK_FILES", "read_network"]

NETWORK_FILES = ("lines", "orders")
"""What a folder of a network has."""


def read_network(folder: Path) -> dict[str, Any]:
    """Return the arguments of :class:`NetworkMarket`; see :meth:`NetworkMarket.from_csv`."""
    files = csv_files(folder, NETWORK_FILES, ())
    lines, orders = CsvTable.read(files["lines"]), CsvTable.read(files["orders"])
    lines.expect(("from_bus", "to_bus", "reactance"), ["limit_mw"])
    orders.expect(("participant", "bus", "side", "price_per_mwh", "quantity_mw"))
    ends = list(zip(lines.texts("from_bus"), lines.texts("to_bus"), strict=True))
    limits = lines.convert("limit_mw", lines.texts("limit_mw", ""), _limit, "a number of MW")
    buses = orders.texts("bus")
    for table, column in ((lines, "from_bus"), (lines, "to_bus"), (orders, "bus")):
        for row, bus in enumerate(table.texts(column)):
            if not bus:
                table.fail(row, column, "an empty cell is not a bus")
    rows = rows_by_side(orders, "price_per_mwh")
    names = orders.texts("participant")
    prices, quantities = orders.floats("price_per_mwh"), orders.floats("quantity_mw")
    demand: dict[str, dict[str, float]] = {}
    for k in rows.load:
        at_bus, name = demand.setdefault(buses[k], {}), names[k] or LOAD
        at_bus[name] = at_bus.get(name, 0.0) + float(quantities[k])
    return {
        "buses": dict.fromkeys([*(bus for line in ends for bus in line), *buses]),
        "lines": [
            (*line, reactance, limit)
            for line, reactance, limit in zip(
                ends, lines.floats("reactance").tolist(), limits, strict=True
            )
        ],
        "orders": [
            (names[k], buses[k], rows.sides[k], float(prices[k]), float(quantities[k]))
            for k in rows.orders
        ],
        "demand_mw": demand,
        "value_of_lost_load": rows.value_of_lost_load,
    }


def _limit(text: str) -> float:
    return float(text) if text else float("inf")
