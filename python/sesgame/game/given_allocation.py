"""Allocations in whatever form a caller has them: of this game's players, in their order.

Above :mod:`sesgame.game.game`, which knows no allocation of its own.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition, named
from sesgame.game.allocation import Allocation, SupportsAllocation, checked_values, shares_of

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

__all__ = ["allocation_of", "as_allocation"]


def as_allocation(
    game: Game, allocation: Allocation | SupportsAllocation | Mapping[Hashable, float] | ArrayLike
) -> Allocation:
    """Return an allocation of this game, whatever form it is given in.

    What knows the bills of an arrangement is asked for them.

    Raises
    ------
    AllocationError
        Other players, the other kind, a missing player, or a number that is not finite.
    """
    if isinstance(allocation, SupportsAllocation):
        allocation = allocation_of(allocation)
    if isinstance(allocation, Allocation):
        if allocation.kind != game.kind:
            raise AllocationError(f"a {allocation.kind} allocation for a {game.kind} game")
        if allocation.players == game.players:
            return allocation
        by_player = dict(zip(allocation.players, allocation.values.tolist(), strict=True))
        return dataclasses.replace(
            allocation, players=game.players, values=_in_player_order(game, by_player)
        )
    by_label = _by_label(game, allocation)
    values = (
        checked_values(game.players, cast("ArrayLike", allocation))
        if by_label is None
        else _in_player_order(game, by_label)
    )
    return Allocation(players=game.players, values=values, kind=game.kind, method="given")


def allocation_of(arrangement: SupportsAllocation) -> Allocation:
    """Return the allocation of what knows the bills of an arrangement.

    Raises
    ------
    AllocationError
        It returns something else.
    """
    found = arrangement.allocation()
    if not isinstance(found, Allocation):
        raise AllocationError(
            f"allocation() of {named(arrangement)} must return an Allocation, got {named(found)}"
        )
    return found


def _by_label(game: Game, given: Any) -> Mapping[Hashable, Any] | None:
    """Return shares that have labels, by label; None for an array, in player order.

    Labels have mappings, a Series of pandas, unless they are 0, 1, ... that nobody chose, and an
    array of xarray with a coordinate.
    """
    if isinstance(given, Mapping):
        return given
    if hasattr(given, "dims") and hasattr(given, "to_series"):
        given = given.to_series() if given.ndim == 1 and any(given.coords) else given.to_numpy()
    index = getattr(given, "index", None)
    if index is None or callable(index) or getattr(given, "ndim", 0) != 1:
        return None
    labels = list(index)
    if labels == list(range(len(labels))) and not all(label in game.players for label in labels):
        return None
    if len(set(labels)) < len(labels):
        raise AllocationError("the allocation has two shares of one player")
    return dict(zip(labels, given, strict=True))


def _in_player_order(game: Game, values: Mapping[Hashable, float]) -> NDArray[np.float64]:
    missing = [player for player in game.players if player not in values]
    unknown = [player for player in values if player not in game.players]
    if missing or unknown:
        raise AllocationError(
            f"the allocation is not one of this game's players: missing "
            f"{format_coalition(missing)}, unknown {format_coalition(unknown)}"
        )
    return checked_values(game.players, shares_of(values, list(game.players)))
