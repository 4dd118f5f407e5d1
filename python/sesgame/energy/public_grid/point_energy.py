"""What points draw and feed in, as plain arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["PointEnergy"]


class PointEnergy(NamedTuple):
    """What points draw and feed in, and what their contracts charge and pay.

    Attributes
    ----------
    import_kwh, export_kwh, buy_per_kwh, sell_per_kwh : ndarray of shape (points, T)
    member, zone : ndarray of int
        The numbers of the member and of the zone of each point.
    """

    import_kwh: Array
    export_kwh: Array
    buy_per_kwh: Array
    sell_per_kwh: Array
    member: NDArray[np.int64]
    zone: NDArray[np.int64]

    @property
    def costs_alone(self) -> Array:
        """What each point pays for energy if it shares nothing."""
        pays = np.einsum("pt,pt->p", self.buy_per_kwh, self.import_kwh)
        costs: Array = pays - np.einsum("pt,pt->p", self.sell_per_kwh, self.export_kwh)
        return costs

    def bills(self, n_members: int, taken: Array | None, given: Array | None) -> Array:
        """Return what members pay in each step for what they draw, and for what they feed in.

        At the local prices of each zone that are given, or their contract's where that is better;
        shape (n, T).
        """
        bills = np.zeros((n_members, self.import_kwh.shape[1]))
        for point, (member, zone) in enumerate(zip(self.member, self.zone, strict=True)):
            if taken is not None:
                # Where no price is decided, fmin and fmax take the contract's.
                price = np.fmin(self.buy_per_kwh[point], taken[zone])
                bills[member] += price * self.import_kwh[point]
            if given is not None:
                price = np.fmax(self.sell_per_kwh[point], given[zone])
                bills[member] -= price * self.export_kwh[point]
        return bills
