"""Thirteen contracts and charges on the peaks of the import, against an independent linear program
in value, schedule and prices, on drawn communities full of ties."""

from __future__ import annotations

import numpy as np
import pytest
from reference.convex_dispatch_lp import ConvexWorld, least_cost
from sesgame import _engine

TOLERANCE = 1e-8
"""Relative to the cost and a unit of money: the linear program is solved to 1e-10."""

MEMBERS = 13


class Drawn:
    """Members with a contract each, and up to twelve charges on what they import together."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.n_charges = int(random.choice([1, 2, 12]))
        steps = self.n_charges * int(random.integers(2, 5))
        net = random.integers(-3, 4, (MEMBERS, steps)).astype(float)
        if random.random() < 0.4:
            net = random.uniform(-3, 3, (MEMBERS, steps)).round(3)
        lowest = int(random.choice([-3, 0]))
        # The pool's own prices are at both ends of the ladder.
        rungs = np.sort(random.integers(lowest, 8, (steps, MEMBERS + 2)) / 10, axis=1)
        lengths = np.zeros((MEMBERS, MEMBERS, steps))
        for step in range(steps):
            lengths[np.arange(MEMBERS), random.permutation(MEMBERS), step] = np.abs(net[:, step])
        self.prices = random.integers(1, 12, self.n_charges) / 10
        self.of_step = np.repeat(np.arange(self.n_charges), steps // self.n_charges)
        # The net load, the deficit, and a rung for each price.
        resources = np.concatenate([-net[:, None], -np.maximum(net, 0)[:, None], lengths], axis=1)
        kinks = [(1, -1, False), *((2 + rung, -1, True) for rung in range(MEMBERS)), (0, 0, False)]
        resource, cap, after = (np.array(column) for column in zip(*kinks, strict=True))
        caps = np.tile(cap, (steps, 1))
        caps[:, -1] = self.of_step
        energy = random.integers(0, 4, MEMBERS).astype(float)
        power = random.integers(0, 3, MEMBERS).astype(float)
        self.world = ConvexWorld(
            resources=resources,
            money=np.zeros(MEMBERS),
            slopes=np.column_stack([rungs, rungs[:, -1] + self.prices[self.of_step]]),
            kinks=(
                np.zeros(caps.shape),
                np.tile(resource.astype(np.int32), (steps, 1)),
                caps.astype(np.int32),
                np.tile(after, (steps, 1)),
            ),
            anchor=np.zeros(steps, np.int32),
            caps=np.zeros(self.n_charges),
            batteries=(energy, power, power, energy * random.choice([0, 0.5, 1])),
            losses=(
                *(float(random.choice([1.0, 0.9, 0.5])) for _ in range(2)),
                0.0,
                float(random.choice([0.0, 0.05])),
                1.0,
            ),
        )
        charges = [
            (price, np.flatnonzero(self.of_step == number))
            for number, price in enumerate(self.prices)
        ]
        *arguments, _, batteries, losses = self.world.arguments
        self.game = _engine.peak_charged_game(
            *arguments, charges, (0, 0, np.inf), batteries, losses
        )
        self.coalitions = random.random((2, MEMBERS)) < 0.6
        self.coalitions[:, 0] = True


def check(seed: int) -> None:
    drawn = Drawn(seed)
    world, game = drawn.world, drawn.game
    nought = np.zeros(drawn.n_charges)
    for members, found in zip(drawn.coalitions, game.values(drawn.coalitions), strict=True):
        expected = least_cost(world, members, nought, cap_prices=drawn.prices)
        slack = TOLERANCE * (1 + abs(expected))
        assert abs(found - expected) <= slack
        dispatch = game.dispatch(members)
        # The schedule costs that much, at the peaks that it has itself.
        charge, discharge = dispatch.schedule.charge, dispatch.schedule.discharge
        exchange = charge - discharge
        imported = exchange - world.resources[members, 0].sum(axis=0)
        peaks = np.zeros(drawn.n_charges)
        np.maximum.at(peaks, drawn.of_step, imported)
        at = world.kinks_of(members, peaks)
        paid = sum(world.step_cost(t, at[t], exchange[t]) for t in range(len(at)))
        paid += drawn.prices @ peaks + world.losses[3] * discharge.sum()
        assert abs(paid - expected) <= slack
        charging, discharging, *_ = world.losses
        stored = np.cumsum(charge * charging - discharge / discharging)
        energy, _, _, initial = (battery[members].sum() for battery in world.batteries)
        assert -TOLERANCE <= (initial + stored).min() <= (initial + stored).max() <= energy + slack
        assert stored[-1] >= -TOLERANCE
        # The shares of the charges prove it, and bound what others pay.
        for share, price in zip(dispatch.shares, drawn.prices, strict=True):
            assert share.min() >= 0
            assert share.sum() <= price * (1 + TOLERANCE)
        assert abs(game.least_cost(members, dispatch.shares) - expected) <= slack
        others = drawn.coalitions[1]
        other = least_cost(world, others, nought, cap_prices=drawn.prices)
        assert game.least_cost(others, dispatch.shares) <= other + TOLERANCE * (1 + abs(other))


@pytest.mark.parametrize("seed", range(12))
def test_a_ladder_under_charges_is_the_linear_program(seed):
    check(seed)


@pytest.mark.slow
@pytest.mark.parametrize("hundred", range(1, 5))
def test_many_ladders_under_charges_are_the_linear_program(hundred):
    for seed in range(100 * hundred, 100 * hundred + 100):
        check(seed)
