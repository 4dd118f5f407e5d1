"""The fixed coefficients whose bills are nearest to a fair split."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.sharing_keys.best_split import best_split, rounding
from sesgame.energy.sharing_keys.coefficient_gain import CoefficientGain, coefficient_gain
from sesgame.energy.sharing_keys.local_terms import local_prices
from sesgame.energy.sharing_keys.shared_generation import shared_generation
from sesgame.energy.sharing_keys.sharing_bills import Unused
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse, part_of
from sesgame.errors import GameError
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["NearestKey", "nearest_key"]

Distance = Literal["largest", "sum"]
"""The largest deviation of a bill, or the sum of the sizes of all."""

MOST_ROUNDS = 50
"""How often what plants earn is worked out anew; two or three are usual."""


@dataclass(frozen=True, eq=False, kw_only=True)
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
        What no fixed coefficients bring it below, with what plants earn under these.
    proved : bool
        Whether that bounds all coefficients: what plants earn follows the key, and so does a bill
        that is counted where its member has a plant, unless a local price is what the plant earns
        outside.
    rounds : int
        After how many times that what plants earn was worked out.
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
    proved: bool
    rounds: int
    tolerance: float

    @property
    def key(self) -> StaticKey:
        """The coefficients as a key."""
        return StaticKey(dict(zip(self.points, self.coefficients.tolist(), strict=True)))


@checked_arguments
def nearest_key(
    world: PublicGrid,
    allocation: Allocation | Mapping[Hashable, float] | ArrayLike,
    *,
    local_price_per_kwh: ArrayLike | Mapping[str, ArrayLike],
    distance: Distance = "largest",
    unused: Unused = "plant",
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
        coefficient costs a point more: then its bill does not fall with it. With the sum, and
        where a member has several points that draw, no used kWh may cost more than a bought one.
    AllocationError
        The split is of other members, or of gains.

    Notes
    -----
    The bill of a consumer falls with its coefficient. So each deviation allows an interval of
    coefficients, and the least is where these can sum to 1: one number to search for, as the
    multiplier is for the sum. Several points of a member divide its coefficient so that they save
    most. O(n T log T).

    What plants earn follows from what is used. It is taken from the bills and worked out anew until
    it stays; members who only feed in are not counted, since only a local price moves their bills.
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
    part = part_of(world, start, end)
    prices = local_prices(local_price_per_kwh, world)
    if part is not world:
        period = world.steps.period(start, end)
        prices = {name: price[period] if price.ndim else price for name, price in prices.items()}
    fair = as_allocation(part.cost_game(), allocation)
    search = _Search(WorthOfUse(part, unused, prices), distance)

    def billed(coefficients: Array) -> Allocation:
        key = StaticKey(dict(zip(search.points, coefficients.tolist(), strict=True)))
        return shared_generation(
            world,
            key,
            local_price_per_kwh=local_price_per_kwh,
            unused=unused,
            start=start,
            end=end,
        )

    coefficients = search.by_consumption()
    bills = billed(coefficients)
    best: tuple[float, Array, Allocation, float, int] | None = None
    for rounds in range(1, MOST_ROUNDS + 1):
        wanted = search.wanted(coefficients, bills.values - fair.values)
        coefficients, least = search.nearest(wanted)
        bills = billed(coefficients)
        remaining = search.distance_of(bills.values - fair.values)
        if best is None or remaining < best[0]:
            best = remaining, coefficients, bills, least, rounds
        moved = search.wanted(coefficients, bills.values - fair.values) - wanted
        # What plants earn is what it was: so are the best coefficients.
        if np.abs(moved).max() <= bills.tolerance:
            break
    assert best is not None  # after the first round
    remaining, coefficients, bills, least, rounds = best
    return NearestKey(
        points=search.points,
        coefficients=coefficients,
        bills=bills,
        deviations=Allocation(
            bills.players, bills.values - fair.values, "cost", "bill less fair share"
        ),
        counted=tuple(part.members[number] for number in search.members),
        distance=distance,
        remaining=remaining,
        least=least,
        proved=search.is_bound,
        rounds=rounds,
        tolerance=len(search.members) * bills.tolerance,
    )


class _Search:
    """What members save by coefficients of their own, and which come nearest to what they want."""

    def __init__(self, worth: WorthOfUse, distance: Distance) -> None:
        self._worth, self._distance = worth, distance
        self.points = tuple(point.name for point in worth.consumers)
        places = {member: number for number, member in enumerate(worth.world.members)}
        rows: dict[int, list[int]] = {}
        for row, point in enumerate(worth.consumers):
            rows.setdefault(places[point.member], []).append(row)
        self.members, self._rows = tuple(rows), tuple(rows.values())
        self.is_bound = not {places[plant.member] for plant in worth.plants} & rows.keys()
        self._of_points = [
            coefficient_gain(worth.generated, worth.consumed(point), *worth.of_own(point))
            for point in worth.consumers
        ]
        for members_rows in self._rows:
            for row in members_rows:
                self._check(row, is_straight=distance == "largest" and len(members_rows) == 1)
        self._curves = [
            _rising(_together([self._of_points[row] for row in members_rows]))
            for members_rows in self._rows
        ]

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

    def by_consumption(self) -> Array:
        """Return coefficients in proportion to what points draw."""
        drawn = np.array([float(self._worth.consumed(p).sum()) for p in self._worth.consumers])
        found: Array = drawn / drawn.sum()
        return found

    def wanted(self, coefficients: Array, deviations: Array) -> Array:
        """Return what members would have to save to be billed the fair split."""
        given = coefficients.tolist()
        saved = [sum(self._of_points[row].of(given[row]) for row in rows) for rows in self._rows]
        found: Array = np.array(saved) + deviations[list(self.members)]
        return found

    def distance_of(self, deviations: Array) -> float:
        """Return the distance of bills from a fair split."""
        sizes = np.abs(deviations[list(self.members)])
        return float(sizes.max() if self._distance == "largest" else sizes.sum())

    def nearest(self, wanted: Array) -> tuple[Array, float]:
        """Return the coefficients of points that save what is nearest, and how far that is."""
        find = _by_largest if self._distance == "largest" else _by_sum
        of_members, least = find(self._curves, wanted)
        coefficients = np.zeros(len(self.points))
        for rows, total in zip(self._rows, of_members.tolist(), strict=True):
            parts = best_split([self._of_points[row] for row in rows], total).coefficients
            coefficients[rows] = parts if len(rows) > 1 else total
        return coefficients, least


def _together(curves: Sequence[CoefficientGain]) -> CoefficientGain:
    """Return what several concave curves save if they divide a coefficient as well as they can."""
    if len(curves) == 1:
        return curves[0]
    widths = np.concatenate([np.diff(curve.at) for curve in curves])
    gains = np.concatenate([np.diff(curve.gain) for curve in curves])
    is_wide = widths > 0
    widths, gains = widths[is_wide], gains[is_wide]
    order = np.argsort(-gains / widths, kind="stable")
    at, gain = (np.append(0.0, np.cumsum(each[order])) for each in (widths, gains))
    inside = at < 1
    start = sum(curve.gain[0] for curve in curves)
    return CoefficientGain(
        np.append(at[inside], 1.0), start + np.append(gain[inside], np.interp(1.0, at, gain))
    )


def _rising(curve: CoefficientGain) -> CoefficientGain:
    """Return a curve without the falls that rounding makes."""
    return CoefficientGain(curve.at, np.maximum.accumulate(curve.gain))


def _lowest(curve: CoefficientGain, saved: float) -> float:
    """Return the lowest coefficient that saves at least so much, or else the most there is."""
    reached = min(saved, float(curve.gain[-1]))
    place = int(np.searchsorted(curve.gain, reached, side="left"))
    return 0.0 if place == 0 else _inside(curve, place, reached)


def _highest(curve: CoefficientGain, saved: float) -> float:
    """Return the highest coefficient that saves at most so much, or 0."""
    place = int(np.searchsorted(curve.gain, saved, side="right"))
    if place == 0:
        return 0.0
    if place == len(curve.gain):
        return 1.0
    return _inside(curve, place, saved)


def _inside(curve: CoefficientGain, place: int, saved: float) -> float:
    """Return where a gain is between two that differ."""
    low, high = curve.gain[place - 1], curve.gain[place]
    part = (saved - low) / (high - low)
    return float(curve.at[place - 1] + part * (curve.at[place] - curve.at[place - 1]))


def _by_largest(curves: Sequence[CoefficientGain], wanted: Array) -> tuple[Array, float]:
    """Return coefficients with the least of the largest deviation, and that."""
    pairs = list(zip(curves, wanted.tolist(), strict=True))

    def allowed(distance: float) -> tuple[Array, Array]:
        lowest = np.array([_lowest(curve, each - distance) for curve, each in pairs])
        highest = np.array([_highest(curve, each + distance) for curve, each in pairs])
        return lowest, highest

    def is_enough(distance: float) -> bool:
        lowest, highest = allowed(distance)
        return bool(lowest.sum() <= 1 <= highest.sum())

    # Nobody can save less than nothing, or more than with all there is.
    low = max(0.0, *(max(each - curve.gain[-1], curve.gain[0] - each) for curve, each in pairs))
    high = max(max(abs(each - curve.gain[0]), abs(curve.gain[-1] - each)) for curve, each in pairs)
    if is_enough(low):
        high = low
    while low < (middle := (low + high) / 2) < high:
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return _filled(*allowed(high)), high


def _filled(lowest: Array, highest: Array) -> Array:
    """Return coefficients that sum to 1, each at the same part of its interval."""
    width = float((highest - lowest).sum())
    part = (1 - float(lowest.sum())) / width if width > 0 else 0.0
    found: Array = lowest + part * (highest - lowest)
    return found


def _by_sum(curves: Sequence[CoefficientGain], wanted: Array) -> tuple[Array, float]:
    """Return coefficients with the least sum of deviations, and that."""
    pairs = list(zip(curves, wanted.tolist(), strict=True))
    lowest = np.array([_lowest(curve, each) for curve, each in pairs])
    highest = np.array([_highest(curve, each) for curve, each in pairs])
    if lowest.sum() > 1:
        # There is too little: who has what is fair is better off with no more.
        split = best_split([_up_to(curve, each) for curve, each in pairs])
        coefficients = split.coefficients
    elif highest.sum() < 1:
        # There is too much. Deviations are concave then, so that one takes all of the rest.
        rest = 1 - float(highest.sum())
        moved = [
            curve.of(each + rest) - curve.of(each)
            for curve, each in zip(curves, highest.tolist(), strict=True)
        ]
        coefficients = highest.copy()
        coefficients[int(np.argmin(moved))] += rest
    else:
        coefficients = _filled(lowest, highest)
    given = zip(pairs, coefficients.tolist(), strict=True)
    return coefficients, sum(abs(curve.of(part) - each) for (curve, each), part in given)


def _up_to(curve: CoefficientGain, wanted: float) -> CoefficientGain:
    """Return a curve that saves no more than what is wanted."""
    at = np.sort(np.append(curve.at, _lowest(curve, wanted)))
    gain = np.interp(at, curve.at, curve.gain)
    return CoefficientGain(at, np.minimum(gain, max(wanted, float(curve.gain[0]))))
