"""Orders in which the members of a union come one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sesgame._engine import permutation_orders
from sesgame.estimators.permutations import Permutations, PermutationSampling

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

__all__ = ["UnionPermutations"]


@dataclass(frozen=True)
class UnionPermutations(Permutations):
    """Mean marginal contributions along random orders with contiguous unions: the Owen value.

    An order of the unions and, inside each, an order of its members, all independent. As for
    :class:`Permutations`, orders come with their reverses.

    Parameters
    ----------
    unions : tuple of tuple of int
        The players of each union by their position; together all, each once.
    """

    unions: tuple[tuple[int, ...], ...] = ()

    name: ClassVar[str] = "union permutations"

    def sampling(
        self,
        valuation: Valuation,
        probabilities: NDArray[np.float64],
        seed: int,
        budget: int,
    ) -> UnionSampling:
        """Begin to sample; see :class:`Estimator`."""
        return UnionSampling(valuation, seed, budget, self)


class UnionSampling(PermutationSampling):
    """Orders whose unions are contiguous."""

    def __init__(
        self, valuation: Valuation, seed: int, budget: int, options: UnionPermutations
    ) -> None:
        super().__init__(valuation, seed, budget, options)
        self._native = None  # the engine walks along orders without unions
        self._n_unions = len(options.unions)
        self._union = np.empty(valuation.n_players, dtype=np.intp)
        for number, members in enumerate(options.unions):
            self._union[list(members)] = number

    def orders(self, batch: int) -> NDArray[np.uint32]:
        """Return the orders of one batch, shape (orders, n)."""
        players = super().orders(batch)
        # A stream of its own, so that the order of the unions tells nothing of that inside.
        seed = (self._seed + 1) % 2**64
        unions = permutation_orders(self._n_unions, self._orders, seed, batch)
        union_rank = np.argsort(unions, axis=1)
        ranks = np.take_along_axis(union_rank, self._union[players], axis=1)
        contiguous = np.argsort(ranks, axis=1, kind="stable")
        return np.take_along_axis(players, contiguous, axis=1)
