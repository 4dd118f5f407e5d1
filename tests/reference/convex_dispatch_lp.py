"""An independent model of a pool under any convex cost of its exchange: a sum of hinges, as a
linear program, solved by highspy."""

from __future__ import annotations

import highspy
import numpy as np

__all__ = ["ConvexWorld", "least_cost"]


class ConvexWorld:
    """What a game of `convex_dispatch_game` is made of, and the kinks of a coalition."""

    def __init__(self, *, resources, money, slopes, kinks, anchor, caps, batteries, losses):
        self.resources, self.money, self.slopes, self.kinks = resources, money, slopes, kinks
        self.anchor, self.caps, self.batteries, self.losses = anchor, caps, batteries, losses

    @property
    def arguments(self):
        return (
            self.resources,
            self.money,
            self.slopes,
            self.kinks,
            self.anchor,
            self.caps,
            self.batteries,
            self.losses,
        )

    def kinks_of(self, members, caps):
        """Return where the slopes of each step rise, shape (T, K)."""
        constant, resource, cap, after = self.kinks
        sums = self.resources[members].sum(axis=0)
        at = np.zeros(constant.shape)
        for step, k in np.ndindex(*at.shape):
            at[step, k] = constant[step, k]
            if resource[step, k] >= 0:
                at[step, k] += sums[resource[step, k], step]
            if cap[step, k] >= 0:
                at[step, k] += caps[cap[step, k]]
            if after[step, k]:
                at[step, k] += at[step, k - 1]
        return at

    def step_cost(self, step, at, exchange):
        """Return what an exchange within the limits costs."""
        slopes, anchor = self.slopes[step], self.anchor[step]
        cost = slopes[anchor] * (exchange - at[anchor])
        for k in range(len(at)):
            weight = slopes[k + 1] - slopes[k] if slopes[k + 1] != slopes[k] else 0.0
            beyond = max(0.0, at[k] - exchange if k < anchor else exchange - at[k])
            if np.isfinite(weight):
                cost += weight * beyond
        return cost

    def limits(self, step, at):
        """Return between which exchanges the slopes are finite."""
        slopes = self.slopes[step]
        low = [at[k] for k in range(len(at)) if slopes[k] == -np.inf < slopes[k + 1]]
        high = [at[k] for k in range(len(at)) if slopes[k] < np.inf == slopes[k + 1]]
        return (low[0] if low else -np.inf), (high[0] if high else np.inf)


def least_cost(world, members, caps):
    """Return the least cost of a coalition, or None where there is no dispatch."""
    charging, discharging, charge_wear, discharge_wear, retention = world.losses
    energy, charge_power, discharge_power, initial = (b[members].sum() for b in world.batteries)
    at = world.kinks_of(members, caps)
    solver = highspy.Highs()
    solver.silent()
    for name in ("primal_feasibility_tolerance", "dual_feasibility_tolerance"):
        solver.setOptionValue(name, 1e-10)
    cost, before = 0.0, None
    infinity = highspy.kHighsInf
    for step, kinks in enumerate(at):
        slopes, anchor = world.slopes[step], world.anchor[step]
        base = slopes[anchor]
        drawn = solver.addVariable(lb=0, ub=charge_power, obj=base + charge_wear)
        given = solver.addVariable(lb=0, ub=discharge_power, obj=discharge_wear - base)
        least = initial if step == len(at) - 1 else 0.0
        after = solver.addVariable(lb=least, ub=energy)
        cost -= base * kinks[anchor]
        low, high = world.limits(step, kinks)
        solver.addConstr(drawn - given >= max(low, -infinity))
        solver.addConstr(drawn - given <= min(high, infinity))
        for k, kink in enumerate(kinks):
            weight = slopes[k + 1] - slopes[k] if slopes[k + 1] != slopes[k] else 0.0
            if 0 < weight < np.inf:
                hinge = solver.addVariable(lb=0, obj=weight)
                if k < anchor:
                    solver.addConstr(hinge + drawn - given >= kink)
                else:
                    solver.addConstr(hinge - drawn + given >= -kink)
        gained = charging * drawn - given / discharging
        if before is None:
            solver.addConstr(after - gained == retention * initial)
        else:
            solver.addConstr(after - retention * before - gained == 0)
        before = after
    solver.run()
    if solver.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        return None
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return cost + world.money[members].sum() + solver.getInfo().objective_function_value
