"""How agents are asked: all of a round at once, and what is wrong with an answer is named."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import BrokenExecutor, CancelledError, Future
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.errors import AgentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["AnswerExecutor", "Panel", "checked_answer"]


class AnswerExecutor(Protocol):
    """What runs the answers of agents: ``concurrent.futures.Executor`` or compatible."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Any:
        """Return a future of what the function gives."""


class Panel:
    """Whoever is asked, and how.

    Parameters
    ----------
    labels : sequence of hashable
        What messages call them.
    executor : AnswerExecutor, optional
        Where they are asked; by default in this process, one after the other.
    timeout : float, default inf
        Seconds within which all have to have answered.
    """

    def __init__(
        self, labels: Sequence[Hashable], executor: AnswerExecutor | None, timeout: float
    ) -> None:
        self.labels = labels
        self._executor = executor
        self._timeout = timeout
        self.round = 0

    def begin(self, which: Sequence[int], calls: Sequence[tuple[Any, ...]]) -> Asked:
        """Ask some of them, by number, each by a function and its arguments."""
        asked = Asked(self, monotonic() + self._timeout)
        try:
            for number, call in zip(which, calls, strict=True):
                asked.submit(number, call)
        except BaseException:
            asked.cancel()
            raise
        return asked

    def run(self, call: tuple[Any, ...]) -> Any:
        """Return a future of an answer, or the answer."""
        function, *arguments = call
        if self._executor is not None:
            return self._executor.submit(function, *arguments)
        if math.isfinite(self._timeout):
            # Whoever never answers must not keep the interpreter from its end, as a pool would.
            future: Future[Any] = Future()
            threading.Thread(target=_answer, args=(future, call), daemon=True).start()
            return future
        return function(*arguments)

    def error(self, number: int, what: str, more: str = "") -> AgentError:
        """Return the error of an agent."""
        label = self.labels[number]
        return AgentError(f"the agent {label!r} {what} in round {self.round}{more}", label)

    @property
    def allowed(self) -> str:
        """The time-out in words."""
        return f"within {self._timeout:g} s"


class Asked:
    """Answers that are on their way."""

    def __init__(self, panel: Panel, deadline: float) -> None:
        self._panel = panel
        self._deadline = deadline
        self._pending: list[tuple[int, Any]] = []

    def submit(self, number: int, call: tuple[Any, ...]) -> None:
        """Ask one."""
        try:
            self._pending.append((number, self._panel.run(call)))
        except Exception as error:
            what = f"died ({_named(error)})" if _is_loss(error) else f"raised {_named(error)}"
            raise self._panel.error(number, what) from error

    def answers(self) -> list[Any]:
        """Wait for all, and return what they say in the order in which they were asked."""
        try:
            return [self._answer_of(number, found) for number, found in self._pending]
        except BaseException:
            self.cancel()
            raise

    def _answer_of(self, number: int, found: Any) -> Any:
        # An answer of an executor may itself be a future, as of a proxy.
        while not isinstance(found, np.ndarray) and callable(getattr(found, "result", None)):
            left = self._deadline - monotonic()
            try:
                found = found.result() if math.isinf(left) else found.result(timeout=max(left, 0.0))
            except Exception as error:
                if _is_timeout(error) and monotonic() >= self._deadline:
                    raise self._panel.error(
                        number, f"has not answered {self._panel.allowed}"
                    ) from error
                if _is_loss(error):
                    raise self._panel.error(number, f"died ({_named(error)})") from error
                if isinstance(error, BrokenExecutor):
                    raise self._panel.error(
                        number, f"or another one in its executor died ({_named(error)})"
                    ) from error
                raise self._panel.error(number, f"raised {_named(error)}") from error
        return found

    def cancel(self) -> None:
        """Give up what has not begun."""
        for _, found in self._pending:
            cancel = getattr(found, "cancel", None)
            if callable(cancel):
                cancel()


def _answer(future: Future[Any], call: tuple[Any, ...]) -> None:
    function, *arguments = call
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(function(*arguments))
    except BaseException as error:
        future.set_exception(error)


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__


def _is_loss(error: BaseException) -> bool:
    """Return whether an error means that whoever was to answer is no longer there."""
    # Those of distributed by name: it need not be installed.
    kinds = {kind.__name__ for kind in type(error).__mro__}
    lost = (ConnectionError, EOFError, CancelledError)
    return isinstance(error, lost) or bool(kinds & {"KilledWorker", "FutureCancelledError"})


def _is_timeout(error: BaseException) -> bool:
    # That of concurrent.futures, of asyncio and Python's own are three classes in Python 3.10.
    return any(kind.__name__ == "TimeoutError" for kind in type(error).__mro__)


def checked_answer(panel: Panel, number: int, answer: Any, n_steps: int) -> NDArray[np.float64]:
    """Return an answer as finite numbers, one for each step.

    Raises
    ------
    AgentError
        It is not.
    """
    try:
        exchange = np.asarray(answer)
        if exchange.dtype.kind not in "iuf":
            raise TypeError(f"an array of {exchange.dtype}")
        exchange = exchange.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise panel.error(
            number, f"answered {type(answer).__name__} instead of an array of numbers ({error})"
        ) from error
    if exchange.shape != (n_steps,):
        raise panel.error(
            number, f"answered an array of shape {exchange.shape} instead of ({n_steps},)"
        )
    finite = np.isfinite(exchange)
    if not finite.all():
        step = int(np.argmin(finite))
        raise panel.error(number, f"answered {exchange[step]} for step {step}")
    return exchange
