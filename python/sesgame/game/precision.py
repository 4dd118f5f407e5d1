"""Which differences mean nothing: three numbers that follow from the game, and from nothing else.

*Rounding* is what floats add to an excess, *resolution* what a person calls the same, and the
game's own accuracy, :attr:`~sesgame.Game.rounding`, how far its values may be off. All have the
unit of the game, so that nothing depends on whether amounts are in EUR or in cents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.game.leave_one_out import leave_one_out

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = [
    "ORACLE_RESOLUTION",
    "RESOLUTION",
    "UNIT_ROUNDOFF",
    "equal_amounts",
    "equal_for_oracle",
    "resolution",
    "rounding_of_excesses",
]

UNIT_ROUNDOFF = 2.0**-53
"""By how much, relatively, one operation in floats is off at most."""

RESOLUTION = 1e-9
"""Of the largest gain of a coalition over its members alone: smaller differences are none."""

ORACLE_RESOLUTION = 1e-7
"""Of the largest value: the same where a separation oracle is asked, which is no more precise."""

CHUNK_BITS = 18
"""Coalitions are added up 2^18 at a time: a few megabytes."""


def rounding_of_excesses(values: Any, magnitudes: Any, sizes: Any) -> Any:
    r"""Return by how much floats may put excesses off.

    .. math:: (|S| + 1) 2^{-53} \Bigl( |v(S)| + \sum_{i \in S} |x_i| \Bigr)

    Parameters
    ----------
    values : array_like of float
        v(S) of each coalition.
    magnitudes : array_like of float, same shape
        The sum of \|x_i\| over its members.
    sizes : array_like of int, same shape
        How many they are.
    """
    return (np.asarray(sizes) + 1) * UNIT_ROUNDOFF * (np.abs(values) + np.asarray(magnitudes))


def resolution(game: Game) -> float:
    r"""Return which difference of amounts counts as none, in the unit of the game.

    .. math:: 10^{-9} \max_S \Bigl| v(S) - \sum_{i \in S} v(i) \Bigr|

    Parameters
    ----------
    game : Game
        Where it is tabulated, over all coalitions; otherwise over those of n - 1 and n players.

    Notes
    -----
    One pass over the table, in pieces. What strategic equivalence changes it does not.
    """
    return RESOLUTION * _largest_gain(game)


def equal_amounts(game: Game) -> float:
    r"""Return by how much amounts may differ and count as equal, the rounding of excesses aside.

    The resolution, the game's own accuracy, and what floats do to shares that are made of its
    values, :math:`(n + 1) 2^{-53} \max_S |v(S)|`.
    """
    n = game.n_players
    largest = game.scale if game.tabulated else _largest_of_few(game)
    return resolution(game) + game.rounding + (n + 1) * UNIT_ROUNDOFF * largest


def equal_for_oracle(game: Game) -> float:
    """Return by how much excesses may differ and count as equal where an oracle compares them.

    1e-7 of the largest absolute value of the coalitions of 1, n - 1 and n players, and the game's
    own accuracy.
    """
    return ORACLE_RESOLUTION * _largest_of_few(game) + game.rounding


def _largest_of_few(game: Game) -> float:
    """Return the largest absolute value of the coalitions of 1, n - 1 and n players."""
    return float(np.abs(leave_one_out(game, progress=False).values).max())


def _largest_gain(game: Game) -> float:
    n = game.n_players
    if not game.tabulated:
        single, without, together = leave_one_out(game, progress=False)
        total = float(single.sum())
        return float(np.abs([*(without - (total - single)), together - total]).max())
    table = game.tabulate(progress=False)
    alone = table[1 << np.arange(n)]
    low_bits = min(n, CHUNK_BITS)
    low: NDArray[np.float64] = np.zeros(1)
    for value in alone[:low_bits]:
        low = np.concatenate([low, low + value])
    largest = 0.0
    for start in range(0, len(table), len(low)):
        high = float(sum(alone[index] for index in range(low_bits, n) if start >> index & 1))
        gains = table[start : start + len(low)] - (low + high)
        largest = max(largest, float(np.abs(gains).max()))
    return largest
