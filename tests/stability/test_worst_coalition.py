from __future__ import annotations

import numpy as np
import pytest
from sesgame import _engine


@pytest.mark.parametrize("kind", ["gain", "cost"])
@pytest.mark.parametrize("n_players", [2, 3, 7, 14])
def test_the_engine_finds_the_largest_excess(n_players: int, kind: str) -> None:
    random = np.random.default_rng(n_players)
    table = random.normal(size=1 << n_players)
    allocation = random.normal(size=n_players)
    masks = np.arange(1 << n_players)
    sums = (masks[:, np.newaxis] >> np.arange(n_players) & 1) @ allocation
    excess = (table - sums) * (1 if kind == "gain" else -1)
    expected = 1 + int(np.argmax(excess[1:-1]))

    mask, largest = _engine.worst_coalition(table, kind, allocation, 0.0)

    assert mask == expected
    assert largest == pytest.approx(excess[expected], rel=1e-12)


def test_a_single_player_has_no_proper_coalition() -> None:
    assert _engine.worst_coalition(np.array([0.0, 3.0]), "gain", np.array([3.0]), 0.0) is None


def test_arguments_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="8 values and an allocation of 2"):
        _engine.worst_coalition(np.zeros(8), "gain", np.zeros(2), 0.0)
    with pytest.raises(ValueError, match='must be "gain" or "cost"'):
        _engine.worst_coalition(np.zeros(8), "profit", np.zeros(3), 0.0)
