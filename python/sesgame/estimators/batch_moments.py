"""Mean and standard error of batches, where what matters may not have been seen yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["BatchMoments"]

UNSEEN = 1.5
"""Deviations that each variance counts beyond those of the batches. With one, a small voter is
covered 84 % of the time; the rule of three would be 2.2 (``benches/report/sampling_coverage.py``).
"""


class BatchMoments:
    """Running mean and sums of the second, third and fourth powers of the deviations from it.

    Parameters
    ----------
    n_players : int
        The number of players.
    n_games : int, default 1
        The number of games that are sampled together; the players of one are compared with each
        other. Batches are rows of ``n_players * n_games`` numbers, those of a player together.
    """

    def __init__(self, n_players: int, n_games: int = 1) -> None:
        self.count = 0
        self.mean = np.zeros(n_players * n_games)
        self._squares, self._cubes, self._fourths = np.zeros((3, n_players * n_games))
        self._n_games = n_games

    def merge(self, batches: Array) -> None:
        """Add a block of batches, one row for each (Pebay 2008)."""
        before, count, mean = self.count, len(batches), batches.mean(axis=0)
        total = before + count
        shift, deviations = mean - self.mean, batches - mean
        squares, cubes, fourths = ((deviations**power).sum(axis=0) for power in (2, 3, 4))
        self._fourths += fourths
        self._fourths += 4 * shift / total * (before * cubes - count * self._cubes)
        self._fourths += 6 * (shift / total) ** 2 * (before**2 * squares + count**2 * self._squares)
        spread = before**2 - before * count + count**2
        self._fourths += shift**4 * (before * count * spread / total**3)
        self._cubes += cubes + 3 * shift / total * (before * squares - count * self._squares)
        self._cubes += shift**3 * (before * count * (before - count) / total**2)
        self._squares += squares
        self._squares += shift**2 * (before * count / total)
        self.mean = self.mean + shift * (count / total)
        self.count = total

    def standard_errors(self) -> Array:
        """Return the standard error of each mean; infinite with a single batch.

        Who matters in one order out of hundreds shows no spread in a few dozen. So each player
        counts deviations as far as those go that occur at all in the game, in so far as it has
        shown few of its own: for an event of probability p, the fourth powers over the squares
        give how far, however small p, and the squares' square over the fourth powers how often.
        """
        if self.count == 1:
            return np.full(self.mean.shape, np.inf)
        by_game = (-1, self._n_games)
        squares, fourths = self._squares.reshape(by_game), self._fourths.reshape(by_game)
        reach = _ratio(fourths.sum(axis=0), squares.sum(axis=0))
        seen = _ratio(squares**2, fourths)
        variances = squares / (self.count - 1) / self.count
        variances = variances + UNSEEN * reach / self.count**2 / (1 + seen)
        return np.sqrt(variances.ravel())


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=denominator > 0)
