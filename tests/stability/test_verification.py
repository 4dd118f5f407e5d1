from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from reference.literature_games import LiteratureGame, with_solution
from reference.stability_oracles import exact_nucleolus
from sesgame.stability import verification
from sesgame.stability.stages import Stage

Solution = Callable[[sg.Game], Any]


@pytest.mark.parametrize("case", with_solution("nucleolus"))
def test_published_games_are_proved_in_fractions(case: LiteratureGame) -> None:
    game = case.game()
    allocation = sg.nucleolus(game, exact=True)
    if not case.published_digits:
        assert allocation.exact == tuple(Fraction(value) for value in case.nucleolus)
    assert allocation.evidence.verify(game)


def random_game(n_players: int, seed: int, high: int) -> sg.Game:
    random = np.random.default_rng([n_players, seed])
    table = random.integers(0, high, size=1 << n_players)
    table[0] = 0
    return sg.Game.from_table(table, kind="gain")


@pytest.mark.parametrize("high", [2, 5, 1000])
@pytest.mark.parametrize("n_players", [2, 3, 4, 5])
def test_exact_values_are_those_of_the_exact_method(n_players: int, high: int) -> None:
    for seed in range(4):
        game = random_game(n_players, seed, high)
        exact, _ = exact_nucleolus([int(value) for value in game.tabulate()])
        assert sg.nucleolus(game, exact=True).exact == tuple(exact)


@pytest.mark.parametrize("high", [2, 100])
@pytest.mark.parametrize("n_players", [8, 12, 15])
def test_larger_games_are_proved_exactly(n_players: int, high: int) -> None:
    game = random_game(n_players, 0, high)
    assert sg.nucleolus(game).evidence.verify(game, exact=True).failures == ()
    assert sg.prenucleolus(game).evidence.verify(game, exact=True).failures == ()
    assert sg.per_capita_nucleolus(game).evidence.verify(game, exact=True).failures == ()
    assert sg.least_core(game).evidence.verify(game).failures == ()


@pytest.mark.parametrize("exact", [False, True])
def test_a_stretch_of_the_table_may_hold_nothing_worth_comparing_but_the_grand_coalition(
    exact: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "CHUNK_BITS", 2)
    game = sg.Game.from_function(
        range(5),
        lambda coalition: len(coalition) ** 3 if len(coalition) in (1, 5) else 0,
        kind="gain",
    )
    assert sg.nucleolus(game).evidence.verify(game, exact=exact).failures == ()


def test_values_that_are_no_integers_are_taken_as_they_are() -> None:
    random = np.random.default_rng(1)
    table = random.normal(size=1 << 9)
    table[0] = 0
    game = sg.Game.from_table(table, kind="cost")
    proof = sg.prenucleolus(game).evidence.verify(game, exact=True)
    assert proof.failures == ()
    assert sum(proof.values) == Fraction(table[-1])


def test_a_wrong_allocation_is_refuted() -> None:
    game = random_game(6, 1, 50)
    evidence = sg.nucleolus(game).evidence
    moved = (evidence.values[0] + 1e-3, evidence.values[1] - 1e-3, *evidence.values[2:])
    assert not dataclasses.replace(evidence, values=moved).verify(game)


def test_missing_and_unbalanced_stages_are_refuted() -> None:
    game = random_game(6, 1, 50)
    evidence = sg.nucleolus(game).evidence
    for exact in (False, True):
        shorter = dataclasses.replace(evidence, stages=evidence.stages[:-1])
        assert not shorter.verify(game, exact=exact)
        first = evidence.stages[0]
        fewer = dataclasses.replace(first, coalitions=first.coalitions[1:])
        broken = dataclasses.replace(evidence, stages=(fewer, *evidence.stages[1:]))
        assert "do not balance" in broken.verify(game, exact=exact).failures[0]


@pytest.mark.parametrize("exact", [False, True])
def test_a_coalition_that_was_left_out_is_named(exact: bool) -> None:
    game = random_game(6, 1, 50)
    evidence = sg.nucleolus(game).evidence
    table = game.tabulate().copy()
    table[0b001011] += 100
    other = sg.Game.from_table(table, kind="gain")
    verification = evidence.verify(other, exact=exact)
    assert any("{0, 1, 3} has an excess above" in failure for failure in verification.failures)


def test_the_witness_of_an_empty_core_is_checked_in_fractions() -> None:
    majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    proof = sg.core_existence(majority)
    assert proof.is_empty
    assert proof.verify(majority)
    generous = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 2], kind="gain")
    assert not proof.verify(generous)
    assert sg.core_existence(generous).verify(generous)


def too_close(n_players: int, seed: int) -> sg.Game:
    """Zeros and ones with differences far below the tolerance of the solver."""
    random = np.random.default_rng([n_players, seed])
    table = random.integers(0, 2, 1 << n_players) + random.integers(0, 3, 1 << n_players) * 2.0**-40
    table[0] = 0
    return sg.Game.from_table(table, kind="gain")


@pytest.mark.parametrize("n_players", [3, 4, 5])
def test_excesses_too_close_for_floats_are_told_apart_in_integers(n_players: int) -> None:
    in_floats = 0
    for seed in range(6):
        game = too_close(n_players, seed)
        in_floats += sg.nucleolus(game).evidence.verify(game, exact=True).holds
        expected, _ = exact_nucleolus([Fraction(float(v)) for v in game.tabulate()])
        assert sg.nucleolus(game, exact=True).exact == tuple(expected)
    assert in_floats < 6


def test_fifteen_players_too_close_for_floats_are_proved() -> None:
    game = too_close(15, 0)
    assert not sg.nucleolus(game).evidence.verify(game, exact=True)
    allocation = sg.nucleolus(game, exact=True)
    assert allocation.evidence.verify(game, exact=True).failures == ()
    assert sum(allocation.exact) == Fraction(float(game.tabulate()[-1]))


def test_whether_there_is_an_imputation_is_decided_exactly() -> None:
    # Ten times 0.1 is 0.9999999999999999 in floats, but a little more than 1 in fractions.
    table = np.zeros(1 << 10)
    table[1 << np.arange(10)] = 0.1
    table[-1] = 1
    game = sg.Game.from_table(table, kind="gain")
    assert sg.nucleolus(game).method == "nucleolus"
    allocation = sg.nucleolus(game, exact=True)
    assert allocation.method == "prenucleolus (no imputation exists)"
    assert allocation.exact == (Fraction(1, 10),) * 10


def test_the_exact_values_can_be_written_as_json() -> None:
    game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    assert sg.nucleolus(game, exact=True).to_dict()["exact"] == ["1/3", "1/3", "1/3"]
    assert "exact" not in sg.nucleolus(game).to_dict()


@pytest.mark.parametrize("kind", ["gain", "cost"])
@pytest.mark.parametrize("n_players", [1, 2, 4, 7, 12])
def test_the_least_core_is_proved_in_fractions(n_players: int, kind: str) -> None:
    for seed in range(4):
        game = sg.Game.from_table(random_game(n_players, seed, 9).tabulate(), kind=kind)
        evidence = sg.least_core(game).evidence
        proof = evidence.verify(game, exact=True)
        assert proof.failures == ()
        assert sum(proof.values) == Fraction(float(game.tabulate()[-1]))
        assert [float(value) for value in proof.values] == pytest.approx(evidence.values, abs=1e-8)


def test_an_exact_check_sees_the_smallest_change_of_the_game() -> None:
    game = random_game(6, 1, 50)
    evidence = sg.least_core(game).evidence
    table = game.tabulate().copy()
    table[game.players.mask(evidence.stages[0].coalitions[0])] += 2.0**-40
    other = sg.Game.from_table(table, kind="gain")
    assert evidence.verify(game, exact=True)
    # A smaller change than floats show in a sum, but one that the shares do not follow.
    assert evidence.verify(other)
    failures = evidence.verify(other, exact=True).failures
    assert "the weights of stage 1 prove" in failures[0]
    assert "exact=True of the rule" in failures[0]
    slack = np.setdiff1d(np.arange(1, 63), [game.players.mask(c) for c in evidence.tight])
    table[slack[0]] += 100
    assert not evidence.verify(sg.Game.from_table(table, kind="gain"), exact=True)


def test_a_point_of_the_core_is_compared_in_fractions() -> None:
    game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 2], kind="gain")
    existence = sg.core_existence(game)
    proof = existence.verify(game, exact=True)
    assert proof.holds
    assert sum(proof.values) == 2
    table = game.tabulate().copy()
    table[0b011] = 4
    changed = sg.Game.from_table(table, kind="gain")
    (failure,) = existence.verify(changed).failures
    assert failure.startswith("{0, 1} has a positive excess, 2.")
    (failure,) = existence.verify(changed, exact=True).failures
    assert failure.startswith("{0, 1} has a positive excess, 2.")
    assert "exact=True of least_core" in failure


def tampered_stages(stages: tuple[Stage, ...]) -> list[tuple[Stage, ...]]:
    """Return what may be wrong with one of some stages, or with their number."""
    found = []
    for index, stage in enumerate(stages):
        first, *rest = stage.weights
        changes: list[dict[str, object]] = [
            {"excess": stage.excess + 0.01},
            {"excess": float("nan")},
            {"weights": (-first, *rest)},
            {"weights": (float("nan"), *rest)},
            {"weights": tuple(rest)},
            {"coalitions": stage.coalitions[1:], "weights": tuple(rest)},
        ]
        if len(stage.weights) + len(stage.bounds) > 1:
            changes.append({"weights": (1.01 * first, *rest)})
        if stage.bounds:
            changes.append({"bound_weights": tuple(2 * w for w in stage.bound_weights)})
            changes.append({"bound_weights": ()})
        found += [
            (*stages[:index], dataclasses.replace(stage, **change), *stages[index + 1 :])
            for change in changes
        ]
        found.append((*stages[:index], *stages[index + 1 :]))
    return found


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize(
    "solution", [sg.nucleolus, sg.prenucleolus, sg.per_capita_nucleolus, sg.least_core]
)
def test_no_part_of_the_evidence_can_be_changed(solution: Solution, exact: bool) -> None:
    for seed in range(6):
        # The last of them leaves two players what they have alone, and has bounds.
        game = random_game(4, seed, 20) if seed < 5 else BOUNDED
        evidence = solution(game).evidence
        assert evidence.verify(game, exact=exact).failures == ()
        a, *others, z = evidence.values
        wrong = [{"values": (a + 0.01, *others, z)}, {"values": (float(game.scale), *others, z)}]
        wrong += [{"stages": stages} for stages in tampered_stages(evidence.stages)]
        if solution is sg.least_core:
            wrong += [
                {"value": evidence.value - 0.01},
                {"tight": evidence.tight[1:]},
                {"tight": evidence.tight[::-1][:-1], "tight_count": evidence.tight_count - 1},
                {"tight_count": evidence.tight_count + 1},
            ]
        for change in wrong:
            assert not dataclasses.replace(evidence, **change).verify(game, exact=exact), change


BOUNDED = sg.Game.from_table([0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 4], kind="gain")


@pytest.mark.parametrize("exact", [False, True])
def test_bounds_prove_nothing_where_players_may_get_less_than_alone(exact: bool) -> None:
    evidence = sg.nucleolus(BOUNDED).evidence
    assert any(stage.bounds for stage in evidence.stages)
    free = dataclasses.replace(evidence, individually_rational=False)
    assert "players may get less than alone" in free.verify(BOUNDED, exact=exact).failures[0]


def test_no_part_of_a_witness_of_an_empty_core_can_be_changed() -> None:
    game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    proof = sg.core_existence(game)
    assert proof.collection is not None
    changes = [{"collection": other} for (other, *_) in tampered_stages((proof.collection,))[:-1]]
    for change in [*changes, {"collection": None}, {"is_empty": False}]:
        assert not dataclasses.replace(proof, **change).verify(game), change
    generous = sg.core_existence(sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 2], kind="gain"))
    assert not dataclasses.replace(generous, is_empty=True).verify(game)


def test_an_allocation_that_floats_miss_is_proved_in_fractions() -> None:
    # Alone the players have 0.18 in floats; in fractions a little more than all together.
    table = [0, -0.02, 0.30000000000000004, 0.001, -0.1, -0.002, 300.0, 0.18000000000000002]
    game = sg.Game.from_table(table, kind="gain")
    allocation = sg.nucleolus(game, exact=True)
    expected, _ = exact_nucleolus([Fraction(value) for value in table])
    assert allocation.exact == tuple(expected)
    assert allocation.evidence.verify(game, exact=True).failures == ()


def test_a_common_denominator_may_be_beyond_64_bits() -> None:
    game = sg.Game.from_table([0, 0, 0, 0, 0, 0, 0, 2.0**-70], kind="gain")
    allocation = sg.nucleolus(game, exact=True)
    assert allocation.exact == (Fraction(1, 3 * 2**70),) * 3


def test_shares_above_the_total_are_said_where_there_is_no_proper_coalition() -> None:
    game = sg.Game.from_table([0, 5], kind="gain")
    point = sg.core_existence(game)
    assert point.point is not None
    spoilt = dataclasses.replace(point.point, values=np.array([6.0]))
    proof = dataclasses.replace(point, point=spoilt).verify(game)
    assert proof.failures == ("not efficient: x(N) - v(N) is 1.0",)


def imported(module: str) -> set[str]:
    """Return the modules of sesgame that a module needs, type-only imports aside."""
    script = f"import {module}, sys; print(*(name for name in sys.modules if 'sesgame' in name))"
    # The face of the package imports everything, so it is put out of the way.
    package = str(Path(sg.__file__).parent)
    face = f"import sys, types; face = types.ModuleType('sesgame'); face.__path__ = [{package!r}]"
    script = f"{face}; sys.modules['sesgame'] = face; {script}"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


def test_the_verifier_needs_no_solver() -> None:
    needed = imported("sesgame.stability.verification")
    assert "sesgame.stability.null_space" in needed
    rooms = ("sesgame.stability.", "sesgame.linear.", "sesgame.shapley.", "sesgame._engine")
    allowed = {"sesgame.stability.null_space", "sesgame.stability.verification"}
    assert {name for name in needed if name.startswith(rooms)} == allowed
    assert "sesgame._engine" in imported("sesgame.stability.nucleolus")
