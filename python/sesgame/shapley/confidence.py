"""Quantiles of Student's distribution: half-widths from standard errors."""

from __future__ import annotations

import math
from statistics import NormalDist

__all__ = ["student_quantile"]


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
