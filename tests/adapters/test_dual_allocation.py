"""Dual prices of the grand coalition, and the bills that they leave open."""

import highspy
import numpy as np
import pytest
import sesgame as sg
from fixtures.battery_models import highspy_game
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame import adapters
from sesgame.errors import CharacteristicFunctionError, GameError

BUY, SELL = 3.0, 1.0


def market_game(needs, maximise=False, limit=np.inf, quadratic=0.0):
    """Who needs energy buys it, who has some sells it, together at two prices."""
    sign = -1.0 if maximise else 1.0
    model = highspy.Highs()
    model.silent()
    bought = model.addVariable(ub=limit, obj=sign * BUY)
    sold = model.addVariable(ub=limit, obj=-sign * SELL)
    z = [model.addVariable(ub=1) for _ in needs]
    model.addConstr(bought - sold == sum(need * x for need, x in zip(needs, z, strict=True)))
    if quadratic:
        hessian = highspy.HighsHessian()
        hessian.dim_, hessian.format_ = len(z) + 2, highspy.HessianFormat.kTriangular
        hessian.start_ = np.array([0] + [1] * (len(z) + 2))
        hessian.index_, hessian.value_ = np.array([0]), np.array([sign * quadratic])
        assert model.passHessian(hessian) == highspy.HighsStatus.kOk
    if maximise:
        model.setMaximize()
    return adapters.highspy.model_game(model, dict(enumerate(z)))


@pytest.mark.parametrize("maximise", [False, True])
def test_prices_of_a_balance_leave_the_whole_range_open(maximise):
    game = market_game([5.0, -5.0], maximise)
    allocation = adapters.dual_allocation(game)
    lowest, highest = np.array([5 * SELL, -5 * BUY]), np.array([5 * BUY, -5 * SELL])
    if maximise:
        lowest, highest = -highest, -lowest
    evidence = allocation.evidence
    np.testing.assert_allclose(evidence.lowest, lowest)
    np.testing.assert_allclose(evidence.highest, highest)
    assert (evidence.lowest <= allocation.values).all()
    assert (allocation.values <= evidence.highest).all()
    np.testing.assert_allclose(allocation.intervals.lowest, lowest)
    (caveat,) = evidence.caveats(allocation, str)
    assert "dual prices are degenerate" in caveat
    assert "up to 10.0" in caveat
    assert sg.audit(game, allocation).in_core


def test_prices_that_leave_no_choice_say_nothing():
    allocation = adapters.dual_allocation(market_game([5.0, -3.0]))
    np.testing.assert_allclose(allocation.values, [15.0, -9.0])
    np.testing.assert_allclose(allocation.evidence.lowest, [15.0, -9.0])
    np.testing.assert_allclose(allocation.evidence.highest, [15.0, -9.0])
    assert allocation.intervals is None
    assert allocation.evidence.caveats(allocation, str) == []


def test_a_share_has_no_end_where_a_little_more_would_be_infeasible():
    allocation = adapters.dual_allocation(market_game([2.0, 3.0], limit=5.0))
    np.testing.assert_allclose(allocation.values, [6.0, 9.0])
    np.testing.assert_allclose(allocation.evidence.lowest, [6.0, 9.0])
    assert (allocation.evidence.highest == np.inf).all()
    assert allocation.evidence.to_dict()["lowest"] == [6.0, 9.0]


@settings(max_examples=15)
@given(st.lists(st.integers(-3, 3).map(float), min_size=2, max_size=5), st.booleans())
def test_ranges_are_the_one_sided_derivatives_of_the_value(needs, maximise):
    game = market_game(needs, maximise)
    allocation = adapters.dual_allocation(game)
    total, sign = sum(needs), -1.0 if maximise else 1.0

    def value(net):
        return sign * (BUY * max(net, 0.0) - SELL * max(-net, 0.0))

    step = 2.0**-10  # a change of slope is at whole numbers: the value is linear on the way
    right = [(value(total + step * need) - value(total)) / step for need in needs]
    left = [(value(total) - value(total - step * need)) / step for need in needs]
    np.testing.assert_allclose(allocation.evidence.lowest, np.minimum(left, right), atol=1e-9)
    np.testing.assert_allclose(allocation.evidence.highest, np.maximum(left, right), atol=1e-9)
    assert sg.audit(game, allocation).in_core


def test_ranges_are_those_of_the_built_in_program():
    # In the second hour what one has is what the others need, as in the battery.
    community = sg.energy.Community(
        members=["ann", "bob", "eve"],
        steps=[f"2016-06-01T{hour}:00" for hour in range(12, 16)],
        load_kwh=[[1.0, 2.0, -3.0, 1.0], [1.0, -2.0, 1.0, 2.0], [0.0, 0.0, 1.0, 1.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        batteries=[
            sg.energy.Battery(
                owner="eve",
                energy_kwh=2.0,
                power_kw=1.0,
                charge_efficiency=0.9,
                discharge_efficiency=0.9,
            )
        ],
    )
    prices = sg.owen_allocation(community, model="linear").evidence
    evidence = adapters.dual_allocation(highspy_game(community)).evidence
    tolerance = 1e-6 * np.abs(prices.bills_by_step).sum()
    np.testing.assert_allclose(evidence.lowest, prices.lowest, rtol=0, atol=tolerance)
    np.testing.assert_allclose(evidence.highest, prices.highest, rtol=0, atol=tolerance)
    assert (evidence.highest - evidence.lowest > tolerance).any()


def test_quadratic_costs_are_not_what_they_cost_at_the_margin():
    # 1.5 cost 3 a piece and 4/3 of the square; the last one costs 3 + 8/3 * 1.5.
    with pytest.raises(GameError, match=r"add up to 10\.5, .* worth 7\.5: .* objective is quadra"):
        adapters.dual_allocation(market_game([1.0, 0.5], quadratic=8 / 3))


@pytest.mark.parametrize("maximise", [False, True])
def test_quadratic_costs_that_are_not_there_at_the_margin_leave_the_prices_in_the_core(maximise):
    game = market_game([1.0, -5.0, 4.0], maximise, quadratic=2.0)
    allocation = adapters.dual_allocation(game)
    sign = -1.0 if maximise else 1.0
    # Nothing is bought: a kWh costs between what selling it would earn and what buying it costs.
    np.testing.assert_allclose(
        np.sort(sign * np.array([allocation.evidence.lowest, allocation.evidence.highest]), axis=0),
        [[SELL, -5 * BUY, 4 * SELL], [BUY, -5 * SELL, 4 * BUY]],
        atol=1e-6,
    )
    assert sg.audit(game, allocation).in_core


def test_costs_that_membership_moves_have_no_prices():
    model = highspy.Highs()
    model.silent()
    bought, z = model.addVariable(obj=BUY), model.addVariable(ub=1)
    model.addConstr(bought >= 2 * z)
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = 2, highspy.HessianFormat.kTriangular
    hessian.start_, hessian.index_ = np.array([0, 1, 1]), np.array([1])
    hessian.value_ = np.array([-1.0])
    assert model.passHessian(hessian) == highspy.HighsStatus.kOk
    game = adapters.highspy.model_game(model, {"ann": z})
    assert game.value(["ann"]) == pytest.approx(2 * BUY - 2)
    with pytest.raises(GameError, match="membership is multiplied by a variable"):
        adapters.dual_allocation(game)


def test_all_together_without_value_are_named():
    game = market_game([4.0, 3.0], limit=5.0)
    with pytest.raises(CharacteristicFunctionError, match=r"the model of \{0, 1\} has no value"):
        adapters.dual_allocation(game)


def test_what_is_no_game_is_refused():
    with pytest.raises(GameError, match="game must be a game, a community or scenarios"):
        adapters.dual_allocation("game")
