"""No battery is used: in each step the members' loads and PV cancel out, and the rest is traded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.pooled import PooledModel
from sesgame.energy.dispatch.problem import DispatchProblem, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NettingModel"]


class NettingModel(PooledModel):
    """The pooled battery without a battery."""

    name: Model = "netting"
    sentence = "Loads and PV are netted in each step; no battery is used."
    is_pooled = False
    uses_batteries = False

    def summary(self, n_batteries: int) -> str:
        """Return in words that none of the batteries is run."""
        return "netting"

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have; storage it leaves out on purpose."""
        grid = problem.of_the_grid
        return problem.beyond_a_pool + grid if grid else []

    def _used(self, problem: DispatchProblem) -> NDArray[np.intp]:
        return np.zeros(0, dtype=np.intp)
