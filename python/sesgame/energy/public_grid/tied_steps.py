"""Elements of a contract that tie the steps of a month together, which sharing cannot clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sesgame.errors import GameError

if TYPE_CHECKING:
    from sesgame.energy.contract import Contract

__all__ = ["refuse_tied_steps"]


def refuse_tied_steps(contract: Contract, point: str) -> None:
    """Refuse a contract of a point under which what a kWh is worth depends on other steps.

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
            f"the contract {contract.name!r} of the point {point!r} has {element}: the steps of a "
            f"month hang together then, and sharing is cleared step by step; state the energy "
            f"price that a kWh more or less has in the end"
        )
