"""MATPOWER cases as markets; columns as in appendix B of its manual, case format version 2."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Iterable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["network_of_case"]


def network_of_case(
    case: Any, steps: int, owners: Iterable[Hashable] | None
) -> tuple[list[Any], list[Any], list[Any], dict[Hashable, float]]:
    """Return buses, lines, orders and demand; see :meth:`NetworkMarket.from_matpower`."""
    if steps < 1:
        raise GameError(f"steps must be at least 1, got {steps}")
    if isinstance(case, (str, PathLike)):
        case = _read(case)
    bus, gen, branch, gencost = (
        _matrix(case, name) for name in ("bus", "gen", "branch", "gencost")
    )
    buses = [int(number) for number in bus[:, 0]]
    lines = [
        _line(k, row)
        for k, row in enumerate(branch, 1)
        if row[10] > 0  # in service
    ]
    demand: dict[Hashable, float] = {int(row[0]): float(row[2]) for row in bus if row[2] != 0}
    in_service = [k for k in range(len(gen)) if gen[k, 7] > 0]
    names = [f"gen {k + 1}" for k in in_service] if owners is None else list(owners)
    if len(names) != len(in_service):
        raise GameError(f"{len(names)} participants for {len(in_service)} generators in service")
    orders = []
    for name, k in zip(names, in_service, strict=True):
        curve = _curve(k + 1, gen[k], gencost[k], steps)
        orders += [(name, int(gen[k, 0]), "offer", price, quantity) for price, quantity in curve]
    return buses, lines, orders, demand


def _read(path: str | PathLike[str]) -> Any:
    with needs("matpower", "MATPOWER files need matpowercaseframes"):
        from matpowercaseframes import CaseFrames
    with warnings.catch_warnings():
        # The package uses a form of pandas calls that newer versions of pandas warn about.
        warnings.simplefilter("ignore")
        return CaseFrames(str(path))


def _matrix(case: Any, name: str) -> NDArray[np.float64]:
    found = case.get(name) if isinstance(case, Mapping) else getattr(case, name, None)
    if found is None:
        raise GameError(f"the case has no {name}; it must have bus, gen, branch and gencost")
    try:
        matrix = np.asarray(found, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} is not a matrix of numbers: {error}") from error
    if matrix.ndim != 2:
        raise GameError(f"{name} must be a matrix, got shape {matrix.shape}")
    return matrix


def _line(k: int, row: NDArray[np.float64]) -> tuple[int, int, float, float]:
    reactance, limit, tap, shift = row[3], row[5], row[8], row[9]
    if shift != 0:
        raise GameError(f"branch {k} shifts the phase by {shift} degrees, which is not supported")
    ratio = tap if tap != 0 else 1.0
    return int(row[0]), int(row[1]), float(reactance * ratio), float(limit) or np.inf


def _curve(
    k: int, gen: NDArray[np.float64], cost: NDArray[np.float64], steps: int
) -> list[tuple[float, float]]:
    """Return the steps (price, quantity) of a generator from 0 to its largest power."""
    power = float(gen[8])
    if power < 0 or gen[9] < 0:
        raise GameError(
            f"generator {k} may take power ({gen[9]} to {power} MW); dispatchable loads are not "
            f"supported: give them as bids"
        )
    model, n = int(cost[0]), int(cost[3])
    if model == 1:
        points = cost[4 : 4 + 2 * n].reshape(n, 2)
        x = np.clip(points[:, 0], 0.0, power)
        y = np.interp(x, points[:, 0], points[:, 1])
    elif model == 2 and n <= 3:
        coefficients = cost[4 : 4 + n]
        x = np.linspace(0.0, power, (steps if n == 3 and coefficients[0] != 0 else 1) + 1)
        y = np.polyval(coefficients, x).astype(np.float64)
    else:
        raise GameError(
            f"generator {k} has a cost of model {model} with {n} coefficients; supported are "
            f"piecewise linear costs and polynomials up to degree 2"
        )
    width = np.diff(x)
    slope = np.diff(y)[width > 0] / width[width > 0]
    if (np.diff(slope) < -1e-9 * np.abs(slope).max(initial=0.0)).any():
        raise GameError(f"the cost of generator {k} is not convex: its slopes are {slope}")
    return list(zip(slope.tolist(), width[width > 0].tolist(), strict=True))
