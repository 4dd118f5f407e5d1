"""Any executor: the same bits, nothing lost, nothing twice, and errors that say what happened."""

import multiprocessing
import pickle
import sys
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import numpy as np
import pytest
import sesgame as sg
from fixtures import worker_functions as wf
from sesgame.errors import CharacteristicFunctionError, ExecutorError, GameError
from sesgame.game.block_scheduler import FIRST_WINDOW
from sesgame.game.players import membership_of_masks

SPAWN = multiprocessing.get_context("spawn")
TABLE = np.array([0.0, *wf.peaks(membership_of_masks(np.arange(1, 256), 8))])


def game_of(function, **options):
    return sg.Game.from_function(wf.PLAYERS, function, kind="cost", **options)


class Counting:
    """A function that remembers what it was asked for."""

    def __init__(self, function=wf.peak):
        self.function, self.asked = function, []

    def __call__(self, coalition):
        self.asked.append(coalition)
        return self.function(coalition)


def test_every_executor_gives_the_same_bits(executor):
    for function, batched in ((wf.peak, False), (wf.peaks, True)):
        game = game_of(function, batched=batched)
        np.testing.assert_array_equal(game.tabulate(executor=executor), TABLE)


def test_executorlib_gives_the_same_bits(monkeypatch):
    library = pytest.importorskip("executorlib")
    monkeypatch.setenv("PYTHONPATH", "tests")  # as the tests themselves run, so do its workers
    with library.SingleNodeExecutor(max_workers=2, block_allocation=True) as pool:
        np.testing.assert_array_equal(game_of(wf.peak).tabulate(executor=pool), TABLE)


def test_rows_in_any_order_and_repeated_are_answered_in_their_order(processes):
    masks = np.random.default_rng(1).integers(0, 256, size=400)
    values = game_of(wf.peak).values(membership_of_masks(masks, 8), executor=processes)
    np.testing.assert_array_equal(values, TABLE[masks])


def test_no_coalition_is_evaluated_twice_whatever_is_asked():
    function = Counting()
    game = game_of(function)
    membership = np.random.default_rng(2).random((300, 8)) < 0.3
    with ThreadPoolExecutor(3) as threads:
        game.values(membership, executor=threads)
        game.values(membership[::-1])
        game.tabulate(executor=threads)
        game.value(["p0"])
    assert len(function.asked) == len(set(function.asked)) == 255


def test_a_failing_coalition_names_itself_with_its_cause_from_any_worker(executor):
    cause = ZeroDivisionError("no generator in p1")
    game = game_of(wf.FailsFor(["p1", "p4"], cause))
    message = r"raised ZeroDivisionError for \{p1, p4\}: no generator in p1"
    with pytest.raises(CharacteristicFunctionError, match=message) as caught:
        game.tabulate(executor=executor)
    assert caught.value.coalition == {"p1", "p4"}
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_that_cannot_travel_comes_with_the_traceback_of_its_worker(processes):
    game = game_of(wf.FailsUnpickled())
    with pytest.raises(CharacteristicFunctionError, match="NeedsTwoArguments") as caught:
        game.tabulate(executor=processes)
    assert "infeasible in stage 2" in str(caught.value.__cause__)
    assert "worker_functions.py" in str(caught.value.__cause__)


class OneByOne:
    """An executor whose futures finish only when something is known of all that are in flight."""

    def __init__(self):
        self.waiting, self.cancelled, self.begun = [], 0, 0

    def submit(self, function, /, *arguments):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) >= FIRST_WINDOW:
            self.run_one()
        return future

    def run_one(self):
        future, function, arguments = self.waiting.pop(0)
        if future.set_running_or_notify_cancel():
            self.begun += 1
            future.set_result(function(*arguments))


def test_a_failing_coalition_cancels_the_rest_and_keeps_what_is_done():
    executor = OneByOne()
    failing = Counting(wf.FailsFor(["p0"], RuntimeError("first of all")))
    game = game_of(failing)
    with pytest.raises(CharacteristicFunctionError, match="first of all"):
        game.tabulate(executor=executor)
    assert executor.begun == 1
    assert all(future.cancelled() for future, *_ in executor.waiting)
    assert len(executor.waiting) == FIRST_WINDOW - 1

    failing.function = wf.FailsFor(["p1", "p3"], RuntimeError("later"))
    with pytest.raises(CharacteristicFunctionError, match="later"):
        game.tabulate()
    done = len(failing.asked) - 2
    assert done > 5
    failing.function = wf.peak
    failing.asked.clear()
    np.testing.assert_array_equal(game.tabulate(), TABLE)
    assert len(failing.asked) == 255 - done


def test_an_interrupt_keeps_what_is_done():
    function = Counting(wf.FailsFor(["p0", "p5"], KeyboardInterrupt()))
    game = game_of(function)
    with pytest.raises(KeyboardInterrupt):
        game.tabulate()
    # The block of the interrupt is lost, those before it are not.
    asked = len(function.asked)
    function.function = wf.peak
    game.tabulate()
    assert len(function.asked) < 255 + asked


def test_a_lambda_travels_with_cloudpickle_and_without_it_the_error_says_what_to_do(
    processes, monkeypatch
):
    assert game_of(lambda coalition: 2.0 * len(coalition)).tabulate(executor=processes)[3] == 4.0
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(GameError, match=r"cannot be sent .* top level of a module.*cloudpickle"):
        game_of(lambda coalition: 2.0 * len(coalition)).tabulate(executor=processes)


def test_a_function_that_cannot_be_pickled_needs_threads_and_says_so(executor):
    lock = threading.Lock()

    def function(coalition):
        with lock:
            return wf.peak(coalition)

    game = game_of(function)
    if isinstance(executor, ThreadPoolExecutor):
        np.testing.assert_array_equal(game.tabulate(executor=executor), TABLE)
    else:
        with pytest.raises(GameError, match=r"cannot pickle '_thread.lock'.* executor of threads"):
            game.tabulate(executor=executor)


def test_a_function_that_a_worker_cannot_load_says_what_is_missing(processes):
    with pytest.raises(GameError, match=r"could not load .*my_model.*install"):
        game_of(wf.OnlyLoadsHere()).tabulate(executor=processes)


@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_an_executor_that_is_shut_down_is_named(kind):
    executor = ThreadPoolExecutor(1) if kind == "threads" else ProcessPoolExecutor(1, SPAWN)
    executor.shutdown()
    with pytest.raises(ExecutorError, match="cannot schedule new futures after shutdown"):
        game_of(wf.peak).tabulate(executor=executor)


def test_what_has_no_submit_is_no_executor():
    with pytest.raises(ExecutorError, match=r"the executor is 4, which has no submit\(\)"):
        game_of(wf.peak).tabulate(executor=4)


def test_a_pool_that_loses_a_worker_keeps_what_is_done():
    game = game_of(wf.KillsItsWorker())
    # Whether the next block is sent before the pool knows is for the processor to say.
    lost = r"(lost a block of|submit\(\) of the executor failed).*BrokenProcessPool.* are kept"
    with ProcessPoolExecutor(1, SPAWN) as pool, pytest.raises(ExecutorError, match=lost):
        game.tabulate(executor=pool)
    assert game.value(["p0"]) == TABLE[1]
    with pytest.raises(ExecutorError, match=lost):
        game.tabulate(executor=pool)


def test_a_dask_worker_that_is_killed_loses_nothing(dask_client, tmp_path):
    marker = tmp_path / "killed"
    game = game_of(wf.KillsItsWorker(str(marker)))
    np.testing.assert_array_equal(game.tabulate(executor=dask_client), TABLE)
    assert marker.exists()
    dask_client.wait_for_workers(2, timeout=60)  # the one that takes its place


class Weighing(ProcessPoolExecutor):
    """Weighs what it is given."""

    weights: list

    def submit(self, function, /, *arguments):
        self.weights.append(len(pickle.dumps(arguments)))
        return super().submit(function, *arguments)


def test_a_big_model_is_sent_once_to_a_worker_and_not_with_every_block(monkeypatch):
    monkeypatch.setattr("sesgame.game.block_scheduler.BLOCK_SECONDS", 0.002)
    with Weighing(2, SPAWN) as pool:
        pool.weights = []
        game_of(wf.Big()).tabulate(executor=pool)
    heavy = sum(weight > 1 << 20 for weight in pool.weights)
    assert len(pool.weights) > 80
    assert FIRST_WINDOW <= heavy < len(pool.weights) / 2


def test_workers_use_one_thread_for_linear_algebra(processes):
    table = game_of(wf.threads_of_linear_algebra).tabulate(executor=processes)
    assert set(table[1:]) == {1.0}


class Recording:
    """Threads that remember the size of each block."""

    def __init__(self, threads):
        self.threads, self.sizes = threads, []

    def submit(self, function, /, *arguments):
        self.sizes.append(len(arguments[1]))
        return self.threads.submit(function, *arguments)


def test_quick_functions_get_large_blocks_and_slow_ones_small_blocks(monkeypatch):
    with ThreadPoolExecutor(2) as threads:
        quick = Recording(threads)
        sg.Game.from_function(range(14), len, kind="gain").tabulate(executor=quick)
        assert max(quick.sizes) > 256
        assert len(quick.sizes) < 256
        monkeypatch.setattr("sesgame.game.block_scheduler.BLOCK_SECONDS", 0.005)
        slow = Recording(threads)
        game_of(wf.slow_peak).tabulate(executor=slow)
        assert max(slow.sizes) <= 2
