"""Paired regression: KernelSHAP with complements, and its leverage-score form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np

from sesgame.errors import GameError
from sesgame.estimators.pair_sampling import PairSampling
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

__all__ = ["PairedRegression"]


@checked_fields
@dataclass(frozen=True)
class PairedRegression:
    """Weighted least squares of ``v(S)`` less ``v`` of the others on membership [covert2021]_.

    Drawn without replacement within each size; constrained to share out v(N). Biased by a part that
    shrinks faster than its standard error. Intervals from a jackknife over ten groups of pairs.

    Parameters
    ----------
    sizes : {"leverage", "kernel"}
        Whether sizes of coalitions are sampled uniformly, as leverage scores would have it
        [musco2025]_, or like the kernel of the regression.
    """

    sizes: Literal["leverage", "kernel"] = "leverage"

    name: ClassVar[str] = "regression"
    semivalues: ClassVar[str] = "Shapley"
    max_evaluations: ClassVar[int | None] = None

    def __post_init__(self) -> None:
        if self.sizes not in ("leverage", "kernel"):
            raise GameError(f'sizes must be "leverage" or "kernel", got {self.sizes!r}')

    def sampling(
        self, valuation: Valuation, probabilities: NDArray[np.float64], seed: int, budget: int
    ) -> PairSampling:
        """Begin to sample; see :class:`Estimator`."""
        return PairSampling(valuation, probabilities, seed, "regression", self.sizes)
