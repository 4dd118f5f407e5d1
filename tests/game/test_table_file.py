"""Games that are saved and loaded: values, kind, labels and their types, bit by bit."""

import numpy as np
import pytest
import sesgame as sg


@pytest.mark.parametrize(
    "players",
    [["ann", "bob"], [1, "1"], [(1, "north"), (1, "south")], [None, True], ["=x", "ä\n\ud800"]],
)
def test_a_game_comes_back_as_it_was(tmp_path, players):
    game = sg.Game.from_table([0.0, 0.1, -1e300, 5e-324], players, kind="cost")
    game.save(tmp_path / "game")
    back = sg.Game.load(tmp_path / "game")
    assert back == game
    assert list(back.players) == players
    assert [type(player) for player in back.players] == [type(player) for player in players]
    assert back.kind == "cost"


def test_labels_of_numpy_come_back_as_equal_numbers(tmp_path):
    game = sg.Game.from_function(np.arange(2), len, kind="gain")
    game.save(str(tmp_path / "game"))
    assert sg.Game.load(tmp_path / "game") == game


def test_rounding_comes_back(tmp_path):
    game = sg.games.airport([1.0, 2.0])
    game.rounding = 1e-9
    game.save(tmp_path / "game")
    assert sg.Game.load(tmp_path / "game").rounding == 1e-9


def test_a_file_is_replaced_whole_and_leaves_nothing_beside_it(tmp_path):
    for costs in ([1.0, 2.0], [3.0, 4.0]):
        sg.games.airport(costs).save(tmp_path / "game")
    assert [file.name for file in tmp_path.iterdir()] == ["game"]
    assert sg.Game.load(tmp_path / "game").value([0, 1]) == 4.0


def test_a_game_is_tabulated_to_be_saved(tmp_path):
    game = sg.Game.from_function(["a", "b"], lambda s: float(len(s)), kind="gain")
    game.save(tmp_path / "game")
    assert game.tabulated
    assert sg.Game.load(tmp_path / "game") == game
