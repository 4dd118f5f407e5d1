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

    .. math:: v(S) = \sum_h \min\Bigl(1, \frac{D_h(S)}{G_h(S)}\Bigr)
              \Bigl( R_h(S) + \frac{E_h(S)}{D_h(S)} Q_h(S) \Bigr)

    All of these are sums over members: what is drawn D, of it what is exempt from the factor F of
    grants E, what is fed in G, what that would earn with the factor R, and what the factor takes Q.

    Attributes
    ----------
    injected_kwh, withdrawn_kwh, exempt_kwh, earned, taken : ndarray of shape (n, H)
        Of each member, in hours under one substation after those under another.
    """

    injected_kwh: Array
    withdrawn_kwh: Array
    exempt_kwh: Array
    earned: Array
    taken: Array

    def __call__(self, membership: NDArray[np.bool_]) -> Array:
        """Return the value of each coalition, shape (m,), one after the other."""
        return np.array([self._value(members) for members in membership])

    def _value(self, members: NDArray[np.bool_]) -> float:
        drawn, fed_in = (
            each[members].sum(axis=0) for each in (self.withdrawn_kwh, self.injected_kwh)
        )
        sharing = (drawn > 0) & (fed_in > 0)
        drawn, fed_in = drawn[sharing], fed_in[sharing]
        exempt, earned, taken = (
            each[members].sum(axis=0)[sharing]
            for each in (self.exempt_kwh, self.earned, self.taken)
        )
        of_all = np.minimum(1.0, drawn / fed_in)
        return float((of_all * (earned + exempt / drawn * taken)).sum())
