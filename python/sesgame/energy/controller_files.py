"""``controller.csv``: what ran the batteries of a community."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from sesgame.energy.clock_cells import CLOCK, DAYS, MONTHS_OF_YEAR, days_of, minute_of, months_of
from sesgame.energy.controller import (
    Controller,
    PeakShaving,
    SelfConsumption,
    StorageWindow,
    TimeWindows,
)

if TYPE_CHECKING:
    from sesgame.energy.controller import Action, Otherwise
    from sesgame.files.csv_table import CsvTable

__all__ = ["read_controller"]

_CELLS = {
    "self-consumption": (),
    "peak-shaving": ("threshold_kw", "member"),
    "time-windows": ("action", "from", "to", "days", "months"),
}
"""The controllers, and the cells that each may have."""


def read_controller(table: CsvTable, members: list[str]) -> Controller:
    """Return the controller of a table.

    One row of self-consumption; one of peak shaving for all, or one for each member with a
    threshold of its own; or one for each time window, with one of self-consumption where that
    holds outside of all windows.

    Raises
    ------
    GameError
        A cell is wrong or of another controller, or rows contradict each other.
    """
    optional = sorted({cell for cells in _CELLS.values() for cell in cells})
    table.expect(["controller"], optional)
    names = table.texts("controller")
    for row, name in enumerate(names):
        if name not in _CELLS:
            table.fail(row, "controller", f'"{name}" is none of {", ".join(_CELLS)}')
        for cell in optional:
            if cell not in _CELLS[name] and table.texts(cell, "")[row]:
                table.fail(row, cell, f"{name} has no {cell}")
    windows = [row for row, name in enumerate(names) if name == "time-windows"]
    allowed = {"time-windows", "self-consumption"} if windows else {names[0]}
    for row, name in enumerate(names):
        if name not in allowed or (name == "self-consumption" and name in names[:row]):
            table.fail(row, "controller", f"{name} does not go with the rows before it")
    if windows:
        otherwise: Otherwise = "self-consumption" if "self-consumption" in names else "idle"
        return TimeWindows(_windows(table, windows), otherwise)
    return _peak_shaving(table, members) if names[0] == "peak-shaving" else SelfConsumption()


def _windows(table: CsvTable, rows: list[int]) -> list[StorageWindow]:
    starts = [cell or "00:00" for cell in table.texts("from", "")]
    ends = [cell or "24:00" for cell in table.texts("to", "")]
    start = table.convert("from", starts, minute_of, CLOCK)
    end = table.convert("to", ends, minute_of, CLOCK)
    days = table.convert("days", table.texts("days", ""), days_of, DAYS)
    months = table.convert("months", table.texts("months", ""), months_of, MONTHS_OF_YEAR)
    actions = table.texts("action", "")
    for row in rows:
        if actions[row] not in ("charge", "discharge"):
            table.fail(row, "action", f'"{actions[row]}" is neither charge nor discharge')
    return [
        StorageWindow(
            action=cast("Action", actions[row]),
            start_minute=start[row],
            end_minute=end[row],
            days=days[row],
            months=months[row],
        )
        for row in rows
    ]


def _peak_shaving(table: CsvTable, members: list[str]) -> PeakShaving:
    given, owners = table.texts("threshold_kw", ""), table.texts("member", "")
    thresholds = table.floats("threshold_kw", 0.0).tolist()
    for row, threshold in enumerate(thresholds):
        if not given[row]:
            table.fail(row, "threshold_kw", "the cell is empty; it must be a power in kW")
        if threshold < 0:
            table.fail(row, "threshold_kw", f"{threshold:g} is negative")
        if owners[row] and owners[row] not in members:
            table.fail(row, "member", f"{owners[row]} is not in members.csv")
        if owners[row] in owners[:row] or bool(owners[row]) != bool(owners[0]):
            table.fail(row, "member", "thresholds are one for all, or one for each member")
    if not owners[0]:
        return PeakShaving(thresholds[0])
    return PeakShaving(dict(zip(owners, thresholds, strict=True)))
