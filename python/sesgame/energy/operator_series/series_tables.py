"""Tables of series: a row for each reading, or a column for each series as portals export them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.operator_series.identities import half_unit
from sesgame.energy.operator_series.meter_codes import CODES, code_of
from sesgame.errors import Fault, FaultyFilesError
from sesgame.files.csv_table import CsvTable
from sesgame.files.csv_text import unmarked
from sesgame.files.decimals import PLAIN_SIGNS, decimals_of
from sesgame.files.faults import Faults
from sesgame.files.stamps import looks_like_time
from sesgame.files.table_rows import TableRows, tolerant_rows
from sesgame.formatting import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Readings", "SeriesKey", "read_tables"]

_LONG = ("point", "code", "time", "kwh")
_POINT_ROWS = ("meteringpointid", "zählpunkt", "point")
_CODE_ROWS = ("metercode", "code")
_SUM_ROW = "spaltensumme"
"""Rows above the readings of a table side by side, in small letters without blanks."""

_ALL, _QUALITY = "TOTAL", ("MM", "")
"""What stands in place of a point above sums of all points, and above the quality of readings."""


class SeriesKey(NamedTuple):
    """Of which point a series is, and under which code."""

    point: str
    code: str

    def __str__(self) -> str:
        return f"{self.code} of the point {self.point!r}"


@dataclass
class Readings:
    """The cells of a series, and where they stand.

    Attributes
    ----------
    table : CsvTable
        In which they are.
    column : str
    rows : array of int, or slice
        Of the table, those with a time.
    quality : sequence of str, or None
        Of each of them.
    """

    table: CsvTable
    column: str
    rows: NDArray[np.intp]
    quality: Sequence[str] | None


def read_tables(
    path: Path, faults: Faults, assumed: list[str], *, marks_end: bool
) -> tuple[CsvTable, dict[SeriesKey, Readings]]:
    """Return the cells of a file, and which of them are of which series.

    Parameters
    ----------
    path : Path
    faults : Faults
        What is wrong is added.
    assumed : list of str
        What was assumed is appended.
    marks_end : bool
        Whether times are the ends of steps, of which 24:00 may be one.

    Raises
    ------
    FaultyFilesError
        The file cannot be read, or is no table of series.
    """
    rows = tolerant_rows(path)
    header = [cell.strip() for cell in rows.cells[0]] if rows.cells else []
    if {"code", "kwh"} <= set(header):
        table, found = _one_below_the_other(path, rows, faults, marks_end)
    else:
        table, found = _side_by_side(path, rows, faults, assumed, marks_end)
    if rows.assumed:
        assumed.insert(0, f"{path.name}: {', '.join(rows.assumed)}")
    faults.refuse()
    if not found:
        raise FaultyFilesError([Fault(f"{path} has no series", str(path))])
    return table, found


def _one_below_the_other(
    path: Path, rows: TableRows, faults: Faults, marks_end: bool
) -> tuple[CsvTable, dict[SeriesKey, Readings]]:
    """Return the series of a table with a row for each reading."""
    table = CsvTable.of_rows(path, rows).tolerant(rows, marks_end=marks_end)
    table.expect(_LONG, ["quality"])
    points, cells = _labels(table, "point"), _labels(table, "code")
    codes: dict[str, str] = {}
    for row, cell in enumerate(cells):
        if cell not in codes:
            codes[cell] = ""
            with faults.caught():
                codes[cell] = _known(table, cell, row, "code")
    for row, point in enumerate(points):
        if not point:
            faults.found += table.fault("the cell is empty", row, "point").faults
            break
    numbers: dict[tuple[str, str], int] = {}
    which = np.array(
        [numbers.setdefault(pair, len(numbers)) for pair in zip(points, cells, strict=True)]
    )
    order = np.argsort(which, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(which[order])) + 1)
    quality = _labels(table, "quality") if "quality" in table.columns else None
    found: dict[SeriesKey, Readings] = {}
    for (point, cell), part in zip(numbers, parts, strict=True):
        flags = None if quality is None else [quality[row] for row in part.tolist()]
        key = SeriesKey(point, codes[cell])
        if key in found:
            faults.found += table.fault(
                f"{key} is there under two names", int(part[0]), "code"
            ).faults
        found[key] = Readings(table, "kwh", part, flags)
    return table, found


def _labels(table: CsvTable, name: str) -> list[str]:
    """Return the texts of a column in which few are there again and again."""
    cells = table.columns[name]
    labels = {cell: unmarked(cell) for cell in set(cells)}
    return [labels[cell] for cell in cells]


def _side_by_side(
    path: Path, rows: TableRows, faults: Faults, assumed: list[str], marks_end: bool
) -> tuple[CsvTable, dict[SeriesKey, Readings]]:
    """Return the series of a table with a column for each, under the rows that say which it is."""
    heads = {
        "".join(row[0].split()).lower(): number
        for number, row in reversed(list(enumerate(rows.cells)))
        if row
    }
    first = next((k for k, row in enumerate(rows.cells) if looks_like_time(row[0])), None)
    points = next((heads[name] for name in _POINT_ROWS if name in heads), None)
    codes = next((heads[name] for name in _CODE_ROWS if name in heads), None)
    if points is None or codes is None or first is None or max(points, codes) > first:
        what = (
            f"{path} has neither the columns {', '.join(_LONG)} nor rows MeteringpointID and "
            f"Metercode above its readings"
        )
        raise FaultyFilesError([Fault(what, str(path))])
    width = max(map(len, rows.cells))
    padded = [row + [""] * (width - len(row)) for row in rows.cells]
    names, labels = ([cell.strip() for cell in padded[row]] for row in (points, codes))
    others = [row[0].strip() for k, row in enumerate(padded[:first]) if k not in (points, codes)]
    left_out = [name for name in others if name and "".join(name.split()).lower() != _SUM_ROW]
    if left_out:
        assumed.append(f"rows left out: {', '.join(left_out)}")
    keys: dict[int, SeriesKey] = {}
    flags: dict[int, int] = {}
    n_sums, last = 0, 0
    for column in range(1, width):
        name, label = names[column], labels[column]
        if name.upper() in _QUALITY and label.upper() in _QUALITY:
            if last and last == column - 1:
                flags[last] = column
                continue
            if not any(row[column].strip() for row in padded):
                continue
        last = column
        if name.upper() == _ALL:
            n_sums += 1
        elif not name:
            faults.found.append(Fault(f"column {column + 1} has no point above it", str(path)))
        else:
            with faults.caught():
                line = rows.lines[codes]
                try:
                    key = SeriesKey(name, code_of(label))
                except ValueError as error:
                    raise _unknown(path, label, line, f"column {column + 1}") from error
                if key in keys.values():
                    raise FaultyFilesError([Fault(f"{key} is there twice", str(path), line)])
                keys[column] = key
    if n_sums:
        assumed.append(f"{count(n_sums, 'column')} of sums of all points left out")
    for row, line in zip(padded[first:], rows.lines[first:], strict=True):
        if not looks_like_time(row[0]):
            what = f'"{row[0].strip()}" among the readings is no time'
            faults.found.append(Fault(what, str(path), line))
    faults.refuse()
    header = ["time", *map(str, range(1, width))]
    body = TableRows(
        [header, *padded[first:]], rows.lines[first - 1 :], rows.assumed, rows.is_plain
    )
    table = CsvTable.of_rows(path, body).tolerant(body, marks_end=marks_end)
    every = np.arange(len(table))
    found = {
        key: Readings(
            table, str(column), every, table.texts(str(flags[column])) if column in flags else None
        )
        for column, key in keys.items()
    }
    if _SUM_ROW in heads and heads[_SUM_ROW] < first:
        _check_sums(table, padded[heads[_SUM_ROW]], rows.lines[heads[_SUM_ROW]], keys, faults)
    return table, found


def _check_sums(
    table: CsvTable, sums: list[str], line: int, keys: dict[int, SeriesKey], faults: Faults
) -> None:
    """Refuse sums above the readings that are not those of the readings."""
    for column, key in keys.items():
        name, cell = str(column), sums[column].strip()
        if not cell:
            continue
        plain = table.signs.get(name, PLAIN_SIGNS).plain
        with faults.caught():
            total = float(replace(table, columns={name: (cell,)}, lines=(line,)).floats(name)[0])
            added = float(table.floats(name, 0.0).sum())
            half_of_sum = half_unit(decimals_of([plain(cell)]), total)
            half = half_unit(decimals_of(map(plain, table.columns[name])), total)
            if abs(total - added) > half_of_sum + len(table) * half:
                what = f"the sum of {key} is {total:g} kWh, but its readings add up to {added:g}"
                raise FaultyFilesError([Fault(what, str(table.path), line)])


def _known(table: CsvTable, cell: str, row: int, column: str) -> str:
    try:
        return code_of(cell)
    except ValueError as error:
        raise _unknown(table.path, cell, table.lines[row], column) from error


def _unknown(path: Path, cell: str, line: int, column: str) -> FaultyFilesError:
    what = f'"{cell.strip()}" is no meter code of an energy community; these are {", ".join(CODES)}'
    return FaultyFilesError([Fault(what, str(path), line, column)])
