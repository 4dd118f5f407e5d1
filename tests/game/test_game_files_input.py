import json

import pytest
from sesgame.errors import GameError
from sesgame.game.game_files import read_game


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("coalition,value\nann,4\n", "one of the columns gain and cost", id="no kind"),
        pytest.param(
            "coalition,cost,gain\nann,4,4\n", "one of the columns gain and cost", id="two kinds"
        ),
        pytest.param(
            "coalition,cost,note\nann,4,x\n", '"note" has no meaning', id="a third column"
        ),
        pytest.param("coalition,cost\nann,4\nbob,3\n", "no value: {ann, bob}", id="missing"),
        pytest.param(
            "coalition,cost\nann,4\nbob,3\nann+bob,5\nbob+ann,5\n",
            "duplicate coalition {ann, bob}|duplicate coalition {bob, ann}",
            id="twice in another order",
        ),
        pytest.param("coalition,cost\nann,4\nann,4\n", 'duplicate coalition "ann"', id="twice"),
        pytest.param("coalition,cost\nann,inf\n", 'line 2, column "cost": inf is not', id="inf"),
        pytest.param("coalition,cost\nann,\n", 'line 2, column "cost": an empty cell', id="empty"),
        pytest.param("coalition,cost\nann+,4\n", '"ann[+]" has a member without', id="no name"),
        pytest.param("coalition,cost\n,1\nann,4\n", "must be worth 0", id="empty coalition"),
        pytest.param("coalition,cost\nann+ann,4\n", "duplicate player 'ann'", id="a member twice"),
    ],
)
def test_a_mistake_in_a_csv_game_is_named(tmp_path, text, message):
    path = tmp_path / "game.csv"
    path.write_text(text)
    with pytest.raises(GameError, match=message) as caught:
        read_game(path)
    assert "game.csv" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param("{", "cannot be read as JSON", id="broken"),
        pytest.param("[" * 100_000, "cannot be read as JSON", id="deep"),
        pytest.param([1], "must hold an object", id="a list"),
        pytest.param({"kind": "cost"}, '"values" must be an object', id="no values"),
        pytest.param({"kind": "profit", "values": {}}, "must be .*, got 'profit'", id="kind"),
        pytest.param({"kind": "cost", "value": {}}, '"value" has no meaning', id="misspelt"),
        pytest.param({"kind": "cost", "values": {}}, "at least one player", id="nobody"),
        pytest.param({"kind": "cost", "values": {"ann": "4"}}, "'4', not a number", id="text"),
        pytest.param({"kind": "cost", "values": {"ann": True}}, "True, not a number", id="bool"),
        pytest.param({"kind": "cost", "values": {"ann": float("nan")}}, "nan", id="NaN"),
        pytest.param({"kind": "cost", "values": {"ann": 10**400}}, "ann", id="too large"),
        pytest.param(
            {"kind": "cost", "players": "ann", "values": {"ann": 4}},
            '"players" must be a list',
            id="players",
        ),
        pytest.param(
            {"kind": "cost", "players": ["bob"], "values": {"ann": 4}},
            "unknown player 'ann'",
            id="unknown",
        ),
        pytest.param('{"kind": "cost", "values": {"a": 1, "a": 2}}', 'duplicate key "a"', id="key"),
    ],
)
def test_a_mistake_in_a_json_game_is_named(tmp_path, content, message):
    path = tmp_path / "game.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    with pytest.raises(GameError, match=message) as caught:
        read_game(path)
    assert "game.json" in str(caught.value)


def test_a_file_that_is_not_there_or_of_another_kind_is_named(tmp_path):
    for name in ("game.csv", "game.json"):
        with pytest.raises(GameError, match=f"no such file: .*{name}"):
            read_game(tmp_path / name)
    with pytest.raises(GameError, match=r"must end in .csv, .csv.gz, .json or .parquet"):
        read_game(tmp_path / "game.xlsx")
