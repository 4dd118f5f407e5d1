"""No battery is used: in each step the members' loads and PV cancel out, and the rest is traded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.pooled import PooledModel
from sesgame.energy.dispatch.problem import NO_OFFERS, DispatchProblem, Model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.linear_program import LinearDispatch

__all__ = ["NettingModel"]


class NettingModel(PooledModel):
    """The pooled battery without a battery."""

    name: Model = "netting"
    sentence = "Loads and PV are netted in each step; no battery is used."
    is_pooled = False
    uses_batteries = False

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words that none of the batteries is run."""
        idle = "; ".join(filter(None, dict.fromkeys(each.idle_limits for each in problems)))
        return f"netting ({idle})" if idle else "netting"

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return that there is no pool that could be off."""
        return 0.0

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have; storage it leaves out on purpose."""
        grid = problem.beyond_a_step
        return problem.beyond_a_pool + grid if grid else []

    def program(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> LinearDispatch:
        """Return the costs as a linear program, in which nothing can be bought either."""
        return super().program(
            [replace(problem, offers=NO_OFFERS) for problem in problems], weights
        )

    def _used(self, problem: DispatchProblem) -> NDArray[np.intp]:
        return np.zeros(0, dtype=np.intp)
