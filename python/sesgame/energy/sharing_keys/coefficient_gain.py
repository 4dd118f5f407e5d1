"""What a fixed coefficient saves at one point: a curve that is straight between its vertices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["CoefficientGain", "Tangent", "coefficient_gain", "under_tangents"]


class CoefficientGain(NamedTuple):
    """What each coefficient from 0 to 1 saves, straight between some of them.

    Attributes
    ----------
    at : ndarray of shape (K,)
        Coefficients in ascending order, from 0 to 1.
    gain : ndarray of shape (K,)
        What they save, in money.
    """

    at: Array
    gain: Array

    def of(self, coefficient: float) -> float:
        """Return what a coefficient saves."""
        return float(np.interp(coefficient, self.at, self.gain))

    def rent(self, multiplier: float) -> float:
        """Return what is left at most if coefficients cost the multiplier."""
        return float((self.gain - multiplier * self.at).max())


class Tangent(NamedTuple):
    """A line that a convex curve touches: of charges on peaks, by the coefficient."""

    at: float
    value: float
    slope: float


def coefficient_gain(
    generated: Array, consumed: Array, worth_of_use: Array, worth_of_rest: Array | None = None
) -> CoefficientGain:
    r"""Return what a coefficient saves over having none.

    .. math:: F(\beta) = \sum_t w_t \min(\beta g_t, c_t) + r_t \beta g_t

    has kinks where the coefficient covers all that a step consumes. It is concave where no w is
    negative.

    Parameters
    ----------
    generated, consumed : ndarray of shape (T,)
        g and c, at least 0.
    worth_of_use, worth_of_rest : ndarray of shape (T,)
        What a used kWh saves beyond an assigned one, w, and that, r; without r nothing.

    Notes
    -----
    O(T log T).
    """
    matters = (generated > 0) & (consumed > 0) & (worth_of_use != 0)
    generation, consumption = generated[matters], consumed[matters]
    worth = worth_of_use[matters]
    inside = consumption < generation
    kinks = consumption[inside] / generation[inside]
    order = np.argsort(kinks, kind="stable")
    kinks = kinks[order]
    # What is used below a kink is in proportion to the coefficient, and above it all there is:
    # two sums for each vertex lose less than the sum of all pieces before it.
    slopes, heights = ((worth * part)[inside][order] for part in (generation, consumption))
    steady = float((worth * generation)[~inside].sum())
    if worth_of_rest is not None:
        steady += float(np.einsum("t,t->", worth_of_rest, generated))
    begun = np.append(np.cumsum(slopes[::-1])[::-1], 0.0)
    done = np.append(0.0, np.cumsum(heights))
    at = np.concatenate(([0.0], kinks, [1.0]))
    after = np.append(begun, 0.0)
    return CoefficientGain(at, np.append(done, done[-1]) + at * (after + steady))


def under_tangents(curve: CoefficientGain, tangents: Sequence[Tangent]) -> CoefficientGain:
    """Return what is saved less the highest of some lines; tangents of a convex curve."""
    if not tangents:
        return curve
    values = np.array([t.value - t.slope * t.at for t in tangents])
    slopes = np.array([t.slope for t in tangents])
    order = np.lexsort((-values, slopes))
    # Of lines of one slope the highest; then neighbours cross in order, as tangents of one curve.
    order = order[np.append(True, np.diff(slopes[order]) > 0)]
    values, slopes = values[order], slopes[order]
    crossings = (values[:-1] - values[1:]) / np.diff(slopes)
    crossings = crossings[(crossings > 0) & (crossings < 1)]
    at = np.sort(np.concatenate((curve.at, crossings)))
    charge = np.full(len(at), -np.inf)
    for value, slope in zip(values, slopes, strict=True):
        np.maximum(charge, value + slope * at, out=charge)
    return CoefficientGain(at, np.interp(at, curve.at, curve.gain) - charge)
