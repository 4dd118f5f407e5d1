"""Characteristic functions that workers of any kind can import."""

import os
import time
from pathlib import Path

import numpy as np

PLAYERS = [f"p{i}" for i in range(8)]
LOADS = np.random.default_rng(7).normal(size=(len(PLAYERS), 24))


def peak(coalition):
    """The highest load of a coalition: floats whose last bits would show another order."""
    return float(LOADS[[PLAYERS.index(player) for player in sorted(coalition)]].sum(axis=0).max())


def peaks(membership):
    """All peaks of a block, one at a time: the same bits whatever the block."""
    return [float(LOADS[row].sum(axis=0).max()) for row in membership]


def majority(coalition):
    """A weighted vote of any players that are called by their weights."""
    return float(sum(coalition) > 150)


def slow_majority(coalition):
    time.sleep(0.002)
    return majority(coalition)


def slow_peak(coalition):
    time.sleep(0.005)
    return peak(coalition)


def sleeping(coalition):
    time.sleep(0.005)
    return float(len(coalition))


def busy(coalition):
    """Compute for 5 ms of this thread's own time."""
    end = time.thread_time() + 0.005
    while time.thread_time() < end:
        pass
    return float(len(coalition))


class FailsFor:
    """Raises for one coalition."""

    def __init__(self, coalition, error):
        self.coalition, self.error = frozenset(coalition), error

    def __call__(self, coalition):
        if coalition == self.coalition:
            raise self.error
        return peak(coalition)


class NeedsTwoArguments(Exception):  # noqa: N818 # it stands for what users write
    """An error that pickle cannot make again from its message."""

    def __init__(self, status, stage):
        super().__init__(f"{status} in {stage}")


class FailsUnpickled:
    """Raises an error that does not survive the way back."""

    def __call__(self, coalition):
        raise NeedsTwoArguments("infeasible", "stage 2")


class KillsItsWorker:
    """Ends the process that evaluates it, each time or, with a marker file, once."""

    def __init__(self, marker=None):
        self.marker = marker

    def __call__(self, coalition):
        if coalition == frozenset(PLAYERS[:3]) and not (self.marker and Path(self.marker).exists()):
            if self.marker:
                Path(self.marker).touch()
            os._exit(1)
        return peak(coalition)


class OnlyLoadsHere:
    """Cannot be unpickled in another process."""

    def __init__(self):
        self.process = os.getpid()

    def __call__(self, coalition):
        return peak(coalition)

    def __setstate__(self, state):
        if os.getpid() != state["process"]:
            raise ModuleNotFoundError("No module named 'my_model'")


class Big:
    """A model of a megabyte, slow enough for many blocks."""

    def __init__(self):
        self.data = np.random.default_rng(0).random(1 << 17)

    def __call__(self, coalition):
        time.sleep(0.001)
        return float(self.data[0]) * len(coalition)


def threads_of_linear_algebra(coalition):
    from threadpoolctl import threadpool_info

    counts = [pool["num_threads"] for pool in threadpool_info()]
    return max(counts) + (os.environ.get("OMP_NUM_THREADS") != "1")
