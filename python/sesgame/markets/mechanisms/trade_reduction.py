"""Truthful double auctions that never run a deficit: they give up the trade at the margin.

No mechanism for both sides of a market is efficient, truthful, individually rational and free of
a deficit at once (Myerson and Satterthwaite 1983). VCG gives up the budget; these two give up a
trade.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.markets import order_book_settlement as one_bus
from sesgame.markets.steps import by_participant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.order_book import OrderBook

__all__ = ["mcafee", "trade_reduction"]


def trade_reduction(book: OrderBook) -> one_bus.OneBusSettlement:
    """Return the trades of all but the marginal buyer and the marginal seller.

    Buyers by falling price, sellers by rising price; K and L are the last of each in the
    efficient trade. Buyers before K pay K's price, sellers before L get L's price, and the side
    that has more is rationed in proportion to its quantities.

    Parameters
    ----------
    book : OrderBook
        No fixed demand, and at most one order of each participant in each period: a trader with
        several steps could move the price of the inner ones with the outer ones. Quantities are
        taken as known; they may differ.

    Returns
    -------
    OneBusSettlement
        The true price is a dominant strategy, nobody loses, there is no deficit; the welfare of
        the marginal trade is lost. `price_upper` is what buyers pay, `price_lower` what sellers
        get, NaN where nobody trades.

    Raises
    ------
    GameError
        Fixed demand, or several orders of one participant in a period; it is named.

    Notes
    -----
    O(m log m). At one price the earlier order comes first.

    References
    ----------
    McAfee (1992) [mcafee1992]_ for single units; Huang, Scheller-Wolf and Sycara (2002)
    [huang2002]_ for many.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([
    ...     ("b1", "bid", 9, 1), ("b2", "bid", 8, 1), ("s1", "offer", 2, 1), ("s2", "offer", 3, 1),
    ... ])
    >>> sg.markets.trade_reduction(book).payments.tolist()
    [8.0, 0.0, -3.0, 0.0]
    """
    return _settle(book, "trade reduction", keep_all_at_average_price=False)


def mcafee(book: OrderBook) -> one_bus.OneBusSettlement:
    """Return the trades of McAfee's double auction for single units.

    With k efficient trades, let p be the average of the first refused bid and the first refused
    offer. If p suits the k-th buyer and the k-th seller, all k trade at p; otherwise the k-th
    pair is left out as in :func:`trade_reduction`.

    Parameters
    ----------
    book : OrderBook
        As for :func:`trade_reduction`, and all quantities of a period equal (units).

    Returns
    -------
    OneBusSettlement
        As for :func:`trade_reduction`; at most the least valuable trade is lost.

    Raises
    ------
    GameError
        As for :func:`trade_reduction`; also quantities that differ.

    Notes
    -----
    O(m log m). At one price the earlier order comes first. Where no bid or no offer is refused
    there is no p, and the k-th pair is left out.

    References
    ----------
    McAfee (1992) [mcafee1992]_, section 2.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([
    ...     ("b1", "bid", 9, 1), ("b2", "bid", 8, 1), ("b3", "bid", 4, 1),
    ...     ("s1", "offer", 2, 1), ("s2", "offer", 3, 1), ("s3", "offer", 6, 1),
    ... ])
    >>> sg.markets.mcafee(book).payments.tolist()
    [5.0, 5.0, 0.0, -5.0, -5.0, 0.0]
    """
    for period in range(book.n_periods):
        orders = np.flatnonzero((book.period == period) & (book.quantity_kwh > 0))
        quantity = book.quantity_kwh[orders]
        if len(orders) and (quantity != quantity[0]).any():
            k = int(orders[np.argmax(quantity != quantity[0])])
            raise GameError(
                f"{book.name(k)} is for {book.quantity_kwh[k]} kWh, {book.name(int(orders[0]))} "
                f"for {quantity[0]}; McAfee's auction is for equal units: use trade_reduction"
            )
    return _settle(book, "mcafee", keep_all_at_average_price=True)


def _settle(
    book: OrderBook, method: str, *, keep_all_at_average_price: bool
) -> one_bus.OneBusSettlement:
    _check_single_orders(book, method)
    accepted = np.zeros_like(book.quantity_kwh)
    sellers_get, buyers_pay = np.full((2, book.n_periods), np.nan)
    positive = book.quantity_kwh > 0
    by_merit = np.argsort(np.where(book.is_bid, -1, 1) * book.price_per_kwh, kind="stable")
    by_merit = by_merit[positive[by_merit]]
    for period in range(book.n_periods):
        now = by_merit[book.period[by_merit] == period]
        bids, offers = now[book.is_bid[now]], now[~book.is_bid[now]]
        k, m = _marginal_pair(book, bids, offers)
        if k < 0:
            continue
        sellers_get[period] = book.price_per_kwh[offers[m]]
        buyers_pay[period] = book.price_per_kwh[bids[k]]
        if keep_all_at_average_price and k + 1 < len(bids) and m + 1 < len(offers):
            average = book.price_per_kwh[[bids[k + 1], offers[m + 1]]].mean()
            if sellers_get[period] <= average <= buyers_pay[period]:
                sellers_get[period] = buyers_pay[period] = average
                k, m = k + 1, m + 1
        wanted = book.quantity_kwh[bids[:k]].sum()
        offered = book.quantity_kwh[offers[:m]].sum()
        traded = min(wanted, offered)
        if traded > 0:
            accepted[bids[:k]] = book.quantity_kwh[bids[:k]] * (traded / wanted)
            accepted[offers[:m]] = book.quantity_kwh[offers[:m]] * (traded / offered)
    best = one_bus.uniform_price(book)
    signed = np.where(book.is_bid, accepted, -accepted)
    price = np.where(book.is_bid, buyers_pay[book.period], sellers_get[book.period])
    payments = np.where(accepted > 0, signed * price, 0.0)
    return dataclasses.replace(
        best,
        payments=by_participant(book, payments),
        values=by_participant(book, signed * book.price_per_kwh),
        method=method,
        accepted_kwh=accepted,
        price_per_kwh=(sellers_get + buyers_pay) / 2,
        price_lower=sellers_get,
        price_upper=buyers_pay,
        quantities_known=True,
        rule=trade_reduction if method == "trade reduction" else mcafee,
    )


def _marginal_pair(
    book: OrderBook, bids: NDArray[np.int64], offers: NDArray[np.int64]
) -> tuple[int, int]:
    """Return the positions of the last bid and the last offer of the efficient trade, or -1."""
    k = m = 0
    last = (-1, -1)
    wanted = offered = 0.0
    while k < len(bids) and m < len(offers):
        if book.price_per_kwh[bids[k]] < book.price_per_kwh[offers[m]]:
            break
        last = (k, m)
        after_bid = wanted + book.quantity_kwh[bids[k]]
        after_offer = offered + book.quantity_kwh[offers[m]]
        if after_bid <= after_offer:
            k, wanted = k + 1, after_bid
        if after_offer <= after_bid:
            m, offered = m + 1, after_offer
    return last


def _check_single_orders(book: OrderBook, method: str) -> None:
    if book.demand_kwh.any():
        period = int(np.argmax(book.demand_kwh > 0))
        raise GameError(
            f"{method} is for bids and offers only, but period {period} has fixed demand; "
            f"give it as a bid at the value of lost load"
        )
    key = book.period * len(book.participants) + book.participant
    order = np.argsort(key, kind="stable")
    twice = np.flatnonzero(key[order[1:]] == key[order[:-1]])
    if twice.size:
        k = int(order[twice[0] + 1])
        raise GameError(
            f"{book.name(k)} is its second in period {book.period[k]}; {method} is truthful "
            f"only for participants with one order in a period"
        )
