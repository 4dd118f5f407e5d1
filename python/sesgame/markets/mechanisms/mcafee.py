"""McAfee's double auction for single units."""

from __future__ import annotations

import numpy as np

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.mechanisms.double_auction import settle_double_auction
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.steps import QUANTITY_ROUNDING

__all__ = ["MCAFEE", "mcafee"]


@checked_arguments
def mcafee(book: OrderBook) -> OneBusSettlement:
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
        As for :func:`trade_reduction`; at most the least valuable trade is lost. `p0_per_kwh` is p
        in each period, and `branches` says which of the two happened there.

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
    >>> settlement = sg.markets.mcafee(book)
    >>> settlement.payments.tolist()
    [5.0, 5.0, 0.0, -5.0, -5.0, 0.0]
    >>> settlement.p0_per_kwh.tolist(), settlement.branches
    ([5.0], ('all at p0',))
    """
    MCAFEE.check(book)
    for period in range(book.n_periods):
        orders = np.flatnonzero((book.period == period) & (book.quantity_kwh > 0))
        quantity = book.quantity_kwh[orders]
        differs = np.abs(quantity - quantity[:1]) > QUANTITY_ROUNDING * quantity[:1]
        if differs.any():
            k = int(orders[np.argmax(differs)])
            raise GameError(
                f"{book.name(k)} is for {book.quantity_kwh[k]} kWh, {book.name(int(orders[0]))} "
                f"for {quantity[0]}; McAfee's auction is for equal units: use trade_reduction"
            )
    return settle_double_auction(book, MCAFEE, keep_all_at_average_price=True)


MCAFEE = Mechanism(
    name="mcafee",
    title="mcafee",
    settle=mcafee,
    markets=(OrderBook,),
    promises=frozenset({MarketPromise.VOLUNTARY, MarketPromise.TRUTHFUL, MarketPromise.NO_DEFICIT}),
    meaning="as trade-reduction, for equal units; keeps the trade where the average of the next "
    "bid and offer suits it",
    gives_up="the least valuable trade, where that average does not suit it",
    page="concepts/market-rules",
    sources=("mcafee1992",),
)
