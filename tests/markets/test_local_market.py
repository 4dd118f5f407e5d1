"""Auctions inside a community: the grid as backstop, contracts as orders, and fees by zone."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.streets import street, varied
from hypothesis import strategies as st

SEEDS = st.integers(0, 100_000)

# Some dozens of products of eighths and of prices in cents, each rounded.
ROUNDING = 1e-12


def with_backstop(net_kwh, buy, sell):
    """Return the book of members and the grid, which sells and takes more than all of them do."""
    orders = []
    for hour in range(net_kwh.shape[1]):
        for member, kwh in enumerate(net_kwh[:, hour].tolist()):
            side, price = ("bid", buy[hour]) if kwh > 0 else ("offer", sell[hour])
            orders.append((member, side, float(price), abs(kwh), hour))
        big = float(np.abs(net_kwh[:, hour]).sum()) + 1
        orders.append(("grid", "offer", float(buy[hour]), big, hour))
        orders.append(("grid", "bid", float(sell[hour]), big, hour))
    return sg.markets.OrderBook.from_orders(orders)


@drawn(3, 40, SEEDS)
def test_the_grid_as_backstop_makes_the_uniform_price_the_dual_price_of_netting(seed):
    random = np.random.default_rng(seed)
    n, n_steps = 4, 5
    net = random.integers(-8, 9, (n, n_steps)) / 8
    sell = random.integers(5, 15, n_steps) / 100
    buy = sell + random.integers(1, 20, n_steps) / 100
    settled = sg.markets.uniform_price(with_backstop(net, buy, sell))
    sums = net.sum(axis=0)
    middle = (buy + sell) / 2
    price = np.where(sums > 0, buy, np.where(sums < 0, sell, middle))
    traded = (net != 0).any(axis=0)
    np.testing.assert_allclose(settled.price_per_kwh[traded], price[traded], atol=ROUNDING, rtol=0)
    bills = np.array([settled[member] for member in range(n)])
    np.testing.assert_allclose(bills, net @ price, atol=ROUNDING, rtol=0)
    game = sg.games.netting(net, buy, sell)
    assert sg.audit(game, bills).in_core
    # What the grid has is what the community pays, at its own prices.
    outside = sum(
        Fraction(b) * Fraction(max(s, 0)) - Fraction(a) * Fraction(max(-s, 0))
        for b, a, s in zip(buy.tolist(), sell.tolist(), sums.tolist(), strict=True)
    )
    assert bills.sum() == pytest.approx(float(outside), abs=ROUNDING)
    assert settled["grid"] == pytest.approx(-float(outside), abs=ROUNDING)


def test_one_missing_kwh_makes_everybody_pay_the_price_of_the_grid():
    net = np.array([[2.0], [1.0], [-2.0]])
    settled = sg.markets.uniform_price(with_backstop(net, [0.30], [0.10]))
    assert settled.price_per_kwh.tolist() == pytest.approx([0.30])
    assert settled.properties().verdicts["in the core"].holds
    other = sg.markets.uniform_price(with_backstop(np.array([[2.0], [-2.0]]), [0.3], [0.1]))
    assert other.price_per_kwh.tolist() == pytest.approx([0.20])


@drawn(3, 25, SEEDS)
def test_contracts_as_orders_clear_at_the_prices_of_the_public_grid(seed):
    world = varied(street(seed, n_points=6), fee_per_kwh=0.125)
    prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
    orders, alone = [], {}
    for point in world.points:
        buy, sell = prices[point.contract]
        alone[point.name] = float(buy @ point.import_kwh - sell @ point.export_kwh)
        for step in range(world.steps.n_steps):
            bid = float(buy[step]) - 0.125
            orders.append((point.name, "bid", bid, float(point.import_kwh[step]), step))
            offer = float(sell[step]), float(point.export_kwh[step])
            orders.append((point.name, "offer", *offer, step))
    settled = sg.markets.uniform_price(sg.markets.OrderBook.from_orders(orders))
    bills, game = sg.owen_allocation(world), world.cost_game()
    cost = game.value(world.members)
    assert sum(alone.values()) - settled.welfare == pytest.approx(cost, abs=ROUNDING)
    # Who does not trade in the auction buys and sells at the own contract.
    gained = dict(zip(settled.participants, settled.utilities, strict=True))
    paid = np.zeros(len(world.members))
    for point in world.points:
        paid[world.members.index(point.member)] += alone[point.name] - gained[point.name]
    assert (paid >= bills.evidence.lowest - ROUNDING).all()
    assert (paid <= bills.evidence.highest + ROUNDING).all()
    assert sg.audit(game, paid).in_core
    assert sg.audit(game, bills).in_core


@pytest.mark.parametrize("zones", [2, 3])
@drawn(2, 12, SEEDS)
def test_at_prices_by_zone_no_two_points_would_rather_trade_otherwise(zones, seed):
    world = street(seed, zones=zones, n_points=8)
    bills = sg.owen_allocation(world)
    taken, given = bills.evidence.taken_per_kwh, bills.evidence.given_per_kwh
    prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
    place = {zone: number for number, zone in enumerate(world.zones)}
    assert bills.evidence.zones == world.zones
    for taker in world.points:
        buy, _ = prices[taker.contract]
        # What a kWh at the price of the zone brings beyond the contract.
        saves = np.maximum(buy - taken[place[taker.zone]], 0)
        for giver in world.points:
            _, sell = prices[giver.contract]
            earns = np.maximum(given[place[giver.zone]] - sell, 0)
            fee = world.fee_per_kwh[place[giver.zone], place[taker.zone]]
            meet = (taker.import_kwh > 0) & (giver.export_kwh > 0)
            assert (saves + earns >= buy - sell - fee - ROUNDING)[meet].all()
    game = world.cost_game()
    assert sg.audit(game, bills).in_core
    assert bills.values.sum() == pytest.approx(game.value(world.members), abs=ROUNDING)
