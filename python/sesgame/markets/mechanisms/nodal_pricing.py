"""Nodal pricing: one price for each bus of a network, the usual rule of electricity markets."""

from __future__ import annotations

from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise, Mechanism
from sesgame.markets.network import NetworkMarket
from sesgame.markets.network_settlement import NetworkSettlement
from sesgame.markets.steps import by_participant, signed

__all__ = ["NODAL_PRICING", "nodal_pricing"]


@checked_arguments
def nodal_pricing(market: NetworkMarket) -> NetworkSettlement:
    r"""Return the efficient outcome where each bus has its price (locational marginal prices).

    .. math:: t_i = -\sum_b \lambda_b q_{ib}

    with the dual :math:`\lambda_b` of the power balance of bus b. The budget surplus is
    the congestion rent.

    Parameters
    ----------
    market : NetworkMarket
        Any number of offers, bids and fixed demand.

    Returns
    -------
    NetworkSettlement
        Efficient, individually rational; truth is not a dominant strategy.

    Raises
    ------
    GameError
        The market is of another kind.
    SolverError
        The linear program failed.

    Notes
    -----
    One linear program. Where several prices clear the market, they are those of one vertex.

    References
    ----------
    Schweppe, Caramanis, Tabors and Bohn (1988) [schweppe1988]_.

    Examples
    --------
    The cheap generator in the west cannot serve all of the east, which pays what its own one asks:

    >>> import sesgame as sg
    >>> market = sg.markets.NetworkMarket(
    ...     ["west", "east"],
    ...     [("west", "east", 0.1, 5)],
    ...     [("coal", "west", "offer", 10, 40), ("gas", "east", "offer", 30, 40)],
    ...     demand_mw={"east": 8},
    ...     value_of_lost_load=1000,
    ... )
    >>> prices = sg.markets.nodal_pricing(market)
    >>> prices.payments.tolist(), prices.congestion_rent
    ([-50.0, -90.0], 100.0)
    """
    NODAL_PRICING.check(market)
    clearing = market.clear()
    traded = signed(market, clearing.accepted_mw)
    payments = by_participant(market, traded * clearing.price_per_mwh[market.bus])
    return NetworkSettlement.of(market, clearing, NODAL_PRICING, payments)


NODAL_PRICING = Mechanism(
    name="nodal-pricing",
    title="nodal pricing",
    settle=nodal_pricing,
    markets=(NetworkMarket,),
    promises=frozenset(
        {MarketPromise.EFFICIENT, MarketPromise.VOLUNTARY, MarketPromise.NO_DEFICIT}
    ),
    meaning="one price for each bus of a network",
    gives_up="truthfulness; leaves congestion rent",
    is_default=True,
    page="concepts/market-rules",
    sources=("schweppe1988",),
)
