"""MATPOWER's DC optimal power flow as in its manual, with shed load: a slow and plain oracle.

Its variables are the angles, the power of each generator and of both ends of each line of direct
current, and the cost of each generator, which is at least each of the lines through its points.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

__all__ = ["least_cost"]


def least_cost(case, value_of_lost_load, steps):
    """Return the least cost, shed load included and the cost at 0 MW left out; None if infeasible.

    `case` has the matrices of a case as arrays.
    """
    base = float(case["baseMVA"])
    bus, gen, branch = case["bus"], case["gen"], case["branch"]
    dcline = case.get("dcline", np.zeros((0, 17)))
    bus = bus[bus[:, 1] != 4]
    row_of = {number: row for row, number in enumerate(bus[:, 0])}
    is_on = np.array([g[7] > 0 and g[0] in row_of for g in gen])
    costs, gen = case["gencost"][: len(gen)][is_on], gen[is_on]
    on = [b[10] != 0 and b[0] in row_of and b[1] in row_of for b in branch]
    branch = pad(branch[on], 13)
    dcline = dcline[dcline[:, 2] > 0]
    n, g, d = len(bus), len(gen), len(dcline)
    # angles, generators, their costs, shed load, both ends of the lines of direct current
    angle, power, cost, shed = 0, n, n + g, n + 2 * g
    out, into = shed + n, shed + n + d
    size = into + d
    lower, upper = np.full(size, -np.inf), np.full(size, np.inf)
    equal, below = Rows(size), Rows(size)

    f, t = ([row_of[number] for number in branch[:, k]] for k in (0, 1))
    tap = np.where(branch[:, 8] == 0, 1, branch[:, 8])
    b = 1 / (branch[:, 3] * tap)
    shift = np.radians(branch[:, 9])
    demand = (bus[:, 2] + bus[:, 4]) / base
    balance = [[] for _ in range(n)]  # what is taken out of each bus
    constant = demand.copy()
    for k in range(len(branch)):
        balance[f[k]] += [(angle + f[k], b[k]), (angle + t[k], -b[k])]
        balance[t[k]] += [(angle + f[k], -b[k]), (angle + t[k], b[k])]
        constant[f[k]] -= b[k] * shift[k]
        constant[t[k]] += b[k] * shift[k]
        rate = branch[k, 5] / base
        if 0 < branch[k, 5] < 1e10:
            flow = [(angle + f[k], b[k]), (angle + t[k], -b[k])]
            below.add(flow, rate + b[k] * shift[k])
            below.add([(j, -v) for j, v in flow], rate - b[k] * shift[k])
        low, high = branch[k, 11], branch[k, 12]
        if (low and low > -360) or (high and high < 360) or bool(low) != bool(high):
            if low >= -360:
                below.add([(angle + f[k], -1), (angle + t[k], 1)], -np.radians(low))
            if high <= 360:
                below.add([(angle + f[k], 1), (angle + t[k], -1)], np.radians(high))
    for k in range(g):
        balance[row_of[gen[k, 0]]].append((power + k, -1))
        lower[power + k], upper[power + k] = gen[k, [9, 8]] / base
        for slope, at_zero in lines(costs[k], gen[k, 9], gen[k, 8], steps):
            below.add([(power + k, slope), (cost + k, -1)], -at_zero / base)
    for k in range(n):
        balance[k].append((shed + k, -1))
    lower[shed : shed + n], upper[shed : shed + n] = 0, np.maximum(demand, 0)
    for k in range(d):
        least, most, fixed = dcline[k, [9, 10, 15]] / base
        share = dcline[k, 16]
        balance[row_of[dcline[k, 0]]].append((out + k, 1))
        balance[row_of[dcline[k, 1]]].append((into + k, -1))
        equal.add([(out + k, 1 - share), (into + k, -1)], fixed)
        lower[(out if least >= 0 else into) + k] = least
        upper[(out if most >= 0 else into) + k] = most
    for k in range(n):
        equal.add(balance[k], -constant[k])
    graph = coo_array((np.ones(len(f)), (f, t)), shape=(n, n))
    first = np.unique(connected_components(graph, directed=False)[1], return_index=True)[1]
    lower[first] = upper[first] = 0
    prices = np.zeros(size)
    prices[cost : cost + g] = 1
    prices[shed : shed + n] = value_of_lost_load
    result = linprog(
        prices,
        *below.matrix(),
        *equal.matrix(),
        np.column_stack([lower, upper]),
        options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9},
    )
    assert result.status in (0, 2), result.message
    return None if result.status == 2 else float(result.fun) * base


def lines(cost, low, high, steps):
    """Return (slope, height at 0 MW above the cost there) of the lines through a cost's points."""
    count, given = int(cost[3]), cost[4:]
    if cost[0] == 1:
        x, y = given[: 2 * count : 2], given[1 : 2 * count : 2]
    else:
        n_lines = steps if count == 3 and given[0] else 1
        x = np.unique(np.append(np.linspace(low, high, n_lines + 1), 0.0))
        y = np.polyval(given[:count], x)
    slopes = np.diff(y) / np.diff(x) if len(x) > 1 else np.zeros(1)
    if len(x) == 1:
        return [(0.0, 0.0)]
    heights = y[:-1] - slopes * x[:-1]
    # The cost at 0 is what its own segment makes of it, or the nearest end.
    place = np.clip(np.searchsorted(x, 0.0, side="right") - 1, 0, len(slopes) - 1)
    return list(zip(slopes, heights - heights[place], strict=True))


def pad(matrix, width):
    """Return a matrix with columns of zeros up to a width."""
    return np.pad(matrix, ((0, 0), (0, max(0, width - matrix.shape[1]))))


class Rows:
    """Rows of a sparse matrix and their right-hand sides."""

    def __init__(self, size):
        self.size, self.entries, self.right = size, [], []

    def add(self, entries, right):
        self.entries += [(len(self.right), column, value) for column, value in entries]
        self.right.append(right)

    def matrix(self):
        if not self.right:
            return None, None
        rows, columns, values = zip(*self.entries, strict=True)
        shape = (len(self.right), self.size)
        return coo_array((values, (rows, columns)), shape=shape).tocsr(), np.array(self.right)
