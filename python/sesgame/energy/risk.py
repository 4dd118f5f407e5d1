r"""Risk measures of uncertain costs: what a coalition bears when nobody knows which day will come.

All of them are coherent [artzner1999]_: the largest mean of the costs under any weights of the
scenarios within bounds. So the risk of a dispatch that is a linear program is one, too, and what
holds of games of such programs holds of it: the core is not empty, and bills at dual prices are
in it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["WORST_CASE", "Risk", "equal_from_the_worst"]

PROBABILITIES = 1e-9
"""How far probabilities may be from 1 together."""

ROUNDING = 64 * float(np.finfo(np.float64).eps)
"""Of the largest cost: costs of scenarios that are no farther apart are equal."""

WORST_CASE = "worst case"
"""What stands in the place of a level where it is the highest one."""


@checked_fields
@dataclass(frozen=True, eq=False, repr=False)
class Risk(ByValue):
    r"""How a coalition weighs bad scenarios: a mean with conditional value at risk.

    .. math:: \rho(S) = (1 - k) \, E[c_w(S)] + k \, \text{CVaR}_a[c_w(S)], \qquad
              \text{CVaR}_a[c] = \min_z \; z + \frac{1}{1 - a} \sum_w p_w (c_w - z)^+

    with the level a and the weight k: CVaR is the mean of the worst part 1 - a of the costs
    [rockafellar2000]_. Equally, it is the largest mean under other weights of the scenarios,

    .. math:: \rho(S) = \max_\pi \sum_w \pi_w c_w(S) \quad \text{subject to} \quad
              \sum_w \pi_w = 1, \quad (1 - k) p_w \le \pi_w \le (1 - k) p_w + k \frac{p_w}{1 - a}

    Parameters
    ----------
    level : float
        a, in [0, 1): 0.9 looks at the worst tenth. At 0 the risk is the mean.
    weight : float, default 1
        k, in [0, 1]: how much CVaR counts beside the mean. At 0 the risk is the mean.

    Raises
    ------
    GameError
        A number is out of its range.

    Notes
    -----
    All members have to agree on one level and weight. For levels from 1 less the smallest
    probability on it is the worst case.

    References
    ----------
    Rockafellar and Uryasev (2000) [rockafellar2000]_, Artzner and others (1999) [artzner1999]_.

    Examples
    --------
    The worst of four equally probable days counts for a half, and so does the mean of all:

    >>> import sesgame as sg
    >>> risk = sg.energy.Risk(level=0.75, weight=0.5)
    >>> risk.of([10.0, 10.0, 10.0, 30.0])
    22.5
    >>> risk.scenario_weights([10.0, 10.0, 10.0, 30.0]).tolist()
    [0.125, 0.125, 0.125, 0.625]
    """

    level: float
    weight: float = 1.0

    def __post_init__(self) -> None:
        if not 0 <= self.level < 1:
            raise GameError(
                f"level must be from 0 to below 1, got {self.level!r}; Risk.worst_case() is the "
                f"limit at 1"
            )
        if not 0 <= self.weight <= 1:
            raise GameError(f"weight must be from 0 to 1, got {self.weight!r}")
        object.__setattr__(self, "level", float(self.level))
        object.__setattr__(self, "weight", float(self.weight))

    @classmethod
    def worst_case(cls, weight: float = 1.0) -> Risk:
        """Return the risk whose level is the highest: the cost in the worst scenario.

        Parameters
        ----------
        weight : float, default 1
            How much the worst case counts beside the mean, in [0, 1].

        Examples
        --------
        >>> import sesgame as sg
        >>> sg.energy.Risk.worst_case().of([10.0, 10.0, 10.0, 30.0])
        30.0
        """
        risk = cls(0.0, weight)
        object.__setattr__(risk, "level", 1.0)
        return risk

    @property
    def is_worst_case(self) -> bool:
        """Whether it looks at the worst scenario alone."""
        return self.level == 1

    @property
    def is_mean(self) -> bool:
        """Whether it is the mean, whatever the costs: at level 0 or weight 0."""
        return self.level == 0 or self.weight == 0

    def bounds(
        self, probabilities: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the least and the most that each scenario may weigh, arrays of shape (K,)."""
        least = (1 - self.weight) * probabilities
        if self.is_worst_case:
            return least, least + self.weight
        room = np.minimum(probabilities / (1 - self.level), 1.0)
        return least, least + self.weight * room

    def of(self, costs: Iterable[float], probabilities: Iterable[float] | None = None) -> float:
        """Return the risk of a cost.

        Parameters
        ----------
        costs : iterable of float, shape (K,)
            In each scenario.
        probabilities : iterable of float, shape (K,), optional
            Of each, above 0; by default they are equal.

        Raises
        ------
        GameError
            A cost is not finite, or the probabilities are none.
        """
        known, probable = _scenarios(costs, probabilities)
        return float((self.weights_of(known, probable) * known).sum())

    def scenario_weights(
        self, costs: Iterable[float], probabilities: Iterable[float] | None = None
    ) -> NDArray[np.float64]:
        """Return weights of the scenarios under which the mean of a cost is its risk, shape (K,).

        Scenarios that cost equally much, rounding aside, share in proportion to their probabilities
        what they weigh beyond the least.

        Parameters
        ----------
        costs, probabilities
            As in :meth:`of`.
        """
        return self.weights_of(*_scenarios(costs, probabilities))

    def weights_of(
        self,
        costs: NDArray[np.float64],
        probabilities: NDArray[np.float64],
        rounding: float = 0.0,
    ) -> NDArray[np.float64]:
        """Return the same of arrays; costs that differ by no more than `rounding` are equal."""
        least, most = self.bounds(probabilities)
        weights, left = least.copy(), self.weight
        for tied in equal_from_the_worst(costs, rounding):
            room = most[tied] - least[tied]
            taken = min(left, float(room.sum()))
            weights[tied] += taken * (probabilities[tied] / probabilities[tied].sum())
            left -= taken
        return weights

    def broken_bounds(
        self, probabilities: NDArray[np.float64], weights: NDArray[np.float64]
    ) -> list[str]:
        """Return in words which weights of scenarios no cost has under this risk.

        Compared in fractions, within a slack for the rounding of floats. That all of them are
        within their bounds and sum to 1 proves that no cost has a mean under them above its risk.
        """
        level, k, slack = Fraction(self.level), Fraction(self.weight), Fraction(PROBABILITIES)
        if weights.shape != probabilities.shape or not np.isfinite(weights).all():
            return ["there is not one weight for each scenario"]
        failures = []
        pairs = zip(probabilities.tolist(), weights.tolist(), strict=True)
        for number, (probability, weight) in enumerate(pairs, start=1):
            p = Fraction(probability)
            least = (1 - k) * p
            room = Fraction(1) if level == 1 else min(p / (1 - level), Fraction(1))
            most = least + k * room
            if not least - slack <= Fraction(weight) <= most + slack:
                failures.append(
                    f"scenario {number} weighs {weight:g}; it must be from {float(least):g} to "
                    f"{float(most):g}"
                )
        for name, numbers in (("weights", weights), ("probabilities", probabilities)):
            together = sum(map(Fraction, numbers.tolist()), Fraction(0))
            if abs(together - 1) > slack:
                failures.append(f"the {name} of the scenarios sum to {float(together):g}, not to 1")
        return failures

    def collected_above(self, above: str) -> str:
        """Return in a sentence that bills collect an amount more than the mean."""
        return (
            f"The bills collect the risk of the costs, {self.in_words}: {above} more than the cost "
            f"on the average. That is a reserve of all, not a profit of anybody."
        )

    @property
    def in_words(self) -> str:
        """What is weighed, in words."""
        tail = WORST_CASE if self.is_worst_case else f"CVaR at level {self.level:g}"
        if self.is_mean:
            return "the mean"
        return tail if self.weight == 1 else f"{tail} with weight {self.weight:g}"

    def to_dict(self) -> dict[str, Any]:
        """Return level and weight, in the types that JSON knows."""
        return {"level": WORST_CASE if self.is_worst_case else self.level, "weight": self.weight}

    def __repr__(self) -> str:
        weight = "" if self.weight == 1 else f"{self.weight:g}"
        if self.is_worst_case:
            return f"Risk.worst_case({weight})"
        return f"Risk(level={self.level:g}{weight and f', weight={weight}'})"


def equal_from_the_worst(
    costs: NDArray[np.float64], rounding: float = 0.0
) -> list[NDArray[np.intp]]:
    """Return the scenarios in groups of equal costs, rounding aside, the most expensive first."""
    order = np.argsort(-costs, kind="stable")
    close = max(rounding, ROUNDING * float(np.abs(costs).max()))
    starts = np.flatnonzero(-np.diff(costs[order]) > close) + 1
    return [np.sort(group) for group in np.split(order, starts)]


def _scenarios(
    costs: Iterable[float], probabilities: Iterable[float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    known = _numbers("costs", costs)
    count = len(known)
    if not count:
        raise GameError("costs must not be empty")
    if not np.isfinite(known).all():
        raise GameError(f"costs must be finite, got {known.tolist()}")
    if probabilities is None:
        return known, np.full(count, 1 / count)
    given = _numbers("probabilities", probabilities)
    if given.shape != known.shape:
        raise GameError(f"{count} costs, but {len(given)} probabilities")
    if not (given > 0).all() or abs(float(given.sum()) - 1) > PROBABILITIES:
        raise GameError(f"probabilities must be positive and sum to 1, got {given.tolist()}")
    return known, given


def _numbers(name: str, values: Iterable[float]) -> NDArray[np.float64]:
    try:
        numbers = np.array(list(values), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} must be a list of numbers: {error}") from error
    if numbers.ndim != 1:
        raise GameError(f"{name} must be a list of numbers, got shape {numbers.shape}")
    return numbers
