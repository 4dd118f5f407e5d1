"""The columns of a model that are its players' memberships."""

from __future__ import annotations

from collections.abc import Sequence

from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel

__all__ = ["checked_columns"]


def checked_columns(players: Players, columns: Sequence[int], model: LinearModel) -> list[int]:
    """Return the columns of the memberships, if they can be 1 for members and 0 for others.

    Raises
    ------
    GameError
        Two players have the same column, or 0 or 1 is not within the bounds of one.
    """
    owner: dict[int, object] = {}
    for player, column in zip(players, columns, strict=True):
        if column in owner:
            raise GameError(f"{owner[column]!r} and {player!r} have the same membership variable")
        owner[column] = player
        lower, upper = model.col_lower[column], model.col_upper[column]
        if not lower <= 0.0 < 1.0 <= upper:
            raise GameError(
                f"the membership of {player!r} has the bounds {lower:g} and {upper:g}; "
                f"both 0 and 1 must be within them"
            )
    return list(columns)
