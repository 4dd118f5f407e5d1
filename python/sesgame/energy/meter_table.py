"""Tables of readings as meters, grid operators and portals export them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import pairwise, zip_longest
from pathlib import Path
from typing import TypeAlias

from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_table import CsvTable
from sesgame.files.csv_text import unmarked
from sesgame.files.decimals import PLAIN_SIGNS
from sesgame.files.stamps import (
    MARKS_END,
    clock_minutes,
    clock_text,
    iso_times,
    looks_like_time,
)
from sesgame.files.table_rows import TableRows, tolerant_rows
from sesgame.formatting import count

__all__ = ["TIME", "UNITS", "MeterTable", "read_meter_table", "unit_in_name"]

TIME = "time"
"""The column of times in the files of a community."""

UNITS = {
    "kWh": ("kWh", 1.0),
    "Wh": ("kWh", 1e-3),
    "MWh": ("kWh", 1e3),
    "kW": ("kW", 1.0),
    "W": ("kW", 1e-3),
    "MW": ("kW", 1e3),
}
"""What members.csv says for a unit: the unit there, and the scale."""

_LOOKED_AT = 200
"""Rows in which the header and the column of times are looked for."""

DAY = 1440
"""Minutes."""

_FEWEST_CLOCKS = 4
"""Columns with times of day for names, at least, where each row is a day."""

_MOST_RISES = 2
"""Steps of a file that runs backwards that may go forwards: a repeated hour of local time."""

_UNIT = re.compile(r"[\[(]?\s*([kM]?Wh?|k?VA(?:rh?)?|%|°C|[A-Z]{3}/[kM]Wh)\s*[\])]?")
_NAMED_UNIT = re.compile(r"(?:[\[(,;/]\s*|[ _]|\bin )([kM]?Wh?)\s*[\])]?$")
_HOUR = re.compile(r"(?:h|hr|hours?|hora|ora|heure|stunde|uur|tunti|time?)\b.*", re.IGNORECASE)
_NUMBER = re.compile(r"[+-]?[\d.,' ]*\d(?:[eE][+-]?\d+)?")
_POINT = re.compile(r"\d+\.\d+")


@dataclass(frozen=True)
class MeterTable:
    """Readings by column, oldest first.

    Attributes
    ----------
    table : CsvTable
        The column ``time`` in ISO 8601, and the others as in the file.
    units : dict of str to str
        What a row of units says of columns, such as ``"kWh"``.
    marks_end : bool
        Whether the times say of themselves that they mark the end of a step, as ``24:00`` does.
    """

    table: CsvTable
    units: dict[str, str] = field(default_factory=dict)
    marks_end: bool = False


_Tail: TypeAlias = dict[int, dict[str | None, str | None]]
"""Rows after the readings, by line, and their cells by column."""


@dataclass
class _Draft:
    """The rows of a table while it is understood, and what was assumed of them."""

    path: Path
    header: list[str]
    rows: list[list[str]]
    lines: list[int]
    time: int
    said: list[str]
    units: dict[str, str] = field(default_factory=dict)

    def refused(self, what: str, cure: str = "", line: int | None = None) -> FaultyFilesError:
        return FaultyFilesError([Fault(what, str(self.path), line, cure=cure)])

    def column(self, place: int) -> list[str]:
        return [row[place] if place < len(row) else "" for row in self.rows]

    def without(self, place: int) -> None:
        """Leave a column out."""
        for row in (self.header, *self.rows):
            del row[place : place + 1]
        self.time -= place < self.time


def read_meter_table(path: Path, assumed: list[str], *, any_name: bool = True) -> MeterTable:
    """Read a table of readings in the form of any export that cannot be misread.

    Lines before the header, a row of units, a last row of totals that add up, notes at the end,
    days and times of day in two columns, a row for each day, days first, clocks of twelve hours,
    ``24:00`` and newest first are understood, beside what :meth:`CsvTable.read` understands.

    Parameters
    ----------
    path : Path
    assumed : list of str
        What was assumed is appended, for whoever reads the result.
    any_name : bool, default True
        Whether the times may be in columns of any name, rather than in ``time``.

    Raises
    ------
    FaultyFilesError
        The file cannot be read, may be read in two ways, no column holds times, or a last row of
        totals is not the sum of what is above it.
    """
    rows = tolerant_rows(path)
    said = rows.assumed
    places = _header_and_time(rows.cells)
    if places is None:
        table = CsvTable.of_rows(path, rows)
        if any_name:
            raise table.fault(f"{path} has no column of times; it has {table.names}")
        table.need(TIME)
        return MeterTable(table.tolerant(rows))
    draft, tail = _body(path, rows, *places)
    if TIME not in draft.header:
        table = CsvTable.of_rows(path, _rows(draft, rows))
        if not any_name:
            meant = draft.header[draft.time]
            raise table.fault(
                f'{path} has no column "{TIME}"; it has {table.names}; is "{meant}" meant?'
            )
        _one_time(draft)
    marks_end = any(map(MARKS_END.search, draft.column(draft.time)))
    body = _rows(draft, rows)
    table = CsvTable.of_rows(path, body).tolerant(body, marks_end=marks_end)
    _check_tail(table, draft, tail)
    _refuse_several(table)
    if _runs_backwards(table.columns[TIME]):
        columns = {name: cells[::-1] for name, cells in table.columns.items()}
        table = replace(table, columns=columns, lines=table.lines[::-1])
        said.append("newest first, read from its end")
    if marks_end:
        said.append("times that mark the end of a step, as 24:00 does")
    if said:
        assumed.append(f"{path.name}: {', '.join(said)}")
    return MeterTable(table, draft.units, marks_end)


def unit_in_name(column: str) -> str | None:
    """Return the unit that the name of a column ends in, if there is one.

    Examples
    --------
    >>> unit_in_name("Verbrauch (kWh)"), unit_in_name("roof_kW"), unit_in_name("ann")
    ('kWh', 'kW', None)
    """
    match = _NAMED_UNIT.search(column)
    return match[1] if match else None


def _header_and_time(cells: list[list[str]]) -> tuple[int, int] | None:
    """Return the row of the header, and the place of the column of times."""
    for row, found in enumerate(cells[:_LOOKED_AT]):
        if TIME in map(unmarked, found):
            return row, list(map(unmarked, found)).index(TIME)
    times = Counter(
        place
        for row in cells[:_LOOKED_AT]
        for place, cell in enumerate(row)
        if looks_like_time(cell)
    )
    if not times:
        return None
    place = max(times, key=lambda each: (times[each], -each))
    usual = Counter(len(row) for row in cells[:_LOOKED_AT]).most_common(1)[0][0]
    timed = [
        row
        for row, found in enumerate(cells[:_LOOKED_AT])
        if place < len(found) and looks_like_time(found[place])
    ]
    first = next((row for row in timed if len(cells[row]) >= usual - 1), timed[0])
    # The fullest row above it names the columns; of several the last, but not one of units.
    above = [
        row for row in range(first) if not _is_of_units(cells[row]) and len(cells[row]) > place
    ]
    above = [row for row in above if len(cells[row]) == len(cells[first])] or above
    if not above:
        return None
    return max(above, key=lambda row: (sum(bool(cell.strip()) for cell in cells[row]), row)), place


def _names(cells: list[list[str]], header: int) -> tuple[list[str], int]:
    """Return the names of the columns, and the first row that they are from.

    That is the header, and where some are alike, all rows above that are as long.
    """
    names = list(map(unmarked, cells[header]))
    joined, top = names, header
    if len(set(names)) < len(names):
        while top and len(cells[top - 1]) == len(names):
            top -= 1
            pairs = zip(map(unmarked, cells[top]), joined, strict=True)
            joined = [f"{above} {name}".strip() for above, name in pairs]
    return (joined, top) if len(set(joined)) == len(names) else (names, header)


def _is_of_units(row: list[str]) -> bool:
    """Return whether all that a row has is units, or how times are written, in brackets."""
    filled = [cell.strip() for cell in row if cell.strip()]
    others = [cell for cell in filled if not _UNIT.fullmatch(cell)]
    return len(others) < len(filled) and all(cell[0] in "[(" for cell in others)


def _body(path: Path, rows: TableRows, header: int, time: int) -> tuple[_Draft, _Tail]:
    """Return the rows between the header and the last reading, and those after it by line."""
    names, top = _names(rows.cells, header)
    draft = _Draft(path, names, [], [], time, rows.assumed)
    if top:
        draft.said.append(f"{count(top, 'line')} before the header left out")
    if top < header:
        draft.said.append(f"names of columns from {header - top + 1} rows")
    first = header + 1
    if first < len(rows.cells) and _is_of_units(rows.cells[first]):
        units = zip(names, map(str.strip, rows.cells[first]), strict=False)
        draft.units = {name: match[1] for name, unit in units if (match := _UNIT.fullmatch(unit))}
        draft.said.append("a row of units")
        first += 1
    last = len(rows.cells)
    while last > first and not looks_like_time("".join(rows.cells[last - 1][time : time + 1])):
        last -= 1
    if last == first:  # no row has a time: whoever reads them says so
        last = len(rows.cells)
    # Separators at the end of rows are nothing.
    draft.rows = [
        row[: len(names)] if not any(map(str.strip, row[len(names) :])) else row
        for row in rows.cells[first:last]
    ]
    draft.lines = rows.lines[first:last]
    after = zip(rows.lines[last:], rows.cells[last:], strict=True)
    return draft, {line: dict(zip_longest(names, map(str.strip, row))) for line, row in after}


def _rows(draft: _Draft, rows: TableRows) -> TableRows:
    cells, lines = [draft.header, *draft.rows], [0, *draft.lines]
    return rows._replace(cells=cells, lines=lines)


def _one_time(draft: _Draft) -> None:
    """Gather the times in one column with the name ``time``."""
    name = draft.header[draft.time]
    clocks = [
        place
        for place, column in enumerate(draft.header)
        if place != draft.time and not column.isdigit() and clock_minutes([column])
    ]
    if len(clocks) >= _FEWEST_CLOCKS:
        _unfold(draft, clocks)
    elif all(len(cell.strip()) <= len("31-Dec-2024") for cell in draft.column(draft.time)):
        _with_clock(draft)
    if draft.header[draft.time] == name:
        draft.said.append(f'times from the column "{name}"')
    draft.header[draft.time] = TIME
    _without_ends(draft)


def _unfold(draft: _Draft, clocks: list[int]) -> None:
    """Give each reading a row of its own where each row was a day."""
    others = [place for place in range(len(draft.header)) if place not in clocks]
    for place in others:
        labels = sorted({cell.strip() for cell in draft.column(place)})
        if place != draft.time and len(labels) > 1:
            raise draft.refused(
                f'{draft.path} has a row for each day, and "{draft.header[place]}" is {labels[0]} '
                f"in some and {labels[1]} in others",
                "make a file, or a column, of each meter",
            )
    names = [draft.header[place] for place in clocks]
    draft.said.append(f"a row for each day, from {names[0]} to {names[-1]}")
    rows, lines = [], []
    for row, line in zip(draft.rows, draft.lines, strict=True):
        for place, name in zip(clocks, names, strict=True):
            kept = [row[other] for other in others if other != draft.time]
            rows.append([f"{row[draft.time].strip()} {name}", *kept, row[place]])
            lines.append(line)
    kept = [draft.header[other] for other in others if other != draft.time]
    draft.header, draft.rows, draft.lines = [TIME, *kept, "reading"], rows, lines
    draft.time = 0


def _with_clock(draft: _Draft) -> None:
    """Add the time of day from another column to days."""
    days = draft.column(draft.time)
    for place, name in enumerate(draft.header):
        cells = draft.column(place)
        is_hours = all(cell.strip().isdigit() for cell in cells)
        if place == draft.time or (is_hours and not _HOUR.match(name)):
            continue
        # Where each day has one row, 10.30 is a number.
        has_points = all(_POINT.fullmatch(cell.strip()) for cell in cells)
        if has_points and len(set(days)) == len(days):
            continue
        found = clock_minutes(cells)
        if found is None:
            continue
        minutes, words = found
        draft.said += [f'times from the columns "{draft.header[draft.time]}" and "{name}"', *words]
        for row, minute in zip(draft.rows, minutes, strict=True):
            row[draft.time] = f"{row[draft.time].strip()} {clock_text(minute)}"
        draft.header[draft.time] = TIME
        draft.without(place)
        return


def _without_ends(draft: _Draft) -> None:
    """Leave out a column in which each step ends, if there is one: times are when it begins."""
    for place, name in reversed(list(enumerate(draft.header))):
        times, cells = draft.column(draft.time), draft.column(place)
        if place == draft.time or len(cells) < 2:
            continue
        after = _next(times, cells) if looks_like_time(cells[0]) else _later(times, cells)
        if after is None:
            continue
        if not after and not looks_like_time(cells[0]):
            raise draft.refused(
                f'the times are when each step ends, and "{name}" is when it begins',
                "put that before the other",
            )
        if not after:
            for row, cell in zip(draft.rows, cells, strict=True):
                row[draft.time] = cell
        does = "end" if after else "beginning"
        draft.said.append(f'the column "{name}" as the {does} of each step')
        draft.without(place)


def _next(times: list[str], others: list[str]) -> bool | None:
    """Return whether others are when the steps of times end, or begin; None where neither."""
    if others[:-1] != times[1:] and others[1:] != times[:-1]:
        return None
    try:
        found = iso_times([*times, *others])
    except GameError:  # which is refused by whoever reads one of them
        return None
    if found is None:
        return None
    pairs = list(zip(found.times, found.times[len(times) :], strict=False))
    if all(other > time for time, other in pairs):
        return True
    return False if all(other < time for time, other in pairs) else None


def _later(times: list[str], clocks: list[str]) -> bool | None:
    """Return whether times of day are when the steps of times end, or begin; None where neither."""
    others = None if clocks[0].strip().isdigit() else clock_minutes(clocks)
    begins = clock_minutes([time.split(" ", 1)[-1] for time in times])
    if others is None or begins is None:
        return None
    lengths = {(end - begin) % DAY for end, begin in zip(others[0], begins[0], strict=True)}
    return lengths.pop() <= DAY / 2 if len(lengths) == 1 and lengths != {0} else None


def _check_tail(table: CsvTable, draft: _Draft, tail: _Tail) -> None:
    """Refuse rows after the readings but notes, and totals that add up.

    Raises
    ------
    FaultyFilesError
        A row is neither.
    """
    for line, row in tail.items():
        cells = {name: cell for name, cell in row.items() if cell}
        numbers = {name: cell for name, cell in cells.items() if _NUMBER.fullmatch(cell)}
        if not numbers:
            draft.said.append(f"a note in line {line} left out")
            continue
        for name, cell in numbers.items():
            if not _adds_up(table, name, cell):
                raise draft.refused(
                    f'"{cell}" in the column "{name}" has no time, and is not its sum',
                    "take the line out if it holds no readings",
                    line,
                )
        draft.said.append(f"totals in line {line}, which add up, left out")


def _adds_up(table: CsvTable, name: str | None, cell: str) -> bool:
    """Return whether a number is the sum of a column, as far as its decimals go."""
    if name not in table.columns:
        return False
    try:
        total = table.signs.get(name, PLAIN_SIGNS).plain(cell)
        difference = float(total) - float(table.floats(name).sum())
    except (GameError, ValueError):
        return False
    decimals = len(total.partition(".")[2])
    # Half a unit of the last decimal that is shown; the sum itself is rounded by far less.
    return bool(abs(difference) <= (0.5 + 1e-6) * 10.0**-decimals)


def _refuse_several(table: CsvTable) -> None:
    """Refuse rows of several meters one under the other.

    Raises
    ------
    FaultyFilesError
        Most times are there several times, and a column tells them apart.
    """
    times = table.columns[TIME]
    distinct = len(set(times))
    if 2 * distinct > len(times) + 1:  # a repeated hour at most
        return
    for name, cells in table.columns.items():
        labels = list(dict.fromkeys(cells))
        pairs = set(zip(times, cells, strict=True))
        if name != TIME and len(pairs) == len(times) and 2 * len(labels) <= len(times):
            raise table.fault(
                f'rows of several meters: at {times[0]} "{name}" is {labels[0]} and {labels[1]}',
                cure="make a column of each",
            )


def _runs_backwards(times: tuple[str, ...]) -> bool:
    """Return whether times in ISO 8601 run from the newest to the oldest."""
    rises = sum(before <= after for before, after in pairwise(times))
    return len(times) > rises + 1 and rises <= _MOST_RISES and times[0] > times[-1]
