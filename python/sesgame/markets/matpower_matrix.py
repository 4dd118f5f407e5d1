"""The matrices of a MATPOWER case, whose entries are named by row and column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.matpower_fields import COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Matrix"]

NEEDED = {"bus": "PD", "gen": "PMIN", "branch": "BR_STATUS", "gencost": "COST", "dcline": "LOSS1"}
"""The last column that each matrix must have; what is missing of the others is 0."""


class Matrix:
    """A matrix of a case, with its columns by their names."""

    def __init__(self, name: str, values: Any, *, like: str | None = None) -> None:
        self.name, like = name, like or name
        try:
            self.values: NDArray[np.float64] = np.array(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise GameError(f"{name} is not a matrix of numbers: {error}") from error
        if self.values.size == 0:
            self.values = np.zeros((0, len(COLUMNS[like])))
        if self.values.ndim != 2:
            raise GameError(f"{name} must be a matrix, got shape {self.values.shape}")
        width = self.values.shape[1]
        names = [column.name for column in COLUMNS[like]]
        needed = names.index(NEEDED[like]) + 1
        if width < needed:
            raise GameError(f"{name} has {width} columns; it must have those to {NEEDED[like]}")
        if width > len(names) and like != "gencost":
            raise GameError(
                f"{name} has {width} columns; those after {names[-1]}, the column {len(names)}, "
                "have no meaning in case format version 2"
            )
        self.columns = {column: k for k, column in enumerate(names)}

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> NDArray[np.float64]:
        """Return a column; zeros where the matrix ends before it."""
        k = self.columns[name]
        return self.values[:, k] if k < self.values.shape[1] else np.zeros(len(self))

    def fail(self, row: int, column: str, message: str) -> NoReturn:
        """Refuse an entry."""
        raise GameError(
            f"{self.name} row {row + 1}, column {self.columns[column] + 1} ({column}): {message}"
        )

    def refuse(self, bad: NDArray[np.bool_], column: str, message: str) -> None:
        """Refuse the first bad entry of a column, which the message may show as {}."""
        if bad.any():
            row = int(np.argmax(bad))
            self.fail(row, column, message.format(self.column(column)[row]))

    def buses(self, column: str, known: Mapping[int, int]) -> NDArray[np.int64]:
        """Return the rows of the buses that a column names."""
        numbers = self.column(column)
        unknown = np.array([number not in known for number in numbers.tolist()], dtype=np.bool_)
        self.refuse(unknown, column, "there is no bus {:g}")
        return np.array([known[number] for number in numbers.tolist()], dtype=np.int64)
