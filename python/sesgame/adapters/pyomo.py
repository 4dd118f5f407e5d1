"""A game from a `Pyomo <https://pyomo.readthedocs.io>`_ model (extra ``pyomo``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.membership_model import game_of_model
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel

if TYPE_CHECKING:
    from pyomo.environ import ConcreteModel

    from sesgame.game.game import Game

__all__ = ["model_game"]


def model_game(model: ConcreteModel, membership: Any) -> Game:
    """Return the game of a linear Pyomo model, which goes to HiGHS once.

    Parameters
    ----------
    model : pyomo.environ.ConcreteModel
        Minimises the cost, or maximises the gain, of a coalition. It is not changed.
    membership : pyomo.environ.Var
        The variable, indexed by the players, that is 1 for members and 0 for others and
        multiplies what a player brings in.

    Returns
    -------
    Game
        A cost game if the model minimises, a gain game if it maximises.

    Raises
    ------
    GameError
        The model is not linear, has not exactly one objective, does not use the membership of
        some player, or without members it is infeasible or not worth 0.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`. The model is read as it is now: mutable
    parameters have the values of this moment.
    """
    from pyomo.environ import maximize
    from pyomo.opt import WriterFactory

    writer = WriterFactory("compile_standard_form")
    try:
        form = writer.write(model, mixed_form=True, set_sense=None)
    except Exception as error:
        raise GameError(f"the Pyomo model cannot be read as a linear one: {error}") from error
    if len(form.objectives) != 1:
        raise GameError(f"the Pyomo model has {len(form.objectives)} active objectives, not one")
    matrix = form.A.tocoo()
    bound = np.asarray(form.rhs, dtype=np.float64)
    # In the mixed form a row is an equality (0), at most (1) or at least (-1) its right-hand side.
    sides = np.array([row.bound_type for row in form.rows], dtype=np.int64)
    position = {id(variable): column for column, variable in enumerate(form.columns)}
    players = Players(membership)
    columns = []
    for player in players:
        column = position.get(id(membership[player]))
        if column is None:
            raise GameError(
                f"the membership of {player!r} is not in the model, or fixed: free it, and "
                f"multiply by it what {player!r} brings in"
            )
        columns.append(column)
    bounds = [variable.bounds for variable in form.columns]
    linear = LinearModel(
        cost=np.ravel(form.c.todense()).astype(np.float64),
        col_lower=np.array([-np.inf if low is None else low for low, _ in bounds]),
        col_upper=np.array([np.inf if high is None else high for _, high in bounds]),
        row_lower=np.where(sides <= 0, bound, -np.inf),
        row_upper=np.where(sides >= 0, bound, np.inf),
        rows=matrix.row.astype(np.intp),
        columns=matrix.col.astype(np.intp),
        coefficients=matrix.data.astype(np.float64),
        integer=np.array([not variable.is_continuous() for variable in form.columns]),
        sense=-1 if form.objectives[0].sense == maximize else 1,
        offset=float(form.c_offset[0]),
    )
    return game_of_model(players, linear, columns)
