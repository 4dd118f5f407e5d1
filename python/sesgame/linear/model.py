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

__all__ = ["LinearModel"]

INFINITE = 1e20
"""From here on a cost or a bound is infinite to HiGHS."""

Entries = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]"]
"""Rows, columns and values of a sparse matrix; values in the same place add up."""


def no_columns() -> NDArray[np.intp]:
    """Return the numbers of no columns."""
    return np.zeros(0, dtype=np.intp)


def no_entries() -> Entries:
    """Return a sparse matrix of zeros."""
    return no_columns(), no_columns(), np.zeros(0)


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
        Entries in the same place add up.
    integer : ndarray of bool, shape (number of columns,)
    sense : {1, -1}
    offset : float
    semicontinuous : ndarray of int
        Columns. One that is ``integer`` as well is 0, or an integer within its bounds.
    hessian : (rows, columns, values)
        The entries of Q, of both triangles; those in the same place add up.
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

    @classmethod
    def of_highs(cls, highs: highspy.Highs) -> LinearModel:
        """Return what a HiGHS object holds."""
        import highspy

        lp = highs.getLp()
        matrix = lp.a_matrix_
        minor = np.array(matrix.index_, dtype=np.intp)
        starts = np.array(matrix.start_, dtype=np.intp)
        major = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        by_rows = matrix.format_ == highspy.MatrixFormat.kRowwise
        continuous = highspy.HighsVarType.kContinuous
        kinds = list(lp.integrality_) or [continuous] * lp.num_col_
        return cls(
            cost=np.array(lp.col_cost_, dtype=np.float64),
            col_lower=np.array(lp.col_lower_, dtype=np.float64),
            col_upper=np.array(lp.col_upper_, dtype=np.float64),
            row_lower=np.array(lp.row_lower_, dtype=np.float64),
            row_upper=np.array(lp.row_upper_, dtype=np.float64),
            rows=major if by_rows else minor,
            columns=minor if by_rows else major,
            coefficients=np.array(matrix.value_, dtype=np.float64),
            integer=np.array([kind != continuous for kind in kinds], dtype=np.bool_),
            sense=-1 if lp.sense_ == highspy.ObjSense.kMaximize else 1,
            offset=float(lp.offset_),
        )

    def to_highs(self) -> highspy.Highs:
        """Return a quiet HiGHS object of one thread that holds the model.

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

        for name, numbers in {"cost": self.cost, "coefficient": self.coefficients}.items():
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
        return highs
