"""Tables that people write: read whole, with errors that name file, line and column."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn, TypeVar

import numpy as np
from numpy.typing import NDArray

from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_text import unmarked
from sesgame.files.decimals import CONFLICT, PLAIN_SIGNS, Signs, has_sign, signs_of
from sesgame.files.faults import Faults
from sesgame.files.json_text import LONGEST_SHOWN
from sesgame.files.placeholder import PLACEHOLDER, what_to_write
from sesgame.files.stamps import MARKS_END, iso_times, looks_like_time
from sesgame.files.table_rows import TableRows, plain_rows, tolerant_rows

__all__ = ["NAMED", "CsvTable"]

T = TypeVar("T")

NAMED = 20
"""Columns that a message names, and faults of a column that are named each."""


@dataclass(frozen=True)
class CsvTable:
    """The cells of a table, by column, as they stand there.

    Attributes
    ----------
    path : Path
        The file.
    columns : dict of str to tuple of str
        The cells of each column, by its name in the header, in the order of the file. In a file
        that is not plain CSV days and times are in ISO 8601, however they stand there.
    lines : tuple of int
        The number of each row's line in the file, for messages.
    signs : dict of str to Signs
        What stands in the numbers of columns in which that is not plain.
    """

    path: Path
    columns: dict[str, tuple[str, ...]]
    lines: tuple[int, ...]
    signs: Mapping[str, Signs] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, assumed: list[str] | None = None) -> CsvTable:
        """Read a file, gzip-compressed if its name ends in ``.gz``; blank lines are skipped.

        Parameters
        ----------
        path : Path
        assumed : list of str, optional
            What was assumed is appended, for whoever reads the result. Only with it are other forms
            read than plain CSV in UTF-8: semicolons or tabs between cells, decimal commas, signs
            between thousands, days like 31.12.2024, UTF-16, Windows-1252 and workbooks, where they
            cannot be misread.

        Raises
        ------
        FaultyFilesError
            The file is not there or not readable, has no rows, a header cell is empty or
            a duplicate, a row has more or fewer cells than the header, or the file is larger than
            2^30 characters, 2^26 in a line, or 50 million cells. It may be read in two ways.
        """
        if assumed is None:
            return cls.of_rows(path, plain_rows(path))
        rows = tolerant_rows(path)
        table = cls.of_rows(path, rows).tolerant(rows)
        if rows.assumed:
            assumed.append(f"{path.name}: {', '.join(rows.assumed)}")
        return table

    @classmethod
    def of_rows(cls, path: Path, rows: TableRows) -> CsvTable:
        """Return the table of rows, of which the first is the header.

        Raises
        ------
        FaultyFilesError
            All that is wrong with the header and with the lengths of rows.
        """
        if len(rows.cells) < 2:
            what = f"{path} is empty; it needs a header and at least one row"
            raise FaultyFilesError([Fault(what, str(path))])
        header = [unmarked(cell) for cell in rows.cells[0]]
        cells, lines = rows.cells[1:], rows.lines[1:]
        faults = Faults()
        ragged = [row for row, found in enumerate(cells) if len(found) != len(header)]
        faults.found += [
            Fault(
                f"{len(cells[row])} cells, but the header has {len(header)}", str(path), lines[row]
            )
            for row in ragged[:NAMED]
        ]
        if len(ragged) > NAMED:
            what = f"{len(ragged):,} lines in all with another number of cells than the header"
            faults.found.append(Fault(what, str(path)))
        columns = zip(*cells, strict=True) if not ragged else ((),) * len(header)
        found: dict[str, tuple[str, ...]] = {}
        for position, (name, column) in enumerate(zip(header, columns, strict=True), start=1):
            if not (name or ragged or any(map(str.strip, column))):
                continue  # a separator at the end of each line makes a column of nothing
            if not name:
                faults.found.append(
                    Fault(f"column {position} has no name in the header", str(path))
                )
            elif name in found:
                what = f'duplicate column "{_shown(name)}"'
                faults.found.append(Fault(what, str(path), cure="give each a name of its own"))
            found[name] = tuple(column)
        faults.refuse()
        return cls(path, found, tuple(lines))

    def tolerant(self, rows: TableRows, *, marks_end: bool = False) -> CsvTable:
        """Return the table with days and numbers understood; what that assumes is added to `rows`.

        Raises
        ------
        FaultyFilesError
            Days may be read in two ways, or a time is 24:00 while none `marks_end`.
        """
        columns = dict(self.columns)
        signs: dict[str, Signs | None] = {}
        for name, cells in self.columns.items():
            if looks_like_time(next(filter(str.strip, cells), "")):
                columns[name] = self._iso(name, cells, rows.assumed, marks_end)
            elif not rows.is_plain or any("," in cell for cell in cells):
                signs[name] = signs_of(cells)
        known = {found.decimal for found in signs.values() if found} - {None}
        if rows.is_plain and known == {","}:
            # Where others have decimal commas, points may be between thousands.
            others = [name for name in self.columns if name not in signs]
            untold = [name for name in others if columns[name] is self.columns[name]]
            signs |= {name: None for name in untold if signs_of(self.columns[name]) is None}
        for name, found in signs.items():
            # Where a column does not tell, the others do, if they agree.
            if found is None and has_sign(self.columns[name]):
                signs[name] = Signs(known.copy().pop() if len(known) == 1 else None)
            elif found == CONFLICT and rows.is_plain:
                signs[name] = PLAIN_SIGNS  # cells with commas are no numbers among those
        used = {name: found for name, found in signs.items() if found not in (None, PLAIN_SIGNS)}
        rows.assumed.extend(
            dict.fromkeys(word for found in used.values() for word in found.in_words())
        )
        return CsvTable(self.path, columns, self.lines, used)

    def _iso(
        self, name: str, cells: tuple[str, ...], assumed: list[str], marks_end: bool
    ) -> tuple[str, ...]:
        """Return a column of days or times in ISO 8601, where all of it is."""
        filled = [row for row, cell in enumerate(cells) if cell.strip()]
        for row in () if marks_end else filled:
            if MARKS_END.search(cells[row]):
                self.fail(row, name, "24:00 is the end of a step; write when each begins")
        try:
            times = iso_times([cells[row] for row in filled])
        except GameError as error:
            raise self.fault(str(error), filled[0], name) from error
        if times is None:
            return cells
        assumed += [word for word in times.assumed if word not in assumed]
        found = list(cells)
        for row, time in zip(filled, times.times, strict=True):
            found[row] = time
        return tuple(found)

    def __len__(self) -> int:
        return len(self.lines)

    def expect(self, required: Collection[str], optional: Collection[str] = ()) -> None:
        """Check that exactly the columns that have a meaning are there.

        Raises
        ------
        GameError
            A required column is missing, or there is one that nobody would read.
        """
        faults = Faults()
        for name in required:
            with faults.caught():
                self.need(name)
        missing = {_bare(name) for name in required if name not in self.columns}
        known = {*required, *optional}
        unknown = [
            name for name in self.columns if name not in known and _bare(name) not in missing
        ]
        if unknown:
            has = "column {} has" if len(unknown) == 1 else "columns {} have"
            allowed = ", ".join([*required, *optional])
            what = f"the {has.format(_named(unknown))} no meaning here; allowed are {allowed}"
            faults.found.append(self._fault(what))
        faults.refuse()

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
            raise self.fault(
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
        cells = self.columns[name] if default is None else self.texts(name, "")
        signs = self.signs.get(name, PLAIN_SIGNS)
        if signs != PLAIN_SIGNS:
            cells = tuple(self.convert(name, cells, signs.plain, "a number"))
        if default is not None:
            cells = tuple(cell or str(default) for cell in cells)
        try:
            values = np.array(cells, dtype=np.float64)
            is_plain = not any("_" in cell for cell in cells)
        except ValueError:
            is_plain = False
        if not is_plain:
            values = np.array(self.convert(name, cells, _number, "a number"), dtype=np.float64)
        wrong = np.flatnonzero(~np.isfinite(values)).tolist()
        self._refuse(name, {row: f"{_shown(cells[row])} is not a finite number" for row in wrong})
        return values

    def numbers(self, defaults: Mapping[str, float | None]) -> dict[str, list[float]]:
        """Return the numbers of several columns, with their `defaults` as in :meth:`floats`.

        Raises
        ------
        FaultyFilesError
            All cells that are wrong, in all of the columns.
        """
        faults = Faults()
        found: dict[str, list[float]] = {}
        for name, default in defaults.items():
            with faults.caught():
                found[name] = self.floats(name, default).tolist()
        faults.refuse()
        return found

    def number(self, name: str) -> Callable[[str], float]:
        """Return what makes a finite number of a cell of a column, for :meth:`convert`."""
        signs = self.signs.get(name, PLAIN_SIGNS)

        def convert(cell: str) -> float:
            value = _number(signs.plain(cell))
            if not np.isfinite(value):
                raise ValueError(cell)
            return value

        return convert

    def convert(
        self, name: str, cells: Collection[str], function: Callable[[str], T], wanted: str
    ) -> list[T]:
        """Return ``function(cell)`` of each cell; or name the cells and what is `wanted`."""
        values = []
        wrong: dict[int, str] = {}
        for row, cell in enumerate(cells):
            try:
                values.append(function(cell))
            except GameError as error:  # noqa: PERF203, each cell needs its own message
                wrong[row] = str(error)
            except ValueError:
                if cell.strip() == PLACEHOLDER:
                    wrong[row] = f'still "{PLACEHOLDER}": write {what_to_write(name)}'
                else:
                    found = f'"{_shown(cell)}"' if cell.strip() else "an empty cell"
                    wrong[row] = f"{found} is not {wanted}"
        self._refuse(name, wrong)
        return values

    def _refuse(self, name: str, wrong: Mapping[int, str]) -> None:
        """Refuse cells of a column, by row; of a lot of them the first, and how many there are."""
        faults = Faults()
        faults.found += [
            self._fault(message, row, name) for row, message in list(wrong.items())[:NAMED]
        ]
        if len(wrong) > NAMED:
            what = f"the last of {len(wrong):,} cells that are wrong in this column"
            faults.found.append(self._fault(what, max(wrong), name))
        faults.refuse()

    def fail(self, row: int, name: str, message: str) -> NoReturn:
        """Raise a FaultyFilesError about one cell."""
        raise self.fault(message, row, name)

    def fault(
        self, what: str, row: int | None = None, name: str | None = None, cure: str = ""
    ) -> FaultyFilesError:
        """Return the error about the table, a row of it, or one cell."""
        return FaultyFilesError([self._fault(what, row, name, cure)])

    def _fault(
        self, what: str, row: int | None = None, name: str | None = None, cure: str = ""
    ) -> Fault:
        line = None if row is None else self.lines[row]
        return Fault(what, str(self.path), line, name, cure)

    @contextmanager
    def of_row(self, row: int) -> Iterator[None]:
        """Say in which line something is wrong, where that is not said yet."""
        try:
            yield
        except FaultyFilesError:
            raise
        except GameError as error:
            raise self.fault(str(error), row) from error

    @property
    def names(self) -> str:
        """The names of the columns, for a message."""
        return _named(list(self.columns))


def _named(names: list[str]) -> str:
    """Return names for a message, some of them where they are many."""
    more = len(names) - NAMED
    return ", ".join(f'"{_shown(name)}"' for name in names[:NAMED]) + (
        f" and {more:,} more" if more > 0 else ""
    )


def _bare(name: str) -> str:
    """Return a name without what people do not see: case, blanks, how accents are composed."""
    return "".join(unicodedata.normalize("NFKC", name).casefold().split())


def _shown(cell: str) -> str:
    """Return the beginning of a cell, for a message."""
    text = cell.strip()
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _number(cell: str) -> float:
    """Return a cell as a number; Python would take an underscore among its digits, too."""
    if "_" in cell:
        raise ValueError(cell)
    return float(cell)
