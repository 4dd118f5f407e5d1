"""Allocations in whatever form a caller has them: of this game's players, in their order.

Above :mod:`sesgame.game.game`, which knows no allocation of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, checked_values

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

__all__ = ["as_allocation"]


def as_allocation(
    game: Game, allocation: Allocation | Mapping[Hashable, float] | ArrayLike
) -> Allocation:
    """Return an allocation of this game, whatever form it is given in.

    Raises
    ------
    AllocationError
        Other players, the other kind, a missing player, or a number that is not finite.
    """
    if isinstance(allocation, Allocation):
        if allocation.kind != game.kind:
            raise AllocationError(f"a {allocation.kind} allocation for a {game.kind} game")
        if allocation.players == game.players:
            return allocation
        by_player = dict(zip(allocation.players, allocation.values.tolist(), strict=True))
        return dataclasses.replace(
            allocation, players=game.players, values=_in_player_order(game, by_player)
        )
    values = (
        _in_player_order(game, allocation)
        if isinstance(allocation, Mapping)
        else checked_values(game.players, allocation)
    )
    return Allocation(players=game.players, values=values, kind=game.kind, method="given")


def _in_player_order(game: Game, values: Mapping[Hashable, float]) -> NDArray[np.float64]:
    missing = [player for player in game.players if player not in values]
    unknown = [player for player in values if player not in game.players]
    if missing or unknown:
        raise AllocationError(
            f"the allocation is not one of this game's players: missing "
            f"{format_coalition(missing)}, unknown {format_coalition(unknown)}"
        )
    return checked_values(game.players, [values[player] for player in game.players])
