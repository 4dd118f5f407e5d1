"""What a control variate saves on a storage game of a linear program for each coalition.

Communities of twelve, whose batteries differ in efficiency, have limits of power and wear, so that
each evaluation is a linear program. ``sg.shapley_estimate`` with 600 evaluations, with and
without the netting game of the community and the game of its pooled batteries, all equal, as a
control variate. Prints the relative root-mean-square errors over the players and the seeds against
the exact value from all 4,096 programs, and how many times lower the error is.

    python benches/report/control_variates.py
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np
import sesgame as sg
from numpy.typing import NDArray
from sesgame.energy import Battery, Community

Array = NDArray[np.float64]
N_PLAYERS = 12
MASKS = 1 << np.arange(N_PLAYERS)
HOURS = np.arange(24)


def community(seed: int, n_batteries: int) -> Community:
    """A summer day of twelve households, some with photovoltaics and some with a battery."""
    random = np.random.default_rng(seed)
    sun = np.clip(np.sin((HOURS - 6) / 12 * np.pi), 0, None)
    shape = (N_PLAYERS, len(HOURS))
    load = random.gamma(2, 0.3, shape) * (1 + 0.5 * np.sin(HOURS / 24 * 2 * np.pi))
    size = np.where(random.random(N_PLAYERS) < 0.5, random.gamma(2, 1.2, N_PLAYERS), 0)
    members = [f"member {player}" for player in range(N_PLAYERS)]
    batteries = []
    for owner in random.choice(members, n_batteries, replace=False):
        efficiency = random.uniform(0.88, 0.97)
        battery = Battery(
            owner=owner,
            energy_kwh=random.uniform(2, 6),
            power_kw=random.uniform(1, 2),
            charge_efficiency=efficiency,
            discharge_efficiency=efficiency,
            degradation_cost_per_kwh=0.01,
        )
        batteries.append(battery)
    return Community(
        members=members,
        steps=np.datetime64("2016-06-01T00:00") + HOURS * np.timedelta64(1, "h"),
        load_kwh=load,
        pv_kwh=size[:, np.newaxis] * sun * random.uniform(0.7, 1.3, shape),
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        batteries=batteries,
    )


def controls(community: Community) -> dict[str, sg.Game]:
    """The games of the same members that are cheap."""
    mean = float(np.mean([battery.charge_efficiency for battery in community.batteries]))
    alike = [
        replace(
            battery,
            charge_efficiency=mean,
            discharge_efficiency=mean,
            degradation_cost_per_kwh=0.0,
        )
        for battery in community.batteries
    ]
    pooled = Community(
        members=community.members,
        steps=community.steps,
        load_kwh=community.load_kwh,
        pv_kwh=community.pv_kwh,
        tariff=community.tariff,
        batteries=alike,
    )
    netting = sg.games.netting(
        community.net_load_kwh,
        community.buy_per_kwh,
        community.sell_per_kwh,
        players=community.members,
    )
    return {"netting": netting, "pooled battery": pooled.cost_game()}


def error(table: Array, members: tuple[str, ...], control: sg.Game | None, seeds: int) -> float:
    """Relative root-mean-square error of 600 evaluations."""
    exact = sg.shapley_value(sg.Game.from_table(table, kind="cost")).values
    squares = []
    for seed in range(seeds):
        game = sg.Game.from_function(
            members, lambda rows: table[rows @ MASKS], kind="cost", batched=True
        )
        estimate = sg.shapley_estimate(
            game, seed=seed, max_evaluations=600, control_variate=control, progress=False
        )
        squares.append(np.mean((estimate.values - exact) ** 2))
    return float(np.sqrt(np.mean(squares) / np.mean(exact**2)))


def main() -> None:
    """Print a row for each community."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--communities", type=int, default=4)
    options = parser.parse_args()
    print("| batteries | community | alone | with netting | | with pooled battery | |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for n_batteries in (3, 6, 12):
        for seed in range(1, options.communities + 1):
            day = community(seed, n_batteries)
            game = day.cost_game()
            table = game.tabulate(progress=False)
            alone = error(table, game.players, None, options.seeds)
            cells = [f"{alone:.4f}"]
            for control in controls(day).values():
                control.tabulate(progress=False)
                controlled = error(table, game.players, control, options.seeds)
                cells += [f"{controlled:.4f}", f"{alone / controlled:.2f}x"]
            print(f"| {n_batteries} | {seed} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
