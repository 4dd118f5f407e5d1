"""Sizes that a user chooses are asked for: what cannot be had is an error, not an end."""

import os
import pickle
import subprocess
import sys

import pytest
from sesgame.errors import InternalError, OutOfMemoryError, SesgameError

pytest.importorskip("resource", reason="no limits of memory on this platform")
SECONDS = 240
SETTING = """
import resource
import numpy as np, sesgame as sg
limit = int({gigabytes} * 2**30)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
costs = lambda n: sg.games.airport(np.linspace(1, 2, n).tolist())
try:
    {call}
    print("done")
except MemoryError as error:
    print(type(error).__name__, "|", error)
print(sg.shapley_value(costs(2)).total)
"""


def said(gigabytes: float, call: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", SETTING.format(gigabytes=gigabytes, call=call)],
        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize(
    ("gigabytes", "call", "size", "instead"),
    [
        pytest.param(
            1.5,
            "costs(28).tabulate(progress=False)",
            "2.15 GB",
            "sg.shapley_estimate",
            id="table of a native game",
        ),
        pytest.param(
            1.5,
            'sg.Game.from_function(range(28), len, kind="gain").tabulate(progress=False)',
            "2.15 GB",
            "sg.shapley_estimate",
            id="table of a function",
        ),
        pytest.param(
            4,
            "sg.nucleolus(costs(30), progress=False)",
            "8.59 GB",
            "oracle=",
            id="nucleolus of thirty",
        ),
        pytest.param(
            4,
            "sg.shapley_estimate(sg.Game.from_function(range(3000), len, kind='gain'), seed=0, "
            "max_evaluations=10**7, progress=False)",
            "GB",
            "max_evaluations=",
            id="sample of three thousand",
        ),
        *(
            pytest.param(
                2,
                "sg.shapley_estimate(sg.Game.from_function(range(3000), len, kind='gain'), seed=0, "
                f"max_evaluations=10**7, progress=False, method={method!r})",
                "GB",
                "max_evaluations=",
                id=method,
                marks=pytest.mark.slow,
            )
            for method in ("regression", "sample_reuse", "stratified")
        ),
    ],
)
def test_what_does_not_fit_is_an_error_with_its_size_and_what_to_do(gigabytes, call, size, instead):
    what, worth = said(gigabytes, call)
    assert what.startswith("OutOfMemoryError | ")
    assert size in what
    assert instead in what
    assert float(worth) == 2.0


def test_the_error_is_a_memory_error_and_travels():
    error = OutOfMemoryError("table", 2**31)
    assert isinstance(error, SesgameError)
    assert isinstance(error, MemoryError)
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.purpose, copy.n_bytes) == (str(error), "table", 2**31)


def test_a_fault_of_the_engine_is_an_ordinary_error_and_travels():
    error = InternalError("index 3 of 2")
    assert isinstance(error, RuntimeError)
    assert "report it" in str(error)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
