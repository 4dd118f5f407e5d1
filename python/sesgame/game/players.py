"""Players and coalitions: labels at the surface, bits and rows inside.

Bit ``i`` of a mask, and column ``i`` of a membership array, is the player with index ``i``.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, overload

import numpy as np

from sesgame.errors import CoalitionError, GameError
from sesgame.formatting import named

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Players",
    "keys_of_membership",
    "membership_of_masks",
]


class Players(Sequence[Hashable]):
    """The players of a game: an immutable sequence of distinct labels.

    Parameters
    ----------
    labels : iterable of hashable
        One label for each player, usually strings. A bare string is refused, since it would be
        taken apart into letters.

    Raises
    ------
    GameError
        No player, a label that is not hashable, or a duplicate label.

    Examples
    --------
    >>> players = Players(["ann", "bob", "eve"])
    >>> players.mask(["eve", "ann"])
    5
    >>> players.ordered_labels(5)
    ('ann', 'eve')
    """

    __slots__ = ("_indices", "_labels")

    def __init__(self, labels: Iterable[Hashable]) -> None:
        if isinstance(labels, (str, bytes)):
            raise GameError(f"players is the string {labels!r}; pass a list of labels")
        if not isinstance(labels, Iterable):
            raise GameError(
                f"players must be a collection of labels, got {named(labels)}; range(3) makes the "
                f"players 0, 1 and 2"
            )
        self._labels = tuple(labels)
        self._indices: dict[Hashable, int] = {}
        for index, label in enumerate(self._labels):
            try:
                first = self._indices.setdefault(label, index)
            except TypeError as error:
                raise GameError(f"player {index} is {label!r}, which is not hashable") from error
            if first != index:
                raise GameError(f"duplicate player {label!r}, at {first} and {index}")
        if not self._labels:
            raise GameError("a game needs at least one player")

    def __len__(self) -> int:
        return len(self._labels)

    @overload
    def __getitem__(self, index: int) -> Hashable: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Hashable, ...]: ...
    def __getitem__(self, index: int | slice) -> Hashable | tuple[Hashable, ...]:
        return self._labels[index]

    def __iter__(self) -> Iterator[Hashable]:
        return iter(self._labels)

    def __contains__(self, label: object) -> bool:
        return _is_hashable(label) and label in self._indices

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Players) and self._labels == other._labels

    def __hash__(self) -> int:
        return hash(self._labels)

    def __repr__(self) -> str:
        return f"Players({list(self._labels)!r})"

    def index(self, label: object, start: int = 0, stop: int | None = None) -> int:
        """Return the index of a player.

        Raises
        ------
        CoalitionError
            There is no such player.
        """
        index = self._indices.get(label) if _is_hashable(label) else None
        if index is None or not start <= index < (len(self) if stop is None else stop):
            known = ", ".join(repr(player) for player in self._labels[:8])
            more = f", ... ({len(self)} in all)" if len(self) > 8 else ""
            raise CoalitionError(f"unknown player {label!r}; the players are {known}{more}")
        return index

    def indices(self, coalition: Iterable[Hashable]) -> list[int]:
        """Return the indices of a coalition's members, in the order given.

        Raises
        ------
        CoalitionError
            An unknown or duplicate member, or a bare string.
        """
        if isinstance(coalition, str):
            raise CoalitionError(
                f"the coalition is the string {coalition!r}; pass a collection of labels, "
                f"for example ({coalition!r},)"
            )
        if not isinstance(coalition, Iterable):
            raise CoalitionError(
                f"a coalition must be a collection of labels, got {named(coalition)}"
            )
        if isinstance(coalition, np.ndarray) and coalition.dtype == np.bool_:
            raise CoalitionError(
                "a coalition is a collection of labels; values() takes bool arrays, of shape "
                f"(m, {len(self)})"
            )
        indices = [self.index(label) for label in coalition]
        if len(set(indices)) != len(indices):
            twice = next(i for position, i in enumerate(indices) if i in indices[:position])
            raise CoalitionError(f"duplicate player {self._labels[twice]!r} in a coalition")
        return indices

    def mask(self, coalition: Iterable[Hashable]) -> int:
        """Return the bit mask of a coalition; errors as in :meth:`indices`."""
        return sum(1 << index for index in self.indices(coalition))

    def labels(self, coalition: int | NDArray[np.bool_]) -> frozenset[Hashable]:
        """Return the labels of a coalition that is given as bit mask or membership row."""
        return frozenset(self.ordered_labels(coalition))

    def ordered_labels(self, coalition: int | NDArray[np.bool_]) -> tuple[Hashable, ...]:
        """Return the labels of a coalition in player order."""
        if isinstance(coalition, np.ndarray):
            return tuple(self._labels[index] for index in np.flatnonzero(coalition))
        return tuple(label for index, label in enumerate(self._labels) if coalition >> index & 1)


def _is_hashable(label: object) -> bool:
    try:
        hash(label)
    except TypeError:
        return False
    return True


def membership_of_masks(masks: NDArray[np.integer], n_players: int) -> NDArray[np.bool_]:
    """Return the membership array, shape (m, n), of m coalitions given as bit masks.

    Examples
    --------
    >>> membership_of_masks(np.array([1, 6]), 3)
    array([[ True, False, False],
           [False,  True,  True]])
    """
    packed = np.ascontiguousarray(masks, dtype="<i8").view(np.uint8).reshape(len(masks), 8)
    return np.unpackbits(packed, axis=1, count=n_players, bitorder="little").view(np.bool_)


def keys_of_membership(membership: NDArray[np.bool_]) -> list[bytes]:
    r"""Return the bits of each row, eight players in a byte: what a coalition is looked up by.

    Examples
    --------
    >>> keys_of_membership(np.array([[True, False, False], [False, True, True]]))
    [b'\x01', b'\x06']
    """
    packed = np.packbits(membership, axis=1, bitorder="little")
    # As V-items every row is one object, and trailing zero bytes are kept (S-items drop them).
    keys: list[bytes] = packed.view(f"V{packed.shape[1]}").ravel().tolist()
    return keys
