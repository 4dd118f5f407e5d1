"""Storage shared under a tariff of two periods by members whose peaks are jointly normal."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.number_arrays import number_array
from sesgame.energy.two_period import TWO_PERIOD_PRICES
from sesgame.energy.two_period_prices import RELATIVE_TOLERANCE
from sesgame.energy.two_period_world import TwoPeriodWorld
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.cost_basis import CostTerms
from sesgame.game.door import checked_fields
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.game.precision import UNIT_ROUNDOFF
from sesgame.game.world import ScenarioEnergy

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["GaussianStorage", "GaussianStoragePrices"]

NORMAL = NormalDist()

SEMIDEFINITE = 1e-9
"""Of the largest variance: how far below zero rounding may put one of a sum of members."""

NEGATIVE = 1e-3
"""A peak that is negative with a higher probability is badly described by a normal distribution."""


@dataclass(frozen=True, eq=False)
class GaussianStoragePrices(Evidence):
    """What the bills rest on.

    Attributes
    ----------
    capacity_kwh : float
        The storage that all together buy.
    short_probability : float
        With which probability their peak exceeds it.
    storage_price : float
        What a kWh of storage earns: the difference of the two prices, as often as it is short.
    negative_probability : ndarray of shape (n,)
        With which probability each member's peak is negative, by the distribution that was given.
    """

    capacity_kwh: float
    short_probability: float
    storage_price: float
    negative_probability: NDArray[np.float64]

    @property
    def n_evaluations(self) -> int:
        """That of all together."""
        return 1

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how much is bought, and what storage is worth."""
        return [
            f"All together buy {self.capacity_kwh:.6g} kWh, which the peak exceeds with a "
            f"probability of {self.short_probability:.3g}: a kWh of storage earns "
            f"{amount(self.storage_price)}. At such prices no group can do better on its own."
        ]

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return whose peak is often negative in the distribution that was given."""
        odd = [
            f"{player} ({probability:.2g})"
            for player, probability in zip(
                allocation.players, self.negative_probability.tolist(), strict=True
            )
            if probability > NEGATIVE
        ]
        if not odd:
            return []
        return [
            f"In the normal distribution that was given, the peaks of some members are negative "
            f"with a probability that is not small: {', '.join(odd)}. Scenarios (TwoPeriodStorage) "
            f"do not have that."
        ]


@checked_fields
class GaussianStorage(TwoPeriodWorld):
    r"""Members with normal peaks who buy storage together under a tariff of two periods.

    As :class:`TwoPeriodStorage` with nothing owned, and with peaks :math:`y \sim N(\mu, \Sigma)` in
    place of scenarios. A coalition S buys the storage b that costs it least, a newsvendor's
    quantity:

    .. math:: c(S) = \lambda_l E[x(S) + y(S)] + \min_{b \ge 0} \lambda_b b
              + (\lambda_h - \lambda_l) E[(y(S) - b)^+]

    With :math:`\delta = \lambda_h - \lambda_l`, the critical ratio
    :math:`F = 1 - \lambda_b / \delta`, its quantile :math:`z = \Phi^{-1}(F)`, the mean
    :math:`\mu_S` and the standard deviation :math:`\sigma_S` of the peak of S:

    .. math:: b_S = \mu_S + z \sigma_S, \qquad
              c(S) = \lambda_l E[x(S) + y(S)] + \lambda_b \mu_S + \delta \varphi(z) \sigma_S

    wherever :math:`b_S \ge 0`; else S buys none.

    Parameters
    ----------
    members : iterable of str
        One label for each of the n members.
    mean_peak_kwh : array_like of float, shape (n,)
        The mean energy of each member at the peak, at least 0.
    peak_covariance : array_like of float, shape (n, n)
        Of these, in kWh squared: symmetric and positive semidefinite.
    off_peak_price, peak_price : float
        For each kWh, ``0 <= off_peak_price <= peak_price``.
    storage_price : float
        For each kWh of storage, for the same time as the rest (a day, say): above 0.
    off_peak_kwh : array_like of float, shape (n,), optional
        The mean energy of each member off peak, at least 0; by default none.
    currency : str, default "EUR"
        The unit of all money.
    name : str, default "two-period storage"
        For reports.

    Raises
    ------
    GameError
        Shapes do not fit, a number is out of its range, or the matrix is no covariance.

    Notes
    -----
    O(n^2) for each coalition, and for the bills of all. A normal peak is negative now and then; the
    evidence of an allocation says how often.

    References
    ----------
    Chakraborty, Baeyens, Poolla, Khargonekar and Varaiya (2019) [chakraborty2019]_ for the game,
    Kalathil, Wu, Poolla and Varaiya (2016) [kalathil2016]_ for the equilibrium.

    Examples
    --------
    Two shops whose peaks are uncorrelated need 10.7 kWh together, and 11.9 kWh apart:

    >>> import sesgame as sg
    >>> shops = sg.energy.GaussianStorage(
    ...     ["ann", "bob"],
    ...     [4, 4],
    ...     [[4, 0], [0, 4]],
    ...     off_peak_price=0.1,
    ...     peak_price=0.4,
    ...     storage_price=0.05,
    ... )
    >>> round(shops.capacity_kwh(), 2), shops.capacities_alone().round(2).tolist()
    (10.74, [5.93, 5.93])
    >>> bills = shops.allocation()
    >>> bills.values.round(3).tolist(), sg.audit(shops.cost_game(), bills).in_core
    ([0.706, 0.706], True)
    """

    def __init__(
        self,
        members: Iterable[Hashable],
        mean_peak_kwh: ArrayLike,
        peak_covariance: ArrayLike,
        *,
        off_peak_price: float,
        peak_price: float,
        storage_price: float,
        off_peak_kwh: ArrayLike | None = None,
        currency: str = "EUR",
        name: str = "two-period storage",
    ) -> None:
        self.players = Players(members)
        self.currency = currency
        self.name = name
        n = len(self.players)
        self.mean_peak_kwh = self._amounts("mean_peak_kwh", mean_peak_kwh)
        off_peak = np.zeros(n) if off_peak_kwh is None else off_peak_kwh
        self.off_peak_kwh = self._amounts("off_peak_kwh", off_peak)
        self.peak_covariance = self._covariance(peak_covariance)
        if not (0 <= off_peak_price <= peak_price < math.inf):
            raise GameError(
                f"energy costs {off_peak_price} off peak and {peak_price} at the peak; the peak "
                f"must not be cheaper, and neither price negative"
            )
        if not storage_price > 0:
            raise GameError(f"storage_price must be positive, got {storage_price}")
        self.off_peak_price = float(off_peak_price)
        self.peak_price = float(peak_price)
        self.storage_price = float(storage_price)

    def _amounts(self, name: str, given: ArrayLike) -> Array:
        values = _numbers(name, given)
        n = len(self.players)
        if values.shape != (n,):
            raise GameError(f"{name} has shape {values.shape}; {n} members need ({n},)")
        for player, value in zip(self.players, values.tolist(), strict=True):
            if not (math.isfinite(value) and value >= 0):
                raise GameError(f"{name} of {player} must be non-negative, got {value}")
        return values

    def _covariance(self, given: ArrayLike) -> Array:
        values = _numbers("peak_covariance", given)
        n = len(self.players)
        if values.shape != (n, n):
            raise GameError(
                f"peak_covariance has shape {values.shape}; {n} members need ({n}, {n})"
            )
        if not np.isfinite(values).all():
            raise GameError("peak_covariance must be finite")
        largest = float(np.abs(values).max())
        apart = np.abs(values - values.T)
        if apart.max() > SEMIDEFINITE * largest:
            i, j = (int(place) for place in np.unravel_index(int(np.argmax(apart)), apart.shape))
            raise GameError(
                f"peak_covariance must be symmetric, got {values[i, j]} of {self.players[i]} and "
                f"{self.players[j]}, but {values[j, i]} of {self.players[j]} and {self.players[i]}"
            )
        symmetric: Array = (values + values.T) / 2
        least = float(np.linalg.eigvalsh(symmetric)[0])
        if least < -SEMIDEFINITE * largest:
            raise GameError(
                f"peak_covariance is no covariance: some sum of peaks would have a variance of "
                f"{least:g}; it must be positive semidefinite"
            )
        return symmetric

    def scenario_energy(self) -> list[ScenarioEnergy]:
        """Return no scenarios: there is a distribution."""
        return []

    def cost_terms(self, model: None = None) -> CostTerms:
        """Return what a member does alone, and what is bought; there is no calendar."""
        return CostTerms(
            "the mean over normal peaks of two periods",
            "each member for itself, with the storage that it buys",
            f"storage at {self.storage_price:.12g} per kWh",
        )

    def description(self, model: None = None) -> str:
        """Return in words the distribution, the members and the prices; two lines."""
        return (
            f"normal peaks of two periods\n"
            f"{count(len(self.players), 'member')}, energy at {self.off_peak_price:g} off peak and "
            f"{self.peak_price:g} at the peak, storage at {self.storage_price:g} {self.currency} "
            f"per kWh"
        )

    def origin(self, model: None = None) -> dict[str, Any]:
        """Return what a saved result says of where the game comes from."""
        return {
            "off_peak_price": self.off_peak_price,
            "peak_price": self.peak_price,
            "storage_price": self.storage_price,
        }

    def capacity_kwh(self, members: Iterable[Hashable] | None = None) -> float:
        r"""Return the storage that a coalition buys, :math:`\max(0, \mu_S + z \sigma_S)`.

        Parameters
        ----------
        members : iterable of hashable, optional
            The coalition; by default all members.

        Raises
        ------
        CoalitionError
            A member is unknown or named twice.
        """
        chosen = np.zeros((1, len(self.players)), dtype=np.bool_)
        named = self.players if members is None else members
        chosen[0, list(self.players.indices(named))] = True
        return float(self._capacities(*self._moments(chosen))[0])

    def capacities_alone(self) -> Array:
        """Return the storage that each member would buy for itself, shape (n,), without sharing."""
        return self._capacities(self.mean_peak_kwh, np.sqrt(np.diag(self.peak_covariance)))

    def nash_capacities(self) -> Array:
        r"""Return the storage that each member buys, in equilibrium, if each buys for itself.

        What a member does not use at a peak it sells to the others, and what it lacks it buys from
        them or from the grid. A kWh in storage is worth :math:`\delta` more than it was charged for
        when all together are short, and nothing otherwise, so a member who buys :math:`b_i` pays

        .. math:: J_i = \lambda_b b_i + \delta E\bigl[(y_i - b_i) \, 1\{y(N) > b(N)\}\bigr]

        beside its energy off peak. Nobody gains by another amount at

        .. math:: b_i = E[y_i \mid y(N) = b_N] = \mu_i + z \frac{\Sigma_{i \cdot} 1}{\sigma_N},

        which add up to what all would buy together, and :math:`J_i` is then the bill of
        :meth:`allocation`.

        Returns
        -------
        ndarray of shape (n,)

        Raises
        ------
        GameError
            All together buy none, or some member's peak falls when that of all rises or its amount
            would be negative: then it is not known whether there is such an equilibrium.

        Notes
        -----
        Kalathil, Wu, Poolla and Varaiya prove that the equilibrium is unique where
        :math:`E[y_i | y(N) = b]` does not fall in b, for each i; of normal peaks that is a
        covariance with the sum of at least 0.

        References
        ----------
        Kalathil, Wu, Poolla and Varaiya (2016) [kalathil2016]_.

        Examples
        --------
        >>> import sesgame as sg
        >>> shops = sg.energy.GaussianStorage(
        ...     ["ann", "bob"],
        ...     [4, 4],
        ...     [[9, 0], [0, 1]],
        ...     off_peak_price=0.1,
        ...     peak_price=0.4,
        ...     storage_price=0.05,
        ... )
        >>> shops.nash_capacities().round(2).tolist()
        [6.75, 4.31]
        """
        mean, deviation = self._of_all
        capacity = float(self._capacities(*(np.array([each]) for each in (mean, deviation)))[0])
        if capacity <= 0:
            raise GameError(
                f"all together buy no storage at {self.storage_price:g} {self.currency} per kWh, "
                f"so there is none to share"
            )
        falling = np.flatnonzero(self._shares < 0)
        if len(falling):
            raise GameError(
                f"the peak of {self.players[falling[0]]} falls when that of all rises (their "
                f"covariance is {self._shares[falling[0]] * deviation:g}): it is not known whether "
                f"buying each for itself has an equilibrium"
            )
        bought: Array = self.mean_peak_kwh + self._quantile * self._shares
        negative = np.flatnonzero(bought < 0)
        if len(negative):
            raise GameError(
                f"in equilibrium {self.players[negative[0]]} would buy {bought[negative[0]]:g} kWh "
                f"of storage, which cannot be: it is not known whether there is another"
            )
        return bought

    def cost_game(self, *, model: None = None) -> Game:
        """Return the game in which each coalition bears its least expected cost."""
        self.chosen_model(model)
        return Game.from_function(self.players, self._costs, kind="cost", batched=True)

    def allocation(self) -> Allocation:
        r"""Return bills in the core, from the prices of the whole community.

        .. math:: \lambda_l E[x_i + y_i] + \delta E\bigl[y_i \, 1\{y(N) > b_N\}\bigr]
                  = \lambda_l E[x_i + y_i] + \lambda_b \mu_i
                    + \delta \varphi(z) \frac{\Sigma_{i \cdot} 1}{\sigma_N}

        where storage is bought: each member pays for its mean peak, and for its covariance with the
        peak of all. They add up to the cost of all, and a coalition S pays no more than its own,
        since its covariance with all is at most :math:`\sigma_S \sigma_N`.
        """
        mean, deviation = self._of_all
        one = np.array([mean]), np.array([deviation])
        capacity = float(self._capacities(*one)[0])
        gap = self.peak_price - self.off_peak_price
        if capacity > 0:
            short = self.storage_price / gap
            density = NORMAL.pdf(self._quantile)
        else:
            short, density = _tail(-mean, deviation)
        bills = self._base() + gap * (short * self.mean_peak_kwh + density * self._shares)
        turnover = float(np.abs(self._base()).sum())
        turnover += gap * (short * float(self.mean_peak_kwh.sum()) + density * deviation)
        alone = np.sqrt(np.diag(self.peak_covariance))
        allocation = Allocation(
            self.players,
            bills,
            kind="cost",
            method=TWO_PERIOD_PRICES.title,
            tolerance=RELATIVE_TOLERANCE * turnover,
            evidence=GaussianStoragePrices(
                capacity,
                short,
                gap * short,
                np.array([_tail(m, s)[0] for m, s in zip(self.mean_peak_kwh, alone, strict=True)]),
            ),
        )
        return TWO_PERIOD_PRICES.made(allocation)

    def __repr__(self) -> str:
        return f"GaussianStorage({self.name!r}, {count(len(self.players), 'member')})"

    @property
    def _quantile(self) -> float:
        """The quantile of the critical ratio; minus infinity where storage never pays."""
        gap = self.peak_price - self.off_peak_price
        ratio = 1.0 - self.storage_price / gap if gap > 0 else 0.0
        # Storage that only just pays, rounding aside, is not bought.
        return NORMAL.inv_cdf(ratio) if ratio > RELATIVE_TOLERANCE else -math.inf

    @property
    def _of_all(self) -> tuple[float, float]:
        """The mean and the standard deviation of the peak of all."""
        everybody = np.ones((1, len(self.players)), dtype=np.bool_)
        mean, deviation = self._moments(everybody)
        return float(mean[0]), float(deviation[0])

    @property
    def _shares(self) -> Array:
        """Each member's covariance with all over the standard deviation of all, shape (n,)."""
        covariance = self.peak_covariance.sum(axis=1)
        _, deviation = self._of_all
        if deviation == 0:
            return np.zeros(len(covariance))
        # What rounding leaves of a covariance of 0 has no sign.
        most = np.sqrt(np.diag(self.peak_covariance)) * deviation
        covariance[np.abs(covariance) <= SEMIDEFINITE * most] = 0.0
        shares: Array = covariance / deviation
        return shares

    def _base(self) -> Array:
        """Return what each member would pay if all were bought off peak, shape (n,)."""
        base: Array = self.off_peak_price * (self.off_peak_kwh + self.mean_peak_kwh)
        return base

    def _moments(self, membership: NDArray[np.bool_]) -> tuple[Array, Array]:
        """Return means and standard deviations of the peaks of coalitions, shape (m,)."""
        members = membership.astype(np.float64)
        mean = np.einsum("mi,i->m", members, self.mean_peak_kwh)
        variance = np.einsum("mi,ij,mj->m", members, self.peak_covariance, members)
        # A sum that does not vary has a variance of rounding.
        rounding = UNIT_ROUNDOFF * len(self.players) ** 2
        variance[variance <= rounding * np.abs(self.peak_covariance).max()] = 0.0
        return mean, np.sqrt(variance)

    def _capacities(self, mean: Array, deviation: Array) -> Array:
        """Return what coalitions of such peaks buy, shape (m,)."""
        if math.isinf(self._quantile):
            return np.zeros(len(mean))
        return np.maximum(mean + self._quantile * deviation, 0.0)

    def _costs(self, membership: NDArray[np.bool_]) -> Array:
        mean, deviation = self._moments(membership)
        gap = self.peak_price - self.off_peak_price
        bought = self._capacities(mean, deviation) > 0
        density = NORMAL.pdf(self._quantile) if bought.any() else 0.0
        beyond = self.storage_price * mean + gap * density * deviation if bought.any() else mean * 0
        for row in np.flatnonzero(~bought):
            short, dense = _tail(-mean[row], deviation[row])
            beyond[row] = gap * (short * mean[row] + dense * deviation[row])
        costs: Array = membership @ self._base()
        costs += beyond
        return costs


def _tail(bound: float, deviation: float) -> tuple[float, float]:
    """Return how often a peak about 0 exceeds a bound, and the density there in its own unit."""
    if deviation == 0:
        return float(bound < 0), 0.0
    place = float(bound / deviation)
    return NORMAL.cdf(-place), NORMAL.pdf(place)


def _numbers(name: str, given: ArrayLike) -> Array:
    try:
        return number_array(given)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not an array of numbers: {error}") from error
