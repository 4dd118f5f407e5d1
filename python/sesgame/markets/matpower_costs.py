"""The costs of generators in MATPOWER cases as the steps of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.markets.matpower_matrix import Matrix
from sesgame.markets.steps import PRICE_ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Step", "orders_of_generator", "refuse_costs"]

PIECEWISE_LINEAR, POLYNOMIAL = 1, 2

SLOPE_ROUNDING = 1e-5
"""Part of a generator's largest slope by which its slopes may fall: files give points and costs
with some seven digits, and the slopes of short segments are their differences. case_RTS_GMLC has
such a generator."""


class Step(NamedTuple):
    """One step of an order."""

    side: str
    price_per_mwh: float
    quantity_mw: float
    must_run: bool = False


def orders_of_generator(gen: Matrix, gencost: Matrix, k: int, steps: int) -> list[Step]:
    """Return what row `k` of gen offers and bids: its cost between PMIN and PMAX.

    What is above 0 MW is offered, what is below is bid for. Up to a positive PMIN all must run,
    down to a negative PMAX all must be taken, each at its average cost. The cost at 0 MW, with end
    segments extended to there, is in no order.
    """
    low, high = float(gen.column("PMIN")[k]), float(gen.column("PMAX")[k])
    for column, power in (("PMIN", low), ("PMAX", high)):
        if not np.isfinite(power):
            gen.fail(k, column, f"must be finite, got {power}: nobody offers or takes so much")
    if low > high:
        gen.fail(k, "PMAX", f"{high:g} is less than PMIN, {low:g}")
    if low == high == 0.0:
        return []
    knots, costs = _curve(gencost, k, low, high, steps)
    orders = []
    if low > 0.0:
        orders.append(Step("offer", float(costs[1] - costs[0]) / low, low, must_run=True))
    elif high < 0.0:
        orders.append(Step("bid", float(costs[-1] - costs[-2]) / -high, -high, must_run=True))
    inside = (knots >= low) & (knots <= high)
    segments = _convex(gencost, k, knots[inside], costs[inside])
    for start, end, slope in reversed(segments):
        if start < 0.0:
            orders.append(Step("bid", slope, min(end, 0.0) - start))
    for start, end, slope in segments:
        if end > 0.0:
            orders.append(Step("offer", slope, end - max(start, 0.0)))
    return orders


def refuse_costs(costs: Matrix, in_service: NDArray[np.bool_]) -> None:
    """Refuse costs that are not 0, of what nobody owns."""
    if len(costs) != len(in_service):
        costs.fail(len(costs) - 1, "MODEL", f"is the last row for {len(in_service)} rows of dcline")
    for k in np.flatnonzero(in_service).tolist():
        points, values = _parameters(costs, k)
        flat = np.ptp(values) == 0.0 if points is not None else not values[:-1].any()
        if not flat:
            costs.fail(k, "COST", "a line of direct current has a cost, which nobody bears")


def _parameters(gencost: Matrix, k: int) -> tuple[NDArray[np.float64] | None, NDArray[np.float64]]:
    """Return the points and their costs, or None and the coefficients, highest first."""
    model, count = gencost.column("MODEL")[k], gencost.column("NCOST")[k]
    if model not in (PIECEWISE_LINEAR, POLYNOMIAL):
        gencost.fail(k, "MODEL", f"must be 1 or 2, got {model:g}")
    least = 2 if model == PIECEWISE_LINEAR else 1
    given = gencost.values[k, 4:]
    size = count * (2 if model == PIECEWISE_LINEAR else 1)
    if not (least <= count < np.inf and count % 1 == 0 and size <= len(given)):
        gencost.fail(
            k,
            "NCOST",
            f"must be a number from {least}, and there are {len(given)} entries for it; got "
            f"{count:g}",
        )
    given, rest = given[: int(size)], given[int(size) :]
    if not np.isfinite(given).all():
        gencost.fail(k, "COST", f"must be finite, got {given.tolist()}")
    if rest.any():
        gencost.fail(k, "NCOST", f"{count:g}, but {rest.tolist()} follows what it counts")
    if model == POLYNOMIAL:
        return None, given
    points, values = given[::2], given[1::2]
    if (np.diff(points) <= 0).any():
        gencost.fail(k, "COST", f"the points must increase, got {points.tolist()} MW")
    return points, values


def _curve(
    gencost: Matrix, k: int, low: float, high: float, steps: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return powers from `low` to `high`, with 0 among them, and the cost of each.

    Where 0 is not between the two it is the first or the last.
    """
    points, values = _parameters(gencost, k)
    if points is None:
        coefficients = np.trim_zeros(values, "f")
        if len(coefficients) > 3:
            gencost.fail(
                k,
                "COST",
                f"a polynomial of degree {len(coefficients) - 1}; at most quadratic costs are "
                "supported",
            )
        quadratic = len(coefficients) == 3
        if quadratic and coefficients[0] < 0 and low < high:
            gencost.fail(k, "COST", f"the cost is not convex: {coefficients[0]:g} times a square")
        knots = np.linspace(low, high, (steps if quadratic else 1) + 1)
    else:
        knots = np.concatenate([[low, high], points[(points > low) & (points < high)]])
    knots = np.unique(np.append(knots, 0.0))
    if points is None:
        return knots, np.asarray(np.polyval(coefficients, knots), dtype=np.float64)
    # End segments go on beyond their points.
    place = np.clip(np.searchsorted(points, knots, side="right") - 1, 0, len(points) - 2)
    slopes = np.diff(values) / np.diff(points)
    return knots, values[place] + slopes[place] * (knots - points[place])


def _convex(
    gencost: Matrix, k: int, knots: NDArray[np.float64], costs: NDArray[np.float64]
) -> list[tuple[float, float, float]]:
    """Return (start, end, slope) of the segments of a convex curve.

    Those of one slope are one, and so are those whose slopes fall by rounding: no later check
    finds them falling.
    """
    slopes = np.diff(costs) / np.diff(knots)
    largest = np.abs(slopes).max(initial=0.0)
    segments: list[tuple[float, float, float]] = []
    ends = knots.tolist()
    for start, end, slope in zip(ends[:-1], ends[1:], slopes.tolist(), strict=True):
        while segments and slope <= segments[-1][2] + PRICE_ROUNDING * largest:
            first, middle, before = segments.pop()
            if before - slope > SLOPE_ROUNDING * largest:
                gencost.fail(
                    k, "COST", f"the cost is not convex: its slopes are {slopes.tolist()} per MWh"
                )
            slope = (before * (middle - first) + slope * (end - start)) / (end - first)
            start = first
        segments.append((start, end, slope))
    return segments
