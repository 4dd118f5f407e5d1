"""What a report says, as numbers and sentences: for text, pages, letters and files."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import __version__
from sesgame.bills import rounded_bills
from sesgame.cached import cached_property
from sesgame.energy.community import Community
from sesgame.errors import AllocationError, GameError
from sesgame.formatting import amount, count, number, shown, size, text_table
from sesgame.game.by_value import ByValue
from sesgame.stability.kernel import maximal_surpluses

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sesgame.comparison import ComparedRule, Comparison
    from sesgame.energy.schedule import Schedule
    from sesgame.game.allocation import Allocation, Verdict
    from sesgame.game.game import Game
    from sesgame.rule import AllocationProblem
    from sesgame.stability.audit import Audit

__all__ = ["ReportContent", "title_of"]

DISPATCH_TOLERANCE = 1e-6
"""Of the largest amount: by how much a dispatch may cost more or less than the game says."""


@dataclass(frozen=True, eq=False, repr=False)
class ReportContent(ByValue):
    """Allocations of one game, audited and billed.

    Parameters
    ----------
    name : str
        What was solved: a community or a file.
    problem : AllocationProblem
        The game, and what made it, its model and the limits.
    comparison : Comparison
        A row for each rule, each with an allocation and an audit.
    source : dict
        What the game was made from: files with their digests, period, model.
    options : dict
        What was asked for.
    command : sequence of str
        The command that makes the same again, if there is one.
    files : tuple of Path
        What the game was made from, where it was.

    Attributes
    ----------
    bills : dict of str to tuple of Decimal
        The shares to the cent, of each rule whose shares add up to v(N), or to what its own
        arrangement gains or costs, and the profit of whoever outside keeps one.
    """

    name: str
    problem: AllocationProblem
    comparison: Comparison
    source: dict[str, Any]
    options: dict[str, Any]
    command: Sequence[str] = ()
    files: tuple[Path, ...] = ()
    bills: dict[str, tuple[Decimal, ...]] = field(init=False)

    def __post_init__(self) -> None:
        bills = {}
        for row in self.comparison.rows:
            # Shares that do not add up are no bills.
            if row.allocation is not None:
                with suppress(AllocationError):
                    bills[row.rule] = rounded_bills(row.allocation.values, row.billed)
        object.__setattr__(self, "bills", bills)

    @property
    def game(self) -> Game:
        """The game."""
        return self.problem.game

    @property
    def unit(self) -> str:
        """The currency, or nothing."""
        return self.comparison.unit

    @property
    def alone(self) -> list[float]:
        """What each player bears, or gets, alone."""
        alone: list[float] = self.comparison.alone.tolist()
        return alone

    @property
    def together(self) -> float:
        """The total to split, v(N)."""
        return self.comparison.together

    @cached_property
    def allocations(self) -> Mapping[str, Allocation]:
        """What each rule allocates."""
        rows = self.comparison.rows
        return {row.rule: row.allocation for row in rows if row.allocation is not None}

    @cached_property
    def audits(self) -> Mapping[str, Audit]:
        """What holds of that."""
        return {row.rule: row.audit for row in self.comparison.rows if row.audit is not None}

    @property
    def community(self) -> Community | None:
        """The community behind the game, of which a page shows the dispatch."""
        world = self.problem.world
        return world if isinstance(world, Community) else None

    @property
    def versions(self) -> dict[str, str]:
        """What computed this."""
        python, numpy = platform.python_version(), np.__version__
        return {"sesgame": __version__, "Python": python, "NumPy": numpy}

    @cached_property
    def schedule(self) -> Schedule:
        """The dispatch of the community.

        Raises
        ------
        GameError
            There is no community, or its dispatch does not cost v(N).
        """
        community = self.community
        if community is None:
            raise GameError("there is no community, so there is no dispatch")
        schedule = community.dispatch(model=self.problem.model)
        size = max(abs(self.together), *map(abs, self.alone))
        if abs(schedule.cost - self.together) > DISPATCH_TOLERANCE * size:
            raise GameError(
                f"the dispatch of {community!r} costs {schedule.cost:g}, but the game splits "
                f"{self.together:g}; give the community of the same period, and the same model"
            )
        return schedule

    @cached_property
    def verifications(self) -> dict[str, Verdict]:
        """What code that shares nothing with the solvers finds in the certificates, by rule."""
        found = {}
        for rule, allocation in self.allocations.items():
            evidence = allocation.evidence
            verdict = None if evidence is None else evidence.verify(self.game)
            if verdict is not None:
                found[rule] = verdict
        return found

    def certified(self, rule: str) -> bool:
        """Return whether a certificate proves the shares to be what the rule says."""
        evidence = self.allocations[rule].evidence
        if evidence is None or evidence.unproved:
            return False
        return bool(self.verifications.get(rule))

    @cached_property
    def without_each(self) -> NDArray[np.float64]:
        """What there would be to split without each player."""
        others = ~np.eye(self.game.n_players, dtype=np.bool_)
        return self.game.values(others, progress=False)

    def objections(self, rule: str) -> NDArray[np.float64] | None:
        """Return the largest excess of the coalitions with each player.

        None where the coalitions are too many to be listed.
        """
        if not self.game.tabulated:
            return None
        if rule not in self._objections:
            surpluses = maximal_surpluses(self.game, self.allocations[rule], progress=False)
            self._objections[rule] = surpluses.max(axis=1)
        return self._objections[rule]

    @cached_property
    def _objections(self) -> dict[str, NDArray[np.float64]]:
        """Those known so far."""
        return {}

    def surplus(self, rule: str) -> NDArray[np.float64]:
        """Return by how much each player is better off than alone."""
        better: NDArray[np.float64] = self.game.sign * (
            self.allocations[rule].values - np.array(self.alone)
        )
        return better

    def text(self) -> str:
        """Return the table and, for each rule, what holds of it in plain words."""
        lines = [title_of(self.name, self.problem)]
        if self.terms:
            lines.append(self.terms)
        lines += ["", *text_table(self._table())]
        for rule, audited in self.audits.items():
            sentences = [
                *audited.sentences(self.unit),
                *self.accounts(rule),
                *self.provisos(rule),
            ]
            lines += ["", shown(rule), *(f"  {sentence}" for sentence in sentences)]
            if rule not in self.bills:
                lines.append("  No bills: the shares are not efficient.")
        if self.comparison.reason:
            lines += ["", self.comparison.reason]
        return "\n".join(lines)

    __repr__ = text

    @property
    def terms(self) -> str:
        """Of what period all bills are, what alone means, and what is bought.

        Empty where no rule makes an arrangement of its own: all bills are then of the one game.
        """
        rows = self.comparison.rows
        arranged = any(_arranges(row) for row in rows)
        return str(self.comparison.terms) if arranged and self.comparison.terms else ""

    def accounts(self, rule: str) -> list[str]:
        """Return in sentences what an arrangement loses, and who outside keeps a profit."""
        row = self.comparison[rule]
        found: list[str] = []
        if not _arranges(row) or row.audit is None:
            return found
        slack, lost = row.audit.tolerance, row.lost or 0.0
        if abs(lost) <= slack:
            found.append("Its arrangement loses nothing against the optimum.")
        else:
            more = "more" if (lost > 0) == (self.game.kind == "cost") else "less"
            verb = "costs" if self.game.kind == "cost" else "brings"
            found.append(f"Its arrangement {verb} {size(lost, self.unit)} {more} than the optimum.")
        if row.profit is not None:
            verb = "keeps" if row.profit >= -slack else "lacks"
            found.append(
                f"Members pay {self.amount(row.paid or 0.0)} in all, the arrangement costs "
                f"{self.amount(row.arrangement or 0.0)}, and the {row.residual_claimant} {verb} "
                f"{self.amount(abs(row.profit))}."
            )
        return found

    def provisos(self, rule: str) -> list[str]:
        """Return in sentences how far the shares are from what the rule means."""
        allocation = self.allocations[rule]
        if allocation.evidence is None:
            return []
        return allocation.evidence.caveats(allocation, self.amount)

    def amount(self, value: float) -> str:
        """Return a figure with the unit, if there is one."""
        return amount(value, self.unit)

    def _table(self) -> list[list[str]]:
        """Return header, one row for each player, and the totals."""
        word = "saving" if self.game.kind == "cost" else "surplus"
        header = ["member", "alone"]
        columns = [self.alone]
        for rule, allocation in self.allocations.items():
            header += [rule, word]
            columns += [list(allocation.values), list(self.surplus(rule))]
        rows = [list(row) for row in zip(*columns, strict=True)]
        rows.append([fsum(column) for column in columns])
        labels = [*(str(player) for player in self.game.players), "total"]
        return [
            header,
            *(
                [label, *(number(value, self.unit) for value in row)]
                for label, row in zip(labels, rows, strict=True)
            ),
            *self._account_rows(),
        ]

    def _account_rows(self) -> list[list[str]]:
        """Return below the totals each profit outside the game, and what each rule loses."""
        rows = [self.comparison[rule] for rule in self.allocations]
        claimants = dict.fromkeys(row.residual_claimant for row in rows if row.residual_claimant)
        figures = {
            f"{who}'s profit": [
                row.profit if row.residual_claimant == who else None for row in rows
            ]
            for who in claimants
        }
        if any(map(_arranges, rows)):
            figures["lost against the optimum"] = [row.lost for row in rows]
        slack = max((row.audit.tolerance for row in rows if row.audit is not None), default=0.0)

        def cell(value: float | None) -> str:
            if value is None:
                return "-"
            return number(value if abs(value) > slack else 0.0, self.unit)

        return [
            [label, "", *(text for value in values for text in (cell(value), ""))]
            for label, values in figures.items()
        ]


def _arranges(row: ComparedRule) -> bool:
    """Return whether a rule makes an arrangement of its own instead of splitting the optimum."""
    evidence = None if row.allocation is None else row.allocation.evidence
    return evidence is not None and evidence.arrangement is not None


def title_of(name: str, problem: AllocationProblem) -> str:
    """Return in words what is split."""
    game, world, name = problem.game, problem.world, shown(name)
    if world is None:
        return f"{name}: a {game.kind} game of {count(game.n_players, 'player')}"
    return (
        f"{name}, {world.description(problem.model)}; amounts in {world.currency}, negative ones "
        f"are received"
    )
