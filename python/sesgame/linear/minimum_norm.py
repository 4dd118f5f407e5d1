"""The point of a polytope nearest to a reference, where the polytope is known by its extremes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import SolverError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["nearest_combination"]

ROUNDS = 1000
"""More than Wolfe's method ever needs here; it ends by itself."""


def nearest_combination(
    extreme: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    reference: NDArray[np.float64],
    tolerance: float,
) -> list[tuple[int, float]]:
    """Return which extremes, in the order they were asked for, make up the nearest point.

    Wolfe's method: the point is kept as a convex combination of affinely independent extremes;
    each round adds the one that lies farthest towards the reference, and leaves out those without
    weight.

    Parameters
    ----------
    extreme : callable
        Returns a point of the polytope with the largest product with a direction.
    reference : ndarray of shape (n,)
    tolerance : float
        How much farther than the nearest point the result may be.

    Returns
    -------
    list of (int, float)
        Numbers of calls of `extreme` and their weights, which add up to 1.

    Raises
    ------
    SolverError
        No end is found, because the extremes are not of one polytope.

    References
    ----------
    Wolfe (1976), "Finding the nearest point in a polytope".
    """
    points = [extreme(reference) - reference]
    used, weights = [0], np.ones(1)
    for _ in range(ROUNDS):
        corral = np.array([points[number] for number in used])
        here = weights @ corral
        distance = float(np.linalg.norm(here))
        farthest = extreme(-here) - reference
        points.append(farthest)
        target = _affine_weights(np.vstack([corral, farthest]))
        # No point can be nearer by more than this; or rounding hides what could be gained.
        if (
            distance <= tolerance
            or here @ (here - farthest) <= tolerance * distance
            or target[-1] <= 0
        ):
            return list(zip(used, weights.tolist(), strict=True))
        used.append(len(points) - 1)
        weights = np.append(weights, 0.0)
        while not (target > 0).all():
            falling = target <= 0
            step = np.min(weights[falling] / (weights[falling] - target[falling]))
            weights = weights + step * (target - weights)
            stays = weights > 1e-12
            stays[np.argmin(np.where(falling, weights, np.inf))] = False
            used = [number for number, stay in zip(used, stays, strict=True) if stay]
            weights = weights[stays] / weights[stays].sum()
            target = _affine_weights(np.array([points[number] for number in used]))
        weights = target
    raise SolverError("the nearest point of the optimal prices", "no end")


def _affine_weights(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weights, of either sign, of the point of least norm in the affine hull."""
    base, others = points[0], points[1:]
    steps, *_ = np.linalg.lstsq((others - base).T, -base, rcond=None)
    weights: NDArray[np.float64] = np.append(1.0 - steps.sum(), steps)
    return weights
