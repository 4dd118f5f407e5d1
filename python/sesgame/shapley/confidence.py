r"""Half-widths of confidence intervals: what a sample shows, and what it may not have shown.

That m independent trials all agree is no certainty. A deviation of probability p stays away from
all of them with probability :math:`(1 - p)^m`, at least :math:`\alpha` as long as p is at most
:math:`-\ln \alpha / m`; for 95 % that is the rule of three, 3 / m [hanley1983]_. If one trial that
deviates would change the mean by u, the mean may be off by :math:`-u \ln \alpha` without a sign of
it. So the half-width at the level :math:`1 - \alpha` is

.. math:: h = \sqrt{(t \, s)^2 + (u \ln \alpha)^2}

with the standard error s of the spread that was seen, and Student's quantile t. The estimators give
s and u. How far a deviation goes, the others tell, and where there is none, the largest marginal
contribution; where no coalition was worth anything, nothing tells, and u is infinite. A player who
has shown k deviations of its own counts :math:`u / \sqrt{1 + k}`, and where nothing is left to
see, u is 0.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.estimator import Estimate

    Array = NDArray[np.float64]

__all__ = ["half_widths", "root_mean_square_errors", "student_quantile"]


def half_widths(estimate: Estimate, level: float) -> Array:
    """Return half of each player's interval.

    Parameters
    ----------
    estimate : Estimate
        Standard errors with their degrees of freedom, and what was not seen.
    level : float
        The probability that an interval covers, in (0, 1).

    Returns
    -------
    ndarray of float, shape (n,)
        As in the head of this module; infinite where the standard error is.
    """
    shown = estimate.standard_errors * student_quantile((1 + level) / 2, estimate.degrees)
    return np.asarray(np.hypot(shown, -math.log(1 - level) * estimate.unseen))


def root_mean_square_errors(standard_errors: Array, unseen: Array) -> Array:
    r"""Return standard errors that count what was not seen.

    With a uniform prior on the probability of a deviation, and none seen in m trials, the mean of
    its square is :math:`2 / m^2` for large m, so that what is unseen adds :math:`2 u^2`.
    """
    return np.asarray(np.hypot(standard_errors, math.sqrt(2) * unseen))


def student_quantile(probability: float, degrees: int) -> float:
    """Return the quantile of Student's distribution, for a probability of at least 1/2.

    Parameters
    ----------
    probability : float
        In [0.5, 1).
    degrees : int
        Degrees of freedom, at least 1.

    Notes
    -----
    Bisection of the finite trigonometric sum for whole degrees of freedom, and from 200 of them on
    the expansion around the normal quantile; [abramowitz1964]_, 26.7.3, 26.7.4 and 26.7.5.

    Examples
    --------
    >>> round(student_quantile(0.975, 9), 4)
    2.2622
    """
    if degrees >= 200:
        z = NormalDist().inv_cdf(probability)
        first = (z**3 + z) / 4
        second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
        return z + first / degrees + second / degrees**2
    low, high = 0.0, math.pi / 2
    for _ in range(100):
        middle = (low + high) / 2
        if (1 + _probability_within(middle, degrees)) / 2 < probability:
            low = middle
        else:
            high = middle
    return math.sqrt(degrees) * math.tan((low + high) / 2)


def _probability_within(angle: float, degrees: int) -> float:
    """P(|t| < sqrt(degrees) tan(angle))."""
    cosine = math.cos(angle)
    odd = degrees % 2
    term = cosine if odd else 1.0
    total = 0.0
    for k in range(1 + odd, degrees, 2):
        total += term
        term *= cosine * cosine * k / (k + 1)
    if odd:
        return 2 / math.pi * (angle + math.sin(angle) * total)
    return math.sin(angle) * total
