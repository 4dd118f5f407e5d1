"""Which of the desirable properties hold of an outcome, and by what figure each of them fails.

No mechanism for a market with two sides has all of them (Myerson and Satterthwaite 1983), so the
honest question is how much each one costs on the input at hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.files.json_text import plain
from sesgame.formatting import format_coalition
from sesgame.markets.budget import BudgetBalance, budget_balance
from sesgame.markets.mechanism import Mechanism
from sesgame.markets.truthfulness import misreport_scan

if TYPE_CHECKING:
    from sesgame.markets.market import ClearableMarket
    from sesgame.markets.mechanism import Trials
    from sesgame.markets.settlement import Settlement

__all__ = ["PropertyReport", "property_report"]


@dataclasses.dataclass(frozen=True, repr=False)
class PropertyReport:
    """What holds of an outcome on the reported values, and by how much what does not.

    Attributes
    ----------
    method : str
        The mechanism.
    efficiency_loss : float
        Welfare below the best possible.
    largest_loss : float
        The most that a participant, named by `loser`, loses by taking part; 0 when nobody does.
    misreport_gain : float
        The most that a participant, named by `manipulator`, gains by the misreports that were
        tried; 0 when the truth is best. Not a proof of truthfulness unless the method has one.
    scanned : int
        How many participants had their misreports tried.
    core_excess : float
        What the coalition `blocking` would gain by trading on its own; 0 when none was found.
    core_bound : float
        No coalition gains more than this: proof of the core when it is 0.
    budget : BudgetBalance
        What comes in and what goes out.
    tolerance : float
        Figures up to this are rounding.
    """

    method: str
    efficiency_loss: float
    largest_loss: float
    loser: Hashable | None
    misreport_gain: float
    manipulator: Hashable | None
    scanned: int
    core_excess: float
    core_bound: float
    blocking: frozenset[Hashable] | None
    budget: BudgetBalance
    tolerance: float

    @property
    def efficient(self) -> bool:
        """Whether no welfare is lost."""
        return self.efficiency_loss <= self.tolerance

    @property
    def individually_rational(self) -> bool:
        """Whether nobody loses by taking part."""
        return self.largest_loss <= self.tolerance

    @property
    def incentive_compatible(self) -> bool | None:
        """Whether no misreport that was tried pays; None where none was tried."""
        return self.misreport_gain <= self.tolerance if self.scanned else None

    @property
    def in_core(self) -> bool | None:
        """Whether no coalition gains by trading on its own; None where neither is proved."""
        if self.core_bound <= self.tolerance:
            return True
        return False if self.core_excess > self.tolerance else None

    def to_dict(self) -> dict[str, Any]:
        """Return all figures and verdicts in the types that JSON knows."""
        verdicts = ("efficient", "individually_rational", "incentive_compatible", "in_core")
        return {
            **plain(self),
            **{name: getattr(self, name) for name in verdicts},
            "budget_balanced": self.budget.balanced,
        }

    def __repr__(self) -> str:
        blocking = "" if self.blocking is None else format_coalition(sorted(self.blocking, key=str))
        rows = [
            ("efficient", self.efficient, f"{self.efficiency_loss:.6g} of welfare lost"),
            (
                "individually rational",
                self.individually_rational,
                f"{self.loser} loses {self.largest_loss:.6g}",
            ),
            (
                "incentive compatible",
                self.incentive_compatible,
                f"{self.manipulator} gains {self.misreport_gain:.6g}",
            ),
            (
                "in the core",
                self.in_core,
                f"{blocking} gains {self.core_excess:.6g}"
                if self.blocking
                else f"no coalition gains more than {self.core_bound:.6g}",
            ),
            (
                "budget balanced",
                self.budget.balanced,
                f"{'surplus' if self.budget.gap > 0 else 'deficit'} {abs(self.budget.gap):.6g}",
            ),
        ]
        words = {True: "yes", False: "no", None: "unknown"}
        return "\n".join(
            [f"PropertyReport({self.method!r})"]
            + [
                f"  {name:<22} {words[holds]}" + ("" if holds else f": {figure}")
                for name, holds, figure in rows
            ]
        )


def property_report(
    settlement: Settlement,
    market: ClearableMarket,
    *,
    scan: Iterable[Hashable] | None,
    ranked: Iterable[int],
    trials: Trials,
    best_welfare: float,
    rest: float,
) -> PropertyReport:
    """Return what holds of a settlement.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism, repaired or not.
    market : ClearableMarket
        What was settled.
    scan : iterable of hashable or None
        The participants whose misreports are tried; by default the first that are `ranked`.
    ranked : iterable of int
        Who is worth trying, the most active first, as positions among the participants.
    trials : Trials
        What this kind of market affords; the mechanism may afford less.
    best_welfare : float
        The largest welfare of any outcome.
    rest : float
        What those have who do not bid, as in :meth:`ClearableMarket.core_gap`.

    References
    ----------
    Myerson and Satterthwaite (1983) [myerson1983]_.
    """
    rule = settlement.rule
    if isinstance(rule, Mechanism):
        trials = trials.at_most(rule.trials)
    if scan is None:
        labels = [market.participants[int(i)] for i in ranked][: trials.participants]
        scan = [label for label in labels if market.has_orders(label)]
    utilities = settlement.utilities
    loser = int(np.argmin(utilities))
    gain, manipulator, scanned = 0.0, None, 0
    if rule is not None:
        for participant in scan:
            found = misreport_scan(
                rule,
                participant,
                market,
                price_factors=trials.price_factors,
                quantity_factors=trials.quantity_factors,
                progress=False,
            )
            scanned += 1
            if found.gain > gain:
                gain, manipulator = found.gain, participant
    loss = max(0.0, -float(utilities[loser]))
    core = market.core_gap(utilities, rest, tolerance=settlement.tolerance)
    return PropertyReport(
        method=settlement.method,
        efficiency_loss=max(0.0, best_welfare - settlement.welfare),
        largest_loss=loss,
        loser=settlement.participants[loser] if loss > settlement.tolerance else None,
        misreport_gain=gain,
        manipulator=manipulator,
        scanned=scanned,
        core_excess=core.excess,
        core_bound=core.bound,
        blocking=core.blocking,
        budget=budget_balance(settlement),
        tolerance=settlement.tolerance * max(1, len(utilities)),
    )
