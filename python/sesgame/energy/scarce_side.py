"""Which side of a community's own market is short in a step: those who need, or those who have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["scarce_side"]

_ROUNDING = 1e-12
"""Part of a sum of readings that is rounding: of a thousand, each addition by half a unit."""


def scarce_side(
    needed_kwh: NDArray[np.float64], spare_kwh: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Return 1 where energy is scarce, -1 where there is too much, 0 where both are the same.

    Sums that differ by rounding only are the same: else the order of the members, in which they are
    added up, would say who gains.

    Examples
    --------
    >>> scarce_side(np.array([0.1 + 0.2, 1.0, 1.0]), np.array([0.3, 0.5, 2.0])).tolist()
    [0, 1, -1]
    """
    over = needed_kwh - spare_kwh
    is_same = np.abs(over) <= _ROUNDING * np.maximum(needed_kwh, spare_kwh)
    return np.where(is_same, 0, np.sign(over)).astype(np.intp)
