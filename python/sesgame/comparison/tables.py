"""A comparison as tables for people: what holds of each rule and what it costs, and who objects."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sesgame.comparison.row import ComparedRule
from sesgame.formatting import number, short_coalition
from sesgame.game.allocation import Kind
from sesgame.stability.audit import Audit

__all__ = ["ComparisonTables", "duration"]


@dataclass(frozen=True)
class ComparisonTables:
    """Rows as people read them.

    Parameters
    ----------
    rows : sequence of ComparedRule
    kind : {"gain", "cost"}
        The sense of the game.
    unit : str
        The currency, or nothing.
    """

    rows: Sequence[ComparedRule]
    kind: Kind
    unit: str

    def verdicts(self) -> list[list[str]]:
        """Return for each rule what holds and what it costs, as people read it."""
        word = "saving" if self.kind == "cost" else "surplus"
        head = ["rule", "paid", "lost", "efficient", "ind. rational", "in the core", "budget"]
        head += [f"min {word}", "max", "std. dev.", "Gini", "coalitions", "time"]
        return [head, *(self._verdict(row) for row in self.rows)]

    def _verdict(self, row: ComparedRule) -> list[str]:
        price = [
            "-" if row.evaluations is None else f"{row.evaluations:,}",
            "-" if row.seconds is None else duration(row.seconds),
        ]
        if row.audit is None or row.savings is None:
            return [row.rule, *["-"] * 10, *price]
        gini = row.gini_of_savings
        spread = (row.savings.min(), row.savings.max(), row.savings.std())
        balance = self._figure(row.budget_balance or 0.0, row.audit, sign=True)
        return [
            row.rule,
            self._figure(row.paid or 0.0, row.audit),
            self._figure(row.lost or 0.0, row.audit),
            _yes(bool(row.efficient)),
            _yes(row.audit.individually_rational),
            self._in_core(row.audit),
            "balanced" if row.efficient else balance,
            *(self._figure(float(figure), row.audit) for figure in spread),
            "-" if gini is None else f"{gini:.2f}",
            *price,
        ]

    def _in_core(self, checked: Audit) -> str:
        if checked.in_core is not None:
            return _yes(checked.in_core)
        if math.isinf(checked.bound):
            return "not proved"
        return f"not proved, at most {self._figure(checked.bound, checked)}"

    def _figure(self, value: float, checked: Audit, sign: bool = False) -> str:
        """Return an amount without its unit, which the title says; 0 where it counts as that."""
        value = 0.0 if abs(value) <= checked.tolerance else value
        return number(value, self.unit, sign)

    def objections(self) -> list[list[str]]:
        """Return for each rule who gains most, or loses least, by leaving."""
        head = ["rule", "member", "by leaving", "group", "by leaving"]
        rows = []
        for row in self.rows:
            if row.audit is None:
                continue
            group = ["-", "-"]
            if row.audit.worst_coalition:
                named = short_coalition(row.audit.worst_coalition, row.audit.staying)
                gain = row.audit.worst_coalition_excess
                group = [named, self._figure(gain, row.audit, sign=True)]
            member = self._figure(row.audit.worst_player_excess, row.audit, sign=True)
            rows.append([row.rule, str(row.audit.worst_player), member, *group])
        return [head, *rows]

    def profits(self) -> list[str]:
        """Return in sentences who outside the game keeps what members pay beyond the costs."""
        found = []
        for row in self.rows:
            if row.audit is not None and row.profit is not None:
                verb = "keeps" if row.profit >= -row.audit.tolerance else "lacks"
                amount = self._figure(abs(row.profit), row.audit)
                unit = f" {self.unit}" if self.unit else ""
                found.append(f"{row.rule}: the {row.residual_claimant} {verb} {amount}{unit}.")
        return found

    def failures(self) -> list[str]:
        """Return in sentences why rows are empty, and what is not certified."""
        found = [f"{row.rule}: {row.failure}." for row in self.rows if row.failure]
        for row in self.rows:
            evidence = row.allocation and row.allocation.evidence
            if evidence and evidence.unproved:
                found.append(f"{row.rule}: not certified ({evidence.unproved}).")
        return found


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def duration(seconds: float) -> str:
    """Return how long something took, in seconds or milliseconds."""
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{float(f'{1000 * seconds:.2g}'):g} ms"
