"""Who finds the coalition with the largest excess: a table of all coalitions, or an oracle.

Made once for a game, a :class:`CoalitionSearch` serves every rule and audit of it: whoever asks
for that coalition need not know how it is found.
"""

from __future__ import annotations

import dataclasses
import math
from abc import ABC, abstractmethod
from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from sesgame._engine import worst_coalition
from sesgame.cached import cached_property
from sesgame.errors import OracleError
from sesgame.game.game import Game
from sesgame.stability.separation_oracle import Separator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.separation import SeparationOracle
    from sesgame.rule import AllocationProblem

__all__ = [
    "RELATIVE_TOLERANCE",
    "CoalitionSearch",
    "FewCoalitions",
    "OracleSearch",
    "TableSearch",
    "WorstCoalition",
    "first_largest",
]

RELATIVE_TOLERANCE = 1e-9
"""Of the largest absolute value of any coalition: what counts as equal, unless told otherwise."""

ORACLE_TOLERANCE = 1e-7
"""The same where an oracle is asked, which is itself no more precise."""


@dataclasses.dataclass(frozen=True)
class WorstCoalition:
    """The coalition with the largest excess of those looked at, and what is proved of all.

    Attributes
    ----------
    coalition : tuple of hashable
        A proper, non-empty coalition; empty for a game of one player, which has none.
    excess : float
        Its excess; minus infinity where there is none.
    bound : float
        No coalition has a larger excess; infinite where nothing is proved.
    """

    coalition: tuple[Hashable, ...]
    excess: float
    bound: float


NOBODY = WorstCoalition((), -np.inf, -np.inf)
"""What is found in a game of one player."""


class CoalitionSearch(ABC):
    """Finds the coalition with the largest excess at an allocation of a game.

    Attributes
    ----------
    game : Game
        The game.
    exhaustive : bool
        Whether it looks at all coalitions.
    oracle : SeparationOracle or None
        The oracle that it asks, if any.
    max_seconds : float
        The time limit of a search; infinite where there is none.
    progress : bool
        Whether to show progress where standard error is a terminal.
    """

    exhaustive: ClassVar[bool]
    relative_tolerance: ClassVar[float]

    oracle: SeparationOracle | None = None
    max_seconds: float = math.inf

    def __init__(self, game: Game, *, progress: bool = True) -> None:
        self.game = game
        self.progress = progress

    @staticmethod
    def of(
        game: Game | Iterable[Hashable],
        *,
        oracle: SeparationOracle | None = None,
        tolerance: float | None = None,
        local_search: int = 0,
        max_seconds: float | None = None,
        progress: bool = True,
    ) -> CoalitionSearch:
        """Return a search in the table of a game, or by its oracle.

        Parameters
        ----------
        game, oracle, tolerance, local_search, max_seconds, progress
            As in :func:`sesgame.least_core`.

        Raises
        ------
        OracleError
            The oracle cannot separate; players are given in place of a game, and no oracle that
            has ``kind`` and ``value``; or an option has a meaning only with an oracle.
        """
        if oracle is not None:
            return OracleSearch(
                _game_of_oracle(game, oracle),
                oracle,
                tolerance=tolerance,
                local_search=local_search,
                max_seconds=math.inf if max_seconds is None else max_seconds,
                progress=progress,
            )
        options = {"tolerance": tolerance, "local_search": local_search, "max_seconds": max_seconds}
        given = [name for name, value in options.items() if value]
        if given:
            raise OracleError(f"{given[0]} has a meaning only with an oracle")
        if not isinstance(game, Game):
            raise OracleError("players alone are no game; pass a Game, or an oracle as well")
        return TableSearch(game, progress=progress)

    @staticmethod
    def of_problem(
        problem: AllocationProblem, *, certain: bool = True, progress: bool = True
    ) -> CoalitionSearch:
        """Return the search of a problem: in its table, or by its oracle.

        Parameters
        ----------
        problem : AllocationProblem
            What is to be split.
        certain : bool, default True
            Whether a problem of too many players for a table, and without an oracle, is to be an
            error when it is searched. Otherwise few coalitions are looked at and nothing is proved.
        progress : bool, default True
            Show progress where standard error is a terminal.
        """
        if problem.oracle is not None:
            return OracleSearch(
                problem.game,
                problem.oracle,
                local_search=problem.local_search,
                max_seconds=problem.max_seconds,
                progress=progress,
            )
        kind = TableSearch if problem.has_table or certain else FewCoalitions
        return kind(problem.game, progress=progress)

    @property
    @abstractmethod
    def alone(self) -> NDArray[np.float64]:
        """The value of each player alone, shape (n,)."""

    @property
    @abstractmethod
    def total(self) -> float:
        """The value of the grand coalition."""

    @property
    @abstractmethod
    def scale(self) -> float:
        """The largest absolute value of the coalitions looked at."""

    @property
    def default_tolerance(self) -> float:
        """Which difference of excesses counts as none, unless told otherwise."""
        return max(self.relative_tolerance * self.scale, self.game.rounding)

    @abstractmethod
    def worst(self, allocation: NDArray[np.float64], tolerance: float) -> WorstCoalition:
        """Return the coalition with the largest excess at an allocation.

        Parameters
        ----------
        allocation : ndarray of float, shape (n,)
            In player order and in the sense of the game.
        tolerance : float
            By how much two answers of an oracle may contradict each other.

        Notes
        -----
        Of coalitions whose excesses differ by no more than :attr:`default_tolerance` the first is
        named: rounding, which differs from machine to machine, does not choose.
        """


class TableSearch(CoalitionSearch):
    """Looks at the values of all coalitions, at most 30 players; the game is tabulated.

    Raises
    ------
    PlayerLimitError
        More than 30 players; when it is first asked for anything.
    """

    exhaustive = True
    relative_tolerance = RELATIVE_TOLERANCE

    @property
    def table(self) -> NDArray[np.float64]:
        """The values of all coalitions in binary order, shape (2**n,)."""
        return self.game.tabulate(progress=self.progress)

    @property
    def alone(self) -> NDArray[np.float64]:
        """The value of each player alone, shape (n,)."""
        values: NDArray[np.float64] = self.table[1 << np.arange(self.game.n_players)]
        return values

    @property
    def total(self) -> float:
        """The value of the grand coalition."""
        return float(self.table[-1])

    @property
    def scale(self) -> float:
        """The largest absolute value of any coalition."""
        self.game.tabulate(progress=self.progress)
        return self.game.scale

    def worst(self, allocation: NDArray[np.float64], tolerance: float) -> WorstCoalition:
        """Return the first coalition, by its bit mask, of those with the largest excess."""
        found = worst_coalition(self.table, self.game.kind, allocation, self.default_tolerance)
        if found is None:
            return NOBODY
        coalition, excess = found
        return WorstCoalition(self.game.players.ordered_labels(coalition), excess, excess)


class FewCoalitions(CoalitionSearch):
    """Looks at the 2n + 1 coalitions of 1, n - 1 and n players; proves nothing.

    For games of too many players for a table, and without an oracle.
    """

    exhaustive = False
    relative_tolerance = ORACLE_TOLERANCE

    @cached_property
    def membership(self) -> NDArray[np.bool_]:
        """The coalitions of 1, n - 1 and n players, as rows of a bool array."""
        single = np.eye(self.game.n_players, dtype=np.bool_)
        return np.concatenate([single, ~single, np.ones((1, self.game.n_players), dtype=np.bool_)])

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """The values of these coalitions, shape (2 n + 1,)."""
        return self.game.values(self.membership, progress=self.progress)

    @property
    def alone(self) -> NDArray[np.float64]:
        """The value of each player alone, shape (n,)."""
        return self.values[: self.game.n_players]

    @property
    def total(self) -> float:
        """The value of the grand coalition."""
        return float(self.values[-1])

    @property
    def scale(self) -> float:
        """The largest absolute value of these coalitions."""
        return float(np.abs(self.values).max())

    def worst(self, allocation: NDArray[np.float64], tolerance: float) -> WorstCoalition:
        """Return the first of these coalitions with the largest excess."""
        return self._worst_of(allocation, self.membership[:-1], self.values[:-1], np.inf)

    def _worst_of(
        self,
        allocation: NDArray[np.float64],
        membership: NDArray[np.bool_],
        values: NDArray[np.float64],
        bound: float,
    ) -> WorstCoalition:
        if self.game.n_players == 1:
            return NOBODY
        excesses = self.game.sign * (values - membership @ allocation)
        worst = first_largest(excesses, self.default_tolerance)
        excess = float(excesses.max())
        labels = self.game.players.ordered_labels(membership[worst])
        return WorstCoalition(labels, excess, max(bound, excess))


class OracleSearch(FewCoalitions):
    """Asks a separation oracle, and looks at the few coalitions itself.

    Attributes
    ----------
    tolerance : float or None
        What counts as equal for a solution by row generation, where that is given.
    local_search : int
        How many coalitions row generation looks at before it asks.
    """

    oracle: SeparationOracle

    def __init__(
        self,
        game: Game,
        oracle: SeparationOracle,
        *,
        tolerance: float | None = None,
        local_search: int = 0,
        max_seconds: float = math.inf,
        progress: bool = True,
    ) -> None:
        super().__init__(game, progress=progress)
        self.oracle = oracle
        self.tolerance = tolerance
        self.local_search = local_search
        self.max_seconds = max_seconds

    def separator(self, tolerance: float) -> Separator:
        """Return the oracle with its answers checked, also against the few coalitions' values."""
        separator = Separator(self.game, self.oracle, tolerance)
        separator.learn(self.membership, self.values)
        return separator

    def worst(self, allocation: NDArray[np.float64], tolerance: float) -> WorstCoalition:
        """Return the first of those with the largest excess: of the few, and of one answer."""
        if self.game.n_players == 1:
            return NOBODY
        membership, values = self.membership[:-1], self.values[:-1]
        best = float((self.game.sign * (values - membership @ allocation)).max())
        # Whether somebody gains is what counts: how far the others are from that may be hard to
        # tell.
        named = self.separator(tolerance).ask(
            allocation, 1, max(best, 0.0), None, self.max_seconds, attained=best >= 0
        )
        return self._worst_of(
            allocation,
            np.concatenate([membership, named.membership]),
            np.concatenate([values, named.values]),
            named.bound,
        )


def first_largest(values: NDArray[np.float64], equal: float) -> int:
    """Return the place of the first value that is as large as any, up to a difference."""
    return int(np.argmax(values >= values.max() - equal))


def _game_of_oracle(players: Game | Iterable[Hashable], oracle: Any) -> Game:
    """Return the game itself, or that of the oracle's own kind and values."""
    needed = ("most_violated",) if isinstance(players, Game) else ("most_violated", "kind", "value")
    for name in needed:
        if not hasattr(oracle, name):
            raise OracleError(
                f"the oracle {oracle!r} has no {name}; it needs {', '.join(needed)}"
                + ("" if isinstance(players, Game) else ", or a Game in place of the players")
            )
    if isinstance(players, Game):
        return players
    return Game.from_function(players, oracle.value, kind=oracle.kind, batched=True)
