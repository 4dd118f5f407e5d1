"""A game from a model in `HiGHS <https://highs.dev>`_ (extra ``highspy``)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.adapters.highspy_fields import check
from sesgame.adapters.membership_columns import checked_columns
from sesgame.adapters.membership_model import game_of_model
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel

if TYPE_CHECKING:
    import highspy

    from sesgame.game.game import Game

__all__ = ["model_game"]


def model_game(
    model: highspy.Highs, membership: Mapping[Hashable, int | highspy.highs.highs_var]
) -> Game:
    """Return the game of a model that is in HiGHS, solved by changing bounds and costs alone.

    Parameters
    ----------
    model : highspy.Highs
        Minimises the cost, or maximises the gain, of a coalition. It is copied, not changed.
    membership : mapping of player to variable
        The variable (``highspy_var``, or index of the column) that is 1 if a player is a member
        and 0 if not, and multiplies what the player brings in.

    Returns
    -------
    Game
        A cost game if the model minimises, a gain game if it maximises.

    Raises
    ------
    GameError
        There is no such column, two players have the same, 0 and 1 are not within its bounds, the
        model holds something that cannot be read (see ``sesgame.adapters.highspy_fields``), or
        without members it is infeasible or not worth 0.
    SolverError
        HiGHS refuses to be set up; its own message says why.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`. Columns may be integer, semi-continuous or
    semi-integer; or the objective may have a convex (of a gain, concave) quadratic part, in which
    memberships may stand, too. HiGHS runs on one thread for each worker, which is started for it:
    what else solves with HiGHS in the process, with whatever ``threads``, before or after, changes
    nothing here and is not changed.

    Examples
    --------
    >>> import highspy
    >>> import sesgame as sg
    >>> from sesgame.adapters.highspy import model_game
    >>> model = highspy.Highs()
    >>> model.silent()
    >>> buy = model.addVariable(obj=0.3)
    >>> ann, bob = model.addVariable(), model.addVariable()
    >>> _ = model.addConstr(buy >= 5 * ann - 2 * bob)
    >>> game = model_game(model, {"ann": ann, "bob": bob})
    >>> game.value(["ann"]), round(game.value(["ann", "bob"]), 9)
    (1.5, 0.9)
    """
    import highspy

    if not isinstance(model, highspy.Highs):
        raise GameError(f"the model must be a highspy.Highs, not {model!r}")
    if not isinstance(membership, Mapping):
        raise GameError(f"the membership must map each player to a variable; it is {membership!r}")
    players = Players(membership)
    check(model)
    linear = LinearModel.of_highs(model)
    columns = [_column(model, len(linear.cost), player, membership[player]) for player in players]
    return game_of_model(players, linear, checked_columns(players, columns, linear))


def _column(model: highspy.Highs, n_columns: int, player: Hashable, variable: object) -> int:
    """Return the column of a membership."""
    import highspy

    if isinstance(variable, highspy.highs.highs_var):
        if variable.highs != model:
            raise GameError(f"the membership of {player!r} is a variable of another model")
        variable = variable.index
    if not isinstance(variable, (int, np.integer)) or isinstance(variable, (bool, np.bool_)):
        raise GameError(
            f"the membership of {player!r} is {variable!r}; a variable of the model or the number "
            f"of its column is needed"
        )
    if not 0 <= variable < n_columns:
        raise GameError(
            f"the membership of {player!r} is column {variable}; the model has {n_columns} columns"
        )
    return int(variable)
