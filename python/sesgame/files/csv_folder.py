"""Folders of CSV files, each of which may be compressed, or a workbook."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from sesgame.errors import GameError
from sesgame.files.faults import Faults
from sesgame.files.file_kind import WORKBOOKS

__all__ = ["csv_files", "find_csv"]


def csv_files(folder: Path, needed: Iterable[str], optional: Iterable[str]) -> dict[str, Path]:
    """Return the files of a folder by their role: those needed and, if there, the others.

    Raises
    ------
    GameError
        There is no such folder, a file is missing, or is there plain and compressed.
    """
    if not folder.is_dir():
        raise GameError(f"no such folder: {folder}")
    files = {}
    faults = Faults()
    for role in needed:
        with faults.caught():
            found = find_csv(folder, role)
            if found is None:
                raise GameError(f"{folder} has no {role}.csv (or {role}.csv.gz)")
            files[role] = found
    for role in optional:
        with faults.caught():
            found = find_csv(folder, role)
            if found is not None:
                files[role] = found
    faults.refuse()
    return files


def find_csv(folder: Path, role: str) -> Path | None:
    """Return the file of a role, plain, compressed or a workbook, if it is there.

    Raises
    ------
    GameError
        It is there in two forms, or is no file that can be read again, as a pipe.
    """
    endings = (".csv", ".csv.gz", *WORKBOOKS)
    found = [path for end in endings if (path := folder / f"{role}{end}").exists()]
    if len(found) > 1:
        raise GameError(f"{folder} has both {found[0].name} and {found[1].name}; keep one")
    if found and not found[0].is_file():
        raise GameError(f"{found[0]} is no file, or one that can be read but once")
    return found[0] if found else None
