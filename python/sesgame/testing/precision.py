"""What may be rounding, and how amounts are shown: the same in all checks."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["amount", "tolerance_of"]

RELATIVE_TOLERANCE = 1e-9
"""Of the largest of the amounts that are compared: what may be rounding."""

NOTHING = 1e-12
"""What cancels down to this is nothing, whatever the amounts are: a dispatch whose terms add up to
0 may leave a rounding error as the largest value of all."""


def tolerance_of(tolerance: float | None, *amounts: Any) -> float:
    """Return the tolerance that is given, or what may be rounding of such amounts."""
    if tolerance is not None:
        return tolerance
    ends = [float(end) for array in amounts for end in (np.min(array), np.max(array))]
    return max(NOTHING, RELATIVE_TOLERANCE * max(map(abs, ends)))


def amount(value: Any) -> str:
    """Return a number as messages show it."""
    return f"{float(value) + 0.0:.6g}"  # -0.0 + 0.0 is 0.0
