"""VCG payments for every kind of market: everybody pays what its presence costs the others."""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import overload

import numpy as np

from sesgame._engine import EngineRule
from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.market import check_time_limit
from sesgame.markets.matching import Matching
from sesgame.markets.matching_proof import CorePoint
from sesgame.markets.matching_settlement import MatchingSettlement
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.network import NetworkMarket
from sesgame.markets.network_settlement import NetworkSettlement
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.storage_auction import StorageAuction
from sesgame.markets.storage_settlement import StorageSettlement
from sesgame.progress import progress_report

__all__ = ["VCG", "vcg"]


@overload
def vcg(market: OrderBook) -> OneBusSettlement: ...
@overload
def vcg(market: NetworkMarket, *, progress: bool = ...) -> NetworkSettlement: ...
@overload
def vcg(
    market: StorageAuction, *, time_limit: float = ..., progress: bool = ...
) -> StorageSettlement: ...
@overload
def vcg(market: Matching) -> MatchingSettlement: ...
@checked_arguments
def vcg(
    market: OrderBook | NetworkMarket | StorageAuction | Matching,
    *,
    time_limit: float = np.inf,
    progress: bool = True,
) -> OneBusSettlement | NetworkSettlement | StorageSettlement | MatchingSettlement:
    r"""Return the efficient outcome of a market with its VCG payments.

    .. math:: t_i = W(N \setminus i) - \sum_{j \ne i} v_j(q^*)

    where :math:`q^*` maximises the reported welfare :math:`W(N)`, and :math:`W(N \setminus i)` is
    the best without participant i, its bids and its resources. Whoever takes part pays what its
    presence costs everybody else; whoever delivers is paid what replacing it would cost.

    Parameters
    ----------
    market : OrderBook, NetworkMarket, StorageAuction or Matching
        What is settled.
    time_limit : float, optional
        Only for a storage auction: seconds for each integer program. Where one is stopped, the
        settlement says how far its payments may be off (`payment_gaps`); by default all are
        solved to proved optimality.
    progress : bool, default True
        Show progress where standard error is a terminal: programs solved, and of a winner
        determination the best welfare found and the bound proved.

    Returns
    -------
    OneBusSettlement, NetworkSettlement, StorageSettlement or MatchingSettlement
        Efficient and individually rational; truth is a dominant strategy. The budget need not
        balance: see :func:`sesgame.budget_balance`. Fixed demand pays the market price (at its
        bus).

    Raises
    ------
    SolverError
        A program failed, or found nothing in its time; then the error has the bound.
    KeyboardInterrupt
        Ctrl-C, in a program, too. Of a winner determination it says the best welfare found and
        the bound proved.

    Notes
    -----
    *Order book.* All n clearings without one participant together take O(m log m) in a period of
    m orders: each payment is an integral along the merit order, from the margin, past the
    participant's own steps. A participant without whom fixed demand cannot be met is *pivotal*:
    its payment counts what would be shed at the value of lost load, and `pivotal_kwh` names it.

    *Network.* One linear program, and one more for each participant that trades, each started
    from the basis of another, on all cores.

    *Storage auction.* One integer program, and one more for each winner, on all cores.

    *Matching.* Each buyer gains what it does where the core is best for buyers, each seller what it
    does where it is best for sellers: one matching, and a shortest path for each end.

    References
    ----------
    Vickrey (1961) [vickrey1961]_, Clarke (1971) [clarke1971]_, Groves (1973) [groves1973]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("sun", "offer", 0, 40), ("gas", "offer", 0.09, 60), ("oil", "offer", 0.2, 90)],
    ...     demand_kwh=60, value_of_lost_load=3.0,
    ... )
    >>> sg.markets.vcg(book).payments.round(6).tolist()
    [-3.6, -4.0, 0.0]
    """
    if isinstance(market, OrderBook):
        return _of_book(market)
    if isinstance(market, StorageAuction):
        return _of_auction(market, time_limit, progress)
    if isinstance(market, NetworkMarket):
        return _of_network(market, progress)
    if isinstance(market, Matching):
        return _of_matching(market)
    raise GameError(
        f"market must be an OrderBook, a NetworkMarket, a StorageAuction or a Matching, got a "
        f"{type(market).__name__} (for a cooperative game: sg.vcg_payments)"
    )


def _of_book(book: OrderBook) -> OneBusSettlement:
    clearing, (payments, pivotal) = book.clarke()
    named = {book.participants[int(i)]: float(pivotal[i]) for i in np.flatnonzero(pivotal)}
    return OneBusSettlement.of(book, clearing, VCG, payments, pivotal_kwh=named)


def _of_network(market: NetworkMarket, progress: bool) -> NetworkSettlement:
    with progress_report("VCG payments", "program", progress) as report:
        clearing, (payments, pivotal) = market.clarke(report)
    named = {market.participants[int(i)]: float(pivotal[i]) for i in np.flatnonzero(pivotal)}
    return NetworkSettlement.of(market, clearing, VCG, payments, pivotal_mw=named)


def _of_auction(auction: StorageAuction, time_limit: float, progress: bool) -> StorageSettlement:
    check_time_limit(time_limit)
    with progress_report("VCG payments", "program", progress) as report:
        outcome = auction.columns.clarke(time_limit, report)
    mechanism = VCG
    if time_limit < np.inf:
        # What is stopped at a gap keeps none of the promises, whatever it reached this time.
        settle = partial(vcg, time_limit=time_limit)
        mechanism = dataclasses.replace(VCG, settle=settle, promises=frozenset())
    return StorageSettlement.of(
        auction,
        outcome.won,
        mechanism,
        outcome.payments,
        bound=outcome.bound,
        payment_gaps=outcome.payment_gaps,
    )


def _of_matching(market: Matching) -> MatchingSettlement:
    clearing, m = market.clear(), len(market.rows)
    marginal = np.append(clearing.best_for_rows[:m], clearing.best_for_columns[m:])
    return MatchingSettlement.of(
        market, clearing.column_of, marginal, VCG, point=CorePoint.MARGINAL
    )


VCG = Mechanism(
    name="vcg",
    title="vcg",
    settle=vcg,
    markets=(OrderBook, NetworkMarket, StorageAuction, Matching),
    promises=frozenset({MarketPromise.EFFICIENT, MarketPromise.VOLUNTARY, MarketPromise.TRUTHFUL}),
    meaning="everybody pays what its presence costs the others",
    gives_up="the budget: a deficit where two sides trade",
    engine_rule=EngineRule.VCG,
    is_default=True,
    page="concepts/vcg",
    sources=("vickrey1961", "clarke1971", "groves1973"),
)
