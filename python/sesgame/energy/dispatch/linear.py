"""Each battery by itself, wear, the grid and storage to buy: a linear program for each coalition.

Equal batteries are one storage unit, which loses nothing; those that are nearly equal are one in
the model that merges them, within a bound (:mod:`~sesgame.energy.dispatch.storage_groups`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import weighted_sum_game
from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
from sesgame.energy.dispatch.pool_gap import NEEDED, is_harmless, proved_gap
from sesgame.energy.dispatch.problem import AT_ONCE, Dispatch, DispatchProblem, Model
from sesgame.energy.dispatch.storage_groups import (
    alike_batteries,
    equal_batteries,
    gap_of_groups,
)
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.dual_prices import DualBills, ProgrammePrices
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.risk import Risk

__all__ = ["LinearModel", "MergedModel"]

MAX_LISTED_PLAYERS = 14
"""The most players whose every coalition is worth a linear program of its own."""


class LinearModel(ByValue):
    """Everything that a problem has, at a linear program for each coalition."""

    name: Model = "linear"
    sentence = "Each battery is run by itself, as cheaply as possible for all, within all limits."
    optimises = True
    reading = "storage is planned with foresight"
    is_pooled = False
    uses_batteries = True
    max_listed_players = MAX_LISTED_PLAYERS
    local_search = 0

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words how the batteries are run, and why where a pool would be faster."""
        solved = f"{self._batteries(problems[0])}, by linear program"
        parts = [each.beyond_a_pool + each.beyond_a_step for each in problems]
        if beyond := list(dict.fromkeys(name for part in parts for name in part)):
            return self._with_notes(solved, f"for {', '.join(beyond)}", problems)
        if all(map(is_harmless, problems)):
            return self._with_notes(solved, "", problems)
        share = max(map(proved_gap, problems))
        exact = f"exact only to {100 * share:.3g} % of what they save"
        if math.isinf(share):
            exact = f"of no proved exactness: {NEEDED}"
        pool = f"a pool, model battery, is faster and {exact}"
        return self._with_notes(solved, f"their hours or charges differ: {pool}", problems)

    def _batteries(self, problem: DispatchProblem) -> str:
        return count(len(problem.storage), "battery")

    def _with_notes(self, solved: str, reason: str, problems: Sequence[DispatchProblem]) -> str:
        share = max(map(self.proved_gap, problems))
        exact = f"exact to {100 * share:.3g} % of what they save, for any group" if share else ""
        idle = [each.idle_limits for each in problems]
        notes = [note for note in dict.fromkeys([reason, exact, *idle]) if note]
        return f"{solved} ({'; '.join(notes)})" if notes else solved

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return that no coalition's cost is off."""
        return 0.0

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        return [AT_ONCE] if problem.choices.any() else []

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Return the costs as a linear program, of a problem or of several scenarios."""
        return LinearDispatch(problems, weights, self.storage_units, risk)

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Return the storage that is run as one."""
        n_members, hours = len(problem.members), problem.steps.step_hours
        return [
            StorageUnit.of(problem.storage, np.array(group), n_members, hours)
            for group in self._groups(problem)
        ]

    def _groups(self, problem: DispatchProblem) -> list[list[int]]:
        """Return the batteries that are one unit each, by number."""
        return equal_batteries(problem)

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        return self.program([problem]).game

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs.

        Each scenario is a program by itself, unless there is something to buy, which is the same
        in all of them.
        """
        if len(problems[0].offers) + len(problems[0].generation):
            return self.program(problems, weights).game
        parts = [self.native_game(problem) for problem in problems]
        return native_from(weighted_sum_game, parts, np.array(weights))

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


class MergedModel(LinearModel):
    """The same with nearly equal batteries as one unit, within a bound for every coalition."""

    name: Model = "merged"
    sentence = "Alike batteries are run as one, as cheaply as possible for all, within all limits."

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return by which share of what storage saves the cost of a coalition may be too low."""
        return gap_of_groups(problem, self._groups(problem))

    def merges(self, problem: DispatchProblem) -> bool:
        """Return whether there are fewer units than without merging."""
        return len(self._groups(problem)) < len(equal_batteries(problem))

    def _batteries(self, problem: DispatchProblem) -> str:
        units = count(len(self._groups(problem)), "unit")
        return f"{super()._batteries(problem)} as {units}"

    def _groups(self, problem: DispatchProblem) -> list[list[int]]:
        return alike_batteries(problem)
