"""Users who rent storage, as plain linear programs solved by scipy's HiGHS.

Columns of one user, T steps each: bought, sold, drawn, delivered, stored after; then capacity and
power. Independent of the recursion: a program for each rent.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import block_diag, csr_matrix, hstack, vstack

SLACK = 1e-9
"""By how much a schedule may cost more than the least and still count as optimal."""


class User:
    """One user behind a meter of its own."""

    def __init__(self, net, buy, sell, charge=1.0, discharge=1.0, power_per_kwh=None):
        steps = len(net)
        self.steps, self.n_columns = steps, 5 * steps + 2
        self.bill = np.concatenate([buy, -np.asarray(sell), np.zeros(3 * steps + 2)])
        eye, zero = np.eye(steps), np.zeros((steps, steps))
        column = np.zeros((steps, 1))
        self.equal = np.block(
            [
                [eye, -eye, -eye, eye, zero, column, column],
                [
                    zero,
                    zero,
                    -charge * eye,
                    eye / discharge,
                    eye - np.eye(steps, k=-1),
                    column,
                    column,
                ],
            ]
        )
        self.equals = np.concatenate([net, np.zeros(steps)])
        full, one = np.zeros((steps, steps)), np.ones((steps, 1))
        rows = [
            [full, full, full, full, eye, -one, column],
            [full, full, eye, full, full, column, -one],
            [full, full, full, eye, full, column, -one],
        ]
        self.below = np.block(rows)
        if power_per_kwh is not None:
            coupled = np.zeros((1, self.n_columns))
            coupled[0, -2:] = -power_per_kwh, 1.0
            self.below = np.vstack([self.below, coupled])

    def least_cost(self, energy_rent=0.0, power_rent=0.0, energy=None, power=None):
        """Return the least bill with rent, of storage of a given size or as much as pays."""
        cost = self.bill.copy()
        cost[-2:] += energy_rent, power_rent
        bounds = [(0, None)] * (self.n_columns - 2)
        bounds += [(0, None) if size is None else (size, size) for size in (energy, power)]
        found = linprog(
            cost,
            A_ub=self.below,
            b_ub=np.zeros(len(self.below)),
            A_eq=self.equal,
            b_eq=self.equals,
            bounds=bounds,
            method="highs",
        )
        assert found.success, found.message
        return found.fun

    def columns(self, name):
        """Return the numbers of the columns of a kind."""
        kind = ("bought", "sold", "drawn", "delivered", "stored").index(name)
        return np.arange(self.steps) + kind * self.steps


def needs(users, sizes, energy_cost, power_cost=0.0, wear_cost=0.0):
    """Return what the operator pays for the kindest optimal schedules, and the most it may hold.

    Parameters
    ----------
    users : list of User
    sizes : list of float
        The capacity of each; power as much as that allows.
    """
    blocks = [csr_matrix(user.below) for user in users]
    steps, total = users[0].steps, sum(user.n_columns for user in users)
    rows = [hstack([block_diag(blocks), csr_matrix((sum(b.shape[0] for b in blocks), 2 + steps))])]
    limits = [np.zeros(rows[0].shape[0])]
    bounds, at = [], 0
    holds, draws = np.zeros((steps, total)), np.zeros((steps, total))
    for user, size in zip(users, sizes, strict=True):
        optimal = np.zeros((1, total + 2 + steps))
        optimal[0, at : at + user.n_columns] = user.bill
        rows.append(csr_matrix(optimal))
        limits.append([user.least_cost(energy=size) + SLACK])
        bounds += [(0, None)] * (user.n_columns - 2) + [(size, size), (0, None)]
        t = np.arange(steps)
        holds[t, at + user.columns("stored")] = 1.0
        draws[t, at + user.columns("drawn")] = 1.0
        draws[t, at + user.columns("delivered")] = -1.0
        at += user.n_columns
    nothing, one = np.zeros((steps, steps)), np.ones((steps, 1))
    rows += [
        csr_matrix(np.hstack([holds, -one, 0 * one, nothing])),
        csr_matrix(np.hstack([draws, 0 * one, -one, nothing])),
        csr_matrix(np.hstack([-draws, 0 * one, -one, nothing])),
        csr_matrix(np.hstack([-draws, 0 * one, 0 * one, -np.eye(steps)])),
    ]
    limits += [np.zeros(4 * steps)]
    equal = hstack(
        [
            block_diag([csr_matrix(user.equal) for user in users]),
            csr_matrix((2 * steps * len(users), 2 + steps)),
        ]
    )
    program = {
        "A_ub": vstack(rows),
        "b_ub": np.concatenate(limits),
        "A_eq": equal,
        "b_eq": np.concatenate([user.equals for user in users]),
        "bounds": bounds + [(0, None)] * (2 + steps),
        "method": "highs",
    }
    cost = np.concatenate([np.zeros(total), [energy_cost, power_cost], np.full(steps, wear_cost)])
    kindest = linprog(cost, **program)
    assert kindest.success, kindest.message
    most = 0.0
    for step in range(steps):
        held = linprog(-np.concatenate([holds[step], np.zeros(2 + steps)]), **program)
        assert held.success, held.message
        most = max(most, -held.fun)
    return kindest.fun, most
