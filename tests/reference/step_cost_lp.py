"""An independent model of a pool with step costs of any convex form: a linear program by highspy.

Nothing is simplified: charging and discharging are columns of their own, each kink of a step is a
row for what lies beyond it, and what a limit forbids is a bound of the exchange.
"""

from __future__ import annotations

import math

import highspy
import numpy as np
from scipy.optimize import linprog


def kinks_of(costs, members):
    """Return the kinks of a coalition by step, shape (T, K)."""
    resources = costs.resources[members].sum(axis=0)
    steps = np.arange(resources.shape[1])
    kinks = costs.constants + np.stack(
        [resources[row, steps] for row in costs.rows.T.astype(int)], axis=1
    )
    for k in range(1, kinks.shape[1]):
        kinks[:, k] += np.where(costs.rungs[:, k], kinks[:, k - 1], 0.0)
    return kinks


def step_cost(costs, members, exchange):
    """Return what each step costs at an exchange, shape (T,), by the formula; infinite beyond."""
    kinks, slopes, money = kinks_of(costs, members), costs.slopes, costs.money[members].sum(axis=0)
    found = np.empty(len(kinks))
    for t, anchor in enumerate(costs.anchor):
        cost = money[t] + slopes[t, anchor] * (exchange[t] - kinks[t, anchor])
        for k, kink in enumerate(kinks[t]):
            beyond = exchange[t] - kink if k >= anchor else kink - exchange[t]
            if beyond > 0:
                cost += (slopes[t, k + 1] - slopes[t, k]) * beyond
        found[t] = cost
    return found


class StepCostLP:
    """The least cost of a coalition, and a dispatch of that cost.

    `sizes` are energy, the most charged and discharged in a step and initial charge by member;
    `conversion` both efficiencies, both wears and retention.
    """

    def __init__(self, costs, sizes, conversion, members, tolerance=1e-10):
        energy, most_charged, most_discharged, initial = (
            float(np.asarray(size)[members].sum()) for size in sizes
        )
        charging, discharging, wear_charged, wear_discharged, retention = conversion
        kinks = kinks_of(costs, members)
        self.steps, n_kinks = kinks.shape
        self.constant = float(costs.money[members].sum())
        highs = highspy.Highs()
        highs.silent()
        for kind in ("primal", "dual"):
            highs.setOptionValue(f"{kind}_feasibility_tolerance", tolerance)

        def column(cost, lower, upper):
            highs.addVar(lower, upper)
            number = highs.getNumCol() - 1
            highs.changeColCost(number, cost)
            return number

        def row(lower, upper, terms):
            places = np.array([place for place, _ in terms], dtype=np.int32)
            highs.addRow(lower, upper, len(terms), places, np.array([x for _, x in terms]))

        before = None
        for t in range(self.steps):
            slopes, anchor = costs.slopes[t], costs.anchor[t]
            lower = kinks[t, 0] if slopes[0] == -math.inf else -highspy.kHighsInf
            upper = kinks[t, -1] if slopes[-1] == math.inf else highspy.kHighsInf
            charge = column(wear_charged, 0.0, most_charged)
            discharge = column(wear_discharged, 0.0, most_discharged)
            state = column(0.0, initial if t == self.steps - 1 else 0.0, energy)
            exchange = column(slopes[anchor], lower, upper)
            self.constant -= slopes[anchor] * kinks[t, anchor]
            row(0.0, 0.0, [(exchange, 1.0), (charge, -1.0), (discharge, 1.0)])
            held = [(state, 1.0), (charge, -charging), (discharge, 1.0 / discharging)]
            kept = retention * initial if before is None else 0.0
            if before is not None:
                held.append((before, -retention))
            row(kept, kept, held)
            before = state
            for k in range(n_kinks):
                step_up = slopes[k + 1] - slopes[k]
                if step_up == 0.0 or not math.isfinite(step_up):
                    continue
                over = column(step_up, 0.0, highspy.kHighsInf)
                sign = 1.0 if k >= anchor else -1.0
                row(-sign * kinks[t, k], highspy.kHighsInf, [(over, 1.0), (exchange, -sign)])
        self.highs = highs

    def solve(self):
        """Return the least cost; NaN if no dispatch keeps the limits."""
        self.highs.run()
        status = self.highs.getModelStatus()
        infeasible = (
            highspy.HighsModelStatus.kInfeasible,
            highspy.HighsModelStatus.kUnboundedOrInfeasible,
        )
        if status in infeasible:
            return math.nan
        assert status == highspy.HighsModelStatus.kOptimal
        return self.constant + self.highs.getInfo().objective_function_value


def shared_cost(deficit, surplus, buy, sell, outside, fee, unit):
    """Return the least cost of all members who share with each other and with their pool.

    Each kWh shared is a column from one point to another; the pool is the last point. Its exchange
    with the others and with outside are columns of their own, so that it may pass energy on.
    """
    n, steps = deficit.shape
    points = n + 1
    buying, selling = np.vstack([buy, outside[0]]), np.vstack([sell, outside[1]])
    # By step: shares from point a to b, then what the pool draws and delivers as a point, then
    # what it charges and discharges, and its state.
    width = points * points + 5
    cost = np.zeros((steps, width))
    upper = np.full((steps, width), np.inf)
    lower = np.zeros((steps, width))
    constant = float((buy * deficit - sell * surplus).sum())
    sizes = [
        float(size.sum())
        for size in (unit.energy_kwh, unit.charge_kwh, unit.discharge_kwh, unit.initial_kwh)
    ]
    below, limits, equal, sums = [], [], [], []
    for t in range(steps):
        drawn, delivered, charge, discharge, state = range(points * points, width)
        for a in range(points):
            for b in range(points):
                cost[t, a * points + b] = fee + selling[a, t] - buying[b, t]
        # What a member feeds in while it draws counts as shared; the pool does not do both.
        upper[t, n * points + n] = 0.0
        cost[t, drawn], cost[t, delivered] = buying[-1, t], -selling[-1, t]
        upper[t, charge], upper[t, discharge], upper[t, state] = sizes[1], sizes[2], sizes[0]
        lower[t, state] = sizes[3] if t == steps - 1 else 0.0
        for point in range(points):
            given, received = np.zeros((2, steps, width))
            given[t, point * points : (point + 1) * points] = 1.0
            received[t, point : points * points : points] = 1.0
            if point == n:
                given[t, delivered], received[t, drawn] = -1.0, -1.0
            below += [given.ravel(), received.ravel()]
            limits += [surplus[point, t], deficit[point, t]] if point < n else [0.0, 0.0]
        net, held = np.zeros((2, steps, width))
        net[t, [drawn, delivered, charge, discharge]] = 1.0, -1.0, -1.0, 1.0
        held[t, [state, charge, discharge]] = (
            1.0,
            -unit.charge_efficiency,
            1.0 / unit.discharge_efficiency,
        )
        if t:
            held[t - 1, state] = -1.0
        equal += [net.ravel(), held.ravel()]
        sums += [0.0, 0.0 if t else sizes[3]]
    result = linprog(
        cost.ravel(),
        A_ub=np.array(below),
        b_ub=limits,
        A_eq=np.array(equal),
        b_eq=sums,
        bounds=np.stack([lower.ravel(), upper.ravel()], axis=1),
    )
    assert result.success
    return constant + result.fun
