"""The file that says how bad scenarios are weighed: of scenarios, and of two-period storage."""

from __future__ import annotations

from pathlib import Path

from sesgame.energy.risk import WORST_CASE, Risk
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable

__all__ = ["read_risk"]


def read_risk(path: Path) -> Risk:
    """Return the risk of a file with one row: its level, or the worst case, and its weight.

    Raises
    ------
    GameError
        The file is wrong; the message names file, line and column.
    """
    table = CsvTable.read(path)
    table.expect(["level"], ["weight"])
    if len(table) > 1:
        raise GameError(f"{table.path}, line {table.lines[1]}: one row is enough")
    weight = float(table.floats("weight")[0]) if "weight" in table.columns else 1.0
    if not 0 <= weight <= 1:
        table.fail(0, "weight", f"{weight:g} must be from 0 to 1")
    level = table.texts("level")[0]
    if level == WORST_CASE:
        return Risk.worst_case(weight)
    try:
        number = float(level)
    except ValueError:
        number = float("nan")
    if not 0 <= number < 1:
        table.fail(0, "level", f'"{level}" must be from 0 to below 1, or "{WORST_CASE}"')
    return Risk(number, weight)
