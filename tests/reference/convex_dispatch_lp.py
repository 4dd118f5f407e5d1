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

    @classmethod
    def of(cls, costs, unit):
        """Return the world of step costs without caps; the pool wears when it delivers."""
        return cls(
            resources=costs.resources,
            money=costs.money.sum(axis=1),
            slopes=costs.slopes,
            kinks=(costs.constants, costs.rows, costs.caps, costs.rungs),
            anchor=costs.anchor,
            caps=np.zeros(0),
            batteries=(unit.energy_kwh, unit.charge_kwh, unit.discharge_kwh, unit.initial_kwh),
            losses=(
                unit.charge_efficiency,
                unit.discharge_efficiency,
                0.0,
                unit.degradation_cost_per_kwh,
                1.0,
            ),
        )

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


def least_cost(world, members, caps, cap_prices=()):
    """Return the least cost of a coalition, or None where there is no dispatch.

    With `cap_prices` the caps are chosen, too, from 0 on, and `caps` are zeros.
    """
    charging, discharging, charge_wear, discharge_wear, retention = world.losses
    energy, charge_power, discharge_power, initial = (b[members].sum() for b in world.batteries)
    at = world.kinks_of(members, caps)
    highs, infinity = highspy.Highs(), highspy.kHighsInf
    highs.silent()
    for kind in ("primal", "dual"):
        highs.setOptionValue(f"{kind}_feasibility_tolerance", 1e-10)

    def column(cost, lower, upper):
        highs.addVar(lower, upper)
        number = highs.getNumCol() - 1
        highs.changeColCost(number, cost)
        return number

    def row(lower, upper, terms):
        columns = np.array([number for number, _ in terms], dtype=np.int32)
        highs.addRow(lower, upper, len(terms), columns, np.array([x for _, x in terms]))

    constant, before = float(world.money[members].sum()), None
    chosen = [column(price, 0.0, infinity) for price in cap_prices]
    for step, kinks in enumerate(at):
        slopes, anchor = world.slopes[step], world.anchor[step]
        base = slopes[anchor]
        drawn = column(base + charge_wear, 0.0, charge_power)
        given = column(discharge_wear - base, 0.0, discharge_power)
        state = column(0.0, initial if step == len(at) - 1 else 0.0, energy)
        constant -= base * kinks[anchor]
        low, high = world.limits(step, kinks)
        row(max(low, -infinity), min(high, infinity), [(drawn, 1.0), (given, -1.0)])
        held = [(state, 1.0), (drawn, -charging), (given, 1.0 / discharging)]
        kept = retention * initial if before is None else 0.0
        if before is not None:
            held.append((before, -retention))
        row(kept, kept, held)
        before = state
        for k, kink in enumerate(kinks):
            weight = slopes[k + 1] - slopes[k] if slopes[k + 1] != slopes[k] else 0.0
            if 0 < weight < np.inf:
                beyond, sign = column(weight, 0.0, infinity), 1.0 if k < anchor else -1.0
                terms = [(beyond, 1.0), (drawn, sign), (given, -sign)]
                if chosen and (cap := world.kinks[2][step, k]) >= 0:
                    terms.append((chosen[cap], -sign))
                row(sign * kink, infinity, terms)
    highs.run()
    if highs.getModelStatus() == highspy.HighsModelStatus.kInfeasible:
        return None
    assert highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
    return constant + highs.getInfo().objective_function_value
