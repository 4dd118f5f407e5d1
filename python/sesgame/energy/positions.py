"""Positions: what each member draws or gives in each step, with its part of the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.community import Community
    from sesgame.energy.schedule import Schedule

__all__ = ["positions"]

SAME_LOAD = 1e-9
"""Of all energy that is metered: by how much sums of the meters may differ from the schedule's."""


def positions(
    community: Community, schedule: Schedule
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Return the net load of each member of a schedule and its part of what storage draws.

    The part is that of the capacity which a member owns.

    Parameters
    ----------
    community : Community
        In the period of the schedule.
    schedule : Schedule
        Of some or all of its T steps' members.

    Returns
    -------
    positions : ndarray of shape (m, T)
        In kWh, negative where a member has energy to spare; read-only where nothing is stored.
    bought : ndarray of shape (T,), optional
        What storage draws that is bought together, if there is any.

    Raises
    ------
    GameError
        The schedule is of other members, meters, or of another period.
    """
    unknown = [member for member in schedule.members if member not in community.members]
    if unknown or schedule.steps != community.steps:
        raise GameError(
            f"the schedule is of {unknown[0]!r}, who is not a member"
            if unknown
            else "the schedule is of another period; give the community of that period"
        )
    net_load = community.net_load_kwh
    if schedule.members != community.members:
        net_load = net_load[[community.members.index(member) for member in schedule.members]]
    metered = float(np.abs(net_load).sum())
    if np.abs(net_load.sum(axis=0) - schedule.net_load_kwh).max() > SAME_LOAD * metered:
        raise GameError("the schedule is of other meters than those of the community")
    owned = dict.fromkeys(schedule.members, 0.0)
    for battery in community.batteries:
        if battery.owner in owned:
            owned[battery.owner] += battery.energy_kwh
    bought = sum(capacity for capacity, _ in schedule.purchases.values())
    capacity = np.array(list(owned.values()))
    total = float(capacity.sum()) + bought
    drawn = schedule.charge_kwh - schedule.discharge_kwh
    if not total or not drawn.any():
        return net_load, None
    return net_load + np.outer(capacity / total, drawn), bought / total * drawn if bought else None
