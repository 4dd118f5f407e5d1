"""An independent model of members who share under contracts of their own, with each other and with
their pool: a linear program by SciPy."""

import numpy as np
from scipy.optimize import linprog


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
