"""The highest rent at which no group of members would rather do without the operator."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import short_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.by_value import ByValue
from sesgame.stability.audit import audit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.operator.storage_cloud_demand import StorageDemand
    from sesgame.game.game import Game
    from sesgame.stability.separation_oracle import SeparationOracle

__all__ = ["CoreRent", "highest_rent"]

ROUNDING = 1e-12
"""Of the bills of a group: what it saves by less is nothing."""

MOST_ROUNDS = 10_000
"""Coalitions that are asked about; each is another one."""


@dataclass(frozen=True, eq=False)
class CoreRent(ByValue):
    """The highest rent at which the bills leave no group a reason to do without the operator.

    Attributes
    ----------
    rent_per_kwh_day : float
        That rent; infinite where even those who rent nothing have no better choice.
    coalition : tuple of hashable
        Who would rather do without the operator at a higher one; empty for an infinite rent.
    bills : ndarray of shape (n,)
        What each member pays at that rent.
    is_proved : bool
        False where an oracle found no such group at this rent, but did not prove that there is
        none.
    """

    rent_per_kwh_day: float
    coalition: tuple[Hashable, ...]
    bills: NDArray[np.float64]
    is_proved: bool


def highest_rent(
    demand: StorageDemand,
    bills_alone: NDArray[np.float64],
    game: Game,
    oracle: SeparationOracle | None,
) -> CoreRent:
    """Return the highest rent in the core; see :meth:`StorageCloud.highest_rent_in_core`.

    Bills rise with the rent, and are concave: each group that objects at a rent has a highest rent
    of its own, which is the next to be asked about.

    Raises
    ------
    GameError
        The game has other members, or some group would rather do without storage for nothing.
    """
    if set(game.players) != set(demand.members):
        raise GameError("the game has other members than the storage cloud")
    order = np.array([demand.members.index(player) for player in game.players])
    rents = np.append(demand.rents, 0.0)
    rent = np.inf
    coalition: tuple[Hashable, ...] = ()
    # All together and each alone take n + 1 values, and often rule out what others would.
    for objecting in (tuple(game.players), *((player,) for player in game.players)):
        lower = _highest_of(demand, bills_alone, objecting, game.value(objecting), rents)
        if lower < rent:
            rent, coalition = lower, objecting
    for _ in range(MOST_ROUNDS):
        bills = bills_alone - (0.0 if np.isinf(rent) else _savings(demand, rent))
        found, is_proved = _objecting(game, bills[order], oracle)
        if found is None:
            return CoreRent(float(rent), coalition, bills, is_proved)
        lower = _highest_of(demand, bills_alone, found, game.value(found), rents)
        if lower >= rent:
            return CoreRent(float(rent), coalition, bills, is_proved)
        rent, coalition = lower, found
    raise GameError(f"no highest rent in the core was found after {MOST_ROUNDS} rounds")


def _savings(demand: StorageDemand, rent: float) -> NDArray[np.float64]:
    """Return what each member saves at a rent, shape (n,)."""
    paid = rent * demand.at(rent, "size") * demand.days
    savings: NDArray[np.float64] = (demand.at(rent, "saved") - paid).sum(axis=1)
    return savings


def _objecting(
    game: Game, bills: NDArray[np.float64], oracle: SeparationOracle | None
) -> tuple[tuple[Hashable, ...] | None, bool]:
    """Return who would pay less without the operator, most of all; and whether none is proved."""
    given = Allocation(game.players, bills, kind="cost", method="storage cloud")
    found = audit(game, given, oracle=oracle)
    reasons = [
        (found.efficiency_gap, tuple(game.players)),
        (found.worst_player_excess, (found.worst_player,)),
        (found.worst_coalition_excess, found.worst_coalition),
    ]
    excess, who = max(reasons, key=lambda each: each[0])
    if excess > found.tolerance:
        return who, True
    return None, found.bound <= found.tolerance or game.n_players < 3


def _highest_of(
    demand: StorageDemand,
    bills_alone: NDArray[np.float64],
    coalition: tuple[Hashable, ...],
    cost: float,
    rents: NDArray[np.float64],
) -> float:
    """Return the highest rent at which some members together pay no more than a cost.

    Raises
    ------
    GameError
        There is none, not even 0.
    """
    chosen = [demand.members.index(member) for member in coalition]
    wanted = float(bills_alone[chosen].sum()) - cost
    rounding = ROUNDING * float(np.abs(bills_alone[chosen]).sum())

    def saved(rent: float) -> float:
        return float(_savings(demand, rent)[chosen].sum())

    if wanted <= rounding:
        # They do no better by themselves, so that no rent makes them leave.
        return np.inf
    low, high = 0, len(rents) - 1
    if saved(rents[high]) < wanted - rounding:
        raise GameError(
            f"no rent is in the core: even with storage for nothing {short_coalition(coalition)} "
            f"would pay {wanted - saved(rents[high]):g} less without the operator"
        )
    # What they save falls with the rent, along a straight line between two rents.
    while low < high:
        middle = (low + high) // 2
        if saved(rents[middle]) >= wanted:
            high = middle
        else:
            low = middle + 1
    if low == 0:
        return float(rents[0])
    below, above = float(rents[low]), float(rents[low - 1])
    at_below, at_above = saved(below), saved(above)
    part = (at_below - wanted) / (at_below - at_above)
    return below + max(part, 0.0) * (above - below)
