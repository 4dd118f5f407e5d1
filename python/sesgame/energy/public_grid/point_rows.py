"""The rows of ``points.csv``: whose each metering point is, and which columns it reads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.contract_files import rows_of
from sesgame.energy.public_grid.point_checks import refuse_tied_steps
from sesgame.errors import GameError

if TYPE_CHECKING:
    from sesgame.energy.contract import Contract
    from sesgame.files.csv_table import CsvTable
    from sesgame.files.faults import Faults

__all__ = ["PointRow", "PointTable", "read_points"]

_REGISTERS = ("import", "export")
_UNITS = ("kW", "kWh")


class PointRow(NamedTuple):
    """A metering point, as its row says.

    Attributes
    ----------
    name, member, contract, zone, unit : str
    scale : float
    participation : float
    columns : dict of str to str
        Of the meters, by register: ``"import"``, ``"export"`` or both.
    line : int
    """

    name: str
    member: str
    contract: str
    zone: str
    unit: str
    scale: float
    participation: float
    columns: dict[str, str]
    line: int


class PointTable(NamedTuple):
    """What ``points.csv`` says.

    Attributes
    ----------
    members : list of str
        In the order in which they first appear, also those without points.
    zones : list of str
    rows : list of PointRow
        Those without faults.
    """

    members: list[str]
    zones: list[str]
    rows: list[PointRow]


def read_points(table: CsvTable, contracts: Mapping[str, Contract], faults: Faults) -> PointTable:
    """Read the points as far as they can be read, and note what is wrong with them.

    Parameters
    ----------
    table : CsvTable
    contracts : mapping of str to Contract
        By name; none where nobody knows them.
    faults : Faults
        What is wrong is added.

    Raises
    ------
    FaultyFilesError
        Columns are missing, or there are others.
    """
    table.expect(
        ["point", "member", "contract", "unit"], [*_REGISTERS, "scale", "zone", "participation"]
    )
    members = [label for label in dict.fromkeys(table.texts("member")) if label]
    table = _with_points(table)
    scales = np.ones(len(table))
    with faults.caught():
        scales = table.floats("scale", 1.0)
    parts = np.ones(len(table))
    with faults.caught():
        parts = table.floats("participation", 1.0)
    names, zones = table.texts("point"), table.texts("zone", "")
    owners, terms, units = (table.texts(column) for column in ("member", "contract", "unit"))
    registers = {register: table.texts(register, "") for register in _REGISTERS}
    rows = []
    first: dict[object, int] = {}
    for place, line in enumerate(table.lines):
        row = PointRow(
            names[place],
            owners[place],
            terms[place],
            zones[place],
            units[place],
            float(scales[place]),
            float(parts[place]),
            {register: cells[place] for register, cells in registers.items() if cells[place]},
            line,
        )
        with faults.caught():
            _check(table, place, row, first, contracts)
            rows.append(row)
    return PointTable(members, list(dict.fromkeys(zones)), rows)


def _with_points(table: CsvTable) -> CsvTable:
    """Return the rows of points, without those of members who have none."""
    others = [table.texts(name, "") for name in table.columns if name != "member"]
    return rows_of(table, [row for row in range(len(table)) if any(cells[row] for cells in others)])


def _check(
    table: CsvTable,
    place: int,
    row: PointRow,
    first: dict[object, int],
    contracts: Mapping[str, Contract],
) -> None:
    name, contract = row.name, row.contract
    if not name:
        table.fail(place, "point", "the cell is empty; it must be the name of the point")
    if first.setdefault(name, row.line) != row.line:
        table.fail(place, "point", f'"{name}" is there already, in line {first[name]}')
    if not row.member:
        table.fail(place, "member", f'the point "{name}" is of nobody; name a member')
    if contracts and contract not in contracts:
        known = ", ".join(contracts)
        table.fail(place, "contract", f'"{contract}" is not in contracts.csv, which has {known}')
    if row.unit not in _UNITS:
        table.fail(place, "unit", f'"{row.unit}" is not kW or kWh')
    if not 0 <= row.participation <= 1:
        there = f"{row.participation:g} is no part of the registers: it must be in [0, 1]"
        table.fail(place, "participation", there)
    if not row.columns:
        table.fail(place, "point", f'"{name}" has neither an import nor an export register')
    if row.columns.get("import") == row.columns.get("export"):
        column = row.columns["export"]
        table.fail(place, "export", f'"{column}" is the import register of "{name}", too')
    for register, column in row.columns.items():
        line = first.setdefault((row.member, register, column), row.line)
        if line != row.line:
            table.fail(
                place,
                register,
                f'"{column}" is an {register} register of "{row.member}" already, in line {line}; '
                f"its readings would count twice",
            )
    if contracts:
        try:
            refuse_tied_steps(contracts[contract], f"the point {name!r}")
        except GameError as error:
            table.fail(place, "contract", str(error))
