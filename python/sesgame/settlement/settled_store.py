"""A file that keeps the bills of every settled community, so that a run that was killed goes on.

One SQLite file with one row for each community and rule. The key of a row is a digest of all that
the bills depend on: whatever is changed in a community, a rule's options or this package is settled
anew, and rows of other runs do no harm.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import __version__
from sesgame.errors import SesgameError
from sesgame.files.sqlite_file import SqliteFile, StorePath
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.settlement.settled import Settled

if TYPE_CHECKING:
    from sesgame.game.world import World

__all__ = ["SettledStore", "digest"]

APPLICATION_ID = 0x5E56A3F
"""What marks an SQLite file as a store of settled communities."""

VERSION = 1

SCHEMA = """
CREATE TABLE settled (
    key BLOB PRIMARY KEY, name TEXT NOT NULL, period TEXT NOT NULL, rule TEXT NOT NULL,
    content TEXT NOT NULL
) WITHOUT ROWID;
"""


class SettledStore(SqliteFile):
    """The bills of communities in a file.

    Parameters
    ----------
    path : str or path
        The file; made when it is not there.
    """

    def __init__(self, path: StorePath) -> None:
        super().__init__(
            path, application_id=APPLICATION_ID, version=VERSION, schema=SCHEMA, identity={}
        )
        self._waiting: list[tuple[bytes, str, str, str, str]] = []

    def find(self, key: bytes, world: World, blank: Settled) -> Settled | None:
        """Return the bills of a community that were kept, if they were.

        Parameters
        ----------
        key : bytes
            The digest of all that they depend on.
        world : World
            The community.
        blank : Settled
            What they are entered in.

        Raises
        ------
        StoreError
            The row has no bills of such members.
        """
        with self.named("read"):
            row = self.connection.execute(
                "SELECT content FROM settled WHERE key = ?", (key,)
            ).fetchone()
        if row is None:
            return None
        try:
            return _restored(json.loads(row[0]), world, blank)
        except (KeyError, TypeError, ValueError, SesgameError) as error:
            where = f"the row of key x'{key.hex()}' of the table settled"
            raise self.damaged(where, f"{type(error).__name__}: {error}") from error

    def keep(self, key: bytes, settled: Settled) -> None:
        """Write bills, at once or, when they come in quickly, a moment later."""
        content = json.dumps(_kept(settled))
        self._waiting.append((key, settled.name, settled.period, settled.rule, content))
        self.flush_in_time()

    def flush(self) -> None:
        """Commit what waits."""
        if not self._waiting:
            return
        with self.writing() as connection:
            connection.executemany(
                "INSERT OR IGNORE INTO settled VALUES (?, ?, ?, ?, ?)", self._waiting
            )
        self._waiting.clear()


def _kept(settled: Settled) -> dict[str, Any]:
    """Return what a row keeps; the text of a float has all its bits."""
    allocation = settled.allocation
    assert allocation is not None
    ends = (settled.lowest, settled.highest)
    return {
        "values": allocation.values.tolist(),
        "kind": allocation.kind,
        "method": allocation.method,
        "tolerance": allocation.tolerance,
        "rule": allocation.rule,
        "ends": [None if end is None else end.tolist() for end in ends],
        "unproved": settled.unproved,
    }


def _restored(kept: dict[str, Any], world: World, blank: Settled) -> Settled:
    """Return the bills of a row, or raise whatever shows that they are none."""
    allocation = Allocation(
        players=world.members,  # type: ignore[arg-type] # which makes players of labels
        values=kept["values"],
        kind=kept["kind"],
        method=kept["method"],
        tolerance=kept["tolerance"],
    )
    object.__setattr__(allocation, "rule", kept["rule"])
    if kept["rule"] is not None and not isinstance(kept["rule"], str):
        raise TypeError("the rule is no text")
    ends = [None if end is None else np.array(end, dtype=np.float64) for end in kept["ends"]]
    if any(end is not None and end.shape != allocation.values.shape for end in ends):
        raise ValueError("the ends of the intervals are not as many as the members")
    if not isinstance(kept["unproved"], str):
        raise TypeError("what is unproved is no text")
    lowest, highest = ends
    return dataclasses.replace(
        blank, allocation=allocation, lowest=lowest, highest=highest, unproved=kept["unproved"]
    )


def digest(*parts: Any) -> bytes:
    """Return 32 bytes that differ, for all practical purposes, where the parts do.

    They do not depend on the process, as those of pickles may, where one text may be one object
    or two.

    Raises
    ------
    TypeError
        A part is of a kind that cannot be taken in.
    """
    taken = hashlib.blake2b(__version__.encode(), digest_size=32)
    for part in parts:
        _take(taken, part)
    return taken.digest()


def _take(taken: hashlib.blake2b, part: Any) -> None:
    """Take a part in: its class, how much there is of it, and what."""
    kind = type(part)
    taken.update(f"{kind.__module__}.{kind.__qualname__}:".encode())
    if isinstance(part, np.ndarray):
        taken.update(f"{part.dtype.str}{part.shape}".encode())
        if part.dtype.hasobject:
            raise TypeError("an array of objects")
        taken.update(np.ascontiguousarray(part).view(np.uint8).data if part.size else b"")
    elif isinstance(part, ByValue):
        _take(taken, part._parts())
    elif dataclasses.is_dataclass(part):
        _take(taken, {field.name: getattr(part, field.name) for field in dataclasses.fields(part)})
    elif isinstance(part, Mapping):
        _take(taken, list(part.items()))
    elif isinstance(part, (tuple, list)):
        taken.update(f"{len(part)};".encode())
        for each in part:
            _take(taken, each)
    elif isinstance(part, (set, frozenset)):
        _take(taken, sorted(digest(each).hex() for each in part))
    elif part is None or isinstance(part, (bool, int, float, str, np.generic)):
        text = repr(part).encode()
        taken.update(f"{len(text)};".encode() + text)
    else:
        raise TypeError(f"a {kind.__name__}")
