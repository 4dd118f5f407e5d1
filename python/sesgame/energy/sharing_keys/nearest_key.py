"""The fixed coefficients whose bills are nearest to a fair split."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np

from sesgame.energy.sharing_keys.best_split import best_split, rounding
from sesgame.energy.sharing_keys.coefficient_gain import coefficient_gain
from sesgame.energy.sharing_keys.local_terms import local_prices
from sesgame.energy.sharing_keys.nearest_split import (
    Distance,
    NearestSplit,
    least_sum,
    nearest_split,
    rising,
    together,
    within,
)
from sesgame.energy.sharing_keys.shared_generation import shared_generation
from sesgame.energy.sharing_keys.sharing_bills import Unused
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["NearestKey", "nearest_key"]

_MEASURES: dict[Distance, str] = {
    "largest": "largest deviation from a fair split",
    "sum": "sum of deviations from a fair split",
}


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class NearestKey(ByValue):
    """Fixed coefficients, and what remains between their bills and a fair split.

    Attributes
    ----------
    points : tuple of str
        The n points that draw something.
    coefficients : ndarray of shape (n,)
        Their coefficients.
    bills : Allocation
        What members pay under them, with :class:`~sesgame.evidence.SharedGeneration` as evidence.
    deviations : Allocation
        By how much each bill is above the fair one, for all members.
    counted : tuple of hashable
        The members whose deviations are made small: those that draw something.
    distance : {"largest", "sum"}
        Which measure of these.
    remaining : float
        What it is under the key.
    least : float
        What no fixed coefficients bring it below.
    multiplier : float
        What a part of 1 of the generation is worth at the margin, where the sum is scarce; else 0.
    unused : {"plant", "owner"}
        Whose is what is assigned and not used.
    tolerance : float
        What rounding may take of the distance.
    """

    points: tuple[str, ...]
    coefficients: NDArray[np.float64]
    bills: Allocation
    deviations: Allocation
    counted: tuple[Hashable, ...]
    distance: Distance
    remaining: float
    least: float
    multiplier: float
    unused: Unused
    tolerance: float

    @property
    def key(self) -> StaticKey:
        """The coefficients as a key."""
        return StaticKey(dict(zip(self.points, self.coefficients.tolist(), strict=True)))

    @checked_arguments
    def verify(
        self,
        world: PublicGrid,
        allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
        *,
        local_price_per_kwh: ArrayLike | Mapping[str, ArrayLike],
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> Verification:
        """Check bills and bound on the readings, without a search.

        Raises
        ------
        GameError, AllocationError
            As :func:`nearest_key`.
        """
        terms = _Terms(local_price_per_kwh, self.distance, self.unused, start, end)
        search = _Search(world, allocation, terms)
        claim = f"fixed coefficients with the least {_MEASURES[self.distance]}"
        values = tuple(self.coefficients.tolist())
        if search.points != self.points or search.counted != self.counted:
            failure = "other points draw energy than those that have a coefficient"
            return Verification(claim=claim, failures=(failure,), exact=False, values=values)
        bills = search.billed(self.coefficients)
        remaining, slack = search.distance_of(bills), len(self.counted) * bills.tolerance
        deviations, failures = bills.values - search.fair.values, []
        differ = bills.values - self.bills.values, deviations - self.deviations.values
        if not all((np.abs(each) <= slack).all() for each in differ):
            failures.append("the bills under the key, or their deviations, are others")
        if not abs(remaining - self.remaining) <= slack:
            failures.append(f"the distance is {remaining:.12g}, and not {self.remaining:.12g}")
        wanted = search.wanted(self.coefficients, bills)
        if not self.remaining <= self.least + slack:
            failures.append(f"the least is {self.least:.12g}, and {self.remaining:.12g} remains")
        elif not search.is_bounded(wanted, self.least, self.multiplier, slack):
            failures.append(f"some coefficients come nearer than {self.least:.12g}")
        return Verification(claim=claim, failures=tuple(failures), exact=False, values=values)

    def __repr__(self) -> str:
        return (
            f"NearestKey({count(len(self.points), 'point')}, {self.distance} {self.remaining:.6g})"
        )


@checked_arguments
def nearest_key(
    world: PublicGrid,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    *,
    local_price_per_kwh: ArrayLike | Mapping[str, ArrayLike],
    distance: Literal["largest", "sum"] = "largest",
    unused: Literal["plant", "owner"] = "plant",
    start: Moment | None = None,
    end: Moment | None = None,
) -> NearestKey:
    r"""Return the fixed coefficients whose bills are nearest to a fair split.

    .. math:: \min_\beta \max_{m} |x_m(\beta) - y_m| \quad \text{or} \quad
              \min_\beta \sum_m |x_m(\beta) - y_m|, \qquad \sum_i \beta_i = 1

    with the bill of a member, x, and the fair one, y, over the members that draw something.

    Parameters
    ----------
    world : PublicGrid
        Without batteries.
    allocation : Allocation, mapping or array_like
        The fair split: costs of all members, such as a Shapley value of ``world.cost_game()``.
    local_price_per_kwh : float, array_like of shape (T,), or mapping of str to either
        What a consumer pays the plant for a shared kWh, as of
        :func:`sesgame.energy.shared_generation`.
    distance : {"largest", "sum"}, default "largest"
        Whether the largest deviation is least, or the sum of the sizes of all.
    unused : {"plant", "owner"}, default "plant"
        Whose surplus is what a consumer is assigned and does not use.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.

    Returns
    -------
    NearestKey
        Coefficients, bills, and what remains of the deviations of all members.

    Raises
    ------
    GameError
        Storage is dispatched, nobody draws or feeds in, the period is empty, or a larger
        coefficient costs a point more: then its bill does not fall with it. A member draws and has
        a plant whose local price is not what it earns otherwise: then its bill follows from what
        all use. With the sum, and where a member has several points that draw, no used kWh may
        cost more than a bought one.
    AllocationError
        The split is of other members, or of gains.

    Notes
    -----
    The bill of a consumer falls with its coefficient. So each deviation allows an interval of
    coefficients, and the least is where these can sum to 1: one number to search for, as the
    multiplier is for the sum. Several points of a member divide its coefficient so that they save
    most. O(n T log T).

    Members who only feed in are not counted: their bills follow from what all use, and a local
    price moves them.

    Coefficients that nobody needs go to all, in the same part of their intervals; with the sum to
    the one member whose bill they move least.

    Examples
    --------
    >>> import sesgame as sg
    >>> flat, point = sg.energy.Tariff.flat, sg.energy.MeteringPoint
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="roof", member="roof", contract="pv", export_kwh=[4.0]),
    ...         point(name="a", member="ann", contract="basic", import_kwh=[4.0]),
    ...         point(name="b", member="bob", contract="basic", import_kwh=[2.0]),
    ...     ],
    ...     steps=sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1),
    ...     contracts=[
    ...         sg.energy.Contract(name="pv", energy=flat(0.30, 0.08)),
    ...         sg.energy.Contract(name="basic", energy=flat(0.28, 0.08)),
    ...     ],
    ... )
    >>> fair = sg.shapley_value(world.cost_game())
    >>> nearest = sg.energy.nearest_key(world, fair, local_price_per_kwh=0.2)
    >>> dict(zip(nearest.points, nearest.coefficients.round(4).tolist()))
    {'a': 0.8125, 'b': 0.1875}
    >>> nearest.deviations.values.round(4).tolist()
    [-0.0133, 0.0067, 0.0067]
    """
    if distance not in get_args(Distance):
        raise GameError(f'distance must be "largest" or "sum", got {distance!r}')
    terms = _Terms(local_price_per_kwh, distance, unused, start, end)
    search = _Search(world, allocation, terms)
    # What points have to save is seen from bills under any key.
    known = search.by_consumption()
    coefficients, split = search.nearest(search.wanted(known, search.billed(known)))
    bills = search.billed(coefficients)
    return NearestKey(
        points=search.points,
        coefficients=coefficients,
        bills=bills,
        deviations=Allocation(
            bills.players, bills.values - search.fair.values, "cost", "bill less fair share"
        ),
        counted=search.counted,
        distance=distance,
        remaining=search.distance_of(bills),
        least=split.least,
        multiplier=split.multiplier,
        unused=unused,
        tolerance=len(search.counted) * bills.tolerance,
    )


class _Terms(NamedTuple):
    """At what prices and how bills are compared with a fair split, and in which steps."""

    local_price_per_kwh: ArrayLike | Mapping[str, ArrayLike]
    distance: Distance
    unused: Unused
    start: Moment | None
    end: Moment | None


class _Search:
    """What members save by coefficients of their own, and which come nearest to what they want."""

    def __init__(
        self,
        world: PublicGrid,
        allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
        terms: _Terms,
    ) -> None:
        part = world.period(terms.start, terms.end)
        self.fair = as_allocation(part.cost_game(), allocation)
        self._whole, self._terms, self._distance = world, terms, terms.distance
        period = world.steps.period(terms.start, terms.end)
        prices = local_prices(terms.local_price_per_kwh, world, period)
        self._worth = worth = WorthOfUse(part, terms.unused, prices)
        self.points = tuple(point.name for point in worth.consumers)
        places = {member: number for number, member in enumerate(part.members)}
        rows: dict[int, list[int]] = {}
        for row, point in enumerate(worth.consumers):
            rows.setdefault(places[point.member], []).append(row)
        self._members, self._rows = list(rows), tuple(rows.values())
        self.counted = tuple(part.members[number] for number in rows)
        for plant in worth.plants:
            if places[plant.member] in rows:
                self._check_income(plant, prices[plant.name])
        self._of_points = [
            coefficient_gain(worth.generated, worth.consumed(point), *worth.of_own(point))
            for point in worth.consumers
        ]
        for members_rows in self._rows:
            for row in members_rows:
                self._check(row, is_straight=self._distance == "largest" and len(members_rows) == 1)
        self._curves = [
            rising(together([self._of_points[row] for row in members_rows]))
            for members_rows in self._rows
        ]

    def _check_income(self, plant: MeteringPoint, price: Array) -> None:
        """Refuse a plant of a member that draws whose income follows the coefficients of others.

        Raises
        ------
        GameError
            Its local price is not what it earns otherwise.
        """
        sell = self._worth.own_prices(plant)[1]
        otherwise = sell if self._worth.unused == "plant" else np.zeros_like(sell)
        local = np.broadcast_to(price, sell.shape)
        moves = (local != otherwise) & (plant.shared_export_kwh > 0)
        if moves.any():
            step = int(np.argmax(moves))
            raise GameError(
                f"{plant.member!r} draws, and its plant {plant.name!r} earns {local[step]:g} for a "
                f"shared kWh and {otherwise[step]:g} for another at "
                f"{self._worth.steps.time(step)}: so its bill follows the coefficients of all, and "
                f"not its own alone; take the latter as the local price of the plant, or let it "
                f"belong to a member that does not draw"
            )

    def _check(self, row: int, *, is_straight: bool) -> None:
        """Refuse a point whose bill does not fall with its coefficient.

        Raises
        ------
        GameError
            A larger coefficient costs more, or a used kWh does where curves have to be concave.
        """
        point, curve = self._worth.consumers[row], self._of_points[row]
        falls = np.flatnonzero(np.diff(curve.gain) < -rounding([curve]))
        if falls.size:
            raise GameError(
                f"a coefficient of {point.name!r} above {curve.at[falls[0]]:.6g} costs it more "
                f"than it saves, since shared energy costs more than its contract: take a lower "
                f"local price"
            )
        saved, _ = self._worth.of_own(point)
        loses = (saved < 0) & (self._worth.generated > 0) & (self._worth.consumed(point) > 0)
        if loses.any() and not is_straight:
            step = int(np.argmax(loses))
            raise GameError(
                f"a used kWh costs {point.name!r} {-saved[step]:.6g} more than a bought one at "
                f"{self._worth.steps.time(step)}; with several points of a member, and with "
                f'distance="sum", that must not be: take distance="largest", or a lower local price'
            )

    def billed(self, coefficients: Array) -> Allocation:
        """Return the bills under coefficients."""
        return shared_generation(
            self._whole,
            StaticKey(dict(zip(self.points, coefficients.tolist(), strict=True))),
            local_price_per_kwh=self._terms.local_price_per_kwh,
            unused=self._terms.unused,
            start=self._terms.start,
            end=self._terms.end,
        )

    def by_consumption(self) -> Array:
        """Return coefficients in proportion to what points draw."""
        drawn = np.array([float(self._worth.consumed(p).sum()) for p in self._worth.consumers])
        found: Array = drawn / drawn.sum()
        return found

    def wanted(self, coefficients: Array, bills: Allocation) -> Array:
        """Return what members would have to save to be billed the fair split."""
        given = coefficients.tolist()
        saved = [sum(self._of_points[row].of(given[row]) for row in rows) for rows in self._rows]
        found: Array = np.array(saved) + (bills.values - self.fair.values)[self._members]
        return found

    def distance_of(self, bills: Allocation) -> float:
        """Return the distance of bills from a fair split."""
        sizes = np.abs(bills.values - self.fair.values)[self._members]
        return float(sizes.max() if self._distance == "largest" else sizes.sum())

    def nearest(self, wanted: Array) -> tuple[Array, NearestSplit]:
        """Return the coefficients of points that save what is nearest, and those of members."""
        split = nearest_split(self._curves, wanted, self._distance)
        coefficients = np.zeros(len(self.points))
        for rows, total in zip(self._rows, split.coefficients.tolist(), strict=True):
            alone = len(rows) == 1
            of_member = [self._of_points[row] for row in rows]
            coefficients[rows] = total if alone else best_split(of_member, total).coefficients
        return coefficients, split

    def is_bounded(self, wanted: Array, least: float, multiplier: float, slack: float) -> bool:
        """Return whether no coefficients come nearer than the least, but for some slack."""
        if self._distance == "sum":
            return least <= least_sum(self._curves, wanted, multiplier) + slack
        return least <= slack or not within(self._curves, wanted, least - slack)[2]
