"""The CSV files of what a community has: batteries, what it may buy, and the grid."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, cast

from sesgame.energy.battery import Battery, StorageOffer
from sesgame.energy.clock import as_date
from sesgame.energy.clock_cells import CLOCK, DAYS, MONTHS_OF_YEAR, days_of, minute_of, months_of
from sesgame.energy.demand_charge import DemandCharge
from sesgame.energy.generation_offer import GenerationOffer
from sesgame.energy.grid import Grid, Line
from sesgame.energy.validity import Validity
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray

    from sesgame.energy.demand_charge import Per

__all__ = [
    "VALID",
    "GenerationRow",
    "read_batteries",
    "read_generation",
    "read_grid",
    "read_offers",
    "read_validity",
]

VALID = ("valid_from", "valid_until")
"""Columns that say from when until when a row holds."""

_OF_ALL = ("demand_charge_per_kw", "import_limit_kw", "export_limit_kw")
_OF_MEMBERS = ("connection_limit_kw", "line_limit_kw")
_WHEN = {"per": "period", "from": "00:00", "to": "24:00", "days": "", "months": ""}
"""Cells that say when a demand charge holds, and what an empty one means."""


def read_batteries(
    table: CsvTable, members: list[str], listed: str = "members.csv"
) -> list[Battery]:
    """Return one battery for each row; its owners are members that a file lists."""
    numbers = ["energy_kwh", "power_kw", "charge_efficiency", "discharge_efficiency"]
    optional = ["initial_charge_kwh", "degradation_cost_per_kwh"]
    powers = ["charge_power_kw", "discharge_power_kw"]
    table.expect(["owner", *numbers], [*optional, *powers, "battery", "share", *VALID])
    rows: list[dict[str, object]] = [
        {**row, "valid_from": days.valid_from, "valid_until": days.valid_until}
        for row, days in zip(_numbers(table, numbers, optional), read_validity(table), strict=True)
    ]
    # An empty cell is no limit of its own: power_kw holds.
    for power in powers:
        given = table.texts(power, "")
        for row, value in enumerate(table.floats(power, 0.0).tolist()):
            if given[row]:
                rows[row][power] = value
    batteries: list[Battery] = []
    for row, shares in _owners(table, rows, members, listed):
        with table.of_row(row):
            batteries += Battery.shared(shares, **rows[row])
    return batteries


def _owners(
    table: CsvTable, rows: list[dict[str, object]], members: list[str], listed: str
) -> list[tuple[int, dict[str, float]]]:
    """Return the first row of each battery, and the shares of its owners.

    Raises
    ------
    GameError
        An owner is not a member or owns a battery twice, or rows of one battery contradict.
    """
    known = frozenset(members)
    names, given = table.texts("battery", ""), table.texts("share", "")
    shares = table.floats("share", 1.0).tolist()
    first: dict[str, int] = {}
    found: dict[int, dict[str, float]] = {}
    for row, cell in enumerate(table.texts("owner")):
        labels = [cell] if cell in known else [label.strip() for label in cell.split(";")]
        if labels == ["all"]:
            labels = list(members)
        for label in labels:
            if label and label not in known:
                table.fail(
                    row,
                    "owner",
                    f"{label} is not in {listed}; list an operator there as a member without "
                    f"meters",
                )
        name = names[row]
        if given[row] and not name:
            table.fail(
                row, "share", "a share is of a battery that has a name in the column battery"
            )
        if given[row] and len(labels) > 1:
            table.fail(row, "share", "a share is of one owner; several have equal parts without it")
        battery = first.setdefault(name, row) if name else row
        if rows[battery] != rows[row]:
            table.fail(
                row,
                "battery",
                f"{name} has other numbers than in line {table.lines[battery]}; all are of the "
                f"whole battery",
            )
        owned = found.setdefault(battery, {})
        for label in labels:
            if label in owned:
                table.fail(row, "owner", f"{label} owns a part of this battery already")
            owned[label] = shares[row] / len(labels)
    return list(found.items())


def read_validity(table: CsvTable) -> list[Validity]:
    """Return the days on which each row holds, by its cells valid_from and valid_until."""
    ends = [
        table.convert(
            name,
            table.texts(name, ""),
            lambda cell: as_date(cell) if cell else None,
            "a date like 2024-08-15",
        )
        for name in VALID
    ]
    found = []
    for row, days in enumerate(zip(*ends, strict=True)):
        try:
            found.append(Validity(*days))
        except GameError as error:  # noqa: PERF203, each row needs its own message
            table.fail(row, "valid_until", str(error))
    return found


def read_offers(table: CsvTable) -> list[StorageOffer]:
    """Return one offer of storage for each row."""
    numbers = ["price_per_kwh_year", "price_per_kw_year"]
    numbers += ["charge_efficiency", "discharge_efficiency"]
    optional = ["degradation_cost_per_kwh"]
    table.expect(["name", *numbers], optional)
    names, rows = _names_of_offers(table), _numbers(table, numbers, optional)
    offers = []
    for row, (name, values) in enumerate(zip(names, rows, strict=True)):
        with table.of_row(row):
            offers.append(StorageOffer(name=name, **values))
    return offers


class GenerationRow(NamedTuple):
    """A row of generation_offers.csv, whose profile is a column of the meters."""

    table: CsvTable
    row: int
    name: str
    price_per_kw_day: float
    column: str
    unit: str
    scale: float

    def offer(
        self, readings: Mapping[str, NDArray[np.float64]], step_hours: float
    ) -> GenerationOffer:
        """Return the offer, whose readings are of a kW: its power, or what it generates."""
        hours = step_hours if self.unit == "kW" else 1.0
        with self.table.of_row(self.row):
            profile = readings[self.column] * (self.scale * hours)
            return GenerationOffer(self.name, self.price_per_kw_day, profile)


def read_generation(table: CsvTable) -> list[GenerationRow]:
    """Return the rows of a table of generators to buy; their profiles are read with the meters."""
    table.expect(["name", "price_per_kw_day", "profile", "unit"], ["scale"])
    names, columns, units = _names_of_offers(table), table.texts("profile"), table.texts("unit")
    prices, scales = table.floats("price_per_kw_day").tolist(), table.floats("scale", 1.0).tolist()
    for row, (column, unit) in enumerate(zip(columns, units, strict=True)):
        if not column:
            table.fail(row, "profile", "the cell is empty; it must be a column of the meters")
        if unit not in ("kW", "kWh"):
            table.fail(row, "unit", f'"{unit}" is not kW or kWh')
    rows = zip(names, prices, columns, units, scales, strict=True)
    return [GenerationRow(table, number, *row) for number, row in enumerate(rows)]


def _names_of_offers(table: CsvTable) -> tuple[str, ...]:
    """Return the names of a table of offers, all different."""
    names = table.texts("name")
    seen: set[str] = set()
    for row, name in enumerate(names):
        if name in seen:
            table.fail(row, "name", f'duplicate offer "{name}"')
        seen.add(name)
    return names


def read_grid(table: CsvTable, members: list[str]) -> Grid:
    """Return the grid of a table with one charge or limit in each row."""
    table.expect(["quantity", "value"], ["members", *_WHEN])
    charges = _demand_charges(table)
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
        if quantity == "demand_charge_per_kw":
            if named:
                table.fail(row, "members", f"for {quantity} the cell must be empty")
            continue
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
        with table.of_row(row):
            if quantity == "connection_limit_kw":
                connections |= Grid(
                    connection_limits_kw=dict.fromkeys(named, value)
                ).connection_limits_kw
            elif quantity == "line_limit_kw":
                lines.append(Line(name=f"line {len(lines) + 1}", members=named, limit_kw=value))
            else:
                of_all[quantity] = value
                Grid(**{quantity: value})
    of_period = DemandCharge(price_per_kw=0.0, per="period")
    plain = [charge for charge in charges if replace(charge, price_per_kw=0.0) == of_period]
    return Grid(
        demand_charge_per_kw=sum(charge.price_per_kw for charge in plain),
        demand_charges=tuple(charge for charge in charges if charge not in plain),
        import_limit_kw=of_all.get("import_limit_kw", math.inf),
        export_limit_kw=of_all.get("export_limit_kw", math.inf),
        connection_limits_kw=connections,
        lines=tuple(lines),
    )


def _demand_charges(table: CsvTable) -> list[DemandCharge]:
    """Return the demand charges of a table; two differ in when they hold."""
    cells = {
        name: [cell or default for cell in table.texts(name, default)]
        for name, default in _WHEN.items()
    }
    starts = table.convert("from", cells["from"], minute_of, CLOCK)
    ends = table.convert("to", cells["to"], minute_of, CLOCK)
    days = table.convert("days", cells["days"], days_of, DAYS)
    months = table.convert("months", cells["months"], months_of, MONTHS_OF_YEAR)
    values = table.floats("value").tolist()
    charges: dict[DemandCharge, DemandCharge] = {}
    for row, quantity in enumerate(table.texts("quantity")):
        if quantity != "demand_charge_per_kw":
            for name, default in _WHEN.items():
                if cells[name][row] != default:
                    table.fail(row, name, f"only a demand charge has a time, not {quantity}")
            continue
        if cells["per"][row] not in ("month", "period"):
            table.fail(row, "per", f'"{cells["per"][row]}" is neither month nor period')
        with table.of_row(row):
            when = DemandCharge(
                price_per_kw=0.0,
                per=cast("Per", cells["per"][row]),
                start_minute=starts[row],
                end_minute=ends[row],
                days=days[row],
                months=months[row],
            )
            if when in charges:
                table.fail(row, "quantity", f"duplicate {quantity}")
            Grid(demand_charge_per_kw=values[row])
            charges[when] = replace(when, price_per_kw=values[row])
    return list(charges.values())


def _numbers(table: CsvTable, needed: list[str], optional: list[str]) -> list[dict[str, float]]:
    """Return the numbers of each row by column; optional ones are 0 by default."""
    columns = table.numbers({**dict.fromkeys(needed), **dict.fromkeys(optional, 0.0)})
    return [{name: column[row] for name, column in columns.items()} for row in range(len(table))]
