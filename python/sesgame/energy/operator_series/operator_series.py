"""Series of a grid operator: what points used and generated, and what of it was shared."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from copy import copy
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from sesgame.energy.meter_clock import MeterClock
from sesgame.energy.number_arrays import number_array
from sesgame.energy.operator_series.identities import BrokenIdentity, broken
from sesgame.energy.operator_series.series_files import read_owners, read_series
from sesgame.energy.public_grid.metering_point import MeteringPoint
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.time_steps import Moment, Stamp, TimeSteps
from sesgame.errors import GameError
from sesgame.formatting import count, named
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments, checked_fields

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.contract import Contract

    Array = NDArray[np.float64]

__all__ = ["OperatorSeries"]

T = TypeVar("T")

_EXACT = 15
"""Decimals of readings that nobody has rounded, as far as floats go."""

MOST_FLAG = 3
"""Of the quality of a reading: 1 measured, 2 a substitute that stands, 3 one that may change."""


@checked_fields
class OperatorSeries(ByValue):
    r"""What the grid operator says each point used or generated, and what of it was shared.

    In Austria and elsewhere the operator applies the sharing key and delivers the result; the
    community bills it. A consumer i has in each step what it used, :math:`c_{it}`, what was offered
    to it, :math:`a_{it}`, and what that covered, :math:`u_{it}`; a plant k what it generated,
    :math:`g_{kt}`, and what is left over, :math:`s_{kt}`. Between them holds

    .. math:: u_{it} \le c_{it}, \qquad u_{it} \le a_{it}, \qquad
              s_{kt} = g_{kt} - \frac{g_{kt}}{\sum_l g_{lt}} \sum_i u_{it} .

    Parameters
    ----------
    steps : TimeSteps or array_like of datetime64, shape (T,)
    consumed_kwh, offered_kwh, covered_kwh : mapping of str to array_like, shape (T,)
        By the name of each consumer's point, at least 0: what it used (the part that takes part in
        the community), what it was offered, and what that covered.
    generated_kwh, surplus_kwh : mapping of str to array_like, shape (T,)
        By the name of each plant's point: what it generated, and what of it nobody in the community
        used.
    members : mapping of str to hashable, optional
        Who owns each point; by default each point is a member of its own, of that name.
    quality : mapping of str to array_like of int, shape (T,), optional
        By point: 1 where all of its readings were measured, 2 where one is a substitute that
        stands, 3 where one is a substitute that may still change, 0 where nobody says.
    decimals : int, default 15
        To how many decimals the readings are rounded: as far as that goes, identities may be off.
    assumed : iterable of str, optional
        What whoever read the data assumed, for headings and results.

    Attributes
    ----------
    consumers, plants : tuple of str
        The names of the n and k points; the energies above are arrays of shape (n, T) and (k, T)
        in that order.
    members : dict of str to hashable
        The member of each point.
    quality : ndarray of shape (n + k, T)
        Consumers first.

    Raises
    ------
    GameError
        A series is missing, has another length, or is negative or not finite somewhere; a name is
        both a consumer's and a plant's; a point is nobody's, or one that is somebody's has no
        series.

    Notes
    -----
    Identities are not asked for here, so that what an operator sent can be looked at:
    :meth:`broken_identities` names what does not hold, and bills are refused then.

    References
    ----------
    Meter codes and what holds between them: [eegfaktura2026]_.

    Examples
    --------
    A roof and two flats in two quarter-hours:

    >>> import sesgame as sg
    >>> series = sg.energy.OperatorSeries(
    ...     steps=sg.energy.TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T12:15"]),
    ...     consumed_kwh={"ann": [1.0, 1.0], "bob": [3.0, 1.0]},
    ...     offered_kwh={"ann": [0.5, 1.5], "bob": [1.5, 1.5]},
    ...     covered_kwh={"ann": [0.5, 1.0], "bob": [1.5, 1.0]},
    ...     generated_kwh={"roof": [2.0, 3.0]},
    ...     surplus_kwh={"roof": [0.0, 1.0]},
    ... )
    >>> series.broken_identities()
    ()
    >>> series.delivered_kwh.tolist()
    [[2.0, 2.0]]
    """

    def __init__(
        self,
        *,
        steps: TimeSteps | ArrayLike,
        consumed_kwh: Mapping[str, ArrayLike],
        offered_kwh: Mapping[str, ArrayLike],
        covered_kwh: Mapping[str, ArrayLike],
        generated_kwh: Mapping[str, ArrayLike],
        surplus_kwh: Mapping[str, ArrayLike],
        members: Mapping[str, Hashable] | None = None,
        quality: Mapping[str, ArrayLike] | None = None,
        decimals: int = _EXACT,
        assumed: Iterable[str] = (),
    ) -> None:
        self.steps = steps if isinstance(steps, TimeSteps) else TimeSteps.from_times(steps)
        length = self.steps.n_steps
        self.consumers = _names(consumed_kwh, "consumed_kwh")
        self.plants = _names(generated_kwh, "generated_kwh")
        both = [name for name in self.consumers if name in self.plants]
        if both:
            raise GameError(
                f"{both[0]!r} is a consumer and a plant; give each register a point of its own"
            )
        if not self.consumers + self.plants:
            raise GameError("there are no series")
        whats = ("consumed_kwh", "offered_kwh", "covered_kwh")
        values = (consumed_kwh, offered_kwh, covered_kwh)
        arrays = [
            _readings(what, given, self.consumers, length)
            for what, given in zip(whats, values, strict=True)
        ]
        self.consumed_kwh, self.offered_kwh, self.covered_kwh = arrays
        self.generated_kwh = _readings("generated_kwh", generated_kwh, self.plants, length)
        self.surplus_kwh = _readings("surplus_kwh", surplus_kwh, self.plants, length)
        self.members: dict[str, Hashable] = _owners(self.points, members)
        self.quality = _flags(quality, self.points, length)
        if not isinstance(decimals, int) or isinstance(decimals, bool) or decimals < 0:
            raise GameError(f"decimals must be a whole number, at least 0, got {named(decimals)}")
        self.decimals = decimals
        self.assumed = tuple(assumed)

    @classmethod
    @checked_arguments
    def from_csv(
        cls,
        path: str | PathLike[str],
        *,
        members: Mapping[str, Hashable] | str | PathLike[str] | None = None,
        absent: Literal["refuse", "zero"] = "refuse",
        decimals: int | None = None,
        meters_zone: str | None = None,
        tariff_zone: str | None = None,
        stamp: Stamp | None = None,
    ) -> OperatorSeries:
        """Read the series of an operator from a table: one below the other, or side by side.

        Parameters
        ----------
        path : path
            Of a table with the columns ``point``, ``code``, ``time``, ``kwh`` and, where it is
            known, ``quality``; or of an export with a column for each series, the names of points
            and meter codes above them. ``docs/file-formats.md`` describes both.
        members : mapping of str to hashable, or path, optional
            Who owns each point, or a table of that with the columns ``point`` and ``member``; by
            default each point is a member of its own.
        absent : {"refuse", "zero"}, default "refuse"
            Whether a point that comes later than the first step, or leaves before the last, is
            refused, or has no energy then. Readings that are missing in between are refused.
        decimals : int, optional
            To how many decimals readings are rounded; by default as many as a cell has at most.
        meters_zone, tariff_zone, stamp
            The clock of the times, as in :meth:`PublicGrid.from_csv`.

        Raises
        ------
        FaultyFilesError
            The file is missing or wrong: all faults, with line, point, code and time. A code is
            unknown, a point lacks a series, a reading is missing, no number, or negative.
        """
        if absent not in ("refuse", "zero"):
            raise GameError(f"absent is {absent!r}; it must be refuse or zero")
        said = MeterClock(meters_zone, tariff_zone, stamp)
        if isinstance(members, (str, PathLike)):
            members = read_owners(Path(members))
        found = read_series(Path(path), said, fills=absent == "zero", decimals=decimals)
        return cls(members=members, **found)

    @property
    def points(self) -> tuple[str, ...]:
        """The names of all points, consumers first."""
        return self.consumers + self.plants

    @property
    def delivered_kwh(self) -> Array:
        """What each plant delivered to the community, generation minus surplus, shape (k, T)."""
        delivered: Array = self.generated_kwh - self.surplus_kwh
        return delivered

    def period(self, start: Moment | None = None, end: Moment | None = None) -> OperatorSeries:
        """Return the series in the steps that start in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data.
        """
        if start is None and end is None:
            return self
        period, part = self.steps.period(start, end), copy(self)
        part.steps = self.steps.part(period)
        for name in _BY_STEP:
            setattr(part, name, getattr(self, name)[:, period])
        return part

    def broken_identities(self) -> tuple[BrokenIdentity, ...]:
        """Return what does not hold between the series, beyond what their rounding explains.

        Returns
        -------
        tuple of BrokenIdentity
            One for each identity and point: covered at most consumed, covered at most offered, all
            covered at most all generated, and surplus = generation - the own part of what all
            consumers cover.

        Notes
        -----
        With readings rounded to d decimals, each is off by half a unit of the last; an identity may
        be off by the sum of that over the readings in it. O((n + k) T).
        """
        return tuple(
            broken(
                self.steps,
                (self.consumers, self.consumed_kwh, self.offered_kwh, self.covered_kwh),
                (self.plants, self.generated_kwh, self.surplus_kwh),
                self.decimals,
            )
        )

    def provisional(self) -> dict[str, tuple[int, str]]:
        """Return the points with substitutes that may still change: how many, and the first."""
        found = {}
        for row, point in enumerate(self.points):
            steps = np.flatnonzero(self.quality[row] == MOST_FLAG)
            if steps.size:
                found[point] = (int(steps.size), self.steps.time(int(steps[0])))
        return found

    def by_point(self, what: str, given: Mapping[Hashable, T], points: Iterable[str]) -> list[T]:
        """Return what a mapping has for points: under the name of each, or of its member.

        Raises
        ------
        GameError
            It has nothing for a point; or a key that is neither point nor member, both of different
            ones, or not needed, since it has no such point or each of them has its own.
        """
        members = set(self.members.values())
        for key in given:
            if key not in members and key not in self.members:
                raise GameError(f"{what} has {key!r}, which is neither a point nor a member")
            if key in members and self.members.get(key, key) != key:  # type: ignore[call-overload]
                raise GameError(
                    f"{what} has {key!r}, which is a member and a point of {self.members[key]!r}"  # type: ignore[index]
                )
        keys: dict[str, Hashable] = {
            point: point if point in given else self.members[point] for point in points
        }
        for key in given:
            if key not in keys.values():
                owns_one = key in (self.members[point] for point in keys)
                why = "each of whose points has its own" if owns_one else "who has no such point"
                raise GameError(f"{what} has {key!r}, {why}")
        for point, key in keys.items():
            if key not in given:
                raise GameError(f"{what} has nothing for the point {point!r} or its member {key!r}")
        return [given[key] for key in keys.values()]

    def public_grid(
        self,
        contracts: Iterable[Contract],
        *,
        contract: str | Mapping[Hashable, str],
        fee_per_kwh: ArrayLike | Mapping[tuple[str, str], ArrayLike] = 0.0,
        reduction: float | Mapping[tuple[str, str], float] = 0.0,
        zone: str | Mapping[Hashable, str] = "",
        members: Iterable[Hashable] | None = None,
        name: str = "operator's series",
    ) -> PublicGrid:
        """Return the world of these points, in which every coalition may share.

        Its game is what bills are audited against: the registers are the totals, and what the
        operator's key made of them plays no part.

        Parameters
        ----------
        contracts : iterable of Contract
        contract : str, or mapping of point or member to str
            The contract that each point keeps.
        fee_per_kwh, reduction : optional
            What a shared kWh costs still, and by which part that is reduced, as in
            :class:`PublicGrid`.
        zone : str, or mapping of point or member to str, optional
            Where each point is, if the fee depends on that.
        members : iterable of hashable, optional
            All members, also those without points, such as the association that gets the margin.
        name : str, optional

        Raises
        ------
        GameError
            A point has no contract or zone, or as in :class:`PublicGrid`.
        """

        def of(what: str, given: str | Mapping[Hashable, str]) -> list[str]:
            if isinstance(given, Mapping):
                return self.by_point(what, given, self.points)
            if not isinstance(given, str):
                raise GameError(f"{what} must be text, or a mapping to text, got {named(given)}")
            return [given] * len(self.points)

        registers: list[tuple[str, Any]] = [("import_kwh", row) for row in self.consumed_kwh]
        registers += [("export_kwh", row) for row in self.generated_kwh]
        points = [
            MeteringPoint(
                name=point,
                member=self.members[point],  # type: ignore[arg-type] # a label of any type
                contract=its_contract,
                zone=its_zone,
                **{register: readings},
            )
            for point, its_contract, its_zone, (register, readings) in zip(
                self.points, of("contract", contract), of("zone", zone), registers, strict=True
            )
        ]
        return PublicGrid(
            points=points,
            steps=self.steps,
            contracts=contracts,
            fee_per_kwh=fee_per_kwh,
            reduction=reduction,
            members=members,
            name=name,
            assumed=self.assumed,
        )

    def __repr__(self) -> str:
        return (
            f"OperatorSeries({count(len(self.consumers), 'consumer')}, "
            f"{count(len(self.plants), 'plant')}, {self.steps.in_words} from "
            f"{self.steps.time(0)})"
        )


_BY_STEP = (
    "consumed_kwh",
    "offered_kwh",
    "covered_kwh",
    "generated_kwh",
    "surplus_kwh",
    "quality",
)


def _names(given: object, what: str) -> tuple[str, ...]:
    if not isinstance(given, Mapping):
        raise GameError(f"{what} must be a mapping of points to readings, got {named(given)}")
    for name in given:
        if not isinstance(name, str):
            raise GameError(f"{what}: the name of a point is text, not {named(name)}")
    return tuple(given)


def _readings(
    what: str, given: Mapping[str, ArrayLike], points: tuple[str, ...], n_steps: int
) -> Array:
    """Return series as an array, shape (points, T), read-only."""
    names = _names(given, what)
    missing = [point for point in points if point not in names]
    strange = [name for name in names if name not in points]
    if missing or strange:
        lacks = f"no series of {missing[0]!r}" if missing else f"{strange[0]!r} beyond the others"
        raise GameError(f"{what} has {lacks}; all series of a kind have the same points")
    found = np.empty((len(points), n_steps))
    for row, point in enumerate(points):
        try:
            values = number_array(given[point])
        except (TypeError, ValueError) as error:
            raise GameError(f"{what} of {point!r} is no array of numbers") from error
        if values.shape != (n_steps,):
            raise GameError(f"{what} of {point!r} has shape {values.shape}; it needs ({n_steps},)")
        bad = ~(np.isfinite(values) & (values >= 0))
        if bad.any():
            step = int(np.argmax(bad))
            raise GameError(
                f"{what} of {point!r} is {values[step]} in step {step}; energy is finite, and at "
                f"least 0"
            )
        found[row] = values
    found.setflags(write=False)
    return found


def _owners(points: tuple[str, ...], members: Mapping[str, Hashable] | None) -> dict[str, Hashable]:
    if members is None:
        return {point: point for point in points}
    if not isinstance(members, Mapping):
        raise GameError(f"members must be a mapping of points to members, got {named(members)}")
    for name in members:
        if name not in points:
            raise GameError(f"members has the point {name!r}, which has no series")
    for point in points:
        if point not in members:
            raise GameError(f"members does not say whose the point {point!r} is")
    for point in points:
        if not isinstance(members[point], Hashable):
            raise GameError(f"the member of {point!r} is no label: {members[point]!r}")
    return {point: members[point] for point in points}


def _flags(
    quality: Mapping[str, ArrayLike] | None, points: tuple[str, ...], n_steps: int
) -> NDArray[np.uint8]:
    found = np.zeros((len(points), n_steps), dtype=np.uint8)
    for point in _names(quality, "quality") if quality is not None else ():
        if point not in points:
            raise GameError(f"quality has the point {point!r}, which has no series")
        flags = np.array((quality or {})[point])
        if flags.shape != (n_steps,) or not np.isin(flags, range(MOST_FLAG + 1)).all():
            raise GameError(
                f"quality of {point!r} must be {n_steps} whole numbers from 0 to {MOST_FLAG}"
            )
        found[points.index(point)] = flags
    found.setflags(write=False)
    return found
