"""Least core and nucleolus from a separation oracle: what is found and what is proved."""

from __future__ import annotations

import dataclasses
import math
from itertools import count as numbers

import numpy as np
import pytest
import sesgame as sg
from reference.separation_oracles import Airport, Enumeration, littlechild
from sesgame.errors import GameError, OracleError
from sesgame.stability import row_generation

RELATIVE = 1e-12


def random_game(n_players: int, seed: int, kind: str = "gain") -> sg.Game:
    random = np.random.default_rng([n_players, seed])
    table = random.integers(0, 30, size=1 << n_players).astype(float)
    table[0] = 0
    # Nobody has anything alone, and all together enough for an imputation.
    table[1 << np.arange(n_players)] = 0 if kind == "gain" else 40
    return sg.Game.from_table(table, kind=kind)


class Silent(Enumeration):
    """Proves nothing and finds nothing."""

    exact = False

    def most_violated(self, allocation, count, *, outside=None):
        return None


@pytest.mark.parametrize("n_players", [1, 2, 5, 8, 9, 40, 100])
def test_an_airport_of_any_size_has_the_nucleolus_of_its_closed_form(n_players: int) -> None:
    costs = np.sort(np.random.default_rng(n_players).uniform(1, 100, n_players))
    share = sg.nucleolus(range(n_players), oracle=Airport(costs))
    assert share.evidence.proved
    assert share.method == "nucleolus"
    assert share.values == pytest.approx(littlechild(costs), abs=RELATIVE * costs[-1])


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_a_proved_answer_is_verified_with_nothing_unchecked(kind: str) -> None:
    game = random_game(9, 0, kind)
    oracle = Enumeration(game)
    for solution in (sg.least_core, sg.nucleolus):
        verification = solution(game, oracle=oracle).evidence.verify(game, oracle)
        assert verification.failures == ()
        assert verification.unchecked == ()


def test_a_local_search_replaces_most_questions() -> None:
    game = random_game(10, 1)
    oracle = Enumeration(game)
    plain = sg.least_core(game, oracle=oracle)
    searched = sg.least_core(game, oracle=oracle, local_search=200)
    assert searched.evidence.lower_bound == pytest.approx(plain.evidence.lower_bound)
    assert searched.evidence.effort.oracle_calls < plain.evidence.effort.oracle_calls


def test_a_heuristic_gives_a_bound_and_no_certificate() -> None:
    game = random_game(8, 2)
    point = sg.least_core(game, oracle=Silent(game), local_search=300)
    evidence = point.evidence
    assert not evidence.proved
    assert evidence.reason == "the oracle does not prove stage 1"
    assert point.method == "least core (not proved)"
    assert evidence.upper_bound == math.inf
    assert evidence.lower_bound <= sg.least_core(game).evidence.value + RELATIVE * game.scale
    verification = evidence.verify(game)
    assert verification.state == "open"
    assert not verification.holds
    assert verification.unchecked == ("that no coalition is above stage 1",)


def test_a_bound_above_the_level_leaves_an_interval() -> None:
    game = random_game(7, 3)

    class Loose(Enumeration):
        def most_violated(self, allocation, count, *, outside=None):
            coalitions, values = super().most_violated(allocation, count, outside=outside)
            return coalitions, values, (values - coalitions @ allocation).max() + 0.5

    evidence = sg.least_core(game, oracle=Loose(game)).evidence
    assert not evidence.proved
    assert evidence.upper_bound == pytest.approx(evidence.lower_bound + 0.5)
    assert evidence.verify(game, Loose(game)).holds
    # A better oracle proves more than was claimed.
    assert evidence.verify(game, Enumeration(game)).holds


def test_an_oracle_may_name_its_coalitions_by_labels() -> None:
    names = ["ann", "bob", "eve", "joe"]
    table = random_game(4, 4).tabulate()
    game = sg.Game.from_table(table, players=names, kind="gain")

    class Named(Enumeration):
        def most_violated(self, allocation, count, *, outside=None):
            rows, values = super().most_violated(allocation, count, outside=outside)
            return [game.players.labels(row) for row in rows], values.tolist()

    found = sg.nucleolus(game, oracle=Named(game))
    assert found.values == pytest.approx(sg.nucleolus(game).values)
    assert found["ann"] == found.values[0]


def test_the_oracle_is_told_the_level_and_the_time() -> None:
    game = random_game(6, 5)
    told = []

    class Told(Enumeration):
        def most_violated(self, allocation, count, **options):
            told.append(options)
            return super().most_violated(allocation, count, outside=options["outside"])

    evidence = sg.nucleolus(game, oracle=Told(game), max_seconds=1e6).evidence
    assert told[0]["outside"] is None
    assert told[-1]["level"] == evidence.stages[-1].excess
    assert 0 < told[-1]["max_seconds"] < 1e6


def test_without_time_the_bound_of_the_first_program_is_returned() -> None:
    game = random_game(8, 6)
    point = sg.nucleolus(game, oracle=Enumeration(game), max_seconds=0)
    assert point.evidence.reason == "time limit 0 s"
    assert point.method == "nucleolus (not proved)"
    assert point.evidence.lower_bound <= sg.least_core(game).evidence.value
    assert point.evidence.upper_bound == math.inf
    assert point.total == pytest.approx(game.value(range(8)))


@pytest.mark.parametrize("solution", [sg.least_core, sg.nucleolus])
@pytest.mark.parametrize("seconds", [2, 4])
def test_a_search_out_of_time_returns_its_best_allocation_and_bound(
    solution, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Every look at the clock takes a second.
    monkeypatch.setattr(row_generation, "monotonic", numbers().__next__)
    game = random_game(11, 7)
    oracle = Enumeration(game)
    found = solution(game, oracle=oracle, max_seconds=seconds)
    evidence = found.evidence
    assert evidence.reason == f"time limit {seconds} s"
    value = solution(game).evidence.stages[0].excess
    assert evidence.lower_bound <= value + 1e-9
    worst = (oracle.values - oracle.coalitions @ found.values).max()
    assert value - 1e-9 <= worst <= evidence.upper_bound + 1e-9 < math.inf
    verification = evidence.verify(game, oracle)
    assert verification.holds
    assert verification.claim == f"the largest excess is at most {evidence.upper_bound!r}"
    assert evidence.verify(game).state == "open"


def test_without_imputations_the_prenucleolus_is_returned_and_said() -> None:
    game = sg.Game.from_table([0, 5, 5, 1, 5, 1, 1, 6], kind="gain")
    found = sg.nucleolus(game, oracle=Enumeration(game))
    assert found.method == sg.nucleolus(game).method == "prenucleolus (no imputation exists)"
    assert found.values == pytest.approx([2, 2, 2])


def test_changed_evidence_is_refuted() -> None:
    game = random_game(6, 8)
    oracle = Enumeration(game)
    evidence = sg.nucleolus(game, oracle=oracle).evidence

    def failures(**changes: object) -> str:
        return " / ".join(dataclasses.replace(evidence, **changes).verify(game, oracle).failures)

    first, *rest = evidence.stages
    moved = (evidence.values[0] + 1e-3, evidence.values[1] - 1e-3, *evidence.values[2:])
    assert "has the excess" in failures(values=moved)
    assert "the shares sum to" in failures(values=(*evidence.values[:-1], 99.0))
    assert "dimensions" in failures(stages=evidence.stages[:-1])
    assert "the oracle bounds stage" in failures(stages=(first, *rest[1:]))
    fewer = dataclasses.replace(first, coalitions=first.coalitions[1:], values=first.values[1:])
    assert "do not balance" in failures(stages=(fewer, *rest))
    other = dataclasses.replace(first, values=(first.values[0] + 1, *first.values[1:]))
    assert "is worth" in failures(stages=(other, *rest))
    lower = dataclasses.replace(first, excess=first.excess + 1)
    assert "prove" in failures(stages=(lower, *rest))
    assert "lower bound" in failures(lower_bound=evidence.lower_bound + 1)
    assert "upper bound" in failures(upper_bound=evidence.upper_bound - 1)
    assert "no stages" in failures(stages=())
    weights = dataclasses.replace(first, weights=(2 * first.weights[0], *first.weights[1:]))
    assert "are not those that balance it" in failures(stages=(weights, *rest))
    assert "values" in failures(stages=(dataclasses.replace(first, values=()), *rest))
    higher = dataclasses.replace(rest[0], excess=first.excess + 1)
    assert "larger excess than the one before" in failures(stages=(first, higher, *rest[1:]))


def test_bounds_prove_nothing_where_players_may_get_less_than_alone() -> None:
    table = np.zeros(1 << 3)
    table[[0b011, 0b111]] = 10, 2
    game = sg.Game.from_table(table, kind="gain")
    oracle = Enumeration(game)
    evidence = sg.nucleolus(game, oracle=oracle).evidence
    assert evidence.verify(game, oracle)
    free = dataclasses.replace(evidence, individually_rational=False)
    assert "players may get less than alone" in free.verify(game, oracle).failures[0]


def test_the_evidence_can_be_written_as_json() -> None:
    game = random_game(4, 9)
    data = sg.nucleolus(game, oracle=Enumeration(game)).to_dict()["evidence"]
    assert data["proved"]
    assert data["effort"]["rounds"] >= 1
    assert len(data["stages"][0]["values"]) == len(data["stages"][0]["coalitions"])


@pytest.mark.parametrize("option", ["tolerance", "local_search", "max_seconds"])
@pytest.mark.parametrize("solution", [sg.least_core, sg.nucleolus])
def test_options_of_oracles_need_one(solution, option: str) -> None:
    with pytest.raises(OracleError, match=f"{option} has a meaning only with an oracle"):
        solution(random_game(3, 0), **{option: 1})


def test_players_alone_are_no_game() -> None:
    with pytest.raises(GameError, match=r"a game, .*, or players with an oracle, got range"):
        sg.least_core(range(3))


def test_exact_needs_a_table() -> None:
    game = random_game(3, 0)
    with pytest.raises(OracleError, match="exact needs the table"):
        sg.nucleolus(game, oracle=Enumeration(game), exact=True)
    evidence = sg.nucleolus(game, oracle=Enumeration(game)).evidence
    with pytest.raises(OracleError, match="exact needs the table"):
        evidence.verify(game, Enumeration(game), exact=True)
