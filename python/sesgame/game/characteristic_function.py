"""Characteristic functions that are written in Python: what comes in, what may come out.

Each fills a block of values in place, so that what was finished before a failure is not lost.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.errors import CharacteristicFunctionError
from sesgame.formatting import format_coalition
from sesgame.game.players import Players

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "BatchedFunction",
    "CharacteristicFunction",
    "SingleFunction",
    "as_number",
    "coalition_name",
    "not_finite",
]


class CharacteristicFunction(Protocol):
    """Anything that gives the values of a block of non-empty coalitions."""

    def evaluate(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write the value of each row of `membership`, shape (m, n), into `values`, shape (m,).

        Raises
        ------
        CharacteristicFunctionError
            The function raised or gave something that is not a finite number. The values of
            the rows that were finished before are in their places, the others untouched.
        """
        ...


@dataclass(frozen=True)
class SingleFunction:
    """A function that takes one coalition, as a frozenset of labels, and returns a number."""

    players: Players
    function: Callable[[frozenset[Hashable]], float]

    def evaluate(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write the value of each row; see :class:`CharacteristicFunction`."""
        labels = tuple(self.players)
        for row, members in enumerate(membership.tolist()):
            values[row] = self._value(frozenset(compress(labels, members)))

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

    def evaluate(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> None:
        """Write the value of each row; see :class:`CharacteristicFunction`."""
        first = self.players.ordered_labels(membership[0])
        rows = len(membership)
        block = (
            format_coalition(first)
            if rows == 1
            else f"a block of {rows} coalitions that starts with {format_coalition(first)}"
        )
        try:
            returned = self.function(membership)
        except Exception as error:
            raise CharacteristicFunctionError(
                f"the characteristic function raised {type(error).__name__} for {block}: {error}",
                frozenset(first),
            ) from error
        try:
            numbers = np.asarray(returned)
            if numbers.dtype.kind not in "biuf":
                raise TypeError(f"values of type {numbers.dtype}")
            numbers = numbers.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise CharacteristicFunctionError(
                f"the characteristic function returned {type(returned).__name__} for {block}; "
                f"{rows} number(s) in an array are needed ({error})",
                frozenset(first),
            ) from error
        if numbers.shape != (rows,):
            raise CharacteristicFunctionError(
                f"the characteristic function returned shape {numbers.shape} for {block}; "
                f"shape ({rows},) is needed, one number for each row",
                frozenset(first),
            )
        finite = np.isfinite(numbers)
        np.copyto(values, numbers, where=finite)
        if not finite.all():
            row = int(np.argmin(finite))
            raise not_finite(numbers[row], self.players, self.players.labels(membership[row]))


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
    except (TypeError, ValueError, OverflowError) as error:
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
