"""The settlement of a network market: who delivers what where, and what everybody pays."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.markets.market import LOAD, PROPERTIES_TIME_LIMIT
from sesgame.markets.mechanism import FEW_TRIALS
from sesgame.markets.properties import PropertyReport, property_report
from sesgame.markets.settlement import Settlement
from sesgame.markets.steps import by_participant, signed

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.markets.mechanism import Mechanism
    from sesgame.markets.network import NetworkClearing, NetworkMarket

__all__ = ["NetworkSettlement"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class NetworkSettlement(Settlement):
    """The settlement of a network market, for one hour.

    Attributes
    ----------
    market : NetworkMarket
        What was settled.
    accepted_mw : ndarray of float, shape (m,)
        How much of each order is accepted.
    shed_mw : ndarray of float, shape (b,)
        Fixed demand at each bus that is not served.
    price_per_mwh : ndarray of float, shape (b,)
        The nodal price: what one MWh more at the bus costs the system.
    flow_mw : ndarray of float, shape (l,)
        The flow on each line, positive from its first to its second bus.
    link_flow_mw : ndarray of float, shape (k,)
        The flow into each link, positive from its first to its second bus.
    congestion_rent : float
        What nodal prices collect from consumption beyond what they pay to production.
    pivotal_mw : mapping of participant to float
        Only for VCG: participants without whom more fixed demand would be shed, and how much
        more.
    """

    market: NetworkMarket
    accepted_mw: NDArray[np.float64]
    shed_mw: NDArray[np.float64]
    price_per_mwh: NDArray[np.float64]
    flow_mw: NDArray[np.float64]
    link_flow_mw: NDArray[np.float64]
    congestion_rent: float
    pivotal_mw: dict[Hashable, float] = dataclasses.field(default_factory=dict)

    @classmethod
    def of(
        cls,
        market: NetworkMarket,
        clearing: NetworkClearing,
        mechanism: Mechanism,
        payments: NDArray[np.float64],
        *,
        pivotal_mw: dict[Hashable, float] | None = None,
    ) -> NetworkSettlement:
        """Return the settlement of a dispatch.

        The fixed load pays the price at its bus, and is paid for what is injected there.
        """
        price = clearing.price_per_mwh
        outside = {
            name: (float(market.value_of_lost_load * served.sum()), float(served @ price))
            for name, served in zip(
                market.load_names, market.served_mw(clearing.shed_mw), strict=True
            )
        }
        if market.injection_mw.any():
            value, paid = outside.get(LOAD, (0.0, 0.0))
            outside[LOAD] = value, paid - float(market.injection_mw @ price)
        traded = signed(market, clearing.accepted_mw)
        congestion_rent = sum(paid for _, paid in outside.values())
        congestion_rent += float(traded @ price[market.bus])
        return cls(
            market.participants,
            payments,
            clearing.values,
            mechanism.title,
            outside,
            best_welfare=float(market.value_of_lost_load * market.demand_mw.sum()) - clearing.cost,
            tolerance=market.tolerance,
            rule=mechanism,
            market=market,
            accepted_mw=clearing.accepted_mw,
            shed_mw=clearing.shed_mw,
            price_per_mwh=clearing.price_per_mwh,
            flow_mw=clearing.flow_mw,
            link_flow_mw=clearing.link_flow_mw,
            congestion_rent=congestion_rent,
            pivotal_mw=pivotal_mw or {},
        )

    @property
    def of_market(self) -> NetworkMarket:
        """The network market."""
        return self.market

    @property
    def consumed(self) -> NDArray[np.float64]:
        """What each participant buys, and then what the fixed load takes, in MWh."""
        market = self.market
        bought = np.where(market.is_bid, self.accepted_mw, 0.0)
        served = dict(zip(market.load_names, market.served_mw(self.shed_mw), strict=True))
        of_outside = [float(served[name].sum()) if name in served else 0.0 for name in self.outside]
        return np.append(by_participant(market, bought), of_outside)

    def properties(
        self,
        *,
        scan: Iterable[Hashable] | None = None,
        seed: int = 0,
        max_seconds: float = PROPERTIES_TIME_LIMIT,
        progress: bool = True,
    ) -> PropertyReport:
        """Return what is known of this outcome, and by how much what fails does so.

        Parameters
        ----------
        scan : iterable of hashable, optional
            The participants whose misreports are tried, each up to 24 prices and 4 quantities. By
            default nobody where truthfulness is a theorem, otherwise everybody, or of more than 8
            the 4 with the largest trade and 4 others, drawn. An empty list tries none.
        seed : int, default 0
            Draws them.
        max_seconds : float, default 6
            After so much time no further misreport is tried; what has been tried counts, and the
            verdict says that it was stopped. Up to half of it is for the search for a blocking
            coalition, which has a bound at any time. Infinity is no limit.
        progress : bool, default True
            Show the misreports tried where standard error is a terminal.

        Notes
        -----
        The core: no coalition of participants, with the network and the fixed load, does better
        on its own than its members and the load do now, the load with the budget surplus. Of
        several loads each is a player, and the surplus is in every coalition, with the network and
        the owners of its lines. The coalition that gains most is found by an integer program.
        """
        market, traded = self.market, by_participant(self.market, self.accepted_mw)
        rest = self.welfare - float(self.utilities.sum())
        of_loads = [
            value - paid for value, paid in map(self.outside.__getitem__, market.load_names)
        ]
        return property_report(
            self,
            market,
            scan=scan,
            seed=seed,
            max_seconds=max_seconds,
            progress=progress,
            ranked=np.argsort(-traded, kind="stable"),
            trials=FEW_TRIALS,
            best_welfare=market.clear().welfare,
            rest=np.array([*of_loads, rest - sum(of_loads)]) if len(of_loads) > 1 else rest,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the market in the types that JSON knows."""
        result = super().to_dict()
        del result["market"]
        return result
