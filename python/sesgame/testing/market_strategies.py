"""Hypothesis strategies for small markets with many ties."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st

from sesgame.markets.matching import Matching
from sesgame.markets.network import NetworkMarket
from sesgame.markets.order_book import OrderBook
from sesgame.markets.storage_auction import StorageAuction
from sesgame.testing.game_strategies import Count, lists_of, number_of

__all__ = ["markets", "matching_markets", "network_markets", "storage_auctions"]

SIDES = ("offer", "bid")
VALUE_OF_LOST_LOAD = 12
"""Of order books with fixed demand: within the range of the prices."""


@st.composite
def markets(
    draw: st.DrawFn,
    n: Count = None,
    *,
    n_periods: Count = 1,
    prices: st.SearchStrategy[Any] | None = None,
    quantities: st.SearchStrategy[Any] | None = None,
    single_orders: bool = False,
    demand: bool = True,
    trade: bool = False,
) -> OrderBook:
    """Return a strategy for order books on one bus.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of participants, labelled 0, 1, ...; 1 to 5 by default. Some may have no order.
    n_periods : int or strategy of int, default 1
        The number of periods.
    prices, quantities : strategy, optional
        Of each order; by default integers from -3 to 14 and from 0 to 5, so that there are ties,
        negative prices and orders for nothing.
    single_orders : bool, default False
        Whether everybody has one order in each period, on one side. Otherwise up to three steps
        on each side, and somebody may trade with himself.
    demand : bool, default True
        Whether there may be fixed demand, at a value of lost load of 12.
    trade : bool, default False
        Whether there are two more, ``"buyer"`` and ``"seller"``, who trade for sure: 1 kWh, at
        prices just outside of those of the others.

    Returns
    -------
    SearchStrategy of OrderBook

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given, settings
    >>> from sesgame.testing import assert_truthful
    >>> @settings(max_examples=10)
    ... @given(markets(single_orders=True))
    ... def test(book):
    ...     assert_truthful(sg.markets.vcg, book)
    >>> test()
    """
    price = st.integers(-3, 14) if prices is None else prices
    quantity = st.integers(0, 5) if quantities is None else quantities
    if single_orders:
        of_period = st.tuples(st.sampled_from(SIDES), price, quantity).map(lambda order: [order])
    else:
        of_period = st.tuples(*(_steps(side, price, quantity) for side in SIDES)).map(
            lambda sides: [order for steps in sides for order in steps]
        )
    count = draw(number_of(n_periods, 1, 3))
    # All of a participant is drawn at once, so that what breaks a test loses who does not matter.
    drawn = draw(lists_of(st.tuples(*[of_period] * count), n, 1, 5))
    orders: list[tuple[Any, ...]] = [
        (participant, *order, period)
        for participant, by_period in enumerate(drawn)
        for period, of_one in enumerate(by_period)
        for order in of_one
    ]
    participants: list[Any] = list(range(len(drawn)))
    if trade:
        participants += ["buyer", "seller"]
        known = [order[2] for order in orders]
        top, bottom = max(known, default=1) + 1, min(known, default=1) - 1
        for period in range(count):
            orders += [("buyer", "bid", top, 1, period), ("seller", "offer", bottom, 1, period)]
    load = [draw(st.sampled_from([0, 0, 3, 9])) if demand else 0 for _ in range(count)]
    # Built by Hypothesis, it is printed with its orders.
    return draw(
        st.builds(
            OrderBook.from_orders,
            st.just(orders),
            participants=st.just(participants),
            demand_kwh=st.just(load),
            value_of_lost_load=st.just(VALUE_OF_LOST_LOAD if demand else None),
        )
    )


def _steps(
    side: str, price: st.SearchStrategy[Any], quantity: st.SearchStrategy[Any]
) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    """Return a strategy for up to three orders of one side, the first to be filled first."""
    return st.lists(st.tuples(st.just(side), price, quantity), max_size=3).map(
        lambda steps: sorted(steps, key=lambda order: order[1], reverse=side == "bid")
    )


@st.composite
def network_markets(draw: st.DrawFn, n: Count = 3) -> NetworkMarket:
    """Return a strategy for markets on a ring of four buses with a chord and tight lines.

    Parameters
    ----------
    n : int or strategy of int, default 3
        The number of participants, each with up to two steps on each of up to two buses.

    Returns
    -------
    SearchStrategy of NetworkMarket
        Fixed demand on every bus, at a value of lost load of 500.

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given, settings
    >>> from sesgame.testing import assert_individually_rational
    >>> @settings(max_examples=10)
    ... @given(network_markets(2))
    ... def test(market):
    ...     assert_individually_rational(market, sg.markets.nodal_pricing(market))
    >>> test()
    """
    ends = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]
    lines = [
        (*end, draw(st.sampled_from([0.1, 0.2, 0.5])), draw(st.sampled_from([5, 20, np.inf])))
        for end in ends[: draw(st.integers(3, 5))]
    ]
    participants = range(draw(number_of(n, 1, 3)))
    orders: list[tuple[Any, ...]] = []
    for participant in participants:
        for bus in sorted(draw(st.sets(st.integers(0, 3), max_size=2))):
            side = draw(st.sampled_from(["offer", "offer", "bid"]))
            prices = sorted(draw(st.lists(st.integers(0, 90), min_size=1, max_size=2)))
            if side == "bid":
                prices.reverse()
            orders += [
                (participant, bus, side, price, draw(st.integers(0, 30))) for price in prices
            ]
    demand = {bus: draw(st.integers(0, 15)) for bus in range(4)}
    return draw(
        st.builds(
            NetworkMarket,
            st.just(range(4)),
            st.just(lines),
            st.just(orders),
            demand_mw=st.just(demand),
            value_of_lost_load=st.just(500.0),
            participants=st.just(participants),
        )
    )


@st.composite
def matching_markets(draw: st.DrawFn, n: Count = None, *, bids: bool = True) -> Matching:
    """Return a strategy for matching markets with many ties and forbidden pairs.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of rows, and the most columns; 1 to 4 by default.
    bids : bool, default True
        Whether the market is one of bids, offers and path fees, rather than of worths.

    Returns
    -------
    SearchStrategy of Matching
        Rows are labelled ``"r0"``, ``"r1"``, ..., columns ``"c0"``, ``"c1"``, ...

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given, settings
    >>> from sesgame.testing import assert_individually_rational
    >>> @settings(max_examples=10)
    ... @given(matching_markets(2))
    ... def test(market):
    ...     assert_individually_rational(market, sg.markets.fair_division(market))
    >>> test()
    """
    n_rows = draw(number_of(n, 1, 4))
    n_columns = draw(st.integers(1, max(n_rows, 1) + 1))
    labels = {
        "rows": st.just([f"r{i}" for i in range(n_rows)]),
        "columns": st.just([f"c{j}" for j in range(n_columns)]),
    }

    def matrix(entry: st.SearchStrategy[Any]) -> Any:
        row = st.lists(entry, min_size=n_columns, max_size=n_columns)
        return st.lists(row, min_size=n_rows, max_size=n_rows)

    if not bids:
        worth = matrix(st.sampled_from([*range(10), -2, -np.inf]))
        return draw(st.builds(Matching, worth, **labels))
    return draw(
        st.builds(
            Matching.from_bids,
            matrix(st.sampled_from([*range(15), -np.inf])),
            st.lists(st.integers(0, 9), min_size=n_columns, max_size=n_columns),
            path_fees=matrix(st.sampled_from([0, 0, 1, 2, np.inf])),
            **labels,
        )
    )


@st.composite
def storage_auctions(draw: st.DrawFn, n: Count = None, *, max_bundles: int = 3) -> StorageAuction:
    """Return a strategy for auctions of 12 kWh and 6 kW over three periods.

    Parameters
    ----------
    n : int or strategy of int, optional
        The number of bidders, ``"b0"``, ``"b1"``, ...; 1 to 5 by default.
    max_bundles : int, default 3
        The most bundles of one bidder, of which it wants one; some are too large for the battery.

    Returns
    -------
    SearchStrategy of StorageAuction

    Examples
    --------
    >>> import sesgame as sg
    >>> from hypothesis import given, settings
    >>> from sesgame.testing import assert_individually_rational
    >>> @settings(max_examples=10)
    ... @given(storage_auctions(2))
    ... def test(auction):
    ...     assert_individually_rational(auction, sg.markets.vcg(auction))
    >>> test()
    """
    bundles = []
    for bidder in range(draw(number_of(n, 1, 5))):
        for _ in range(draw(st.integers(1, max_bundles))):
            periods = draw(st.sets(st.integers(0, 2), min_size=1))
            value, energy, power = (draw(st.integers(0, most)) for most in (20, 14, 6))
            bundles.append((f"b{bidder}", value, energy, power, periods))
    limits = {"energy_kwh": st.just(12), "power_kw": st.just([6, 5, 6])}
    return draw(st.builds(StorageAuction, st.just(bundles), **limits))
