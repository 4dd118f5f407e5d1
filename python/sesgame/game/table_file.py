"""A game's table in a file of its own: what :meth:`sesgame.Game.save` writes and ``load`` reads.

One line of JSON says what the game is, then come its 2^n values as they are in memory, 8 bytes
each, little-endian. ``docs/file-formats.md`` describes it.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Hashable
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sesgame.errors import GameError
from sesgame.files.json_text import parsed
from sesgame.formatting import named

__all__ = ["SavedTable", "read_table", "write_table"]

FORMAT = "sesgame table 1"
"""What the first line says; another number would be another form."""

LONGEST_HEADER = 1 << 20
"""Bytes: thirty players have no more to say."""

FIELDS = ("format", "kind", "players", "rounding")


class SavedTable(NamedTuple):
    """What a file has of a game."""

    players: list[Hashable]
    kind: str
    rounding: float
    values: NDArray[np.float64]


def write_table(path: str | PathLike[str], saved: SavedTable) -> None:
    """Write a file whole or not at all; one that was there before is replaced.

    Raises
    ------
    GameError
        A player's label is of a type that JSON does not tell apart, or the file cannot be written.
    """
    file = _path(path)
    header = {
        "format": FORMAT,
        "kind": saved.kind,
        "players": [_kept(player, player) for player in saved.players],
        "rounding": saved.rounding,
    }
    line = json.dumps(header, ensure_ascii=True) + "\n"
    if len(line) > LONGEST_HEADER:
        raise GameError(f"the labels of the players are longer than {LONGEST_HEADER} bytes")
    partial = file.with_name(f".{file.name}.partial")
    try:
        with partial.open("wb") as stream:
            stream.write(line.encode("ascii"))
            saved.values.astype("<f8", copy=False).tofile(stream)
        os.replace(partial, file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise GameError(f"{file} cannot be written: {error.strerror or error}") from error


def read_table(path: str | PathLike[str], most_players: int) -> SavedTable:
    """Read what :func:`write_table` wrote.

    Parameters
    ----------
    path : path
        The file.
    most_players : int
        So many may be in it.

    Raises
    ------
    GameError
        It is no such file, has more players, or not exactly 2^n values: memory is taken for what is
        in the file, not for what it says is there.
    """
    file = _path(path)
    try:
        with file.open("rb") as stream:
            line = stream.readline(LONGEST_HEADER)
            header = _header(file, line)
            players = [_label(player) for player in header["players"]]
            if len(players) > most_players:
                raise GameError(
                    f"{file} has {len(players)} players; a table holds at most {most_players}"
                )
            size = os.fstat(stream.fileno()).st_size - len(line)
            if size != 8 << len(players):
                raise GameError(
                    f"{file} is damaged: {len(players)} players have {1 << len(players)} values of "
                    f"8 bytes, but {size} bytes follow the first line"
                )
            values = np.fromfile(stream, dtype="<f8").astype(np.float64, copy=False)
    except FileNotFoundError as error:
        raise GameError(f"no such file: {file}") from error
    except OSError as error:
        raise GameError(f"{file} cannot be read: {error.strerror or error}") from error
    return SavedTable(players, header["kind"], header["rounding"], values)


def _path(path: Any) -> Path:
    try:
        return Path(path)
    except TypeError as error:
        raise GameError(f"path must be the path of a file, got {named(path)}") from error


def _header(file: Path, line: bytes) -> dict[str, Any]:
    """Return what the first line says."""
    other = GameError(
        f"{file} is not a game that Game.save() wrote; its first line must be JSON with "
        f"{', '.join(FIELDS)}, and the format {FORMAT!r}"
    )
    if not line.startswith(b"{") or not line.endswith(b"\n"):
        raise other
    try:
        header = parsed(line.decode("ascii"), str(file))
    except UnicodeDecodeError as error:
        raise other from error
    if sorted(header) != sorted(FIELDS) or header["format"] != FORMAT:
        raise other
    rounding = header["rounding"]
    if isinstance(rounding, bool) or not isinstance(rounding, (int, float)):
        raise other
    if not (math.isfinite(rounding) and rounding >= 0 and isinstance(header["players"], list)):
        raise other
    return {**header, "rounding": float(rounding)}


def _kept(label: Any, player: Hashable) -> Any:
    """Return a label in the types of JSON, in which a list is a tuple."""
    if isinstance(label, tuple):
        return [_kept(part, player) for part in label]
    if isinstance(label, np.generic):
        label = label.item()
    if label is None or type(label) in (bool, int, str):
        return label
    if type(label) is float and math.isfinite(label):
        return label
    raise GameError(
        f"the player {player!r} cannot be saved: labels are text, numbers, True, False, None and "
        f"tuples of these"
    )


def _label(kept: Any) -> Hashable:
    """Return the label; what is none is refused with the players."""
    return tuple(map(_label, kept)) if isinstance(kept, list) else kept
