"""The grid: demand charges, import and export limits, and lines."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.demand_charge import DemandCharge
from sesgame.energy.dispatch.problem import FlowLimit, PeakCharge
from sesgame.errors import GameError
from sesgame.game.by_value import ByValue, InOrder
from sesgame.game.door import checked_fields

if TYPE_CHECKING:
    from sesgame.energy.time_steps import TimeSteps

__all__ = ["Grid", "Line"]


@checked_fields
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

    def __init__(self, *, name: str, members: Iterable[Hashable], limit_kw: float) -> None:
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


@checked_fields
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

    @property
    def charges(self) -> tuple[DemandCharge, ...]:
        """The demand charges that cost something, that of the whole period first."""
        charges = [charge for charge in self.demand_charges if charge.price_per_kw]
        if self.demand_charge_per_kw:
            charges.insert(0, DemandCharge(price_per_kw=self.demand_charge_per_kw, per="period"))
        return tuple(charges)

    def peak_charges(self, steps: TimeSteps) -> tuple[PeakCharge, ...]:
        """Return the demand charges as a dispatch model takes them, those that cost something.

        No two have the same name: of charges on the same steps, those after the first are counted.
        """
        named: dict[str, PeakCharge] = {}
        for demand_charge in self.charges:
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


def _price(name: str, value: float) -> None:
    if not (math.isfinite(value) and value >= 0):
        raise GameError(f"{name} must be non-negative, got {value}")


def _limit(name: str, value: float) -> float:
    if not value >= 0:
        raise GameError(f"{name} must be non-negative, got {value}")
    return float(value)
