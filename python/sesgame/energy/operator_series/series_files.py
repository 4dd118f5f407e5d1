"""Files of a grid operator's series, put into the steps that they have in common.

Each series is of a point and a meter code. What a point has under other codes too, such as all that
it used beside the part that takes part, is checked and left out, and that is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from sesgame.energy.meter_files import read_times
from sesgame.energy.operator_series.identities import half_unit
from sesgame.energy.operator_series.meter_codes import CODES, PARTS, SERIES, Quantity
from sesgame.energy.operator_series.series_tables import Readings, SeriesKey, read_tables
from sesgame.errors import Fault, FaultyFilesError
from sesgame.files.csv_table import CsvTable
from sesgame.files.decimals import PLAIN_SIGNS, decimals_of
from sesgame.files.faults import Faults
from sesgame.formatting import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.meter_clock import MeterClock
    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["read_owners", "read_series"]

_FLAGS = {"": 0, "L0": 0, "L1": 1, "L2": 2, "L3": 3}
_MISSING = "L0"


def read_series(
    path: Path, said: MeterClock, *, fills: bool, decimals: int | None
) -> dict[str, Any]:
    """Return what a table holds, as the arguments of an ``OperatorSeries``.

    Parameters
    ----------
    path : Path
    said : MeterClock
    fills : bool
        Whether points may come late or leave early, and have no energy then.
    decimals : int or None
        To how many readings are rounded; None: as many as a cell has at most.

    Raises
    ------
    FaultyFilesError
        All that is wrong with it.
    """
    assumed: list[str] = []
    faults = Faults()
    table, found = read_tables(path, faults, assumed, marks_end=said.stamp == "end")
    times = _all_times(table, found, fills=fills)
    clock = replace(table, columns={"time": tuple(times.texts)}, lines=times.lines)
    try:
        steps = read_times(clock, said.meters_zone, said)
    except FaultyFilesError as error:
        if times.whose is None:
            raise
        found_there = [
            replace(fault, what=f"{times.whose}: {fault.what}") for fault in error.faults
        ]
        raise FaultyFilesError(found_there) from error
    series = _Series(path, steps, times, faults)
    for key, readings in found.items():
        series.add(key, readings)
    faults.refuse()
    result = series.arguments(fills, decimals)
    faults.refuse()
    return result | {"assumed": assumed + series.assumed}


def read_owners(path: Path) -> dict[str, str]:
    """Return the member of each point, from a table with the columns ``point`` and ``member``.

    Raises
    ------
    FaultyFilesError
        The file is missing or wrong: a point is there twice, or a cell is empty.
    """
    table = CsvTable.read(path, [])
    table.expect(["point", "member"])
    found: dict[str, str] = {}
    for row, (point, member) in enumerate(
        zip(table.texts("point"), table.texts("member"), strict=True)
    ):
        for column, cell in (("point", point), ("member", member)):
            if not cell:
                table.fail(row, column, "the cell is empty")
        if point in found:
            table.fail(row, "point", f'duplicate point "{point}"')
        found[point] = member
    return found


def _worst(flags: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    """Return the worst quality in each step; where nobody says it of one, it is not the best."""
    worst: NDArray[np.uint8] = np.max(flags, axis=0)
    worst[(worst == _FLAGS["L1"]) & (np.min(flags, axis=0) == 0)] = 0
    return worst


class _Times(NamedTuple):
    """All times of a table, each as often as a series has it.

    Attributes
    ----------
    texts : list of str
    lines : tuple of int
        Where they stand.
    place : dict
        The step of each text and of how often it came before in its series.
    whose : SeriesKey or None
        The series that has most of them; None where all stand in the same rows.
    """

    texts: list[str]
    lines: tuple[int, ...]
    place: dict[tuple[str, int], int]
    whose: SeriesKey | None


def _all_times(table: CsvTable, found: dict[SeriesKey, Readings], *, fills: bool) -> _Times:
    """Return the times of the series that has most of them.

    Where points may come late or leave early, with those that others have before and after.
    """
    times = table.columns["time"]
    longest, *others = sorted(found, key=lambda key: len(found[key].rows), reverse=True)
    rows = found[longest].rows.tolist()
    known = {times[row].strip() for row in rows}
    grew = fills
    while grew:
        grew = False
        for key in others:
            theirs = found[key].rows.tolist()
            inside = [k for k, row in enumerate(theirs) if times[row].strip() in known]
            if inside:
                before, after = theirs[: inside[0]], theirs[inside[-1] + 1 :]
                rows = before + rows + after
                known.update(times[row].strip() for row in before + after)
                grew |= bool(before or after)
    own = [times[row].strip() for row in rows]
    lines = tuple(table.lines[row] for row in rows)
    whose = longest if len(rows) < len(table) else None
    return _Times(own, lines, {pair: step for step, pair in enumerate(_numbered(own))}, whose)


def _numbered(texts: Sequence[str]) -> list[tuple[str, int]]:
    """Return each text with how often it came before: the repeated hour of a clock has it twice."""
    before: Counter[str] = Counter()
    found = []
    for text in texts:
        found.append((text, before[text]))
        before[text] += 1
    return found


class _Series:
    """The series of a table, while they are put in order."""

    def __init__(self, path: Path, steps: TimeSteps, times: _Times, faults: Faults) -> None:
        self._path, self._steps, self._times, self._faults = path, steps, times, faults
        self._energy: dict[SeriesKey, Array] = {}
        self._quality: dict[SeriesKey, NDArray[np.uint8]] = {}
        self._decimals = 0
        self.assumed: list[str] = []

    def _refuse(self, what: str, line: int | None = None, cure: str = "") -> None:
        self._faults.found.append(Fault(what, str(self._path), line, cure=cure))

    def add(self, key: SeriesKey, readings: Readings) -> None:
        """Put the readings of a series in their steps; those that are not there are NaN."""
        table, rows = readings.table, readings.rows.tolist()
        texts = [table.columns["time"][row].strip() for row in rows]
        steps = self._steps_of(texts)
        if (steps < 0).any():
            row = rows[int(np.argmax(steps < 0))]
            when = table.columns["time"][row].strip()
            again = "another" if texts.count(when) > 1 else "a"
            what = f"{key} has {again} reading at {when}, where other series have none"
            self._refuse(what, table.lines[row])
            return
        back = np.flatnonzero(np.diff(steps) < 0)
        if back.size and len(set(texts)) < len(texts):
            row = rows[int(back[0]) + 1]
            when = table.columns["time"][row].strip()
            what = (
                f"{key} has {when} after later times: where the clock is put back, only the order "
                f"of readings tells which come first"
            )
            self._refuse(what, table.lines[row])
            return
        cells = [table.columns[readings.column][row] for row in rows]
        flags = [""] * len(rows)
        if readings.quality is not None:
            flags = [flag.upper() for flag in readings.quality]
        for k, flag in enumerate(flags):
            if flag not in _FLAGS:
                allowed = ", ".join(filter(None, _FLAGS))
                what = f'the quality of {key} is "{flag}"; it is one of {allowed}'
                self._refuse(what, table.lines[rows[k]])
                return
        there = [k for k, cell in enumerate(cells) if cell.strip() and flags[k] != _MISSING]
        name = readings.column
        part = replace(
            table,
            columns={name: tuple(cells[k] for k in there)},
            lines=tuple(table.lines[rows[k]] for k in there),
        )
        self._energy[key] = np.full(self._steps.n_steps, np.nan)
        self._quality[key] = np.zeros(self._steps.n_steps, dtype=np.uint8)
        self._quality[key][steps] = [_FLAGS[flag] for flag in flags]
        with self._faults.caught():
            values = part.floats(name)
            plain = table.signs.get(name, PLAIN_SIGNS).plain
            self._decimals = max(self._decimals, decimals_of(map(plain, part.columns[name])))
            self._energy[key][steps[there]] = values
            below = np.flatnonzero(values < 0)
            if below.size:
                k = int(below[0])
                when = self._steps.time(int(steps[there[k]]))
                what = f"{key} is {values[k]:g} kWh in the step from {when}; it must be at least 0"
                self._refuse(what, part.lines[k])

    def _steps_of(self, texts: list[str]) -> NDArray[np.intp]:
        """Return the steps of times, -1 for one that is not there."""
        if texts == self._times.texts:
            return np.arange(len(texts))
        return np.array([self._times.place.get(pair, -1) for pair in _numbered(texts)])

    def arguments(self, fills: bool, decimals: int | None) -> dict[str, Any]:
        """Return the energy of all points, with zeros where one is not there yet or any more."""
        if decimals is not None:
            self._decimals = decimals
        points = self._points()
        series: dict[str, dict[str, Array]] = {
            f"{each.quantity}_kwh": {} for kind in SERIES.values() for each in kind
        }
        quality: dict[str, NDArray[np.uint8]] = {}
        left_out: Counter[str] = Counter()
        for point, kind in points.items():
            chosen = self._chosen(point, kind)
            if chosen is None:
                continue
            codes = [key.code for key in chosen.values()]
            if kind == "plant" and len({code.endswith("T") for code in codes}) > 1:
                self.assumed.append(
                    f"{' and '.join(codes)} of the point {point!r} count together, though only one "
                    f"is of the part that takes part"
                )
            absent = self._absence(point, chosen.values(), fills)
            for quantity, key in chosen.items():
                series[f"{quantity}_kwh"][point] = np.where(absent, 0.0, self._energy[key])
            quality[point] = _worst([self._quality[key] for key in chosen.values()])
            others = [
                key for key in self._energy if key.point == point and key not in chosen.values()
            ]
            left_out.update(key.code for key in others)
            self._check_parts(point)
        for code, n_points in left_out.items():
            part = next((small for small, large in PARTS.items() if large == code), None)
            why = f", of which {part} is the part that takes part" if part else ""
            self.assumed.append(f"{code} of {count(n_points, 'point')} left out{why}")
        told = any(flags.any() for flags in quality.values())
        return {
            "steps": self._steps,
            **series,
            "quality": quality if told else None,
            "decimals": self._decimals,
        }

    def _points(self) -> dict[str, str]:
        """Return the points in the order of the file, and what each is."""
        found: dict[str, str] = {}
        for key in self._energy:
            # 2.9.0 is what plants generate: of a consumer, what it has of that.
            kind = CODES[key.code]
            if found.setdefault(key.point, kind) != kind:
                others = [str(each.code) for each in self._energy if each.point == key.point]
                self._refuse(
                    f"the point {key.point!r} has codes of a consumer and of a plant: "
                    f"{', '.join(others)}",
                    cure="give each register a point of its own",
                )
        self._faults.refuse()
        return found

    def _chosen(self, point: str, kind: str) -> dict[Quantity, SeriesKey] | None:
        """Return which series of a point count."""
        found: dict[Quantity, SeriesKey] = {}
        for each in SERIES[kind]:
            there = [key for code in each.codes if (key := SeriesKey(point, code)) in self._energy]
            if there:
                found[each.quantity] = there[0]
            else:
                codes = " or ".join(each.codes)
                self._refuse(f"the point {point!r} has no series {codes}: what is {each.quantity}")
        return found if len(found) == len(SERIES[kind]) else None

    def _absence(self, point: str, keys: Iterable[SeriesKey], fills: bool) -> NDArray[np.bool_]:
        """Return the steps before a point comes and after it leaves; refuse other gaps."""
        gaps = {key: np.isnan(self._energy[key]) for key in keys}
        absent: NDArray[np.bool_] = np.all(list(gaps.values()), axis=0)
        there = np.flatnonzero(~absent)
        # Between the first and the last reading nothing is absent, nor where there is none.
        absent[there[0] if there.size else 0 : there[-1] + 1 if there.size else None] = False
        for key, missing in gaps.items():
            steps = np.flatnonzero(missing & ~absent if fills else missing)
            if not steps.size:
                continue
            first, last = self._steps.time(int(steps[0])), self._steps.time(int(steps[-1]))
            cure = 'absent="zero" has no energy where a point is not in the community'
            self._refuse(
                f"{count(int(steps.size), 'reading')} of {key} "
                f"{'is' if steps.size == 1 else 'are'} missing, {first}"
                f"{f' to {last}' if steps.size > 1 else ''}",
                cure=cure if absent[steps].all() else "",
            )
        if fills and absent.any():
            first, last = self._steps.time(int(there[0])), self._steps.time(int(there[-1]) + 1)
            self.assumed.append(
                f"the point {point!r} is there from {first} to {last}, not before or after"
            )
        return absent

    def _check_parts(self, point: str) -> None:
        """Refuse a part that is more than the whole."""
        for small, large in PARTS.items():
            part, whole = (self._energy.get(SeriesKey(point, code)) for code in (small, large))
            if part is None or whole is None:
                continue
            largest = float(np.nanmax(whole, initial=0.0))
            over = np.flatnonzero(part - whole > 2 * half_unit(self._decimals, largest))
            if over.size:
                step = int(over[0])
                self._refuse(
                    f"{SeriesKey(point, small)} is {part[step]:g} kWh in the step from "
                    f"{self._steps.time(step)}, more than the {whole[step]:g} of {large}"
                )
