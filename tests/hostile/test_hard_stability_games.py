"""Games on which published nucleolus codes loop for ever, fail or return wrong answers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray

N_PLAYERS = 13
MEMBERS = np.arange(1 << N_PLAYERS)[:, np.newaxis] >> np.arange(N_PLAYERS) & 1
SIZES = MEMBERS.sum(axis=1)

Table = NDArray[np.float64]


def voting(share: float) -> Table:
    weights = np.random.default_rng(2).integers(1, 30, N_PLAYERS)
    return (MEMBERS @ weights >= share * weights.sum()).astype(float)


def with_dummies() -> Table:
    random = np.random.default_rng(0)
    alone = random.normal(size=N_PLAYERS - 5)
    inner = random.random(1 << 5) * 10
    inner[0] = 0
    return MEMBERS[:, 5:] @ alone + inner[MEMBERS[:, :5] @ (1 << np.arange(5))]


def scattered(low: float, high: float) -> Table:
    random = np.random.default_rng(1)
    table = random.random(1 << N_PLAYERS) * 10 ** random.uniform(low, high, 1 << N_PLAYERS)
    table[0] = 0
    return table


def with_one_value(mask: int, value: float) -> Table:
    table = scattered(0, 0)
    table[mask] = value
    return table


GAMES = {
    "weighted majority": lambda: voting(0.5),
    "weighted three quarters": lambda: voting(0.75),
    "simple majority": lambda: (SIZES > N_PLAYERS // 2).astype(float),
    "everybody wins": lambda: (SIZES > 0).astype(float),
    "random zeros and ones": lambda: np.floor(2 * scattered(0, 0)),
    "dummy players": with_dummies,
    "values from 1e-9 to 1e9": lambda: scattered(-9, 9),
    "tiny values": lambda: scattered(-9, -9),
    "huge values": lambda: scattered(9, 9),
    "one coalition worth minus a million": lambda: with_one_value(777, -1e6),
    "one coalition worth a million": lambda: with_one_value(777, 1e6),
    "no imputation": lambda: with_one_value(-1, -100.0),
    "airport": lambda: (MEMBERS * np.arange(1, N_PLAYERS + 1)).max(axis=1).astype(float),
}


@pytest.mark.parametrize("kind", ["gain", "cost"])
@pytest.mark.parametrize(
    "solution",
    [sg.nucleolus, sg.prenucleolus, sg.per_capita_nucleolus, sg.least_core],
    ids=lambda solution: solution.__name__,
)
@pytest.mark.parametrize("make", GAMES.values(), ids=list(GAMES))
def test_hard_games_are_solved_and_proved(
    make: Callable[[], Table], solution: Callable[[sg.Game], sg.Allocation], kind: str
) -> None:
    game = sg.Game.from_table(make(), kind=kind)
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
