r"""Several sellers set prices, and buyers drift to whoever serves them best.

A population of buyers, each of whom looks at price and congestion and changes the seller now and
then, comes to rest where nobody would rather be with another one. Sellers know that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.cached import cached_property
from sesgame.energy.operator.parameters import fix, one_each, refuse_where
from sesgame.energy.operator.water_filling import water_filling
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["BuyerDrift", "SellersEquilibrium", "SeveralSellers"]

AT_REST = 1e-12
"""By how much payoffs may differ where nobody moves any more, as a part of the largest."""

SHOWN = 1000
"""After how many steps of a drift its progress is told."""


@dataclass(frozen=True, eq=False)
class SellersEquilibrium(ByValue):
    """Prices from which no seller gains by moving, and the buyers at them.

    Attributes
    ----------
    prices : ndarray of shape (m,)
        Of each seller, per kWh.
    shares : ndarray of shape (m,)
        Which part of buyers is with each; all positive, of sum 1.
    energy_kwh : ndarray of shape (m,)
        What each sells.
    profits : ndarray of shape (m,)
        Of each seller.
    delivered_price : float
        Price and congestion together, the same with all sellers.
    kkt_residual : float
        By how much the first-order conditions of sellers fail, as a part of the largest share. It
        is rounding.
    """

    prices: NDArray[np.float64]
    shares: NDArray[np.float64]
    energy_kwh: NDArray[np.float64]
    profits: NDArray[np.float64]
    delivered_price: float
    kkt_residual: float

    def __post_init__(self) -> None:
        fix(self)


@dataclass(frozen=True, eq=False)
class BuyerDrift(ByValue):
    """Where buyers drift at given prices.

    Attributes
    ----------
    shares : ndarray of shape (m,)
        At the end.
    steps : int
        How many were taken.
    residual : float
        By how much a seller's payoff exceeds the mean of all buyers at most, or, times the share of
        the seller, falls short of it, in money per kWh.
    converged : bool
        Whether that is as little as was asked for; if not, `shares` are where the steps ran out.
    """

    shares: NDArray[np.float64]
    steps: int
    residual: float
    converged: bool


@checked_fields
class SeveralSellers(ByValue):
    r"""Sellers with congestion who compete for a population of buyers.

    With the part :math:`x_j` of all buyers, a kWh from seller j is worth
    :math:`u_j = V - p_j - k_j x_j` to a buyer. Buyers are at rest where nobody would be better off
    elsewhere: all sellers with buyers have the same :math:`u_j`, and no other has more. Seller j
    earns :math:`(p_j - c_j) x_j(p)` per kWh of all demand.

    Parameters
    ----------
    congestion : array_like of float, shape (m,)
        :math:`k_j > 0`, in money per kWh: by how much a kWh is worth less if all buyers are there.
        For example what a kWh of demand beyond a seller's capacity costs, times demand over
        capacity. At least two sellers.
    cost : array_like of float, shape (m,)
        :math:`c_j \ge 0`, what a kWh costs each seller.
    demand_kwh : float, default 1
        Of all buyers.
    worth : float, optional
        :math:`V`, what a kWh is worth to a buyer; by default as much as needed for all to buy.

    Raises
    ------
    GameError
        There are fewer than two sellers, a number is not finite or out of its range, or shapes do
        not fit.

    Notes
    -----
    With :math:`s_j = 1 / k_j` and S their sum, while all have buyers,

    .. math:: x_j = s_j (L - p_j), \qquad L = \Bigl( 1 + \sum_k s_k p_k \Bigr) / S,

    and the best reply is :math:`p_j = c_j + x_j / (s_j (1 - s_j / S))`. Together these are linear
    equations with one solution, in O(m).

    The domain of the model is where that solution has :math:`x_j > 0` for all; the profit of each
    seller is then concave in its own price, also where a rival would lose all buyers. Elsewhere an
    equilibrium may not exist, and :meth:`equilibrium` refuses, with the sellers that no buyer goes
    to. Capacities and storage are not part of the model for the same reason.

    References
    ----------
    Replicator dynamics and stable population games: Sandholm (2010) [sandholm2010]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> market = sg.energy.SeveralSellers([0.5625, 0.375, 0.225], [0.08, 0.09, 0.12])
    >>> found = market.equilibrium()
    >>> found.prices.round(6).tolist(), found.shares.round(6).tolist()
    ([0.256451, 0.270948, 0.305075], [0.250953, 0.33777, 0.411277])
    >>> market.drift(found.prices, [0.1, 0.1, 0.8]).shares.round(6).tolist()
    [0.250953, 0.33777, 0.411277]
    """

    congestion: NDArray[np.float64]
    cost: NDArray[np.float64]
    demand_kwh: float
    worth: float | None

    def __init__(
        self,
        congestion: ArrayLike,
        cost: ArrayLike,
        *,
        demand_kwh: float = 1.0,
        worth: float | None = None,
    ) -> None:
        self.congestion = one_each("congestion", congestion, "seller")
        size = len(self.congestion)
        if size < 2:
            raise GameError(
                f"several sellers are at least two, got {size}: one alone could ask any price"
            )
        refuse_where(
            self.congestion <= 0,
            "congestion",
            self.congestion,
            "seller",
            "above 0: else buyers would not spread",
        )
        self.cost = one_each("cost", cost, "seller", size)
        refuse_where(self.cost < 0, "cost", self.cost, "seller", "at least 0")
        self.demand_kwh = float(demand_kwh)
        if not (np.isfinite(self.demand_kwh) and self.demand_kwh > 0):
            raise GameError(f"demand_kwh must be above 0 and finite, got {self.demand_kwh:g}")
        self.worth = None if worth is None else float(worth)
        if self.worth is not None and not np.isfinite(self.worth):
            raise GameError(f"worth must be finite, got {self.worth}")
        fix(self)

    def __repr__(self) -> str:
        return f"SeveralSellers({len(self.cost)} sellers, {self.demand_kwh:g} kWh)"

    def equilibrium(self) -> SellersEquilibrium:
        """Return the prices from which no seller gains by moving, in O(m).

        Raises
        ------
        GameError
            The model has no such prices: at the solution of the first-order conditions some seller,
            who is named, has no buyers, x_j = 0 or less; or a kWh is worth less than it takes, so
            that buyers would stay away.
        """
        return self._equilibrium

    @cached_property
    def _equilibrium(self) -> SellersEquilibrium:
        spread = 1.0 / self.congestion
        # -dx_j / dp_j, what a seller loses per unit of price, in parts of its spread.
        lost = 1.0 - spread / spread.sum()
        part = lost / (1.0 + lost)
        level = (1.0 + float((spread * self.cost * part).sum())) / float((spread * part).sum())
        prices = (lost * self.cost + level) / (1.0 + lost)
        shares = spread * (level - prices)
        without = np.flatnonzero(shares <= 0)
        if len(without):
            named = ", ".join(f"{j} (x = {shares[j]:.3g})" for j in without.tolist())
            raise GameError(
                f"out of the domain of the model: the first-order conditions leave sellers without "
                f"buyers, x_j = 0 or less: {named}. An equilibrium on that boundary may not exist; "
                f"leave out sellers who are too dear to have buyers"
            )
        if self.worth is not None and self.worth < level:
            raise GameError(
                f"a kWh is worth {self.worth:g}, and takes {level:g} with price and congestion: "
                f"buyers would stay away, which the model does not have"
            )
        settled = self.shares(prices)
        miss = settled - (prices - self.cost) * spread * lost
        return SellersEquilibrium(
            prices=prices,
            shares=settled,
            energy_kwh=settled * self.demand_kwh,
            profits=(prices - self.cost) * settled * self.demand_kwh,
            delivered_price=level,
            kkt_residual=float(np.abs(miss).max() / settled.max()),
        )

    def shares(self, prices: ArrayLike) -> NDArray[np.float64]:
        """Return where buyers are at rest, shape (m,), at any prices: by water filling.

        Here a seller may have none.

        Raises
        ------
        GameError
            There is not one finite price for each seller.
        """
        asked = one_each("prices", prices, "seller", len(self.cost))
        spread = 1.0 / self.congestion
        low, high = np.zeros(len(asked)), np.full(len(asked), np.inf)
        return water_filling(-spread * asked, spread, low, high, 1.0).amounts

    @checked_arguments
    def drift(
        self,
        prices: ArrayLike,
        start: ArrayLike | None = None,
        *,
        max_steps: int = 100_000,
        tolerance: float = AT_REST,
        progress: bool = True,
    ) -> BuyerDrift:
        r"""Return where replicator dynamics take buyers at given prices.

        .. math:: \dot x_j = x_j (u_j - \sum_k x_k u_k)

        Parameters
        ----------
        prices : array_like of float, shape (m,)
            Of each seller.
        start : array_like of float, shape (m,), optional
            Where buyers are before, all positive: a seller without buyers never gets any, since
            buyers imitate each other. Divided by their sum; by default all the same.
        max_steps : int, default 100,000
            After which it ends, `converged` or not.
        tolerance : float, default 1e-12
            At which nobody moves any more: `residual` as a part of the largest price and congestion
            together.
        progress : bool, default True
            Show progress where standard error is a terminal.

        Raises
        ------
        GameError
            There is not one finite price for each seller, a start is not positive (the seller is
            named), or an option is out of its range.

        Notes
        -----
        In steps ``x_j exp(u_j / k) / sum`` with k the largest congestion, which have the same
        points of rest. They descend the convex potential ``sum p_j x_j + k_j x_j^2 / 2`` in each
        step, so that the end is that of :meth:`shares`. Where a seller ends without buyers, that
        takes many steps.
        """
        size = len(self.cost)
        asked = one_each("prices", prices, "seller", size)
        shares = np.full(size, 1.0) if start is None else one_each("start", start, "seller", size)
        refuse_where(
            shares <= 0,
            "start",
            shares,
            "seller",
            "above 0: buyers imitate each other, so that nobody comes to a seller without buyers",
        )
        if max_steps < 1:
            raise GameError(f"max_steps must be at least 1, got {max_steps}")
        if not 0 < tolerance < 1:
            raise GameError(f"tolerance must be in (0, 1), got {tolerance:g}")
        shares = shares / shares.sum()
        rate = 1.0 / float(self.congestion.max())
        unit = float(np.abs(asked).max() + self.congestion.max())
        steps, residual = 0, np.inf
        with progress_report("replicator dynamics", "step", progress) as report:
            while True:
                over = -asked - self.congestion * shares
                over -= float((shares * over).sum())
                # Who is there and worse off may move, and anybody may come to who is better off.
                residual = max(float(over.max()), float((-shares * over).max()))
                if residual <= tolerance * unit or steps >= max_steps:
                    break
                shares = shares * np.exp(rate * (over - over.max()))
                shares /= shares.sum()
                steps += 1
                if report is not None and steps % SHOWN == 0:
                    report(steps, max_steps)
        return BuyerDrift(
            shares=shares,
            steps=steps,
            residual=residual,
            converged=residual <= tolerance * unit,
        )
