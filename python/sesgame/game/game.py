"""Transferable-utility games, independent of model and solution.

A solution never learns what made the game, and whatever makes a game never learns which solution
will be asked for.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np

from sesgame.errors import (
    CharacteristicFunctionError,
    CoalitionError,
    GameError,
    NotFiniteError,
    PlayerLimitError,
)
from sesgame.formatting import count, format_coalition, html_table, left_out, named, short_coalition
from sesgame.game.algebra import GameAlgebra
from sesgame.game.allocation import Kind, is_kind
from sesgame.game.by_value import equal
from sesgame.game.characteristic_function import (
    BatchedFunction,
    CharacteristicFunction,
    SingleFunction,
    as_number,
    not_finite,
)
from sesgame.game.evaluation import Evaluation, digest_of
from sesgame.game.memory import enough_memory
from sesgame.game.pandas_frames import coalitions_of_frame, frame_of_table
from sesgame.game.player_types import Symmetry
from sesgame.game.players import Players
from sesgame.game.portable import portable
from sesgame.game.table_file import SavedTable, read_table, write_table
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from os import PathLike

    import pandas as pd
    from numpy.typing import ArrayLike, NDArray

    from sesgame._engine import NativeGame
    from sesgame.game.block_scheduler import Executor
    from sesgame.game.store import StorePath

__all__ = ["MAX_TABLE_PLAYERS", "Game"]

MAX_TABLE_PLAYERS = 30
"""The most players whose 2^n values are kept in a table (8 GiB at 30)."""

DIGESTED = 3
"""The protocol of pickle that joblib.hash digests; nothing travels by one as old as that."""


class Game(GameAlgebra):
    """A cooperative game with transferable utility: a value for every coalition.

    A game is a set of players N and a characteristic function ``v`` that gives each coalition
    ``S`` of N the gain it can secure (``kind="gain"``), or the cost it must bear
    (``kind="cost"``), on its own; the empty coalition is worth 0. Make one with
    :meth:`from_table`, :meth:`from_dict` or :meth:`from_function`.

    Attributes
    ----------
    players : Players
        The labels, in player order.
    kind : {"gain", "cost"}
        Whether larger or smaller values are better.
    native : NativeGame or None
        The engine's native game, where there is one.
    rounding : float
        By how much rounding alone may put a value off, where whoever made the game knows that;
        otherwise 0. Values much smaller than the terms that they are the sums of are nothing but
        rounding: a year of bills that comes out at zero is not exactly zero.
    approximations : dict of str to Game
        Cheap games of the same players that are close to this one, by name, the closest first:
        control variates for estimates (:func:`sesgame.shapley_estimate`). They change no exact
        result.

    Notes
    -----
    Two games are equal if they have the same players in the same order and are of one kind, and
    either all their values are known and equal, or both are made alike: by one function of the
    engine from equal data, or by one function of Python with equal `inputs`. A comparison
    evaluates nothing, so a game that is not tabulated yet and a table of its values are different.

    A game can be pickled: with what it is made from and the values that are known; a lambda or a
    function of a notebook needs cloudpickle. A game whose function cannot be pickled travels as
    its table, once it is tabulated. ``joblib.hash`` is the same in every process, and before and
    after a game has been asked for values. A copy, deep or not, shares what is known.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_dict(
    ...     {("ann",): 0, ("bob",): 0, ("ann", "bob"): 10.0}, kind="gain"
    ... )
    >>> game.value(["bob", "ann"])
    10.0
    >>> game
    Game(2 players, kind='gain', all 4 values known)
    """

    def __init__(
        self,
        players: Iterable[Hashable],
        kind: Kind,
        *,
        table: NDArray[np.float64] | None = None,
        function: CharacteristicFunction | None = None,
        inputs: str | None = None,
        symmetry: Symmetry | None = None,
        native: NativeGame | None = None,
        rounding: float = 0.0,
        approximations: Mapping[str, Game] | None = None,
    ) -> None:
        if not is_kind(kind):
            raise GameError(f'kind must be "gain" or "cost", got {kind!r}')
        self.players = players if isinstance(players, Players) else Players(players)
        self.kind: Kind = kind
        self.native = native
        self.rounding = rounding
        self.approximations = _checked(
            {} if approximations is None else approximations, self.players, kind
        )
        self._evaluation = (
            None if function is None else Evaluation(self.players, kind, function, inputs, symmetry)
        )
        self._table = table
        self._scale: float | None = None

    @classmethod
    def from_table(
        cls, values: ArrayLike, players: Iterable[Hashable] | None = None, *, kind: Kind
    ) -> Game:
        """Return the game whose values stand in a table.

        Parameters
        ----------
        values : array_like of float, shape (2**n,)
            The value of each coalition in binary order: bit i of the index is set when player i
            is a member. ``values[0]``, the empty coalition, must be 0. A float64 array is used
            as it is, not copied: do not change it afterwards.
        players : iterable of hashable, optional
            One label for each player; 0, 1, ..., n-1 by default.
        kind : {"gain", "cost"}
            Whether larger or smaller values are better.

        Raises
        ------
        PlayerLimitError
            More than 30 players.
        CharacteristicFunctionError
            A value is NaN or infinite; the coalition is named.
        GameError
            The length is not a power of two, at least 2, does not fit `players`, or the empty
            coalition is not worth 0.

        Notes
        -----
        Reads the table twice; allocates no additional memory.

        Examples
        --------
        >>> import sesgame as sg
        >>> sg.Game.from_table([0, 1, 2, 4], players=["a", "b"], kind="gain").value(["a", "b"])
        4.0
        """
        try:
            table = np.ascontiguousarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise GameError(f"the values of a table must be numbers: {error}") from error
        size = table.size
        n_players = size.bit_length() - 1
        if table.ndim != 1 or size < 2 or size != 1 << n_players:
            raise GameError(
                f"a table has shape (2**n,), one value for each coalition; "
                f"this one has shape {np.shape(values)}"
            )
        _check_table_limit(n_players)
        labels = Players(range(n_players) if players is None else players)
        if len(labels) != n_players:
            raise GameError(
                f"a table of {size} values is for {n_players} players, but {len(labels)} are given"
            )
        if table[0] != 0:
            raise GameError(f"the empty coalition must be worth 0, got {table[0]}")
        lowest, highest = table.min(), table.max()
        if not (np.isfinite(lowest) and np.isfinite(highest)):
            step = 1 << 12
            mask = next(
                start + int(np.argmin(np.isfinite(table[start : start + step])))
                for start in range(0, size, step)
                if not np.isfinite(table[start : start + step]).all()
            )
            raise not_finite(table[mask], labels, labels.labels(mask))
        table = table.view()
        table.setflags(write=False)
        game = cls(labels, kind, table=table)
        game._scale = float(max(0.0, -lowest, highest))
        return game

    @classmethod
    def from_dict(
        cls,
        values: Mapping[Iterable[Hashable], float],
        players: Iterable[Hashable] | None = None,
        *,
        kind: Kind,
    ) -> Game:
        """Return the game whose values stand in a mapping from coalition to value.

        Parameters
        ----------
        values : mapping of tuple (or frozenset) of labels to float
            One entry for each non-empty coalition, its members in any order; the empty
            coalition may be there with value 0.
        players : iterable of hashable, optional
            The player order; by default the order in which labels first appear (for
            frozensets, which have none, sorted by text).
        kind : {"gain", "cost"}
            Whether larger or smaller values are better.

        Raises
        ------
        GameError
            A coalition is missing or duplicate, or the empty coalition is not worth 0.
        CoalitionError
            A key is a bare string, or names an unknown or duplicate player.

        Examples
        --------
        >>> import sesgame as sg
        >>> game = sg.Game.from_dict({("a",): 3, ("b",): 4, ("b", "a"): 5}, kind="cost")
        >>> list(game.players)
        ['a', 'b']
        """
        if not isinstance(values, Mapping):
            raise GameError(
                f"values must be a mapping from coalition to value, got {named(values)}"
            )
        for key in values:
            if isinstance(key, (str, bytes)) or not isinstance(key, Iterable):
                raise CoalitionError(
                    f"a coalition is {named(key)}; write ({key!r},) for a single player"
                )
        if players is None:
            players = dict.fromkeys(
                label
                for key in values
                for label in (sorted(key, key=str) if isinstance(key, (set, frozenset)) else key)
            )
        labels = Players(players)
        _check_table_limit(len(labels))
        # A few bytes may name many players: no table without a value for each of its coalitions.
        if len(values) + 1 < 1 << len(labels):
            masks = {labels.mask(key) for key in values}
            lacking = (1 << len(labels)) - 1 - len(masks - {0})
            every = range(1, 1 << len(labels))
            first = islice((mask for mask in every if mask not in masks), 5)
            raise _missing(labels, list(first), lacking)
        with enough_memory("table", 8 << len(labels)):
            table = np.zeros(1 << len(labels))
            known = np.zeros(len(table), dtype=np.bool_)
        known[0] = True
        for key, value in values.items():
            mask = labels.mask(key)
            name = format_coalition(labels.ordered_labels(mask))
            if mask and known[mask]:
                raise GameError(f"duplicate coalition {name}")
            table[mask] = as_number(value, labels, labels.labels(mask))
            known[mask] = True
        missing = np.flatnonzero(~known)
        if missing.size:
            raise _missing(labels, missing[:5].tolist(), missing.size)
        return cls.from_table(table, labels, kind=kind)

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, players: Iterable[Hashable] | None = None) -> Game:
        """Return the game whose values stand in a pandas frame (extra ``pandas``).

        Parameters
        ----------
        frame : DataFrame
            One row for each coalition and a column ``gain`` or ``cost``, which tells the kind.
            Either a column ``coalition`` holds the members joined by ``+``, or every other column
            is boolean and tells whether the player that it is named after is a member.
        players : iterable of hashable, optional
            The player order; by default that of the columns, or of first appearance.

        Raises
        ------
        GameError
            The columns are others, a value is not a finite number, or a coalition is missing or
            duplicate.
        CoalitionError
            A row names an unknown player.

        Examples
        --------
        >>> import pandas as pd
        >>> import sesgame as sg
        >>> frame = pd.DataFrame({"coalition": ["ann", "bob", "ann+bob"], "cost": [40, 30, 50]})
        >>> sg.Game.from_pandas(frame).value(["ann", "bob"])
        50.0
        """
        values, kind, columns = coalitions_of_frame(frame)
        return cls.from_dict(values, columns if players is None else players, kind=kind)

    @classmethod
    def from_function(
        cls,
        players: Iterable[Hashable],
        function: Callable[[Any], Any],
        *,
        kind: Kind,
        batched: bool = False,
        inputs: object = None,
        types: Mapping[Hashable, Hashable] | None = None,
        approximations: Mapping[str, Game] | None = None,
    ) -> Game:
        """Return the game whose values a function gives: any dispatch model.

        Parameters
        ----------
        players : iterable of hashable
            One label for each player.
        function : callable
            ``function(coalition) -> float`` with a frozenset of labels or, with `batched`,
            ``function(membership) -> array of shape (m,)`` with a bool array of shape (m, n)
            whose columns are the players. It is never asked for the empty coalition, which is
            worth 0 by definition, and must always give the same value for the same coalition.
        kind : {"gain", "cost"}
            Whether larger or smaller values are better.
        batched : bool, default False
            Whether the function takes many coalitions at once. The value of a coalition must
            not depend on the others in the array.
        inputs : object, optional
            The data that the values depend on: arrays, numbers, text, a file's bytes. A store
            (see :meth:`tabulate`) keeps a digest of it and refuses values of other inputs.
        types : mapping of player to hashable, optional
            Players of the same type are symmetric: only the number of members of
            each type counts. A table then takes the product of (count + 1) evaluations
            instead of 2^n.
        approximations : mapping of str to Game, optional
            Cheap games that are close to this one, by name, the closest first: a relaxation, or
            a model without what makes it expensive. Estimates take them as control variates.

        Raises
        ------
        GameError
            The function is not callable, `inputs` cannot be pickled, a type is not hashable, or an
            approximation has other players or another kind.
        CoalitionError
            `types` names an unknown player.

        Notes
        -----
        What the function raises, or a value that is not a finite number, becomes a
        :class:`~sesgame.errors.CharacteristicFunctionError` that names the coalition, when the
        game is evaluated. Every value is kept: no coalition is evaluated twice.

        Examples
        --------
        >>> import sesgame as sg
        >>> weights = {"a": 1.0, "b": 2.0, "c": 3.0}
        >>> game = sg.Game.from_function(
        ...     weights, lambda coalition: sum(weights[p] for p in coalition) ** 2, kind="gain"
        ... )
        >>> game.value({"a", "c"})
        16.0
        """
        if not callable(function):
            raise GameError(f"the characteristic function is {function!r}, which is not callable")
        if not isinstance(batched, bool):
            raise GameError(f"batched must be True or False, got {named(batched)}")
        labels = Players(players)
        wrap = BatchedFunction if batched else SingleFunction
        digest = None if inputs is None else digest_of(inputs)
        symmetry = None if types is None else Symmetry(labels, types)
        return cls(
            labels,
            kind,
            function=wrap(labels, function),
            inputs=digest,
            symmetry=symmetry,
            approximations=approximations,
        )

    @classmethod
    def from_native(
        cls,
        native: NativeGame,
        players: Iterable[Hashable] | None = None,
        *,
        kind: Kind,
        rounding: float = 0.0,
        approximations: Mapping[str, Game] | None = None,
    ) -> Game:
        """Return a game that the engine evaluates itself, on all cores.

        `rounding` is by how much that may put a value off; `approximations` as in
        :meth:`from_function`.

        Raises
        ------
        GameError
            The number of labels is not the number of players of `native`, or an approximation has
            other players or another kind.
        """
        labels = Players(range(native.n_players) if players is None else players)
        if len(labels) != native.n_players:
            raise GameError(f"{len(labels)} labels for a game of {native.n_players} players")
        return cls(labels, kind, native=native, rounding=rounding, approximations=approximations)

    @property
    def n_players(self) -> int:
        """The number of players n."""
        return len(self.players)

    @property
    def function(self) -> CharacteristicFunction | None:
        """What gives the values, where that is Python."""
        return None if self._evaluation is None else self._evaluation.function

    @property
    def symmetry(self) -> Symmetry | None:
        """Which players are symmetric, where the game was made with types."""
        return None if self._evaluation is None else self._evaluation.symmetry

    @property
    def tabulated(self) -> bool:
        """Whether the values of all coalitions are known."""
        return self._table is not None

    @property
    def sign(self) -> float:
        """+1 for gains, -1 for costs: times a value, larger is better."""
        return 1.0 if self.kind == "gain" else -1.0

    @property
    def scale(self) -> float:
        """The largest absolute value of any coalition; tabulates the game."""
        table = self.tabulate()
        if self._scale is None:
            self._scale = float(max(0.0, -table.min(), table.max()))
        return self._scale

    def value(self, coalition: Iterable[Hashable]) -> float:
        """Return the value of one coalition.

        Parameters
        ----------
        coalition : iterable of hashable
            The labels of its members, in any order.

        Raises
        ------
        CoalitionError
            An unknown or duplicate player.
        CharacteristicFunctionError
            The function raised or gave something that is not a finite number.
        """
        membership = np.zeros((1, self.n_players), dtype=np.bool_)
        membership[0, self.players.indices(coalition)] = True
        return float(self.values(membership, progress=False)[0])

    def values(
        self,
        membership: ArrayLike,
        *,
        executor: Executor | None = None,
        store: StorePath | None = None,
        progress: bool = True,
    ) -> NDArray[np.float64]:
        """Return the values of many coalitions, each evaluated at most once.

        Parameters
        ----------
        membership : array_like of bool, shape (m, n)
            One row for each coalition, in any order, any of them more than once; column i tells
            whether player i is a member.
        executor : concurrent.futures.Executor or compatible, optional
            Who evaluates: anything with ``submit``, or a Dask client. By default this thread.
            Ignored for tabulated and native games.
        store : path, optional
            An SQLite file with the finished coalitions of this game; made when it is not there.
            Ignored for tabulated and native games.
        progress : bool, default True
            Show progress where standard error is a terminal.

        Returns
        -------
        ndarray of float, shape (m,)
            In the order of the rows; the same bits for any executor.

        Raises
        ------
        CoalitionError
            `membership` has another shape or is not boolean.
        CharacteristicFunctionError
            The function raised, or gave something that is not a finite number, for the
            coalition that the error names.
        ExecutorError
            The executor is shut down or lost its workers.
        GameError
            The function cannot be sent to another process.
        StoreError
            The store is of another game or model, or cannot be written.

        Notes
        -----
        A coalition that this game was asked for before, or that is in the store, is not evaluated
        again; nor is the empty one. Whatever error or interrupt ends the call, the coalitions
        finished by then are known to the game and in the store, and those not begun are
        cancelled: the same call again evaluates only the rest.
        """
        try:
            rows = np.asarray(membership)
        except ValueError:  # lists of different lengths, as of labels
            rows = np.zeros(0, dtype=np.object_)
        if rows.ndim != 2 or rows.shape[1] != self.n_players or rows.dtype != np.bool_:
            raise CoalitionError(
                f"coalitions are a bool array of shape (m, {self.n_players}), "
                f"not {rows.dtype} of shape {rows.shape}"
            )
        if self._table is not None:
            masks = rows @ (1 << np.arange(self.n_players))
            return cast("NDArray[np.float64]", self._table[masks])
        if self.native is not None:
            values = self.native.values(np.ascontiguousarray(rows))
            with self.naming_coalitions():
                for row in np.flatnonzero(~np.isfinite(values)):
                    mask = sum(1 << int(index) for index in np.flatnonzero(rows[row]))
                    raise NotFiniteError(mask, float(values[row]))
            return values
        assert self._evaluation is not None
        return self._evaluation.values(rows, executor=executor, store=store, progress=progress)

    def tabulate(
        self,
        *,
        executor: Executor | None = None,
        store: StorePath | None = None,
        progress: bool = True,
    ) -> NDArray[np.float64]:
        """Return the values of all coalitions, each evaluated once; the game keeps them.

        Parameters
        ----------
        executor, store, progress
            As in :meth:`values`.

        Returns
        -------
        ndarray of float, shape (2**n,), read-only
            In binary order: bit i of the index is set when player i is a member.

        Raises
        ------
        PlayerLimitError
            More than 30 players.
        CharacteristicFunctionError, ExecutorError, GameError, StoreError
            As in :meth:`values`.

        Notes
        -----
        2^n evaluations and 8 * 2^n bytes. A native game is evaluated by all cores, a
        function in blocks in binary order, with what :meth:`values` guarantees.

        Examples
        --------
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> import sesgame as sg
        >>> game = sg.Game.from_function(["a", "b"], len, kind="gain")
        >>> with ThreadPoolExecutor() as threads:
        ...     game.tabulate(executor=threads)
        array([0., 1., 1., 2.])
        """
        if self._table is None:
            _check_table_limit(self.n_players)
            if self.native is not None:
                with (
                    progress_report("coalitions", "", progress) as report,
                    self.naming_coalitions(),
                ):
                    table = self.native.tabulate(report)
            else:
                assert self._evaluation is not None
                table = self._evaluation.tabulate(executor=executor, store=store, progress=progress)
            table.setflags(write=False)
            self._table = table
        return self._table

    def _made(self, players: Players, kind: Kind, **parts: Any) -> Game:
        """Return a game of other parts, for :class:`GameAlgebra`."""
        table = parts.pop("table")
        made = Game(players, kind, **parts)
        if table is not None:
            # Sums of finite values need not be finite.
            made._table = Game.from_table(table, players, kind=kind)._table
        return made

    @contextmanager
    def naming_coalitions(self) -> Iterator[None]:
        """Name the coalition whose value is no number by its members, where the engine cannot.

        And the step, where it has no dispatch.
        """
        try:
            yield
        except NotFiniteError as error:
            name = format_coalition(self.players.ordered_labels(error.mask))
            # Games of dispatches know it.
            step_of = getattr(self.native, "infeasible_step", lambda _: None)
            members = [bool(error.mask >> i & 1) for i in range(self.n_players)]
            step = step_of(np.array(members)) if math.isinf(error.value) else None
            raise NotFiniteError(error.mask, error.value, name, step) from None

    def check(
        self,
        n_coalitions: int = 16,
        *,
        seed: int = 0,
        tolerance: float = 0.0,
        executor: Executor | None = None,
    ) -> None:
        """Ask the function for some coalitions twice, in two orders, and compare.

        What makes a function differ is a random number, the order of a set, state that is left
        from the coalition before, or a solver that stops early. With `types`, the second time
        members are symmetric. Tabulated and native games have nothing to check.

        Parameters
        ----------
        n_coalitions : int, default 16
            How many: all players together, and random coalitions of all sizes.
        seed : int, default 0
            Which ones.
        tolerance : float, default 0
            The relative and absolute difference that is allowed. 0 asks for the same bits.
        executor : concurrent.futures.Executor or compatible, optional
            As in :meth:`values`.

        Raises
        ------
        CharacteristicFunctionError
            Two values of one coalition differ, or as in :meth:`values`.

        Examples
        --------
        >>> import sesgame as sg
        >>> sg.Game.from_function(["a", "b", "c"], len, kind="gain").check()
        """
        if self._evaluation is not None:
            self._evaluation.check(n_coalitions, seed, tolerance, executor)

    def to_pandas(self) -> pd.DataFrame:
        """Return all coalitions and their values as a pandas frame; tabulates the game.

        Returns
        -------
        DataFrame
            2^n - 1 rows with a boolean column for each player and a column ``gain`` or ``cost``,
            which :meth:`from_pandas` reads again.
        """
        return frame_of_table(self.players, self.kind, self.tabulate())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Game):
            return NotImplemented
        if self is other:
            return True
        if self.players != other.players or self.kind != other.kind:
            return False
        if self._table is not None and other._table is not None:
            return np.array_equal(self._table, other._table)
        made = [game._made_from() for game in (self, other)]
        return any(part is not None for part in made[0]) and equal(*made)

    __hash__: ClassVar[None] = None  # type: ignore[assignment] # as of a list

    def _made_from(self) -> tuple[Any, ...]:
        """Return what gives the values, where that is more than a table."""
        inputs = None if self._evaluation is None else self._evaluation.inputs
        return self.native, self.function, inputs, self.symmetry

    def __copy__(self) -> Game:
        # Nothing of a game changes but how much of it is known, which serves all copies.
        twin = type(self).__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __deepcopy__(self, memo: dict[int, Any]) -> Game:
        return copy.copy(self)

    def __reduce_ex__(self, protocol: Any) -> tuple[Callable[..., Game], tuple[Any, ...]]:
        native, function, inputs, symmetry = self._made_from()
        remedy = "tabulate() the game, which then travels as its table"
        travels = protocol > DIGESTED
        lost = None
        if native is not None and native.source is None:
            native, lost = None, GameError(f"nobody can make this native game again; {remedy}")
        elif function is not None:
            try:
                function = portable(function, remedy, arrived=not travels)
            except GameError as error:
                function, lost = None, error
        if lost is not None and self._table is None:
            raise lost
        table, known = self._table, None
        if native is not None or function is not None:
            # What has been asked is no part of what a game is: joblib.hash, which digests what
            # goes out by an old protocol, takes it for the same before and after.
            table = self._table if travels else None
            if self._evaluation is not None and travels and table is None:
                known = self._evaluation.known()
        parts = {
            "native": native,
            "function": function,
            "inputs": None if function is None else inputs,
            "symmetry": None if function is None else symmetry,
            "rounding": self.rounding,
            "approximations": self.approximations,
        }
        return _arrived, (type(self), self.players, self.kind, parts, table, known)

    def save(self, path: str | PathLike[str], *, progress: bool = True) -> None:
        """Write the players, the kind and all values to a file; tabulates the game.

        Parameters
        ----------
        path : path
            Written whole or not at all; a file that is there is replaced.
        progress : bool, default True
            As in :meth:`tabulate`.

        Raises
        ------
        GameError
            The file cannot be written, or a label is neither text, a number, True, False, None
            nor a tuple of these.
        PlayerLimitError, CharacteristicFunctionError
            As in :meth:`tabulate`.

        Notes
        -----
        8 * 2^n bytes and a line that says what they are (``docs/file-formats.md``). What made the
        values is not in the file; a pickle of the game takes it along.

        Examples
        --------
        >>> import tempfile
        >>> import sesgame as sg
        >>> game = sg.games.airport([12, 20], players=["near", "far"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     game.save(f"{folder}/cable.game")
        ...     sg.Game.load(f"{folder}/cable.game").value(["near", "far"])
        20.0
        """
        table = self.tabulate(progress=progress)
        write_table(path, SavedTable(list(self.players), self.kind, self.rounding, table))

    @classmethod
    def load(cls, path: str | PathLike[str]) -> Game:
        """Read a game that :meth:`save` wrote.

        Raises
        ------
        GameError
            The file cannot be read, is none of these, or has not exactly the values of its
            players; no more memory is taken than the file is long.
        CharacteristicFunctionError
            A value is NaN or infinite.
        """
        saved = read_table(path, MAX_TABLE_PLAYERS)
        if not is_kind(saved.kind):
            raise GameError(f'{path}: kind must be "gain" or "cost", got {saved.kind!r}')
        try:
            game = cls.from_table(saved.values, saved.players, kind=saved.kind)
        except CharacteristicFunctionError:
            raise
        except GameError as error:
            raise GameError(f"{path}: {error}") from error
        game.rounding = saved.rounding
        return game

    def coalition_labels(self, mask: int) -> frozenset[Hashable]:
        """Return the members of the coalition with a given bit mask."""
        return self.players.labels(mask)

    def __repr__(self) -> str:
        return f"Game({count(self.n_players, 'player')}, kind={self.kind!r}, {self._state()})"

    def _state(self) -> str:
        """Return what is known of the values, without asking for any."""
        if self._table is not None:
            return f"all {len(self._table):,} values known"
        if self._evaluation is None:
            return "native"
        known = self._evaluation.n_known
        return f"from a function, {count(known, 'value')} known" if known else "from a function"

    def _repr_html_(self) -> str:
        rows = [
            ["players", f"{self.n_players:,}: {short_coalition(self.players)}"],
            ["values", self._state()],
        ]
        if self._table is not None:
            rows.append(["all together", f"{self._table[-1]:.6g}"])
            rows += [
                [f"{self.players[player]} alone", f"{self._table[1 << player]:.6g}"]
                for player in range(self.n_players - left_out(self.n_players))
            ]
        return html_table([f"{self.kind} game", ""], rows)


def _missing(players: Players, first: list[int], n_missing: int) -> GameError:
    """Return the error for coalitions without a value, of which the first are named."""
    names = ", ".join(format_coalition(players.ordered_labels(mask)) for mask in first)
    more = f" and {n_missing - len(first)} more" if n_missing > len(first) else ""
    n_coalitions = (1 << len(players)) - 1
    return GameError(f"{n_missing} of {n_coalitions} coalitions have no value: {names}{more}")


def _arrived(
    kind_of_game: type[Game],
    players: Players,
    kind: Kind,
    parts: dict[str, Any],
    table: NDArray[np.float64] | None,
    known: tuple[NDArray[np.bool_], NDArray[np.float64]] | None,
) -> Game:
    """Return the game that has travelled."""
    game = kind_of_game(players, kind, **parts)
    if table is not None:
        table.setflags(write=False)
        game._table = table
    if known is not None and game._evaluation is not None:
        game._evaluation.learn(*known)
    return game


def _checked(approximations: Mapping[str, Game], players: Players, kind: Kind) -> dict[str, Game]:
    """Return approximations by name, each of the same players and kind."""
    if not isinstance(approximations, Mapping):
        raise GameError(
            f"approximations must be a mapping from name to game, got {named(approximations)}"
        )
    for name, game in approximations.items():
        if not isinstance(name, str) or not isinstance(game, Game):
            raise GameError(f"approximations must be games by name, got {named(game)} for {name!r}")
        if game.players != players or game.kind != kind:
            raise GameError(
                f"the approximation {name!r} must have the players of the game, in the same order, "
                f"and its kind; got {game!r}"
            )
    return dict(approximations)


def _check_table_limit(n_players: int) -> None:
    if n_players > MAX_TABLE_PLAYERS:
        raise PlayerLimitError(
            f"{n_players} players have 2^{n_players} coalitions; a table holds at most "
            f"{MAX_TABLE_PLAYERS} players. For more, estimate the Shapley value by sampling "
            f"(sg.shapley_estimate), declare interchangeable players (types=), or bill an energy "
            f"community at dual prices (sg.owen_allocation)",
            n_players,
            MAX_TABLE_PLAYERS,
        )
