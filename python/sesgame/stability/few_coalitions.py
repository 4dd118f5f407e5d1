"""What the 2n + 1 coalitions of 1, n - 1 and n players tell of a game without a table."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from sesgame.game.precision import RESOLUTION, UNIT_ROUNDOFF
from sesgame.stability.property import Property

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["balance_of_few", "equal_values_of_few"]

MAX_OTHERS = 300
"""Of how many players all coalitions of all but one are named: n^2 labels."""


def equal_values_of_few(game: Game, few: NDArray[np.float64]) -> float:
    """Return up to what a sum of four of these values counts as 0; as for all values."""
    n = game.n_players
    alone, without = few[:n], few[n:-1]
    gains = np.append(without - (alone.sum() - alone), few[-1] - alone.sum())
    rounding = (n + 1) * UNIT_ROUNDOFF * float(np.abs(few).max())
    return RESOLUTION * float(np.abs(gains).max()) + 4 * (game.rounding + rounding)


def balance_of_few(game: Game, few: NDArray[np.float64], slack: float) -> Property:
    """Return the balanced collection of these coalitions that proves the core empty by most.

    Everybody alone, one player and all others, or, up to 300 players, all but each with weight
    1 / (n - 1). Where none proves it, the property is not decided.
    """
    n = game.n_players
    players = tuple(game.players)
    alone, without, total = few[:n], few[n:-1], float(few[-1])

    def others(left_out: Hashable) -> tuple[Hashable, ...]:
        return tuple(player for player in players if player != left_out)

    pairs = game.sign * (alone + without - total)
    worst = int(np.argmax(pairs))
    amount, weight = game.sign * (float(alone.sum()) - total), 1.0
    coalitions: list[tuple[Hashable, ...]] = [(player,) for player in players]
    if pairs[worst] > amount:
        amount = float(pairs[worst])
        coalitions = [(players[worst],), others(players[worst])]
    balanced = game.sign * (float(without.sum()) / (n - 1) - total) if n > 1 else amount
    if balanced > amount and n <= MAX_OTHERS:
        amount, weight = balanced, 1.0 / (n - 1)
        coalitions = [others(player) for player in players]
    if amount <= slack:
        reason = f"2^{n} coalitions, of which {2 * n + 1} were looked at"
        return Property("balanced", game.kind, None, reason=reason)
    weights = (weight,) * len(coalitions)
    return Property("balanced", game.kind, False, amount, tuple(coalitions), weights)
