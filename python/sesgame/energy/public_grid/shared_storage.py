"""Storage of members as one more point of the public grid: dispatched by recursion.

The pool of a coalition's batteries has a contract of its own. What it draws or delivers in a step
moves the merit order: the cost of that is convex, with a slope for each price at which points share
and kinks that are sums over members (:mod:`sesgame.energy.dispatch.step_cost`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.battery import storage_of
from sesgame.energy.dispatch.convex_pool import convex_game
from sesgame.energy.dispatch.dual_prices import OwenPrices
from sesgame.energy.dispatch.linear_program import StorageUnit
from sesgame.energy.dispatch.step_cost import StepCosts
from sesgame.errors import GameError
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import ConvexDispatchGame
    from sesgame.energy.battery import Battery
    from sesgame.energy.public_grid.point_energy import PointEnergy
    from sesgame.energy.time_steps import TimeSteps
    from sesgame.game.allocation import Allocation, Amount

    Array = NDArray[np.float64]

__all__ = ["SharedStorage", "StoredSharingPrices", "pool_of"]

DIGITS = 12
"""Ratios that agree to so many are of equal batteries: those of decimals differ in the last bit."""


@dataclass(frozen=True, eq=False)
class StoredSharingPrices(OwenPrices):
    """Prices at which members share, with storage; those of OwenPrices, and what storage does.

    ``energy_price`` is what a kWh more costs who draws it.

    Attributes
    ----------
    charge_kwh, discharge_kwh : ndarray of shape (T,)
        What the pool of all draws and delivers in each step.
    state_of_charge_kwh : ndarray of shape (T + 1,)
        What is stored, from the beginning on.
    outside_game : tuple of str
        What contracts bill that no bill here has, by its labels: taxes, and most fixed fees.
    """

    charge_kwh: Array
    discharge_kwh: Array
    state_of_charge_kwh: Array
    outside_game: tuple[str, ...]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the prices prove."""
        found = super().grounds(allocation, amount)
        found.append("Storage is dispatched as one who knew all readings would have done it.")
        if self.outside_game:
            labels = ", ".join(self.outside_game)
            found.append(f"Outside the game, and not in these bills: {labels}.")
        return found


def pool_of(batteries: Sequence[Battery], members: Sequence[str], steps: TimeSteps) -> StorageUnit:
    """Return batteries as one, which is exact where they are alike.

    Raises
    ------
    GameError
        An owner is not a member, a battery is not there in all steps, or batteries differ in
        efficiency, wear, hours or charge.
    """
    for battery in batteries:
        if battery.owner not in members:
            raise GameError(f"the owner of a battery, {battery.owner!r}, is not a member")
        if not battery.validity.holds(steps).all():
            raise GameError(
                f"the battery of {battery.owner!r} is not there in all steps: on the public grid "
                f"storage is there throughout; choose a period in which it is"
            )
    storage = storage_of(batteries, members, steps)
    kinds: dict[tuple[float, ...], str] = {}
    for number in storage.usable.tolist():
        energy = float(storage.energy_kwh[number])
        kind = (
            float(storage.charge_efficiency[number]),
            float(storage.discharge_efficiency[number]),
            float(storage.degradation_cost_per_kwh[number]),
            float(f"{storage.charge_power_kw[number] / energy:.{DIGITS}g}"),
            float(f"{storage.discharge_power_kw[number] / energy:.{DIGITS}g}"),
            float(f"{storage.initial_charge_kwh[number] / energy:.{DIGITS}g}"),
        )
        kinds.setdefault(kind, batteries[number].owner)
    if len(kinds) > 1:
        one, other = list(kinds.values())[:2]
        raise GameError(
            f"the batteries of {one!r} and {other!r} differ in efficiency, wear, hours of power or "
            f"initial charge: on the public grid storage is one pool, which is exact for batteries "
            f"that are alike; share one among its owners"
        )
    return StorageUnit.of(storage, storage.usable, len(members), steps.step_hours)


class SharedStorage:
    """What coalitions pay whose points share with one another and with a pool of batteries.

    Parameters
    ----------
    points : PointEnergy
    unit : StorageUnit
        What each member brings of the pool.
    storage_prices : pair of ndarray of shape (T,)
        What a kWh costs the pool from outside, and earns it there.
    fee_per_kwh : float
        On each kWh shared, at least 0.
    constants : ndarray of shape (n,)
        What members pay beside.

    Raises
    ------
    GameError
        The pool could trade between contracts, or a price is negative.
    """

    def __init__(
        self,
        points: PointEnergy,
        unit: StorageUnit,
        storage_prices: tuple[Array, Array],
        fee_per_kwh: float,
        constants: Array,
    ) -> None:
        # Who pays less than the pool earns outside, or asks for more than it pays there, shares
        # with nobody: all others are between.
        drawn, fed_in, buy, sell = points[:4]
        takes = buy >= storage_prices[1] + fee_per_kwh
        gives = sell + fee_per_kwh <= storage_prices[0]
        of_points = StepCosts.ladder(
            drawn * takes, fed_in * gives, buy, sell, storage_prices, fee_per_kwh
        )
        if of_points.slopes.min() < 0:
            step = int(np.argmin(of_points.slopes.min(axis=1)))
            raise GameError(
                f"in step {step} a price is negative: the pool would charge and deliver at once to "
                f"burn energy"
            )
        n_members = len(constants)
        resources = np.zeros((n_members, *of_points.resources.shape[1:]))
        money = np.zeros((n_members, of_points.money.shape[1]))
        np.add.at(resources, points.member, of_points.resources)
        np.add.at(money, points.member, of_points.money)
        np.add.at(money, points.member, buy * drawn * ~takes - sell * fed_in * ~gives)
        money[:, 0] += constants
        self._costs = replace(of_points, resources=resources, money=money)
        # What is delivered pays the fee, unless it is sold outside: those prices are raised by it.
        wear = unit.degradation_cost_per_kwh + fee_per_kwh
        self._unit = replace(unit, degradation_cost_per_kwh=wear)

    def game(self) -> ConvexDispatchGame:
        """Return the compiled game."""
        return convex_game(self._costs, self._unit)

    @property
    def rounding(self) -> float:
        """By how much rounding alone may put a cost off: a unit in the last place, each addition.

        Of all money that can flow in the steps, over members and steps.
        """
        costs, unit = self._costs, self._unit
        price = np.abs(costs.slopes).max(axis=1) + unit.degradation_cost_per_kwh
        flow = np.abs(costs.resources).sum(axis=(0, 1))
        flow += max(unit.charge_kwh.sum(), unit.discharge_kwh.sum())
        money = float(price @ flow + np.abs(costs.money).sum())
        return float(np.finfo(np.float64).eps * sum(costs.money.shape) * money)

    def prices(self, outside_game: tuple[str, ...], *, progress: bool) -> StoredSharingPrices:
        """Return prices that prove the dispatch of all optimal, and the range of each bill."""
        costs, unit, game = self._costs, self._unit, self.game()
        found = game.dispatch(np.ones(len(costs.money), dtype=np.bool_))
        by_step = (
            costs.money
            + np.einsum("irt,rt->it", costs.resources, found.resource_price)
            - np.outer(unit.energy_kwh, found.capacity_price)
            - np.outer(unit.charge_kwh, found.charge_power_price)
            - np.outer(unit.discharge_kwh, found.discharge_power_price)
        )
        by_step[:, 0] -= found.initial_charge_price * unit.initial_kwh
        bills = by_step.sum(axis=1)
        with progress_report("ranges of the bills", "member", progress) as report:
            lowest, highest = game.bill_ranges(report).T
        return StoredSharingPrices(
            energy_price=found.exchange_price,
            cost=found.cost,
            duality_gap=float(found.cost - bills.sum()),
            lowest=np.minimum(lowest, bills),
            highest=np.maximum(highest, bills),
            by_step=by_step,
            capacity_price=found.capacity_price,
            power_price=found.charge_power_price + found.discharge_power_price,
            initial_charge_price=found.initial_charge_price,
            charge_kwh=found.charge,
            discharge_kwh=found.discharge,
            state_of_charge_kwh=found.state_of_charge,
            outside_game=outside_game,
        )
