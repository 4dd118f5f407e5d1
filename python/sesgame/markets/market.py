"""What every kind of market offers to the tools that are for all of them; no payment is known here.

A market knows its participants, its efficient outcome and its coalitions. What anybody pays for
the outcome is the business of a mechanism.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from sesgame.errors import GameError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sesgame.game.players import Players

__all__ = [
    "CORE_TIME_LIMIT",
    "LOAD",
    "PROPERTIES_TIME_LIMIT",
    "ClarkePayments",
    "ClearableMarket",
    "Clearing",
    "CoreGap",
    "Market",
    "check_time_limit",
]

CORE_TIME_LIMIT = 10.0
"""Seconds for the search for a blocking coalition; a bound is reported where they do not do."""

PROPERTIES_TIME_LIMIT = 6.0
"""Seconds for what holds of a settlement; what is known by then is said to be known by then."""

LOAD = "load"
"""What fixed demand, which does not bid, is called among participants."""


def check_time_limit(seconds: float, name: str = "time_limit") -> None:
    """Refuse a time limit that is none.

    Raises
    ------
    GameError
        It is not a positive number.
    """
    if not (isinstance(seconds, (int, float)) and seconds > 0):
        raise GameError(f"{name} must be positive, got {seconds!r}")


class Market(Protocol):
    """A market that can be held again with other reports, or without one participant.

    This much is enough for a market of one's own to have misreports tried and surplus rebated.
    """

    @property
    def participants(self) -> Players:
        """All participants."""
        ...

    def without(self, participant: Hashable) -> Any:
        """Return the market without what one participant reports; it stays, with nothing."""
        ...

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether a participant reports anything."""
        ...

    def misreport(
        self, participant: Hashable, price_factor: float, quantity_factor: float, /
    ) -> Any:
        """Return the market in which one participant multiplies its reports."""
        ...

    def true_value(self, participant: Hashable, settlement: Any, /) -> float:
        """Return what the outcome of a misreport is worth, by this market's reports."""
        ...


class Clearing(Protocol):
    """An efficient outcome, whoever pays what for it."""

    @property
    def welfare(self) -> float:
        """What it is worth to everybody: no outcome is worth more, by the reports."""
        ...


class ClarkePayments(NamedTuple):
    """What each participant's presence costs everybody else.

    Attributes
    ----------
    payments : ndarray of float, shape (n,)
        Positive where a participant pays.
    pivotal : ndarray of float, shape (n,)
        How much more fixed demand would be shed without each of them.
    """

    payments: NDArray[np.float64]
    pivotal: NDArray[np.float64]


class CoreGap(NamedTuple):
    """How far utilities are from the core.

    Attributes
    ----------
    excess : float
        What the coalition `blocking` gains by trading on its own; 0 when none was found.
    bound : float
        No coalition gains more than this.
    blocking : frozenset or None
        The coalition that gains most of those that were found.
    """

    excess: float
    bound: float
    blocking: frozenset[Hashable] | None


@runtime_checkable
class ClearableMarket(Market, Protocol):
    """A market whose efficient outcome and whose coalitions are known: those of this package."""

    def clear(self) -> Clearing:
        """Return an efficient outcome."""
        ...

    def rival_prices(
        self, participant: Hashable, /
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return pairs of an own price and the price of somebody else that is close to it."""
        ...

    def core_gap(
        self,
        utilities: NDArray[np.float64],
        rest: Any,
        *,
        tolerance: float,
        time_limit: float = CORE_TIME_LIMIT,
    ) -> CoreGap:
        """Return what a coalition gains by trading on its own.

        Parameters
        ----------
        utilities : ndarray of float, shape (n,)
            What each participant has of the outcome, after its payment.
        rest : float
            What those have who do not bid: the fixed load, or the seller of a battery. An order
            book with several fixed loads takes what each has.
        tolerance : float
            What is rounding in a sum of money.
        time_limit : float
            Seconds for the search.
        """
        ...
