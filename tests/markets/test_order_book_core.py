"""Order books and their core: against all coalitions of small books, and proofs in large ones."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.core_point_oracles import nearest
from reference.market_oracles import one_bus_welfare
from sesgame.errors import SolverError
from sesgame.markets import OrderBook, core_selecting, pay_as_bid, trade_reduction, vcg
from sesgame.testing import markets

BOOKS = markets(st.integers(1, 6))
"""With ties, orders for nothing, empty sides, own trades, and a fixed load at times."""


def worth_of_coalitions(book):
    """Return the exact worth of each coalition; the fixed load, where there is any, comes last."""
    n = len(book.participants) + int(book.demand_kwh.any())
    table = []
    for mask in range(1 << n):
        total = Fraction(0)
        for period in range(book.n_periods):
            steps = [
                (
                    bool(book.is_bid[k]),
                    Fraction(book.price_per_kwh[k]),
                    Fraction(book.quantity_kwh[k]),
                )
                for k in np.flatnonzero(book.period == period)
                if mask >> book.participant[k] & 1
            ]
            if mask >> len(book.participants) & 1:
                demand = Fraction(book.demand_kwh[period])
                steps.append((True, Fraction(book.value_of_lost_load), demand))
            total += one_bus_welfare(steps) if steps else 0
        table.append(total)
    return table


def marginal_contributions(table):
    n = len(table).bit_length() - 1
    return [table[-1] - table[-1 - (1 << i)] for i in range(n)]


def payoffs(settlement):
    outside = [value - paid for value, paid in settlement.outside.values()]
    return np.append(settlement.utilities, outside)


@settings(max_examples=20)
@given(markets(st.integers(2, 3), n_periods=st.integers(1, 2)))
def test_core_selecting_payoffs_are_the_exact_nearest_point_of_the_core(book):
    table = worth_of_coalitions(book)
    expected = nearest(table, 1, Fraction(0), marginal_contributions(table))
    found = payoffs(core_selecting(book))
    assert found == pytest.approx([float(x) for x in expected], abs=1e-6)
    # What is left of a difference of sums is nothing, not -1e-17.
    assert (found[np.array(marginal_contributions(table)) == 0] == 0).all()


@settings(max_examples=15)
@given(BOOKS)
def test_generated_coalitions_lead_to_the_point_that_all_coalitions_give(book):
    table = worth_of_coalitions(book)
    if len(table) == 2:
        return
    game = sg.Game.from_table([float(worth) for worth in table], kind="gain")
    reference = [float(most) for most in marginal_contributions(table)]
    expected = sg.nearest_core_allocation(game, reference=reference, progress=False)
    settlement = core_selecting(book)
    scale = max(float(table[-1]), 1e-9)
    assert payoffs(settlement) == pytest.approx(expected.values, abs=1e-4 * scale)
    apart = np.linalg.norm(payoffs(settlement) - expected.values)
    assert apart <= settlement.distance + 1e-6 * scale


@st.composite
def books_and_utilities(draw):
    book = draw(markets(st.integers(1, 6), n_periods=st.sampled_from([1, 1, 1, 2])))
    n = len(book.participants)
    utilities = draw(st.lists(st.integers(-1, 9), min_size=n, max_size=n))
    return book, np.array(utilities, dtype=np.float64), float(draw(st.integers(0, 20)))


@settings(max_examples=25)
@given(books_and_utilities())
def test_the_core_gap_is_what_the_best_of_all_coalitions_gains(drawn):
    book, utilities, rest = drawn
    table = worth_of_coalitions(book)
    has_load = bool(book.demand_kwh.any())
    theirs = [Fraction(u) for u in [*utilities, *([rest] if has_load else [])]]
    gains = [
        worth - sum(u for i, u in enumerate(theirs) if mask >> i & 1)
        for mask, worth in enumerate(table)
    ]
    gap = book.core_gap(utilities, rest, tolerance=1e-9)
    assert gap.excess == pytest.approx(float(max(gains)), abs=1e-6)
    assert gap.excess - 1e-6 <= float(max(gains)) <= gap.bound + 1e-6
    assert (gap.blocking is None) == (max(gains) <= 0)
    if gap.blocking is not None:
        load = 1 << len(book.participants) if "load" in gap.blocking else 0
        mask = load | sum(1 << i for i in gap.blocking if i != "load")
        assert float(gains[mask]) == pytest.approx(gap.excess, abs=1e-6)


def drawn_book(n, seed, *, n_periods=1, unit=False):
    random = np.random.default_rng(seed)
    m = n * n_periods
    is_bid = np.tile(np.arange(n) % 2 == 1, n_periods)
    return OrderBook(
        range(n),
        np.tile(np.arange(n), n_periods),
        is_bid,
        random.uniform(5, 15, m) + 4 * is_bid,
        np.ones(m) if unit else random.uniform(1, 9, m),
        np.repeat(np.arange(n_periods), n),
    )


@pytest.mark.parametrize("unit", [False, True], ids=["sizes", "units"])
def test_payments_of_many_participants_are_in_the_core_and_as_near_to_vcg_as_is_said(unit):
    book = drawn_book(100, 1, unit=unit)
    settlement = core_selecting(book)
    most, welfare = vcg(book).utilities, settlement.welfare
    assert settlement.utilities.sum() == pytest.approx(welfare, rel=1e-12)
    assert (settlement.utilities >= 0).all()
    assert (settlement.utilities <= most + 1e-9 * welfare).all()
    report = settlement.properties(scan=[])
    assert report.in_core is True
    assert report.budget.balanced
    assert settlement.distance <= 1e-5 * welfare
    for coalition in settlement.blocking:
        members = np.array(sorted(coalition))
        gains = book.only(members, with_load=False).clear().welfare - most[members].sum()
        # It keeps payoffs away from VCG only if VCG gives it less than it can have with the others.
        assert gains <= welfare - most.sum() + most[np.setdiff1d(np.arange(100), members)].sum()


def test_equal_units_all_trade_at_the_middle_of_the_clearing_prices():
    """Shapley and Shubik (1971): the core of an assignment game is that of its clearing prices."""
    book = drawn_book(60, 3, unit=True)
    settlement = core_selecting(book)
    price = (settlement.price_lower[0] + settlement.price_upper[0]) / 2
    accepted = np.where(book.is_bid, settlement.accepted_kwh, -settlement.accepted_kwh)
    assert settlement.payments == pytest.approx(price * accepted, abs=1e-6)


def test_a_search_that_is_stopped_says_what_a_coalition_might_gain():
    book = drawn_book(20, 2)
    with pytest.raises(SolverError, match=r"time limit: after \d+ blocking coalitions none"):
        core_selecting(book, time_limit=1e-9)


def test_the_market_price_proves_what_the_grand_coalition_gains_without_a_search():
    book = drawn_book(200, 5, n_periods=24)
    for mechanism in (trade_reduction, pay_as_bid):
        report = mechanism(book).properties(scan=[])
        gain = book.clear().welfare - mechanism(book).utilities.sum()
        assert report.in_core is False
        assert report.core_excess == pytest.approx(gain, rel=1e-9)
        assert report.core_bound == pytest.approx(gain, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_hundreds_of_participants(seed):
    book = drawn_book(200, seed)
    settlement = core_selecting(book)
    assert settlement.properties(scan=[]).in_core is True
    assert settlement.distance <= 1e-5 * settlement.welfare
