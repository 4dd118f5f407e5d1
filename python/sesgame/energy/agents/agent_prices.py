"""Evidence of bills at prices that agents found."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any

from sesgame.files.json_text import plain
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.cost_basis import CostBasis
from sesgame.stability.verification import Verification

__all__ = ["AgentPrices"]

CONDITION = 1e3
"""What a residual may be worth: so many times its part of all that is paid, and no more."""


@dataclasses.dataclass(frozen=True, eq=False)
class AgentPrices(Evidence):
    """The prices on which agents agreed, and how far they are from agreement.

    Attributes
    ----------
    values : tuple of float
        The n bills.
    energy_price : tuple of float
        What a kWh costs in each of the T steps.
    own_costs : tuple of float
        What each member bears itself.
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

    values: tuple[float, ...]
    energy_price: tuple[float, ...]
    own_costs: tuple[float, ...]
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

    def verify(
        self, game: Any, oracle: object = None, *, exact: bool = False
    ) -> Verification | None:
        """Check bills, cost and residuals against each other and the game.

        Parameters
        ----------
        game : Game
            The game of the community.
        oracle : optional
            Not asked.
        exact : bool, default False
            Makes no difference.

        Returns
        -------
        Verification or None
            Refuted where residuals are not what is said of them, bills do not add up to the cost,
            or that is not the optimum, all by more than the residuals account for. Otherwise open:
            what agents answered is not kept. None where the agents are of no community.
        """
        basis = self.terms
        if basis is None:
            return None
        residual = max(self.balance_residual, self.price_residual)
        paid = sum(map(abs, self.values)) + abs(self.cost) + max(map(abs, basis.costs_alone))
        slack = CONDITION * (residual + 1e-9) * paid + game.rounding
        failures = []
        if self.converged != (residual <= self.tolerance):
            failures.append(
                f"the residuals are up to {residual:.2g}, and the tolerance {self.tolerance:.2g}"
            )
        total = sum(self.values)
        if not abs(total - self.cost) <= slack:
            failures.append(f"bills are {total:g} in all, and the cost {self.cost:g}")
        alone = [game.value([player]) for player in game.players]
        least = game.value(game.players)
        failures += basis.differences(tuple(game.players), None, alone, least)
        if not failures and not abs(self.cost - least) <= slack:
            failures.append(f"it is said to cost {self.cost:g}, and the optimum is {least:g}")
        return Verification(
            claim="bills at prices on which agents agree",
            failures=tuple(failures),
            exact=False,
            values=self.values,
            unchecked=("what agents answered is not kept",),
            checked_by="the costs of members alone and of all together in the game",
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence in the types that JSON knows."""
        found: dict[str, Any] = plain(self)
        del found["values"]
        return found
