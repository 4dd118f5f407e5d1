"""A file that keeps every finished coalition, so that a run that was killed goes on.

One SQLite file for one game: table ``identity`` says which (players, kind, digest of the inputs),
and each row of table ``block`` has coalitions that were finished together: their bits, eight
players in a byte, and their values, in eight bytes each. A row is one transaction: a kill at any
moment loses at most what was not committed, and several processes may use one file. No coalition
is in it twice.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import CoalitionValues
from sesgame.files.sqlite_file import SqliteFile, StorePath

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Store", "StorePath", "identity", "not_among"]

APPLICATION_ID = 0x5E56A3E
"""What marks an SQLite file as a store of coalitions."""

VERSION = 2
"""The first had a row for each coalition."""

SCHEMA = """
CREATE TABLE block (id INTEGER PRIMARY KEY, coalitions BLOB NOT NULL, worth BLOB NOT NULL);
"""

LARGEST_BLOCK = 1 << 20
"""Coalitions in a row: SQLite takes up to a gigabyte, and 2^20 of 1,000 players are 140 MB."""


class Store(SqliteFile):
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
        super().__init__(
            path,
            application_id=APPLICATION_ID,
            version=VERSION,
            schema=SCHEMA,
            identity=identity,
        )
        self._n_players = n_players
        self._width = (n_players + 7) // 8
        self._last_read = 0
        self._last_seen = 0  # read, or written from here
        self._of_others = CoalitionValues(n_players)  # written meanwhile
        self._waiting: list[tuple[NDArray[np.bool_], NDArray[np.float64]]] = []

    def read(self) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return the coalitions that came since the last call, shape (m, n), and their values.

        Raises
        ------
        StoreError
            A row has what is no coalition of the game, no finite number, or a coalition twice.
        """
        blocks = list(self._blocks_after(self._last_read))
        if blocks:
            self._last_read = self._last_seen = blocks[-1][0]
        membership, values = self._joined([block[1:] for block in blocks])
        _, first = CoalitionValues(self._n_players).look_up(membership)
        if len(first) < len(membership):
            row = int(np.setdiff1d(np.arange(len(membership)), first)[0])
            ends = np.cumsum([len(values) for _, _, values in blocks])
            block = blocks[int(np.searchsorted(ends, row, side="right"))][0]
            raise self.damaged(f"block {block}", "its coalition is there twice")
        return membership, values

    def keep(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write finished coalitions, at once or, when blocks come in quickly, a moment later.

        None of them has been read or kept before.
        """
        if len(values):
            self._waiting.append((membership, values.copy()))
            self.flush_in_time()

    def flush(self) -> None:
        """Commit what waits, without what another process has written meanwhile.

        Raises
        ------
        StoreError
            The disk is full, the file cannot be written, or is locked for a minute.
        """
        if not self._waiting:
            return
        with self.writing() as connection:
            membership, values = self._joined(self._waiting)
            for _, others, known in self._blocks_after(self._last_seen):
                self._of_others.learn(self._of_others.look_up(others)[0], known)
            if len(self._of_others):
                _, missing = self._of_others.look_up(membership)
                membership, values = membership[missing], values[missing]
            for start in range(0, len(values), LARGEST_BLOCK):
                rows = slice(start, start + LARGEST_BLOCK)
                packed = np.packbits(membership[rows], axis=1, bitorder="little")
                connection.execute(
                    "INSERT INTO block (coalitions, worth) VALUES (?, ?)",
                    (packed.tobytes(), values[rows].astype("<f8").tobytes()),
                )
            (last,) = connection.execute("SELECT max(id) FROM block").fetchone()
        self._last_seen = last or 0
        self._waiting.clear()

    def _blocks_after(
        self, last: int
    ) -> Iterator[tuple[int, NDArray[np.bool_], NDArray[np.float64]]]:
        """Yield the number, the coalitions and the values of each block after one."""
        with self.named("read"):
            blocks = self.connection.execute(
                "SELECT id, coalitions, worth FROM block WHERE id > ? ORDER BY id", (last,)
            )
            for number, coalitions, worth in blocks:
                yield number, *self._unpacked(number, coalitions, worth)

    def _unpacked(
        self, number: int, coalitions: object, worth: object
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return the coalitions and the values of a block in which nothing is wrong."""
        where, width, n_players = f"block {number}", self._width, self._n_players
        if not isinstance(coalitions, bytes) or not isinstance(worth, bytes):
            raise self.damaged(where, "its coalitions and values are not bytes")
        count = len(worth) // 8
        if len(worth) != 8 * count or len(coalitions) != width * count:
            raise self.damaged(
                where,
                f"{len(coalitions)} bytes of coalitions and {len(worth)} of values; each coalition "
                f"is {width} bytes and its value 8",
            )
        packed = np.frombuffer(coalitions, np.uint8).reshape(count, width)
        values = np.frombuffer(worth, "<f8").astype(np.float64)
        beyond = packed[:, -1].astype(np.intp) >> (n_players - 8 * (width - 1)) != 0
        wrong = {
            f"has more than the {n_players} players of the game": beyond,
            "is worth {value}, not a finite number": ~np.isfinite(values),
            "is the empty coalition and worth {value}, not 0": ~packed.any(axis=1) & (values != 0),
        }
        for what, places in wrong.items():
            if places.any():
                row = int(np.argmax(places))
                said = what.format(value=float(values[row]))
                raise self.damaged(where, f"its coalition number {row} {said}")
        members = np.unpackbits(packed, axis=1, count=n_players, bitorder="little")
        return members.view(np.bool_), values

    def _joined(
        self, parts: list[tuple[NDArray[np.bool_], NDArray[np.float64]]]
    ) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
        """Return coalitions and values one after the other."""
        nobody = (np.zeros((0, self._n_players), dtype=np.bool_), np.zeros(0))
        membership, values = zip(nobody, *parts, strict=True)
        return np.concatenate(membership), np.concatenate(values)


def not_among(others: NDArray[np.bool_], membership: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the rows of `membership` that are not among those of `others`, each once."""
    there = CoalitionValues(membership.shape[1])
    slots, _ = there.look_up(others)
    there.learn(slots, np.zeros(len(slots)))
    return there.look_up(membership)[1]


def identity(players: Iterable[object], kind: str, inputs: str | None) -> dict[str, str]:
    """Return what tells a game from others, as a store keeps it."""
    return {
        "kind": kind,
        "players": json.dumps([repr(player) for player in players], ensure_ascii=False),
        "inputs": inputs or "not declared",
    }
