"""Each battery by itself, wear, the grid and storage to buy: a linear program for each coalition.

Batteries of equal efficiencies, wear, hours to fill and state at the beginning are one storage
unit, which loses nothing: what the unit does can be dealt out to them in proportion.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
from sesgame.energy.dispatch.pool_gap import NEEDED, is_harmless, proved_gap
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
from sesgame.formatting import count
from sesgame.game.by_value import ByValue

if TYPE_CHECKING:
    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.dual_prices import DualBills, ProgrammePrices
    from sesgame.energy.dispatch.separation import DispatchOracle

__all__ = ["LinearModel"]

DIGITS = 12
"""Ratios that agree to so many are of equal batteries: those of decimals differ in the last bit."""

MAX_LISTED_PLAYERS = 14
"""The most players whose every coalition is worth a linear program of its own."""


class LinearModel(ByValue):
    """Everything that a problem has, at a linear program for each coalition."""

    name: Model = "linear"
    sentence = "Each battery is run by itself, as cheaply as possible for all, within all limits."
    is_pooled = False
    uses_batteries = True
    max_listed_players = MAX_LISTED_PLAYERS
    local_search = 0

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words how the batteries are run, and why where a pool would be faster."""
        problem = problems[0]
        solved = f"{count(len(problem.storage), 'battery')}, by linear program"
        beyond = problem.beyond_a_pool + problem.beyond_a_step
        if beyond:
            return f"{solved} (for {', '.join(beyond)})"
        if all(map(is_harmless, problems)):
            return solved
        share = max(map(proved_gap, problems))
        exact = f"exact only to {100 * share:.3g} % of what they save"
        if math.isinf(share):
            exact = f"of no proved exactness: {NEEDED}"
        pool = f"a pool, model battery, is faster and {exact}"
        return f"{solved} (their hours or charges differ: {pool})"

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return that nothing of a problem is missing."""
        return []

    def program(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> LinearDispatch:
        """Return the costs as a linear program, of a problem or of several scenarios."""
        return LinearDispatch(problems, weights, self.storage_units)

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Return as few storage units as lose nothing."""
        storage = problem.storage
        groups: dict[tuple[float, ...], list[int]] = {}
        for battery in storage.usable.tolist():
            key = (
                storage.charge_efficiency[battery],
                storage.discharge_efficiency[battery],
                storage.degradation_cost_per_kwh[battery],
                _rounded(storage.energy_kwh[battery] / storage.charge_power_kw[battery]),
                _rounded(storage.discharge_power_kw[battery] / storage.charge_power_kw[battery]),
                _rounded(storage.initial_charge_kwh[battery] / storage.energy_kwh[battery]),
                # At whose connection energy flows counts where connections or lines have limits.
                storage.owner[battery] if problem.flow_limits else -1,
            )
            groups.setdefault(key, []).append(battery)
        n_members, hours = len(problem.members), problem.steps.step_hours
        return [
            StorageUnit.of(storage, np.array(group), n_members, hours) for group in groups.values()
        ]

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        return self.program([problem]).game

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs: one program, since what is bought is shared."""
        return self.program(problems, weights).game

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does."""
        return self.program([problem]).dispatches(members)[0]

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Return the bills at dual prices."""
        return self.program([problem]).dual_bills()

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> ProgrammePrices:
        """Return prices that prove the dispatch of all optimal, and the range of each bill."""
        return self.program([problem]).dual_prices(progress=progress)

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle:
        """Return the separation oracle."""
        return self.program([problem]).separation_oracle()


def _rounded(ratio: float) -> float:
    return float(f"{ratio:.{DIGITS}g}")
