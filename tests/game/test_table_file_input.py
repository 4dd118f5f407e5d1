"""Files that are no saved game, or not all of one, are refused in one line."""

import json
import tracemalloc

import pytest
import sesgame as sg
from sesgame.errors import CharacteristicFunctionError, GameError, PlayerLimitError

HEADER = {"format": "sesgame table 1", "kind": "cost", "players": ["a", "b"], "rounding": 0.0}


def written(path, values=b"\0" * 32, **changes):
    path.write_bytes(json.dumps(HEADER | changes).encode() + b"\n" + values)
    return path


def test_the_header_of_these_tests_is_right(tmp_path):
    assert sg.Game.load(written(tmp_path / "game")).value(["a", "b"]) == 0.0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a game that Game.save"),
        (b"\x89PNG\r\n", "not a game that Game.save"),
        (b"{}\n", "not a game that Game.save"),
        (b'{"format": \n', "no JSON"),
        (b"{" * 3000 + b"\n", "no JSON|too deeply"),
        (b'{"format": "\xff"}\n', "not a game that Game.save"),
        (b"[1]\n", "not a game that Game.save"),
    ],
)
def test_another_file_is_refused(tmp_path, content, message):
    (tmp_path / "game").write_bytes(content)
    with pytest.raises(GameError, match=message) as refused:
        sg.Game.load(tmp_path / "game")
    assert str(tmp_path / "game") in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": "sesgame table 2"}, "not a game that Game.save"),
        ({"kind": "profit"}, 'kind must be "gain" or "cost"'),
        ({"kind": ["cost"]}, 'kind must be "gain" or "cost"'),
        ({"rounding": -1.0}, "not a game that Game.save"),
        ({"rounding": True}, "not a game that Game.save"),
        ({"players": "ab"}, "not a game that Game.save"),
        ({"players": ["a", "a"]}, "duplicate player"),
        ({"players": ["a", {}]}, "not hashable"),
        ({"players": ["a"]}, "damaged: 1 players have 2 values of 8 bytes, but 32 bytes"),
        ({"players": []}, "damaged|players"),
        ({"sum": 1}, "not a game that Game.save"),
    ],
)
def test_a_wrong_header_is_refused(tmp_path, changes, message):
    with pytest.raises(GameError, match=message):
        sg.Game.load(written(tmp_path / "game", **changes))


@pytest.mark.parametrize("size", [0, 8, 31, 33, 64])
def test_a_cut_or_longer_file_is_refused(tmp_path, size):
    with pytest.raises(GameError, match="damaged"):
        sg.Game.load(written(tmp_path / "game", b"\0" * size))


def test_a_few_bytes_do_not_ask_for_8_gib(tmp_path):
    file = written(tmp_path / "game", players=list(range(30)))
    assert file.stat().st_size < 300
    tracemalloc.start()
    with pytest.raises(GameError, match="damaged: 30 players have 1073741824 values"):
        sg.Game.load(file)
    with pytest.raises(GameError, match="1073741822 of 1073741823 coalitions have no value"):
        sg.Game.from_dict({(0,): 1.0}, range(30), kind="cost")
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()
    with pytest.raises(GameError, match="31 players"):
        sg.Game.load(written(file, players=list(range(31))))


def test_values_are_numbers_and_nobody_is_worth_nothing(tmp_path):
    nan = b"\0" * 24 + b"\xff" * 8
    with pytest.raises(CharacteristicFunctionError, match=r"\{a, b\} is nan"):
        sg.Game.load(written(tmp_path / "game", nan))
    with pytest.raises(GameError, match="empty coalition must be worth 0"):
        sg.Game.load(written(tmp_path / "game", nan[::-1][:7] + b"\x3f" + b"\0" * 24))


def test_files_that_are_not_there_or_cannot_be_written(tmp_path):
    with pytest.raises(GameError, match="no such file"):
        sg.Game.load(tmp_path / "game")
    with pytest.raises(GameError, match="cannot be read"):
        sg.Game.load(tmp_path)
    with pytest.raises(GameError, match="cannot be written"):
        sg.games.airport([1.0]).save(tmp_path / "nowhere" / "game")
    with pytest.raises(GameError, match="path must be the path of a file, got int 3"):
        sg.Game.load(3)


def test_labels_that_no_file_tells_apart_are_refused(tmp_path):
    game = sg.Game.from_table([0.0, 1.0], [frozenset("a")], kind="gain")
    with pytest.raises(GameError, match="cannot be saved: labels are text, numbers"):
        game.save(tmp_path / "game")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(PlayerLimitError):
        sg.games.airport([1.0] * 31).save(tmp_path / "game")
