"""Folders that describe a world: which kind a folder is, and how each is read."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from sesgame.energy.community import Community
from sesgame.energy.community_files import community_files
from sesgame.energy.meter_clock import UNSAID, MeterClock
from sesgame.energy.public_grid.point_files import point_files
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.scenario_files import scenario_files
from sesgame.energy.scenarios import Scenarios
from sesgame.energy.two_period import TwoPeriodStorage
from sesgame.energy.two_period_files import two_period_files
from sesgame.errors import GameError
from sesgame.files.csv_folder import find_csv

if TYPE_CHECKING:
    from sesgame.game.world import World

__all__ = ["kind_of", "read_world", "world_files"]

_MARKS = {"scenarios": Scenarios, "two_period": TwoPeriodStorage, "points": PublicGrid}
"""The file that only a folder of this kind has."""


def read_world(folder: str | PathLike[str], said: MeterClock = UNSAID) -> World:
    """Return what a folder of CSV files describes; ``docs/file-formats.md`` has the kinds.

    Parameters
    ----------
    folder : path
    said : MeterClock
        What the caller says of the clocks, beside the folder's own ``clock.csv``.

    Raises
    ------
    GameError
        A file is missing or wrong; the message names file, line and column. Something is said of
        clocks where there is no calendar.
    """
    kind = kind_of(Path(folder))
    if issubclass(kind, TwoPeriodStorage):
        if any(said):
            raise GameError(f"{folder} has two periods and no calendar: there is no clock to name")
        return kind.from_csv(folder)
    return kind.from_csv(
        folder, meters_zone=said.meters_zone, tariff_zone=said.tariff_zone, stamp=said.stamp
    )


def world_files(folder: str | PathLike[str]) -> list[Path]:
    """Return the files that :func:`read_world` reads.

    Raises
    ------
    GameError
        There is no such folder, or a file is missing or there plain and compressed.
    """
    folder = Path(folder)
    kind = kind_of(folder)
    if kind is Scenarios:
        return scenario_files(folder)
    if kind is PublicGrid:
        return list(point_files(folder).values())
    files = two_period_files(folder) if kind is TwoPeriodStorage else community_files(folder)
    return list(files.values())


def kind_of(folder: Path) -> type[Community | Scenarios | TwoPeriodStorage | PublicGrid]:
    """Return what a folder describes: a community, unless a file says otherwise."""
    marks = [mark for mark in _MARKS if find_csv(folder, mark)]
    if len(marks) > 1:
        raise GameError(f"{folder} has both {' and '.join(f'{mark}.csv' for mark in marks)}")
    kind = _MARKS[marks[0]] if marks else Community
    if kind in (Community, PublicGrid) and find_csv(folder, "risk"):
        raise GameError(
            f"{folder} has risk.csv, but no scenarios.csv and no two_period.csv: there is no risk "
            f"without scenarios"
        )
    return kind
