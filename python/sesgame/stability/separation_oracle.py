"""Separation oracles: they return the coalitions with the largest excess where no table can.

Oracles are untrusted: their answers are checked for consistency, and an error names the coalition.
"""

from __future__ import annotations

import dataclasses
import inspect
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import CoalitionError, OracleError
from sesgame.formatting import format_coalition
from sesgame.game.players import keys_of_membership
from sesgame.game.separation import SeparationOracle

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["Named", "SeparationOracle", "Separator"]

OPTIONS = ("level", "outside", "max_seconds")
"""What `most_violated` is told if it takes an argument of that name."""


@dataclasses.dataclass(frozen=True)
class Named:
    """The coalitions of one answer, and what it proves.

    Attributes
    ----------
    membership : ndarray of bool, shape (m, n)
    values, excesses : ndarray of float, shape (m,)
    bound : float
        No coalition that was asked for has a larger excess; infinite where that is not proved.
    """

    membership: NDArray[np.bool_]
    values: NDArray[np.float64]
    excesses: NDArray[np.float64]
    bound: float


class Separator:
    """An oracle whose answers are checked.

    Attributes
    ----------
    calls : int
        How often the oracle was asked.
    takes_outside : bool
        Whether it can be asked for coalitions outside a span.
    """

    def __init__(self, game: Game, oracle: SeparationOracle, tolerance: float) -> None:
        self.calls = 0
        self._game = game
        self._oracle = oracle
        self._exact = bool(getattr(oracle, "exact", False))
        self._tolerance = tolerance
        self._known: dict[bytes, float] = {}
        parameters = inspect.signature(oracle.most_violated).parameters.values()
        anything = any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)
        names = {p.name for p in parameters if p.kind is not inspect.Parameter.POSITIONAL_ONLY}
        self._options = [name for name in OPTIONS if anything or name in names]
        self.takes_outside = "outside" in self._options

    def learn(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Keep values; refuse one that is another than before."""
        for row, key in enumerate(keys_of_membership(membership)):
            value = float(values[row])
            before = self._known.setdefault(key, value)
            if abs(value - before) > self._tolerance:
                raise OracleError(
                    f"{self._name(membership[row])} is worth {value!r}, but it was worth "
                    f"{before!r} before; a coalition has one value"
                )

    def ask(
        self,
        allocation: NDArray[np.float64],
        count: int,
        level: float,
        outside: NDArray[Any] | None,
        max_seconds: float,
        *,
        attained: bool = True,
    ) -> Named:
        """Ask for the coalitions of largest excess outside a span, and check the answer.

        Raises
        ------
        OracleError
            The oracle raised, or its answer has a wrong form or contradicts itself, an earlier
            answer, or `level`, if a coalition outside is known to have attained it.
        """
        told = {"level": level, "outside": outside, "max_seconds": max_seconds}
        self.calls += 1
        try:
            answer = self._oracle.most_violated(
                allocation.copy(), count, **{name: told[name] for name in self._options}
            )
        except Exception as error:
            raise OracleError(f"most_violated raised {type(error).__name__}: {error}") from error
        coalitions, values, bound = self._parts(answer)
        membership = self._membership(coalitions)
        values = self._values(values, membership)
        self.learn(membership, values)
        inside = membership.all(axis=1) | ~membership.any(axis=1)
        if outside is not None:
            inside |= ~(membership @ outside.T != 0).any(axis=1)
        membership, values = membership[~inside], values[~inside]
        excesses = self._game.sign * (values - membership @ allocation)
        worst = float(excesses.max()) if excesses.size else -math.inf
        if bound is None:
            bound = worst if self._exact and (excesses.size or not inside.any()) else math.inf
            bound = level if bound == -math.inf else bound
        if bound < worst - self._tolerance:
            raise OracleError(
                f"the oracle proves that no excess is above {bound!r}, but that of "
                f"{self._name(membership[int(excesses.argmax())])}, which it names, is {worst!r}"
            )
        if attained and bound < level - self._tolerance:
            raise OracleError(
                f"the oracle proves that no excess is above {bound!r}, but a coalition that it "
                f"was asked for is known to have {level!r}"
            )
        return Named(membership, values, excesses, float(bound))

    def _parts(self, answer: Any) -> tuple[Any, Any, float | None]:
        if answer is None:
            return [], [], None
        if not isinstance(answer, tuple) or len(answer) not in (2, 3):
            raise OracleError(
                f"most_violated returned {type(answer).__name__}; it must return "
                f"(coalitions, values) or (coalitions, values, bound)"
            )
        coalitions, values, *rest = answer
        if not rest or rest[0] is None:
            return coalitions, values, None
        try:
            bound = float(rest[0])
        except (TypeError, ValueError):
            bound = math.nan
        if math.isnan(bound):
            raise OracleError(f"the bound of an answer must be a number or None, got {rest[0]!r}")
        return coalitions, values, bound

    def _membership(self, coalitions: Any) -> NDArray[np.bool_]:
        n_players = self._game.n_players
        if isinstance(coalitions, np.ndarray):
            if coalitions.shape[1:] != (n_players,) or coalitions.dtype != np.bool_:
                raise OracleError(
                    f"coalitions of an answer are a bool array of shape (m, {n_players}) or "
                    f"collections of labels, not {coalitions.dtype} of shape {coalitions.shape}"
                )
            return np.ascontiguousarray(coalitions)
        try:
            rows = list(coalitions)
            membership = np.zeros((len(rows), n_players), dtype=np.bool_)
            for row, coalition in zip(membership, rows, strict=True):
                row[self._game.players.indices(coalition)] = True
        except (TypeError, CoalitionError) as error:
            raise OracleError(f"the coalitions of an answer are wrong: {error}") from error
        return membership

    def _values(self, values: Any, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        try:
            array = np.ascontiguousarray(values, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise OracleError(f"the values of an answer are not numbers: {error}") from error
        if array.shape != (len(membership),):
            raise OracleError(
                f"an answer has {len(membership)} coalitions, but values of shape {array.shape}"
            )
        finite = np.isfinite(array)
        if not finite.all():
            row = int(np.argmin(finite))
            raise OracleError(
                f"the value of {self._name(membership[row])} is {array[row]}, not a finite number"
            )
        return array

    def _name(self, members: NDArray[np.bool_]) -> str:
        return format_coalition(self._game.players.ordered_labels(members))
