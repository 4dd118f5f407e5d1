"""The dynamic key: in each step in proportion to what consumers draw in it."""

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

__all__ = ["DynamicKey"]


@dataclass(frozen=True, eq=False)
class DynamicKey(CommonKey):
    r"""In proportion to what each consumer draws in the step, and never more than that.

    .. math:: a_{it} = c_{it} \min \left( 1, \frac{g_t}{\sum_j c_{jt}} \right)

    with what consumers draw, c, and what plants feed in together, g. Nothing that could be used is
    left over.

    Notes
    -----
    O(n T), and two numbers for each step. Used by default in France (*dynamique par défaut*), and
    in Austria and Germany as *dynamisch*.

    Examples
    --------
    >>> import numpy as np
    >>> import sesgame as sg
    >>> hour = sg.energy.TimeSteps("2024-06-01T12:00", np.timedelta64(1, "h"), 1)
    >>> drawn = {"a": np.array([1.0]), "b": np.array([3.0]), "c": np.array([6.0])}
    >>> [source] = sg.energy.DynamicKey().prepared({"roof": np.array([5.0])}, drawn, hour)
    >>> [source.assigned(consumer).tolist() for consumer in range(3)]
    [[0.5], [1.5], [3.0]]
    """

    @property
    def title(self) -> str:
        """What the key is called."""
        return "dynamic"

    def assignment(
        self, generation: Array, consumers: Mapping[str, Array], steps: TimeSteps
    ) -> Assignment:
        """Return what each consumer is assigned of a generation."""
        drawn = np.zeros(steps.n_steps)
        for energy in consumers.values():
            drawn += energy
        part = np.ones(steps.n_steps)
        np.divide(generation, drawn, out=part, where=generation < drawn)
        names = tuple(consumers)
        return lambda consumer: part * consumers[names[consumer]]
