"""A leader's prices and demand bidding of a hundred thousand followers, beside sorting as many."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray

FOLLOWERS = 100_000


def draws() -> NDArray[np.float64]:
    """Return numbers between 0 and 1, five for each follower."""
    drawn: NDArray[np.float64] = np.random.default_rng(5).random((5, FOLLOWERS))
    return drawn


@pytest.mark.benchmark(group=f"{FOLLOWERS:,} followers")
def test_sorting(benchmark: Any) -> None:
    """The limit: each method sorts its followers several times."""
    benchmark(np.argsort, draws()[0], kind="stable")


@pytest.mark.benchmark(group=f"{FOLLOWERS:,} followers")
def test_one_price(benchmark: Any) -> None:
    worth, slope, *_ = draws()
    found = benchmark(sg.energy.leader_price, worth, 0.1 + slope, 0.3)
    assert found.kkt_residual < 1e-9


@pytest.mark.benchmark(group=f"{FOLLOWERS:,} followers")
def test_two_prices(benchmark: Any) -> None:
    worth, slope, cost, rise, _ = draws()
    found = benchmark(
        sg.energy.leader_price,
        worth,
        0.1 + slope,
        0.3,
        suppliers=(cost / 2, 0.1 + rise),
        grid=(0.08, 0.3),
    )
    assert found.kkt_residual < 1e-9


@pytest.mark.benchmark(group=f"{FOLLOWERS:,} followers")
def test_demand_bidding(benchmark: Any) -> None:
    quadratic, linear, demand, *_ = draws()

    def settle() -> float:
        bidding = sg.energy.DemandBidding(0.01 + quadratic, linear, 5 * demand, 10.0, bounds=(0, 6))
        return bidding.equilibrium().kkt_residual

    assert benchmark(settle) < 1e-9
