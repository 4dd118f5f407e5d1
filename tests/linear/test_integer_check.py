"""Optima over integers above a solver that takes what is nearly an integer for one."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.linear.integer_check import proved_minimum

PRECISION = 1e-9


class Solver:
    """Knows the cost of each setting of some binaries, and cheats where it can.

    Where a column is not fixed it may miss its integer by 1e-7, and then it costs nothing.
    """

    def __init__(self, costs, cheats):
        self.size = len(next(iter(costs)))
        self.costs, self.cheats = costs, cheats
        self.calls = 0

    def relaxed(self, lower, upper):
        self.calls += 1
        inside = {
            point: cost
            for point, cost in self.costs.items()
            if all(lower <= point) and all(point <= upper)
        }
        if not inside:
            return None
        point = min(inside, key=inside.get)
        free = np.flatnonzero((lower < upper) & self.cheats)
        values = np.array(point, dtype=np.float64)
        if not free.size:
            return inside[point], values
        values[free[0]] += 1e-7 if values[free[0]] == 0 else -1e-7
        return min(0.0, inside[point]), values

    def fixed(self, integers):
        cost = self.costs.get(tuple(integers.astype(int).tolist()))
        return None if cost is None else (cost, PRECISION)

    def minimum(self, most_parts=1000):
        bounds = np.zeros(self.size), np.ones(self.size)
        return proved_minimum(self.relaxed, self.fixed, *bounds, most_parts)


@st.composite
def solvers(draw):
    size = draw(st.integers(1, 4))
    points = list(itertools.product((0, 1), repeat=size))
    costs = st.none() | st.integers(0, 20).map(float)
    drawn = draw(st.lists(costs, min_size=len(points), max_size=len(points)))
    known = {point: cost for point, cost in zip(points, drawn, strict=True) if cost is not None}
    cheats = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    return Solver(known or {points[0]: 1.0}, np.array(cheats))


@settings(max_examples=40)
@given(solvers())
def test_the_minimum_is_that_of_enumeration(solver):
    assert solver.minimum() == min(solver.costs.values())


def test_a_solver_that_does_not_cheat_is_asked_once():
    solver = Solver({(0, 0): 3.0, (1, 1): 2.0}, np.zeros(2, dtype=np.bool_))
    assert solver.minimum() == 2.0
    assert solver.calls == 1


def test_no_solution_is_an_infinite_minimum():
    solver = Solver({(2,): 1.0}, np.ones(1, dtype=np.bool_))
    assert solver.minimum() == np.inf


def test_a_minimum_that_would_take_more_parts_is_not_proved():
    solver = Solver({(0, 0): 3.0, (1, 1): 2.0}, np.ones(2, dtype=np.bool_))
    assert solver.minimum(most_parts=2) is None


def test_a_bound_below_a_solution_of_integers_proves_nothing():
    def relaxed(lower, upper):
        return 1.0, np.zeros(1)

    assert proved_minimum(relaxed, lambda _: (2.0, 0.1), np.zeros(1), np.ones(1), 10) is None
    assert proved_minimum(relaxed, lambda _: (1.05, 0.1), np.zeros(1), np.ones(1), 10) == 1.05


def test_a_bound_that_misses_its_integer_by_rounding_is_that_integer():
    asked = []

    def relaxed(lower, upper):
        asked.append((lower.tolist(), upper.tolist()))
        return 0.0, upper

    upper = np.array([0.1 * 3 * 10, 2.7, 0.7 * 10 - 1e-12])
    proved_minimum(relaxed, lambda _: (0.0, 0.0), np.array([1e-12, 0.2, 0.0]), upper, 1)
    assert asked == [([0.0, 1.0, 0.0], [3.0, 2.0, 7.0])]
