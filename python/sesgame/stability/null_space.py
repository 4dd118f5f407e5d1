"""Which coalitions are settled: linear spans of membership vectors, and their null spaces.

A coalition lies in a span exactly when all integer vectors of the null space vanish on it. Solvers
use :class:`Annihilator`, checks of what they find :class:`Span`, which shares no line with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Annihilator", "Span"]

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


class Span:
    """Vectors in echelon form, each with the combination of inserted vectors that gives it."""

    def __init__(self) -> None:
        self._rows: list[tuple[int, list[Fraction], dict[int, Fraction]]] = []

    @property
    def rank(self) -> int:
        """The dimension of what was inserted."""
        return len(self._rows)

    def insert(self, key: int, vector: Sequence[int]) -> dict[int, Fraction] | None:
        """Add a vector; return what combination of earlier ones it is, None if it is none."""
        rest = [Fraction(entry) for entry in vector]
        combination: dict[int, Fraction] = {}
        for lead, row, source in self._rows:
            factor = rest[lead]
            if factor:
                rest = [a - factor * b if b else a for a, b in zip(rest, row, strict=True)]
                for known, share in source.items():
                    combination[known] = combination.get(known, Fraction(0)) + factor * share
        lead = next((index for index, entry in enumerate(rest) if entry), -1)
        if lead < 0:
            return {known: share for known, share in combination.items() if share}
        scale = 1 / rest[lead]
        source = {known: -share * scale for known, share in combination.items() if share}
        source[key] = scale
        self._rows.append((lead, [entry * scale for entry in rest], source))
        return None

    def annihilator(self, n_players: int) -> NDArray[np.int64]:
        """Return integer functionals, one a column, that all vanish exactly on the span."""
        rows = {lead: list(row) for lead, row, _ in self._rows}
        for lead in sorted(rows, reverse=True):
            for other in rows:
                factor = rows[other][lead]
                if other != lead and factor:
                    rows[other] = [
                        a - factor * b for a, b in zip(rows[other], rows[lead], strict=True)
                    ]
        columns = []
        for free in (index for index in range(n_players) if index not in rows):
            column = [Fraction(0)] * n_players
            column[free] = Fraction(1)
            for lead, row in rows.items():
                column[lead] = -row[free]
            scale = lcm(*(entry.denominator for entry in column))
            columns.append([int(entry * scale) for entry in column])
        return np.array(columns, dtype=np.int64).reshape(-1, n_players).T
