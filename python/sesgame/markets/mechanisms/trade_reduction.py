"""Trade reduction: the marginal buyer and the marginal seller do not trade, but set the prices."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Literal

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.mechanisms.double_auction import RATIONING, settle_double_auction
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement

__all__ = ["TRADE_REDUCTION", "trade_reduction"]


@checked_arguments
def trade_reduction(
    book: OrderBook, *, rationing: Literal["proportional", "equal"] = "proportional"
) -> OneBusSettlement:
    """Return the trades of all but the marginal buyer and the marginal seller.

    Buyers by falling price, sellers by rising price; K and L are the last of each in the
    efficient trade. Buyers before K pay K's price, sellers before L get L's price, and the side
    that has more is rationed.

    Parameters
    ----------
    book : OrderBook
        No fixed demand, and at most one order of each participant in each period: a trader with
        several steps could move the price of the inner ones with the outer ones. Quantities are
        taken as known; they may differ.
    rationing : {"proportional", "equal"}, default "proportional"
        How the side that has more is cut: by the same part of each quantity, or, as published, by
        the same amount each, where who would be left with less than nothing leaves and the rest
        are cut again.

    Returns
    -------
    OneBusSettlement
        The true price is a dominant strategy; individually rational, without deficit; the welfare
        of the marginal trade is lost. `price_upper` is what buyers pay, `price_lower` what
        sellers get, NaN where nobody trades.

    Raises
    ------
    GameError
        The market is of another kind, has fixed demand, or several orders of one participant in a
        period; it is named. Also a `rationing` that is neither.

    Notes
    -----
    O(m log m). At one price the earlier order comes first. A quantity can be misreported: who says
    more than it has is cut less, and cannot deliver; who offers less may be cut by less.

    References
    ----------
    McAfee (1992) [mcafee1992]_ for single units; Huang, Scheller-Wolf and Sycara (2002)
    [huang2002]_ for many, with equal cuts.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([
    ...     ("b1", "bid", 9, 1), ("b2", "bid", 8, 1), ("s1", "offer", 2, 1), ("s2", "offer", 3, 1),
    ... ])
    >>> sg.markets.trade_reduction(book).payments.tolist()
    [8.0, 0.0, -3.0, 0.0]
    """
    TRADE_REDUCTION.check(book)
    if rationing not in RATIONING:
        raise GameError(f'rationing must be "proportional" or "equal", got {rationing!r}')
    mechanism = TRADE_REDUCTION
    if rationing != "proportional":
        settle = partial(trade_reduction, rationing=rationing)
        mechanism = dataclasses.replace(TRADE_REDUCTION, settle=settle)
    return settle_double_auction(
        book, mechanism, keep_all_at_average_price=False, rationing=rationing
    )


TRADE_REDUCTION = Mechanism(
    name="trade-reduction",
    title="trade reduction",
    settle=trade_reduction,
    markets=(OrderBook,),
    promises=frozenset({MarketPromise.VOLUNTARY, MarketPromise.TRUTHFUL, MarketPromise.NO_DEFICIT}),
    meaning="leave out the least valuable trade, so that prices come from who does not trade",
    gives_up="that trade",
    page="concepts/market-rules",
    sources=("huang2002",),
)
