"""Order books as CSV files, and settlements as text, CSV and JSON."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sesgame
from sesgame.errors import GameError, SesgameError
from sesgame.files.csv_table import CsvTable
from sesgame.markets.order_book import OrderBook

if TYPE_CHECKING:
    from sesgame.markets.order_book_settlement import OneBusSettlement
    from sesgame.markets.properties import PropertyReport

__all__ = ["payments_text", "properties_text", "read_order_book", "write_settlements"]

_COLUMNS = ("participant", "side", "price_per_kwh", "quantity_kwh")


def read_order_book(path: Path) -> OrderBook:
    """Return the book in a CSV file; see :meth:`OrderBook.from_csv`."""
    table = CsvTable.read(path)
    table.expect(_COLUMNS, ["period"])
    sides = table.texts("side")
    for row, side in enumerate(sides):
        if side not in ("offer", "bid", "load"):
            table.fail(row, "side", f'"{side}" is neither "offer" nor "bid" nor "load"')
    prices, quantities = table.floats("price_per_kwh"), table.floats("quantity_kwh")
    periods = table.convert("period", table.texts("period", "0"), _period, "a period, from 0 on")
    names = table.texts("participant")
    rows = [row for row, side in enumerate(sides) if side != "load"]
    for row in rows:
        if not names[row]:
            table.fail(row, "participant", "an offer or bid needs a participant")
    if not rows:
        raise GameError(f"{path} has no offer and no bid")
    demand = [0.0] * (1 + max(periods))
    value_of_lost_load = None
    for row, side in enumerate(sides):
        if side == "load":
            if value_of_lost_load not in (None, prices[row]):
                table.fail(
                    row,
                    "price_per_kwh",
                    f"the value of lost load is {prices[row]} here and {value_of_lost_load} above; "
                    f"it is one number",
                )
            value_of_lost_load = prices[row]
            demand[periods[row]] += quantities[row]
    try:
        return OrderBook.from_orders(
            [(names[k], sides[k], prices[k], quantities[k], periods[k]) for k in rows],
            demand_kwh=demand,
            value_of_lost_load=value_of_lost_load,
        )
    except GameError as error:
        raise GameError(f"{path}: {error}") from error


def payments_text(settlements: Mapping[str, OneBusSettlement]) -> str:
    """Return what everybody pays under each rule, as a table for people."""
    gaps = [_amount(sesgame.budget_balance(s).gap) for s in settlements.values()]
    return _aligned(
        [
            ["pays", *settlements],
            *([name, *(_amount(paid) for paid in row)] for name, *row in _paid(settlements)),
            ["left in the till", *gaps],
        ]
    )


def _paid(settlements: Mapping[str, OneBusSettlement]) -> Iterator[tuple[Any, ...]]:
    """Yield a row for everybody: the name, then the payment under each rule."""
    first = next(iter(settlements.values()))
    for i, participant in enumerate(first.participants):
        yield (str(participant), *(float(s.payments[i]) for s in settlements.values()))
    for name in first.outside:
        yield (name, *(s.outside[name][1] for s in settlements.values()))


def properties_text(reports: Mapping[str, PropertyReport]) -> str:
    """Return which properties hold under each rule, as a table for people."""

    def word(holds: bool | None, figure: float) -> str:
        return "unknown" if holds is None else "yes" if holds else f"no ({_amount(figure)})"

    rows = {
        "": list(reports),
        "efficient": [word(r.efficient, r.efficiency_loss) for r in reports.values()],
        "nobody loses": [word(r.individually_rational, r.largest_loss) for r in reports.values()],
        "no misreport pays": [
            word(r.incentive_compatible, r.misreport_gain) for r in reports.values()
        ],
        "in the core": [word(r.in_core, r.core_excess) for r in reports.values()],
        "budget balanced": [word(r.budget.balanced, r.budget.gap) for r in reports.values()],
    }
    return _aligned([[name, *cells] for name, cells in rows.items()])


def write_settlements(
    folder: Path,
    source: str,
    settlements: Mapping[str, OneBusSettlement],
    reports: Mapping[str, PropertyReport],
) -> list[Path]:
    """Write ``payments.csv`` and ``result.json``; return their paths.

    Raises
    ------
    SesgameError
        The folder cannot be made, or a file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["participant", *settlements])
    writer.writerows(_paid(settlements))
    result = {
        "sesgame": sesgame.__version__,
        "market": source,
        "rules": {
            rule: {**settlement.to_dict(), "properties": reports[rule].to_dict()}
            for rule, settlement in settlements.items()
        },
    }
    files = {
        folder / "payments.csv": text.getvalue(),
        folder / "result.json": json.dumps(_without_nan(result), indent=2, allow_nan=False) + "\n",
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, content in files.items():
            path.write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        reason = error.strerror or str(error)
        raise SesgameError(f"nothing can be written to {folder}: {reason}") from error
    return list(files)


def _without_nan(value: object) -> object:
    """Return a value with null where JSON has no number: no price, or no bound on it."""
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_nan(item) for item in value]
    if isinstance(value, float) and not float("-inf") < value < float("inf"):
        return None
    return value


def _amount(value: float) -> str:
    # Adding zero turns the -0.0 of a rounded rest into 0.0.
    return f"{round(value, 4) + 0.0:.4f}"


def _aligned(rows: list[list[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def _period(text: str) -> int:
    period = int(text)
    if period < 0:
        raise ValueError(text)
    return period
