"""Characteristic functions that ask other games: sums, duals, unions, with parts of any make.

What a part knows it keeps, so that no coalition is evaluated twice; an error names the coalition
that the part was asked for.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.game.by_value import ByValue
from sesgame.game.characteristic_function import CharacteristicFunction, not_finite
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import NativeGame
    from sesgame.game.allocation import Kind
    from sesgame.game.player_types import Symmetry

__all__ = ["Dual", "Equivalent", "OfUnions", "Part", "WeightedSum", "added", "unchecked"]

unchecked = np.errstate(over="ignore", invalid="ignore")
"""Where sums may grow beyond floats: whoever gets them names the coalition."""


class PartGame(Protocol):
    """What is asked of a game that is a part of others."""

    players: Players
    kind: Kind
    native: NativeGame | None

    @property
    def tabulated(self) -> bool:
        """Whether the values of all coalitions are known."""

    @property
    def function(self) -> CharacteristicFunction | None:
        """What gives the values, where that is Python."""

    @property
    def symmetry(self) -> Symmetry | None:
        """Which players are symmetric."""

    def tabulate(self) -> NDArray[np.float64]:
        """Return the values of all coalitions."""

    def values(self, membership: Any, *, progress: bool = True) -> NDArray[np.float64]:
        """Return the values of many coalitions."""


class Part(ByValue):
    """A game as a part of others. To a worker it goes without the values that it knows."""

    def __init__(self, game: PartGame) -> None:
        self.game = game

    def values(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the value of each row; that of nobody is 0."""
        return self.game.values(np.ascontiguousarray(membership), progress=False)

    def __reduce__(self) -> tuple[Callable[..., Part], tuple[Any, ...]]:
        game = self.game
        parts = {
            "native": game.native,
            "function": game.function,
            "symmetry": game.symmetry,
            "table": game.tabulate() if game.native is None and game.function is None else None,
        }
        return _part, (type(game), game.players, game.kind, parts)


def _part(
    make: Callable[..., PartGame], players: Players, kind: Kind, parts: Mapping[str, Any]
) -> Part:
    return Part(make(players, kind, **parts))


@dataclass(frozen=True, eq=False)
class OfParts(ABC):
    """A characteristic function that asks other games."""

    players: Players

    @unchecked
    def evaluate(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write the value of each row; see :class:`CharacteristicFunction`."""
        found = self.found(membership)
        finite = np.isfinite(found)
        np.copyto(values, found, where=finite)
        if not finite.all():
            row = int(np.argmin(finite))
            raise not_finite(found[row], self.players, self.players.labels(membership[row]))

    @abstractmethod
    def found(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the value of each row."""


@dataclass(frozen=True, eq=False)
class WeightedSum(OfParts):
    """``sum_k weight_k v_k(S)``."""

    parts: tuple[tuple[float, Part], ...]

    def found(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the weighted sum of what the parts are worth."""
        return added([weight * part.values(membership) for weight, part in self.parts])


@dataclass(frozen=True, eq=False)
class OfUnions(OfParts):
    """``v(union of the unions in T)``; row k of `members` is union k."""

    part: Part
    members: NDArray[np.bool_]

    def found(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return what the unions are worth together."""
        joined: NDArray[np.bool_] = membership @ self.members
        return self.part.values(joined)


@dataclass(frozen=True, eq=False)
class Dual(OfParts):
    """``v(N) - v(N - S)``."""

    part: Part
    total: float

    def found(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return what the others cannot keep from a coalition."""
        return self.total - self.part.values(~membership)


@dataclass(frozen=True, eq=False)
class Equivalent(OfParts):
    """``factor v(S) + sum of offset_i over S``."""

    part: Part
    factor: float
    offsets: NDArray[np.float64]

    def found(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the multiple and what each member has beside it."""
        # Summed along rows of one length, so that a value does not depend on its neighbours.
        own: NDArray[np.float64] = np.where(membership, self.offsets, 0.0).sum(axis=1)
        return self.factor * self.part.values(membership) + own


def added(terms: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the sum of arrays, in their order."""
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total
