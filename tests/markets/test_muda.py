"""MUDA against its published step, units one by one, every misreport, and what it loses."""

from functools import partial

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.market_oracles import muda_half
from sesgame.errors import GameError
from sesgame.markets import OrderBook, muda
from sesgame.markets.mechanisms.muda import trade_at
from sesgame.testing import (
    assert_budget_balanced,
    assert_cleared,
    assert_individually_rational,
    assert_truthful,
)

SELLERS = ((10, 20, 40, 60, 70), (15, 25, 35, 45, 65))
"""[segalhalevi2018], the example of the Vickrey variant: five units of each of two sellers."""


def book_of(traders):
    """A book of traders (side, [(price, quantity), ...])."""
    return OrderBook.from_orders(
        (name, side, price, quantity)
        for name, (side, steps) in traders.items()
        for price, quantity in sorted(steps, reverse=side == "bid")
    )


@st.composite
def books(draw):
    """Traders on one side each, with up to two steps."""
    steps = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), min_size=1, max_size=2)
    sides = draw(
        st.lists(st.tuples(st.sampled_from(["bid", "offer"]), steps), min_size=2, max_size=5)
    )
    return book_of({f"t{k}": trader for k, trader in enumerate(sides)})


def test_the_published_step_pays_the_price_less_the_harm_to_the_other_seller():
    traders = {f"s{k}": ("offer", [(c, 1) for c in costs]) for k, costs in enumerate(SELLERS)}
    book = book_of({**traders, "b": ("bid", [(90, 4)])})
    everybody = np.arange(len(book.price_per_kwh))
    took, paid = trade_at(book, everybody, 50.0, np.zeros(3), "vickrey")
    received = [-paid[book.participant == k].sum() for k in (0, 1)]
    assert [took[book.participant == k].sum() for k in range(3)] == [2, 2, 4]
    assert received == [80, 90]
    assert paid[book.participant == 2].sum() == 200
    assert paid.sum() == 30


@drawn(25, 120, books(), st.sampled_from([2.5, 6.5, 9.5]))
def test_a_half_by_vickrey_is_that_of_units_one_by_one(book, price):
    everybody = np.arange(len(book.price_per_kwh))
    took, paid = trade_at(book, everybody, price, np.zeros(len(book.participants)), "vickrey")
    gains = np.where(book.is_bid, book.price_per_kwh > price, book.price_per_kwh < price)
    wanted = np.where(gains, book.quantity_kwh, 0)
    bought, sold = wanted[book.is_bid].sum(), wanted[~book.is_bid].sum()
    assert took[book.is_bid].sum() == took[~book.is_bid].sum() == min(bought, sold)
    longer = book.is_bid if bought > sold else ~book.is_bid
    rows = zip(book.participant, book.is_bid, book.price_per_kwh, book.quantity_kwh, strict=True)
    orders = [
        (int(who), bool(bid), float(limit), int(quantity))
        for (who, bid, limit, quantity), one in zip(rows, longer, strict=True)
        if one
    ]
    expected = muda_half(orders, price, int(min(bought, sold))) if orders else {}
    sign = np.where(book.is_bid, 1, -1)
    for trader, gained in expected.items():
        own = (book.participant == trader) & longer
        # Of units that are worth the same one or the other is taken; who owns it gains the same.
        mine = (sign * book.price_per_kwh * took - paid)[own].sum()
        assert mine == pytest.approx(gained, abs=1e-9)


@pytest.mark.parametrize("rationing", ["lottery", "vickrey"])
@drawn(4, 8, books(), st.integers(0, 5))
def test_no_misreport_pays_nobody_loses_and_there_is_no_deficit(rationing, book, seed):
    rule = partial(muda, seed=seed, rationing=rationing)
    settlement = rule(book)
    assert_cleared(book, settlement)
    assert_individually_rational(book, settlement)
    assert_budget_balanced(settlement, surplus_allowed=rationing == "vickrey")
    assert_truthful(rule, book, quantity_factors=(1.0, 0.5))
    assert settlement.rule(book).payments.tolist() == settlement.payments.tolist()


def thousand(n):
    random = np.random.default_rng(5)
    return OrderBook.from_orders(
        [(f"b{k}", "bid", price, 1) for k, price in enumerate(random.uniform(4, 14, n))]
        + [(f"s{k}", "offer", price, 1) for k, price in enumerate(random.uniform(0, 10, n))]
    )


def test_less_is_lost_in_a_large_market():
    kept = [muda(thousand(n)).welfare / thousand(n).clear().welfare for n in (4, 40, 400)]
    assert kept[2] > 0.9
    assert kept[2] > kept[0]


def test_the_vickrey_variant_leaves_a_surplus_and_the_lottery_none():
    book = thousand(50)
    assert sg.budget_balance(muda(book)).balanced
    surplus = sg.budget_balance(muda(book, rationing="vickrey")).gap
    assert surplus > 0
    assert muda(book, rationing="vickrey").welfare >= muda(book).welfare


def test_the_lot_is_that_of_the_seed_and_the_labels():
    book = thousand(30)
    assert muda(book, seed=1).payments.tolist() == muda(book, seed=1).payments.tolist()
    outcomes = {tuple(muda(book, seed=seed).payments.tolist()) for seed in range(4)}
    assert len(outcomes) == 4
    back = OrderBook.from_orders(
        (book.participants[int(i)], "bid" if bid else "offer", price, quantity)
        for i, bid, price, quantity in list(
            zip(book.participant, book.is_bid, book.price_per_kwh, book.quantity_kwh, strict=True)
        )[::-1]
    )
    mine, theirs = muda(book, seed=3), muda(back, seed=3)
    assert [theirs[label] for label in book.participants] == mine.payments.tolist()


@pytest.mark.parametrize("unit", [1, 100])
def test_of_equal_prices_the_lot_takes_the_same_by_vickrey_in_any_order(unit):
    orders = [(f"b{k}", "bid", (0.3 if k % 2 else 0.1 + 0.2) * unit, 1) for k in range(12)]
    orders += [(f"s{k}", "offer", 0.01 * k * unit, 1) for k in range(6)]
    orders += [("b-low", "bid", 0.2 * unit, 20), ("s-high", "offer", 0.28 * unit, 20)]
    books = [OrderBook.from_orders(rows) for rows in (orders, orders[::-1])]
    for seed in range(8):
        mine, theirs = (muda(book, seed=seed, rationing="vickrey") for book in books)
        back = [theirs[label] for label in books[0].participants]
        np.testing.assert_allclose(back, mine.payments, rtol=0, atol=1e-12 * unit)


def test_who_is_alone_in_the_market_does_not_trade():
    settlement = muda(OrderBook.from_orders([("ann", "bid", 9, 1)]))
    assert settlement.payments.tolist() == [0]
    assert settlement.properties().efficient is True


@pytest.mark.parametrize(
    ("orders", "options", "message"),
    [
        pytest.param([("a", "bid", 3, 1)], {"rationing": "fair"}, 'must be "lottery"', id="word"),
        pytest.param([("a", "bid", 3, 1)], {"seed": -1}, "seed must be at least 0", id="seed"),
        pytest.param(
            [("a", "bid", 3, 1), ("a", "offer", 4, 1)],
            {},
            "order 0 of 'a' is a bid of somebody who offers, too, in period 0",
            id="both sides",
        ),
    ],
)
def test_what_muda_cannot_take_is_refused(orders, options, message):
    with pytest.raises(GameError, match=message):
        muda(OrderBook.from_orders(orders), **options)


def test_muda_refuses_fixed_demand():
    book = OrderBook.from_orders([("a", "offer", 3, 1)], demand_kwh=1, value_of_lost_load=9)
    with pytest.raises(GameError, match="period 0 has fixed demand"):
        muda(book)
