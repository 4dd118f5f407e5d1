"""One row of a comparison of rules on a game: what a rule does there, and what holds of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.files.json_text import finite, plain
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Allocation
    from sesgame.stability.audit import Audit

__all__ = ["ComparedRule"]


@dataclass(frozen=True, eq=False, repr=False)
class ComparedRule(ByValue):
    """One row of a comparison: what a rule does on the game, or why it does nothing.

    Attributes
    ----------
    rule : str
        Its name in the comparison, which no other row has.
    allocation : Allocation or None
        What it allocates.
    audit : Audit or None
        What holds of that.
    savings : ndarray of float, shape (n,), or None
        By how much each player is better off than alone, c(i) - x_i for costs and x_i - v(i) for
        gains; or than under the baseline of the comparison, if it has one.
    failure : str
        Why the rule has no allocation, or the allocation no audit; otherwise empty.
    arrangement : float or None
        What the rule's own arrangement gains or costs in all: v(N) where that is the optimum.
    lost : float or None
        By how much that is worse than the optimum of the grand coalition.
    evaluations : int or None
        The coalitions that the rule evaluated; None where that is not known.
    seconds : float or None
        How long the rule took, without the table of all coalitions, which is made once for all
        rules; None for an allocation that was there before.
    audit_seconds : float or None
        How long the audit took.
    """

    rule: str
    allocation: Allocation | None = None
    audit: Audit | None = None
    savings: NDArray[np.float64] | None = None
    failure: str = ""
    arrangement: float | None = None
    lost: float | None = None
    evaluations: int | None = None
    seconds: float | None = None
    audit_seconds: float | None = None

    @property
    def paid(self) -> float | None:
        """The sum of the shares: what the rule collects (costs) or hands out (gains)."""
        return None if self.allocation is None else self.allocation.total

    @property
    def efficiency_gap(self) -> float | None:
        """By how much the shares exceed what the rule's own arrangement gains or costs."""
        if self.paid is None or self.arrangement is None:
            return None
        return self.paid - self.arrangement

    @property
    def efficient(self) -> bool | None:
        """Whether the rule hands out exactly what its own arrangement gains or costs."""
        if self.audit is None or self.efficiency_gap is None:
            return None
        return abs(self.efficiency_gap) <= self.audit.tolerance

    @property
    def budget_balance(self) -> float | None:
        """The budget surplus: collected minus paid out; negative for a deficit."""
        if self.allocation is None or self.efficiency_gap is None:
            return None
        return self.efficiency_gap if self.allocation.kind == "cost" else -self.efficiency_gap

    @property
    def residual_claimant(self) -> str:
        """Who outside the game keeps that surplus, say the operator; empty where nobody does."""
        evidence = None if self.allocation is None else self.allocation.evidence
        return "" if evidence is None else evidence.residual_claimant

    @property
    def profit(self) -> float | None:
        """What whoever that is keeps; negative for a loss, None where nobody does."""
        return self.budget_balance if self.residual_claimant else None

    @property
    def billed(self) -> float | None:
        """What bills have to add up to: the arrangement's cost, and the profit on top of it."""
        return self.paid if self.residual_claimant else self.arrangement

    @property
    def deviation_of_savings(self) -> float | None:
        """The standard deviation of the savings over all players."""
        return None if self.savings is None else float(self.savings.std())

    @property
    def gini_of_savings(self) -> float | None:
        """The Gini coefficient: half the mean difference of two savings, relative to their mean.

        0 where all save the same, 1 - 1/n where one player has everything; None where somebody
        loses or nobody saves anything, since it has no meaning there.
        """
        if self.savings is None or self.audit is None:
            return None
        if self.savings.min() < -self.audit.tolerance:
            return None
        savings = np.sort(np.maximum(self.savings, 0.0))
        total = float(savings.sum())
        if total <= self.audit.tolerance:
            return None
        n = len(savings)
        return float((2 * np.arange(1, n + 1) - n - 1) @ savings) / (n * total)

    def figures(self) -> dict[str, Any]:
        """Return the row in the types that JSON knows; None for what is not there or not finite."""
        checked = self.audit
        savings = self.savings
        row: dict[str, Any] = {
            "rule": self.rule,
            "method": None if self.allocation is None else self.allocation.method,
            "failure": self.failure or None,
            "efficient": self.efficient,
            "efficiency_gap": self.efficiency_gap,
            "individually_rational": None if checked is None else checked.individually_rational,
            "worst_member": None if checked is None else plain(checked.worst_player),
            "worst_member_excess": None if checked is None else checked.worst_player_excess,
            "in_core": None if checked is None else checked.in_core,
            "worst_coalition": None if checked is None else plain(checked.worst_coalition),
            "worst_coalition_excess": None if checked is None else checked.worst_coalition_excess,
            "excess_bound": None if checked is None else checked.bound,
            "paid": self.paid,
            "lost_against_optimum": self.lost,
            "budget_balance": self.budget_balance,
            "residual_claimant": self.residual_claimant or None,
            "profit": self.profit,
            "least_saving": None if savings is None else float(savings.min()),
            "mean_saving": None if savings is None else float(savings.mean()),
            "greatest_saving": None if savings is None else float(savings.max()),
            "deviation_of_savings": self.deviation_of_savings,
            "gini_of_savings": self.gini_of_savings,
            "tolerance": None if checked is None else checked.tolerance,
            "evaluations": self.evaluations,
            "seconds": self.seconds,
            "audit_seconds": self.audit_seconds,
        }
        columns: dict[str, Any] = finite(row)
        return columns
