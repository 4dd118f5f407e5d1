"""What ``method="auto"`` errs by beside the estimators that it chooses from, at equal evaluations.

For games whose exact value is known: the relative root-mean-square error over the players and the
seeds of ``auto``, of each estimator without a control variate, and the ratio of ``auto`` to the
best of these. The battery day is the example community rural13 with a demand charge, a linear
program for each coalition, which brings its pooled battery and its netting game as
approximations; ``auto`` alone knows them. Each game is the same batched callable for all.

    python benches/report/steering.py --seeds 20 --evaluations 512
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable
from functools import cache
from time import process_time

import numpy as np
import sesgame as sg
from numpy.typing import NDArray
from sesgame.energy import Community, Grid

Array = NDArray[np.float64]
CHARGE = 0.2  # EUR a kW for the day: 6 EUR a month
METHODS = ("pairs", "regression", "sample_reuse", "kernel_ridge", "boosted_trees")
ORDERS = ("permutations", "stratified")


def battery_day(charge: float) -> sg.Game:
    """The first of June of rural13, with a demand charge or none."""
    day = Community.from_csv("examples/rural13").period("2016-06-01", "2016-06-02")
    return Community(
        members=day.members,
        steps=day.steps,
        load_kwh=day.load_kwh,
        pv_kwh=day.pv_kwh,
        tariff=day.tariff,
        batteries=day.batteries,
        grid=Grid(demand_charge_per_kw=charge),
    ).cost_game()


def netting() -> sg.Game:
    """Sixteen households that trade at two prices."""
    random = np.random.default_rng(16)
    load = random.gamma(2, 0.3, (16, 24)) - random.gamma(1, 0.6, (16, 24))
    return sg.games.netting(load, 0.30, 0.10)


def graph_cut() -> sg.Game:
    """The directed edges that leave a coalition in a random graph of fourteen."""
    random = np.random.default_rng(14)
    weights = random.gamma(1, 1.0, (14, 14)) * (random.random((14, 14)) < 0.4)

    def cut(rows: NDArray[np.bool_]) -> Array:
        apart = rows[:, :, np.newaxis] & ~rows[:, np.newaxis, :]
        return np.asarray((apart * weights).sum(axis=(1, 2)))

    return sg.Game.from_function(range(14), cut, kind="cost", batched=True)


GAMES: dict[str, Callable[[], sg.Game]] = {
    "battery day with demand charge": lambda: battery_day(CHARGE),
    "battery day": lambda: battery_day(0.0),
    "netting of 16": netting,
    "airport of 16": lambda: sg.games.airport(np.arange(1, 17) ** 2),
    "weighted vote of 16": lambda: sg.games.weighted_vote(
        [19, 17, 14, 13, 11, 9, 8, 7, 6, 5, 4, 3, 3, 2, 2, 1], 63
    ),
    "graph cut of 14": graph_cut,
}


@cache
def known(name: str) -> tuple[sg.Game, Array, Array]:
    """The game, all its values and its Shapley value."""
    game = GAMES[name]()
    return game, game.tabulate(progress=False), sg.shapley_value(game).values


def measured(name: str, method: str, evaluations: int, seeds: int) -> tuple[float, str, float]:
    """Relative root-mean-square error, what was chosen most often, and seconds of CPU of a run."""
    game, table, exact = known(name)
    masks = 1 << np.arange(game.n_players)
    squares, chosen = [], Counter[str]()
    begin = process_time()
    for seed in range(seeds):
        again = sg.Game.from_function(
            game.players,
            lambda rows: table[rows @ masks],
            kind=game.kind,
            batched=True,
            approximations=game.approximations,
        )
        found = sg.shapley_estimate(
            again,
            method=method,  # type: ignore[arg-type]
            seed=seed,
            max_evaluations=evaluations,
            progress=False,
        )
        squares.append(np.mean((found.values - exact) ** 2))
        coefficients = found.evidence.parameters.get("coefficients", {})
        chosen[" less ".join([found.evidence.estimator, " and ".join(coefficients)])] += 1
    error = float(np.sqrt(np.mean(squares) / np.mean(exact**2)))
    return error, chosen.most_common(1)[0][0], (process_time() - begin) / seeds


def main() -> None:
    """Print a row for each game."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--evaluations", type=int, default=512)
    parser.add_argument("--games", nargs="+", choices=GAMES, default=list(GAMES))
    options = parser.parse_args()
    methods = (*METHODS, *ORDERS)
    names = " | ".join(f"`{method}`" for method in methods)
    print(f"| game | `auto` | s | takes most often | {names} | auto / best |")
    print("| --- | ---: | ---: | --- |" + " ---: |" * (len(methods) + 1))
    for name in options.games:
        auto, chosen, seconds = measured(name, "auto", options.evaluations, options.seeds)
        errors = [
            measured(name, method, options.evaluations, options.seeds)[0] for method in methods
        ]
        cells = " | ".join(f"{error:.2e}" for error in errors)
        print(
            f"| {name} | {auto:.2e} | {seconds:.2f} | {chosen} | {cells} "
            f"| {auto / min(errors):.2f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
