"""The netting game and the enumeration of native games, against their definitions."""

import numpy as np
import pytest
from sesgame import _engine


def community(members: int, steps: int):
    random = np.random.default_rng(7)
    sell = random.uniform(-0.1, 0.2, steps)
    return random.normal(size=(members, steps)), sell + random.uniform(0, 0.3, steps), sell


@pytest.mark.parametrize(("members", "steps"), [(1, 1), (3, 7), (10, 96)])
def test_every_coalition_pays_for_what_it_does_not_use_itself(members, steps):
    load, buy, sell = community(members, steps)
    table = _engine.netting_game(load, buy, sell).tabulate()
    membership = (np.arange(2**members)[:, None] >> np.arange(members)) & 1
    pooled = membership @ load
    expected = np.maximum(buy * pooled, sell * pooled).sum(axis=1)
    np.testing.assert_allclose(table, expected, rtol=1e-12, atol=1e-12)
    assert table[0] == 0


def test_a_coalition_has_the_same_bits_in_a_table_and_alone():
    load, buy, sell = community(10, 48)
    game = _engine.netting_game(load, buy, sell)
    membership = ((np.arange(2**10)[:, None] >> np.arange(10)) & 1).astype(bool)
    np.testing.assert_array_equal(game.tabulate(), game.values(membership))


def test_a_small_member_is_not_blurred_by_a_large_one():
    load = np.array([[1e-9, -3e-9], [1e9, -1e9]])
    table = _engine.netting_game(load, np.array([0.3, 0.3]), np.array([0.1, 0.1])).tabulate()
    assert table[1] == pytest.approx(0.3e-9 - 0.3e-9, abs=1e-24)


def test_progress_ends_at_every_coalition():
    seen = []
    load, buy, sell = community(10, 4)
    _engine.netting_game(load, buy, sell).tabulate(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (1024, 1024)


@pytest.mark.parametrize(
    ("load", "buy", "sell", "message"),
    [
        pytest.param([[1.0]], [np.inf], [0.1], r"buy\[0\] is inf", id="price"),
        pytest.param([[1.0], [np.nan]], [0.3], [0.1], "member 1 at step 0 is NaN", id="load"),
        pytest.param(
            [[1.0, 2.0]],
            [0.3],
            [0.1],
            "net_load_kwh has 2 elements",
            id="shape",
        ),
        pytest.param([[1.0]], [0.3], [0.1, 0.2], "there are 1 and 2", id="prices"),
        pytest.param(np.zeros((0, 1)), [0.3], [0.1], "one or more rows", id="nobody"),
        pytest.param(np.zeros((1, 0)), [], [], "at least one", id="no step"),
    ],
)
def test_what_would_give_wrong_numbers_is_refused(load, buy, sell, message):
    with pytest.raises(ValueError, match=message):
        _engine.netting_game(*(np.asarray(each, dtype=float) for each in (load, buy, sell)))


def test_a_table_of_too_many_players_is_refused():
    game = _engine.netting_game(np.ones((31, 1)), np.ones(1), np.zeros(1))
    with pytest.raises(ValueError, match="at most 30 players, not 31"):
        game.tabulate()
    assert game.values(np.ones((1, 31), dtype=bool)) == [31.0]


def test_membership_of_another_width_is_refused():
    game = _engine.netting_game(np.ones((2, 1)), np.ones(1), np.zeros(1))
    with pytest.raises(ValueError, match="a row of membership has 3 elements; there must be 2"):
        game.values(np.ones((1, 3), dtype=bool))
