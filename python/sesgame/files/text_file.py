"""Text files, read whole where they are not too long."""

from __future__ import annotations

from pathlib import Path

from sesgame.errors import GameError

__all__ = ["MOST_BYTES", "read_text"]

MOST_BYTES = 1 << 30
"""Of a file of text, which takes several times as much memory once it is understood."""


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8.

    Raises
    ------
    GameError
        It is not there, cannot be read, has more than 2^30 bytes, or is no UTF-8.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as error:
        raise GameError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:  # of the path
        raise GameError(f"{path} cannot be read: {error}") from error
    if len(content) > MOST_BYTES:
        raise GameError(f"{path} has more than {MOST_BYTES:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise GameError(f"{path} is no text in UTF-8: {error}") from error
