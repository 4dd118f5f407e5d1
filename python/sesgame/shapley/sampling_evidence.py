"""How a sampled value came about, and how far it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Amount, Course, Evidence, Intervals
from sesgame.game.by_value import equal

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.cross_validated import Candidate

__all__ = ["SampledShapley", "TracePoint"]

SHOWN = 5
"""So many candidates stand in a report; the evidence has all."""


class TracePoint(NamedTuple):
    """How far the estimate was after a number of evaluations.

    The half-width is the largest of all players; `values` are the estimates, shape (n,).
    """

    evaluations: int
    seconds: float
    half_width: float
    values: NDArray[np.float64]

    def __eq__(self, other: object) -> bool:
        return type(other) is TracePoint and equal(tuple(self), tuple(other))

    def __hash__(self) -> int:
        return hash(self[:3])  # an array has none


@dataclass(frozen=True, eq=False)
class SampledShapley(Evidence):
    """Sampling diagnostics: standard errors, intervals, convergence, and how they came about.

    Attributes
    ----------
    standard_errors : ndarray of float, shape (n,)
        Of each player's value; what the sample may not have shown is counted.
    half_widths : ndarray of float, shape (n,)
        Half of each player's confidence interval.
    confidence : float
        The probability that an interval covers, or all of them at once if `simultaneous`.
    simultaneous : bool
        Whether the intervals hold for all players at once (Bonferroni).
    evaluations : int
        The number of coalitions asked for; repetitions are not evaluated again. 0 where a
        structured game has the value in closed form; its half-widths then are the proved error.
    converged : bool
        Whether `target_half_width` was reached; True where there was none.
    estimator : str
        The method used: ``"exact"``, or one of :mod:`sesgame.estimators`.
    reason : str
        Why that one.
    parameters : dict
        What characterises the estimator.
    seed : int
        The seed.
    trace : tuple of TracePoint
        The largest half-width, and the values, after each step.
    candidates : tuple of Candidate
        What ``"auto"`` compared by cross-validation, and what each erred by on held-out pairs;
        none where nothing was compared.
    """

    standard_errors: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    confidence: float
    simultaneous: bool
    evaluations: int
    converged: bool
    estimator: str
    reason: str
    parameters: dict[str, Any]
    seed: int
    trace: tuple[TracePoint, ...]
    candidates: tuple[Candidate, ...] = ()

    @property
    def n_evaluations(self) -> int:
        """Those of the sample."""
        return self.evaluations

    @property
    def course(self) -> Course:
        """The trace as arrays."""
        return Course(
            self.estimator,
            self.reason if self.estimator == "exact" else "",
            self.confidence,
            self.half_widths,
            np.array([point.evaluations for point in self.trace]),
            np.array([point.half_width for point in self.trace]),
            np.array([point.values for point in self.trace]),
        )

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return the confidence intervals."""
        if not self.half_widths.any():
            return None
        values = allocation.values
        return Intervals(
            values - self.half_widths,
            values + self.half_widths,
            f"the interval at {self.confidence:.0%} confidence"
            + (", for all members at once" if self.simultaneous else ""),
            self.half_widths,
            self.confidence,
            self.simultaneous,
        )

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how far the estimates may be off."""
        if not self.half_widths.any():
            return []
        widest = amount(float(np.max(self.half_widths)))
        return [
            f"Estimated from {self.evaluations:,} coalitions: at {self.confidence:.0%} confidence "
            f"each share is within {widest} of the exact one; smaller differences count as none."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how the sample was drawn."""
        lines = [
            f"Method: {self.estimator}, because {self.reason}; seed {self.seed}. "
            f"The same seed gives the same sample again."
        ]
        if self.candidates:
            best = sorted(self.candidates, key=lambda candidate: candidate.expected_error)
            errors = [f"{own} {amount(own.expected_error)}" for own in best[:SHOWN]]
            more = len(best) - len(errors)
            lines.append(
                f"Expected errors of {len(best)} candidates, by cross-validation: "
                f"{'; '.join(errors)}{f'; {more} more' if more else ''}."
            )
        cheap = self.parameters.get("cheap_evaluations")
        if cheap:
            lines.append(
                f"Control variates took {cheap:,} evaluations of cheaper games beside the "
                f"{self.evaluations:,} of this one."
            )
        return lines

    def repeatable(self) -> dict[str, Any]:
        """Return the evidence without how long the sample took."""
        points = [point._asdict() for point in self.trace]
        for point in points:
            del point["seconds"]
        return {**self.to_dict(), "trace": plain(points)}
