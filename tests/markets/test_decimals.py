"""Order books in plain decimals, judged in fractions: no trade hangs on the last bit."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference.market_oracles import (
    double_auction,
    one_bus_clearing,
    one_bus_welfare,
    written,
)
from sesgame.markets import (
    NetworkMarket,
    OrderBook,
    StorageAuction,
    core_selecting,
    greedy,
    mcafee,
    nodal_pricing,
    pay_as_bid,
    scale_rents,
    trade_reduction,
    uniform_price,
    uplift_by_gain,
    vcg,
)
from sesgame.testing import markets

TENTHS = st.integers(0, 12).map(lambda k: k / 10)
BOOKS = markets(prices=TENTHS, quantities=TENTHS, demand=False)
SINGLE = {"single_orders": True, "demand": False, "prices": TENTHS}
FACTORS = st.sampled_from([1e-9, 0.1, 1 / 3, 1000, 1e9])


def exact_orders(book):
    columns = (book.is_bid, book.price_per_kwh, book.quantity_kwh)
    return [(bool(b), written(p), written(q)) for b, p, q in zip(*columns, strict=True)]


def paid_by(book, by_order):
    paid = [Fraction(0)] * len(book.participants)
    for participant, amount in zip(book.participant, by_order, strict=True):
        paid[participant] += amount
    return paid


def of_clearing(book, price_of):
    orders = exact_orders(book)
    accepted, lower, upper = one_bus_clearing(orders)
    signed = [q if o[0] else -q for o, q in zip(orders, accepted, strict=True)]
    paid = [
        q * price_of(o, lower, upper) if q else Fraction(0)
        for o, q in zip(orders, signed, strict=True)
    ]
    return accepted, paid_by(book, paid)


def of_vcg(book):
    orders = exact_orders(book)
    accepted, values = of_clearing(book, lambda order, *_: order[1])
    welfare = sum(values)
    payments = []
    for i in range(len(book.participants)):
        others = [o for o, who in zip(orders, book.participant, strict=True) if who != i]
        without = one_bus_welfare(others) if others else Fraction(0)
        payments.append(without - (welfare - values[i]))
    return accepted, payments


def of_pairs(book, keep):
    accepted, pays = double_auction(exact_orders(book), keep_all_at_average_price=keep)
    return accepted, paid_by(book, pays)


@pytest.mark.parametrize(
    ("mechanism", "judge", "books"),
    [
        pytest.param(vcg, of_vcg, BOOKS, id="vcg"),
        pytest.param(
            uniform_price,
            lambda book: of_clearing(book, lambda _, lower, upper: (lower + upper) / 2),
            BOOKS,
            id="uniform price",
        ),
        pytest.param(
            pay_as_bid,
            lambda book: of_clearing(book, lambda order, *_: order[1]),
            BOOKS,
            id="pay as bid",
        ),
        pytest.param(
            trade_reduction,
            lambda book: of_pairs(book, False),
            markets(st.integers(2, 8), quantities=TENTHS, **SINGLE),
            id="trade reduction",
        ),
        pytest.param(
            mcafee,
            lambda book: of_pairs(book, True),
            markets(st.integers(2, 8), quantities=st.just(0.7), **SINGLE),
            id="mcafee",
        ),
    ],
)
def test_trades_and_payments_are_those_in_fractions(mechanism, judge, books):
    @given(books, FACTORS, FACTORS)
    def check(book, money, quantity):
        accepted, payments = judge(book)
        scaled = OrderBook(
            book.participants,
            book.participant,
            book.is_bid,
            book.price_per_kwh * money,
            book.quantity_kwh * quantity,
        )
        for one, p, q in ((book, 1, 1), (scaled, money, quantity)):
            settlement = mechanism(one)
            found = settlement.accepted_kwh / q
            np.testing.assert_allclose(found, np.array(accepted, dtype=float), atol=1e-11)
            found = settlement.payments / (p * q)
            np.testing.assert_allclose(found, np.array(payments, dtype=float), atol=1e-11)

    check()


def book(*orders):
    return OrderBook.from_orders([(str(k), *order) for k, order in enumerate(orders)])


@pytest.mark.parametrize("unit", [1, 0.1, 0.01, 1 / 3, 1e-9, 1e9])
def test_the_average_price_suits_who_it_suits_in_whole_numbers(unit):
    """The refused bid of 1 and the refused offer of 11 meet at 6, the price of the last seller."""
    sides = [("bid", 12), ("bid", 8), ("bid", 1), ("offer", 3), ("offer", 6), ("offer", 11)]
    settlement = mcafee(book(*((side, price * unit, 0.7) for side, price in sides)))
    assert settlement.accepted_kwh.tolist() == [0.7, 0.7, 0, 0.7, 0.7, 0]
    assert settlement.price_per_kwh / unit == pytest.approx([6])
    # Nobody trades at a price that is worse than its own, not by the last bit either.
    assert settlement.utilities.min() >= 0


def test_quantities_that_are_sums_are_the_sum():
    """0.1 and 0.2 are bought of a seller of 0.3: none of it is left over to set a price."""
    three = book(
        ("bid", 9, 0.1), ("bid", 8, 0.2), ("bid", 2, 0.4), ("offer", 1, 0.3), ("offer", 5, 1)
    )
    settlement = uniform_price(three)
    assert settlement.accepted_kwh.tolist() == [0.1, 0.2, 0, 0.3, 0]
    assert (settlement.price_lower[0], settlement.price_upper[0]) == (2, 5)
    units = book(("bid", 9, 0.3), ("bid", 8, 0.1 + 0.2), ("offer", 1, 0.3), ("offer", 2, 0.3))
    assert mcafee(units).accepted_kwh.tolist() == [0.3, 0, 0.3, 0]


@pytest.mark.parametrize("mechanism", [vcg, uniform_price, pay_as_bid, trade_reduction])
def test_prices_that_differ_by_rounding_are_one_price(mechanism):
    def settle(equal):
        orders = [("bid", 0.9, 1), ("bid", equal, 1), ("offer", 0.3, 1), ("offer", 0.1, 1)]
        return mechanism(book(*orders)).accepted_kwh.tolist()

    assert 0.1 + 0.2 != 0.3
    assert settle(0.3) == settle(0.1 + 0.2) == settle(0.3 - 5e-17) != settle(0.29)


def test_steps_that_fall_by_rounding_are_sorted():
    steps = [("a", "offer", 0.1 + 0.2, 1), ("a", "offer", 0.3, 1), ("b", "bid", 1, 2)]
    assert vcg(OrderBook.from_orders(steps)).accepted_kwh.tolist() == [1, 1, 2]


@pytest.mark.parametrize("quantity", [0.1, 0.3, 1e-9, 1e9])
def test_a_trade_without_gain_has_core_payments(quantity):
    """Both sides ask 8; what they add to the others is 0, or a rounding below it."""
    sides = book(("bid", 8, quantity), ("bid", 6, 3 * quantity), ("offer", 8, 2 * quantity))
    payments = core_selecting(sides).payments / quantity
    assert payments == pytest.approx([8, 0, -8])


def test_rounding_bears_no_part_of_a_gap():
    settlement = vcg(book(("bid", 9, 1), ("bid", 5, 1), ("offer", 3, 1)))
    noisy = settlement.payments - [0, 1e-15, 0]
    noisy = dataclasses.replace(settlement, payments=noisy)
    for repair in (scale_rents, uplift_by_gain):
        assert repair(noisy).payments == pytest.approx(repair(settlement).payments)


def test_who_shares_a_price_at_a_bus_is_rationed_in_proportion():
    orders = [
        ("a", "x", "offer", 0.3, 0.1),
        ("b", "x", "offer", 0.1 + 0.2, 0.3),
        ("c", "x", "bid", 1, 0.2),
    ]
    for one in (orders, orders[::-1]):
        settlement = nodal_pricing(NetworkMarket(["x"], [], one))
        accepted = dict(zip([order[0] for order in one], settlement.accepted_mw, strict=True))
        assert accepted == pytest.approx({"a": 0.05, "b": 0.15, "c": 0.2})


def test_a_price_cap_or_a_grid_of_any_size_leaves_the_others_alone():
    orders = [
        ("a", "x", "offer", 0.1, 1e-3),
        ("b", "x", "offer", 0.1000001, 2e-3),
        ("grid", "x", "offer", 0.3, 1e9),
        ("home", "y", "bid", 1e6, 1.5e-3),
    ]
    settlement = nodal_pricing(NetworkMarket(["x", "y"], [("x", "y", 1e-5)], orders))
    assert settlement.accepted_mw == pytest.approx([1e-3, 0.5e-3, 0, 1.5e-3], rel=1e-9)
    assert settlement.price_per_mwh == pytest.approx([0.1000001] * 2, rel=1e-12)


@pytest.mark.parametrize("unit", [1, 0.1, 1 / 3, 1e-9, 1e9])
def test_equal_scores_are_equal_in_any_unit(unit):
    """Value by the square root of size: 3 for 1 of 9 kWh, and 6 for 4 of them; the first wins."""
    bundles = [("a", 6, 4 * unit, 0, [0]), ("b", 3, unit, 0, [0]), ("c", 3, unit, 0, [0])]
    auction = StorageAuction(bundles, energy_kwh=5 * unit, power_kw=0, n_periods=1)
    assert greedy(auction).won == (0, 1, None)
