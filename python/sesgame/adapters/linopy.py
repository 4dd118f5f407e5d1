"""A game from a `linopy <https://linopy.readthedocs.io>`_ model (extra ``linopy``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.adapters.membership_model import game_of_model
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel

if TYPE_CHECKING:
    import linopy

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
        There is no such variable, it has more than one dimension, or without members the model is
        infeasible or not worth 0.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`.
    """
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
    position = {int(label): column for column, label in enumerate(model.matrices.vlabels)}
    columns = [position[int(label)] for label in np.ravel(variable.labels.values)]
    return game_of_model(players, linear_model(model), columns)


def linear_model(model: linopy.Model) -> LinearModel:
    """Return a linopy model as arrays, columns and rows in the order of its matrices.

    Raises
    ------
    GameError
        Its objective is quadratic.
    """
    if model.is_quadratic:
        raise GameError("the objective of the linopy model is quadratic; a linear one is needed")
    matrices = model.matrices
    if matrices.A is None:
        raise GameError("the linopy model has no constraints")
    matrix = matrices.A.tocoo()
    bound = np.asarray(matrices.b, dtype=np.float64)
    sense = np.asarray(matrices.sense, dtype=str)
    return LinearModel(
        cost=np.asarray(matrices.c, dtype=np.float64),
        col_lower=np.asarray(matrices.lb, dtype=np.float64),
        col_upper=np.asarray(matrices.ub, dtype=np.float64),
        row_lower=np.where(sense == "<", -np.inf, bound),
        row_upper=np.where(sense == ">", np.inf, bound),
        rows=matrix.row.astype(np.intp),
        columns=matrix.col.astype(np.intp),
        coefficients=matrix.data.astype(np.float64),
        integer=np.asarray(matrices.vtypes, dtype=str) != "C",
        sense=-1 if model.objective.sense == "max" else 1,
        offset=0.0,
    )
