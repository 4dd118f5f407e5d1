"""Linear programs put together from blocks of columns and rows, some of which members bring."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.linear.model import LinearModel
from sesgame.linear.reduced_model import AffineBounds, AffineCosts, ReducedModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["LinearBuilder", "Term"]

Term = tuple["NDArray[np.intp]", "ArrayLike"]
"""Columns, shape (m,) for m rows, and their coefficients, of a shape that broadcasts."""


class LinearBuilder:
    """Collects the blocks of a program to minimise.

    What a member brings of a bound, ``brought``, has a shape that broadcasts to (m, n) for m
    columns or rows and n members: a coalition adds up what its members bring.
    """

    def __init__(self, n_members: int) -> None:
        self._n_members = n_members
        self._columns = _Bounds(n_members)
        self._rows = _Bounds(n_members)
        self._cost: list[NDArray[np.float64]] = []
        self._entries: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]] = []

    @property
    def n_columns(self) -> int:
        """How many columns there are so far."""
        return self._columns.count

    @property
    def n_rows(self) -> int:
        """How many rows there are so far."""
        return self._rows.count

    def add_columns(
        self,
        count: int,
        *,
        cost: ArrayLike = 0.0,
        lower: ArrayLike = 0.0,
        upper: ArrayLike = np.inf,
        lower_brought: ArrayLike = 0.0,
        upper_brought: ArrayLike = 0.0,
    ) -> NDArray[np.intp]:
        """Add columns and return their numbers."""
        self._cost.append(np.broadcast_to(np.asarray(cost, dtype=np.float64), count))
        return self._columns.add(count, lower, upper, lower_brought, upper_brought)

    def add_rows(
        self,
        lower: ArrayLike,
        upper: ArrayLike,
        *terms: Term,
        count: int | None = None,
        lower_brought: ArrayLike = 0.0,
        upper_brought: ArrayLike = 0.0,
    ) -> NDArray[np.intp]:
        """Add the rows ``lower <= sum of terms <= upper`` and return their numbers.

        Of rows that get their terms later, the count.
        """
        count = len(terms[0][0]) if count is None else count
        rows = self._rows.add(count, lower, upper, lower_brought, upper_brought)
        for columns, coefficients in terms:
            self.add_entries(rows, columns, coefficients)
        return rows

    def add_entries(
        self, rows: NDArray[np.intp], columns: NDArray[np.intp], coefficients: ArrayLike
    ) -> None:
        """Add a term to each of some rows."""
        values = np.broadcast_to(np.asarray(coefficients, dtype=np.float64), len(rows))
        used = values != 0
        self._entries.append((rows[used], columns[used], values[used]))

    def take_costs(self, first: int) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the columns from `first` on that cost something, and what: nothing from now on."""
        cost = np.concatenate(self._cost)
        taken = first + np.flatnonzero(cost[first:])
        of_taken = cost[taken]
        cost[taken] = 0.0
        self._cost = [cost]
        return taken, of_taken

    def program(self) -> ReducedModel:
        """Return the program without members, and what members add to its bounds."""
        columns, rows = self._columns, self._rows
        places, variables, coefficients = (
            np.concatenate(parts) for parts in zip(*self._entries, strict=True)
        )
        cost = np.concatenate(self._cost)
        (col_lower, col_upper), (row_lower, row_upper) = columns.bounds(), rows.bounds()
        return ReducedModel(
            model=LinearModel(
                cost=cost,
                col_lower=col_lower,
                col_upper=col_upper,
                row_lower=row_lower,
                row_upper=row_upper,
                rows=places,
                columns=variables,
                coefficients=coefficients,
                integer=np.zeros(len(cost), dtype=np.bool_),
                sense=1,
                offset=0.0,
            ),
            cost_share=np.zeros(self._n_members),
            cost_of_pairs=np.zeros((self._n_members, self._n_members)),
            columns=columns.moved(),
            rows=rows.moved(),
            costs=AffineCosts(
                np.zeros(0, dtype=np.int32), np.zeros(0), np.zeros((0, self._n_members))
            ),
        )


class _Bounds:
    """The bounds of all columns, or of all rows."""

    def __init__(self, n_members: int) -> None:
        self._n_members = n_members
        self.count = 0
        self._blocks: list[NDArray[np.float64]] = []
        self._moved: list[tuple[NDArray[np.intp], NDArray[np.float64]]] = []

    def add(
        self,
        count: int,
        lower: ArrayLike,
        upper: ArrayLike,
        lower_brought: ArrayLike,
        upper_brought: ArrayLike,
    ) -> NDArray[np.intp]:
        block = np.empty((2, count))
        block[0], block[1] = lower, upper
        places = np.arange(self.count, self.count + count)
        if np.any(lower_brought) or np.any(upper_brought):
            share = np.empty((2, count, self._n_members))
            share[0], share[1] = lower_brought, upper_brought
            self._moved.append((places, share))
        self._blocks.append(block)
        self.count += count
        return places

    def bounds(self) -> NDArray[np.float64]:
        return np.concatenate(self._blocks, axis=1)

    def moved(self) -> AffineBounds:
        empty = (np.zeros(0, dtype=np.intp), np.zeros((2, 0, self._n_members)))
        blocks = [empty, *self._moved]
        places = np.concatenate([places for places, _ in blocks])
        return AffineBounds(
            places=places.astype(np.int32),
            bounds=np.ascontiguousarray(self.bounds()[:, places]),
            share=np.concatenate([share for _, share in blocks], axis=1),
        )
