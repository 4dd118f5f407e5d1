"""The budget of a mechanism: what it collects, minus what it pays out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from sesgame.errors import AllocationError
from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["BudgetBalance", "budget_balance"]


@runtime_checkable
class PaymentEvidence(Protocol):
    """Evidence of an allocation whose payments need not add up: that of VCG payments."""

    @property
    def payments(self) -> NDArray[np.float64]:
        """What each player pays."""
        ...

    @property
    def grand_value(self) -> float:
        """The value of the grand coalition."""
        ...


@dataclasses.dataclass(frozen=True)
class BudgetBalance:
    """What comes in and what goes out.

    Attributes
    ----------
    collected, paid_out : float
        The sums of all positive and of all negative payments, those of the outside included.
    gap : float
        The budget surplus, `collected` minus `paid_out`; a deficit where negative.
    tolerance : float
        A gap up to this is rounding.
    """

    collected: float
    paid_out: float
    gap: float
    tolerance: float

    @property
    def balanced(self) -> bool:
        """Whether the gap is zero, up to the tolerance."""
        return abs(self.gap) <= self.tolerance

    def to_dict(self) -> dict[str, Any]:
        """Return the figures in the types that JSON knows."""
        return {**plain(self), "balanced": self.balanced}

    def __repr__(self) -> str:
        word = "balanced" if self.balanced else "surplus" if self.gap > 0 else "deficit"
        amount = "" if self.balanced else f" {abs(self.gap):.6g}"
        return (
            f"BudgetBalance({word}{amount}: collected {self.collected:.6g}, "
            f"paid out {self.paid_out:.6g})"
        )


@checked_arguments
def budget_balance(result: Settlement | Allocation) -> BudgetBalance:
    """Return what a mechanism collects and pays out.

    Parameters
    ----------
    result : Settlement or Allocation
        Of any mechanism; an allocation must come from :func:`sesgame.vcg_payments`, whose
        budget holds the worth of the grand coalition, or bears its cost.

    Returns
    -------
    BudgetBalance

    Raises
    ------
    AllocationError
        An allocation by another rule: those are efficient.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.budget_balance(sg.markets.vcg(book))
    BudgetBalance(deficit 6: collected 3, paid out 9)
    """
    if isinstance(result, Settlement):
        flows = np.concatenate([result.payments, [paid for _, paid in result.outside.values()]])
    elif isinstance(result.evidence, PaymentEvidence):
        worth = result.evidence.grand_value
        flows = np.append(result.evidence.payments, worth if result.kind == "gain" else -worth)
    else:
        raise AllocationError(
            f"the allocation by {result.method!r} has no payments whose budget could be open; "
            f"budget_balance is for vcg_payments and for markets"
        )
    return BudgetBalance(
        collected=float(flows[flows > 0].sum()),
        paid_out=float(-flows[flows < 0].sum()),
        gap=float(flows.sum()),
        tolerance=result.tolerance * len(flows),
    )
