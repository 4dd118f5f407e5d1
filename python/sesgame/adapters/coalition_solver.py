"""A model in HiGHS, which a coalition changes in its bounds and costs, and what proves a value."""

from __future__ import annotations

import math
import warnings
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import NumericalWarning, SolverError
from sesgame.linear.integer_check import proved_minimum
from sesgame.linear.own_thread import run
from sesgame.linear.quiet_highs import checked, info, said
from sesgame.linear.reduced_model import ReducedModel

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

    Within = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]

__all__ = ["DUALITY_TOLERANCE", "CoalitionSolver", "IntegerSolver"]

DUALITY_TOLERANCE = 1e-6
"""The difference between primal and dual objective, relative to them, that a solution may have."""

FEASIBILITY_TOLERANCE = 1e-7
"""By how much a solution of HiGHS may miss a bound, in the unit of that."""

INTEGRALITY_TOLERANCES = (1e-6, 1e-9)
"""By how much HiGHS may miss an integer: what it does by itself and, where that proves nothing,
what makes it slower, but not yet unable to solve a linear program."""

MOST_PARTS = (1, 500)
"""Into which the integers are split, at each of these tolerances."""

LEAST_DEAREST = 16.0
"""HiGHS takes objectives of integer solutions for the same that differ by 1e-6. If the largest cost
is at least this, that is less than what it costs to miss a bound by the tolerance."""

REGULARISATIONS = (0.0, 1e-10, 1e-7)
"""What HiGHS may add to the diagonal of a Hessian: nothing, or as little as it needs to cope; the
last is what it does by itself."""


class CoalitionSolver:
    """A linear or quadratic model in HiGHS, for one thread.

    Attributes
    ----------
    highs : highspy.Highs
        The model of the coalition that was solved last.
    basis : highspy.HighsBasis or None
        Where each solve starts; that of the grand coalition's optimum if none is given.
    """

    def __init__(self, reduced: ReducedModel, basis: highspy.HighsBasis | None = None) -> None:
        self.reduced = reduced
        self.highs = reduced.model.to_highs()
        self.basis = basis
        self._moved: dict[str, bytes] = {}
        self._is_integer = bool(reduced.model.integer.any())
        self._is_quadratic = bool(len(reduced.model.hessian[2]))
        self._starts_from_all = not (self._is_integer or self._is_quadratic) and basis is None

    def optimum(self, z: NDArray[np.float64]) -> float:
        """Return the optimal objective of a coalition.

        Raises
        ------
        SolverError
            The model is infeasible or unbounded, the solver stopped early, or the dual objective
            is not the primal one.
        """
        if self._starts_from_all:
            self._start_from_all(len(z))
        if not self.solve(z):
            raise SolverError("HiGHS", "infeasible")
        return float(self.highs.getObjectiveValue())

    def _start_from_all(self, n_players: int) -> None:
        """Take the optimal basis of the grand coalition as where to start, if it has one.

        What is wrong with the grand coalition is said when that is asked for, and not here.
        """
        import highspy

        with suppress(SolverError):
            if self.solve(np.ones(n_players)):
                self.basis = self.highs.getBasis()
        interrupted = self.highs.getModelStatus() == highspy.HighsModelStatus.kInterrupt
        self._starts_from_all = interrupted

    def solve(self, z: NDArray[np.float64], within: Within | None = None) -> bool:
        """Solve for a coalition; return whether there is a solution, which is optimal then.

        Parameters
        ----------
        z : ndarray of shape (n,)
            Membership.
        within : (columns, lower, upper), optional
            Other bounds of some columns.

        Raises
        ------
        SolverError
            The model is unbounded, the solver stopped early, or the dual objective is not the
            primal one.
        """
        self._move(z, within)
        if not self._is_quadratic:
            return self._run()
        *first, last = REGULARISATIONS
        for regularisation in first:
            self._set("qp_regularization_value", regularisation)
            with suppress(SolverError):
                return self._run()
        self._set("qp_regularization_value", last)
        return self._run()

    def precision(self, z: NDArray[np.float64]) -> float:
        """Return how exact the objective of the solution of a coalition is.

        As strong duality is checked, by what the solution costs and earns, and by what it costs to
        miss a bound by HiGHS's tolerance of feasibility.
        """
        cost = self.reduced.model.cost.copy()
        cost[self.reduced.costs.places] = self.reduced.costs.at(z)
        turnover = np.abs(cost * np.asarray(self.highs.getSolution().col_value)).sum()
        return float(
            DUALITY_TOLERANCE * turnover + FEASIBILITY_TOLERANCE * np.abs(cost).max(initial=0.0)
        )

    def _set(self, option: str, value: float) -> None:
        checked(self.highs, self.highs.setOptionValue, option, value)

    def _move(self, z: NDArray[np.float64], within: Within | None) -> None:
        """Move bounds and costs to those of a coalition."""
        highs, reduced = self.highs, self.reduced
        for name, bounds, change in (
            ("columns", reduced.columns, highs.changeColsBounds),
            ("rows", reduced.rows, highs.changeRowsBounds),  # type: ignore[attr-defined] # stub
        ):
            if not len(bounds.places):
                continue
            part = bounds.part_of(z)
            if self._moved.get(name) != part:
                checked(highs, change, len(bounds.places), bounds.places, *bounds.at(z))
                self._moved[name] = part
        if (count := len(reduced.costs.places)) > 0:
            checked(highs, highs.changeColsCost, count, reduced.costs.places, reduced.costs.at(z))
        if within is not None:
            checked(highs, highs.changeColsBounds, len(within[0]), *within)
            self._moved.pop("columns", None)

    def _run(self) -> bool:
        """Run HiGHS from the start; return whether there is a solution."""
        import highspy

        highs = self.highs
        # What it knows of the coalition before would show in rounding.
        checked(highs, highs.clearSolver)
        if self.basis is not None:
            checked(highs, highs.setBasis, self.basis)
        returned = checked(highs, run, highs, warning_is_fine=True)
        status = highs.getModelStatus()
        if status == highspy.HighsModelStatus.kInfeasible:
            return False
        if status != highspy.HighsModelStatus.kOptimal:
            raise SolverError("HiGHS", highs.modelStatusToString(status).lower())
        if returned == highspy.HighsStatus.kWarning:
            warnings.warn(
                "HiGHS warns of an optimal solution: "
                f"{said(highs, highs.run) or 'it says not why'}",
                NumericalWarning,
                stacklevel=2,
            )
        if not self._is_integer:
            gap = info(highs, "primal_dual_objective_error")
            if not gap <= DUALITY_TOLERANCE:
                raise SolverError("strong duality", f"primal and dual differ by {gap:.2g}")
        return True


class IntegerSolver(CoalitionSolver):
    """A model with integers in HiGHS, for one thread, and what is left when they are fixed."""

    def __init__(self, reduced: ReducedModel) -> None:
        dearest = float(np.abs(reduced.model.cost).max(initial=0.0))
        # A power of 2, which rounds nothing.
        steps = 0 if dearest == 0 else max(0, math.ceil(math.log2(LEAST_DEAREST / dearest)))
        self._unit = 2.0**steps
        super().__init__(reduced.with_costs_times(self._unit))
        self._set("mip_abs_gap", 0.0)
        continuous = replace(reduced.model, integer=np.zeros_like(reduced.model.integer))
        self._rest = CoalitionSolver(replace(reduced, model=continuous))

    def optimum(self, z: NDArray[np.float64]) -> float:
        """Return the optimal objective of a coalition, proved over the integers.

        Raises
        ------
        SolverError
            The model is infeasible or unbounded, the solver stopped early, or what it says is not
            proved to be the optimum.
        """
        sense = self.reduced.model.sense
        integers = np.flatnonzero(self.reduced.model.integer).astype(np.int32)

        def relaxed(
            lower: NDArray[np.float64], upper: NDArray[np.float64]
        ) -> tuple[float, NDArray[np.float64]] | None:
            if (lower > upper).any() or not self.solve(z, (integers, lower, upper)):
                return None
            values = np.asarray(self.highs.getSolution().col_value)[integers]
            return sense * info(self.highs, "mip_dual_bound") / self._unit, values

        def fixed(values: NDArray[np.float64]) -> tuple[float, float] | None:
            if not self._rest.solve(z, (integers, values, values)):
                return None
            return sense * float(self._rest.highs.getObjectiveValue()), self._rest.precision(z)

        for tolerance, most_parts in zip(INTEGRALITY_TOLERANCES, MOST_PARTS, strict=True):
            self._set("mip_feasibility_tolerance", tolerance)
            bounds = self.reduced.bounds_of_integers(z)
            minimum = proved_minimum(relaxed, fixed, *bounds, most_parts)
            if minimum == np.inf:
                raise SolverError("HiGHS", "infeasible")
            if minimum is not None:
                return sense * minimum
        raise SolverError(
            "optimality over the integers",
            "not proved: the optimum that HiGHS finds has integer variables that are not quite "
            "integers, as with a big-M that is larger than it has to be; make it smaller",
        )
