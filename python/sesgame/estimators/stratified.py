"""Marginal contributions by player and size of the coalition, with Neyman allocation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sesgame._engine import StratifiedEstimate
from sesgame.errors import GameError
from sesgame.estimators.estimator import Estimate

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

    Array = NDArray[np.float64]

__all__ = ["Stratified"]

EVALUATIONS_PER_STRATUM = 16
"""Of the budget: so few that the spread within each stratum can still be seen."""

PILOT = 8
"""Evaluations of each stratum before any are allocated by spread."""

GROWTH = 2.0
"""Factor by which the sample grows before the allocation is decided anew."""


@dataclass(frozen=True)
class Stratified:
    """Means of marginal contributions within ranges of sizes, for each player on its own.

    Two evaluations for each marginal contribution, which informs one player: for few players, and
    for semivalues that no other estimator can do. The strata of a player are ranges of about equal
    probability, as many as the budget fills; each gets evaluations in proportion to the spread that
    was seen within [castro2017]_. For the Shapley value the gap to v(N) is spread over the players
    by variance. Student intervals from the variances within, widened by what may not have been seen
    yet [hanley1983]_.
    """

    name: ClassVar[str] = "stratified"
    semivalues: ClassVar[str] = "all"
    max_evaluations: ClassVar[int | None] = None

    def sampling(
        self, valuation: Valuation, probabilities: Array, seed: int, budget: int
    ) -> StratifiedSampling:
        """Begin to sample; see :class:`Estimator`."""
        return StratifiedSampling(valuation, probabilities, seed, budget)


class StratifiedSampling:
    """Marginal contributions that the engine draws and averages by strata."""

    step = 2

    def __init__(self, valuation: Valuation, probabilities: Array, seed: int, budget: int) -> None:
        n_players = valuation.n_players
        ranges = min(n_players, max(1, budget // (EVALUATIONS_PER_STRATUM * n_players)))
        self._valuation = valuation
        self._engine = StratifiedEstimate(probabilities, ranges, seed)
        self._shares_out = bool(np.ptp(probabilities) == 0)
        self.evaluations = 1
        least = 1 + PILOT * self._engine.n_strata
        if budget < least:
            raise GameError(
                f"max_evaluations is {budget}; the {self._engine.n_strata} strata of {n_players} "
                f"players take at least {least} evaluations"
            )

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimate, for the record."""
        return {"strata": self._engine.n_strata}

    def extend(self, evaluations: int) -> bool:
        """Evaluate further marginal contributions; see :class:`Sampling`."""
        before = self.evaluations
        least = PILOT * self._engine.n_strata
        while (room := (evaluations - self.evaluations) // 2) > 0:
            marginals = min(room, max(least, int((GROWTH - 1) * self.evaluations)) // 2)
            rows = self._engine.draw(marginals, self._valuation.scale)
            self._engine.record(self._valuation(rows))
            self.evaluations += len(rows)
        return self.evaluations > before

    def estimate(self) -> Estimate:
        """Return the sums of the strata; see :class:`Sampling`."""
        values, errors, unseen = self._engine.estimate(self._valuation.scale)
        variances = errors**2
        if self._shares_out:
            gap = self._valuation.grand - values.sum()
            total = variances.sum()
            even = np.full(len(values), 1 / len(values))
            shares = variances / total if 0 < total < np.inf else even
            values = values + gap * shares
        marginals = (self.evaluations - 1) // 2
        degrees = (marginals - self._engine.n_strata) // len(values)  # of one player's strata
        return Estimate(values, errors, max(1, degrees), unseen)
