"""Positions: what each member draws or gives in each step, with its part of the storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.battery import storage_of
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

    What each member's batteries were metered to do, where the schedule is that; else the part is
    that of the capacity which a member owns in a step.

    Parameters
    ----------
    community : Community
        In the period of the schedule.
    schedule : Schedule
        Of some or all members, in the T steps of the community.

    Returns
    -------
    positions : ndarray of shape (m, T)
        In kWh, negative where a member has energy to spare.
    bought : ndarray of shape (T,), optional
        What storage draws that is bought together, less what generators give that are, if there
        are any.

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
    numbers = [community.members.index(member) for member in schedule.members]
    net_load = community.net_load_kwh[numbers]
    energy = float(np.abs(net_load).sum())
    if np.abs(net_load.sum(axis=0) - schedule.net_load_kwh).max() > SAME_LOAD * energy:
        raise GameError("the schedule is of other meters than those of the community")
    drawn = schedule.charge_kwh - schedule.discharge_kwh
    metered = community.battery_kwh
    if metered is not None:
        rows = metered[numbers]
        if np.array_equal(np.maximum(rows, 0.0).sum(axis=0), schedule.charge_kwh):
            return net_load + rows, None
    parts = np.zeros((len(numbers), len(drawn)))
    place = {member: row for row, member in enumerate(schedule.members)}
    # Who leaves takes a battery along.
    storage = storage_of(
        community.batteries, community.members, community.steps, community.membership
    )
    for battery, first, end in zip(
        community.batteries, storage.first_step, storage.end_step, strict=True
    ):
        if battery.owner in place and first < end:
            parts[place[battery.owner], first:end] += battery.energy_kwh
    bought = sum(capacity for capacity, _ in schedule.purchases.values())
    generated = schedule.bought_generation_kwh
    total = parts.sum(axis=0) + bought
    if not drawn.any() or not total.any():
        return net_load, -generated if generated.any() else None
    drawn = np.divide(drawn, total, out=np.zeros_like(drawn), where=total > 0)
    parts *= drawn
    parts += net_load
    return parts, bought * drawn - generated if bought or generated.any() else None
