"""What demand bidding comes to, and what other bids and reports would bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sesgame.energy.operator.parameters import fix
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["BiddingEquilibrium", "BiddingOptimum", "CostReportScan", "DeviationScan"]


@dataclass(frozen=True, eq=False)
class BiddingEquilibrium(ByValue):
    """The Nash equilibrium in bids.

    Attributes
    ----------
    price : float
        Per kWh, the same for all.
    price_range : tuple of float
        All prices at which this is an equilibrium: one, unless every prosumer produces at a bound.
        Then `price` is the end nearest to prices at which somebody would not.
    bids : ndarray of shape (n,)
        The intercepts of the demand functions, in kWh.
    production_kwh, purchase_kwh : ndarray of shape (n,)
        What each produces, and buys; negative where it sells. They add up to the demand of each.
    costs : ndarray of shape (n,)
        Of production and purchase.
    costs_alone : ndarray of shape (n,)
        Of producing all demand oneself; infinite for who cannot. At least `costs`.
    production_cost : float
        Of all together, which is what all costs add up to.
    kkt_residual : float
        By how much the conditions of best replies fail, as a part of the highest marginal cost. It
        is rounding.
    """

    price: float
    price_range: tuple[float, float]
    bids: NDArray[np.float64]
    production_kwh: NDArray[np.float64]
    purchase_kwh: NDArray[np.float64]
    costs: NDArray[np.float64]
    costs_alone: NDArray[np.float64]
    production_cost: float
    kkt_residual: float

    def __post_init__(self) -> None:
        fix(self)


@dataclass(frozen=True, eq=False)
class BiddingOptimum(ByValue):
    """The production of least cost, by somebody who knows all costs.

    Attributes
    ----------
    price : float
        The marginal cost of all who are not at a bound.
    price_range : tuple of float
        All prices that support it, as of :class:`BiddingEquilibrium`.
    production_kwh : ndarray of shape (n,)
        What each produces.
    production_cost : float
        Of all together.
    kkt_residual : float
        As of :class:`BiddingEquilibrium`.
    """

    price: float
    price_range: tuple[float, float]
    production_kwh: NDArray[np.float64]
    production_cost: float
    kkt_residual: float


@dataclass(frozen=True, eq=False)
class DeviationScan(ByValue):
    """What each prosumer could gain by another bid while all others keep theirs.

    Attributes
    ----------
    gains : ndarray of shape (n,)
        By the best reply, in closed form: at least 0 but for rounding.
    best_bids : ndarray of shape (n,)
        That reply.
    scanned_gains : ndarray of shape (n,)
        The most that any scanned bid gains.
    n_bids : int
        How many were tried for each.
    tolerance : float
        Up to which a gain is rounding.
    """

    gains: NDArray[np.float64]
    best_bids: NDArray[np.float64]
    scanned_gains: NDArray[np.float64]
    n_bids: int
    tolerance: float

    @property
    def is_equilibrium(self) -> bool:
        """Whether nobody gains, by the best reply or any scanned bid."""
        most = max(float(self.gains.max()), float(self.scanned_gains.max()))
        return most <= self.tolerance


@dataclass(frozen=True, eq=False)
class CostReportScan(ByValue):
    """What each prosumer could gain if a platform computed the equilibrium from reported costs.

    Attributes
    ----------
    gains : ndarray of shape (k,)
        The most that any report saves each of the k prosumers, in its true costs. Positive in
        general: reporting costs is not truthful.
    factors : ndarray of shape (k, 2)
        What the best report multiplies the quadratic and the linear cost by; 1 where none gains.
    prosumers : ndarray of int, shape (k,)
        Their numbers.
    """

    gains: NDArray[np.float64]
    factors: NDArray[np.float64]
    prosumers: NDArray[np.intp]
