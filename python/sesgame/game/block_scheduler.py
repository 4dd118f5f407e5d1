"""Blocks of coalitions: how large, how many at a time, where, and what becomes of the rest.

The size of a block comes from the time that finished ones took, so that a block is long against
the cost of sending it and short against the wait for the last one. The number in flight grows as
long as blocks do not wait, so that two threads and a cluster of a thousand workers are both busy
and nobody says how many there are. Values are placed by index: any executor gives the same bits.

A deadline is looked at before each block, so that it is overrun by what has begun.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.errors import ExecutorError, StoreError
from sesgame.game.characteristic_function import CharacteristicFunction
from sesgame.game.worker_transport import BlockResult, Failure, Package, Shipment, evaluate_block

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.progress import Report

__all__ = ["Executor", "Keep", "OutOfTimeError", "Rows", "UntilDeadline", "evaluate_blocks"]

BLOCK_SECONDS = 0.25
"""What a block should take."""

LARGEST_BLOCK = 1 << 14
"""Rows that a block never exceeds, for memory and for progress."""

FIRST_WINDOW = 4
"""Blocks in flight before any has come back."""

logger = logging.getLogger(__name__)

Rows = Callable[["NDArray[np.intp]"], "NDArray[np.bool_]"]
"""The membership rows, shape (m, n), of the coalitions with given indices."""

Keep = Callable[["NDArray[np.intp]", "NDArray[np.float64]"], None]
"""What is called with the indices and values of each finished block."""


class Executor(Protocol):
    """What :class:`concurrent.futures.Executor` and its many likes have in common."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Schedule ``fn(*args)``."""
        ...


class OutOfTimeError(Exception):
    """A deadline passed before all was evaluated; what was finished is kept."""


@dataclass(frozen=True)
class UntilDeadline:
    """An executor that is given no further block after a deadline.

    Attributes
    ----------
    executor : Executor, optional
        Who evaluates; None for this thread.
    deadline : float
        The value of :func:`time.perf_counter` from which on no block begins.
    """

    executor: Executor | None
    deadline: float

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        """Schedule ``fn(*args)`` all the same: the deadline is the scheduler's to keep."""
        return _checked_executor(self.executor).submit(fn, *args)


class _HereAndNow:
    """The executor of those who pass none: it works while it is asked."""

    def submit(self, fn: Callable[..., Any], /, *args: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args))
        return future


@dataclass
class _Pace:
    """The size of the next block and the number in flight, learned from finished blocks."""

    window: int
    parallel: bool
    largest: int = 0
    seconds_per_row: float = 0.0
    busy: float = 0.5

    def size(self, remaining: int) -> int:
        """Return the rows of the next block, of those not started."""
        if self.largest == 0:
            return 1
        aim = min(BLOCK_SECONDS / max(self.seconds_per_row, 1e-9), LARGEST_BLOCK)
        if self.parallel:  # smaller at the end, so that all workers finish together
            aim = min(aim, max(remaining / self.window, aim / 8))
        return max(1, int(min(aim, 8 * self.largest)))

    def learn(self, rows: int, seconds: float, since_submitted: float) -> None:
        """Take in a finished block."""
        self.largest = max(self.largest, rows)
        self.seconds_per_row = seconds / rows
        if self.parallel:
            # By Little's law, the share of its time in flight that a block is worked on is the
            # number of busy workers over the number in flight. Aim at 1.5 to 2.5 for each worker.
            self.busy += (seconds / max(since_submitted, seconds, 1e-9) - self.busy) / 8
            self.window += (self.busy > 1 / 1.5) - (self.busy < 1 / 2.5)
            self.window = max(self.window, FIRST_WINDOW)


class _Run:
    """One evaluation of many coalitions, from the first block to the last."""

    def __init__(
        self,
        function: CharacteristicFunction,
        rows: Rows,
        values: NDArray[np.float64],
        executor: Executor,
        keep: Keep,
        deadline: float,
    ) -> None:
        parallel = not isinstance(executor, _HereAndNow)
        self.rows, self.values, self.executor, self.keep = rows, values, executor, keep
        self.deadline = deadline
        self.package = Package(function)
        self.pace = _Pace(FIRST_WINDOW if parallel else 1, parallel)
        self.position = 0
        self.arrived = 0  # blocks that came back: until then every shipment has the bytes
        self.finished = 0  # values found
        self.flying: dict[Future[Any], tuple[NDArray[np.intp], float]] = {}
        self.landed: SimpleQueue[Future[Any]] = SimpleQueue()

    def next_block(self) -> NDArray[np.intp]:
        """Return the indices of the next coalitions without a value; empty when none is left."""
        while self.position < len(self.values):
            start = self.position
            self.position += self.pace.size(len(self.values) - start)
            missing = np.flatnonzero(np.isnan(self.values[start : self.position]))
            if missing.size:
                return missing + start
        return np.empty(0, dtype=np.intp)

    def submit(self, block: NDArray[np.intp], with_bytes: bool) -> None:
        """Send a block on its way."""
        shipment, membership = Shipment(self.package, with_bytes), self.rows(block)
        start = perf_counter()
        try:
            future = self.executor.submit(evaluate_block, shipment, membership)
        except Exception as error:
            raise ExecutorError(
                f"submit() of the executor failed ({type(error).__name__}: {error}); "
                f"completed values are kept: call again with a working executor"
            ) from error
        self.flying[future] = block, start
        future.add_done_callback(self.landed.put)

    def fill(self) -> None:
        """Keep as many blocks in flight as the pace allows."""
        while len(self.flying) < self.pace.window and (block := self.next_block()).size:
            if perf_counter() >= self.deadline:
                raise OutOfTimeError
            self.submit(block, with_bytes=self.arrived == 0)

    def next_landed(self) -> Future[Any]:
        """Wait for the next block that comes back, until the deadline."""
        if self.deadline == inf:
            return self.landed.get()
        try:
            return self.landed.get(timeout=max(self.deadline - perf_counter(), 0.0))
        except Empty:
            raise OutOfTimeError from None

    def take(self, future: Future[Any]) -> Failure | None:
        """Place the values of a block that came back; return what failed in it, if anything."""
        block, start = self.flying.pop(future)
        try:
            result: BlockResult | None = future.result()
        except Exception as error:
            raise ExecutorError(
                f"the executor lost a block of {len(block)} coalitions "
                f"({type(error).__name__}: {error}); "
                f"completed values are kept: call again with a working executor"
            ) from error
        if result is None:
            if self.package.failure is not None:
                raise self.package.failure
            self.submit(block, with_bytes=True)
            return None
        self.arrived += 1
        done = np.isfinite(result.values)
        finished = block[done]
        self.finished += finished.size
        self.values[finished] = result.values[done] + 0.0  # no negative zeros: a store has none
        if finished.size:
            self.keep(finished, self.values[finished])
        self.pace.learn(len(block), result.seconds, perf_counter() - start)
        logger.debug(
            "%d coalitions in %.3g s; %d blocks in flight",
            len(block),
            result.seconds,
            len(self.flying),
        )
        return result.failure

    def drain(self, *, wait: bool) -> None:
        """Cancel what has not begun, and take what is finished or, if `wait`, will be shortly."""
        for future in self.flying:
            future.cancel()
        for future in list(self.flying):
            if future.cancelled() or not (wait or future.done()):
                continue
            if future.exception() is None and future.result():
                # A store that is full has said so already; the value is in memory.
                with suppress(StoreError):
                    self.take(future)


def evaluate_blocks(
    function: CharacteristicFunction,
    rows: Rows,
    values: NDArray[np.float64],
    *,
    executor: Executor | None,
    keep: Keep,
    report: Report | None,
) -> None:
    """Fill in the values that are still NaN, in place.

    Raises
    ------
    CharacteristicFunctionError
        The function failed for a coalition. The blocks not begun are cancelled; everything
        finished, the failing block up to the coalition included, is in `values` and was kept.
    ExecutorError
        The executor is shut down, lost its workers, or is none; the same holds.
    GameError
        The function cannot be sent to the executor's workers, or not be loaded there.
    OutOfTimeError
        The deadline of an :class:`UntilDeadline` passed; the same holds.
    StoreError
        From `keep`: then what is being worked on is waited for, and in `values`, too.
    """
    until = executor if isinstance(executor, UntilDeadline) else UntilDeadline(executor, inf)
    checked = _checked_executor(until.executor)
    run = _Run(function, rows, values, checked, keep, until.deadline)
    total = int(np.isnan(values).sum()) if report is not None else 0
    try:
        run.fill()
        while run.flying:
            failure = run.take(run.next_landed())
            if failure is not None:
                raise failure.raised()
            if report is not None:
                report(run.finished, total)
            run.fill()
    except StoreError:
        run.drain(wait=True)
        raise
    finally:
        run.drain(wait=False)


def _checked_executor(executor: Any) -> Executor:
    if executor is None:
        return _HereAndNow()
    if hasattr(executor, "get_executor"):  # a Dask client, whose own futures are another kind
        executor = executor.get_executor(pure=False)
    if not hasattr(executor, "submit"):
        raise ExecutorError(
            f"the executor is {executor!r}, which has no submit(); pass a "
            f"concurrent.futures.Executor, or anything like it (loky, Dask, mpi4py.futures)"
        )
    checked: Executor = executor
    return checked
