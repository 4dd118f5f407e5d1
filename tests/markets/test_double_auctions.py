"""Trade reduction and McAfee's auction against published cases, theory and every misreport."""

from functools import partial
from itertools import product

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn, examples
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.market_oracles import cut_equally
from sesgame.errors import GameError
from sesgame.markets import OrderBook, average_price, mcafee, trade_reduction, uniform_price, vcg
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
        pytest.param(uniform_price, [87.5, 87.5], [87.5, 87.5], id="uniform price"),
        pytest.param(average_price, [87.5, 87.5], [87.5, 87.5], id="average price"),
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
        pytest.param(
            partial(trade_reduction, rationing="equal"), st.integers(1, 4), id="equal cuts"
        ),
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


def book_of(bids, offers):
    return OrderBook.from_orders(
        [(f"b{k}", "bid", *bid) for k, bid in enumerate(bids, 1)]
        + [(f"s{k}", "offer", *offer) for k, offer in enumerate(offers, 1)]
    )


@pytest.mark.parametrize(
    ("book", "prices", "quantities", "surplus"),
    [
        # The two examples of `huang_auction` in the documentation of pymarket, module
        # pymarket.mechanisms.huang_auction, after [huang2002].
        pytest.param(book_of([(3, 1), (1, 2)], [(2, 2)]), (3, 2), [0] * 3, 0, id="no trade"),
        pytest.param(
            book_of([(3, 1), (1, 2), (3.3, 0.2)], [(2, 2), (1, 0.3)]),
            (3, 2),
            [0, 0, 0.2, 0, 0.2],
            0.2,
            id="small ones before the marginal pair",
        ),
        # The notebook "Huang" of that documentation: profits 0.56, 0.48, 0.40, 0.32 and 0.24 of the
        # buyers at 6, and 8 for the market maker.
        pytest.param(
            book_of(
                [(6.7, 1), (6.6, 1), (6.5, 1), (6.4, 1), (6.3, 1), (6, 1)],
                [(1, 1), (2, 1), (3, 2), (4, 2), (6.1, 1)],
            ),
            (6, 4),
            [0.8] * 5 + [0, 1, 1, 2, 0, 0],
            8,
            id="five buyers share what four units are there",
        ),
        # By hand: of 3 kWh, 2.5 are there. The second buyer has less than a third of what is
        # missing and leaves; the two others give up 0.2 each.
        pytest.param(
            book_of([(6, 1), (5, 0.1), (4, 1.9), (3, 1)], [(1, 1), (2, 1.5), (2.5, 1), (4, 1)]),
            (3, 2.5),
            [0.8, 0, 1.7, 0, 1, 1.5, 0, 0],
            1.25,
            id="who falls below nothing leaves",
        ),
    ],
)
def test_equal_cuts_as_published(book, prices, quantities, surplus):
    settlement = trade_reduction(book, rationing="equal")
    assert (settlement.price_upper[0], settlement.price_lower[0]) == prices
    np.testing.assert_allclose(settlement.accepted_kwh, quantities, atol=1e-12)
    assert sg.budget_balance(settlement).gap == pytest.approx(surplus)
    assert settlement.rule(book).accepted_kwh.tolist() == settlement.accepted_kwh.tolist()


@drawn(
    25,
    120,
    markets(
        st.integers(2, 7),
        prices=st.integers(0, 8),
        quantities=st.integers(0, 9),
        single_orders=True,
        demand=False,
    ),
)
def test_equal_cuts_are_those_that_are_made_again_and_again(book):
    equal, proportional = trade_reduction(book, rationing="equal"), trade_reduction(book)
    for side in (book.is_bid, ~book.is_bid):
        trades = side & (proportional.accepted_kwh > 0)
        total = proportional.accepted_kwh[trades].sum()
        expected = cut_equally(book.quantity_kwh[trades].tolist(), total.round(9))
        np.testing.assert_allclose(equal.accepted_kwh[trades], np.array(expected, float), atol=1e-8)
        assert not equal.accepted_kwh[side & ~trades].any()


def test_a_quantity_that_is_misreported_may_pay():
    """Why quantities have to be known: who is cut in proportion asks for more, and takes all."""
    truth = book_of([(9, 4), (8, 4), (7, 2)], [(1, 4), (2, 10)])
    lie = book_of([(9, 6), (8, 4), (7, 2)], [(1, 4), (2, 10)])
    honest = trade_reduction(truth)
    assert honest.accepted_kwh[0] == 2
    more = trade_reduction(lie)
    assert more.accepted_kwh[0] == pytest.approx(2.4)
    assert 9 * more.accepted_kwh[0] - more["b1"] > honest.utilities[0]


def test_the_average_price_of_the_marginal_pair_may_leave_the_core_and_the_middle_does_not():
    inside = book_of([(9, 1), (8, 1), (5, 1)], [(2, 1), (3, 1), (7, 1)])
    assert average_price(inside).price_per_kwh.tolist() == [5.5]
    assert uniform_price(inside).price_per_kwh.tolist() == [6.0]
    # Who bids 7.9 and does not trade offers the second seller more than 5.5.
    outside = book_of([(9, 1), (8, 1), (7.9, 1)], [(2, 1), (3, 1)])
    settlement = average_price(outside)
    assert settlement.price_per_kwh.tolist() == [5.5]
    report = settlement.properties(scan=[])
    assert "b3" in report.blocking
    assert report.core_excess == pytest.approx(7.9 - 5.5)
    middle = uniform_price(outside)
    assert middle.price_per_kwh.tolist() == [7.95]
    assert middle.properties(scan=[]).in_core is True


@drawn(20, 80, markets(st.integers(0, 4), n_periods=st.integers(1, 2), trade=True, demand=False))
def test_the_average_price_is_that_of_the_last_orders_that_trade(book):
    settlement = average_price(book)
    for period in range(book.n_periods):
        now = (book.period == period) & (settlement.accepted_kwh > 0)
        last = (
            book.price_per_kwh[now & book.is_bid].min(),
            book.price_per_kwh[now & ~book.is_bid].max(),
        )
        assert last[0] >= last[1]
        assert settlement.price_per_kwh[period] == pytest.approx(sum(last) / 2)
    assert_individually_rational(book, settlement)
    assert_budget_balanced(settlement)


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
        pytest.param(
            average_price,
            [("a", "bid", 3, 1)],
            {"demand_kwh": 2, "value_of_lost_load": 5},
            "period 0 has fixed demand; give it as a bid",
            id="average price with fixed demand",
        ),
        pytest.param(
            partial(trade_reduction, rationing="fair"),
            [("a", "bid", 3, 1)],
            {},
            'rationing must be "proportional" or "equal", got \'fair\'',
            id="rationing",
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
