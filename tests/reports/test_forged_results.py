"""Any change of a valid result is refused, or leaves true what is claimed: fractions judge.

Every place of the file is changed, in every way that its type has, alone or with another one; a new
rule, and its evidence, takes part as soon as it is in the catalogue.
"""

from __future__ import annotations

import contextlib
import copy
import itertools
import json
import math
import random
import warnings
from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.core_point_oracles import always_tight, largest_excess, leximin, nearest
from reference.nash_judge import rise, vertices
from reference.one_line_oracles import alone, marginal, shared, tau
from reference.separation_oracles import Enumeration
from reference.stability_oracles import exact_nucleolus
from sesgame.bills import rounded_bills
from sesgame.catalogue import RULES, allocate
from sesgame.errors import AllocationError, GameError, SesgameError
from sesgame.game.precision import equal_amounts, equal_for_oracle
from sesgame.reports.read import result_of
from sesgame.reports.result_files import result_json
from sesgame.rule import AllocationProblem

TABLES = {
    "core": ([0, 1, 2, 7, 3, 8, 6, 15], "gain"),
    "empty core": ([0, 0, 0, 8, 0, 9, 7, 10], "gain"),
    "no imputation": ([0, 5, 5, 1, 5, 1, 1, 6], "gain"),
    "costs": ([0, 4, 5, 7, 6, 9.5, 8, 11], "cost"),
    "additive part": ([0, 1e5, 2e5, 3e5 + 5, 3e5, 4e5 + 4, 5e5 + 3, 6e5 + 9], "gain"),
    "small unit": ([0, 1e-9, 2e-9, 7e-9, 3e-9, 8e-9, 6e-9, 15e-9], "gain"),
    "large unit": ([0, 1e9, 2e9, 7e9, 3e9, 8e9, 6e9, 15e9], "cost"),
    "four": ([0, 3, 4, 11, 2, 8, 9, 20, 1, 6, 7, 15, 5, 12, 13, 30], "gain"),
    "bounds": ([0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4], "gain"),
}

FORGED = sorted((Path(__file__).parents[1] / "fixtures" / "forged_results").glob("*.json"))
"""Results that somebody might write, each beside the table of its game."""

OPTIONS = {"seed": 3, "max_evaluations": 20, "n_clusters": 2}


@dataclass
class Subject:
    """A game and a valid result of it under one rule."""

    game: sg.Game
    label: str
    content: dict[str, Any]
    oracle: Any
    places: list[tuple[Any, ...]] = field(init=False)

    def __post_init__(self) -> None:
        self.places = list(places(self.content))


def places(content: Any, path: tuple[Any, ...] = ()) -> Any:
    """Yield the path of everything in some JSON, the whole aside."""
    items: Any = ()
    if isinstance(content, dict):
        items = content.items()
    elif isinstance(content, list):
        items = enumerate(content)
    for key, item in items:
        yield (*path, key)
        yield from places(item, (*path, key))


@cache
def subjects() -> list[Subject]:
    """Return a result for each rule and game, as far as they fit."""
    found = []
    for table, kind in TABLES.values():
        n = len(table).bit_length() - 1
        game = sg.Game.from_table(table, list("abcd"[:n]), kind=kind)
        players = list(game.players)
        parts = [table[-1] * share for share in (0.05, 0.2, 0.025, 0.3)]
        options = {**OPTIONS, "reference": dict(zip(players, parts, strict=False))}
        options["weights"] = [1 / n / math.comb(n - 1, size) for size in range(n)]
        options["unions"] = [players[:2], *([player] for player in players[2:])]
        for rule in RULES.values():
            if rule.worlds or not (rule.is_certified or table is TABLES["core"][0]):
                continue
            taken = {o.keyword: options[o.keyword] for o in rule.options if o.keyword in options}
            try:
                found.append(
                    subject(game, allocate(AllocationProblem.of(game, options=taken), rule.name))
                )
            except (AllocationError, GameError):  # the rule has no answer to this game
                continue
        oracle = Enumeration(game)
        for solution in (sg.nucleolus, sg.least_core):
            found.append(subject(game, solution(game, oracle=oracle), oracle))
            found.append(subject(game, solution(game, oracle=oracle, max_seconds=0), oracle))
        found.append(subject(game, sg.leximin_core_allocation(game)))
        found.append(subject(game, sg.nearest_core_allocation(game)))
    return found


def subject(game: sg.Game, allocation: sg.Allocation, oracle: Any = None) -> Subject:
    report = sg.report(game, {"it": allocation}, name="game")
    return Subject(game, "it", json.loads(result_json(report)), oracle)


def changed(subject: Subject, others: list[Subject], draw: random.Random) -> Any:
    """Return the result with something else at one place, or an exchange of two."""
    content = copy.deepcopy(subject.content)
    *path, key = draw.choice(subject.places)
    where = content
    for step in path:
        where = where[step]
    what = draw.randrange(10)
    if what == 0:  # exchange two places
        *other, last = draw.choice(subject.places)
        there = content
        for step in other:
            there = there[step]
        where[key], there[last] = copy.deepcopy(there[last]), copy.deepcopy(where[key])
    elif what == 1:  # what another result has there
        try:
            there = draw.choice(others).content
            for step in (*path, key):
                there = there[step]
            where[key] = copy.deepcopy(there)
        except (KeyError, IndexError, TypeError):
            del where[key]
    elif what == 2:
        if isinstance(where, list):
            draw.choice([where.reverse, lambda: where.append(copy.deepcopy(where[key]))])()
        else:
            where[draw.choice(["tolerance", "x", "values", "proved"])] = copy.deepcopy(where[key])
    elif what == 3:
        del where[key]
    else:
        where[key] = draw.choice(otherwise(where[key], content))
    return content


def otherwise(value: Any, content: Any) -> list[Any]:
    """Return what else might stand in the place of a value."""
    junk: list[Any] = [None, True, "a", "0", [], {}, [[]], 10**400, math.nan, math.inf, 1e300, 0]
    if isinstance(value, bool):
        return [not value, int(value), *junk]
    if isinstance(value, (int, float)):
        size = abs(content["game"]["together"]) + abs(value)
        near = [value * (1 + s) for s in (1e-12, 1e-9, 1e-6, -1e-6, 1e-3)]
        moved = [value + s * size for s in (1e-15, 1e-12, 1e-9, 1e-6, 1e-3, -1e-3, 1)]
        return [*near, *moved, -value, 2 * value, 1e300, -1e300, 1e-300, *junk]
    if isinstance(value, str):
        names = [rule.name for rule in RULES.values()] + [rule.title for rule in RULES.values()]
        kinds = [kind.__name__ for kind in sg.evidence.Evidence._kinds]
        return [*content["game"]["players"], *names, *kinds, "", value + " ", *junk]
    if isinstance(value, list) and value:
        return [value[:1], value[1:], [*value, value[0]], [value], *junk]
    return junk


def judged(subject: Subject, content: Any) -> str:
    """Return whether a changed result is refused, open or proved; fail where a proof is false."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            read = result_of(content, subject.game)
    except SesgameError:
        return "refused when read"
    state = "nothing claimed"
    for label, allocation in read.items():
        assert_true_beside(subject.game, allocation, content["rules"][label])
        evidence = allocation.evidence
        if evidence is None:
            names = [rule.title for rule in RULES.values() if rule.is_certified]
            assert not allocation.method.startswith(tuple(names)), allocation.method
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            if type(evidence).__name__ == "GeneratedEvidence":
                assert not evidence.verify(subject.game)
                found = evidence.verify(subject.game, Enumeration(subject.game))
            else:
                found = evidence.verify(subject.game)
        state = found.state
        if found.holds:
            assert_claimed(subject, allocation, found.claim)
        if type(evidence).__name__ == "NucleolusEvidence":
            assert_exact(subject.game, allocation, evidence.verify(subject.game, exact=True))
    return state


def assert_true_beside(game: sg.Game, allocation: sg.Allocation, kept: Any) -> None:
    """Judge audit and bills by fractions."""
    sign, table = int(game.sign), [Fraction(v) for v in game.tabulate().tolist()]
    x = [Fraction(v) for v in allocation.values.tolist()]
    equal = Fraction(max(1e-7 * game.scale, equal_amounts(game)))
    audit = kept["audit"]
    gap = sum(x) - table[-1]
    assert audit["efficient"] is True or audit["efficient"] is False
    assert (abs(gap) <= equal) or not audit["efficient"]
    gains = [sign * (table[1 << i] - share) for i, share in enumerate(x)]
    assert max(gains) <= equal or not audit["individually_rational"]
    worst = largest_excess(game.tabulate().tolist(), sign, [sign * share for share in x])
    assert audit["in_core"] is not True or (worst <= equal and abs(gap) <= equal)
    assert abs(Fraction(audit["worst_player_excess"]) - max(gains)) <= equal
    assert kept["bills"] is None or list(kept["bills"].values()) == [
        str(bill) for bill in rounded_bills(allocation.values, float(table[-1]))
    ]
    assert abs(Fraction(kept["allocation"]["total"]) - sum(x)) <= equal


def assert_exact(game: sg.Game, allocation: sg.Allocation, found: Any) -> None:
    """Judge what is proved in fractions: nothing but the rounding of floats is between."""
    if found.holds:
        expected = expected_point(game, allocation, allocation.evidence)
        assert expected == [int(game.sign) * value for value in found.values]
        size = game.scale + float(np.abs(allocation.values).sum())
        for share, proved in zip(allocation.values.tolist(), found.values, strict=True):
            assert abs(share - float(proved)) <= (game.n_players + 1) * 2.0**-53 * size


def assert_claimed(subject: Subject, allocation: sg.Allocation, claim: str) -> None:
    """Judge by fractions whether shares are what is claimed of them, up to the game's precision.

    What is settled follows from coalitions by a matrix of zeros and ones, whose inverse has, for up
    to four players, rows whose absolute values sum to less than 8.
    """
    game = subject.game
    sign, table = int(game.sign), game.tabulate().tolist()
    allowed = 8 * (equal_amounts(game) + 8 * 2.0**-53 * game.scale)
    evidence: Any = allocation.evidence
    if type(evidence).__name__ == "GeneratedEvidence":
        allowed = 8 * equal_for_oracle(game)
    x = [sign * Fraction(v) for v in allocation.values.tolist()]
    if type(evidence).__name__ == "NashInCoreEvidence":
        assert_best_product(game, x, evidence, Fraction(allowed))
        return
    expected = expected_point(game, allocation, evidence)
    if expected is not None:
        off = max(abs(a - b) for a, b in zip(x, expected, strict=True))
        assert off <= allowed, (allocation.method, claim, float(off), allowed)
        return
    if allocation.method.endswith("(not proved)"):
        assert claim == f"the largest excess is at most {evidence.upper_bound!r}"
        assert largest_excess(table, sign, x) <= Fraction(evidence.upper_bound) + Fraction(allowed)
        return
    per_capita = allocation.rule == "per-capita-least-core"
    assert allocation.method == RULES[allocation.rule].title
    assert claim.startswith(f"in the {allocation.method} of this game")
    largest = largest_excess(table, sign, x, per_capita)
    value = least_core_value(tuple(table), sign, per_capita)
    assert abs(Fraction(evidence.levels[0].excess) - value) <= allowed
    assert largest <= value + Fraction(allowed)
    if hasattr(evidence, "tight"):
        assert abs(Fraction(evidence.value) - value) <= allowed
        masks = [game.players.mask(coalition) for coalition in evidence.tight]
        surely, perhaps = tight_coalitions(tuple(table), sign, allowed, per_capita)
        assert surely <= set(masks) <= perhaps
        assert masks == sorted(set(masks))
        assert evidence.tight_count == len(masks)


def expected_point(
    game: sg.Game, allocation: sg.Allocation, evidence: Any
) -> list[Fraction] | None:
    """Return what the rule that the method names gives, in the sense of gains; None if many."""
    sign, table = int(game.sign), tuple(game.tabulate().tolist())
    rule = RULES[allocation.rule]
    name = rule.name
    if allocation.method.endswith("(not proved)") or name.endswith("least-core"):
        return None
    if name.endswith("nucleolus"):
        return exact_point(table, sign, not name.endswith("prenucleolus"), "per-capita" in name)
    if name in ("nearest-core", "leximin-core"):
        return exact_core_point(table, sign, name, tuple(evidence.reference))
    return one_line_point([sign * Fraction(value) for value in table], sign, game, evidence)


def one_line_point(
    gains: list[Fraction], sign: int, game: sg.Game, evidence: Any
) -> list[Fraction]:
    """Return what the numbers that evidence names give, in the sense of gains."""
    kind, single, everybody = type(evidence).__name__, alone(gains), len(gains) - 1
    given = [sign * Fraction(payoff) for payoff in getattr(evidence, "start_payoffs", ())]
    if kind == "TauEvidence":
        return tau(gains)
    if kind == "GatelyEvidence":
        beyond = [m - a for m, a in zip(marginal(gains), single, strict=True)]
        return shared(gains, single, beyond) if sum(beyond) else single
    if kind == "SurplusEvidence":
        nothing = [Fraction(0)] * len(single)
        starts = {"alone": single, "marginal": marginal(gains), "nothing": nothing, "given": given}
        weights = {"equal": [1] * len(single), "alone": single, "given": evidence.weights}
        return shared(gains, starts[evidence.start], weights[evidence.by])
    assert kind == "NestedNashEvidence"
    masks = [game.players.mask(union) for union in evidence.unions]
    surplus = gains[everybody] - sum(gains[mask] for mask in masks)
    power = [Fraction(weight) for weight in evidence.union_weights]
    point, start = [Fraction(0)] * len(single), given or single
    for mask, own in zip(masks, power, strict=True):
        members = [i for i in range(len(single)) if mask >> i & 1]
        share = gains[mask] + own * surplus / sum(power)
        rest = share - sum(start[i] for i in members)
        inside = sum(Fraction(evidence.weights[i]) for i in members)
        for i in members:
            point[i] = start[i] + Fraction(evidence.weights[i]) * rest / inside
    return point


def assert_best_product(game: sg.Game, x: list[Fraction], evidence: Any, allowed: Fraction) -> None:
    """Judge by the vertices of the core that no product of gains is larger than that at x.

    Where x is off by so much, the derivative of the sum of logarithms changes by that and the
    range of a share, divided by the square of a gain.
    """
    sign, n = int(game.sign), game.n_players
    table = tuple(sign * value for value in game.tabulate().tolist())
    d = [sign * Fraction(payoff) for payoff in evidence.disagreement]
    bounds = []
    for named, side in ((evidence.at_least, sign), (evidence.at_most, -sign)):
        for bound in named:
            flags = [0] * n
            flags[game.players.index(bound.player)] = side * sign
            bounds.append((tuple(flags), side * Fraction(bound.amount)))
    gaining = [player not in evidence.without_gain for player in game.players]
    corners = vertices(table, tuple(bounds))
    assert largest_excess(list(table), 1, x) <= allowed
    assert abs(sum(x) - Fraction(table[-1])) <= allowed
    for vector, demand in bounds:
        assert sum(g * share for g, share in zip(vector, x, strict=True)) >= demand - allowed
    weights = [Fraction(weight) for weight in evidence.weights]
    for gains, share, start in zip(gaining, x, d, strict=True):
        assert share > start if gains else abs(share - start) <= allowed
    for player in range(n):
        assert gaining[player] or all(abs(y[player] - d[player]) <= allowed for y in corners)
    off = sum(
        (
            weight
            / (share - start)
            * (1 + max(abs(y[i] - share) for y in corners) / (share - start))
            for i, (weight, share, start) in enumerate(zip(weights, x, d, strict=True))
            if gaining[i] and corners
        ),
        Fraction(0),
    )
    assert not corners or rise(x, d, weights, corners, gaining) <= n * allowed * off


@cache
def exact_point(
    table: tuple[float, ...], sign: int, rational: bool, per_capita: bool
) -> list[Fraction]:
    fractions = [Fraction(value) for value in table]
    found, _ = exact_nucleolus(
        fractions, sign=sign, individually_rational=rational, per_capita=per_capita
    )
    return [sign * share for share in found]


@cache
def least_core_value(table: tuple[float, ...], sign: int, per_capita: bool = False) -> Fraction:
    fractions = [Fraction(value) for value in table]
    _, value = exact_nucleolus(
        fractions, sign=sign, individually_rational=False, per_capita=per_capita
    )
    return value


@cache
def tight_coalitions(
    table: tuple[float, ...], sign: int, equal: float, per_capita: bool
) -> tuple[set[int], set[int]]:
    value = least_core_value(table, sign, per_capita)
    surely = always_tight(table, sign, value, Fraction(0), per_capita)
    return surely, always_tight(table, sign, value, Fraction(equal), per_capita)


@cache
def exact_core_point(
    table: tuple[float, ...], sign: int, name: str, reference: tuple[float, ...]
) -> list[Fraction]:
    allowed = max(least_core_value(table, sign), Fraction(0))
    method = nearest if name == "nearest-core" else leximin
    return method(table, sign, allowed, [sign * Fraction(value) for value in reference])


def assert_forgeries_fail(n_draws: int, seed: int) -> Counter[str]:
    """Change results so often; return how many were refused, and how the others came out."""
    draw, found, everything = random.Random(seed), Counter[str](), subjects()
    for _ in range(n_draws):
        one = draw.choice(everything)
        content = changed(one, everything, draw)
        if draw.random() < 0.4:
            # The first change may have left nothing to change.
            with contextlib.suppress(IndexError, KeyError, TypeError, OverflowError):
                twice = Subject(one.game, one.label, content, one.oracle)
                content = changed(twice, everything, draw)
        try:
            found[judged(one, content)] += 1
        except Exception as error:
            difference = differences(one.content, content)
            raise AssertionError(f"{one.game!r}, {difference}: {error!r}") from error
    return found


def differences(one: Any, other: Any, path: str = "") -> list[str]:
    """Return where two JSONs differ."""
    if type(one) is type(other) and isinstance(one, dict) and one.keys() == other.keys():
        return [d for key in one for d in differences(one[key], other[key], f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return [d for i, (a, b) in pairs for d in differences(a, b, f"{path}[{i}]")]
    return [] if one == other else [f"{path}: {str(one)[:200]} -> {str(other)[:200]}"]


@pytest.mark.parametrize("n_players", [3, pytest.param(4, marks=pytest.mark.slow)])
def test_honest_results_are_proved_and_the_judge_agrees(n_players: int) -> None:
    tables = [table for table, _ in TABLES.values() if len(table) == 1 << n_players]
    honest = [one for one in subjects() if one.game.n_players == n_players]
    states = Counter(judged(one, one.content) for one in honest)
    assert states["refuted"] == states["refused when read"] == 0
    assert states["proved"] > len(tables) * sum(rule.is_certified for rule in RULES.values())
    assert states["open"] > 0
    assert (states["nothing claimed"] > 0) is (TABLES["core"][0] in tables)


@settings(max_examples=40)
@given(seed=st.integers(0, 2**32))
def test_a_changed_result_is_refused_or_true(seed: int) -> None:
    assert_forgeries_fail(10, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(16, 20))
def test_a_hundred_thousand_changed_results_are_refused_or_true(seed: int) -> None:
    found = assert_forgeries_fail(25_000, seed)
    print(dict(found))
    assert found["refused when read"] + found["refuted"] > 12_500


@pytest.mark.parametrize(
    "name",
    ["empty core", *(pytest.param(name, marks=pytest.mark.slow) for name in ("core", "bounds"))],
)
def test_the_certificate_of_another_rule_is_refused_or_its_claim_is_true(name: str) -> None:
    everything = [one for one in subjects() if one.game.tabulate().tolist() == TABLES[name][0]]
    for one, other in itertools.product(everything, everything):
        if one.game is other.game and one is not other:
            content = copy.deepcopy(one.content)
            allocation = content["rules"]["it"]["allocation"]
            allocation["evidence"] = other.content["rules"]["it"]["allocation"]["evidence"]
            judged(one, content)
            # With its shares, too: the name alone is false.
            content = copy.deepcopy(other.content)
            for what in ("rule", "method"):
                content["rules"]["it"]["allocation"][what] = allocation[what]
            content["rules"]["it"]["audit"]["method"] = allocation["method"]
            judged(one, content)


@pytest.mark.parametrize("path", FORGED, ids=lambda path: path.stem)
def test_a_forgery_that_is_kept_is_refused_or_refuted(path: Path) -> None:
    kept = json.loads(path.read_text())
    game = sg.Game.from_table(kept["table"], kept["players"], kind=kept["kind"])
    one = Subject(game, "it", kept["result"], None)
    assert judged(one, kept["result"]) in {"refused when read", "refuted"}
