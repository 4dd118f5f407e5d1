"""A game from a network of PyPSA whose components belong to members.

A coalition has the components of its members and those that are shared. Rather than building
a network for each coalition, the linear model of the whole network is built once by PyPSA. The
variables of an absent owner's components are zero, whatever their bounds, and what an owner brings
into a row is multiplied by its membership: a plant of capacity 0, an empty storage and a load of 0
are as good as none.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from sesgame.adapters.linopy import linear_model
from sesgame.adapters.membership_model import game_of_model
from sesgame.adapters.pypsa.catalogue import check_network, check_options
from sesgame.adapters.pypsa.membership_of_rows import OwnedModel
from sesgame.adapters.pypsa.owners import owners_of_components
from sesgame.errors import GameError
from sesgame.game.players import Players
from sesgame.optional_imports import needs

if TYPE_CHECKING:
    import linopy
    import pypsa

    from sesgame.game.game import Game

__all__ = ["network_game"]


def network_game(
    network: pypsa.Network,
    owners: Mapping[Hashable, Hashable] | str,
    *,
    shared: Collection[Hashable] = (),
    snapshots: Any = None,
    ignored: Collection[str] = (),
    **options: Any,
) -> Game:
    """Return the cost game of a network whose components belong to members.

    Parameters
    ----------
    network : pypsa.Network
        The network with everybody's components. It is copied, not changed.
    owners : mapping of component to player, or str
        Who owns which generator, load, storage unit, store, link or process, and which line or
        transformer. A component is given by its name; by ``("Load", name)`` where two classes have
        the same name; or with others of its carrier by ``("carrier", "solar")``, or
        ``("Generator", "carrier", "solar")`` for one class. The more specific key counts. Players
        are in order of appearance. A text is the name of a column of the network's frames that has
        the owners.
    shared : collection of component
        Those components that every coalition can use, for example the supply from
        the grid. Buses, global constraints, and lines and transformers without an owner, are shared
        always.
    snapshots : sequence, optional
        Which snapshots; all by default.
    ignored : collection of str
        Columns of the network's frames, and types of global constraints, that PyPSA does not know
        and that are to have no effect.
    **options
        Those of ``network.optimize`` that shape the model: ``multi_investment_periods``,
        ``transmission_losses``, ``linearized_unit_commitment``, ``extra_functionality`` and others.
        ``multi_investment_periods`` is True by default if the network has investment periods.

    Returns
    -------
    Game
        The least cost of each coalition, in PyPSA's objective: snapshot weightings included,
        without the capital cost of what is there already.

    Raises
    ------
    GameError
        A component has no owner and is not shared, or has both, or is not in the network; the
        network or the options have what sesgame does not know; PyPSA cannot build the model; or
        without members the network is infeasible or costs something.

    Notes
    -----
    A coalition is worth what PyPSA makes of the network without the others' components. A global
    constraint binds every coalition that has something in it. A constraint that
    ``extra_functionality`` adds belongs to the one owner whose variables it has, and else binds
    every coalition as it is. See :mod:`sesgame.adapters.membership_model`. Unit commitment and
    modules work; then there are no dual prices.
    """
    with needs("pypsa", "networks need PyPSA"):
        import pypsa

    if not isinstance(network, pypsa.Network):
        raise GameError(f"network must be a pypsa.Network, got {type(network).__name__}")
    if isinstance(ignored, str):
        raise GameError(f"ignored must be a collection of names, got {ignored!r}")
    column = owners if isinstance(owners, str) else None
    check_network(network, ignored, column)
    check_options(options)
    owner_of, everybody = owners_of_components(network, owners, shared)
    players = Players(everybody)
    index = {component: players.index(owner) for component, owner in owner_of.items()}
    copied, model, built = _built(network, snapshots, options)
    owned = OwnedModel(copied, model, built, linear_model(model), index, players)
    linear = owned.with_membership()
    n_columns = len(linear.cost)
    return game_of_model(players, linear, range(n_columns - len(players), n_columns))


def _built(
    network: pypsa.Network, snapshots: Any, options: Mapping[str, Any]
) -> tuple[pypsa.Network, linopy.Model, frozenset[str]]:
    """Return a copy of the network, its model, and what in that is by PyPSA itself, by name."""
    options = dict(options)
    hook = options.pop("extra_functionality", None)
    model_kwargs = options.pop("model_kwargs", None) or {}
    if hook is not None and not callable(hook):
        raise GameError(f"extra_functionality must be a function of (n, snapshots), got {hook!r}")
    # A model that the network was solved with can be large, and PyPSA does not copy its solver.
    old = getattr(network, "_model", None)
    copied = copy.deepcopy(network, {} if old is None else {id(old): None})
    options.setdefault("multi_investment_periods", len(network.investment_periods) > 0)
    create = copied.optimize.create_model
    for name in options:
        if name not in inspect.signature(create).parameters:
            raise GameError(f"this version of PyPSA does not have the option {name!r}")
    try:
        copied.consistency_check(strict=["unknown_buses"])
        model = create(
            snapshots=snapshots,
            consistency_check=False,
            include_objective_constant=False,
            **options,
            **model_kwargs,
        )
        built = frozenset([*model.variables, *model.constraints])
        if hook is not None:
            hook(copied, model.parameters["snapshots"].to_index())
    except Exception as error:
        raise GameError(f"PyPSA cannot build the model: {error}") from error
    return copied, model, built
