"""A game from a `PyPSA <https://pypsa.org>`_ network (extra ``pypsa``).

A coalition has the components of its members and those that are shared. Rather than building
a network for each coalition, the linear model of the whole network is built once by PyPSA, and
every right-hand side and bound of a member's component is multiplied by the membership of its
owner: a plant of capacity 0, an empty storage and a load of 0 are as good as none.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.adapters.linopy import linear_model
from sesgame.adapters.membership_model import game_of_model
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.linear.model import LinearModel

if TYPE_CHECKING:
    import linopy
    import pypsa
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["network_game"]

OWNED = ("Generator", "Load", "StorageUnit", "Store", "Link")
"""The classes whose components have owners. A line of capacity 0 is not the same as no line."""


Shares = tuple["NDArray[np.float64]", "NDArray[np.intp]", "NDArray[np.intp]"]
"""What players bring into right-hand sides: amounts, rows, players."""


def network_game(
    network: pypsa.Network,
    owners: Mapping[Hashable, Hashable],
    *,
    shared: Collection[Hashable] = (),
    snapshots: Any = None,
) -> Game:
    """Return the cost game of a network whose components belong to members.

    Parameters
    ----------
    network : pypsa.Network
        The network with everybody's components. It is copied, not changed.
    owners : mapping of component to player
        Who owns which generator, load, storage unit, store or link, by its name or, where two
        classes have the same name, by ``("Load", name)``. Players are in order of appearance.
    shared : collection of component
        Those components that every coalition can use, for example the supply from
        the grid. Buses, lines and transformers are shared always.
    snapshots : sequence, optional
        Which snapshots; all by default.

    Returns
    -------
    Game
        The least cost of each coalition, in PyPSA's objective: snapshot weightings included,
        without the capital cost of what is there already.

    Raises
    ------
    GameError
        A component has no owner and is not shared, or has both, or is not in the network; a line or
        transformer has an owner; or without members the network is infeasible or costs something.

    Notes
    -----
    See :mod:`sesgame.adapters.membership_model`. Unit commitment works; then there are no dual
    prices.
    """
    owner_of = _owners(network, owners, frozenset(shared))
    players = Players(dict.fromkeys(owners.values()))
    index = {component: players.index(owner) for component, owner in owner_of.items()}
    snapshots = network.snapshots if snapshots is None else snapshots
    model = network.copy().optimize.create_model(
        snapshots=snapshots, include_objective_constant=False
    )
    linear = linear_model(model)
    shares = list(_row_shares(network, model, linear, index, snapshots))
    amounts, rows, owning = (np.concatenate(part) for part in zip(*shares, strict=True))
    column_owner = np.full(len(linear.cost), -1)
    for title, name, places in _places(model.variables, model.matrices.vlabels):
        column_owner[places[places >= 0]] = index.get((_kind(title), name), -1)
    extended = _with_membership(linear, (amounts, rows, owning), column_owner, len(players))
    columns = range(len(linear.cost), len(linear.cost) + len(players))
    return game_of_model(players, extended, columns)


def _owners(
    network: pypsa.Network, owners: Mapping[Hashable, Hashable], shared: frozenset[Hashable]
) -> dict[tuple[str, str], Hashable]:
    """Return the owner of each owned component, by class and name."""
    found: dict[tuple[str, str], Hashable] = {}
    used: set[Hashable] = set()
    for kind in OWNED:
        static = network.components[kind].static
        for name in static.index:
            keys = [key for key in ((kind, name), name) if key in owners]
            if name in shared or (kind, name) in shared:
                if keys:
                    raise GameError(f"the {kind} {name!r} has an owner and is shared")
            elif not keys:
                raise GameError(
                    f"the {kind} {name!r} has no owner; name one in owners, or list it in shared "
                    f"if every coalition can use it"
                )
            else:
                found[kind, name] = owners[keys[0]]
            used.update([name, (kind, name)])
    for key in [*owners, *shared]:
        if key not in used:
            kinds = ", ".join(OWNED)
            raise GameError(f"{key!r} is not in the network, or cannot have an owner; {kinds} can")
    return found


def _kind(title: str) -> str:
    """Return the class of the components that a variable or constraint of PyPSA is about."""
    return title.partition("-")[0]


def _places(
    container: Any, labels: NDArray[np.integer]
) -> Iterator[tuple[str, str, NDArray[np.intp]]]:
    """Yield the title and each component of it, with its rows or columns; -1 where masked."""
    position = np.full(int(labels.max(initial=0)) + 2, -1)
    position[labels] = np.arange(len(labels))  # the last entry stays -1, for the label -1
    for title, item in container.items():
        if "name" in item.labels.dims:
            by_component = item.labels.transpose("name", ...)
            for name, of_component in zip(
                by_component["name"].values, by_component.values, strict=True
            ):
                yield title, str(name), position[np.ravel(of_component)]


def _row_shares(
    network: pypsa.Network,
    model: linopy.Model,
    linear: LinearModel,
    index: Mapping[tuple[str, str], int],
    snapshots: Any,
) -> Iterator[Shares]:
    """Yield what the owners of the components bring into the right-hand sides."""
    bound = np.where(np.isfinite(linear.row_lower), linear.row_lower, linear.row_upper)
    loads = network.components["Load"].static
    power = network.get_switchable_as_dense("Load", "p_set", snapshots)
    for title, name, places in _places(model.constraints, model.matrices.clabels):
        if title.startswith("Bus") and title.endswith("nodal_balance"):
            for load in loads.index[(loads.bus == name) & loads.active]:
                owner = index.get(("Load", str(load)))
                if owner is not None and (places >= 0).all():
                    drawn = -loads.sign[load] * power[load].to_numpy(np.float64)
                    yield drawn, places, np.full(len(places), owner)
        elif (owner := index.get((_kind(title), name))) is not None:
            rows = places[places >= 0]
            yield bound[rows], rows, np.full(len(rows), owner)


def _with_membership(
    linear: LinearModel, shares: Shares, column_owner: NDArray[np.intp], n_players: int
) -> LinearModel:
    """Return the model with one more column for each player, which carries what the player owns.

    A right-hand side b z goes to the left; a bound ``l z <= x <= u z`` becomes a row.
    """
    amounts, share_rows, owners = shares
    n_rows, n_columns = len(linear.row_lower), len(linear.cost)
    rest = np.bincount(share_rows, amounts, minlength=n_rows)
    rows, columns = [linear.rows, share_rows], [linear.columns, n_columns + owners]
    coefficients = [linear.coefficients, -amounts]
    row_lower, row_upper = [linear.row_lower - rest], [linear.row_upper - rest]
    owned = column_owner >= 0
    for bounds, lower, upper in (
        (linear.col_lower, 0.0, np.inf),
        (linear.col_upper, -np.inf, 0.0),
    ):
        bounded = np.flatnonzero(owned & np.isfinite(bounds) & (bounds != 0))
        new = n_rows + np.arange(len(bounded))
        n_rows += len(bounded)
        rows += [new, new]
        columns += [bounded, n_columns + column_owner[bounded]]
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
    )
