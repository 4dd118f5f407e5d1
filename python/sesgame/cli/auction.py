"""``sesgame auction``: clear an order book and settle it under several rules."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sesgame.markets.budget import scale_rents, uplift_by_gain, uplift_by_load
from sesgame.markets.mechanisms.trade_reduction import mcafee, trade_reduction
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_files import payments_text, properties_text, write_settlements
from sesgame.markets.order_book_settlement import (
    OneBusSettlement,
    one_bus_core_selecting,
    one_bus_vcg,
    pay_as_bid,
    uniform_price,
)
from sesgame.plots.canvas import new_figure, save_figure
from sesgame.plots.markets import merit_order, payments

__all__ = ["RULES", "add_auction", "auction"]

RULES: dict[str, Callable[[OrderBook], OneBusSettlement]] = {
    "vcg": one_bus_vcg,
    "uniform-price": uniform_price,
    "pay-as-bid": pay_as_bid,
    "trade-reduction": trade_reduction,
    "mcafee": mcafee,
    "core-selecting": one_bus_core_selecting,
    "vcg+uplift-by-load": lambda book: uplift_by_load(one_bus_vcg(book)),
    "vcg+uplift-by-gain": lambda book: uplift_by_gain(one_bus_vcg(book)),
    "vcg+scaled-rents": lambda book: scale_rents(one_bus_vcg(book)),
}
"""What ``--rules`` may name."""

DEFAULT = "vcg,uniform-price,pay-as-bid"


def add_auction(commands: Any) -> None:
    """Add the command to the subparsers of the command line."""
    command = commands.add_parser("auction", help="clear a market and settle it")
    command.add_argument("input", type=Path, metavar="MARKET", help="file of offers and bids, .csv")
    command.add_argument(
        "--rules",
        type=_rules,
        default=DEFAULT,
        metavar="RULES",
        help=f"of {', '.join(RULES)}; separated by commas (default: {DEFAULT})",
    )
    command.add_argument(
        "--out", type=Path, metavar="FOLDER", help="where to write payments.csv and result.json"
    )
    command.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="where to draw merit order and payments (.png, ...)",
    )
    command.set_defaults(command=auction)


def auction(options: argparse.Namespace) -> None:
    """Clear a market, and say what each rule pays, keeps and costs."""
    book = OrderBook.from_csv(options.input)
    settlements = {rule: RULES[rule](book) for rule in options.rules}
    reports = {rule: settlement.properties() for rule, settlement in settlements.items()}
    first = next(iter(settlements.values()))
    written = []
    if options.out:
        written += write_settlements(options.out, options.input.name, settlements, reports)
    if options.plot:
        written.append(_plot(options.plot, settlements))
    print(f"{options.input.name}: {book!r}")
    for period in range(min(book.n_periods, 24)):
        traded = first.accepted_kwh[(book.period == period) & ~book.is_bid].sum()
        shed = f", {first.shed_kwh[period]:g} kWh shed" if first.shed_kwh[period] > 0 else ""
        print(f"period {period}: {traded:g} kWh at {first.price_per_kwh[period]:g} per kWh{shed}")
    for participant, quantity in first.pivotal_kwh.items():
        print(f"{participant} is pivotal: without it, {quantity:g} kWh more would be shed")
    print(f"\n{payments_text(settlements)}\n\n{properties_text(reports)}")
    if written:
        print(f"\nWritten: {', '.join(str(path) for path in written)}")


def _plot(path: Path, settlements: dict[str, OneBusSettlement]) -> Path:
    figure = new_figure(11, 4.5)
    left, right = figure.subplots(1, 2)
    merit_order(next(iter(settlements.values())), ax=left)
    payments(settlements, ax=right)
    save_figure(figure, path)
    return path


def _rules(text: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in RULES:
            raise argparse.ArgumentTypeError(
                f'there is no rule "{name}"; there are {", ".join(RULES)}'
            )
    return names
