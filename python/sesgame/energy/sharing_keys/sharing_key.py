"""What a sharing key is: from what plants feed in to what each consumer is assigned of it.

A key works in streams: it looks at what plants feed in and at the registers of consumers once, and
then says for one consumer after the other what it is assigned. So it needs a few numbers for each
step, and never a second table of all points and steps.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import short_coalition
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["Assignment", "CommonKey", "Registers", "SharingKey", "Source", "check_named"]

Assignment = Callable[[int], "Array"]
"""From the number of a consumer to what it is assigned in each step, shape (T,)."""


class Registers(Mapping[str, "Array"]):
    """The energy of points by their names, each worked out when it is asked for.

    Parameters
    ----------
    names : iterable of str
    energy : callable
        From a name to the energy in each step, shape (T,).
    """

    def __init__(
        self, names: Mapping[str, object] | tuple[str, ...], energy: Callable[[str], Array]
    ):
        self._names = dict.fromkeys(names)
        self._energy = energy

    def __getitem__(self, name: str) -> Array:
        if name not in self._names:
            raise KeyError(name)
        return self._energy(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class Source(NamedTuple):
    """Plants whose generation is shared as one, and what each consumer is assigned of it.

    Attributes
    ----------
    plants : tuple of str
        Each used kWh comes from all of them, in proportion to what they feed in.
    generation : ndarray of shape (T,)
        What they feed in together.
    assigned : callable
        From the number of a consumer to what it is assigned in each step, shape (T,).
    """

    plants: tuple[str, ...]
    generation: Array
    assigned: Assignment


class SharingKey(ByValue, ABC):
    """Base class of sharing keys: whose the generation of plants is in each step.

    A consumer uses of what it is assigned as much as it draws in the same step.
    """

    @property
    @abstractmethod
    def title(self) -> str:
        """What the key is called."""

    @property
    def points(self) -> tuple[str, ...] | None:
        """The consumers that the key names; None where it takes all there are."""
        return None

    @property
    def plants(self) -> tuple[str, ...]:
        """The plants that the key names, which may stand still; by default none."""
        return ()

    @property
    def readings(self) -> tuple[str, ...]:
        """Which of several readings of the key this is, in sentences."""
        return ()

    @abstractmethod
    def prepared(
        self, plants: Mapping[str, Array], consumers: Mapping[str, Array], steps: TimeSteps
    ) -> tuple[Source, ...]:
        """Return what each consumer is assigned, after one look at all registers.

        Parameters
        ----------
        plants : mapping of str to ndarray of shape (T,)
            What each plant feeds in.
        consumers : mapping of str to ndarray of shape (T,)
            What each consumer draws. Their order is that of the numbers to ask for.
        steps : TimeSteps
            The T steps.

        Returns
        -------
        tuple of Source
            One for each group of plants that is shared as one, in the order in which a consumer
            uses them.

        Raises
        ------
        GameError
            The key names a point that is not there, does not name one that draws or feeds in, or
            does not fit the steps.
        """


class CommonKey(SharingKey):
    """A key that shares what all plants feed in as one generation."""

    def prepared(
        self, plants: Mapping[str, Array], consumers: Mapping[str, Array], steps: TimeSteps
    ) -> tuple[Source, ...]:
        """Return what each consumer is assigned of the common generation."""
        generation = np.zeros(steps.n_steps)
        for energy in plants.values():
            generation += energy
        assigned = self.assignment(generation, consumers, steps)
        return (Source(tuple(plants), generation, assigned),)

    @abstractmethod
    def assignment(
        self, generation: Array, consumers: Mapping[str, Array], steps: TimeSteps
    ) -> Assignment:
        """Return what each consumer is assigned of a generation of shape (T,)."""


def check_named(named: Mapping[str, object], consumers: Mapping[str, Array], what: str) -> None:
    """Check that a key names just the consumers that are there.

    Raises
    ------
    GameError
        It names others, or leaves out one that draws something; a point that draws nothing need
        not be named.
    """
    unknown = [name for name in named if name not in consumers]
    if unknown:
        raise GameError(
            f"{what} names the point {unknown[0]!r}, which is none of "
            f"{short_coalition(tuple(consumers))}"
        )
    for name in consumers:
        if name not in named and consumers[name].any():
            raise GameError(
                f"{what} does not name the point {name!r}, which draws energy; a point that is to "
                f"have nothing needs a 0, or the last group"
            )
