"""What it is worth to all that a consumer uses a kWh of common plants, by step."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, get_args

import numpy as np

from sesgame.energy.sharing_keys.dynamic_key import DynamicKey
from sesgame.energy.sharing_keys.local_terms import LocalTerms
from sesgame.energy.sharing_keys.shared_energy import SharedEnergy
from sesgame.energy.sharing_keys.sharing_bills import Unused
from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.contract import Contract
    from sesgame.energy.public_grid.metering_point import MeteringPoint
    from sesgame.energy.public_grid.public_grid import PublicGrid

    Array = NDArray[np.float64]

__all__ = ["WorthOfUse", "paid"]


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
    moves money between members, and is in neither.

    Parameters
    ----------
    world : PublicGrid
        Without batteries.
    unused : {"plant", "owner"}, default "plant"
        Whose is what is assigned and not used.
    prices : mapping of str to ndarray of shape () or (T,), optional
        The local price of each plant, for what points save themselves.

    Attributes
    ----------
    plants : tuple of MeteringPoint
        The points that feed in something.
    generated : ndarray of shape (T,)
        What they feed in together.
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
        Storage is dispatched, own points never share, nobody draws or feeds in, or `unused` is
        something else.
    """

    def __init__(
        self,
        world: PublicGrid,
        unused: Unused = "plant",
        prices: Mapping[str, NDArray[np.float64]] | None = None,
    ) -> None:
        if unused not in get_args(Unused):
            raise GameError(f'unused must be "plant" or "owner", got {unused!r}')
        self.world, self.steps, self.unused = world, world.steps, unused
        self._energy = energy = SharedEnergy(world, DynamicKey())
        for found, verb in ((energy.plants, "feeds in"), (energy.consumers, "draws")):
            if not len(found):
                raise GameError(f"no point {verb} anything, so that there is nothing to share")
        [source] = energy.sources
        self.generated = source.generation
        self.consumers = tuple(energy.points[name] for name in energy.consumers)
        self.plants = tuple(energy.points[name] for name in energy.plants)
        self.contracts: dict[str, Contract] = {each.name: each for each in world.contracts}
        self._terms = LocalTerms(world, energy, prices or {})
        self._fees: dict[str, Array] = {}
        self._earned = np.zeros(self.steps.n_steps)
        for plant in source.plants:
            _, sell = self.own_prices(energy.points[plant])
            self._earned += energy.part_of_plant(0, plant) * sell
        bills: list[float] = world._constants().tolist()
        for point in world.points:
            buy, sell = self.own_prices(point)
            bills += [paid(buy, point.shared_import_kwh), -paid(sell, point.shared_export_kwh)]
        self.cost_without, self.turnover = sum(bills), sum(map(abs, bills))
        self.cost: float = self.cost_without
        if unused == "owner":
            self.cost += paid(self._earned, self.generated)

    def consumed(self, point: MeteringPoint) -> Array:
        """Return what a point draws that can be shared, shape (T,)."""
        return self._energy.consumers[point.name]

    def own_prices(self, point: MeteringPoint) -> tuple[Array, Array]:
        """Return what a kWh of its contract costs and earns a point, shape (T,) each."""
        return self._terms.contract(point.contract)

    def of(self, point: MeteringPoint) -> tuple[Array, Array | None]:
        """Return what a kWh saves all that a point uses, and that it is assigned; (T,) each."""
        if point.zone not in self._fees:
            self._fees[point.zone] = self._terms.fees(0, point.zone)
        buy, sell = self.own_prices(point)
        saved = buy - self._fees[point.zone]
        return (saved - sell, sell) if self.unused == "owner" else (saved - self._earned, None)

    def of_own(self, point: MeteringPoint) -> tuple[Array, Array | None]:
        """Return what the point itself saves by that, who pays the plants their local prices."""
        buy, sell = self.own_prices(point)
        saved = buy - self._terms.paid(0, point.zone)
        return (saved - sell, sell) if self.unused == "owner" else (saved, None)
