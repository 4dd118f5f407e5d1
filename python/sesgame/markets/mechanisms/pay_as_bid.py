"""Everybody pays, or is paid, their own price."""

from __future__ import annotations

from sesgame._engine import EngineRule
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement

__all__ = ["PAY_AS_BID", "pay_as_bid"]


@checked_arguments
def pay_as_bid(book: OrderBook) -> OneBusSettlement:
    """Return the efficient outcome of a book where each accepted order pays its own price.

    Parameters
    ----------
    book : OrderBook
        Any number of offers, bids and fixed demand.

    Returns
    -------
    OneBusSettlement
        Every reported utility is 0; truth is not a dominant strategy. Fixed demand pays the
        market price, so there is a surplus.

    Raises
    ------
    GameError
        The market is of another kind.

    Notes
    -----
    One sorted pass, O(m log m) for m orders.

    References
    ----------
    Kahn, Cramton, Porter and Tabors (2001) [kahn2001]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.markets.pay_as_bid(book)["ann"]
    9.0
    """
    PAY_AS_BID.check(book)
    clearing = book.clear()
    return OneBusSettlement.of(book, clearing, PAY_AS_BID, clearing.values)


PAY_AS_BID = Mechanism(
    name="pay-as-bid",
    title="pay as bid",
    settle=pay_as_bid,
    markets=(OrderBook,),
    promises=frozenset(
        {MarketPromise.EFFICIENT, MarketPromise.VOLUNTARY, MarketPromise.NO_DEFICIT}
    ),
    meaning="everybody at their own price",
    gives_up="truthfulness: nobody bids the truth",
    engine_rule=EngineRule.PAY_AS_BID,
    is_default=True,
    page="concepts/market-rules",
    sources=("kahn2001",),
)
