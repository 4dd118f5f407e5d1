"""The folder that a set of results is written to: all of the new set, none of the one before."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from sesgame.errors import SesgameError
from sesgame.files.output_files import STANDARD_OUTPUT, OutputFiles, as_bytes, folded, is_same

__all__ = ["MANIFEST", "OutputFolder"]

MANIFEST = "SESGAME-SHA256SUMS"
"""The list of what was written, each with its digest, as ``sha256sum`` writes and checks it."""

LONGEST_MANIFEST = 1 << 26
"""Bytes; a longer one is not ours."""


class OutputFolder:
    """A folder that is known to be writable before anything is computed for it.

    Parameters
    ----------
    path : Path
        Made if it is not there.
    names : iterable of str
        The files that are to be written, as far as they are known.
    inputs : iterable of Path
        What is neither overwritten nor removed.

    Raises
    ------
    SesgameError
        It cannot be made, a file cannot be written there, or would overwrite an input.

    Notes
    -----
    What is written is listed in :data:`MANIFEST`. The next set removes what is listed there, is not
    part of it, and still is what was written, byte by byte: files of anybody else stay.
    """

    def __init__(self, path: Path, names: Iterable[str], inputs: Iterable[Path] = ()) -> None:
        if path == STANDARD_OUTPUT:
            raise SesgameError("a set of files needs a folder, and standard output is none")
        self.path = path
        self._inputs = list(inputs)
        self._files = OutputFiles((path / name for name in (*names, MANIFEST)), self._inputs)

    def spare(self, inputs: Iterable[Path]) -> None:
        """Refuse to write over what is read; see :class:`OutputFiles`."""
        self._inputs += inputs
        self._files.spare(self._inputs)

    def write(
        self, contents: Mapping[str, str | bytes], beside: Mapping[Path, str | bytes] | None = None
    ) -> list[Path]:
        """Replace the set of results, whole or not at all, and return its files.

        Parameters
        ----------
        contents : mapping of str to str or bytes
            The set, by name in the folder.
        beside : mapping of Path to str or bytes, optional
            Files elsewhere that are written with it or not at all.

        Raises
        ------
        SesgameError
            A file cannot be written; the earlier set is then as it was.
        """
        data = {name: as_bytes(text, self.path / name) for name, text in contents.items()}
        lines = [
            f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in data.items()
        ]
        beside = beside or {}
        files = {self.path / name: content for name, content in data.items()} | dict(beside)
        obsolete = self._obsolete(data)
        manifest = self.path / MANIFEST
        outputs = OutputFiles([*files, manifest], self._inputs)
        outputs.write({**files, manifest: "".join(lines)}, obsolete)
        for folder in {path.parent for path in obsolete} - {self.path}:
            with suppress(OSError):  # it is not empty
                folder.rmdir()
        return list(files)

    def _obsolete(self, names: Iterable[str]) -> list[Path]:
        """Return what an earlier set has left: as it was written then, and not part of this one."""
        kept = {folded(name) for name in names}
        found = []
        for name, digest in self.listed(self.path).items():
            path = self.path / name
            if folded(name) in kept or any(is_same(path, source) for source in self._inputs):
                continue
            with suppress(OSError):
                is_own = (
                    path.is_file()
                    and not path.is_symlink()
                    and path.resolve().is_relative_to(self.path.resolve())
                )
                if is_own and hashlib.sha256(path.read_bytes()).hexdigest() == digest:
                    found.append(path)
        return found

    @staticmethod
    def listed(folder: Path) -> dict[str, str]:
        """Return the digests of the set in a folder, by name; none where there is no list."""
        path = folder / MANIFEST
        try:
            if not path.is_file() or path.stat().st_size > LONGEST_MANIFEST:
                return {}
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            return {}
        found = (re.fullmatch(r"([0-9a-f]{64})  (\S.*)", line) for line in lines)
        return {match[2]: match[1] for match in found if match and _is_inside(match[2])}


def _is_inside(name: str) -> bool:
    """Return whether a name leads from a folder to nowhere else."""
    path = PurePosixPath(name)
    return not (path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name)
