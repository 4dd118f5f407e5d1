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
        return connection.execute("SELECT count(*) FROM value").fetchone()[0]
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
        return connection.execute("SELECT count(*) FROM value").fetchone()[0] >= count
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
    monkeypatch.setattr("sesgame.game.store.BUSY_SECONDS", 0.01)
    path = tmp_path / "run.sqlite"
    game_of().value(["p0"])
    game_of().values(np.eye(8, dtype=bool), store=path)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(StoreError, match="locked"):
        game_of().tabulate(store=path)
    holder.close()


FULL_DISK = """
    import resource, sys, sesgame.game.store, sesgame as sg, fixtures.worker_functions as wf
    from sesgame.errors import StoreError
    sesgame.game.store.FLUSH_SHARE = 0.0  # a commit for each block
    limit = 24_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    asked = []
    def function(membership):
        asked.extend(map(bytes, membership))
        return membership @ [float(1 << i) for i in range(12)]
    game = sg.Game.from_function(range(12), function, kind="gain", batched=True)
    try:
        game.tabulate(store=sys.argv[1])
    except StoreError as error:
        assert "cannot be written" in str(error) and "make room" in str(error), error
        kept = len(asked)
        assert 0 < kept < 4095, kept
        assert game.tabulate()[-1] == 4095.0
        assert len(asked) == len(set(asked)) == 4095, (kept, len(asked))
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


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param("update value set value = 9e999 where id = 2", "is inf, not a", id="inf"),
        pytest.param("update value set value = -9e999 where id = 2", "is -inf", id="-inf"),
        pytest.param(
            "update value set value = 'x' where id = 2", "is 'x', not a finite", id="text"
        ),
        pytest.param("update value set value = x'00' where id = 2", "not a finite", id="blob"),
        pytest.param("update value set coalition = x'0102' where id = 2", "1 bytes", id="long"),
        pytest.param("update value set coalition = x'' where id = 2", "is not 1 bytes", id="short"),
        pytest.param(
            "update value set coalition = 'a' where id = 2", "is not 1 bytes", id="no bytes"
        ),
        pytest.param(
            "update value set coalition = x'88' where id = 2", "more than the 3", id="bits"
        ),
        pytest.param("insert into value values (99, x'00', 1.0)", "empty coalition is", id="empty"),
        pytest.param(
            "create table other as select * from value; drop table value; "
            "alter table other rename to value; insert into value values (99, x'01', 5.0)",
            "its coalition is there twice",
            id="twice",
        ),
    ],
)
def test_a_row_that_cannot_be_is_refused_when_it_is_read(tmp_path, change, message):
    path = tmp_path / "run.sqlite"

    def game(factor):
        return game_of(lambda s: factor * len(s) ** 2, players=list("abc"), kind="gain")

    game(1.0).tabulate(store=path)
    connection = sqlite3.connect(path)
    connection.executescript(change)
    connection.close()
    with pytest.raises(StoreError, match=message):
        game(1.0).tabulate(store=path)


@pytest.mark.parametrize("value", ["1e300", "-1e300"])
def test_a_huge_value_does_not_hide_that_the_model_has_changed(tmp_path, value):
    path = tmp_path / "run.sqlite"
    game_of(lambda s: float(len(s)), players=list("abc"), kind="gain").tabulate(store=path)
    connection = sqlite3.connect(path)
    connection.executescript(f"update value set value = {value} where id = 2")
    connection.close()
    changed = game_of(lambda s: 100.0 * len(s), players=list("abc"), kind="gain")
    with pytest.raises(StoreError, match="the model has changed"):
        changed.tabulate(store=path)
