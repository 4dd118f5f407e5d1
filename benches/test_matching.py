"""Matching markets beside scipy on the same worths, and beside the nucleolus of all coalitions."""

import numpy as np
import pytest
import sesgame as sg
from scipy.optimize import linear_sum_assignment
from sesgame.markets import Matching, buyer_optimal, matching_nucleolus


def worths(kind, n):
    random = np.random.default_rng(0)
    if kind == "random":
        return random.random((n, n))
    if kind == "ties":
        return random.integers(0, 10, (n, n)).astype(float)
    bids, offers = random.uniform(8, 15, (n, 1)), random.uniform(5, 12, n)
    return np.maximum(0.0, bids - offers - random.random((n, n)))


@pytest.mark.benchmark(group="nucleolus of a matching market of 200 x 200; the target is 10 s")
@pytest.mark.parametrize("kind", ["random", "ties", "trade"])
def test_nucleolus(benchmark, kind):
    market = Matching(worths(kind, 200))
    settlement = benchmark.pedantic(
        matching_nucleolus, args=(market,), kwargs={"progress": False}, rounds=3
    )
    assert settlement.verify().holds


@pytest.mark.benchmark(group="the same nucleolus, 7 x 7: all coalitions, or pairs only")
@pytest.mark.parametrize("way", ["game", "market"])
def test_nucleolus_of_few(benchmark, way):
    market = Matching(worths("trade", 7))
    game = market.game()
    ways = {
        "game": lambda: sg.nucleolus(game, progress=False).values,
        "market": lambda: matching_nucleolus(market, progress=False).utilities,
    }
    np.testing.assert_allclose(benchmark(ways[way]), ways["game"](), atol=1e-9)


@pytest.mark.benchmark(group="a matching of 1,000 x 1,000")
@pytest.mark.parametrize("way", ["scipy, matching only", "matching with buyers' prices"])
def test_matching(benchmark, way):
    worth = worths("trade", 1000)
    market = Matching(worth)
    ways = {
        "scipy, matching only": lambda: worth[linear_sum_assignment(worth, maximize=True)].sum(),
        "matching with buyers' prices": lambda: buyer_optimal(market).welfare,
    }
    found = benchmark.pedantic(ways[way], rounds=3)
    assert found == pytest.approx(market.clear().welfare)
