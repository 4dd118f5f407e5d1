"""All that can be read of a folder with meters, and all that is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.community_files import as_fields, read_parts
from sesgame.energy.meter_clock import UNSAID, MeterClock
from sesgame.energy.public_grid.point_files import point_fields, read_point_parts
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.validity import ALWAYS
from sesgame.files.faults import Faults

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps
    from sesgame.energy.validity import Validity
    from sesgame.errors import Fault

__all__ = ["FolderReading", "MeterReadings", "read_folder", "read_points_folder"]

World = TypeVar("World", Community, PublicGrid)


class MeterReadings(NamedTuple):
    """What a meter of ``members.csv``, or a register of ``points.csv``, reads.

    Attributes
    ----------
    member, kind, column, unit, scale, days
        As in its row there; the kind of a register is ``"import"`` or ``"export"``.
    line : int
        Of that row.
    values : array, shape (T,)
        As in ``meters.csv``, oldest first, with NaN for what is missing or no number.
    """

    member: str
    kind: str
    column: str
    unit: str
    scale: float
    days: Validity
    line: int
    values: NDArray[np.float64]

    def kwh(self, steps: TimeSteps) -> NDArray[np.float64]:
        """Return the energy of each step, 0 on days that are not the meter's."""
        there = self.days.steps(steps)
        energy = np.zeros(len(self.values))
        hours = steps.step_hours if self.unit == "kW" else 1.0
        energy[there] = self.values[there] * (self.scale * hours)
        return energy


@dataclass(frozen=True)
class FolderReading(Generic[World]):
    """A folder as far as it can be read.

    Attributes
    ----------
    world : Community, PublicGrid or None
        None where there are faults.
    faults : tuple of Fault
        All that could be found, by file in the order of reading, and by line.
    assumed : tuple of str
        How files were read that are not plain CSV, with their names.
    members : tuple of str
        In the order of ``members.csv``, or of ``points.csv``.
    steps : TimeSteps or None
        Of the meters.
    readings : tuple of MeterReadings
        One for each meter, or register, that is there.
    """

    world: World | None
    faults: tuple[Fault, ...]
    assumed: tuple[str, ...]
    members: tuple[str, ...]
    steps: TimeSteps | None
    readings: tuple[MeterReadings, ...]


def read_folder(folder: Path, said: MeterClock = UNSAID) -> FolderReading[Community]:
    """Read the folder of a community, whatever is wrong with it.

    Parameters
    ----------
    folder : Path
    said : MeterClock
        What is said of the clocks, beside ``clock.csv``.

    Examples
    --------
    >>> reading = read_folder(Path("examples/rural13"))
    >>> len(reading.members), reading.faults, reading.assumed
    (13, (), ())
    """
    faults = Faults()
    parts = read_parts(folder, said, faults)
    community = None
    if not faults.found:
        with faults.caught():
            community = Community(**as_fields(parts))
    readings = tuple(
        MeterReadings(parts.members[meter.member], *meter[1:], parts.readings[meter.column])
        for meter in parts.meters
        if meter.column in parts.readings
    )
    return FolderReading(
        community,
        tuple(faults.in_order),
        tuple(parts.assumed),
        tuple(parts.members),
        parts.steps,
        readings,
    )


def read_points_folder(folder: Path, said: MeterClock = UNSAID) -> FolderReading[PublicGrid]:
    """Read the folder of a community on the public grid, whatever is wrong with it.

    Parameters
    ----------
    folder : Path
    said : MeterClock
        What is said of the clocks, beside ``clock.csv``.

    Examples
    --------
    >>> reading = read_points_folder(Path("examples/street"))
    >>> len(reading.members), reading.faults, reading.readings[0].column
    (6, (), 'anna_in')
    """
    faults = Faults()
    parts = read_point_parts(folder, said, faults)
    world = None
    if not faults.found:
        with faults.caught():
            world = PublicGrid(**point_fields(parts))
    readings = tuple(
        MeterReadings(
            row.member,
            register,
            column,
            row.unit,
            row.scale,
            ALWAYS,
            row.line,
            parts.readings[column],
        )
        for row in parts.rows
        for register, column in row.columns.items()
        if column in parts.readings
    )
    return FolderReading(
        world,
        tuple(faults.in_order),
        tuple(parts.assumed),
        tuple(parts.members),
        parts.steps,
        readings,
    )
