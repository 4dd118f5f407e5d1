"""The premium of coalitions whose plants have several rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

__all__ = ["PremiumGame"]


@dataclass(frozen=True, eq=False)
class PremiumGame(ByValue):
    r"""What coalitions earn, each hour divided among their plants by what these feed in.

    .. math:: v(S) = \sum_{z, h} \min\Bigl(1, \frac{D_{zh}(S)}{G_{zh}(S)}\Bigr)
              \sum_{k \in S} \tau_{kh} \bigl(1 - F_k (1 - e_{zh}(S))\bigr) g_{kh}

    with what is drawn D and fed in G under the substation z, and the part e of what is drawn that
    is exempt from the factor F.

    Attributes
    ----------
    withdrawn_kwh, exempt_kwh : ndarray of shape (n, Z, H)
    injected_kwh, rate_per_kwh : ndarray of shape (K, H)
    owner, substation : ndarray of int, shape (K,)
        The member and the substation of each plant.
    reduction : ndarray of shape (K,)
    """

    withdrawn_kwh: Array
    exempt_kwh: Array
    injected_kwh: Array
    owner: NDArray[np.int64]
    substation: NDArray[np.int64]
    rate_per_kwh: Array
    reduction: Array

    def __call__(self, membership: NDArray[np.bool_]) -> Array:
        """Return the value of each coalition, shape (m,), one after the other."""
        return np.array([self._value(members) for members in membership])

    def _value(self, members: NDArray[np.bool_]) -> float:
        drawn = self.withdrawn_kwh[members].sum(axis=0)
        exempt = self.exempt_kwh[members].sum(axis=0)
        exempt_part = np.divide(exempt, drawn, out=np.zeros_like(drawn), where=drawn > 0)
        plants = members[self.owner]
        home = self.substation[plants]
        own = self.injected_kwh[plants]
        fed_in = np.zeros_like(drawn)
        np.add.at(fed_in, home, own)
        shared_part = np.divide(
            np.minimum(drawn, fed_in), fed_in, out=np.zeros_like(drawn), where=fed_in > 0
        )
        reduced = self.reduction[plants, np.newaxis] * (1 - exempt_part[home])
        rates = self.rate_per_kwh[plants] * (1 - reduced)
        return float((rates * own * shared_part[home]).sum())
