"""The folder of CSV files of a community on the public grid; ``docs/file-formats.md`` has them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, cast, get_args

from sesgame.energy.community_files import read_holidays, read_readings, read_tariff
from sesgame.energy.contract import Contract
from sesgame.energy.meter_clock import MeterClock, read_clock, refuse_unsaid
from sesgame.energy.public_grid.metering_point import MeteringPoint, OwnPoints
from sesgame.errors import GameError
from sesgame.files.csv_folder import csv_files
from sesgame.files.csv_table import CsvTable

if TYPE_CHECKING:
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["PointFields", "point_files", "read_point_files"]

_NEEDED = ("points", "meters", "contracts")
_OPTIONAL = ("sharing", "clock", "holidays")
_REGISTERS = ("import", "export")
_SAME = "same"


class PointFields(TypedDict):
    """What the files give, as the arguments of a PublicGrid."""

    points: list[MeteringPoint]
    steps: TimeSteps
    contracts: list[Contract]
    fee_per_kwh: dict[tuple[str, str], float]
    own_points: OwnPoints
    members: list[str]
    name: str


def point_files(folder: Path) -> dict[str, Path]:
    """Return the files by their role: points, meters, contracts and, if there, others.

    Raises
    ------
    GameError
        There is no such folder, a file is missing, or is there plain and compressed.
    """
    return csv_files(folder, _NEEDED, _OPTIONAL)


def read_point_files(folder: Path) -> PointFields:
    """Read the files of a folder.

    Raises
    ------
    GameError
        A file is missing or wrong; the message names file, line and column.
    """
    files = point_files(folder)
    said = MeterClock()
    if "clock" in files:
        said = read_clock(CsvTable.read(files["clock"]))
    holidays = read_holidays(CsvTable.read(files["holidays"])) if "holidays" in files else None
    contracts = _read_contracts(CsvTable.read(files["contracts"]), said)
    table = CsvTable.read(files["points"])
    names = [contract.name for contract in contracts]
    _check_points(table, names)
    for row, name in enumerate(CsvTable.read(files["contracts"]).texts("contract")):
        if name not in table.texts("contract"):
            CsvTable.read(files["contracts"]).fail(
                row, "contract", f'no point in points.csv has the contract "{name}"'
            )
    columns = dict.fromkeys(
        cell for register in _REGISTERS for cell in table.texts(register, "") if cell
    )
    steps, readings = read_readings(files["meters"], columns, said, holidays, "point in points.csv")
    follow = any(contract.follows_clock for contract in contracts)
    refuse_unsaid(steps, said.tariff_zone, follow)
    scales, zones = table.floats("scale", 1.0).tolist(), table.texts("zone", "")
    points = []
    for row, name in enumerate(table.texts("point")):
        hours = steps.step_hours if table.texts("unit")[row] == "kW" else 1.0
        registers = {
            f"{register}_kwh": readings[cell] * (scales[row] * hours)
            for register in _REGISTERS
            if (cell := table.texts(register, "")[row])
        }
        try:
            point = MeteringPoint(
                name=name,
                member=table.texts("member")[row],
                contract=table.texts("contract")[row],
                zone=zones[row],
                **registers,
            )
        except GameError as error:
            table.fail(row, "point", f"in {files['meters'].name}, {error}")
        points.append(point)
    fees, own_points = {(a, b): 0.0 for a in set(zones) for b in set(zones)}, "always"
    if "sharing" in files:
        fees, own_points = _read_sharing(
            CsvTable.read(files["sharing"]), list(dict.fromkeys(zones)), contracts[0].currency
        )
    return {
        "points": points,
        "steps": steps,
        "contracts": contracts,
        "fee_per_kwh": fees,
        "own_points": cast("OwnPoints", own_points),
        "members": list(dict.fromkeys(table.texts("member"))),
        "name": folder.resolve().name,
    }


def _check_points(table: CsvTable, contracts: list[str]) -> None:
    table.expect(["point", "member", "contract", "unit"], [*_REGISTERS, "scale", "zone"])
    first: dict[str, int] = {}
    for row, name in enumerate(table.texts("point")):
        if not name:
            table.fail(row, "point", "the cell is empty; it must be the name of the point")
        if first.setdefault(name, row) != row:
            table.fail(
                row, "point", f'"{name}" is there already, in line {table.lines[first[name]]}'
            )
        if not table.texts("member")[row]:
            table.fail(row, "member", f'the point "{name}" is of nobody; name a member')
        contract = table.texts("contract")[row]
        if contract not in contracts:
            known = ", ".join(contracts)
            table.fail(row, "contract", f'"{contract}" is not in contracts.csv, which has {known}')
        if table.texts("unit")[row] not in ("kW", "kWh"):
            table.fail(row, "unit", f'"{table.texts("unit")[row]}" is not kW or kWh')
        if not any(table.texts(register, "")[row] for register in _REGISTERS):
            table.fail(row, "point", f'"{name}" has neither an import nor an export register')


def _read_contracts(table: CsvTable, said: MeterClock) -> list[Contract]:
    """Return the contracts, each of the rows that name it, as those of a tariff."""
    table.need("contract")
    labels = table.texts("contract")
    contracts = []
    for name in dict.fromkeys(labels):
        rows = [row for row, label in enumerate(labels) if label == name]
        if not name:
            table.fail(rows[0], "contract", "the cell is empty; it must be the contract's name")
        columns = {
            column: tuple(cells[row] for row in rows)
            for column, cells in table.columns.items()
            if column != "contract"
        }
        own = CsvTable(table.path, columns, tuple(table.lines[row] for row in rows))
        contracts.append(Contract(name=name, energy=read_tariff(own, said)))
    return contracts


def _read_sharing(
    table: CsvTable, zones: list[str], currency: str
) -> tuple[dict[tuple[str, str], float], str]:
    """Return the fee from each zone to each, and whether own points share."""
    column = f"fee_{currency.lower()}_per_kwh"
    others = [n for n in table.columns if re.fullmatch(r"fee_[a-z]{3}_per_kwh", n) and n != column]
    if others:
        raise GameError(f'{table.path}: "{others[0]}", but contracts are in {currency}: "{column}"')
    table.expect([column], ["from_zone", "to_zone", "own_points"])
    givers, takers = table.texts("from_zone", ""), table.texts("to_zone", "")
    said = table.texts("own_points", "")
    given: dict[tuple[str, str], float] = {}
    for row, fee in enumerate(table.floats(column).tolist()):
        for name, zone in (("from_zone", givers[row]), ("to_zone", takers[row])):
            if zone and zone not in zones and not (name == "to_zone" and zone == _SAME):
                known = ", ".join(zones)
                table.fail(row, name, f'"{zone}" is no zone of points.csv, which has {known}')
        if (givers[row], takers[row]) in given:
            table.fail(row, column, "the fee between these zones is there already")
        given[givers[row], takers[row]] = fee
        if said[row] and said[row] not in get_args(OwnPoints):
            table.fail(row, "own_points", f'"{said[row]}" is not {", ".join(get_args(OwnPoints))}')
        if said[row] != said[0]:
            table.fail(row, "own_points", f'"{said[row]}", but the first row says "{said[0]}"')
    fees = {}
    for giver in zones:
        for taker in zones:
            # The row that says most of the two zones; an empty cell is any zone.
            rows = [(giver, taker), (giver, ""), ("", taker), ("", "")]
            if giver == taker:
                rows[1:1] = [(giver, _SAME), ("", _SAME)]
            fee = next((given[row] for row in rows if row in given), None)
            if fee is None:
                raise GameError(
                    f'{table.path} has no fee from the zone "{giver}" to "{taker}"; add a row with '
                    f"both cells empty for all that have none of their own"
                )
            fees[giver, taker] = fee
    return fees, said[0] or "always"
