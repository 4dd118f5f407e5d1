"""A model whose columns and rows have names: what the readers of model files make."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sesgame.errors import GameError
from sesgame.linear.model import LinearModel

__all__ = ["Column", "NamedModel", "Row", "Source"]


@dataclass
class Column:
    """A variable; ``lower`` or ``upper`` is None where the file says nothing."""

    lower: float | None = None
    upper: float | None = None
    cost: float = 0.0
    integer: bool = False
    semicontinuous: bool = False

    @property
    def bounds(self) -> tuple[float, float]:
        """The bounds, from 0 to infinity where the file says nothing."""
        return (
            0.0 if self.lower is None else self.lower,
            math.inf if self.upper is None else self.upper,
        )


@dataclass
class Row:
    """A linear constraint."""

    lower: float
    upper: float
    terms: dict[str, float] = field(default_factory=dict)


@dataclass
class NamedModel:
    """Variables and constraints by name, in the order of the file.

    ``hessian`` has the entries of Q of the objective ``x @ Q @ x / 2``, both triangles.
    """

    sense: int = 1
    offset: float = 0.0
    columns: dict[str, Column] = field(default_factory=dict)
    rows: dict[str, Row] = field(default_factory=dict)
    hessian: dict[tuple[str, str], float] = field(default_factory=dict)

    def linear_model(self) -> LinearModel:
        """Return the model as arrays."""
        number = {name: place for place, name in enumerate(self.columns)}
        columns, rows = list(self.columns.values()), list(self.rows.values())
        entries = [
            (place, number[name], value)
            for place, row in enumerate(rows)
            for name, value in row.terms.items()
        ]
        places, variables, coefficients = zip(*entries, strict=True) if entries else ((), (), ())
        pairs = [(number[one], number[other]) for one, other in self.hessian]
        of_rows, of_columns = zip(*pairs, strict=True) if pairs else ((), ())
        bounds = np.array([column.bounds for column in columns]).reshape(-1, 2)
        return LinearModel(
            cost=np.array([column.cost for column in columns]),
            col_lower=bounds[:, 0].copy(),
            col_upper=bounds[:, 1].copy(),
            row_lower=np.array([row.lower for row in rows]),
            row_upper=np.array([row.upper for row in rows]),
            rows=np.array(places, dtype=np.intp),
            columns=np.array(variables, dtype=np.intp),
            coefficients=np.array(coefficients, dtype=np.float64),
            integer=np.array([column.integer for column in columns], dtype=np.bool_),
            sense=self.sense,
            offset=self.offset,
            semicontinuous=np.flatnonzero([column.semicontinuous for column in columns]),
            hessian=(
                np.array(of_rows, dtype=np.intp),
                np.array(of_columns, dtype=np.intp),
                np.array(list(self.hessian.values()), dtype=np.float64),
            ),
        )


@dataclass
class Source:
    """Where a reader is, so that each error can say it."""

    name: str
    line: int = 0

    def error(self, message: str) -> GameError:
        """Return an error about the line that is read."""
        return GameError(f"{self.name}, line {self.line}: {message}")

    def number(self, text: str) -> float:
        """Return a number, which is not NaN.

        Raises
        ------
        GameError
            It is none.
        """
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value) or "_" in text:
            raise self.error(f"{text!r} is not a number")
        return value
