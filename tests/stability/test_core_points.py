"""Chosen points of the core and least core, against brute force and by their multipliers."""

from __future__ import annotations

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from reference.separation_oracles import all_coalitions
from scipy.optimize import linprog, minimize
from sesgame.errors import AllocationError, ContradictoryBoundsError


def random_game(n_players: int, seed: int, kind: str, surplus: float) -> sg.Game:
    random = np.random.default_rng([n_players, seed])
    table = random.integers(0, 20, size=1 << n_players).astype(float)
    table[0] = 0
    table[-1] += surplus * n_players
    return sg.Game.from_table(table if kind == "gain" else -table, kind=kind)


CASES = [
    pytest.param(n_players, kind, surplus, id=f"{n_players} players, {kind}, {surplus}")
    for n_players in (1, 2, 3, 5, 7)
    for kind in ("gain", "cost")
    for surplus in (0, 9, 40)
]


@pytest.mark.parametrize(("n_players", "kind", "surplus"), CASES)
@pytest.mark.parametrize(
    "rule", [sg.nearest_core_allocation, sg.leximin_core_allocation], ids=lambda rule: rule.__name__
)
def test_the_choice_is_proved_and_in_the_core(rule, n_players, kind, surplus) -> None:
    for seed in range(3):
        game = random_game(n_players, seed, kind, surplus)
        for reference in (None, sg.shapley_value(game)):
            point = rule(game, reference=reference, progress=False)
            assert point.evidence.verify(game).failures == ()
            existence = sg.core_existence(game)
            assert point.evidence.core_is_empty == existence.is_empty
            assert ("of the least core" in point.method) == existence.is_empty
            assert sg.core_check(game, point).in_core == (not existence.is_empty)


@pytest.mark.parametrize("surplus", [0, 20])
def test_no_other_point_is_nearer(surplus: float) -> None:
    game = random_game(4, 1, "gain", surplus)
    rows = all_coalitions(4)
    reference = np.array([9.0, -3.0, 4.0, 1.0])
    point = sg.nearest_core_allocation(game, reference=reference)
    least = game.values(rows) - point.evidence.allowed_excess
    found = minimize(
        lambda x: ((x - reference) ** 2).sum(),
        point.values + 0.0,
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x - least + 1e-9},
            {"type": "eq", "fun": lambda x: x.sum() - game.value(range(4))},
        ],
    )
    distance = ((point.values - reference) ** 2).sum()
    assert distance == pytest.approx(found.fun, abs=1e-5)


@pytest.mark.parametrize("surplus", [0, 20])
@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_the_smallest_advantage_cannot_be_raised(kind: str, surplus: float) -> None:
    game = random_game(5, 2, kind, surplus)
    point = sg.leximin_core_allocation(game)
    rows = all_coalitions(5)
    least = game.sign * game.values(rows) - point.evidence.allowed_excess
    # Largest t with x_i >= t (in the sense of gains) over the same set, by an independent solver.
    best = linprog(
        [0, 0, 0, 0, 0, -1],
        A_ub=np.vstack(
            [np.c_[-rows.astype(float), np.zeros(len(rows))], np.c_[-np.eye(5), [1] * 5]]
        ),
        b_ub=np.r_[-least + 1e-9, np.zeros(5)],
        A_eq=[[1, 1, 1, 1, 1, 0]],
        b_eq=[game.sign * game.value(range(5))],
        bounds=(None, None),
    )
    assert (game.sign * point.values).min() == pytest.approx(-best.fun, abs=1e-6)


def test_a_reference_in_the_core_is_returned() -> None:
    game = random_game(5, 3, "gain", 60)
    inside = sg.nucleolus(game)
    point = sg.nearest_core_allocation(game, reference=inside)
    assert point.values == pytest.approx(inside.values)
    assert point.method == "nearest core point (nearest to the nucleolus)"


def test_least_variance_is_the_distance_from_equal_parts() -> None:
    game = sg.Game.from_table([0, 0, 0, 8, 0, 0, 0, 9], kind="gain")
    point = sg.nearest_core_allocation(game)
    assert point.method == "nearest core point (of least variance)"
    assert point.values == pytest.approx([4, 4, 1])


def test_changed_evidence_is_refuted() -> None:
    game = sg.Game.from_table([0, 0, 0, 8, 0, 0, 0, 9], kind="gain")
    for rule in (sg.nearest_core_allocation, sg.leximin_core_allocation):
        evidence = rule(game).evidence
        assert evidence.verify(game)
        assert not dataclasses.replace(evidence, values=(3.5, 4.5, 1.0)).verify(game)
        assert not dataclasses.replace(evidence, values=(4.0, 3.0, 2.0)).verify(game)
        assert not dataclasses.replace(evidence, steps=()).verify(game)
        step = evidence.steps[0]
        for change in (
            {"total_multiplier": step.total_multiplier + 1},
            {"total_multiplier": float("nan")},
            {"level": step.level + 0.01},
            {"level": float("nan")},
            {"player_weights": tuple(w + 0.01 for w in step.player_weights)},
            {"multipliers": tuple(float("nan") for _ in step.multipliers)},
        ):
            wrong = (dataclasses.replace(step, **change), *evidence.steps[1:])
            if wrong != evidence.steps:
                assert not dataclasses.replace(evidence, steps=wrong).verify(game), change


def test_an_empty_core_and_what_is_allowed_there_are_proved_by_stages() -> None:
    game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    evidence = sg.leximin_core_allocation(game).evidence
    assert evidence.verify(game)
    for change in (
        {"core_is_empty": False},
        {"stages": ()},
        {"allowed_excess": evidence.allowed_excess + 0.01},
    ):
        assert not dataclasses.replace(evidence, **change).verify(game), change
    full = sg.Game.from_table([0, 0, 0, 8, 0, 0, 0, 9], kind="gain")
    evidence = sg.leximin_core_allocation(full).evidence
    assert not dataclasses.replace(evidence, core_is_empty=True).verify(full)


def test_the_distance_from_a_reference_is_rounded_even_in_a_game_of_zeros() -> None:
    game = sg.Game.from_table(np.zeros(1 << 6), kind="gain")
    for seed in range(20):
        reference = np.random.default_rng(seed).normal(size=6)
        evidence = sg.nearest_core_allocation(game, reference=reference).evidence
        assert evidence.verify(game).failures == ()


@pytest.mark.parametrize("reference", [[1, 2], {0: 1.0}, [1, 2, np.nan]])
def test_a_reference_that_does_not_fit_is_refused(reference) -> None:
    game = sg.Game.from_table([0, 0, 0, 8, 0, 0, 0, 9], kind="gain")
    with pytest.raises(AllocationError):
        sg.nearest_core_allocation(game, reference=reference)


RULES_OF_POINTS = [sg.nearest_core_allocation, sg.leximin_core_allocation]


@pytest.mark.parametrize("rule", RULES_OF_POINTS, ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("of", ["core", "least-core"])
def test_the_choice_is_proved_in_fractions(rule, of: str) -> None:
    for seed in range(6):
        for n_players, kind, surplus in ((1, "gain", 0), (3, "cost", 9), (5, "gain", 0)):
            game = random_game(n_players, seed, kind, surplus + 9 * (seed % 2))
            reference = np.random.default_rng(seed).random(n_players)
            proof = rule(game, of=of, reference=reference).evidence.verify(game, exact=True)
            assert proof.failures == ()
            assert proof.exact
            assert sum(proof.values) == Fraction(game.value(game.players))


def test_fractions_by_hand() -> None:
    # Ann is capped; what she leaves is split between the others, whom nobody else holds back.
    game = sg.Game.from_table([0, 0, 0, 6, 0, 0, 0, 10], ["ann", "bob", "cid"], kind="gain")
    for rule in RULES_OF_POINTS:
        capped = rule(game, at_most={"ann": 3.0}).evidence.verify(game, exact=True)
        assert capped.values == (3, Fraction(7, 2), Fraction(7, 2))
        even = rule(game).evidence.verify(game, exact=True)
        assert even.values == (Fraction(10, 3),) * 3


@pytest.mark.parametrize("rule", RULES_OF_POINTS, ids=lambda rule: rule.__name__)
def test_a_point_that_is_off_by_more_than_rounding_is_refused_in_fractions(rule) -> None:
    game = random_game(5, 2, "gain", 40)
    evidence = rule(game).evidence
    shift = 1e-11 * game.scale
    values = (evidence.values[0] + shift, evidence.values[1] - shift, *evidence.values[2:])
    moved = dataclasses.replace(evidence, values=values)
    assert moved.verify(game)
    proof = moved.verify(game, exact=True)
    assert any("off the" in failure for failure in proof.failures)


@pytest.mark.parametrize("rule", RULES_OF_POINTS, ids=lambda rule: rule.__name__)
def test_a_core_without_interior_is_proved_in_fractions(rule) -> None:
    gloves = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], kind="gain")
    proof = rule(gloves).evidence.verify(gloves, exact=True)
    assert proof.failures == ()
    assert proof.values == (0, 0, 1)


def test_a_contradiction_of_bounds_is_proved_in_fractions_in_any_case() -> None:
    gloves = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], kind="gain")
    with pytest.raises(ContradictoryBoundsError) as caught:
        sg.nearest_core_allocation(gloves, at_least={0: 0.5})
    for exact in (False, True):
        assert caught.value.contradiction.verify(gloves, exact=exact).exact
