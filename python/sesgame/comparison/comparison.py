"""Comparison of rules on one game: which properties hold, by how much others fail, and the cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from sesgame.catalogue import RULES, allocate, check_options, comparable_rules
from sesgame.errors import AllocationError, GameError, SesgameError
from sesgame.files.csv_text import csv_text
from sesgame.files.json_text import finite, json_text, plain
from sesgame.files.output_files import OutputFiles
from sesgame.formatting import count, html_table, number, short_coalition, size, text_table
from sesgame.formatting import named as described
from sesgame.game.allocation import Allocation, Kind, texts
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.given_allocation import as_allocation
from sesgame.game.players import Players
from sesgame.optional_imports import needs
from sesgame.rule import AllocationProblem
from sesgame.stability.audit import Audit, audit_by_search, check_evidence, check_tolerance
from sesgame.stability.obstacles import no_core, not_convex, obstacle_sentence
from sesgame.stability.property import Property
from sesgame.stability.search import CoalitionSearch, FewCoalitions

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from sesgame.game.game import Game
    from sesgame.game.separation import SeparationOracle
    from sesgame.game.world import World

__all__ = ["Compared", "ComparedRule", "Comparison", "compare", "compared", "usual_rules"]

Compared: TypeAlias = str | Allocation
"""The name of a rule, or what somebody has allocated."""

ALL = "all"
"""Stands for all rules."""


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


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(ByValue):
    """Rules side by side, one row each.

    Attributes
    ----------
    players : Players
        Of the game.
    kind : {"gain", "cost"}
        The sense of the game.
    unit : str
        The currency, or nothing.
    alone : ndarray of float, shape (n,)
        What each player has, or bears, alone.
    together : float
        The total to split, v(N).
    rows : tuple of ComparedRule
        One for each rule that was asked for, also where it failed.
    table_seconds : float or None
        How long the table of all coalitions took, which all rules share; None where there is none.
    obstacle : Property or None
        Where a coalition gains by leaving: why no rule prevents that, or why a rule that does not
        look for the core may miss it, as far as the coalitions that were looked at tell.
    baseline : str or None
        The row that savings are measured against; standing alone where there is none.
    """

    players: Players
    kind: Kind
    unit: str
    alone: NDArray[np.float64]
    together: float
    rows: tuple[ComparedRule, ...]
    table_seconds: float | None = None
    obstacle: Property | None = None
    baseline: str | None = None

    @property
    def measured_against(self) -> str:
        """What savings are measured against, in words."""
        return "standing alone" if self.baseline is None else self.baseline

    @property
    def reason(self) -> str:
        """The obstacle in a sentence; empty where there is none."""
        if self.obstacle is None:
            return ""
        return obstacle_sentence(self.obstacle, lambda value: size(value, self.unit))

    @property
    def audits(self) -> tuple[Audit, ...]:
        """The audits of all rows that have one."""
        return tuple(row.audit for row in self.rows if row.audit is not None)

    def __getitem__(self, rule: str) -> ComparedRule:
        for row in self.rows:
            if row.rule == rule:
                return row
        names = ", ".join(row.rule for row in self.rows)
        raise KeyError(f"{rule!r} is not compared; the rules are {names}")

    def to_dict(self) -> dict[str, Any]:
        """Return everything in the types that JSON knows; the rows by rule."""
        labels = texts(self.players)
        rules = {}
        for row in self.rows:
            shares: dict[str, Any] = {"values": None, "savings": None}
            if row.allocation is not None and row.savings is not None:
                shares["values"] = dict(zip(labels, row.allocation.values.tolist(), strict=True))
                shares["savings"] = dict(zip(labels, row.savings.tolist(), strict=True))
            rules[row.rule] = {**row.figures(), **shares}
        return {
            "kind": self.kind,
            "unit": self.unit,
            "baseline": self.baseline,
            "alone": dict(zip(labels, self.alone.tolist(), strict=True)),
            "together": self.together,
            "table_seconds": self.table_seconds,
            "obstacle": plain(self.obstacle),
            "rules": rules,
        }

    def to_pandas(self) -> pd.DataFrame:
        """Return one row for each rule, with the columns of :meth:`to_csv` (extra ``pandas``)."""
        with needs("pandas", "frames need pandas"):
            import pandas as pd

        return pd.DataFrame(self._figures()).set_index("rule")

    def to_csv(self, path: str | PathLike[str] | None = None) -> str:
        """Return one line for each rule as CSV, and write it where a path is given.

        The members of a coalition are joined by ``+``; what is not there is empty. The columns are
        described in ``docs/file-formats.md``.

        Raises
        ------
        SesgameError
            The file cannot be written.
        """
        rows = self._figures()
        cells = ([_csv_cell(cell) for cell in row.values()] for row in rows)
        text = csv_text([list(rows[0]), *cells])
        if path is not None:
            OutputFiles(()).write({Path(path): text})
        return text

    def to_json(self, path: str | PathLike[str] | None = None) -> str:
        """Return :meth:`to_dict` as text, and write it where a path is given.

        Raises
        ------
        SesgameError
            The file cannot be written.
        """
        text = json_text(self.to_dict())
        if path is not None:
            OutputFiles(()).write({Path(path): text})
        return text

    def _figures(self) -> list[dict[str, Any]]:
        """Return the figures of each row, and what its savings are measured against."""
        return [{**row.figures(), "baseline": self.baseline} for row in self.rows]

    def _verdicts(self) -> list[list[str]]:
        """Return for each rule what holds and what it costs, as people read it."""
        word = "saving" if self.kind == "cost" else "surplus"
        head = ["rule", "paid", "lost", "efficient", "ind. rational", "in the core", "budget"]
        head += [f"min {word}", "max", "std. dev.", "Gini", "coalitions", "time"]
        return [head, *(self._verdict(row) for row in self.rows)]

    def _verdict(self, row: ComparedRule) -> list[str]:
        price = [
            "-" if row.evaluations is None else f"{row.evaluations:,}",
            "-" if row.seconds is None else _duration(row.seconds),
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

    def _objections(self) -> list[list[str]]:
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

    def _notes(self) -> list[str]:
        """Return in sentences what the tables do not say."""
        n = len(self.players)
        notes = [f"{row.rule}: {row.failure}." for row in self.rows if row.failure]
        for row in self.rows:
            evidence = row.allocation and row.allocation.evidence
            if evidence and evidence.unproved:
                reason = evidence.unproved
                notes.append(f"{row.rule}: not certified ({reason}).")
        if self.reason:
            notes.append(self.reason)
        if self.table_seconds is not None:
            notes.append(
                f"Evaluated once for all rules together: {count(2**n - 1, 'coalition')}, in "
                f"{_duration(self.table_seconds)}."
            )
        return notes

    def _units(self) -> list[str]:
        """Return what the figures are in, and what savings are measured against."""
        units = [f"amounts in {self.unit}"] if self.unit else []
        if self.baseline is not None:
            savings = "savings" if self.kind == "cost" else "surpluses"
            units.append(f"{savings} against {self.baseline}")
        return units

    def __str__(self) -> str:
        title = [count(len(self.rows), "rule"), count(len(self.players), "player")]
        lines = [", ".join([*title, *self._units()]), ""]
        lines += text_table(self._verdicts())
        if self.audits:
            lines += ["", "Who gains most (+) or loses least (-) by leaving:", ""]
            lines += text_table(self._objections(), left=(0, 1, 3))
        return "\n".join([*lines, *([""] if self._notes() else []), *self._notes()])

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head, *body = self._verdicts()
        objections, *who = self._objections()
        caption = "Who gains most (+) or loses least (-) by leaving"
        notes = " ".join(self._notes())
        return html_table(head, body, ", ".join(self._units())) + html_table(
            objections, who, caption, notes
        )


@checked_arguments
def compare(
    game: Game | World,
    rules: Iterable[Compared] | Mapping[str, Compared] | None = None,
    *,
    oracle: SeparationOracle | None = None,
    model: str | None = None,
    seed: int = 0,
    n_clusters: int = 12,
    max_seconds: float | None = None,
    tolerance: float | None = None,
    unit: str | None = None,
    baseline: str | None = None,
    progress: bool = True,
    done: Callable[[ComparedRule], None] | None = None,
    **options: Any,
) -> Comparison:
    r"""Show side by side what several rules do on one game, and what holds of each.

    One row for each rule: what it hands out or collects in all; what is lost against the optimum
    v(N), where a rule makes an arrangement of its own; is it efficient, which is to say that it
    hands out exactly what its arrangement gains or costs; individually rational, nobody better
    off alone; in the core, no coalition better off on its own; the budget surplus; how savings
    against standing alone are spread, by the least, the greatest, the standard deviation and the
    Gini coefficient

    .. math:: G = \frac{\sum_i \sum_j |s_i - s_j|}{2 n \sum_i s_i};

    how many coalitions the rule evaluated, and how long it took.

    Parameters
    ----------
    game : Game, Community or another world
        Up to 30 players are tabulated, once for all rules. The largest excess of a larger
        community is found by separation; of another larger game only with an oracle.
    rules : iterable or mapping of str to rule, optional
        Each an :class:`Allocation`, or the name of a rule as in ``sesgame allocate``:
        ``"shapley"``, ``"nucleolus"``, ...; ``"all"`` stands for all of them. A mapping gives the
        rows names of your own. By default the rules that fit the game.
    oracle : SeparationOracle, optional
        That finds the coalition with the largest excess, instead of a table; see :func:`audit`.
    model : {"battery", "netting", "merged", "linear"}, optional
        Of a community; see :meth:`Community.cost_game <sesgame.energy.Community.cost_game>`.
    seed, n_clusters : int
        For rules that sample or cluster.
    max_seconds : float, optional
        Time limit of each separation search, where there is no table; by default 300.
    tolerance : float, optional
        What counts as equal, as in :func:`audit`.
    unit : str, optional
        The currency, for people; by default that of the community.
    baseline : str, optional
        The name of the row that savings are measured against, say of the rule that is in force:
        by how much each player is better off under another row than under this one. Without
        `rules`, the rule of that name is compared beside those that fit. By default standing alone.
    progress : bool, default True
        Show progress where standard error is a terminal.
    done : callable, optional
        What is told of each rule as soon as it is applied, or has failed; savings are then
        against standing alone.
    **options
        Of rules that take more: ``weights`` of a semivalue, ``unions`` of an Owen value, the
        ``reference`` of a point of the core, as for their functions.

    Returns
    -------
    Comparison
        With a row for each rule, in the order of `rules`. A rule that fails, say because there are
        too many players, has its row all the same, with the reason; so has an allocation whose
        evidence the game refutes, such as the peaks that a demand charge is paid on.

    Raises
    ------
    AllocationError
        There is nothing to compare, an allocation does not fit the game, `tolerance` is out of its
        range, or the baseline is no row or has no allocation.
    GameError
        There is no rule of that name, an option is of no rule that is compared, or `model` is given
        for a game that is no community.
    CharacteristicFunctionError
        A value of the game is not a finite number.

    Notes
    -----
    Beyond 30 players and without an oracle, efficiency and individual rationality are still told,
    from the 2n + 1 coalitions of 1, n - 1 and n players; of the core nothing is
    proved.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 0, 0, 4, 0, 4, 4, 5], ["a", "b", "c"], kind="gain")
    >>> comparison = sg.compare(game, ["shapley", "vcg"])
    >>> comparison["shapley"].audit.worst_coalition
    ('a', 'b')
    >>> comparison["vcg"].budget_balance
    2.0
    >>> sg.compare(game, ["shapley", "vcg"], baseline="shapley")["vcg"].savings.round(4).tolist()
    [-0.6667, -0.6667, -0.6667]
    """
    problem = AllocationProblem.of(
        game,
        model=model,
        max_seconds=max_seconds,
        oracle=oracle,
        options={"seed": seed, "n_clusters": n_clusters, **options},
    )
    if rules is None:
        rules = usual_rules(problem, baseline)
    named = _named(rules, problem.game)
    if baseline is not None and baseline not in named:
        raise AllocationError(
            f'the baseline "{baseline}" is not compared; choose from {", ".join(named)}'
        )
    check_tolerance(tolerance)
    seconds = None
    if problem.has_table:
        start = perf_counter()
        problem.game.tabulate(progress=progress)
        seconds = perf_counter() - start
    found = compared(
        problem, named, baseline=baseline, tolerance=tolerance, progress=progress, done=done
    )
    return replace(found, unit=found.unit if unit is None else unit, table_seconds=seconds)


def usual_rules(problem: AllocationProblem, baseline: str | None = None) -> list[str]:
    """Return the rules that are compared where none is named: those that fit, and the baseline."""
    usual = comparable_rules(problem)
    if baseline is None:
        return usual
    return [baseline, *(name for name in usual if RULES[name] is not RULES.get(baseline))]


def compared(
    problem: AllocationProblem,
    named: Mapping[str, Compared],
    *,
    baseline: str | None = None,
    tolerance: float | None = None,
    progress: bool = True,
    strict: bool = False,
    done: Callable[[ComparedRule], None] | None = None,
) -> Comparison:
    """Apply rules to a problem, audit them, and show them side by side.

    Parameters
    ----------
    problem : AllocationProblem
        What is split.
    named : mapping of str to rule
        Names of rules, and allocations, by the names of their rows.
    baseline, tolerance, progress
        As in :func:`compare`.
    strict : bool, default False
        Whether a rule that fails, or an audit that needs an oracle that is not there, is an error.
    done : callable, optional
        What is told of each rule when it is applied, or has failed.

    Raises
    ------
    SesgameError
        As in :func:`compare`; or a rule failed, if `strict`.
    """
    applied = [rule for rule in named.values() if isinstance(rule, str)]
    check_options(problem, applied)
    n = problem.game.n_players
    few = np.concatenate([np.eye(n, dtype=np.bool_), np.ones((1, n), dtype=np.bool_)])
    *alone, together = problem.game.values(few, progress=progress).tolist()
    # All rules before the first audit: it makes a table, and rules would then take another way.
    applied_rows = []
    for name, rule in named.items():
        row = _applied(problem, name, rule, np.array(alone), together, strict)
        applied_rows.append(row)
        if done is not None:
            done(row)
    if baseline is not None:
        applied_rows = _against(baseline, applied_rows, problem.game.sign)
    search = CoalitionSearch.of_problem(problem, certain=strict, progress=progress)
    rows = tuple(_audited(search, row, tolerance, strict) for row in applied_rows)
    return Comparison(
        players=problem.game.players,
        kind=problem.game.kind,
        unit="" if problem.world is None else problem.world.currency,
        alone=np.array(alone),
        together=together,
        rows=rows,
        obstacle=_obstacle(search, rows),
        baseline=baseline,
    )


def _named(rules: Iterable[Compared] | Mapping[str, Compared], game: Game) -> dict[str, Compared]:
    """Return what is compared by names that differ."""
    if isinstance(rules, (str, Allocation)):
        rules = [rules]
    if isinstance(rules, bytes) or not isinstance(rules, Iterable):
        raise GameError(f"rules must be names of rules, or allocations, got {described(rules)}")
    rules = dict(rules) if isinstance(rules, Mapping) else list(rules)
    for rule in rules.values() if isinstance(rules, dict) else rules:
        if not isinstance(rule, (str, Allocation)):
            raise GameError(f"a rule must be its name, or an allocation, got {described(rule)}")
    named: dict[str, Compared] = {}
    if isinstance(rules, dict):
        named = rules
    else:
        for rule in rules:
            if rule == ALL:
                named.update((name, name) for name in RULES)
                continue
            name = rule if isinstance(rule, str) else rule.method
            if name != named.get(name):
                number = 1
                while name in named:
                    number += 1
                    name = f"{rule if isinstance(rule, str) else rule.method} ({number})"
            named[name] = rule
    if not named:
        raise AllocationError("no allocation and no rule to compare")
    RULES.check(rule for rule in named.values() if isinstance(rule, str))
    return {
        name: as_allocation(game, rule) if isinstance(rule, Allocation) else rule
        for name, rule in named.items()
    }


def _applied(
    problem: AllocationProblem,
    name: str,
    rule: Compared,
    alone: NDArray[np.float64],
    together: float,
    strict: bool,
) -> ComparedRule:
    """Return the row of one rule without its audit, with the reason where it fails."""
    start = perf_counter()
    try:
        allocation = allocate(problem, rule) if isinstance(rule, str) else rule
    except SesgameError as error:
        if strict:
            raise
        return ComparedRule(name, failure=_in_one_line(error))
    own = None if allocation.evidence is None else allocation.evidence.arrangement
    arrangement = together if own is None else own
    return ComparedRule(
        name,
        allocation=allocation,
        savings=problem.game.sign * (allocation.values - alone),
        arrangement=arrangement,
        lost=problem.game.sign * (together - arrangement),
        evaluations=_evaluations(problem, allocation),
        seconds=perf_counter() - start if isinstance(rule, str) else None,
    )


def _against(baseline: str, rows: list[ComparedRule], sign: float) -> list[ComparedRule]:
    """Return rows with savings against the shares of one of them."""
    measure = next(row for row in rows if row.rule == baseline)
    if measure.allocation is None:
        raise AllocationError(f'the baseline "{baseline}" has no allocation: {measure.failure}')
    worth = sign * measure.allocation.values
    return [
        row
        if row.allocation is None
        else replace(row, savings=sign * row.allocation.values - worth)
        for row in rows
    ]


def _audited(
    search: CoalitionSearch, row: ComparedRule, tolerance: float | None, strict: bool
) -> ComparedRule:
    """Return a row with its audit, with the reason where that fails."""
    if row.allocation is None:
        return row
    start = perf_counter()
    try:
        check_evidence(search.game, row.allocation)
        checked = audit_by_search(search, row.allocation, tolerance)
    except SesgameError as error:
        if strict:
            raise
        return replace(row, failure=_in_one_line(error))
    return replace(row, audit=checked, audit_seconds=perf_counter() - start)


def _obstacle(search: CoalitionSearch, rows: Iterable[ComparedRule]) -> Property | None:
    """Return why a coalition gains by leaving, where one does, as far as that is known."""
    audits = [row.audit for row in rows if row.audit is not None]
    if all(checked.worst_coalition_excess <= checked.tolerance for checked in audits):
        return None
    if isinstance(search, FewCoalitions):
        return no_core(search.game, search.values)
    obstacle = no_core(search.game)
    return not_convex(search.game) if obstacle is None else obstacle


def _in_one_line(error: SesgameError) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _evaluations(problem: AllocationProblem, allocation: Allocation) -> int | None:
    """Return how many coalitions a rule evaluated, where its evidence or the table says so."""
    if allocation.evidence and allocation.evidence.n_evaluations is not None:
        return allocation.evidence.n_evaluations
    return 2**problem.game.n_players - 1 if problem.has_table else None


def _csv_cell(cell: object) -> object:
    return "+".join(map(str, cell)) if isinstance(cell, list) else cell


def _yes(holds: bool) -> str:
    return "yes" if holds else "no"


def _duration(seconds: float) -> str:
    return f"{seconds:,.1f} s" if seconds >= 1 else f"{float(f'{1000 * seconds:.2g}'):g} ms"
