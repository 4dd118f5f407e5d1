"""What participants of a market have by themselves: from where a gain is measured."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sesgame.errors import AllocationError, GameError
from sesgame.formatting import format_coalition, named
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.markets.market import LOAD
from sesgame.markets.network import NetworkMarket
from sesgame.markets.order_book import OrderBook
from sesgame.markets.settlement import Settlement
from sesgame.markets.steps import numbers
from sesgame.markets.storage_auction import StorageAuction

__all__ = ["SELF", "alone_under", "values_alone"]

SELF = "self"
"""Each participant's best outcome with its own orders alone."""

PERIODS_AT_ONCE = 1 << 18
"""Periods that are cleared at once, of participants that each trade with themselves."""


@checked_arguments
def values_alone(market: OrderBook | NetworkMarket | StorageAuction) -> NDArray[np.float64]:
    """Return what each participant of a market, and then each outside, is worth by itself.

    Parameters
    ----------
    market : OrderBook, NetworkMarket or StorageAuction
        On a network everybody has all of its lines. A fixed load has nothing alone, but what is
        injected belongs to the load ``"load"``. A bidder for a battery has nothing without it.

    Returns
    -------
    ndarray of float, shape (n + k,)
        With the k fixed loads behind the participants.

    Raises
    ------
    GameError
        A market of another kind, or somebody cannot be alone on a network: what it must deliver or
        take, no dispatch meets.

    Notes
    -----
    O(m log m) for an order book; a linear program for each participant of a network that buys and
    sells, or must run. Who only buys or only sells has nobody to trade with.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 2), ("ann", "offer", 4, 1), ("eve", "offer", 3, 2)]
    ... )
    >>> sg.markets.values_alone(book).tolist()
    [5.0, 0.0]
    """
    if isinstance(market, OrderBook):
        return _in_book(market)
    if isinstance(market, NetworkMarket):
        return _on_network(market)
    if isinstance(market, StorageAuction):
        return np.zeros(len(market.participants))
    raise GameError(
        f"market must be an OrderBook, a NetworkMarket or a StorageAuction, got {named(market)}"
    )


def _in_book(book: OrderBook) -> NDArray[np.float64]:
    n = len(book.participants)
    alone = np.zeros(n + len(book.load_names))
    buys, sells = np.zeros((2, n), np.bool_)
    buys[book.participant[book.is_bid]] = True
    sells[book.participant[~book.is_bid]] = True
    both = np.flatnonzero(buys & sells)
    # Each trades only with itself: in periods of its own, for some of them at a time.
    size = max(1, PERIODS_AT_ONCE // book.n_periods)
    for start in range(0, len(both), size):
        some = both[start : start + size]
        keep = np.isin(book.participant, some)
        own = np.searchsorted(some, book.participant[keep])
        apart = OrderBook(
            book.participants,
            book.participant[keep],
            book.is_bid[keep],
            book.price_per_kwh[keep],
            book.quantity_kwh[keep],
            own * book.n_periods + book.period[keep],
        )
        alone[some] = apart.clear().values[some]
    return alone


def _on_network(market: NetworkMarket) -> NDArray[np.float64]:
    n = len(market.participants)
    alone = np.zeros(n + len(market.outside))
    for index, label in enumerate(market.participants):
        own = [order for order in market.orders if order.participant == label]
        if len({order.side for order in own}) == 2 or any(order.must_run for order in own):
            alone[index] = market.only([label]).clear().welfare
    if market.injection_mw.any():
        alone[n + market.outside.index(LOAD)] = market.only([LOAD]).clear().welfare
    return alone


def alone_under(settlement: Settlement, alone: Any) -> NDArray[np.float64]:
    """Return what each participant, and then each of the outside, has alone.

    Parameters
    ----------
    settlement : Settlement
        Of any mechanism.
    alone : None, "self", Allocation, mapping or array_like
        As of :func:`sesgame.markets.uplift_by_gain`.

    Raises
    ------
    AllocationError
        Numbers for others, a missing one, or none at all; or the settlement knows no market.
    """
    n, n_outside = len(settlement.participants), len(settlement.outside)
    if alone is None:
        return np.zeros(n + n_outside)
    if isinstance(alone, str):
        if alone != SELF:
            raise AllocationError(f'alone must be "{SELF}", numbers or None, got {alone!r}')
        return _by_themselves(settlement)
    if isinstance(alone, Allocation):
        if alone.kind != "gain":
            raise AllocationError("alone is an allocation of costs; gains are needed")
        alone = dict(zip(alone.players, alone.values.tolist(), strict=True))
    if hasattr(alone, "to_dict") and not isinstance(alone, Mapping):  # a Series
        alone = alone.to_dict()
    if isinstance(alone, Mapping):
        return _by_name(settlement, alone)
    return _in_order(alone, n, n_outside)


def _by_themselves(settlement: Settlement) -> NDArray[np.float64]:
    """Return the welfare of each with nobody else; of plain settlements nobody knows it."""
    market = settlement.of_market
    if not isinstance(market, (OrderBook, NetworkMarket, StorageAuction)):
        raise AllocationError(
            f"the settlement by {settlement.method!r} has no market in which somebody could be "
            f"alone; give alone= as numbers"
        )
    found = values_alone(market)
    # Whoever is outside and brings nothing, such as the owner of a line, has nothing alone.
    rest = len(settlement.participants) + len(settlement.outside) - len(found)
    return np.append(found, np.zeros(rest))


def _by_name(settlement: Settlement, given: Mapping[Any, Any]) -> NDArray[np.float64]:
    labels = [*settlement.participants, *settlement.outside]
    missing = [label for label in settlement.participants if label not in given]
    unknown = [label for label in given if label not in labels]
    if missing or unknown:
        raise AllocationError(
            f"alone does not fit the participants: missing {format_coalition(missing)}, unknown "
            f"{format_coalition(unknown)}"
        )
    found = np.zeros(len(labels))
    for place, label in enumerate(labels):
        found[place] = _finite(given.get(label, 0.0), repr(label))
    return found


def _finite(given: Any, name: str) -> float:
    is_number = isinstance(given, (int, float, np.number)) and not isinstance(given, (bool, str))
    if not is_number or not np.isfinite(given):
        raise AllocationError(f"alone: {name} must have a finite number, got {named(given)}")
    return float(given)


def _in_order(given: ArrayLike, n: int, n_outside: int) -> NDArray[np.float64]:
    try:
        found = numbers("alone", given)
    except GameError as error:
        raise AllocationError(str(error)) from error
    if found.shape not in ((n,), (n + n_outside,)):
        raise AllocationError(
            f"alone has shape {found.shape}; {n} numbers are needed, one for each participant"
            + (f", or {n + n_outside} with the outside" if n_outside else "")
        )
    if not np.isfinite(found).all():
        k = int(np.argmin(np.isfinite(found)))
        raise AllocationError(f"alone must be finite, got {found[k]} at position {k}")
    return np.append(found, np.zeros(n + n_outside - len(found)))
