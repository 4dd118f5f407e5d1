r"""How the optimal value changes with membership, in one direction, as a model of its own.

The optimal value of a linear or convex quadratic model is a convex function v of the right-hand
sides (of a maximum, concave). Its derivative in a direction d is the largest (smallest) worth of d
at any optimal dual prices. By duality that is again a linear program, of the same matrix: at an
optimal point, whose gradient is the cost now, a bound that is active moves with d, and one that is
not active is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.linear.model import no_entries
from sesgame.linear.reduced_model import AffineBounds, ReducedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Optimum", "derivative_model", "prices"]

MISSED = 1e-7
"""By how much HiGHS may miss a bound that is active, or a dual that is 0: its tolerances."""

LOST = 1e-9
"""Of a bound: what rounding may lose of it."""


@dataclass(frozen=True, eq=False)
class Optimum:
    """An optimal point and optimal duals of the model of a coalition.

    Attributes
    ----------
    columns, rows : ndarray
        The values of the columns and of the rows.
    column_duals, row_duals : ndarray
        By how much the objective grows with a bound that is active.
    """

    columns: NDArray[np.float64]
    rows: NDArray[np.float64]
    column_duals: NDArray[np.float64]
    row_duals: NDArray[np.float64]


def prices(reduced: ReducedModel, optimum: Optimum) -> NDArray[np.float64]:
    """Return what one more of each player is worth at the duals of an optimum, shape (n,)."""
    sense = reduced.model.sense
    return (
        reduced.cost_share
        + reduced.rows.price(optimum.row_duals[reduced.rows.places], sense)
        + reduced.columns.price(optimum.column_duals[reduced.columns.places], sense)
    )


def derivative_model(
    reduced: ReducedModel, z: NDArray[np.float64], optimum: Optimum
) -> ReducedModel:
    """Return the model whose value at d is the derivative of the optimal value in direction d.

    Parameters
    ----------
    reduced : ReducedModel
        Without integers.
    z : ndarray of shape (n,)
        Where the derivative is taken.
    optimum : Optimum
        Of the model at z.

    Returns
    -------
    ReducedModel
        Infeasible in a direction in which the derivative is infinite. ``cost_of_members`` adds what
        members cost by themselves.
    """
    model = reduced.model
    rows, columns, values = model.hessian
    gradient = model.cost.copy()
    gradient[reduced.costs.places] = reduced.costs.at(z)
    np.add.at(gradient, rows, values * optimum.columns[columns] / 2)
    np.add.at(gradient, columns, values * optimum.columns[rows] / 2)
    col_bounds = _moving(
        np.array([model.col_lower, model.col_upper]),
        reduced.columns,
        z,
        optimum.columns,
        optimum.column_duals * model.sense,
    )
    row_bounds = _moving(
        np.array([model.row_lower, model.row_upper]),
        reduced.rows,
        z,
        optimum.rows,
        optimum.row_duals * model.sense,
    )
    return replace(
        reduced,
        model=replace(
            model,
            cost=gradient,
            col_lower=col_bounds[0],
            col_upper=col_bounds[1],
            row_lower=row_bounds[0],
            row_upper=row_bounds[1],
            offset=0.0,
            hessian=no_entries(),
        ),
        columns=replace(
            reduced.columns, bounds=col_bounds[:, reduced.columns.places], presence=None
        ),
        rows=replace(reduced.rows, bounds=row_bounds[:, reduced.rows.places]),
    )


def _moving(
    bounds: NDArray[np.float64],
    affine: AffineBounds,
    z: NDArray[np.float64],
    values: NDArray[np.float64],
    duals: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the bounds of a direction, before members move them: 0 if active, or infinite."""
    bounds[:, affine.places] = affine.at(z)
    slack = MISSED + LOST * np.abs(np.where(np.isfinite(bounds), bounds, 0.0))
    lower = (values <= bounds[0] + slack[0]) | (duals > MISSED)
    upper = (values >= bounds[1] - slack[1]) | (duals < -MISSED)
    return np.array([np.where(lower, 0.0, -np.inf), np.where(upper, 0.0, np.inf)])
