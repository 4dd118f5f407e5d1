"""The exact Shapley value from a table of 24 players: sesgame, and NumPy at its best.

The first row is a plain sum of the same table; other packages are in benches/report/peers.py. The
share of the memory bandwidth that is reached is printed for 24 to 28 players (``python -m pytest -s
-k bandwidth``): the limit of any method that reads the table once.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import process_time

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray

N_PLAYERS = 24
Array = NDArray[np.float64]


@pytest.fixture(scope="module")
def table() -> Array:
    table = np.random.default_rng(1).normal(size=1 << N_PLAYERS)
    table[0] = 0
    return table


def sums_by_player(values: Array) -> list[float]:
    """For each bit, the sum over the indices that have it, by folding halves."""
    sums = []
    while len(values) > 1:
        without, with_player = np.split(values, 2)
        sums.append(with_player.sum())
        values = without + with_player
    return sums[::-1]


def numpy_shapley_value(table: Array, low: int = 12, block: int = 64) -> Array:
    """One read of the table in NumPy: rows of 2^low values, in blocks of rows of equal size."""
    n_players = len(table).bit_length() - 1
    weights = np.full(n_players, 1 / n_players)
    for size in range(1, n_players):
        weights[size] = weights[size - 1] * size / (n_players - size)
    inside = np.append(weights, 0) + np.append(0, weights)
    rows = table.reshape(-1, 1 << low)
    low_size = np.bitwise_count(np.arange(1 << low))
    high_size = np.bitwise_count(np.arange(len(rows)))
    row_sums, column_sums = np.empty(len(rows)), np.zeros(1 << low)
    for high in range(n_players - low + 1):
        weight = inside[high + low_size]
        of_size = np.flatnonzero(high_size == high)
        for start in range(0, len(of_size), block):
            chosen = of_size[start : start + block]
            values = rows[chosen]
            row_sums[chosen] = values @ weight
            column_sums += weight * values.sum(axis=0)
    sums = np.array(sums_by_player(column_sums) + sums_by_player(row_sums))
    return sums - (sums.sum() - table[-1]) / n_players


@pytest.fixture(scope="module")
def expected(table: Array) -> Array:
    return numpy_shapley_value(table)


def test_one_read(benchmark: Callable[..., object], table: Array) -> None:
    benchmark(table.sum)


def test_sesgame(benchmark: Callable[..., sg.Allocation], table: Array, expected: Array) -> None:
    game = sg.Game.from_table(table, kind="gain")
    np.testing.assert_allclose(benchmark(sg.shapley_value, game).values, expected, atol=1e-9)


def test_numpy(benchmark: Callable[..., Array], table: Array) -> None:
    assert benchmark(numpy_shapley_value, table).sum() == pytest.approx(table[-1])


def random_table(n_players: int) -> Array:
    """Return a table that is drawn in place, block by block."""
    random, table = np.random.default_rng(1), np.empty(1 << n_players)
    for block in np.split(table, max(1, len(table) >> 20)):
        random.random(out=block)
    table[0] = 0
    return table


@pytest.mark.parametrize("n_players", [24, 26, 28])
def test_share_of_the_memory_bandwidth(n_players: int) -> None:
    """Against a sum of the table by NumPy on as many threads, in turns, the least time of each.

    Processor time of all threads, so that what else the machine does counts little.
    """
    table = random_table(n_players)
    game = sg.Game.from_table(table, kind="gain")
    threads = int(os.environ.get("RAYON_NUM_THREADS", os.cpu_count() or 1))
    chunks = np.split(table, max(threads, len(table) >> 19))
    times: dict[str, list[float]] = {"sum": [], "Shapley value": []}
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(7):
            start = process_time()
            total = sum(pool.map(np.sum, chunks))
            middle = process_time()
            shares = sg.shapley_value(game)
            times["sum"].append(middle - start)
            times["Shapley value"].append(process_time() - middle)
    assert np.isfinite(total)
    assert shares.total == pytest.approx(table[-1])
    gigabytes = {name: table.nbytes / 1e9 / min(found) for name, found in times.items()}
    print(
        f"\n{n_players} players, {threads} threads: the Shapley value reads "
        f"{gigabytes['Shapley value']:.1f} GB for each second of a core, the sum "
        f"{gigabytes['sum']:.1f}, a share of "
        f"{gigabytes['Shapley value'] / gigabytes['sum']:.2f} of the memory bandwidth"
    )
