"""The grid: demand charges, import and export limits, and lines."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.calendar_hours import (
    DAY_TYPES,
    EVERY_DAY,
    EVERY_MONTH,
    MINUTES,
    calendar_hours,
    cells,
    refuse_unknown_holidays,
    throughout,
    within_steps,
)
from sesgame.energy.dispatch.problem import FlowLimit, PeakCharge
from sesgame.energy.time_steps import MONTHS, TimeSteps
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue, InOrder

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DemandCharge", "Grid", "Line"]

Per = Literal["period", "month"]


@dataclass(frozen=True, kw_only=True)
class DemandCharge:
    """A charge on the highest import of the community in each month, or in the whole period.

    Parameters
    ----------
    price_per_kw : float
        For the highest import in any step that counts, once for each month or for the period,
        whatever its length; at least 0.
    per : {"month", "period"}, default "month"
        Whether each calendar month has a peak of its own, or all steps have one.
    start_minute, end_minute : int, default 0 and 1440
        The clock time within which import counts, as minutes after midnight; the end is not part
        of it. With an end before the start it is the evening and the early morning of each day.
    days : iterable of int, default all
        Days of the week on which import counts, Monday is 0; 7 is a holiday, where the steps have
        a list of them.
    months : iterable of int, default all
        The months in which import counts, January is 1.

    Raises
    ------
    GameError
        The price is negative or not finite, `per` is something else, or there are no such minutes,
        days or months.

    Notes
    -----
    A step that is in two months, or only in part within the hours, is refused. A month of which
    only a part is dispatched pays the whole charge on the peak of that part; one without a step
    that counts pays nothing.

    Examples
    --------
    Ten per kW of each month's highest import on working days from 8 to 20 h:

    >>> DemandCharge(price_per_kw=10.0, start_minute=8 * 60, end_minute=20 * 60, days=range(5)).per
    'month'
    """

    price_per_kw: float
    per: Per = "month"
    start_minute: int = 0
    end_minute: int = MINUTES
    days: frozenset[int] = EVERY_DAY
    months: frozenset[int] = EVERY_MONTH

    def __post_init__(self) -> None:
        _price("price_per_kw", self.price_per_kw)
        if self.per not in get_args(Per):
            raise GameError(f'per must be "period" or "month", got {self.per!r}')
        object.__setattr__(self, "days", frozenset(self.days))
        object.__setattr__(self, "months", frozenset(self.months))
        self._hours()

    def _hours(self) -> NDArray[np.bool_]:
        return calendar_hours(self.start_minute, self.end_minute, self.days, self.months)

    @property
    def follows_clock(self) -> bool:
        """Whether it depends on the calendar or the clock at all."""
        return bool(self.price_per_kw) and (self.per == "month" or not self._hours().all())

    def peak_charges(self, steps: TimeSteps) -> list[PeakCharge]:
        """Return the charge in each of its periods, as a dispatch model takes it.

        Raises
        ------
        GameError
            A step is in two months, or only in part within the hours, or holidays are meant but
            not given.
        """
        if not self.price_per_kw:
            return []
        refuse_unknown_holidays(self.days, steps, "a demand charge counts import on")
        hours = self._hours()
        instants = within_steps(steps, (self.start_minute, self.end_minute))
        counts = hours[cells(instants, steps)] if not hours.all() else np.ones((steps.n_steps, 1))
        cure = "give meters with shorter steps"
        counted = np.flatnonzero(
            throughout(counts, steps, "the hours of a demand charge begin or end", cure)
        )
        if not counted.size:
            return []
        when = self._when
        if self.per == "period":
            return [PeakCharge(f"the demand charge{when}", self.price_per_kw, counted)]
        months = steps.months[counted]
        firsts = np.flatnonzero(np.append(True, months[1:] != months[:-1]))
        return [
            PeakCharge(_of_month(months[first]) + when, self.price_per_kw, part)
            for first, part in zip(firsts, np.split(counted, firsts[1:]), strict=True)
        ]

    @property
    def _when(self) -> str:
        """The hours, days and months in which import counts, in words; empty for all of them."""
        words = []
        if (self.start_minute, self.end_minute) != (0, MINUTES):
            clock = [f"{m // 60:02}:{m % 60:02}" for m in (self.start_minute, self.end_minute)]
            words.append(f"from {clock[0]} to {clock[1]}")
        if self.days != EVERY_DAY:
            words.append(f"on {' '.join(DAY_TYPES[day] for day in sorted(self.days))}")
        if self.months != EVERY_MONTH and self.per == "period":
            words.append(f"in {' '.join(MONTHS[month - 1][:3] for month in sorted(self.months))}")
        return "".join(f" {part}" for part in words)


@dataclass(frozen=True, kw_only=True)
class Line(InOrder):
    """A line of a radial feeder, and who is behind it.

    Parameters
    ----------
    name : str
        For messages.
    members : iterable of str
        The members on the far side from the substation.
    limit_kw : float
        The most that it carries in either direction; at least 0.

    Raises
    ------
    GameError
        The limit is negative or not a number, or nobody is behind the line.
    """

    name: str
    members: frozenset[str]
    limit_kw: float

    def __init__(self, *, name: str, members: Iterable[str], limit_kw: float) -> None:
        if isinstance(members, str):
            raise GameError(f"the members behind line {name!r} are a list of labels, not a string")
        for attribute, value in (
            ("name", name),
            ("members", frozenset(members)),
            ("limit_kw", _limit(f"the limit of line {name!r}", limit_kw)),
        ):
            object.__setattr__(self, attribute, value)
        if not self.members:
            raise GameError(f"nobody is behind line {name!r}")


@dataclass(frozen=True, kw_only=True, eq=False)
class Grid(ByValue):
    """The connection of a community to the grid.

    Parameters
    ----------
    demand_charge_per_kw : float, default 0
        For the highest import in any step of the period, whatever its length; at least 0.
    demand_charges : iterable of DemandCharge, optional
        Charges on the peaks of months or within hours, in addition to that.
    import_limit_kw, export_limit_kw : float, default infinite
        The most that any coalition can draw from, or feed into, the grid together.
    connection_limits_kw : mapping of member to float, optional
        The most that a member's own connection carries in either direction.
    lines : iterable of Line, optional
        The lines of a radial feeder.

    Raises
    ------
    GameError
        A number is negative or not a number.

    Notes
    -----
    To keep a limit of export, of a connection or of a line, PV may be left unused, at no cost.

    The limits of the community and of lines belong to nobody: the costs of the coalitions are then
    not those of a linear production game, and dual prices may charge more than the cost of all. The
    limits of own connections come and go with their members.

    Examples
    --------
    >>> Grid(demand_charge_per_kw=6.5).import_limit_kw
    inf
    """

    demand_charge_per_kw: float = 0.0
    import_limit_kw: float = math.inf
    export_limit_kw: float = math.inf
    connection_limits_kw: Mapping[str, float] = field(default_factory=dict)
    lines: tuple[Line, ...] = ()
    demand_charges: tuple[DemandCharge, ...] = ()

    def __post_init__(self) -> None:
        _price("demand_charge_per_kw", self.demand_charge_per_kw)
        for name in ("import_limit_kw", "export_limit_kw"):
            _limit(name, getattr(self, name))
        for member, limit in self.connection_limits_kw.items():
            _limit(f"the connection limit of {member!r}", limit)
        object.__setattr__(self, "lines", tuple(self.lines))
        object.__setattr__(self, "demand_charges", tuple(self.demand_charges))

    @property
    def follows_clock(self) -> bool:
        """Whether a demand charge depends on the calendar or the clock."""
        return any(charge.follows_clock for charge in self.demand_charges)

    def peak_charges(self, steps: TimeSteps) -> tuple[PeakCharge, ...]:
        """Return the demand charges as a dispatch model takes them, those that cost something.

        No two have the same name: of charges on the same steps, those after the first are counted.
        """
        of_all = DemandCharge(price_per_kw=self.demand_charge_per_kw, per="period")
        named: dict[str, PeakCharge] = {}
        for demand_charge in (of_all, *self.demand_charges):
            for charge in demand_charge.peak_charges(steps):
                name, number = charge.name, 1
                while name in named:
                    number += 1
                    name = f"{charge.name} (number {number})"
                named[name] = replace(charge, name=name)
        return tuple(named.values())

    def flow_limits(self, members: Sequence[str]) -> tuple[FlowLimit, ...]:
        """Return the limits of lines and connections as a dispatch model takes them.

        A limit that is infinite is none.
        """
        limits = [
            (f"the limit of line {line.name!r}", line.members, line.limit_kw, False)
            for line in self.lines
        ]
        limits += [
            (f"the connection limit of {member!r}", frozenset([member]), limit, True)
            for member, limit in self.connection_limits_kw.items()
            if math.isfinite(limit)
        ]
        return tuple(
            FlowLimit(name, np.array([member in behind for member in members]), limit, is_own)
            for name, behind, limit, is_own in limits
        )

    def check_members(self, members: Sequence[str]) -> None:
        """Refuse a limit or a line of somebody who is not a member."""
        named = [("a connection limit", member) for member in self.connection_limits_kw]
        named += [(f"line {line.name!r}", name) for line in self.lines for name in line.members]
        for what, member in named:
            if member not in members:
                raise GameError(f"{what} names {member!r}, who is not a member")


def _of_month(month: np.datetime64) -> str:
    year, number = str(month).split("-")
    return f"the demand charge of {MONTHS[int(number) - 1]} {year}"


def _price(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise GameError(f"{name} must be non-negative, got {value}")


def _limit(name: str, value: float) -> float:
    if not value >= 0:
        raise GameError(f"{name} must be non-negative, got {value}")
    return float(value)
