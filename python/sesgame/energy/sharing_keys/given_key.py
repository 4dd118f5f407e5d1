"""A given key: any part of the generation for each point and step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.covering_steps import covering_steps
from sesgame.energy.sharing_keys.sharing_key import Assignment, CommonKey, check_named
from sesgame.energy.time_steps import TimeSteps
from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.door import checked_arguments

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Array = NDArray[np.float64]

__all__ = ["GivenKey"]


@dataclass(frozen=True, eq=False, init=False)
class GivenKey(CommonKey):
    r"""Any part of the generation for each point in each step, together at most all of it.

    .. math:: a_{it} = \beta_{it} g_t, \qquad \sum_i \beta_{it} \le 1

    as who runs a community hands it in after the fact, or as a program finds it. What is given to
    nobody stays with the plants.

    Parameters
    ----------
    points : iterable of str
        The names of the n consuming points; each that draws energy has to be there.
    parts : array_like of float, shape (n, T)
        In [0, 1], and at most 1 together.
    steps : TimeSteps or array_like of datetime64, shape (T,)
        When those of each column hold; steps of the meters are as long, or parts of them.

    Raises
    ------
    GameError
        Shapes do not fit, a part is not in [0, 1], or those of a step add up to more than 1.

    Notes
    -----
    O(T) for a consumer. France has it as *dynamique simple*.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> hour = sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1)
    >>> key = sg.energy.GivenKey(["a", "b"], [[0.5], [0.25]], hour)
    >>> drawn = {"a": np.array([1.0]), "b": np.array([3.0])}
    >>> [source] = key.prepared({"roof": np.array([4.0])}, drawn, hour)
    >>> [source.assigned(consumer).tolist() for consumer in range(2)]
    [[2.0], [1.0]]
    """

    names: tuple[str, ...]
    parts: NDArray[np.float64]
    steps: TimeSteps

    @checked_arguments
    def __init__(
        self, points: Iterable[str], parts: ArrayLike, steps: TimeSteps | ArrayLike
    ) -> None:
        names = _names(points)
        own = steps if isinstance(steps, TimeSteps) else TimeSteps.from_times(steps)
        try:
            array = np.array(parts, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise GameError(f"parts must be numbers, got {named(parts)}") from error
        shape = (len(names), own.n_steps)
        if array.shape != shape:
            raise GameError(f"parts have shape {array.shape}, but {shape} is needed")
        outside = ~((array >= 0) & (array <= 1))
        if outside.any():
            row, step = (int(k) for k in np.unravel_index(np.argmax(outside), shape))
            raise GameError(
                f"the part of {names[row]!r} is {array[row, step]:g} at {own.time(step)}, and not "
                f"in [0, 1]"
            )
        sums = array.sum(axis=0)
        # The rounding of a sum of n floats that are at most 1.
        over = sums > 1 + len(names) * np.finfo(np.float64).eps
        if over.any():
            step = int(np.argmax(over))
            raise GameError(
                f"the parts add up to {sums[step]:.17g} at {own.time(step)}, and at most 1 can be "
                f"given"
            )
        array.setflags(write=False)
        for name, value in {"names": names, "parts": array, "steps": own}.items():
            object.__setattr__(self, name, value)

    @property
    def title(self) -> str:
        """What the key is called."""
        return "given"

    @property
    def points(self) -> tuple[str, ...]:
        """The consumers that have a row."""
        return self.names

    def assignment(
        self, generation: Array, consumers: Mapping[str, Array], steps: TimeSteps
    ) -> Assignment:
        """Return what each consumer is assigned of a generation."""
        rows = {name: row for row, name in enumerate(self.names)}
        check_named(rows, consumers, "the given key")
        columns = covering_steps(self.steps, steps, "the given parts")
        names, nothing = tuple(consumers), np.zeros(steps.n_steps)

        def assigned(consumer: int) -> Array:
            row = rows.get(names[consumer])
            return nothing if row is None else self.parts[row, columns] * generation

        return assigned

    def __repr__(self) -> str:
        return f"GivenKey({len(self.names)} points, {self.steps.in_words})"


def _names(points: object) -> tuple[str, ...]:
    """Return names of points, each there once."""
    if isinstance(points, str) or not isinstance(points, Iterable):
        raise GameError(f"points must be names, got {named(points)}")
    names = tuple(points)
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise GameError(f"a key is for points, which have names; {name!r} is none")
        if name in names[:place]:
            raise GameError(f"the point {name!r} is there twice")
    return names
