"""What every estimator of a sampled value has in common.

The engine draws, the game evaluates, the engine estimates. An estimator can be extended at any
time, and what it gives depends on the seed and on the steps alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.valuation import Valuation

    Array = NDArray[np.float64]

__all__ = ["Estimate", "Estimator", "Sampling"]


class Estimate(NamedTuple):
    """Values with all that an interval is made of; ``shapley/confidence.py`` makes it."""

    values: NDArray[np.float64]
    """Of the players, shape (n,)."""

    standard_errors: NDArray[np.float64]
    """From the spread that the sample shows, shape (n,)."""

    degrees: int
    """Degrees of freedom of the standard errors."""

    unseen: NDArray[np.float64]
    """What one deviation that the sample does not show may change, shape (n,)."""


class Sampling(Protocol):
    """An estimate that grows with the number of evaluations."""

    evaluations: int
    """The coalitions asked for."""

    step: int
    """The least number of evaluations by which it grows."""

    @property
    def parameters(self) -> dict[str, Any]:
        """What characterises the estimate, for the record."""
        ...

    def extend(self, evaluations: int) -> bool:
        """Go on up to about a total number of evaluations; tell whether anything was added."""
        ...

    def estimate(self) -> Estimate:
        """Return the estimate from all that was evaluated."""
        ...


class Estimator(Protocol):
    """A method with its parameters."""

    name: ClassVar[str]
    """What ``method=`` calls it."""

    semivalues: ClassVar[str]
    """Which it can estimate: ``"Shapley"``, ``"symmetric"`` ones or ``"all"``."""

    max_evaluations: ClassVar[int | None]
    """The most that it can take."""

    def sampling(
        self, valuation: Valuation, probabilities: Array, seed: int, budget: int
    ) -> Sampling:
        """Begin to sample.

        Parameters
        ----------
        valuation : Valuation
            The game.
        probabilities : ndarray of float, shape (n,)
            ``probabilities[s]`` is the probability that a player joins a coalition of s others:
            1/n each for the Shapley value.
        seed : int
            Determines everything that is drawn.
        budget : int
            The number of evaluations that is planned.
        """
        ...
