"""The folder that describes scenarios: which folders of communities, and how probable each is."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sesgame.energy.community_files import community_files
from sesgame.energy.risk import Risk
from sesgame.energy.risk_files import read_risk
from sesgame.files.csv_folder import csv_files
from sesgame.files.csv_table import CsvTable

__all__ = ["ScenarioFolder", "read_scenario_folder", "scenario_files"]

SCENARIOS = "scenarios"


class ScenarioFolder(NamedTuple):
    """What scenarios.csv says.

    Attributes
    ----------
    path : Path
        The file.
    folders : list of Path
        Of the communities.
    weights : list of float or None
        The probability of each, if there is such a column.
    risk : Risk or None
        Of risk.csv, if there is one.
    """

    path: Path
    folders: list[Path]
    weights: list[float] | None
    risk: Risk | None


def read_scenario_folder(folder: Path) -> ScenarioFolder:
    """Read which communities are the scenarios.

    Raises
    ------
    GameError
        The file is missing or wrong; the message names file, line and column.
    """
    files = csv_files(folder, [SCENARIOS], ["risk"])
    path = files[SCENARIOS]
    table = CsvTable.read(path)
    table.expect(["folder"], ["weight"])
    names = table.texts("folder")
    seen: set[str] = set()
    for row, name in enumerate(names):
        if not name:
            table.fail(row, "folder", "the cell is empty; it must be the folder of a community")
        if not (folder / name).is_dir():
            table.fail(row, "folder", f"no such folder: {folder / name}")
        if name in seen:
            table.fail(row, "folder", f'duplicate folder "{name}"')
        seen.add(name)
    weights = None
    if "weight" in table.columns:
        weights = table.floats("weight").tolist()
        for row, weight in enumerate(weights):
            if weight <= 0:
                table.fail(row, "weight", f"{weight:g} is not above 0")
    risk = read_risk(files["risk"]) if "risk" in files else None
    return ScenarioFolder(path, [folder / name for name in names], weights, risk)


def scenario_files(folder: Path) -> list[Path]:
    """Return all files that describe the scenarios.

    Raises
    ------
    GameError
        As in :func:`read_scenario_folder`, or a community lacks a file.
    """
    found = read_scenario_folder(folder)
    communities = [community_files(part).values() for part in found.folders]
    own = csv_files(folder, [SCENARIOS], ["risk"]).values()
    return [*own, *(path for files in communities for path in files)]
