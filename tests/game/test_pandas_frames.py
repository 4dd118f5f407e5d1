"""Games from and to pandas frames and Parquet files."""

import numpy as np
import pandas as pd
import pytest
import sesgame as sg
from sesgame.errors import CharacteristicFunctionError, GameError
from sesgame.game.game_files import read_game

TABLE = [0.0, 40.0, 30.0, 50.0, 0.1, 41.5, 29.0, 48.0]


def test_a_game_survives_the_way_through_a_frame_and_a_parquet_file(tmp_path):
    game = sg.Game.from_table(TABLE, ["ann", "bob", "eve"], kind="cost")
    frame = game.to_pandas()
    assert list(frame.columns) == ["ann", "bob", "eve", "cost"]
    shuffled = frame.sample(frac=1, random_state=0)
    shuffled.to_parquet(tmp_path / "game.parquet")
    for again in (sg.Game.from_pandas(shuffled), read_game(tmp_path / "game.parquet")):
        np.testing.assert_array_equal(again.tabulate(), TABLE)
        assert again.players == game.players
        assert again.kind == "cost"


def test_labels_that_are_not_text_stay_what_they_are():
    game = sg.Game.from_table(TABLE, [7, 8, 9], kind="gain")
    assert list(sg.Game.from_pandas(game.to_pandas()).players) == [7, 8, 9]


def test_coalitions_may_be_text():
    frame = pd.DataFrame({"gain": [3.0, 1, 1], "coalition": ["b + a", "a", "b"]})
    game = sg.Game.from_pandas(frame, ["a", "b"])
    assert game.kind == "gain"
    np.testing.assert_array_equal(game.tabulate(), [0, 1, 1, 3])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        pytest.param({"a": [True]}, "one of the columns gain and cost; it has a", id="no value"),
        pytest.param({"a": [True], "gain": [1], "cost": [1]}, "one of the columns", id="two"),
        pytest.param({"a": [1], "gain": [1]}, "column 'a' is of type int64; .* boolean", id="int"),
        pytest.param({"coalition": [3], "gain": [1]}, "coalition 3 is not text", id="not text"),
        pytest.param({"coalition": ["a+"], "gain": [1]}, "without a name", id="trailing plus"),
        pytest.param(
            {"coalition": ["a"], "gain": [1], "b": [True]}, "the frame has b; leave", id="both"
        ),
        pytest.param(
            {"a": [True, True], "gain": [1.0, 2.0]}, r"duplicate coalition \{a\}", id="twice"
        ),
        pytest.param(
            {"a": [True, False], "b": [False, True], "gain": [1.0, 2.0]},
            r"1 of 3 coalitions have no value: \{a, b\}",
            id="missing",
        ),
    ],
)
def test_a_frame_that_is_no_game_is_refused(columns, message):
    with pytest.raises(GameError, match=message):
        sg.Game.from_pandas(pd.DataFrame(columns))


def test_a_value_that_is_missing_in_a_frame_is_named():
    frame = pd.DataFrame({"a": [True], "cost": [np.nan]})
    with pytest.raises(CharacteristicFunctionError, match=r"value of \{a\} is nan"):
        sg.Game.from_pandas(frame)


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    path = tmp_path / "game.parquet"
    path.write_text("coalition,cost")
    with pytest.raises(GameError, match=r"game\.parquet cannot be read as Parquet"):
        read_game(path)
    with pytest.raises(GameError, match="no such file:"):
        read_game(tmp_path / "none.parquet")


def test_a_player_named_like_a_column_has_no_frame():
    with pytest.raises(GameError, match="called 'gain' or 'coalition'"):
        sg.Game.from_table([0, 1], ["gain"], kind="gain").to_pandas()
