"""Water filling: the level at which amounts that rise with it, within bounds, make up a total."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["Filling", "water_filling"]


class Filling(NamedTuple):
    """A level, and what is there at it.

    Attributes
    ----------
    level : float
        Of the water.
    levels : tuple of float
        All levels with the same amounts: one, unless every amount is at a bound.
    amounts : ndarray of shape (n,)
        They add up to the total.
    """

    level: float
    levels: tuple[float, float]
    amounts: NDArray[np.float64]


def water_filling(
    start: Array, rate: Array, lowest: Array, highest: Array, total: float
) -> Filling:
    r"""Return the level :math:`\lambda` with ``sum(clip(start + rate * level, lowest, highest))``.

    Parameters
    ----------
    start, rate : ndarray of shape (n,)
        The amount at level 0, and by how much it rises with the level; the rate is positive.
    lowest, highest : ndarray of shape (n,)
        May be infinite; not all pairs equal.
    total : float
        Between the sums of `lowest` and `highest`, up to rounding.

    Notes
    -----
    O(n log n): at a bound an amount begins or ceases to rise. The sum of all is evaluated at all of
    these levels, and is a straight line between two of them.
    """
    leaves, arrives = (lowest - start) / rate, (highest - start) / rate
    turns = np.unique(np.concatenate([leaves, arrives]))
    turns = turns[np.isfinite(turns)]
    sums = _sums(start, rate, lowest, highest, turns)
    place = int(np.searchsorted(sums, total))
    # Between which turns the total is reached: there the same amounts rise.
    left = turns[place - 1] if place > 0 else -np.inf
    right = turns[place] if place < len(turns) else np.inf
    rises = (leaves <= left) & (arrives >= right)
    if not rises.any():
        level = float(right if place == 0 else left)
        flat = (level, np.inf) if place > 0 else (-np.inf, level)
        return Filling(level, flat, np.where(leaves >= level, lowest, highest))
    below, above = leaves >= right, arrives <= left
    fixed = float(lowest[below].sum()) + float(highest[above].sum())
    level = (total - fixed - float(start[rises].sum())) / float(rate[rises].sum())
    level = float(np.clip(level, left, right))
    amounts = np.clip(start + rate * level, lowest, highest)
    end = level
    if level == right and not ((leaves <= right) & (arrives > right)).any():
        # From here on every amount is at a bound, up to the next that leaves its lowest.
        later = leaves[leaves > right]
        end = float(later.min()) if len(later) else np.inf
    return Filling(level, (level, end), amounts)


def _sums(start: Array, rate: Array, lowest: Array, highest: Array, levels: Array) -> Array:
    """Return the sum of all amounts at each of some levels, in ascending order.

    By running sums of what rises: its rate and start count from where it leaves its lowest, and its
    highest amount from where it arrives.
    """
    leaves, arrives = (lowest - start) / rate, (highest - start) / rate

    def running(at: Array, values: Array) -> Array:
        order = np.argsort(at, kind="stable")
        totals = np.append(0.0, np.cumsum(values[order]))
        found: Array = totals[np.searchsorted(at[order], levels, side="right")]
        return found

    finite_low = np.where(np.isfinite(lowest), lowest, 0.0)
    finite_high = np.where(np.isfinite(highest), highest, 0.0)
    rising = running(leaves, rate) - running(arrives, rate)
    at_zero = running(leaves, start) - running(arrives, start)
    at_bounds = (
        float(finite_low.sum()) - running(leaves, finite_low) + running(arrives, finite_high)
    )
    sums: Array = np.maximum.accumulate(rising * levels + at_zero + at_bounds)
    return sums
