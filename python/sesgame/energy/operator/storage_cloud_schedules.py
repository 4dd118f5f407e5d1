"""What physical storage the schedules of all who rent need together.

Everybody runs the own part as cheaply as possible, which often leaves a choice: of when to charge
before an evening, say. What the operator needs depends on it, since it serves the sum of all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import SolverError
from sesgame.game.by_value import ByValue
from sesgame.linear.builder import LinearBuilder
from sesgame.linear.own_thread import OwnThread, run
from sesgame.linear.quiet_highs import checked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import StorageService
    from sesgame.energy.operator.storage_cloud_terms import CloudTerms

__all__ = ["StorageNeed", "Usage", "fits", "served"]

MOST_FREE = 20_000
"""Charges that a linear program may choose; for more of them the schedules that hold least do."""

SOLVED = 1e-9
"""Part of a member's capacity below which a choice is rounding."""

FITS = 1e-7
"""Part of what the operator owns by which a need may exceed it: a solver's rounding."""


@dataclass(frozen=True, eq=False)
class StorageNeed(ByValue):
    """Storage that serves the sum of all schedules, and what it costs the operator.

    Attributes
    ----------
    energy_kwh, power_kw : float
        The most that all hold together, and draw or deliver together.
    delivered_kwh : float
        What the storage delivers in all; what one member charges while another discharges does not
        pass it.
    cost : float
        Of capacity, power and wear over all days.
    """

    energy_kwh: float
    power_kw: float
    delivered_kwh: float
    cost: float


@dataclass(frozen=True, eq=False)
class Usage(ByValue):
    """What members do with what they rent.

    Attributes
    ----------
    kindest : StorageNeed
        By the optimal schedules that cost the operator least, of those within what it owns.
    worst : StorageNeed
        What no optimal schedules exceed: in capacity, power and wear, each by itself.
    least_cost : float
        No optimal schedules cost the operator less; equal to the cost of the kindest where these
        are proved to be.
    may_fit : bool
        False where it is proved that what the operator owns serves no optimal schedules.
    held_kwh : ndarray of shape (n, T)
        What each member has stored after each step, by the kindest schedules.
    drawn_kwh : ndarray of shape (n, T)
        What each draws from the own meter into storage in each step, less what it delivers.
    """

    kindest: StorageNeed
    worst: StorageNeed
    least_cost: float
    may_fit: bool
    held_kwh: NDArray[np.float64]
    drawn_kwh: NDArray[np.float64] = field(repr=False)


def fits(terms: CloudTerms, need: StorageNeed) -> bool:
    """Return whether what the operator owns is enough."""
    return need.energy_kwh <= terms.owned_kwh * (1 + FITS) and need.power_kw <= terms.owned_kw * (
        1 + FITS
    )


def served(terms: CloudTerms, service: StorageService, energy_kwh: NDArray[np.float64]) -> Usage:
    """Return what storage serves members with parts of given size, kindest and worst.

    Parameters
    ----------
    terms : CloudTerms
    service : StorageService
        All their optimal schedules.
    energy_kwh : ndarray of shape (n, K)
        What they rent.

    Raises
    ------
    SolverError
        There is no kindest schedule.
    """
    energy_cost, power_cost, wear_cost = terms.costs
    hours = terms.community.steps.step_hours

    def need(energy: float, power: float, delivered: float) -> StorageNeed:
        cost = energy_cost * energy + power_cost * power + wear_cost * delivered
        return StorageNeed(energy, power / hours, delivered, cost)

    def of(held: NDArray[np.float64], drawn: NDArray[np.float64]) -> StorageNeed:
        total = drawn.sum(axis=0)
        return need(
            float(held.sum(axis=0).max(initial=0.0)),
            float(np.abs(total).max(initial=0.0)),
            float(np.maximum(-total, 0.0).sum()),
        )

    low, high = service.least_drawn.sum(axis=0), service.most_drawn.sum(axis=0)
    worst = need(
        float(service.most_held.sum(axis=0).max(initial=0.0)),
        float(max(high.max(initial=0.0), (-low).max(initial=0.0))),
        float(np.maximum(-low, 0.0).sum()),
    )
    held, drawn = service.least_held, service.drawn
    kindest = of(held, drawn)
    lowest = need(
        kindest.energy_kwh,
        float(max(low.max(initial=0.0), (-high).max(initial=0.0))),
        float(np.maximum(-high, 0.0).sum()),
    )
    least = lowest.cost
    # No schedules take less storage than those that hold least, but some may take less power.
    may_fit = fits(terms, lowest)
    if kindest.cost > least * (1 + SOLVED) or (may_fit and not fits(terms, kindest)):
        better = _kindest_held(terms, service, energy_kwh)
        if better is not None:
            held, is_exact = better
            drawn = _drawn(terms, held)
            found = of(held, drawn)
            if (not fits(terms, kindest), kindest.cost) > (not fits(terms, found), found.cost):
                kindest = found
            else:
                held, drawn = service.least_held, service.drawn
            least = kindest.cost if is_exact else least
    return Usage(kindest, worst, min(least, kindest.cost), may_fit, held, drawn)


def _drawn(terms: CloudTerms, held: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what is drawn at the terminals, less what is delivered, for charges of each member."""
    change = _changes(terms, held)
    drawn: NDArray[np.float64] = np.where(
        change > 0, change / terms.charge_efficiency, change * terms.discharge_efficiency
    )
    return drawn


def _changes(terms: CloudTerms, held: NDArray[np.float64]) -> NDArray[np.float64]:
    before = np.zeros_like(held)
    before[:, 1:] = held[:, :-1]
    before[:, terms.starts] = 0.0
    return held - before


def _kindest_held(
    terms: CloudTerms, service: StorageService, energy_kwh: NDArray[np.float64]
) -> tuple[NDArray[np.float64], bool] | None:
    """Return what members hold in the optimal schedules that cost the operator least.

    Of those that what it owns serves. And whether that is all the program could choose from. None
    where it is too large, where nothing fits, or where storage may charge and discharge at once, at
    prices below 0.
    """
    low, high = service.least_held, service.most_held
    n_steps = low.shape[1]
    if (terms.community.sell_per_kwh < 0).any():
        return None
    term = np.searchsorted(terms.starts, np.arange(n_steps), side="right") - 1
    free = high - low > SOLVED * energy_kwh[:, term]
    if free.sum() > MOST_FREE:
        return None
    change_low, change_high = service.least_change, service.largest_change
    # A change of either sign has no straight line from what is stored to what is drawn, unless
    # nothing is lost: it keeps the sign that it has where least is held.
    least_change = _changes(terms, low)
    is_exact = True
    if terms.charge_efficiency * terms.discharge_efficiency < 1:
        slack = SOLVED * energy_kwh[:, term]
        mixed = (change_low < -slack) & (change_high > slack)
        is_exact = not mixed.any()
        charging = least_change > 0
        change_low = np.where(mixed & charging, 0.0, change_low)
        change_high = np.where(mixed & ~charging, 0.0, change_high)
    is_charge = change_high > np.maximum(-change_low, 0.0)
    per_charge = np.where(is_charge, 1.0 / terms.charge_efficiency, terms.discharge_efficiency)
    energy_cost, power_cost, wear_cost = terms.costs
    hours = terms.community.steps.step_hours
    builder = LinearBuilder(1)
    number = np.full(low.shape, -1, dtype=np.intp)
    number[free] = builder.add_columns(int(free.sum()), lower=low[free], upper=high[free])
    # What the operator owns may rule out schedules that cost it less.
    most_kwh = max(terms.owned_kwh, float(low.sum(axis=0).max()))
    ((energy,), (power,)) = (
        builder.add_columns(1, cost=energy_cost, upper=most_kwh * (1 + SOLVED)),
        builder.add_columns(1, cost=power_cost, upper=terms.owned_kw * hours * (1 + SOLVED)),
    )
    delivered = builder.add_columns(n_steps, cost=wear_cost)
    fixed = np.where(free, 0.0, low)
    # What all hold is within the capacity.
    every = np.arange(n_steps)
    rows = builder.add_rows(fixed.sum(axis=0), np.inf, (np.full(n_steps, energy), 1.0))
    members, steps = np.nonzero(free)
    builder.add_entries(rows[steps], number[members, steps], -1.0)
    # What all draw together is within the power, and so is what they deliver; the latter wears.
    fixed_change = _changes(terms, fixed)
    constant = (per_charge * fixed_change).sum(axis=0)
    follows = steps + 1 < n_steps
    follows[follows] &= ~np.isin(steps[follows] + 1, terms.starts)
    after = steps[follows] + 1
    places = (steps, after)
    columns = (number[members, steps], number[members[follows], steps[follows]])
    rates = (per_charge[members, steps], -per_charge[members[follows], after])
    for bound, sign in ((np.full(n_steps, power), 1.0), (np.full(n_steps, power), -1.0)):
        rows = builder.add_rows(sign * constant, np.inf, (bound, 1.0))
        for place, column, rate in zip(places, columns, rates, strict=True):
            builder.add_entries(rows[place], column, -sign * rate)
    rows = builder.add_rows(-constant, np.inf, (delivered[every], 1.0))
    for place, column, rate in zip(places, columns, rates, strict=True):
        builder.add_entries(rows[place], column, rate)
    # Changes from or to a free charge are those of optimal schedules.
    touched = free.copy()
    touched[members[follows], after] = True
    who, when = np.nonzero(touched)
    rows = builder.add_rows(
        change_low[who, when] - fixed_change[who, when],
        change_high[who, when] - fixed_change[who, when],
        count=len(who),
    )
    row = np.full(low.shape, -1, dtype=np.intp)
    row[who, when] = rows
    builder.add_entries(row[members, steps], number[members, steps], 1.0)
    builder.add_entries(
        row[members[follows], after], number[members[follows], steps[follows]], -1.0
    )
    model = builder.program().model
    highs = model.to_highs()
    found = OwnThread["NDArray[np.float64] | None"](lambda _: _solved(highs)).result()
    if found is None:
        return None
    held = low.copy()
    held[free] = found[: free.sum()]
    return np.clip(held, low, high), is_exact


def _solved(highs: object) -> NDArray[np.float64] | None:
    import highspy

    assert isinstance(highs, highspy.Highs)
    checked(highs, run, highs)
    if highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        return None
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        status = highs.modelStatusToString(highs.getModelStatus())
        raise SolverError("the kindest schedules of a storage cloud", status)
    return np.array(highs.getSolution().col_value)
