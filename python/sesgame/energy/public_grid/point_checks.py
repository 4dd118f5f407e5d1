"""What a community on the public grid may be made of, and what is refused by name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from typing import TYPE_CHECKING

from sesgame.errors import GameError

if TYPE_CHECKING:
    from sesgame.energy.battery import Battery
    from sesgame.energy.contract import Contract
    from sesgame.energy.public_grid.metering_point import MeteringPoint, OwnPoints

__all__ = ["check_points", "check_storage", "refuse_tied_steps", "refuse_unused"]


def check_points(
    points: Sequence[MeteringPoint],
    contracts: Sequence[Contract],
    members: Collection[Hashable],
    n_steps: int,
) -> None:
    """Check that points are of members, have contracts, and fit the steps.

    Raises
    ------
    GameError
        One does not, or is there twice.
    """
    by_name = {contract.name: contract for contract in contracts}
    names = ("contract", [each.name for each in contracts]), ("point", [p.name for p in points])
    for kind, found in names:
        for name, times in Counter(found).most_common(1):
            if times > 1:
                raise GameError(f"the {kind} {name!r} is there twice")
    known = set(members)
    for point in points:
        if point.member not in known:
            raise GameError(
                f"the metering point {point.name!r} is of {point.member!r}, who is not a member"
            )
        if point.contract not in by_name:
            raise GameError(
                f"the metering point {point.name!r} has the contract {point.contract!r}, "
                f"which is none of {', '.join(by_name)}"
            )
        refuse_tied_steps(by_name[point.contract], f"the point {point.name!r}")
        if len(point.import_kwh) != n_steps:
            raise GameError(
                f"the metering point {point.name!r} has {len(point.import_kwh)} readings for "
                f"{n_steps} steps"
            )


def check_storage(
    batteries: Sequence[Battery],
    name: str | None,
    contracts: Sequence[Contract],
    own_points: OwnPoints,
) -> None:
    """Check that batteries have a contract of their own, of energy prices alone.

    Raises
    ------
    GameError
        There are batteries without a contract, or there is one without batteries; it has elements
        that depend on the dispatch; or own points do not share.
    """
    if name is None:
        if batteries:
            raise GameError(
                "there are batteries, but no storage_contract under which they trade outside"
            )
        return
    if not batteries:
        raise GameError(f"storage_contract is {name!r}, but there is no battery")
    by_name = {contract.name: contract for contract in contracts}
    if name not in by_name:
        raise GameError(f"storage_contract is {name!r}; it must be one of {', '.join(by_name)}")
    contract = by_name[name]
    refuse_tied_steps(contract, "the storage")
    if contract.demand_charges or any(fee.in_game for fee in contract.fees):
        raise GameError(
            f"the contract {name!r} of the storage has a demand charge or a fee in the game, "
            f"which would depend on the dispatch or belong to nobody: give it another one"
        )
    if own_points != "always":
        raise GameError(
            f'with batteries own points always share; own_points must be "always", got '
            f"{own_points!r}"
        )


def refuse_unused(contracts: Sequence[Contract], used: Collection[str | None]) -> None:
    """Refuse a contract that nobody has.

    Raises
    ------
    GameError
        There is one.
    """
    for contract in contracts:
        if contract.name not in used:
            raise GameError(f"no metering point has the contract {contract.name!r}; leave it out")


def refuse_tied_steps(contract: Contract, whose: str) -> None:
    """Refuse a contract under which what a kWh is worth depends on other steps.

    Raises
    ------
    GameError
        It has a capped credit, net metering, blocks or a minimum bill.
    """
    credit = "a capped credit" if contract.credit == "capped" else f"credit {contract.credit!r}"
    tied = {
        credit: contract.credit != "paid",
        "blocks": bool(contract.blocks),
        "a minimum bill": contract.minimum_per_month is not None,
    }
    for element in (name for name, is_there in tied.items() if is_there):
        raise GameError(
            f"the contract {contract.name!r} of {whose} has {element}: the steps of a "
            f"month hang together then, and sharing is cleared step by step; state the energy "
            f"price that a kWh more or less has in the end"
        )
