"""Who owns which component of a network: by name, by carrier, or by a column of its frames."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from typing import TYPE_CHECKING, Any

from sesgame.adapters.pypsa.catalogue import OWNABLE, PASSIVE
from sesgame.errors import GameError

if TYPE_CHECKING:
    import pandas as pd
    import pypsa

__all__ = ["owners_of_components"]

Component = tuple[str, str]
"""The class and the name of a component."""


def owners_of_components(
    network: pypsa.Network,
    owners: Mapping[Hashable, Hashable] | str,
    shared: Collection[Hashable],
) -> tuple[dict[Component, Hashable], list[Hashable]]:
    """Return the owner of each owned component, by class and name, and all owners in order.

    Raises
    ------
    GameError
        A component has no owner and is not shared, or has both; or a key is not in the network.
    """
    if isinstance(shared, str) or not isinstance(shared, Collection):
        raise GameError(f"shared must be a collection of components, got {shared!r}")
    if isinstance(owners, str):
        owners = _from_column(_frames(network), owners)
    elif not isinstance(owners, Mapping):
        raise GameError(
            f"owners must be a mapping from components to players or the name of a column, "
            f"got {owners!r}"
        )
    found: dict[Component, Hashable] = {}
    used: set[Hashable] = set()
    frames = _frames(network)
    for kind, static in frames.items():
        for name, carrier in _carriers(static).items():
            keys = _keys(kind, name, carrier)
            owning = [key for key in keys if key in owners]
            sharing = [key for key in keys if key in shared]
            used.update(owning, sharing)
            if owning and sharing and keys.index(owning[0]) == keys.index(sharing[0]):
                raise GameError(f"the {kind} {name!r} has an owner and is shared")
            if owning and not (sharing and keys.index(sharing[0]) < keys.index(owning[0])):
                found[kind, name] = owners[owning[0]]
            elif not sharing and kind not in PASSIVE:
                raise GameError(
                    f"the {kind} {name!r} has no owner; name one in owners, or list it in shared "
                    f"if every coalition can use it"
                )
    for key in [*owners, *shared]:
        if key not in used:
            raise GameError(
                f"{key!r} is not in the network, or cannot have an owner; "
                f"{', '.join((*OWNABLE, *PASSIVE))} can"
            )
    return found, list(dict.fromkeys(owners.values()))


def _keys(kind: str, name: str, carrier: Any) -> list[Hashable]:
    """Return what a component can be called, the most specific first."""
    names: list[Hashable] = [name]
    if name.lstrip("-").isdecimal():
        names.append(int(name))  # PyPSA makes texts of the labels that it is given
    return [
        *((kind, name) for name in names),
        *names,
        (kind, "carrier", carrier),
        ("carrier", carrier),
    ]


def _frames(network: pypsa.Network) -> dict[str, pd.DataFrame]:
    """Return the frame of each class whose components can have owners."""
    frames = {components.name: components.static for components in network.components}
    return {kind: frames[kind] for kind in (*OWNABLE, *PASSIVE) if kind in frames}


def _carriers(static: pd.DataFrame) -> dict[str, Any]:
    """Return the carrier of each component of a class."""
    names = static.index.get_level_values("name")
    carriers = static["carrier"] if "carrier" in static else [None] * len(static)
    return {str(name): carrier for name, carrier in zip(names, carriers, strict=True)}


def _from_column(frames: dict[str, pd.DataFrame], column: str) -> dict[Hashable, Hashable]:
    """Return the owners that a column of the network's frames names."""
    owners: dict[Hashable, Hashable] = {}
    for kind, static in frames.items():
        if column not in static:
            continue
        names = static.index.get_level_values("name")
        for name, owner in zip(names, static[column].tolist(), strict=True):
            if owner is None or owner == "" or owner != owner:
                continue
            if owners.setdefault((kind, str(name)), owner) != owner:
                raise GameError(
                    f"the {kind} {name!r} has two owners: {owners[kind, str(name)]!r} and "
                    f"{owner!r}, in two scenarios"
                )
    if not owners:
        raise GameError(f"no component has an owner in a column {column!r} of its frame")
    return owners
