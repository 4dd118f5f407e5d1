"""The folder that results are written to, each file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from sesgame.errors import SesgameError

__all__ = ["OutputFolder"]


class OutputFolder:
    """A folder that is known to be writable before anything is computed for it.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    names : iterable of str
        The files that are to be written.

    Raises
    ------
    SesgameError
        It cannot be made, or a file cannot be written there.
    """

    def __init__(self, path: Path, names: Iterable[str]) -> None:
        self.path = path
        try:
            path.mkdir(parents=True, exist_ok=True)
            for name in (*names, "probe"):
                if (path / name).is_dir():
                    raise IsADirectoryError(f"{path / name} is a folder")
                self._partial(name).touch()
                self._partial(name).unlink()
        except OSError as error:
            reason = error.strerror or str(error)
            raise SesgameError(f"nothing can be written to the folder {path}: {reason}") from error

    def _partial(self, name: str) -> Path:
        return self.path / f".{name}.partial"

    def write(self, name: str, text: str) -> Path:
        """Write a file whole or not at all; one that was there before is replaced."""
        partial, path = self._partial(name), self.path / name
        try:
            partial.write_text(text, encoding="utf-8", newline="")
            os.replace(partial, path)
        except OSError as error:
            raise SesgameError(f"{path} cannot be written: {error.strerror or error}") from error
        return path
