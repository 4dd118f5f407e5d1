"""What members owe under a key, as a whole and in each step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sesgame.energy.dispatch.dual_prices import RELATIVE_TOLERANCE
from sesgame.energy.sharing_keys.local_terms import LocalTerms
from sesgame.energy.sharing_keys.shared_energy import SharedEnergy
from sesgame.errors import GameError
from sesgame.formatting import short_coalition
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.sharing_keys.sharing_key import SharingKey

    Array = NDArray[np.float64]

__all__ = ["Sharing", "SharingTotals", "Unused"]

Unused = Literal["plant", "owner"]
"""Whose surplus is what a consumer is assigned and does not use."""


class SharingTotals(NamedTuple):
    """Sums over all steps, by point in their order, or by plant in theirs.

    Attributes
    ----------
    assigned_kwh, used_kwh : ndarray of shape (points,)
    plants : tuple of str
    generated_kwh, shared_kwh, surplus_kwh : ndarray of shape (plants,)
    lost_kwh_by_step : ndarray of shape (T,)
    alone, shared : ndarray of shape (points,)
        What each owes for energy without sharing, and under the key.
    turnover : float
    """

    assigned_kwh: Array
    used_kwh: Array
    plants: tuple[str, ...]
    generated_kwh: Array
    shared_kwh: Array
    surplus_kwh: Array
    lost_kwh_by_step: Array
    alone: Array
    shared: Array
    turnover: float


class _Plant(NamedTuple):
    """What a plant feeds in, what of it is used, and what is not its own surplus, in each step."""

    name: str
    generated: Array
    shared: Array
    gone: Array


@dataclass(frozen=True, eq=False)
class Sharing(ByValue):
    """Points of the public grid that share by a key, at local prices.

    Attributes
    ----------
    world : PublicGrid
        In the steps that count.
    key : SharingKey
    prices : mapping of str to ndarray of shape () or (T,)
        The local price of each plant.
    unused : {"plant", "owner"}
    priced : tuple of str
        The points whose local price somebody gave by name; none where all have one.
    """

    world: PublicGrid
    key: SharingKey
    prices: Mapping[str, NDArray[np.float64]]
    unused: Unused
    priced: tuple[str, ...] = ()

    def energy(self) -> SharedEnergy:
        """Return who uses what, worked out anew."""
        return SharedEnergy(self.world, self.key)

    def totals(self) -> SharingTotals:
        """Return energy and money of all steps together."""
        energy, points = self.energy(), self.world.points
        terms = LocalTerms(self.world, energy, self.prices)
        row = {point.name: number for number, point in enumerate(points)}
        alone, turnover = np.zeros((2, len(points)))
        for number, point in enumerate(points):
            alone[number], turnover[number] = _money_alone(point, *terms.contract(point.contract))
        assigned, used = np.zeros((2, len(points)))
        owed, worth = alone.copy(), {}
        drawn, taken, gone = self._nothing(), self._by_source(energy), self._by_source(energy)
        for consumer in energy:
            place, point = row[consumer.point.name], consumer.point
            buy, sell = terms.contract(point.contract)
            drawn += consumer.drawn_kwh
            flows = zip(consumer.assigned_kwh, consumer.used_kwh, strict=True)
            for source, (given, own) in enumerate(flows):
                terms_of = point.contract, point.zone, source
                if terms_of not in worth:
                    worth[terms_of] = buy - terms.paid(source, point.zone)
                taken[source] += own
                assigned[place] += given.sum()
                used[place] += own.sum()
                owed[place] -= _sum(worth[terms_of], own)
                if self.unused == "owner":
                    gone[source] += given
                    owed[place] -= _sum(sell, given - own)
        if self.unused == "plant":
            gone = taken
        for failure in self._assigned_beyond(energy, gone):
            raise GameError(f"the {self.key.title} key: {failure}")
        plants = tuple(energy.plants)
        by_plant = {plant: np.zeros(3) for plant in plants}
        for plant in self._plants(energy, taken, gone):
            place = row[plant.name]
            _, sell = terms.contract(points[place].contract)
            local = terms.earned(plant.name)
            owed[place] += _sum(sell, plant.gone) - _sum(local, plant.shared)
            turnover[place] += _sum(np.abs(local), plant.shared)
            generated = plant.generated.sum()
            by_plant[plant.name] += generated, plant.shared.sum(), generated - plant.gone.sum()
        generated, shared, surplus = np.array(list(by_plant.values())).reshape(-1, 3).T
        return SharingTotals(
            assigned_kwh=assigned,
            used_kwh=used,
            plants=plants,
            generated_kwh=generated,
            shared_kwh=shared,
            surplus_kwh=surplus,
            lost_kwh_by_step=self._lost(energy, drawn, taken),
            alone=alone,
            shared=owed,
            turnover=float(turnover.sum()),
        )

    def by_member(self, of_points: Array) -> Array:
        """Return sums by member, shape (n,) or (n, T), of what is by point."""
        sums = np.zeros((len(self.world.members), *of_points.shape[1:]))
        member = self._member
        np.add.at(sums, [member[point.member] for point in self.world.points], of_points)
        return sums

    def bills_by_step(self) -> Array:
        """Return what each member owes for energy in each step, shape (n, T)."""
        energy, member = self.energy(), self._member
        terms = LocalTerms(self.world, energy, self.prices)
        bills = np.zeros((len(member), self.world.steps.n_steps))
        taken, gone = self._by_source(energy), self._by_source(energy)
        for point in self.world.points:
            buy, sell = terms.contract(point.contract)
            bills[member[point.member]] += (
                buy * point.shared_import_kwh - sell * point.shared_export_kwh
            )
        for consumer in energy:
            bill, point = bills[member[consumer.point.member]], consumer.point
            buy, sell = terms.contract(point.contract)
            for source, own in enumerate(consumer.used_kwh):
                given = consumer.assigned_kwh[source]
                bill += (terms.paid(source, point.zone) - buy) * own
                taken[source] += own
                gone[source] += given if self.unused == "owner" else own
                if self.unused == "owner":
                    bill -= sell * (given - own)
        points = {point.name: point for point in self.world.points}
        for plant in self._plants(energy, taken, gone):
            point = points[plant.name]
            _, sell = terms.contract(point.contract)
            bills[member[point.member]] += (
                sell * plant.gone - terms.earned(plant.name) * plant.shared
            )
        return bills

    def imbalances(self) -> list[str]:
        """Return in words what is not in balance in some step: energy, or money.

        What contracts and fees bill for the energy that is left has to be what members owe, so that
        what consumers pay plants is what plants get.
        """
        energy, failures = self.energy(), []
        terms = LocalTerms(self.world, energy, self.prices)
        outside, size = self._nothing(), self._nothing()
        taken, gone = self._by_source(energy), self._by_source(energy)
        for point in self.world.points:
            buy, sell = terms.contract(point.contract)
            outside += buy * point.shared_import_kwh - sell * point.shared_export_kwh
            size += np.abs(buy) * point.shared_import_kwh + np.abs(sell) * point.shared_export_kwh
        for consumer in energy:
            point = consumer.point
            buy, sell = terms.contract(point.contract)
            used, given = self._nothing(), self._nothing()
            for source, own in enumerate(consumer.used_kwh):
                fees = terms.fees(source, point.zone)
                used += own
                given += consumer.assigned_kwh[source]
                outside += (fees - buy) * own
                # Local payments go from one to another: they leave no sum, but their rounding.
                size += (np.abs(fees) + np.abs(terms.paid(source, point.zone))) * own
                taken[source] += own
                gone[source] += consumer.assigned_kwh[source]
            if self.unused == "owner":
                outside -= sell * (given - used)
                size += np.abs(sell) * given
            what = f"{point.name!r} uses more than it"
            failures += self._above(f"{what} draws", used, consumer.drawn_kwh)
            failures += self._above(f"{what} is assigned", used, given)
        failures += self._assigned_beyond(energy, gone)
        if self.unused == "plant":
            gone = taken
        points = {point.name: point for point in self.world.points}
        for plant in self._plants(energy, taken, gone):
            _, sell = terms.contract(points[plant.name].contract)
            outside += sell * plant.gone
        owed = self.bills_by_step().sum(axis=0)
        off = np.abs(owed - outside) > RELATIVE_TOLERANCE * size
        if off.any():
            step = int(np.argmax(off))
            failures.append(
                f"members owe {owed[step]:g} for energy, and contracts and fees bill "
                f"{outside[step]:g}, in the step from {self.world.steps.time(step)}"
            )
        return failures

    def _assigned_beyond(self, energy: SharedEnergy, gone: list[Array]) -> list[str]:
        """Return in words where consumers have more of plants than these feed in."""
        return [
            failure
            for source, flow in zip(energy.sources, gone, strict=True)
            for failure in self._above(
                f"more is assigned than {short_coalition(source.plants)} feed in",
                flow,
                source.generation,
            )
        ]

    def _above(self, what: str, energy: Array, limit: Array) -> list[str]:
        """Return in words the first step in which energy is above its limit, if there is one."""
        above = energy - limit > RELATIVE_TOLERANCE * limit
        if not above.any():
            return []
        step = int(np.argmax(above))
        return [f"{what} in the step from {self.world.steps.time(step)}: {energy[step]:g} kWh"]

    @property
    def _member(self) -> dict[object, int]:
        return {member: number for number, member in enumerate(self.world.members)}

    def _nothing(self) -> Array:
        return np.zeros(self.world.steps.n_steps)

    def _by_source(self, energy: SharedEnergy) -> list[Array]:
        return [self._nothing() for _ in energy.sources]

    def _plants(
        self, energy: SharedEnergy, taken: list[Array], gone: list[Array]
    ) -> Iterator[_Plant]:
        """Yield the flows of each plant: its part of those of its source."""
        for source, used, away in zip(energy.sources, taken, gone, strict=True):
            fed_in, parts = source.generation, []
            for flow in (used, away):
                part = self._nothing()
                np.divide(flow, fed_in, out=part, where=fed_in > 0)
                # Sums of what consumers have may round above what there is.
                parts.append(np.minimum(part, 1.0))
            for name in source.plants:
                generated = energy.plants[name]
                yield _Plant(name, generated, generated * parts[0], generated * parts[1])

    def _lost(self, energy: SharedEnergy, drawn: Array, taken: list[Array]) -> Array:
        generation = sum((source.generation for source in energy.sources), self._nothing())
        usable = np.minimum(generation, drawn)
        lost = usable - sum(taken, self._nothing())
        # As much as sums over all points round.
        rounding = 4 * len(self.world.points) * np.finfo(np.float64).eps * usable
        return np.where(lost > rounding, lost, 0.0)


def _money_alone(point: MeteringPoint, buy: Array, sell: Array) -> tuple[float, float]:
    """Return what a contract bills for energy, and the size of its parts."""
    bought, sold = _sum(buy, point.shared_import_kwh), _sum(sell, point.shared_export_kwh)
    if min(buy.min(), sell.min()) >= 0:
        return bought - sold, bought + sold
    size = _sum(np.abs(buy), point.shared_import_kwh) + _sum(np.abs(sell), point.shared_export_kwh)
    return bought - sold, size


def _sum(prices: Array, energy: Array) -> float:
    """Return the money of all steps."""
    # The product of BLAS has other last bits with other numbers of threads.
    return float(np.einsum("t,t->", prices, energy))
