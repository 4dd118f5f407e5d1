"""An independent model of the pooled battery: a linear programme, solved by highspy."""

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
        self.solver.setOptionValue("threads", 1)
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
