"""Evaluation of a characteristic function that is written in Python.

The engine and the solutions never see a callable: they see blocks of coalitions that go in as a
membership array of shape (m, n) and come back as m values.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.coalition import Players, format_coalition, membership_of_masks
from sesgame.errors import CharacteristicFunctionError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.progress import Report

__all__ = ["BatchedFunction", "CharacteristicFunction", "SingleFunction", "tabulate"]

BLOCK = 1 << 12
"""Coalitions in a block: progress and Ctrl-C come through between two blocks."""


class CharacteristicFunction(Protocol):
    """Anything that gives the values of a block of non-empty coalitions."""

    def evaluate(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the value of each row of a membership array of shape (m, n)."""
        ...


@dataclass(frozen=True)
class SingleFunction:
    """A function that takes one coalition, as a frozenset of labels, and returns a number."""

    players: Players
    function: Callable[[frozenset[Hashable]], float]

    def evaluate(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the value of each row; see :class:`CharacteristicFunction`."""
        values = np.empty(len(membership))
        for row, members in enumerate(membership):
            values[row] = self._value(self.players.labels(members))
        return values

    def _value(self, coalition: frozenset[Hashable]) -> float:
        try:
            value = self.function(coalition)
        except Exception as error:
            raise CharacteristicFunctionError(
                f"the characteristic function raised {type(error).__name__} "
                f"for {coalition_name(self.players, coalition)}: {error}",
                coalition,
            ) from error
        return as_number(value, self.players, coalition)


@dataclass(frozen=True)
class BatchedFunction:
    """A function that takes a bool array of shape (m, n) and returns m numbers."""

    players: Players
    function: Callable[[NDArray[np.bool_]], Any]

    def evaluate(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the value of each row; see :class:`CharacteristicFunction`."""
        first = self.players.ordered_labels(membership[0])
        block = (
            f"a block of {len(membership)} coalitions that starts with {format_coalition(first)}"
        )
        try:
            returned = self.function(membership)
        except Exception as error:
            raise CharacteristicFunctionError(
                f"the characteristic function raised {type(error).__name__} for {block}: {error}",
                frozenset(first),
            ) from error
        try:
            values = np.asarray(returned)
            if values.dtype.kind not in "biuf":
                raise TypeError(f"values of type {values.dtype}")
            values = values.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise CharacteristicFunctionError(
                f"the characteristic function returned {type(returned).__name__} for {block}; "
                f"an array of {len(membership)} numbers is needed ({error})",
                frozenset(first),
            ) from error
        if values.shape != (len(membership),):
            raise CharacteristicFunctionError(
                f"the characteristic function returned shape {values.shape} for {block}; "
                f"shape ({len(membership)},) is needed, one number for each row",
                frozenset(first),
            )
        finite = np.isfinite(values)
        if not finite.all():
            row = int(np.argmin(finite))
            raise not_finite(values[row], self.players, self.players.labels(membership[row]))
        return values


def coalition_name(players: Players, coalition: frozenset[Hashable]) -> str:
    """Return a coalition as messages show it, its members in player order."""
    return format_coalition([player for player in players if player in coalition])


def as_number(value: object, players: Players, coalition: frozenset[Hashable]) -> float:
    """Return the value of a coalition as a float.

    Raises
    ------
    CharacteristicFunctionError
        It is no number, or not finite; strings are not taken for numbers.
    """
    try:
        if isinstance(value, (str, bytes)):
            raise TypeError("text")
        number = float(value)  # type: ignore[arg-type] # what float refuses is the point
    except (TypeError, ValueError) as error:
        raise CharacteristicFunctionError(
            f"the value of {coalition_name(players, coalition)} is {value!r} "
            f"({type(value).__name__}); a number is needed",
            coalition,
        ) from error
    if not np.isfinite(number):
        raise not_finite(number, players, coalition)
    return number


def not_finite(
    value: float, players: Players, coalition: frozenset[Hashable]
) -> CharacteristicFunctionError:
    """Return the error for a value that is NaN or infinite."""
    return CharacteristicFunctionError(
        f"the value of {coalition_name(players, coalition)} is {value}; "
        f"every coalition needs a finite number",
        coalition,
    )


def tabulate(
    function: CharacteristicFunction, n_players: int, report: Report | None
) -> NDArray[np.float64]:
    """Return the values of all 2^n coalitions in binary order; the empty one is worth 0."""
    table = np.empty(1 << n_players)
    table[0] = 0.0
    for start in range(1, len(table), BLOCK):
        masks = np.arange(start, min(start + BLOCK, len(table)))
        table[masks] = function.evaluate(membership_of_masks(masks, n_players))
        if report is not None:
            report(int(masks[-1]), len(table) - 1)
    return table
