"""Games on which published nucleolus codes loop for ever, fail or return wrong answers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray

Table = NDArray[np.float64]


@cache
def members(n: int) -> NDArray[np.int8]:
    """Return who is in each coalition, shape (2**n, n)."""
    return (np.arange(1 << n)[:, np.newaxis] >> np.arange(n) & 1).astype(np.int8)


def sizes(n: int) -> NDArray[np.int64]:
    return members(n).sum(axis=1)


def voting(n: int, share: float) -> Table:
    weights = np.random.default_rng(2).integers(1, 30, n)
    return (members(n) @ weights >= share * weights.sum()).astype(float)


def with_dummies(n: int) -> Table:
    random = np.random.default_rng(0)
    alone = random.normal(size=n - 5)
    inner = random.random(1 << 5) * 10
    inner[0] = 0
    return members(n)[:, 5:] @ alone + inner[members(n)[:, :5] @ (1 << np.arange(5))]


def scattered(n: int, low: float, high: float) -> Table:
    random = np.random.default_rng(1)
    table = random.random(1 << n) * 10 ** random.uniform(low, high, 1 << n)
    table[0] = 0
    return table


def with_one_value(n: int, mask: int, value: float) -> Table:
    table = scattered(n, 0, 0)
    table[mask] = value
    return table


GAMES = {
    "weighted majority": lambda n: voting(n, 0.5),
    "weighted three quarters": lambda n: voting(n, 0.75),
    "simple majority": lambda n: (sizes(n) > n // 2).astype(float),
    "everybody wins": lambda n: (sizes(n) > 0).astype(float),
    "random zeros and ones": lambda n: np.floor(2 * scattered(n, 0, 0)),
    "dummy players": with_dummies,
    "values from 1e-9 to 1e9": lambda n: scattered(n, -9, 9),
    "tiny values": lambda n: scattered(n, -9, -9),
    "huge values": lambda n: scattered(n, 9, 9),
    "one coalition worth minus a million": lambda n: with_one_value(n, 777, -1e6),
    "one coalition worth a million": lambda n: with_one_value(n, 777, 1e6),
    "no imputation": lambda n: with_one_value(n, -1, -100.0),
    "all coalitions worth the same": lambda n: (sizes(n) > 0) * 7.0,
    "not superadditive": lambda n: np.sqrt(sizes(n)),
    "airport": lambda n: (members(n) * np.arange(1, n + 1)).max(axis=1).astype(float),
}


@pytest.mark.parametrize("kind", ["gain", "cost"])
@pytest.mark.parametrize(
    "solution",
    [sg.nucleolus, sg.prenucleolus, sg.per_capita_nucleolus, sg.least_core],
    ids=lambda solution: solution.__name__,
)
@pytest.mark.parametrize("make", GAMES.values(), ids=list(GAMES))
def test_hard_games_are_solved_and_proved(
    make: Callable[[int], Table], solution: Callable[[sg.Game], sg.Allocation], kind: str
) -> None:
    solve_and_prove(sg.Game.from_table(make(13), kind=kind), solution)


@pytest.mark.parametrize("name", GAMES)
def test_hard_games_of_twenty_players_are_solved_and_proved(name: str) -> None:
    table = GAMES[name](20)
    for kind, solution in (("gain", sg.nucleolus), ("cost", sg.least_core)):
        solve_and_prove(sg.Game.from_table(table, kind=kind), solution)


def solve_and_prove(game: sg.Game, solution: Callable[[sg.Game], sg.Allocation]) -> None:
    allocation = solution(game)
    assert allocation.total == pytest.approx(game.tabulate()[-1], abs=1e-9 * game.scale)
    assert allocation.evidence.verify(game).failures == ()


def test_a_game_of_twenty_votes_is_proved_exactly() -> None:
    weights = np.random.default_rng(20).integers(1, 50, 20)
    votes = np.zeros(1)
    for weight in weights:
        votes = np.concatenate([votes, votes + weight])
    game = sg.Game.from_table((votes > weights.sum() / 2).astype(float), kind="gain")
    evidence = sg.nucleolus(game).evidence
    assert evidence.effort.scans <= 10
    assert evidence.verify(game, exact=True).failures == ()
