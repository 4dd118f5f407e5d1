"""Core-selecting payments: those in the core that are nearest to VCG."""

from __future__ import annotations

import dataclasses
from typing import overload

import numpy as np

from sesgame.game.door import checked_arguments
from sesgame.markets.market import check_time_limit
from sesgame.markets.mechanism import FEW_TRIALS, MarketPromise, Mechanism
from sesgame.markets.mechanisms.vcg import vcg
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.storage_auction import StorageAuction
from sesgame.markets.storage_settlement import StorageSettlement
from sesgame.progress import Report, progress_report

__all__ = ["CORE_SELECTING", "core_selecting"]

_PRECISION = 1e3
"""Of VCG's rounding: a coalition may still gain 1e-8 of the welfare."""


@overload
def core_selecting(
    market: OrderBook, *, time_limit: float = ..., progress: bool = ...
) -> OneBusSettlement: ...
@overload
def core_selecting(
    market: StorageAuction, *, time_limit: float = ..., progress: bool = ...
) -> StorageSettlement: ...
@checked_arguments
def core_selecting(
    market: OrderBook | StorageAuction, *, time_limit: float = np.inf, progress: bool = True
) -> OneBusSettlement | StorageSettlement:
    r"""Return the efficient outcome with the core payments nearest to VCG.

    *Storage auction*, where VCG may bring the seller too little:

    .. math:: \min \|p - p^{VCG}\|^2 \quad \text{over the core payments of least total}

    The core: for every coalition C of bidders, the winners outside C pay at least what C would
    offer more than it does, :math:`\sum_{i \in W \setminus C} p_i \ge w(C) - \sum_{i \in W \cap
    C} v_i(q^*)`.

    *Order book*, where VCG leaves a deficit:

    .. math:: \min \|u - u^{VCG}\|^2 \quad \text{subject to} \quad u(N) = W(N),
        \; u(S) \ge W(S) \text{ for all } S

    over payoffs u; the fixed load is one of the players. The budget then balances.

    Parameters
    ----------
    market : OrderBook or StorageAuction
        What is settled.
    time_limit : float, optional
        Seconds for each search for a coalition; by default there is no limit.
    progress : bool, default True
        Show progress where standard error is a terminal: searches done, and of an integer program
        the best found and the bound proved.

    Returns
    -------
    OneBusSettlement or StorageSettlement
        Efficient, individually rational and in the core; truth is a dominant strategy only where
        VCG is such an outcome itself. `blocking` names the coalitions that made the difference.

    Raises
    ------
    SolverError
        A search failed, or was stopped before it proved that no coalition blocks; then the error
        says by how much one might gain at most.
    KeyboardInterrupt
        Ctrl-C, in a program, too; it says the best that was found and the bound that was proved.

    Notes
    -----
    Blocking coalitions are generated: a search finds some that gain against the present payments,
    a quadratic program the nearest payments that satisfy all found so far, until no coalition
    gains more than 1e-8 of the welfare.

    *Order book.* The core is never empty, since the profits at a clearing price are in it; the
    larger the market, the nearer the two. Where those profits are proved to be nearest to VCG up
    to 1e-5 of the welfare, they are the payoffs, and `distance` of the settlement says how far
    from the nearest they are at most. A coalition is worth a merit order, O(m) for m orders. In
    one period the search joins sorted halves of players by what they trade together, and proves
    that it is at an end by branch and bound: about a second for 200 participants. Exponential at
    worst, where sizes differ so that few coalitions balance. In several periods it is an integer
    program for each coalition: for up to some twenty participants. Payoffs do not depend on which
    of several efficient outcomes is taken.

    *Storage auction.* The search is an integer program. Who wins where several choices of bundles
    are worth the same may decide payments, see :class:`StorageAuction`.

    References
    ----------
    Day and Raghavan (2007) [day2007]_; Day and Cramton (2012) [day2012]_. The search: Horowitz
    and Sahni (1974) [horowitz1974]_; Ben-Ameur and Neto (2007) [benameur2007]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> auction = sg.markets.StorageAuction(
    ...     [("a", 28, 1, 0, [0]), ("b", 20, 1, 0, [1]), ("c", 32, 1, 0, [0, 1]),
    ...      ("d", 14, 1, 0, [0]), ("e", 12, 1, 0, [1])],
    ...     energy_kwh=1, power_kw=0, n_periods=2,
    ... )
    >>> sg.markets.vcg(auction).payments.tolist()
    [14.0, 12.0, 0.0, 0.0, 0.0]
    >>> sg.markets.core_selecting(auction).payments.round(6).tolist()
    [17.0, 15.0, 0.0, 0.0, 0.0]

    One buyer and two sellers; VCG would pay the first seller 5 and collect 3:

    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("eve", "offer", 3, 1), ("gus", "offer", 5, 1)]
    ... )
    >>> sg.markets.core_selecting(book).payments.round(6).tolist()
    [4.0, -4.0, 0.0]
    """
    CORE_SELECTING.check(market)
    check_time_limit(time_limit)
    with progress_report("core-selecting payments", "search", progress) as report:
        if isinstance(market, OrderBook):
            return _of_book(market, time_limit, report)
        return _of_auction(market, time_limit, report)


def _of_book(book: OrderBook, time_limit: float, report: Report | None) -> OneBusSettlement:
    settlement = vcg(book)
    payoffs, blocking, distance = book.columns.nearest_core_payoffs(
        settlement.tolerance, time_limit, report
    )
    n = len(book.participants)
    labels = [*book.participants, *settlement.outside]
    return dataclasses.replace(
        settlement,
        payments=settlement.values - payoffs[:n] + 0.0,  # -0.0 + 0.0 is 0.0: nobody pays -0
        outside={
            name: (value, value - float(payoff))
            for (name, (value, _)), payoff in zip(
                settlement.outside.items(), payoffs[n:], strict=True
            )
        },
        method=CORE_SELECTING.title,
        rule=CORE_SELECTING,
        tolerance=_PRECISION * settlement.tolerance,
        distance=distance,
        blocking=tuple(
            frozenset(label for label, inside in zip(labels, coalition, strict=True) if inside)
            for coalition in blocking
        ),
    )


def _of_auction(
    auction: StorageAuction, time_limit: float, report: Report | None
) -> StorageSettlement:
    outcome = auction.columns.core_selecting(time_limit, report)
    labels = auction.participants
    return StorageSettlement.of(
        auction,
        outcome.won,
        CORE_SELECTING,
        outcome.payments,
        bound=outcome.welfare,
        blocking=tuple(frozenset(labels[i] for i in left_out) for left_out in outcome.blocking),
    )


CORE_SELECTING = Mechanism(
    name="core-selecting",
    title="core-selecting",
    settle=core_selecting,
    markets=(OrderBook, StorageAuction),
    promises=frozenset(
        {
            MarketPromise.EFFICIENT,
            MarketPromise.VOLUNTARY,
            MarketPromise.NO_DEFICIT,
            MarketPromise.IN_CORE,
        }
    ),
    meaning="of all payments that no coalition could better on its own, those nearest to VCG",
    gives_up="truthfulness, as little as possible",
    trials=FEW_TRIALS,
    page="concepts/market-rules",
    sources=("day2007", "day2012"),
)
