"""Sampled values: the same bits from any executor, and from a run that was killed."""

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures import worker_functions as wf

WEIGHTS = range(1, 25)
BUDGETS = {
    "pairs": 800,
    "permutations": 800,
    "regression": 400,
    "sample_reuse": 400,
    "stratified": 400,
    "kernel_ridge": 400,
    "boosted_trees": 400,
}


def estimate(method, function=wf.majority, **options):
    game = sg.Game.from_function(WEIGHTS, function, kind="gain")
    return sg.shapley_estimate(
        game, method=method, seed=5, max_evaluations=BUDGETS[method], **options
    )


def assert_same(one, other):
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(one.evidence.half_widths, other.evidence.half_widths)


@pytest.fixture(scope="module")
def serial():
    return {method: estimate(method) for method in BUDGETS}


def test_an_executor_changes_no_bit(executor, serial):
    for method, here in serial.items():
        assert_same(estimate(method, executor=executor), here)


def test_no_estimator_evaluates_a_coalition_twice():
    for method in BUDGETS:
        asked = []

        def function(coalition, asked=asked):
            asked.append(coalition)
            return wf.majority(coalition)

        assert estimate(method, function).evidence.evaluations >= len(asked)
        assert len(asked) == len(set(asked))


KILLED = """
import sys, sesgame as sg, fixtures.worker_functions as wf
game = sg.Game.from_function(range(1, 25), wf.slow_majority, kind="gain")
sg.shapley_estimate(game, method="pairs", seed=5, max_evaluations=800, store=sys.argv[1])
"""


def known(path):
    connection = sqlite3.connect(path, timeout=30)
    try:
        return connection.execute("SELECT total(length(worth)) / 8 FROM block").fetchone()[0]
    except sqlite3.OperationalError:  # the table is not there yet
        return 0
    finally:
        connection.close()


def test_a_run_that_is_killed_goes_on_with_the_same_bits(tmp_path, serial):
    path = tmp_path / "run.sqlite"
    search = os.pathsep.join([str(Path(wf.__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], env={**os.environ, "PYTHONPATH": search}
    )
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not (path.exists() and known(path) >= 100):
            os.sched_yield()
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    kept = known(path)
    assert 100 <= kept < 800
    asked = []

    def function(coalition):
        asked.append(coalition)
        return wf.majority(coalition)

    assert_same(estimate("pairs", function, store=path), serial["pairs"])
    # One more, which shows that the store is of the same model.
    assert len(asked) <= 801 - kept
