"""Rules and arrangements applied to one problem and audited: the rows of a comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from time import perf_counter
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sesgame.catalogue import RULES, allocate, check_options, comparable_rules
from sesgame.comparison.comparison import Comparison
from sesgame.comparison.row import ComparedRule
from sesgame.errors import AllocationError, GameError, SesgameError
from sesgame.formatting import named as described
from sesgame.game.allocation import Allocation, SupportsAllocation
from sesgame.game.given_allocation import allocation_of, as_allocation
from sesgame.rule import AllocationProblem
from sesgame.stability.audit import audit_by_search, check_evidence
from sesgame.stability.obstacles import no_core, not_convex
from sesgame.stability.property import Property
from sesgame.stability.search import CoalitionSearch, FewCoalitions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.cost_basis import CostTerms
    from sesgame.game.game import Game
    from sesgame.game.world import World

__all__ = ["ALL", "Compared", "compared", "named_rules", "usual_rules"]

Compared: TypeAlias = str | Allocation | SupportsAllocation
"""The name of a rule, what somebody has allocated, or what knows the bills of an arrangement."""

ALL = "all"
"""Stands for all rules."""


def usual_rules(problem: AllocationProblem, baseline: str | None = None) -> list[str]:
    """Return the rules that are compared where none is named: those that fit, and the baseline."""
    usual = comparable_rules(problem)
    if baseline is None:
        return usual
    return [baseline, *(name for name in usual if RULES[name] is not RULES.get(baseline))]


def compared(
    problem: AllocationProblem,
    named: Mapping[str, str | Allocation],
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
    terms = None if problem.world is None else _terms_of(problem.world, problem.model)
    if terms is None:
        terms = _first_terms(named.values())
    # All rules before the first audit: it makes a table, and rules would then take another way.
    applied_rows = []
    for name, rule in named.items():
        row = _applied(problem, name, rule, np.array(alone), together, terms, strict)
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
        terms=terms,
    )


def _terms_of(world: World, model: str | None) -> CostTerms | None:
    """Return the terms of a world's costs; None for one of somebody else's that tells none."""
    return world.cost_terms(model) if hasattr(world, "cost_terms") else None


def _first_terms(rules: Iterable[str | Allocation]) -> CostTerms | None:
    """Return the terms of the first arrangement, of which all others have to be."""
    for rule in rules:
        evidence = None if isinstance(rule, str) else rule.evidence
        if evidence is not None and evidence.basis is not None:
            return evidence.basis.terms
    return None


def named_rules(
    rules: Iterable[Compared] | Mapping[str, Compared], game: Game
) -> dict[str, str | Allocation]:
    """Return what is compared by names that differ: names of rules, and allocations of the game.

    Raises
    ------
    GameError
        There is no rule of that name, or a rule is none of what may be compared.
    AllocationError
        There is nothing, or an allocation does not fit the game.
    """
    if isinstance(rules, (str, Allocation, SupportsAllocation)):
        rules = [rules]
    if isinstance(rules, bytes) or not isinstance(rules, Iterable):
        raise GameError(f"rules must be names of rules, or allocations, got {described(rules)}")
    given = list(rules.items()) if isinstance(rules, Mapping) else [("", rule) for rule in rules]
    named: dict[str, str | Allocation] = {}
    for name, each in given:
        if not isinstance(each, (str, Allocation, SupportsAllocation)):
            raise GameError(
                f"a rule must be its name, an allocation, or what has allocation(), got "
                f"{described(each)}"
            )
        if each == ALL and not name:
            named.update((rule, rule) for rule in RULES)
            continue
        rule = each if isinstance(each, (str, Allocation)) else allocation_of(each)
        name = name or _free(rule if isinstance(rule, str) else rule.method, rule, named)
        named[name] = rule if isinstance(rule, str) else _of_game(game, name, rule)
    if not named:
        raise AllocationError("no allocation and no rule to compare")
    RULES.check(rule for rule in named.values() if isinstance(rule, str))
    return named


def _free(title: str, rule: str | Allocation, named: Mapping[str, object]) -> str:
    """Return a name that no other row has; a rule by its name is compared but once."""
    name, number = title, 1
    while name in named and not (isinstance(rule, str) and named[name] == rule):
        number += 1
        name = f"{title} ({number})"
    return name


def _of_game(game: Game, name: str, allocation: Allocation) -> Allocation:
    try:
        return as_allocation(game, allocation)
    except AllocationError as error:
        raise AllocationError(f"{name}: {error}") from error


def differences(
    problem: AllocationProblem,
    allocation: Allocation,
    alone: NDArray[np.float64],
    together: float,
    terms: CostTerms | None,
) -> list[str]:
    """Return in words why an allocation cannot be compared with others; nothing where it can.

    Parameters
    ----------
    problem : AllocationProblem
        What is split.
    allocation : Allocation
        Of its members.
    alone : ndarray of float, shape (n,)
        What each has alone.
    together : float
        v(N).
    terms : CostTerms or None
        Period, alone and investment of all rows.
    """
    evidence = allocation.evidence
    if evidence is None:
        return []
    basis = evidence.basis
    if basis is None:
        if evidence.arrangement is None:
            return []
        return [f"{type(evidence).__name__} does not say on what terms its arrangement stands"]
    return basis.differences(tuple(problem.game.players), terms, alone.tolist(), together)


def _applied(
    problem: AllocationProblem,
    name: str,
    rule: str | Allocation,
    alone: NDArray[np.float64],
    together: float,
    terms: CostTerms | None,
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
    if different := differences(problem, allocation, alone, together, terms):
        refused = f"not comparable: {'; '.join(different)}"
        if strict:
            raise AllocationError(f"{name} is {refused}")
        return ComparedRule(name, failure=refused)
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
