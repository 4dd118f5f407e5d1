"""CSV files that people write: read whole, with errors that name file, line and column."""

from __future__ import annotations

import csv
import gzip
import unicodedata
import zlib
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from sesgame.errors import GameError
from sesgame.files.csv_text import unmarked
from sesgame.files.file_kind import what_it_seems
from sesgame.files.json_text import LONGEST_SHOWN
from sesgame.files.placeholder import PLACEHOLDER, what_to_write

__all__ = ["CsvTable", "open_text"]

T = TypeVar("T")

MOST_TEXT = 1 << 30
"""Characters of a table, unpacked: a file of a megabyte can unpack to a thousand of them."""

LONGEST_LINE = 1 << 26
"""Characters of a line: it is read before anybody can look into it."""

MOST_CELLS = 50_000_000
"""Cells of a table, each of some 70 bytes: a year of quarter-hours of 1,400 meters."""

NAMED = 20
"""Columns that a message names."""


@dataclass(frozen=True)
class CsvTable:
    """The cells of a CSV file, by column, as they stand there.

    Attributes
    ----------
    path : Path
        The file.
    columns : dict of str to tuple of str
        The cells of each column, by its name in the header, in the order of the file.
    lines : tuple of int
        The number of each row's line in the file, for messages.
    """

    path: Path
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]

    @classmethod
    def read(cls, path: Path) -> CsvTable:
        """Read a file, gzip-compressed if its name ends in ``.gz``; blank lines are skipped.

        Raises
        ------
        GameError
            The file is not there or not readable as CSV, has no rows, a header cell is empty or
            a duplicate, a row has more or fewer cells than the header, or the file is larger than
            2^30 characters, 2^26 in a line, or 50 million cells.
        """
        rows: list[list[str]] = []
        lines: list[int] = []
        n_cells = 0
        try:
            with open_text(path) as file:
                reader = csv.reader(_limited(file, path), strict=True)
                for row in reader:
                    if row:
                        rows.append(row)
                        lines.append(reader.line_num)
                        n_cells += len(row)
                        if n_cells > MOST_CELLS:
                            raise GameError(f"{path} has more than {MOST_CELLS:,} cells")
        except FileNotFoundError as error:
            raise GameError(f"no such file: {path}") from error
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
            reason = what_it_seems(path) or str(error)
            raise GameError(f"{path} cannot be read as a CSV file: {reason}") from error
        if len(rows) < 2:
            raise GameError(f"{path} is empty; it needs a header and at least one row")
        header = [unmarked(cell) for cell in rows.pop(0)]
        if any("\0" in name for name in header):
            raise GameError(f"{path} cannot be read as a CSV file: {what_it_seems(path)}")
        del lines[0]
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if len(header) == 1 and separator in header[0]:
                raise GameError(
                    f"{path} separates its columns by {name}; use commas, and points for decimals"
                )
        seen: set[str] = set()
        for position, name in enumerate(header, start=1):
            if not name:
                raise GameError(f"{path}: column {position} has no name in the header")
            if name in seen:
                raise GameError(f'{path}: duplicate column "{name}"')
            seen.add(name)
        for row, line in zip(rows, lines, strict=True):
            if len(row) != len(header):
                raise GameError(
                    f"{path}, line {line}: {len(row)} cells, but the header has {len(header)}"
                )
        columns = zip(*rows, strict=True)
        return cls(path, dict(zip(header, map(tuple, columns), strict=True)), tuple(lines))

    def __len__(self) -> int:
        return len(self.lines)

    def expect(self, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Check that exactly the columns that have a meaning are there.

        Raises
        ------
        GameError
            A required column is missing, or there is one that nobody would read.
        """
        for name in required:
            self.need(name)
        for name in self.columns:
            if name not in required and name not in optional:
                allowed = ", ".join([*required, *optional])
                raise GameError(
                    f'{self.path}: the column "{name}" has no meaning here; allowed are {allowed}'
                )

    def need(self, name: str) -> None:
        """Check that a column is there.

        Raises
        ------
        GameError
            It is not; the message names those that are, and one that is written a little otherwise.
        """
        if name not in self.columns:
            alike = [other for other in self.columns if _bare(other) == _bare(name)]
            meant = f'; is "{_shown(alike[0])}" meant?' if alike else ""
            raise GameError(
                f'{self.path} has no column "{_shown(name)}"; it has {self.names}{meant}'
            )

    def texts(self, name: str, default: str | None = None) -> tuple[str, ...]:
        """Return a column's texts; `default` in every row when there is no such column.

        Blanks around a text are left out, and so is the apostrophe before one that a spreadsheet
        would take for a formula (:mod:`sesgame.files.csv_text`).
        """
        if name not in self.columns and default is not None:
            return (default,) * len(self)
        return tuple(map(unmarked, self.columns[name]))

    def floats(self, name: str, default: float | None = None) -> NDArray[np.float64]:
        """Return a column's cells as finite numbers; `default` stands in for empty cells.

        Raises
        ------
        GameError
            A cell is empty, not a number, NaN or infinite.
        """
        if default is not None:
            cells = tuple(cell or str(default) for cell in self.texts(name, ""))
        else:
            cells = self.columns[name]
        try:
            values = np.array(cells, dtype=np.float64)
        except ValueError:
            values = np.array(self.convert(name, cells, float, "a number"))
        finite = np.isfinite(values)
        if not finite.all():
            row = int(np.argmin(finite))
            self.fail(row, name, f"{_shown(cells[row])} is not a finite number")
        return values

    def convert(
        self, name: str, cells: Collection[str], function: Callable[[str], T], wanted: str
    ) -> list[T]:
        """Return ``function(cell)`` of each cell; or name the cell and what is `wanted`."""
        values = []
        for row, cell in enumerate(cells):
            try:
                values.append(function(cell))
            except GameError as error:  # noqa: PERF203, each cell needs its own message
                self.fail(row, name, str(error))
            except ValueError:
                if cell.strip() == PLACEHOLDER:
                    self.fail(row, name, f'still "{PLACEHOLDER}": write {what_to_write(name)}')
                found = f'"{_shown(cell)}"' if cell.strip() else "an empty cell"
                self.fail(row, name, f"{found} is not {wanted}")
        return values

    def fail(self, row: int, name: str, message: str) -> NoReturn:
        """Raise a GameError about one cell."""
        raise GameError(f'{self.path}, line {self.lines[row]}, column "{name}": {message}')

    @property
    def names(self) -> str:
        """The names of the columns, for a message."""
        named = [f'"{_shown(name)}"' for name in list(self.columns)[:NAMED]]
        more = len(self.columns) - len(named)
        return ", ".join(named) + (f" and {more:,} more" if more else "")


def _bare(name: str) -> str:
    """Return a name without what people do not see: case, blanks, how accents are composed."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _shown(cell: str) -> str:
    """Return the beginning of a cell, for a message."""
    text = cell.strip()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _limited(file: TextIO, path: Path) -> Iterator[str]:
    """Yield the lines of a file, as long as there are not more than fit."""
    length = 0
    while line := file.readline(LONGEST_LINE + 1):
        length += len(line)
        if length > MOST_TEXT:
            raise GameError(f"{path} has more than {MOST_TEXT:,} characters")
        if len(line) > LONGEST_LINE:
            raise GameError(f"{path} has a line of more than {LONGEST_LINE:,} characters")
        yield line


def open_text(path: Path) -> TextIO:
    """Open a file for reading; a byte order mark, as spreadsheets write it, is no part of it."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
