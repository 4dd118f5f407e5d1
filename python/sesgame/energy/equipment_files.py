"""The CSV files of what a community has: batteries, storage to buy, and the grid."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from sesgame.energy.battery import Battery, StorageOffer
from sesgame.energy.grid import Grid, Line
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable

__all__ = ["read_batteries", "read_grid", "read_offers"]

_OF_ALL = ("demand_charge_per_kw", "import_limit_kw", "export_limit_kw")
_OF_MEMBERS = ("connection_limit_kw", "line_limit_kw")


def read_batteries(table: CsvTable, members: list[str]) -> list[Battery]:
    """Return one battery for each row."""
    numbers = ["energy_kwh", "power_kw", "charge_efficiency", "discharge_efficiency"]
    optional = ["initial_charge_kwh", "degradation_cost_per_kwh"]
    powers = ["charge_power_kw", "discharge_power_kw"]
    table.expect(["owner", *numbers], optional + powers)
    owners, rows = table.texts("owner"), _numbers(table, numbers, optional)
    # An empty cell is no limit of its own: power_kw holds.
    for power in powers:
        given = table.texts(power, "")
        for row, value in enumerate(table.floats(power, 0.0).tolist()):
            if given[row]:
                rows[row][power] = value
    known = frozenset(members)
    for row, owner in enumerate(owners):
        if owner and owner not in known:
            table.fail(
                row,
                "owner",
                f"{owner} is not in members.csv; list an operator there as a member without meters",
            )
    batteries = []
    for row, (owner, values) in enumerate(zip(owners, rows, strict=True)):
        with _line_of(table, row):
            batteries.append(Battery(owner=owner, **values))
    return batteries


def read_offers(table: CsvTable) -> list[StorageOffer]:
    """Return one offer of storage for each row."""
    numbers = ["price_per_kwh_year", "price_per_kw_year"]
    numbers += ["charge_efficiency", "discharge_efficiency"]
    optional = ["degradation_cost_per_kwh"]
    table.expect(["name", *numbers], optional)
    names, rows = table.texts("name"), _numbers(table, numbers, optional)
    seen: set[str] = set()
    for row, name in enumerate(names):
        if name in seen:
            table.fail(row, "name", f'duplicate offer "{name}"')
        seen.add(name)
    offers = []
    for row, (name, values) in enumerate(zip(names, rows, strict=True)):
        with _line_of(table, row):
            offers.append(StorageOffer(name=name, **values))
    return offers


def read_grid(table: CsvTable, members: list[str]) -> Grid:
    """Return the grid of a table with one charge or limit in each row."""
    table.expect(["quantity", "value"], ["members"])
    limits = table.floats("value").tolist()
    of_all: dict[str, float] = {}
    known = frozenset(members)
    connections: dict[str, float] = {}
    lines: list[Line] = []
    rows = zip(table.texts("quantity"), limits, table.texts("members", ""), strict=True)
    for row, (quantity, value, cell) in enumerate(rows):
        named = [label.strip() for label in cell.split(";")] if cell else []
        if quantity not in _OF_ALL + _OF_MEMBERS:
            allowed = ", ".join(_OF_ALL + _OF_MEMBERS)
            table.fail(row, "quantity", f'"{quantity}" is none of {allowed}')
        if quantity in of_all:
            table.fail(row, "quantity", f"duplicate {quantity}")
        if bool(named) != (quantity in _OF_MEMBERS):
            wanted = "be empty" if named else "name members, separated by semicolons"
            table.fail(row, "members", f"for {quantity} the cell must {wanted}")
        times = Counter(named)
        for label in named:
            if label not in known:
                table.fail(row, "members", f"{label} is not in members.csv")
            if times[label] > 1:
                table.fail(row, "members", f"duplicate member {label}")
            if quantity == "connection_limit_kw" and label in connections:
                table.fail(row, "members", f"{label} has a connection limit already")
        # Each by itself first, so that the message names its line.
        with _line_of(table, row):
            if quantity == "connection_limit_kw":
                connections |= Grid(
                    connection_limits_kw=dict.fromkeys(named, value)
                ).connection_limits_kw
            elif quantity == "line_limit_kw":
                lines.append(Line(name=f"line {len(lines) + 1}", members=named, limit_kw=value))
            else:
                of_all[quantity] = value
                Grid(**{quantity: value})
    return Grid(
        demand_charge_per_kw=of_all.get("demand_charge_per_kw", 0.0),
        import_limit_kw=of_all.get("import_limit_kw", math.inf),
        export_limit_kw=of_all.get("export_limit_kw", math.inf),
        connection_limits_kw=connections,
        lines=tuple(lines),
    )


def _numbers(table: CsvTable, needed: list[str], optional: list[str]) -> list[dict[str, float]]:
    """Return the numbers of each row by column; optional ones are 0 by default."""
    columns = {name: table.floats(name).tolist() for name in needed}
    columns |= {name: table.floats(name, 0.0).tolist() for name in optional}
    return [{name: column[row] for name, column in columns.items()} for row in range(len(table))]


@contextmanager
def _line_of(table: CsvTable, row: int) -> Iterator[None]:
    """Say in which line something is wrong."""
    try:
        yield
    except GameError as error:
        raise GameError(f"{table.path}, line {table.lines[row]}: {error}") from error
