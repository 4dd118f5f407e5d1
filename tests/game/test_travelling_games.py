"""Games go to other processes, are copied and compared, with and without cloudpickle."""

import copy
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.public_objects import games, squared
from sesgame.errors import GameError

TESTS = Path(__file__).parents[1]
ARRIVE = f"""
import pickle, sys
sys.path.insert(0, {str(TESTS)!r})
import joblib
for data in pickle.load(sys.stdin.buffer):
    game = pickle.loads(data)
    print(joblib.hash(game), game.value(list(game.players)).hex())
"""


@pytest.fixture
def no_cloudpickle(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)


def test_every_game_arrives_in_a_new_process_with_the_same_hash_and_bits():
    joblib = pytest.importorskip("joblib")
    made = games()
    sent = pickle.dumps([pickle.dumps(game) for game in made.values()])
    answer = subprocess.run(
        [sys.executable, "-c", ARRIVE], input=sent, capture_output=True, timeout=120, check=True
    )
    lines = answer.stdout.decode().splitlines()
    lines = [line for line in lines if "HiGHS" not in line and "Includes" not in line]
    expected = [
        f"{joblib.hash(game)} {game.value(list(game.players)).hex()}" for game in made.values()
    ]
    assert lines == expected


def value_of(game):
    return game.value(list(game.players))


def test_a_pool_of_spawned_processes_takes_games():
    sent = [games()[name] for name in ("community by program", "lambda", "model", "sum")]
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(value_of, sent)) == [value_of(game) for game in sent]


def test_the_hash_is_the_same_before_and_after_a_game_is_asked():
    joblib = pytest.importorskip("joblib")
    for name, game in games().items():
        before = joblib.hash(game)
        game.value(list(game.players)[:1])
        game.tabulate(progress=False)
        assert joblib.hash(game) == before, name


def test_what_is_known_travels_and_is_not_asked_again(tmp_path):
    log = tmp_path / "log"

    def cost(coalition):
        with log.open("a") as file:
            file.write("x")
        return float(len(coalition))

    game = sg.Game.from_function(["a", "b"], cost, kind="cost")
    game.value(["a"])
    there = pickle.loads(pickle.dumps(game))
    assert there.value(["a"]) == 1.0
    assert log.read_text() == "x"
    assert there.value(["b"]) == 1.0
    assert log.read_text() == "xx"


def test_without_cloudpickle_a_lambda_says_what_to_do(no_cloudpickle):
    game = sg.Game.from_function(["a", "b"], lambda s: float(len(s)), kind="cost")
    with pytest.raises(GameError, match=r"cannot be pickled.*tabulate\(\).*cloudpickle"):
        pickle.dumps(game)


def test_without_cloudpickle_a_tabulated_lambda_travels_as_its_table(no_cloudpickle):
    game = sg.Game.from_function(["a", "b"], lambda s: float(len(s)), kind="cost")
    game.tabulate()
    there = pickle.loads(pickle.dumps(game))
    assert there == game
    assert there.function is None


def test_a_lock_in_a_function_is_named_and_the_table_travels():
    lock = threading.Lock()

    def locked(coalition):
        with lock:
            return float(len(coalition))

    game = sg.Game.from_function(["a"], locked, kind="cost")
    with pytest.raises(GameError, match="lock"):
        pickle.dumps(game)
    game.tabulate()
    assert pickle.loads(pickle.dumps(game)) == game


def test_a_native_game_that_nobody_can_make_again_travels_as_its_table():
    from sesgame._engine import airport_game

    game = sg.Game.from_native(airport_game(np.array([1.0, 2.0])), kind="cost")
    with pytest.raises(GameError, match=r"native game.*tabulate\(\)"):
        pickle.dumps(game)
    game.tabulate()
    assert pickle.loads(pickle.dumps(game)).value([0, 1]) == 2.0


def test_what_somebody_changes_later_is_not_what_a_game_was_made_from():
    costs = np.array([1.0, 2.0])
    game = sg.games.airport(costs)
    costs[1] = 9.0
    assert pickle.loads(pickle.dumps(game)).value([0, 1]) == 2.0


def test_copies_share_what_is_known():
    game = sg.Game.from_function(["a", "b"], squared, kind="gain")
    twin = copy.deepcopy(game)
    twin.value(["a", "b"])
    assert "1 value known" in repr(game)
    game.tabulate()
    assert copy.copy(game).tabulated


def test_games_are_equal_by_players_kind_and_values():
    table = [0.0, 1, 2, 4]
    here = sg.Game.from_table(table, ["a", "b"], kind="gain")
    assert here == sg.Game.from_table(table, ["a", "b"], kind="gain")
    assert here != sg.Game.from_table(table, ["a", "c"], kind="gain")
    assert here != sg.Game.from_table(table, ["a", "b"], kind="cost")
    assert here != sg.Game.from_table([0.0, 1, 2, 5], ["a", "b"], kind="gain")
    assert here != "a game"


def test_a_comparison_evaluates_nothing():
    asked = []

    def worth(coalition):
        asked.append(coalition)
        return float(len(coalition))

    one, other = (sg.Game.from_function(["a", "b"], worth, kind="gain") for _ in range(2))
    table = sg.Game.from_table([0.0, 1, 1, 2], ["a", "b"], kind="gain")
    assert one == other
    assert one != table
    assert asked == []
    one.tabulate()
    assert one == table


def test_inputs_tell_games_apart():
    made = [sg.Game.from_function(["a"], squared, kind="gain", inputs=year) for year in (1, 2, 2)]
    assert made[0] != made[1]
    assert made[1] == made[2]
