"""A file that keeps every finished coalition, so that a run that was killed goes on.

One SQLite file for one game: table ``game`` says which (players, kind, digest of the inputs), table
``value`` has one row for each coalition: its bits, eight players in a byte, and its value. Each
block is one transaction: a kill at any moment loses at most what was not committed, and several
processes may use one file.
"""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from os import PathLike, fspath
from time import perf_counter
from typing import TYPE_CHECKING

from sesgame.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Store", "StorePath"]

StorePath = str | PathLike[str]
"""Where a store is, or is to be."""

APPLICATION_ID = 0x5E56A3E
"""What marks an SQLite file as a store of this package."""

BUSY_SECONDS = 60.0
"""How long a process waits for another that is writing."""

FLUSH_SHARE = 10.0
"""Time between two commits, at least, in units of what the last one took: bounds the cost."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS game (what TEXT PRIMARY KEY, content TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS value (
    id INTEGER PRIMARY KEY, coalition BLOB NOT NULL UNIQUE, value REAL NOT NULL
);
"""


class Store:
    """The values of one game in a file; opened for each use and closed after it.

    Parameters
    ----------
    path : str or path
        The file; made when it is not there.
    identity : mapping of str to str
        What tells this game from others: each entry must be as in the file.
    n_players : int
        The number of players, so of the bits of a coalition.
    """

    def __init__(self, path: StorePath, identity: Mapping[str, str], n_players: int) -> None:
        self.path = fspath(path)
        self._n_players = n_players
        self._identity = dict(identity)
        self._connection: sqlite3.Connection | None = None
        self._last_id = 0
        self._waiting: list[tuple[bytes, float]] = []
        self._next_flush = 0.0

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open the file for a while; what waits is committed at the end, whatever ends it.

        Raises
        ------
        StoreError
            It cannot be opened, is no store, or belongs to another game.
        """
        try:
            with self._named("opened"):
                self._connection = sqlite3.connect(
                    self.path, timeout=BUSY_SECONDS, isolation_level=None
                )
                self._check_identity(self._connection)
            try:
                yield
            finally:
                self.flush()
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def read(self) -> dict[bytes, float]:
        """Return the value of each coalition that came since the last call, by its key.

        Raises
        ------
        StoreError
            A row is no coalition of the game, or has no finite number, or is there twice.
        """
        assert self._connection is not None
        found: dict[bytes, float] = {}
        with self._named("read"):
            rows = self._connection.execute(
                "SELECT id, coalition, value FROM value WHERE id > ? ORDER BY id", (self._last_id,)
            )
            for identifier, key, value in rows:
                wrong = self._wrong(key, value) or ("its coalition is there twice" * (key in found))
                if wrong:
                    raise StoreError(
                        f"{self.path} is damaged: row {identifier} of the table value: {wrong}; "
                        f"use another path, or delete the file",
                        self.path,
                    )
                found[key] = value
                self._last_id = identifier
        return found

    def _wrong(self, key: object, value: object) -> str:
        """Return what is wrong with a row; nothing where it is right."""
        length = (self._n_players + 7) // 8
        if not isinstance(key, bytes) or len(key) != length:
            return f"its coalition is not {length} bytes"
        if int.from_bytes(key, "little") >> self._n_players:
            return f"its coalition has more than the {self._n_players} players of the game"
        if not isinstance(value, float) or not math.isfinite(value):
            return f"its value is {value!r}, not a finite number"
        if value != 0 and not any(key):
            return f"the empty coalition is worth {value!r}, not 0"
        return ""

    def keep(self, keys: Iterable[bytes], values: NDArray[np.float64]) -> None:
        """Write finished coalitions, at once or, when blocks come in quickly, a moment later."""
        self._waiting.extend(zip(keys, values.tolist(), strict=True))
        if perf_counter() >= self._next_flush:
            self.flush()

    def flush(self) -> None:
        """Commit what waits.

        Raises
        ------
        StoreError
            The disk is full, the file cannot be written, or is locked for a minute.
        """
        if not self._waiting:
            return
        assert self._connection is not None
        start = perf_counter()
        with self._named("written"), self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(
                "INSERT OR IGNORE INTO value (coalition, value) VALUES (?, ?)", self._waiting
            )
        self._waiting.clear()
        end = perf_counter()
        self._next_flush = end + FLUSH_SHARE * (end - start)

    def _check_identity(self, connection: sqlite3.Connection) -> None:
        # One transaction: two processes that start together agree on whose file it is.
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and application_id != APPLICATION_ID:
                raise StoreError(
                    f"{self.path} is an SQLite file, but no store of sesgame; use another path",
                    self.path,
                )
            if not tables:
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                for statement in SCHEMA.split(";"):
                    connection.execute(statement)
                connection.executemany("INSERT INTO game VALUES (?, ?)", self._identity.items())
            kept = dict(connection.execute("SELECT what, content FROM game"))
        for what, content in self._identity.items():
            if kept.get(what) != content:
                raise StoreError(
                    f"{self.path} is the store of another game: {what} {kept.get(what)} there, "
                    f"{content} here; use another path, or delete the file",
                    self.path,
                )

    @contextmanager
    def _named(self, done: str) -> Iterator[None]:
        """Turn an error of SQLite into one that names the file and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the store {self.path} cannot be {done}: {error}; completed values are kept in "
                f"the game: make room, or call again with another store or none",
                self.path,
            ) from error


def identity(players: Iterable[object], kind: str, inputs: str | None) -> dict[str, str]:
    """Return what tells a game from others, as a store keeps it."""
    return {
        "kind": kind,
        "players": json.dumps([repr(player) for player in players], ensure_ascii=False),
        "inputs": inputs or "not declared",
    }
