"""How far the integer program of a leader's prices by step gets: the gap, by batteries and seconds.

A summer day of ten households in 24 steps, of whom some have a battery. Prints, for each number of
A summer day of ten households in 24 steps, of whom some have a battery. Prints, for each number of
parts of the profit, and the seconds that it took.

    python benches/report/leader_gaps.py --max-seconds 60
"""

from __future__ import annotations

import argparse
from time import perf_counter

import numpy as np
import sesgame as sg
from sesgame.energy.operator.leader_program import LeaderProgram

N_MEMBERS, N_STEPS = 10, 24
HOURS = np.arange(N_STEPS)


def community(seed: int, n_batteries: int) -> sg.energy.Community:
    """Ten households with PV, dear evenings, and some batteries."""
    random = np.random.default_rng(seed)
    evening = 0.5 + np.exp(-((HOURS - 19) ** 2) / 8) + random.uniform(0, 0.5, (N_MEMBERS, N_STEPS))
    sun = np.clip(np.sin((HOURS - 6) / 12 * np.pi), 0, None)
    members = [f"member {number}" for number in range(N_MEMBERS)]
    steps = sg.energy.TimeSteps("2016-06-01", np.timedelta64(1, "h"), N_STEPS)
    buy = np.where((HOURS >= 17) & (HOURS < 22), 0.35, 0.20)
    return sg.energy.Community(
        members=members,
        steps=steps,
        load_kwh=random.uniform(0.2, 1, (N_MEMBERS, 1)) * evening,
        pv_kwh=random.uniform(0, 3, (N_MEMBERS, 1)) * sun,
        tariff=sg.energy.PriceSeries(steps, buy, np.full(N_STEPS, 0.06)),
        batteries=[
            sg.energy.Battery(
                owner=owner,
                energy_kwh=float(random.uniform(2, 6)),
                power_kw=2,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
            )
            for owner in members[:n_batteries]
        ],
    )


def main() -> None:
    """Print a line for each number of batteries and seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--max-seconds", type=float, default=60.0)
    parser.add_argument("--batteries", type=int, nargs="+", default=[1, 3, 5, 10])
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    print("batteries  seed  binaries  profit   bound     gap  seconds")
    for n_batteries in options.batteries:
        for seed in range(options.seeds):
            world = community(seed, n_batteries)
            begun = perf_counter()
            found = sg.energy.leader_prices_by_step(
                world, max_seconds=options.max_seconds, progress=False
            )
            seconds = perf_counter() - begun
            binaries = LeaderProgram(world.problem, use_batteries=True).n_binaries
            print(
                f"{n_batteries:9}  {seed:4}  {binaries:8}  {found.profit:6.3f}  {found.bound:6.3f}"
                f"  {found.relative_gap:6.2%}  {seconds:7.1f}"
            )


if __name__ == "__main__":
    main()
