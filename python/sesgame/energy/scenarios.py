"""Uncertain days: one community under several weighted scenarios."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.energy.community import Community
from sesgame.energy.cost_terms import weighed_in_words
from sesgame.energy.dispatch.approximation import mean_approximations
from sesgame.energy.dispatch.linear_program import Capacities, LinearDispatch, in_equal_parts
from sesgame.energy.dispatch.model import MODELS, chosen, model_named
from sesgame.energy.dispatch.scenario_prices import ScenarioPrices
from sesgame.energy.dispatch.scenario_risk import (
    buys_together,
    prices_of_scenarios,
    risk_of_scenarios,
)
from sesgame.energy.risk import Risk
from sesgame.energy.scenario_files import read_scenario_folder
from sesgame.energy.scenario_settlement import (
    ScenarioSettlement,
    number_of,
    settled,
    shares_of,
)
from sesgame.energy.schedule import Schedule
from sesgame.errors import GameError
from sesgame.formatting import count, named
from sesgame.game.by_value import ByValue
from sesgame.game.cost_basis import CostTerms
from sesgame.game.door import checked_fields
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.game.world import ScenarioEnergy

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.energy.dispatch.dual_prices import ProgrammePrices
    from sesgame.energy.dispatch.model import DispatchModel
    from sesgame.energy.dispatch.problem import DispatchProblem, Model
    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.time_steps import Moment, Stamp

__all__ = ["Scenarios"]


@checked_fields
class Scenarios(ByValue):
    """One community under several scenarios, of which nobody knows which will come to pass.

    What a coalition bears is the mean of its costs in the scenarios, or another risk of them;
    storage that it buys is the same in all of them, and so is the power of generators.

    Parameters
    ----------
    communities : iterable of Community
        The scenarios: the same members, batteries, grid and offers, as many steps of the
        same length; meters and tariff may differ.
    weights : iterable of float, optional
        The probability of each; above 0, adding up to 1. By default they are equal.
    name : str, optional
        For reports; by default that of the first community.
    risk : Risk, optional
        How all members weigh bad scenarios; by default they bear the mean.

    Raises
    ------
    GameError
        There is no scenario, two do not fit, or the weights are not probabilities.

    Notes
    -----
    The risk of a coalition is still the least cost of a linear program in which nothing but the
    bounds depends on who is in it, so all that holds of communities holds here: bills at dual
    prices (:func:`sesgame.owen_allocation`) are in the core, and the separation oracle searches
    coalitions with the same rows. Where nothing is bought for all scenarios, their least costs are
    those of each by itself.

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
    >>> careful = sg.energy.Scenarios(sunny_or_not.communities, risk=sg.energy.Risk.worst_case())
    >>> round(careful.cost_game().value(["ann", "bob"]), 2)
    0.9
    """

    def __init__(
        self,
        communities: Iterable[Community],
        weights: Iterable[float] | None = None,
        *,
        name: str | None = None,
        risk: Risk | None = None,
    ) -> None:
        self.risk: Risk | None = risk
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
            if [offer.terms for offer in first.generation_offers] != [
                offer.terms for offer in other.generation_offers
            ]:
                raise GameError(
                    f"scenario {number} has other generation_offers than scenario 1; of these only "
                    f"the profiles may differ"
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
            With ``scenarios.csv``, which names them, and ``risk.csv`` where they bear a risk;
            ``docs/file-formats.md`` describes both.
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
            return cls(
                communities, found.weights, name=Path(folder).resolve().name, risk=found.risk
            )
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
        return Scenarios(parts, self.weights, name=self.name, risk=self.risk)

    def with_risk(self, risk: Risk | None) -> Scenarios:
        """Return the same scenarios under another risk; under None their mean."""
        return Scenarios(self.communities, self.weights, name=self.name, risk=risk)

    def cost_game(self, *, model: Model | None = None) -> Game:
        """Return the game of mean costs, or of their risks.

        As :meth:`Community.cost_game` gives those of one: by recursion where that has everything,
        then one scenario after the other.
        """
        problems = self.problems
        used = self._chosen(model)
        return Game.from_native(
            risk_of_scenarios(used, problems, self.weights, self.risk),
            self.members,
            kind="cost",
            rounding=max(problem.rounding for problem in problems),
            approximations=mean_approximations(problems, self.weights, used, self.risk),
        )

    def dispatch(
        self, members: Iterable[str] | None = None, *, model: Model | None = None
    ) -> tuple[Schedule, ...]:
        """Return the optimal schedule of a coalition in each scenario.

        What is bought is what costs least by the mean, or the risk. Under a risk each scenario is
        dispatched at its least cost, also one that does not count.

        Parameters
        ----------
        members : iterable of str, optional
            The coalition; by default the whole community.
        model
            As in :meth:`Community.cost_game`.
        """
        players = Players(self.members)
        numbers = sorted(players.indices(self.members if members is None else members))
        used, problems = self._chosen(model), self.problems
        if self._is_mean or buys_together(used, problems):
            found = self.programme(model).dispatches(numbers)
        else:
            found = [used.dispatch(problem, numbers) for problem in problems]
        return tuple(
            Schedule.of(community.problem, numbers, dispatch, community.steps, used.name)
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
        return self._chosen(model).program(self.problems, self.weights, self.risk)

    def dual_prices(self, *, model: Model | None = None, progress: bool = True) -> ProgrammePrices:
        """Return prices that prove the cost of all, and the range of each bill.

        Under a risk with the weights of the scenarios: :class:`ScenarioPrices
        <sesgame.evidence.ScenarioPrices>`. They are those of each scenario by itself where nothing
        is bought for all of them.
        """
        used, problems = self._chosen(model), self.problems
        if self._is_mean or buys_together(used, problems):
            return self.programme(model).dual_prices(progress=progress)
        assert self.risk is not None
        return prices_of_scenarios(
            used, problems, np.array(self.weights), self.risk, progress=progress
        )

    def scenario_prices(self, *, model: Model | None = None) -> ScenarioPrices:
        """Return what each scenario is billed, of the mean, too; without ranges of the bills."""
        used, problems = self._chosen(model), self.problems
        if buys_together(used, problems):
            return self.programme(model).scenario_prices()
        risk = Risk(0.0) if self.risk is None else self.risk
        return prices_of_scenarios(used, problems, np.array(self.weights), risk, progress=False)

    def settle(
        self,
        scenario: str | int | Community,
        *,
        reserve: bool = True,
        when: str = "ex post",
        shares: Mapping[str, float] | None = None,
        model: Model | None = None,
    ) -> ScenarioSettlement:
        r"""Return what members pay when a scenario has come to pass.

        With the weights :math:`\pi_w` of the scenarios, the bills :math:`x_{iw}` at their prices
        and what the storage and the generators that were bought earn at them, :math:`R_w`:

        - ``when="ex ante"``: the bill before the day, :math:`\sum_w \pi_w x_{iw}`, whatever comes;
          the reserve takes or gives the rest.
        - ``when="ex post"``: the bill of the day, :math:`x_{iw}`. What was bought earns
          :math:`R_w`, which is not what it costs on that day; the reserve takes or gives the rest,
          and nothing by the weights of the scenarios.
        - ``when="ex post", reserve=False``: a fixed fee, :math:`s_i I`, each member's share of the
          investment I, which is what was bought is expected to earn; and energy at the prices of
          the day, less what it earns, :math:`x_{iw} - s_i R_w`. It balances on every day, as if
          what was bought were the members' own in these shares.

        Where nothing was bought and no limit belongs to nobody, bills of the day balance by
        themselves, and are in the core of that day.

        Parameters
        ----------
        scenario : str, int or Community
            Its name (:attr:`scenario_names`), its number from 1, or the day that came, which no
            scenario knew: a community with the same members, equipment and steps.
        reserve : bool, default True
            Whether a reserve takes or gives what bills and cost differ by.
        when : {"ex post", "ex ante"}
            Whether members pay by what came, or what was agreed before.
        shares : mapping of member to float, optional
            Of the fixed fee, adding up to 1; by default in proportion to the mean load.
        model
            As in :meth:`Community.cost_game`.

        Raises
        ------
        GameError
            There is no such scenario, the day is of another community, shares do not add up to 1,
            or bills before the day are to balance without a reserve.

        Examples
        --------
        >>> import sesgame as sg
        >>> def day(loads):
        ...     return sg.energy.Community(
        ...         members=["ann", "bob"],
        ...         steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        ...         load_kwh=[[load, 0.0] for load in loads],
        ...         tariff=sg.energy.Tariff.flat(0.30, 0.10),
        ...     )
        >>> days = sg.energy.Scenarios([day([4, -3]), day([-1, 4])])
        >>> days.settle(2).bills.round(2).tolist(), round(days.settle(2).reserve, 2)
        ([-0.3, 1.2], 0.0)
        >>> before = days.settle(2, when="ex ante")
        >>> before.bills.round(2).tolist(), round(before.reserve, 2)
        ([0.45, 0.15], -0.3)
        """
        prices = self.scenario_prices(model=model)
        bills, costs = prices.scenario_bills, prices.scenario_costs
        if isinstance(scenario, (str, int, Integral)):
            number = number_of(scenario, self.scenario_names)
            name = self.scenario_names[number]
        else:
            own, cost = self._of_day(scenario, prices, model)
            number, name = len(costs), str(scenario.name)
            bills = np.column_stack([bills, own])
            costs = np.append(costs, cost)
        drawn = np.array([np.maximum(each.load_kwh, 0.0).sum(axis=1) for each in self.communities])
        return settled(
            self.members,
            name,
            number,
            bills=bills,
            costs=costs,
            probabilities=prices.probabilities,
            scenario_weights=prices.scenario_weights,
            invested=prices.invested,
            shares=shares_of(
                self.members, shares, (np.array(self.weights)[:, np.newaxis] * drawn).sum(axis=0)
            ),
            reserve=reserve,
            when=when,
        )

    def _of_day(
        self, day: object, prices: ScenarioPrices, model: Model | None
    ) -> tuple[NDArray[np.float64], float]:
        """Return the bills and the cost of a day that came, with what was bought before."""
        if not isinstance(day, Community):
            raise GameError(
                f"scenario must be a name, a number or the Community that came, got {named(day)}"
            )
        try:
            Scenarios([self.communities[0], day])
        except GameError as error:
            raise GameError(f"the day that came does not fit: {error}") from error
        used = chosen(day.problem, model or self._chosen(None).name)
        if not buys_together(used, self.problems):
            found = used.dual_prices(day.problem, progress=False)
            return found.bills, found.cost
        offers, generation = day.problem.offers, day.problem.generation
        bought = Capacities(
            np.array([prices.purchases[each] for each in offers.names]).reshape(-1, 2),
            np.array([prices.generators_kw[each] for each in generation.names]),
        )
        own = LinearDispatch(
            [day.problem],
            (1.0,),
            used.storage_units,
            bought=in_equal_parts(bought, len(self.members)),
        ).scenario_prices()
        return own.scenario_bills[:, 0], float(own.scenario_costs[0])

    @property
    def scenario_names(self) -> tuple[str, ...]:
        """What the scenarios are called: their communities' names, or else their numbers from 1."""
        names = tuple(str(community.name) for community in self.communities)
        if len(set(names)) == len(names):
            return names
        return tuple(str(number) for number in range(1, len(names) + 1))

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
        """Return of what period the costs are, what a member does alone, and what is bought.

        With the risk of the scenarios that the costs are.
        """
        terms = [community.cost_terms(model) for community in self.communities]
        periods = dict.fromkeys(each.period for each in terms)
        bought = dict.fromkeys(each.investment for each in terms)
        return CostTerms(
            f"{' and '.join(periods)}, {weighed_in_words(self.weights, self.risk_in_words)}",
            "; ".join(dict.fromkeys(each.alone for each in terms)),
            # A generator may have another profile in each scenario.
            terms[0].investment
            if len(bought) == 1
            else "; ".join(
                f"in scenario {number}: {each.investment}"
                for number, each in enumerate(terms, start=1)
            ),
        )

    @property
    def risk_in_words(self) -> str:
        """The risk that coalitions bear; empty where it is the mean."""
        return "" if self._is_mean or self.risk is None else self.risk.in_words

    def description(self, model: Model | None = None) -> str:
        """Return in words the scenarios, the members, and how they are dispatched; two lines.

        Lines between them say what was assumed to read files, where that was needed.
        """
        steps = self.communities[0].steps
        period = (
            f" of {steps.time(0)} to {steps.time(steps.n_steps)}" if self._in_one_period else ""
        )
        how = self._chosen(model).summary(self.problems, self.weights)
        risk = self.risk_in_words and f", risk: {self.risk_in_words}"
        return (
            f"{count(len(self.communities), 'scenario')}{period}{risk}\n"
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
        origin["weights"] = list(self.weights)
        if self.risk is not None:
            origin["risk"] = self.risk.to_dict()
        return origin

    @property
    def _is_mean(self) -> bool:
        """Whether costs count by their probabilities alone."""
        return self.risk is None or self.risk.is_mean

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
        risk = "" if self.risk is None else f", risk={self.risk!r}"
        return f"Scenarios({len(self.communities)} of {self.communities[0]!r}{risk})"
