"""Each player alone, all without each, and all together: at most 2n + 1 values, and no table.

What rules for any number of players are made of. A native game finds them without writing down the
n^2 flags of the coalitions; any other is asked for some of them at a time.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.game.characteristic_function import not_finite
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game
    from sesgame.game.store import StorePath

__all__ = ["LeaveOneOut", "leave_one_out", "values_alone"]

BLOCK_FLAGS = 1 << 24
"""Flags of coalitions that are written down at once: 16 MB."""


class LeaveOneOut(NamedTuple):
    """The 2n + 1 values.

    Attributes
    ----------
    alone : ndarray of float, shape (n,)
        v(i) of each player.
    without : ndarray of float, shape (n,)
        v(N without i) of each player.
    together : float
        v(N).
    """

    alone: NDArray[np.float64]
    without: NDArray[np.float64]
    together: float

    @property
    def values(self) -> NDArray[np.float64]:
        """All of them in this order, shape (2n + 1,)."""
        return np.concatenate([self.alone, self.without, [self.together]])

    @property
    def marginal(self) -> NDArray[np.float64]:
        """What each player adds to all others, v(N) - v(N without i)."""
        return self.together - self.without


def leave_one_out(
    game: Game,
    *,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> LeaveOneOut:
    """Return the values of each player alone, of all without each, and of all together.

    Parameters
    ----------
    game : Game
        Any number of players; it is not tabulated.
    executor, store, progress
        As in :meth:`sesgame.Game.values`.

    Raises
    ------
    CharacteristicFunctionError, ExecutorError, StoreError
        As in :meth:`sesgame.Game.values`.

    Notes
    -----
    A native game whose values follow from sums of its members' rows takes n log n additions of
    rows; others take as many steps of their own.
    """
    if game.native is None or game.tabulated:
        alone, together = values_alone(game, executor=executor, store=store, progress=progress)
        evaluate = partial(game.values, executor=executor, store=store, progress=progress)
        return LeaveOneOut(alone, _by_blocks(game.n_players, evaluate, invert=True), together)
    with progress_report("coalitions", "", progress) as report:
        found = LeaveOneOut(*game.native.leave_one_out(report))
    _check_finite(game, found.alone, found.together)
    for index in np.flatnonzero(~np.isfinite(found.without)).tolist():
        others = frozenset(game.players) - {game.players[index]}
        raise not_finite(float(found.without[index]), game.players, others)
    return found


def values_alone(
    game: Game,
    *,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> tuple[NDArray[np.float64], float]:
    """Return the values of each player alone, shape (n,), and of all together.

    Parameters
    ----------
    game, executor, store, progress
        As in :func:`leave_one_out`; n + 1 values.
    """
    if game.native is not None and not game.tabulated:
        alone, together = game.native.values_alone()
        _check_finite(game, alone, together)
        return alone, together
    evaluate = partial(game.values, executor=executor, store=store, progress=progress)
    together = float(evaluate(np.ones((1, game.n_players), dtype=np.bool_))[0])
    return _by_blocks(game.n_players, evaluate, invert=False), together


def _check_finite(game: Game, alone: NDArray[np.float64], together: float) -> None:
    """Refuse values of players alone, or of all together, that are not finite."""
    for index in np.flatnonzero(~np.isfinite(alone)).tolist():
        raise not_finite(float(alone[index]), game.players, frozenset([game.players[index]]))
    if not np.isfinite(together):
        raise not_finite(together, game.players, frozenset(game.players))


def _by_blocks(
    n: int, evaluate: Callable[[NDArray[np.bool_]], NDArray[np.float64]], *, invert: bool
) -> NDArray[np.float64]:
    """Return the values of single players, or of all but each."""
    size = max(1, BLOCK_FLAGS // n)
    parts = []
    for start in range(0, n, size):
        count = min(size, n - start)
        single = np.eye(count, n, start, dtype=np.bool_)
        parts.append(evaluate(~single if invert else single))
    return np.concatenate(parts)
