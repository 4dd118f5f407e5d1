"""The folder of CSV files of a community on the public grid; ``docs/file-formats.md`` has them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import numpy as np

from sesgame.energy.community_files import check_units, contracts_of, read_holidays
from sesgame.energy.contract import Contract
from sesgame.energy.contract_files import ELEMENT_FILES
from sesgame.energy.equipment_files import read_batteries
from sesgame.energy.meter_clock import UNSAID, MeterClock, read_clock, refuse_unsaid
from sesgame.energy.meter_files import read_meter_file
from sesgame.energy.public_grid.metering_point import MeteringPoint, OwnPoints
from sesgame.energy.public_grid.point_rows import PointRow, read_points
from sesgame.energy.public_grid.sharing_files import SharingTerms, read_sharing
from sesgame.errors import Fault, GameError
from sesgame.files.csv_folder import csv_files, find_csv
from sesgame.files.csv_table import CsvTable
from sesgame.files.faults import Faults

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.battery import Battery
    from sesgame.energy.time_steps import TimeSteps

__all__ = [
    "PointFields",
    "PointParts",
    "point_fields",
    "point_files",
    "read_point_files",
    "read_point_parts",
]

_NEEDED = ("points", "meters", "contracts")
_OPTIONAL = ("sharing", "batteries", "clock", "holidays", *ELEMENT_FILES)

_OF_ONE_CONNECTION = {
    "members": "points.csv says who the members are: give each of their meters a row there",
    "tariff": "each point has a contract: give its prices in contracts.csv",
    "grid": "limits and charges of a common connection have no meaning for points of their own",
    "controller": "storage that ran by a controller is audited behind one connection",
    "storage_offers": "storage is bought for a community with one connection",
    "generation_offers": "generators are bought for a community with one connection",
}
"""Files of a community with one connection, and why they are not read beside points.csv."""


class PointFields(TypedDict):
    """What the files give, as the arguments of a PublicGrid."""

    points: list[MeteringPoint]
    steps: TimeSteps
    contracts: list[Contract]
    fee_per_kwh: float | dict[tuple[str, str], NDArray[np.float64]]
    reduction: float | dict[tuple[str, str], float]
    own_points: OwnPoints
    batteries: list[Battery]
    storage_contract: str | None
    members: list[str]
    name: str
    assumed: list[str]


@dataclass
class PointParts:
    """What could be read of the files; None, and nothing, stands for what could not.

    Attributes
    ----------
    readings : dict of str to array
        The cells of columns of the meters, with NaN for what is no number.
    assumed : list of str
        How files were read that are not plain CSV, with their names.
    """

    name: str
    members: list[str] = field(default_factory=list)
    rows: list[PointRow] = field(default_factory=list)
    points: list[MeteringPoint] = field(default_factory=list)
    steps: TimeSteps | None = None
    readings: dict[str, NDArray[np.float64]] = field(default_factory=dict)
    contracts: dict[str, Contract] = field(default_factory=dict)
    sharing: SharingTerms = field(default_factory=lambda: SharingTerms({}, {}, "always", None))
    fees: dict[tuple[str, str], NDArray[np.float64]] = field(default_factory=dict)
    batteries: list[Battery] = field(default_factory=list)
    assumed: list[str] = field(default_factory=list)

    def table(self, path: Path) -> CsvTable:
        """Read a table, and note what was assumed."""
        return CsvTable.read(path, self.assumed)


def point_files(folder: Path) -> dict[str, Path]:
    """Return the files by their role: points, meters, contracts and, if there, others.

    Raises
    ------
    FaultyFilesError
        There is no such folder, a file is missing, or is there plain and compressed; or there is
        one that only a community with one connection has.
    """
    faults = Faults()
    files = _files(folder, faults)
    faults.refuse()
    return files


def _files(folder: Path, faults: Faults) -> dict[str, Path]:
    files: dict[str, Path] = {}
    with faults.caught():
        files = csv_files(folder, _NEEDED, _OPTIONAL)
    for role, reason in _OF_ONE_CONNECTION.items():
        with faults.caught():
            found = find_csv(folder, role)
            if found is not None:
                raise GameError(f"{found} is not read beside points.csv: {reason}")
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
    FaultyFilesError
        Files are missing or wrong: all faults, with file, line and column.
    """
    faults = Faults()
    parts = read_point_parts(folder, said, faults)
    faults.refuse()
    return point_fields(parts)


def point_fields(parts: PointParts) -> PointFields:
    """Return what was read without faults, as the arguments of a PublicGrid."""
    assert parts.steps is not None
    return {
        "points": parts.points,
        "steps": parts.steps,
        "contracts": list(parts.contracts.values()),
        "fee_per_kwh": parts.fees or 0.0,
        "reduction": parts.sharing.reductions or 0.0,
        "own_points": parts.sharing.own_points,
        "batteries": parts.batteries,
        "storage_contract": parts.sharing.storage_contract,
        "members": parts.members,
        "name": parts.name,
        "assumed": parts.assumed,
    }


def read_point_parts(folder: Path, said: MeterClock, faults: Faults) -> PointParts:
    """Read the files as far as they can be read, and note what is wrong with them."""
    parts = PointParts(folder.resolve().name)
    files = _files(folder, faults)
    holidays = None
    if "clock" in files:
        with faults.caught():
            said = said.joined(read_clock(parts.table(files["clock"])), files["clock"])
    if "holidays" in files:
        with faults.caught():
            holidays = read_holidays(parts.table(files["holidays"]))
    if "contracts" in files:
        with faults.caught():
            parts.contracts = contracts_of(files, said, parts.assumed)
    known = len(faults.found)
    zones: list[str] | None = None
    if "points" in files:
        with faults.caught():
            parts.members, zones, parts.rows = read_points(
                parts.table(files["points"]), parts.contracts, faults
            )
    # Where points.csv is wrong, nobody can say which columns and contracts belong to nobody.
    is_whole = len(faults.found) == known
    if "meters" in files:
        columns = {column: None for row in parts.rows for column in row.columns.values()}
        with faults.caught():
            meters = read_meter_file(
                files["meters"],
                list(columns) if is_whole else None,
                said,
                holidays,
                faults,
                parts.assumed,
                "point in points.csv",
            )
            parts.steps, parts.readings = meters.steps, meters.readings
            registers = [
                (column, row.unit, row.scale)
                for row in parts.rows
                for column in row.columns.values()
            ]
            check_units(files["meters"], registers, meters.units, faults, "points.csv")
    knows_sharing = "sharing" not in files
    if "sharing" in files and zones is not None:
        currencies = [contract.currency for contract in parts.contracts.values()]
        with faults.caught():
            parts.sharing = read_sharing(
                parts.table(files["sharing"]),
                zones,
                currencies[0] if currencies else None,
                average=said.prices_within_step == "average",
            )
            knows_sharing = True
    if "batteries" in files:
        if parts.sharing.storage_contract is None and knows_sharing:
            what = "say under which contract storage trades outside"
            cure = 'write it into the column "storage_contract" of sharing.csv'
            faults.found.append(Fault(what, str(files["batteries"]), cure=cure))
        if parts.members:
            with faults.caught():
                parts.batteries = read_batteries(
                    parts.table(files["batteries"]), parts.members, "points.csv"
                )
    if parts.contracts and is_whole and knows_sharing:
        used = {*(row.contract for row in parts.rows), parts.sharing.storage_contract}
        with faults.caught():
            _refuse_unused(CsvTable.read(files["contracts"], []), used)  # it is told already how
    if parts.steps is not None:
        _read_steps(parts, parts.steps, files, said, faults)
    return parts


def _read_steps(
    parts: PointParts, steps: TimeSteps, files: dict[str, Path], said: MeterClock, faults: Faults
) -> None:
    """Put fees and readings into the steps."""
    fees = parts.sharing.fees
    follow = any(contract.follows_clock for contract in parts.contracts.values())
    follow = follow or any(tariff.follows_clock for tariff in fees.values())
    with faults.caught():
        refuse_unsaid(steps, said.tariff_zone, follow)
    try:
        parts.fees = {pair: tariff.prices(steps)[0] for pair, tariff in fees.items()}
    except GameError as error:
        faults.found.append(Fault(str(error), str(files["sharing"])))
    for row in parts.rows:
        factor = row.scale * (steps.step_hours if row.unit == "kW" else 1.0)
        # What is missing, or no number, is a fault of the meters that is noted there.
        read = {
            f"{register}_kwh": parts.readings[column] * factor
            for register, column in row.columns.items()
            if column in parts.readings and not np.isnan(parts.readings[column]).any()
        }
        if not read:
            continue
        try:
            point = MeteringPoint(
                name=row.name,
                member=row.member,
                contract=row.contract,
                zone=row.zone,
                participation=row.participation,
                **read,
            )
        except GameError as error:
            what = f"in {files['meters'].name}, {error}"
            faults.found.append(Fault(what, str(files["points"]), row.line, "point"))
        else:
            parts.points.append(point)


def _refuse_unused(table: CsvTable, used: Collection[str | None]) -> None:
    """Name each contract that nobody has, in its first line."""
    names = table.texts("contract")
    faults = Faults()
    for name in dict.fromkeys(names):
        if name not in used:
            what = f'no point in points.csv has the contract "{name}"'
            with faults.caught():
                table.fail(names.index(name), "contract", what)
    faults.refuse()
