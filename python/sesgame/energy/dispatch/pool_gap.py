r"""How much more batteries can cost by themselves than the pool of them.

The pool of a coalition has the sums of the energies E, powers P and initial charges s of its
batteries. A battery b that follows the part :math:`w_b` of what the pool's charge moves by keeps
its bounds where :math:`w_b \le \min(P_b/P, \; s_b/s, \; (E_b - s_b)/(E - s))`. All of them together
do W, the sum of these parts, of what the pool does, and the cost is convex in what storage does,
so that

.. math:: c(\text{pool}) \le c(\text{each by itself})
          \le c(\text{pool}) + (1 - W) \bigl( c(\text{no storage}) - c(\text{pool}) \bigr)

for batteries of equal efficiencies, whatever the loads and prices. W = 1 where all have the same
hours (energy over power) and are equally full.

Of two distributions over the batteries, such as :math:`P_b/P` and :math:`E_b/E`, the sum of the
smaller parts is 1 less the distance in total variation. Where the ratios of the two, before they
are normalised, are within a factor :math:`\rho`, that distance is at most
:math:`(\sqrt\rho - 1) / (\sqrt\rho + 1)` for the batteries of *any* coalition.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.problem import Storage

__all__ = ["MOST_OF_SAVINGS", "cut_pools", "gap_of_all", "is_harmless", "largest_gap"]

MOST_OF_SAVINGS = 0.01
"""A pool that may be off by so much of what storage saves is as good as what its batteries are said
to be: where each energy and power is off by a share e of itself, hours differ by a factor of up to
((1 + e) / (1 - e))**2, and the bound above is e. Data sheets give two digits."""

ROUNDING = 1e-12
"""Bounds below it come from the rounding of ratios of equal batteries."""


def largest_gap(storage: Storage) -> float:
    """Return a bound of 1 - W over all coalitions: a share of what storage saves, from 0 to 1."""
    power, *amounts = _amounts(storage)
    if len(power) < 2:
        return 0.0
    quantities = [power, *(amount for amount in amounts if amount.any())]
    if len(quantities) == 2:
        bound = _distance(power, quantities[1])
    else:
        # min(p, q, r) >= p - (p - q)+ - (p - r)+, whichever of the three p is.
        power, charge, room = quantities
        sides = [_distance(power, charge), _distance(charge, room), _distance(room, power)]
        bound = min(one + other for one, other in pairwise([*sides, sides[0]]))
    return 0.0 if bound < ROUNDING else min(bound, 1.0)


def is_harmless(storage: Storage) -> bool:
    """Return whether a pool is as good as its batteries, for every coalition."""
    return largest_gap(storage) <= MOST_OF_SAVINGS + ROUNDING


def gap_of_all(storage: Storage) -> float:
    """Return 1 - W of the coalition that has all batteries."""
    quantities = [amount for amount in _amounts(storage) if amount.any()]
    if not quantities:
        return 0.0
    gap = 1.0 - float(np.min([amount / amount.sum() for amount in quantities], axis=0).sum())
    return 0.0 if gap < ROUNDING else gap


def cut_pools(storage: Storage) -> list[tuple[float, float, float]]:
    """Return pools, (kWh, kW, kWh at the beginning), that the batteries of all can follow exactly.

    Each battery is cut to common hours, the fewest or the most of any, and in its range of charge
    to what leaves it as full as the pool: the dispatch of such a pool is dealt out in proportion.
    """
    power, charge, room = _amounts(storage)
    energy = charge + room
    if not len(power):
        return []
    full = float(charge.sum() / energy.sum())
    within = energy
    if 0 < full < 1:
        within = np.minimum(charge / full, room / (1 - full))
    hours = energy / power
    pools = []
    for common in (float(hours.min()), float(hours.max())):
        cut = float(np.minimum(within, common * power).sum())
        pools.append((cut, cut / common, full * cut))
    return pools


def _amounts(
    storage: Storage,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return power, charge and room for charge of each battery that is usable."""
    usable = storage.usable
    energy, charge = storage.energy_kwh[usable], storage.initial_charge_kwh[usable]
    return storage.power_kw[usable], charge, energy - charge


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Return the most that the distributions of two quantities differ in any coalition."""
    least, most = np.minimum(one, other), np.maximum(one, other)
    if not least.all():
        return 1.0 if most.any() else 0.0
    ratios = one / other
    root = float(np.sqrt(ratios.max() / ratios.min()))
    return (root - 1) / (root + 1)
