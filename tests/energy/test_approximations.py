"""Which cheaper games the cost game of a community brings."""

from __future__ import annotations

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import Battery, Community, Grid

BATTERY = Battery(
    owner="ann", energy_kwh=4, power_kw=2, charge_efficiency=0.9, discharge_efficiency=0.9
)


def community(**changes: object) -> Community:
    random = np.random.default_rng(4)
    parts: dict[str, object] = {
        "members": ["ann", "bob", "col"],
        "steps": np.datetime64("2016-06-01T00:00") + np.arange(6) * np.timedelta64(1, "h"),
        "load_kwh": random.gamma(2, 1.0, (3, 6)),
        "pv_kwh": random.gamma(1, 2.0, (3, 6)),
        "tariff": sg.energy.Tariff.flat(0.30, 0.08),
        "batteries": [BATTERY],
    }
    return Community(**(parts | changes))


def test_a_recursion_without_anything_else_needs_none() -> None:
    assert not community().cost_game().approximations
    assert not community(batteries=[]).cost_game().approximations
    assert not community().cost_game(model="netting").approximations


def test_a_demand_charge_is_left_out_of_them() -> None:
    found = community(grid=Grid(demand_charge_per_kw=2.0)).cost_game().approximations
    assert list(found) == ["pooled battery", "netting"]
    for name, model in (("pooled battery", "battery"), ("netting", "netting")):
        expected = community().cost_game(model=model).tabulate()
        np.testing.assert_array_equal(found[name].tabulate(), expected)


def test_without_a_battery_netting_is_left() -> None:
    grid = Grid(demand_charge_per_kw=2.0)
    assert list(community(batteries=[], grid=grid).cost_game().approximations) == ["netting"]


@pytest.mark.parametrize(("first", "second"), [(0.9, 0.9), (0.8, 0.95)])
def test_batteries_that_differ_have_their_mean_efficiency(first: float, second: float) -> None:
    unlike = [
        Battery(
            owner=owner,
            energy_kwh=energy,
            power_kw=2,
            charge_efficiency=efficiency,
            discharge_efficiency=efficiency,
            degradation_cost_per_kwh=0.01,
        )
        for owner, energy, efficiency in (("ann", 2.0, first), ("bob", 6.0, second))
    ]
    mean = (2 * first + 6 * second) / 8
    alike = [
        Battery(
            owner=owner,
            energy_kwh=energy,
            power_kw=2,
            charge_efficiency=mean,
            discharge_efficiency=mean,
        )
        for owner, energy in (("ann", 2.0), ("bob", 6.0))
    ]
    found = community(batteries=unlike).cost_game().approximations["pooled battery"]
    expected = community(batteries=alike).cost_game(model="battery").tabulate()
    np.testing.assert_allclose(found.tabulate(), expected, rtol=1e-12)


def test_scenarios_have_the_means_of_theirs() -> None:
    sunny, dark = (
        community(grid=Grid(demand_charge_per_kw=2.0), pv_kwh=np.full((3, 6), sun))
        for sun in (3.0, 0.0)
    )
    scenarios = sg.energy.Scenarios([sunny, dark], [0.25, 0.75])
    found = scenarios.cost_game().approximations
    assert list(found) == ["pooled battery", "netting"]
    for name, game in found.items():
        parts = [own.cost_game().approximations[name].tabulate() for own in (sunny, dark)]
        np.testing.assert_allclose(game.tabulate(), 0.25 * parts[0] + 0.75 * parts[1], atol=1e-12)
