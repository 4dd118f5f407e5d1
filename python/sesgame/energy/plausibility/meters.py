"""Readings that look like a mistake: registers, units, clocks, gaps that were filled.

No reading is refused here. Each threshold is relative to the readings themselves, and set where
measurements of people who live and work hardly ever come.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.meter_table import UNITS, unit_in_name
from sesgame.energy.plausibility.columns import MEMBERS, METERS, POINTS, MeterColumn
from sesgame.energy.plausibility.question import Question
from sesgame.formatting import count

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

__all__ = ["DAY", "HUM", "meter_questions"]

FAR = 100
"""Times the largest rise: a register that has counted for less than a hundred steps is rare, and a
load that never falls and hardly rises is rarer."""

MANY = 8
"""Readings that are in order, alike or in line by chance about once in 8! = 40,320 times."""

DAY = 24.0
"""Hours after which a load or the sun has gone through all that it does, and comes back."""

THOUSAND = (100.0, 10_000.0)
"""How far apart meters are where one is in Wh and others in kWh: a factor of 1,000, while members
of one community differ by ten or less from the next in size."""

HUM = 1e-3
"""Of what a meter counts: what inverters and rounding leave around zero."""

OFTEN = 0.1
"""Of the readings beside such stretches: a charger or a heat pump that is off as often as that may
be off for days, too. A household hardly ever is."""

ONE_LINE = 1e-9
"""Of the largest reading: what the rounding of decimals leaves of a straight line."""

_ESTIMATED = "ask the meter operator, or tell the members what was taken for the gap"


def meter_questions(
    steps: TimeSteps, columns: Sequence[MeterColumn], file: str = METERS, listed: str = MEMBERS
) -> list[Question]:
    """Return what is to be asked about readings.

    Parameters
    ----------
    steps : TimeSteps
    columns : sequence of MeterColumn
        Without missing readings.
    file : str
        The name of the file that they are in.
    listed : str
        That of the file that says whose they are.

    Notes
    -----
    O(columns x steps).
    """
    ask = _Asker(steps, file, listed)
    registers = {column.name for column in columns if ask.register(column)}
    # All else that is said of a register would be said of its differences.
    others = [column for column in columns if column.name not in registers]
    for column in others:
        ask.unit(column)
        # What storage does is not the weather's or a habit's.
        if column.kind in ("load", "pv"):
            ask.repeated(column)
            ask.straight(column)
            ask.sign(column)
            # A register may be behind a transformer: its scale is no rating.
            if listed != POINTS:
                ask.rating(column)
    for kind in ("load", "pv"):
        ask.thousand([column for column in others if column.kind == kind])
    ask.copies(others)
    ask.both_ways(others)
    ask.ends()
    return ask.found


class _Asker:
    def __init__(self, steps: TimeSteps, file: str, listed: str) -> None:
        self.steps = steps
        self.file = file
        self.listed = listed
        self.days = steps.n_steps * steps.step_hours / DAY
        self.found: list[Question] = []

    def ask(self, topic: str, column: str, when: str, seen: str, meaning: str, cure: str) -> None:
        self.found.append(Question(topic, self.file, column, when, seen, meaning, cure))

    def span(self, first: int, last: int) -> str:
        """Return from when to when some steps last."""
        return f"{self.steps.time(first)} to {self.steps.time(last + 1)}"

    def register(self, column: MeterColumn) -> bool:
        rises = np.diff(column.values)
        n_up, n_down = int((rises > 0).sum()), int((rises < 0).sum())
        is_far = n_up > 1 and n_down == 0 and column.values[0] > FAR * rises.max()
        # A new meter begins at zero once; two days of a load fall twice.
        for_long = n_up >= MANY and self.days >= 1 and n_down <= (self.days >= 2)
        if not (is_far or for_long):
            return False
        falls = "falls once" if n_down else "never falls"
        self.ask(
            "cumulative register",
            column.name,
            self.span(0, self.steps.n_steps - 1),
            f"{falls}, from {column.values[0]:g} to {column.values[-1]:g}",
            "what the meter has counted since it was installed, not the energy of each step",
            "put the difference to the reading before into each cell",
        )
        return True

    def unit(self, column: MeterColumn) -> None:
        named = unit_in_name(column.name)
        if named not in UNITS:
            return
        unit, scale = UNITS[named]
        # Whoever has a scale has thought about the unit.
        if unit == column.unit and (scale == 1.0 or set(column.scales.values()) != {1.0}):
            return
        self.ask(
            "unit",
            column.name,
            "",
            f"its name says {named}, {self.listed} says {column.unit}",
            f"readings in {named}",
            f"write {unit} as unit in {self.listed}"
            + ("" if scale == 1.0 else f", and {scale:g} as scale"),
        )

    def repeated(self, column: MeterColumn) -> None:
        least = max(math.ceil(DAY / self.steps.step_hours), MANY)
        runs = _runs(np.diff(column.values) == 0, least - 1)
        n_zeros = int((column.values == 0).sum())
        long_zeros = [run for run in runs if column.values[run[0]] == 0]
        n_long = sum(end - start + 1 for start, end in long_zeros)
        if column.kind == "load" and n_zeros - n_long > OFTEN * (column.values.size - n_long):
            runs = [run for run in runs if column.values[run[0]] != 0]
        if not runs:
            return
        (first, last), n_readings = runs[0], sum(end - start + 1 for start, end in runs)
        value = column.values[first]
        if value:
            meaning = "a gap that was filled with its last reading, or an estimate"
        else:
            snow = "snow, " if column.kind == "pv" else ""
            meaning = f"{snow}a meter that was off, or a gap that was filled with zeros"
        self.ask(
            "repeated readings",
            column.name,
            self.span(first, last),
            f"the reading is {value:g} for {last - first + 1:,} steps; {n_readings:,} readings are "
            f"repeated like that, in {count(len(runs), 'place')}",
            meaning,
            _ESTIMATED,
        )

    def straight(self, column: MeterColumn) -> None:
        rises = np.diff(column.values)
        largest = float(np.abs(column.values).max())
        moving = np.abs(rises[np.abs(rises) > ONE_LINE * largest])
        if not moving.size:
            return
        # Of a coarse meter several rises by its last digit are nothing special.
        steep = np.abs(rises[1:]) > 2 * moving.min()
        runs = _runs(steep & (np.abs(np.diff(rises)) <= ONE_LINE * largest), MANY)
        if not runs:
            return
        (first, end), n_readings = runs[0], sum(end - start + 2 for start, end in runs)
        self.ask(
            "interpolated readings",
            column.name,
            self.span(first, end + 1),
            f"the readings are on a straight line; {n_readings:,} readings are, in "
            f"{count(len(runs), 'place')}",
            "a gap that was filled by interpolation",
            _ESTIMATED,
        )

    def sign(self, column: MeterColumn) -> None:
        up, down = column.flows
        if column.kind == "pv" and down > HUM * up:
            self.ask(
                "negative PV",
                column.name,
                "",
                f"{down / (up + down):.1%} of all it counts is below zero",
                "a two-way meter",
                "list it in members.csv as a load whose sign is turned (scale -1)",
            )
        if column.kind == "load" and down > 0 and up <= HUM * down:
            self.ask(
                "negative load",
                column.name,
                "",
                "its readings are below zero, and none is above",
                "generation, or a load with its sign turned",
                "list it as pv, or with the scale -1, in members.csv",
            )

    def rating(self, column: MeterColumn) -> None:
        # Clouds' edges lift the sun by up to a quarter over what modules are rated at.
        peak = float(column.values.max())
        if column.kind == "pv" and min(column.scales.values()) > 1 and peak > 1.25:
            index = int(np.argmax(column.values))
            rated = min(column.scales.values())
            self.ask(
                "PV above its rating",
                column.name,
                self.steps.time(index),
                f"{peak:g} times the scale {rated:g}",
                f"readings in {column.unit} already, and no share of what is installed",
                "leave the scale empty in members.csv",
            )

    def thousand(self, columns: list[MeterColumn]) -> None:
        totals = {column.name: column.kwh(self.steps) for column in columns}
        named = sorted((kwh, name) for name, kwh in totals.items() if kwh > 0)
        if len(named) < 2:
            return
        kwh = np.array([total for total, _ in named])
        ratios = kwh[1:] / kwh[:-1]
        split = int(np.argmax(ratios)) + 1
        if not THOUSAND[0] <= ratios[split - 1] <= THOUSAND[1]:
            return
        low, high = named[:split], named[split:]
        odd, is_high = (low, False) if len(low) < len(high) else (high, True)
        others = f"at most {low[-1][0]:,.0f}" if is_high else f"at least {high[0][0]:,.0f}"
        for total, name in odd:
            self.ask(
                "a thousand times",
                name,
                "",
                f"{total:,.6g} kWh, and the others of this kind have {others} kWh",
                "Wh taken for kWh" if is_high else "MWh taken for kWh",
                f"write {'0.001' if is_high else '1000'} as scale in {self.listed}",
            )

    def copies(self, columns: list[MeterColumn]) -> None:
        same: dict[bytes, dict[str, MeterColumn]] = defaultdict(dict)
        for column in columns:
            same[blake2b(column.values.tobytes()).digest()][column.name] = column
        for alike in same.values():
            if len(alike) > 1 and np.unique(next(iter(alike.values())).values).size >= MANY:
                self.ask(
                    "copied readings",
                    ", ".join(alike),
                    "",
                    "all their readings are the same",
                    "one meter exported twice, or a profile that several share",
                    "export the right one; a profile needs only one column",
                )

    def both_ways(self, columns: list[MeterColumn]) -> None:
        with_pv = {name for column in columns if column.kind == "pv" for name in column.scales}
        for column in columns:
            up, down = column.flows
            twice = with_pv & set(column.scales)
            if column.kind == "load" and up > 0 and down > HUM * up and twice:
                self.ask(
                    "PV counted twice",
                    column.name,
                    "",
                    f"feeds in {down / (up + down):.1%} of all it counts, and {min(twice)} has PV "
                    f"by itself",
                    "a meter at the connection, which has counted the PV already",
                    "leave the pv row out of members.csv, or give what the PV meter counts to load",
                )

    def ends(self) -> None:
        """Ask about a period that misses midnight by one step on either side."""
        clock = self.steps.calendar
        first, last = clock.wall_times(np.array([self.steps.start, self.steps.end]))
        day, step = np.timedelta64(1, "D"), self.steps.step
        into = first - first.astype("datetime64[D]")
        over = last - last.astype("datetime64[D]")
        if self.days < 1 or step >= day:
            return
        if into == step and over == step:
            self.ask(
                "end stamps",
                "time",
                f"{self.steps.time(0)} to {self.steps.time(self.steps.n_steps)}",
                "the period begins and ends one step after midnight",
                "that each stamp marks the end of its step",
                'write "stamp,end" into clock.csv',
            )
        elif into == np.timedelta64(0, "s") and over == day - step:
            self.ask(
                "a last step",
                "time",
                self.steps.time(self.steps.n_steps),
                "the period ends one step before midnight",
                "an export that leaves the last step out",
                "export up to and with the last step of the day",
            )


def _runs(flags: NDArray[np.bool_], least: int) -> list[tuple[int, int]]:
    """Return where at least so many flags are set in a row: the first, and the one after the last.

    The longest comes first.
    """
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False]))))
    runs = edges.reshape(-1, 2)
    runs = runs[runs[:, 1] - runs[:, 0] >= least]
    longest_first = np.argsort(runs[:, 0] - runs[:, 1], kind="stable")
    return [(int(first), int(end)) for first, end in runs[longest_first]]
