"""``sesgame auction``: clear a market and settle it under several rules."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sesgame.cli.console import say, settled
from sesgame.cli.inputs import regular_file
from sesgame.cli.options import add_json, names_of, rule_names
from sesgame.comparison import mechanisms_compared
from sesgame.errors import SesgameError
from sesgame.files.csv_folder import find_csv
from sesgame.files.output_files import OutputFiles
from sesgame.files.output_folder import MANIFEST, OutputFolder
from sesgame.formatting import amount, shown
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.market import PROPERTIES_TIME_LIMIT
from sesgame.markets.mechanism import Mechanism
from sesgame.markets.network import NetworkMarket
from sesgame.markets.network_files import NETWORK_FILES
from sesgame.markets.network_settlement import NetworkSettlement
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.settlement_files import (
    PAYMENTS,
    RESULT,
    payments_csv,
    payments_text,
    properties_text,
    result_json,
)
from sesgame.plots.canvas import check_ending, drawn_figure, new_figure
from sesgame.plots.markets import merit_order, payments
from sesgame.rule import ByName

__all__ = ["add_auction", "auction"]

SHOWN = 24
"""Periods, or buses, that are printed; the files have all."""


def _periods(settlement: OneBusSettlement) -> Iterator[str]:
    """Yield what is traded in each period, and who is pivotal."""
    book = settlement.book
    for period in range(min(book.n_periods, SHOWN)):
        name, price = book.period_name(period), settlement.price_per_kwh[period]
        traded = settlement.accepted_kwh[(book.period == period) & ~book.is_bid].sum()
        shed = settlement.shed_kwh[period]
        yield (
            f"{name}: {traded:g} kWh at {price:g} per kWh"
            + (f", {shed:g} kWh shed" if shed > 0 else "")
        )
    for participant, quantity in settlement.pivotal_kwh.items():
        yield f"{participant} is pivotal: without it, {quantity:g} kWh more would be shed"


def _buses(settlement: NetworkSettlement) -> Iterator[str]:
    """Yield the nodal price of each bus, the congestion rent, and who is pivotal."""
    market = settlement.market
    numbers = zip(market.buses, settlement.price_per_mwh, settlement.shed_mw, strict=True)
    for _, (bus, price, shed) in zip(range(SHOWN), numbers, strict=False):
        yield f"bus {bus}: {price:g} per MWh" + (f", {shed:g} MW shed" if shed > 0 else "")
    yield f"congestion rent at nodal prices: {amount(settlement.congestion_rent)}"
    for participant, power in settlement.pivotal_mw.items():
        yield f"{participant} is pivotal: without it, {power:g} MW more would be shed"


class _Input(NamedTuple):
    """A kind of market that comes from files, and what is said of its outcome."""

    market: type
    read: Callable[[Path], Any]
    lines: Callable[[Any], Iterator[str]]
    draws_merit_order: bool


FILE = _Input(OrderBook, OrderBook.from_csv, _periods, draws_merit_order=True)
FOLDER = _Input(NetworkMarket, NetworkMarket.from_csv, _buses, draws_merit_order=False)


def _fitting(*kinds: type) -> ByName[Mechanism]:
    return ByName(one for one in MECHANISMS.values() if any(one.takes(kind) for kind in kinds))


def _default(kind: type) -> str:
    return names_of([one for one in _fitting(kind).values() if one.is_default])


def add_auction(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser("auction", help="clear a market and settle it")
    command.add_argument(
        "input",
        type=Path,
        metavar="MARKET",
        help="file of offers and bids, .csv, or - for standard input; for a network, folder of "
        "orders.csv and lines.csv",
    )
    known = _fitting(FILE.market, FOLDER.market)
    command.add_argument(
        "--rules",
        type=partial(rule_names, known=known),
        metavar="RULES",
        help=f"rules, separated by commas (default: {_default(FILE.market)}; for a network "
        f"{_default(FOLDER.market)}): {', '.join(known)}",
    )
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help=f"write {PAYMENTS} and {RESULT} to this folder"
    )
    command.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write what holds of each rule to this file, a row each; - is standard output, which "
        "then has nothing else",
    )
    add_json(command)
    command.add_argument(
        "--max-seconds",
        type=float,
        default=PROPERTIES_TIME_LIMIT,
        metavar="SECONDS",
        help="time limit for what holds of each rule; what is known by then is said to be known by "
        f"then (default: {PROPERTIES_TIME_LIMIT:g})",
    )
    command.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw merit order and payments to this file (.png, .svg, .pdf)",
    )
    command.set_defaults(command=auction)


def auction(options: argparse.Namespace) -> None:
    """Clear a market, and say what each rule pays, keeps and costs."""
    folder = OutputFolder(options.out, [PAYMENTS, RESULT]) if options.out else None
    single = [path for path in (options.csv, options.json, options.plot) if path]
    names = (PAYMENTS, RESULT, MANIFEST) if options.out else ()
    outputs = OutputFiles([*single, *(options.out / name for name in names)])
    kind = FOLDER if options.input.is_dir() else FILE
    figure = new_figure(11 if kind.draws_merit_order else 6, 4.5) if options.plot else None
    if figure:
        check_ending(figure, options.plot)
    fitting = _fitting(kind.market)
    rules = options.rules or rule_names(_default(kind.market), fitting)
    for name in rules:
        if name not in fitting:
            raise SesgameError(
                f'rule "{name}" does not fit {options.input}, which is read as '
                f"{kind.market.__name__}; choose from {', '.join(fitting)}"
            )
    with regular_file(options.input) as path:
        files = [path]
        if kind is FOLDER:
            files = [file for role in NETWORK_FILES if (file := find_csv(path, role))]
        outputs.spare(files)
        if folder:
            folder.spare(files)
        market = kind.read(path)
    settlements: dict[str, Any] = {}
    for name in rules:
        settlements[name] = fitting[name].settle(market)
        settled(options, name, len(settlements), len(rules))
    comparison = mechanisms_compared(market, settlements, max_seconds=options.max_seconds)
    reports = {row.rule: row.properties for row in comparison.rows if row.properties is not None}
    first = next(iter(settlements.values()))
    result = result_json(path.name, settlements, reports)
    contents: dict[Path, str | bytes] = {options.json: result} if options.json else {}
    if options.csv:
        contents[options.csv] = comparison.to_csv()
    if figure:
        *left, right = figure.subplots(1, 1 + kind.draws_merit_order, squeeze=False).flat
        for axes in left:
            merit_order(first, ax=axes)
        payments(settlements, ax=right)
        contents[options.plot] = drawn_figure(figure, options.plot)
    written: list[Path] = []
    # What is computed is kept, also where nobody reads the output to its end, as with `head`.
    try:
        if folder:
            table = {PAYMENTS: payments_csv(settlements), RESULT: result}
            written = folder.write(table, contents)
        else:
            written = outputs.write(contents)
    finally:
        lines = [f"{shown(path.name)}: {market!r}", *map(shown, kind.lines(first))]
        tables = f"{payments_text(settlements)}\n\n{properties_text(reports)}"
        say(options, "\n".join([*lines, "", tables]))
    if written:
        say(options, f"\nWritten: {', '.join(map(str, written))}")
