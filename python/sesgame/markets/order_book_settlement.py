"""Mechanisms for an order book on one bus: who trades how much, and at what price.

All clear by merit order. At one price, offers come before bids, bids before fixed demand, and
orders of one side are rationed in proportion to their quantities.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from sesgame.errors import GameError
from sesgame.markets.settlement import Settlement
from sesgame.markets.steps import by_participant

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame._engine import OrderBookOutcome
    from sesgame.markets.order_book import OrderBook
    from sesgame.markets.properties import PropertyReport

__all__ = ["OneBusSettlement", "one_bus_vcg", "pay_as_bid", "uniform_price"]

_PRECISION = 1e-11
"""Rounding of a sum of money, relative to the money that all orders are about."""


@dataclasses.dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class OneBusSettlement(Settlement):
    """The settlement of an order book.

    Attributes
    ----------
    book : OrderBook
        What was settled.
    accepted_kwh : ndarray of float, shape (m,)
        How much of each order is accepted, in the order of the book.
    shed_kwh : ndarray of float, shape (T,)
        Fixed demand that is not served.
    price_per_kwh : ndarray of float, shape (T,)
        The market price that fixed demand pays: the middle of the clearing prices, or the
        position that was asked for; NaN in a period without any order.
    price_lower, price_upper : ndarray of float, shape (T,)
        The lowest and the highest price at which the market clears.
    pivotal_kwh : mapping of participant to float
        Only for VCG: participants without whom more fixed demand would be shed, and how much
        more. Their payment counts it at the value of lost load.
    quantities_known : bool
        Whether the mechanism takes quantities as known, so that only prices can be misreported.
    blocking : tuple of frozenset
        Only for core-selecting payments: the coalitions that had to be satisfied.
    """

    book: OrderBook
    accepted_kwh: NDArray[np.float64]
    shed_kwh: NDArray[np.float64]
    price_per_kwh: NDArray[np.float64]
    price_lower: NDArray[np.float64]
    price_upper: NDArray[np.float64]
    pivotal_kwh: dict[Hashable, float] = dataclasses.field(default_factory=dict)
    quantities_known: bool = False
    blocking: tuple[frozenset[Hashable], ...] = ()

    @property
    def consumed(self) -> NDArray[np.float64]:
        """What each participant buys, and then what the fixed load takes."""
        bought = by_participant(self.book, np.where(self.book.is_bid, self.accepted_kwh, 0.0))
        served = (self.book.demand_kwh - self.shed_kwh).sum()
        return np.append(bought, [served] * len(self.outside))

    def properties(self, *, scan: Iterable[Hashable] | None = None) -> PropertyReport:
        """Return what holds of this outcome, and by how much what does not.

        Parameters
        ----------
        scan : iterable of participants, optional
            Whose misreports are tried; by default those who trade most.

        Returns
        -------
        PropertyReport
        """
        from sesgame.markets.properties import one_bus_properties

        return one_bus_properties(self, scan=scan)

    def to_dict(self) -> dict[str, object]:
        """Return everything but the book in the types that JSON knows."""
        result = super().to_dict()
        del result["book"]
        return result


def one_bus_vcg(book: OrderBook) -> OneBusSettlement:
    """Return the efficient outcome with its VCG payments; see :func:`sesgame.markets.vcg`."""
    outcome = book.columns.settle(True)
    settlement = _settlement(book, "vcg", outcome, 0.5)
    return dataclasses.replace(
        settlement,
        payments=outcome.payments,
        rule=one_bus_vcg,
        pivotal_kwh={
            book.participants[int(i)]: float(outcome.pivotal[i])
            for i in np.flatnonzero(outcome.pivotal)
        },
    )


def one_bus_core_selecting(book: OrderBook) -> OneBusSettlement:
    """Return the core payments nearest to VCG; see :func:`sesgame.markets.core_selecting`."""
    settlement = one_bus_vcg(book)
    marginal, worth = settlement.utilities, settlement.welfare
    if settlement.outside:
        everybody = np.arange(len(book.participants))
        alone = uniform_price(book.only(everybody, with_load=False)).welfare
        marginal = np.append(marginal, worth - alone)
    payoffs, blocking, _ = book.coalitions.nearest_core_payoffs(marginal, worth)
    n = len(book.participants)
    labels = [*book.participants, *settlement.outside]
    return dataclasses.replace(
        settlement,
        payments=settlement.values - payoffs[:n],
        outside={
            name: (value, value - float(payoff))
            for (name, (value, _)), payoff in zip(
                settlement.outside.items(), payoffs[n:], strict=True
            )
        },
        method="core-selecting",
        rule=one_bus_core_selecting,
        tolerance=1e3 * settlement.tolerance,
        blocking=tuple(
            frozenset(label for label, inside in zip(labels, coalition, strict=True) if inside)
            for coalition in blocking
        ),
    )


def uniform_price(book: OrderBook, *, position: float = 0.5) -> OneBusSettlement:
    """Return the efficient outcome of a book at one price for everybody (k-double auction).

    Parameters
    ----------
    book : OrderBook
        Any number of offers, bids and fixed demand.
    position : float, default 0.5
        Where the price lies between the lowest (0) and the highest (1) clearing price; 0.5 is
        the average price. Where one bound is missing, the price is the other one.

    Returns
    -------
    OneBusSettlement
        The budget balances and nobody loses; truth is not a dominant strategy.

    Raises
    ------
    GameError
        `position` is not from 0 to 1.

    Notes
    -----
    One sorted pass, O(m log m) for m orders.

    References
    ----------
    Wilson (1985) [wilson1985]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders(
    ...     [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    ... )
    >>> sg.markets.uniform_price(book)["ann"]
    7.0
    """
    if not 0 <= position <= 1:
        raise GameError(f"position is {position}; it must be from 0 to 1")
    settlement = _settlement(book, "uniform price", book.columns.settle(False), position)
    traded = _signed(book, settlement.accepted_kwh)
    price = np.where(np.isnan(settlement.price_per_kwh), 0.0, settlement.price_per_kwh)
    return dataclasses.replace(
        settlement,
        payments=by_participant(book, traded * price[book.period]),
        rule=uniform_price if position == 0.5 else partial(uniform_price, position=position),
    )


def pay_as_bid(book: OrderBook) -> OneBusSettlement:
    """Return the efficient outcome of a book where each accepted order pays its own price.

    Parameters
    ----------
    book : OrderBook
        Any number of offers, bids and fixed demand.

    Returns
    -------
    OneBusSettlement
        Every reported utility is 0; truth is not a dominant strategy. Fixed demand pays the
        market price, so there is a surplus.

    Notes
    -----
    One sorted pass, O(m log m) for m orders.

    Examples
    --------
    >>> import sesgame as sg
    >>> book = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    >>> sg.markets.pay_as_bid(book)["ann"]
    9.0
    """
    settlement = _settlement(book, "pay as bid", book.columns.settle(False), 0.5)
    return dataclasses.replace(settlement, payments=settlement.values, rule=pay_as_bid)


def middle_price(
    lower: NDArray[np.float64], upper: NDArray[np.float64], position: float
) -> NDArray[np.float64]:
    """Return the price between two bounds; the finite one where the other is infinite."""
    only_lower, only_upper = np.isinf(upper), np.isinf(lower)
    low = np.where(only_upper, upper, lower)
    high = np.where(only_lower, lower, upper)
    low, high = np.where(np.isfinite(low), low, np.nan), np.where(np.isfinite(high), high, np.nan)
    price: NDArray[np.float64] = low + position * (high - low)
    return price


def _signed(book: OrderBook, quantity: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return quantities with bids positive and offers negative."""
    return np.where(book.is_bid, quantity, -quantity)


def _settlement(
    book: OrderBook,
    method: str,
    outcome: OrderBookOutcome,
    position: float,
) -> OneBusSettlement:
    """Return the settlement of accepted quantities, with nothing paid yet by participants."""
    accepted = book.in_book_order(outcome.accepted)
    shed, lower, upper = outcome.shed, outcome.price_lower, outcome.price_upper
    values = by_participant(book, _signed(book, accepted) * book.price_per_kwh)
    price = middle_price(lower, upper, position)
    served = book.demand_kwh - shed
    load_value = float(book.value_of_lost_load * served.sum())
    load_payment = float((np.where(served > 0, price, 0.0) * served).sum())
    outside = {"load": (load_value, load_payment)} if book.demand_kwh.any() else {}
    money = np.abs(book.price_per_kwh) @ book.quantity_kwh + load_value
    for column in (accepted, shed, price, lower, upper):
        column.setflags(write=False)
    return OneBusSettlement(
        book.participants,
        np.zeros(len(book.participants)),
        values,
        method,
        outside,
        best_welfare=float(values.sum()) + load_value,
        tolerance=_PRECISION * max(1.0, float(money)),
        book=book,
        accepted_kwh=accepted,
        shed_kwh=shed,
        price_per_kwh=price,
        price_lower=lower,
        price_upper=upper,
    )
