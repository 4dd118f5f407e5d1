"""What a member can do and what it costs, as a linear program, slow and obvious.

Columns for each battery and step: charged, discharged and stored; then what is left unused. A cost
of the net exchange, or the net exchange itself, is given.
"""

import numpy as np
from scipy.optimize import linprog

__all__ = ["least_cost"]


def least_cost(agent, *, price=None, exchange=None):
    """Return the least ``sum w d + price q``, or the least wear for an exchange.

    None where the member cannot do it.
    """
    net, storage, hours = agent.net_load_kwh, agent.storage, agent.step_hours
    n_steps, m = len(net), len(storage)
    width = (3 * m + 1) * n_steps
    costs, upper = np.zeros(width), np.zeros(width)
    moved = np.zeros((n_steps, width))  # the net exchange beside the net load
    rows, rights, above, floors = [], [], [], []
    for k in range(m):
        charge, discharge, stored = (
            slice((3 * k + j) * n_steps, (3 * k + j + 1) * n_steps) for j in range(3)
        )
        there = np.zeros(n_steps)
        there[storage.first_step[k] : storage.end_step[k]] = 1.0
        upper[charge] = storage.charge_power_kw[k] * hours * there
        upper[discharge] = storage.discharge_power_kw[k] * hours * there
        upper[stored] = storage.energy_kwh[k]
        costs[discharge] = storage.degradation_cost_per_kwh[k]
        moved[:, charge] += np.eye(n_steps)
        moved[:, discharge] -= np.eye(n_steps)
        for t in range(n_steps):
            row = np.zeros(width)
            row[stored.start + t] = 1.0
            if t:
                row[stored.start + t - 1] = -1.0
            row[charge.start + t] = -storage.charge_efficiency[k]
            row[discharge.start + t] = 1.0 / storage.discharge_efficiency[k]
            rows.append(row)
            rights.append(0.0 if t else storage.initial_charge_kwh[k])
        last = np.zeros(width)
        last[stored.start + n_steps - 1] = -1.0
        above.append(last)
        floors.append(-storage.initial_charge_kwh[k])
    unused = slice(3 * m * n_steps, width)
    upper[unused] = agent.unused_kwh if len(agent.unused_kwh) else 0.0
    moved[:, unused] += np.eye(n_steps)
    constant = 0.0
    if price is not None:
        costs = costs + price @ moved
        constant = float(price @ net)
    else:
        rows += list(moved)
        rights += (exchange - net).tolist()
    found = linprog(
        costs,
        A_ub=np.array(above) if above else None,
        b_ub=floors or None,
        A_eq=np.array(rows) if rows else None,
        b_eq=rights or None,
        bounds=np.column_stack([np.zeros(width), upper]),
    )
    return found.fun + constant if found.status == 0 else None
