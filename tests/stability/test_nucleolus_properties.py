from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.stability_oracles import exact_nucleolus
from sesgame.testing import assert_efficient, assert_in_core, games

SOLUTIONS = {
    (False, True): sg.nucleolus,
    (False, False): sg.prenucleolus,
    (True, True): sg.per_capita_nucleolus,
    (True, False): sg.per_capita_prenucleolus,
}

MORE_GAMES = [(3, 300, 900), (4, 96, 264), (5, 12, 24), (6, 3, 6)]


@drawn(
    80,
    250,
    game=games(n=st.integers(2, 4)),
    per_capita=st.booleans(),
    individually_rational=st.booleans(),
)
def test_every_form_equals_the_exact_one(
    game: sg.Game, per_capita: bool, individually_rational: bool
) -> None:
    exact, largest = exact_nucleolus(
        game.tabulate().tolist(),
        sign=int(game.sign),
        per_capita=per_capita,
        individually_rational=individually_rational,
    )
    allocation = SOLUTIONS[per_capita, individually_rational](game)
    assert allocation.values == pytest.approx([float(x) for x in exact], abs=1e-10)
    assert allocation.evidence.stages[0].excess == pytest.approx(float(largest), abs=1e-10)


@pytest.mark.parametrize(
    ("n_players", "first", "count"),
    [
        *[(2, 0, 400), (3, 0, 300), (4, 0, 96), (5, 0, 12), (6, 0, 3)],
        *(pytest.param(*games, marks=pytest.mark.slow) for games in MORE_GAMES),
    ],
)
def test_two_thousand_games_equal_their_exact_ones(n_players: int, first: int, count: int) -> None:
    for number in range(first, first + count):
        random = np.random.default_rng([n_players, number])
        span = (1, 3, 50, 1000)[number % 4]
        low = (0, -span)[number // 4 % 2]
        table = [0, *random.integers(low, span + 1, (1 << n_players) - 1).tolist()]
        per_capita, individually_rational = bool(number // 8 % 2), bool(number // 16 % 2)
        sign = (1, -1)[number // 32 % 2]
        exact, largest = exact_nucleolus(
            table, sign=sign, per_capita=per_capita, individually_rational=individually_rational
        )
        game = sg.Game.from_table(table, kind="gain" if sign > 0 else "cost")
        found = SOLUTIONS[per_capita, individually_rational](game)
        tolerance = 1e-11 * (1 + span)
        assert found.values == pytest.approx([float(x) for x in exact], abs=tolerance), table
        assert found.evidence.stages[0].excess == pytest.approx(float(largest), abs=tolerance)


@settings(max_examples=60, deadline=None)
@given(games(n=st.integers(2, 4)))
def test_the_least_core_value_is_exact_and_its_tight_coalitions_attain_it(game: sg.Game) -> None:
    table, sign = [Fraction(value) for value in game.tabulate().tolist()], int(game.sign)
    exact, value = exact_nucleolus(table, sign=sign, individually_rational=False)
    point = sg.least_core(game)
    assert point.evidence.value == pytest.approx(float(value), abs=1e-10)
    assert_efficient(game, point)
    # The prenucleolus is a point of the least core, so all of them are tight there too.
    for coalition in point.evidence.tight:
        mask = game.players.mask(coalition)
        excess = sign * (table[mask] - sum(exact[i] for i in coalition))
        assert excess == value
    existence = sg.core_existence(game)
    assert existence.is_empty == (value > 0)
    if existence.point is not None:
        assert_in_core(game, existence.point)


def random_table(n_players: int, seed: int, integer: bool) -> np.ndarray:
    random = np.random.default_rng([n_players, seed])
    sizes = np.array([mask.bit_count() for mask in range(1 << n_players)])
    table = random.random(1 << n_players) * sizes * 10
    table[0] = 0
    return np.floor(table) if integer else table


@pytest.mark.parametrize("integer", [True, False])
@pytest.mark.parametrize("seed", range(4))
def test_players_can_be_renamed_shifted_and_scaled(seed: int, integer: bool) -> None:
    n_players = 9
    table = random_table(n_players, seed, integer)
    x = sg.prenucleolus(sg.Game.from_table(table, kind="gain")).values
    random = np.random.default_rng(seed)
    membership = np.arange(1 << n_players)[:, np.newaxis] >> np.arange(n_players) & 1

    order = random.permutation(n_players)
    renamed = np.empty_like(table)
    renamed[membership[:, order] @ (1 << np.arange(n_players))] = table
    assert sg.prenucleolus(sg.Game.from_table(renamed, kind="gain")).values == pytest.approx(
        x[order], abs=1e-9
    )

    shift = random.normal(size=n_players) * 30
    shifted = sg.Game.from_table(3 * table + membership @ shift, kind="gain")
    assert sg.prenucleolus(shifted).values == pytest.approx(3 * x + shift, abs=1e-9)

    mirrored = sg.Game.from_table(-table, kind="cost")
    assert sg.prenucleolus(mirrored).values.tolist() == (-x).tolist()


def test_a_dummy_gets_what_it_brings_and_twins_get_the_same() -> None:
    table = random_table(7, 3, True)
    # Player 7 adds 2.5 to every coalition; player 8 is a twin of player 0.
    table = np.concatenate([table, table + 2.5])
    masks = np.arange(1 << 9)
    one_of_them = (masks & ~1 & 255) | ((masks >> 8 | masks) & 1)
    both = (masks & 1) & (masks >> 8)
    values = sg.prenucleolus(sg.Game.from_table(table[one_of_them] + 4.0 * both, kind="gain"))
    assert values[7] == pytest.approx(2.5)
    assert values[8] == pytest.approx(values[0])
