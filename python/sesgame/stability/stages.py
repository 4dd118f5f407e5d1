"""The evidence of stability solutions: which coalitions hold which excess down, and how hard.

A linear program that lowers the largest excess stops at coalitions whose weights balance: with
positive weights they cover every player equally, so what one of them gains another loses. These
weights prove the level to anyone who can add up (Kohlberg 1971).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, SupportsFloat

from sesgame.game.allocation import Evidence

if TYPE_CHECKING:
    from sesgame.game.players import Players

__all__ = ["Effort", "Stage", "stage"]


@dataclasses.dataclass(frozen=True)
class Stage:
    """Coalitions whose largest excess cannot be lowered any further.

    With weights ``w`` and the coalitions settled by earlier stages (the grand coalition before
    all), ``sum of w_S 1_S + sum of b_i 1_i`` is a combination of the settled ones.

    Attributes
    ----------
    excess : float
        The excess of `coalitions`; positive when they would do better on their own.
    coalitions : tuple of tuple of hashable
        The members of each, in player order.
    weights : tuple of float
        One positive weight for each coalition.
    bounds : tuple of hashable
        Players who get exactly what they have alone, where no player may get less.
    bound_weights : tuple of float
        One positive weight ``b`` for each of `bounds`.
    """

    excess: float
    coalitions: tuple[tuple[Hashable, ...], ...]
    weights: tuple[float, ...]
    bounds: tuple[Hashable, ...] = ()
    bound_weights: tuple[float, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Effort(Evidence):
    """What finding a solution took.

    Attributes
    ----------
    scans : int
        Passes over the table, whole or in part.
    values_read : int
        Values of the table read in all passes together.
    pivots : int
        Simplex pivots.
    pool_rows : int
        Constraints that the linear programs ended with.
    """

    scans: int
    values_read: int
    pivots: int
    pool_rows: int


def stage(
    players: Players,
    raw: tuple[
        SupportsFloat, Sequence[tuple[int, SupportsFloat]], Sequence[tuple[int, SupportsFloat]]
    ],
) -> Stage:
    """Return a stage of the engine, or an exact one, with labels and floats."""
    excess, weights, bounds = raw
    return Stage(
        excess=float(excess),
        coalitions=tuple(players.ordered_labels(mask) for mask, _ in weights),
        weights=tuple(float(weight) for _, weight in weights),
        bounds=tuple(players[player] for player, _ in bounds),
        bound_weights=tuple(float(weight) for _, weight in bounds),
    )
