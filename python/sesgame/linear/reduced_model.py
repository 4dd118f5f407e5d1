"""The part of a linear model that membership moves, and the rest of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.cached import cached_property
from sesgame.linear.model import LinearModel
from sesgame.linear.semicontinuous import without_semicontinuous

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.linear.model import Entries, Presence

    # By how much each player moves the lower and the upper bound of a column.
    MovedColumns = dict[int, tuple[NDArray[np.float64], NDArray[np.float64]]]

__all__ = ["AffineBounds", "AffineCosts", "ReducedModel"]


@dataclass(frozen=True, eq=False)
class AffineBounds:
    """Bounds that membership moves: ``bounds + share @ z``.

    Only for the rows, or columns, in ``places``, shape (k,). ``bounds`` has shape (2, k), lower
    above upper, and ``share`` has shape (2, k, n). The columns of ``presence`` are numbers of
    places.
    """

    places: NDArray[np.int32]
    bounds: NDArray[np.float64]
    share: NDArray[np.float64]
    presence: Presence | None = None

    @cached_property
    def _matrix(self) -> NDArray[np.float64]:
        """The shares as one matrix, of which NumPy makes one call of BLAS; once if both are one."""
        lower, upper = self.share
        return lower if np.array_equal(lower, upper) else self.share.reshape(-1, lower.shape[1])

    @cached_property
    def _movers(self) -> NDArray[np.intp]:
        """The players who move any bound."""
        moves = self.share.any(axis=(0, 1))
        if self.presence is not None:
            moves |= self.presence.players.any(axis=0)
        return np.flatnonzero(moves)

    def part_of(self, z: NDArray[np.float64]) -> bytes:
        """Return the part of a membership that the bounds depend on."""
        return z[self._movers].tobytes()

    def at(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the bounds of a coalition, shape (2, k)."""
        moved = self._matrix @ z
        of_both = len(moved) == len(self.places)
        bounds: NDArray[np.float64] = self.bounds + (
            moved if of_both else moved.reshape(self.bounds.shape)
        )
        if self.presence is not None:
            absent = ~self.presence.players[:, z > 0].any(axis=1)
            bounds[:, self.presence.columns[absent]] = self.presence.absent[:, absent]
        return bounds

    @property
    def wider_for_absent(self) -> NDArray[np.intp]:
        """The places where the bounds of the absent are not within those of members.

        Elsewhere the prices of the grand coalition are feasible in the dual of every coalition;
        here only if the reduced cost is 0.
        """
        if self.presence is None:
            return np.zeros(0, dtype=np.intp)
        (low, high), (lower, upper) = self.presence.absent, self.bounds[:, self.presence.columns]
        wider: NDArray[np.intp] = self.presence.columns[(low < lower) | (high > upper)]
        return wider

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
class AffineCosts:
    """Costs that membership moves: ``cost + share @ z``.

    Only for the columns in ``places``, shape (k,); ``cost`` has shape (k,), ``share`` (k, n).
    """

    places: NDArray[np.int32]
    cost: NDArray[np.float64]
    share: NDArray[np.float64]

    def at(self, z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the costs of a coalition, shape (k,)."""
        return self.cost + self.share @ z


@dataclass(frozen=True, eq=False)
class ReducedModel:
    """A model without its membership variables, whose bounds and costs they move instead.

    A row with one variable left is a bound of that variable, and is made one: what is left for the
    solver is the smallest model that a change of bounds turns into that of any coalition.

    Attributes
    ----------
    model : LinearModel
        What is left, without semi-continuous columns.
    cost_share : ndarray of shape (n,)
        What each member costs by itself.
    cost_of_pairs : ndarray of shape (n, n)
        The entries of Q at two memberships.
    columns, rows : AffineBounds
    costs : AffineCosts
        From the entries of Q at a membership and another column.
    """

    model: LinearModel
    cost_share: NDArray[np.float64]
    cost_of_pairs: NDArray[np.float64]
    columns: AffineBounds
    rows: AffineBounds
    costs: AffineCosts

    @classmethod
    def of(cls, model: LinearModel, membership: Sequence[int]) -> ReducedModel:
        """Take the membership variables, one column for each of n players, out of a model.

        Raises
        ------
        GameError
            A semi-continuous column has no finite bounds.
        """
        # A membership is 0 or 1 whatever else its column could be.
        others = np.setdiff1d(model.semicontinuous, membership)
        model = without_semicontinuous(replace(model, semicontinuous=others))
        if len(model.cost) == len(membership):
            model = _with_zero(model)
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
        presence = model.presence
        if presence is not None:
            fixed = np.setdiff1d(presence.columns, places)
            places = np.concatenate([places, fixed])
            column_share = np.concatenate(
                [column_share, np.zeros((2, len(fixed), n_players))], axis=1
            )
            place = np.full(len(model.cost), -1)
            place[places] = np.arange(len(places))
            presence = replace(presence, columns=place[presence.columns])
        kept = moved[keep[moved]]
        row_share = share[share_of_row[kept]]
        free, entries = player < 0, keep[rows]
        (q_rows, q_columns, q_values), priced, price_share, cost_of_pairs = _split_hessian(
            model, player, n_players
        )
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
                hessian=(new_column[q_rows], new_column[q_columns], q_values),
            ),
            cost_share=model.cost[np.asarray(membership)],
            cost_of_pairs=cost_of_pairs,
            columns=AffineBounds(
                places=new_column[places].astype(np.int32),
                bounds=np.array([lower[places], upper[places]]),
                share=np.ascontiguousarray(column_share),
                presence=presence,
            ),
            rows=AffineBounds(
                places=new_row[kept].astype(np.int32),
                bounds=np.array([model.row_lower[kept], model.row_upper[kept]]),
                share=np.array([row_share, row_share]),
            ),
            costs=AffineCosts(
                places=new_column[priced].astype(np.int32),
                cost=model.cost[priced],
                share=price_share,
            ),
        )

    @cached_property
    def has_cost_of_members(self) -> bool:
        """Whether a membership costs something by itself."""
        return bool(self.cost_share.any())

    @cached_property
    def has_cost_of_pairs(self) -> bool:
        """Whether two memberships cost something together."""
        return bool(self.cost_of_pairs.any())

    @property
    def moves_costs(self) -> bool:
        """Whether what a member adds to the cost depends on more than what it brings in."""
        return self.has_cost_of_pairs or bool(self.costs.share.any())

    def with_costs_times(self, factor: float) -> ReducedModel:
        """Return the model with a linear objective in another unit, without what members cost."""
        model, costs = self.model, self.costs
        return replace(
            self,
            model=replace(model, cost=factor * model.cost, offset=factor * model.offset),
            costs=replace(costs, cost=factor * costs.cost, share=factor * costs.share),
        )

    def bounds_of_integers(
        self, z: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the bounds of the integer columns of a coalition."""
        bounds = np.array([self.model.col_lower, self.model.col_upper])
        bounds[:, self.columns.places] = self.columns.at(z)
        lower, upper = bounds[:, self.model.integer]
        return lower, upper

    def cost_of_members(self, z: NDArray[np.float64]) -> float:
        """Return what memberships cost by themselves."""
        cost = float(self.cost_share @ z) if self.has_cost_of_members else 0.0
        return cost + float(z @ self.cost_of_pairs @ z) / 2 if self.has_cost_of_pairs else cost


def _with_zero(model: LinearModel) -> LinearModel:
    """Return the model with a column that is 0: to HiGHS a model without columns is none."""
    return replace(
        model,
        cost=np.append(model.cost, 0.0),
        col_lower=np.append(model.col_lower, 0.0),
        col_upper=np.append(model.col_upper, 0.0),
        integer=np.append(model.integer, False),
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


def _split_hessian(
    model: LinearModel, player: NDArray[np.int_], n_players: int
) -> tuple[Entries, NDArray[np.intp], NDArray[np.float64], NDArray[np.float64]]:
    """Split ``x @ Q @ x / 2`` by the memberships z among x.

    Return the entries at two other columns; the columns whose cost membership moves, and by how
    much each player does; and the entries at two memberships.
    """
    used = model.hessian[2] != 0
    rows, columns, values = (part[used] for part in model.hessian)
    first, second = player[rows], player[columns]
    free, both = (first < 0) & (second < 0), (first >= 0) & (second >= 0)
    of_pairs = np.zeros((n_players, n_players))
    np.add.at(of_pairs, (first[both], second[both]), values[both])
    mixed = ~free & ~both
    of_first = first[mixed] >= 0
    priced, place = np.unique(np.where(of_first, columns[mixed], rows[mixed]), return_inverse=True)
    share = np.zeros((len(priced), n_players))
    owner = np.where(of_first, first[mixed], second[mixed])
    np.add.at(share, (place, owner), values[mixed] / 2)
    return (rows[free], columns[free], values[free]), priced, share, of_pairs


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
