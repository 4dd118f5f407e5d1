"""The linear model of a network with a column for the membership of each player.

Rows come in three kinds. Those with variables of one owner's components only are that owner's: all
of the right-hand side is multiplied by its membership. Those of everybody, such as the balance of a
bus or a global constraint, have a part of the right-hand side for each owner. What is left is
shared. A row of PyPSA that is of no kind listed here is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.pypsa.catalogue import PASSIVE
from sesgame.errors import GameError
from sesgame.linear.model import LinearModel, Presence

if TYPE_CHECKING:
    import linopy
    import pypsa
    import xarray
    from numpy.typing import NDArray

    from sesgame.game.players import Players

__all__ = ["OwnedModel"]

BALANCE = re.compile(r"Bus.*-nodal_balance")
GLOBAL = "GlobalConstraint-"
VOLTAGE = "Kirchhoff-Voltage-Law"
OF_EVERYBODY = re.compile(rf"{BALANCE.pattern}|{GLOBAL}.*|{VOLTAGE}|Carrier-growth_limit|CVaR-.*")
"""The rows of PyPSA that have variables of several components."""

OF_NOBODY = re.compile(r"CVaR.*")
"""The variables of PyPSA that are of no component."""

INITIAL = {
    "Store-e": ("Store", "e_initial"),
    "StorageUnit-state_of_charge": ("StorageUnit", "state_of_charge_initial"),
}
"""Where a global constraint counts what is left at the end, it counts what was there before."""

ROUNDING = 1e-9
"""Relative: what sums of right-hand sides may differ by that were added up in another order."""

Shares = tuple["NDArray[np.float64]", "NDArray[np.intp]", "NDArray[np.intp]"]
"""What players bring into right-hand sides: amounts, rows, players."""


class OwnedModel:
    """A linear model of PyPSA, and who owns what in it.

    Parameters
    ----------
    network : pypsa.Network
        With the model.
    model : linopy.Model
        The model of ``network``.
    built : collection of str
        The names of the variables and constraints that PyPSA has made; others are the user's.
    linear : LinearModel
        The same model as arrays.
    index : mapping of (class, name) to int
        The player that owns a component.
    players : Players
        The players.
    """

    def __init__(
        self,
        network: pypsa.Network,
        model: linopy.Model,
        built: Collection[str],
        linear: LinearModel,
        index: Mapping[tuple[str, str], int],
        players: Players,
    ) -> None:
        self._network, self._model, self._built = network, model, built
        self._linear, self._index, self._players = linear, index, players
        self._n_rows, self._n_columns = len(linear.row_lower), len(linear.cost)
        finite = np.isfinite(linear.row_lower)
        bound = np.where(finite, linear.row_lower, linear.row_upper)
        self._bound = np.where(np.isfinite(bound), bound, 0.0)
        matrices = model.matrices
        self._row_of_label = _positions(matrices.clabels, model.constraints)
        self._column_of_label = _positions(matrices.vlabels, model.variables)
        self._owner = self._owners_of_columns()
        used = linear.coefficients != 0
        rows, owner = linear.rows[used], self._owner[linear.columns[used]]
        self._first, self._last = np.full(self._n_rows, len(players)), np.full(self._n_rows, -1)
        np.minimum.at(self._first, rows, owner)
        np.maximum.at(self._last, rows, owner)

    def with_membership(self) -> LinearModel:
        """Return the model with one more column for each player, which carries what it owns.

        Raises
        ------
        GameError
            A row or variable of PyPSA is of no kind that is known.
        """
        shares = [self._of_one_owner(), *self._loads(), *self._initial_charge()]
        amounts, rows, owners = (np.concatenate(part) for part in zip(*shares, strict=True))
        present, presence = self._with_presence(amounts, rows)
        return _with_columns(present, (amounts, rows, owners), self._owner, presence)

    def _owners_of_columns(self) -> NDArray[np.intp]:
        """Return the owner of each column, -1 where it is shared."""
        owner = np.full(self._n_columns, -1)
        kinds = {components.name for components in self._network.components}
        for title, variable in self._model.variables.items():
            kind = title.partition("-")[0]
            if "name" in variable.labels.dims and kind in kinds:
                for name, labels in _by_name(variable.labels):
                    places = self._column_of_label[labels]
                    owner[places[places >= 0]] = self._index.get((kind, name), -1)
            elif title in self._built and not OF_NOBODY.fullmatch(title):
                raise GameError(
                    f"the variable {title!r} of PyPSA is of no component that sesgame knows"
                )
        return owner

    def _of_one_owner(self) -> Shares:
        """Return the right-hand sides of rows with variables of one owner only."""
        mine = (self._first == self._last) & (self._last >= 0)
        mixed = (self._first != self._last) & (self._last >= 0)
        for title, constraint in self._model.constraints.items():
            if title not in self._built:
                continue
            rows = self._row_of_label[np.ravel(constraint.labels.values)]
            rows = rows[rows >= 0]
            if OF_EVERYBODY.fullmatch(title):
                mine[rows] = False
            elif mixed[rows].any():
                raise GameError(
                    f"the constraint {title!r} of PyPSA has variables of several owners; "
                    f"sesgame does not know whose its right-hand side is"
                )
        rows = np.flatnonzero(mine & (self._bound != 0))
        return self._bound[rows], rows, self._last[rows]

    def _loads(self) -> Iterator[Shares]:
        """Yield what the owners of loads bring into the balances of buses."""
        loads = self._network.components["Load"]
        if loads.static.empty:
            return
        snapshots = self._model.parameters["snapshots"].to_index()
        p_set, active = (loads.da[name].sel(snapshot=snapshots) for name in ("p_set", "active"))
        drawn = (-p_set * loads.da["sign"]).where(active, 0.0)
        bus_of = loads.static["bus"].groupby(level="name").first()
        at_bus: dict[str, list[str]] = {}
        for name, bus in bus_of.items():
            at_bus.setdefault(str(bus), []).append(str(name))
        for title, constraint in self._model.constraints.items():
            if title not in self._built or not BALANCE.fullmatch(title):
                continue
            by_name = constraint.labels.transpose("name", ...)
            for bus in by_name["name"].values:
                labels = by_name.sel(name=bus, drop=True)
                rows = self._row_of_label[np.ravel(labels.values)]
                there = rows >= 0
                total = np.zeros(len(rows))
                for name in at_bus.get(str(bus), ()):
                    amounts = _like(drawn.sel(name=name, drop=True), labels)
                    if amounts[~there].any():
                        raise GameError(
                            f"the load {name!r} is at the bus {bus!r}, which nothing supplies"
                        )
                    total += amounts
                    owner = self._index.get(("Load", name), -1)
                    if owner >= 0:
                        yield amounts[there], rows[there], np.full(there.sum(), owner)
                self._check(f"the balance of the bus {bus!r}", rows[there], total[there], "loads")

    def _initial_charge(self) -> Iterator[Shares]:
        """Yield what the initial charge of stores brings into global constraints."""
        initial = np.zeros(self._n_columns)
        for title, (kind, attribute) in INITIAL.items():
            if title in self._model.variables:
                labels = self._model.variables[title].labels
                charge = self._network.components[kind].da[attribute]
                places = self._column_of_label[np.ravel(labels.values)]
                energy = _like(charge.sel(name=labels["name"]), labels)
                initial[places[places >= 0]] = energy[places >= 0]
        linear = self._linear
        amounts = linear.coefficients * initial[linear.columns]
        # The end has a factor -f and the beginning f, which is a constant: on the other side -f.
        brought = np.bincount(linear.rows, amounts, minlength=self._n_rows)
        constants = self._network.components["GlobalConstraint"].static["constant"]
        in_global = np.zeros(self._n_rows, dtype=np.bool_)
        for title, constraint in self._model.constraints.items():
            if title not in self._built or not title.startswith(GLOBAL):
                continue
            rows = self._row_of_label[np.ravel(constraint.labels.values)]
            there = rows >= 0
            rows = rows[there]
            in_global[rows] = True
            name = title.removeprefix(GLOBAL)
            keys: list[Any] = [name]
            if "scenario" in constraint.labels.dims:
                keys = [(scenario, name) for scenario in constraint.labels["scenario"].values]
            known = constants.loc[keys].to_numpy()[there] + brought[rows]
            self._check(f"the global constraint {name!r}", rows, known, "constant")
        owner = self._owner[linear.columns]
        owned = in_global[linear.rows] & (amounts != 0) & (owner >= 0)
        yield amounts[owned], linear.rows[owned], owner[owned]

    def _check(
        self, what: str, rows: NDArray[np.intp], known: NDArray[np.float64], source: str
    ) -> None:
        """Refuse a right-hand side that is not what is known to be in it."""
        bound = self._bound[rows]
        scale = np.abs(known).max(initial=0.0) + np.abs(bound).max(initial=0.0)
        wrong = np.abs(bound - known) > ROUNDING * scale
        if wrong.any():
            raise GameError(
                f"{what} has a right-hand side of {bound[wrong][0]:g}, but its {source} "
                f"{known[wrong][0]:g}: sesgame does not know whose the rest is"
            )

    def _with_presence(
        self, amounts: NDArray[np.float64], share_rows: NDArray[np.intp]
    ) -> tuple[LinearModel, Presence]:
        """Return the model with columns that free the rows of the absent, and what is present.

        The voltage across an absent branch is free: in each cycle there is a variable beside its
        flow. A global constraint that has nothing in it does not bind.
        """
        linear, n_players = self._linear, len(self._players)
        gated = np.flatnonzero(
            (self._owner >= 0) & ~(np.isfinite(linear.col_lower) & np.isfinite(linear.col_upper))
        )
        columns, absent = [gated], [np.zeros((2, len(gated)))]
        players = [self._owner[gated, np.newaxis] == np.arange(n_players)]
        entry = [np.zeros(0, np.intp)]
        column, coefficient = [np.zeros(0, np.intp)], [np.zeros(0)]
        count = self._n_columns
        for rows, free, factors, present in (
            self._across_branches(),
            self._empty_constraints(amounts, share_rows),
        ):
            n_free = len(present)
            entry.append(rows)
            column.append(count + free)
            coefficient.append(factors)
            columns.append(np.arange(count, count + n_free))
            absent.append(np.repeat([[-np.inf], [np.inf]], n_free, axis=1))
            players.append(present)
            count += n_free
        more = np.zeros(count - self._n_columns)
        return replace(
            linear,
            cost=np.append(linear.cost, more),
            col_lower=np.append(linear.col_lower, more),
            col_upper=np.append(linear.col_upper, more),
            integer=np.append(linear.integer, more > 0),
            rows=np.concatenate([linear.rows, *entry]),
            columns=np.concatenate([linear.columns, *column]),
            coefficients=np.concatenate([linear.coefficients, *coefficient]),
        ), Presence(
            np.concatenate(columns), np.concatenate(players), np.concatenate(absent, axis=1)
        )

    def _across_branches(self) -> _Free:
        """Return the voltages across owned lines and transformers in the cycles they are in."""
        linear = self._linear
        self._check_impedances()
        flow = np.zeros(self._n_columns, dtype=np.bool_)
        for title in ("Line-s", "Transformer-s"):
            if title in self._model.variables:
                places = self._column_of_label[np.ravel(self._model.variables[title].labels.values)]
                flow[places[places >= 0]] = True
        in_cycle = np.zeros(self._n_rows, dtype=np.bool_)
        if VOLTAGE in self._model.constraints:
            rows = self._row_of_label[np.ravel(self._model.constraints[VOLTAGE].labels.values)]
            in_cycle[rows[rows >= 0]] = True
        flow &= self._owner >= 0
        mine = flow[linear.columns] & in_cycle[linear.rows]
        columns, free = np.unique(linear.columns[mine], return_inverse=True)
        present = self._owner[columns, np.newaxis] == np.arange(len(self._players))
        return linear.rows[mine], free, linear.coefficients[mine], present

    def _check_impedances(self) -> None:
        """Refuse owned branches without impedance: no row says which cycles they are in."""
        carriers = self._network.components["Bus"].static["carrier"].groupby(level="name").first()
        for kind in PASSIVE:
            static = self._network.components[kind].static
            attribute = np.where(carriers[static["bus0"]] == "DC", "r_pu_eff", "x_pu_eff")
            for (*_, name), of, values in zip(
                static.index.to_frame().to_numpy(),
                attribute,
                static.to_dict("records"),
                strict=True,
            ):
                if (kind, str(name)) in self._index and values[of] == 0:
                    raise GameError(
                        f"the {kind} {name!r} has an owner, but no impedance ({of[0]}): sesgame "
                        f"cannot tell what its absence changes; give it one, or no owner"
                    )

    def _empty_constraints(
        self, amounts: NDArray[np.float64], share_rows: NDArray[np.intp]
    ) -> _Free:
        """Return a variable for each global constraint that nothing would fail to meet."""
        linear = self._linear
        mine = np.zeros(self._n_rows, dtype=np.bool_)
        for title, constraint in self._model.constraints.items():
            if title in self._built and title.startswith(GLOBAL):
                rows = self._row_of_label[np.ravel(constraint.labels.values)]
                mine[rows[rows >= 0]] = True
        rest = np.bincount(share_rows, amounts, minlength=self._n_rows)
        fails = (linear.row_lower > rest) | (linear.row_upper < rest)
        rows = np.flatnonzero(mine & fails & (self._first >= 0) & (self._last >= 0))
        free = np.full(self._n_rows, -1)
        free[rows] = np.arange(len(rows))
        inside = free[linear.rows] >= 0
        present = np.zeros((len(rows), len(self._players)), dtype=np.bool_)
        present[free[linear.rows[inside]], self._owner[linear.columns[inside]]] = True
        return rows, np.arange(len(rows)), np.ones(len(rows)), present


_Free = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]", "NDArray[np.bool_]"]
"""Rows, numbers and coefficients of variables that free them, and who of the players binds them."""


def _positions(labels: NDArray[np.integer], container: Any) -> NDArray[np.intp]:
    """Return the place of each label, -1 of those that are not in the matrix or are -1: masked."""
    highest = max((int(item.labels.max()) for _, item in container.items()), default=-1)
    position = np.full(highest + 2, -1)
    position[labels] = np.arange(len(labels))  # the last entry stays -1
    return position


def _by_name(labels: xarray.DataArray) -> Iterator[tuple[str, NDArray[np.intp]]]:
    """Yield the name and the labels of each component."""
    by_name = labels.transpose("name", ...)
    for name, of_component in zip(by_name["name"].values, by_name.values, strict=True):
        yield str(name), np.ravel(of_component)


def _like(values: xarray.DataArray, labels: xarray.DataArray) -> NDArray[np.float64]:
    """Return values in the order of labels."""
    aligned = values.broadcast_like(labels).transpose(*labels.dims)
    return np.ravel(aligned.to_numpy()).astype(np.float64)


def _with_columns(
    linear: LinearModel, shares: Shares, owner: NDArray[np.intp], presence: Presence
) -> LinearModel:
    """Return the model with the membership of each player as its last columns.

    A right-hand side b z goes to the left; a bound ``l z <= x <= u z`` becomes a row.
    """
    amounts, share_rows, owners = shares
    n_players = presence.players.shape[1]
    n_rows, n_columns = len(linear.row_lower), len(linear.cost)
    rest = np.bincount(share_rows, amounts, minlength=n_rows)
    rows, columns = [linear.rows, share_rows], [linear.columns, n_columns + owners]
    coefficients = [linear.coefficients, -amounts]
    row_lower, row_upper = [linear.row_lower - rest], [linear.row_upper - rest]
    of_column = np.append(owner, np.full(n_columns - len(owner), -1))
    owned = of_column >= 0
    for bounds, lower, upper in (
        (linear.col_lower, 0.0, np.inf),
        (linear.col_upper, -np.inf, 0.0),
    ):
        bounded = np.flatnonzero(owned & np.isfinite(bounds) & (bounds != 0))
        new = n_rows + np.arange(len(bounded))
        n_rows += len(bounded)
        rows += [new, new]
        columns += [bounded, n_columns + of_column[bounded]]
        coefficients += [np.ones(len(bounded)), -bounds[bounded]]
        row_lower.append(np.full(len(bounded), lower))
        row_upper.append(np.full(len(bounded), upper))
    return replace(
        linear,
        cost=np.append(linear.cost, np.zeros(n_players)),
        # Without the owner the variable is 0, so 0 must be within the bounds that stay.
        col_lower=np.append(
            np.where(owned, np.minimum(linear.col_lower, 0.0), linear.col_lower),
            np.zeros(n_players),
        ),
        col_upper=np.append(
            np.where(owned, np.maximum(linear.col_upper, 0.0), linear.col_upper), np.ones(n_players)
        ),
        row_lower=np.concatenate(row_lower),
        row_upper=np.concatenate(row_upper),
        rows=np.concatenate(rows),
        columns=np.concatenate(columns),
        coefficients=np.concatenate(coefficients),
        integer=np.append(linear.integer, np.zeros(n_players, dtype=np.bool_)),
        presence=presence,
    )
