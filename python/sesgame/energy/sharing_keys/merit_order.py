"""Who uses what plants feed in, step by step, where it is worth most."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["merit_order"]

BLOCK_STEPS = 2048
"""Steps that are sorted at a time: a few megabytes for a hundred points."""


def merit_order(worth: Array, consumed: Array, generated: Array) -> Array:
    r"""Return who uses what, shape (n, T): in each step those first to whom it is worth most.

    .. math:: \max \sum_i w_{it} u_{it}, \quad 0 \le u_{it} \le c_{it}, \ \sum_i u_{it} \le g_t

    Nobody uses what is worth nothing. Those of one worth use the same part of what they draw.

    Parameters
    ----------
    worth, consumed : ndarray of shape (n, T)
        w and c.
    generated : ndarray of shape (T,)
        g.

    Notes
    -----
    O(n T log n).
    """
    used = np.empty_like(consumed)
    for first in range(0, len(generated), BLOCK_STEPS):
        block = slice(first, first + BLOCK_STEPS)
        used[:, block] = _of_block(worth[:, block], consumed[:, block], generated[block])
    return used


def _of_block(worth: Array, consumed: Array, generated: Array) -> Array:
    needed = np.where(worth > 0, consumed, 0.0)
    order = np.argsort(-worth, axis=0, kind="stable")
    served = np.cumsum(np.take_along_axis(needed, order, axis=0), axis=0)
    # The worth of the first who is not served in full; above all where there is enough.
    short = served > generated
    columns = np.arange(len(generated))
    margin = worth[order[short.argmax(axis=0), columns], columns]
    margin[~short[-1]] = 0.0
    above, at_margin = worth > margin, worth == margin
    left = generated - np.where(above, needed, 0.0).sum(axis=0)
    tied = np.where(at_margin, needed, 0.0).sum(axis=0)
    part = np.divide(left, tied, out=np.zeros_like(left), where=tied > 0)
    found: Array = np.where(above, needed, np.where(at_margin, part.clip(0.0, 1.0) * needed, 0.0))
    return found
