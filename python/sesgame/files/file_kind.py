"""What a file seems to be that is no CSV in UTF-8, and how to make one of it."""

from __future__ import annotations

import codecs
from pathlib import Path

__all__ = ["WORKBOOKS", "is_workbook", "what_it_seems"]

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
"""How the names of workbooks end."""

_SAVE = 'save it as "CSV UTF-8 (comma delimited)"'
_BEGINNINGS = (
    (b"PK\x03\x04", f"it seems to be an Excel or OpenDocument workbook: open it and {_SAVE}"),
    (b"\xd0\xcf\x11\xe0", f"it seems to be an old Excel workbook: open it and {_SAVE}"),
    (b"\x1f\x8b", "it seems to be compressed by gzip: let its name end in .csv.gz"),
    (b"PAR1", "it seems to be a Parquet file: read it with pandas, and use from_frames"),
    (b"%PDF", "it seems to be a PDF"),
    (codecs.BOM_UTF16_LE, f"it seems to be text in UTF-16: {_SAVE}"),
    (codecs.BOM_UTF16_BE, f"it seems to be text in UTF-16: {_SAVE}"),
)
_CHUNK = 1 << 16


def is_workbook(path: Path) -> bool:
    """Return whether a file is a workbook of a spreadsheet, whatever its name is."""
    if path.suffix.lower() in WORKBOOKS:
        return True
    try:
        with path.open("rb") as file:
            return file.read(4) in (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
    except OSError:
        return False


def what_it_seems(path: Path) -> str | None:
    """Return what a file that cannot be read seems to be, and the cure, where that can be told.

    The first byte that is not UTF-8 is named with its line, and with the letter that it is in the
    encoding that Windows uses in western Europe.
    """
    try:
        with path.open("rb") as file:
            start = file.read(_CHUNK)
            for beginning, name in _BEGINNINGS:
                if start.startswith(beginning) and path.suffix != ".gz":
                    return name
            if path.suffix == ".gz":
                return None
            if b"\0" in start:
                return f"it has zero bytes, as text in UTF-16 has: {_SAVE}"
            file.seek(0)
            for number, line in enumerate(file, start=1):
                wrong = _not_utf8(line)
                if wrong:
                    letter = wrong.decode("cp1252", errors="ignore")
                    shown = f' ("{letter}" there)' if letter.isprintable() and letter else ""
                    return (
                        f"line {number} is not UTF-8; it seems to be in an encoding of "
                        f"Windows{shown}: {_SAVE}"
                    )
    except OSError:
        return None
    return None


def _not_utf8(line: bytes) -> bytes:
    """Return the first byte of a line that is not UTF-8, if there is one."""
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        return line[error.start : error.start + 1]
    return b""
