"""The folder of CSV files that describes a community; the format is in ``docs/file-formats.md``."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypedDict

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
    GenerationRow,
    read_batteries,
    read_generation,
    read_grid,
    read_offers,
    read_validity,
)
from sesgame.energy.grid import Grid
from sesgame.energy.meter_clock import MeterClock, read_clock, refuse_unsaid
from sesgame.energy.meter_files import read_meter_file, read_times
from sesgame.energy.meter_table import UNITS
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.energy.validity import ALWAYS, Validity
from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_folder import csv_files, find_csv
from sesgame.files.csv_table import CsvTable
from sesgame.files.faults import Faults

if TYPE_CHECKING:
    from datetime import date

    from numpy.typing import NDArray

    from sesgame.energy.battery import Battery, StorageOffer
    from sesgame.energy.controller import Controller
    from sesgame.energy.generation_offer import GenerationOffer
    from sesgame.energy.time_steps import TimeSteps

__all__ = [
    "BAND_COLUMNS",
    "COMMUNITY_ROLES",
    "CommunityFields",
    "CommunityParts",
    "Meter",
    "as_fields",
    "check_units",
    "community_files",
    "contracts_of",
    "read_bands",
    "read_community_files",
    "read_holidays",
    "read_parts",
]

_NEEDED = ("members", "meters", "tariff")
_OPTIONAL = (
    "batteries",
    "controller",
    "grid",
    "storage_offers",
    "generation_offers",
    "clock",
    "holidays",
    *ELEMENT_FILES,
)
COMMUNITY_ROLES = (*_NEEDED, "contracts", *_OPTIONAL)
"""The files that a community may have."""

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
    generation_offers: list[GenerationOffer]
    battery_kwh: NDArray[np.float64] | None
    controller: Controller | None
    curtailment: list[str]
    membership: dict[str, Validity]
    name: str
    assumed: list[str]


class Meter(NamedTuple):
    """A row of members.csv that assigns a meter."""

    member: int
    kind: str
    column: str
    unit: str
    scale: float
    days: Validity
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
    membership: dict[str, Validity] = field(default_factory=dict)
    curtailment: list[str] = field(default_factory=list)
    steps: TimeSteps | None = None
    readings: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    tariff: Tariff | PriceSeries | Contract | None = None
    batteries: list[Battery] = field(default_factory=list)
    controller: Controller | None = None
    grid: Grid = field(default_factory=Grid)
    storage_offers: list[StorageOffer] = field(default_factory=list)
    generation_offers: list[GenerationOffer] = field(default_factory=list)
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
                there = meter.days.steps(steps)
                energy[meter.member, there] += self.readings[meter.column][there] * (
                    meter.scale * hours
                )
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
    # Batteries that nobody metered are another thing than batteries that stood still.
    is_metered = any(meter.kind == "battery" for meter in parts.meters)
    return {
        "members": parts.members,
        "steps": steps,
        "load_kwh": parts.energy_kwh("load", steps),
        "pv_kwh": parts.energy_kwh("pv", steps),
        "tariff": tariff,
        "batteries": parts.batteries,
        "grid": parts.grid,
        "storage_offers": parts.storage_offers,
        "generation_offers": parts.generation_offers,
        "battery_kwh": parts.energy_kwh("battery", steps) if is_metered else None,
        "controller": parts.controller,
        "curtailment": parts.curtailment,
        "membership": parts.membership,
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
            holidays = read_holidays(parts.table(files["holidays"]))
    known = len(faults.found)
    if "members" in files:
        with faults.caught():
            _read_members(parts.table(files["members"]), parts, faults)
    to_buy: list[GenerationRow] = []
    if "generation_offers" in files:
        with faults.caught():
            to_buy = read_generation(parts.table(files["generation_offers"]))
    if "meters" in files:
        # Where members.csv is wrong, nobody can say which columns belong to nobody.
        owned = [meter.column for meter in parts.meters]
        columns = list(dict.fromkeys(owned + [row.column for row in to_buy]))
        with faults.caught():
            meters = read_meter_file(
                files["meters"],
                columns if len(faults.found) == known else None,
                said,
                holidays,
                faults,
                parts.assumed,
            )
            parts.steps, parts.readings = meters.steps, meters.readings
            listed = [(meter.column, meter.unit, meter.scale) for meter in parts.meters]
            check_units(files["meters"], listed, meters.units, faults)
            listed = [(row.column, row.unit, row.scale) for row in to_buy]
            check_units(files["meters"], listed, meters.units, faults, "generation_offers.csv")
            if meters.steps is not None and len(faults.found) == known:
                hours = meters.steps.step_hours
                parts.generation_offers = [row.offer(meters.readings, hours) for row in to_buy]
    if "batteries" in files and parts.members:
        with faults.caught():
            parts.batteries = read_batteries(parts.table(files["batteries"]), parts.members)
    if "storage_offers" in files:
        with faults.caught():
            parts.storage_offers = read_offers(parts.table(files["storage_offers"]))
    if "grid" in files and parts.members:
        with faults.caught():
            parts.grid = read_grid(parts.table(files["grid"]), parts.members)
    if "controller" in files and parts.members:
        with faults.caught():
            parts.controller = read_controller(parts.table(files["controller"]), parts.members)
    if "tariff" in files or "contracts" in files:
        with faults.caught():
            parts.tariff = _joint_contract(files, said, parts.assumed)
    if parts.steps is not None:
        clocks = (parts.tariff, parts.grid, parts.controller)
        follow = any(each.follows_clock for each in clocks if each is not None)
        validities = [each.days for each in parts.meters]
        validities += [each.validity for each in parts.batteries]
        dated = any(each != ALWAYS for each in (*validities, *parts.membership.values()))
        with faults.caught():
            refuse_unsaid(parts.steps, said.tariff_zone, follow or dated)
    return parts


def check_units(
    path: Path,
    meters: Iterable[tuple[str, str, float]],
    units: Mapping[str, str],
    faults: Faults,
    listed: str = "members.csv",
) -> None:
    """Note where a row of units says another unit than a file, or what no meter is in.

    Whoever has a scale has thought about Wh and MWh, or of what a percentage is.

    Parameters
    ----------
    path : Path
        Of the meters.
    meters : iterable of tuple of str, str and float
        Columns, their units and their scales, as a file lists them.
    units : mapping of str to str
        What the row of units says of columns.
    faults : Faults
        What is wrong is added.
    listed : str
        The name of the file that lists them.
    """
    known = UNITS | {"%": (None, 0.01)}
    for column, theirs, their_scale in meters:
        said = units.get(column, theirs)
        unit, scale = known.get(said, ("", 1.0))
        if unit in (theirs, None) and (scale == 1.0 or abs(their_scale) != 1.0):
            continue
        what = f'"{column}" is in {said} there, and {listed} says {theirs}'
        cure = f"write {unit} as unit, and {scale:g} as scale" if unit and scale != 1.0 else ""
        faults.found.append(Fault(what, str(path), cure=cure))


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
    table.expect(["member", "kind", "meter", "unit"], ["scale", "curtailment", *VALID])
    labels = table.texts("member")
    n_rows = Counter(labels)
    index = {label: place for place, label in enumerate(filter(None, n_rows))}
    parts.members = list(index)
    scales = np.ones(len(table))
    validity = [ALWAYS] * len(table)
    with faults.caught():
        scales = table.floats("scale", 1.0)
    with faults.caught():
        validity = read_validity(table)
        parts.membership = _membership(labels, validity)
    meters: dict[tuple[int, str, str], list[Meter]] = {}
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
                table.fail(row, "kind", f'"{kind}" is not load, pv or battery')
            if unit not in _UNITS:
                table.fail(row, "unit", f'"{unit}" is not kW or kWh')
            if not column:
                table.fail(row, "meter", "the cell is empty; it must be a column of the meters")
            scale, line = float(scales[row]), table.lines[row]
            meter = Meter(index[label], kind, column, unit, scale, validity[row], line)
            others = meters.setdefault(meter[:3], [])
            if any(meter.days.overlaps(other.days) for other in others):
                table.fail(
                    row,
                    "meter",
                    f"{label} has the {kind} meter {column} twice; where two devices have the same "
                    f"profile, add their scales",
                )
            others.append(meter)
    parts.meters = [meter for others in meters.values() for meter in others]
    with faults.caught():
        parts.curtailment = _read_curtailment(table)


def _membership(labels: Sequence[str], validity: list[Validity]) -> dict[str, Validity]:
    """Return when members are there: the days of a member are those that all its rows have."""
    days: dict[str, set[Validity]] = {}
    for member, valid in zip(labels, validity, strict=True):
        days.setdefault(member, set()).add(valid)
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
    buy, sell = map(np.array, table.numbers({buy_name: None, sell_name: None}).values())
    if series:
        # Prices have the stamps of their own files, and the clock of the tariff.
        zone = said.tariff_zone or said.meters_zone
        steps = read_times(table, zone, MeterClock(tariff_zone=said.tariff_zone))
        return PriceSeries(steps, buy, sell, currency, average)
    if not bands and len(table) > 1:
        raise table.fault(
            f"{table.path} has {len(table)} rows of prices but does not say when they hold",
            cure='add the columns "from" and "to" (and "days", "months", "valid_from"), or "time"',
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
        raise table.fault(f"{table.path}, from line {table.lines[0]}: {error}") from error


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
