"""Coalitions of rural13 with batteries of two kinds and connection limits, over a week.

The program of all limits and of each battery by itself, as HiGHS solves it from the basis of all,
against the default: limits that no coalition can reach left out, nearly alike batteries merged, and
what remains solved as a network; and HiGHS on that smaller program. Per coalition, in processor
time of one run. The program of all limits has a column for each flow behind one; with a row
instead, HiGHS takes about half the time. Limits are the peaks of the members' net load and a share
of what their batteries draw: 1 is out of reach, at 0.1 they bind for whoever has a battery.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np
import pytest
from sesgame.energy import Community
from sesgame.energy.dispatch.binding_limits import BindingLimits
from sesgame.energy.dispatch.linear_program import LinearDispatch
from sesgame.energy.dispatch.model import MODELS, chosen
from sesgame.energy.dispatch.problem import DispatchProblem, FlowLimit

FOLDER = Path(__file__).parents[1] / "examples" / "rural13"
N_COALITIONS = 24


def processor_time(work: Callable[[], object], least: float = 1.0) -> float:
    """Return the least time of several runs, all cores together."""
    times: list[float] = []
    while sum(times) < least:
        start = process_time()
        work()
        times.append(process_time() - start)
    return min(times)


def two_kinds(share: float) -> DispatchProblem:
    """Return a week in which every other battery is less efficient, with a limit for each."""
    problem = Community.from_csv(FOLDER).period("2016-06-06", "2016-06-13").problem
    storage, n = problem.storage, len(problem.members)
    efficiency = np.where(np.arange(len(storage)) % 2 == 0, 0.95, 0.9)
    powers = np.zeros(n)
    np.add.at(powers, storage.owner, storage.charge_power_kw)
    most = np.abs(problem.net_load_kwh).max(axis=1) / problem.steps.step_hours
    limits = (most + share * powers).tolist()
    return replace(
        problem,
        storage=replace(storage, charge_efficiency=efficiency, discharge_efficiency=efficiency),
        flow_limits=tuple(
            FlowLimit(f"the connection of {member}", np.arange(n) == number, limit, is_own=True)
            for number, (member, limit) in enumerate(zip(problem.members, limits, strict=True))
        ),
    )


def with_all_limits(problem: DispatchProblem) -> DispatchProblem:
    """Return a problem in which every limit counts as one that can bind."""
    always = np.ones(problem.steps.n_steps, dtype=np.bool_)
    idle = problem.binding
    all_of_them = BindingLimits(
        idle.grid_import, idle.grid_export, (always,) * len(problem.flow_limits), always
    )
    whole = replace(problem)
    vars(whole)["binding"] = all_of_them
    return whole


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_two_kinds_of_batteries(benchmark: Any, share: float) -> None:
    problem = two_kinds(share)
    rows = np.random.default_rng(0).random((N_COALITIONS, len(problem.members))) < 0.5
    whole = MODELS["linear"].program([with_all_limits(problem)])
    model = chosen(problem, None)
    small = model.program([problem])

    def by_highs(dispatch: LinearDispatch = whole) -> list[float]:
        cost = dispatch.program.model.cost
        return [float(cost @ dispatch.game.optimum(row)[0]) for row in rows]

    values = benchmark.pedantic(lambda: small.game.values(rows), rounds=1)
    saved = MODELS["netting"]._pool(replace(problem, flow_limits=())).cost_of_all(0, 0, 0, 0)
    gap = model.proved_gap(problem)
    assert np.abs(values - by_highs()).max() <= gap * abs(saved) + 1e-6
    before = processor_time(by_highs) / N_COALITIONS
    now = processor_time(lambda: small.game.values(rows)) / N_COALITIONS
    solved = processor_time(lambda: by_highs(small)) / N_COALITIONS
    apart = MODELS["linear"].program([problem]).game
    exact = processor_time(lambda: apart.values(rows)) / N_COALITIONS
    columns, entries = len(whole.program.model.cost), len(small.program.model.cost)
    print(
        f"\nlimits of the peaks and {share:g} of the power: {columns} columns, "
        f"{1e3 * before:.3g} ms; model {model.name}, {entries} columns, {1e3 * now:.3g} ms, "
        f"{before / now:.1f} times faster, {solved / now:.1f} times than HiGHS on the same, off by "
        f"at most {100 * gap:.3g} % of savings; each battery by itself {1e3 * exact:.3g} ms, "
        f"{before / exact:.1f} times faster"
    )
