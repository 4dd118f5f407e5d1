"""No battery is used: in each step the members' loads and PV cancel out, and the rest is traded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.netted import (
    beyond_netting,
    netted_cost_game,
    netted_dispatch,
    not_subadditive,
    refuse_prices_above_buy,
)
from sesgame.energy.dispatch.pooled import PooledModel
from sesgame.energy.dispatch.problem import (
    GENERATION_TO_BUY,
    NO_OFFERS,
    Dispatch,
    DispatchProblem,
    Model,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.dual_prices import DualBills, DualPrices
    from sesgame.energy.dispatch.linear_program import LinearDispatch
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.risk import Risk

__all__ = ["NettingModel"]


class NettingModel(PooledModel):
    """The pooled battery without a battery."""

    name: Model = "netting"
    sentence = "Loads and PV are netted in each step; no battery is used."
    reading = "no battery is used"
    is_pooled = False
    uses_batteries = False

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words that none of the batteries is run."""
        idle = "; ".join(filter(None, dict.fromkeys(each.idle_limits for each in problems)))
        netting = f"netting ({idle})" if idle else "netting"
        return f"{netting}{not_subadditive(problems)}"

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return that there is no pool that could be off."""
        return 0.0

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have; storage it leaves out on purpose."""
        if problem.sells_above_buy:
            return beyond_netting(problem)
        grid = problem.beyond_a_step
        if grid:
            return problem.beyond_a_pool + grid
        return [GENERATION_TO_BUY] if len(problem.generation) else []

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        return (
            netted_cost_game(problem) if problem.sells_above_buy else super().native_game(problem)
        )

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what passes the meter of a coalition."""
        if problem.sells_above_buy:
            return netted_dispatch(problem, members)
        return super().dispatch(problem, members)

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle | None:
        """Return the separation oracle; none where selling earns more than buying costs."""
        return None if problem.sells_above_buy else super().separation_oracle(problem)

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Return the bills at dual prices."""
        refuse_prices_above_buy(problem)
        return super().dual_bills(problem)

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> DualPrices:
        """Return prices that prove the costs of all, and the range of each bill."""
        refuse_prices_above_buy(problem)
        return super().dual_prices(problem, progress=progress)

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Return the costs as a linear program, in which nothing can be bought either."""
        for problem in problems:
            refuse_prices_above_buy(problem)
        return super().program(
            [replace(problem, offers=NO_OFFERS) for problem in problems], weights, risk
        )

    def _used(self, problem: DispatchProblem) -> NDArray[np.intp]:
        return np.zeros(0, dtype=np.intp)
