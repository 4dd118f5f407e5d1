"""A schedule of any length, made short enough to draw: one average day, and totals of each day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.community import Community
    from sesgame.energy.schedule import Schedule

    Array = NDArray[np.float64]

__all__ = ["FEWEST_DAYS", "DailyTotals", "Profile", "daily_totals", "profile"]

FEWEST_DAYS = 3
"""Shorter periods are drawn as they are."""
SHORTEST_SLOT_HOURS = 0.25
MOST_SLOTS = 384
"""As many can be told apart, and are drawn, where a period is not averaged over days."""


@dataclass(frozen=True, eq=False)
class Profile:
    """The course of a day, or of a short period.

    Attributes
    ----------
    hours : ndarray of shape (K + 1,)
        Where the K slots begin and end, in hours after midnight, or after the period's start.
    net_load_kw, grid_import_kw, grid_export_kw : ndarray of shape (K,)
        Mean powers.
    stored_kwh, stored_low_kwh, stored_high_kwh : ndarray of shape (K,)
        What is stored at the end of a slot: the mean, and between what it lies on 8 of 10 days.
    buy_per_kwh, sell_per_kwh : ndarray of shape (K,)
        Mean prices.
    n_days : int
        Over how many days these are means; 0 where they are not.
    """

    hours: Array
    net_load_kw: Array
    grid_import_kw: Array
    grid_export_kw: Array
    stored_kwh: Array
    stored_low_kwh: Array
    stored_high_kwh: Array
    buy_per_kwh: Array
    sell_per_kwh: Array
    n_days: int


@dataclass(frozen=True, eq=False)
class DailyTotals:
    """What is bought and sold on each of D days, kWh."""

    days: NDArray[np.datetime64]
    grid_import_kwh: Array
    grid_export_kwh: Array


def profile(community: Community, schedule: Schedule) -> Profile:
    """Return a schedule's average day, or the schedule itself where it is no longer than two."""
    steps = schedule.steps
    slot_hours = max(steps.step_hours, SHORTEST_SLOT_HOURS)
    per_day = round(24 / slot_hours)
    n_days = 0
    if steps.end - steps.start >= np.timedelta64(FEWEST_DAYS, "D") and per_day * slot_hours == 24:
        n_days = int(np.ceil((steps.end - steps.start) / np.timedelta64(1, "D")))
        midnight = steps.times.astype("datetime64[D]")
        hour = (steps.times - midnight) / np.timedelta64(1, "h")
        slot = (hour / slot_hours).astype(np.intp)
        hours = slot_hours * np.arange(per_day + 1.0)
    else:
        count = min(steps.n_steps, MOST_SLOTS)
        slot = np.arange(steps.n_steps) * count // steps.n_steps
        first = np.searchsorted(slot, np.arange(count))
        hours = np.append(first, steps.n_steps) * steps.step_hours
    members = np.bincount(slot)

    def mean(values: Array) -> Array:
        return np.bincount(slot, weights=values) / members

    stored = schedule.state_of_charge_kwh[1:]
    low = high = mean(stored)
    if n_days:
        by_slot = np.split(stored[np.argsort(slot, kind="stable")], np.cumsum(members)[:-1])
        low, high = np.array([np.quantile(part, (0.1, 0.9)) for part in by_slot]).T
    return Profile(
        hours=hours,
        net_load_kw=mean(schedule.net_load_kwh) / steps.step_hours,
        grid_import_kw=mean(schedule.grid_import_kwh) / steps.step_hours,
        grid_export_kw=mean(schedule.grid_export_kwh) / steps.step_hours,
        stored_kwh=mean(stored),
        stored_low_kwh=low,
        stored_high_kwh=high,
        buy_per_kwh=mean(community.buy_per_kwh),
        sell_per_kwh=mean(community.sell_per_kwh),
        n_days=n_days,
    )


def daily_totals(schedule: Schedule) -> DailyTotals:
    """Return what is bought and sold each day; steps belong to the day on which they start."""
    days = schedule.steps.times.astype("datetime64[D]")
    place = (days - days[0]).astype(np.intp)
    bought = np.bincount(place, weights=schedule.grid_import_kwh).astype(np.float64)
    sold = np.bincount(place, weights=schedule.grid_export_kwh).astype(np.float64)
    return DailyTotals(days[0] + np.arange(len(bought)), bought, sold)
