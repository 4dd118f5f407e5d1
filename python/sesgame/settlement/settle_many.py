"""Many small communities in one call: side by side, with little memory, and none lost.

A community of a dozen members is settled in a fraction of a second, of which the interpreter needs
some milliseconds. So communities run side by side on threads of the interpreter, and their native
work on the threads of the engine, which have something to do while another community is read or its
bills are written.
"""

from __future__ import annotations

import dataclasses
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sized
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import nullcontext
from os import PathLike
from typing import TYPE_CHECKING, Any, TypeAlias

from sesgame._engine import Stop, n_threads
from sesgame.catalogue import RULES, allocate, check_options
from sesgame.energy.community import Community
from sesgame.errors import GameError, SesgameError
from sesgame.formatting import named as described
from sesgame.game.door import checked_arguments, is_world
from sesgame.progress import hidden_progress, progress_report
from sesgame.rule import AllocationProblem
from sesgame.settlement.settled import Settled
from sesgame.settlement.settled_store import SettledStore, digest

if TYPE_CHECKING:
    from sesgame.energy.time_steps import Moment
    from sesgame.game.world import World

__all__ = ["settle_many"]

Given: TypeAlias = "World | str | PathLike[str]"
"""A community or another world, or the folder to read a community from."""

MOST_AHEAD = 1024
"""Settled communities that wait, at most, for one that takes longer."""

HEARING_SECONDS = 0.1
"""How often a waiting thread looks up: where waiting cannot be interrupted, Ctrl-C comes then."""


@checked_arguments
def settle_many(
    communities: Iterable[Given],
    rules: str | Iterable[str] | None = None,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    model: str | None = None,
    max_seconds: float | None = None,
    store: str | PathLike[str] | None = None,
    progress: bool = True,
    **options: Any,
) -> Iterator[Settled]:
    r"""Settle many communities by the same rules, and yield their bills as they come.

    Parameters
    ----------
    communities : iterable of Community, Scenarios, another world, or path
        Any number of them; a path is a folder as for
        :meth:`Community.from_csv <sesgame.energy.Community.from_csv>`. They are asked for while
        others are settled, so a generator that makes one after the other needs little memory.
        The months of a year are :meth:`Community.months <sesgame.energy.Community.months>`.
    rules : str or iterable of str, optional
        Names of rules, as for :func:`sesgame.compare`: ``"shapley"``, ``"dual-prices"``,
        ``"nucleolus"``, ... Each is applied by itself. By default the first of the catalogue, the
        Shapley value.
    start, end, model
        The period and the model, as in ``Community.cost_game``.
    max_seconds : float, optional
        Time limit of each separation search, where there is no table; by default 300.
    store : str or path, optional
        A file that keeps the bills of every community as soon as it is settled. A call with the
        same store goes on where one was killed: what it has is not settled again. Several
        processes may use one file.
    progress : bool, default True
        Show how many communities are settled, where standard error is a terminal.
    **options
        Of rules that take more, as for :func:`sesgame.compare`.

    Yields
    ------
    Settled
        For each community, in the order in which they were given, one for each rule, in that
        order. Where a community cannot be read or a rule not applied, its `failure` says why, and
        the others are not touched.

    Raises
    ------
    GameError
        There is no rule of that name, no rule takes an option, or `communities` is not iterable.
    StoreError
        The store cannot be opened, read or written, or a row of it is damaged.

    Notes
    -----
    The bits of each bill are those of the rule for that community alone, for any number of threads,
    and from the store. An iterable that raises ends the run after the communities before it are
    settled and yielded. After Ctrl-C, or when the iterator is closed, what was settled is in the
    store; what was not yet finished is dropped within a moment. A failure is not kept: it is tried
    again.

    Time: that of the rule, on all cores, and some milliseconds of the interpreter for each
    community. Memory: a few communities for each core, and bills that wait to be yielded.
    An iterator goes on only in the process that it was made in.

    Examples
    --------
    Two days of the example community, by the Shapley value:

    >>> import sesgame as sg
    >>> whole = sg.energy.Community.from_csv("examples/rural13")
    >>> days = [("2016-06-01", "2016-06-02"), ("2016-06-02", "2016-06-03")]
    >>> for settled in sg.settle_many(whole.period(*day) for day in days):
    ...     print(settled.period, round(settled.allocation.total, 2), settled.allocation.method)
    1 June 2016 -57.45 Shapley value
    2 June 2016 -52.86 Shapley value
    """
    if is_world(communities) or isinstance(communities, (str, bytes, PathLike)):
        raise GameError(
            f"communities must be a collection of communities, got {described(communities)}"
        )
    if not isinstance(communities, Iterable):
        raise GameError(f"communities must be iterable, got {described(communities)}")
    if rules is None:
        rules = next(iter(RULES))
    names = [rules] if isinstance(rules, str) else _names(rules)
    RULES.check(names)
    options = {keyword: value for keyword, value in options.items() if value is not None}
    task = _Task(tuple(names), start, end, model, max_seconds, options)
    task.check_options()
    return _run(task, communities, None if store is None else SettledStore(store), progress)


def _names(rules: Any) -> list[str]:
    """Return names of rules, of which there is at least one."""
    if isinstance(rules, (bytes, Mapping)) or not isinstance(rules, Iterable):
        raise GameError(f"rules must be names of rules, got {described(rules)}")
    names = list(rules)
    for name in names:
        if not isinstance(name, str):
            raise GameError(f"a rule must be its name, got {described(name)}")
    if not names:
        raise GameError("rules must not be empty")
    return names


@dataclasses.dataclass(frozen=True)
class _Task:
    """What is done with each community."""

    rules: tuple[str, ...]
    start: Moment | None
    end: Moment | None
    model: str | None
    max_seconds: float | None
    options: Mapping[str, Any]

    def check_options(self) -> None:
        """Refuse options that none of the rules takes, before a community is read."""
        check_options(AllocationProblem(game=None, options=self.options), self.rules)  # type: ignore[arg-type] # no game counts

    def read(self, given: Given) -> World:
        """Return the community in the period that counts."""
        world: World
        if isinstance(given, (str, PathLike)):
            world = Community.from_csv(given)
        elif is_world(given):
            world = given
        else:
            raise GameError(
                f"a community must be a Community, another world or a path, got {described(given)}"
            )
        return world if self.start is None and self.end is None else world.period(*self.ends)

    @property
    def ends(self) -> tuple[Moment | None, Moment | None]:
        """Of the period."""
        return self.start, self.end

    def key(self, world: World, rule: str) -> bytes:
        """Return the digest of all that the bills depend on."""
        return digest(rule, self.model, self.max_seconds, dict(self.options), world)

    def apply(self, world: World, blank: Settled, stop: Stop) -> Settled:
        """Return the bills of one rule, or why there are none."""
        with stop, hidden_progress():
            try:
                problem = AllocationProblem.of(
                    world, model=self.model, max_seconds=self.max_seconds, options=self.options
                )
                return _without_evidence(blank, allocate(problem, blank.rule))
            except Exception as error:  # one community must not lose the others
                return dataclasses.replace(blank, failure=_said(error))


def _without_evidence(blank: Settled, allocation: Any) -> Settled:
    """Return what is kept of an allocation."""
    intervals = allocation.intervals
    evidence = allocation.evidence
    bills = dataclasses.replace(allocation, evidence=None, exact=None)
    object.__setattr__(bills, "rule", allocation.rule)
    return dataclasses.replace(
        blank,
        allocation=bills,
        lowest=None if intervals is None else intervals.lowest,
        highest=None if intervals is None else intervals.highest,
        unproved="" if evidence is None else evidence.unproved,
    )


def _said(error: Exception) -> str:
    """Return what an error says; of one that is not ours also what it is."""
    return str(error) if isinstance(error, SesgameError) else f"{type(error).__name__}: {error}"


class _Settling:
    """One run over many communities, from the first to the last.

    Parameters
    ----------
    task : _Task
        What is done with each.
    communities : iterable
        The communities.
    store : SettledStore, optional
        Where bills are kept; open.
    """

    def __init__(
        self, task: _Task, communities: Iterable[Given], store: SettledStore | None
    ) -> None:
        self.task, self.store = task, store
        self.source: Iterator[tuple[int, Given]] | None = enumerate(communities)
        self.broken: Exception | None = None  # what the iterable raised
        self.stop = Stop()
        self.threads = n_threads()
        # One more than the engine has, so that it has work while one is with the interpreter.
        self.pool = ThreadPoolExecutor(self.threads + 1, thread_name_prefix="sesgame settles")
        self.waiting: deque[list[Settled | None]] = deque()  # by community, in order
        self.flying: dict[Future[Settled], tuple[list[Settled | None], int, bytes | None]] = {}

    def fill(self) -> None:
        """Begin as many communities as keep the threads busy."""
        while self.source is not None and len(self.waiting) < MOST_AHEAD:
            if len(self.flying) >= 2 * self.threads:
                return
            try:
                number, given = next(self.source)
            except StopIteration:
                self.source = None
            except Exception as error:  # those before it come first
                self.source, self.broken = None, error
            else:
                self.begin(number, given)

    def begin(self, number: int, given: Given) -> None:
        """Read a community, and begin what is not in the store."""
        name = str(getattr(given, "name", given) if is_world(given) else given)
        blanks = [Settled(number, name, "", rule) for rule in self.task.rules]
        records: list[Settled | None] = [None] * len(blanks)
        self.waiting.append(records)
        for place, blank in enumerate(blanks):
            key = None
            try:
                world = self.task.read(given)
                blank = dataclasses.replace(
                    blank, name=str(world.name), period=world.period_in_words
                )
                if self.store is not None:
                    key = self.task.key(world, blank.rule)
            except Exception as error:  # one must not lose the others
                records[place] = dataclasses.replace(blank, failure=_said(error))
                continue
            if self.store is not None and key is not None:
                records[place] = self.store.find(key, world, blank)
            if records[place] is None:
                future = self.pool.submit(self.task.apply, world, blank, self.stop)
                self.flying[future] = records, place, key

    def take(self, landed: Iterable[Future[Settled]]) -> None:
        """Enter what is finished, and keep it."""
        for future in landed:
            records, place, key = self.flying.pop(future)
            records[place] = settled = future.result()
            if self.store is not None and key is not None and not settled.failure:
                self.store.keep(key, settled)

    def finished(self) -> Iterator[list[Settled]]:
        """Yield the records of each community that is settled, as far as all before it are."""
        while self.waiting and None not in self.waiting[0]:
            yield [record for record in self.waiting.popleft() if record is not None]

    def wait(self) -> None:
        """Wait a moment for what is worked on."""
        self.take(wait(self.flying, HEARING_SECONDS, FIRST_COMPLETED).done)

    def end(self) -> None:
        """Stop what is not finished, and keep what is."""
        self.stop.set()
        self.pool.shutdown(wait=True, cancel_futures=True)
        for future in list(self.flying):
            # What was cancelled or has ended by the stop is not finished.
            if not future.cancelled() and future.exception() is None:
                self.take([future])


def _run(
    task: _Task, communities: Iterable[Given], store: SettledStore | None, progress: bool
) -> Iterator[Settled]:
    """Yield the bills of communities in order, while the next are settled."""
    process = os.getpid()
    total = len(communities) if isinstance(communities, Sized) else 0
    done = 0
    with (
        nullcontext() if store is None else store.opened(),
        progress_report("communities", "", progress) as report,
    ):
        settling = _Settling(task, communities, store)
        try:
            while settling.source is not None or settling.waiting:
                settling.fill()
                for records in settling.finished():
                    done += 1
                    if report is not None:
                        report(done, total)
                    for settled in records:
                        yield settled
                        if os.getpid() != process:
                            raise GameError(
                                "settled communities are yielded only in the process that began "
                                "with them; call settle_many in this one"
                            )
                if settling.flying:
                    settling.wait()
        finally:
            if os.getpid() == process:
                settling.end()
    if settling.broken is not None:
        raise settling.broken
