"""What kind of game a table is: convexity of 24 players and one read of the table, pairs of 20."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from sesgame._engine import additivity, convexity, marginals, symmetric_players

Array = NDArray[np.float64]
Benchmark = Callable[..., object]

NOTHING = 1e-9
"""Up to what a difference of these values is none."""


def no_structure(n_players: int) -> Array:
    """A table of which every property is refuted, and all of which has to be looked at."""
    table = np.random.default_rng(1).normal(size=1 << n_players)
    table[0] = 0
    return table


@pytest.fixture(scope="module")
def table_of_24() -> Array:
    return no_structure(24)


@pytest.fixture(scope="module")
def table_of_20() -> Array:
    return no_structure(20)


def test_one_read_of_24_players(benchmark: Benchmark, table_of_24: Array) -> None:
    benchmark(table_of_24.sum)


def test_convexity_of_24_players(benchmark: Benchmark, table_of_24: Array) -> None:
    below, above = benchmark(convexity, table_of_24, NOTHING)  # type: ignore[misc]
    assert below
    assert above


def test_marginals_of_24_players(benchmark: Benchmark, table_of_24: Array) -> None:
    assert benchmark(marginals, table_of_24, [0.0] * 24, NOTHING)


def test_superadditivity_of_20_players(benchmark: Benchmark, table_of_20: Array) -> None:
    below, above = benchmark(additivity, table_of_20, NOTHING)  # type: ignore[misc]
    assert below
    assert above


def test_symmetric_players_of_20(benchmark: Benchmark) -> None:
    masks = np.arange(1 << 20)
    sizes = sum(masks >> player & 1 for player in range(20))
    (everybody,) = benchmark(symmetric_players, np.sqrt(sizes), NOTHING)  # type: ignore[misc]
    assert len(everybody) == 20
