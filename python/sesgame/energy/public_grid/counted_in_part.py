"""What of registers and fees of a community counts in part only, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sesgame.formatting import count

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.metering_point import MeteringPoint

__all__ = ["counted_in_part"]


def counted_in_part(points: Sequence[MeteringPoint], reductions: NDArray[np.float64]) -> list[str]:
    """Return what counts in part only, for descriptions; nothing where all counts."""
    found, parts = [], [point.participation for point in points if point.participation < 1]
    if parts:
        n_points = count(len(parts), "metering point")
        found.append(f"{n_points} in part ({_per_cent(parts)}), and contracts bill the rest")
    if reductions.any():
        found.append(f"the fee reduced by {_per_cent(reductions.ravel().tolist())}")
    return found


def _per_cent(parts: Sequence[float]) -> str:
    """Return parts of a whole, from the least to the largest."""
    least, largest = f"{100 * min(parts):.4g}", f"{100 * max(parts):.4g}"
    return f"{least} %" if least == largest else f"{least} to {largest} %"
