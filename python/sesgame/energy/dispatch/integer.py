"""Storage that never charges and discharges in the same step: an integer program where it matters.

To do both burns energy, which costs least where energy has a price below 0. There alone it is
forbidden by a binary column for each unit and step; elsewhere no least cost does both. The costs of
a coalition are not convex in what it brings, so no prices prove them, and the core may be empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sesgame._engine import weighted_sum_game
from sesgame.energy.dispatch.linear import LinearModel
from sesgame.energy.dispatch.linear_program import LinearDispatch
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from sesgame._engine import NativeGame
    from sesgame.energy.dispatch.dual_prices import DualBills, ProgrammePrices
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.risk import Risk

__all__ = ["IntegerModel"]

MAX_LISTED_PLAYERS = 10
"""The most players whose every coalition is worth an integer program of its own."""


class IntegerModel(LinearModel):
    """The linear program without charging and discharging of a unit in the same step."""

    name: Model = "integer"
    sentence = (
        "Each battery is run by itself, as cheaply as possible for all, within all limits; none "
        "charges and discharges in the same step."
    )
    max_listed_players = MAX_LISTED_PLAYERS

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words how the batteries are run, and in how many steps that is a choice."""
        n_steps = sum(int(problem.choices.sum()) for problem in problems)
        chosen = f"charging or discharging, never both, in {count(n_steps, 'step')}"
        solved = f"{self._batteries(problems[0])}, by integer program"
        return self._with_notes(solved, f"{chosen} in which both could pay", problems)

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        if not problem.exclusive:
            return ["a community whose storage may charge and discharge at once"]
        return ["storage to buy"] if len(problem.offers) else []

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        return LinearDispatch([problem], (1.0,), self.storage_units).exclusive_game()

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs: each scenario is a program by itself."""
        parts = [self.native_game(problem) for problem in problems]
        return native_from(weighted_sum_game, parts, np.array(weights))

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition does."""
        program = LinearDispatch([problem], (1.0,), self.storage_units)
        chosen = np.zeros(len(problem.members), dtype=np.bool_)
        chosen[list(members)] = True
        columns = program.exclusive_game().optimum(chosen)
        # Those that choose come last, and only where there is a choice.
        return program.dispatches(members, columns[: len(program.program.model.cost)])[0]

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Refuse a linear program: there is none."""
        self._refuse("linear program")

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Refuse bills at dual prices: none prove the costs."""
        self._refuse("bills at dual prices")

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> ProgrammePrices:
        """Refuse dual prices: none prove the costs."""
        self._refuse("dual prices")

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle:
        """Refuse the search by prices."""
        self._refuse("separation oracle")

    def _refuse(self, what: str) -> NoReturn:
        raise GameError(
            f'model="{self.name}" has no {what}: where storage must not charge and discharge at '
            f"once, costs are those of an integer program, which no prices prove; with "
            f"exclusive=False there are prices, and burnt_kwh says what is burnt"
        )
