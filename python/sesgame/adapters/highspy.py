"""A game from a model in `HiGHS <https://highs.dev>`_ (extra ``highspy``)."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

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
    """Return the game of a linear model that is in HiGHS, solved by changing bounds alone.

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
        There is no such column, two players have the same, or without members the model is
        infeasible or not worth 0.
    SolverError
        HiGHS refuses to be set up; its own message says why.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`. HiGHS runs on one thread for each worker, which is
    started for it: what else solves with HiGHS in the process, with whatever ``threads``, before
    or after, changes nothing here and is not changed.

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
    players = Players(membership)
    columns = [int(getattr(variable, "index", variable)) for variable in membership.values()]
    linear = LinearModel.of_highs(model)
    for player, column in zip(players, columns, strict=True):
        if not 0 <= column < len(linear.cost):
            raise GameError(
                f"the membership of {player!r} is column {column}; "
                f"the model has {len(linear.cost)} columns"
            )
        if columns.count(column) > 1:
            raise GameError(f"the membership of {player!r}, column {column}, is another's, too")
    return game_of_model(players, linear, columns)
