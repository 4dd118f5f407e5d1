"""Evidence of bills at prices that agents found."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any

from sesgame.files.json_text import plain
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sesgame.game.cost_basis import CostBasis

__all__ = ["AgentPrices"]


@dataclasses.dataclass(frozen=True, eq=False)
class AgentPrices(Evidence):
    """The prices on which agents agreed, and how far they are from agreement.

    Attributes
    ----------
    energy_price : ndarray of shape (T,)
        What a kWh costs in each step.
    own_costs : ndarray of shape (n,)
        What each bears itself.
    cost : float
        What the arrangement costs in all.
    rounds : int
        How often all were asked.
    balance_residual, price_residual : float
        Of the last round; see :class:`~sesgame.energy.AgentClearing`.
    tolerance : float
        What they were to reach.
    converged : bool
        Whether they do.
    untold : tuple of hashable
        Members whose own cost is not known, and taken to be 0.
    terms : CostBasis or None
        On what terms the bills stand.
    """

    energy_price: NDArray[np.float64]
    own_costs: NDArray[np.float64]
    cost: float
    rounds: int
    balance_residual: float
    price_residual: float
    tolerance: float
    converged: bool
    untold: tuple[Hashable, ...]
    terms: CostBasis | None

    @property
    def n_evaluations(self) -> int:
        """None: no coalition is dispatched."""
        return 0

    @property
    def arrangement(self) -> float:
        """What all exchanges cost: a clearing ends near the optimum, not at it."""
        return self.cost

    @property
    def basis(self) -> CostBasis | None:
        """On what terms the bills stand."""
        return self.terms

    @property
    def unproved(self) -> str:
        """Whether the rounds ended before agents agreed."""
        if self.converged:
            return ""
        return (
            f"the agents do not agree after {self.rounds} rounds: the residuals are "
            f"{self.balance_residual:.2g} of what is exchanged and {self.price_residual:.2g} of "
            f"the price, above {self.tolerance:g}"
        )

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return whose own cost is not known."""
        if not self.untold:
            return []
        return [f"The own cost of {format_coalition(self.untold)} is not known, and taken to be 0."]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what agreement means."""
        if not self.converged:
            return []
        residual = max(self.balance_residual, self.price_residual)
        return [
            f"At these prices nobody would exchange anything else, and all exchanges balance, up "
            f"to {residual:.1g} of what is exchanged and of the price. No meter was shown for that."
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows."""
        found: dict[str, Any] = plain(self)
        return found
