"""Several sellers against worked numbers, fractions, other prices of drawn size, and drift."""

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import assume
from hypothesis import strategies as st
from reference.price_game_oracles import sellers
from sesgame.errors import GameError

WORKED = sg.energy.SeveralSellers([0.5625, 0.375, 0.225], [0.08, 0.09, 0.12])

congestions = st.integers(1, 40).map(lambda k: k / 40)
costs = st.integers(0, 30).map(lambda k: k / 100)


@st.composite
def markets(draw):
    count = draw(st.integers(2, 5))
    return (
        draw(st.lists(congestions, min_size=count, max_size=count)),
        draw(st.lists(costs, min_size=count, max_size=count)),
    )


def settled(given):
    """Return the equilibrium of a drawn market within the domain of the model."""
    congestion, cost = given
    _, shares = sellers(congestion, cost)
    assume(min(shares) > 1e-3)
    market = sg.energy.SeveralSellers(congestion, cost)
    return market, market.equilibrium()


def test_worked_numbers():
    found = WORKED.equilibrium()
    assert found.prices == pytest.approx([0.25645115, 0.27094828, 0.30507471], abs=5e-9)
    assert found.shares == pytest.approx([0.25095275, 0.33777011, 0.41127714], abs=5e-9)
    assert found.shares.sum() == pytest.approx(1.0, abs=1e-15)
    assert found.kkt_residual <= 1e-14


def test_no_seller_gains_by_any_of_twenty_thousand_prices():
    found = WORKED.equilibrium()
    for seller in range(3):
        for price in np.linspace(WORKED.cost[seller], 1.5, 20_001)[::20]:
            prices = found.prices.copy()
            prices[seller] = price
            gained = (price - WORKED.cost[seller]) * WORKED.shares(prices)[seller]
            assert gained <= found.profits[seller] + 1e-15


def test_buyers_drift_to_the_same_point():
    found = WORKED.equilibrium()
    end = WORKED.drift(found.prices, [0.1, 0.1, 0.8])
    assert end.converged
    assert end.shares == pytest.approx(found.shares, abs=1e-10)


@drawn(60, 300, markets())
def test_the_equilibrium_solves_the_linear_equations_in_fractions(given):
    congestion, cost = given
    prices, shares = sellers(congestion, cost)
    market = sg.energy.SeveralSellers(congestion, cost)
    if min(shares) <= 0:
        with pytest.raises(GameError, match=r"x_j = 0 or less: .*may not exist") as refused:
            market.equilibrium()
        named = str(refused.value).split("or less: ")[1]
        assert all(f"{j} (x = " in named for j, x in enumerate(shares) if x <= 0)
        return
    found = market.equilibrium()
    assert found.prices == pytest.approx([float(p) for p in prices], rel=1e-10)
    assert found.shares == pytest.approx([float(x) for x in shares], abs=1e-10)
    assert found.kkt_residual <= 1e-9


@drawn(40, 200, markets(), st.integers(0, 4), st.floats(0.0, 2.0))
def test_no_other_price_of_drawn_size_pays(given, who, above):
    market, found = settled(given)
    who %= len(found.prices)
    prices = found.prices.copy()
    prices[who] = market.cost[who] + above
    assert above * market.shares(prices)[who] <= found.profits[who] + 1e-12


@drawn(15, 150, markets(), st.lists(st.integers(1, 9), min_size=5, max_size=5))
def test_drift_ends_at_rest_from_anywhere_inside(given, start):
    market, found = settled(given)
    end = market.drift(found.prices, start[: len(found.prices)])
    assert end.converged
    # By strong convexity of the potential the residual bounds the distance.
    off = (market.congestion * (end.shares - found.shares) ** 2).sum()
    assert off <= 2.0 * end.residual + 1e-15


def test_buyers_leave_a_seller_who_is_too_dear():
    prices = [0.1, 0.2, 0.9]
    shares = WORKED.shares(prices)
    assert shares[2] == 0.0
    assert shares.sum() == pytest.approx(1.0)
    end = WORKED.drift(prices, max_steps=5000)
    assert end.shares == pytest.approx(shares, abs=1e-9)


def test_a_drift_that_runs_out_of_steps_says_so():
    end = WORKED.drift(WORKED.equilibrium().prices, [0.01, 0.01, 0.98], max_steps=3)
    assert not end.converged
    assert (end.steps, end.residual > 1e-6) == (3, True)


def test_demand_scales_energy_and_profit_alone():
    one = WORKED.equilibrium()
    many = sg.energy.SeveralSellers(WORKED.congestion, WORKED.cost, demand_kwh=15.0).equilibrium()
    assert many.prices.tolist() == one.prices.tolist()
    assert many.energy_kwh == pytest.approx(15.0 * one.shares)
    assert many.profits == pytest.approx(15.0 * one.profits)


def test_buyers_to_whom_a_kwh_is_worth_less_would_stay_away():
    level = WORKED.equilibrium().delivered_price
    fine = sg.energy.SeveralSellers(WORKED.congestion, WORKED.cost, worth=level + 0.01)
    assert fine.equilibrium().prices.tolist() == WORKED.equilibrium().prices.tolist()
    with pytest.raises(GameError, match="buyers would stay away"):
        sg.energy.SeveralSellers(WORKED.congestion, WORKED.cost, worth=level - 0.01).equilibrium()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (([0.5], [0.1]), "several sellers are at least two, got 1"),
        (([0.5, 0.0], [0.1, 0.1]), "congestion of seller 1 is 0; it must be above 0"),
        (([0.5, -1], [0.1, 0.1]), "congestion of seller 1 is -1"),
        (([0.5, 0.5], [0.1, -0.1]), "cost of seller 1 is -0.1; it must be at least 0"),
        (([0.5, 0.5], [0.1]), r"cost has shape \(1,\)"),
        (([0.5, "x"], [0.1, 0.1]), "congestion must be a number for each seller"),
    ],
)
def test_what_is_wrong_with_sellers_is_named(given, message):
    with pytest.raises(GameError, match=message):
        sg.energy.SeveralSellers(*given)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": [0.0, 0.5, 0.5]}, "start of seller 0 is 0; it must be above 0: buyers imitate"),
        ({"start": [0.5, 0.5]}, r"start has shape \(2,\)"),
        ({"max_steps": 0}, "max_steps must be at least 1"),
        ({"max_steps": "many"}, "max_steps must be a whole number"),
        ({"tolerance": 0.0}, r"tolerance must be in \(0, 1\)"),
        ({"prices": [0.1, np.nan, 0.1]}, "prices of seller 1 is nan"),
    ],
)
def test_what_is_wrong_with_a_drift_is_named(options, message):
    with pytest.raises(GameError, match=message):
        WORKED.drift(**{"prices": [0.1, 0.2, 0.3], **options})


@pytest.mark.parametrize("option", ["demand_kwh", "worth"])
def test_what_is_wrong_with_an_option_is_named(option):
    with pytest.raises(GameError, match=option):
        sg.energy.SeveralSellers([0.5, 0.5], [0.1, 0.1], **{option: float("nan")})


def test_what_is_kept_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        WORKED.equilibrium().prices[0] = 99.0
