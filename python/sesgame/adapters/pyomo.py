"""A game from a `Pyomo <https://pyomo.readthedocs.io>`_ model (extra ``pyomo``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.membership_columns import checked_columns
from sesgame.adapters.membership_model import game_of_model
from sesgame.adapters.pyomo_fields import check_fields
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
        some player, or 0 or 1 is not within its bounds; an active component is one that a game
        cannot have, or the domain of a variable is; or without members the model is infeasible or
        not worth 0.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`. The model is read as it is now: mutable
    parameters and fixed variables have the values of this moment, and what is deactivated is not
    there. Domains are continuous, integer, binary, or semi-continuous: 0 and an interval above it.
    What else Pyomo can hold is refused by name while it is active; the page on models of other
    packages has the list.
    """
    from pyomo.environ import maximize
    from pyomo.opt import WriterFactory

    check_fields(model)
    writer = WriterFactory("compile_standard_form")
    try:
        form = writer.write(model, mixed_form=True, set_sense=None)
        bound = np.asarray(form.rhs, dtype=np.float64)
    except Exception as error:
        raise GameError(f"the Pyomo model cannot be read as a linear one: {error}") from error
    if len(form.objectives) != 1:
        raise GameError(f"the Pyomo model has {len(form.objectives)} active objectives, not one")
    matrix = form.A.tocoo()
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
    kinds = [_kind(variable) for variable in form.columns]
    bounds = np.array([limits for _, limits in kinds])
    for numbers, names in ((bound, [row.constraint for row in form.rows]), (bounds, form.columns)):
        for place in np.flatnonzero(np.isnan(numbers.reshape(len(names), -1)).any(axis=1)):
            raise GameError(f"a bound of {names[place].name!r} of the Pyomo model is not a number")
    linear = LinearModel(
        cost=np.ravel(form.c.todense()).astype(np.float64),
        col_lower=bounds[:, 0].copy(),
        col_upper=bounds[:, 1].copy(),
        row_lower=np.where(sides <= 0, bound, -np.inf),
        row_upper=np.where(sides >= 0, bound, np.inf),
        rows=matrix.row.astype(np.intp),
        columns=matrix.col.astype(np.intp),
        coefficients=matrix.data.astype(np.float64),
        integer=np.array([kind == "integer" for kind, _ in kinds]),
        sense=-1 if form.objectives[0].sense == maximize else 1,
        offset=float(form.c_offset[0]),
        semicontinuous=np.flatnonzero([kind == "semi-continuous" for kind, _ in kinds]),
    )
    return game_of_model(players, linear, checked_columns(players, columns, linear))


def _kind(variable: Any) -> tuple[str, tuple[float, float]]:
    """Return what values a variable can take, and between which bounds.

    Raises
    ------
    GameError
        Others than all numbers, or all integers, between two, and perhaps 0.
    """
    low, high = variable.bounds
    bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    if variable.is_continuous():
        return "continuous", bounds
    if variable.is_integer() or variable.is_binary():
        return "integer", bounds
    limits = [
        tuple(getattr(part, name, None) for name in ("start", "end", "step"))
        for part in variable.domain.ranges()
    ]
    others = [part for part in limits if part != (0, 0, 0)]
    if len(limits) == 2 and len(others) == 1 and bounds[0] == 0:
        (start, _, step) = others[0]
        if step == 0 and start is not None and 0 < start <= bounds[1]:
            return "semi-continuous", (start, bounds[1])
    raise GameError(
        f"the variable {variable.name!r} has the domain {variable.domain}, which is neither "
        f"continuous nor integer between two numbers; write it with binary variables"
    )
