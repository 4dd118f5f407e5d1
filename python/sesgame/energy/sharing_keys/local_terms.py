"""What a shared kWh costs who uses it, and earns each plant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named, short_coalition

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.sharing_keys.shared_energy import SharedEnergy

    Array = NDArray[np.float64]

__all__ = ["LocalTerms", "local_prices"]


def local_prices(
    price: ArrayLike | Mapping[str, ArrayLike], world: PublicGrid, period: slice = slice(None)
) -> dict[str, NDArray[np.float64]]:
    """Return the local price of each point, a number or one for each step of a period.

    Parameters
    ----------
    price : float, array_like of shape (T,), or mapping of str to either
    world : PublicGrid
        With all T steps.
    period : slice, optional
        The steps that count; by default all.

    Raises
    ------
    GameError
        A price is not finite, of another shape, or of a point that is not there; or a plant that
        feeds in has none.
    """
    n_steps = world.steps.n_steps
    if not isinstance(price, Mapping):
        one = _in_steps("local_price_per_kwh", price, n_steps, period)
        return {point.name: one for point in world.points}
    points = {point.name: point for point in world.points}
    for name in price:
        if name not in points:
            raise GameError(
                f"local_price_per_kwh is of {name!r}, which is none of "
                f"{short_coalition(tuple(points))}"
            )
    for name, point in points.items():
        if name not in price and point.shared_export_kwh[period].any():
            raise GameError(f"the plant {name!r} feeds in, and has no local_price_per_kwh")
    return {
        name: _in_steps(f"local_price_per_kwh of {name!r}", each, n_steps, period)
        # A plant that stands still needs no price.
        for name, each in {**dict.fromkeys(points, 0.0), **price}.items()
    }


def _in_steps(what: str, values: ArrayLike, n_steps: int, period: slice) -> Array:
    try:
        # NumPy makes a number of a text or a truth value, too.
        if np.asarray(values).dtype.kind in "bUS":
            raise TypeError
        prices = np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(
            f"{what} must be a number, one for each step, or a mapping of plants to either, got "
            f"{named(values)}"
        ) from error
    if prices.shape not in ((), (n_steps,)):
        raise GameError(f"{what} has shape {prices.shape}; it needs () or ({n_steps},)")
    if not np.isfinite(prices).all():
        raise GameError(f"{what} is not finite")
    prices.setflags(write=False)
    return prices[period] if prices.ndim else prices


class LocalTerms:
    """What a shared kWh costs a consumer beside or instead of its contract, by source and zone.

    Parameters
    ----------
    world : PublicGrid
        In the steps that count.
    energy : SharedEnergy
    prices : mapping of str to ndarray of shape () or (T,)
        The local price of each plant.
    """

    def __init__(
        self, world: PublicGrid, energy: SharedEnergy, prices: Mapping[str, Array]
    ) -> None:
        self._world = world
        self._energy = energy
        self._prices = prices
        self._zone_of = {point.name: world.zones.index(point.zone) for point in world.points}
        self._paid: dict[tuple[int, int], Array] = {}
        self._fees: dict[tuple[int, int], Array] = {}
        self._contracts: dict[str, tuple[Array, Array]] = {}
        self._of_contract = {contract.name: contract for contract in world.contracts}

    def contract(self, name: str) -> tuple[Array, Array]:
        """Return what a kWh costs and earns under a contract, in each step."""
        if name not in self._contracts:
            self._contracts[name] = self._of_contract[name].prices(self._world.steps)
        return self._contracts[name]

    def paid(self, source: int, zone: str) -> Array:
        """Return what who draws in a zone pays for a kWh of a source: local prices and fees.

        The mean over its plants, since each used kWh is from all of them.
        """
        taker = self._world.zones.index(zone)
        if (source, taker) not in self._paid:
            self._paid[source, taker] = self._mean(source, taker)
        return self._paid[source, taker]

    def _mean(self, source: int, taker: int) -> Array:
        fees = self._world.fee_per_kwh[:, taker]
        plants = self._energy.sources[source].plants
        terms = {(id(self._prices[plant]), self._zone_of[plant]) for plant in plants}
        if len(terms) == 1:
            price: Array = self._prices[plants[0]] + fees[self._zone_of[plants[0]]]
            return price
        mean = np.zeros(self._world.steps.n_steps)
        for plant in plants:
            part = self._energy.part_of_plant(source, plant)
            mean += part * (self._prices[plant] + fees[self._zone_of[plant]])
        return mean

    def fees(self, source: int, zone: str) -> Array:
        """Return the part of that which is fees."""
        taker = self._world.zones.index(zone)
        if (source, taker) not in self._fees:
            mean = np.zeros(self._world.steps.n_steps)
            for plant in self._energy.sources[source].plants:
                fee = self._world.fee_per_kwh[self._zone_of[plant], taker]
                mean += self._energy.part_of_plant(source, plant) * fee
            self._fees[source, taker] = mean
        return self._fees[source, taker]

    def earned(self, plant: str) -> Array:
        """Return the local price of a plant in each step."""
        return np.broadcast_to(self._prices[plant], (self._world.steps.n_steps,))
