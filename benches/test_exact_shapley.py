"""The exact Shapley value from a table of 24 players: sesgame, and NumPy at its best.

The first row is a plain sum of the same table; other packages are in benches/report/peers.py.
"""

from __future__ import annotations

from collections.abc import Callable

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
