"""Uncertain days: one community under several weighted scenarios."""

from __future__ import annotations

import math
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sesgame.energy.community import Community
from sesgame.energy.dispatch.approximation import mean_approximations
from sesgame.energy.dispatch.model import MODELS, chosen, model_named
from sesgame.energy.scenario_files import read_scenario_folder
from sesgame.energy.schedule import Schedule
from sesgame.errors import GameError
from sesgame.formatting import count
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostTerms
from sesgame.game.door import checked_fields
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.game.world import ScenarioEnergy

if TYPE_CHECKING:
    from sesgame.energy.dispatch.linear_program import LinearDispatch
    from sesgame.energy.dispatch.model import DispatchModel
    from sesgame.energy.dispatch.problem import DispatchProblem, Model
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.time_steps import Moment, Stamp

__all__ = ["Scenarios"]


@checked_fields
class Scenarios(ByValue):
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
    name : str, optional
        For reports; by default that of the first community.

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
        self,
        communities: Iterable[Community],
        weights: Iterable[float] | None = None,
        *,
        name: str | None = None,
    ) -> None:
        self.communities: tuple[Community, ...] = tuple(communities)
        if not self.communities:
            raise GameError("scenarios must not be empty")
        first = self.communities[0]
        self.name: str = first.name if name is None else name
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
            raise GameError(f"the weights must be positive, got {list(self.weights)}")
        if abs(math.fsum(self.weights) - 1) > 1e-9:
            raise GameError(f"the weights must sum to 1, got {math.fsum(self.weights)!r}")

    @classmethod
    def from_csv(
        cls,
        folder: str | PathLike[str],
        *,
        meters_zone: str | None = None,
        tariff_zone: str | None = None,
        stamp: Stamp | None = None,
    ) -> Scenarios:
        """Read scenarios from a folder with ``scenarios.csv``, which names folders of communities.

        Parameters
        ----------
        folder : path
        meters_zone, tariff_zone, stamp
            Of each community, as in :meth:`Community.from_csv`.

        Raises
        ------
        GameError
            A file is missing or wrong; the message names file, line and column.
        """
        found = read_scenario_folder(Path(folder))
        communities = [
            Community.from_csv(part, meters_zone=meters_zone, tariff_zone=tariff_zone, stamp=stamp)
            for part in found.folders
        ]
        try:
            return cls(communities, found.weights, name=Path(folder).resolve().name)
        except GameError as error:
            raise GameError(f"{found.path}: {error}") from error

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
        return self.chosen_model(None)

    def chosen_model(self, model: Model | None) -> Model:
        """Return the model that is asked for, or the default, as of a community."""
        return self._chosen(model).name

    def period(self, start: Moment | None = None, end: Moment | None = None) -> Scenarios:
        """Return the scenarios in the steps that start in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data of a scenario.
        """
        if start is None and end is None:
            return self
        parts = []
        for number, community in enumerate(self.communities, start=1):
            try:
                parts.append(community.period(start, end))
            except GameError as error:  # noqa: PERF203, the message names the scenario
                raise GameError(f"scenario {number}: {error}") from error
        return Scenarios(parts, self.weights, name=self.name)

    def cost_game(self, *, model: Model | None = None) -> Game:
        """Return the game of mean costs, as :meth:`Community.cost_game` gives those of one.

        By recursion where that has everything; then one scenario after the other.
        """
        problems = self.problems
        used = self._chosen(model)
        return Game.from_native(
            used.mean_game(problems, self.weights),
            self.members,
            kind="cost",
            rounding=max(problem.rounding for problem in problems),
            approximations=mean_approximations(problems, self.weights, used),
        )

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

    def separation_oracle(self, *, model: Model | None = None) -> DispatchOracle | None:
        """Return the separation oracle, as :meth:`Community.separation_oracle` does."""
        is_above = any(problem.sells_above_buy for problem in self.problems)
        if is_above or not self._chosen(model).optimises:
            return None
        return self.programme(model).separation_oracle(self.cost_game(model=model))

    def programme(self, model: Model | None = None) -> LinearDispatch:
        """Return all scenarios as one linear program."""
        return self._chosen(model).program(self.problems, self.weights)

    def max_listed_players(self, model: Model | None = None) -> int:
        """Return for how many members every coalition may be dispatched."""
        return self._chosen(model).max_listed_players

    def local_search(self, model: Model | None = None) -> int:
        """Return how many coalitions are dispatched before the oracle is asked."""
        return self._chosen(model).local_search

    @property
    def period_in_words(self) -> str:
        """The period as people write it, if all scenarios are of the same one."""
        return self.communities[0].period_in_words if self._in_one_period else ""

    def scenario_energy(self) -> list[ScenarioEnergy]:
        """Return what all members use and generate in each scenario, by its community's name."""
        return [
            ScenarioEnergy(
                community.name,
                weight,
                {"load": float(community.load_kwh.sum()), "PV": float(community.pv_kwh.sum())},
            )
            for community, weight in zip(self.communities, self.weights, strict=True)
        ]

    def cost_terms(self, model: Model | None = None) -> CostTerms:
        """Return of what period the costs are, what a member does alone, and what is bought."""
        terms = [community.cost_terms(model) for community in self.communities]
        periods = dict.fromkeys(each.period for each in terms)
        weights = ", ".join(f"{weight:.12g}" for weight in self.weights)
        count_of = f"the mean of {count(len(terms), 'scenario')} with the weights {weights}"
        return CostTerms(
            f"{' and '.join(periods)}, {count_of}",
            "; ".join(dict.fromkeys(each.alone for each in terms)),
            terms[0].investment,
        )

    def description(self, model: Model | None = None) -> str:
        """Return in words the scenarios, the members, and how they are dispatched; two lines.

        Lines between them say what was assumed to read files, where that was needed.
        """
        steps = self.communities[0].steps
        period = (
            f" of {steps.time(0)} to {steps.time(steps.n_steps)}" if self._in_one_period else ""
        )
        how = self._chosen(model).summary(self.problems, self.weights)
        return (
            f"{count(len(self.communities), 'scenario')}{period}\n"
            + "".join(f"read {words}\n" for words in self._assumed)
            + f"{count(len(self.members), 'member')}, {steps.in_words}, {how}"
        )

    @property
    def _assumed(self) -> list[str]:
        """What was assumed to read the communities, with their names."""
        return [f"{one.name}/{words}" for one in self.communities for words in one.assumed]

    def origin(self, model: Model | None = None) -> dict[str, Any]:
        """Return what a saved result says of where the game comes from."""
        origin = self.communities[0].origin(model)
        origin.pop("assumed", None)
        if self._assumed:
            origin["assumed"] = self._assumed
        if not self._in_one_period:
            del origin["start"], origin["end"]
        return {**origin, "weights": list(self.weights)}

    @property
    def _in_one_period(self) -> bool:
        return len({community.steps.start for community in self.communities}) == 1

    @property
    def problems(self) -> list[DispatchProblem]:
        """What a dispatch model is told of each scenario."""
        return [community.problem for community in self.communities]

    def _chosen(self, model: Model | None) -> DispatchModel:
        """Return the model of all scenarios: by default the slowest that one of them needs."""
        models = {chosen(problem, model).name for problem in self.problems}
        if len(models) == 1:
            return model_named(models.pop())
        metered = models - set(MODELS)
        if metered:
            raise GameError(
                f"some scenarios are {metered.pop()} and some are not; name one model for all"
            )
        return MODELS[max(models, key=list(MODELS).index)]

    def __repr__(self) -> str:
        return f"Scenarios({len(self.communities)} of {self.communities[0]!r})"
