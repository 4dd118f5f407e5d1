"""The folder of CSV files that describes a community; the format is in ``docs/file-formats.md``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
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
from sesgame.energy.controller_files import read_controller
from sesgame.energy.equipment_files import (
    VALID,
    read_batteries,
    read_grid,
    read_offers,
    read_validity,
)
from sesgame.energy.grid import Grid
from sesgame.energy.meter_clock import MeterClock, read_clock, refuse_unsaid
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.energy.time_steps import TimeSteps, check_time
from sesgame.energy.validity import ALWAYS, Validity
from sesgame.errors import GameError
from sesgame.files.csv_folder import csv_files, find_csv
from sesgame.files.csv_table import NAMED, CsvTable
from sesgame.files.number_table import NumberTable
from sesgame.formatting import count

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from sesgame.energy.battery import Battery, StorageOffer
    from sesgame.energy.controller import Controller

__all__ = [
    "BAND_COLUMNS",
    "CommunityFields",
    "community_files",
    "contracts_of",
    "read_bands",
    "read_community_files",
    "read_holidays",
    "read_readings",
]

_NEEDED = ("members", "meters", "tariff")
_OPTIONAL = (
    "batteries",
    "controller",
    "grid",
    "storage_offers",
    "clock",
    "holidays",
    *ELEMENT_FILES,
)
BAND_COLUMNS = ("from", "to", "days", "months", "valid_from")
"""Columns that say when a price holds."""

_KINDS = ("load", "pv", "battery")
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
    battery_kwh: NDArray[np.float64] | None
    controller: Controller | None
    curtailment: list[str]
    membership: dict[str, Validity]
    name: str


class _Meter(NamedTuple):
    """A row of members.csv that assigns a meter."""

    member: int
    kind: str
    column: str
    unit: str
    scale: float
    days: Validity


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
    GameError
        A file is missing or wrong; the message names file, line and column.
    """
    files = community_files(folder)
    if "clock" in files:
        said = said.joined(read_clock(CsvTable.read(files["clock"])), files["clock"])
    holidays = read_holidays(CsvTable.read(files["holidays"])) if "holidays" in files else None
    table = CsvTable.read(files["members"])
    members, meters = _read_members(table)
    steps, energy_kwh = _read_meters(files["meters"], len(members), meters, said, holidays)
    batteries: list[Battery] = []
    offers: list[StorageOffer] = []
    if "batteries" in files:
        batteries = read_batteries(CsvTable.read(files["batteries"]), members)
    if "storage_offers" in files:
        offers = read_offers(CsvTable.read(files["storage_offers"]))
    grid = read_grid(CsvTable.read(files["grid"]), members) if "grid" in files else Grid()
    controller = None
    if "controller" in files:
        controller = read_controller(CsvTable.read(files["controller"]), members)
    tariff = _joint_contract(files, said)
    follow = any(each.follows_clock for each in (tariff, grid, controller) if each is not None)
    membership = _read_membership(table)
    validities = [each.days for each in meters] + [each.validity for each in batteries]
    dated = any(each != ALWAYS for each in (*validities, *membership.values()))
    refuse_unsaid(steps, said.tariff_zone, follow or dated)
    return {
        "members": members,
        "steps": steps,
        "load_kwh": energy_kwh["load"],
        "pv_kwh": energy_kwh["pv"],
        "tariff": tariff,
        "batteries": batteries,
        "grid": grid,
        "storage_offers": offers,
        "battery_kwh": energy_kwh.get("battery"),
        "controller": controller,
        "curtailment": _read_curtailment(table),
        "membership": membership,
        "name": folder.resolve().name,
    }


def contracts_of(files: Mapping[str, Path], said: MeterClock) -> dict[str, Contract]:
    """Return the contracts of a folder by name, as :func:`read_contracts` does.

    Raises
    ------
    GameError
        A file is wrong; the message names file, line and column.
    """
    return read_contracts(files, partial(_read_tariff, said=said))


def _joint_contract(files: Mapping[str, Path], said: MeterClock) -> Tariff | PriceSeries | Contract:
    """Return the one contract of all, or the tariff where that is all there is."""
    if not any(role in files for role in CONTRACT_FILES):
        return _read_tariff(CsvTable.read(files["tariff"]), said)
    contracts = contracts_of(files, said)
    if len(contracts) > 1:
        raise GameError(
            f"{files['contracts']}: a community with one connection has one contract, and nobody "
            f"has {' or '.join(list(contracts)[1:])} here: keep one"
        )
    return next(iter(contracts.values()))


def _read_members(table: CsvTable) -> tuple[list[str], list[_Meter]]:
    table.expect(["member", "kind", "meter", "unit"], ["scale", "curtailment", *VALID])
    labels = table.texts("member")
    n_rows = Counter(labels)
    index = {label: place for place, label in enumerate(n_rows)}
    scales = table.floats("scale", 1.0)
    validity = read_validity(table)
    meters: dict[tuple[int, str, str], list[_Meter]] = {}
    rows = zip(labels, table.texts("kind"), table.texts("meter"), table.texts("unit"), strict=True)
    for row, (label, kind, column, unit) in enumerate(rows):
        if not label:
            table.fail(row, "member", "the cell is empty; it must be the member's label")
        if not (kind or column or unit):
            if n_rows[label] > 1:
                table.fail(row, "meter", f"the member {label} has meters in other rows")
            continue
        if kind not in _KINDS:
            table.fail(row, "kind", f'"{kind}" is not load, pv or battery')
        if unit not in _UNITS:
            table.fail(row, "unit", f'"{unit}" is not kW or kWh')
        if not column:
            table.fail(row, "meter", "the cell is empty; it must be a column of the meters")
        meter = _Meter(index[label], kind, column, unit, float(scales[row]), validity[row])
        others = meters.setdefault(meter[:3], [])
        if any(meter.days.overlaps(other.days) for other in others):
            table.fail(
                row,
                "meter",
                f"{label} has the {kind} meter {column} twice; where two devices have the same "
                f"profile, add their scales",
            )
        others.append(meter)
    return list(index), [meter for others in meters.values() for meter in others]


def _read_membership(table: CsvTable) -> dict[str, Validity]:
    """Return when members are there: the days of a member are those that all its rows have."""
    days: dict[str, set[Validity]] = {}
    for member, validity in zip(table.texts("member"), read_validity(table), strict=True):
        days.setdefault(member, set()).add(validity)
    return {member: next(iter(all_of)) for member, all_of in days.items() if len(all_of) == 1}


def _read_curtailment(table: CsvTable) -> list[str]:
    """Return the members whose PV may be left unused: those of whom each row of PV says so."""
    said: dict[str, str] = {}
    rows = zip(
        table.texts("member"), table.texts("kind"), table.texts("curtailment", ""), strict=True
    )
    for row, (member, kind, cell) in enumerate(rows):
        if cell not in ("", "none", "allowed"):
            table.fail(row, "curtailment", f'"{cell}" is neither none nor allowed')
        if cell == "allowed" and kind != "pv":
            table.fail(row, "curtailment", "only PV can be left unused, in a row of the kind pv")
        if kind == "pv" and said.setdefault(member, cell or "none") != (cell or "none"):
            table.fail(row, "curtailment", f"{member} has PV with another word in another row")
    return [member for member, cell in said.items() if cell == "allowed"]


def _read_meters(
    path: Path,
    n_members: int,
    meters: list[_Meter],
    said: MeterClock,
    holidays: list[date] | None,
) -> tuple[TimeSteps, dict[str, NDArray[np.float64]]]:
    columns = dict.fromkeys(meter.column for meter in meters)
    steps, readings = read_readings(path, columns, said, holidays)
    # Batteries that nobody metered are another thing than batteries that stood still.
    kinds = [kind for kind in _KINDS if kind != "battery" or any(m.kind == kind for m in meters)]
    energy_kwh = {kind: np.zeros((n_members, steps.n_steps)) for kind in kinds}
    for meter in meters:
        hours = steps.step_hours if meter.unit == "kW" else 1.0
        there = meter.days.steps(steps)
        energy_kwh[meter.kind][meter.member, there] += readings[meter.column][there] * (
            meter.scale * hours
        )
    for energy in energy_kwh.values():
        energy.setflags(write=False)
    return steps, energy_kwh


_Readings: TypeAlias = "tuple[TimeSteps, dict[str, NDArray[np.float64]]]"


def read_readings(
    path: Path,
    columns: Collection[str],
    said: MeterClock,
    holidays: list[date] | None,
    owner: str = "member in members.csv",
) -> _Readings:
    """Return the steps and the columns of meters; each column belongs to an `owner`.

    Raises
    ------
    GameError
        A column is missing, of nobody, or has a cell that is no number.
    """
    return _read_plain(path, columns, said, holidays) or _read_by_cell(
        path, columns, said, holidays, owner
    )


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


def _read_by_cell(
    path: Path,
    columns: Collection[str],
    said: MeterClock,
    holidays: list[date] | None,
    owner: str,
) -> _Readings:
    """Return steps and readings, or name the cell that is wrong."""
    table = CsvTable.read(path)
    for name in ("time", *columns):
        table.need(name)
    for name in table.columns:
        if name != "time" and name not in columns:
            raise GameError(f'{table.path}: the meter column "{name}" belongs to no {owner}')
    steps = _read_times(table, said.meters_zone, said, holidays)
    _refuse_gaps(table, list(columns), steps)
    return steps, {name: table.floats(name) for name in columns}


def _refuse_gaps(table: CsvTable, names: list[str], steps: TimeSteps) -> None:
    """Refuse empty cells, with how many there are, in which columns, and when."""
    gaps = {
        name: rows
        for name in names
        if (rows := [row for row, cell in enumerate(table.columns[name]) if not cell.strip()])
    }
    if not gaps:
        return
    parts = [
        f'{len(rows):,} in "{name}" (line {table.lines[rows[0]]}, {steps.time(rows[0])}'
        + (f", to line {table.lines[rows[-1]]}, {steps.time(rows[-1])})" if len(rows) > 1 else ")")
        for name, rows in list(gaps.items())[:NAMED]
    ]
    more = f" and in {len(gaps) - NAMED:,} columns more" if len(gaps) > NAMED else ""
    n_gaps = sum(map(len, gaps.values()))
    raise GameError(
        f"{table.path}: {count(n_gaps, 'reading')} {'is' if n_gaps == 1 else 'are'} missing: "
        f"{', '.join(parts)}{more}; decide how to fill them: nothing is guessed"
    )


def _read_times(
    table: CsvTable, zone: str | None, said: MeterClock, holidays: list[date] | None = None
) -> TimeSteps:
    """Return the steps of a table with a column of times, on the clock of a zone."""
    try:
        return _steps_of(table.texts("time"), zone, said, holidays)
    except GameError as error:
        # A cell that is no time has a line.
        table.convert("time", table.texts("time"), check_time, "a time like 2016-06-01T12:15")
        raise GameError(f"{table.path}: {error}") from error


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


def read_holidays(table: CsvTable) -> list[date]:
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
    bands = not series and not set(BAND_COLUMNS).isdisjoint(table.columns)
    clock = bands and not {"from", "to"}.isdisjoint(table.columns)
    when = ["time"] if series else ["from", "to"] if clock else []
    table.expect([*when, buy_name, sell_name], BAND_COLUMNS[2:] if bands else [])
    average = said.prices_within_step == "average"
    buy, sell = table.floats(buy_name), table.floats(sell_name)
    if series:
        # Prices have the stamps of their own files, and the clock of the tariff.
        zone = said.tariff_zone or said.meters_zone
        steps = _read_times(table, zone, MeterClock(tariff_zone=said.tariff_zone))
        return PriceSeries(steps, buy, sell, currency, average)
    if not bands and len(table) > 1:
        raise GameError(
            f"{table.path} has {len(table)} rows of prices but does not say when they hold; "
            f'add the columns "from" and "to" (and "days", "months", "valid_from"), or "time"'
        )
    return read_bands(table, (buy, sell), currency, average=average)


def read_bands(
    table: CsvTable,
    prices: tuple[NDArray[np.float64], NDArray[np.float64]],
    currency: str,
    *,
    average: bool,
) -> Tariff:
    """Return prices, of buying and of selling, that hold when the columns of bands say.

    Raises
    ------
    GameError
        A cell is wrong, or a minute has no price or two; the message names file and line.
    """
    buy, sell = prices
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
        raise GameError(f"{table.path}, from line {table.lines[0]}: {error}") from error


def _currency(table: CsvTable) -> str:
    """Return the currency that the header names."""
    for name in table.columns:
        match = re.fullmatch(r"buy_([a-z]{3})_per_kwh", name)
        if match:
            return match[1].upper()
    raise GameError(
        f"{table.path} has no column for the buy price with its currency, such as "
        f'"buy_eur_per_kwh"; it has {table.names}'
    )
