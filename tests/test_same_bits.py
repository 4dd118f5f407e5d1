"""Stability and linear programs give the same bits for one thread and for two."""

from pathlib import Path

from fixtures.thread_counts import outputs_by_threads

STABILITY = """
import numpy as np, sesgame as sg
random = np.random.default_rng(3)
table = random.random(1 << 18) * [mask.bit_count() for mask in range(1 << 18)]
table[0] = 0
for kind in ("gain", "cost"):
    game = sg.Game.from_table(table, kind=kind)
    solutions = (sg.nucleolus, sg.prenucleolus, sg.per_capita_nucleolus, sg.least_core)
    found = [solution(game, progress=False) for solution in solutions]
    for allocation in found:
        print(allocation.values.tobytes().hex(), allocation.to_dict()["evidence"])
    print(sg.core_check(game, found[0]), sg.core_existence(game).to_dict())
    print(sg.kernel_check(game, found[0]), sg.maximal_surpluses(game, found[0]).tobytes().hex())
    for choose in (sg.nearest_core_allocation, sg.leximin_core_allocation):
        print(choose(game, progress=False).values.tobytes().hex())
    tables = table[: 1 << 15].reshape(32, -1) * (np.arange(1 << 10) > 0)
    print(sg.nucleoli(tables, kind=kind).tobytes().hex())
"""

PROGRAMS = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np, sesgame as sg
from fixtures.worlds import UNLIKE, WORLDS, community
here = community(1, **WORLDS["everything"])
table = here.cost_game().values(np.random.default_rng(0).random((64, 4)) < 0.7, progress=False)
print(table.tobytes().hex())
bills = sg.owen_allocation(here, reference=[1.0, 2.0, 3.0, 4.0], progress=False)
print(bills.values.tobytes().hex(), bills.evidence.bills_by_step.tobytes().hex())
here = community(2, batteries=UNLIKE)
found = sg.nucleolus(here.cost_game(), oracle=here.separation_oracle(), progress=False)
print(found.values.tobytes().hex(), found.evidence)
"""

POOLS = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import numpy as np, sesgame as sg
from energy.test_pools_side_by_side import community
rows = np.random.default_rng(0).random((200, 6)) < 0.5
for charged in (False, True):
    game = community(1, charged=charged).cost_game()
    print(type(game.native).__name__)
    print(np.asarray(game.native.values(rows)).tobytes().hex())
    print(np.asarray(game.native.tabulate()).tobytes().hex())
    sampled = sg.shapley_estimate(game, method="permutations", max_evaluations=60, progress=False)
    print(sampled.values.tobytes().hex())
"""


def test_every_stability_solution_has_the_same_bits_for_any_number_of_threads():
    outputs = outputs_by_threads(STABILITY)
    assert outputs["1"] == outputs["2"]
    assert len(outputs["1"].splitlines()) >= 18


def test_linear_programs_have_the_same_bits_for_any_number_of_threads():
    outputs = outputs_by_threads(PROGRAMS)
    assert outputs["1"] == outputs["2"]


def test_pools_side_by_side_have_the_same_bits_for_any_number_of_threads():
    outputs = outputs_by_threads(POOLS)
    assert outputs["1"] == outputs["2"]
    assert outputs["1"].count("PeakChargedGame") == 1
