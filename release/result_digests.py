"""Print a digest of results of every part of the engine, one a line, floats to the last bit.

    diff <(python release/result_digests.py) <(other/bin/python release/result_digests.py)

For comparing two builds on one machine. What HiGHS has a hand in comes first: linear dispatch, dual
prices, separation by integer programs, networks, bundles, core points and hard nucleoli.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import sesgame as sg

EXAMPLE = Path(__file__).parents[1] / "examples" / "rural13"


def digest(content: Any) -> str:
    """Return the digest of numbers, arrays, and what has them."""
    text = json.dumps(plain(content), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def plain(content: Any) -> Any:
    """Return content in types of JSON, floats in hexadecimal; times are left out."""
    if hasattr(content, "to_dict"):
        return plain(content.to_dict())
    if isinstance(content, np.ndarray):
        return [list(content.shape), [plain(item) for item in content.ravel().tolist()]]
    if isinstance(content, dict):
        return {str(key): plain(item) for key, item in content.items() if "seconds" not in str(key)}
    if isinstance(content, (list, tuple)):
        return [plain(item) for item in content]
    return content.hex() if isinstance(content, float) else content


def communities() -> Iterator[tuple[str, sg.energy.Community]]:
    """Yield small communities with what only a linear program has."""
    energy = sg.energy
    random = np.random.default_rng(1)
    members = ["ann", "bob", "cid", "dan", "eve"]
    batteries = [
        energy.Battery(
            owner=owner,
            energy_kwh=size,
            power_kw=power,
            charge_efficiency=efficiency,
            discharge_efficiency=efficiency,
            degradation_cost_per_kwh=wear,
        )
        for owner, size, power, efficiency, wear in (
            ("ann", 3.0, 2.0, 0.9, 0.0),
            ("cid", 2.0, 3.0, 0.95, 0.02),
        )
    ]
    grids = {
        "plain": energy.Grid(),
        "demand charge": energy.Grid(demand_charge_per_kw=0.4),
        "limits": energy.Grid(
            demand_charge_per_kw=0.2,
            connection_limits_kw={"ann": 9.0},
            lines=[energy.Line(name="branch", members=["bob", "cid"], limit_kw=12.0)],
        ),
    }
    for name, grid in grids.items():
        for steps in (6, 24):
            start = np.datetime64("2016-06-01T00:00")
            yield (
                f"{name}, {steps} steps",
                energy.Community(
                    members=members,
                    steps=start + np.arange(steps) * np.timedelta64(60, "m"),
                    load_kwh=random.uniform(0, 3, (5, steps)),
                    pv_kwh=random.uniform(0, 2, (5, steps)),
                    tariff=energy.Tariff.flat(0.3, 0.08),
                    batteries=batteries,
                    grid=grid,
                ),
            )


def solved_by_highs() -> Iterator[tuple[str, Any]]:
    """Yield what linear and integer programs have solved."""
    for name, community in communities():
        game = community.cost_game(model="linear")
        yield f"{name}: costs", game.tabulate(progress=False)
        yield f"{name}: dual prices", sg.owen_allocation(community, model="linear", progress=False)
        oracle = community.separation_oracle(model="linear")
        yield f"{name}: nucleolus by search", sg.nucleolus(game, oracle=oracle, progress=False)
    random = np.random.default_rng(2)
    for number in range(4):
        orders = [
            (f"seller {i}", "abca"[i], "offer", float(price), float(amount))
            for i, (price, amount) in enumerate(
                zip(random.uniform(10, 90, 4), random.uniform(5, 60, 4), strict=True)
            )
        ]
        market = sg.markets.NetworkMarket(
            ["a", "b", "c"],
            [("a", "b", 0.1, 20), ("b", "c", 0.2, 20), ("a", "c", 0.1, 20)],
            orders,
            demand_mw={"b": 30.0, "c": 25.0},
            value_of_lost_load=3000.0,
        )
        for settle in (sg.markets.vcg, sg.markets.nodal_pricing):
            settled = settle(market)
            yield f"network {number}: {settle.__name__}", [settled.payments, settled.welfare]


def games() -> Iterator[tuple[str, Any]]:
    """Yield the solutions of drawn games, and estimates."""
    rules = {
        "Shapley": sg.shapley_value,
        "nucleolus": sg.nucleolus,
        "prenucleolus": sg.prenucleolus,
        "least core": sg.least_core,
        "nearest core": sg.nearest_core_allocation,
        "leximin core": sg.leximin_core_allocation,
    }
    for n in (3, 6, 9):
        for seed in range(3):
            random = np.random.default_rng([n, seed])
            size = np.array([mask.bit_count() for mask in range(1 << n)])
            table = random.uniform(0, 1, 1 << n) * (size > 0) + 2.0 * size**2  # convex
            game = sg.Game.from_table(table, kind="gain")
            for rule, solve in rules.items():
                yield f"game {n}.{seed}: {rule}", solve(game)
            estimate = sg.shapley_estimate(game, seed=1, max_evaluations=60, progress=False)
            yield f"game {n}.{seed}: estimate", estimate.values
    june = sg.energy.Community.from_csv(EXAMPLE).period("2016-06-01", "2016-07-01")
    yield "June: costs", june.cost_game().tabulate(progress=False)
    yield "June: compared", sg.compare(june, ["shapley", "nucleolus", "owen"], progress=False)


def main() -> None:
    """Print one line for each result."""
    for part in (solved_by_highs(), games()):
        for name, result in part:
            print(f"{digest(result)}  {name}", flush=True)


if __name__ == "__main__":
    main()
