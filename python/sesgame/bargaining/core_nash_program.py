r"""The weighted Nash product over a polytope that is known by some of its rows.

.. math:: \max \sum_i w_i \log y_i \quad \text{subject to} \quad
          \sum_i y_i = 1, \quad A y \ge b

A primal-dual interior-point method comes near; Newton's method on the equations of Karush, Kuhn and
Tucker with the rows that it holds on to as equations does the rest, down to rounding. All numbers
are parts of the surplus, so nothing depends on a unit.

References
----------
Mehrotra (1992) for predictor and corrector; Eisenberg and Gale (1959) for the objective.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import SolverError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NashPoint", "nash_point"]

ITERATIONS = 100
"""The interior-point method takes 10 to 30."""

CENTRED = 1e-12
"""The mean product of slacks and multipliers at which the interior-point method ends; the sum of
the weights, with which it competes, is 1."""

NEWTON_STEPS = 20
"""They double the digits, of which the interior-point method leaves six or more."""

LEAST_MULTIPLIER = 1e-11
"""Smaller multipliers are rounding of the others, whose weights add up to 1."""


@dataclasses.dataclass(frozen=True, eq=False)
class NashPoint:
    """The best point, and what proves it.

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
    start: NDArray[np.float64],
) -> NashPoint:
    """Return the point with the largest weighted product.

    Parameters
    ----------
    rows, demands : ndarray of float, shapes (m, n) and (m,)
        A and b; some positive point of sum 1 satisfies them.
    weights : ndarray of float, shape (n,)
        Positive, of sum 1.
    start : ndarray of float, shape (n,)
        A positive point of sum 1.

    Raises
    ------
    SolverError
        The method comes to no end.

    Notes
    -----
    O(m n^2 + n^3) for each of some 20 iterations.
    """
    if not len(rows):
        return NashPoint(weights.copy(), np.zeros(0), 1.0)
    inside = _interior_point(rows, demands, weights, start)
    return _polished(rows, demands, weights, *inside)


def _interior_point(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    weights: NDArray[np.float64],
    start: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """Return a point near the best, slacks, multipliers and that of the sum.

    Slacks times multipliers go to 0 together; y times its own multipliers z stays at w.
    """
    count = len(rows)
    y, total = start.copy(), 1.0
    slacks = np.maximum(rows @ y - demands, 1 / count)
    multipliers = (1 / count) / slacks
    z = weights / y
    for _ in range(ITERATIONS):
        primal = rows @ y - slacks - demands
        dual = z - total + rows.T @ multipliers
        mean = float(slacks @ multipliers) / count
        off = max(np.abs(primal).max(), np.abs(y * dual).max(), np.abs(y * z - weights).max())
        if mean <= CENTRED and off <= 1e3 * CENTRED:
            break
        ratio = multipliers / slacks
        hessian = (rows.T * ratio) @ rows
        hessian[np.diag_indices_from(hessian)] += z / y

        def step(
            products: NDArray[np.float64],
            pull: NDArray[np.float64],
            here: tuple[NDArray[np.float64], ...] = (y, z, slacks, multipliers, primal, dual),
            matrix: NDArray[np.float64] = hessian,
            level: float = total,
        ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
            """Return Newton's step towards given products of slacks and multipliers."""
            y, z, slacks, multipliers, primal, dual = here
            ratio = multipliers / slacks
            shift = products / slacks - multipliers - ratio * primal
            right = dual + (pull - y * z) / y + rows.T @ shift
            both = np.linalg.solve(matrix, np.column_stack([right, np.ones(len(y))]))
            rise = float((both[:, 0].sum() + y.sum() - 1.0) / both[:, 1].sum())
            move = both[:, 0] - rise * both[:, 1]
            return (
                move,
                rows @ move + primal,
                shift - ratio * (rows @ move),
                rise,
            )

        try:
            move, slack_move, multiplier_move, _ = step(np.zeros(count), weights)
            length = _length((y, move), (slacks, slack_move), (multipliers, multiplier_move))
            reached = float(
                (slacks + length * slack_move) @ (multipliers + length * multiplier_move)
            )
            centre = min(1.0, max(reached / (mean * count), 0.0)) ** 3 * mean
            products = np.maximum(centre, CENTRED / 10) - slack_move * multiplier_move * length**2
            move, slack_move, multiplier_move, rise = step(products, weights)
        except np.linalg.LinAlgError:
            break
        z_move = (weights - y * z) / y - (z / y) * move
        length = 0.995 * _length(
            (y, move), (z, z_move), (slacks, slack_move), (multipliers, multiplier_move)
        )
        length = min(1.0, length)
        y, z = y + length * move, z + length * z_move
        slacks, multipliers = slacks + length * slack_move, multipliers + length * multiplier_move
        total += length * rise
    if not (np.isfinite(y).all() and np.isfinite(multipliers).all()):
        raise SolverError("Nash bargaining in the core", "not finite")
    return y, slacks, multipliers, total


def _length(*moves: tuple[NDArray[np.float64], NDArray[np.float64]]) -> float:
    """Return the longest step, up to 1 / 0.995, after which nothing is negative."""
    length = 1 / 0.995
    for here, move in moves:
        falling = move < 0
        if falling.any():
            length = min(length, float((here[falling] / -move[falling]).min()))
    return length


def _polished(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    weights: NDArray[np.float64],
    y: NDArray[np.float64],
    slacks: NDArray[np.float64],
    multipliers: NDArray[np.float64],
    total: float,
) -> NashPoint:
    """Return the point at which the rows that matter are equations, down to rounding."""
    n = len(y)
    tight = np.flatnonzero(multipliers > slacks)
    while True:
        equations = np.vstack([np.ones((1, n)), rows[tight]])
        levels = np.append(1.0, demands[tight])
        duals = np.append(total, -multipliers[tight])
        x = y.copy()
        for _ in range(NEWTON_STEPS):
            # In parts of each y, so that small ones keep their digits.
            scaled = equations * x
            rest = weights - scaled.T @ duals
            root = np.sqrt(weights)
            left, *_ = np.linalg.lstsq(
                (scaled / root) @ (scaled / root).T,
                (scaled / root) @ (rest / root) - (levels - equations @ x),
                rcond=None,
            )
            change = (rest - scaled.T @ left) / weights
            duals = duals + left
            x = x * (1 + np.clip(change, -0.5, 1.0))
            if np.abs(change).max() <= 1e-15 * n:
                break
        wrong = duals[1:] > -LEAST_MULTIPLIER
        # A row that pushes the wrong way, or not at all, is none of those that matter.
        negative = np.flatnonzero(wrong)
        if not len(negative):
            break
        tight = np.delete(tight, negative)
        multipliers = np.zeros(len(rows))
        keep = np.delete(duals[1:], negative)
        multipliers[tight] = -keep
        y, total = x, float(duals[0])
    final = np.zeros(len(rows))
    final[tight] = -duals[1:]
    return NashPoint(x, final, float(duals[0]))
