"""A choice between alternatives that are for all: who may say what each is worth to him."""

from __future__ import annotations

import copy
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import AllocationError, GameError
from sesgame.formatting import named
from sesgame.game.allocation import checked_values
from sesgame.game.by_value import ByValue
from sesgame.game.players import Players
from sesgame.markets.steps import numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["PublicChoice"]

ROUNDING = 1e-12
"""Part of all worths that is rounding in a sum of them: alternatives that differ by less tie."""


class PublicChoice(ByValue):
    """One of several alternatives for all, such as a battery, a larger one, or none.

    Parameters
    ----------
    worth : mapping of hashable to mapping of hashable to float
        What each alternative is worth to each participant: ``{"ann": {"none": 0, "battery": 9}}``.
        All name the same alternatives. Of two that are worth the same the earlier is chosen, in the
        order of the first participant: put first what is if nothing is decided.
    cost : mapping of hashable to float, optional
        What each alternative costs; by default nothing. Alternatives that are not named are free.
    shares : mapping of hashable to float, or array_like of float, shape (n,), optional
        The part of the cost that each participant bears, adding up to 1; by default the same. They
        are settled before anybody says what anything is worth.

    Raises
    ------
    GameError
        No participant, no alternative, other alternatives than those of the first, a number that is
        not finite, or shares that are negative or do not add up to 1.

    Examples
    --------
    >>> import sesgame as sg
    >>> choice = sg.markets.PublicChoice(
    ...     {"ann": {"none": 0, "battery": 9}, "bob": {"none": 0, "battery": 1}},
    ...     cost={"battery": 6},
    ... )
    >>> choice
    PublicChoice(2 participants, 2 alternatives)
    """

    def __init__(
        self,
        worth: Mapping[Hashable, Mapping[Hashable, float]],
        *,
        cost: Mapping[Hashable, float] | None = None,
        shares: Mapping[Hashable, float] | ArrayLike | None = None,
    ) -> None:
        if not isinstance(worth, Mapping) or not worth:
            raise GameError(
                f"worth must map participants to what is worth what, got {named(worth)}"
            )
        self.participants = Players(worth)
        columns: list[Mapping[Hashable, float]] = list(worth.values())
        for label, column in zip(worth, columns, strict=True):
            if not isinstance(column, Mapping) or not column:
                raise GameError(
                    f"worth of {label!r} must map alternatives to numbers, got {named(column)}"
                )
            if set(column) != set(columns[0]):
                raise GameError(
                    f"worth of {label!r} is for {_names(column)}; {self.participants[0]!r} has "
                    f"{_names(columns[0])}"
                )
        self.alternatives: tuple[Hashable, ...] = tuple(columns[0])
        self.worth = np.array(
            [
                [
                    _number(f"worth of {alternative!r} to {label!r}", column[alternative])
                    for alternative in self.alternatives
                ]
                for label, column in zip(worth, columns, strict=True)
            ]
        )
        self.cost = self._cost(cost)
        self.shares = self._shares(shares)
        for array in (self.worth, self.cost, self.shares):
            array.setflags(write=False)

    @property
    def net_worth(self) -> NDArray[np.float64]:
        """Worth minus the share of the cost, shape (n, k): what each reports."""
        return self.worth - self.shares[:, np.newaxis] * self.cost

    @property
    def tolerance(self) -> float:
        """Absolute precision of sums of money."""
        return ROUNDING * float(np.abs(self.worth).sum() + np.abs(self.cost).sum())

    def best(self) -> int:
        """Return the position of the alternative that is worth most to all; of ties the first."""
        total = self.net_worth.sum(axis=0)
        return int(np.argmax(total >= total.max() - self.tolerance))

    def without(self, participant: Hashable) -> PublicChoice:
        """Return the choice of all others: nothing is worth or costs the participant anything.

        What the others bear of the cost stays as it is; the participant's part is not collected.
        """
        index = self.participants.index(participant)
        alone = copy.copy(self)
        for name in ("worth", "shares"):
            array = getattr(self, name).copy()
            array[index] = 0.0
            array.setflags(write=False)
            setattr(alone, name, array)
        return alone

    def has_orders(self, participant: Hashable) -> bool:
        """Return whether anything is worth anything to a participant."""
        return bool(self.worth[self.participants.index(participant)].any())

    def misreport(
        self, participant: Hashable, price_factor: float, quantity_factor: float
    ) -> PublicChoice:
        """Return the choice in which one participant multiplies its worths."""
        other = copy.copy(self)
        other.worth = self.worth.copy()
        other.worth[self.participants.index(participant)] *= price_factor * quantity_factor
        other.worth.setflags(write=False)
        return other

    def true_value(self, participant: Hashable, settlement: Any) -> float:
        """Return what the chosen alternative is truly worth to a participant, without its cost."""
        place = self.alternatives.index(settlement.alternative)
        return float(self.worth[self.participants.index(participant), place])

    def _cost(self, given: Mapping[Hashable, float] | None) -> NDArray[np.float64]:
        if given is None:
            return np.zeros(len(self.alternatives))
        if not isinstance(given, Mapping):
            raise GameError(f"cost must map alternatives to numbers, got {named(given)}")
        for alternative in given:
            if alternative not in self.alternatives:
                raise GameError(
                    f"cost is for {alternative!r}; the alternatives are {_names(self.alternatives)}"
                )
        return np.array(
            [_number(f"cost of {each!r}", given.get(each, 0.0)) for each in self.alternatives]
        )

    def _shares(self, given: Mapping[Hashable, float] | ArrayLike | None) -> NDArray[np.float64]:
        n = len(self.participants)
        if given is None:
            return np.full(n, 1 / n)
        if isinstance(given, Mapping):
            if set(given) != set(self.participants):
                raise GameError(
                    f"shares are for {_names(given)}; the participants are "
                    f"{_names(self.participants)}"
                )
            given = [_number(f"share of {each!r}", given[each]) for each in self.participants]
        try:
            shares = np.array(checked_values(self.participants, given))
        except AllocationError as error:
            raise GameError(f"shares: {error}") from error
        if (shares < 0).any():
            k = int(np.argmax(shares < 0))
            raise GameError(f"the share of {self.participants[k]!r} is negative: {shares[k]}")
        if abs(float(shares.sum()) - 1) > 1e-9:
            raise GameError(f"shares must add up to 1, not to {shares.sum():.9g}")
        return shares

    def __repr__(self) -> str:
        return (
            f"PublicChoice({len(self.participants)} participants, "
            f"{len(self.alternatives)} alternatives)"
        )


def _number(name: str, given: Any) -> float:
    value = numbers(name, given)
    if value.ndim or isinstance(given, (bool, str)) or not np.isfinite(value):
        raise GameError(f"{name} must be a finite number, got {named(given)}")
    return float(value)


def _names(labels: Iterable[Hashable] | Sequence[Hashable]) -> str:
    return ", ".join(repr(label) for label in labels)
