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
"""Of VCG's rounding: the nearest point is found by least squares, to 1e-8 of the welfare."""


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
        Seconds for each integer program; by default there is no limit.
    progress : bool, default True
        Show progress where standard error is a terminal: programs solved, and of the present one
        the best found and the bound proved.

    Returns
    -------
    OneBusSettlement or StorageSettlement
        Efficient, individually rational and in the core; truth is a dominant strategy only where
        VCG is such an outcome itself. `blocking` names the coalitions that made the difference.

    Raises
    ------
    SolverError
        A program failed, or was stopped before it proved that no coalition blocks; then the error
        says by how much one might gain at most.
    KeyboardInterrupt
        Ctrl-C, in a program, too; it says the best that was found and the bound that was proved.

    Notes
    -----
    Blocking coalitions are generated: an integer program finds the one that gains most against
    the present payments, a quadratic one the nearest payments that satisfy all found so far. The
    integer programs of an order book soon become slow: up to some twenty participants. Its core
    is never empty, since clearing prices are in it. Payoffs do not depend on which of several
    efficient outcomes is taken; who wins in a storage auction may, see :class:`StorageAuction`.

    References
    ----------
    Day and Raghavan (2007) [day2007]_; Day and Cramton (2012) [day2012]_.

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
    with progress_report("core-selecting payments", "program", progress) as report:
        if isinstance(market, OrderBook):
            return _of_book(market, time_limit, report)
        return _of_auction(market, time_limit, report)


def _of_book(book: OrderBook, time_limit: float, report: Report | None) -> OneBusSettlement:
    settlement = vcg(book)
    marginal, worth = settlement.utilities, settlement.welfare
    if settlement.outside:
        everybody = np.arange(len(book.participants))
        alone = book.only(everybody, with_load=False).clear().welfare
        marginal = np.append(marginal, worth - alone)
    # What is left of a difference of sums of money is nothing, also to the nearest point.
    marginal = np.where(marginal > settlement.tolerance, marginal, 0.0)
    worth = worth if worth > settlement.tolerance else 0.0
    payoffs, blocking, _ = book.coalitions.nearest_core_payoffs(marginal, worth, time_limit, report)
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
