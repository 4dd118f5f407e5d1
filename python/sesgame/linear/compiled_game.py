"""A program whose bounds members bring, as the compiled game of its optima."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import LinearProductionGame, linear_production_game

if TYPE_CHECKING:
    from sesgame.linear.reduced_model import ReducedModel

__all__ = ["compiled_game"]


def compiled_game(program: ReducedModel) -> LinearProductionGame:
    """Return the game in which each coalition bears the least cost of its program.

    Raises
    ------
    SolverError
        All together have no least cost.
    """
    model = program.model
    order = np.lexsort((model.columns, model.rows))
    counts = np.bincount(model.rows, minlength=len(model.row_lower))
    return linear_production_game(
        model.cost,
        np.array([model.col_lower, model.col_upper]),
        np.array([model.row_lower, model.row_upper]),
        np.append(0, np.cumsum(counts)),
        model.columns[order],
        model.coefficients[order],
        program.cost_share,
        (program.columns.places, program.columns.bounds, program.columns.share),
        (program.rows.places, program.rows.bounds, program.rows.share),
        is_cost=True,
    )
