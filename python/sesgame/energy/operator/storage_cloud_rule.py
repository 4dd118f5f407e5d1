"""Rented storage as a rule, beside those that split what members do together."""

from __future__ import annotations

import math
from typing import cast

from sesgame.energy.community import Community
from sesgame.energy.operator.storage_cloud import StorageCloud
from sesgame.energy.operator.storage_cloud_bills import CloudBills
from sesgame.energy.operator.storage_cloud_offer import TITLE
from sesgame.game.allocation import Allocation
from sesgame.rule import AllocationProblem, Option, Promise, Rule

__all__ = ["STORAGE_CLOUD"]


def _amount(text: str) -> float:
    value = float(text)
    if not (math.isfinite(value) and value >= 0):
        raise ValueError(text)
    return value


def _positive(text: str) -> float:
    value = _amount(text)
    if value == 0:
        raise ValueError(text)
    return value


def _rented_for(text: str) -> str:
    if text not in ("period", "day"):
        raise ValueError(text)
    return text


STORAGE_COST = Option(
    name="storage-cost",
    parse=_amount,
    metavar="PRICE",
    help="what a kWh of storage costs its operator a day; by default as the storage offer says",
)

STORAGE_HOURS = Option(
    name="storage-hours",
    parse=_positive,
    metavar="HOURS",
    help="hours of full power that fill rented storage; by default those of the batteries that are "
    "leased, else power never binds",
)

RENTED_FOR = Option(
    name="rented-for",
    parse=_rented_for,
    metavar="TERM",
    help="for what members rent one capacity: period or day",
)

STORAGE_RENT = Option(
    name="storage-rent",
    parse=_amount,
    metavar="RENT",
    help="rent of a kWh and day; by default the one at which the operator earns most",
)


def _apply(problem: AllocationProblem) -> Allocation:
    cloud = StorageCloud(
        cast("Community", problem.world),
        problem.get(STORAGE_COST),
        hours=problem.get(STORAGE_HOURS),
        rented_for=problem.get(RENTED_FOR) or "period",
    )
    rent = problem.get(STORAGE_RENT)
    offer = cloud.best_rent() if rent is None else cloud.offer(rent)
    return offer.allocation(problem.game)


STORAGE_CLOUD = Rule(
    name="storage-cloud",
    title=TITLE,
    apply=_apply,
    promises=frozenset({Promise.UNIQUE}),
    options=(STORAGE_COST, STORAGE_HOURS, RENTED_FOR, STORAGE_RENT),
    worlds=(Community,),
    meaning=(
        "An operator rents storage to members by the kWh and day, at the rent at which it earns "
        "most unless another is said. Each rents as much as pays and runs it for itself; the "
        "operator serves the sum of all and keeps what the rents exceed its costs by. Where "
        "members have batteries it leases these, and pays each owner what they save it alone."
    ),
    page="concepts/storage-cloud",
    sources=("zhao2019",),
    proved_by=lambda evidence: isinstance(evidence, CloudBills),
)
