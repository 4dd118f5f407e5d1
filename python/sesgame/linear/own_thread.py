"""Threads that end with the call they are for: where HiGHS has a scheduler that nobody else meets.

HiGHS keeps a scheduler of threads for each thread that has solved anything, and takes its size from
the first solve there: a later one with another value of ``threads`` fails. Whoever solves on the
thread of somebody else is therefore in the way of all who use HiGHS there, and they in theirs. Nor
does a scheduler survive a fork. A thread that is started for some solves and ends with them has
none of these troubles, and leaves nothing behind; it costs some 0.1 ms.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["OwnThread"]

Result = TypeVar("Result")


class OwnThread(Generic[Result]):
    """A thread for one piece of work, so that HiGHS has a scheduler of its own there.

    Parameters
    ----------
    work : callable
        What to do. It is given the object and looks at :attr:`stopped` between two solves.

    Attributes
    ----------
    stopped, finished : bool
        Whether the caller was interrupted, and whether the work is at its end.

    Notes
    -----
    An interrupt (Ctrl-C) reaches the caller at once, who waits for the solve at hand; another one
    ends that wait, and the thread ends after its solve, without anybody.
    """

    def __init__(self, work: Callable[[OwnThread[Result]], Result]) -> None:
        self.stopped = False
        self.finished = False
        self._work = work
        self._busy = threading.Lock()
        self._results: list[Result] = []
        self._errors: list[BaseException] = []

    def result(self) -> Result:
        """Do the work, wait for it, and return its result or raise its error."""
        thread = threading.Thread(target=self._run, name="sesgame HiGHS", daemon=True)
        try:
            thread.start()
            thread.join()
        except BaseException:
            self.stopped = True
            with self._busy:  # which nobody holds if the thread has not begun, and then never will
                raise
        if self._errors:
            raise self._errors.pop()
        return self._results.pop()

    def _run(self) -> None:
        with self._busy:
            if not self.stopped:
                try:
                    self._results.append(self._work(self))
                except BaseException as error:
                    self._errors.append(error)
                self.finished = True
