"""Whether a quadratic cost is convex, so that a local optimum is the optimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.linear.model import Entries

__all__ = ["indefinite_columns"]


def indefinite_columns(hessian: Entries, sense: int) -> NDArray[np.intp]:
    """Return the columns of the first block of Q that makes the cost not convex, or none.

    Parameters
    ----------
    hessian : (rows, columns, values)
        The entries of Q, of both triangles; those in the same place add up.
    sense : {1, -1}
        -1 asks whether a gain is concave.

    Returns
    -------
    ndarray of int
        The columns that belong together by entries of Q, in order; empty if Q is positive (of a
        gain negative) semi-definite up to rounding.

    Notes
    -----
    Q falls into blocks of columns that have no entries in common. The eigenvalues of each take
    O(m^3) time and O(m^2) memory for m columns; a diagonal Q has blocks of one.
    """
    rows, columns, values = hessian
    on_diagonal = rows == columns
    diagonal = np.bincount(rows[on_diagonal], sense * values[on_diagonal])
    negative = np.flatnonzero(diagonal < 0)
    if negative.size:
        return negative[:1]
    block = _blocks(rows, columns)[rows]
    with_others = np.flatnonzero(np.isin(block, block[~on_diagonal]))
    order = with_others[np.argsort(block[with_others], kind="stable")]
    starts = np.flatnonzero(np.diff(block[order], prepend=-1))
    for entries in np.split(order, starts)[1:]:
        members, places = np.unique([rows[entries], columns[entries]], return_inverse=True)
        row, column = places.reshape(2, -1)
        dense = np.zeros((len(members), len(members)))
        np.add.at(dense, (row, column), sense * values[entries] / 2)
        np.add.at(dense, (column, row), sense * values[entries] / 2)
        # What the rounding of eigvalsh may do to an eigenvalue that is 0.
        rounding = len(members) * np.finfo(float).eps * np.abs(dense).sum(axis=1).max()
        if np.linalg.eigvalsh(dense)[0] < -rounding:
            return members
    return np.zeros(0, dtype=np.intp)


def _blocks(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the smallest column that each belongs together with."""
    block = np.arange(max(rows.max(initial=-1), columns.max(initial=-1)) + 1)
    while True:
        before = block.copy()
        smaller = np.minimum(block[rows], block[columns])
        np.minimum.at(block, block[rows], smaller)
        np.minimum.at(block, block[columns], smaller)
        block = block[block]
        if (block == before).all():
            return block
