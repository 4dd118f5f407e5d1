"""Trade reduction and McAfee's auction against published cases, theory and every misreport."""

from itertools import product

import numpy as np
import pytest
from fixtures.drawn import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.errors import GameError
from sesgame.markets import OrderBook, mcafee, trade_reduction, uniform_price, vcg
from sesgame.testing import (
    assert_budget_balanced,
    assert_cleared,
    assert_individually_rational,
    assert_truthful,
    markets,
)

# M. Oettler, "Double Auction", Blockchain Academy, Hochschule Mittweida, basic example.
BREAK_EVEN_AT_TWO = OrderBook.from_orders(
    [(f"b{k}", "bid", price, 1) for k, price in enumerate([100, 90, 80, 70, 60], 1)]
    + [(f"s{k}", "offer", price, 1) for k, price in enumerate([80, 85, 95, 100, 110], 1)]
)


@pytest.mark.parametrize(
    ("mechanism", "buyers", "sellers"),
    [
        pytest.param(uniform_price, [87.5, 87.5], [87.5, 87.5], id="average price"),
        pytest.param(vcg, [85, 85], [90, 90], id="vcg"),
        pytest.param(trade_reduction, [90, 0], [85, 0], id="trade reduction"),
        pytest.param(mcafee, [87.5, 87.5], [87.5, 87.5], id="mcafee"),
    ],
)
def test_the_four_rules_of_a_published_double_auction(mechanism, buyers, sellers):
    settlement = mechanism(BREAK_EVEN_AT_TWO)
    assert settlement.payments[:5].tolist() == [*buyers, 0, 0, 0]
    assert (-settlement.payments[5:]).tolist() == [*sellers, 0, 0, 0]


@examples(8, 25)
@pytest.mark.parametrize(
    ("mechanism", "quantities"),
    [
        pytest.param(mcafee, st.just(1), id="mcafee"),
        pytest.param(trade_reduction, st.just(1), id="trade reduction of units"),
        pytest.param(trade_reduction, st.integers(1, 4), id="trade reduction"),
    ],
)
def test_no_price_beats_the_truth_nobody_loses_and_there_is_no_deficit(
    mechanism, quantities, examples
):
    books = markets(
        st.integers(1, 6),
        prices=st.integers(0, 8),
        quantities=quantities,
        single_orders=True,
        demand=False,
    )

    @settings(max_examples=examples)
    @given(books)
    def check(book):
        truth = mechanism(book)
        assert_cleared(book, truth)
        assert_individually_rational(book, truth)
        assert_budget_balanced(truth, surplus_allowed=True)
        assert_truthful(mechanism, book)

    check()


def test_trade_reduction_rations_the_longer_side_in_proportion():
    book = OrderBook.from_orders(
        [
            ("b1", "bid", 9, 6),
            ("b2", "bid", 8, 2),
            ("b3", "bid", 7, 4),
            ("s1", "offer", 1, 4),
            ("s2", "offer", 2, 8),
        ]
    )
    settlement = trade_reduction(book)
    assert settlement.accepted_kwh.tolist() == [3, 1, 0, 4, 0]
    assert settlement.payments.tolist() == [21, 7, 0, -8, 0]


def test_the_marginal_pair_is_the_last_of_the_efficient_trade():
    """Against all unit assignments: the number of trades is that of the best pairing."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        bids, offers = rng.integers(0, 9, 4), rng.integers(0, 9, 4)
        best = max(
            (
                sum(x * b for x, b in zip(take, bids, strict=True))
                - sum(sorted(offers)[: sum(take)]),
                sum(take),
            )
            for take in product([0, 1], repeat=4)
        )
        book = OrderBook.from_orders(
            [(f"b{k}", "bid", b, 1) for k, b in enumerate(bids)]
            + [(f"s{k}", "offer", s, 1) for k, s in enumerate(offers)]
        )
        traded = trade_reduction(book).accepted_kwh[:4].sum()
        assert traded == max(0, best[1] - 1)


@pytest.mark.parametrize(
    ("mechanism", "orders", "options", "message"),
    [
        pytest.param(
            mcafee,
            [("a", "bid", 3, 1), ("b", "offer", 1, 2)],
            {},
            "order 1 of 'b' is for 2.0 kWh, order 0 of 'a' for 1.0",
            id="quantities",
        ),
        pytest.param(
            mcafee,
            [("a", "bid", 3, 1), ("a", "bid", 2, 1)],
            {},
            "order 1 of 'a' is its second in period 0",
            id="two orders",
        ),
        pytest.param(
            trade_reduction,
            [("a", "bid", 3, 1)],
            {"demand_kwh": 2, "value_of_lost_load": 5},
            "period 0 has fixed demand",
            id="fixed demand",
        ),
    ],
)
def test_what_the_truthful_auctions_cannot_take_is_refused(mechanism, orders, options, message):
    with pytest.raises(GameError, match=message):
        mechanism(OrderBook.from_orders(orders, **options))


def test_a_market_without_trade_has_no_price():
    book = OrderBook.from_orders([("a", "bid", 1, 1), ("b", "offer", 3, 1)])
    assert np.isnan(mcafee(book).price_per_kwh).all()
    assert mcafee(book).payments.tolist() == [0, 0]
