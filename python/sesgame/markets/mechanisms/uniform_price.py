"""One price for everybody: the k-double auction at a clearing price, by default the middle one."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from sesgame._engine import EngineRule
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.steps import by_participant, signed

__all__ = ["UNIFORM_PRICE", "uniform_price"]


@checked_arguments
def uniform_price(book: OrderBook, *, position: float = 0.5) -> OneBusSettlement:
    """Return the efficient outcome of a book at one price for everybody (k-double auction).

    Parameters
    ----------
    book : OrderBook
        Any number of offers, bids and fixed demand.
    position : float, default 0.5
        Where the price lies between the lowest (0) and the highest (1) clearing price; 0.5 is
        the middle. Where one bound is missing, the price is the other one. (The average price of
        the pair that trades last is another rule: :func:`average_price`.)

    Returns
    -------
    OneBusSettlement
        Efficient, individually rational and budget balanced; truth is not a dominant
        strategy.

    Raises
    ------
    GameError
        The market is of another kind, or `position` is not from 0 to 1.

    Notes
    -----
    One sorted pass, O(m log m) for m orders. Inside a community the grid is one more participant,
    which offers at its price, and bids what it pays, more than all members trade: the price is then
    the dual price of netting.

    References
    ----------
    Wilson (1985) [wilson1985]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> sg.markets.uniform_price(book)["ann"]
    7.0
    """
    UNIFORM_PRICE.check(book)
    if not 0 <= position <= 1:
        raise GameError(f"position must be from 0 to 1, got {position}")
    clearing = book.clear()
    price = clearing.price(position)
    paid = np.where(np.isnan(price), 0.0, price)
    payments = by_participant(book, signed(book, clearing.accepted_kwh) * paid[book.period])
    mechanism = UNIFORM_PRICE
    if position != 0.5:
        settle = partial(uniform_price, position=position)
        mechanism = dataclasses.replace(UNIFORM_PRICE, settle=settle, engine_rule=None)
    return OneBusSettlement.of(book, clearing, mechanism, payments, position=position)


UNIFORM_PRICE = Mechanism(
    name="uniform-price",
    title="uniform price",
    settle=uniform_price,
    markets=(OrderBook,),
    promises=frozenset(
        {
            MarketPromise.EFFICIENT,
            MarketPromise.VOLUNTARY,
            MarketPromise.BALANCED,
            MarketPromise.IN_CORE,
        }
    ),
    meaning="one price at which supply meets demand",
    gives_up="truthfulness, the less the more bidders there are",
    engine_rule=EngineRule.UNIFORM_PRICE,
    is_default=True,
    page="concepts/market-rules",
    sources=("wilson1985",),
)
