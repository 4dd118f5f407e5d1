"""What a rule and a report may ask of whatever makes a game: a community, scenarios, storage.

A protocol, so that the layers between games and worlds name none of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import datetime

    import numpy as np

    from sesgame.game.cost_basis import CostTerms
    from sesgame.game.game import Game
    from sesgame.game.separation import SeparationOracle

__all__ = ["ScenarioEnergy", "World"]


class ScenarioEnergy(NamedTuple):
    """What all members together use and generate if a scenario comes to pass.

    Attributes
    ----------
    name : str
        Of the scenario.
    probability : float
        In (0, 1].
    kwh : dict of str to float
        Energy by what it is, the same in all scenarios of a world.
    """

    name: str
    probability: float
    kwh: dict[str, float]


class World(Protocol):
    """Members who share something, and the cost game that they play.

    Where a world has several models of what a coalition costs, they go by name: each world accepts
    its own. ``None`` asks for the default, which is itself ``None`` where there is only one model.
    """

    @property
    def name(self) -> str:
        """For headings."""

    @property
    def currency(self) -> str:
        """The unit of all money."""

    @property
    def members(self) -> tuple[str, ...]:
        """The players, in order."""

    @property
    def default_model(self) -> str | None:
        """The model of a game for which none is asked."""

    @property
    def period_in_words(self) -> str:
        """The time that the costs are of, as people write it; empty where there is no calendar."""

    def chosen_model(self, model: Any) -> str | None:
        """Return the model that is asked for, or the default.

        Raises
        ------
        GameError
            There is no such model, or it lacks something that this world has.
        """

    def period(
        self,
        start: str | np.datetime64 | datetime.date | None = None,
        end: str | np.datetime64 | datetime.date | None = None,
    ) -> World:
        """Return the world in ``[start, end)``.

        Raises
        ------
        GameError
            The period is empty or reaches beyond the data, or there is no calendar.
        """

    def cost_game(self, *, model: Any = None) -> Game:
        """Return the game in which each coalition bears its own least cost."""

    def separation_oracle(self, *, model: Any = None) -> SeparationOracle | None:
        """Return the separation oracle of :meth:`cost_game`, if there is one."""

    def max_listed_players(self, model: Any = None) -> int:
        """Return for how many players every coalition may be evaluated."""

    def local_search(self, model: Any = None) -> int:
        """Return how many coalitions are worth a look before the oracle is asked."""

    def scenario_energy(self) -> list[ScenarioEnergy]:
        """Return the scenarios, for people to read; none where there is but one course."""

    def cost_terms(self, model: Any = None) -> CostTerms:
        """Return of what period the costs are, what a member does alone, and what is bought."""

    @property
    def risk_in_words(self) -> str:
        """The risk of scenarios that coalitions bear; empty where it is the mean, or no matter."""

    def description(self, model: Any = None) -> str:
        """Return in words what stands after the name in a heading: when, and what; two lines."""

    def origin(self, model: Any = None) -> dict[str, Any]:
        """Return what a saved result says of where the game comes from, besides name and files."""
