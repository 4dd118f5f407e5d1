"""Threads that end with the call they are for: where HiGHS has a scheduler that nobody else meets.

HiGHS keeps a scheduler of threads for each thread that has solved anything, and takes its size from
the first solve there: a later one with another value of ``threads`` fails. Whoever solves on the
thread of somebody else is therefore in the way of all who use HiGHS there, and they in theirs. Nor
does a scheduler survive a fork. A thread that is started for some solves and ends with them has
none of these troubles, and leaves nothing behind; it costs some 0.1 ms.

It also lets Ctrl-C through, which Python hears on the main thread only, between two of its own
instructions: the caller waits, hears it, and tells HiGHS to stop.
"""

from __future__ import annotations

import atexit
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    import highspy

__all__ = ["OwnThread", "make_stoppable", "run"]

Result = TypeVar("Result")

GLANCE_SECONDS = 0.05
"""How often the caller looks for Ctrl-C where a wait cannot be interrupted, as on Windows."""

PATIENCE_SECONDS = 0.5
"""How long HiGHS may take to stop: it does not ask in presolve, in a factorisation, or in the
linear programs inside an integer one. Then it is left behind, and ends at its next question."""

FAREWELL_SECONDS = 5.0
"""How long the end of Python waits for those left behind; another Ctrl-C ends the wait."""

_here = threading.local()

_left_behind: set[OwnThread[Any]] = set()
"""Those that may be at work though nobody waits for them."""


class OwnThread(Generic[Result]):
    """A thread for one piece of work, so that HiGHS has a scheduler of its own there.

    Parameters
    ----------
    work : callable
        What to do. It is given the object and looks at :attr:`stopped` between two solves, for
        which it calls :func:`run`.

    Attributes
    ----------
    stopped, finished : bool
        Whether the caller was interrupted, and whether the work is at its end.

    Notes
    -----
    An interrupt (Ctrl-C) reaches the caller at once, who stops the solve at hand, waits for it for
    half a second, and then goes on without it. The ``KeyboardInterrupt`` says what an integer
    program had found and proved.
    """

    def __init__(self, work: Callable[[OwnThread[Result]], Result]) -> None:
        self.stopped = False
        self.finished = False
        self._work = work
        self._busy = threading.Lock()
        self._results: list[Result] = []
        self._errors: list[BaseException] = []
        self._at_hand: highspy.Highs | None = None
        self._turn = threading.Lock()
        self._found: tuple[float, float] | None = None

    def result(self) -> Result:
        """Do the work, wait for it, and return its result or raise its error."""
        thread = threading.Thread(target=self._run, name="sesgame HiGHS", daemon=True)
        try:
            thread.start()
            while thread.is_alive():
                thread.join(GLANCE_SECONDS)
        except BaseException as raised:
            self._stop()
            _left_behind.add(self)
            # Nobody holds it if the thread has not begun, and then never will.
            if self._busy.acquire(timeout=PATIENCE_SECONDS):
                self._busy.release()
                _left_behind.discard(self)
            if self._found is not None and type(raised) is KeyboardInterrupt and not raised.args:
                best, bound = self._found
                raised.args = (f"best found {best!r}, proved bound {bound!r}",)
            raise
        if self._errors:
            raise self._errors.pop()
        return self._results.pop()

    def _run(self) -> None:
        _here.thread = self
        with self._busy:
            if not self.stopped:
                try:
                    self._results.append(self._work(self))
                except BaseException as error:
                    self._errors.append(error)
                self.finished = True
        _left_behind.discard(self)

    def _stop(self) -> None:
        """Stop the solve at hand, and all that were to come."""
        with self._turn:
            self.stopped = True
            if self._at_hand is not None:
                _ask(self._at_hand)

    def run(self, highs: highspy.Highs) -> highspy.HighsStatus:
        """Solve, until it is done or stopped."""
        with self._turn:
            self._at_hand = highs
            if self.stopped:
                _ask(highs)
        try:
            return highs.run()
        finally:
            with self._turn:
                self._at_hand = None
                if self.stopped:
                    _ask(highs, no_more=True)

    def let_go(self) -> None:
        """Have the solve at hand call Python no more."""
        with self._turn:
            if self._at_hand is not None:
                _ask(self._at_hand, no_more=True)

    def answer(self, kind: Any, found: Any, reply: Any) -> None:
        """Answer whether to go on, and remember how far an integer program is."""
        import highspy

        reply.user_interrupt = self.stopped
        if kind == highspy.cb.HighsCallbackType.kCallbackMipInterrupt:
            self._found = found.mip_primal_bound, found.mip_dual_bound


@atexit.register
def _let_all_go() -> None:
    """Keep those left behind out of the end of Python, which would abort the process for them.

    A thread that asks for Python's lock then is ended in the middle of HiGHS. They get the time to
    come to HiGHS's next question, and to stop; who is deaf for longer than that asks no more.
    """
    end = time.monotonic() + FAREWELL_SECONDS
    while _left_behind and time.monotonic() < end:
        time.sleep(0.01)
    for thread in tuple(_left_behind):
        thread.let_go()


def make_stoppable(highs: highspy.Highs) -> None:
    """Let :func:`run` of a HiGHS object be stopped.

    HiGHS asks nobody whether to go on until it is told to, by the one who wants it to stop: a
    question before each iteration that needs Python's lock would slow down the solve, and much so
    where other threads compete for the lock. The switch is a flag that HiGHS reads anew each time.
    """
    import highspy

    def answer(kind: Any, _message: str, found: Any, reply: Any, _data: Any) -> None:
        thread: OwnThread[Any] | None = getattr(_here, "thread", None)
        if thread is not None and reply is not None:
            thread.answer(kind, found, reply)

    super(highspy.Highs, highs).setCallback(answer, None)


def run(highs: highspy.Highs) -> highspy.HighsStatus:
    """Run HiGHS; on an :class:`OwnThread` whoever waits for that can stop it."""
    thread: OwnThread[Any] | None = getattr(_here, "thread", None)
    return highs.run() if thread is None else thread.run(highs)


def _ask(highs: highspy.Highs, *, no_more: bool = False) -> None:
    """Have HiGHS ask whether to go on, or no more."""
    import highspy

    kinds = highspy.cb.HighsCallbackType
    for kind in (
        kinds.kCallbackSimplexInterrupt,
        kinds.kCallbackIpmInterrupt,
        kinds.kCallbackMipInterrupt,
    ):
        (highs.stopCallback if no_more else highs.startCallback)(kind)
