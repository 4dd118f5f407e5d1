"""The games on which estimators are compared, each with its exact (or very nearly exact) value."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sesgame as sg
from numpy.typing import NDArray
from sesgame import _engine

Array = NDArray[np.float64]
OUT = Path(__file__).parents[2] / "out"
COMMUNITY = Path(__file__).parents[2] / "examples" / "semiurban104"


class Case(NamedTuple):
    """A game as a batched callable, and its Shapley value."""

    name: str
    n_players: int
    values: Callable[[NDArray[np.bool_]], Array]
    exact: Array


def kept(name: str, value: Callable[[], Array]) -> Array:
    """The array that was computed before, from a file, or now."""
    path = OUT / "exact" / f"{name}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, value())
    return np.asarray(np.load(path))


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

    def values(membership: NDArray[np.bool_]) -> Array:
        load = membership.astype(np.float64) @ net
        return np.where(load > 0, 0.30 * load, 0.08 * load).sum(axis=1)

    exact = sg.shapley_value(native, progress=False).values
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

    def values(membership: NDArray[np.bool_]) -> Array:
        dearest = n_players - 1 - np.argmax(membership[:, ::-1], axis=1)
        return np.where(membership.any(axis=1), cost[dearest], 0.0)

    return Case(f"airport, {n_players}", n_players, values, exact)


def battery(day: str) -> Case:
    """A day of semiurban104 with its pooled batteries; the value is an estimate from many pairs."""
    end = str(np.datetime64(day) + 1)
    native = sg.energy.Community.from_csv(COMMUNITY).cost_game(start=day, end=end).native
    assert native is not None
    game = sg.Game.from_native(native, kind="cost")

    def exact() -> Array:
        return sg.shapley_estimate(
            game, method="pairs", seed=2**40, max_evaluations=2_000_000
        ).values

    name = f"pooled battery, 104 members, {day}"
    return Case(name, game.n_players, game.values, kept(f"battery104-{day}", exact))


CASES: dict[str, Callable[[], Case]] = {
    "netting20": cache(partial(netting, 20)),
    "netting100": cache(partial(netting, 100)),
    "netting1000": cache(partial(netting, 1000)),
    "vote50": cache(partial(vote, 50)),
    "airport1000": cache(partial(airport, 1000)),
    "winter104": cache(partial(battery, "2016-01-14")),
    "summer104": cache(partial(battery, "2016-06-16")),
}
