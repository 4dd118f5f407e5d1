"""The best partition of 18 and 20 players, beside reading the pairs of coalitions that it compares.

python -m pytest -s benches/test_best_partition.py
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest
import sesgame as sg


@pytest.mark.parametrize("n", [18, 20])
def test_best_partition(n: int) -> None:
    table = np.random.default_rng(0).uniform(size=1 << n)
    table[0] = 0.0
    game = sg.Game.from_table(table, kind="gain")
    start = perf_counter()
    found = sg.best_partition(game, progress=False)
    took = perf_counter() - start
    start = perf_counter()
    sg.game_properties(game, progress=False)  # compares 3^n / 2 pairs for superadditivity
    compared = perf_counter() - start
    sums = 3**n / 3
    print(
        f"\n{n} players, {len(found.coalitions)} coalitions: {took:.2f} s, "
        f"{1e9 * took / sums:.2f} ns a sum; {took / compared:.1f} times what it takes to tell "
        f"whether the game is superadditive"
    )
