"""Uncertain days: one community under several weighted scenarios."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sesgame.energy.dispatch.linear_program import LinearDispatch
from sesgame.energy.dispatch.model import chosen
from sesgame.energy.schedule import Schedule
from sesgame.errors import GameError
from sesgame.game.game import Game
from sesgame.game.players import Players

if TYPE_CHECKING:
    from sesgame.energy.community import Community
    from sesgame.energy.dispatch.model import DispatchModel
    from sesgame.energy.dispatch.problem import DispatchProblem, Model
    from sesgame.energy.dispatch.separation import DispatchOracle

__all__ = ["Scenarios"]


class Scenarios:
    """One community under several scenarios, of which nobody knows which will come to pass.

    What a coalition bears is the mean of its costs in the scenarios; storage that it buys is the
    same in all of them.

    Parameters
    ----------
    communities : iterable of Community
        The scenarios: the same members, batteries, grid and storage offers, as many steps of the
        same length; meters and tariff may differ.
    weights : iterable of float, optional
        The probability of each; above 0, adding up to 1. By default they are equal.

    Raises
    ------
    GameError
        There is no scenario, two do not fit, or the weights are not probabilities.

    Examples
    --------
    >>> import sesgame as sg
    >>> def day(load):
    ...     return sg.energy.Community(
    ...         members=["ann", "bob"],
    ...         steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    ...         load_kwh=[load, [-2.0, 1.0]],
    ...         tariff=sg.energy.Tariff.flat(0.30, 0.10),
    ...     )
    >>> sunny_or_not = sg.energy.Scenarios([day([1.0, 1.0]), day([3.0, 1.0])], [0.5, 0.5])
    >>> round(sunny_or_not.cost_game().value(["ann", "bob"]), 2)
    0.7
    """

    def __init__(
        self, communities: Iterable[Community], weights: Iterable[float] | None = None
    ) -> None:
        self.communities: tuple[Community, ...] = tuple(communities)
        if not self.communities:
            raise GameError("there is no scenario; at least one is needed")
        first = self.communities[0]
        for number, other in enumerate(self.communities[1:], start=2):
            for what in ("members", "batteries", "grid", "storage_offers", "currency"):
                if getattr(first, what) != getattr(other, what):
                    raise GameError(
                        f"scenario {number} has other {what} than scenario 1; only meters and "
                        f"prices may differ"
                    )
            if (first.steps.n_steps, first.steps.step) != (other.steps.n_steps, other.steps.step):
                raise GameError(
                    f"scenario {number} has {other.steps.n_steps} steps of "
                    f"{other.steps.step_hours:g} h, but scenario 1 has {first.steps.n_steps} of "
                    f"{first.steps.step_hours:g} h"
                )
        count = len(self.communities)
        self.weights: tuple[float, ...] = (
            (1 / count,) * count if weights is None else tuple(float(weight) for weight in weights)
        )
        if len(self.weights) != count:
            raise GameError(f"{count} scenarios, but {len(self.weights)} weights")
        if not all(weight > 0 for weight in self.weights):
            raise GameError(f"the weights are {list(self.weights)}; each must be above 0")
        if abs(math.fsum(self.weights) - 1) > 1e-9:
            raise GameError(f"the weights add up to {math.fsum(self.weights)!r}; it must be 1")

    @property
    def members(self) -> tuple[str, ...]:
        """The members, the same in all scenarios."""
        return self.communities[0].members

    @property
    def currency(self) -> str:
        """The unit of all money."""
        return self.communities[0].currency

    @property
    def default_model(self) -> Model:
        """The model of a game for which none is asked, as of a community."""
        return self.communities[0].default_model

    def cost_game(self, *, model: Model | None = None) -> Game:
        """Return the game of mean costs, as :meth:`Community.cost_game` gives those of one.

        By recursion where that has everything; then one scenario after the other.
        """
        problems = self.problems
        native = self._chosen(model).mean_game(problems, self.weights)
        rounding = max(problem.rounding for problem in problems)
        return Game.from_native(native, self.members, kind="cost", rounding=rounding)

    def dispatch(
        self, members: Iterable[str] | None = None, *, model: Model | None = None
    ) -> tuple[Schedule, ...]:
        """Return the optimal schedule of a coalition in each scenario.

        Parameters
        ----------
        members : iterable of str, optional
            The coalition; by default the whole community.
        model
            As in :meth:`Community.cost_game`.
        """
        players = Players(self.members)
        numbers = sorted(players.indices(self.members if members is None else members))
        found = self.programme(model).dispatches(numbers)
        name = self._chosen(model).name
        return tuple(
            Schedule.of(community.problem, numbers, dispatch, community.steps, name)
            for community, dispatch in zip(self.communities, found, strict=True)
        )

    def separation_oracle(self, *, model: Model | None = None) -> DispatchOracle:
        """Return the separation oracle, as :meth:`Community.separation_oracle` does."""
        return self.programme(model).separation_oracle(self.cost_game(model=model))

    def programme(self, model: Model | None = None) -> LinearDispatch:
        """Return all scenarios as one linear program."""
        return self._chosen(model).program(self.problems, self.weights)

    @property
    def problems(self) -> list[DispatchProblem]:
        """What a dispatch model is told of each scenario."""
        return [community.problem for community in self.communities]

    def _chosen(self, model: Model | None) -> DispatchModel:
        return chosen(self.communities[0].problem, model)

    def __repr__(self) -> str:
        return f"Scenarios({len(self.communities)} of {self.communities[0]!r})"
