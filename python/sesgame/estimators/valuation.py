"""The values of coalitions, as estimators ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.game.memory import enough_memory

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game
    from sesgame.game.player_types import Symmetry
    from sesgame.game.store import StorePath

    Array = NDArray[np.float64]

__all__ = ["CELLS", "Valuation"]

CELLS = 1 << 25
"""Entries of a membership array in one request to the game: 32 MiB."""


class Valuation:
    """Evaluates coalitions of a game, or of its difference from another one.

    Parameters
    ----------
    game : Game
        The game v.
    control : Game, optional
        A game f of the same players; values are then v(S) - f(S).
    symmetry : Symmetry, optional
        Which players are symmetric: of coalitions that differ in nothing else, one is
        evaluated.
    executor, store, progress
        How `game` is evaluated, as in :meth:`sesgame.Game.values`.

    Attributes
    ----------
    grand : float
        The value of the grand coalition.
    scale : float
        The largest value of a coalition so far, of `game` or `control`, by its amount: what
        rounding goes by.
    """

    def __init__(
        self,
        game: Game,
        control: Game | None = None,
        *,
        symmetry: Symmetry | None = None,
        executor: Executor | None,
        store: StorePath | None,
        progress: bool,
    ) -> None:
        self.n_players = game.n_players
        self.native = game.native if control is None and symmetry is None else None
        self.symmetry = symmetry
        self.progress = progress
        self._game = game
        self._control = control
        self._executor = executor
        self.naming_coalitions = game.naming_coalitions
        self._store = store
        self.scale = 0.0
        self.grand = float(self(np.ones((1, game.n_players), dtype=np.bool_))[0])

    def __call__(self, membership: NDArray[np.bool_]) -> Array:
        """Return the value of each row, in requests of bounded size."""
        rows = max(1, CELLS // self.n_players)
        starts = range(0, max(len(membership), 1), rows)
        return np.concatenate([self._values(membership[at : at + rows]) for at in starts])

    def odd_part(self, membership: NDArray[np.bool_]) -> Array:
        """Return the value of each row less that of its complement, from one request for both."""
        with enough_memory("sample", 2 * membership.size):
            both = np.concatenate([membership, ~membership])
        own, others = np.split(self(both), 2)
        return np.asarray(own - others)

    def _values(self, membership: NDArray[np.bool_]) -> Array:
        if self.symmetry is not None:
            membership = self.symmetry.representatives(membership)
        values = self._game.values(
            membership, executor=self._executor, store=self._store, progress=self.progress
        )
        self._measure(values)
        if self._control is not None:
            controlled = self._control.values(membership, progress=self.progress)
            self._measure(controlled)
            values = values - controlled
        return values

    def _measure(self, values: Array) -> None:
        """Take values of coalitions into account in `scale`."""
        self.scale = max(self.scale, float(np.abs(values).max(initial=0.0)))
