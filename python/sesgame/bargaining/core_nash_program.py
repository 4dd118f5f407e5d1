r"""The weighted Nash product over a polytope that is known by some of its rows.

.. math:: \max \sum_i w_i \log y_i \quad \text{subject to} \quad
          \sum_i y_i = 1, \quad A y \ge b

The engine's interior-point method comes near; Newton's method on the equations of Karush, Kuhn and
Tucker, with the rows that it holds on to as equations, does the rest, down to rounding. All numbers
are parts of the surplus, so nothing depends on a unit.

References
----------
Eisenberg and Gale (1959) [eisenberg1959]_ for the objective.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import joint_level, near_nash_point

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NashPoint", "nash_point"]

NEWTON_STEPS = 20
"""They double the digits, of which the interior-point method leaves four or more."""

DEPENDENT = 1e-12
"""Up to this part of the largest a singular value is rounding, and equations are dependent."""

EXCHANGES = 50
"""Rows that the interior-point method mistakes for tight, or for loose, are a few."""

ROUNDING = 1e-12
"""A point may miss a demand by this: sums of a hundred parts and products with them."""

LEAST_MULTIPLIER = 1e-11
"""Smaller multipliers are rounding of the others, which compete with weights that add up to 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class NashPoint:
    """The best point, or one near it, and what proves it.

    Attributes
    ----------
    parts : ndarray of float, shape (n,)
        The point; positive, of sum 1.
    multipliers : ndarray of float, shape (m,)
        One for each row, not negative, positive only where the row is tight:
        ``w / y = total - A.T @ multipliers``.
    total : float
        The multiplier of the sum.
    """

    parts: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    total: float


def nash_point(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    weights: NDArray[np.float64],
    *,
    polish: bool = True,
) -> NashPoint | None:
    """Return the point with the largest weighted product; None where the method does not find it.

    Parameters
    ----------
    rows, demands : ndarray of float, shapes (m, n) and (m,)
        A and b. Where no positive point of sum 1 satisfies them, there is none to be found.
    weights : ndarray of float, shape (n,)
        Positive, of sum 1.
    polish : bool, default True
        Otherwise a point that is off by up to 1e-9 will do.

    Notes
    -----
    O(m n^2 + n^3) for each of some 20 iterations.
    """
    if not len(rows):
        return NashPoint(weights.copy(), np.zeros(0), 1.0)
    near = near_nash_point(rows, demands, weights)
    if near is None:
        return None
    gains, slacks, multipliers, total = near
    if not polish:
        return NashPoint(gains, multipliers, total)
    tight = np.flatnonzero(multipliers > slacks)
    equations = np.vstack([np.ones((1, len(weights))), rows[tight]])
    if np.linalg.matrix_rank(equations) < len(equations):
        # Newton's method would share multipliers among rows of which one may not be tight.
        tight, multipliers, total = _basic(rows, demands, weights / gains, tight)
    return _polished(rows, demands, weights, gains, tight, np.append(total, -multipliers[tight]))


def _basic(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    slopes: NDArray[np.float64],
    tight: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.float64], float]:
    """Return tight rows, independent of each other, whose multipliers hold the slopes.

    The best point is the best one for its slopes, too: a linear program, with a basic solution.
    """
    found = joint_level(
        np.vstack([rows, slopes]),
        np.append(demands, 0.0),
        np.arange(len(rows) + 1) == len(rows),
        1.0,
    )
    if found is None:
        return tight, np.zeros(len(rows)), float(slopes.max())
    multipliers = found[2][:-1]
    return tight[multipliers[tight] > LEAST_MULTIPLIER], multipliers, -found[3]


def _polished(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    weights: NDArray[np.float64],
    y: NDArray[np.float64],
    tight: NDArray[np.int64],
    duals: NDArray[np.float64],
) -> NashPoint | None:
    """Return the point at which the rows that matter are equations, down to rounding."""
    for _ in range(EXCHANGES):
        equations = np.vstack([np.ones((1, len(y))), rows[tight]])
        x, duals = _newton(equations, np.append(1.0, demands[tight]), weights, y, duals)
        pushes = -duals[1:] > LEAST_MULTIPLIER
        if not pushes.all():
            # A row that pushes the wrong way, or not at all, is none of those that matter.
            tight, duals = tight[pushes], np.append(duals[0], duals[1:][pushes])
            continue
        slacks = rows @ x - demands
        worst = int(slacks.argmin())
        if slacks[worst] >= -ROUNDING:
            multipliers = np.zeros(len(rows))
            multipliers[tight] = -duals[1:]
            return NashPoint(x, multipliers, float(duals[0]))
        if worst in tight:
            break
        tight, duals = np.append(tight, worst), np.append(duals, 0.0)
    return None


def _newton(
    equations: NDArray[np.float64],
    levels: NDArray[np.float64],
    weights: NDArray[np.float64],
    y: NDArray[np.float64],
    duals: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Solve ``w / y = equations.T @ duals`` and ``equations @ y = levels``."""
    root = np.sqrt(weights)
    for _ in range(NEWTON_STEPS):
        # Changes are parts of each y, so that small ones keep their digits.
        scaled = equations * y / root
        rest = root - scaled.T @ duals
        # Equations that depend on each other share their multipliers, by least squares.
        inverse = np.linalg.pinv(scaled, DEPENDENT)
        pull = inverse @ (levels - equations @ y - scaled @ rest)
        duals = duals - inverse.T @ pull
        change = (rest + pull) / root
        y = y * (1 + np.clip(change, -0.5, 1.0))
        if np.abs(change).max() <= 4 * len(y) * np.finfo(float).eps:
            break
    return y, duals
