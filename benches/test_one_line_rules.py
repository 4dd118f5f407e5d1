"""Rules of 2n + 1 values for ten thousand members, and the tau value from a table of 24 players.

Beside each stands a limit of the machine: the same dispatches without any rule, or a plain sum of
the same table.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray
from sesgame.game.leave_one_out import leave_one_out

MEMBERS = 10_000
HOURS = 30 * 24
N_PLAYERS = 24


def loads(n_steps: int) -> NDArray[np.float64]:
    """Return net loads in kWh: a daily course of load and PV, and what differs by member."""
    draw = np.random.default_rng(5)
    hours = np.arange(n_steps) % 24
    load = 0.4 + 0.3 * np.exp(-(((hours - 19) / 3) ** 2))
    pv = np.maximum(np.cos((hours - 13) / 12 * np.pi), 0.0)
    sizes = draw.random((MEMBERS, 2))
    noise = draw.normal(0.0, 0.05, (MEMBERS, n_steps))
    net: NDArray[np.float64] = sizes[:, :1] * load - sizes[:, 1:] * pv + noise
    return net


@cache
def month() -> sg.Game:
    """Return a month of hours of ten thousand members, of whom each tenth has a battery."""
    members = [f"m{number}" for number in range(MEMBERS)]
    batteries = [
        sg.energy.Battery(
            owner=member,
            energy_kwh=5,
            power_kw=2.5,
            charge_efficiency=0.95,
            discharge_efficiency=0.95,
        )
        for member in members[::10]
    ]
    steps = np.datetime64("2016-06-01T00:00") + np.arange(HOURS) * np.timedelta64(1, "h")
    community = sg.energy.Community(
        members=members,
        steps=steps,
        load_kwh=loads(HOURS),
        batteries=batteries,
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
    )
    return community.cost_game(model="battery")


@cache
def day() -> sg.Game:
    """Return 96 steps of netting of ten thousand members."""
    return sg.games.netting(loads(96), 0.30, 0.08)


@pytest.mark.parametrize("game", [day, month], ids=["netting, 96 steps", "battery, a month"])
def test_the_values_alone(benchmark: Any, game: Any) -> None:
    found = benchmark.pedantic(lambda: leave_one_out(game(), progress=False), rounds=3)
    assert found.without.shape == (MEMBERS,)


@pytest.mark.parametrize(
    "rule",
    [
        sg.gately_point,
        lambda game, **how: sg.equal_surplus_allocation(game, from_="marginal", **how),
        sg.nash_bargaining,
    ],
    ids=["Gately point", "equal non-separable", "Nash bargaining"],
)
@pytest.mark.parametrize("game", [day, month], ids=["netting, 96 steps", "battery, a month"])
def test_a_rule_of_ten_thousand_members(benchmark: Any, game: Any, rule: Any) -> None:
    found = benchmark.pedantic(lambda: rule(game(), progress=False), rounds=3)
    assert abs(found.total - game().value(game().players)) <= 1e-9 * np.abs(found.values).sum()


@cache
def cable() -> sg.Game:
    """Return the table of an airport game: convex, with many equal excesses."""
    game = sg.games.airport(np.random.default_rng(2).random(N_PLAYERS))
    game.tabulate(progress=False)
    return game


def test_read_a_table_of_24_players(benchmark: Any) -> None:
    table = cable().tabulate(progress=False)
    assert np.isfinite(benchmark(table.sum))


def test_tau_value_of_24_players(benchmark: Any) -> None:
    found = benchmark(lambda: sg.tau_value(cable(), progress=False))
    np.testing.assert_allclose(found.values, sg.gately_point(cable()).values, rtol=1e-9)
