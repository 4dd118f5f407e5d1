"""Efficient outcomes for every kind of market: VCG, and the core payments nearest to it."""

from __future__ import annotations

from typing import overload

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.network import NetworkMarket, NetworkSettlement, network_vcg
from sesgame.markets.order_book import OrderBook
from sesgame.markets.order_book_settlement import (
    OneBusSettlement,
    one_bus_core_selecting,
    one_bus_vcg,
)
from sesgame.markets.storage_auction import (
    StorageAuction,
    StorageSettlement,
    storage_core_selecting,
    storage_vcg,
)

__all__ = ["core_selecting", "vcg"]


@overload
def vcg(market: OrderBook) -> OneBusSettlement: ...
@overload
def vcg(market: NetworkMarket) -> NetworkSettlement: ...
@overload
def vcg(market: StorageAuction, *, time_limit: float = ...) -> StorageSettlement: ...
def vcg(
    market: OrderBook | NetworkMarket | StorageAuction, *, time_limit: float = np.inf
) -> OneBusSettlement | NetworkSettlement | StorageSettlement:
    r"""Return the efficient outcome of a market with its VCG payments.

    .. math:: t_i = W(N \setminus i) - \sum_{j \ne i} v_j(q^*)

    where :math:`q^*` maximises the reported welfare :math:`W(N)`, and :math:`W(N \setminus i)` is
    the best without participant i, its bids and its resources. Whoever takes part pays what its
    presence costs everybody else; whoever delivers is paid what replacing it would cost.

    Parameters
    ----------
    market : OrderBook, NetworkMarket or StorageAuction
        What is settled.
    time_limit : float, optional
        Only for a storage auction: seconds for each integer programme. Where one is stopped, the
        settlement says how far its payments may be off (`payment_gaps`); by default all are
        solved to proved optimality.

    Returns
    -------
    OneBusSettlement, NetworkSettlement or StorageSettlement
        Truth is a dominant strategy; nobody loses. The budget need not balance: see
        :func:`sesgame.budget_balance`. Fixed demand pays the market price (at its bus).

    Raises
    ------
    SolverError
        A programme failed, or found nothing in its time.

    Notes
    -----
    *Order book.* All n clearings without one participant together take O(m log m) in a period of
    m orders: each payment is an integral along the merit order, from the margin, past the
    participant's own steps. A participant without whom fixed demand cannot be met is *pivotal*:
    its payment counts what would be shed at the value of lost load, and `pivotal_kwh` names it.

    *Network.* One linear programme, and one more for each participant that trades, each started
    from the basis of another, on all cores.

    *Storage auction.* One integer programme, and one more for each winner, on all cores.

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
        return one_bus_vcg(market)
    if isinstance(market, StorageAuction):
        return storage_vcg(market, time_limit=time_limit)
    if isinstance(market, NetworkMarket):
        return network_vcg(market)
    raise GameError(
        f"the market is a {type(market).__name__}; it must be an OrderBook, a NetworkMarket or a "
        f"StorageAuction (for a cooperative game: sg.vcg_payments)"
    )


@overload
def core_selecting(market: OrderBook) -> OneBusSettlement: ...
@overload
def core_selecting(market: StorageAuction) -> StorageSettlement: ...
def core_selecting(market: OrderBook | StorageAuction) -> OneBusSettlement | StorageSettlement:
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

    Returns
    -------
    OneBusSettlement or StorageSettlement
        Efficient, individually rational and in the core; truth is a dominant strategy only where
        VCG is such an outcome itself. `blocking` names the coalitions that made the difference.

    Raises
    ------
    SolverError
        A programme failed.

    Notes
    -----
    Blocking coalitions are generated: an integer programme finds the one that gains most against
    the present payments, a quadratic one the nearest payments that satisfy all found so far. The
    integer programmes of an order book soon become slow: up to some twenty participants. Its core
    is never empty, since clearing prices are in it.

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
    if isinstance(market, OrderBook):
        return one_bus_core_selecting(market)
    if isinstance(market, StorageAuction):
        return storage_core_selecting(market)
    raise GameError(
        f"the market is a {type(market).__name__}; core-selecting payments are for an OrderBook "
        f"or a StorageAuction"
    )
