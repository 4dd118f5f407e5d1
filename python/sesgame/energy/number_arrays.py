"""Arrays of numbers, and of nothing that only looks like them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["number_array"]


def number_array(given: Any) -> NDArray[np.float64]:
    """Return a new array of floats.

    Raises
    ------
    TypeError, ValueError
        It is none: also of text, yes and no, or times, which NumPy would make numbers of.
    """
    found = np.array(given)
    if found.dtype.kind in "bcSUmM":
        raise TypeError(f"an array of {found.dtype}")
    return found.astype(np.float64)
