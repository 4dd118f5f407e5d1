"""What all pay for what each point uses of common plants, with charges on what is left."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.sharing_keys.merit_order import merit_order
from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse
from sesgame.errors import GameError, SolverError
from sesgame.linear.model import LinearModel
from sesgame.linear.own_thread import run
from sesgame.linear.quiet_highs import checked

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.demand_charge import DemandCharge
    from sesgame.energy.dispatch.billing import BilledPeak
    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.sharing_keys.best_static_key import Peaks

    Array = NDArray[np.float64]

__all__ = ["BillsOfUse", "ResidualPeak", "cheapest_use"]


class ResidualPeak(NamedTuple):
    """The peak of a point in a month, or of whatever has one of its own, after sharing.

    Attributes
    ----------
    name : str
    row : int
        The number of the point.
    counted, windows : ndarray of int, shape (windows, width)
        The steps of all windows that count, and of those in which sharing can lower the peak.
    per_kwh : float
        What a kWh of the mean of the highest window costs.
    floor_kwh, least_kwh : float
        What counts at least, and what is left at least: with all generation for this point.
    """

    name: str
    row: int
    counted: NDArray[np.intp]
    windows: NDArray[np.intp]
    per_kwh: float
    floor_kwh: float
    least_kwh: float

    @property
    def rounding(self) -> float:
        """What prices that are divided by their sum may have more than the charge together."""
        return len(self.windows) * float(np.finfo(float).eps) * self.per_kwh


class BillsOfUse:
    """What all pay for what each point uses in each step.

    Parameters
    ----------
    world : PublicGrid
    peaks : {"unchanged", "residual"}
        Which import demand charges are on.

    Attributes
    ----------
    worth : WorthOfUse
    points : tuple of str
        Those that draw something.
    imported, consumed, saved : ndarray of shape (n, T)
        What their registers show, what of it can be shared, and what a kWh saves that they use.
    peaks : list of ResidualPeak
        Those with charges that sharing may lower.
    tolerance : float
        What rounding may take of the costs.

    Raises
    ------
    GameError
        As :class:`WorthOfUse`, or charges on peaks that are left are in no program.
    """

    def __init__(self, world: PublicGrid, peaks: Peaks) -> None:
        self.worth = worth = WorthOfUse(world)
        self.points = tuple(point.name for point in worth.consumers)
        self.imported = np.array([point.import_kwh for point in worth.consumers])
        self.consumed = np.array([worth.consumed(point) for point in worth.consumers])
        self.saved = np.array([worth.of(point)[0] for point in worth.consumers])
        self.peaks = list(self._billed()) if peaks == "residual" else []
        charged = sum(peak.per_kwh * self._highest(peak) for peak in self.peaks)
        self._cost_of_energy = worth.cost - charged
        # An eps of all money for each of the T steps that sums go through.
        eps = float(np.finfo(float).eps)
        self.tolerance = eps * worth.steps.n_steps * (worth.turnover + charged)

    def _billed(self) -> Iterator[ResidualPeak]:
        worth = self.worth
        hours = worth.steps.step_hours
        peaks_of: dict[str, tuple[BilledPeak, ...]] = {}
        for name in dict.fromkeys(point.contract for point in worth.consumers):
            contract = worth.contracts[name]
            for charge in contract.demand_charges:
                if charge.price_per_kw:
                    _refuse_beyond_a_program(charge, name)
            peaks_of[name] = contract.billing(worth.steps).peaks
        for row, point in enumerate(worth.consumers):
            left = self.imported[row] - np.minimum(self.consumed[row], worth.generated)
            for billed in peaks_of[point.contract]:
                for month, per_kw in zip(billed.months, _prices(billed), strict=True):
                    counted = month.starts[:, np.newaxis] + np.arange(billed.width)
                    floor = billed.floor_kw * hours
                    least = max(float(left[counted].mean(axis=1).max()), floor)
                    drawn = self.imported[row, counted].mean(axis=1)
                    yield ResidualPeak(
                        name=f"{billed.name} of {point.name!r} in {month.name or 'all steps'}",
                        row=row,
                        counted=counted,
                        windows=counted[drawn > least],
                        per_kwh=per_kw / hours,
                        floor_kwh=floor,
                        least_kwh=least,
                    )

    def _highest(self, peak: ResidualPeak, used: Array | None = None) -> float:
        left = self.imported[peak.row, peak.counted]
        if used is not None:
            left = left - used[peak.row, peak.counted]
        return max(float(left.mean(axis=1).max()), peak.floor_kwh)

    def drawn(self, peak: ResidualPeak) -> Array:
        """Return what is drawn in each window in which sharing can lower a peak, as its mean."""
        found: Array = self.imported[peak.row, peak.windows].mean(axis=1)
        return found

    def cost(self, used: Array) -> float:
        """Return what all pay if points use so much."""
        charged = sum(peak.per_kwh * self._highest(peak, used) for peak in self.peaks)
        return self._cost_of_energy + charged - _sum_of_products(self.saved, used)

    def least_cost(self, prices: tuple[Array, ...]) -> float:
        """Return what no use costs less than, by prices of a kWh less in the windows of peaks."""
        saved, charged = self.saved.copy(), 0.0
        for peak, price in zip(self.peaks, prices, strict=True):
            # The peak is at least a mean of the windows with prices, and what cannot be avoided.
            rest = peak.per_kwh - float(price.sum())
            charged += rest * peak.least_kwh + float((price * self.drawn(peak)).sum())
            saved[peak.row, peak.windows] += price[:, np.newaxis] / peak.counted.shape[1]
        used = merit_order(saved, self.consumed, self.worth.generated)
        return self._cost_of_energy + charged - _sum_of_products(saved, used)


def _sum_of_products(worth: Array, energy: Array) -> float:
    return float(np.einsum("it,it->i", worth, energy).sum())


def _refuse_beyond_a_program(charge: DemandCharge, contract: str) -> None:
    """Refuse a charge that is not straight in the peaks of its months, which are highest windows.

    Raises
    ------
    GameError
        It has a cap or a ratchet, or is on a mean of several windows.
    """
    found = {
        f"a cap (cap_kw={charge.cap_kw:g})": math.isfinite(charge.cap_kw),
        f"a ratchet (ratchet={charge.ratchet:g})": charge.ratchet > 0,
        f"a mean of several windows (n_highest={charge.n_highest})": charge.n_highest > 1,
    }
    for name, is_there in found.items():
        if is_there:
            raise GameError(
                f"the contract {contract!r}: a demand charge with {name} is not in the program of "
                f'what sharing leaves of peaks; take peaks="unchanged", or fixed coefficients'
            )


def _prices(billed: BilledPeak) -> list[float]:
    """Return what a kW of each month costs, in all months of whose mean it is a part."""
    n_before, n_months = len(billed.history_kw), len(billed.months)
    prices = np.zeros(n_before + n_months)
    for last in range(n_before + 1, n_before + n_months + 1):
        first = max(0, last - billed.n_averaged)
        prices[first:last] += billed.price_per_kw / (last - first)
    found: list[float] = prices[n_before:].tolist()
    return found


def cheapest_use(bills: BillsOfUse, used: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return what points use so that all pay least, and the prices of peaks that prove it.

    Parameters
    ----------
    bills : BillsOfUse
    used : ndarray of shape (n, T)
        The merit order, which stays where sharing lowers no peak.

    Raises
    ------
    SolverError
        There is no optimum.
    """
    import highspy

    generated = bills.worth.generated
    matters = np.zeros(used.shape, dtype=np.bool_)
    for peak in bills.peaks:
        matters[peak.row, peak.windows] = True
    steps = np.flatnonzero(matters.any(axis=0) & (generated > 0))
    wanted = (matters | (bills.saved > 0)) & (bills.consumed > 0)
    rows, places = np.nonzero(wanted[:, steps])
    number = np.full((len(used), len(steps)), -1)
    number[rows, places] = np.arange(len(rows))
    place_of = np.full(used.shape[1], -1)
    place_of[steps] = np.arange(len(steps))
    n_used, n_peaks = len(rows), len(bills.peaks)
    most = np.minimum(bills.consumed[:, steps], generated[steps])[rows, places]
    # First a row for each step, then for each peak one for each window that may set it.
    entries = [(places, np.arange(n_used))]
    row_lower, first = [np.full(len(steps), -np.inf)], len(steps)
    parts = []
    coefficients = [np.ones(n_used)]
    for place, peak in enumerate(bills.peaks):
        n_windows, width = peak.windows.shape
        columns = number[peak.row, place_of[peak.windows]].ravel()
        part = np.arange(first, first + n_windows)
        # Nothing can be used where nothing is generated or drawn.
        has = (columns >= 0) & (place_of[peak.windows] >= 0).ravel()
        entries += [
            (np.repeat(part, width)[has], columns[has]),
            (part, np.full(n_windows, n_used + place)),
        ]
        coefficients += [np.full(int(has.sum()), 1 / width), np.ones(n_windows)]
        row_lower.append(bills.drawn(peak))
        parts.append(slice(first, first + n_windows))
        first += n_windows
    n_bounded = first - len(steps)
    all_rows, all_columns = (np.concatenate(each) for each in zip(*entries, strict=True))
    model = LinearModel(
        cost=np.append(-bills.saved[:, steps][rows, places], [p.per_kwh for p in bills.peaks]),
        col_lower=np.append(np.zeros(n_used), [peak.least_kwh for peak in bills.peaks]),
        col_upper=np.append(most, np.full(n_peaks, np.inf)),
        row_lower=np.concatenate(row_lower),
        row_upper=np.append(generated[steps], np.full(n_bounded, np.inf)),
        rows=all_rows,
        columns=all_columns,
        coefficients=np.concatenate(coefficients),
        integer=np.zeros(n_used + n_peaks, dtype=np.bool_),
        sense=1,
        offset=0.0,
    )
    highs = model.to_highs()
    checked(highs, run, highs)
    if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
        status = highs.modelStatusToString(highs.getModelStatus())
        raise SolverError("the best key of each step", status)
    solution = highs.getSolution()
    found = np.zeros((len(used), len(steps)))
    found[rows, places] = np.clip(np.array(solution.col_value)[:n_used], 0.0, most)
    # The solver keeps rows but to a tolerance of its own: what is too much, nobody has.
    total = found.sum(axis=0)
    found *= np.divide(
        generated[steps], total, out=np.ones(len(steps)), where=total > generated[steps]
    )
    best = used.copy()
    best[:, steps] = found
    duals = np.array(solution.row_dual)
    prices = [np.maximum(duals[part], 0.0) for part in parts]
    return best, tuple(
        price * min(1.0, peak.per_kwh / price.sum()) if price.sum() > 0 else price
        for price, peak in zip(prices, bills.peaks, strict=True)
    )
