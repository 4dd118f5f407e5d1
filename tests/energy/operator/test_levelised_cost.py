"""Levelised costs against sums of fractions, and numbers that were worked out beforehand."""

import math
from fractions import Fraction

import numpy as np
import pytest
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.energy import (
    capital_recovery_factor,
    levelised_cost,
    levelised_cost_of_storage,
    service_price,
)
from sesgame.errors import GameError

ROOF = {"capital": 1000, "annual_cost": 20, "annual_kwh": 1000, "rate": 0.05, "years": 20}
CELLS = {
    "capital": 300,
    "annual_cost": 0,
    "annual_delivered_kwh": 300,
    "charging_price": 0.05,
    "round_trip_efficiency": 0.9,
    "rate": 0.05,
    "years": 15,
}
MONEY = st.fractions(0, 1000, max_denominator=100)
RATES = st.sampled_from([Fraction(each) for each in ("-1/2", "-1/20", "0", "1/20", "3/10", "2")])


def test_numbers_that_were_worked_out_beforehand():
    assert capital_recovery_factor(0.05, 20) == pytest.approx(0.0802425872, abs=5e-11)
    assert levelised_cost(**ROOF) == pytest.approx(0.1002425872, abs=5e-11)
    assert levelised_cost(**ROOF, fade=0.005) == pytest.approx(0.1042518758, abs=5e-11)
    assert levelised_cost_of_storage(**CELLS) == pytest.approx(0.1518978432, abs=5e-11)


@drawn(60, 500, RATES, st.integers(1, 30))
def test_the_factor_pays_the_capital_back(rate, years):
    paid = sum(1 / (1 + rate) ** year for year in range(1, years + 1))
    assert capital_recovery_factor(float(rate), years) == pytest.approx(float(1 / paid), rel=1e-12)


def test_tiny_rates_lose_no_digits():
    # The factor is 1/n + r (n + 1) / (2 n) to the first order.
    assert capital_recovery_factor(1e-12, 20) == pytest.approx(0.05 + 1e-12 * 21 / 40, rel=1e-15)
    assert capital_recovery_factor(0, 20) == 0.05
    assert capital_recovery_factor(0, 12.5) == 0.08


@drawn(
    60,
    500,
    MONEY,
    st.lists(MONEY, min_size=1, max_size=8),
    st.lists(st.fractions(1, 900, max_denominator=10), min_size=8, max_size=8),
    RATES,
    st.fractions(0, Fraction(9, 10), max_denominator=20),
    st.fractions(0, 1, max_denominator=20),
    st.fractions(Fraction(1, 10), 1, max_denominator=10),
)
def test_costs_are_those_of_sums_of_fractions(capital, costs, energy, rate, fade, price, part):
    years = len(costs)
    discount = [1 / (1 + rate) ** year for year in range(1, years + 1)]
    faded = [energy[0] * (1 - fade) ** year for year in range(years)]
    options = {"rate": float(rate), "years": years}

    def wanted(kwh, per_kwh=Fraction(0)):
        parts = zip(costs, kwh, discount, strict=True)
        money = capital + sum((cost + per_kwh * each) * now for cost, each, now in parts)
        return float(money / sum(each * now for each, now in zip(kwh, discount, strict=True)))

    def plain(numbers):
        return [float(number) for number in numbers]

    found = levelised_cost(float(capital), plain(costs), plain(energy[:years]), **options)
    assert found == pytest.approx(wanted(energy[:years]), rel=1e-11)
    found = levelised_cost(
        float(capital), plain(costs), float(energy[0]), fade=float(fade), **options
    )
    assert found == pytest.approx(wanted(faded), rel=1e-11)
    found = levelised_cost_of_storage(
        float(capital),
        plain(costs),
        float(energy[0]),
        charging_price=float(price),
        round_trip_efficiency=float(part),
        fade=float(fade),
        **options,
    )
    assert found == pytest.approx(wanted(faded, price / part), rel=1e-11)


@drawn(30, 200, st.sampled_from([1e-3, 100.0]), st.sampled_from([1e-3, 1e3]))
def test_units_cancel(money, energy):
    other = {
        **ROOF,
        "capital": 1000 * money,
        "annual_cost": 20 * money,
        "annual_kwh": 1000 * energy,
    }
    assert levelised_cost(**other) == pytest.approx(levelised_cost(**ROOF) * money / energy)


def test_a_price_of_a_service_pays_for_what_it_rents_out():
    """Rent for 365 days, times the factor of its years, is the capital."""
    cost = levelised_cost_of_storage(**{**CELLS, "charging_price": 0.0})
    rent = service_price(cost, 300)
    assert 365 * rent / capital_recovery_factor(0.05, 15) == pytest.approx(300)
    assert service_price(cost, 300, margin=0.1) == pytest.approx(1.1 * rent)
    assert service_price(levelised_cost(**ROOF), 1000) == pytest.approx(100.2425872 / 365)


def test_numbers_of_years_may_be_arrays():
    by_year = levelised_cost(
        1000, np.full(20, 20.0), 1000 * 0.995 ** np.arange(20), rate=0.05, years=20
    )
    assert by_year == pytest.approx(levelised_cost(**ROOF, fade=0.005))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rate": -1}, r"rate must be above -1 \(-100 %\), got -1"),
        ({"rate": -1.5}, "rate must be above -1"),
        ({"rate": math.nan}, "rate must be above -1 .* got nan"),
        ({"rate": math.inf}, "rate must be above -1 .* got inf"),
        ({"years": 0}, "years must be from 1 to 10,000, got 0"),
        ({"years": 1e9}, "years must be from 1 to 10,000, got 1000000000"),
        ({"years": 2.5}, "years must be a whole number"),
        ({"rate": -0.999999, "years": 100}, "beyond what numbers can hold"),
        ({"capital": -1}, "capital must be non-negative, got -1"),
        ({"capital": math.inf}, "capital must be non-negative, got inf"),
        ({"annual_cost": -20}, "annual_cost must be non-negative, got -20"),
        ({"annual_cost": [1.0] * 19 + [-1.0]}, "annual_cost of year 20 must be non-negative"),
        ({"annual_cost": [1.0, 2.0]}, "annual_cost has 2 numbers, but years is 20"),
        ({"annual_kwh": 0}, "annual_kwh must be above 0"),
        ({"annual_kwh": [0.0] * 20}, "annual_kwh must be above 0"),
        ({"annual_kwh": [1.0] * 20, "fade": 0.01}, "given for each year, so it has no fade"),
        ({"annual_kwh": "much"}, "annual_kwh must be a number or a list of numbers"),
        ({"fade": 1.0}, "fade must be from 0 up to, but not, 1, got 1"),
        ({"fade": -0.1}, "fade must be from 0"),
    ],
)
def test_what_costs_cannot_be_made_of_is_refused(change, message):
    with pytest.raises(GameError, match=message):
        levelised_cost(**{**ROOF, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"charging_price": -0.01}, "charging_price must be non-negative"),
        ({"round_trip_efficiency": 0}, r"round_trip_efficiency must be in \(0, 1\], got 0"),
        ({"round_trip_efficiency": 1.1}, r"round_trip_efficiency must be in \(0, 1\], got 1\.1"),
        ({"annual_delivered_kwh": 0}, "annual_delivered_kwh must be above 0"),
        ({"rate": -2}, "rate must be above -1"),
        ({"years": -3}, "years must be from 1 to 10,000, got -3"),
    ],
)
def test_storage_that_cannot_be_is_refused(change, message):
    with pytest.raises(GameError, match=message):
        levelised_cost_of_storage(**{**CELLS, **change})


def test_factors_and_prices_out_of_range_are_refused():
    with pytest.raises(GameError, match="rate must be above -1"):
        capital_recovery_factor(-1, 20)
    with pytest.raises(GameError, match=r"years must be from 1 to 10,000, got 0\.5"):
        capital_recovery_factor(0.05, 0.5)
    with pytest.raises(GameError, match="beyond what numbers can hold"):
        capital_recovery_factor(-0.999999, 100)
    with pytest.raises(GameError, match="levelised_cost must be non-negative"):
        service_price(-0.1, 1000)
    with pytest.raises(GameError, match="annual_kwh must be above 0, got 0"):
        service_price(0.1, 0)
    with pytest.raises(GameError, match="margin must be above -1"):
        service_price(0.1, 1000, margin=-1)
