"""Sharing over the public grid: costs by a linear program, exact values, contracts of all kinds."""

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog
from sesgame.errors import GameError


def least_cost(deficit, surplus, buy, sell, fee, members):
    """Return what a coalition pays, by a transport problem in each step."""
    cost = 0.0
    for step in range(deficit.shape[1]):
        d, g = deficit[members, step], surplus[members, step]
        b, s = buy[members, step], sell[members, step]
        cost += b @ d - s @ g
        n = len(members)
        gain = (b[:, None] - s[None, :] - fee[step]).ravel()
        receives = np.kron(np.eye(n), np.ones(n))
        gives = np.kron(np.ones(n), np.eye(n))
        found = linprog(
            -gain, np.vstack([receives, gives]), np.concatenate([d, g]), bounds=(0, None)
        )
        cost += found.fun
    return cost


def drawn(seed, n=5, n_steps=4, contracts="step"):
    """Return energy and contracts that tie: some sell above what others buy at."""
    random = np.random.default_rng(seed)
    shape = {"one": (), "member": (n, 1), "step": (n, n_steps)}[contracts]
    deficit = random.integers(0, 4, (n, n_steps)) * (random.random((n, n_steps)) < 0.7)
    surplus = random.integers(0, 4, (n, n_steps)) * (random.random((n, n_steps)) < 0.5)
    buy, sell = random.integers(1, 9, shape) / 4, random.integers(-2, 6, shape) / 4
    whole = (n, n_steps)
    return (
        deficit.astype(float),
        surplus.astype(float),
        np.broadcast_to(buy, whole),
        np.broadcast_to(sell, whole),
        random.integers(-1, 3, n_steps) / 4,
    )


@pytest.mark.parametrize("contracts", ["one", "member", "step"])
@pytest.mark.parametrize("seed", range(3))
def test_costs_are_those_of_a_transport_problem(seed, contracts):
    world = drawn(seed, contracts=contracts)
    game = sg.energy.sharing_game(*world)
    for mask in range(1, 32):
        members = [i for i in range(5) if mask >> i & 1]
        assert game.value(members) == pytest.approx(least_cost(*world, members), abs=1e-9)


@given(st.integers(0, 10_000), st.sampled_from(["one", "member", "step"]))
@settings(max_examples=25, deadline=None)
def test_no_group_leaves_and_shares_need_no_table(seed, contracts):
    game = sg.energy.sharing_game(*drawn(seed, contracts=contracts))
    assert not sg.core_existence(game).is_empty
    table = sg.Game.from_table(game.tabulate(), kind="cost")
    np.testing.assert_allclose(
        sg.shapley_value(game).values, sg.shapley_value(table).values, atol=1e-11, rtol=0
    )


def test_one_contract_for_all_is_netting():
    deficit, surplus, *_ = drawn(1)
    shared = sg.energy.sharing_game(deficit, surplus, 0.30, 0.08, 0.0)
    joint = sg.games.netting(deficit - surplus, 0.30, 0.08)
    np.testing.assert_allclose(shared.tabulate(), joint.tabulate(), atol=1e-12, rtol=0)
    # A fee narrows the gap between the two prices.
    fee = sg.energy.sharing_game(deficit, surplus, 0.30, 0.08, 0.10)
    kept = (fee.value(range(5)) - shared.value(range(5))) / 0.10
    met = np.minimum(deficit.sum(axis=0), surplus.sum(axis=0)).sum()
    assert kept == pytest.approx(met, abs=1e-12)


def test_labels_units_and_orders_make_no_difference():
    world = drawn(7)
    game = sg.energy.sharing_game(*world, players=list("abcde"))
    order = [3, 1, 4, 0, 2]
    moved = sg.energy.sharing_game(*(part[order] for part in world[:4]), world[4])
    expected = sg.shapley_value(game).values[order]
    np.testing.assert_allclose(sg.shapley_value(moved).values, expected, atol=1e-12, rtol=0)
    deficit, surplus, buy, sell, fee = world
    large = sg.energy.sharing_game(deficit * 1e6, surplus * 1e6, buy * 1e3, sell * 1e3, fee * 1e3)
    np.testing.assert_allclose(large.tabulate(), game.tabulate() * 1e9, rtol=1e-12, atol=1e-3)


def test_dozens_of_members_with_contracts_of_their_own_have_exact_shares():
    random = np.random.default_rng(3)
    net = random.normal(0.1, 0.6, (80, 3)).round(3)
    buy = random.choice([0.24, 0.27, 0.31, 0.34], 80)
    game = sg.energy.sharing_game(np.maximum(net, 0), np.maximum(-net, 0), buy, 0.08, 0.09)
    shares = sg.shapley_value(game, progress=False)
    assert shares.evidence.error_bound < 1e-8
    sampled = sg.shapley_estimate(game, "permutations", seed=1, progress=False)
    away = np.abs(sampled.values - shares.values)
    # 80 normal variables: one of them beyond five deviations in ten thousand draws.
    assert (away <= 5 * sampled.evidence.standard_errors).all()


def test_nothing_to_share_is_what_all_pay_alone():
    game = sg.energy.sharing_game([[1.0], [2.0]], [[0.0], [0.0]], [0.3, 0.2], 0.1)
    assert game.tabulate().tolist() == pytest.approx([0.0, 0.3, 0.4, 0.7])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"deficit_kwh": [[1.0, -2.0]]}, "deficit_kwh of member 0 is -2.0 in step 1"),
        ({"deficit_kwh": [1.0, 2.0]}, r"deficit_kwh has shape \(2,\); it needs members and steps"),
        ({"surplus_kwh": [[1.0]]}, r"shape \(1, 2\), and surplus_kwh \(1, 1\)"),
        ({"buy_per_kwh": [0.1, 0.2]}, r"buy_per_kwh has shape \(2,\); it needs \(\), \(n,\) or"),
        (
            {"fee_per_kwh": [0.1] * 3},
            r"fee_per_kwh has shape \(3,\); it needs \(\) or \(T,\) for 2",
        ),
        ({"sell_per_kwh": np.nan}, "sell_per_kwh is nan somewhere, not finite"),
        ({"buy_per_kwh": "dear"}, "buy_per_kwh is not an array of numbers"),
        ({"players": ["ann", "bob"]}, "there are 2 labels for 1 members"),
    ],
)
def test_what_cannot_be_is_named(changes, message):
    given_all = {
        "deficit_kwh": [[1.0, 0.0]],
        "surplus_kwh": [[0.0, 1.0]],
        "buy_per_kwh": 0.3,
        "sell_per_kwh": 0.1,
    }
    with pytest.raises(GameError, match=message):
        sg.energy.sharing_game(**{**given_all, **changes})
