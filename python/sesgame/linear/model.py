"""A linear or integer program as arrays, and the part of it that membership moves."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError, NumericalWarning, SolverError
from sesgame.linear.quiet_highs import checked, quiet_highs
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

    # By how much each player moves the lower and the upper bound of a column.
    MovedColumns = dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]

__all__ = ["AffineBounds", "LinearModel", "ReducedModel"]

INFINITE = 1e20
"""From here on a cost or a bound is infinite to HiGHS."""


@dataclass(frozen=True, eq=False)
class LinearModel:
    """Minimise (``sense`` 1) or maximise (-1) ``cost @ x + offset`` within bounds.

    Subject to ``row_lower <= A x <= row_upper`` and ``col_lower <= x <= col_upper``, where A has
    ``coefficients`` at ``rows`` and ``columns``.
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


@dataclass(frozen=True, eq=False)
class AffineBounds:
    """Bounds that membership moves: ``bounds + share @ z``.

    Only for the rows, or columns, in ``places``, shape (k,). ``bounds`` has shape (2, k), lower
    above upper, and ``share`` has shape (2, k, n).
    """

    places: NDArray[np.int32]
    bounds: NDArray[np.float64]
    share: NDArray[np.float64]

    def at(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the bounds of a coalition, shape (2, k)."""
        return self.bounds + self.share @ z

    def price(self, duals: NDArray[np.float64], sense: int) -> NDArray[np.float64]:
        """Return what the duals of rows, or reduced costs of columns, are worth to each player."""
        prices: NDArray[np.float64] = duals @ self._active(duals, sense)
        return prices

    def worths(self, duals: NDArray[np.float64], sense: int) -> NDArray[np.float64]:
        """Return what each bound is worth to each player, shape (k, n)."""
        return duals[:, np.newaxis] * self._active(duals, sense)

    def _active(self, duals: NDArray[np.float64], sense: int) -> NDArray[np.float64]:
        """Return the shares of those of the two bounds that are active: the sign tells which."""
        active = np.where(duals * sense > 0, 0, 1)
        return self.share[active, np.arange(len(duals))]


@dataclass(frozen=True, eq=False)
class ReducedModel:
    """A model without its membership variables, whose bounds they move instead.

    A row with one variable left is a bound of that variable, and is made one: what is left for the
    solver is the smallest model that a change of bounds turns into that of any coalition.
    """

    model: LinearModel
    cost_share: NDArray[np.float64]
    columns: AffineBounds
    rows: AffineBounds

    @classmethod
    def of(cls, model: LinearModel, membership: Sequence[int]) -> ReducedModel:
        """Take the membership variables, one column for each of n players, out of a model."""
        n_players = len(membership)
        player = np.full(len(model.cost), -1)
        player[membership] = np.arange(n_players)
        owned = player[model.columns] >= 0
        moved, share = _moved_rows(model, player, n_players)
        share_of_row = np.full(len(model.row_lower), -1)
        share_of_row[moved] = np.arange(len(moved))
        rows, columns = model.rows[~owned], model.columns[~owned]
        coefficients = model.coefficients[~owned]
        keep, lower, upper, moved_columns = _rows_as_bounds(
            model, (rows, columns, coefficients), share_of_row, share
        )
        new_row = np.cumsum(keep) - 1
        new_column = np.cumsum(player < 0) - 1
        places = np.array(list(moved_columns), dtype=np.intp)
        column_share = np.array(list(moved_columns.values())).reshape(len(places), 2, n_players)
        moving = column_share.any(axis=(1, 2))
        places, column_share = places[moving], column_share[moving].swapaxes(0, 1)
        kept = moved[keep[moved]]
        row_share = share[share_of_row[kept]]
        free, entries = player < 0, keep[rows]
        return cls(
            model=LinearModel(
                cost=model.cost[free],
                col_lower=lower[free],
                col_upper=upper[free],
                row_lower=model.row_lower[keep],
                row_upper=model.row_upper[keep],
                rows=new_row[rows[entries]],
                columns=new_column[columns[entries]],
                coefficients=coefficients[entries],
                integer=model.integer[free],
                sense=model.sense,
                offset=model.offset,
            ),
            cost_share=model.cost[np.asarray(membership)],
            columns=AffineBounds(
                places=new_column[places].astype(np.int32),
                bounds=np.array([lower[places], upper[places]]),
                share=np.ascontiguousarray(column_share),
            ),
            rows=AffineBounds(
                places=new_row[kept].astype(np.int32),
                bounds=np.array([model.row_lower[kept], model.row_upper[kept]]),
                share=np.array([row_share, row_share]),
            ),
        )


def _moved_rows(
    model: LinearModel, player: NDArray[np.int_], n_players: int
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Return the rows whose bounds membership moves, and by how much each player does."""
    brought = (player[model.columns] >= 0) & (model.coefficients != 0)
    moved, place = np.unique(model.rows[brought], return_inverse=True)
    share = np.zeros((len(moved), n_players))
    np.add.at(share, (place, player[model.columns[brought]]), -model.coefficients[brought])
    return moved, share


def _rows_as_bounds(
    model: LinearModel,
    entries: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]],
    share_of_row: NDArray[np.int_],
    share: NDArray[np.float64],
) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64], MovedColumns]:
    """Make rows of one variable bounds of it.

    Return which rows are kept, the lower and upper bounds of all columns, and by how much each
    player moves those that come from a row.
    """
    rows, columns, coefficients = entries
    lower, upper = model.col_lower.copy(), model.col_upper.copy()
    moved_columns: MovedColumns = {}
    keep = np.ones(len(model.row_lower), dtype=np.bool_)
    nothing = np.zeros(share.shape[1])
    for entry in np.flatnonzero(np.bincount(rows, minlength=len(keep))[rows] == 1):
        row, column, factor = rows[entry], columns[entry], coefficients[entry]
        sides = np.array([model.row_lower[row], model.row_upper[row]]) / factor
        low, high = sides if factor > 0 else sides[::-1]
        if (np.isfinite(low) and np.isfinite(lower[column])) or (
            np.isfinite(high) and np.isfinite(upper[column])
        ):
            continue  # two bounds of one side: which one counts depends on the coalition
        keep[row] = False
        by_player = nothing if share_of_row[row] < 0 else share[share_of_row[row]] / factor
        lower_share, upper_share = moved_columns.get(int(column), (nothing, nothing))
        if np.isfinite(low):
            lower[column], lower_share = low, by_player
        if np.isfinite(high):
            upper[column], upper_share = high, by_player
        moved_columns[int(column)] = lower_share, upper_share
    return keep, lower, upper, moved_columns
