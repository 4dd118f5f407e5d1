"""What a coalition would have paid in the past: storage as it ran, or re-run without foresight.

Readings fix what the batteries of all members did together, not what a coalition would have done
with its own. :class:`AsItRanModel` nets the readings all the same; :class:`ReRunModel` lets the
controller that ran the batteries run those of each coalition. Neither is an optimum, so neither has
dual prices, nor a linear program. Neither asks that buying costs more than selling earns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from sesgame._engine import strategic_equivalent, weighted_sum_game
from sesgame.energy.dispatch.netted import (
    beyond_netting,
    controlled_cost_game,
    cost_of,
    netted_cost_game,
    not_subadditive,
    settled_dispatch,
)
from sesgame.energy.dispatch.problem import Dispatch, DispatchProblem, Model
from sesgame.energy.dispatch.storage_groups import equal_batteries
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.game.native_source import native_from

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import ControlledGame, NativeGame
    from sesgame.energy.dispatch.dual_prices import DualBills, DualPrices
    from sesgame.energy.dispatch.linear_program import LinearDispatch, StorageUnit
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.risk import Risk

__all__ = [
    "METERED_MODELS",
    "AsItRanModel",
    "MeteredModel",
    "ReRunModel",
]


class MeteredModel(ByValue, ABC):
    """Costs of what happens without being chosen, coalition by coalition."""

    name: Model
    sentence: str
    reading: str
    optimises = False
    is_pooled = False
    uses_batteries = True
    max_listed_players = MAX_TABLE_PLAYERS
    local_search = 0

    @abstractmethod
    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""

    def proved_gap(self, problem: DispatchProblem) -> float:
        """Return that no coalition's cost is off."""
        return 0.0

    def mean_game(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float]
    ) -> NativeGame:
        """Return the compiled game of mean costs."""
        parts = [self.native_game(problem) for problem in problems]
        return native_from(weighted_sum_game, parts, np.array(weights))

    def separation_oracle(self, problem: DispatchProblem) -> DispatchOracle | None:
        """Return that there is none: the search has no prices to start from."""
        return None

    def storage_units(self, problem: DispatchProblem) -> list[StorageUnit]:
        """Refuse to choose how storage runs."""
        self._refuse("storage to be dispatched")

    def program(
        self,
        problems: Sequence[DispatchProblem],
        weights: Sequence[float] = (1.0,),
        risk: Risk | None = None,
    ) -> LinearDispatch:
        """Refuse a linear program: nothing is optimised."""
        self._refuse("linear program")

    def dual_bills(self, problem: DispatchProblem) -> DualBills:
        """Refuse bills at dual prices: nothing is optimised."""
        self._refuse("bills at dual prices")

    def dual_prices(self, problem: DispatchProblem, *, progress: bool) -> DualPrices:
        """Refuse dual prices: nothing is optimised."""
        self._refuse("dual prices")

    def _refuse(self, what: str) -> NoReturn:
        raise GameError(
            f'model="{self.name}" has no {what}: they are of a dispatch that is chosen, and '
            f"{self.reading}"
        )


class AsItRanModel(MeteredModel):
    """The readings of batteries are netted as if they were loads, whoever is in a coalition."""

    name: Model = "as-it-ran"
    sentence = (
        "Batteries are as they ran: their readings are netted in each step, for each group as for "
        "all. They ran for all, so what a group would pay alone may be too high."
    )
    reading = "storage is as it ran"

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words that the readings are netted."""
        return f"storage as it ran, its readings netted{not_subadditive(problems)}"

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        if problem.metered_kwh is None:
            return ["a community without readings of batteries"]
        return _of_unknown_wear(problem) + beyond_netting(_as_it_ran(problem))

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        game = netted_cost_game(_as_it_ran(problem))
        wear = _wear_by_member(problem)
        return native_from(strategic_equivalent, game, 1.0, wear) if wear.any() else game

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what was metered of a coalition. What is stored was not: it is NaN."""
        metered = _metered(problem)[members]
        return settled_dispatch(
            problem,
            members,
            charge_kwh=np.maximum(metered, 0.0).sum(axis=0),
            discharge_kwh=np.maximum(-metered, 0.0).sum(axis=0),
            state_of_charge_kwh=np.full(metered.shape[1] + 1, np.nan),
            cost=cost_of(self.native_game(problem), len(problem.members), members),
        )


class ReRunModel(MeteredModel):
    """The controller that ran the batteries runs those of each coalition, without foresight.

    Batteries with the same hours, efficiencies, wear and relative charge are one unit, which loses
    nothing: what it does can be dealt out to them in proportion. Units act one after the other, in
    the order of the batteries, each on what those before it leave. All members together cost what
    they did, where that was metered.
    """

    name: Model = "re-run"
    sentence = (
        "Batteries are run again for each group by their controller, step by step and without "
        "foresight; where it was metered what all did, that counts for all."
    )
    reading = "storage is run again by its controller"

    def summary(
        self, problems: Sequence[DispatchProblem], weights: Sequence[float] = (1.0,)
    ) -> str:
        """Return in words what runs the batteries, and how well that explains what they did."""
        first = problems[0]
        assert first.control is not None
        run = f"{count(len(first.storage), 'battery')} re-run by {first.control.name}"
        if any(problem.metered_kwh is None for problem in problems):
            return f"{run}, without foresight{not_subadditive(problems)}"
        again = ran = 0.0
        for problem, weight in zip(problems, weights, strict=True):
            everybody = range(len(problem.members))
            free = _controlled(problem, None)
            again += weight * cost_of(free, len(problem.members), everybody)
            ran += weight * _cost_as_it_ran(problem)
        return (
            f"{run}, without foresight; all together as it ran, which cost {ran:,.2f} "
            f"{first.currency}, re-run {again:,.2f}{not_subadditive(problems)}"
        )

    def missing(self, problem: DispatchProblem) -> list[str]:
        """Return what of a problem the model does not have, in words."""
        none = ["a community without a controller"] * (problem.control is None)
        unknown = [] if problem.metered_kwh is None else _of_unknown_wear(problem)
        return none + unknown + beyond_netting(problem)

    def native_game(self, problem: DispatchProblem) -> NativeGame:
        """Return the compiled game."""
        known = None if problem.metered_kwh is None else _cost_as_it_ran(problem)
        return _controlled(problem, known)

    def dispatch(self, problem: DispatchProblem, members: Sequence[int]) -> Dispatch:
        """Return what a coalition's batteries do, or did, where that is all members."""
        everybody = len(members) == len(problem.members)
        if everybody and problem.metered_kwh is not None:
            return AsItRanModel().dispatch(problem, members)
        game = _controlled(problem, None)
        chosen = np.zeros(len(problem.members), dtype=np.bool_)
        chosen[list(members)] = True
        n_steps = problem.steps.n_steps
        charge, discharge, stored = (
            each.reshape(n_steps, -1).sum(axis=1) for each in game.moves(chosen)
        )
        storage = problem.storage
        first = storage.usable[storage.first_step[storage.usable] == 0]
        initial = float(storage.initial_charge_kwh[first][chosen[storage.owner[first]]].sum())
        return settled_dispatch(
            problem,
            members,
            charge_kwh=charge,
            discharge_kwh=discharge,
            state_of_charge_kwh=np.append(initial, stored),
            cost=cost_of(game, len(chosen), members),
        )


METERED_MODELS: dict[Model, AsItRanModel | ReRunModel] = {
    "as-it-ran": AsItRanModel(),
    "re-run": ReRunModel(),
}
"""Those of what happened, or would have happened, by name."""


def _controlled(problem: DispatchProblem, cost_of_all: float | None) -> ControlledGame:
    """Return the game of batteries that a controller runs."""
    return controlled_cost_game(problem, _units(problem), cost_of_all)


def _units(problem: DispatchProblem) -> list[NDArray[np.intp]]:
    """Return the batteries that are one unit each, in the order in which they are listed."""
    return [np.array(sorted(group)) for group in sorted(equal_batteries(problem), key=min)]


def _metered(problem: DispatchProblem) -> NDArray[np.float64]:
    assert problem.metered_kwh is not None
    return problem.metered_kwh


def _as_it_ran(problem: DispatchProblem) -> DispatchProblem:
    """Return the problem in which readings of batteries are loads, and there is nothing to run."""
    if problem.metered_kwh is None:
        return problem
    return replace(
        problem,
        load_kwh=problem.load_kwh + problem.metered_kwh,
        storage=problem.storage.part(np.zeros(0, dtype=np.intp)),
        metered_kwh=None,
        control=None,
    )


def _cost_as_it_ran(problem: DispatchProblem) -> float:
    n_members = len(problem.members)
    return cost_of(AsItRanModel().native_game(problem), n_members, range(n_members))


def _wear_by_member(problem: DispatchProblem) -> NDArray[np.float64]:
    """Return the cost of what each member's batteries were metered to deliver, shape (n,)."""
    storage, delivered = problem.storage, np.maximum(-_metered(problem), 0.0).sum(axis=1)
    price = np.zeros(len(problem.members))
    price[storage.owner] = storage.degradation_cost_per_kwh
    wear: NDArray[np.float64] = price * delivered
    return wear


def _of_unknown_wear(problem: DispatchProblem) -> list[str]:
    """Return whose readings are of batteries that wear unequally, in words."""
    storage = problem.storage
    metered: NDArray[np.bool_] = np.any(_metered(problem), axis=1)
    prices = [
        set(storage.degradation_cost_per_kwh[storage.owner == member].tolist())
        for member in range(len(metered))
    ]
    unknown = np.array([len(each) > 1 for each in prices]) & metered
    return [
        f"readings of batteries of {problem.members[member]} that wear unequally"
        for member in np.flatnonzero(unknown)
    ]
