"""How often the intervals of each estimator cover the exact value, over many seeds.

For six games with an exact value: the mean over the players, the player that is covered least, and
the mean relative half-width. What is asked for is 95 %.

    python benches/report/sampling_coverage.py --seeds 400
    python benches/report/sampling_coverage.py --methods pairs permutations --games netting vote
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import cache

import numpy as np
import sesgame as sg
from numpy.typing import NDArray
from sesgame.estimators import ESTIMATORS

Array = NDArray[np.float64]


def loads(n_players: int) -> Array:
    """The net loads of some households over a day."""
    random = np.random.default_rng(n_players)
    shape = (n_players, 24)
    return (random.gamma(2, 0.3, shape) - random.gamma(1, 0.6, shape)).round(3)


GAMES: dict[str, Callable[[], sg.Game]] = {
    "netting of 12": lambda: sg.games.netting(loads(12), 0.30, 0.10),
    "netting of 60": lambda: sg.games.netting(loads(60), 0.30, 0.10),
    "vote of 12": lambda: sg.games.weighted_vote([9, 8, 7, 6, 5, 4, 3, 3, 2, 2, 1, 1], 26),
    "vote of 40": lambda: sg.games.weighted_vote(range(1, 41), 411),
    "airport of 12": lambda: sg.games.airport(np.arange(1, 13) ** 2),
    "bankruptcy of 40": lambda: sg.games.bankruptcy(400, range(1, 41)),
    "spanning tree of 12": lambda: spanning_tree(12),
}


def spanning_tree(n_players: int) -> sg.Game:
    """Houses on a square that connect to its corner."""
    place = np.random.default_rng(n_players).random((n_players + 1, 2))
    place[0] = 0
    return sg.games.spanning_tree(np.hypot(*(place[:, None] - place).transpose(2, 0, 1)))


@cache
def exact(name: str) -> Array:
    """The Shapley value, without sampling."""
    return sg.shapley_value(GAMES[name](), progress=False).values


def coverage(name: str, method: str, evaluations: int, seeds: int) -> tuple[float, float, float]:
    """Mean over the players, least of the players, and half-width relative to the values."""
    native = GAMES[name]().native
    assert native is not None
    truth = exact(name)
    covered = np.zeros(len(truth))
    width = 0.0
    kind = GAMES[name]().kind
    for seed in range(seeds):
        game = sg.Game.from_function(range(len(truth)), native.values, kind=kind, batched=True)
        estimate = sg.shapley_estimate(
            game,
            method=method,  # type: ignore[arg-type]
            seed=seed,
            max_evaluations=evaluations,
            progress=False,
        )
        widths = estimate.evidence.half_widths
        # Rounding of what is exact is no miss.
        rounding = 1e-9 * np.abs(truth).max()
        covered += np.abs(estimate.values - truth) <= widths + rounding
        width += float(np.mean(widths) / np.mean(np.abs(truth))) / seeds
    return float(covered.mean() / seeds), float(covered.min() / seeds), width


def main() -> None:
    """Print a row for each game and method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--games", nargs="+", choices=GAMES, default=list(GAMES))
    fast = [name for name in ESTIMATORS if name not in ("kernel_ridge", "boosted_trees")]
    parser.add_argument("--methods", nargs="+", choices=ESTIMATORS, default=fast)
    parser.add_argument("--per-player", type=int, default=60, help="evaluations for each player")
    options = parser.parse_args()
    print("| method | game | evaluations | mean | least | half-width |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for method in options.methods:
        means = []
        for name in options.games:
            evaluations = options.per_player * len(exact(name))
            mean, least, width = coverage(name, method, evaluations, options.seeds)
            means.append(mean)
            row = f"{evaluations:,} | {mean:.1%} | {least:.1%} | {width:.2%}"
            print(f"| `{method}` | {name} | {row} |", flush=True)
        print(f"| `{method}` | all | | {np.mean(means):.1%} | | |", flush=True)


if __name__ == "__main__":
    main()
