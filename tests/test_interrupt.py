"""Long native work can be watched and stopped."""

import signal
import subprocess
import sys

import numpy as np
import pytest
from sesgame import _engine

HOURS = """
import numpy as np
from sesgame import _engine

prices = np.ones(20_000)
loads = np.random.default_rng(0).normal(size=(26, 20_000))
game = _engine.netting_game(loads, prices, 0.5 * prices)
game.tabulate(lambda done, total: print(done, total, flush=True))
"""


OWENS_INTEGRAL = """
import numpy as np
from sesgame import _engine

prices = np.ones(20_000)
loads = np.random.default_rng(0).normal(size=(400, 20_000)).round(3)
game = _engine.netting_game(loads, prices, 0.5 * prices)
game.shapley_value(lambda done, total: print(done, total, flush=True))
"""


PAIRS_OF_COALITIONS = """
import numpy as np
from sesgame import _engine

_engine.additivity(np.zeros(1 << 24), 0.0, lambda done, total: print(done, total, flush=True))
"""


@pytest.mark.parametrize(
    "program",
    [
        pytest.param(HOURS, id="table"),
        pytest.param(OWENS_INTEGRAL, id="exact value"),
        pytest.param(PAIRS_OF_COALITIONS, id="pairs"),
    ],
)
def test_ctrl_c_stops_work_that_would_take_hours(program):
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        while not int(process.stdout.readline().split()[0]):
            pass
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


NUCLEOLI = """
import numpy as np
from sesgame import _engine

table = np.random.default_rng(0).random(1 << 22)
table[0] = 0
report = lambda done, total: print(done, total, flush=True)
while True:
    _engine.nucleolus(table, "gain", False, True, 0.0, report)
"""


def test_ctrl_c_stops_nucleoli_of_22_players():
    with subprocess.Popen(
        [sys.executable, "-c", NUCLEOLI],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        done = 0
        while not done:  # on a busy machine nothing may be done at the first look
            done, total = map(int, process.stdout.readline().split())
        assert 0 < done <= total
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


def small_game(n_players):
    prices = np.ones(4)
    loads = np.random.default_rng(1).normal(size=(n_players, 4))
    return _engine.netting_game(loads, prices, 0.5 * prices)


def test_progress_ends_at_the_total():
    seen = []
    table = small_game(10).tabulate(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (table.size, table.size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_an_error_of_the_progress_function_comes_through():
    def report(done, total):
        raise RuntimeError("the display is gone")

    with pytest.raises(RuntimeError, match="the display is gone"):
        small_game(10).tabulate(report)
