"""Stand-in until the collecting reader lands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy import community_files as cf
from sesgame.energy.community import Community
from sesgame.energy.meter_clock import UNSAID, MeterClock, read_clock
from sesgame.errors import GameError
from sesgame.files.csv_table import CsvTable

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps


class MeterReadings(NamedTuple):
    """Readings of a meter."""

    member: str
    kind: str
    column: str
    unit: str
    scale: float
    line: int
    values: NDArray[np.float64]

    def kwh(self, steps: TimeSteps) -> NDArray[np.float64]:
        """Return energy."""
        hours = steps.step_hours if self.unit == "kW" else 1.0
        return self.values * (self.scale * hours)


@dataclass(frozen=True)
class FolderReading:
    """What is read."""

    community: Community | None
    faults: tuple[object, ...]
    assumed: tuple[str, ...]
    steps: TimeSteps | None
    members: tuple[str, ...]
    readings: tuple[MeterReadings, ...]


def read_folder(folder: Path, said: MeterClock = UNSAID) -> FolderReading:
    """Read."""
    try:
        community = Community.from_csv(
            folder, meters_zone=said.meters_zone, tariff_zone=said.tariff_zone, stamp=said.stamp
        )
    except GameError as error:
        return FolderReading(None, (error,), (), None, (), ())
    files = cf.community_files(folder)
    members, meters = cf._read_members(CsvTable.read(files["members"]))
    columns = dict.fromkeys(meter.column for meter in meters)
    if "clock" in files:
        said = said.joined(read_clock(CsvTable.read(files["clock"])), files["clock"])
    found = cf._read_plain(files["meters"], columns, said, None) or cf._read_by_cell(
        files["meters"], columns, said, None
    )
    readings = tuple(
        MeterReadings(members[m.member], m.kind, m.column, m.unit, m.scale, 0, found[1][m.column])
        for m in meters
    )
    return FolderReading(community, (), (), community.steps, community.members, readings)
