"""A linear or integer program as arrays."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError, NumericalWarning, SolverError
from sesgame.linear.quiet_highs import checked, quiet_highs
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

__all__ = ["LinearModel", "Presence"]

INFINITE = 1e20
"""From here on a cost or a bound is infinite to HiGHS."""

INTEGER = ("kInteger", "kImplicitInteger", "kSemiInteger")
SEMICONTINUOUS = ("kSemiContinuous", "kSemiInteger")
"""The kinds of columns as HiGHS calls them."""

Entries = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]"]
"""Rows, columns and values of a sparse matrix; values in the same place add up."""


def no_columns() -> NDArray[np.intp]:
    """Return the numbers of no columns."""
    return np.zeros(0, dtype=np.intp)


def no_entries() -> Entries:
    """Return a sparse matrix of zeros."""
    return no_columns(), no_columns(), np.zeros(0)


@dataclass(frozen=True, eq=False)
class Presence:
    """Bounds that columns have instead of their own in a coalition with none of some players.

    ``columns`` has shape (k,), ``players`` (k, n), ``absent`` (2, k): lower above upper.
    """

    columns: NDArray[np.intp]
    players: NDArray[np.bool_]
    absent: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Minimise (``sense`` 1) or maximise (-1) ``cost @ x + x @ Q @ x / 2 + offset`` within bounds.

    Subject to ``row_lower <= A x <= row_upper`` and ``col_lower <= x <= col_upper``, where A has
    ``coefficients`` at ``rows`` and ``columns``. A column that is ``integer`` takes integers only;
    one of ``semicontinuous`` is 0, or within its bounds.

    Attributes
    ----------
    cost, col_lower, col_upper : ndarray of float, shape (number of columns,)
    row_lower, row_upper : ndarray of float, shape (number of rows,)
    rows, columns, coefficients : ndarray, shape (number of entries,)
    integer : ndarray of bool, shape (number of columns,)
    sense : {1, -1}
    offset : float
    semicontinuous : ndarray of int
        Columns. One that is ``integer`` as well is 0, or an integer within its bounds.
    hessian : (rows, columns, values)
        The entries of Q, of both triangles; those in the same place add up.
    presence : Presence, optional
        Columns with other bounds in some coalitions; only where there are players.
    """

    cost: NDArray[np.float64]
    col_lower: NDArray[np.float64]
    col_upper: NDArray[np.float64]
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    rows: NDArray[np.intp]
    columns: NDArray[np.intp]
    coefficients: NDArray[np.float64]
    integer: NDArray[np.bool_]
    sense: int
    offset: float
    semicontinuous: NDArray[np.intp] = field(default_factory=no_columns)
    hessian: Entries = field(default_factory=no_entries)
    presence: Presence | None = None

    @classmethod
    def of_highs(cls, highs: highspy.Highs) -> LinearModel:
        """Return the model that a HiGHS object holds.

        What it holds besides, and how HiGHS is to solve it, is not looked at: for an object of
        somebody else see ``sesgame.adapters.highspy_fields.check``.
        """
        import highspy

        model = highs.getModel()
        lp, matrix, hessian = model.lp_, model.lp_.a_matrix_, model.hessian_
        major, minor = _places(matrix)
        by_rows = matrix.format_ == highspy.MatrixFormat.kRowwise
        kinds = [kind.name for kind in lp.integrality_] or ["kContinuous"] * lp.num_col_
        q_columns, q_rows = _places(hessian)
        q_values = np.array(hessian.value_, dtype=np.float64)
        if hessian.format_ == highspy.HessianFormat.kTriangular:
            below = q_rows != q_columns
            q_rows, q_columns, q_values = (
                np.append(q_rows, q_columns[below]),
                np.append(q_columns, q_rows[below]),
                np.append(q_values, q_values[below]),
            )
        return cls(
            cost=np.array(lp.col_cost_, dtype=np.float64),
            col_lower=np.array(lp.col_lower_, dtype=np.float64),
            col_upper=np.array(lp.col_upper_, dtype=np.float64),
            row_lower=np.array(lp.row_lower_, dtype=np.float64),
            row_upper=np.array(lp.row_upper_, dtype=np.float64),
            rows=major if by_rows else minor,
            columns=minor if by_rows else major,
            coefficients=np.array(matrix.value_, dtype=np.float64),
            integer=np.array([kind in INTEGER for kind in kinds], dtype=np.bool_),
            sense=-1 if lp.sense_ == highspy.ObjSense.kMaximize else 1,
            offset=float(lp.offset_),
            semicontinuous=np.flatnonzero([kind in SEMICONTINUOUS for kind in kinds]),
            hessian=(q_rows, q_columns, q_values),
        )

    def to_highs(self) -> highspy.Highs:
        """Return a quiet HiGHS object of one thread that holds the model.

        Semi-continuous columns are binary ones by then; see ``sesgame.linear.semicontinuous``.

        Raises
        ------
        GameError
            A cost or coefficient is not finite, or as good as infinite to HiGHS, or HiGHS does not
            accept the model for another reason, which is in the message.
        SolverError
            HiGHS refuses an option.

        Warns
        -----
        NumericalWarning
            Coefficients are so small that HiGHS takes them for zero.

        Notes
        -----
        Bounds from 1e20 on are infinite to HiGHS.
        """
        with needs("highspy", "models of other packages need highspy"):
            import highspy

        assert not len(self.semicontinuous)
        looked_at = {
            "cost": self.cost,
            "coefficient": self.coefficients,
            "quadratic cost": self.hessian[2],
        }
        for name, numbers in looked_at.items():
            wrong = numbers[~(np.abs(numbers) < INFINITE)]
            if wrong.size:
                raise GameError(
                    f"the model has a {name} of {wrong[0]:g}: only below {INFINITE:g} HiGHS takes "
                    f"it for a number; choose a larger unit"
                )
        order = np.lexsort((self.columns, self.rows))
        counts = np.bincount(self.rows, minlength=len(self.row_lower))
        lp = highspy.HighsLp()
        lp.num_col_, lp.num_row_ = len(self.cost), len(self.row_lower)
        lp.col_cost_, lp.col_lower_, lp.col_upper_ = self.cost, self.col_lower, self.col_upper
        lp.row_lower_, lp.row_upper_ = self.row_lower, self.row_upper
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.num_col_, lp.a_matrix_.num_row_ = lp.num_col_, lp.num_row_
        lp.a_matrix_.start_ = np.append(0, np.cumsum(counts)).astype(np.int32)
        lp.a_matrix_.index_ = self.columns[order].astype(np.int32)
        lp.a_matrix_.value_ = self.coefficients[order]
        lp.offset_ = self.offset
        lp.sense_ = highspy.ObjSense.kMinimize if self.sense > 0 else highspy.ObjSense.kMaximize
        if self.integer.any():
            kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
            lp.integrality_ = [kinds[int(integer)] for integer in self.integer]
        highs = quiet_highs()
        try:
            status = checked(highs, highs.passModel, lp, warning_is_fine=True)
        except SolverError as error:
            raise GameError(f"HiGHS does not accept the model: {error.status}") from error
        # The other warning is of crossed bounds: those make the coalition infeasible that has them.
        if status == highspy.HighsStatus.kWarning:
            _, smallest = highs.getOptionValue("small_matrix_value")
            sizes = np.abs(self.coefficients)
            ignored = (sizes > 0) & (sizes <= smallest)
            if ignored.any():
                warnings.warn(
                    f"HiGHS takes {ignored.sum()} coefficients of the model for zero: they are at "
                    f"most {smallest:g}, like {self.coefficients[ignored][0]:g}; "
                    f"choose other units",
                    NumericalWarning,
                    stacklevel=2,
                )
        if len(self.hessian[2]):
            try:
                checked(highs, highs.passHessian, self._highs_hessian())
            except SolverError as error:
                raise GameError(
                    f"HiGHS does not accept the quadratic cost: {error.status}"
                ) from error
        return highs

    def _highs_hessian(self) -> highspy.HighsHessian:
        """Return the lower triangle of the symmetric part of Q, column by column."""
        import highspy

        rows, columns, values = self.hessian
        n_columns = len(self.cost)
        places, place = np.unique(
            np.minimum(rows, columns) * n_columns + np.maximum(rows, columns), return_inverse=True
        )
        halves = np.where(rows == columns, 1.0, 0.5) * values
        major, minor = np.divmod(places, n_columns)
        hessian = highspy.HighsHessian()
        hessian.dim_, hessian.format_ = n_columns, highspy.HessianFormat.kTriangular
        counts = np.bincount(major, minlength=n_columns)
        hessian.start_ = np.append(0, np.cumsum(counts)).astype(np.int32)
        hessian.index_ = minor.astype(np.int32)
        hessian.value_ = np.bincount(place, halves).astype(np.float64)
        return hessian


def _places(
    matrix: highspy.HighsSparseMatrix | highspy.HighsHessian,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the column and the row of each value, or the other way round if it goes by rows."""
    starts = np.array(matrix.start_, dtype=np.intp)
    major = np.repeat(np.arange(max(len(starts) - 1, 0)), np.diff(starts))
    return major, np.array(matrix.index_, dtype=np.intp)
