"""What a contract bills beyond prices and peaks of steps, as plain arrays."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BilledPeak", "Billing", "NettedGroups", "PeakMonth", "SetPeak"]


@dataclass(frozen=True, eq=False)
class PeakMonth(ByValue):
    """The windows of one month, or of whatever has a peak of its own.

    Attributes
    ----------
    name : str
        For messages and bills.
    period : int
        The billing period that pays it; their number where none does.
    starts : ndarray of int
        The first step of each window, at least one, in ascending order.
    days : ndarray of int
        The day of each, where only the highest of a day counts; else empty.
    """

    name: str
    period: int
    starts: NDArray[np.int64]
    days: NDArray[np.int64]


class SetPeak(NamedTuple):
    """The peak of a month, and what is billed of it.

    Attributes
    ----------
    month : PeakMonth
    measured_kw : float
        The mean of the highest windows.
    peak_kw : float
        The same between floor and cap.
    billed_kw : float
        With the months before.
    n_months : int
        Of how many months that is the mean.
    windows : ndarray of int
        The first steps of the windows that set it, the highest first.
    """

    month: PeakMonth
    measured_kw: float
    peak_kw: float
    billed_kw: float
    n_months: int
    windows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BilledPeak(ByValue):
    """A charge on peaks.

    Attributes
    ----------
    name : str
    price_per_kw : float
        In each month.
    width : int
        Steps in a window.
    months : tuple of PeakMonth
    n_highest : int
        Windows, or days, whose mean is the peak; of those there are.
    floor_kw, cap_kw : float
        No peak counts less, and none more.
    history_kw : ndarray
        The peaks of the months before the first, in order.
    n_averaged : int
        Months whose mean is billed, of those there are.
    ratchet : float
        The share of the highest of the last `n_back` months that is billed at least.
    n_back : int
    """

    name: str
    price_per_kw: float
    width: int
    months: tuple[PeakMonth, ...]
    n_highest: int
    floor_kw: float
    cap_kw: float
    history_kw: NDArray[np.float64]
    n_averaged: int
    ratchet: float
    n_back: int

    def peaks(self, import_kwh: NDArray[np.float64], step_hours: float) -> list[SetPeak]:
        """Return the peak of each month of what is drawn, and what set it."""
        found: list[SetPeak] = []
        seen = self.history_kw.tolist()
        for month in self.months:
            windows = import_kwh[month.starts[:, np.newaxis] + np.arange(self.width)].mean(axis=1)
            order = np.argsort(-windows, kind="stable")
            if len(month.days):
                # The first of a day in that order is its highest.
                _, first = np.unique(month.days[order], return_index=True)
                order = order[np.sort(first)]
            order = order[: self.n_highest]
            measured = float(windows[order].mean()) / step_hours
            peak = min(max(measured, self.floor_kw), self.cap_kw)
            before, seen = seen[-self.n_back :], [*seen, peak]
            last = seen[-self.n_averaged :]
            billed = sum(last) / len(last)
            if self.ratchet:
                billed = max(peak, self.ratchet * max(before, default=0.0))
            set_by = month.starts[order]
            found.append(SetPeak(month, measured, peak, billed, len(last), set_by))
        return found

    def slopes(
        self,
        import_kwh: NDArray[np.float64],
        step_hours: float,
        at_minimum: Collection[int] = (),
    ) -> NDArray[np.float64]:
        """Return what a kWh of import more in each step costs, shape (T,).

        Nothing where the peak is at its floor or of a month before the first, or in periods that
        are billed their minimum.
        """
        paid = np.zeros(len(import_kwh))
        peaks = self.peaks(import_kwh, step_hours)
        known: list[SetPeak | None] = [None] * len(self.history_kw)
        heights = self.history_kw.tolist()
        for found in peaks:
            before, heights_before = known[-self.n_back :], heights[-self.n_back :]
            known, heights = [*known, found], [*heights, found.peak_kw]
            if found.month.period in at_minimum:
                continue
            bases = known[-self.n_averaged :]
            price = self.price_per_kw / len(bases)
            if self.ratchet and found.billed_kw > found.peak_kw:
                bases = [before[int(np.argmax(heights_before))]]
                price *= self.ratchet
            for base in bases:
                if base is None or base.measured_kw <= self.floor_kw:
                    continue
                hours = len(base.windows) * self.width * step_hours
                for offset in range(self.width):
                    paid[base.windows + offset] += price / hours
        return paid


@dataclass(frozen=True, eq=False)
class NettedGroups(ByValue):
    """The steps among which energy is netted, those of a period that have the same prices.

    Attributes
    ----------
    of_step : ndarray of int, shape (T,)
    prices : ndarray of shape (G, 2)
        What a kWh of each group costs and earns.
    periods : ndarray of int, shape (G,)
        The billing period that pays; their number where none does.
    names : tuple of str
        Of the month or year of each group.
    """

    of_step: NDArray[np.int64]
    prices: NDArray[np.float64]
    periods: NDArray[np.int64]
    names: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Billing(ByValue):
    """The elements of a contract in T steps and M periods that are billed by themselves.

    Attributes
    ----------
    names : tuple of str
        Of the periods.
    ends : ndarray of int, shape (M,)
        The first step after each.
    shares : ndarray of shape (M,)
        Which part of its month each is, by days; 1 where the whole is billed.
    n_days : ndarray of shape (M,)
        Days that are begun in each.
    credit : {"paid", "capped", "netted"}
        What becomes of energy that is fed in.
    groups : NettedGroups or None
        Where it is netted.
    losses : float
        kWh that are billed for each kWh that is drawn.
    fees : ndarray of shape (M,)
        What it costs to be connected at all.
    minimum : ndarray of shape (M,)
        The least that a period costs; not a number where there is none.
    blocks : tuple of (int, float, float)
        Period, threshold in kWh and surcharge per kWh.
    peaks : tuple of BilledPeak
    elements : tuple of str
        What of it no dispatch knows in advance, in words.
    constants : tuple of str
        What is not in proportion to energy, in words: no prices stand for it.
    undivided : tuple of str
        Those of them of which no division is sure to satisfy every group.
    """

    names: tuple[str, ...]
    ends: NDArray[np.int64]
    shares: NDArray[np.float64]
    n_days: NDArray[np.float64]
    credit: Literal["paid", "capped", "netted"]
    groups: NettedGroups | None
    losses: float
    fees: NDArray[np.float64]
    minimum: NDArray[np.float64]
    blocks: tuple[tuple[int, float, float], ...]
    peaks: tuple[BilledPeak, ...]
    elements: tuple[str, ...]
    constants: tuple[str, ...]
    undivided: tuple[str, ...]

    @property
    def parts(self) -> list[slice]:
        """The steps of each period."""
        return [slice(low, high) for low, high in pairwise([0, *self.ends.tolist()])]

    def turnover(self, flow_kwh: NDArray[np.float64], step_hours: float) -> float:
        """Return how much money at most flows beside that for energy."""
        money = float(np.abs(self.fees).sum() + np.abs(np.nan_to_num(self.minimum)).sum())
        most_kwh = self.losses * float(flow_kwh.sum())
        money += sum((most_kwh + abs(above)) * abs(price) for _, above, price in self.blocks)
        most_kw = float(flow_kwh.max()) / step_hours
        for peak in self.peaks:
            history = float(peak.history_kw.max()) if len(peak.history_kw) else 0.0
            money += peak.price_per_kw * len(peak.months) * (most_kw + history + peak.floor_kw)
        return money
