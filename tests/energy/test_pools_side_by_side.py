"""Games made of pools take eight coalitions at a time, and have the bits of one after the other."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import Battery, DemandCharge, Grid, PriceSeries, Scenarios, TimeSteps

N = 6


def community(seed, *, charged):
    """Return a community over 4 days by 6 hours, with numbers that tie."""
    random = np.random.default_rng(seed)
    steps = TimeSteps(np.datetime64("2019-02-27"), np.timedelta64(6, "h"), 16)
    sell = random.integers(-2, 3, steps.n_steps) / 10
    charges = [DemandCharge(price_per_kw=float(random.integers(1, 9)))] if charged else []
    return sg.energy.Community(
        members=[f"m{i}" for i in range(N)],
        steps=steps,
        load_kwh=random.integers(-2, 5, (N, steps.n_steps)).astype(float),
        tariff=PriceSeries(steps, sell + random.integers(0, 3, steps.n_steps) / 10, sell),
        batteries=[
            Battery(
                owner=owner,
                energy_kwh=4.0,
                power_kw=0.5,
                charge_efficiency=0.9,
                discharge_efficiency=0.95,
            )
            for owner in ("m0", "m2", "m5")
        ],
        grid=Grid(demand_charges=charges),
    )


def games(charged):
    cost = community(1, charged=charged).cost_game()
    yield "itself", cost
    yield "dual", cost.dual()
    yield "savings", cost.savings()
    yield "sum", cost + 0.5 * community(2, charged=not charged).cost_game()
    yield "some", cost.restricted_to(["m1", "m2", "m4", "m5"])
    both = [community(seed, charged=charged) for seed in (3, 4)]
    yield "scenarios", Scenarios(both, weights=[0.3, 0.7]).cost_game()


@pytest.mark.parametrize("charged", [False, True])
def test_games_of_pools_have_the_same_bits_side_by_side(charged):
    for name, game in games(charged):
        native, n = game.native, game.n_players
        assert native is not None, name
        rows = (np.arange(1, 1 << n)[:, np.newaxis] >> np.arange(n) & 1).astype(np.bool_)
        each = np.concatenate([native.values(row[np.newaxis]) for row in rows])
        np.testing.assert_array_equal(native.values(rows), each, err_msg=name)
        np.testing.assert_array_equal(native.values(rows[::-1]), each[::-1], err_msg=name)
        np.testing.assert_array_equal(np.asarray(native.tabulate())[1:], each, err_msg=name)


@pytest.mark.parametrize("charged", [False, True])
def test_a_walk_in_any_order_has_the_values_of_its_coalitions(charged):
    game = community(1, charged=charged).cost_game()
    sampled = sg.shapley_estimate(
        game, method="permutations", max_evaluations=40, seed=3, progress=False
    )
    # The same walks, one coalition after the other.
    single = sg.Game.from_function(game.players, game.value, kind="cost")
    walked = sg.shapley_estimate(
        single, method="permutations", max_evaluations=40, seed=3, progress=False
    )
    rounding = 1e-12 * np.abs(walked.values).sum()
    assert sampled.values == pytest.approx(walked.values, rel=0, abs=rounding)
    assert sampled.total == pytest.approx(game.value(game.players), rel=1e-12)
