"""What is left of a settled community when the next one comes: its bills, without their proof."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sesgame.game.allocation import Allocation, texts
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Settled"]


@dataclass(frozen=True, eq=False)
class Settled(ByValue):
    """What one rule bills the members of one community, or why it does not.

    Attributes
    ----------
    number : int
        Of the community in the order in which they were given, from 0.
    name : str
        Of the community, or the folder that it was to be read from.
    period : str
        Which period it is settled for, as people write it.
    rule : str
        The name of the rule.
    allocation : Allocation or None
        The bills, with the bits that the rule gives by itself, and without its evidence: prices
        and steps of ten thousand communities would fill the memory. None where it failed.
    lowest, highest : ndarray of float, shape (n,), or None
        Between what each bill lies, where the rule says so: bills at dual prices under any prices
        that prove the dispatch optimal, samples with their confidence.
    unproved : str
        What the rule did not prove, such as a search that ran out of time; otherwise empty.
    failure : str
        Why there are no bills; otherwise empty.
    """

    number: int
    name: str
    period: str
    rule: str
    allocation: Allocation | None = None
    lowest: NDArray[np.float64] | None = None
    highest: NDArray[np.float64] | None = None
    unproved: str = ""
    failure: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the record in the types that JSON knows; amounts by member."""
        labels = [] if self.allocation is None else texts(self.allocation.players)
        amounts = {
            "bills": None if self.allocation is None else self.allocation.values,
            "lowest": self.lowest,
            "highest": self.highest,
        }
        return {
            "number": self.number,
            "name": self.name,
            "period": self.period,
            "rule": self.rule,
            **{
                what: None if values is None else dict(zip(labels, values.tolist(), strict=True))
                for what, values in amounts.items()
            },
            "method": None if self.allocation is None else self.allocation.method,
            "unproved": self.unproved or None,
            "failure": self.failure or None,
        }
