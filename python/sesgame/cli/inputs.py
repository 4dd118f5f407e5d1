"""What a command reads: a file, standard input or a pipe, which can be read but once."""

from __future__ import annotations

import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from sesgame.errors import SesgameError
from sesgame.files.table_rows import MOST_TEXT

__all__ = ["STANDARD_INPUT", "regular_file"]

STANDARD_INPUT = Path("-")
"""Instead of a file; ``./-`` is a file of that name."""

_ENDINGS = (".csv", ".csv.gz", ".json", ".parquet")
_CHUNK = 1 << 20


@contextmanager
def regular_file(path: Path) -> Iterator[Path]:
    """Yield a path that can be read again: that of a file or folder, or of a copy of a stream.

    The copy has the name of the pipe or, for standard input and what has no name that says what it
    is, ``standard-input`` with the ending that the content has.

    Raises
    ------
    SesgameError
        It cannot be read, or has more than 2^30 bytes.
    """
    if path == STANDARD_INPUT:
        if sys.stdin is None:
            raise SesgameError("standard input cannot be read: it is closed")
        with _copied(sys.stdin.buffer, "standard-input", "standard input") as copy:
            yield copy
        return
    if not _is_stream(path):
        yield path
        return
    try:
        stream = path.open("rb")
    except OSError as error:
        raise SesgameError(f"{path} cannot be read: {error.strerror or error}") from error
    name = path.name if path.name.endswith(_ENDINGS) else "standard-input"
    with stream, _copied(stream, name, str(path)) as copy:
        yield copy


def _is_stream(path: Path) -> bool:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False  # whoever reads it says what is wrong
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


@contextmanager
def _copied(stream: BinaryIO, name: str, what: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sesgame-") as folder:
        copy = Path(folder, name)
        try:
            length, start = 0, b""
            with copy.open("wb") as file:
                while chunk := stream.read(_CHUNK):
                    start = start or chunk
                    length += len(chunk)
                    if length > MOST_TEXT:
                        raise SesgameError(f"{what} has more than {MOST_TEXT:,} bytes")
                    file.write(chunk)
            if not name.endswith(_ENDINGS):
                copy = Path(shutil.move(copy, f"{copy}{_ending(start)}"))
        except OSError as error:
            raise SesgameError(f"{what} cannot be read: {error.strerror or error}") from error
        yield copy


def _ending(start: bytes) -> str:
    """Return the ending of a file that begins so."""
    if start.startswith(b"\x1f\x8b"):
        return ".csv.gz"
    if start.startswith(b"PAR1"):
        return ".parquet"
    return ".json" if start.removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"{") else ".csv"
