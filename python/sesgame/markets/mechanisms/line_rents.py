"""Congestion rent, line by line, and to whom the lines belong."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.game.door import checked_arguments
from sesgame.markets.mechanism import MarketPromise
from sesgame.markets.mechanisms.budget_repair import Repair, Settle, repaired
from sesgame.markets.mechanisms.nodal_pricing import NODAL_PRICING
from sesgame.markets.network import NetworkMarket
from sesgame.markets.network_settlement import NetworkSettlement
from sesgame.markets.settlement import Settlement
from sesgame.markets.trading_games import owners_of_lines

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["line_rents", "rent_to_line_owners"]


@checked_arguments
def line_rents(settlement: NetworkSettlement) -> NDArray[np.float64]:
    r"""Return the congestion rent of each line, and then of each link.

    .. math:: r_l = f_l\, (\lambda_{\text{to}} - \lambda_{\text{from}})

    with the flow :math:`f_l` from the first to the second bus and the nodal prices; of a link, what
    arrives is worth the price there. They add up to ``settlement.congestion_rent``.

    Parameters
    ----------
    settlement : NetworkSettlement
        Of any mechanism; flows and nodal prices are those of its dispatch.

    Returns
    -------
    ndarray of float, shape (l + k,)
        In a loop the rent of a line that is not full may be negative.

    References
    ----------
    Schweppe, Caramanis, Tabors and Bohn (1988) [schweppe1988]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> market = sg.markets.NetworkMarket(
    ...     ["west", "east"],
    ...     [("west", "east", 0.1, 5)],
    ...     [("coal", "west", "offer", 10, 40), ("gas", "east", "offer", 30, 40)],
    ...     demand_mw={"east": 8},
    ...     value_of_lost_load=1000,
    ... )
    >>> sg.markets.line_rents(sg.markets.nodal_pricing(market)).tolist()
    [100.0]
    """
    if not isinstance(settlement, NetworkSettlement):
        raise GameError(
            f"settlement must be a NetworkSettlement, got a {type(settlement).__name__}"
        )
    market, price = settlement.market, settlement.price_per_mwh
    rents = [
        flow * (price[market.buses.index(line.to_bus)] - price[market.buses.index(line.from_bus)])
        for line, flow in zip(market.lines, settlement.flow_mw, strict=True)
    ]
    rents += [
        flow
        * (
            (1 - link.loss_share) * price[market.buses.index(link.to_bus)]
            - price[market.buses.index(link.from_bus)]
        )
        for link, flow in zip(market.links, settlement.link_flow_mw, strict=True)
    ]
    return np.array(rents, dtype=np.float64)


@checked_arguments
def rent_to_line_owners(
    settlement: NetworkSettlement, line_owners: Mapping[int, Hashable]
) -> NetworkSettlement:
    """Return the settlement by nodal prices in which owners of lines get the rent of their lines.

    Parameters
    ----------
    settlement : NetworkSettlement
        By :func:`sesgame.markets.nodal_pricing`, repaired or not: at other payments there is no
        rent to hand out.
    line_owners : mapping of int to hashable
        The owner of lines by their position; links are counted on after the lines. An owner may be
        a participant; any other is listed with those outside, by its name as text. The rent of what
        has no owner stays where it is.

    Returns
    -------
    NetworkSettlement
        With the same outcome. Balanced, if every line and link that earns rent has an owner.

    Raises
    ------
    GameError
        Another mechanism, a line that is not there, or an owner who is a fixed load.

    Notes
    -----
    As *players*, owners of lines are in :func:`sesgame.markets.market_game`, whose rules give them
    what their lines add, not what prices differ by: a line that is nowhere full earns no rent, and
    may be worth much.

    Examples
    --------
    >>> import sesgame as sg
    >>> market = sg.markets.NetworkMarket(
    ...     ["west", "east"],
    ...     [("west", "east", 0.1, 5)],
    ...     [("coal", "west", "offer", 10, 40), ("gas", "east", "offer", 30, 40)],
    ...     demand_mw={"east": 8},
    ...     value_of_lost_load=1000,
    ... )
    >>> nodal = sg.markets.nodal_pricing(market)
    >>> owned = sg.markets.rent_to_line_owners(nodal, {0: "cable company"})
    >>> owned.outside["cable company"], sg.budget_balance(owned).balanced
    ((0.0, -100.0), True)
    """
    rule = settlement.rule
    is_nodal = getattr(rule, "name", "").partition("+")[0] == NODAL_PRICING.name
    if not is_nodal:
        raise GameError(
            f"congestion rent is what nodal prices leave over; the settlement is by "
            f"{settlement.method!r}"
        )
    market = settlement.market
    owners = owners_of_lines(market, line_owners, with_links=True)
    rents = line_rents(settlement)
    payments = settlement.payments.copy()
    outside = dict(settlement.outside)
    for place, owner in owners.items():
        if owner in market.participants:
            payments[market.participants.index(owner)] -= rents[place]
        else:
            value, paid = outside.get(str(owner), (0.0, 0.0))
            outside[str(owner)] = value, paid - float(rents[place])
    return repaired(settlement, _repair(owners), payments, outside, settlement.rule)


def _repair(owners: dict[int, Hashable]) -> Repair:
    def wrap(settle: Settle) -> Settle:
        return partial(_again, settle, owners)

    return Repair(
        name="rent-to-line-owners",
        title="rent to line owners",
        wrap=wrap,
        markets=(NetworkMarket,),
        meaning="the rent of a line goes to its owner",
        gives_up="nothing that nodal prices have",
        keeps=frozenset({MarketPromise.EFFICIENT, MarketPromise.NO_DEFICIT}),
        sources=("schweppe1988",),
    )


def _again(settle: Settle, owners: dict[int, Hashable], market: Any) -> Settlement:
    settlement = settle(market)
    if not isinstance(settlement, NetworkSettlement):
        raise GameError("the mechanism settles no network")
    return rent_to_line_owners(settlement, owners)
