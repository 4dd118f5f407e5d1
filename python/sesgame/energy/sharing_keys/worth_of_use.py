"""What it is worth to all that a consumer uses a kWh of common plants, by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.errors import GameError
from sesgame.formatting import named

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.contract import Contract
    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["Unused", "WorthOfUse", "paid", "part_of"]

Unused = Literal["plant", "owner"]
"""Whose is energy that is assigned and not used: the plant's, or the consumer's to sell."""


def part_of(world: PublicGrid, start: Moment | None, end: Moment | None) -> PublicGrid:
    """Return the world in a period.

    Raises
    ------
    GameError
        It is no public grid, or the period is empty or reaches beyond the data.
    """
    if not isinstance(world, PublicGrid):
        raise GameError(f"a sharing key is for a PublicGrid, not for {named(world)}")
    return world.period(start, end)


def paid(price: Array, energy: Array) -> float:
    """Return what energy costs in all, in the same bits for any number of threads."""
    return float(np.einsum("t,t->", price, energy))


class WorthOfUse:
    r"""The plants of a public grid as one, and what it saves that a consumer uses a kWh of them.

    What is used comes from all plants in proportion to what they feed in, so that it costs the
    means :math:`\bar f_i` of the fees and :math:`\bar s` of the prices that plants would earn:

    .. math:: w_i = b_i - \bar f_i - \bar s, \ r_i = 0 \quad \text{(the plant's)}, \qquad
              w_i = b_i - \bar f_i - s_i, \ r_i = s_i \quad \text{(the owner's)}

    for each kWh used and each kWh assigned, at the consumer's own prices b and s. A local price
    moves money between members, and is in none of them.

    Parameters
    ----------
    world : PublicGrid
        Without batteries.
    unused : {"plant", "owner"}, default "plant"
        Whose is what is assigned and not used.

    Attributes
    ----------
    generated : ndarray of shape (T,)
        What all plants feed in.
    consumers : tuple of MeteringPoint
        The points that draw something.
    cost_without : float
        What all pay if nothing is shared.
    turnover : float
        The sum of the sizes of what they pay and earn.
    cost : float
        What all would pay if nobody were assigned anything; without what plants earn outside where
        that is the owners'.

    Raises
    ------
    GameError
        Storage is dispatched, nobody draws or feeds in, or `unused` is something else.
    """

    def __init__(self, world: PublicGrid, unused: Unused = "plant") -> None:
        if unused not in get_args(Unused):
            raise GameError(f'unused must be "plant" or "owner", got {unused!r}')
        if world.batteries:
            raise GameError(
                "a key shares what registers show; storage that is dispatched has none: leave the "
                "batteries out"
            )
        self.world, self.unused = world, unused
        plants = [point for point in world.points if point.export_kwh.any()]
        self.consumers = tuple(point for point in world.points if point.import_kwh.any())
        for found, verb in ((plants, "feeds in"), (self.consumers, "draws")):
            if not found:
                raise GameError(f"no point {verb} anything, so that there is nothing to share")
        self.steps = world.steps
        self.contracts: dict[str, Contract] = {each.name: each for each in world.contracts}
        used = dict.fromkeys(point.contract for point in world.points)
        self._prices = {name: self.contracts[name].prices(world.steps) for name in used}
        self.generated = np.sum([point.export_kwh for point in plants], axis=0)
        zones = dict.fromkeys(point.zone for point in self.consumers)
        self._fees = {zone: self._mean(plants, zone) for zone in zones}
        self._earned = self._mean(plants, None)
        bills = world._constants().tolist()
        for point in world.points:
            buy, sell = self._prices[point.contract]
            bills += [paid(buy, point.import_kwh), -paid(sell, point.export_kwh)]
        self.cost_without, self.turnover = sum(bills), sum(map(abs, bills))
        self.cost = self.cost_without
        if unused == "owner":
            self.cost += paid(self._earned, self.generated)

    def _mean(self, plants: list[MeteringPoint], zone: str | None) -> Array:
        """Return the mean of the fees of plants to a zone, or of their own prices."""
        total = np.zeros(self.steps.n_steps)
        for plant in plants:
            price = self._prices[plant.contract][1]
            if zone is not None:
                numbers = self.world.zones.index(plant.zone), self.world.zones.index(zone)
                price = self.world.fee_per_kwh[numbers]
            total += plant.export_kwh * price
        return np.divide(total, self.generated, out=total, where=self.generated > 0)

    def own_price(self, point: MeteringPoint) -> tuple[Array, Array]:
        """Return what a kWh of its contract costs and earns a point, shape (T,) each."""
        return self._prices[point.contract]

    def fee(self, point: MeteringPoint) -> Array:
        """Return what a shared kWh costs a point in fees, shape (T,)."""
        return self._fees[point.zone]

    def of(self, point: MeteringPoint) -> tuple[Array, Array | None]:
        """Return what a kWh saves that a point uses, and that it is assigned; shape (T,) each."""
        buy, sell = self.own_price(point)
        if self.unused == "owner":
            return buy - self.fee(point) - sell, sell
        return buy - self.fee(point) - self._earned, None
