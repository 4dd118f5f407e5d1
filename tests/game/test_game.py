"""Games from tables, mappings and functions."""

import numpy as np
import pytest
import sesgame as sg
from sesgame import _engine
from sesgame.game.players import Players, membership_of_masks

TABLE = np.array([0.0, 1.0, 2.0, 4.0, -3.0, 0.5, 7.0, 9.0])
PLAYERS = ["ann", "bob", "eve"]


def value_of(coalition):
    return float(TABLE[sum(1 << PLAYERS.index(player) for player in coalition)])


def values_of(membership):
    return TABLE[membership @ np.array([1, 2, 4])]


GAMES = [
    pytest.param(lambda: sg.Game.from_table(TABLE, PLAYERS, kind="gain"), id="table"),
    pytest.param(
        lambda: sg.Game.from_dict(
            {
                tuple(reversed(Players(PLAYERS).ordered_labels(mask))): TABLE[mask]
                for mask in range(8)
            },
            PLAYERS,
            kind="gain",
        ),
        id="dict",
    ),
    pytest.param(lambda: sg.Game.from_function(PLAYERS, value_of, kind="gain"), id="function"),
    pytest.param(
        lambda: sg.Game.from_function(PLAYERS, values_of, kind="gain", batched=True), id="batched"
    ),
]


@pytest.mark.parametrize("make", GAMES)
def test_every_kind_of_game_gives_the_same_values(make):
    game = make()
    assert list(game.players) == PLAYERS
    assert game.value(["eve", "bob"]) == 7.0
    assert game.value([]) == 0.0
    np.testing.assert_array_equal(game.values(membership_of_masks(np.arange(8), 3)), TABLE)
    table = game.tabulate()
    np.testing.assert_array_equal(table, TABLE)
    assert not table.flags.writeable
    assert game.tabulate() is table
    assert game.value({"ann", "bob"}) == 4.0
    assert game.scale == 9.0


def test_a_float64_table_is_viewed_and_stays_writeable_for_its_owner():
    values = TABLE.copy()
    game = sg.Game.from_table(values, kind="cost")
    assert np.shares_memory(game.tabulate(), values)
    assert values.flags.writeable
    assert list(game.players) == [0, 1, 2]


def test_a_function_is_asked_once_for_each_coalition_and_never_for_the_empty_one():
    asked = []

    def function(coalition):
        asked.append(coalition)
        return len(coalition)

    game = sg.Game.from_function(range(5), function, kind="cost")
    game.tabulate()
    game.tabulate()
    game.value([1, 2])
    assert len(asked) == len(set(asked)) == 31
    assert frozenset() not in asked


def test_players_of_a_dict_come_in_order_of_appearance():
    game = sg.Game.from_dict({("z",): 1, ("a",): 2, ("z", "a"): 3}, kind="gain")
    assert list(game.players) == ["z", "a"]
    game = sg.Game.from_dict(
        {frozenset("z"): 1, frozenset("a"): 2, frozenset("az"): 3}, kind="gain"
    )
    assert set(game.players) == {"a", "z"}


def test_representations_name_size_and_kind():
    game = sg.Game.from_function(PLAYERS, value_of, kind="cost")
    assert repr(game) == "Game(3 players, kind='cost', from a function)"
    assert "ann" in game._repr_html_()
    assert game.coalition_labels(5) == {"ann", "eve"}
    assert game.sign == -1.0


def test_the_engine_has_the_version_of_the_package():
    assert sg.__version__ == _engine.__version__


def test_an_allocation_is_a_read_only_result():
    allocation = sg.Allocation(PLAYERS, [1.0, 2.5, -0.5], "gain", "by hand")
    assert allocation.total == 3.0
    assert allocation["bob"] == 2.5
    with pytest.raises(ValueError, match="read-only"):
        allocation.values[0] = 7
    assert allocation.to_dict()["values"] == {"ann": 1.0, "bob": 2.5, "eve": -0.5}
    assert list(allocation.to_pandas().index) == PLAYERS
    assert "bob  2.5" in repr(allocation)
    assert "<td>2.5</td>" in allocation._repr_html_()
