"""An independent model of the pooled battery: a linear program, solved by highspy."""

from __future__ import annotations

import highspy
import numpy as np


class DispatchLP:
    """The dispatch of one pool: variables charge, discharge, bought, sold, charge after a step."""

    def __init__(
        self,
        load,
        buy,
        sell,
        energy,
        power,
        charge,
        discharge,
        initial,
        retention=1.0,
        *,
        tolerance=1e-10,
    ):
        steps = len(load)
        self.steps = steps
        infinity = highspy.kHighsInf
        final = np.zeros(steps)
        final[-1] = initial
        self.model = highspy.HighsLp()
        self.model.num_col_ = 5 * steps
        self.model.num_row_ = 2 * steps
        self.model.col_cost_ = np.concatenate([np.zeros(2 * steps), buy, -sell, np.zeros(steps)])
        self.model.col_lower_ = np.concatenate([np.zeros(4 * steps), final])
        self.model.col_upper_ = np.concatenate(
            [np.full(2 * steps, power), np.full(2 * steps, infinity), np.full(steps, energy)]
        )
        keeps = np.zeros(steps)
        keeps[0] = retention * initial
        bounds = np.concatenate([load, keeps])
        self.model.row_lower_ = self.model.row_upper_ = bounds
        t = np.arange(steps)
        entries = [
            (t, t, -1.0),  # bought - sold - charge + discharge = load
            (t, steps + t, 1.0),
            (t, 2 * steps + t, 1.0),
            (t, 3 * steps + t, -1.0),
            (steps + t, t, -charge),  # after - retention * before - charge + discharge = 0
            (steps + t, steps + t, 1.0 / discharge),
            (steps + t, 4 * steps + t, 1.0),
            (steps + t[1:], 4 * steps + t[:-1], -retention),
        ]
        rows = np.concatenate([row for row, _, _ in entries])
        columns = np.concatenate([column for _, column, _ in entries])
        factors = np.concatenate([np.full(len(row), factor) for row, _, factor in entries])
        order = np.lexsort((columns, rows))
        self.model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        self.model.a_matrix_.start_ = np.searchsorted(rows[order], np.arange(2 * steps + 1))
        self.model.a_matrix_.index_ = columns[order]
        self.model.a_matrix_.value_ = factors[order]
        self.solver = highspy.Highs()
        self.solver.silent()
        self.solver.setOptionValue("primal_feasibility_tolerance", tolerance)
        self.solver.setOptionValue("dual_feasibility_tolerance", tolerance)
        self.solver.passModel(self.model)

    def solve_anew(self) -> float:
        """Return the least cost, without a basis of an earlier solve."""
        self.solver.clearSolver()
        return self.solve()

    def solve(self) -> float:
        """Return the least cost."""
        self.solver.run()
        assert self.solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return self.solver.getInfo().objective_function_value


def bill_range(pool, own, charge, discharge, retention, buy, sell):
    """Return the least and the largest ``y . own`` over all optimal dual prices y of `pool`.

    `pool` and `own` hold net loads (T), energy, power and initial charge. The dual program has,
    per step, the price of energy (between sell and buy), the price of charge, the prices of
    capacity, of charging and of discharging power, and one price of charge at the end.
    """
    steps = len(buy)
    t = np.arange(steps)
    energy, charges, capacity, drawing, delivering = (k * steps + t for k in range(5))
    end = 5 * steps
    columns = end + 1

    def bill(resources):
        weights = np.zeros(columns)
        weights[energy] = resources[:steps]
        weights[capacity] = -resources[steps]
        weights[drawing] = weights[delivering] = -resources[steps + 1]
        weights[end] = resources[steps + 2]
        weights[charges[0]] = -retention * resources[steps + 2]
        return weights

    entries = [
        (t, charges, charge),  # charge * y - l <= price of drawing
        (t, energy, -1.0),
        (t, drawing, -1.0),
        (steps + t, energy, 1.0),  # l - y / discharge <= price of delivering
        (steps + t, charges, -1.0 / discharge),
        (steps + t, delivering, -1.0),
        (2 * steps + t[:-1], charges[1:], retention),  # next y - y <= price of capacity
        (np.array([3 * steps - 1]), np.array([end]), 1.0),
        (2 * steps + t, charges, -1.0),
        (2 * steps + t, capacity, -1.0),
    ]
    matrix = np.zeros((3 * steps, columns))
    for rows, places, factor in entries:
        matrix[rows, places] += factor
    lower = np.concatenate([sell, np.full(steps, -np.inf), np.zeros(3 * steps + 1)])
    upper = np.concatenate([buy, np.full(4 * steps + 1, np.inf)])

    def extreme(weights, sign, matrix, bound):
        solver = highspy.Highs()
        solver.silent()
        for kind in ("primal", "dual"):
            solver.setOptionValue(f"{kind}_feasibility_tolerance", 1e-10)
        solver.addVars(columns, lower, upper)
        solver.changeColsCost(columns, np.arange(columns, dtype=np.int32), sign * weights)
        for row, limit in zip(matrix, bound, strict=True):
            places = np.flatnonzero(row).astype(np.int32)
            solver.addRow(-np.inf, limit, len(places), places, row[places])
        solver.run()
        assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
        return sign * solver.getInfo().objective_function_value

    bound = np.zeros(len(matrix))
    cost = extreme(bill(pool), -1, matrix, bound)
    optimal = np.vstack([matrix, -bill(pool)])
    bound = np.append(bound, -cost + 1e-9)
    return extreme(bill(own), 1, optimal, bound), extreme(bill(own), -1, optimal, bound)
