from __future__ import annotations

import numpy as np
import pytest
import sesgame as sg
from reference.literature_games import LiteratureGame, deviation, with_solution
from reference.stability_oracles import exact_nucleolus

RELATIVE = 1e-12


@pytest.mark.parametrize("case", with_solution("nucleolus"))
def test_the_nucleolus_is_the_published_one(case: LiteratureGame) -> None:
    game = case.game()
    allocation = sg.nucleolus(game)
    tolerance = case.published_digits or RELATIVE * game.scale
    assert deviation(case, allocation.values.tolist(), "nucleolus") <= tolerance
    assert allocation.method == "nucleolus"


@pytest.mark.parametrize("case", with_solution("prenucleolus"))
def test_the_prenucleolus_is_the_published_one(case: LiteratureGame) -> None:
    game = case.game()
    values = sg.prenucleolus(game).values.tolist()
    assert deviation(case, values, "prenucleolus") <= RELATIVE * game.scale


def test_without_imputations_the_prenucleolus_is_returned_and_said() -> None:
    game = sg.Game.from_table([0, 5, 5, 6], kind="gain")
    allocation = sg.nucleolus(game)
    assert allocation.values == pytest.approx([3, 3])
    assert "no imputation" in allocation.method
    assert not allocation.evidence.individually_rational


@pytest.mark.parametrize("solution", [sg.nucleolus, sg.prenucleolus, sg.least_core])
@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_a_single_player_gets_everything(solution, kind) -> None:
    assert solution(sg.Game.from_table([0, -7], kind=kind)).values.tolist() == [-7]


def test_an_additive_game_pays_each_what_it_brings() -> None:
    weights = np.array([3.0, -2.0, 0.0, 10.0, 7.5, 1e-3])
    membership = np.arange(64)[:, np.newaxis] >> np.arange(6) & 1
    game = sg.Game.from_table(membership @ weights, kind="gain")
    for solution in (sg.nucleolus, sg.prenucleolus, sg.per_capita_nucleolus, sg.least_core):
        assert solution(game).values == pytest.approx(weights, abs=1e-13)


def test_a_game_worth_nothing_pays_nothing() -> None:
    game = sg.Game.from_table(np.zeros(1 << 6), kind="cost")
    assert sg.nucleolus(game).values.tolist() == [0] * 6
    assert sg.least_core(game).evidence.value == 0


def test_the_weights_of_a_stage_balance() -> None:
    game = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    first = sg.nucleolus(game).evidence.stages[0]
    assert first.excess == pytest.approx(1 / 3)
    assert set(first.coalitions) == {(0, 1), (0, 2), (1, 2)}
    assert first.weights == pytest.approx([1 / 3] * 3)


def test_players_at_their_bound_are_part_of_the_evidence() -> None:
    game = sg.Game.from_table([0, 0, 0, 10, 0, 0, 0, 2], kind="gain")
    evidence = sg.nucleolus(game).evidence
    assert evidence.stages[0].bounds == (2,)


@pytest.mark.parametrize("scale", [1e-9, 1.0, 1e9])
@pytest.mark.parametrize("n_players", [3, 4, 5])
def test_values_of_any_size_are_solved_to_the_same_relative_precision(
    n_players: int, scale: float
) -> None:
    random = np.random.default_rng(n_players)
    table = random.integers(-20, 20, size=1 << n_players)
    table[0] = 0
    exact, _ = exact_nucleolus(table.tolist(), individually_rational=False)
    game = sg.Game.from_table(table * scale, kind="gain")
    values = sg.prenucleolus(game).values / scale
    assert values == pytest.approx([float(x) for x in exact], abs=1e-11)


def test_a_coalition_worth_minus_a_million_does_not_blur_the_others() -> None:
    random = np.random.default_rng(5)
    table = random.integers(0, 20, size=32) / 16
    table[0], table[13] = 0, -1e6
    exact, _ = exact_nucleolus([int(v * 16) for v in table])
    values = sg.nucleolus(sg.Game.from_table(table, kind="gain")).values * 16
    assert values == pytest.approx([float(x) for x in exact], abs=1e-11)


def test_the_evidence_can_be_written_as_json() -> None:
    game = sg.Game.from_dict({("a",): 1, ("b",): 2, ("a", "b"): 9}, kind="cost")
    data = sg.nucleolus(game).to_dict()
    assert data["evidence"]["stages"][0]["coalitions"] == [["a"], ["b"]]
    assert data["evidence"]["effort"]["scans"] == 1


def test_many_games_at_once_are_solved_as_one_by_one() -> None:
    random = np.random.default_rng(0)
    tables = random.random((50, 1 << 6))
    tables[:, 0] = 0
    together = sg.nucleoli(tables, kind="cost")
    for table, values in zip(tables, together, strict=True):
        assert sg.nucleolus(sg.Game.from_table(table, kind="cost")).values.tolist() == (
            values.tolist()
        )


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param([0, 1, 2, 3], r"shape \(4,\)", id="one table"),
        pytest.param([[0, 1, 2]], r"shape \(1, 3\)", id="no power of two"),
        pytest.param([[0, 1], [1, 1]], "row 1", id="empty coalition"),
        pytest.param([[0, 1], [0, 1], [0, np.nan]], "row 2", id="not a number"),
        pytest.param("tables", "must be numbers", id="text"),
    ],
)
def test_tables_that_are_no_games_are_refused(tables: object, message: str) -> None:
    with pytest.raises(sg.errors.GameError, match=message):
        sg.nucleoli(tables, kind="gain")
