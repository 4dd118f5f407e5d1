"""An SQLite file of this package that several processes write to and a kill does not harm."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from time import perf_counter

from sesgame.errors import StoreError

__all__ = ["SqliteFile", "StorePath"]

StorePath = str | os.PathLike[str]
"""Where a store is, or is to be."""

BUSY_SECONDS = 60.0
"""How long a process waits for another that is writing."""

FLUSH_SHARE = 10.0
"""Time between two commits, at least, in units of what the last one took: bounds the cost."""


class SqliteFile:
    """A file that is opened for each use and closed after it, so that it survives a fork.

    Parameters
    ----------
    path : str or path
        The file; made when it is not there.
    application_id : int
        What marks it as one of its kind.
    version : int
        Of its tables; a file of another one is refused.
    schema : str
        The statements that make its tables, between semicolons.
    identity : mapping of str to str
        What tells its content from others: each entry must be as in the file.
    """

    def __init__(
        self,
        path: StorePath,
        *,
        application_id: int,
        version: int,
        schema: str,
        identity: Mapping[str, str],
    ) -> None:
        self.path = os.fspath(path)
        self._application_id = application_id
        self._version = version
        self._schema = (
            f"CREATE TABLE identity (what TEXT PRIMARY KEY, content TEXT NOT NULL);{schema}"
        )
        self._identity = dict(identity)
        self._connection: sqlite3.Connection | None = None
        self._next_flush = 0.0

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Open the file for a while; what waits is committed at the end, whatever ends it.

        Not in a child of this process: it would write through a connection of its parent.

        Raises
        ------
        StoreError
            It cannot be opened, is no store, or belongs to something else.
        """
        process = os.getpid()
        try:
            with self.named("opened"):
                self._connection = sqlite3.connect(
                    self.path, timeout=BUSY_SECONDS, isolation_level=None
                )
                self._check_identity(self._connection)
            try:
                yield
            finally:
                if os.getpid() == process:
                    self.flush()
        finally:
            if self._connection is not None and os.getpid() == process:
                self._connection.close()
                self._connection = None

    @property
    def connection(self) -> sqlite3.Connection:
        """The file while it is open."""
        assert self._connection is not None
        return self._connection

    def flush(self) -> None:
        """Commit what waits; a file that keeps something has its own.

        Raises
        ------
        StoreError
            The disk is full, the file cannot be written, or is locked for a minute.
        """

    def flush_in_time(self) -> None:
        """Commit what waits, unless the last commit was only a moment ago."""
        if perf_counter() >= self._next_flush:
            self.flush()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Open a transaction that nobody else writes in, and commit it."""
        start = perf_counter()
        with self.named("written"), self.connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
        end = perf_counter()
        self._next_flush = end + FLUSH_SHARE * (end - start)

    @contextmanager
    def named(self, done: str) -> Iterator[None]:
        """Turn an error of SQLite into one that names the file and what to do."""
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"the store {self.path} cannot be {done}: {error}; completed values are kept in "
                f"memory: make room, or call again with another store or none",
                self.path,
            ) from error

    def damaged(self, where: str, wrong: str) -> StoreError:
        """Return the error of something in the file that cannot be."""
        return StoreError(
            f"{self.path} is damaged: {where}: {wrong}; use another path, or delete the file",
            self.path,
        )

    def _check_identity(self, connection: sqlite3.Connection) -> None:
        # One transaction: two processes that start together agree on whose file it is.
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            if tables and application_id != self._application_id:
                raise StoreError(
                    f"{self.path} is an SQLite file, but no store of sesgame of this kind; use "
                    f"another path",
                    self.path,
                )
            if tables and version != self._version:
                raise StoreError(
                    f"{self.path} is a store of version {version}, and only version "
                    f"{self._version} is read; use another path, or delete the file",
                    self.path,
                )
            if not tables:
                connection.execute(f"PRAGMA application_id = {self._application_id}")
                connection.execute(f"PRAGMA user_version = {self._version}")
                for statement in self._schema.split(";"):
                    connection.execute(statement)
                connection.executemany("INSERT INTO identity VALUES (?, ?)", self._identity.items())
            kept = dict(connection.execute("SELECT what, content FROM identity"))
        for what, content in self._identity.items():
            if kept.get(what) != content:
                raise StoreError(
                    f"{self.path} is the store of another game: {what} {kept.get(what)} there, "
                    f"{content} here; use another path, or delete the file",
                    self.path,
                )
