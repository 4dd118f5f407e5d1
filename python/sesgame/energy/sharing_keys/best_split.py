"""How to divide coefficients that sum to 1, so that points save most: by one multiplier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.sharing_keys.coefficient_gain import CoefficientGain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Split", "best_split", "rounding"]


class Split(NamedTuple):
    """Coefficients, and what proves how good they are.

    Attributes
    ----------
    coefficients : ndarray of shape (n,)
        Their sum is the total.
    gain : float
        What they save.
    multiplier : float
        What a coefficient of 1 is worth at the margin.
    bound : float
        What no other coefficients save more than: the multiplier times the total, and what each
        curve leaves at most beyond that.
    """

    coefficients: Array
    gain: float
    multiplier: float
    bound: float


class _Side(NamedTuple):
    """The best coefficients at a multiplier, each by itself."""

    multiplier: float
    coefficients: Array
    total: float
    gain: float

    @classmethod
    def at(cls, multiplier: float, curves: Sequence[CoefficientGain], places: list[int]) -> _Side:
        pairs = list(zip(curves, places, strict=True))
        coefficients = np.array([curve.at[place] for curve, place in pairs])
        gain = float(sum(curve.gain[place] for curve, place in pairs))
        return cls(multiplier, coefficients, float(coefficients.sum()), gain)

    def value(self, multiplier: float, total: float) -> float:
        """Return what they are worth if what they miss of the total has a price."""
        return self.gain + multiplier * (total - self.total)


def rounding(curves: Sequence[CoefficientGain]) -> float:
    """Return how much of the sum of gains rounding may take: an eps for each vertex."""
    most = sum(float(np.abs(curve.gain).max()) for curve in curves)
    return float(np.finfo(float).eps) * max(len(curve.at) for curve in curves) * most


def best_split(curves: Sequence[CoefficientGain], total: float = 1.0) -> Split:
    r"""Return the coefficients that save most, by one multiplier.

    .. math:: \max \sum_i F_i(\beta_i), \quad \sum_i \beta_i = B, \quad 0 \le \beta_i \le 1,
              \qquad \text{by} \quad
              \min_\lambda \ \lambda B + \sum_i \max_\beta \bigl( F_i(\beta) - \lambda \beta \bigr)

    Parameters
    ----------
    curves : sequence of CoefficientGain
        The n curves F.
    total : float, default 1
        B, from 0 to n.

    Notes
    -----
    The two are equal for concave curves. Of others the second is a bound, which the coefficients
    miss by no more than one curve is below its concave hull. Where several coefficients are equally
    good, each is at the same part of its range.

    One look at all vertices for each multiplier, of which some 40 are tried.
    """
    low, high, multiplier = _bracket(curves, total)
    bound = multiplier * total + sum(curve.rent(multiplier) for curve in curves)

    def split(coefficients: Array) -> Split:
        given = zip(curves, coefficients.tolist(), strict=True)
        gain = sum(curve.of(each) for curve, each in given)
        return Split(coefficients, gain, multiplier, float(bound))

    found = split(_between(low, high, total))
    if found.bound - found.gain <= rounding(curves):
        return found
    # Between its ends a curve that is not concave may be below both: so only one is left there, and
    # at each of its ends, too, if the others divide what that leaves.
    coefficients, index = _one_by_one(low, high, total)
    tried = [coefficients]
    others = [curve for place, curve in enumerate(curves) if place != index]
    for end in (low.coefficients[index], high.coefficients[index]):
        if others and 0 <= total - end <= len(others):
            rest, _ = _one_by_one(*_bracket(others, total - end)[:2], total - end)
            tried.append(np.insert(rest, index, end))
    return max((found, *map(split, tried)), key=lambda each: each.gain)


def _bracket(curves: Sequence[CoefficientGain], total: float) -> tuple[_Side, _Side, float]:
    """Return the best coefficients that sum to at least and at most the total, at a multiplier."""
    nothing, halve = rounding(curves), False
    low = _Side.at(-np.inf, curves, [len(curve.at) - 1 for curve in curves])
    high = _Side.at(np.inf, curves, [0] * len(curves))
    while True:
        # The sum is at least what each side is worth at any multiplier: least where both are equal.
        multiplier = crossing = (low.gain - high.gain) / (low.total - high.total)
        if halve and low.multiplier < (low.multiplier + high.multiplier) / 2 < high.multiplier:
            multiplier = (low.multiplier + high.multiplier) / 2
        left = [curve.gain - multiplier * curve.at for curve in curves]
        first = _Side.at(multiplier, curves, [int(rest.argmax()) for rest in left])
        last = _Side.at(
            multiplier, curves, [len(rest) - 1 - int(rest[::-1].argmax()) for rest in left]
        )
        if first.total <= total <= last.total:
            return last, first, multiplier
        nearer, former = (first, low) if first.total > total else (last, high)
        if multiplier == crossing:
            more = nearer.value(multiplier, total) - former.value(multiplier, total)
            if more <= nothing or np.array_equal(nearer.coefficients, former.coefficients):
                return low, high, multiplier
        low, high = (nearer, high) if former is low else (low, nearer)
        # The crossing alone may come nearer in steps as small as one likes.
        halve = not halve and bool(np.isfinite(low.multiplier + high.multiplier))


def _between(low: _Side, high: _Side, total: float) -> Array:
    """Return the coefficients that add up to the total, each at the same part of its range."""
    width = low.total - high.total
    part = (total - high.total) / width if width > 0 else 0.0
    coefficients: Array = high.coefficients + part * (low.coefficients - high.coefficients)
    return coefficients


def _one_by_one(low: _Side, high: _Side, total: float) -> tuple[Array, int]:
    """Return coefficients of which all but one are at an end of their range, and which that is."""
    ranges = low.coefficients - high.coefficients
    coefficients, left = high.coefficients.copy(), total - high.total
    for index in np.argsort(-ranges, kind="stable").tolist():
        if ranges[index] > left:
            coefficients[index] += left
            break
        coefficients[index] = low.coefficients[index]
        left -= ranges[index]
    return coefficients, index
