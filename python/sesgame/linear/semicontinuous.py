"""Semi-continuous columns, which are 0 or within their bounds, by binary ones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sesgame.errors import GameError
from sesgame.linear.model import LinearModel, no_columns

__all__ = ["without_semicontinuous"]


def without_semicontinuous(model: LinearModel) -> LinearModel:
    """Return the same model with a binary column for each that is semi-continuous, at the end.

    A column x with the bounds l and u becomes one with ``l y <= x <= u y``, where y is binary.

    Raises
    ------
    GameError
        The bounds on the far side of 0 are not finite.
    """
    columns = np.unique(model.semicontinuous)
    lower, upper = model.col_lower[columns], model.col_upper[columns]
    outside = ~((lower <= 0) & (upper >= 0))  # with 0 between its bounds it is like any other
    columns, lower, upper = columns[outside], lower[outside], upper[outside]
    infinite = ~(np.isfinite(lower) & np.isfinite(upper))
    if infinite.any():
        first = np.argmax(infinite)
        raise GameError(
            f"column {columns[first]} is semi-continuous, 0 or between {lower[first]:g} and "
            f"{upper[first]:g}: both bounds must be finite; choose one that it never reaches"
        )
    count, n_columns, n_rows = len(columns), len(model.cost), len(model.row_lower)
    binary = n_columns + np.arange(count)
    at_least = n_rows + np.arange(count)
    at_most = at_least + count
    col_lower, col_upper = model.col_lower.copy(), model.col_upper.copy()
    col_lower[columns], col_upper[columns] = np.minimum(lower, 0.0), np.maximum(upper, 0.0)
    return replace(
        model,
        cost=np.append(model.cost, np.zeros(count)),
        col_lower=np.append(col_lower, np.zeros(count)),
        col_upper=np.append(col_upper, np.ones(count)),
        row_lower=np.concatenate([model.row_lower, np.zeros(count), np.full(count, -np.inf)]),
        row_upper=np.concatenate([model.row_upper, np.full(count, np.inf), np.zeros(count)]),
        rows=np.concatenate([model.rows, at_least, at_least, at_most, at_most]),
        columns=np.concatenate([model.columns, columns, binary, columns, binary]),
        coefficients=np.concatenate(
            [model.coefficients, np.ones(count), -lower, np.ones(count), -upper]
        ),
        integer=np.append(model.integer, np.ones(count, dtype=np.bool_)),
        semicontinuous=no_columns(),
    )
