"""Integer vectors that tell which coalitions are settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Annihilator"]

SAFE = 2**62
"""Products and sums below this fit 64 bits."""


class Annihilator:
    """The integer vectors, as few as possible, that all vanish exactly on a linear span.

    Attributes
    ----------
    rows : ndarray of int, shape (m, n)
        Independent vectors z with z(S) = 0 for all of them when the membership vector of S lies in
        the span, and only then. Python integers (dtype object) where 64 bits do not suffice.

    Examples
    --------
    >>> import numpy as np
    >>> outside = Annihilator(3)
    >>> outside.insert(np.array([True, True, True]))
    True
    >>> outside.rows.tolist()
    [[-1, 1, 0], [-1, 0, 1]]
    >>> outside.insert(np.array([True, False, False])), outside.rows.tolist()
    (True, [[0, 1, -1]])
    """

    def __init__(self, n_players: int) -> None:
        self.rows: NDArray[Any] = np.eye(n_players, dtype=np.int64)

    def insert(self, members: NDArray[np.bool_]) -> bool:
        """Extend the span by a coalition; tell whether it was outside."""
        products = self.rows @ members.astype(np.int64)
        outside = np.flatnonzero(products)
        if outside.size == 0:
            return False
        if self.rows.dtype != object:
            largest = int(np.abs(self.rows).max()) * int(np.abs(products).max())
            if 2 * len(members) * largest >= SAFE:
                self.rows, products = self.rows.astype(object), products.astype(object)
        pivot = outside[np.argmin(np.abs(products[outside]))]
        lead, factor = self.rows[pivot].copy(), products[pivot]
        for row in outside[outside != pivot]:
            changed = factor * self.rows[row] - products[row] * lead
            self.rows[row] = changed // np.gcd.reduce(changed)
        self.rows = np.delete(self.rows, pivot, axis=0)
        return True
