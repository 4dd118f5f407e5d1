"""Accuracy of sampled Shapley values at equal numbers of evaluations, next to shapiq.

Prints one row for each game and budget: the relative root-mean-square error over the players and
the repetitions of ``sg.shapley_estimate`` with its defaults, of shapiq's estimators, and the ratio
to the best of them, with the seconds of one repetition. Each game is a batched callable for all.

    pip install --group peers
    python benches/sampling_accuracy.py --repetitions 30
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import sesgame as sg
import shapiq
from numpy.typing import NDArray
from sesgame import _engine

Array = NDArray[np.float64]
PEERS = ("KernelSHAP", "PermutationSamplingSV", "SVARM")


class Case(NamedTuple):
    """A game with its exact (or very nearly exact) Shapley value."""

    name: str
    n_players: int
    values: Callable[[NDArray[np.bool_]], Array]
    exact: Array


def netting(n_players: int) -> Case:
    """Two-price netting of households, some with photovoltaics; a day of 24 hours."""
    random = np.random.default_rng(n_players)
    hour = np.arange(24)
    sun = np.clip(np.sin((hour - 6) / 12 * np.pi), 0, None)
    load = random.gamma(2, 0.3, (n_players, 24)) * (1 + 0.5 * np.sin(hour / 24 * 2 * np.pi))
    size = np.where(random.random(n_players) < 0.4, random.gamma(2, 1.2, n_players), 0)
    net = load - size[:, np.newaxis] * sun * random.uniform(0.7, 1.3, (n_players, 24))
    buy, sell = np.full(24, 0.30), np.full(24, 0.08)
    native = sg.Game.from_native(_engine.netting_game(net, buy, sell), kind="cost")
    if n_players <= 20:
        exact = sg.shapley_value(native).values
    else:
        exact = sg.shapley_estimate(
            native, method="permutations", seed=2**40, max_evaluations=400_000 * n_players
        ).values

    def values(membership: NDArray[np.bool_]) -> Array:
        load = membership.astype(np.float64) @ net
        return np.where(load > 0, 0.30 * load, 0.08 * load).sum(axis=1)

    return Case(f"netting, {n_players} members", n_players, values, exact)


def vote(n_players: int) -> Case:
    """A weighted majority; exact by counting the coalitions of each size and weight."""
    weights = np.random.default_rng(n_players).integers(1, 60, n_players)
    total = int(weights.sum())
    count = np.zeros((n_players + 1, total + 1))
    count[0, 0] = 1
    for weight in weights:
        count[1:, weight:] += count[:-1, : total + 1 - weight]
    exact = np.empty(n_players)
    for player, weight in enumerate(weights):
        others = count.copy()
        for size in range(1, n_players + 1):
            others[size, weight:] -= others[size - 1, : total + 1 - weight]
        decisive = others[:, max(0, total // 2 + 1 - weight) : total // 2 + 1].sum(axis=1)
        exact[player] = sum(
            decisive[size] / math.comb(n_players - 1, size) / n_players for size in range(n_players)
        )

    def values(membership: NDArray[np.bool_]) -> Array:
        return (membership.astype(np.float64) @ weights > total // 2).astype(float)

    return Case(f"weighted vote, {n_players}", n_players, values, exact)


def airport(n_players: int) -> Case:
    """The dearest member decides; exact by sharing each increment among those who need it."""
    cost = np.sort(np.random.default_rng(n_players).gamma(2, 10, n_players))
    exact = np.cumsum(np.diff(cost, prepend=0) / np.arange(n_players, 0, -1))
    return Case(f"airport, {n_players}", n_players, lambda rows: (rows * cost).max(axis=1), exact)


def sesgame_estimate(case: Case, budget: int, seed: int) -> Array:
    game = sg.Game.from_function(range(case.n_players), case.values, kind="cost", batched=True)
    return sg.shapley_estimate(game, seed=seed, max_evaluations=budget, progress=False).values


def shapiq_estimate(name: str, case: Case, budget: int, seed: int) -> Array:
    class Game(shapiq.Game):  # type: ignore[misc] # shapiq is untyped for us
        def value_function(self, coalitions: Any) -> Array:
            return case.values(np.asarray(coalitions, dtype=np.bool_))

    game = Game(n_players=case.n_players, normalize=False, normalization_value=0.0)
    approximator = getattr(shapiq.approximator, name)(n=case.n_players, random_state=seed)
    result = approximator.approximate(budget=budget, game=game)
    return np.array([result[(player,)] for player in range(case.n_players)])


def error(estimate: Callable[[int], Array], case: Case, repetitions: int) -> tuple[float, float]:
    """Relative root-mean-square error, and seconds for one repetition."""
    start = perf_counter()
    squares = [np.mean((estimate(seed) - case.exact) ** 2) for seed in range(repetitions)]
    seconds = (perf_counter() - start) / repetitions
    return float(np.sqrt(np.mean(squares) / np.mean(case.exact**2))), seconds


GAMES: dict[str, Callable[[], Case]] = {
    "netting20": partial(netting, 20),
    "netting100": partial(netting, 100),
    "vote50": partial(vote, 50),
    "airport200": partial(airport, 200),
}


def main() -> None:
    """Print the table, in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=30)
    parser.add_argument("--budgets", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--games", nargs="+", choices=GAMES, default=list(GAMES))
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    options = parser.parse_args()
    print(f"| game | evaluations | sesgame | {' | '.join(options.peers)} | ratio to the best |")
    print(f"| --- | ---: | ---: | {' | '.join('---:' for _ in options.peers)} | ---: |")
    for case in (GAMES[name]() for name in options.games):
        for budget in options.budgets:
            own, seconds = error(partial(sesgame_estimate, case, budget), case, options.repetitions)
            peers = [
                error(partial(shapiq_estimate, name, case, budget), case, options.repetitions)
                for name in options.peers
            ]
            cells = [f"{own:.4f} ({seconds:.1f} s)"]
            cells += [f"{peer:.4f} ({time:.1f} s)" for peer, time in peers]
            ratio = own / min(peer for peer, _ in peers)
            print(f"| {case.name} | {budget:,} | {' | '.join(cells)} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
