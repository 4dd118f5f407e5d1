r"""The optimum over integers, proved, above a solver that takes nearly integer for integer.

A solver accepts an integer column that misses its integer by some tolerance, 1e-6 with HiGHS. With
``p <= 1e7 on`` that is enough to run a plant of 2.5 with ``on = 2.5e-7``, without its start cost.
So a solution counts only after its integers have been rounded and fixed and what is left, a linear
program, has been solved again. Its value is that of a feasible point: never below the optimum.

The solver's own dual bound is never above the optimum: it is the least value of relaxations that
together hold every integer point, whatever was accepted as an integer in them. Where value and
bound meet, the value is the optimum. Where they do not, the solver made use of its tolerance. Then
the column that misses its integer by most is split: below it and above it, as in branch and bound,
each half has the same integer points as before, but not the point that was not one, and both are
solved by the solver again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["proved_minimum"]

LOST_IN_SUMS = 1e-9
"""By how much a bound may miss an integer that it means, as a sum of what members bring."""


def proved_minimum(
    relaxed: Callable[
        [NDArray[np.float64], NDArray[np.float64]], tuple[float, NDArray[np.float64]] | None
    ],
    fixed: Callable[[NDArray[np.float64]], tuple[float, float] | None],
    lower: NDArray[np.float64],
    upper: NDArray[np.float64],
    most_parts: int,
) -> float | None:
    """Return the minimum over the integers, or None if it is not proved.

    Parameters
    ----------
    relaxed : callable
        ``relaxed(lower, upper)`` returns a lower bound of the minimum with the integer columns
        between these bounds, and a solution's values of these columns, nearly integers; None if
        there is no solution.
    fixed : callable
        ``fixed(integers)`` returns the minimum with the integer columns at these integers, and the
        precision of that number; None if there is no solution.
    lower, upper : ndarray of shape (number of integer columns,)
        The bounds of the integer columns.
    most_parts : int
        How many parts are solved at most.

    Returns
    -------
    float or None
        The minimum, up to the precision; infinite if there is no solution.
    """
    parts = [(np.ceil(lower - LOST_IN_SUMS), np.floor(upper + LOST_IN_SUMS))]
    best, precision = np.inf, 0.0
    for _ in range(most_parts):
        lower, upper = parts.pop()
        found = relaxed(lower, upper)
        if found is not None:
            bound, values = found
            integers = np.clip(np.rint(values), lower, upper)
            # Where the bound cannot undercut what was found in another part, nothing is left to do.
            solved = fixed(integers) if bound < best - precision else None
            if solved is not None and solved[0] < best:
                best, precision = solved
            if bound < best - precision:
                missed = np.abs(values - integers)
                place = int(np.argmax(missed))
                if missed[place] == 0:
                    return None
                below, above = upper.copy(), lower.copy()
                below[place], above[place] = np.floor(values[place]), np.ceil(values[place])
                parts += [(lower, below), (above, upper)]
        if not parts:
            return float(best)
    return None
