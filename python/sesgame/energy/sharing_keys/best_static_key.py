"""The fixed coefficients under which all together pay least."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from sesgame.energy.sharing_keys.best_split import best_split, rounding
from sesgame.energy.sharing_keys.coefficient_gain import (
    CoefficientGain,
    Tangent,
    coefficient_gain,
    under_tangents,
)
from sesgame.energy.sharing_keys.residual_peaks import ResidualPeaks
from sesgame.energy.sharing_keys.sharing_bills import Unused
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.energy.sharing_keys.worth_of_use import WorthOfUse
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.public_grid.public_grid import PublicGrid
    from sesgame.energy.time_steps import Moment

    Array = NDArray[np.float64]

__all__ = ["BestStaticKey", "Peaks", "best_static_key", "check_peaks"]

Peaks = Literal["unchanged", "residual"]
"""Which import demand charges are on: that of the register, or what sharing leaves of it."""


def check_peaks(peaks: str) -> None:
    """Refuse a reading of peaks that there is not.

    Raises
    ------
    GameError
        It is neither.
    """
    if peaks not in get_args(Peaks):
        raise GameError(f'peaks must be "unchanged" or "residual", got {peaks!r}')


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class BestStaticKey(ByValue):
    r"""Fixed coefficients, what all pay under them, and what proves that none cost less.

    At a multiplier :math:`\lambda` no coefficients save more than

    .. math:: \lambda + \sum_i \max_{0 \le \beta \le 1} F_i(\beta) - \lambda \beta

    since they sum to 1: whoever has the readings can add that up.

    Attributes
    ----------
    points : tuple of str
        The n points that draw something.
    coefficients : ndarray of shape (n,)
        Their coefficients.
    cost : float
        What all pay together. A key moves it by what it leaves unused; a local price does not.
    least_cost : float
        What no fixed coefficients cost less than; `cost` but for rounding, where no kWh used costs
        more than one bought.
    cost_without : float
        What all pay if nothing is shared.
    multiplier : float
        What a part of 1 of the generation is worth at the margin, in money.
    rents : ndarray of shape (n,)
        What each point saves at most beyond paying the multiplier for its coefficient.
    peaks : {"unchanged", "residual"}
        Which import demand charges are on.
    unused : {"plant", "owner"}
        Whose is what is assigned and not used.
    touched : tuple of tuple of float
        Coefficients of each point at which charges on its peaks are known, with a tangent that
        bounds the others.
    tolerance : float
        What rounding may take of the costs.
    """

    points: tuple[str, ...]
    coefficients: NDArray[np.float64]
    cost: float
    least_cost: float
    cost_without: float
    multiplier: float
    rents: NDArray[np.float64]
    peaks: Peaks
    unused: Unused
    touched: tuple[tuple[float, ...], ...]
    tolerance: float

    @property
    def key(self) -> StaticKey:
        """The coefficients as a key."""
        return StaticKey(dict(zip(self.points, self.coefficients.tolist(), strict=True)))

    @property
    def gap(self) -> float:
        """By how much another fixed key may cost less, at most; 0 where rounding hides it."""
        gap = self.cost - self.least_cost
        return gap if gap > self.tolerance else 0.0

    @checked_arguments
    def verify(
        self, world: PublicGrid, *, start: Moment | None = None, end: Moment | None = None
    ) -> Verification:
        """Check cost and bound on the readings, at the multiplier and without any search.

        Raises
        ------
        GameError
            As :func:`best_static_key`.

        Notes
        -----
        O(n T log T).
        """
        check_peaks(self.peaks)
        curves = _Curves(world.period(start, end), self.peaks, self.unused)
        given, failures = self.coefficients, []
        n_points = {len(self.points), len(given), len(self.rents), len(self.touched)}
        if tuple(point.name for point in curves.worth.consumers) != self.points:
            return self._verdict(["other points draw energy than those that have a coefficient"])
        if len(n_points) > 1 or not ((given >= 0) & (given <= 1)).all():
            return self._verdict(["a coefficient is not from 0 to 1, or a point has none"])
        # The rounding of a sum of n numbers that are at most 1.
        if not abs(given.sum() - 1) <= len(given) * np.finfo(float).eps:
            failures.append(f"the coefficients add up to {float(given.sum())!r}")
        if any(each for row, each in enumerate(self.touched) if row not in curves.charged):
            failures.append("a point without charges on peaks has tangents of them")
        for row in curves.charged:
            for coefficient in self.touched[row]:
                curves.touch(row, coefficient)
        bounding = curves.bounding()
        tolerance = curves.tolerance(bounding)
        cost = curves.cost_at(given)
        if not abs(cost - self.cost) <= tolerance:
            failures.append(f"all pay {cost:.12g} under the key, and not {self.cost:.12g}")
        rents = [curve.rent(self.multiplier) for curve in bounding]
        least = curves.cost - self.multiplier - sum(rents)
        if not abs(self.least_cost - least) <= tolerance:
            failures.append(
                f"the multiplier proves that no coefficients cost less than {least:.12g}, and not "
                f"than {self.least_cost:.12g}"
            )
        without = curves.cost_without
        if not abs(self.cost_without - without) <= tolerance:
            failures.append(f"all pay {without:.12g} without, and not {self.cost_without:.12g}")
        for name, rent, said in zip(self.points, rents, self.rents.tolist(), strict=True):
            if not abs(rent - said) <= tolerance:
                failures.append(f"{name!r} saves up to {rent:.12g} beyond it, and not {said:.12g}")
        # Twice, since sums round otherwise on another machine.
        if not tolerance / 2 <= self.tolerance <= 2 * tolerance:
            failures.append(f"rounding takes up to {tolerance:.3g}, and not {self.tolerance:.3g}")
        return self._verdict(failures)

    def _verdict(self, failures: list[str]) -> Verification:
        claim = f"fixed coefficients that cost at most {self.gap:.6g} more than the best"
        return Verification(
            claim=claim if self.gap else "the best fixed coefficients",
            failures=tuple(failures[:10]),
            exact=False,
            values=tuple(self.coefficients.tolist()),
        )

    def __repr__(self) -> str:
        return (
            f"BestStaticKey({count(len(self.points), 'point')}, cost {self.cost:.6g}, "
            f"gap {self.gap:.3g})"
        )


@checked_arguments
def best_static_key(
    world: PublicGrid,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    peaks: Literal["unchanged", "residual"] = "unchanged",
    unused: Literal["plant", "owner"] = "plant",
) -> BestStaticKey:
    r"""Return the fixed coefficients under which all together pay least.

    .. math:: \max_\beta \sum_i F_i(\beta_i), \quad \sum_i \beta_i = 1, \qquad
              F_i(\beta) = \sum_t w_{it} \min(\beta g_t, c_{it}) + r_{it} \beta g_t - D_i(\beta)

    with what plants feed in together, g, what the point draws, c, what a used kWh saves, w, an
    assigned one, r, and what the point pays for peaks, D.

    Parameters
    ----------
    world : PublicGrid
        Without batteries.
    start, end : str, datetime64 or datetime, optional
        The steps that start in ``[start, end)``; by default all.
    peaks : {"unchanged", "residual"}, default "unchanged"
        Whether demand charges are on the peak of the import register, as in the costs of the world,
        or on the peak of what sharing leaves of it, where a grid operator bills that.
    unused : {"plant", "owner"}, default "plant"
        Whose is what is assigned and not used: plants sell it, or the consumer under its own
        contract.

    Returns
    -------
    BestStaticKey
        The coefficients with a proof that :meth:`BestStaticKey.verify` checks.

    Raises
    ------
    GameError
        Storage is dispatched, nobody draws or feeds in, the period is empty, or `peaks` is
        ``"residual"`` and a demand charge has a cap.

    Notes
    -----
    What a coefficient saves is straight between those that just cover a step, and concave where a
    used kWh costs nobody more than a bought one. Then one multiplier settles it: O(n T log T), and
    memory of two numbers for each point and step at which sun is left over. Where w is negative in
    some step, the curve of that point may not be concave; then `least_cost` bounds what is missing.

    Charges on peaks that are left are convex in the coefficient: they are replaced by tangents,
    which are added where the best coefficients touch them, until bound and cost meet.

    Examples
    --------
    The second house pays more for a kWh, but 0.4 of the roof is all it ever needs:

    >>> import sesgame as sg
    >>> flat, point = sg.energy.Tariff.flat, sg.energy.MeteringPoint
    >>> world = sg.energy.PublicGrid(
    ...     points=[
    ...         point(name="roof", member="roof", contract="pv", export_kwh=[5.0, 5.0]),
    ...         point(name="a", member="a", contract="basic", import_kwh=[4.0, 4.0]),
    ...         point(name="b", member="b", contract="dear", import_kwh=[2.0, 1.0]),
    ...     ],
    ...     steps=["2024-06-01T12:00", "2024-06-01T13:00"],
    ...     contracts=[
    ...         sg.energy.Contract(name="pv", energy=flat(0.30, 0.08)),
    ...         sg.energy.Contract(name="basic", energy=flat(0.28, 0.08)),
    ...         sg.energy.Contract(name="dear", energy=flat(0.36, 0.08)),
    ...     ],
    ...     fee_per_kwh=0.05,
    ... )
    >>> best = sg.energy.best_static_key(world)
    >>> dict(zip(best.points, best.coefficients.round(6).tolist()))
    {'a': 0.8, 'b': 0.2}
    >>> round(best.cost_without - best.cost, 6), bool(best.verify(world))
    (1.66, True)
    """
    check_peaks(peaks)
    curves = _Curves(world.period(start, end), peaks, unused)
    coefficients, multiplier = curves.best()
    bounding = curves.bounding()
    rents = np.array([curve.rent(multiplier) for curve in bounding])
    return BestStaticKey(
        points=tuple(point.name for point in curves.worth.consumers),
        coefficients=coefficients,
        cost=curves.cost_at(coefficients),
        least_cost=curves.cost - multiplier - float(rents.sum()),
        cost_without=curves.cost_without,
        multiplier=multiplier,
        rents=rents,
        peaks=peaks,
        unused=unused,
        touched=curves.touched,
        tolerance=curves.tolerance(bounding),
    )


class _Curves:
    """What coefficients save, point by point: of energy as it is, of peaks by tangents."""

    def __init__(self, world: PublicGrid, peaks: Peaks, unused: Unused) -> None:
        self.worth = worth = WorthOfUse(world, unused)
        self._energy = [
            coefficient_gain(worth.generated, worth.consumed(point), *worth.of(point))
            for point in worth.consumers
        ]
        self._peaks: dict[int, ResidualPeaks] = {}
        if peaks == "residual":
            found = (ResidualPeaks(worth, point) for point in worth.consumers)
            self._peaks = {row: charges for row, charges in enumerate(found) if charges}
        self._tangents: dict[int, dict[float, Tangent]] = {row: {} for row in self._peaks}
        without = sum(self.touch(row, 0.0).value for row in self._peaks)
        # Gains are less the charges, so that costs have them once.
        self.cost = worth.cost - without
        self.cost_without = worth.cost_without

    @property
    def charged(self) -> tuple[int, ...]:
        """The points with charges on peaks that are left."""
        return tuple(self._peaks)

    def touch(self, row: int, coefficient: float) -> Tangent:
        """Return the tangent of charges at a coefficient, which bounds them from then on."""
        known = self._tangents[row]
        if coefficient not in known:
            known[coefficient] = self._peaks[row].tangent(coefficient)
        return known[coefficient]

    @property
    def touched(self) -> tuple[tuple[float, ...], ...]:
        """Where charges of each point are known."""
        return tuple(tuple(self._tangents.get(row, ())) for row in range(len(self._energy)))

    def bounding(self) -> list[CoefficientGain]:
        """Return curves that are nowhere below what coefficients save."""
        return [
            under_tangents(curve, list(self._tangents.get(row, {}).values()))
            for row, curve in enumerate(self._energy)
        ]

    def gain_at(self, coefficients: Array) -> float:
        """Return what coefficients save, with what they leave of the charges."""
        given = coefficients.tolist()
        gain = sum(curve.of(each) for curve, each in zip(self._energy, given, strict=True))
        return gain - sum(self.touch(row, given[row]).value for row in self._peaks)

    def cost_at(self, coefficients: Array) -> float:
        """Return what all pay."""
        return self.cost - self.gain_at(coefficients)

    def tolerance(self, bounding: list[CoefficientGain]) -> float:
        """Return what rounding may take of costs and bound."""
        turnover = float(np.finfo(float).eps) * self.worth.steps.n_steps * self.worth.turnover
        return rounding(bounding) + turnover

    def best(self) -> tuple[Array, float]:
        """Return the best coefficients, and the multiplier that bounds all others."""
        found: tuple[float, Array] | None = None
        n_known = -1
        while True:
            bounding = self.bounding()
            split = best_split(bounding)
            gain = self.gain_at(split.coefficients)
            if found is None or gain > found[0]:
                found = gain, split.coefficients
            n_before, n_known = n_known, sum(map(len, self._tangents.values()))
            # Without a tangent more the bound stays what it is.
            if n_known == n_before or split.bound - found[0] <= self.tolerance(bounding):
                return found[1], split.multiplier
