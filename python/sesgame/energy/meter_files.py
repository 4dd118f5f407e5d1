"""The readings of meters: ``meters.csv``, in the form that it has."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.meter_table import TIME, read_meter_table
from sesgame.energy.time_steps import TimeSteps, check_time
from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_table import NAMED, CsvTable
from sesgame.files.faults import Faults
from sesgame.files.number_table import NumberTable
from sesgame.files.stamps import MARKS_END, iso_times
from sesgame.formatting import count

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from sesgame.energy.meter_clock import MeterClock

__all__ = ["MeterFile", "read_meter_file", "read_times"]


@dataclass
class MeterFile:
    """What could be read of a file of meters.

    Attributes
    ----------
    steps : TimeSteps or None
        None where the times are wrong.
    readings : dict of str to array, shape (T,)
        The columns, oldest first, with NaN for what is no number.
    units : dict of str to str
        What a row of units says of columns.
    """

    steps: TimeSteps | None = None
    readings: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    units: dict[str, str] = field(default_factory=dict)


def read_meter_file(
    path: Path,
    columns: Collection[str] | None,
    said: MeterClock,
    holidays: list[date] | None,
    faults: Faults,
    assumed: list[str],
    owner: str = "member in members.csv",
) -> MeterFile:
    """Read a file of meters as far as it can be read, and note what is wrong with it.

    Parameters
    ----------
    path : Path
    columns : collection of str or None
        Those that belong to somebody; None where nobody knows.
    said : MeterClock
    holidays : list of date or None
    faults : Faults
        What is wrong is added.
    assumed : list of str
        As in :meth:`CsvTable.read`.
    owner : str
        What each column has to belong to.
    """
    plain = None if columns is None else _read_plain(path, columns, said, holidays)
    if plain is not None:
        found, words = plain
        if words:
            assumed.append(f"{path.name}: {', '.join(words)}")
        return found
    meters = read_meter_table(path, assumed, any_name=False)
    table = meters.table
    names = [name for name in table.columns if name != TIME]
    if columns is not None:
        for name in columns:
            with faults.caught():
                table.need(name)
        strange = [name for name in names if name not in columns]
        faults.found += [
            Fault(f'the meter column "{name}" belongs to no {owner}', str(path))
            for name in strange[:NAMED]
        ]
        if len(strange) > NAMED:
            more = count(len(strange) - NAMED, "more column")
            faults.found.append(Fault(f"{more} of no {owner}", str(path)))
    if meters.marks_end and said.stamp == "start":
        what = "24:00 is the end of a step, but the stamps are said to mark when each begins"
        faults.found.append(Fault(what, str(path), cure='say that they mark the "end"'))
    if meters.marks_end:
        said = said._replace(stamp="end")
    found = MeterFile(units=meters.units)
    with faults.caught():
        found.steps = read_times(table, said.meters_zone, said, holidays)
    gaps = _gaps(table, names)
    if gaps:
        faults.found.append(_missing(table, gaps, found.steps))
    for name in names:
        try:
            found.readings[name] = table.floats(name)
        except FaultyFilesError as error:  # noqa: PERF203, each column has faults of its own
            faults.found += () if name in gaps else error.faults
            found.readings[name] = _numbers(table, name)
    return found


def _read_plain(
    path: Path, columns: Collection[str], said: MeterClock, holidays: list[date] | None
) -> tuple[MeterFile, list[str]] | None:
    """Return what a file without anything odd holds, and what was assumed; of others, nothing."""
    table = NumberTable.read(path, TIME)
    if table is None or set(table.columns) != set(columns):
        return None
    try:
        times = iso_times(table.texts)
        # Only the end of a step is at 24:00, which is for whoever reads other clocks.
        if times is None or any(map(MARKS_END.search, table.texts)):
            return None
        steps = _steps_of(times.times, said.meters_zone, said, holidays)
    except GameError:
        return None
    readings = {name: table.numbers[row] for name, row in table.columns.items()}
    words = table.assumed[:1] + times.assumed + table.assumed[1:]
    return MeterFile(steps, readings), words


def _numbers(table: CsvTable, name: str) -> NDArray[np.float64]:
    """Return a column, with NaN for what is no number."""
    convert = table.number(name)
    values = np.full(len(table), np.nan)
    for row, cell in enumerate(table.columns[name]):
        with suppress(ValueError, GameError):
            values[row] = convert(cell)
    return values


def _gaps(table: CsvTable, names: list[str]) -> dict[str, list[int]]:
    """Return the rows in which columns have empty cells."""
    return {
        name: rows
        for name in names
        if (rows := [row for row, cell in enumerate(table.columns[name]) if not cell.strip()])
    }


def _missing(table: CsvTable, gaps: dict[str, list[int]], steps: TimeSteps | None) -> Fault:
    """Return how many cells are empty, in which columns, and when."""

    def place(row: int) -> str:
        when = table.columns[TIME][row] if steps is None else steps.time(row)
        return f"line {table.lines[row]}, {when}"

    parts = [
        f'{len(rows):,} in "{name}" ({place(rows[0])}'
        + (f", to {place(rows[-1])})" if len(rows) > 1 else ")")
        for name, rows in list(gaps.items())[:NAMED]
    ]
    more = f" and in {len(gaps) - NAMED:,} columns more" if len(gaps) > NAMED else ""
    n_gaps = sum(map(len, gaps.values()))
    what = (
        f"{count(n_gaps, 'reading')} {'is' if n_gaps == 1 else 'are'} missing: "
        f"{', '.join(parts)}{more}"
    )
    return Fault(what, str(table.path), cure="decide how to fill them: nothing is guessed")


def read_times(
    table: CsvTable, zone: str | None, said: MeterClock, holidays: list[date] | None = None
) -> TimeSteps:
    """Return the steps of a table with a column of times, on the clock of a zone."""
    try:
        return _steps_of(table.texts("time"), zone, said, holidays)
    except GameError as error:
        # A cell that is no time has a line.
        table.convert("time", table.texts("time"), check_time, "a time like 2016-06-01T12:15")
        raise table.fault(str(error)) from error


def _steps_of(
    times: Sequence[str], zone: str | None, said: MeterClock, holidays: list[date] | None
) -> TimeSteps:
    return TimeSteps.from_times(
        times,
        zone=zone,
        tariff_zone=said.tariff_zone,
        holidays=holidays,
        stamp=said.stamp or "start",
    )
