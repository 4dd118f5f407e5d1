"""CSV files that people write: read whole, with errors that name file, line and column."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TextIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from sesgame.errors import GameError

__all__ = ["CsvTable"]

T = TypeVar("T")


@dataclass(frozen=True)
class CsvTable:
    """The cells of a CSV file, by column, as text without surrounding blanks.

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
            a duplicate, or a row has more or fewer cells than the header.
        """
        rows: list[list[str]] = []
        lines: list[int] = []
        try:
            with _open(path) as file:
                reader = csv.reader(file, strict=True)
                for row in reader:
                    if row:
                        rows.append(row)
                        lines.append(reader.line_num)
        except FileNotFoundError as error:
            raise GameError(f"no such file: {path}") from error
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
            raise GameError(f"{path} cannot be read as a CSV file: {error}") from error
        if len(rows) < 2:
            raise GameError(f"{path} is empty; it needs a header and at least one row")
        header = [cell.strip() for cell in rows.pop(0)]
        del lines[0]
        if len(header) == 1 and ";" in header[0]:
            raise GameError(
                f"{path} separates its columns by semicolons; use commas, and points for decimals"
            )
        for position, name in enumerate(header, start=1):
            if not name:
                raise GameError(f"{path}: column {position} has no name in the header")
            if header.index(name) != position - 1:
                raise GameError(f'{path}: duplicate column "{name}"')
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
            if name not in self.columns:
                raise GameError(f'{self.path} has no column "{name}"; it has {self._names()}')
        for name in self.columns:
            if name not in required and name not in optional:
                allowed = ", ".join([*required, *optional])
                raise GameError(
                    f'{self.path}: the column "{name}" has no meaning here; allowed are {allowed}'
                )

    def texts(self, name: str, default: str | None = None) -> tuple[str, ...]:
        """Return a column's cells; `default` in every row when there is no such column."""
        if name not in self.columns and default is not None:
            return (default,) * len(self)
        return tuple(cell.strip() for cell in self.columns[name])

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
            self.fail(row, name, f"{cells[row].strip()} is not a finite number")
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
                found = f'"{cell.strip()}"' if cell.strip() else "an empty cell"
                self.fail(row, name, f"{found} is not {wanted}")
        return values

    def fail(self, row: int, name: str, message: str) -> NoReturn:
        """Raise a GameError about one cell."""
        raise GameError(f'{self.path}, line {self.lines[row]}, column "{name}": {message}')

    def _names(self) -> str:
        return ", ".join(f'"{name}"' for name in self.columns)


def _open(path: Path) -> TextIO:
    """Open a file for reading; a byte order mark, as spreadsheets write it, is no part of it."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
