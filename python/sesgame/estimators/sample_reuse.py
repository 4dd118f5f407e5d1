"""Stratified sample reuse: every evaluated coalition counts for every player."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from sesgame.errors import GameError
from sesgame.estimators.pair_sampling import PairSampling
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

__all__ = ["SampleReuse"]


@checked_fields
@dataclass(frozen=True)
class SampleReuse:
    """For each player and size, the mean over the sampled coalitions with it minus those without.

    After the stratified estimator of [kolpaczki2024]_, on pairs of complementary coalitions and
    with Neyman allocation. Unbiased once every stratum has a coalition. Intervals from a jackknife
    over ten groups of pairs.

    Parameters
    ----------
    pilot : float, default 0.25
        Share of the first step that samples all sizes uniformly.

    Raises
    ------
    GameError
        The share is not in [0, 1].
    """

    pilot: float = 0.25

    name: ClassVar[str] = "sample_reuse"
    semivalues: ClassVar[str] = "symmetric"
    max_evaluations: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 <= self.pilot <= 1:
            raise GameError(f"pilot must be between 0 and 1, got {self.pilot}")

    def sampling(
        self, valuation: Valuation, probabilities: NDArray[np.float64], seed: int, budget: int
    ) -> PairSampling:
        """Begin to sample; see :class:`Estimator`."""
        return PairSampling(valuation, probabilities, seed, "sample_reuse", "adaptive", self.pilot)
