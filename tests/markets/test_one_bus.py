"""One-bus markets against exact welfare by duality, worked cases, and published auctions."""

from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.market_oracles import one_bus_welfare
from sesgame._engine import EngineRule
from sesgame.markets import OrderBook, pay_as_bid, uniform_price, vcg
from sesgame.testing import (
    assert_budget_balanced,
    assert_cleared,
    assert_individually_rational,
    markets,
)


def exact_welfare(book, without=None):
    total = Fraction(0)
    for period in range(book.n_periods):
        steps = [
            (bool(book.is_bid[k]), Fraction(book.price_per_kwh[k]), Fraction(book.quantity_kwh[k]))
            for k in np.flatnonzero(book.period == period)
            if book.participant[k] != without
        ]
        steps.append((True, Fraction(book.value_of_lost_load), Fraction(book.demand_kwh[period])))
        total += one_bus_welfare(steps)
    return total


@settings(max_examples=40)
@given(markets(4, n_periods=2))
def test_every_utility_under_vcg_is_the_welfare_that_the_participant_adds(book):
    settlement = vcg(book)
    assert settlement.welfare == pytest.approx(float(exact_welfare(book)), abs=1e-9)
    for i in range(4):
        added = exact_welfare(book) - exact_welfare(book, without=i)
        assert settlement.utilities[i] == pytest.approx(float(added), abs=1e-9)


@given(markets(4))
def test_accepted_quantities_meet_demand_and_keep_to_the_orders(book):
    settlement = vcg(book)
    assert_cleared(book, settlement)
    sold = np.where(book.is_bid, -1, 1) @ settlement.accepted_kwh
    assert sold + settlement.shed_kwh[0] == pytest.approx(book.demand_kwh[0], abs=1e-9)


@given(markets(4))
def test_every_price_within_the_bounds_supports_the_outcome(book):
    settlement = uniform_price(book)
    for price in (
        settlement.price_lower[0],
        settlement.price_per_kwh[0],
        settlement.price_upper[0],
    ):
        if not np.isfinite(price):
            continue
        gain = np.where(book.is_bid, book.price_per_kwh - price, price - book.price_per_kwh)
        accepted, quantity = settlement.accepted_kwh, book.quantity_kwh
        assert (accepted[gain < -1e-12] == 0).all()
        assert (accepted[gain > 1e-12] == quantity[gain > 1e-12]).all()


@drawn(30, 100, markets(4))
def test_a_uniform_price_balances_the_budget_and_nobody_loses(book):
    settlement = uniform_price(book)
    assert_budget_balanced(settlement)
    assert_individually_rational(book, settlement)


@drawn(12, 40, markets(4), st.integers(0, 3), st.randoms(use_true_random=False))
def test_the_engines_scan_earns_what_clearing_the_misreported_book_earns(book, participant, random):
    own = book.orders_of(participant)
    if not len(own):
        return
    factors = {"price_factors": [0, 0.5, 1, 1.25], "quantity_factors": [0, 0.5, 1, 2]}
    for mechanism in (vcg, uniform_price, pay_as_bid):
        fast = sg.misreport_scan(mechanism, participant, book, **factors)
        slow = sg.misreport_scan(lambda b, m=mechanism: m(b), participant, book, **factors)
        np.testing.assert_allclose(fast.utilities, slow.utilities, atol=1e-9)


@drawn(30, 100, markets(4), st.integers(0, 3))
def test_no_misreport_beats_the_truth_under_vcg(book, participant):
    if not len(book.orders_of(participant)):
        return
    scan = sg.misreport_scan(
        vcg,
        participant,
        book,
        price_factors=np.linspace(0, 4, 33),
        quantity_factors=[0, 0.3, 0.8, 1, 1.7],
    )
    assert scan.gain == 0
    assert scan.truthful_utility >= scan.utilities.max() - 1e-9


def test_the_scan_finds_the_gain_of_a_buyer_who_shades_its_bid():
    book = OrderBook.from_orders(
        [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    )
    average = sg.misreport_scan(uniform_price, "ann", book, price_factors=[1, 0.6])
    assert average.gain == pytest.approx(2 - 0.2)  # the price falls from (9 + 5) / 2 to 5.2
    assert average.best_misreport == (0.6, 1.0)
    own_price = sg.misreport_scan(pay_as_bid, "ann", book, price_factors=[1, 0.6])
    assert own_price.gain == pytest.approx(9 - 5.4)


def test_a_seller_who_reports_more_than_it_has_is_found_out():
    book = OrderBook.from_orders([("sun", "offer", 1, 5), ("bakery", "bid", 4, 10)])
    scan = sg.misreport_scan(vcg, "sun", book, price_factors=[1], quantity_factors=[1, 2])
    assert scan.utilities.tolist() == [[15.0, -np.inf]]


def test_the_second_price_of_a_sealed_tender():
    """[vickrey1961]: the best tender is paid the second best price."""
    book = OrderBook.from_orders(
        [("a", "offer", 30, 1), ("b", "offer", 20, 1), ("c", "offer", 25, 1)],
        demand_kwh=1,
        value_of_lost_load=100,
    )
    assert vcg(book).payments.tolist() == [0, -25, 0]


def test_the_licence_auction_of_ausubel():
    """[ausubel2004], section I: five licences; Vickrey payments 65 + 75 + 85 and 75 + 85."""
    values = {
        1: (123, 113, 103),
        2: (75, 5, 3),
        3: (125, 125, 49),
        4: (85, 65, 7),
        5: (45, 25, 5),
    }
    bids = [(bidder, "bid", price, 1) for bidder, steps in values.items() for price in steps]
    settlement = vcg(OrderBook.from_orders([("seller", "offer", 0, 5), *bids]))
    assert [settlement[bidder] for bidder in values] == [225, 0, 160, 0, 0]


def test_a_pivotal_supplier_is_named_with_what_would_be_shed():
    book = OrderBook.from_orders(
        [("big", "offer", 1, 10), ("small", "offer", 3, 4)], demand_kwh=10, value_of_lost_load=100
    )
    settlement = vcg(book)
    assert settlement.pivotal_kwh == {"big": 6.0}
    assert settlement["big"] == -(4 * 3 + 6 * 100)


def test_demand_beyond_all_offers_is_shed_at_the_value_of_lost_load():
    book = OrderBook.from_orders([("a", "offer", 1, 4)], demand_kwh=10, value_of_lost_load=100)
    settlement = uniform_price(book)
    assert settlement.shed_kwh.tolist() == [6]
    assert settlement.price_per_kwh.tolist() == [100]
    assert settlement["a"] == -400


def test_equal_offers_share_in_proportion_to_their_quantities():
    book = OrderBook.from_orders(
        [("a", "offer", 2, 10), ("b", "offer", 2, 30)], demand_kwh=20, value_of_lost_load=9
    )
    assert vcg(book).accepted_kwh.tolist() == [5, 15]


def test_a_long_book_of_decimal_quantities_has_no_margin_made_by_rounding():
    offers = [(k, "offer", 0.01 * k, 0.1) for k in range(1000)]
    book = OrderBook.from_orders(offers, demand_kwh=50.0, value_of_lost_load=20)
    settlement = vcg(book)
    assert settlement.price_lower[0] == pytest.approx(4.99)
    assert settlement.price_upper[0] == pytest.approx(5.00)
    assert settlement.pivotal_kwh == {}


def test_payments_have_the_same_bits_whatever_the_order_of_the_periods_in_the_book():
    rng = np.random.default_rng(1)
    columns = (
        rng.integers(0, 50, 2000),
        rng.random(2000) < 0.5,
        rng.random(2000),
        rng.random(2000),
    )
    period = rng.integers(0, 30, 2000)
    # One step for each participant, period and side.
    _, keep = np.unique(np.stack([columns[0], columns[1], period]), axis=1, return_index=True)
    by_period = keep[np.argsort(period[keep], kind="stable")]
    books = [OrderBook(range(50), *(c[k] for c in columns), period[k]) for k in (keep, by_period)]
    assert vcg(books[0]).payments.tobytes() == vcg(books[1]).payments.tobytes()


def test_the_game_of_a_gain_pays_marginal_contributions():
    game = sg.Game.from_table([0, 1, 2, 6], players=["a", "b"], kind="gain")
    allocation = sg.vcg_payments(game)
    assert allocation.values.tolist() == [4, 5]
    assert allocation.evidence.payments.tolist() == [-4, -5]
    assert allocation.evidence.deficit == 3


def test_the_engine_refuses_a_payment_rule_that_it_does_not_know():
    """It once took any unknown name for the uniform price."""
    book = OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    prices, quantities = np.full((1, 1), 9.0), np.ones((1, 1))
    scan = book.columns.misreport_utilities
    assert scan(0, EngineRule.PAY_AS_BID, 0.5, prices, quantities) == [0.0]
    for unknown in ("vcg", "dutch", 7):
        with pytest.raises(TypeError, match="EngineRule"):
            scan(0, unknown, 0.5, prices, quantities)


def test_the_clarke_tax_of_a_public_project():
    """[clarke1971]: whoever changes the decision pays what the others lose by it.

    A project of no cost is worth 30, -20 and -5 to three people, net of not having it; it is
    done when the sum is positive. As a game, v(S) = max(0, sum over S).
    """
    worth = {"ann": 30, "bob": -20, "eve": -5}
    game = sg.Game.from_function(worth, lambda s: max(0, sum(worth[p] for p in s)), kind="gain")
    allocation = sg.vcg_payments(game)
    # Payoff = own worth of the decision minus the tax, so tax = worth - payoff.
    tax = {p: worth[p] - allocation[p] for p in worth}
    assert tax == {"ann": 25, "bob": 0, "eve": 0}


def test_a_callable_is_evaluated_n_plus_one_times():
    calls = []
    game = sg.Game.from_function(range(40), lambda s: calls.append(s) or len(s), kind="cost")
    assert sg.vcg_payments(game).total == 40
    assert len(calls) == 41


def test_the_same_payments_come_through_an_executor():
    players = [f"p{k}" for k in range(12)]
    game = sg.Game.from_function(players, lambda s: len(s) ** 1.5, kind="gain")
    again = sg.Game.from_function(players, lambda s: len(s) ** 1.5, kind="gain")
    with ThreadPoolExecutor(2) as executor:
        spread = sg.vcg_payments(game, executor=executor)
    assert spread.values.tobytes() == sg.vcg_payments(again).values.tobytes()
