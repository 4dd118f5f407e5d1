"""Nash bargaining in the core beside the nucleolus of the same game, and by an oracle.

Answers are verified before anything is timed.
"""

from __future__ import annotations

from time import process_time
from typing import Any

import numpy as np
import pytest
import sesgame as sg

REPEATS = 5


@pytest.mark.parametrize("seed", [0, 1])
def test_nash_in_the_core_of_20_beside_the_nucleolus(benchmark: Any, seed: int) -> None:
    loads = np.random.default_rng(seed).normal(size=(20, 24))
    game = sg.games.netting(loads, 0.30, 0.08)
    game.tabulate(progress=False)
    found = sg.nash_bargaining_in_core(game, progress=False)
    assert found.evidence.coalitions
    assert found.evidence.verify(game)
    rules = (sg.nucleolus, sg.nash_bargaining_in_core)
    seconds: list[list[float]] = [[], []]
    for _ in range(REPEATS):
        # Seconds of the processor, one rule after the other: others may be busy, too.
        for taken, rule in zip(seconds, rules, strict=True):
            start = process_time()
            rule(game, progress=False)
            taken.append(process_time() - start)
    benchmark.pedantic(rules[1], (game,), {"progress": False}, rounds=REPEATS)
    benchmark.extra_info["nucleoli"] = min(seconds[1]) / min(seconds[0])


@pytest.mark.parametrize("day", ["2016-01-15", "2016-06-15", "2016-09-05"])
def test_nash_in_the_core_of_104_members_by_the_oracle(benchmark: Any, day: str) -> None:
    whole = sg.energy.Community.from_csv("examples/semiurban104")
    community = whole.period(day, str(np.datetime64(day) + 1))
    game = community.cost_game()

    def solve() -> sg.Allocation:
        oracle = community.separation_oracle()
        return sg.nash_bargaining_in_core(game, oracle=oracle, local_search=20_000, progress=False)

    found = benchmark.pedantic(solve, rounds=1)
    assert found.evidence.proved
    assert found.evidence.verify(game, oracle=community.separation_oracle())
    benchmark.extra_info["largest excess"] = found.evidence.largest_excess
    benchmark.extra_info["gap"] = found.evidence.gap
