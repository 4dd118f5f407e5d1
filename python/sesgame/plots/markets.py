"""A market: the merit order, and payments side by side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.plots.canvas import BLACK, BLUE, GREY, RED, Style, new_axes, with_unit

if TYPE_CHECKING:
    import datetime

    from matplotlib.axes import Axes
    from numpy.typing import NDArray

    from sesgame.markets.order_book_settlement import OneBusSettlement
    from sesgame.markets.settlement import Settlement

__all__ = ["merit_order", "payments"]

OFFER, BID, PRICE = BLUE, RED, GREY
ROLES = (("sell", OFFER), ("both", BLACK), ("buy", BID), ("do not bid", GREY))
SELLS, BOTH, BUYS, OUTSIDE = range(len(ROLES))
"""What participants do, in the order in which they are drawn."""
HATCHES = ("", "///", "...", "xxx", "---", "ooo")
"""What tells bars apart without their colour."""
NAMED_STEPS = 12
"""Steps up to this number carry their participant's name."""
DRAWN = 30
"""Participants whose payments are drawn."""


@checked_arguments
def merit_order(
    settlement: OneBusSettlement,
    *,
    period: int | datetime.datetime | np.datetime64 = 0,
    unit: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw offers by rising and bids by falling price, what is traded, and the price.

    Parameters
    ----------
    settlement : OneBusSettlement
        Of any mechanism; the curves are those of its book.
    period : int, datetime or datetime64, default 0
        Which period: its number or, where the book has times, when it begins.
    unit : str, optional
        The currency.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    GameError
        There is no such period.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.plots.merit_order(sg.markets.vcg(book), unit="EUR").get_xlabel()
    'quantity (kWh)'
    """
    book = settlement.book
    at = book.period_at(period)
    axes = new_axes(ax)
    now = np.flatnonzero((book.period == at) & (book.quantity_kwh > 0))
    offers = now[~book.is_bid[now]]
    offers = offers[np.argsort(book.price_per_kwh[offers], kind="stable")]
    bids = now[book.is_bid[now]]
    bids = bids[np.argsort(-book.price_per_kwh[bids], kind="stable")]
    demand = float(book.demand_kwh[at])
    traded = float(settlement.accepted_kwh[offers].sum())

    edges = np.concatenate([[0.0], np.cumsum(book.quantity_kwh[offers])])
    price = book.price_per_kwh[offers]
    axes.stairs(price, edges, baseline=None, color=OFFER, linewidth=2, label="offers")
    for k in range(len(offers) if len(offers) <= NAMED_STEPS else 0):
        axes.annotate(
            str(book.participants[int(book.participant[offers[k]])]),
            ((edges[k] + edges[k + 1]) / 2, price[k]),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            fontsize=8,
            color=OFFER,
        )
    # Fixed demand comes before all bids: it stands at the top, whatever it is worth.
    edges = demand + np.concatenate([[0.0], np.cumsum(book.quantity_kwh[bids])])
    if len(bids):
        bid_price = book.price_per_kwh[bids]
        axes.stairs(bid_price, edges, baseline=None, color=BID, linewidth=2, label="bids")
    if demand > 0:
        axes.axvline(demand, color=BID, linestyle="--", label=f"fixed demand {demand:g} kWh")
    if np.isfinite(settlement.price_per_kwh[at]):
        axes.axhline(
            settlement.price_per_kwh[at],
            color=PRICE,
            linewidth=1,
            linestyle=":",
            label=f"market price {settlement.price_per_kwh[at]:.4g}",
        )
    axes.axvspan(0, traded, color=OFFER, alpha=0.08, linewidth=0, label=f"traded {traded:g} kWh")
    axes.margins(y=0.12)
    price_unit = f"{unit} per kWh".strip()
    axes.set(xlim=(0, None), xlabel="quantity (kWh)", ylabel=with_unit("price", price_unit))
    one = book.n_periods == 1 and book.times is None
    axes.set_title("merit order" if one else f"merit order, {book.period_name(at)}")
    _legend_below(axes, 2)
    return axes


@checked_arguments
def payments(
    settlements: Mapping[str, Settlement], *, unit: str = "", ax: Axes | None = None
) -> Axes:
    """Draw what each participant pays under each of several rules; bars to the left are received.

    Sellers come first, in blue, then who does both, then buyers, in red, and last who does not bid;
    among each the largest payment is on top. Of more than 30 participants, those with the largest
    payments are drawn.

    Parameters
    ----------
    settlements : mapping of str to Settlement
        By the name to show, all of one market.
    unit : str, optional
        The currency.
    ax : matplotlib Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    GameError
        No settlement, or settlements of different participants.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> rules = {"vcg": sg.markets.vcg(book), "uniform price": sg.markets.uniform_price(book)}
    >>> sg.plots.payments(rules, unit="EUR").get_xlabel()
    'payment (EUR), negative where received'
    """
    if not settlements:
        raise GameError("settlements must not be empty")
    axes = new_axes(ax)
    first = next(iter(settlements.values()))
    labels = [str(label) for label in first.participants] + list(first.outside)
    roles = _roles(first)
    height = 0.8 / len(settlements)
    paid = []
    for name, settlement in settlements.items():
        if settlement.participants != first.participants:
            raise GameError(f"the settlement {name!r} is of other participants than the first")
        if list(settlement.outside) != list(first.outside):
            raise GameError(f"the settlement {name!r} has others outside than the first")
        row = [*settlement.payments, *(amount for _, amount in settlement.outside.values())]
        paid.append([0.0 if settlement.is_rounding(amount) else amount for amount in row])
    size = np.abs(paid).max(axis=0)
    largest = np.argsort(-size, kind="stable")[:DRAWN]
    shown = largest[np.lexsort((-size[largest], roles[largest]))]
    places = np.arange(len(shown))
    for k, name in enumerate(settlements):
        axes.barh(
            places - 0.4 + (k + 0.5) * height,
            np.array(paid[k])[shown],
            height,
            label=name,
            color=Style.of(k).colour,
            hatch=HATCHES[k % len(HATCHES)],
            edgecolor="white",
            linewidth=0,
        )
    axes.set_yticks(places, [labels[i] for i in shown])
    for tick, i in zip(axes.get_yticklabels(), shown, strict=True):
        tick.set_color(ROLES[roles[i]][1])
    for role, (word, colour) in enumerate(ROLES):
        at = np.flatnonzero(roles[shown] == role)
        if at.size:
            axes.text(
                1.01,
                float(at.mean()),
                word,
                transform=axes.get_yaxis_transform(),
                rotation=90,
                va="center",
                fontsize=8,
                color=colour,
            )
            if at[-1] + 1 < len(shown):
                axes.axhline(at[-1] + 0.5, color=GREY, linewidth=0.5)
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.axvline(0, color="black", linewidth=0.8)
    few = len(shown) == len(labels)
    title = "payments" if few else f"the {DRAWN} largest payments of {len(labels)}"
    axes.set(xlabel=with_unit("payment", unit) + ", negative where received", title=title)
    _legend_below(axes, 3)
    return axes


def _legend_below(axes: Axes, columns: int) -> None:
    """Put the legend under the axis, where it hides nothing."""
    axes.legend(
        fontsize=8,
        loc="upper center",
        bbox_to_anchor=(0.5, -0.16),
        ncols=columns,
        frameon=False,
    )


def _roles(settlement: Settlement) -> NDArray[np.intp]:
    """Return what each participant, and then each outside, does, as a position in ``ROLES``."""
    n = len(settlement.participants)
    roles = np.full(n + len(settlement.outside), OUTSIDE)
    market = settlement.of_market
    is_bid, who = getattr(market, "is_bid", None), getattr(market, "participant", None)
    if is_bid is None or who is None:
        roles[:n] = BUYS if market is not None else np.where(settlement.values < 0, SELLS, BUYS)
        return roles
    sells, buys = np.zeros((2, n), np.bool_)
    sells[who[~is_bid]] = True
    buys[who[is_bid]] = True
    roles[:n] = np.where(sells & ~buys, SELLS, np.where(sells, BOTH, BUYS))
    return roles
