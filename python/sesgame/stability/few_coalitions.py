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

__all__ = ["balance_of_few", "equal_values_of_few", "few_values"]


def few_values(game: Game, *, progress: bool = True) -> NDArray[np.float64]:
    """Return the values of the players alone, of all but each, and of all, shape (2n + 1,)."""
    single = np.eye(game.n_players, dtype=np.bool_)
    everybody = np.ones((1, game.n_players), dtype=np.bool_)
    return game.values(np.concatenate([single, ~single, everybody]), progress=progress)


def equal_values_of_few(game: Game, few: NDArray[np.float64]) -> float:
    """Return up to what a sum of four of these values counts as 0; as for all values."""
    n = game.n_players
    alone, without = few[:n], few[n:-1]
    gains = np.append(without - (alone.sum() - alone), few[-1] - alone.sum())
    rounding = (n + 1) * UNIT_ROUNDOFF * float(np.abs(few).max())
    return RESOLUTION * float(np.abs(gains).max()) + 4 * (game.rounding + rounding)


def balance_of_few(game: Game, few: NDArray[np.float64], slack: float) -> Property:
    """Return the balanced collection of these coalitions that proves the core empty by most.

    Everybody alone, all but one with weight 1 / (n - 1), or one player and all others. Where none
    proves it, the property is not decided.
    """
    n = game.n_players
    players = tuple(game.players)
    alone, without, total = few[:n], few[n:-1], float(few[-1])
    others = [tuple(other for other in players if other != player) for player in players]
    pairs = game.sign * (alone + without - total)
    worst = int(np.argmax(pairs))
    candidates: list[tuple[float, list[tuple[Hashable, ...]], float]] = [
        (game.sign * (float(alone.sum()) - total), [(player,) for player in players], 1.0),
        (game.sign * (float(without.sum()) / (n - 1) - total), others, 1.0 / (n - 1)),
        (float(pairs[worst]), [(players[worst],), others[worst]], 1.0),
    ]
    amount, coalitions, weight = max(candidates, key=lambda candidate: candidate[0])
    if amount <= slack:
        reason = f"2^{n} coalitions, of which {2 * n + 1} were looked at"
        return Property("balanced", game.kind, None, reason=reason)
    weights = (weight,) * len(coalitions)
    return Property("balanced", game.kind, False, amount, tuple(coalitions), weights)
