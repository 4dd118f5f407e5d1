"""What every kind of market offers to the tools that are for all of them."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from sesgame.game.players import Players

__all__ = ["Market"]


class Market(Protocol):
    """A market that can be held again with other reports, or without one participant."""

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
