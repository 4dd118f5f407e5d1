"""What worlds have in common whose day is off peak or at the peak, without a calendar."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, cast

from sesgame.errors import GameError
from sesgame.game.by_value import ByValue
from sesgame.game.game import MAX_TABLE_PLAYERS

if TYPE_CHECKING:
    from typing_extensions import Self

    from sesgame.energy.dispatch.separation import DispatchOracle
    from sesgame.energy.time_steps import Moment
    from sesgame.game.allocation import Allocation
    from sesgame.game.players import Players

__all__ = ["TwoPeriodWorld"]


class TwoPeriodWorld(ByValue, ABC):
    """Members who share storage under a tariff of two periods, whatever is known of their peaks."""

    players: Players

    @abstractmethod
    def allocation(self) -> Allocation:
        """Return bills in the core, from the prices of the whole community."""

    @property
    def members(self) -> tuple[str, ...]:
        """The members, in order."""
        return cast(tuple[str, ...], tuple(self.players))

    @property
    def default_model(self) -> None:
        """There is but one model."""

    def chosen_model(self, model: None = None) -> None:
        """Refuse a model: there is but one, without a name.

        Raises
        ------
        GameError
            A model is asked for.
        """
        if model is not None:
            raise GameError(f"model is {model!r}; two-period storage has no models to choose from")

    def period(self, start: Moment | None = None, end: Moment | None = None) -> Self:
        """Refuse a period: there is no calendar.

        Raises
        ------
        GameError
            A start or an end is asked for.
        """
        if start is not None or end is not None:
            raise GameError("two-period storage has no calendar, so it takes no start and no end")
        return self

    def max_listed_players(self, model: None = None) -> int:
        """Return for how many members every coalition may be evaluated."""
        return MAX_TABLE_PLAYERS

    def local_search(self, model: None = None) -> int:
        """Return that there is no search."""
        return 0

    def separation_oracle(self, *, model: None = None) -> DispatchOracle | None:
        """Return that there is none: the costs have a closed form, the search has not."""
        return None

    @property
    def period_in_words(self) -> str:
        """Nothing: there is no calendar."""
        return ""

    @property
    def risk_in_words(self) -> str:
        """Nothing: where there are scenarios, coalitions bear the mean."""
        return ""
