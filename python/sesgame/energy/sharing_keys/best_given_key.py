"""The key of each step under which all together pay least, once the readings are known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.sharing_keys.best_static_key import Peaks, check_peaks
from sesgame.energy.sharing_keys.given_key import GivenKey
from sesgame.energy.sharing_keys.merit_order import merit_order
from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse, part_of
from sesgame.errors import GameError, SolverError
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.linear.model import LinearModel
from sesgame.linear.own_thread import OwnThread, run
from sesgame.linear.quiet_highs import checked
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.time_steps import Moment, TimeSteps

    Array = NDArray[np.float64]

__all__ = ["BestGivenKey", "best_given_key"]


@dataclass(frozen=True, eq=False, kw_only=True)
class BestGivenKey(ByValue):
    """Parts of the generation of each step, what all pay under them, and a proof of it.

    Attributes
    ----------
    points : tuple of str
        The n points that draw something.
    parts : ndarray of shape (n, T)
        Which part of the generation of a step each is assigned, and uses; together at most 1.
    steps : TimeSteps
        Of the parts.
    cost : float
        What all pay together.
    least_cost : float
        What no key costs less than that takes each used kWh from all plants in proportion.
    cost_without : float
        What all pay if nothing is shared.
    peaks : {"unchanged", "residual"}
        Which import demand charges are on.
    peak_prices : tuple of ndarray
        For each peak that is billed, what each kWh less in the steps that may set it is worth; at
        most the charge together. With them on top, the merit order of steps is a bound.
    tolerance : float
        What rounding may take of the costs.
    """

    points: tuple[str, ...]
    parts: NDArray[np.float64]
    steps: TimeSteps
    cost: float
    least_cost: float
    cost_without: float
    peaks: Peaks
    peak_prices: tuple[NDArray[np.float64], ...]
    tolerance: float

    @property
    def key(self) -> GivenKey:
        """The parts as a key."""
        return GivenKey(self.points, self.parts, self.steps)

    @property
    def gap(self) -> float:
        """By how much another key may cost less, at most; 0 where rounding hides it."""
        gap = self.cost - self.least_cost
        return gap if gap > self.tolerance else 0.0

    def verify(
        self, world: PublicGrid, *, start: Moment | None = None, end: Moment | None = None
    ) -> Verification:
        """Check cost and bound on the readings, at the prices of peaks and without any program.

        Raises
        ------
        GameError
            As :func:`best_given_key`.

        Notes
        -----
        O(n T log n).
        """
        bills = _Bills(part_of(world, start, end), self.peaks)
        shapes = [peak.steps.shape for peak in bills.peaks]
        if bills.points != self.points or bills.worth.steps != self.steps:
            return self._verdict(["other points or steps draw energy than those of the key"])
        if shapes != [prices.shape for prices in self.peak_prices]:
            return self._verdict(["other peaks are billed than those that have prices"])
        failures = []
        # The rounding of a sum of n numbers that are at most 1.
        most = 1 + len(self.points) * np.finfo(float).eps
        if not ((self.parts >= 0).all() and (self.parts.sum(axis=0) <= most).all()):
            failures.append("the parts of a step are negative, or more than 1 together")
        cost = bills.cost(np.minimum(self.parts * bills.worth.generated, bills.consumed))
        if abs(cost - self.cost) > self.tolerance:
            failures.append(f"all pay {cost:.12g} under the key, and not {self.cost:.12g}")
        for peak, prices in zip(bills.peaks, self.peak_prices, strict=True):
            if (prices < 0).any() or prices.sum() > peak.per_kwh * _ONE:
                failures.append(f"prices of {peak.name} are negative, or more than the charge")
        least = bills.least_cost(self.peak_prices)
        if self.least_cost > least + self.tolerance:
            failures.append(f"what is proved is that no key costs less than {least:.12g}")
        return self._verdict(failures)

    def _verdict(self, failures: list[str]) -> Verification:
        claim = f"a key of each step that costs at most {self.gap:.6g} more than the best"
        return Verification(
            claim=claim if self.gap else "the best key of each step",
            failures=tuple(failures),
            exact=False,
            values=(self.cost,),
        )


_ONE = 1 + 4 * float(np.finfo(float).eps)
"""What prices that were divided by their sum may have more than 1 together, by rounding."""


@checked_arguments
def best_given_key(
    world: PublicGrid,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    peaks: Peaks = "unchanged",
) -> BestGivenKey:
    r"""Return the key of each step under which all together pay least, after the fact.

    .. math:: \max_u \sum_{i,t} w_{it} u_{it} - \sum_{i,m} D_{im} P_{im}, \quad
              P_{im} \ge d_{it} - u_{it} \ (t \in m), \quad
              0 \le u_{it} \le c_{it}, \ \sum_i u_{it} \le g_t

    with what plants feed in together, g, what a point draws, d, and can share of it, c, what a kWh
    saves that it uses, w,
    and charges D on the peaks P that are left of its import.

    Parameters
    ----------
    world : PublicGrid
        Without batteries.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.
    peaks : {"unchanged", "residual"}, default "unchanged"
        Whether demand charges are on the peak of the import register, as in the costs of the world,
        or on the peak of what sharing leaves of it, where a grid operator bills that.

    Returns
    -------
    BestGivenKey
        What each point uses of each step, with a proof that :meth:`BestGivenKey.verify` checks.
        What is unused stays with the plants.

    Raises
    ------
    GameError
        Storage is dispatched, nobody draws or feeds in, the period is empty, or `peaks` is
        ``"residual"`` and a demand charge is on more than the highest step of its period.
    SolverError
        The program was not solved.
    MissingExtraError
        Peaks are left to a program, and highspy is not installed.

    Notes
    -----
    With peaks unchanged it is the merit order: what plants feed in goes to those for whom a kWh is
    worth most, and those of one worth use the same part of what they draw; O(n T log n), and a few
    tables of shape (n, T). Where
    plants have one price and one fee, nobody can share better, and what all pay is the cost of the
    grand coalition. Otherwise a matrix for each plant may, since each used kWh comes from all.

    With charges on what is left it is a linear program over the steps in which sharing can lower a
    peak, and the merit order in all others. A peak cannot fall below what is left of it with all
    generation for one point, which rules out most steps.

    References
    ----------
    Manuel de Villena et al. (2020) [villena2020]_: keys after the fact with the least sum of bills;
    they start from keys that are agreed, and can ask for a share of own supply of each member, too.

    Examples
    --------
    At ten per kW the house with the high price leaves the sun of noon to its neighbour's peak:

    >>> import sesgame as sg
    >>> flat, point = sg.energy.Tariff.flat, sg.energy.MeteringPoint
    >>> peak = sg.energy.DemandCharge(price_per_kw=10.0)
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="roof", member="roof", contract="pv", export_kwh=[2.0, 2.0]),
    ...         point(name="a", member="a", contract="basic", import_kwh=[4.0, 1.0]),
    ...         point(name="b", member="b", contract="dear", import_kwh=[2.0, 1.0]),
    ...     ],
    ...     steps=["2024-06-01T12:00", "2024-06-01T13:00"],
    ...     contracts=[
    ...         sg.energy.Contract(name="pv", energy=flat(0.30, 0.08)),
    ...         sg.energy.Contract(name="basic", energy=flat(0.28, 0.08), demand_charges=[peak]),
    ...         sg.energy.Contract(name="dear", energy=flat(0.36, 0.08)),
    ...     ],
    ... )
    >>> sg.energy.best_given_key(world).parts.tolist()
    [[0.0, 0.5], [1.0, 0.5]]
    >>> best = sg.energy.best_given_key(world, peaks="residual")
    >>> best.parts.round(6).tolist(), bool(best.verify(world))
    ([[1.0, 0.5], [0.0, 0.5]], True)
    """
    check_peaks(peaks)
    bills = _Bills(part_of(world, start, end), peaks)
    used = merit_order(bills.saved, bills.consumed, bills.worth.generated)
    prices = tuple(np.zeros(len(peak.steps)) for peak in bills.peaks)
    if any(len(peak.steps) for peak in bills.peaks):
        used, prices = OwnThread[tuple["Array", tuple["Array", ...]]](
            lambda _: _solved(bills, used)
        ).result()
    generated = bills.worth.generated
    # A part of what is tied may be more than all there is by rounding.
    np.minimum(used, generated, out=used)
    parts = np.divide(used, generated, out=np.zeros_like(used), where=generated > 0)
    return BestGivenKey(
        points=bills.points,
        parts=parts,
        steps=bills.worth.steps,
        cost=bills.cost(used),
        least_cost=bills.least_cost(prices),
        cost_without=bills.worth.cost_without,
        peaks=peaks,
        peak_prices=prices,
        tolerance=bills.tolerance,
    )


class _Peak(NamedTuple):
    """A peak of a point that is billed.

    Attributes
    ----------
    name : str
    row : int
        The number of the point.
    counted, steps : ndarray of int
        All steps that count, and those in which sharing can lower the peak.
    per_kwh : float
        What a kWh of the highest step costs.
    least_kwh : float
        What is left of the highest step with all generation for this point.
    """

    name: str
    row: int
    counted: NDArray[np.intp]
    steps: NDArray[np.intp]
    per_kwh: float
    least_kwh: float


class _Bills:
    """What all pay for what each point uses."""

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

    def _highest(self, peak: _Peak, used: Array | None = None) -> float:
        left = self.imported[peak.row, peak.counted]
        if used is not None:
            left = left - used[peak.row, peak.counted]
        return float(left.max())

    def _billed(self) -> Iterator[_Peak]:
        worth = self.worth
        for row, point in enumerate(worth.consumers):
            contract = worth.contracts[point.contract]
            left = self.imported[row] - np.minimum(self.consumed[row], worth.generated)
            for charge in contract.demand_charges:
                try:
                    found = charge.peak_charges(worth.steps) if charge.price_per_kw else []
                except GameError as error:
                    raise GameError(
                        f"the contract {contract.name!r}, for a program of what sharing leaves of "
                        f"peaks: {error}"
                    ) from error
                for peak in found:
                    least = float(left[peak.steps].max())
                    yield _Peak(
                        name=f"{peak.name} of {point.name!r}",
                        row=row,
                        counted=peak.steps,
                        steps=peak.steps[self.imported[row, peak.steps] > least],
                        per_kwh=peak.price_per_kw / worth.steps.step_hours,
                        least_kwh=least,
                    )

    def cost(self, used: Array) -> float:
        """Return what all pay if points use so much."""
        charged = sum(peak.per_kwh * self._highest(peak, used) for peak in self.peaks)
        return self._cost_of_energy + charged - _sum_of_products(self.saved, used)

    def least_cost(self, prices: tuple[Array, ...]) -> float:
        """Return what no use costs less than, by prices of a kWh less in the steps of peaks."""
        saved, charged = self.saved.copy(), 0.0
        for peak, price in zip(self.peaks, prices, strict=True):
            # The peak is at least a mean of the steps with prices, and what cannot be avoided.
            rest = peak.per_kwh - float(price.sum())
            charged += rest * peak.least_kwh
            charged += float((price * self.imported[peak.row, peak.steps]).sum())
            saved[peak.row, peak.steps] += price
        used = merit_order(saved, self.consumed, self.worth.generated)
        return self._cost_of_energy + charged - _sum_of_products(saved, used)


def _sum_of_products(worth: Array, energy: Array) -> float:
    return float(np.einsum("it,it->i", worth, energy).sum())


def _solved(bills: _Bills, used: Array) -> tuple[Array, tuple[Array, ...]]:
    """Return what points use, and the prices of peaks that prove it.

    Raises
    ------
    SolverError
        There is no optimum.
    """
    import highspy

    generated = bills.worth.generated
    matters = np.zeros(used.shape, dtype=np.bool_)
    for peak in bills.peaks:
        matters[peak.row, peak.steps] = True
    steps = np.flatnonzero(matters.any(axis=0) & (generated > 0))
    wanted = (matters | (bills.saved > 0)) & (bills.consumed > 0)
    rows, places = np.nonzero(wanted[:, steps])
    number = np.full((len(used), len(steps)), -1)
    number[rows, places] = np.arange(len(rows))
    place_of = np.full(used.shape[1], -1)
    place_of[steps] = np.arange(len(steps))
    n_used, n_peaks = len(rows), len(bills.peaks)
    most = np.minimum(bills.consumed[:, steps], generated[steps])[rows, places]
    # First a row for each step, then for each peak one for each step that may set it.
    entries = [(places, np.arange(n_used))]
    row_lower, first = [np.full(len(steps), -np.inf)], len(steps)
    parts = []
    for place, peak in enumerate(bills.peaks):
        columns = number[peak.row, place_of[peak.steps]]
        part = np.arange(first, first + len(columns))
        entries += [(part, columns), (part, np.full(len(part), n_used + place))]
        row_lower.append(bills.imported[peak.row, peak.steps])
        parts.append(slice(first, first + len(part)))
        first += len(part)
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
        coefficients=np.ones(len(all_rows)),
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
