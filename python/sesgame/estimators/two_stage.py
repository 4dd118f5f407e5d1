"""The adaptive estimator: pairs, a surrogate, and the correction of what it leaves over."""

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

__all__ = ["TwoStage"]


@checked_fields
@dataclass(frozen=True)
class TwoStage:
    """Pairs of complementary coalitions, in two stages.

    The pilot spreads a part of the first step over all sizes of coalitions. A surrogate, whose
    player weights vary smoothly with the size, is fitted to it, by ridge regression in how the
    players' trends differ; the rest of the budget goes to the sizes where the surrogate errs most,
    and what it leaves over is estimated by strata and added, which removes its bias. Intervals from
    a jackknife over ten groups of pairs.

    Parameters
    ----------
    pilot : float, default 0.25
        The share of the pilot.
    """

    pilot: float = 0.25

    name: ClassVar[str] = "pairs"
    semivalues: ClassVar[str] = "symmetric"
    max_evaluations: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if not 0 <= self.pilot <= 1:
            raise GameError(f"pilot must be between 0 and 1, got {self.pilot}")

    def sampling(
        self, valuation: Valuation, probabilities: NDArray[np.float64], seed: int, budget: int
    ) -> PairSampling:
        """Begin to sample; see :class:`Estimator`."""
        return PairSampling(valuation, probabilities, seed, "two_stage", "adaptive", self.pilot)
