"""Pairs of complementary coalitions, whatever is made of them; the engine's ``paired_estimate``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame._engine import PairedEstimate
from sesgame.estimators.estimator import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

    Array = NDArray[np.float64]

__all__ = ["PairSampling", "too_few"]

DEGREES = 9
"""Of freedom: the standard errors come from a jackknife over ten groups."""


class PairSampling:
    """Pairs that the engine draws and makes an estimate of.

    Parameters
    ----------
    valuation : Valuation
        The game, of at least two players.
    probabilities : ndarray of float, shape (n,)
        Of the sizes of the coalitions that a player joins, the same from both ends.
    seed : int
        Determines all pairs.
    method : {"two_stage", "regression", "sample_reuse"}
        What is made of them.
    sizes : {"adaptive", "spread", "kernel", "leverage"}
        How the sizes of the coalitions are sampled.
    pilot : float, default 0
        Share of the first step that samples all sizes uniformly.
    """

    step = 2

    def __init__(
        self,
        valuation: Valuation,
        probabilities: Array,
        seed: int,
        method: Literal["two_stage", "regression", "sample_reuse"],
        sizes: Literal["adaptive", "spread", "kernel", "leverage"],
        pilot: float = 0.0,
    ) -> None:
        self._valuation = valuation
        self._engine = PairedEstimate(probabilities, method, sizes, seed)
        self._pilot = pilot
        self._order = 1
        self.evaluations = 1

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimate, for the record."""
        return {"pairs": (self.evaluations - 1) // 2, "weights_per_player": self._order}

    def extend(self, evaluations: int) -> bool:
        """Evaluate further pairs; see :class:`Sampling`."""
        before = self.evaluations
        if before == 1 and self._pilot:
            self._evaluate(max(1, int(self._pilot * (evaluations - 1)) // 2))
        self._evaluate((evaluations - self.evaluations) // 2)
        return self.evaluations > before

    def _evaluate(self, pairs: int) -> None:
        if pairs <= 0:
            return
        smaller = self._engine.draw(pairs, self._valuation.grand, self._valuation.scale)
        self._engine.record(self._valuation.odd_part(smaller))
        self.evaluations += 2 * len(smaller)

    def estimate(self) -> Estimate:
        """Return the values and their jackknife; see :class:`Sampling`."""
        values, errors, unseen, self._order = self._engine.estimate(
            self._valuation.grand, self._valuation.scale
        )
        if too_few((self.evaluations - 1) // 2, len(values)):
            errors = np.full(len(values), np.inf)
        return Estimate(values, errors, DEGREES, np.full(len(values), unseen))


def too_few(pairs: int, n_players: int) -> bool:
    """Whether the jackknife sees no spread: without a group the weights are not determined."""
    return DEGREES * pairs < (DEGREES + 1) * n_players
