import json

from sesgame.game.game_files import read_game

CSV = "coalition,cost\nann,4\nbob,3\nbob+ann,5\n"
JSON = {"kind": "gain", "players": ["bob", "ann"], "values": {"ann": 4, "bob": 3, "ann+bob": 9}}


def test_the_header_of_a_csv_file_tells_the_kind(tmp_path):
    path = tmp_path / "game.csv"
    path.write_text(CSV)
    game = read_game(path)
    assert (tuple(game.players), game.kind) == (("ann", "bob"), "cost")
    assert game.tabulate().tolist() == [0, 4, 3, 5]


def test_a_json_file_may_give_the_order_of_the_players(tmp_path):
    path = tmp_path / "game.json"
    path.write_text(json.dumps(JSON))
    game = read_game(path)
    assert (tuple(game.players), game.kind) == (("bob", "ann"), "gain")
    assert game.tabulate().tolist() == [0, 3, 4, 9]


def test_the_empty_coalition_may_be_there(tmp_path):
    path = tmp_path / "game.csv"
    path.write_text('coalition,gain\n"",0\nann,1\n')
    assert read_game(path).tabulate().tolist() == [0, 1]
