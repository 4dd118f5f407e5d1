"""The folder of CSV files that describes a community; the format is in ``docs/file-formats.md``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypedDict

import numpy as np

from sesgame.energy.clock import as_date
from sesgame.energy.clock_cells import (
    CLOCK,
    DAYS,
    MONTHS_OF_YEAR,
    days_of,
    minute_of,
    months_of,
)
from sesgame.energy.contract import Contract
from sesgame.energy.contract_files import CONTRACT_FILES, ELEMENT_FILES, read_contracts
from sesgame.energy.equipment_files import read_batteries, read_grid, read_offers
from sesgame.energy.grid import Grid
from sesgame.energy.meter_clock import MeterClock, read_clock, refuse_unsaid
from sesgame.energy.meter_table import TIME, read_meter_table
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.energy.time_steps import TimeSteps, check_time
from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_folder import csv_files, find_csv
from sesgame.files.csv_table import NAMED, CsvTable
from sesgame.files.faults import Faults
from sesgame.files.number_table import NumberTable
from sesgame.formatting import count

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from sesgame.energy.battery import Battery, StorageOffer

__all__ = [
    "CommunityFields",
    "CommunityParts",
    "Meter",
    "as_fields",
    "community_files",
    "contracts_of",
    "read_community_files",
    "read_parts",
]

_NEEDED = ("members", "meters", "tariff")
_OPTIONAL = ("batteries", "grid", "storage_offers", "clock", "holidays", *ELEMENT_FILES)
_KINDS = ("load", "pv")
_UNITS = ("kW", "kWh")


class CommunityFields(TypedDict):
    """What the files give, as the arguments of a Community."""

    members: list[str]
    steps: TimeSteps
    load_kwh: NDArray[np.float64]
    pv_kwh: NDArray[np.float64]
    tariff: Tariff | PriceSeries | Contract
    batteries: list[Battery]
    grid: Grid
    storage_offers: list[StorageOffer]
    name: str
    assumed: list[str]


class Meter(NamedTuple):
    """A row of members.csv that assigns a meter."""

    member: int
    kind: str
    column: str
    unit: str
    scale: float
    line: int


@dataclass
class CommunityParts:
    """What could be read of a community's files; None, and nothing, stands for what could not.

    Attributes
    ----------
    readings : dict of str to array
        The cells of columns of the meters, with NaN for what is no number.
    assumed : list of str
        How files were read that are not plain CSV, with their names.
    """

    name: str
    members: list[str] = field(default_factory=list)
    meters: list[Meter] = field(default_factory=list)
    steps: TimeSteps | None = None
    readings: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    tariff: Tariff | PriceSeries | Contract | None = None
    batteries: list[Battery] = field(default_factory=list)
    grid: Grid = field(default_factory=Grid)
    storage_offers: list[StorageOffer] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    def table(self, path: Path) -> CsvTable:
        """Read a table, and note what was assumed."""
        return CsvTable.read(path, self.assumed)

    def energy_kwh(self, kind: str, steps: TimeSteps) -> NDArray[np.float64]:
        """Return the energy that the meters of a kind add up to, shape (n, T), read-only."""
        energy = np.zeros((len(self.members), steps.n_steps))
        for meter in self.meters:
            if meter.kind == kind:
                hours = steps.step_hours if meter.unit == "kW" else 1.0
                energy[meter.member] += self.readings[meter.column] * (meter.scale * hours)
        energy.setflags(write=False)
        return energy


def community_files(folder: Path) -> dict[str, Path]:
    """Return the files of a community by their role: members, meters, tariff and, if there, others.

    Raises
    ------
    GameError
        There is no such folder, a file is missing, or is there plain and compressed.
    """
    if not folder.is_dir() or find_csv(folder, "contracts") is None:
        return csv_files(folder, _NEEDED, _OPTIONAL)
    return csv_files(folder, ("members", "meters", "contracts"), ("tariff", *_OPTIONAL))


def read_community_files(folder: Path, said: MeterClock) -> CommunityFields:
    """Read a community's files.

    Parameters
    ----------
    folder : Path
    said : MeterClock
        What the caller says of the clocks, beside ``clock.csv``.

    Raises
    ------
    FaultyFilesError
        Files are missing or wrong: all faults, with file, line and column.
    """
    faults = Faults()
    parts = read_parts(folder, said, faults)
    faults.refuse()
    return as_fields(parts)


def as_fields(parts: CommunityParts) -> CommunityFields:
    """Return what was read without faults, as the arguments of a Community."""
    steps, tariff = parts.steps, parts.tariff
    assert steps is not None
    assert tariff is not None
    return {
        "members": parts.members,
        "steps": steps,
        "load_kwh": parts.energy_kwh("load", steps),
        "pv_kwh": parts.energy_kwh("pv", steps),
        "tariff": tariff,
        "batteries": parts.batteries,
        "grid": parts.grid,
        "storage_offers": parts.storage_offers,
        "name": parts.name,
        "assumed": parts.assumed,
    }


def read_parts(folder: Path, said: MeterClock, faults: Faults) -> CommunityParts:
    """Read a community's files as far as they can be read, and note what is wrong with them."""
    parts = CommunityParts(folder.resolve().name)
    files: dict[str, Path] = {}
    holidays = None
    with faults.caught():
        files = community_files(folder)
    if "clock" in files:
        with faults.caught():
            said = said.joined(read_clock(parts.table(files["clock"])), files["clock"])
    if "holidays" in files:
        with faults.caught():
            holidays = _read_holidays(parts.table(files["holidays"]))
    known = len(faults.found)
    if "members" in files:
        with faults.caught():
            _read_members(parts.table(files["members"]), parts, faults)
    has_members = len(faults.found) == known
    if "meters" in files:
        # Where members.csv is wrong, nobody can say which columns belong to nobody.
        columns = list(dict.fromkeys(meter.column for meter in parts.meters))
        with faults.caught():
            _read_meters(
                files["meters"], parts, columns if has_members else None, said, holidays, faults
            )
    if "batteries" in files and parts.members:
        with faults.caught():
            parts.batteries = read_batteries(parts.table(files["batteries"]), parts.members)
    if "storage_offers" in files:
        with faults.caught():
            parts.storage_offers = read_offers(parts.table(files["storage_offers"]))
    if "grid" in files and parts.members:
        with faults.caught():
            parts.grid = read_grid(parts.table(files["grid"]), parts.members)
    if "tariff" in files or "contracts" in files:
        with faults.caught():
            parts.tariff = _joint_contract(files, said, parts.assumed)
    if parts.steps is not None and parts.tariff is not None:
        follows_clock = parts.grid.follows_clock or parts.tariff.follows_clock
        with faults.caught():
            refuse_unsaid(parts.steps, said.tariff_zone, follows_clock)
    return parts


def contracts_of(
    files: Mapping[str, Path], said: MeterClock, assumed: list[str] | None = None
) -> dict[str, Contract]:
    """Return the contracts of a folder by name, as :func:`read_contracts` does.

    Raises
    ------
    GameError
        A file is wrong; the message names file, line and column.
    """
    return read_contracts(files, partial(_read_tariff, said=said), assumed)


def _joint_contract(
    files: Mapping[str, Path], said: MeterClock, assumed: list[str]
) -> Tariff | PriceSeries | Contract:
    """Return the one contract of all, or the tariff where that is all there is."""
    if not any(role in files for role in CONTRACT_FILES):
        return _read_tariff(CsvTable.read(files["tariff"], assumed), said)
    contracts = contracts_of(files, said, assumed)
    if len(contracts) > 1:
        what = (
            f"a community with one connection has one contract, and nobody has "
            f"{' or '.join(list(contracts)[1:])} here: keep one"
        )
        raise FaultyFilesError([Fault(what, str(files["contracts"]))])
    return next(iter(contracts.values()))


def _read_members(table: CsvTable, parts: CommunityParts, faults: Faults) -> None:
    table.expect(["member", "kind", "meter", "unit"], ["scale"])
    labels = table.texts("member")
    n_rows = Counter(labels)
    index = {label: place for place, label in enumerate(filter(None, n_rows))}
    parts.members = list(index)
    scales = np.ones(len(table))
    with faults.caught():
        scales = table.floats("scale", 1.0)
    meters: dict[tuple[int, str, str], Meter] = {}
    rows = zip(labels, table.texts("kind"), table.texts("meter"), table.texts("unit"), strict=True)
    for row, (label, kind, column, unit) in enumerate(rows):
        with faults.caught():
            if not label:
                table.fail(row, "member", "the cell is empty; it must be the member's label")
            if not (kind or column or unit):
                if n_rows[label] > 1:
                    table.fail(row, "meter", f"the member {label} has meters in other rows")
                continue
            if kind not in _KINDS:
                table.fail(row, "kind", f'"{kind}" is not load or pv')
            if unit not in _UNITS:
                table.fail(row, "unit", f'"{unit}" is not kW or kWh')
            if not column:
                table.fail(row, "meter", "the cell is empty; it must be a column of the meters")
            scale, line = float(scales[row]), table.lines[row]
            meter = Meter(index[label], kind, column, unit, scale, line)
            if meter[:3] in meters:
                table.fail(
                    row,
                    "meter",
                    f"{label} has the {kind} meter {column} twice; where two devices have the same "
                    f"profile, add their scales",
                )
            meters[meter[:3]] = meter
    parts.meters = list(meters.values())


def _read_meters(
    path: Path,
    parts: CommunityParts,
    columns: list[str] | None,
    said: MeterClock,
    holidays: list[date] | None,
    faults: Faults,
) -> None:
    """Read the steps, and the columns that belong to somebody; all, where nobody knows whose."""
    found = None if columns is None else _read_plain(path, columns, said, holidays)
    if found:
        parts.steps, parts.readings = found
        return
    meters = read_meter_table(path, parts.assumed, any_name=False)
    table = meters.table
    names = [name for name in table.columns if name != TIME]
    if columns is not None:
        for name in columns:
            with faults.caught():
                table.need(name)
        strange = [name for name in names if name not in columns]
        faults.found += [
            Fault(f'the meter column "{name}" belongs to no member in members.csv', str(path))
            for name in strange[:NAMED]
        ]
        if len(strange) > NAMED:
            more = count(len(strange) - NAMED, "more column")
            faults.found.append(Fault(f"{more} of no member in members.csv", str(path)))
    for meter in parts.meters:
        unit = meters.units.get(meter.column, meter.unit)
        if unit.endswith("h") != meter.unit.endswith("h"):
            what = f'"{meter.column}" is in {unit} there, and members.csv says {meter.unit}'
            faults.found.append(Fault(what, str(path)))
    if meters.marks_end and said.stamp is None:
        said = said._replace(stamp="end")
    with faults.caught():
        parts.steps = _read_times(table, said.meters_zone, said, holidays)
    gaps = _gaps(table, names)
    if gaps:
        faults.found.append(_missing(table, gaps, parts.steps))
    for name in names:
        try:
            parts.readings[name] = table.floats(name)
        except FaultyFilesError as error:  # noqa: PERF203, each column has faults of its own
            faults.found += () if name in gaps else error.faults
            parts.readings[name] = _numbers(table, name)


def _numbers(table: CsvTable, name: str) -> NDArray[np.float64]:
    """Return a column, with NaN for what is no number."""
    convert = table.number(name)
    values = np.full(len(table), np.nan)
    for row, cell in enumerate(table.columns[name]):
        with suppress(ValueError, GameError):
            values[row] = convert(cell)
    return values


_Readings: TypeAlias = "tuple[TimeSteps, dict[str, NDArray[np.float64]]]"


def _read_plain(
    path: Path, columns: Collection[str], said: MeterClock, holidays: list[date] | None
) -> _Readings | None:
    """Return steps and readings of a file without any fault; of others, nothing."""
    table = NumberTable.read(path, "time")
    if table is None or set(table.columns) != set(columns):
        return None
    try:
        steps = _steps_of(table.texts, said.meters_zone, said, holidays)
    except GameError:
        return None
    return steps, {name: table.numbers[row] for name, row in table.columns.items()}


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


def _read_times(
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


def _read_holidays(table: CsvTable) -> list[date]:
    """Return the days of a table with one of them in each row."""
    table.expect(["date"], ["name"])
    days = table.convert("date", table.texts("date"), as_date, "a date like 2024-08-15")
    first: dict[date, int] = {}
    for row, day in enumerate(days):
        if first.setdefault(day, row) != row:
            table.fail(row, "date", f"{day} is there already, in line {table.lines[first[day]]}")
    return days


def _read_tariff(table: CsvTable, said: MeterClock) -> Tariff | PriceSeries:
    currency = _currency(table)
    buy_name, sell_name = (f"{way}_{currency.lower()}_per_kwh" for way in ("buy", "sell"))
    series = "time" in table.columns
    calendar = {"days", "months", "valid_from"}
    bands = not series and not {"from", "to", *calendar}.isdisjoint(table.columns)
    clock = bands and not {"from", "to"}.isdisjoint(table.columns)
    when = ["time"] if series else ["from", "to"] if clock else []
    table.expect([*when, buy_name, sell_name], sorted(calendar) if bands else [])
    average = said.prices_within_step == "average"
    buy, sell = table.floats(buy_name), table.floats(sell_name)
    if series:
        # Prices have the stamps of their own files, and the clock of the tariff.
        zone = said.tariff_zone or said.meters_zone
        steps = _read_times(table, zone, MeterClock(tariff_zone=said.tariff_zone))
        return PriceSeries(steps, buy, sell, currency, average)
    if not bands and len(table) > 1:
        raise table.fault(
            f"{table.path} has {len(table)} rows of prices but does not say when they hold",
            cure='add the columns "from" and "to" (and "days", "months", "valid_from"), or "time"',
        )
    starts = [cell or "00:00" for cell in table.texts("from", "")]
    ends = [cell or "24:00" for cell in table.texts("to", "")]
    start = table.convert("from", starts, minute_of, CLOCK)
    end = table.convert("to", ends, minute_of, CLOCK)
    days = table.convert("days", table.texts("days", ""), days_of, DAYS)
    months = table.convert("months", table.texts("months", ""), months_of, MONTHS_OF_YEAR)
    since = table.convert(
        "valid_from",
        table.texts("valid_from", ""),
        lambda cell: as_date(cell) if cell else None,
        "a date like 2024-08-15",
    )
    rows = zip(buy.tolist(), sell.tolist(), start, end, days, months, since, strict=True)
    try:
        return Tariff([PriceBand(*row) for row in rows], currency, average)
    except GameError as error:
        raise table.fault(str(error)) from error


def _currency(table: CsvTable) -> str:
    """Return the currency that the header names."""
    for name in table.columns:
        match = re.fullmatch(r"buy_([a-z]{3})_per_kwh", name)
        if match:
            return match[1].upper()
    raise table.fault(
        f"{table.path} has no column for the buy price with its currency, such as "
        f'"buy_eur_per_kwh"; it has {table.names}'
    )
