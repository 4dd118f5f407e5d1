"""The folder of CSV files of a community on the public grid; ``docs/file-formats.md`` has them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from sesgame.energy.community_files import contracts_of, read_holidays
from sesgame.energy.contract import Contract
from sesgame.energy.contract_files import ELEMENT_FILES, rows_of
from sesgame.energy.equipment_files import read_batteries
from sesgame.energy.meter_clock import UNSAID, MeterClock, read_clock, refuse_unsaid
from sesgame.energy.meter_files import read_readings
from sesgame.energy.public_grid.metering_point import MeteringPoint, OwnPoints
from sesgame.energy.public_grid.point_checks import refuse_tied_steps
from sesgame.energy.public_grid.sharing_files import SharingTerms, read_sharing
from sesgame.errors import GameError
from sesgame.files.csv_folder import csv_files, find_csv
from sesgame.files.csv_table import CsvTable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sesgame.energy.battery import Battery
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["PointFields", "point_files", "read_point_files"]

_NEEDED = ("points", "meters", "contracts")
_OPTIONAL = ("sharing", "batteries", "clock", "holidays", *ELEMENT_FILES)
_REGISTERS = ("import", "export")
_UNITS = ("kW", "kWh")

_OF_ONE_CONNECTION = {
    "members": "points.csv says who the members are: give each of their meters a row there",
    "tariff": "each point has a contract: give its prices in contracts.csv",
    "grid": "limits and charges of a common connection have no meaning for points of their own",
    "controller": "storage that ran by a controller is audited behind one connection",
    "storage_offers": "storage is bought for a community with one connection",
}
"""Files of a community with one connection, and why they are not read beside points.csv."""


class PointFields(TypedDict):
    """What the files give, as the arguments of a PublicGrid."""

    points: list[MeteringPoint]
    steps: TimeSteps
    contracts: list[Contract]
    fee_per_kwh: float | dict[tuple[str, str], NDArray[np.float64]]
    own_points: OwnPoints
    batteries: list[Battery]
    storage_contract: str | None
    members: list[str]
    name: str


def point_files(folder: Path) -> dict[str, Path]:
    """Return the files by their role: points, meters, contracts and, if there, others.

    Raises
    ------
    GameError
        There is no such folder, a file is missing, or is there plain and compressed; or there is
        one that only a community with one connection has.
    """
    files = csv_files(folder, _NEEDED, _OPTIONAL)
    for role, reason in _OF_ONE_CONNECTION.items():
        found = find_csv(folder, role)
        if found is not None:
            raise GameError(f"{found} is not read beside {files['points'].name}: {reason}")
    return files


def read_point_files(folder: Path, said: MeterClock = UNSAID) -> PointFields:
    """Read the files of a folder.

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
    files = point_files(folder)
    if "clock" in files:
        said = said.joined(read_clock(CsvTable.read(files["clock"])), files["clock"])
    holidays = read_holidays(CsvTable.read(files["holidays"])) if "holidays" in files else None
    contracts = contracts_of(files, said)
    everybody = CsvTable.read(files["points"])
    members = list(dict.fromkeys(everybody.texts("member")))
    table = _with_points(everybody)
    _check_points(table, contracts)
    columns = dict.fromkeys(
        cell for register in _REGISTERS for cell in table.texts(register, "") if cell
    )
    steps, readings = read_readings(files["meters"], columns, said, holidays, "point in points.csv")
    zones = list(dict.fromkeys(table.texts("zone", "")))
    terms = SharingTerms({}, "always", None)
    if "sharing" in files:
        terms = read_sharing(
            CsvTable.read(files["sharing"]),
            zones,
            next(iter(contracts.values())).currency,
            average=said.prices_within_step == "average",
        )
    used = {*table.texts("contract"), terms.storage_contract}
    _refuse_unused(CsvTable.read(files["contracts"]), used)
    batteries: list[Battery] = []
    if "batteries" in files:
        batteries = read_batteries(CsvTable.read(files["batteries"]), members, "points.csv")
        if terms.storage_contract is None:
            raise GameError(
                f"{files['batteries']}: say under which contract storage trades outside, in the "
                f'column "storage_contract" of sharing.csv'
            )
    follow = any(contract.follows_clock for contract in contracts.values())
    follow = follow or any(tariff.follows_clock for tariff in terms.fees.values())
    refuse_unsaid(steps, said.tariff_zone, follow)
    try:
        fees = {pair: tariff.prices(steps)[0] for pair, tariff in terms.fees.items()}
    except GameError as error:
        raise GameError(f"{files['sharing']}: {error}") from error
    return {
        "points": _points(table, files["meters"], steps, readings),
        "steps": steps,
        "contracts": list(contracts.values()),
        "fee_per_kwh": fees or 0.0,
        "own_points": terms.own_points,
        "batteries": batteries,
        "storage_contract": terms.storage_contract,
        "members": members,
        "name": folder.resolve().name,
    }


def _with_points(table: CsvTable) -> CsvTable:
    """Return the rows of points, without those of members who have none."""
    table.expect(["point", "member", "contract", "unit"], [*_REGISTERS, "scale", "zone"])
    others = [table.texts(name, "") for name in table.columns if name != "member"]
    rows = [row for row in range(len(table)) if any(cells[row] for cells in others)]
    for row in set(range(len(table))).difference(rows):
        if not table.texts("member")[row]:
            table.fail(row, "member", "the cell is empty; it must be the member's label")
    return rows_of(table, rows)


def _check_points(table: CsvTable, contracts: dict[str, Contract]) -> None:
    first: dict[str, int] = {}
    members, units = table.texts("member"), table.texts("unit")
    registers = zip(*(table.texts(register, "") for register in _REGISTERS), strict=True)
    rows = zip(
        table.texts("point"), members, table.texts("contract"), units, registers, strict=True
    )
    for row, (name, member, contract, unit, columns) in enumerate(rows):
        if not name:
            table.fail(row, "point", "the cell is empty; it must be the name of the point")
        if first.setdefault(name, row) != row:
            there = table.lines[first[name]]
            table.fail(row, "point", f'"{name}" is there already, in line {there}')
        if not member:
            table.fail(row, "member", f'the point "{name}" is of nobody; name a member')
        if contract not in contracts:
            known = ", ".join(contracts)
            table.fail(row, "contract", f'"{contract}" is not in contracts.csv, which has {known}')
        if unit not in _UNITS:
            table.fail(row, "unit", f'"{unit}" is not kW or kWh')
        if not any(columns):
            table.fail(row, "point", f'"{name}" has neither an import nor an export register')
        if columns[0] == columns[1]:
            table.fail(row, "export", f'"{columns[1]}" is the import register of "{name}", too')
        try:
            refuse_tied_steps(contracts[contract], f"the point {name!r}")
        except GameError as error:
            table.fail(row, "contract", str(error))


def _refuse_unused(table: CsvTable, used: Collection[str | None]) -> None:
    for row, name in enumerate(table.texts("contract")):
        if name not in used:
            table.fail(row, "contract", f'no point in points.csv has the contract "{name}"')


def _points(
    table: CsvTable, meters: Path, steps: TimeSteps, readings: dict[str, NDArray[np.float64]]
) -> list[MeteringPoint]:
    columns = zip(
        table.texts("point"),
        table.texts("member"),
        table.texts("contract"),
        table.texts("zone", ""),
        table.texts("unit"),
        table.floats("scale", 1.0).tolist(),
        *(table.texts(register, "") for register in _REGISTERS),
        strict=True,
    )
    points = []
    for row, (name, member, contract, zone, unit, scale, *registers) in enumerate(columns):
        factor = scale * (steps.step_hours if unit == "kW" else 1.0)
        given = {
            f"{register}_kwh": readings[column] * factor
            for register, column in zip(_REGISTERS, registers, strict=True)
            if column
        }
        try:
            points.append(
                MeteringPoint(name=name, member=member, contract=contract, zone=zone, **given)
            )
        except GameError as error:
            table.fail(row, "point", f"in {meters.name}, {error}")
    return points
