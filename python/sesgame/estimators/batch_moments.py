"""Mean and standard error of batches, and what they may not have shown yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["BatchMoments"]

ROUNDING = 1e-12
"""Deviations below this part of the largest value of a coalition are rounding, and show nothing:
sums of thousands of numbers err by less.
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
        """Return the standard error of each mean; infinite with a single batch."""
        if self.count == 1:
            return np.full(self.mean.shape, np.inf)
        return np.sqrt(self._squares / (self.count - 1) / self.count)

    def unseen(self, scale: Array, largest: Array) -> Array:
        r"""Return what one batch that deviates, and was not seen, would change of each mean.

        .. math:: u_i = \frac{d}{m \sqrt{1 + k_i}}, \qquad
                  d^2 = \frac{\sum_j \sum_b x_{jb}^4}{\sum_j \sum_b x_{jb}^2}, \qquad
                  k_i = \frac{(\sum_b x_{ib}^2)^2}{\sum_b x_{ib}^4}

        for the deviations :math:`x_{ib}` of player i in the m batches b. Who matters in one order
        out of hundreds shows no deviation in a few dozen: d is how far they go that occur at all in
        the game, whatever their probability, and :math:`k_i` how many the player has shown of its
        own. Where nobody deviates, d is `largest`. A game in which no coalition was worth anything
        goes by the others, and where there is none, d is infinite.

        Parameters
        ----------
        scale : ndarray of float, shape (n_games,)
            The largest value of a coalition in each game; deviations below 1e-12 of it are
            rounding, and show nothing.
        largest : ndarray of float, shape (n_games,)
            What the largest marginal contribution of one order makes of a batch.
        """
        squares = self._squares.reshape(-1, self._n_games)
        fourths = self._fourths.reshape(-1, self._n_games)
        shown = squares > self.count * (ROUNDING * scale) ** 2
        squares, fourths = np.where(shown, squares, 0.0), np.where(shown, fourths, 0.0)
        total = squares.sum(axis=0)
        otherwise = largest.max() if scale.any() else np.inf
        largest = np.where(scale > 0, largest, otherwise)
        reach = np.where(total > 0, np.sqrt(_ratio(fourths.sum(axis=0), total)), largest)
        seen = _ratio(squares**2, fourths)
        return np.asarray(reach / self.count / np.sqrt(1 + seen)).ravel()


def _ratio(numerator: Array, denominator: Array) -> Array:
    """Divide, with 0 where there is nothing to divide by."""
    return np.divide(numerator, denominator, out=np.zeros(denominator.shape), where=denominator > 0)
