"""The pooled battery against an independent linear program, and its schedule against itself."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray
from reference.dispatch_lp import DispatchLP
from sesgame import _engine

TOLERANCE = 1e-9
"""Relative to the money that could flow: all load and power at the larger price."""


class Pool(NamedTuple):
    load: NDArray[np.float64]
    buy: NDArray[np.float64]
    sell: NDArray[np.float64]
    energy: float
    power: float
    charge_efficiency: float
    discharge_efficiency: float
    initial: float
    retention: float

    @property
    def turnover(self) -> float:
        return np.maximum(abs(self.buy), abs(self.sell)) @ (abs(self.load) + self.power)

    def cost(self) -> float:
        game = _engine.pooled_battery_game(
            self.load[np.newaxis],
            self.buy,
            self.sell,
            np.array([self.energy]),
            np.array([self.power]),
            self.charge_efficiency,
            self.discharge_efficiency,
            np.array([self.initial]),
            self.retention,
        )
        return float(game.tabulate()[1])

    def dispatch(self) -> _engine.PooledBatteryDispatch:
        return _engine.pooled_battery_dispatch(*self)


def random_pool(seed: int) -> Pool:
    """Return a pool that is hostile in some respect more often than not."""
    random = np.random.default_rng(seed)
    steps = int(random.choice([1, 2, 3, 5, 10, 24, 96]))
    sell = random.uniform(random.choice([-0.3, 0.0]), 0.3, steps)
    buy = sell + random.uniform(0, 0.3, steps) * random.integers(0, 2, steps)
    load = random.normal(size=steps) * random.choice([0.1, 1, 10])
    match seed % 5:
        case 0:  # few different prices
            sell = np.round(sell, 1)
            buy = np.maximum(sell, np.round(buy + 0.05, 1))
        case 1:  # ties and steps without load
            load = np.round(load)
        case 2:
            buy, sell = np.full(steps, 0.3), np.full(steps, 0.1)
    energy = random.choice([0.0, 1.0, 5.0, 100.0])
    power = random.choice([0.0, 0.1, 1.0, 3.0, 50.0])
    charge_efficiency, discharge_efficiency = random.choice([1.0, 0.95, 0.5], 2)
    retention = random.choice([1.0, 1.0, 0.999, 0.9, 0.1])
    initial = random.choice([0.0, 0.5, 1.0]) * energy
    if retention < 1:
        initial = min(initial, 0.9 * charge_efficiency * power / (1 - retention))
    return Pool(
        load, buy, sell, energy, power, charge_efficiency, discharge_efficiency, initial, retention
    )


@pytest.mark.parametrize("block", range(10))
def test_the_cost_is_that_of_the_linear_program(block):
    for seed in range(60 * block, 60 * (block + 1)):
        pool = random_pool(seed)
        expected = DispatchLP(*pool).solve()
        assert abs(pool.cost() - expected) <= TOLERANCE * pool.turnover, f"seed {seed}"


@pytest.mark.parametrize("block", range(4))
def test_the_schedule_is_feasible_and_its_prices_prove_it_optimal(block):
    for seed in range(500 * block, 500 * (block + 1)):
        pool = random_pool(seed)
        found = pool.dispatch()
        after = found.state_of_charge
        balance = (
            pool.retention * after[:-1]
            + pool.charge_efficiency * found.charge
            - found.discharge / pool.discharge_efficiency
            - after[1:]
        )
        exchange = pool.load + found.charge - found.discharge
        slack = 1e-13 * (1 + pool.energy + pool.power + abs(pool.load).max())
        feasible = {
            "charge balance": abs(balance),
            "grid balance": abs(exchange - found.grid_import + found.grid_export),
            "one direction": np.minimum(found.grid_import, found.grid_export),
            "start": abs(after[0] - pool.initial),
            "end": pool.initial - after[-1],
            "capacity": np.maximum(-after, after - pool.energy),
            "charging power": np.maximum(-found.charge, found.charge - pool.power),
            "discharging power": np.maximum(-found.discharge, found.discharge - pool.power),
        }
        for what, violation in feasible.items():
            assert np.max(violation) <= slack, f"{what}, seed {seed}"
        paid = pool.buy @ found.grid_import - pool.sell @ found.grid_export
        bound = (
            found.energy_price @ pool.load
            - found.capacity_price.sum() * pool.energy
            - found.power_price.sum() * pool.power
            - found.initial_charge_price * pool.initial
        )
        for cost in (found.cost, paid, bound):
            assert abs(cost - pool.cost()) <= TOLERANCE * pool.turnover, f"seed {seed}"
        assert np.all(found.capacity_price >= 0)
        assert np.all(found.power_price >= 0)
        assert np.all((pool.sell <= found.energy_price) & (found.energy_price <= pool.buy))


def test_the_prices_bound_the_cost_of_every_other_pool():
    random = np.random.default_rng(0)
    for seed in range(300):
        pool = random_pool(seed)
        prices = pool.dispatch()
        energy, power = random.uniform(0, 10, 2)
        initial = min(energy, 0.9 * pool.charge_efficiency * power) * random.uniform()
        load = random.normal(size=len(pool.load))
        other = pool._replace(load=load, energy=energy, power=power, initial=initial)
        bound = (
            prices.energy_price @ load
            - prices.capacity_price.sum() * energy
            - prices.power_price.sum() * power
            - prices.initial_charge_price * initial
        )
        assert bound <= other.cost() + TOLERANCE * other.turnover, f"seed {seed}"


def test_the_coalitions_of_a_community_share_load_and_batteries():
    random = np.random.default_rng(3)
    load = random.normal(size=(6, 48))
    sell = random.uniform(0, 0.2, 48)
    buy = sell + 0.15
    energy = np.array([0, 3.0, 0, 1.5, 0, 2.0])
    power, initial = energy / 4, energy / 3
    game = _engine.pooled_battery_game(load, buy, sell, energy, power, 0.95, 0.9, initial, 0.999)
    table = game.tabulate()
    for coalition in range(1, 64):
        inside = ((coalition >> np.arange(6)) & 1).astype(bool)
        pooled = (load[inside].sum(0), buy, sell, energy[inside].sum(), power[inside].sum())
        lp = DispatchLP(*pooled, 0.95, 0.9, initial[inside].sum(), 0.999)
        assert table[coalition] == pytest.approx(lp.solve(), rel=1e-9, abs=1e-9)


def test_a_year_of_quarter_hours_with_a_price_of_its_own_in_each():
    random = np.random.default_rng(5)
    steps = 35_136
    hour = np.arange(steps) / 4
    sell = 0.08 + 0.04 * np.sin(hour * 2 * np.pi / 12) + 0.03 * random.normal(size=steps)
    load = 1 + np.sin(hour * 2 * np.pi / 24) + random.normal(size=steps)
    pool = Pool(load, sell + 0.2, sell, 10.0, 1.25, 0.95, 0.95, 5.0, 0.9999)
    found = pool.dispatch()
    assert found.cost == pytest.approx(pool.cost(), rel=1e-12)
    assert found.cost < np.maximum(pool.buy * load, pool.sell * load).sum() - 1


@pytest.mark.parametrize("retention", [0.5, 0.1, 1e-3, 1e-9])
def test_charge_that_decays_out_of_the_range_of_numbers_does_no_harm(retention):
    random = np.random.default_rng(7)
    steps = 1_000
    sell = random.uniform(-0.2, 0.2, steps)
    buy = sell + random.uniform(0, 0.2, steps)
    load = random.normal(size=steps)
    initial = 0.9 / (1 - retention)
    pool = Pool(load, buy, sell, 1e3, 1.0, 1.0, 0.9, initial, retention)
    found = pool.dispatch()
    assert abs(found.cost - pool.cost()) <= TOLERANCE * pool.turnover
    assert abs(found.cost - DispatchLP(*pool).solve()) <= TOLERANCE * pool.turnover


def test_the_largest_and_smallest_numbers_end_in_a_number_or_an_error():
    sizes = [1e308, 1e60, 1e17, 1e-300]
    for load, price, energy, power in product(sizes, sizes, sizes, sizes):
        for retention, sold in product([1.0, 0.5, 1e-9], [0.5, -1.0]):
            loads, prices = np.array([load, -load, load]), np.full(3, price)
            pool = Pool(
                loads, prices, sold * prices, energy, power, 0.9, 0.9, 0.5 * power, retention
            )
            try:
                values = [pool.cost(), pool.dispatch().cost]
            except (ValueError, RuntimeError):
                continue
            assert np.isfinite(values).all()


GOOD = Pool(np.ones(2), np.full(2, 0.3), np.full(2, 0.1), 2.0, 1.0, 0.9, 0.9, 1.0, 1.0)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"energy": 1e61}, "at most 1e60", id="out of range"),
        pytest.param({"energy": -1.0}, "energy capacity of .* is -1", id="negative capacity"),
        pytest.param({"power": -1.0}, "power of .* is -1", id="negative power"),
        pytest.param({"power": np.inf}, "power of .* is inf", id="infinite power"),
        pytest.param({"initial": -0.5}, "initial charge of .* is -0.5", id="negative charge"),
        pytest.param({"initial": 2.5}, "2.5, more than its energy capacity 2", id="overfull"),
        pytest.param({"charge_efficiency": 0.0}, "charge efficiency is 0", id="no charging"),
        pytest.param({"discharge_efficiency": 1.1}, "discharge efficiency is 1.1", id="above 1"),
        pytest.param({"retention": np.nan}, "retention is NaN", id="retention"),
        pytest.param(
            {"retention": 0.5, "power": 0.1}, "cannot end with the charge", id="loses its charge"
        ),
        pytest.param({"buy": np.array([0.3, 0.05])}, "at step 1 the buy price 0.05", id="prices"),
        pytest.param({"load": np.array([1.0, np.inf])}, "at step 1 is inf", id="load"),
        pytest.param({"load": np.ones(3)}, "rows of 2 steps|there must be 2", id="steps"),
    ],
)
def test_what_would_give_wrong_numbers_is_refused(change, message):
    pool = GOOD._replace(**change)
    with pytest.raises(ValueError, match=message):
        pool.dispatch()
    with pytest.raises(ValueError, match=message):
        pool.cost()


def test_the_member_whose_battery_is_wrong_is_named():
    one = np.ones(1)
    with pytest.raises(ValueError, match="battery of member 1 is 3, more than"):
        _engine.pooled_battery_game(
            np.ones((2, 1)), one, 0 * one, np.ones(2), np.ones(2), 1.0, 1.0, np.array([0.0, 3.0])
        )
    with pytest.raises(ValueError, match="1 energy capacities, 2 powers and 2 initial charges"):
        _engine.pooled_battery_game(
            np.ones((2, 1)), one, 0 * one, np.ones(1), np.ones(2), 1.0, 1.0, np.ones(2)
        )
