"""The store: a run goes on where it was killed, and never with the values of another model."""

import contextlib
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures import worker_functions as wf
from sesgame.errors import CharacteristicFunctionError, GameError, StoreError
from sesgame.game.players import membership_of_masks
from sesgame.game.store import Store

TABLE = np.array([0.0, *wf.peaks(membership_of_masks(np.arange(1, 256), 8))])


COUNT = "SELECT coalesce(sum(length(worth)), 0) / 8 FROM block"


class Counting:
    def __init__(self, function=wf.peak):
        self.function, self.asked = function, []

    def __call__(self, coalition):
        self.asked.append(coalition)
        return self.function(coalition)


def game_of(function=wf.peak, *, players=wf.PLAYERS, kind="cost", **options):
    return sg.Game.from_function(players, function, kind=kind, **options)


def start(script, *arguments):
    """Run a script in a process of its own, which knows what the tests know."""
    path = os.pathsep.join([str(Path(wf.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
    )


def rows_in(path):
    connection = sqlite3.connect(path, timeout=30)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return connection.execute(COUNT).fetchone()[0]
    finally:
        connection.close()


TABULATE = """
    import sys, sesgame as sg, fixtures.worker_functions as wf
    game = sg.Game.from_function(wf.PLAYERS, wf.slow_peak, kind="cost")
    sys.exit(int(game.tabulate(store=sys.argv[1])[-1] != wf.peak(wf.PLAYERS)))
"""


def test_a_second_run_evaluates_one_coalition_to_know_the_model_and_no_other(tmp_path):
    game_of().tabulate(store=tmp_path / "run.sqlite")
    again = Counting()
    table = game_of(again).tabulate(store=str(tmp_path / "run.sqlite"))
    np.testing.assert_array_equal(table, TABLE)
    assert again.asked == [frozenset(wf.PLAYERS)]


def test_a_run_that_is_killed_goes_on_where_it_was(tmp_path):
    path = tmp_path / "run.sqlite"
    process = start(TABULATE, path)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and has_values(path, 20)):
            os.sched_yield()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    kept = rows_in(path)
    assert 20 <= kept < 255
    function = Counting()
    np.testing.assert_array_equal(game_of(function).tabulate(store=path), TABLE)
    assert len(function.asked) == 255 - kept + 1
    assert rows_in(path) == 255


def has_values(path, count):
    connection = sqlite3.connect(path, timeout=30)
    try:
        return connection.execute(COUNT).fetchone()[0] >= count
    except sqlite3.OperationalError:  # the table is not there yet
        return False
    finally:
        connection.close()


def test_two_processes_can_use_one_store_at_once(tmp_path):
    path = tmp_path / "run.sqlite"
    processes = [start(TABULATE, path) for _ in range(2)]
    for process in processes:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert rows_in(path) == 255
    function = Counting()
    np.testing.assert_array_equal(game_of(function).tabulate(store=path), TABLE)
    assert len(function.asked) == 1


def test_what_a_failing_run_finished_is_in_its_store(tmp_path):
    path = tmp_path / "run.sqlite"
    failing = Counting(wf.FailsFor(["p1", "p5"], RuntimeError("solver")))
    with pytest.raises(CharacteristicFunctionError, match=r"\{p1, p5\}"):
        game_of(failing).tabulate(store=path)
    assert rows_in(path) == len(failing.asked) - 1 > 0


@pytest.mark.parametrize("executor", [None, 1, 3], ids=["here", "one thread", "threads"])
@pytest.mark.parametrize("committed", [0, 1, 3])
def test_nothing_is_evaluated_twice_after_the_disk_was_full(
    tmp_path, monkeypatch, executor, committed
):
    function = Counting(wf.slow_peak)
    game = game_of(function)
    flush, calls = Store.flush, []

    def full(store):
        calls.append(store)
        if len(calls) > committed:
            raise StoreError("the store cannot be written: database or disk is full", store.path)
        flush(store)

    workers = contextlib.nullcontext() if executor is None else ThreadPoolExecutor(executor)
    with workers as pool, monkeypatch.context() as patch:
        patch.setattr(Store, "flush", full)
        patch.setattr("sesgame.files.sqlite_file.FLUSH_SHARE", 0.0)  # a commit for each block
        with pytest.raises(StoreError, match="disk is full"):
            game.tabulate(executor=pool, store=tmp_path / "run.sqlite")
    np.testing.assert_array_equal(game.tabulate(), TABLE)
    assert len(function.asked) == len(set(function.asked)) == 255


def test_values_and_table_share_a_store_and_old_values_are_written_late(tmp_path):
    path = tmp_path / "run.sqlite"
    function = Counting()
    game = game_of(function)
    game.value(["p0"])  # known before there is a store
    membership = np.eye(8, dtype=bool)
    game.values(membership, store=path)
    assert rows_in(path) == 8
    game.values(membership, store=path)
    game.tabulate(store=path)
    assert rows_in(path) == 255
    # One more than there are: when the store was opened the second time, nothing was checked.
    assert len(function.asked) == 255


def test_a_store_takes_values_that_another_process_added_meanwhile(tmp_path):
    path = tmp_path / "run.sqlite"
    function = Counting()
    mine, other = game_of(function), game_of()
    mine.values(np.eye(8, dtype=bool), store=path)
    other.tabulate(store=path)
    np.testing.assert_array_equal(mine.tabulate(store=path), TABLE)
    assert len(function.asked) == 8


def test_types_and_a_store_go_together(tmp_path):
    function = Counting(len)
    game = game_of(function, types=dict.fromkeys(wf.PLAYERS, "house"))
    game.tabulate(store=tmp_path / "run.sqlite")
    assert len(function.asked) == rows_in(tmp_path / "run.sqlite") == 8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"players": [*wf.PLAYERS[:7], "q"]}, "players .*\"'q'\"", id="players"),
        pytest.param({"players": wf.PLAYERS[::-1]}, "players .*another path", id="player order"),
        pytest.param({"kind": "gain"}, "kind cost there, gain here", id="kind"),
        pytest.param({"inputs": wf.LOADS + 1}, "inputs [0-9a-f]+ there, [0-9a-f]+ he", id="inputs"),
        pytest.param({"inputs": None}, "inputs [0-9a-f]+ there, not declared", id="no inputs"),
        pytest.param(
            {"function": lambda coalition: 1.5 + wf.peak(coalition)},
            r"model has changed: it has .* for \{p0, .*, p7\}, which is worth",
            id="another model",
        ),
    ],
)
def test_a_store_of_another_game_or_model_is_refused(tmp_path, options, message):
    path = tmp_path / "run.sqlite"
    game_of(inputs=wf.LOADS).tabulate(store=path)
    with pytest.raises(StoreError, match=message) as caught:
        game_of(**{"inputs": wf.LOADS, **options}).tabulate(store=path)
    assert caught.value.path == str(path)
    assert rows_in(path) == 255


def test_a_changed_model_is_noticed_however_small_its_values_are(tmp_path):
    path = tmp_path / "run.sqlite"

    def nano(factor):
        return sg.Game.from_function(["a", "b"], lambda s: factor * 1e-9 * len(s), kind="gain")

    nano(1).tabulate(store=path)
    nano(1).tabulate(store=path)
    with pytest.raises(StoreError, match="the model has changed"):
        nano(2).tabulate(store=path)


def test_inputs_that_cannot_be_hashed_are_refused():
    with pytest.raises(GameError, match="inputs of the game cannot be pickled"):
        game_of(inputs=lambda: 0)


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("not a database at all, but long enough to be read as one " * 20)
    with pytest.raises(StoreError, match=r"notes\.txt cannot be opened: file is not a database"):
        game_of().tabulate(store=text)
    assert text.read_text().startswith("not a database")

    other = tmp_path / "other.sqlite"
    connection = sqlite3.connect(other)
    connection.execute("CREATE TABLE value (x)")
    connection.close()
    with pytest.raises(StoreError, match=r"other\.sqlite is an SQLite file, but no store"):
        game_of().tabulate(store=other)


def test_a_store_in_no_folder_is_named(tmp_path):
    with pytest.raises(StoreError, match=r"nowhere/run\.sqlite cannot be opened: unable to open"):
        game_of().tabulate(store=tmp_path / "nowhere" / "run.sqlite")


def test_a_store_that_stays_locked_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("sesgame.files.sqlite_file.BUSY_SECONDS", 0.01)
    path = tmp_path / "run.sqlite"
    game_of().value(["p0"])
    game_of().values(np.eye(8, dtype=bool), store=path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        game_of().tabulate(store=path)
    holder.close()


FULL_DISK = """
    import resource, sys, sesgame.files.sqlite_file, sesgame as sg, fixtures.worker_functions as wf
    from sesgame.errors import StoreError
    sesgame.files.sqlite_file.FLUSH_SHARE = 0.0  # a commit for each block
    limit = 120_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    asked = []
    def function(membership):
        asked.extend(map(bytes, membership))
        return membership @ [float(1 << i) for i in range(16)]
    game = sg.Game.from_function(range(16), function, kind="gain", batched=True)
    try:
        game.tabulate(store=sys.argv[1])
    except StoreError as error:
        assert "cannot be written" in str(error) and "make room" in str(error), error
        kept = len(asked)
        assert 0 < kept < 65535, kept
        assert game.tabulate()[-1] == 65535.0
        assert len(asked) == len(set(asked)) == 65535, (kept, len(asked))
        sys.exit(0)
    sys.exit("the disk was not full")
"""


def test_a_full_disk_is_named_and_loses_nothing(tmp_path):
    process = start(FULL_DISK, tmp_path / "run.sqlite")
    _, error = process.communicate(timeout=60)
    assert process.returncode == 0, error


def test_the_log_says_what_was_known_and_what_was_done(tmp_path, caplog):
    caplog.set_level(logging.INFO, logger="sesgame")
    game_of().values(np.eye(8, dtype=bool), store=tmp_path / "run.sqlite")
    game_of().tabulate(store=tmp_path / "run.sqlite")
    text = caplog.text
    assert "8 coalitions to evaluate" in text
    assert "8 coalitions come from the store" in text
    assert "247 coalitions to evaluate, 9 known already" in text
    assert "247 of 247 coalitions evaluated in" in text


def changed(path, number, change):
    """Change the coalitions (bytes) and the values of a block, or make one, in the file itself."""
    connection = sqlite3.connect(path)
    found = connection.execute(
        "SELECT coalitions, worth FROM block WHERE id = ?", (number,)
    ).fetchone()
    coalitions, worth = found or (b"", b"")
    made = change(bytearray(coalitions), np.frombuffer(worth, "<f8").copy())
    made = [part.astype("<f8").tobytes() if isinstance(part, np.ndarray) else part for part in made]
    made = [bytes(part) if isinstance(part, bytearray) else part for part in made]
    connection.execute("REPLACE INTO block VALUES (?, ?, ?)", (number, *made))
    connection.commit()
    connection.close()


def blocks_of(path, game):
    """Keep the values of three players in two blocks: three coalitions, and the other four."""
    masks = membership_of_masks(np.arange(1, 8), 3)
    store = Store(path, game._evaluation._identity, 3)
    with store.opened():
        for rows in (masks[:3], masks[3:]):
            store.keep(rows, game.values(rows))
            store.flush()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            lambda keys, worth: (keys, np.append(worth[:-1], np.inf)),
            "block 2: its coalition number 3 is worth inf, not a",
            id="inf",
        ),
        pytest.param(
            lambda keys, worth: (keys, np.append(-np.inf, worth[1:])),
            "number 0 is worth -inf",
            id="-inf",
        ),
        pytest.param(lambda keys, worth: (keys, worth * np.nan), "is worth nan", id="nan"),
        pytest.param(lambda keys, worth: (keys, "x"), "are not bytes", id="text"),
        pytest.param(lambda keys, worth: ("a", worth), "are not bytes", id="no bytes"),
        pytest.param(
            lambda keys, worth: (keys, worth[1:]), "4 bytes of coalitions and 24 of", id="fewer"
        ),
        pytest.param(
            lambda keys, worth: (keys, worth.tobytes()[1:]), "and 31 of values", id="part of one"
        ),
        pytest.param(lambda keys, worth: (keys + b"a", worth), "5 bytes of coal", id="more"),
        pytest.param(
            lambda keys, worth: (keys[:1] + b"\x88" + keys[2:], worth),
            "number 1 has more than the 3 players",
            id="bits",
        ),
        pytest.param(
            lambda keys, worth: (keys[:-1] + b"\x00", worth), "number 3 is the empty", id="empty"
        ),
        pytest.param(
            lambda keys, worth: (keys[:-1] + keys[:1], worth),
            "block 2: its coalition is there twice",
            id="twice",
        ),
        pytest.param(
            lambda keys, worth: (keys[:-1] + b"\x01", worth),
            "block 2: its coalition is there twice",
            id="twice in two",
        ),
    ],
)
def test_a_block_that_cannot_be_is_refused_when_it_is_read(tmp_path, change, message):
    path = tmp_path / "run.sqlite"

    def game():
        return game_of(lambda s: len(s) ** 2, players=list("abc"), kind="gain")

    blocks_of(path, game())
    np.testing.assert_array_equal(game().tabulate(store=path), game().tabulate())
    changed(path, 2, change)
    with pytest.raises(StoreError, match=message):
        game().tabulate(store=path)


def test_the_store_of_an_earlier_version_is_refused_and_left_alone(tmp_path):
    path = tmp_path / "run.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA application_id = {0x5E56A3E}; CREATE TABLE value (x)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match="store of version 0, and only version 2 is read"):
        game_of().tabulate(store=path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("value", [1e300, -1e300])
def test_a_huge_value_does_not_hide_that_the_model_has_changed(tmp_path, value):
    path = tmp_path / "run.sqlite"
    blocks_of(path, game_of(lambda s: float(len(s)), players=list("abc"), kind="gain"))
    changed(path, 1, lambda keys, worth: (keys, np.append(value, worth[1:])))
    other = game_of(lambda s: 100.0 * len(s), players=list("abc"), kind="gain")
    with pytest.raises(StoreError, match="the model has changed"):
        other.tabulate(store=path)


def test_what_two_games_write_in_turn_is_there_once(tmp_path):
    path = tmp_path / "run.sqlite"
    masks = membership_of_masks(np.arange(1, 256), 8)
    one, other = game_of(), game_of()
    one.values(masks[:3], store=path)
    writing = Store(path, one._evaluation._identity, 8)
    with writing.opened():
        assert len(writing.read()[1]) == 3
        writing.keep(masks[3:40], TABLE[4:41])
        other.values(masks[10:60], store=path)
        writing.keep(masks[40:70], TABLE[41:71])
        writing.flush()
        writing.keep(masks[70:80], TABLE[71:81])
    assert rows_in(path) == 80
    np.testing.assert_array_equal(game_of().tabulate(store=path), TABLE)
