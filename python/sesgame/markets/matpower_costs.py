"""The costs of generators in MATPOWER cases as the steps of orders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.markets.matpower_matrix import Matrix
from sesgame.markets.steps import PRICE_ROUNDING, QUANTITY_ROUNDING

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
    knots, slopes = _curve(gencost, k, low, high, steps)
    forced = slice(*np.searchsorted(knots, (0.0, low) if low > 0.0 else (high, 0.0)))
    orders = []
    if low > 0.0 or high < 0.0:
        power = low if low > 0.0 else -high
        price = float(slopes[forced] @ np.diff(knots)[forced]) / power
        orders.append(Step("offer" if low > 0.0 else "bid", price, power, must_run=True))
    free = slice(*np.searchsorted(knots, (low, high)))
    ends = knots[free.start : free.stop + 1].tolist()
    segments = _convex(gencost, k, ends, slopes[free])
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
    """Return powers from `low` to `high` and to 0, and the slope of the cost between them."""
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
        square, price, _ = np.pad(coefficients, (3 - len(coefficients), 0))
        if square < 0 and low < high:
            gencost.fail(k, "COST", f"the cost is not convex: {square:g} times a square")
        inner = np.linspace(low, high, (steps if square else 1) + 1)[1:-1]
        # Rounding beside 0 is no step.
        inner = inner[np.abs(inner) > QUANTITY_ROUNDING * (high - low)]
        knots = np.unique(np.concatenate([[low, high, 0.0], inner]))
        return knots, price + square * (knots[1:] + knots[:-1])
    # End segments go on beyond their points.
    inner = points[(points > min(low, 0.0)) & (points < max(high, 0.0))]
    knots = np.unique(np.concatenate([[low, high, 0.0], inner]))
    middle = (knots[1:] + knots[:-1]) / 2
    place = np.clip(np.searchsorted(points, middle) - 1, 0, len(points) - 2)
    return knots, (np.diff(values) / np.diff(points))[place]


def _convex(
    gencost: Matrix, k: int, ends: list[float], slopes: NDArray[np.float64]
) -> list[tuple[float, float, float]]:
    """Return (start, end, slope) of the segments of a convex curve.

    Those of one slope are one, and so are those whose slopes fall by rounding: no later check
    finds them falling.
    """
    largest = np.abs(slopes).max(initial=0.0)
    segments: list[tuple[float, float, float]] = []
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
