"""Which batteries are one unit of a linear program.

Batteries of equal efficiencies and wear that are there in the same steps, behind the same limits
that can bind, are of one kind. Those
of them that also have equal hours to fill and to empty and are equally full lose nothing as one
unit: what it does can be dealt out to them in proportion.

Batteries of one kind that are nearly so may be one unit, too. With 1 - W the bound of
:mod:`~sesgame.energy.dispatch.pool_gap` for each unit, the batteries of all units can follow the
least W of what the units do, so that the largest 1 - W bounds what all units together cost too
little, as a share of what storage saves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.energy.dispatch.pool_gap import MOST_OF_SAVINGS, ROUNDING, largest_gap

if TYPE_CHECKING:
    from sesgame.energy.dispatch.problem import DispatchProblem

__all__ = ["alike_batteries", "equal_batteries", "gap_of_groups"]

DIGITS = 12
"""Ratios that agree to so many are of equal batteries: those of decimals differ in the last bit."""


def equal_batteries(problem: DispatchProblem) -> list[list[int]]:
    """Return the usable batteries, by number, in groups that lose nothing as one unit."""
    return [group for kind in _by_kind(problem) for group in kind]


def alike_batteries(problem: DispatchProblem) -> list[list[int]]:
    """Return them in groups that together lose at most a hundredth of what storage saves.

    Where some coalition needs storage to keep a limit there is no bound; then as equal batteries.
    """
    if not problem.keeps_limits_without_storage:
        return equal_batteries(problem)
    found = []
    for first, *others in _by_kind(problem):
        groups = [first]
        for group in others:
            together = groups[-1] + group
            if _gap(problem, together) <= MOST_OF_SAVINGS + ROUNDING:
                groups[-1] = together
            else:
                groups.append(group)
        found += groups
    return found


def gap_of_groups(problem: DispatchProblem, groups: list[list[int]]) -> float:
    """Return a bound of what groups as units cost too little, as a share of what storage saves."""
    return max((_gap(problem, group) for group in groups), default=0.0)


def _gap(problem: DispatchProblem, group: list[int]) -> float:
    return largest_gap(problem.storage.part(np.array(group)))


def _by_kind(problem: DispatchProblem) -> list[list[list[int]]]:
    """Return for each kind the groups of equal batteries, those next to each other most alike."""
    storage = problem.storage
    kinds: dict[tuple[object, ...], dict[tuple[float, ...], list[int]]] = {}
    for battery in storage.usable.tolist():
        kind = (
            storage.charge_efficiency[battery],
            storage.discharge_efficiency[battery],
            storage.degradation_cost_per_kwh[battery],
            (storage.first_step[battery], storage.end_step[battery]),
            problem.limits_before(int(storage.owner[battery])),
        )
        ratios = (
            _rounded(storage.energy_kwh[battery] / storage.charge_power_kw[battery]),
            _rounded(storage.discharge_power_kw[battery] / storage.charge_power_kw[battery]),
            _rounded(storage.initial_charge_kwh[battery] / storage.energy_kwh[battery]),
        )
        kinds.setdefault(kind, {}).setdefault(ratios, []).append(battery)
    return [[groups[ratios] for ratios in sorted(groups)] for groups in kinds.values()]


def _rounded(ratio: float) -> float:
    return float(f"{ratio:.{DIGITS}g}")
