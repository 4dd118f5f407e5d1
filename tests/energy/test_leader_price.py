"""A leader's price against brute force over grids of prices, and every case in fractions."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.price_game_oracles import Leader

NEAR = 1e-12
"""Of the money that changes hands: rounding of a few sums."""

worths = st.integers(0, 40).map(lambda k: k / 50)
slopes = st.sampled_from([0.01, 0.02, 0.05, 0.2, 1.0])


@st.composite
def followers(draw, lowest=1):
    count = draw(st.integers(lowest, 5))
    return (
        draw(st.lists(worths, min_size=count, max_size=count)),
        draw(st.lists(slopes, min_size=count, max_size=count)),
    )


@st.composite
def markets(draw):
    sell, cost, buy = sorted(draw(st.lists(st.integers(0, 30), min_size=3, max_size=3)))
    return draw(followers()), draw(followers()), (sell / 50, buy / 50), cost / 50


def turnover(found):
    energy = found.demand_kwh.sum() + found.supply_kwh.sum()
    return 1.0 + energy * (found.price + (found.supplier_price or 0.0))


def test_the_worked_price_is_that_of_the_best_segment():
    found = sg.energy.leader_price([10, 8, 3], [1, 1, 1], 2)
    assert (found.price, found.profit) == (5.5, 24.5)
    assert found.demand_kwh.tolist() == [4.5, 2.5, 0.0]
    assert found.segment_profits.tolist() == [0.0, 12.0, 24.5, 12.0]
    assert (found.welfare, found.efficient_welfare, found.deadweight_loss) == (37.75, 50.5, 12.75)
    assert found.utilities.tolist() == [4.5**2 / 2, 2.5**2 / 2, 0.0]
    assert found.imported_kwh == 7.0


def test_the_worked_pair_of_prices_has_one_at_the_cap():
    found = sg.energy.leader_price(
        [0.6, 0.5], [0.05, 0.05], 0.30, suppliers=([0.02, 0.05], [0.02, 0.03]), grid=(0.08, 0.30)
    )
    assert found.price == 0.30
    assert found.supplier_price == pytest.approx(0.152, rel=1e-12)
    assert found.marginal_value == pytest.approx(0.272, rel=1e-12)
    assert found.profit == pytest.approx(1.48, rel=1e-12)
    assert found.demand_kwh.sum() == pytest.approx(10.0, rel=1e-12)
    assert found.imported_kwh == found.exported_kwh == 0.0


def test_no_grid_of_a_hundred_thousand_prices_earns_more():
    a, b, cost = [0.9, 0.62, 0.6, 0.31, 0.3], [0.4, 0.03, 0.2, 0.01, 0.05], 0.11
    found = sg.energy.leader_price(a, b, cost)
    prices = np.linspace(cost, 1.0, 100_001)
    bought = (np.maximum(np.array(a) - prices[:, np.newaxis], 0.0) / np.array(b)).sum(axis=1)
    profits = (prices - cost) * bought
    assert found.profit >= profits.max()
    assert found.profit == pytest.approx(profits.max(), rel=1e-6)


def test_no_grid_of_a_hundred_thousand_pairs_earns_more():
    a, b = np.array([0.55, 0.41, 0.33, 0.28]), np.array([0.05, 0.02, 0.2, 0.01])
    c, e = np.array([0.05, 0.11, 0.2]), np.array([0.03, 0.05, 0.02])
    low, cost, high = 0.07, 0.27, 0.35
    found = sg.energy.leader_price(a, b, cost, suppliers=(c, e), grid=(low, high))
    prices = np.linspace(low, high, 400)
    bought = (np.maximum(a - prices[:, np.newaxis], 0.0) / b).sum(axis=1)[:, np.newaxis]
    sold = (np.maximum(prices[:, np.newaxis] - c, 0.0) / e).sum(axis=1)
    over = bought - sold
    profits = prices[:, np.newaxis] * bought - prices * sold - np.where(over > 0, cost, low) * over
    assert profits.size > 100_000
    assert found.profit >= profits.max()
    assert found.profit == pytest.approx(profits.max(), rel=1e-3)


@drawn(60, 300, followers(), st.integers(0, 40))
def test_one_price_is_the_exact_optimum(given, tenths):
    a, b = given
    found = sg.energy.leader_price(a, b, tenths / 50)
    price, most = Leader(a, b, tenths / 50).best_price()
    assert found.profit == pytest.approx(float(most), abs=NEAR * turnover(found))
    if most > 0:
        assert found.price == pytest.approx(float(price), rel=1e-9)
    assert found.kkt_residual <= 1e-9


@drawn(60, 400, markets())
def test_two_prices_are_the_exact_optimum(market):
    (a, b), suppliers, grid, cost = market
    found = sg.energy.leader_price(a, b, cost, suppliers=suppliers, grid=grid)
    oracle = Leader(a, b, cost, suppliers, grid)
    assert found.profit == pytest.approx(float(oracle.best_pair()), abs=NEAR * turnover(found))
    exactly = oracle.profit(Fraction(found.price), Fraction(found.supplier_price))
    assert found.profit == pytest.approx(float(exactly), abs=NEAR * turnover(found))
    assert grid[0] <= found.supplier_price <= grid[1]
    assert grid[0] <= found.price <= grid[1]
    assert found.kkt_residual <= 1e-9
    assert found.balance_profits.max() == pytest.approx(
        found.profit, abs=2 * NEAR * turnover(found)
    )


@drawn(30, 300, markets())
def test_money_and_energy_add_up(market):
    (a, b), suppliers, grid, cost = market
    found = sg.energy.leader_price(a, b, cost, suppliers=suppliers, grid=grid)
    slack = NEAR * turnover(found)
    traded = found.demand_kwh.sum() - found.supply_kwh.sum()
    assert found.imported_kwh - found.exported_kwh == pytest.approx(traded, abs=slack / 1e-3)
    gained = found.profit + found.utilities.sum() + found.supplier_profits.sum()
    assert gained == pytest.approx(found.welfare, abs=10 * slack)
    assert found.deadweight_loss >= -slack
    # Nobody reaches more welfare at any one price for both, among which the efficient one is.
    for price in np.linspace(*grid, 50):
        asked = np.maximum(np.array(a) - price, 0) / np.array(b)
        offered = np.maximum(price - np.array(suppliers[0]), 0) / np.array(suppliers[1])
        over = asked.sum() - offered.sum()
        worth = (np.array(a) * asked - np.array(b) * asked**2 / 2).sum()
        cost_of = (np.array(suppliers[0]) + np.array(suppliers[1]) * offered / 2) @ offered
        welfare = worth - cost_of - (cost if over > 0 else grid[0]) * over
        assert welfare <= found.efficient_welfare + 10 * slack


def test_of_tied_prices_the_lowest_is_taken_and_all_are_told():
    # Alone, the first buys (10 - p): at 6 that earns 16. With 7 more of slope 1 worth w each the
    # profit is (8 (w' - 2)^2) / 4 with the mean worth w'; for w' = 2 + sqrt(8) both earn 16.
    mean = 2 + 8**0.5
    low = (8 * mean - 10) / 7
    found = sg.energy.leader_price([10.0, *[low] * 7], [1.0] * 8, 2.0)
    assert found.segment_profits[[1, 8]] == pytest.approx([16.0, 16.0], rel=1e-12)
    assert found.tied_prices == pytest.approx([(2 + mean) / 2, 6.0], rel=1e-9)
    assert found.price == found.tied_prices[0]


@drawn(20, 200, markets(), st.permutations(range(5)), st.sampled_from([100.0, 1e-3]))
def test_the_answer_depends_neither_on_order_nor_on_units(market, order, unit):
    (a, b), (c, e), grid, cost = market
    order = [place for place in order if place < len(a)]
    one = sg.energy.leader_price(a, b, cost, suppliers=(c, e), grid=grid)
    scaled = sg.energy.leader_price(
        [unit * a[k] for k in order],
        [unit * b[k] for k in order],
        unit * cost,
        suppliers=([unit * x for x in c], [unit * x for x in e]),
        grid=(unit * grid[0], unit * grid[1]),
    )
    assert scaled.profit == pytest.approx(unit * one.profit, rel=1e-9, abs=unit * 1e-12)
    assert scaled.price == pytest.approx(unit * one.price, rel=1e-9)
    assert scaled.demand_kwh == pytest.approx(one.demand_kwh[order], rel=1e-9, abs=1e-9)


def test_a_price_between_those_of_the_grid_is_clipped():
    free = sg.energy.leader_price([10, 8, 3], [1, 1, 1], 2)
    capped = sg.energy.leader_price([10, 8, 3], [1, 1, 1], 2, grid=(1, 4))
    assert free.price == 5.5
    assert capped.price == 4.0
    assert np.isnan(capped.segment_prices[:2]).all()


def test_nobody_buys_where_nothing_is_worth_its_cost():
    found = sg.energy.leader_price([1.0, 0.5], [1.0, 1.0], 2.0)
    assert (found.price, found.profit, found.imported_kwh) == (1.0, 0.0, 0.0)
    assert found.kkt_residual == 0.0


def test_a_price_beside_a_drop_out_by_rounding_is_at_it():
    found = sg.energy.leader_price(
        [0.18, 0.18, 0.0], [0.2, 1.0, 0.01], 0.2, suppliers=([0.18], [0.01]), grid=(0.0, 0.2)
    )
    assert found.price == 0.18
    assert not found.demand_kwh.any()
    assert found.kkt_residual == 0.0


def test_a_drop_out_beside_the_end_by_rounding_leaves_no_way_to_rise():
    # 0.1 + 0.2 is a little more than 0.3, at which the second consumer drops out.
    buy = 0.1 + 0.2
    found = sg.energy.leader_price(
        [0.6, 0.3], [0.2, 0.15], buy, suppliers=([0.2], [0.05]), grid=(0.1, buy)
    )
    assert found.profit == pytest.approx(0.05)
    assert found.kkt_residual < 1e-12
