"""Suprema over all factors of prices, against a mechanism that is run anew for each of many."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.errors import GameError
from sesgame.markets import OrderBook, pay_as_bid, uniform_price, vcg
from sesgame.markets.breakpoints import JUST_BESIDE, BookBreakpoints
from sesgame.testing import markets

MECHANISMS = st.sampled_from([vcg, uniform_price, pay_as_bid])
ROUNDING = 1e-9


def factors_of(book, participant):
    """Return a grid, and every factor at which prices meet, with both sides of it."""
    mine = book.price_per_kwh[book.orders_of(participant)]
    others = np.append(book.price_per_kwh, book.value_of_lost_load)
    with np.errstate(divide="ignore", invalid="ignore"):
        met = np.unique((others[:, np.newaxis] / mine).ravel())
    met = met[np.isfinite(met) & (met > 0)]
    near = [met * part for part in (1 - 1e-7, 1.0, 1 + 1e-7)]
    return np.unique(np.concatenate([[0.0, 1e-7], np.linspace(0, 4, 15), *near]))


def utility(mechanism, book, participant, price, quantity=1.0):
    settlement = mechanism(book.misreport(participant, price, quantity))
    return book.true_value(participant, settlement) - settlement[participant]


def supremum(mechanism, book, participant):
    rule = mechanism(book).rule.engine_rule
    return BookBreakpoints(book).prices(participant, rule)


@drawn(20, 120, markets(n_periods=st.integers(1, 3)), MECHANISMS, st.integers(0, 4))
def test_no_factor_earns_more_and_one_nearly_as_much(book, mechanism, index):
    participant = book.participants[index % len(book.participants)]
    if not book.has_orders(participant):
        return
    money = np.abs(book.price_per_kwh) @ book.quantity_kwh
    money += book.value_of_lost_load * book.demand_kwh.sum()
    best = supremum(mechanism, book, participant)
    tried = [utility(mechanism, book, participant, f) for f in factors_of(book, participant)]
    assert max(tried) <= best.utility + ROUNDING * money
    reached = utility(mechanism, book, participant, best.factor)
    assert best.utility - reached <= 10 * JUST_BESIDE * (money + 1)
    # The grid has the factors beside each breakpoint, so it comes as near.
    assert best.utility - max(tried) <= 10 * JUST_BESIDE * (money + 1)


@drawn(15, 120, markets(n_periods=st.integers(1, 2)), MECHANISMS, st.sampled_from([1e-4, 1e3]))
def test_a_bound_is_that_of_other_units_of_money_and_energy(book, mechanism, scale):
    scaled = OrderBook(
        book.participants,
        book.participant,
        book.is_bid,
        book.price_per_kwh * scale,
        book.quantity_kwh / scale,
        book.period,
        demand_kwh=book.demand_kwh / scale,
        value_of_lost_load=book.value_of_lost_load * scale if book.demand_kwh.any() else None,
    )
    for participant in book.participants:
        if book.has_orders(participant):
            here, there = (supremum(mechanism, one, participant) for one in (book, scaled))
            assert there.utility == pytest.approx(here.utility, rel=1e-7, abs=1e-7)


def test_pay_as_bid_is_bounded_by_the_price_of_who_loses():
    book = OrderBook.from_orders(
        [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    )
    best = supremum(pay_as_bid, book, "ann")
    assert best.utility == pytest.approx(4)  # just above Bob's 5
    assert best.factor * 9 == pytest.approx(5)
    assert best.factor * 9 > 5
    scan = sg.misreport_scan(pay_as_bid, "ann", book)
    assert scan.largest_gain == pytest.approx(4)
    assert scan.gain == pytest.approx(4, abs=1e-4)
    assert "by no factor of prices more than 4" in repr(scan)


def test_a_gain_between_two_points_of_a_grid_is_found():
    """Ann sells everything just below 4.98, at her own price, and half of it above."""
    book = OrderBook.from_orders(
        [
            ("ann", "offer", 1.0, 10),
            ("bob", "offer", 4.98, 10),
            ("eve", "offer", 5.0, 10),
            ("load", "bid", 9, 15),
        ]
    )
    grid = [utility(pay_as_bid, book, "ann", factor) for factor in np.linspace(0, 6, 25)]
    best = supremum(pay_as_bid, book, "ann")
    assert best.utility == pytest.approx(10 * (4.98 - 1))
    assert best.utility > max(grid) + 2
    assert utility(pay_as_bid, book, "ann", best.factor) == pytest.approx(best.utility, rel=1e-5)


def test_truthful_payments_leave_nothing_to_gain_by_any_factor():
    book = OrderBook.from_orders(
        [("ann", "bid", 9, 2), ("bob", "bid", 5, 1), ("eve", "offer", 3, 2), ("gus", "offer", 4, 2)]
    )
    for participant in book.participants:
        assert sg.misreport_scan(vcg, participant, book).largest_gain == 0


def test_quantities_are_tried_where_somebody_else_sets_the_price():
    """Withholding pays the seller from the moment at which the dear plant is needed."""
    book = OrderBook.from_orders(
        [
            ("coal", "offer", 1, 100),
            ("gas", "offer", 2, 30),
            ("oil", "offer", 8, 30),
            ("load", "bid", 20, 110),
        ]
    )
    factors = BookBreakpoints(book).quantities("coal")
    assert np.any(np.abs(factors - 0.8) < 1e-4)  # 80 and 30 serve 110
    gains = [utility(uniform_price, book, "coal", 1.0, f) for f in factors]
    coarse = [utility(uniform_price, book, "coal", 1.0, f) for f in np.linspace(0.05, 0.95, 4)]
    assert max(gains) > max(coarse)


def test_who_has_no_order_is_refused():
    book = OrderBook.from_orders([("ann", "bid", 9, 1)], participants=["ann", "bob"])
    with pytest.raises(GameError, match="'bob' has no order to misreport"):
        BookBreakpoints(book).prices("bob", vcg(book).rule.engine_rule)


def test_frames_of_scans_and_reports():
    pandas = pytest.importorskip("pandas")
    book = OrderBook.from_orders(
        [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1)]
    )
    scan = sg.misreport_scan(
        pay_as_bid, "ann", book, price_factors=[0.5, 1], quantity_factors=[0.5, 1]
    )
    frame = scan.to_pandas()
    assert frame.loc[1.0, 1.0] == scan.truthful_utility
    assert (frame.index.name, frame.columns.name) == ("price_factor", "quantity_factor")
    known = pay_as_bid(book).properties()
    table = known.to_pandas()
    assert isinstance(table, pandas.DataFrame)
    assert list(table.index) == list(known.verdicts)
    assert table.loc["incentive compatible", "verdict"] == "no"
    assert table.loc["budget balanced", "figure"] == known.budget.gap
    assert known.price_gain_bound == pytest.approx(known.misreport_gain, rel=1e-5)


def test_the_search_for_a_coalition_has_half_of_the_time():
    limits = []

    class Watched(OrderBook):
        def core_gap(self, utilities, rest, *, tolerance, time_limit):
            limits.append(time_limit)
            return super().core_gap(utilities, rest, tolerance=tolerance, time_limit=time_limit)

    book = Watched.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    pay_as_bid(book).properties(max_seconds=3)
    pay_as_bid(book).properties(max_seconds=np.inf)
    assert limits == [1.5, 10.0]


def test_what_no_search_had_time_for_is_unknown():
    """Several periods take an integer program, which has nothing to show at once."""
    rng = np.random.default_rng(1)
    orders = [
        (f"{side} {k}", side, float(rng.uniform(1, 9)), float(rng.uniform(1, 5)), period)
        for period in range(4)
        for side in ("bid", "offer")
        for k in range(40)
    ]
    settlement = sg.markets.uplift_by_load(vcg(OrderBook.from_orders(orders)))
    verdict = settlement.properties(max_seconds=1e-6).verdicts["in the core"]
    assert verdict.word == "unknown"
    assert verdict.ground.endswith("in 5e-07 s")


@pytest.mark.parametrize("money", [1, 100, 1e-9])
@pytest.mark.parametrize("quantity", [1, 1e-9])
def test_a_bound_that_is_reached_is_reached_in_any_unit(money, quantity):
    """Nobody else offers: up to the value of lost load every price is paid."""
    book = OrderBook.from_orders(
        [(0, "offer", 0.0, 1.9 * quantity), (0, "offer", 0.2 * money, 1.1 * quantity)],
        demand_kwh=3 * quantity,
        value_of_lost_load=12 * money,
    )
    scan = sg.misreport_scan(sg.markets.uniform_price, 0, book)
    assert scan.gain == pytest.approx(35.4 * money * quantity, rel=1e-12)
    assert scan.largest_gain == pytest.approx(scan.gain, rel=1e-12)
    assert scan.best_misreport[0] == pytest.approx(60, rel=1e-12)
