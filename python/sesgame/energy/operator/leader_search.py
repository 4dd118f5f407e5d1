"""The search for a leader's best prices: starts by linear programs, then the integer program.

In turns the prices are the best ones for what flows, and flows the best ones of all replies to the
prices. That ends where neither is any better, often near the optimum; how near, bounds tell.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.energy.operator.leader_program import LeaderProgram
from sesgame.errors import SolverError
from sesgame.linear.own_thread import run
from sesgame.linear.quiet_highs import checked, info

if TYPE_CHECKING:
    import highspy
    from numpy.typing import NDArray

    from sesgame.linear.model import LinearModel
    from sesgame.progress import Report

    Array = NDArray[np.float64]

__all__ = ["Found", "least_profit", "searched"]

FEASIBILITY = 1e-9
"""To which HiGHS keeps rows, bounds and integers, in units of the largest flow and price."""

MOST_ROUNDS = 20
"""How often a start is improved at most; each time the leader earns more."""

NO_BETTER = 1e-9
"""Of the largest flow at the largest price: what is no improvement of a start."""

NOTHING = 1e-8
"""Of the largest flow, or price: what is taken for 0 where binaries are read off a solution."""

PARTS = (1.0, 0.999, 0.9, 0.7, 0.5, 0.3, 0.1, 0.0)
"""By how much own bills count in the dispatches from which the search starts: first alone, in the
end not at all."""


class Found(NamedTuple):
    """Prices, replies and bounds.

    Attributes
    ----------
    buy_per_kwh, sell_per_kwh : ndarray of shape (T,)
        The leader's prices.
    net_kwh : ndarray of shape (n, T)
        What each member draws from the leader, less what it gives it.
    charge_kwh, discharge_kwh : ndarray of shape (m, T)
        Of each battery that can store.
    profit, bound : float
        What the leader earns, and what it cannot exceed.
    """

    buy_per_kwh: NDArray[np.float64]
    sell_per_kwh: NDArray[np.float64]
    net_kwh: NDArray[np.float64]
    charge_kwh: NDArray[np.float64]
    discharge_kwh: NDArray[np.float64]
    profit: float
    bound: float


def searched(
    program: LeaderProgram, max_seconds: float, relative_gap: float, report: Report | None = None
) -> Found:
    """Return the best prices that are found, and a bound of what any could earn.

    Parameters
    ----------
    max_seconds : float
        For the integer program; the starts are some linear programs more.
    relative_gap : float
        Between profit and bound, in parts of the profit, at which to stop.
    report : callable, optional
        Told how many of the starts, and then of the integer program, are done.

    Raises
    ------
    SolverError
        HiGHS fails.
    """
    solution, bound = _start(program, report)
    profit = _profit(program, solution)
    if bound - profit > relative_gap * abs(profit) + NO_BETTER and program.n_binaries:
        better, proved = _search(program, solution, max_seconds, relative_gap)
        bound = min(bound, proved)
        if better is not None and _profit(program, better) > profit:
            solution = _improved(program, better)
    return _found(program, solution, bound)


def _start(program: LeaderProgram, report: Report | None) -> tuple[Array, float]:
    """Return the best of some prices between the grid's and those of the common optimum.

    Where members weigh their own bills by s and the common bill by 1 - s, they do what is
    optimal for each at some prices between the grid's.
    """
    weighed = [_weighed(program, part) for part in PARTS]
    found = []
    for number, (flows, _) in enumerate(weighed):
        start = _fixed(program, _by_flows(program, flows))
        if start is not None:
            found.append(_improved(program, start))
        if report is not None:
            report(number + 1, len(PARTS) + 1)
    if not found:
        raise SolverError("leader's prices", "no replies are optimal at any price, by rounding")
    # Nobody pays more than alone, and all together cost at least the common optimum.
    return max(found, key=lambda each: _profit(program, each)), weighed[0][1] - weighed[-1][1]


def _improved(program: LeaderProgram, solution: Array) -> Array:
    """Return the end of taking turns: the best prices for the flows, and flows for the prices.

    Each is a linear program, in which prices and flows are free as far as the binaries let them
    that the other has chosen.
    """
    for _ in range(MOST_ROUNDS):
        before = _profit(program, solution)
        for choose in (_by_prices, _by_flows):
            better = _fixed(program, choose(program, solution))
            if better is not None and _profit(program, better) > _profit(program, solution):
                solution = better
        if _profit(program, solution) <= before + NO_BETTER:
            break
    return solution


def _weighed(program: LeaderProgram, part: float) -> tuple[Array, float]:
    """Return the flows of least cost, where own bills count by a part; and that cost."""
    model = program.replies
    cost = (1.0 - part) * model.cost
    cost[program.bought] -= part * program.asked
    cost[program.sold] += part * program.paid
    cost[program.discharge] = model.cost[program.discharge]
    solution = _optimum(replace(model, cost=cost))
    if solution is None:
        raise SolverError("leader's prices", "the dispatch of members has no optimum")
    idle = program.net[program.idle]
    theirs = np.maximum(idle, 0.0) * program.asked + np.minimum(idle, 0.0) * program.paid
    return solution, part * float(theirs.sum()) - float((cost * solution).sum())


def _by_flows(program: LeaderProgram, solution: Array) -> Array:
    """Return the binaries that leave prices free: whatever flows decides no price."""
    solution = _netted(program, solution)
    chosen = np.zeros(len(program.model.cost))
    for choice in program.choices:
        chosen[choice.is_used] = solution[choice.amount] > NOTHING
    for each in program.ends:
        chosen[each.at_end] = np.abs(solution[each.amount] - each.end) <= NOTHING
    _make_exclusive(program, chosen, solution)
    return chosen


def _by_prices(program: LeaderProgram, solution: Array) -> Array:
    """Return the binaries that leave flows free: wherever prices make no difference."""
    chosen = np.zeros(len(program.model.cost))
    for choice in program.choices:
        reduced = choice.constant + sum(rate * solution[at] for at, rate in choice.terms)
        chosen[choice.is_used] = reduced <= NOTHING
    for each in program.ends:
        chosen[each.at_end] = solution[each.multiplier] > NOTHING
    _make_exclusive(program, chosen, solution)
    return chosen


def _netted(program: LeaderProgram, solution: Array) -> Array:
    """Return flows without those both ways at once, which change nothing, or cost the owner.

    Batteries may draw and deliver at once where energy has a negative price.
    """
    netted = solution.copy()
    if program.burns_nothing:
        taken, given = program.efficiency[:, :, np.newaxis]
        stored = taken * solution[program.charge] - solution[program.discharge] / given
        netted[program.charge] = np.maximum(stored, 0.0) / taken
        netted[program.discharge] = np.maximum(-stored, 0.0) * given
    for row, member in enumerate(program.owners.tolist()):
        units = np.flatnonzero(program.owner == member)
        drawn = netted[program.charge[units]] - netted[program.discharge[units]]
        over = program.net[member] + drawn.sum(axis=0)
        netted[program.bought[row]], netted[program.sold[row]] = over.clip(0), (-over).clip(0)
    return netted


def _make_exclusive(program: LeaderProgram, chosen: Array, solution: Array) -> None:
    """Where both of two flows could be, let the larger one."""
    amounts = {int(c.is_used[0]): c.amount for c in program.choices}
    for one, other in program.exclusive:
        first = solution[amounts[int(one[0])]] >= solution[amounts[int(other[0])]]
        both = (chosen[one] > 0) & (chosen[other] > 0)
        chosen[one[both & ~first]] = 0.0
        chosen[other[both & first]] = 0.0
    # What is at its upper end is more than 0, but where that is 0.
    for each in program.ends:
        if each.is_used is not None:
            chosen[each.at_end] = np.minimum(chosen[each.at_end], chosen[each.is_used])


def _fixed(program: LeaderProgram, chosen: Array) -> Array | None:
    """Return the optimum where the binaries are chosen, if there is one."""
    model, integer = program.model, program.model.integer
    lower, upper = model.col_lower.copy(), model.col_upper.copy()
    lower[integer] = upper[integer] = chosen[integer]
    free = np.zeros_like(integer)
    return _optimum(replace(model, col_lower=lower, col_upper=upper, integer=free))


def _search(
    program: LeaderProgram, start: Array, max_seconds: float, relative_gap: float
) -> tuple[Array | None, float]:
    """Return what the integer program finds, and what it proves."""
    import highspy

    highs = program.model.to_highs()
    for option, value in (
        ("time_limit", max_seconds),
        ("mip_rel_gap", relative_gap),
        ("mip_abs_gap", 0.0),
        ("mip_feasibility_tolerance", FEASIBILITY),
        ("primal_feasibility_tolerance", FEASIBILITY),
    ):
        checked(highs, highs.setOptionValue, option, value)
    known = highspy.HighsSolution()
    known.col_value = start.tolist()
    checked(highs, highs.setSolution, known, warning_is_fine=True)
    checked(highs, run, highs, warning_is_fine=True)
    _refuse_other_ends(highs)
    bound = info(highs, "mip_dual_bound")
    values = np.array(highs.getSolution().col_value)
    if not len(values):
        return None, bound
    return _fixed(program, np.rint(values)), bound


def least_profit(program: LeaderProgram, found: Found, costs: Array, max_seconds: float) -> float:
    """Return the profit at prices if members choose, of all best replies, the worst for it.

    Parameters
    ----------
    found : Found
        The prices.
    costs : ndarray of shape (n,)
        What each member's best reply costs it, with wear, in the units of the problem.
    max_seconds : float
        For the integer program; after that, a bound from below.
    """
    model, n_steps = program.replies, len(program.asked)
    buy, sell = found.buy_per_kwh / program.price, found.sell_per_kwh / program.price
    own = costs / (program.energy * program.price)
    count = len(model.cost)
    imports = count + np.arange(n_steps)
    entries = [(model.rows, model.columns, model.coefficients)]
    upper = [model.row_upper]
    for row, member in enumerate(program.owners.tolist()):
        units = np.flatnonzero(program.owner == member)
        columns = np.concatenate(
            [program.bought[row], program.sold[row], *program.discharge[units]]
        )
        wear = np.repeat(program.wear[units], n_steps)
        number = len(model.row_lower) + row
        entries.append((np.full(len(columns), number), columns, np.concatenate([buy, -sell, wear])))
        upper.append(np.array([own[member] + FEASIBILITY]))
    # The grid is not bought from and sold to at once, which would only cost the leader.
    first = len(model.row_lower) + len(program.owners)
    most = model.col_upper[program.imports]
    for flows, rate, end in ((program.imports, -most, 0.0), (program.exports, most, most)):
        rows = first + np.arange(n_steps)
        entries += [(rows, flows, np.ones(n_steps)), (rows, imports, rate)]
        upper.append(np.broadcast_to(end, n_steps))
        first += n_steps
    rows, columns, coefficients = (np.concatenate(part) for part in zip(*entries, strict=True))
    # What members pay in all is given; of that, wear and the grid's bill are not the leader's.
    cost = np.append(-model.cost, np.zeros(n_steps))
    integer = np.arange(len(cost)) >= count
    size = len(model.row_lower)
    worst = replace(
        model,
        cost=cost,
        col_lower=np.append(model.col_lower, np.zeros(n_steps)),
        col_upper=np.append(model.col_upper, np.ones(n_steps)),
        row_lower=np.append(model.row_lower, np.full(first - size, -np.inf)),
        row_upper=np.concatenate(upper),
        rows=rows,
        columns=columns,
        coefficients=coefficients,
        integer=integer,
    )
    highs = worst.to_highs()
    checked(highs, highs.setOptionValue, "time_limit", max_seconds)
    checked(highs, run, highs, warning_is_fine=True)
    _refuse_other_ends(highs)
    worst_bill = info(highs, "mip_dual_bound")
    return (float(own.sum()) - worst_bill) * program.energy * program.price


def _profit(program: LeaderProgram, solution: Array) -> float:
    return float((program.model.cost * solution).sum())


def _found(program: LeaderProgram, solution: Array, bound: float) -> Found:
    """Return a solution in the units of the problem."""
    net = program.net.copy()
    net[program.owners] = solution[program.bought] - solution[program.sold]
    unit = program.energy * program.price
    profit = _profit(program, solution)
    return Found(
        buy_per_kwh=solution[program.buy] * program.price,
        sell_per_kwh=solution[program.sell] * program.price,
        net_kwh=net * program.energy,
        charge_kwh=np.maximum(solution[program.charge], 0.0) * program.energy,
        discharge_kwh=np.maximum(solution[program.discharge], 0.0) * program.energy,
        profit=profit * unit,
        bound=max(bound, profit) * unit,
    )


def _refuse_other_ends(highs: highspy.Highs) -> None:
    """Refuse the end of an integer program that is neither the optimum nor the end of its time."""
    import highspy

    status = highs.getModelStatus()
    if status not in (highspy.HighsModelStatus.kOptimal, highspy.HighsModelStatus.kTimeLimit):
        raise SolverError("leader's prices", highs.modelStatusToString(status))


def _optimum(model: LinearModel) -> Array | None:
    """Return the optimum of a linear program, None where it has no solution."""
    import highspy

    highs = model.to_highs()
    for kind in ("primal", "dual"):
        checked(highs, highs.setOptionValue, f"{kind}_feasibility_tolerance", FEASIBILITY)
    checked(highs, run, highs, warning_is_fine=True)
    status = highs.getModelStatus()
    if status == highspy.HighsModelStatus.kOptimal:
        return np.array(highs.getSolution().col_value)
    if status == highspy.HighsModelStatus.kInfeasible:
        return None
    raise SolverError("leader's prices", highs.modelStatusToString(status))
