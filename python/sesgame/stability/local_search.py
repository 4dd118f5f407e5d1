"""A search for coalitions of large excess by exchanging members, where values are cheap."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["local_search"]


def local_search(
    game: Game, allocation: NDArray[np.float64], starts: NDArray[np.bool_], evaluations: int
) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return all proper coalitions that were looked at, and their values.

    From each start in turn, to the best coalition that differs by one player as long as that is
    better; where none is, to the best that differs by an exchange of two. Stops when `evaluations`
    coalitions have been looked at.
    """
    n = game.n_players
    flips = np.eye(n, dtype=np.bool_)
    membership: list[NDArray[np.bool_]] = []
    values: list[NDArray[np.float64]] = []

    def look(rows: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
        nonlocal evaluations
        proper = rows[rows.any(axis=1) & ~rows.all(axis=1)][: max(evaluations, 0)]
        if not len(proper):
            return flips[0], -np.inf
        evaluations -= len(proper)
        found = game.values(proper, progress=False)
        membership.append(proper)
        values.append(found)
        excesses = game.sign * (found - proper @ allocation)
        best = int(excesses.argmax())
        return proper[best], float(excesses[best])

    for start in starts:
        here, excess = look(start[np.newaxis])
        while evaluations > 0:
            there, better = look(here ^ flips)
            if better <= excess:
                outside, inside = flips[~here], flips[here]
                pairs = (outside[:, np.newaxis] | inside).reshape(-1, n)
                there, better = look(here ^ pairs)
            if better <= excess:
                break
            here, excess = there, better
    if not membership:
        return np.zeros((0, n), dtype=np.bool_), np.zeros(0)
    return np.concatenate(membership), np.concatenate(values)
