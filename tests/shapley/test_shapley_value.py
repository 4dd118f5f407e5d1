from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest
import sesgame as sg
from fixtures.thread_counts import outputs_by_threads
from numpy.typing import NDArray
from reference import value_oracles
from sesgame import _engine
from sesgame.errors import GameError, PlayerLimitError

ROUNDING = 1e-12
"""Of the largest value of the table; what the documentation promises."""


def random_table(n_players: int, seed: int = 0) -> np.ndarray:
    table = np.random.default_rng([n_players, seed]).normal(size=1 << n_players)
    table[0] = 0
    return table


@pytest.mark.parametrize("n_players", range(1, 8))
def test_the_shapley_value_is_the_mean_over_all_orders(n_players: int) -> None:
    table = random_table(n_players)
    value = sg.shapley_value(sg.Game.from_table(table, kind="gain"))
    expected = [float(share) for share in value_oracles.shapley_value(table.tolist())]
    np.testing.assert_allclose(value.values, expected, rtol=0, atol=ROUNDING)


@pytest.mark.parametrize("n_players", [1, 2, 5, 9, 10, 11])
def test_the_banzhaf_value_is_the_mean_over_all_coalitions(n_players: int) -> None:
    table = random_table(n_players)
    value = sg.banzhaf_value(sg.Game.from_table(table, kind="cost"))
    expected = [float(share) for share in value_oracles.banzhaf_value(table.tolist())]
    np.testing.assert_allclose(value.values, expected, rtol=0, atol=ROUNDING)
    gap = float(sum(value_oracles.banzhaf_value(table.tolist())) - Fraction(table[-1]))
    assert value.evidence.efficiency_gap == pytest.approx(gap, abs=ROUNDING * n_players)


@pytest.mark.parametrize("n_players", [3, 8, 11])
def test_any_semivalue_follows_its_definition(n_players: int) -> None:
    table = random_table(n_players)
    raw = [Fraction(size + 1) for size in range(n_players)]
    total = sum(comb(n_players - 1, size) * weight for size, weight in enumerate(raw))
    weights = [weight / total for weight in raw]
    value = sg.semivalue(sg.Game.from_table(table, kind="gain"), [float(w) for w in weights])
    expected = [float(share) for share in value_oracles.semivalue(table.tolist(), weights)]
    np.testing.assert_allclose(value.values, expected, rtol=0, atol=ROUNDING)


def test_the_shapley_value_of_twenty_voters_is_exact() -> None:
    # Each of ten heavy voters is decisive as often as any other, and so is each light one.
    weights = np.repeat([2, 1], 10)
    members = np.arange(1 << 20)[:, np.newaxis] >> np.arange(20) & 1
    table = (members @ weights > 15).astype(float)
    value = sg.shapley_value(sg.Game.from_table(table, kind="gain"))
    assert value.total == pytest.approx(1, abs=ROUNDING)
    assert np.ptp(value.values[:10]) < ROUNDING
    assert np.ptp(value.values[10:]) < ROUNDING
    assert value.evidence.coalitions == 1 << 20


def test_one_thread_and_two_give_the_same_bits() -> None:
    program = (
        "import numpy as np, sesgame as sg;"
        "table = np.random.default_rng(7).normal(size=1 << 20); table[0] = 0;"
        "game = sg.Game.from_table(table, kind='gain');"
        "print(sg.shapley_value(game).values.tobytes().hex())"
    )
    outputs = outputs_by_threads(program)
    assert outputs["1"]
    assert outputs["1"] == outputs["2"]


def test_the_table_is_read_where_it_is_and_not_changed() -> None:
    table = random_table(12)
    before = table.copy()
    table.setflags(write=False)
    _engine.shapley_value(table)
    np.testing.assert_array_equal(table, before)


def test_a_game_from_a_function_is_tabulated_once() -> None:
    asked: list[frozenset[object]] = []

    def value(coalition: frozenset[object]) -> float:
        asked.append(coalition)
        return float(len(coalition) ** 2)

    game = sg.Game.from_function(["a", "b", "c"], value, kind="gain")
    shares = sg.shapley_value(game)
    sg.banzhaf_value(game)
    assert shares["a"] == pytest.approx(3)
    assert len(asked) == 7


def test_the_shares_of_a_cost_game_are_costs() -> None:
    costs = sg.Game.from_dict({("a",): 4, ("b",): 2, ("a", "b"): 5}, kind="cost")
    value = sg.shapley_value(costs)
    assert value.kind == "cost"
    assert value.values.tolist() == [3.5, 1.5]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        pytest.param([0.5, 0.5], "2 weights for 3 players", id="too few"),
        pytest.param([0.5, -0.5, 1.5], "size 1 is -0.5", id="negative"),
        pytest.param([float("nan"), 0, 0], "size 0 is NaN", id="not a number"),
        pytest.param([0.5, 0.5, 0.5], "total probability of 2", id="wrong sum"),
    ],
)
def test_bad_weights_are_refused(weights: list[float], message: str) -> None:
    game = sg.Game.from_table(random_table(3), kind="gain")
    with pytest.raises(GameError, match=message):
        sg.semivalue(game, weights)


def test_more_than_thirty_players_are_told_about_the_estimate() -> None:
    game = sg.Game.from_function(range(31), lambda coalition: 1.0, kind="gain")
    with pytest.raises(PlayerLimitError, match="shapley_estimate"):
        sg.shapley_value(game)


def test_the_engine_refuses_what_is_not_a_table() -> None:
    with pytest.raises(ValueError, match="not 6"):
        _engine.shapley_value(np.zeros(6))


def test_types_make_hundreds_of_players_exact() -> None:
    # Three kinds of voters; the exact value counts orders with integers.
    counts, weights, quota = [30, 20, 3], [1, 2, 9], 50
    players = [(kind, index) for kind, count in enumerate(counts) for index in range(count)]
    asked: list[int] = []

    def value(coalition: frozenset[tuple[int, int]]) -> float:
        asked.append(len(coalition))
        return float(sum(weights[kind] for kind, _ in coalition) >= quota)

    game = sg.Game.from_function(
        players, value, kind="gain", types={player: player[0] for player in players}
    )
    shares = sg.shapley_value(game)
    expected = value_oracles.shapley_shubik_index([weights[kind] for kind, _ in players], quota)
    np.testing.assert_allclose(shares.values, [float(share) for share in expected], atol=1e-12)
    assert len(asked) == 31 * 21 * 4 - 1
    assert shares.evidence.coalitions == 31 * 21 * 4
    assert shares.total == pytest.approx(1, abs=1e-12)


def test_types_give_the_same_beyond_a_table_as_within() -> None:
    def value(rows: NDArray[np.bool_]) -> NDArray[np.float64]:
        return (rows[:, :16].sum(axis=1) ** 1.5) * (1 + rows[:, 16:20].sum(axis=1))

    def shares(n_players: int) -> NDArray[np.float64]:
        # Players from 20 on are of a third type and add nothing.
        types = {player: (player >= 16) + (player >= 20) for player in range(n_players)}
        game = sg.Game.from_function(
            range(n_players), value, kind="gain", batched=True, types=types
        )
        return sg.shapley_value(game).values

    np.testing.assert_allclose(shares(32)[:20], shares(20), rtol=1e-9)
    np.testing.assert_allclose(shares(32)[20:], 0, atol=1e-9)


def test_too_many_profiles_are_told_about_the_estimate() -> None:
    types = {player: player // 2 for player in range(40)}
    game = sg.Game.from_function(range(40), lambda coalition: 1.0, kind="gain", types=types)
    with pytest.raises(PlayerLimitError, match="shapley_estimate"):
        sg.shapley_value(game)
