"""A game from a `linopy <https://linopy.readthedocs.io>`_ model (extra ``linopy``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.linopy_fields import check_fields
from sesgame.adapters.membership_columns import checked_columns
from sesgame.adapters.membership_model import game_of_model
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.linear.model import Entries, LinearModel

if TYPE_CHECKING:
    import linopy
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["linear_model", "model_game"]


def model_game(model: linopy.Model, membership: str = "membership") -> Game:
    """Return the game of a linopy model, which stays in HiGHS and is solved by changing bounds.

    Parameters
    ----------
    model : linopy.Model
        Minimises the cost, or maximises the gain, of a coalition. It is not changed.
    membership : str, default "membership"
        The name of the variable, over one dimension whose coordinates are the players, that is
        1 for members and 0 for others and multiplies what a player brings in.

    Returns
    -------
    Game
        A cost game if the model minimises, a gain game if it maximises.

    Raises
    ------
    GameError
        There is no such variable, it has more than one dimension, a player's is masked, or 0 or 1
        is not within its bounds; the model holds what a game cannot have; or without members it is
        infeasible or not worth 0.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`. Integer, binary and semi-continuous variables,
    piecewise formulations by inequalities or increments, softened constraints and scaling count.
    Special ordered sets, indicator constraints and every field that is on no list are refused by
    name; the page on models of other packages has the lists.
    """
    import linopy

    if not isinstance(model, linopy.Model):
        raise GameError(f"the model must be a linopy.Model, not {model!r}")
    if not isinstance(membership, str):
        raise GameError(f"membership is the name of a variable, not {membership!r}")
    if membership not in model.variables:
        names = ", ".join(model.variables)
        raise GameError(f"the model has no variable {membership!r}; its variables are {names}")
    variable = model.variables[membership]
    if len(variable.dims) != 1:
        raise GameError(
            f"the variable {membership!r} has the dimensions {variable.dims}; one is needed, "
            f"over the players"
        )
    players = Players(variable.coords[variable.dims[0]].values.tolist())
    linear, labels = _read(model)
    position = {int(label): column for column, label in enumerate(labels)}
    columns = []
    for player, label in zip(players, np.ravel(variable.labels.values), strict=True):
        if int(label) not in position:
            raise GameError(f"the membership of {player!r} is masked: it is not in the model")
        columns.append(position[int(label)])
    return game_of_model(players, linear, checked_columns(players, columns, linear))


def linear_model(model: linopy.Model) -> LinearModel:
    """Return a linopy model as arrays, columns and rows in the order of its matrices.

    Raises
    ------
    GameError
        It holds what a game cannot have, see ``sesgame.adapters.linopy_fields``.
    """
    return _read(model)[0]


def _read(model: linopy.Model) -> tuple[LinearModel, NDArray[np.integer]]:
    """Return the model, and the label of the variable in each column."""
    from linopy.matrices import MatrixAccessor

    check_fields(model)
    try:
        matrices = MatrixAccessor(model)  # that of the model may be from before its last change
        linear = _linear_model(model, matrices)
    except Exception as error:
        raise GameError(f"linopy cannot make arrays of the model: {error}") from error
    _refuse_nan(model, matrices, linear)
    return linear, matrices.vlabels


def _linear_model(model: linopy.Model, matrices: Any) -> LinearModel:
    """Return the matrices, which are those of a solver, in the units of the model."""
    # y = scaling * x are the variables of the solver, and all of the objective is scaled.
    scaling = np.asarray(getattr(matrices, "var_scaling", np.ones(len(matrices.vlabels))))
    of_objective = scaling / getattr(model.objective, "scaling", 1.0)
    has_rows = bool(list(model.constraints))
    bound = np.asarray(matrices.b if has_rows else [], dtype=np.float64)
    sense = np.asarray(matrices.sense if has_rows else [], dtype=str)
    rows, columns, coefficients = _entries(matrices.A if has_rows else None)
    kinds = np.asarray(matrices.vtypes, dtype=str)
    q_rows, q_columns, q_values = _entries(matrices.Q)
    return LinearModel(
        cost=np.asarray(matrices.c, dtype=np.float64) * of_objective,
        col_lower=np.asarray(matrices.lb, dtype=np.float64) / scaling,
        col_upper=np.asarray(matrices.ub, dtype=np.float64) / scaling,
        row_lower=np.where(sense == "<", -np.inf, bound),
        row_upper=np.where(sense == ">", np.inf, bound),
        rows=rows,
        columns=columns,
        coefficients=coefficients * scaling[columns],
        integer=np.isin(kinds, ["B", "I"]),
        sense=-1 if model.objective.sense == "max" else 1,
        offset=float(np.nan_to_num(model.objective.expression.const)),  # NaN is none there
        semicontinuous=np.flatnonzero(kinds == "S"),
        hessian=(q_rows, q_columns, q_values * scaling[q_rows] * of_objective[q_columns]),
    )


def _refuse_nan(model: linopy.Model, matrices: Any, linear: LinearModel) -> None:
    """Refuse numbers that are missing, as where coordinates do not match."""
    of_rows = np.zeros(len(linear.row_lower))
    np.add.at(of_rows, linear.rows, linear.coefficients)
    for kind, labels, numbers in (
        ("variables", matrices.vlabels, [linear.cost, linear.col_lower, linear.col_upper]),
        ("constraints", matrices.clabels, [linear.row_lower, linear.row_upper, of_rows]),
    ):
        wrong = np.flatnonzero(np.isnan(numbers).any(axis=0))
        if wrong.size:
            name = getattr(model, kind).get_name_by_label(int(labels[wrong[0]]))
            raise GameError(f"{name!r} of the {kind} of the linopy model has NaN for a number")


def _entries(matrix: Any) -> Entries:
    """Return rows, columns and coefficients of a sparse matrix, or of none."""
    if matrix is None:
        return np.empty(0, np.intp), np.empty(0, np.intp), np.empty(0)
    entries = matrix.tocoo()
    return (
        entries.row.astype(np.intp),
        entries.col.astype(np.intp),
        entries.data.astype(np.float64),
    )
