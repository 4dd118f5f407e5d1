"""Files of sharing keys: coefficients fixed and by step, given parts, and a key for each plant."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.contract_files import rows_of
from sesgame.energy.sharing_coefficients import SharingCoefficients, coefficients_of, steps_of
from sesgame.energy.sharing_keys.given_key import GivenKey
from sesgame.energy.sharing_keys.pairwise_key import PairwiseKey
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.errors import FaultyFilesError, GameError
from sesgame.files.csv_table import CsvTable

if TYPE_CHECKING:
    from sesgame.energy.sharing_keys.sharing_key import CommonKey

__all__ = ["given_key", "pairwise_key", "read_coefficients"]


def read_coefficients(path: Path, zone: str | None) -> SharingCoefficients:
    """Read the coefficients of points: a table, or a text file for a Spanish grid operator.

    Raises
    ------
    GameError
        The file is missing or wrong.
    """
    if path.suffix.lower() == ".txt":
        return SharingCoefficients.from_cups_file(path, zone=zone)
    return SharingCoefficients.from_csv(path, zone=zone)


def given_key(path: Path, zone: str | None) -> GivenKey:
    """Read a table with ``time`` and a column of parts for each point.

    Raises
    ------
    GameError
        The file is missing or wrong, a part is not in [0, 1], or those of a step add up to more
        than 1.
    """
    table = CsvTable.read(path)
    table.expect(["time"], [name for name in table.columns if name != "time"])
    points = [name for name in table.columns if name != "time"]
    if not points:
        raise GameError(f"{path} has times, and no point beside them")
    parts = np.array([table.floats(name) for name in points])
    steps = steps_of(table, zone=zone)
    try:
        return GivenKey(points, parts, steps)
    except GameError as error:
        raise GameError(f"{path}: {error}") from error


def pairwise_key(path: Path, zone: str | None) -> PairwiseKey:
    """Read coefficients with a column ``plant`` beside: those of each plant are a key of its own.

    Raises
    ------
    GameError
        The file is missing or wrong, or the coefficients of a plant do not add up to 1.
    """
    table = CsvTable.read(path)
    if "plant" not in table.columns:
        raise GameError(f'{path} has no column "plant", which says whose coefficients each row has')
    rows: dict[str, list[int]] = {}
    for row, plant in enumerate(table.texts("plant")):
        if not plant:
            table.fail(row, "plant", "the cell is empty; it must be the name of a plant")
        rows.setdefault(plant, []).append(row)
    keys: dict[str, CommonKey] = {}
    for plant, own in rows.items():
        part = rows_of(table, own, drop=["plant"])
        try:
            keys[plant] = StaticKey(coefficients_of(part, zone=zone))
        except FaultyFilesError:
            # Whose lines they are can be looked up.
            raise
        except GameError as error:
            raise GameError(f"the plant {plant!r}: {error}") from error
    return PairwiseKey(keys)
