"""The files of a new community, to be filled in with a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.clock import instant_of, wall_times
from sesgame.energy.meter_clock import UNSAID, MeterClock
from sesgame.energy.meter_table import TIME, UNITS, read_meter_table, unit_in_name
from sesgame.energy.time_steps import moment
from sesgame.errors import GameError
from sesgame.files.csv_text import csv_text
from sesgame.files.placeholder import PLACEHOLDER

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sesgame.files.csv_table import CsvTable

__all__ = ["files_of_readings", "starter_files"]

Row = Sequence[object]

_STEP = re.compile(r"(\d{1,4})\s*(min|h)")
_EXAMPLE = "2025-01-01"
"""Where nobody says a month, its first two steps show how times are written."""


def _step_of(text: str) -> np.timedelta64:
    """Return the length of a step that is written like ``15min`` or ``1h``.

    Raises
    ------
    GameError
        It is not, or a day is not a whole number of such steps.
    """
    match = _STEP.fullmatch(text.strip().lower())
    seconds = int(match[1]) * (60 if match[2] == "min" else 3600) if match else 0
    if seconds == 0 or 86_400 % seconds:
        raise GameError(f'"{text}" is no step like 15min or 1h of which a day has a whole number')
    return np.timedelta64(seconds, "s")


def starter_files(
    members: Sequence[str],
    *,
    with_pv: Sequence[str] = (),
    battery: str | None = None,
    month: str | None = None,
    step: str = "15min",
    said: MeterClock = UNSAID,
    contract: bool = False,
    currency: str = "EUR",
) -> dict[str, str]:
    """Return the texts of files by name, with ``?`` for each number that only the user knows.

    Parameters
    ----------
    members : sequence of str
        Each has a load.
    with_pv : sequence of str
        Members who have PV.
    battery : str, optional
        Who owns one: a member, several as ``ann;bob``, or ``all``. By default there is none.
    month : str, optional
        A calendar month like ``2025-06``, on the clock of the tariff, each step of which has a row;
        by default two steps show how.
    step : str, default "15min"
        That of the meters, like ``15min`` or ``1h``.
    said : MeterClock
        What ``clock.csv`` says.
    contract : bool, default False
        Contract, fees, demand charge and taxes in place of a tariff.
    currency : str, default "EUR"
        Three letters.

    Raises
    ------
    GameError
        There are no members or one twice, somebody with PV or a battery is none, a day has no whole
        number of steps, the currency has not three letters, or there is no such zone.
    """
    _refuse_unknown(members, with_pv, battery)
    if said.tariff_zone is not None and said.meters_zone is None:
        raise GameError(
            f"the tariff is on the clock of {said.tariff_zone}, but nobody knows on which clock "
            f"the meters are: say meters_zone, such as UTC"
        )
    meters = [(member, "load", f"{member}_load") for member in members]
    meters += [(member, "pv", f"{member}_pv") for member in members if member in with_pv]
    stamps = _stamps(month, _step_of(step), said)
    names = [column for _, _, column in meters]
    return _texts(
        [[member, kind, column, "kWh", 1] for member, kind, column in meters],
        [["time", *names], *([stamp, *[None] * len(names)] for stamp in stamps)],
        battery,
        said,
        contract,
        currency,
    )


def files_of_readings(
    path: Path,
    *,
    battery: str | None = None,
    said: MeterClock = UNSAID,
    contract: bool = False,
    currency: str = "EUR",
) -> tuple[dict[str, str], list[str]]:
    """Return the files of a community whose readings are there, and what was assumed of them.

    Each column of numbers becomes the load of a member who has its name, in the unit that the table
    says, or ``?``.

    Parameters
    ----------
    path : Path
        A table of readings as it was exported.
    battery, said, contract, currency
        As for :func:`starter_files`.

    Raises
    ------
    GameError
        The table cannot be read, or a cell is no number; as for :func:`starter_files` else.
    """
    assumed: list[str] = []
    found = read_meter_table(path, assumed)
    table, kept = found.table, {}
    for name in table.columns:
        if name != TIME:
            if any(character.isdigit() for cell in table.texts(name) for character in cell):
                kept[name] = _numbers(table, name)
            else:
                assumed.append(f'the column "{name}" has no numbers and is left out')
    if found.marks_end and said.stamp is None:
        said = said._replace(stamp="end")
    _refuse_unknown(list(kept), (), battery)
    rows: list[Row] = []
    for name in kept:
        unit, scale = UNITS.get(found.units.get(name) or unit_in_name(name) or "", (PLACEHOLDER, 1))
        rows.append([name, "load", name, unit, scale])
    columns = [table.texts(TIME), *kept.values()]
    meters: list[Row] = [[TIME, *kept], *zip(*columns, strict=True)]
    return _texts(rows, meters, battery, said, contract, currency), assumed


def _numbers(table: CsvTable, name: str) -> list[float | None]:
    """Return the numbers of a column, and nothing for an empty cell."""
    number = table.number(name)
    return table.convert(
        name, table.texts(name), lambda cell: number(cell) if cell else None, "a number"
    )


def _texts(
    members: Sequence[Row],
    meters: Sequence[Row],
    battery: str | None,
    said: MeterClock,
    contract: bool,
    currency: str,
) -> dict[str, str]:
    """Return the texts of all files by name."""
    if not re.fullmatch(r"[A-Za-z]{3}", currency):
        raise GameError(f'"{currency}" is no currency of three letters, such as EUR')
    tables: dict[str, Sequence[Row]] = {
        "members": [["member", "kind", "meter", "unit", "scale"], *members],
        "meters": meters,
        **(_contract(currency.lower()) if contract else _tariff(currency.lower())),
    }
    if battery is not None:
        numbers = ["energy_kwh", "power_kw", "charge_efficiency", "discharge_efficiency"]
        tables["batteries"] = [["owner", *numbers], [battery, *[PLACEHOLDER] * len(numbers)]]
    settings = [[name, value] for name, value in said._asdict().items() if value is not None]
    if settings:
        tables["clock"] = [["setting", "value"], *settings]
    return {f"{role}.csv": csv_text(rows) for role, rows in tables.items()}


def _refuse_unknown(members: Sequence[str], with_pv: Iterable[str], battery: str | None) -> None:
    if not members:
        raise GameError("a community has members: name at least one")
    for number, member in enumerate(members):
        if not member:
            raise GameError(f"member {number + 1} has no name")
        if member in members[:number]:
            raise GameError(f'duplicate member "{member}"')
    owners = [] if battery in (None, "all", *members) else str(battery).split(";")
    for what, labels in (("PV", with_pv), ("a battery", owners)):
        for label in labels:
            if label not in members:
                raise GameError(f'"{label}" has {what}, but is not among the members')


def _stamps(month: str | None, step: np.timedelta64, said: MeterClock) -> list[str]:
    """Return the stamps of a month, as the clock of the meters shows them."""
    first = moment(_EXAMPLE if month is None else month)
    last = first + 2 * step if month is None else moment(str(np.datetime64(month) + 1))
    zone = said.tariff_zone or said.meters_zone
    if zone is not None:
        first, last = instant_of(first, zone), instant_of(last, zone)
    instants: NDArray[np.datetime64] = np.arange(first, last, step)
    if said.stamp == "end":
        instants = instants + step
    walls = wall_times(instants, said.meters_zone) if said.meters_zone else instants
    return [str(wall.astype("datetime64[m]")) for wall in walls]


def _tariff(currency: str) -> dict[str, list[Row]]:
    prices = [f"{way}_{currency}_per_kwh" for way in ("buy", "sell")]
    return {"tariff": [prices, [PLACEHOLDER] * len(prices)]}


def _contract(currency: str) -> dict[str, list[Row]]:
    prices, unknown = _tariff(currency)["tariff"]
    return {
        "contracts": [["contract", *prices], ["supplier", *unknown]],
        "fees": [["label", f"price_{currency}", "per"], ["standing charge", PLACEHOLDER, "month"]],
        "demand_charges": [[f"price_{currency}_per_kw", "per"], [PLACEHOLDER, "month"]],
        "taxes": [["label", "per_cent"], ["VAT", PLACEHOLDER]],
    }
