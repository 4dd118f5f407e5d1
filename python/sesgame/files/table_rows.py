"""The rows of a table as text, from CSV in any form that cannot be misread, or from a workbook."""

from __future__ import annotations

import csv
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from sesgame.errors import Fault, FaultyFilesError
from sesgame.files.dialect import (
    LOOKED_AT,
    PLAIN,
    SEPARATORS,
    encoding_of,
    open_text,
    separators_of,
)
from sesgame.files.file_kind import is_workbook, what_it_seems
from sesgame.files.workbook import sheet_rows

__all__ = ["LONGEST_LINE", "MOST_CELLS", "MOST_TEXT", "TableRows", "plain_rows", "tolerant_rows"]

MOST_TEXT = 1 << 30
"""Characters of a table, unpacked: a file of a megabyte can unpack to a thousand of them."""

LONGEST_LINE = 1 << 26
"""Characters of a line: it is read before anybody can look into it."""

MOST_CELLS = 50_000_000
"""Cells of a table, each of some 70 bytes: a year of quarter-hours of 1,400 meters."""

_HINT = "sep="
"""How a first line begins that tells a spreadsheet what separates cells."""

_ENCODINGS = {"utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16"}


class TableRows(NamedTuple):
    """The rows of a file that are not blank.

    Attributes
    ----------
    cells : list of list of str
        The cells of each row, as they stand there.
    lines : list of int
        Where each row is in the file, counted from 1.
    assumed : list of str
        How the file was read that is not plain CSV.
    is_plain : bool
        Whether a point can only be before decimals, as where commas separate cells.
    """

    cells: list[list[str]]
    lines: list[int]
    assumed: list[str]
    is_plain: bool


def plain_rows(path: Path) -> TableRows:
    """Return the rows of a CSV file in UTF-8 with commas, as nobody would be told of another form.

    Raises
    ------
    FaultyFilesError
        It is not there, is something else (named, with what to do), or too large.
    """
    try:
        cells, lines = _parsed(path, PLAIN, ",")
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    header = cells[0] if cells else []
    if any("\0" in name for name in header):
        raise _unreadable(path, ValueError("it has zero bytes"))
    for separator, name in SEPARATORS.items():
        if len(header) == 1 and separator in header[0]:
            raise _refused(
                path,
                f"{path} separates its columns by {name}",
                "use commas, and points for decimals",
            )
    return TableRows(cells, lines, [], is_plain=True)


def tolerant_rows(path: Path) -> TableRows:
    """Return the rows of a table: CSV in any form that cannot be misread, or a workbook's sheet.

    Raises
    ------
    FaultyFilesError
        It is not there, cannot be read, may be read in two ways, or is too large.
    """
    if is_workbook(path):
        sheet, name = sheet_rows(path)
        filled = [(row, line) for line, row in enumerate(sheet, start=1) if any(row)]
        if sum(len(row) for row, _ in filled) > MOST_CELLS:
            raise _refused(path, f"{path} has more than {MOST_CELLS:,} cells")
        cells = [row for row, _ in filled]
        lines = [line for _, line in filled]
        # Numbers are numbers there, and are shown with points here.
        return TableRows(cells, lines, [f'the sheet "{name}" of a workbook'], is_plain=True)
    try:
        encoding, assumed = _encoding(path)
        with open_text(path, encoding) as file:
            separators = separators_of(list(islice(_limited(file, path), LOOKED_AT)))
        if len(separators) > 1:
            named = " or by ".join(SEPARATORS[one] for one in separators)
            raise _refused(
                path,
                f"the columns of {path} may be separated by {named}",
                "use commas, and points for decimals",
            )
        cells, lines = _parsed(path, encoding, separators[0])
    except _UNREADABLE as error:
        raise _unreadable(path, error) from error
    if cells and "".join(cells[0]).startswith(_HINT):
        del cells[0], lines[0]
    # Spreadsheets leave rows of nothing but separators.
    filled = [
        row for row, found in enumerate(cells) if len(found) < 2 or any(map(str.strip, found))
    ]
    if len(filled) < len(cells):
        cells, lines = [cells[row] for row in filled], [lines[row] for row in filled]
    is_plain = separators[0] == ","
    if not is_plain:
        assumed.append(f"{SEPARATORS[separators[0]]} between columns")
    return TableRows(cells, lines, assumed, is_plain)


_UNREADABLE = (OSError, EOFError, UnicodeError, csv.Error, zlib.error)


def _encoding(path: Path) -> tuple[str, list[str]]:
    """Return in which encoding a file is, and what has to be said of it."""
    try:
        with open_text(path) as file:
            has_zeros = any("\0" in line for line in _limited(file, path))
    except UnicodeDecodeError:
        has_zeros = True
    if not has_zeros:
        return PLAIN, []
    with open_text(path, "latin-1") as file:  # a character for each byte
        content = "".join(_limited(file, path)).encode("latin-1")
    encoding = encoding_of(content)
    if encoding is None:
        return PLAIN, []  # what cannot be read is named by whoever tries
    return encoding, [_ENCODINGS.get(encoding, "letters of Windows-1252")]


def _parsed(path: Path, encoding: str, separator: str) -> tuple[list[list[str]], list[int]]:
    """Return the rows that are not blank, and the line of each."""
    rows: list[list[str]] = []
    lines: list[int] = []
    n_cells = 0
    with open_text(path, encoding) as file:
        reader = csv.reader(_limited(file, path), delimiter=separator, strict=True)
        for row in reader:
            if row:
                rows.append(row)
                lines.append(reader.line_num)
                n_cells += len(row)
                if n_cells > MOST_CELLS:
                    raise _refused(path, f"{path} has more than {MOST_CELLS:,} cells")
    return rows, lines


def _limited(file: TextIO, path: Path) -> Iterator[str]:
    """Yield the lines of a file, as long as there are not more than fit."""
    length = 0
    while line := file.readline(LONGEST_LINE + 1):
        length += len(line)
        if length > MOST_TEXT:
            raise _refused(path, f"{path} has more than {MOST_TEXT:,} characters")
        if len(line) > LONGEST_LINE:
            raise _refused(path, f"{path} has a line of more than {LONGEST_LINE:,} characters")
        yield line


def _unreadable(path: Path, error: Exception) -> FaultyFilesError:
    if isinstance(error, FileNotFoundError):
        return _refused(path, f"no such file: {path}")
    return _refused(path, f"{path} cannot be read as a CSV file: {what_it_seems(path) or error}")


def _refused(path: Path, what: str, cure: str = "") -> FaultyFilesError:
    return FaultyFilesError([Fault(what, str(path), cure=cure)])
