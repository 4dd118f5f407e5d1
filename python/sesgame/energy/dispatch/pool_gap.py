r"""How much more batteries can cost by themselves than the pool of them.

The pool of a coalition has the sums of the energies E, powers of charging C and discharging D, and
initial charges s of its batteries. A battery b that follows the part :math:`w_b` of what the pool
does keeps its bounds where :math:`w_b \le \min(C_b/C, \; D_b/D, \; s_b/s, \; (E_b - s_b)/(E - s))`.
All of them together do W, the sum of these parts, of what the pool does, and the cost is convex in
what storage does, so that

.. math:: c(\text{pool}) \le c(\text{each by itself})
          \le c(\text{pool}) + (1 - W) \bigl( c(\text{no storage}) - c(\text{pool}) \bigr)

for batteries of equal efficiencies and wear, whatever the loads and prices, and within whatever
limits hold without storage, too. W = 1 where all have the same hours (energy over power) of
charging and of discharging, and are equally full.

Of two distributions over the batteries, such as :math:`C_b/C` and :math:`E_b/E`, the sum of the
smaller parts is 1 less the distance in total variation. Where the ratios of the two, before they
are normalised, are within a factor :math:`\rho`, that distance is at most
:math:`(\sqrt\rho - 1) / (\sqrt\rho + 1)` for the batteries of *any* coalition. Of several
distributions the smallest parts sum to at least 1 less the distances along any tree that links
them: :math:`\min(p, q, r) \ge \min(p, q) - (q - r)^+`, and so on from edge to edge.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import DispatchProblem, Storage

__all__ = [
    "MOST_OF_SAVINGS",
    "NEEDED",
    "cut_pools",
    "gap_of_all",
    "is_harmless",
    "largest_gap",
    "proved_gap",
]

MOST_OF_SAVINGS = 0.01
"""A pool that may be off by so much of what storage saves is as good as what its batteries are said
to be: where each energy and power is off by a share e of itself, hours differ by a factor of up to
((1 + e) / (1 - e))**2, and the bound above is e. Data sheets give two digits."""

NEEDED = "without storage some group cannot keep a limit"
"""Why there may be no bound."""

ROUNDING = 1e-12
"""Bounds below it come from the rounding of ratios of equal batteries."""


def largest_gap(storage: Storage) -> float:
    """Return a bound of 1 - W over all coalitions: a share of what storage saves, from 0 to 1."""
    linked, *others = (amount for amount in _amounts(storage) if amount.any() or not amount.size)
    nearest = [_distance(linked, other) for other in others]
    # The shortest tree, from one quantity to the nearest of the others (Prim).
    bound = 0.0
    while others:
        place = int(np.argmin(nearest))
        bound += nearest.pop(place)
        linked = others.pop(place)
        nearest = [
            min(known, _distance(linked, other))
            for known, other in zip(nearest, others, strict=True)
        ]
    return 0.0 if bound < ROUNDING else min(bound, 1.0)


def proved_gap(problem: DispatchProblem) -> float:
    """Return by which share of what storage saves a pool may be off, for any coalition.

    Infinite where the batteries differ and some coalition needs storage to keep a limit: then a
    pool may keep it, and its batteries by themselves may not.
    """
    gap = largest_gap(problem.storage)
    return gap if not gap or problem.keeps_limits_without_storage else math.inf


def is_harmless(problem: DispatchProblem) -> bool:
    """Return whether a pool is as good as its batteries, for every coalition."""
    return proved_gap(problem) <= MOST_OF_SAVINGS + ROUNDING


def gap_of_all(storage: Storage) -> float:
    """Return 1 - W of the coalition that has all batteries."""
    quantities = [amount for amount in _amounts(storage) if amount.any()]
    if not quantities:
        return 0.0
    gap = 1.0 - float(np.min([amount / amount.sum() for amount in quantities], axis=0).sum())
    return 0.0 if gap < ROUNDING else gap


def cut_pools(storage: Storage) -> list[tuple[float, float, float, float]]:
    """Return pools that the batteries of all can follow exactly.

    Each is (kWh, kW of charging, kW of discharging, kWh at the beginning). Each battery is cut to
    common powers for each kWh, the least or the most of any, and in its range of charge to what
    leaves it as full as the pool: the dispatch of such a pool is dealt out in proportion.
    """
    *powers, charge, room = _amounts(storage)
    energy = charge + room
    if not len(energy):
        return []
    full = float(charge.sum() / energy.sum())
    within = energy
    if 0 < full < 1:
        within = np.minimum(charge / full, room / (1 - full))
    pools = []
    for extreme in (np.max, np.min):
        per_kwh = [float(extreme(power / energy)) for power in powers]
        limits = [power / rate for power, rate in zip(powers, per_kwh, strict=True) if rate]
        cut = float(np.min([within, *limits], axis=0).sum())
        pools.append((cut, per_kwh[0] * cut, per_kwh[1] * cut, full * cut))
    return pools


def _amounts(storage: Storage) -> tuple[NDArray[np.float64], ...]:
    """Return both powers, charge and room for charge of each battery that is usable."""
    usable = storage.usable
    energy, charge = storage.energy_kwh[usable], storage.initial_charge_kwh[usable]
    powers_kw = (storage.charge_power_kw[usable], storage.discharge_power_kw[usable])
    return *powers_kw, charge, energy - charge


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the most that the distributions of two quantities differ in any coalition."""
    if len(one) < 2:
        return 0.0
    if not np.minimum(one, other).all():
        return 1.0
    ratios = one / other
    root = float(np.sqrt(ratios.max() / ratios.min()))
    return (root - 1) / (root + 1)
