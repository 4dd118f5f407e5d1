"""The average-price mechanism: one price, halfway between the bid and the offer that trade last."""

from __future__ import annotations

import dataclasses

import numpy as np

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.steps import by_participant, signed

__all__ = ["AVERAGE_PRICE", "average_price"]


@checked_arguments
def average_price(book: OrderBook) -> OneBusSettlement:
    r"""Return the efficient outcome at the average price of the marginal pair.

    .. math:: p = \tfrac12 (b_k + s_k)

    with the lowest bid :math:`b_k` and the highest offer :math:`s_k` that trade, in each period.

    Parameters
    ----------
    book : OrderBook
        Any number of offers and bids, but no fixed demand.

    Returns
    -------
    OneBusSettlement
        Efficient, individually rational and budget balanced; truth is not a dominant strategy.
        `price_lower` and `price_upper` are the clearing prices, between which the average price
        may not lie: then those who do not trade could do better with some of those who do.

    Raises
    ------
    GameError
        The market is of another kind, or has fixed demand.

    Notes
    -----
    O(m log m) for m orders. It is here to be compared: the middle of all clearing prices,
    :func:`uniform_price`, is in the core, and this price is only by chance.

    References
    ----------
    The k-double auction at k = 1/2 of the pair that trades last: Wilson (1985) [wilson1985]_.

    Examples
    --------
    Who bids 5 and who offers at 7 would clear at 5 to 7; the pair that trades last, at 8 and 3,
    makes the price 5.5:

    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([
    ...     ("b1", "bid", 9, 1), ("b2", "bid", 8, 1), ("b3", "bid", 5, 1),
    ...     ("s1", "offer", 2, 1), ("s2", "offer", 3, 1), ("s3", "offer", 7, 1),
    ... ])
    >>> sg.markets.average_price(book).price_per_kwh.tolist()
    [5.5]
    >>> sg.markets.uniform_price(book).price_per_kwh.tolist()
    [6.0]
    """
    AVERAGE_PRICE.check(book)
    if book.demand_kwh.any():
        period = int(np.argmax(book.demand_kwh > 0))
        raise GameError(
            f"the average price is that of bids and offers, but period {period} has fixed demand; "
            f"give it as a bid at the value of lost load"
        )
    clearing = book.clear()
    trades = clearing.accepted_kwh > 0
    lowest_bid, highest_offer = np.full(book.n_periods, np.inf), np.full(book.n_periods, -np.inf)
    bids, offers = np.flatnonzero(trades & book.is_bid), np.flatnonzero(trades & ~book.is_bid)
    np.minimum.at(lowest_bid, book.period[bids], book.price_per_kwh[bids])
    np.maximum.at(highest_offer, book.period[offers], book.price_per_kwh[offers])
    traded = np.isfinite(lowest_bid) & np.isfinite(highest_offer)
    price = np.full(book.n_periods, np.nan)
    price[traded] = (lowest_bid[traded] + highest_offer[traded]) / 2
    paid = np.where(traded, price, 0.0)[book.period]
    payments = by_participant(book, signed(book, clearing.accepted_kwh) * paid)
    price.setflags(write=False)
    settlement = OneBusSettlement.of(book, clearing, AVERAGE_PRICE, payments)
    return dataclasses.replace(settlement, price_per_kwh=price)


AVERAGE_PRICE = Mechanism(
    name="average-price",
    title="average price",
    settle=average_price,
    markets=(OrderBook,),
    promises=frozenset({MarketPromise.EFFICIENT, MarketPromise.VOLUNTARY, MarketPromise.BALANCED}),
    meaning="one price, halfway between the last bid and the last offer that trade",
    gives_up="truthfulness, and the core: at that price some who do not trade would like to",
    page="concepts/market-rules",
    sources=("wilson1985",),
)
