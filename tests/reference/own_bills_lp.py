"""An independent model of a dispatch in which everybody pays an own bill: each flow by itself.

Energy flows from a member's grid connection, spare PV or account to a load, an account or the
grid. The linear programs are scipy's.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog


class OwnBills:
    """The dispatches of a community without side payments; batteries each by itself."""

    def __init__(self, community, disagreement):
        self.n, self.steps = community.net_load_kwh.shape
        self.disagreement = np.asarray(disagreement, dtype=float)
        self._names: dict[tuple, int] = {}
        self._rows: list[tuple[dict[int, float], float]] = []
        self._equal: list[tuple[dict[int, float], float]] = []
        batteries = [b for b in community.batteries if b.energy_kwh > 0 and b.powers_kw[0] > 0]
        for i in range(self.n):
            for t in range(self.steps):
                self._add_member(community, batteries, i, t)
        for u, battery in enumerate(batteries):
            self._add_battery(community, battery, u, len(batteries))
        self._bills = np.zeros((self.n, len(self._names)))
        for (kind, i, t, *_), column in self._names.items():
            if kind in ("grid to load", "grid to account"):
                self._bills[i, column] = community.buy_per_kwh[t]
            elif kind in ("spare to grid", "account to grid"):
                self._bills[i, column] = -community.sell_per_kwh[t]

    def most(self, weights, at_least=0.0):
        """Return the gains of a dispatch of the largest weighted sum, each at least so much."""
        found = linprog(
            np.asarray(weights) @ self._bills,
            A_ub=np.vstack([self._matrix(self._rows), self._bills]),
            b_ub=[*(side for _, side in self._rows), *(self.disagreement - at_least)],
            A_eq=self._matrix(self._equal),
            b_eq=[side for _, side in self._equal],
            method="highs",
        )
        assert found.status == 0, found.message
        return self.disagreement - self._bills @ found.x

    def _matrix(self, rows):
        matrix = np.zeros((len(rows), len(self._names)))
        for number, (row, _) in enumerate(rows):
            for column, factor in row.items():
                matrix[number, column] = factor
        return matrix

    def _flow(self, *name):
        return self._names.setdefault(name, len(self._names))

    def _add_member(self, community, batteries, i, t):
        """Add where the load of a member comes from, and where what is spare goes."""
        load = community.net_load_kwh[i, t]
        units = range(len(batteries))
        spare = [j for j in range(self.n) if community.net_load_kwh[j, t] < 0]
        if load > 0:
            sources = [self._flow("grid to load", i, t)]
            sources += [self._flow("account to load", i, t, u) for u in units]
            sources += [self._flow("spare to load", j, t, i) for j in spare]
            self._equal.append((dict.fromkeys(sources, 1.0), load))
        if load < 0:
            uses = [self._flow("spare to grid", i, t)]
            for j in range(self.n):
                uses += [self._flow("spare to account", i, t, j, u) for u in units]
                if community.net_load_kwh[j, t] > 0:
                    uses.append(self._flow("spare to load", i, t, j))
            self._equal.append((dict.fromkeys(uses, 1.0), -load))

    def _add_battery(self, community, battery, u, n_units):
        """Add the accounts of all members in a battery."""
        net_load, hours = community.net_load_kwh, community.steps.step_hours
        initial = [
            battery.initial_charge_kwh * (member == battery.owner) for member in community.members
        ]
        stored: list[dict[int, float]] = [{} for _ in range(self.n)]
        for t in range(self.steps):
            drawn, delivered = [], []
            for i in range(self.n):
                into = [self._flow("grid to account", i, t, u)]
                into += [
                    self._flow("spare to account", j, t, i, u)
                    for j in range(self.n)
                    if net_load[j, t] < 0
                ]
                into += [self._flow("account to account", i, t, k, u) for k in range(n_units)]
                out = [self._flow("account to grid", i, t, u)]
                out += [self._flow("account to account", i, t, u, k) for k in range(n_units)]
                if net_load[i, t] > 0:
                    out.append(self._flow("account to load", i, t, u))
                for flow in into:
                    stored[i][flow] = stored[i].get(flow, 0.0) + battery.charge_efficiency
                for flow in out:
                    stored[i][flow] = stored[i].get(flow, 0.0) - 1.0 / battery.discharge_efficiency
                least = initial[i] if t == self.steps - 1 else 0.0
                self._rows.append(({k: -x for k, x in stored[i].items()}, initial[i] - least))
                drawn += into
                delivered += out
            for flows, power_kw in zip((drawn, delivered), battery.powers_kw, strict=True):
                self._rows.append((dict.fromkeys(flows, 1.0), power_kw * hours))
            together = {k: x for member in stored for k, x in member.items()}
            self._rows.append((together, battery.energy_kwh - sum(initial)))
