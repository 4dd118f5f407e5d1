"""Pooled batteries under any convex cost of their exchange, against an independent linear program
in value, schedule and duals, on drawn costs that are full of ties."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from numpy.typing import NDArray
from reference.convex_dispatch_lp import ConvexWorld, least_cost
from sesgame import _engine
from sesgame.game.native_source import native_from

TOLERANCE = 1e-8
"""Relative to the cost and a unit of money: the linear program is solved to 1e-10, and its worlds
have a few units of energy at prices below 1."""

KINDS = ("two prices", "limits", "caps", "curtailment", "ladder", "priced limit", "everything")


class Drawn:
    """A world of few members and steps whose numbers coincide more often than not."""

    def __init__(self, kind: str, seed: int) -> None:
        self.random = random = np.random.default_rng([KINDS.index(kind), seed])
        self.whole = random.random() < 0.6
        n, steps, rungs = (int(random.integers(1, 4)) for _ in range(3))
        steps = int(random.choice([1, 2, 3, 5, 8, 16]))
        net, pv = self.numbers(-3, 3, n, steps), self.numbers(0, 2, n, steps)
        lengths = self.numbers(0, 2, n, rungs, steps) * (random.random((n, rungs, steps)) < 0.6)
        # Where the slope rises: constant, resource, cap, and whether it comes after the one before.
        kinks: list[tuple[float, int, int, bool]] = [(0.0, 0, -1, False)]
        anchor = 0
        if kind == "curtailment":
            kinks = [(0.0, 1, -1, False), *kinks]
        if kind in ("ladder", "everything"):
            kinks += [(0.0, 2 + rung, -1, True) for rung in range(rungs)]
        slopes = self.prices(steps, len(kinks) + 1)
        caps = self.numbers(0, 4, int(random.integers(1, 3)))
        if kind in ("caps", "everything"):
            for cap in range(len(caps)):
                kinks.append((0.0, 0, cap, False))
                slopes = np.column_stack([slopes, slopes[:, -1] + random.integers(0, 4) / 10])
        if kind in ("priced limit", "everything"):
            kinks.insert(0, (-float(self.numbers(0, 3)), 0, -1, False))
            slopes = np.column_stack([slopes[:, 0] - random.integers(0, 3) / 10, slopes])
            anchor += 1
        if kind in ("limits", "everything"):
            kinks.insert(0, (-float(self.numbers(1, 6)), 0, -1, False))
            kinks.append((float(self.numbers(1, 6)), 0, -1, False))
            outside = np.full(steps, np.inf)
            slopes = np.column_stack([-outside, slopes, outside])
            anchor += 1
        constant, resource, cap, after = (
            np.tile(np.array(column, dtype), (steps, 1))
            for column, dtype in zip(
                zip(*kinks, strict=True), (float, np.int32, np.int32, bool), strict=True
            )
        )
        energy, charge_power = self.numbers(0, 4, n), self.numbers(0, 2, n)
        discharge_power = self.numbers(0, 2, n) if random.random() < 0.5 else charge_power
        initial = energy * random.choice([0, 1])
        if random.random() < 0.7:
            initial = np.minimum(energy, self.numbers(0, 4, n))
        self.world = ConvexWorld(
            resources=np.concatenate([-net[:, None], -(net + pv)[:, None], lengths], axis=1),
            money=self.numbers(-1, 1, n),
            slopes=slopes,
            kinks=(constant, resource, cap, after),
            anchor=np.full(steps, anchor, np.int32),
            caps=caps,
            batteries=(energy, charge_power, discharge_power, initial),
            losses=(
                *(float(random.choice([1.0, 0.9, 0.5])) for _ in range(2)),
                *(float(random.choice([0.0, 0.0, 0.05, 0.1])) for _ in range(2)),
                float(random.choice([1.0, 1.0, 1.0, 0.99, 0.5])),
            ),
        )
        self.game = _engine.convex_dispatch_game(*self.world.arguments)

    def numbers(self, low: int, high: int, *shape: int) -> NDArray[np.float64]:
        if self.whole:
            return self.random.integers(low, high + 1, shape).astype(float)
        return self.random.uniform(low, high, shape).round(3)

    def prices(self, steps: int, count: int) -> NDArray[np.float64]:
        lowest = int(self.random.choice([-5, 0]))
        tenths = self.random.integers(lowest, 6, (steps, count)) / 10
        if self.random.random() < 0.3:
            tenths = self.random.uniform(lowest / 10, 0.6, (steps, count))
        return np.sort(tenths, axis=1)

    def coalition(self) -> NDArray[np.bool_]:
        members = self.random.random(len(self.world.money)) < 0.7
        members[self.random.integers(len(members))] = True
        return members


def close(found: float, expected: float) -> bool:
    return abs(found - expected) <= TOLERANCE * (1 + abs(expected))


def check(kind: str, seed: int) -> bool:
    """Check a drawn world; return whether limits leave the coalition a dispatch."""
    drawn = Drawn(kind, seed)
    world, game, members = drawn.world, drawn.game, drawn.coalition()
    expected = least_cost(world, members, world.caps)
    found = float(game.values(members[np.newaxis])[0])
    if expected is None:
        assert found == np.inf
        step = game.infeasible_step(members)
        assert step is not None
        with pytest.raises(ValueError, match=f"no dispatch in step {step}"):
            game.dispatch(members)
        return False
    assert close(found, expected)
    dispatch = game.dispatch(members)
    check_schedule(world, members, dispatch, expected)
    # Optimal prices bound what any other coalition pays at any other caps.
    check_bound(world, members, world.caps, dispatch, expected, is_tight=True)
    for _ in range(2):
        others, caps = drawn.coalition(), drawn.numbers(0, 4, len(world.caps))
        other = least_cost(world, others, caps)
        if other is None:
            continue
        check_bound(world, others, caps, dispatch, other, is_tight=False)
        costs, gradients = game.at_caps(others, np.stack([caps, caps + 1]))
        assert close(costs[0], other)
        assert costs[1] >= costs[0] + gradients[0].sum() - TOLERANCE * (1 + abs(costs[0]))
    return True


def check_schedule(world, members, dispatch, expected):
    charging, discharging, charge_wear, discharge_wear, retention = world.losses
    energy, charge_power, discharge_power, initial = (b[members].sum() for b in world.batteries)
    charge, stored = dispatch.state_of_charge, dispatch.charge * charging
    kept = retention * charge[:-1] + stored - dispatch.discharge / discharging
    assert np.abs(charge[1:] - kept).max() < TOLERANCE
    assert -TOLERANCE <= charge.min() <= charge.max() <= energy + TOLERANCE
    assert charge[0] == pytest.approx(initial, abs=TOLERANCE)
    assert charge[-1] >= initial - TOLERANCE
    assert 0 <= dispatch.charge.min() <= dispatch.charge.max() <= charge_power + TOLERANCE
    assert 0 <= dispatch.discharge.min() <= dispatch.discharge.max() <= discharge_power + TOLERANCE
    exchange = dispatch.charge - dispatch.discharge
    cost = world.money[members].sum()
    cost += charge_wear * dispatch.charge.sum() + discharge_wear * dispatch.discharge.sum()
    for step, kinks in enumerate(world.kinks_of(members, world.caps)):
        low, high = world.limits(step, kinks)
        assert low - TOLERANCE <= exchange[step] <= high + TOLERANCE
        cost += world.step_cost(step, kinks, exchange[step])
    assert close(cost, expected)
    assert close(dispatch.cost, expected)


def check_bound(world, members, caps, dispatch, cost, *, is_tight):
    energy, charge_power, discharge_power, initial = (b[members].sum() for b in world.batteries)
    bound = (
        (dispatch.resource_price * world.resources[members].sum(axis=0)).sum()
        + dispatch.cap_price @ caps
        + dispatch.constant_cost
        + world.money[members].sum()
        - dispatch.capacity_price.sum() * energy
        - dispatch.charge_power_price.sum() * charge_power
        - dispatch.discharge_power_price.sum() * discharge_power
        - dispatch.initial_charge_price * initial
    )
    assert bound <= cost + TOLERANCE * (1 + abs(cost))
    assert not is_tight or close(bound, cost)


@pytest.mark.parametrize("kind", KINDS)
def test_value_schedule_and_duals_are_those_of_a_linear_program(kind):
    assert sum(check(kind, seed) for seed in range(12)) >= 5


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_value_schedule_and_duals_are_those_of_a_linear_program_by_the_hundred(kind):
    assert sum(check(kind, seed) for seed in range(12, 150)) >= 50


def tariff_game(prices, kinks=((0.0, 0, -1, False),), anchor=0, *, loads=((1.0, -2.0),), **changed):
    """Return the game of members with loads, one battery each, and the same cost in each step."""
    loads = np.array(loads)
    n, steps = loads.shape
    columns = zip(zip(*kinks, strict=True), (float, np.int32, np.int32, bool), strict=True)
    one = np.ones(n)
    arguments = {
        "resources": -loads[:, None],
        "money": np.zeros(n),
        "slopes": np.tile(np.array(prices), (steps, 1)),
        "kinks": tuple(np.tile(np.array(values, dtype), (steps, 1)) for values, dtype in columns),
        "anchor": np.full(steps, anchor, np.int32),
        "caps": np.zeros(0),
        "batteries": (2 * one, one, one, 0 * one),
        "losses": (1.0, 1.0, 0.0, 0.0, 1.0),
    }
    return _engine.convex_dispatch_game(*(arguments | changed).values())


def test_two_prices_are_the_plain_pool():
    random = np.random.default_rng(5)
    loads, sell = random.normal(size=(5, 60)), random.uniform(-0.1, 0.2, 60)
    buy, power = sell + random.uniform(0, 0.2, 60), random.uniform(0, 1, 5)
    plain = _engine.pooled_battery_game(loads, buy, sell, 2 * power, power, 0.9, 0.95, power, 0.999)
    convex = tariff_game(
        [0.0, 1.0],
        loads=loads,
        slopes=np.column_stack([sell, buy]),
        batteries=(2 * power, power, power, power),
        losses=(0.9, 0.95, 0.0, 0.0, 0.999),
    )
    assert np.abs(convex.tabulate() - plain.tabulate()).max() < 1e-12
    assert np.abs(convex.bill_ranges() - plain.bill_ranges()).max() < 1e-6


def test_wear_of_a_kwh_is_paid_for_each_way():
    # A kWh costs 0.1, then 0.5: shifting it saves 0.4 less what it wears off.
    slopes = np.array([[0.1, 0.1], [0.5, 0.5]])
    game = tariff_game([0.0, 0.0], loads=[[0.0, 1.0]], slopes=slopes, losses=(1, 1, 0.05, 0.1, 1))
    assert game.values(np.array([[True]]))[0] == pytest.approx(0.1 + 0.15)


def test_a_limit_that_nothing_can_keep_is_told_by_its_step():
    limits = [(-5.0, 0, -1, False), (0.0, 0, -1, False), (1.5, 0, -1, False)]
    # What comes to 1.5 at most and is needed: 1, then 3; the battery of 1 kWh a step brings 0.5 on.
    game = tariff_game(
        [-np.inf, 0.1, 0.3, np.inf],
        limits,
        1,
        loads=[[1.0, 3.0]],
        batteries=(np.array([2.0]), np.array([1.0]), np.array([1.0]), np.array([0.0])),
    )
    assert game.infeasible_step(np.array([True])) == 1
    assert game.values(np.array([[True]]))[0] == np.inf
    with pytest.raises(ValueError, match="limits leave no dispatch in step 1"):
        game.dispatch(np.array([True]))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        pytest.param({"prices": [0.3, 0.1]}, "at step 0 the slope 0.1 comes after 0.3", id="falls"),
        pytest.param({"prices": [np.nan, 0.1]}, "a slope of step 0 is NaN", id="no number"),
        pytest.param({"anchor": 1}, "step 0: the anchor is 1", id="no anchor"),
        pytest.param({"kinks": [(0.0, 1, -1, False)]}, "resource 1; there are 1", id="no resource"),
        pytest.param({"kinks": [(0.0, 0, 0, False)]}, "cap 0; there are 0", id="no cap"),
        pytest.param(
            {"prices": [0.1, 0.2, 0.3], "kinks": [(0.0, 0, -1, False), (0.0, 0, -1, True)]},
            "step 0: resource 0 of member 0 is -1",
            id="a rung of negative length",
        ),
        pytest.param({"losses": (1, 1, -0.1, 0, 1)}, "wear of charging is -0.1", id="wear"),
    ],
)
def test_what_is_not_convex_or_not_there_is_refused(changed, message):
    with pytest.raises(ValueError, match=message):
        tariff_game(**({"prices": [0.1, 0.3]} | changed))


def test_bits_do_not_depend_on_the_order_of_evaluation():
    random = np.random.default_rng(2)
    loads, n = random.normal(size=(6, 40)), 6
    # A ladder: each member sells and buys at prices of its own.
    own = np.eye(n)[:, :, np.newaxis]
    surplus, deficit = (np.maximum(sign * loads, 0)[:, np.newaxis] for sign in (-1, 1))
    game = tariff_game(
        [0.04, *np.arange(5, 11) / 100, *np.arange(25, 31) / 100, 0.5],
        [(0.0, 0, -1, False), *((0.0, rung, -1, True) for rung in range(1, 2 * n + 1))],
        loads=loads,
        resources=np.concatenate([-deficit, own * surplus, own * deficit], axis=1),
        losses=(0.9, 0.95, 0.01, 0.02, 0.999),
    )
    table = game.tabulate()
    for mask in reversed(range(1, 1 << n)):
        members = np.array([[mask >> i & 1 == 1 for i in range(n)]])
        assert game.values(members)[0] == table[mask]
        # What nobody brings is left out of an enumeration; a schedule looks at everything.
        assert close(game.dispatch(members[0]).cost, table[mask])


def test_a_game_travels_with_what_it_was_made_from():
    world = Drawn("ladder", 1).world
    game = native_from(_engine.convex_dispatch_game, *world.arguments)
    everybody = np.ones((1, len(world.money)), dtype=bool)
    expected = game.values(everybody)
    world.kinks[0][:] = np.nan
    assert pickle.loads(pickle.dumps(game)).values(everybody) == expected
