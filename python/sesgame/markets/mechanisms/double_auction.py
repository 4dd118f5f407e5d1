"""Truthful double auctions that never run a deficit: they give up the trade at the margin.

No mechanism for both sides of a market is efficient, truthful, individually rational and free of
a deficit at once (Myerson and Satterthwaite 1983). VCG gives up the budget; these give up a trade.
What trade reduction and McAfee's auction share stands here.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.steps import (
    PRICE_ROUNDING,
    QUANTITY_ROUNDING,
    by_participant,
    signed,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.mechanism import Mechanism
    from sesgame.markets.order_book import OrderBook

__all__ = ["RATIONING", "settle_double_auction"]

RATIONING = ("proportional", "equal")
"""How the side that has more is cut."""

ALL_AT_P0, PAIR_LEFT_OUT, NO_TRADE = "all at p0", "one pair left out", "no trade"
"""What becomes of a period in McAfee's auction."""


def settle_double_auction(
    book: OrderBook,
    mechanism: Mechanism,
    *,
    keep_all_at_average_price: bool,
    rationing: str = "proportional",
) -> OneBusSettlement:
    """Return the trades that pay the prices of a pair that does not trade.

    Parameters
    ----------
    book : OrderBook
        No fixed demand, one order of each participant in a period.
    mechanism : Mechanism
        By which it is settled.
    keep_all_at_average_price : bool
        Whether nobody is left out where the average price of the next pair suits the marginal one.
    rationing : {"proportional", "equal"}
        How the side that has more is cut: by the same part, or by the same amount each, where who
        would be left with less than nothing leaves.
    """
    _check_single_orders(book, mechanism.title)
    accepted = np.zeros_like(book.quantity_kwh)
    sellers_get, buyers_pay, p0 = np.full((3, book.n_periods), np.nan)
    branches = [NO_TRADE] * book.n_periods
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
        branches[period] = PAIR_LEFT_OUT
        if keep_all_at_average_price and k + 1 < len(bids) and m + 1 < len(offers):
            following = book.price_per_kwh[[bids[k + 1], offers[m + 1]]]
            p0[period] = average = following.mean()
            # The average of two prices is rounded; those of the marginal pair are as given.
            rounding = PRICE_ROUNDING * np.abs(following).max()
            suitable = np.clip(average, sellers_get[period], buyers_pay[period])
            if abs(suitable - average) <= rounding:
                sellers_get[period] = buyers_pay[period] = suitable
                k, m = k + 1, m + 1
                branches[period] = ALL_AT_P0
        wanted = book.quantity_kwh[bids[:k]].sum()
        offered = book.quantity_kwh[offers[:m]].sum()
        traded = min(wanted, offered)
        if traded > 0 and rationing == "equal":
            accepted[bids[:k]] = _cut_equally(book.quantity_kwh[bids[:k]], traded)
            accepted[offers[:m]] = _cut_equally(book.quantity_kwh[offers[:m]], traded)
        elif traded > 0:
            accepted[bids[:k]] = book.quantity_kwh[bids[:k]] * (traded / wanted)
            accepted[offers[:m]] = book.quantity_kwh[offers[:m]] * (traded / offered)
        else:
            branches[period] = NO_TRADE
    traded_by = signed(book, accepted)
    price = np.where(book.is_bid, buyers_pay[book.period], sellers_get[book.period])
    payments = np.where(accepted > 0, traded_by * price, 0.0)
    efficient = book.clear()
    return dataclasses.replace(
        OneBusSettlement.of(book, efficient, mechanism, by_participant(book, payments)),
        values=by_participant(book, traded_by * book.price_per_kwh),
        accepted_kwh=accepted,
        price_per_kwh=(sellers_get + buyers_pay) / 2,
        price_lower=sellers_get,
        price_upper=buyers_pay,
        p0_per_kwh=p0 if keep_all_at_average_price else None,
        branches=tuple(branches) if keep_all_at_average_price else None,
        quantities_known=True,
    )


def _cut_equally(quantity: NDArray[np.float64], total: float) -> NDArray[np.float64]:
    """Return what is left of quantities when each gives up the same, but nobody more than it has.

    The cut c with sum(max(0, quantity - c)) = total, or none where they sum to no more.
    """
    falling = np.sort(quantity)[::-1]
    running = np.cumsum(falling)
    if running[-1] <= total * (1 + QUANTITY_ROUNDING):
        return quantity.copy()
    # With the k largest left, each gives up what they have too much together.
    cut = (running - total) / np.arange(1, len(falling) + 1)
    following = np.append(falling[1:], 0.0)
    enough = int(np.argmax((cut >= following) & (cut >= 0)))
    left: NDArray[np.float64] = np.maximum(quantity - cut[enough], 0.0)
    return left


def _marginal_pair(
    book: OrderBook, bids: NDArray[np.int64], offers: NDArray[np.int64]
) -> tuple[int, int]:
    """Return the positions of the last bid and the last offer of the efficient trade, or -1."""
    k = m = 0
    last = (-1, -1)
    wanted = offered = 0.0
    rounding = QUANTITY_ROUNDING * book.quantity_kwh[bids].sum()
    while k < len(bids) and m < len(offers):
        if book.price_per_kwh[bids[k]] < book.price_per_kwh[offers[m]]:
            break
        last = (k, m)
        after_bid = wanted + book.quantity_kwh[bids[k]]
        after_offer = offered + book.quantity_kwh[offers[m]]
        if after_bid <= after_offer + rounding:
            k, wanted = k + 1, after_bid
        if after_offer <= after_bid + rounding:
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
