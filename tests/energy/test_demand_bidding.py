"""Demand bidding against worked numbers, fractions, and other bids of drawn size."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.price_game_oracles import bidding

WORKED = ([0.02, 0.03, 0.05], [0.10, 0.08, 0.05], [4.0, 3.0, 5.0])
"""Costs and needs of three prosumers, worked by hand."""

NEAR = 1e-10
"""Of money and energy about 1: rounding of sums over a few prosumers."""

hundredths = st.integers(1, 10).map(lambda k: k / 100)
energy = st.integers(0, 8).map(float)


@st.composite
def markets(draw, bounded=True):
    n = draw(st.integers(2, 4))
    costs = draw(st.lists(hundredths, min_size=n, max_size=n))
    linear = draw(st.lists(st.integers(0, 20).map(lambda k: k / 100), min_size=n, max_size=n))
    needs = draw(st.lists(energy, min_size=n, max_size=n))
    sensitivity = draw(st.sampled_from([1.0, 10.0, 100.0]))
    bounds = None
    if bounded and draw(st.booleans()):
        lowest = draw(st.lists(st.sampled_from([0.0, -np.inf]), min_size=n, max_size=n))
        highest = draw(st.lists(st.sampled_from([2.0, 5.0, 9.0]), min_size=n, max_size=n))
        # Somebody can always make what the others cannot.
        highest[0] = np.inf
        bounds = (lowest, highest)
    return costs, linear, needs, sensitivity, bounds


def test_worked_numbers():
    market = sg.energy.DemandBidding(*WORKED, 10)
    found, best = market.equilibrium(), market.optimum()
    assert found.price == pytest.approx(0.3319548872, abs=5e-11)
    assert found.production_kwh == pytest.approx([4.7994987, 3.6541353, 3.5463659], abs=5e-8)
    assert found.bids == pytest.approx([2.5200501, 2.6654135, 4.7731830], abs=5e-8)
    assert found.costs == pytest.approx([0.6752561, 0.4757686, 1.2886948], abs=5e-8)
    assert found.costs_alone == pytest.approx([0.72, 0.51, 1.5])
    assert best.price == pytest.approx(0.3161290323, abs=5e-11)
    assert best.production_cost == pytest.approx(2.3908870968, abs=5e-11)
    assert market.price_of_anarchy == pytest.approx(1.0204243761, abs=5e-11)


@pytest.mark.parametrize(
    ("times", "expected"),
    [(2, 1.0055256), (4, 1.0014426), (8, 1.0003690), (16, 1.0000934), (100, 1.0000024)],
)
def test_more_prosumers_lose_less(times, expected):
    many = sg.energy.DemandBidding(*(np.tile(part, times) for part in WORKED), 10)
    assert many.price_of_anarchy == pytest.approx(expected, abs=5e-8)


@pytest.mark.parametrize(("sensitivity", "expected"), [(1, 1.1044992), (100, 1.0004804)])
def test_a_larger_sensitivity_loses_less(sensitivity, expected):
    market = sg.energy.DemandBidding(*WORKED, sensitivity)
    assert market.price_of_anarchy == pytest.approx(expected, abs=5e-8)


def test_a_bound_on_production_moves_the_others():
    market = sg.energy.DemandBidding(*WORKED, 10, bounds=(0, [3.5, 9, 9]))
    found = market.equilibrium()
    assert found.production_kwh == pytest.approx([3.5, 4.4038462, 4.0961538], abs=5e-8)
    assert found.price == pytest.approx(0.4144231, abs=5e-8)
    assert market.deviation_scan().is_equilibrium


@drawn(80, 400, markets())
def test_equilibrium_and_optimum_are_those_in_fractions(market):
    *costs, sensitivity, bounds = market
    game = sg.energy.DemandBidding(*costs, sensitivity, bounds=bounds)
    found, best = game.equilibrium(), game.optimum()
    for one, slope in ((found, sensitivity), (best, None)):
        price, production = bidding(*costs, slope, bounds)
        assert one.production_kwh == pytest.approx([float(p) for p in production], abs=NEAR)
        if one.price_range[0] == one.price_range[1]:
            assert one.price == pytest.approx(float(price), abs=NEAR)
        assert one.kkt_residual <= NEAR
    assert found.purchase_kwh.sum() == pytest.approx(0.0, abs=NEAR)
    assert found.costs.sum() == pytest.approx(found.production_cost, abs=NEAR)
    assert best.production_cost <= found.production_cost + NEAR


@drawn(40, 200, markets(bounded=False))
def test_the_price_is_the_mean_of_marginal_costs_without_bounds(market):
    *costs, sensitivity, _ = market
    found = sg.energy.DemandBidding(*costs, sensitivity).equilibrium()
    marginal = 2 * np.array(costs[0]) * found.production_kwh + np.array(costs[1])
    assert found.price == pytest.approx(marginal.mean(), abs=NEAR)


@drawn(60, 300, markets(), st.integers(0, 3), st.floats(-20, 20))
def test_no_other_bid_of_drawn_size_pays(market, who, shift):
    c, d, needs, sensitivity, bounds = market
    found = sg.energy.DemandBidding(c, d, needs, sensitivity, bounds=bounds).equilibrium()
    who %= len(c)
    bids = found.bids.copy()
    bids[who] += shift
    price = bids.sum() / (sensitivity * len(bids))
    bought = bids[who] - sensitivity * price
    made = needs[who] - bought
    lowest, highest = (-np.inf, np.inf) if bounds is None else (end[who] for end in bounds)
    if lowest <= made <= highest:
        cost = c[who] * made**2 + d[who] * made + price * bought
        assert cost >= found.costs[who] - NEAR
    assert found.costs[who] <= found.costs_alone[who] + NEAR


@drawn(30, 300, markets())
def test_the_scan_finds_no_gain_in_equilibrium(market):
    *costs, sensitivity, bounds = market
    game = sg.energy.DemandBidding(*costs, sensitivity, bounds=bounds)
    assert game.deviation_scan(n_bids=51).is_equilibrium


@drawn(30, 300, markets(bounded=False), st.integers(0, 3), st.sampled_from([-1.0, 0.01, 3.0]))
def test_the_scan_finds_the_way_back_from_another_bid(market, who, shift):
    *costs, sensitivity, _ = market
    game = sg.energy.DemandBidding(*costs, sensitivity)
    bids = game.equilibrium().bids.copy()
    who %= len(bids)
    bids[who] += shift
    scan = game.deviation_scan(bids)
    assert scan.gains[who] > 0
    assert scan.best_bids[who] == pytest.approx(bids[who] - shift, abs=1e-8)
    assert (scan.scanned_gains <= scan.gains + NEAR).all()
    assert scan.is_equilibrium == (scan.gains.max() <= scan.tolerance)


def test_best_replies_lead_to_the_equilibrium():
    game = sg.energy.DemandBidding(*WORKED, 10)
    bids = np.zeros(3)
    for _ in range(200):
        for who in range(3):
            bids[who] = game.best_bids(bids)[who]
    assert bids == pytest.approx(game.equilibrium().bids, abs=1e-9)


def test_a_wrong_report_of_costs_may_pay():
    scan = sg.energy.DemandBidding(*WORKED, 10).cost_report_scan()
    assert scan.gains[0] == pytest.approx(3.46919931e-4, rel=1e-6)
    assert scan.factors[0].tolist() == [1.0, 1.1]
    # The same by hand: the first reports 1.1 of its linear cost, and pays by its true one.
    c, _, needs = WORKED
    told = sg.energy.DemandBidding(c, [0.11, 0.08, 0.05], needs, 10).equilibrium()
    made = told.production_kwh[0]
    paid = 0.02 * made**2 + 0.10 * made + told.price * told.purchase_kwh[0]
    truth = sg.energy.DemandBidding(*WORKED, 10).equilibrium().costs[0]
    assert truth - paid == pytest.approx(scan.gains[0], rel=1e-9)


def test_of_reports_only_those_asked_for_are_scanned():
    scan = sg.energy.DemandBidding(*WORKED, 10).cost_report_scan([1.1], prosumers=[2, 0])
    assert scan.prosumers.tolist() == [2, 0]
    assert scan.gains[0] == 0.0
    assert scan.gains[1] > 0.0


def test_where_all_produce_at_a_bound_prices_are_a_range():
    market = sg.energy.DemandBidding(*WORKED, 10, bounds=(0, [4, 3, 5]))
    found = market.equilibrium()
    assert found.production_kwh.tolist() == [4, 3, 5]
    assert found.price_range == (found.price, np.inf)
    # At the end of the range the last one is about to produce less.
    assert found.price == pytest.approx(2 * 0.05 * 5 + 0.05)
    assert market.deviation_scan().is_equilibrium


def test_between_two_bounds_prices_are_a_range_too():
    # The first makes its most up to any price, the second nothing below 1.
    market = sg.energy.DemandBidding(
        [0.01, 0.01], [0.0, 1.0], [2.0, 0.0], 1.0, bounds=([0, 0], [2, 2])
    )
    best = market.optimum()
    assert best.production_kwh.tolist() == [2.0, 0.0]
    assert best.price_range == pytest.approx((0.04, 1.0))


@drawn(20, 200, markets(), st.permutations(range(4)), st.sampled_from([100.0, 1e-3]))
def test_the_answer_depends_neither_on_order_nor_on_units(market, order, unit):
    c, d, needs, sensitivity, bounds = market
    order = [place for place in order if place < len(c)]
    one = sg.energy.DemandBidding(c, d, needs, sensitivity, bounds=bounds).equilibrium()
    # Money in another unit: costs by it, and the sensitivity is per unit of money.
    other = sg.energy.DemandBidding(
        [unit * c[k] for k in order],
        [unit * d[k] for k in order],
        [needs[k] for k in order],
        sensitivity / unit,
        bounds=None if bounds is None else tuple([end[k] for k in order] for end in bounds),
    ).equilibrium()
    assert other.price == pytest.approx(unit * one.price, rel=1e-9, abs=unit * 1e-12)
    assert other.production_kwh == pytest.approx(one.production_kwh[order], abs=1e-9)


def test_thousands_of_prosumers_are_quick_to_settle_and_to_scan():
    rng = np.random.default_rng(7)
    n = 5000
    market = sg.energy.DemandBidding(
        rng.uniform(0.01, 0.1, n), rng.uniform(0, 0.2, n), rng.uniform(0, 5, n), 10, bounds=(0, 6)
    )
    found = market.equilibrium()
    assert found.kkt_residual <= 1e-12
    assert found.purchase_kwh.sum() == pytest.approx(0.0, abs=1e-8)
    assert market.deviation_scan(n_bids=21).is_equilibrium
    assert 1.0 <= market.price_of_anarchy <= 1.0 + 1e-6


def test_what_is_kept_cannot_be_written_to():
    market = sg.energy.DemandBidding([1, 2], [0, 0], [1, 1], 1)
    with pytest.raises(ValueError, match="read-only"):
        market.equilibrium().bids[0] = 99.0
    assert market.deviation_scan().is_equilibrium
