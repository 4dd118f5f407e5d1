"""Coefficients that save each curve what is nearest to what it wants."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sesgame.energy.sharing_keys.best_split import best_split
from sesgame.energy.sharing_keys.coefficient_gain import CoefficientGain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Distance", "MemberGain", "NearestSplit", "least_sum", "nearest_split", "within"]

Distance = Literal["largest", "sum"]
"""The largest deviation, or the sum of the sizes of all."""


class NearestSplit(NamedTuple):
    """Coefficients that sum to 1, and how near any others could come.

    Attributes
    ----------
    coefficients : ndarray of shape (n,)
    least : float
        What no others bring the distance below; of sums, where the curves are concave.
    multiplier : float
        What proves that of a sum, where there are too few coefficients for all.
    """

    coefficients: Array
    least: float
    multiplier: float


class MemberGain(NamedTuple):
    """What a coefficient saves a member, by how its points divide it: anything between two curves.

    Attributes
    ----------
    most, least : CoefficientGain
        That do not fall.
    """

    most: CoefficientGain
    least: CoefficientGain

    @classmethod
    def of_points(cls, curves: Sequence[CoefficientGain]) -> MemberGain:
        """Return what points save together; several with concave curves.

        Least is saved where one point has all: that is a vertex, and what is saved is concave.
        """
        return cls(_rising(_together(curves)), _rising(reduce(_lower, curves)))

    def deviation(self, coefficient: float, wanted: float) -> float:
        """Return how far the nearest division is from what is wanted."""
        most, least = self.most.of(coefficient), self.least.of(coefficient)
        return max(wanted - most, least - wanted, 0.0)


def nearest_split(curves: Sequence[MemberGain], wanted: Array, distance: Distance) -> NearestSplit:
    """Return the coefficients that save what is nearest to what is wanted.

    Parameters
    ----------
    curves : sequence of MemberGain
    wanted : ndarray of shape (n,)
        What each should save.
    distance : {"largest", "sum"}
    """
    return (_by_largest if distance == "largest" else _by_sum)(curves, wanted)


def _together(curves: Sequence[CoefficientGain]) -> CoefficientGain:
    """Return what several concave curves save if they divide a coefficient as well as they can."""
    if len(curves) == 1:
        return curves[0]
    widths = np.concatenate([np.diff(curve.at) for curve in curves])
    gains = np.concatenate([np.diff(curve.gain) for curve in curves])
    is_wide = widths > 0
    widths, gains = widths[is_wide], gains[is_wide]
    order = np.argsort(-gains / widths, kind="stable")
    at, gain = (np.append(0.0, np.cumsum(each[order])) for each in (widths, gains))
    inside = at < 1
    start = sum(curve.gain[0] for curve in curves)
    return CoefficientGain(
        np.append(at[inside], 1.0), start + np.append(gain[inside], np.interp(1.0, at, gain))
    )


def _rising(curve: CoefficientGain) -> CoefficientGain:
    """Return a curve without the falls that rounding makes."""
    return CoefficientGain(curve.at, np.maximum.accumulate(curve.gain))


def _lower(one: CoefficientGain, other: CoefficientGain) -> CoefficientGain:
    """Return the lower of two curves at each coefficient."""
    at = np.sort(np.concatenate((one.at, other.at)))
    apart = np.interp(at, one.at, one.gain) - np.interp(at, other.at, other.gain)
    cross = np.flatnonzero(apart[:-1] * apart[1:] < 0)
    part = apart[cross] / (apart[cross] - apart[cross + 1])
    at = np.sort(np.concatenate((at, at[cross] + part * (at[cross + 1] - at[cross]))))
    gains = (np.interp(at, curve.at, curve.gain) for curve in (one, other))
    return CoefficientGain(at, np.minimum(*gains))


def _lowest(curve: CoefficientGain, saved: float) -> float:
    """Return the lowest coefficient that saves at least so much, or else the most there is."""
    reached = min(saved, float(curve.gain[-1]))
    place = int(np.searchsorted(curve.gain, reached, side="left"))
    return 0.0 if place == 0 else _inside(curve, place, reached)


def _highest(curve: CoefficientGain, saved: float) -> float:
    """Return the highest coefficient that saves at most so much, or 0."""
    place = int(np.searchsorted(curve.gain, saved, side="right"))
    if place == 0:
        return 0.0
    if place == len(curve.gain):
        return 1.0
    return _inside(curve, place, saved)


def _inside(curve: CoefficientGain, place: int, saved: float) -> float:
    """Return where a gain is between two that differ."""
    low, high = curve.gain[place - 1], curve.gain[place]
    part = (saved - low) / (high - low)
    return float(curve.at[place - 1] + part * (curve.at[place] - curve.at[place - 1]))


def within(
    curves: Sequence[MemberGain], wanted: Array, distance: float
) -> tuple[Array, Array, bool]:
    """Return between what coefficients keep deviations within a distance, and whether any do."""
    pairs = list(zip(curves, wanted.tolist(), strict=True))
    lowest = np.array([_lowest(curve.most, each - distance) for curve, each in pairs])
    highest = np.array([_highest(curve.least, each + distance) for curve, each in pairs])
    reach = all(
        curve.least.gain[0] <= each + distance and each - distance <= curve.most.gain[-1]
        for curve, each in pairs
    )
    return lowest, highest, reach and bool(lowest.sum() <= 1 <= highest.sum())


def _by_largest(curves: Sequence[MemberGain], wanted: Array) -> NearestSplit:
    """Return coefficients with the least of the largest deviation, and that."""
    pairs = list(zip(curves, wanted.tolist(), strict=True))
    low = 0.0
    high = max(
        max(abs(each - curve.least.gain[0]), abs(curve.most.gain[-1] - each))
        for curve, each in pairs
    )
    if within(curves, wanted, low)[2]:
        high = low
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if within(curves, wanted, middle)[2] else (middle, high)
    lowest, highest, _ = within(curves, wanted, high)
    return NearestSplit(_filled(lowest, highest), float(high), 0.0)


def _filled(lowest: Array, highest: Array) -> Array:
    """Return coefficients that sum to 1, each at the same part of its interval."""
    width = float((highest - lowest).sum())
    part = (1 - float(lowest.sum())) / width if width > 0 else 0.0
    found: Array = lowest + part * (highest - lowest)
    return found


def _by_sum(curves: Sequence[MemberGain], wanted: Array) -> NearestSplit:
    """Return coefficients with the least sum of deviations, and that."""
    lowest, highest, _ = within(curves, wanted, 0.0)
    multiplier = 0.0
    if lowest.sum() > 1:
        # There is too little: who has what is fair is no nearer with more.
        split = best_split(_up_to_all(curves, wanted))
        coefficients, multiplier = split.coefficients, split.multiplier
    elif highest.sum() < 1:
        coefficients = _with_rest(curves, highest)
    else:
        coefficients = _filled(lowest, highest)
    return NearestSplit(coefficients, least_sum(curves, wanted, multiplier), multiplier)


def _with_rest(curves: Sequence[MemberGain], highest: Array) -> Array:
    """Return coefficients that have all of a rest that nobody needs.

    Deviations are concave above what is wanted, so that one takes all of it: whom it moves least.
    """
    rest = 1 - float(highest.sum())
    pairs = zip(curves, highest.tolist(), strict=True)
    moved = [curve.least.of(each + rest) - curve.least.of(each) for curve, each in pairs]
    coefficients = highest.copy()
    coefficients[int(np.argmin(moved))] += rest
    return coefficients


def least_sum(curves: Sequence[MemberGain], wanted: Array, multiplier: float) -> float:
    """Return what no coefficients bring the sum of deviations below, of concave curves.

    Where there are too few coefficients for all, at any multiplier: the nearest, at the right one.
    """
    lowest, highest, _ = within(curves, wanted, 0.0)
    pairs = list(zip(curves, wanted.tolist(), strict=True))
    if lowest.sum() > 1:
        missing = sum(abs(each - curve.most.gain[0]) for curve, each in pairs)
        saved = sum(curve.rent(multiplier) - curve.gain[0] for curve in _up_to_all(curves, wanted))
        return float(missing - multiplier - saved)
    given = _with_rest(curves, highest) if highest.sum() < 1 else _filled(lowest, highest)
    parts = zip(pairs, given.tolist(), strict=True)
    return float(sum(curve.deviation(part, each) for (curve, each), part in parts))


def _up_to_all(curves: Sequence[MemberGain], wanted: Array) -> list[CoefficientGain]:
    """Return curves that save no more than what is wanted."""
    found = []
    for (curve, _), each in zip(curves, wanted.tolist(), strict=True):
        at = np.sort(np.append(curve.at, _lowest(curve, each)))
        gain = np.interp(at, curve.at, curve.gain)
        found.append(CoefficientGain(at, np.minimum(gain, max(each, float(curve.gain[0])))))
    return found
