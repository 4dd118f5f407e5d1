"""Columns of price-quantity steps: what is allowed in them, and what a traded quantity is worth."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sesgame.errors import GameError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.players import Players

__all__ = [
    "Orders",
    "by_participant",
    "check_steps",
    "known_prices",
    "lost_load",
    "money_of",
    "number_column",
    "numbers",
    "one_price_each",
    "pairs_nearby",
    "refuse",
    "signed",
    "value_of_steps",
]


PRICE_ROUNDING = 16 * float(np.finfo(np.float64).eps)
"""Part by which two prices may differ and be one: some roundings of a product or a sum."""

QUANTITY_ROUNDING = 1e-12
"""Part of all quantities of a period that is rounding in a sum of them: that of the engine."""


class Orders(Protocol):
    """What the columns of every kind of market have in common."""

    @property
    def participants(self) -> Players:
        """All participants."""
        ...

    @property
    def participant(self) -> NDArray[np.int64]:
        """Who made each order, as an index into the participants."""
        ...

    @property
    def is_bid(self) -> NDArray[np.bool_]:
        """Whether each order is a bid rather than an offer."""
        ...


def by_participant(orders: Orders, column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of a column over the orders of each participant."""
    sums = np.bincount(orders.participant, weights=column, minlength=len(orders.participants))
    return sums.astype(np.float64)


def signed(orders: Orders, quantity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the quantity of each order: what bids take positive, what offers give negative."""
    return np.where(orders.is_bid, quantity, -quantity)


def numbers(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return numbers of any shape as an array of its own, finite or not."""
    try:
        return np.array(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GameError(f"{name} must be numbers, got {values!r}") from error


def lost_load(value: float | None, demand: NDArray[np.float64]) -> float:
    """Return a value of lost load, 0 where none is needed; refuse what is no price."""
    if value is None:
        if demand.any():
            raise GameError(
                "fixed demand needs a value_of_lost_load: the price above which it is not served"
            )
        return 0.0
    price = numbers("value_of_lost_load", value)
    if price.ndim or not np.isfinite(price):
        raise GameError(f"value_of_lost_load must be finite, got {value}")
    return float(price)


def number_column(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Return a column of numbers as an array of its own, finite or not."""
    column = numbers(name, values)
    if column.ndim != 1:
        raise GameError(f"{name} has shape {column.shape}; one number for each order is needed")
    return column


def refuse(bad: NDArray[np.bool_], message: Callable[[int], str]) -> None:
    """Raise the message of the first bad row, if there is one."""
    if bad.any():
        raise GameError(message(int(np.argmax(bad))))


def check_steps(
    group: NDArray[np.int64],
    is_bid: NDArray[np.bool_],
    price: NDArray[np.float64],
    quantity: NDArray[np.float64],
    name: Callable[[int], str],
) -> None:
    """Refuse numbers that are not finite, negative quantities, and unsorted steps.

    The offers of one group must not fall in price from one row to the next, its bids not rise, by
    more than rounding.
    """
    refuse(~np.isfinite(price), lambda k: f"{name(k)}: its price must be finite, got {price[k]}")
    refuse(
        ~(np.isfinite(quantity) & (quantity >= 0)),
        lambda k: f"{name(k)}: its quantity must be finite and non-negative, got {quantity[k]}",
    )
    rank = np.where(is_bid, -price, price)
    order = np.lexsort((is_bid, group))
    before, after = order[:-1], order[1:]
    same = (is_bid[before] == is_bid[after]) & (group[before] == group[after])
    rounding = PRICE_ROUNDING * np.abs(price[before])
    wrong = np.flatnonzero(same & (rank[after] < rank[before] - rounding))
    if wrong.size:
        k, previous = int(after[wrong[0]]), int(before[wrong[0]])
        step, direction = ("a bid", "rise") if is_bid[k] else ("an offer", "fall")
        raise GameError(
            f"{name(k)}: its price {price[k]} follows {price[previous]}; the steps of {step} "
            f"must not {direction} in price"
        )


def one_price_each(price: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return finite prices where those that differ by rounding only are one, the lowest of them.

    Ties are then those that people see: 0.3 and 0.1 + 0.2 are one price, in any unit.
    """
    distinct = np.unique(price)
    magnitude = np.maximum(np.abs(distinct[1:]), np.abs(distinct[:-1]))
    apart = np.diff(distinct) > PRICE_ROUNDING * magnitude
    if apart.all():
        return price
    lowest = distinct[np.concatenate([[True], apart])]
    one_each: NDArray[np.float64] = lowest[np.searchsorted(lowest, price, side="right") - 1]
    return one_each


def known_prices(price: NDArray[np.float64], known: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return prices, those that differ from a known one by rounding only as that one.

    As in :func:`one_price_each`; the known ones differ by more.
    """
    known = np.unique(known)
    above = np.minimum(np.searchsorted(known, price), len(known) - 1)
    for place in (above, np.maximum(above - 1, 0)):
        near = known[place]
        magnitude = np.maximum(np.abs(price), np.abs(near))
        price = np.where(np.abs(price - near) <= PRICE_ROUNDING * magnitude, near, price)
    return price


def pairs_nearby(
    own: NDArray[np.float64], others: NDArray[np.float64], *, count: int = 4
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return pairs of an own number and one of the others: up to `count` to either side of each."""
    others = np.unique(others)
    place = np.searchsorted(others, own)[:, np.newaxis] + np.arange(-count, count + 1)
    rows, columns = np.nonzero((place >= 0) & (place < len(others)))
    return own[rows], others[place[rows, columns]]


def money_of(
    price: NDArray[np.float64],
    quantity: NDArray[np.float64],
    value_of_lost_load: float,
    demand: NDArray[np.float64],
) -> float:
    """Return the money that all orders and fixed demand are about: the scale of sums of money."""
    return float((np.abs(price) * quantity).sum() + abs(value_of_lost_load) * demand.sum())


def value_of_steps(
    accepted: NDArray[np.float64],
    group: NDArray[np.int64],
    is_bid: NDArray[np.bool_],
    price: NDArray[np.float64],
    quantity: NDArray[np.float64],
) -> float:
    """Return what accepted quantities are worth by steps that did not make them.

    The total of each group and side is taken from its steps in their order; more than there is
    can be neither delivered nor taken, which is worth minus infinity.
    """
    value = 0.0
    # The precision of a network's solver; an order book's is far better.
    rounding = 1e-9 * float(quantity.sum())
    for side in (False, True):
        for key in np.unique(group[is_bid == side]):
            steps = np.flatnonzero((group == key) & (is_bid == side))
            left = float(accepted[steps].sum())
            for step in steps:
                taken = min(left, float(quantity[step]))
                left -= taken
                value += float(price[step]) * (taken if side else -taken)
            if left > rounding:
                return -np.inf
    return value
