"""The recursion with any convex step cost against an independent linear program, ties and all."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.convex_dispatch_lp import ConvexWorld, least_cost
from reference.shared_cost_lp import shared_cost
from sesgame.energy.dispatch.convex_pool import convex_game
from sesgame.energy.dispatch.linear_program import StorageUnit
from sesgame.energy.dispatch.step_cost import StepCosts
from sesgame.errors import GameError

TOLERANCE = 1e-9
"""Of the money that could flow: the linear program ends within it."""


class Drawn(NamedTuple):
    """Step costs, and a pool of which each member brings a part."""

    costs: StepCosts
    unit: StorageUnit

    @property
    def world(self) -> ConvexWorld:
        """The same for the linear program."""
        return ConvexWorld.of(self.costs, self.unit)

    @property
    def turnover(self) -> float:
        """All money that could flow: all energy at the highest price."""
        costs, unit = self.costs, self.unit
        price = np.abs(costs.slopes[np.isfinite(costs.slopes)]).max()
        price += unit.degradation_cost_per_kwh
        flow = np.abs(costs.resources).sum() + np.abs(costs.constants).sum()
        flow += costs.slopes.shape[0] * (unit.charge_kwh + unit.discharge_kwh).sum()
        return float(price * flow + np.abs(costs.money).sum())

    def bound(self, found: Any, members: list[int]) -> float:
        """Return what the prices of a dispatch say a coalition pays at least."""
        costs, unit = self.costs, self.unit
        brought = costs.money.sum(axis=1) + np.einsum(
            "irt,rt->i", costs.resources, found.resource_price
        )
        brought -= unit.energy_kwh * found.capacity_price.sum()
        brought -= unit.charge_kwh * found.charge_power_price.sum()
        brought -= unit.discharge_kwh * found.discharge_power_price.sum()
        brought -= unit.initial_kwh * found.initial_charge_price
        return float(brought[members].sum() + found.constant_cost)


def coalitions(n: int) -> list[list[int]]:
    return [list(c) for size in range(1, n + 1) for c in combinations(range(n), size)]


def halves(lowest: int, highest: int) -> st.SearchStrategy[float]:
    """Return amounts that tie often, and that are exact."""
    return st.integers(2 * lowest, 2 * highest).map(lambda number: number / 2)


@st.composite
def units(draw: st.DrawFn, n: int) -> StorageUnit:
    energy = np.array([draw(st.sampled_from([0.0, 0.5, 1.0, 4.0])) for _ in range(n)])
    charge, discharge = (np.array([draw(halves(0, 2)) for _ in range(n)]) for _ in range(2))
    full = draw(st.sampled_from([0.0, 0.5, 1.0]))
    efficiency = st.sampled_from([1.0, 0.9, 0.5])
    wear = draw(st.sampled_from([0.0, 0.01, 0.1]))
    owners = np.arange(n)
    return StorageUnit(
        energy, charge, discharge, full * energy, owners, draw(efficiency), draw(efficiency), wear
    )


@st.composite
def step_costs(draw: st.DrawFn, n: int) -> StepCosts:
    """Return slopes and kinks of any kind: equal, out of order, limits that are too tight."""
    n_steps, n_finite, n_rows = draw(st.integers(1, 6)), draw(st.integers(2, 4)), 2
    limited = draw(st.tuples(st.booleans(), st.booleans()))
    n_kinks = n_finite - 1 + sum(limited)
    prices = st.lists(st.integers(-2, 5), min_size=n_finite, max_size=n_finite)
    slopes = np.array([sorted(draw(prices)) for _ in range(n_steps)]) / 10
    ends = np.full((n_steps, 1), np.inf)
    slopes = np.hstack([-ends[:, : limited[0]], slopes, ends[:, : limited[1]]])
    constants = np.array([[draw(halves(-2, 2)) for _ in range(n_kinks)] for _ in range(n_steps)])
    if limited[0]:
        constants[:, 0] -= 3.0
    if limited[1]:
        constants[:, -1] += 3.0
    shape = (n_steps, n_kinks)
    anchor = st.integers(limited[0], limited[0] + n_finite - 2)
    return StepCosts(
        slopes=slopes,
        constants=constants,
        rows=np.array([draw(st.integers(0, n_rows - 1)) for _ in range(n_steps * n_kinks)])
        .reshape(shape)
        .astype(np.int32),
        caps=np.full(shape, -1, dtype=np.int32),
        rungs=np.zeros(shape, dtype=np.bool_),
        anchor=np.array([draw(anchor) for _ in range(n_steps)], dtype=np.int32),
        resources=np.array(
            [draw(halves(-1, 1)) for _ in range(n * n_rows * n_steps)], dtype=np.float64
        ).reshape(n, n_rows, n_steps),
        money=np.array([draw(st.integers(-2, 2)) / 10 for _ in range(n * n_steps)]).reshape(n, -1),
    )


@st.composite
def contracts(draw: st.DrawFn, n: int) -> tuple[Any, ...]:
    """Return what members draw and feed in, contracts of their own, the pool's, and the fee."""
    n_steps = draw(st.integers(1, 6))

    def array(numbers: st.SearchStrategy[float]) -> Any:
        return np.array([[draw(numbers) for _ in range(n_steps)] for _ in range(n)])

    fee = draw(st.sampled_from([0.0, 0.02]))
    sell = array(st.integers(0, 10)) / 100
    buy = 0.12 + array(st.integers(0, 10)) / 100
    outside = (np.full(n_steps, 0.3), np.full(n_steps, -0.02))
    return array(halves(0, 2)), array(halves(0, 2)), buy, sell, outside, fee


@st.composite
def problems(draw: st.DrawFn) -> Drawn:
    n = draw(st.integers(1, 3))
    unit = draw(units(n))
    if draw(st.booleans()):
        return Drawn(draw(step_costs(n)), unit)
    drawn = draw(contracts(n))
    return Drawn(StepCosts.ladder(*drawn), replace(unit, degradation_cost_per_kwh=drawn[-1]))


def check_values(drawn: Drawn) -> None:
    """Compare the cost of every coalition."""
    n, slack = len(drawn.costs.money), TOLERANCE * drawn.turnover
    game, world = convex_game(drawn.costs, drawn.unit), drawn.world
    for members in coalitions(n):
        chosen = np.isin(np.arange(n), members)
        expected = least_cost(world, members, world.caps)
        if expected is None:
            assert game.infeasible_step(chosen) is not None, members
        else:
            assert game.infeasible_step(chosen) is None, members
            assert abs(game.values(chosen[np.newaxis])[0] - expected) <= slack, members


def check_dispatch(drawn: Drawn) -> None:
    """Check that the schedule of all is feasible and costs what it says."""
    costs, unit, world = drawn.costs, drawn.unit, drawn.world
    n, slack = len(costs.money), TOLERANCE * drawn.turnover
    everybody = np.ones(n, dtype=np.bool_)
    game = convex_game(costs, unit)
    if game.infeasible_step(everybody) is not None:
        return
    found = game.dispatch(everybody)
    energy, charge, discharge, initial = (float(size.sum()) for size in world.batteries)
    state = found.state_of_charge
    moved = unit.charge_efficiency * found.charge - found.discharge / unit.discharge_efficiency
    kinks = world.kinks_of(everybody, world.caps)
    near = 1e-12 * (energy + charge + discharge + np.abs(kinks).max())
    violations = {
        "charge balance": np.abs(np.diff(state) - moved),
        "start": abs(state[0] - initial),
        "end": initial - state[-1],
        "capacity": np.maximum(-state, state - energy),
        "charging": np.maximum(-found.charge, found.charge - charge),
        "discharging": np.maximum(-found.discharge, found.discharge - discharge),
    }
    for what, violation in violations.items():
        assert np.max(violation) <= near, what
    exchange = found.charge - found.discharge
    for end, slope in ((0, costs.slopes[:, 0]), (-1, costs.slopes[:, -1])):
        limits = kinks[np.isinf(slope), end]
        beyond = (exchange[np.isinf(slope)] - limits) * (1 if end else -1)
        assert np.max(beyond, initial=0.0) <= near, "limit"
        exchange[np.isinf(slope)] -= np.maximum(beyond, 0.0) * (1 if end else -1)
    steps = enumerate(zip(kinks, exchange.tolist(), strict=True))
    paid = sum(world.step_cost(step, at, moved) for step, (at, moved) in steps)
    paid += world.money.sum() + unit.degradation_cost_per_kwh * found.discharge.sum()
    assert abs(paid - found.cost) <= slack
    assert abs(game.values(everybody[np.newaxis])[0] - found.cost) <= slack


def check_prices(drawn: Drawn) -> None:
    """Check that the prices of all prove their cost, and bound that of every other coalition."""
    n, slack = len(drawn.costs.money), TOLERANCE * drawn.turnover
    everybody = np.ones(n, dtype=np.bool_)
    game = convex_game(drawn.costs, drawn.unit)
    if game.infeasible_step(everybody) is not None:
        return
    found = game.dispatch(everybody)
    assert abs(drawn.bound(found, list(range(n))) - found.cost) <= slack
    for price in (found.capacity_price, found.charge_power_price, found.discharge_power_price):
        assert (price >= 0).all()
    for members in coalitions(n):
        chosen = np.isin(np.arange(n), members)
        if game.infeasible_step(chosen) is None:
            cost = game.values(chosen[np.newaxis])[0]
            assert drawn.bound(found, members) <= cost + slack, members


@settings(max_examples=20)
@given(problems())
def test_value_schedule_and_prices_are_those_of_the_linear_program(drawn):
    check_values(drawn)
    check_dispatch(drawn)
    check_prices(drawn)


@pytest.mark.slow
@settings(max_examples=2_000)
@given(problems())
def test_thousands_of_step_costs_agree_with_the_linear_program(drawn):
    check_values(drawn)
    check_dispatch(drawn)
    check_prices(drawn)


@settings(max_examples=15)
@given(st.data())
def test_a_ladder_is_what_points_with_contracts_of_their_own_can_share(data):
    n = data.draw(st.integers(1, 3))
    drawn, unit = data.draw(contracts(n)), data.draw(units(n))
    unit = replace(unit, degradation_cost_per_kwh=drawn[-1])
    pooled = Drawn(StepCosts.ladder(*drawn), unit)
    world = pooled.world
    found = least_cost(world, list(range(n)), world.caps)
    assert abs(found - shared_cost(*drawn, unit)) <= 1e-8 * pooled.turnover


def test_a_ladder_without_storage_is_sharing_in_merit_order():
    # Two kWh spare at 0.05 go to the one who pays 0.30, then to the one who pays 0.20.
    costs = StepCosts.ladder(
        deficit_kwh=np.array([[1.0], [1.5], [0.0]]),
        surplus_kwh=np.array([[0.0], [0.0], [2.0]]),
        buy_per_kwh=np.array([[0.30], [0.20], [0.25]]),
        sell_per_kwh=np.array([[0.10], [0.10], [0.05]]),
        storage_prices=(np.array([0.4]), np.array([0.0])),
        fee_per_kwh=0.0,
    )
    idle = StorageUnit(*np.zeros((4, 3)), np.zeros(0, dtype=np.intp), 1.0, 1.0, 0.0)
    world = ConvexWorld.of(costs, idle)
    cost = [
        world.money[members].sum() + world.step_cost(0, world.kinks_of(members, world.caps)[0], 0.0)
        for members in coalitions(3)
    ]
    alone = [0.3, 0.3, -0.1]
    both = [0.6, -0.05, -0.025]
    assert cost == pytest.approx([*alone, *both, 0.5 * 0.20])
    table = convex_game(costs, idle).tabulate()
    assert table[[1, 2, 4, 3, 5, 6, 7]] == pytest.approx(cost)


def test_storage_that_could_trade_between_contracts_is_refused():
    one = np.ones((1, 1))
    with pytest.raises(GameError, match=r"a price of 0\.5 at which members share .* to 0\.4"):
        StepCosts.ladder(one, 0 * one, 0.5 * one, 0 * one, (np.array([0.4]), np.array([0.1])))
