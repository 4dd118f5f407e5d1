"""Symmetric players, by types: 2^n coalitions collapse to a few profiles.

Where the value of a coalition depends only on how many members of each type it has, one coalition
for each profile of counts is evaluated: the product of (count + 1) over the types.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import format_coalition
from sesgame.game.by_value import ByValue
from sesgame.game.memory import enough_memory
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Symmetry"]

CHECKED = 8
"""Coalitions that are compared with others of the same profile."""

SAME_VALUE = 1e-9
"""Of the largest of these: what counts as the same value."""


class Symmetry(ByValue):
    """Which players are of the same type.

    Parameters
    ----------
    players : Players
        All players.
    types : mapping of player to hashable
        The type of each player; a player that is not there is of a type of its own.

    Raises
    ------
    CoalitionError
        `types` names an unknown player.
    GameError
        A type is not hashable, or `types` is no mapping.

    Examples
    --------
    >>> symmetry = Symmetry(Players("abcd"[i] for i in range(4)), {"a": 1, "b": 1, "d": 1})
    >>> symmetry.n_profiles
    8
    >>> symmetry.representatives(np.array([[False, True, True, True]]))
    array([[ True,  True,  True, False]])
    """

    def __init__(self, players: Players, types: Mapping[Hashable, Hashable]) -> None:
        if not isinstance(types, Mapping):
            raise GameError(f"types must be a mapping from player to type, got {types!r}")
        groups: dict[tuple[str, Hashable], list[int]] = {}
        for player in types:
            players.index(player)
        for index, player in enumerate(players):
            key = ("type", types[player]) if player in types else ("player", player)
            try:
                groups.setdefault(key, []).append(index)
            except TypeError as error:
                raise GameError(f"the type of {player!r} is not hashable: {key[1]!r}") from error
        self.groups = [np.array(group) for group in groups.values()]
        self.players = players

    @property
    def n_profiles(self) -> int:
        """The number of coalitions that differ: the product of (count + 1) over the types."""
        product = 1
        for group in self.groups:
            product *= len(group) + 1
        return product

    def representatives(self, membership: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return, for each row, the coalition with the first players of each type instead."""
        result = membership.copy()
        for group in self.groups:
            if len(group) > 1:
                counts = membership[:, group].sum(axis=1)
                result[:, group] = np.arange(len(group)) < counts[:, np.newaxis]
        return result

    def pooled(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return numbers of players, along the last axis, with the mean of its type for each."""
        result = values.copy()
        for group in self.groups:
            if len(group) > 1:
                result[..., group] = values[..., group].mean(axis=-1, keepdims=True)
        return result

    @property
    def n_players(self) -> int:
        """The number of players n."""
        return len(self.players)

    def check(self, values_of: Callable[[NDArray[np.bool_]], NDArray[np.float64]]) -> None:
        """Compare the values of a few coalitions with those of others of the same profile.

        Parameters
        ----------
        values_of : callable
            From a bool array of shape (m, n), the coalitions, to their values, shape (m,).

        Raises
        ------
        GameError
            Two coalitions with as many members of each type differ in value; both are named.
        """
        random = np.random.default_rng(0)
        rows = random.random((CHECKED, self.n_players)) < 0.5
        others = self.representatives(rows)
        moved = (rows != others).any(axis=1)
        if not moved.any():
            return
        rows, others = rows[moved], others[moved]
        values, same = values_of(rows), values_of(others)
        scale = max(float(np.abs(values).max()), float(np.abs(same).max()))
        wrong = np.abs(values - same) > SAME_VALUE * scale
        if wrong.any():
            row = int(np.argmax(wrong))
            one, other = (
                format_coalition(self.players.ordered_labels(members))
                for members in (rows[row], others[row])
            )
            raise GameError(
                f"{one} is worth {values[row]!r} and {other} {same[row]!r}, but they have as many "
                f"members of each type; players of one type must be symmetric"
            )

    def profile_coalitions(self) -> NDArray[np.bool_]:
        """Return one coalition for each profile; the count of the first type varies fastest."""
        representatives = np.zeros((1, self.n_players), dtype=np.bool_)
        for group in self.groups:
            counts = np.repeat(np.arange(len(group) + 1), len(representatives))
            representatives = np.tile(representatives, (len(group) + 1, 1))
            representatives[:, group] = np.arange(len(group)) < counts[:, np.newaxis]
        return representatives

    def profiles(self) -> tuple[NDArray[np.bool_], NDArray[np.intp]]:
        """Return one coalition for each profile, and the profile of each of the 2^n coalitions."""
        stride = np.zeros(self.n_players, dtype=np.intp)
        step = 1
        for group in self.groups:
            stride[group] = step
            step *= len(group) + 1
        profile = np.zeros(1, dtype=np.intp)
        with enough_memory("table", 8 << self.n_players):
            for player_step in stride:
                profile = np.concatenate([profile, profile + player_step])
        return self.profile_coalitions(), profile
