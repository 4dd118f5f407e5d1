"""The cooperative games of a market: what a coalition gains by trading among itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError
from sesgame.formatting import named
from sesgame.game.by_value import ByValue
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.players import Players
from sesgame.markets.budget import budget_balance
from sesgame.markets.network import NetworkMarket
from sesgame.markets.order_book import OrderBook
from sesgame.markets.settlement import Settlement

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["coalition_welfare", "deficit_game", "market_game", "owners_of_lines", "trading_orders"]

NUMBERS_AT_ONCE = 1 << 22
"""Quantities that are written down at once: of all orders of a period in some coalitions."""


@checked_arguments
def market_game(
    market: OrderBook | NetworkMarket,
    *,
    line_owners: Mapping[int, Hashable] | None = None,
) -> Game:
    r"""Return the game in which each coalition trades among itself.

    In an order book

    .. math::

        v(S) = \sum_t \min_p \sum_{k \in S_t} q_k \max(0, \pm (\text{limit}_k - p))

    and on a network the largest welfare of an optimal power flow with the orders of S alone.

    Parameters
    ----------
    market : OrderBook or NetworkMarket
        Its players are its participants and its fixed loads, ``"load"`` where there is one without
        a name. What a network has injected belongs to the load ``"load"``.
    line_owners : mapping of int to hashable, optional
        Only of a network: the owner of some lines, by the position of the line. An owner may be a
        participant or a player of its own. A line is there for coalitions with its owner; all
        other lines, and links, for everybody.

    Returns
    -------
    Game
        Of gains. Any rule shares out its welfare: :func:`sesgame.markets.uplift_by_rule` makes
        payments of the shares.

    Raises
    ------
    GameError
        A market of another kind, a line that is not there, a line owner that is a fixed load, or,
        once it is evaluated, a coalition whose dispatch nothing meets.

    Notes
    -----
    By linear programming duality a coalition of an order book takes O(m) for the m orders of a
    period once they are sorted, many coalitions at once; one of a network takes a linear program.
    The game of an order book has a core, which the uniform price is in. One line more can make a
    dispatch dearer where there are loops, since power cannot be kept off it: then its owner may be
    worth less than nothing.

    References
    ----------
    Owen (1975) [owen1975]_ for games of linear programs.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 2), ("bob", "offer", 3, 1), ("eve", "offer", 5, 1)]
    ... )
    >>> game = sg.markets.market_game(book)
    >>> game.value(["ann", "eve"]), game.value(["ann", "bob", "eve"])
    (4.0, 10.0)
    """
    if isinstance(market, OrderBook):
        if line_owners:
            raise GameError("line_owners are for a NetworkMarket; an OrderBook has no lines")
        players = Players([*market.participants, *market.load_names])
        return Game.from_function(players, _BookWelfare(market), kind="gain", batched=True)
    if not isinstance(market, NetworkMarket):
        raise GameError(f"market must be an OrderBook or a NetworkMarket, got {named(market)}")
    owners = owners_of_lines(market, line_owners)
    new = [label for label in dict.fromkeys(owners.values()) if label not in market.participants]
    players = Players([*market.participants, *market.outside, *new])
    return Game.from_function(players, _NetworkWelfare(market, owners), kind="gain")


@checked_arguments
def deficit_game(settlement: Settlement) -> Game:
    r"""Return the cost game in which each coalition bears its own deficit under a mechanism.

    .. math:: D(S) = -\sum_{i \in S} t_i(S)

    with the payments of the mechanism in the market of S alone; negative for a surplus.

    Parameters
    ----------
    settlement : Settlement
        Of an order book or a network, by a mechanism of this package, repaired or not.

    Returns
    -------
    Game
        Of costs, with the players of :func:`market_game`; ``D(N)`` is the deficit that is there.

    Raises
    ------
    GameError
        The settlement has no such market, or does not know its mechanism.

    Notes
    -----
    One settlement for each coalition. The deficit of VCG among S is the sum of what its members
    add to it, minus what it gains.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> game = sg.markets.deficit_game(sg.markets.vcg(book))
    >>> game.value(["ann", "eve"]), game.value(["ann", "bob", "eve"])
    (6.0, 4.0)
    """
    market = settlement.of_market
    if not isinstance(market, (OrderBook, NetworkMarket)) or settlement.rule is None:
        raise GameError(
            f"a game of deficits needs the market, an OrderBook or a NetworkMarket, and its "
            f"mechanism; the settlement by {settlement.method!r} has "
            f"{'no mechanism' if settlement.rule is None else named(market)}"
        )
    outside = market.load_names if isinstance(market, OrderBook) else market.outside
    players = Players([*market.participants, *outside])
    return Game.from_function(players, _Deficit(market, settlement.rule), kind="cost")


def owners_of_lines(
    market: NetworkMarket, given: Mapping[int, Hashable] | None, *, with_links: bool = False
) -> dict[int, Hashable]:
    """Return the owner of each line that has one, by its position; links come after the lines.

    Raises
    ------
    GameError
        There is no such line, or its owner is a fixed load.
    """
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise GameError(
            f"line_owners must map the position of a line to its owner, got {named(given)}"
        )
    for place, owner in given.items():
        if isinstance(place, bool) or not isinstance(place, (int, np.integer)):
            raise GameError(f"line_owners: {named(place)} is no position of a line")
        count = len(market.lines) + len(market.links) * with_links
        if not 0 <= place < count:
            raise GameError(f"line_owners: there is no line {place}; the network has {count}")
        if not isinstance(owner, Hashable) or owner is None:
            raise GameError(f"line_owners: the owner of line {place} is {named(owner)}, no label")
        if owner in market.outside:
            raise GameError(f"line_owners: line {place} is of {owner!r}, which is a fixed load")
    return {int(place): owner for place, owner in given.items()}


def trading_orders(book: OrderBook) -> NDArray[np.float64]:
    """Return period, player, sign, price and quantity of each order, shape (5, m); loads bid."""
    n = len(book.participants)
    load, served = np.nonzero(book.load_kwh)
    sign = np.where(book.is_bid, 1.0, -1.0)
    rows = [book.period, book.participant, sign, book.price_per_kwh, book.quantity_kwh]
    count = len(load)
    price = np.full(count, book.value_of_lost_load)
    bids = [served, n + load, np.ones(count), price, book.load_kwh[load, served]]
    return np.concatenate([np.array(rows), np.array(bids)], axis=1)


def coalition_welfare(
    orders: NDArray[np.float64], membership: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the least surplus at any one price for each period; some order's price attains it.

    At a price all cheaper offers and all dearer bids have their distance to it: sums along the
    orders by price, which start at its median so that little is lost in their differences.
    """
    welfare = np.zeros(len(membership))
    for period in np.unique(orders[0]):
        now = orders[:, orders[0] == period]
        now = now[:, np.argsort(now[3], kind="stable")]
        player, is_bid, quantity = now[1].astype(np.intp), now[2] > 0, now[4]
        price = now[3] - np.median(now[3])
        rows = max(1, NUMBERS_AT_ONCE // len(price))
        for start in range(0, len(membership), rows):
            inside = membership[start : start + rows, player] * quantity
            bids = inside * is_bid
            below = np.cumsum(inside, axis=1) - bids.sum(axis=1, keepdims=True)
            money = inside * price
            spent = np.cumsum(money, axis=1) - (money * is_bid).sum(axis=1, keepdims=True)
            welfare[start : start + rows] += np.maximum(0.0, (price * below - spent).min(axis=1))
    return welfare


class _BookWelfare(ByValue):
    """What coalitions of an order book gain, many at once."""

    def __init__(self, book: OrderBook) -> None:
        self.orders = trading_orders(book)

    def __call__(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]:
        return coalition_welfare(self.orders, membership)


class _NetworkWelfare(ByValue):
    """What a coalition gains on a network with the lines that it may use."""

    def __init__(self, market: NetworkMarket, owners: dict[int, Hashable]) -> None:
        self.market, self.owners = market, owners

    def __call__(self, coalition: frozenset[Hashable]) -> float:
        lines = [
            line
            for place, line in enumerate(self.market.lines)
            if place not in self.owners or self.owners[place] in coalition
        ]
        return float(self.market.only(coalition, lines).clear().welfare)


class _Deficit(ByValue):
    """What a mechanism lacks in the market of a coalition."""

    def __init__(
        self, market: OrderBook | NetworkMarket, rule: Callable[[Any], Settlement]
    ) -> None:
        self.market, self.rule = market, rule

    def __call__(self, coalition: frozenset[Hashable]) -> float:
        return -budget_balance(self.rule(self._own(coalition))).gap

    def _own(self, coalition: frozenset[Hashable]) -> OrderBook | NetworkMarket:
        if isinstance(self.market, OrderBook):
            return self.market.with_only(coalition)
        return self.market.only(coalition)
