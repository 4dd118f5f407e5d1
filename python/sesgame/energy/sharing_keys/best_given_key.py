"""The key of each step under which all together pay least, once the readings are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sesgame.energy.sharing_keys.best_static_key import Peaks, check_peaks
from sesgame.energy.sharing_keys.bills_of_use import BillsOfUse, cheapest_use
from sesgame.energy.sharing_keys.given_key import GivenKey
from sesgame.energy.sharing_keys.merit_order import merit_order
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.linear.own_thread import OwnThread
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.time_steps import Moment, TimeSteps

    Array = NDArray[np.float64]

__all__ = ["BestGivenKey", "best_given_key"]


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
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
        For each peak that is billed, what a kWh less in each of the windows that may set it is
        worth; at most the charge together. With them on top, the merit order of steps is a bound.
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

    @checked_arguments
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
        check_peaks(self.peaks)
        bills = BillsOfUse(world.period(start, end), self.peaks)
        n_windows = [(len(peak.windows),) for peak in bills.peaks]
        if bills.points != self.points or bills.worth.steps != self.steps:
            return self._verdict(["other points or steps draw energy than those of the key"])
        if self.parts.shape != bills.consumed.shape:
            return self._verdict(["the parts are not one for each point and step"])
        if n_windows != [prices.shape for prices in self.peak_prices]:
            return self._verdict(["other peaks are billed than those that have prices"])
        failures = []
        # The rounding of a sum of n numbers that are at most 1.
        most = 1 + len(self.points) * np.finfo(float).eps
        if not ((self.parts >= 0).all() and (self.parts.sum(axis=0) <= most).all()):
            failures.append("the parts of a step are negative, or more than 1 together")
        cost = bills.cost(np.minimum(self.parts * bills.worth.generated, bills.consumed))
        if not abs(cost - self.cost) <= bills.tolerance:
            failures.append(f"all pay {cost:.12g} under the key, and not {self.cost:.12g}")
        for peak, prices in zip(bills.peaks, self.peak_prices, strict=True):
            if not ((prices >= 0).all() and prices.sum() <= peak.per_kwh + peak.rounding):
                failures.append(f"prices of {peak.name} are negative, or more than the charge")
        least = bills.least_cost(self.peak_prices)
        if not abs(self.least_cost - least) <= bills.tolerance:
            failures.append(f"what is proved is that no key costs less than {least:.12g}")
        without = bills.worth.cost_without
        if not abs(self.cost_without - without) <= bills.tolerance:
            failures.append(f"all pay {without:.12g} without, and not {self.cost_without:.12g}")
        # Twice, since sums round otherwise on another machine.
        if not bills.tolerance / 2 <= self.tolerance <= 2 * bills.tolerance:
            failures.append(f"rounding takes {bills.tolerance:.3g}, and not {self.tolerance:.3g}")
        return self._verdict(failures)

    def _verdict(self, failures: list[str]) -> Verification:
        claim = f"a key of each step that costs at most {self.gap:.6g} more than the best"
        return Verification(
            claim=claim if self.gap else "the best key of each step",
            failures=tuple(failures[:10]),
            exact=False,
            values=(self.cost,),
        )

    def __repr__(self) -> str:
        return (
            f"BestGivenKey({count(len(self.points), 'point')}, cost {self.cost:.6g}, "
            f"gap {self.gap:.3g})"
        )


@checked_arguments
def best_given_key(
    world: PublicGrid,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    peaks: Literal["unchanged", "residual"] = "unchanged",
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
        ``"residual"`` and a demand charge is on a mean of several highest windows, has a cap, or a
        ratchet.
    SolverError
        The program was not solved.
    MissingExtraError
        Peaks are left to a program, and highspy is not installed.

    Notes
    -----
    With peaks unchanged it is the merit order: what plants feed in goes to those for whom a kWh is
    worth most, and those of one worth use the same part of what they draw; O(n T log n), and a few
    tables of shape (n, T). Where plants have one price and one fee, nobody can share better, and
    what all pay is the cost of the grand coalition. Otherwise a matrix for each plant may, since
    each used kWh comes from all.

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
    bills = BillsOfUse(world.period(start, end), peaks)
    used = merit_order(bills.saved, bills.consumed, bills.worth.generated)
    prices = tuple(np.zeros(len(peak.windows)) for peak in bills.peaks)
    if any(len(peak.windows) for peak in bills.peaks):
        used, prices = OwnThread[tuple["Array", tuple["Array", ...]]](
            lambda _: cheapest_use(bills, used)
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
