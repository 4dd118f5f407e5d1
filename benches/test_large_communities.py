"""Certificates and solutions of communities that no table can hold, and what persistence saves.

Answers are compared before anything is timed. The days are one of winter, when little is shared,
and two of the sunny half-year, which are harder.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from time import perf_counter, process_time
from typing import Any

import highspy
import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray

DAYS = ["2016-01-15", "2016-06-15", "2016-09-05"]


@cache
def day_of(day: str, n_members: int = 104, n_days: int = 1) -> sg.energy.Community:
    """Return days of semiurban104; of some of its members, those with batteries and PV first."""
    end = str(np.datetime64(day) + n_days)
    whole = sg.energy.Community.from_csv("examples/semiurban104").period(day, end)
    owners = {battery.owner for battery in whole.batteries}
    order = sorted(
        range(104),
        key=lambda i: (whole.members[i] not in owners, not whole.pv_kwh[i].any(), i),
    )
    chosen = sorted(order[:n_members])
    members = [whole.members[index] for index in chosen]
    return sg.energy.Community(
        members=members,
        steps=whole.steps,
        load_kwh=whole.load_kwh[chosen],
        pv_kwh=whole.pv_kwh[chosen],
        tariff=whole.tariff,
        batteries=[battery for battery in whole.batteries if battery.owner in members],
    )


@pytest.mark.parametrize("day", DAYS)
def test_core_certificate_of_104_members_by_the_relaxation(benchmark: Any, day: str) -> None:
    community = day_of(day)
    game, bills = community.cost_game(), sg.owen_allocation(community, progress=False)

    nothing = np.zeros((0, 104), dtype=np.int64)
    slack = 1e-9 * float(np.abs(bills.values).sum())

    def certify() -> float:
        """Build the program and solve its relaxation; the oracle would look at prices first."""
        program = community.programme("battery").game
        return program.most_violated(bills.values, nothing, slack, slack, False, np.inf)[2]

    assert abs(benchmark(certify)) <= slack
    assert sg.audit(game, bills, oracle=community.separation_oracle(), progress=False).in_core


@pytest.mark.parametrize("day", DAYS)
def test_least_core_of_104_members(benchmark: Any, day: str) -> None:
    community = day_of(day)
    game = community.cost_game()

    def solve() -> sg.Allocation:
        oracle = community.separation_oracle()
        return sg.least_core(game, oracle=oracle, local_search=20_000, progress=False)

    evidence = benchmark.pedantic(solve, rounds=1).evidence
    assert evidence.proved
    print(f"\n{day}: at most {evidence.upper_bound:.3g}, {evidence.effort}")


def savings_of(game: sg.Game) -> float:
    """Return what all pay alone beyond what they pay together."""
    n = game.n_players
    alone = game.values(np.eye(n, dtype=np.bool_), progress=False)
    together = game.values(np.ones((1, n), dtype=np.bool_), progress=False)
    return float(alone.sum() - together[0])


@pytest.mark.parametrize("part", [1e-5, 6e-6])
def test_least_core_of_104_members_over_a_month(benchmark: Any, part: float) -> None:
    """Prove the value to a part of the savings; print how far the bounds are apart in that unit."""
    month = day_of("2016-06-01", n_days=30)
    game = month.cost_game()
    savings = savings_of(game)
    start = process_time()

    def solve() -> sg.Allocation:
        oracle, tolerance = month.separation_oracle(), part * savings
        return sg.least_core(
            game, oracle=oracle, tolerance=tolerance, max_seconds=3600.0, progress=False
        )

    evidence = benchmark.pedantic(solve, rounds=1).evidence
    gap = evidence.upper_bound - evidence.lower_bound
    print(
        f"\n{month.steps.n_steps} steps: between {evidence.lower_bound:.6g} and "
        f"{evidence.upper_bound:.6g}, {gap / savings:.2g} of the savings, after "
        f"{process_time() - start:.0f} s of CPU time, {evidence.effort}"
    )
    assert evidence.proved
    assert 0.0 <= gap <= part * savings


def test_interval_of_12_members_over_a_month_holds_the_value_of_all_coalitions(
    benchmark: Any,
) -> None:
    month = day_of("2016-06-01", n_members=12, n_days=30)
    game = month.cost_game()
    value = sg.least_core(game, progress=False).evidence.value

    def solve() -> sg.Allocation:
        return sg.least_core(game, oracle=month.separation_oracle(), progress=False)

    found = benchmark.pedantic(solve, rounds=1)
    evidence = found.evidence
    print(f"\nbetween {evidence.lower_bound:.9g} and {evidence.upper_bound:.9g}, is {value:.9g}")
    assert evidence.proved
    assert evidence.lower_bound == pytest.approx(value, abs=found.tolerance)
    assert evidence.upper_bound == pytest.approx(value, abs=found.tolerance)


def test_audit_of_moved_bills_of_104_members_over_a_month(benchmark: Any) -> None:
    """Find and prove the largest excess at bills that are off by about a euro."""
    month = sg.energy.Community.from_csv("examples/semiurban104").period("2016-06-01", "2016-07-01")
    game = month.cost_game()
    bills = sg.owen_allocation(month, progress=False).values
    moved = bills + np.random.default_rng(1).normal(size=104)
    moved += (bills.sum() - moved.sum()) / 104

    def solve() -> sg.Audit:
        return sg.audit(game, moved, oracle=month.separation_oracle(), progress=False)

    audit = benchmark.pedantic(solve, rounds=1)
    assert audit.bound == pytest.approx(audit.worst_coalition_excess, abs=1e-3)


@pytest.mark.parametrize(
    ("n_members", "day"), [*((39, day) for day in DAYS), *((104, day) for day in DAYS[:2])]
)
def test_nucleolus(benchmark: Any, n_members: int, day: str) -> None:
    community = day_of(day, n_members)
    game = community.cost_game()

    def solve() -> sg.Allocation:
        oracle = community.separation_oracle()
        return sg.nucleolus(game, oracle=oracle, local_search=20_000, progress=False)

    evidence = benchmark.pedantic(solve, rounds=1).evidence
    assert evidence.proved
    print(f"\n{n_members} members, {day}: {len(evidence.stages)} stages, {evidence.effort}")


@pytest.mark.parametrize("day", DAYS)
def test_coalitions_in_one_persistent_program(benchmark: Any, day: str) -> None:
    dispatch = day_of(day).programme("battery")
    reduced = dispatch.program
    members = np.random.default_rng(1).random((40, 104)) < 0.5

    def anew(row: NDArray[np.bool_]) -> float:
        """Pass the program of one coalition to a new solver and solve it."""
        z = row.astype(np.float64)
        model = reduced.model
        bounds = np.array([model.col_lower, model.col_upper])
        bounds[:, reduced.columns.places] = reduced.columns.at(z)
        sides = np.array([model.row_lower, model.row_upper])
        sides[:, reduced.rows.places] = reduced.rows.at(z)
        highs = replace(
            model,
            col_lower=bounds[0],
            col_upper=bounds[1],
            row_lower=sides[0],
            row_upper=sides[1],
        ).to_highs()
        highs.run()
        assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return float(highs.getInfo().objective_function_value)

    start = perf_counter()
    expected = [anew(row) for row in members]
    seconds = perf_counter() - start
    game = dispatch.game
    one = np.array([game.values(row[np.newaxis])[0] for row in members])
    assert one == pytest.approx(expected)

    def persistent() -> None:
        for row in members:
            game.values(row[np.newaxis])

    benchmark(persistent)
    ratio = seconds / benchmark.stats.stats.min
    print(f"\n{day}: {ratio:.1f} times as fast as building and solving anew, on one thread")
