"""All that can be said of a folder before anything is solved: faults, sums, and questions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.folder_reading import FolderReading, read_folder
from sesgame.energy.meter_clock import UNSAID, MeterClock
from sesgame.energy.plausibility.columns import METERS, columns_of
from sesgame.energy.plausibility.questions import all_questions
from sesgame.energy.scenario_files import read_scenario_folder
from sesgame.energy.scenarios import Scenarios
from sesgame.energy.world_files import kind_of, read_world
from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_folder import find_csv

if TYPE_CHECKING:
    from sesgame.energy.plausibility.question import Question
    from sesgame.energy.time_steps import Moment, TimeSteps

__all__ = ["FolderCheck", "MemberSums", "check_folder"]


@dataclass(frozen=True)
class MemberSums:
    """What a member has in the period that is checked, alone and without its batteries.

    Attributes
    ----------
    member : str
    load_kwh, pv_kwh : float
        What its meters of either kind add up to.
    import_kwh, export_kwh : float
        What it would draw from the grid and feed in, step by step.
    battery_kwh : float
        The capacity of what it owns.
    peak_kw : float
        Its highest import of a step; 0 for who never draws any.
    peak_at : str
        When that step starts; empty where there is none.
    """

    member: str
    load_kwh: float
    pv_kwh: float
    import_kwh: float
    export_kwh: float
    battery_kwh: float
    peak_kw: float
    peak_at: str


@dataclass(frozen=True)
class FolderCheck:
    """What is known of a folder.

    Attributes
    ----------
    folder : str
        As it was given.
    faults : tuple of Fault
        What is wrong, with file, line and column; all else is only known where there is none.
    assumed : tuple of str
        How files were read that are not written as ``docs/file-formats.md`` says.
    steps : TimeSteps or None
        Where there is a calendar.
    n_readings, n_missing : int
        Cells of meters, and those without a number.
    currency : str
    members : tuple of MemberSums
    together : MemberSums or None
        The same of all members as one.
    questions : tuple of Question
    """

    folder: str
    faults: tuple[Fault, ...] = ()
    assumed: tuple[str, ...] = ()
    steps: TimeSteps | None = None
    n_readings: int = 0
    n_missing: int = 0
    currency: str = ""
    members: tuple[MemberSums, ...] = ()
    together: MemberSums | None = None
    questions: tuple[Question, ...] = ()


def check_folder(
    folder: Path,
    said: MeterClock = UNSAID,
    start: Moment | None = None,
    end: Moment | None = None,
) -> list[FolderCheck]:
    """Check a folder: a community is one, scenarios are each of their communities and themselves.

    Parameters
    ----------
    folder : Path
    said : MeterClock
        What the caller says of the clocks.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.

    Raises
    ------
    GameError
        There is no such folder, or its files are of several kinds.
    """
    if not folder.is_dir():
        raise GameError(f"no such folder: {folder}")
    kind = kind_of(folder)
    if kind is Community:
        return [_checked_community(folder, said, start, end)]
    found = []
    if kind is Scenarios:
        try:
            parts = read_scenario_folder(folder).folders
        except GameError as error:
            return [FolderCheck(str(folder), _faults(error))]
        found = [_checked_community(part, said, start, end) for part in parts]
        if any(part.faults for part in found):
            return found
    try:
        world = read_world(folder, said).period(start, end)
    except GameError as error:
        return [*found, FolderCheck(str(folder), _faults(error))]
    return [*found, FolderCheck(str(folder), currency=world.currency)]


def _checked_community(
    folder: Path, said: MeterClock, start: Moment | None, end: Moment | None
) -> FolderCheck:
    reading = read_folder(folder, said)
    columns = {meter.column: meter.values for meter in reading.readings}
    n_readings = sum(values.size for values in columns.values())
    n_missing = sum(int(np.isnan(values).sum()) for values in columns.values())
    if reading.community is None:
        return FolderCheck(
            str(folder),
            reading.faults,
            reading.assumed,
            n_readings=n_readings,
            n_missing=n_missing,
        )
    try:
        part = reading.community.steps.period(start, end)
    except GameError as error:
        return FolderCheck(str(folder), _faults(error), reading.assumed)
    community = reading.community.period(start, end)
    return FolderCheck(
        str(folder),
        assumed=reading.assumed,
        steps=community.steps,
        n_readings=len(columns) * community.steps.n_steps,
        currency=community.currency,
        members=tuple(_sums(community)),
        together=_together(community),
        questions=tuple(_questions(folder, reading, community, part)),
    )


def _questions(
    folder: Path, reading: FolderReading, community: Community, part: slice
) -> list[Question]:
    columns = columns_of(meter._replace(values=meter.values[part]) for meter in reading.readings)
    meters, prices = (
        next((path.name for role in roles if (path := find_csv(folder, role))), METERS)
        for roles in (("meters",), ("contracts", "tariff"))
    )
    return all_questions(community, columns, meters, prices)


def _sums(community: Community) -> list[MemberSums]:
    capacity = community.by_member("storage")
    return [
        _of(community.steps, member, load, pv, capacity[member])
        for member, load, pv in zip(
            community.members, community.load_kwh, community.pv_kwh, strict=True
        )
    ]


def _together(community: Community) -> MemberSums:
    return _of(
        community.steps,
        "together",
        community.load_kwh.sum(axis=0),
        community.pv_kwh.sum(axis=0),
        sum(battery.energy_kwh for battery in community.batteries),
    )


def _of(
    steps: TimeSteps,
    member: str,
    load: np.ndarray[tuple[int], np.dtype[np.float64]],
    pv: np.ndarray[tuple[int], np.dtype[np.float64]],
    battery_kwh: float,
) -> MemberSums:
    net = load - pv
    peak = int(np.argmax(net))
    draws = bool(net[peak] > 0)
    return MemberSums(
        member=member,
        load_kwh=float(load.sum()),
        pv_kwh=float(pv.sum()),
        import_kwh=float(net[net > 0].sum()),
        export_kwh=float(np.abs(net[net < 0]).sum()),
        battery_kwh=float(battery_kwh),
        peak_kw=float(net[peak]) / steps.step_hours if draws else 0.0,
        peak_at=steps.time(peak) if draws else "",
    )


def _faults(error: GameError) -> tuple[Fault, ...]:
    return error.faults if isinstance(error, FaultyFilesError) else (Fault(str(error)),)
