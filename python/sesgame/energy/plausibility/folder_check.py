"""All that can be said of a folder before anything is solved: faults, sums, and questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.community_files import COMMUNITY_ROLES
from sesgame.energy.folder_reading import FolderReading, read_folder, read_points_folder
from sesgame.energy.meter_clock import UNSAID, MeterClock
from sesgame.energy.plausibility.columns import METERS, POINTS, columns_of
from sesgame.energy.plausibility.meters import meter_questions
from sesgame.energy.plausibility.money import battery_questions, price_questions
from sesgame.energy.plausibility.question import Question
from sesgame.energy.plausibility.questions import all_questions
from sesgame.energy.plausibility.sun import sun_questions
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.scenario_files import read_scenario_folder
from sesgame.energy.scenarios import Scenarios
from sesgame.energy.world_files import kind_of, read_world, world_files
from sesgame.errors import Fault, FaultyFilesError, GameError
from sesgame.files.csv_folder import find_csv
from sesgame.files.file_kind import WORKBOOKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import Moment, TimeSteps

__all__ = ["FolderCheck", "MemberSums", "check_folder"]

ALIKE = 0.75
"""Of their letters, that two names of files have in common in the same order: "battery" and
"batteries" have three quarters."""


@dataclass(frozen=True)
class MemberSums:
    """What a member has in the period that is checked, alone.

    Attributes
    ----------
    member : str
    load_kwh, pv_kwh : float
        What its meters of either kind add up to; 0 on the public grid, whose registers do not say.
    import_kwh, export_kwh : float
        What it would draw from the grid and feed in, step by step, with batteries as they were
        metered, and without those that were not.
    charged_kwh, discharged_kwh : float
        What its batteries were metered to do.
    storage_kwh : float
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
    charged_kwh: float
    discharged_kwh: float
    storage_kwh: float
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
    if kind is PublicGrid:
        return [_checked_points(folder, said, start, end)]
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
    if reading.world is None:
        return _faulty(folder, reading)
    try:
        part = reading.world.steps.period(start, end)
    except GameError as error:
        return FolderCheck(str(folder), _faults(error), reading.assumed)
    community = reading.world.period(start, end)
    return FolderCheck(
        str(folder),
        assumed=reading.assumed,
        steps=community.steps,
        n_readings=len({meter.column for meter in reading.readings}) * community.steps.n_steps,
        currency=community.currency,
        members=tuple(_sums(community)),
        together=_together(community),
        questions=tuple(_questions(folder, reading, community, part)),
    )


def _faulty(
    folder: Path, reading: FolderReading[Community] | FolderReading[PublicGrid]
) -> FolderCheck:
    """Return what is known of a folder that cannot be read."""
    columns = {meter.column: meter.values for meter in reading.readings}
    return FolderCheck(
        str(folder),
        reading.faults,
        reading.assumed,
        n_readings=sum(values.size for values in columns.values()),
        n_missing=sum(int(np.isnan(values).sum()) for values in columns.values()),
    )


def _questions(
    folder: Path, reading: FolderReading[Community], community: Community, part: slice
) -> list[Question]:
    columns = columns_of(meter._replace(values=meter.values[part]) for meter in reading.readings)
    prices = _name(folder, "contracts", "tariff")
    questions = all_questions(community, columns, _name(folder, "meters"), prices)
    return [*_unread(folder), *questions]


def _name(folder: Path, *roles: str) -> str:
    """Return the name of the first of some files that is there."""
    return next((path.name for role in roles if (path := find_csv(folder, role))), METERS)


def _unread(folder: Path) -> Iterator[Question]:
    """Ask about files with nearly the name of one that would be read."""
    read = world_files(folder)
    endings = (".csv", ".csv.gz", *WORKBOOKS)
    for path in sorted(folder.iterdir()):
        role = path.name.lower().partition(".")[0]
        alike = get_close_matches(role, COMMUNITY_ROLES, n=1, cutoff=ALIKE)
        if (
            alike
            and alike[0][0] == role[0]
            and path.name.lower().endswith(endings)
            and not any(path.samefile(other) for other in read)
        ):
            yield Question(
                "file that is not read",
                path.name,
                "",
                "",
                "nobody reads a file with this name",
                f"{alike[0]}.csv",
                f"call it {alike[0]}.csv, if so",
            )


_LIKE = {"import": "load", "export": "pv"}
"""What kind of meter the registers of a point are most like."""


def _checked_points(
    folder: Path, said: MeterClock, start: Moment | None, end: Moment | None
) -> FolderCheck:
    """Return what the registers of points say: nobody knows what is behind them."""
    reading = read_points_folder(folder, said)
    if reading.world is None:
        return _faulty(folder, reading)
    try:
        part = reading.world.steps.period(start, end)
    except GameError as error:
        return FolderCheck(str(folder), _faults(error), reading.assumed)
    world = reading.world.period(start, end)
    registers = columns_of(
        meter._replace(kind=_LIKE[meter.kind], values=meter.values[part])
        for meter in reading.readings
    )
    meters, contracts = _name(folder, "meters"), _name(folder, "contracts")
    steps = world.steps
    zeros = np.zeros(steps.n_steps)
    drawn = dict.fromkeys(world.members, zeros)
    fed_in = dict.fromkeys(world.members, zeros)
    for point in world.points:
        drawn[point.member] = drawn[point.member] + point.import_kwh
        fed_in[point.member] = fed_in[point.member] + point.export_kwh
    capacity = dict.fromkeys(world.members, 0.0)
    for battery in world.batteries:
        capacity[battery.owner] += battery.energy_kwh
    prices = [
        replace(question, seen=f"{contract.name}: {question.seen}")
        for contract in world.contracts
        for question in price_questions(steps, contract, contracts)
    ]
    return FolderCheck(
        str(folder),
        assumed=reading.assumed,
        steps=steps,
        n_readings=len({column.name for column in registers}) * steps.n_steps,
        currency=world.currency,
        members=tuple(
            _of_registers(steps, member, drawn[member], fed_in[member], capacity[member])
            for member in world.members
        ),
        together=_of_registers(
            steps,
            "together",
            sum(drawn.values(), zeros),
            sum(fed_in.values(), zeros),
            sum(capacity.values()),
        ),
        questions=(
            *meter_questions(steps, registers, meters, POINTS),
            *sun_questions(steps, registers, meters, POINTS),
            *prices,
            *battery_questions(world.batteries),
        ),
    )


def _of_registers(
    steps: TimeSteps,
    member: str,
    drawn: NDArray[np.float64],
    fed_in: NDArray[np.float64],
    storage_kwh: float,
) -> MemberSums:
    peak = int(np.argmax(drawn))
    draws = bool(drawn[peak] > 0)
    return MemberSums(
        member=member,
        load_kwh=0.0,
        pv_kwh=0.0,
        import_kwh=float(drawn.sum()),
        export_kwh=float(fed_in.sum()),
        charged_kwh=0.0,
        discharged_kwh=0.0,
        storage_kwh=storage_kwh,
        peak_kw=float(drawn[peak]) / steps.step_hours,
        peak_at=steps.time(peak) if draws else "",
    )


def _sums(community: Community) -> list[MemberSums]:
    capacity = community.by_member("storage")
    metered = community.battery_kwh
    return [
        _of_meters(
            community.steps,
            member,
            community.load_kwh[row],
            community.pv_kwh[row],
            None if metered is None else metered[row],
            capacity[member],
        )
        for row, member in enumerate(community.members)
    ]


def _together(community: Community) -> MemberSums:
    metered = community.battery_kwh
    return _of_meters(
        community.steps,
        "together",
        community.load_kwh.sum(axis=0),
        community.pv_kwh.sum(axis=0),
        None if metered is None else metered.sum(axis=0),
        float(sum(battery.energy_kwh for battery in community.batteries)),
    )


def _of_meters(
    steps: TimeSteps,
    member: str,
    load: NDArray[np.float64],
    pv: NDArray[np.float64],
    charge: NDArray[np.float64] | None,
    storage_kwh: float,
) -> MemberSums:
    charge = np.zeros(steps.n_steps) if charge is None else charge
    net = load - pv + charge
    drawn, fed_in = np.maximum(net, 0.0), np.maximum(-net, 0.0)
    return replace(
        _of_registers(steps, member, drawn, fed_in, storage_kwh),
        load_kwh=float(load.sum()),
        pv_kwh=float(pv.sum()),
        charged_kwh=float(np.maximum(charge, 0.0).sum()),
        discharged_kwh=float(np.maximum(-charge, 0.0).sum()),
    )


def _faults(error: GameError) -> tuple[Fault, ...]:
    return error.faults if isinstance(error, FaultyFilesError) else (Fault(str(error)),)
