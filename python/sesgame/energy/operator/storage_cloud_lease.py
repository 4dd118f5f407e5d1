"""Batteries of members that an operator leases, to rent them out by the kWh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from sesgame.energy.community import Community

__all__ = ["LeasedBatteries", "lease_payments", "leased_batteries", "refuse_terms_of_others"]

ALIKE = ("charge_efficiency", "discharge_efficiency", "degradation_cost_per_kwh")
"""What all batteries of a lease have in common."""


@dataclass(frozen=True)
class LeasedBatteries(ByValue):
    """What all batteries of a community are together, each used in proportion to its size.

    Attributes
    ----------
    energy_kwh : float
        Of all.
    power_kw : float
        What they draw, or deliver, as long as each takes the same part of its capacity: the
        energy over the hours of the slowest. It is the sum of powers where hours are the same.
    charge_efficiency, discharge_efficiency, degradation_cost_per_kwh : float
        Of each.
    """

    energy_kwh: float
    power_kw: float
    charge_efficiency: float
    discharge_efficiency: float
    degradation_cost_per_kwh: float

    @property
    def hours(self) -> float:
        """How many hours of full power fill them."""
        return self.energy_kwh / self.power_kw


def leased_batteries(community: Community) -> LeasedBatteries:
    """Return the batteries of a community as one, which an operator may lease.

    Raises
    ------
    GameError
        They are not alike, are not empty at the beginning, come or go, are run by a controller or
        were metered, or there is storage or generation to buy beside them.
    """
    features = []
    if community.controller is not None:
        features.append("batteries that a controller runs")
    if community.battery_kwh is not None:
        features.append("batteries whose readings say what they did")
    if community.problem.has_passing_batteries:
        features.append("batteries that come or go")
    offered = [offer.name for offer in community.storage_offers]
    offered += [offer.name for offer in community.generation_offers]
    if offered:
        names = ", ".join(map(repr, offered))
        features.append(
            f"batteries of members beside what is offered for sale ({names}): the operator either "
            f"leases the batteries or buys storage"
        )
    if features:
        raise GameError(f"a storage cloud does not support {'; '.join(features)}")
    usable = [battery for battery in community.batteries if battery.can_store]
    if not usable:
        raise GameError("no battery can store anything, so that there is nothing to lease")
    first = usable[0]
    for battery in usable:
        for name in ALIKE:
            ours, other = getattr(first, name), getattr(battery, name)
            if ours != other:
                raise GameError(
                    f"batteries that are leased together must be alike, but {name} is {ours:g} of "
                    f"that of {first.owner!r} and {other:g} of that of {battery.owner!r}"
                )
        if battery.initial_charge_kwh:
            raise GameError(
                f"the battery of {battery.owner!r} holds {battery.initial_charge_kwh:g} kWh at the "
                f"beginning; storage that is rented begins empty: initial_charge_kwh must be 0"
            )
        if not min(battery.powers_kw) > 0:
            raise GameError(f"the battery of {battery.owner!r} delivers nothing: its power is 0")
    energy = sum(battery.energy_kwh for battery in usable)
    slowest = min(min(battery.powers_kw) / battery.energy_kwh for battery in usable)
    return LeasedBatteries(energy, energy * slowest, *(getattr(first, name) for name in ALIKE))


def refuse_terms_of_others(given: Mapping[str, float | None]) -> None:
    """Refuse what the batteries of a lease say themselves.

    Raises
    ------
    GameError
        Something is given.
    """
    for name, value in given.items():
        if value is not None:
            raise GameError(
                f"{name}={value} is given, but members have batteries: the operator leases these, "
                f"and they say what there is and what it costs. For storage of another kind make "
                f"the community without batteries"
            )


def lease_payments(community: Community, bills_without: NDArray[np.float64]) -> NDArray[np.float64]:
    r"""Return what each owner is paid for its batteries, shape (n,).

    Its reservation price: what they save it alone,

    .. math:: \ell_i = c^0_i - c(\{i\}),

    where :math:`c^0_i` is what it pays without storage. For less it would keep them.

    Parameters
    ----------
    community : Community
    bills_without : ndarray of shape (n,)
        What each member pays without storage.
    """
    n = len(community.members)
    alone = community.cost_game().values(np.eye(n, dtype=np.bool_), progress=False)
    owners = {battery.owner for battery in community.batteries if battery.can_store}
    owns = np.array([member in owners for member in community.members])
    saved = bills_without - alone
    # A battery saves its owner no less than nothing, rounding aside.
    is_paid = owns & (saved > community.rounding)
    payments: NDArray[np.float64] = np.where(is_paid, saved, 0.0)
    return payments
