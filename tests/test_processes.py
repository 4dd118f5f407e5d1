"""Processes that are forked or spawned after native work, or during it, are as others."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.native_families import FAMILIES

TESTS = Path(__file__).parent
ENGINE = TESTS.parent / "rust" / "sesgame-engine" / "src"
SECONDS = 240
"""After which a program hangs, on a busy machine as well."""

NEEDS_FORK = pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="no fork on this platform")


def lines_of(program: str, *, threads: int = 2) -> list[str]:
    """Return the lines of a program that begin with ``>``; HiGHS may print its banner, too.

    The program may use the fixtures, and has so many threads of the engine.
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        env=os.environ
        | {
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(
                [str(TESTS), *filter(None, [os.environ.get("PYTHONPATH")])]
            ),
            "RAYON_NUM_THREADS": str(threads),
        },
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    return [line.removeprefix("> ") for line in lines if line.startswith("> ")]


FORKED = """
import os
from fixtures.native_families import digests

def said(child):
    here, there = os.pipe()
    process = os.fork()
    if not process:
        os.write(there, child().encode())
        os._exit(0)
    os.close(there)
    with os.fdopen(here) as pipe:
        text = pipe.read()
    assert os.waitpid(process, 0)[1] == 0
    return text

def of_grandchild():
    return said(lambda: repr(digests()))

print(">", repr(digests()))
print(">", said(lambda: repr(digests())))
print(">", said(of_grandchild))
if os.path.exists("/proc/self/task"):
    for thread in os.listdir("/proc/self/task"):
        with open(f"/proc/self/task/{thread}/comm") as name:
            print(">", name.read().strip())
"""


@NEEDS_FORK
def test_a_forked_process_and_a_child_of_it_give_the_bits_of_every_family():
    of_parent, of_child, of_grandchild, *threads = lines_of(FORKED, threads=3)
    assert of_parent == of_child == of_grandchild
    assert all(repr(name) in of_parent for name in FAMILIES)
    # Those of Rayon's own pool, which does not survive a fork, would have the name of the program.
    named = ["sesgame 0", "sesgame 1", "sesgame 2"]
    assert not threads or sorted(threads)[1:] == named, threads


@pytest.mark.slow
@NEEDS_FORK
def test_a_forked_process_gives_the_same_bits_with_any_number_of_threads():
    assert lines_of(FORKED, threads=1)[:3] == lines_of(FORKED, threads=3)[:3]


STARTED = """
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from fixtures.native_families import digest

if __name__ == "__main__":
    names = ["games", "stability", "markets"]
    print(">", [digest(name) for name in names])
    with ProcessPoolExecutor(1, mp_context=get_context({method!r})) as pool:
        print(">", list(pool.map(digest, names)))
"""


@NEEDS_FORK
@pytest.mark.parametrize(
    "method",
    [
        "fork",
        pytest.param("forkserver", marks=pytest.mark.slow),
        pytest.param("spawn", marks=pytest.mark.slow),
    ],
)
def test_a_process_pool_gives_the_same_bits_after_work_in_the_parent(method):
    ours, theirs = lines_of(STARTED.format(method=method))
    assert ours == theirs


FORKED_MEANWHILE = """
import os, signal, threading
import numpy as np
from fixtures.native_families import native_games

games = native_games(8)
tables = {name: game.tabulate().tobytes() for name, game in games.items()}
stopped = threading.Event()

def work():
    while not stopped.is_set():
        for game in native_games(8).values():
            game.tabulate()
        for game in games.values():
            game.leave_one_out()

workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers:
    worker.start()
for _ in range(CHILDREN):
    process = os.fork()
    if not process:
        signal.alarm(60)  # a lock that nobody holds would keep the child for ever
        same = all(game.tabulate().tobytes() == tables[name] for name, game in games.items())
        os._exit(0 if same else 1)
    print(">", os.waitpid(process, 0)[1])
stopped.set()
for worker in workers:
    worker.join()
"""


@NEEDS_FORK
@pytest.mark.parametrize("children", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_processes_that_are_forked_while_threads_are_at_work_have_all_they_need(children):
    lines = lines_of(FORKED_MEANWHILE.replace("CHILDREN", str(children)))
    assert lines == ["0"] * children


INTERRUPTED = """
import os, signal, sys
import numpy as np
from sesgame import _engine

prices = np.ones(20_000)
loads = np.random.default_rng(0).normal(size=(26, 20_000))
game = _engine.netting_game(loads, prices, 0.5 * prices)
game.values_alone()
here, there = os.pipe()
process = os.fork()
if not process:
    signal.alarm(120)
    try:
        game.tabulate(lambda done, total: os.write(there, b".") if done else None)
    except KeyboardInterrupt:
        os._exit(7)
    os._exit(1)
os.read(here, 1)
os.kill(process, signal.SIGINT)
print(">", os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@NEEDS_FORK
def test_ctrl_c_stops_long_work_in_a_forked_process():
    assert lines_of(INTERRUPTED) == ["7"]


def functions_of(source: str) -> list[str]:
    """Return the functions of a Rust source, without its tests."""
    return re.split(
        r"^ *(?:pub(?:\([a-z]+\))? )?fn ", source.partition("#[cfg(test)]")[0], flags=re.M
    )


@pytest.mark.skipif(not ENGINE.exists(), reason="the sources of the engine are not here")
def test_every_parallel_iterator_runs_inside_the_pool_of_the_process():
    iterators = 0
    for file in ENGINE.rglob("*.rs"):
        source = file.read_text(encoding="utf-8")
        if file.name == "thread_pool.rs":
            continue
        for function in functions_of(source):
            assert not re.search(r"ThreadPoolBuilder|rayon::(?!prelude)", function), file
            makes = re.search(r"\.(into_par_iter|par_\w+)\(", function)
            if makes and "-> impl IndexedParallelIterator" not in function:
                iterators += 1
                assert "thread_pool::install(" in function, (file, function[:60])
    assert iterators > 25
