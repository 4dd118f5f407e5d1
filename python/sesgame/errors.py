"""Exceptions and warnings. Each is also a standard exception, so existing handlers keep working."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = [
    "AgentError",
    "AllocationError",
    "CharacteristicFunctionError",
    "CoalitionError",
    "ContradictoryBoundsError",
    "ExecutorError",
    "Fault",
    "FaultyFilesError",
    "GameError",
    "InternalError",
    "MissingExtraError",
    "NotConvergedWarning",
    "NotFiniteError",
    "NumericalWarning",
    "OracleError",
    "OutOfMemoryError",
    "PlayerLimitError",
    "SesgameError",
    "SesgameWarning",
    "SolverError",
    "StoreError",
]


class SesgameError(Exception):
    """Base class of every error that sesgame raises on its own account."""


class GameError(SesgameError, ValueError):
    """The game itself, or the data it is made from, is wrong."""


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with a file; as text, the message of the error that it is.

    Attributes
    ----------
    what : str
        What is wrong, in words; it may name the file itself.
    file : str
        The path, or nothing where no one file is to blame.
    line : int or None
        Of the file, counted from 1, where there is one.
    column : str or None
        The name in the header, where there is one.
    cure : str
        What to do, where that can be told.
    """

    what: str
    file: str = ""
    line: int | None = None
    column: str | None = None
    cure: str = ""

    def __str__(self) -> str:
        place = "" if self.file in self.what else self.file
        if self.line is not None:
            place += f", line {self.line}"
        if self.column is not None:
            place += f', column "{self.column}"'
        return (f"{place}: " if place else "") + self.what + (f"; {self.cure}" if self.cure else "")


class FaultyFilesError(GameError):
    """Files are wrong; the message is the first fault, and how many there are beside it.

    Attributes
    ----------
    faults : tuple of Fault
        All that could be found, by file in the order of reading, and by line.
    """

    def __init__(self, faults: Sequence[Fault]) -> None:
        more = len(faults) - 1
        rest = f" (and {more:,} more {'fault' if more == 1 else 'faults'})" if more else ""
        super().__init__(f"{faults[0]}{rest}")
        self.faults = tuple(faults)

    def __reduce__(self) -> tuple[type, tuple[tuple[Fault, ...]]]:
        return type(self), (self.faults,)


class CharacteristicFunctionError(GameError):
    """The characteristic function raised, or gave something that is not a finite number.

    Attributes
    ----------
    coalition : frozenset
        The members of the coalition that was asked for.
    """

    def __init__(self, message: str, coalition: frozenset[Hashable]) -> None:
        super().__init__(message)
        self.coalition = coalition

    def __reduce__(self) -> tuple[type, tuple[str, frozenset[Hashable]]]:
        return type(self), (str(self), self.coalition)


class NotFiniteError(GameError):
    """The value of a coalition is not a finite number.

    Attributes
    ----------
    mask : int
        The coalition: bit i is set when player i is a member.
    value : float
        The value.
    step : int or None
        The first step in which limits leave the coalition no dispatch, counted from 0, if that is
        why.
    """

    def __init__(
        self,
        coalition: int | Sequence[int],
        value: float,
        name: str = "",
        step: int | None = None,
    ) -> None:
        # The engine names a coalition by its mask or, of any number of players, by its members.
        mask = coalition if isinstance(coalition, int) else sum(1 << i for i in coalition)
        why = "" if step is None else f": limits leave no dispatch in step {step}, counted from 0"
        super().__init__(
            f"the value of {name or f'coalition {mask:#b}'} is {value}, not a finite number{why}"
        )
        self.mask = mask
        self.value = value
        self.step = step
        self._name = name

    def __reduce__(self) -> tuple[type, tuple[int, float, str, int | None]]:
        return type(self), (self.mask, self.value, self._name, self.step)


class PlayerLimitError(GameError):
    """There are too many players for what was asked.

    Attributes
    ----------
    n_players, limit : int
        How many there are and how many are possible.
    """

    def __init__(self, message: str, n_players: int, limit: int) -> None:
        super().__init__(message)
        self.n_players = n_players
        self.limit = limit

    def __reduce__(self) -> tuple[type, tuple[str, int, int]]:
        return type(self), (str(self), self.n_players, self.limit)


class CoalitionError(SesgameError, ValueError):
    """A coalition names a player that is not in the game, or one twice."""


class AllocationError(SesgameError, ValueError):
    """An allocation does not fit the game it is used with."""


class ContradictoryBoundsError(AllocationError):
    """No point of the core, or of the least core, satisfies the bounds on shares.

    Attributes
    ----------
    contradiction : BoundsContradiction
        Whose bounds contradict which coalitions, with multipliers that prove it.
    """

    def __init__(self, message: str, contradiction: Any) -> None:
        super().__init__(message)
        self.contradiction = contradiction

    def __reduce__(self) -> tuple[type, tuple[str, Any]]:
        return type(self), (str(self), self.contradiction)


class SolverError(SesgameError, RuntimeError):
    """A linear or integer program could not be finished.

    Attributes
    ----------
    stage, status : str
        What was being solved, and how the solver says it ended.
    """

    def __init__(self, stage: str, status: str) -> None:
        super().__init__(f'{stage}: the solver stopped with status "{status}"')
        self.stage = stage
        self.status = status

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (self.stage, self.status)


class OutOfMemoryError(SesgameError, MemoryError):
    """The process cannot get the memory that a call needs.

    Attributes
    ----------
    purpose : str
        What it is for: ``"table"`` (something for each coalition), ``"sample"`` (coalitions that
        are drawn, and their values) or ``"data"`` (a copy of what was given, or as large a result).
    n_bytes : int
        How much it is.
    """

    def __init__(self, purpose: str, n_bytes: int) -> None:
        what, instead = _MEMORY[purpose]
        super().__init__(
            f"{what} {n_bytes / 1e9:.3g} GB of memory, which this process cannot get. {instead}"
        )
        self.purpose = purpose
        self.n_bytes = n_bytes

    def __reduce__(self) -> tuple[type, tuple[str, int]]:
        return type(self), (self.purpose, self.n_bytes)


_MEMORY = {
    "table": (
        "the values of all coalitions take",
        "Estimate the Shapley value by sampling (sg.shapley_estimate), give a rule of the core an "
        "oracle for the worst coalition (oracle=), or declare interchangeable players (types=)",
    ),
    "sample": (
        "the sampled coalitions take",
        "Draw fewer (max_evaluations=), or estimate a native game by permutations, which keeps no "
        'coalitions (method="permutations")',
    ),
    "data": (
        "a copy of the data takes",
        "Give fewer players, coalitions or time steps at a time",
    ),
}


class InternalError(SesgameError, RuntimeError):
    """A fault of sesgame itself: nothing that a caller did should end like this.

    The process goes on, and so does everything else in it. Please report it, with the call.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"a fault of sesgame, please report it with this call: {reason}")
        self._reason = reason

    def __reduce__(self) -> tuple[type, tuple[str]]:
        return type(self), (self._reason,)


class ExecutorError(SesgameError, RuntimeError):
    """An executor was shut down, lost its workers or gave a block up; completed values are kept."""


class AgentError(SesgameError, RuntimeError):
    """An agent died, did not answer in time, or its answer is none.

    Attributes
    ----------
    agent : hashable
        Its label.
    state : ClearingState or None
        The state before the round in which that happened: the clearing goes on from there, with
        the agent mended or another one in its place.
    """

    def __init__(self, message: str, agent: Hashable, state: Any = None) -> None:
        super().__init__(message)
        self.agent = agent
        self.state = state

    def __reduce__(self) -> tuple[type, tuple[str, Hashable, Any]]:
        return type(self), (str(self), self.agent, self.state)


class OracleError(SesgameError, RuntimeError):
    """A separation oracle raised, or its answer has a wrong form or contradicts what is known."""


class MissingExtraError(SesgameError, ModuleNotFoundError):
    """A library is not there that an extra of this package installs.

    Attributes
    ----------
    extra : str
        Its name, as in ``pip install "sesgame[plot]"``.
    """

    def __init__(self, message: str, extra: str) -> None:
        super().__init__(f'{message}: pip install "sesgame[{extra}]"')
        self.extra = extra

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self).partition(": pip install ")[0], self.extra)


class StoreError(SesgameError, RuntimeError):
    """A store belongs to another game, or cannot be read or written.

    Attributes
    ----------
    path : str
        The file.
    """

    def __init__(self, message: str, path: str) -> None:
        super().__init__(message)
        self.path = path

    def __reduce__(self) -> tuple[type, tuple[str, str]]:
        return type(self), (str(self), self.path)


class SesgameWarning(UserWarning):
    """Base class of every warning that sesgame gives."""


class NotConvergedWarning(SesgameWarning):
    """A target was not reached; the result is kept and says how far it got."""


class NumericalWarning(SesgameWarning):
    """The result holds, with less precision than usual."""
