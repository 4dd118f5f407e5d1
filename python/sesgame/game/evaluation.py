"""Evaluation of a game whose values cost something: no coalition twice, and none lost.

Values that are known, from an earlier request or from a store, are looked up; the others are
evaluated in blocks (:mod:`sesgame.game.block_scheduler`), here or by an executor, and kept as they
come.
"""

from __future__ import annotations

import hashlib
import logging
import math
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from os.path import abspath
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import CoalitionValues
from sesgame.errors import CharacteristicFunctionError, GameError, StoreError
from sesgame.formatting import format_coalition
from sesgame.game.block_scheduler import Executor, Rows, evaluate_blocks
from sesgame.game.characteristic_function import CharacteristicFunction
from sesgame.game.memory import enough_memory
from sesgame.game.player_types import Symmetry
from sesgame.game.players import Players, membership_of_masks
from sesgame.game.store import Store, StorePath, identity, not_among
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Kind

__all__ = ["Evaluation", "digest_of"]

SAME_MODEL = 1e-6
"""Of the largest value found again: up to which difference a stored one is the same, since solvers
are not exact."""

logger = logging.getLogger(__name__)


class Evaluation:
    """The values of a characteristic function, as far as they are known, and the way to more.

    Parameters
    ----------
    players : Players
        The players; column i of a membership array is player i.
    kind : {"gain", "cost"}
        The kind of game.
    function : CharacteristicFunction
        What gives the value of a coalition.
    inputs : str, optional
        A digest of the data that the values depend on.
    symmetry : Symmetry, optional
        Which players are symmetric.

    Notes
    -----
    Memory: a bit for each player and some 40 bytes for each coalition that :meth:`values` was
    asked for; time: well below a microsecond for each that is known.
    """

    def __init__(
        self,
        players: Players,
        kind: Kind,
        function: CharacteristicFunction,
        inputs: str | None = None,
        symmetry: Symmetry | None = None,
    ) -> None:
        self.players = players
        self.function = function
        self.inputs = inputs
        self.symmetry = symmetry
        self._identity = identity(players, kind, inputs)
        # In the order in which they became known, which tells what a store does not have yet.
        self._known = CoalitionValues(len(players))
        # The empty coalition is worth 0.
        self.learn(np.zeros((1, len(players)), dtype=np.bool_), np.zeros(1))
        self._stores: dict[str, tuple[Store, int]] = {}

    @property
    def n_known(self) -> int:
        """The number of coalitions whose value is known, without the empty one."""
        return len(self._known) - 1

    def known(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return the coalitions whose value is known, without the empty one, and the values."""
        return self._known.learned_since(1)

    def learn(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Take the values of coalitions as known, for which somebody else has asked."""
        slots, _ = self._known.look_up(membership)
        self._known.learn(slots, values)

    def values(
        self,
        membership: NDArray[np.bool_],
        *,
        executor: Executor | None,
        store: StorePath | None,
        progress: bool,
    ) -> NDArray[np.float64]:
        """Return the value of each row of `membership`; see :meth:`sesgame.Game.values`."""
        if self.symmetry is not None:
            membership = self.symmetry.representatives(membership)
        membership = np.ascontiguousarray(membership)
        with self._open(store, executor) as opened:
            slots, missing = self._known.look_up(membership)

            def rows(index: NDArray[np.intp]) -> NDArray[np.bool_]:
                return membership[missing[index]]

            values = np.full(len(missing), np.nan)
            try:
                self._fill(values, rows, len(slots) - len(missing), executor, opened, progress)
            finally:
                self._known.learn(slots[missing], values)
        return self._known.values(slots)

    def tabulate(
        self, *, executor: Executor | None, store: StorePath | None, progress: bool
    ) -> NDArray[np.float64]:
        """Return the values of all coalitions; see :meth:`sesgame.Game.tabulate`."""
        if self.symmetry is not None:
            representatives, profile = self.symmetry.profiles()
            values = self.values(representatives, executor=executor, store=store, progress=progress)
            return values[profile]
        n_players = len(self.players)

        def rows(masks: NDArray[np.intp]) -> NDArray[np.bool_]:
            return membership_of_masks(masks, n_players)

        with enough_memory("table", 8 << n_players):
            table = np.full(1 << n_players, np.nan)
        try:
            with self._open(store, executor) as opened:
                membership, values = self._known.learned_since(0)
                table[membership @ (1 << np.arange(n_players))] = values
                self._fill(table, rows, len(values), executor, opened, progress)
        except BaseException:
            masks = np.flatnonzero(np.isfinite(table))
            self.learn(rows(masks), table[masks])
            raise
        return table

    def check(
        self, n_coalitions: int, seed: int, tolerance: float, executor: Executor | None
    ) -> None:
        """Ask for some coalitions twice; see :meth:`sesgame.Game.check`."""
        generator = np.random.default_rng(seed)
        share = generator.random((n_coalitions, 1))  # sizes from the smallest to the largest
        membership = generator.random((n_coalitions, len(self.players))) < share
        membership[0] = True
        membership = membership[membership.any(axis=1)]
        again = membership[::-1]
        if self.symmetry is not None:
            again = self.symmetry.representatives(again)
        first, second = self._afresh(membership, executor), self._afresh(again, executor)
        for row, (value, other) in enumerate(zip(first, second[::-1], strict=True)):
            if not math.isclose(value, other, rel_tol=tolerance, abs_tol=tolerance):
                labels = self.players.ordered_labels(membership[row])
                other_labels = self.players.ordered_labels(again[len(again) - 1 - row])
                stand_in = (
                    ""
                    if labels == other_labels
                    else f" for {format_coalition(other_labels)}, which is of the same types"
                )
                raise CharacteristicFunctionError(
                    f"the value of {format_coalition(labels)} is {value!r} the first time and "
                    f"{other!r} the second{stand_in}; a game needs the same value every time",
                    frozenset(labels),
                )

    def _afresh(self, membership: NDArray[np.bool_], executor: Executor | None) -> list[float]:
        """Evaluate whether or not the values are known."""
        values = np.full(len(membership), np.nan)
        evaluate_blocks(
            self.function,
            lambda index: membership[index],
            values,
            executor=executor,
            keep=lambda index, finished: None,
            report=None,
        )
        result: list[float] = values.tolist()
        return result

    def _fill(
        self,
        values: NDArray[np.float64],
        rows: Rows,
        known: int,
        executor: Executor | None,
        store: Store | None,
        progress: bool,
    ) -> None:
        """Evaluate what is NaN in `values`, and keep it; the log mentions what is known."""
        missing = int(np.isnan(values).sum())
        if not missing:
            return
        logger.info("%d coalitions to evaluate, %d known already", missing, known)

        def keep(index: NDArray[np.intp], finished: NDArray[np.float64]) -> None:
            if store is not None:
                store.keep(rows(index), finished)

        start = perf_counter()
        try:
            with progress_report("coalitions", "", progress) as report:
                evaluate_blocks(
                    self.function, rows, values, executor=executor, keep=keep, report=report
                )
        finally:
            done = missing - int(np.isnan(values).sum())
            seconds = perf_counter() - start
            logger.info("%d of %d coalitions evaluated in %.3g s", done, missing, seconds)

    @contextmanager
    def _open(self, path: StorePath | None, executor: Executor | None) -> Iterator[Store | None]:
        """Open a store, read what is new in it, and write what it has not got yet."""
        if path is None:
            yield None
            return
        name = abspath(path)
        store, synced = self._stores.get(name) or (
            Store(name, self._identity, len(self.players)),
            1,
        )
        with store.opened():
            membership, values = store.read()
            if len(values) and name not in self._stores:
                self._check_same_model(membership, values, name, executor)
            earlier, known = self._known.learned_since(synced)
            missing = not_among(membership, earlier)
            self.learn(membership, values)
            store.keep(earlier[missing], known[missing])
            logger.info("%d coalitions come from the store %s", len(values), name)
            yield store
        self._stores[name] = store, len(self._known)

    def _check_same_model(
        self,
        membership: NDArray[np.bool_],
        stored: NDArray[np.float64],
        path: str,
        executor: Executor | None,
    ) -> None:
        """Evaluate the largest stored coalition again: hardly a change of the model escapes it.

        Where it is not worth the same, that of the largest value too: what a difference is compared
        with must not come from the file.
        """
        largest = int(np.argmax(membership.sum(axis=1)))
        dearest = int(np.argmax(np.abs(stored)))
        (value,) = self._afresh(membership[[largest]], executor)
        missed, scale = abs(value - stored[largest]), abs(value)
        if missed > SAME_MODEL * scale and dearest != largest:
            (other,) = self._afresh(membership[[dearest]], executor)
            if abs(other - stored[dearest]) <= SAME_MODEL * abs(other):
                scale = abs(other)
        if not missed <= SAME_MODEL * scale:
            name = format_coalition(self.players.ordered_labels(membership[largest]))
            raise StoreError(
                f"{path} is of another model, or the model has changed: it has "
                f"{float(stored[largest])} for {name}, which is worth {value} now; use another "
                f"path, or delete the file",
                path,
            )


def digest_of(inputs: object) -> str:
    """Return a digest of the data that the values of a game depend on.

    Raises
    ------
    GameError
        They cannot be pickled.
    """
    try:
        # A fixed protocol: the digest does not change with the version of Python.
        return hashlib.sha256(pickle.dumps(inputs, protocol=4)).hexdigest()
    except Exception as error:
        raise GameError(
            f"the inputs of the game cannot be pickled ({type(error).__name__}: {error}); "
            f"pass arrays, numbers, text or bytes"
        ) from error
