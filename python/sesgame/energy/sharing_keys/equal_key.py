"""The equal key: the same amount for every consumer, and never more than it draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.sharing_keys.sharing_key import Assignment, CommonKey

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.time_steps import TimeSteps

    Array = NDArray[np.float64]

__all__ = ["EqualKey", "water_level"]


@dataclass(frozen=True, eq=False)
class EqualKey(CommonKey):
    r"""Equal amounts, but to nobody more than it draws; what that leaves goes to the others.

    .. math:: a_{it} = \min(c_{it}, \lambda_t), \qquad
              \sum_i a_{it} = \min \Bigl( g_t, \sum_i c_{it} \Bigr)

    with what consumers draw, c, and what plants feed in together, g: water filling up to the level
    :math:`\lambda`, the rule of constrained equal awards.

    Notes
    -----
    The level rises from :math:`g / n` to what those above it have left for each, until it stays:
    O(n T) for each rise, a few in general and n at most, in steps that are not settled yet.

    References
    ----------
    Constrained equal awards: Thomson (2003) [thomson2003]_.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> hour = sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1)
    >>> drawn = {"a": np.array([1.0]), "b": np.array([3.0]), "c": np.array([6.0])}
    >>> [source] = sg.energy.EqualKey().prepared({"roof": np.array([5.0])}, drawn, hour)
    >>> [source.assigned(consumer).tolist() for consumer in range(3)]
    [[1.0], [2.0], [2.0]]
    """

    @property
    def title(self) -> str:
        """What the key is called."""
        return "equal"

    def assignment(
        self, generation: Array, consumers: Mapping[str, Array], steps: TimeSteps
    ) -> Assignment:
        """Return what each consumer is assigned of a generation."""
        level, names = water_level(generation, consumers), tuple(consumers)
        return lambda consumer: np.minimum(level, consumers[names[consumer]])


def water_level(generation: Array, consumers: Mapping[str, Array]) -> Array:
    """Return up to what each consumer is served in each step; infinite where there is enough."""
    drawn = np.zeros_like(generation)
    for energy in consumers.values():
        drawn += energy
    level = np.full_like(generation, np.inf)
    rising = np.flatnonzero(generation < drawn)
    if rising.size:
        level[rising] = generation[rising] / len(consumers)
    while rising.size:
        below, n_above = np.zeros(rising.size), np.zeros(rising.size)
        for energy in consumers.values():
            part = energy[rising]
            is_below = part <= level[rising]
            below += np.where(is_below, part, 0.0)
            n_above += ~is_below
        # Where rounding puts nobody above the level, it is high enough.
        left = np.where(n_above > 0, generation[rising] - below, 0.0)
        risen = np.divide(left, n_above, out=left, where=n_above > 0)
        higher = risen > level[rising]
        rising = rising[higher]
        level[rising] = risen[higher]
    return level
