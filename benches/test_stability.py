"""Nucleolus, least core, core membership and certificates from tables: time in peers and in reads.

The four types of random games are those of Benedek, Fliege and Nguyen (2021), "Finding and
verifying the nucleolus of cooperative games", Mathematical Programming 190, 135-170, with values
that are not rounded. The peer is optional (``pip install --group peers``); the answers must agree.
``extra_info`` holds the seconds of one plain scan for the worst coalition, so
that ``min / seconds_per_scan`` counts in passes over the table.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray
from sesgame import _engine

AGREEMENT = 1e-9
"""Of the largest value: what counts as the same nucleolus."""


def sizes(n_players: int) -> NDArray[np.int64]:
    count = np.zeros(1 << n_players, dtype=np.int64)
    for player in range(n_players):
        count[1 << player : 2 << player] = count[: 1 << player] + 1
    return count


def random_table(kind: int, n_players: int, seed: int) -> NDArray[np.float64]:
    random = np.random.default_rng([kind, n_players, seed])
    size = sizes(n_players)
    uniform = random.random(1 << n_players)
    if kind == 1:
        table = 1 + uniform * (100 * size - 1)
        table[-1] = random.uniform(100 * (n_players - 2), 100 * n_players)
    elif kind == 2:
        table = 1 + uniform * (50 * n_players - 1)
    elif kind == 3:
        table = ((size >= n_players - 2) & (uniform < 0.9)).astype(np.float64)
        table[-1] = 1
    else:
        table = 1 + uniform * (n_players - 1)
    table[0] = 0
    table[1 << np.arange(n_players)] = 0
    return table


def seconds_per_scan(game: sg.Game) -> float:
    zero = np.zeros(game.n_players)
    shots = []
    for _ in range(5):
        start = time.perf_counter()
        _engine.worst_coalition(game.tabulate(), game.kind, zero)
        shots.append(time.perf_counter() - start)
    return min(shots)


CASES = [
    pytest.param(kind, n_players, seed, id=f"type{kind}-n{n_players}-seed{seed}")
    for n_players, seeds in [(16, 1), (20, 3), (22, 1), (25, 1)]
    for kind in (1, 2, 3, 4)
    for seed in range(seeds)
]


@pytest.mark.parametrize(("kind", "n_players", "seed"), CASES)
def test_nucleolus(benchmark: Any, kind: int, n_players: int, seed: int) -> None:
    game = sg.Game.from_table(random_table(kind, n_players, seed), kind="gain")
    benchmark.group = f"nucleolus-n{n_players}-type{kind}-seed{seed}"
    allocation = benchmark.pedantic(sg.nucleolus, (game,), rounds=5, warmup_rounds=1)
    effort = allocation.evidence.effort
    benchmark.extra_info.update(
        seconds_per_scan=seconds_per_scan(game),
        scans=effort.scans,
        tables_read=effort.values_read / (1 << n_players),
        pivots=effort.pivots,
    )


@pytest.mark.parametrize(
    ("kind", "n_players", "seed"), [case for case in CASES if case.values[1] in (16, 20, 22)]
)
def test_nucleolus_of_coopgame(benchmark: Any, kind: int, n_players: int, seed: int) -> None:
    coopgame = pytest.importorskip("coopgame")
    table = random_table(kind, n_players, seed)
    peer = coopgame.Game(table[1:].tolist())
    expected = sg.nucleolus(sg.Game.from_table(table, kind="gain")).values
    benchmark.group = f"nucleolus-n{n_players}-type{kind}-seed{seed}"
    result = benchmark.pedantic(coopgame.nucleolus, (peer,), rounds=1)
    assert np.abs(result["allocation"] - expected).max() <= AGREEMENT * np.abs(table).max()


@pytest.mark.parametrize("n_players", [20, 25])
@pytest.mark.parametrize(
    "solution",
    [
        pytest.param(lambda game: sg.least_core(game), id="least core"),
        pytest.param(lambda game: sg.core_existence(game), id="core existence"),
        pytest.param(
            lambda game: _engine.worst_coalition(
                game.tabulate(), game.kind, np.full(game.n_players, 0.1)
            ),
            id="core membership",
        ),
    ],
)
def test_core_family(benchmark: Any, n_players: int, solution: Any) -> None:
    game = sg.Game.from_table(random_table(1, n_players, 0), kind="gain")
    benchmark.group = f"core family, n = {n_players}"
    benchmark.pedantic(solution, (game,), rounds=5, warmup_rounds=1)
    benchmark.extra_info["seconds_per_scan"] = seconds_per_scan(game)


@pytest.mark.benchmark(group="certificate of an integer game, n = 20")
@pytest.mark.parametrize("exact", [False, True])
def test_certificate(benchmark: Any, exact: bool) -> None:
    game = sg.Game.from_table(np.floor(random_table(2, 20, 0)), kind="gain")
    evidence = sg.nucleolus(game).evidence
    proof = benchmark.pedantic(evidence.verify, (game,), {"exact": exact}, rounds=3)
    assert proof.failures == ()
    benchmark.extra_info["seconds_per_scan"] = seconds_per_scan(game)


@pytest.mark.benchmark(group="small games")
@pytest.mark.parametrize("n_players", [8, 10, 12])
def test_small_game(benchmark: Any, n_players: int) -> None:
    benchmark(sg.nucleolus, sg.Game.from_table(random_table(2, n_players, 0), kind="gain"))


@pytest.mark.benchmark(group="small games")
def test_exact_small_game(benchmark: Any) -> None:
    game = sg.Game.from_table(np.floor(random_table(2, 10, 0)), kind="gain")
    benchmark(sg.nucleolus, game, exact=True)


@pytest.mark.benchmark(group="small games")
def test_a_thousand_games_of_ten_players(benchmark: Any) -> None:
    tables = np.array([random_table(2, 10, seed) for seed in range(1000)])
    benchmark.pedantic(sg.nucleoli, (tables,), {"kind": "gain"}, rounds=3, warmup_rounds=1)
