"""Marginal contributions along random orders; the engine's module ``permutations``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sesgame._engine import permutation_means, permutation_orders
from sesgame.errors import GameError
from sesgame.estimators.batch_moments import BatchMoments
from sesgame.estimators.estimator import Estimate
from sesgame.estimators.valuation import CELLS, Valuation
from sesgame.game.door import checked_fields
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["PermutationSampling", "Permutations"]

NATIVE_CELLS = 1 << 20
"""Batch means that the engine hands over at once."""

MAX_ORDERS = 8
"""Orders of a batch: more of them spread the players better and leave fewer batches to compare."""

MIN_BATCHES = 20
"""Batches that should come together before they get more than one order each."""


@checked_fields
@dataclass(frozen=True)
class Permutations:
    """Mean marginal contributions along random orders of the players [castro2009]_.

    n - 1 evaluations and n marginal contributions for each order; a native game is walked in Rust
    on all cores, in memory linear in n. Student intervals over independent batches, widened by
    what may not have been seen yet [hanley1983]_: who matters in one order out of hundreds, as
    small voters do, shows no spread in a few dozen.

    Parameters
    ----------
    antithetic : bool, default True
        Whether each order is walked in both directions.
    latin_hypercube : bool, default True
        Whether the orders of a batch spread each player evenly over the positions.
    """

    antithetic: bool = True
    latin_hypercube: bool = True

    name: ClassVar[str] = "permutations"
    semivalues: ClassVar[str] = "Shapley"
    max_evaluations: ClassVar[int | None] = None

    def sampling(
        self, valuation: Valuation, probabilities: Array, seed: int, budget: int
    ) -> PermutationSampling:
        """Begin to sample; see :class:`Estimator`."""
        return PermutationSampling(valuation, seed, budget, self)


class PermutationSampling:
    """Marginal contributions along random orders; see the engine's module ``permutations``.

    Parameters
    ----------
    valuation : Valuation
        The game.
    seed : int
        Determines all orders.
    budget : int
        The number of evaluations that is planned, which decides how many orders make a batch.
    options : Permutations
        Which devices lower the variance.

    Raises
    ------
    GameError
        The budget is not enough for one order.
    """

    def __init__(self, valuation: Valuation, seed: int, budget: int, options: Permutations) -> None:
        self._valuation = valuation
        self._n_players = valuation.n_players
        self._seed = seed
        walk = max(self._n_players - 1, 1)  # the grand coalition is known
        if budget < walk + 1:
            raise GameError(
                f"max_evaluations is {budget}; one order of {self._n_players} players takes "
                f"{walk + 1} evaluations"
            )
        # Two batches are the least that can be compared.
        self._antithetic = options.antithetic and budget > 4 * walk
        spread = min(MAX_ORDERS, max(1, (budget - 1) // (2 * walk * MIN_BATCHES)))
        self._orders = spread if options.latin_hypercube else 1
        self.step = self._orders * walk * (2 if self._antithetic else 1)
        self._native = valuation.native if self._antithetic else None
        self._moments = BatchMoments(self._n_players)
        self._scale = self._largest = np.zeros(1)  # of each game that is sampled
        self.evaluations = 1

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimator, for the record."""
        return {
            "orders": self._moments.count * self._orders * (2 if self._antithetic else 1),
            "batches": self._moments.count,
            "antithetic": self._antithetic,
            "latin_hypercube": self._orders,
        }

    def extend(self, evaluations: int) -> bool:
        """Walk along further orders; see :class:`Sampling`."""
        before = self._moments.count
        wanted = max(1, (evaluations - 1) // self.step)
        while self._moments.count < wanted:
            count = wanted - self._moments.count
            if self._native is not None:
                means = self._native_means(min(count, max(1, NATIVE_CELLS // self._n_players)))
            else:
                per_request = CELLS // (self.step * self._n_players)
                means = self._black_box_means(min(count, max(1, per_request)))
            self._merge(means)
            self.evaluations = 1 + self._moments.count * self.step
        return self._moments.count > before

    def _native_means(self, count: int) -> Array:
        assert self._native is not None
        with (
            progress_report("marginals", "", self._valuation.progress) as report,
            self._valuation.naming_coalitions(),
        ):
            means, value, marginal = permutation_means(
                self._native, self._orders, self._seed, self._moments.count, count, report
            )
        self._scale = np.maximum(self._scale, value)
        self._largest = np.maximum(self._largest, marginal)
        return means

    def _black_box_means(self, count: int) -> Array:
        ranks, membership = self._walks(count)
        values = self._valuation(membership)
        means, marginal = self._means(ranks, values, self._valuation.grand, count)
        self._scale = np.maximum(self._scale, self._valuation.scale)
        self._largest = np.maximum(self._largest, marginal)
        return means

    def _walks(self, count: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """Return where each player stands in each order, and the coalitions along the way."""
        batches = range(self._moments.count, self._moments.count + count)
        orders = np.concatenate([self.orders(batch) for batch in batches])
        if self._antithetic:
            orders = np.stack([orders, orders[:, ::-1]], axis=1).reshape(-1, self._n_players)
        ranks = np.argsort(orders, axis=1)
        positions = np.arange(1, self._n_players)
        membership = ranks[:, np.newaxis, :] < positions[:, np.newaxis]
        return ranks, membership.reshape(-1, self._n_players)

    def _means(
        self, ranks: NDArray[np.intp], values: Array, grand: float, count: int
    ) -> tuple[Array, float]:
        """Return each batch's mean marginal contributions, and the largest one in amount."""
        along = np.zeros((len(ranks), self._n_players + 1))
        along[:, -1] = grand
        along[:, 1:-1] = values.reshape(len(ranks), -1)
        marginals = np.take_along_axis(np.diff(along, axis=1), ranks, axis=1)
        means = marginals.reshape(count, -1, self._n_players).mean(axis=1)
        return np.asarray(means), float(np.abs(marginals).max())

    def orders(self, batch: int) -> NDArray[np.uint32]:
        """Return the orders of one batch, shape (orders, n)."""
        return permutation_orders(self._n_players, self._orders, self._seed, batch)

    def _merge(self, means: Array) -> None:
        if self._valuation.symmetry is not None:
            means = self._valuation.symmetry.pooled(means)
        self._moments.merge(means)

    def estimate(self) -> Estimate:
        """Return mean and standard error over the batches; see :class:`Sampling`."""
        moments = self._moments
        orders = self._orders * (2 if self._antithetic else 1)
        return Estimate(
            moments.mean.copy(),
            moments.standard_errors(),
            max(1, moments.count - 1),
            moments.unseen(self._scale, self._largest / orders),
        )
