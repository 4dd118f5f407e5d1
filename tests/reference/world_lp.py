"""An independent model of a community with all that the linear dispatch has: dense, by SciPy.

Each battery by itself, each member's own flow and PV by itself; nothing is grouped.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import linprog

from tests.reference.controlled_storage import is_there


def peaks_of_steps(day):
    """Return for each step the demand charges that it is under: (name of the period, price)."""
    peaks = []
    for time in day.steps.times.tolist():
        minute = time.hour * 60 + time.minute
        found = [("all", day.grid.demand_charge_per_kw)]
        for number, charge in enumerate(day.grid.demand_charges):
            start, end = charge.start_minute, charge.end_minute
            inside = start <= minute < end if start < end else minute >= start or minute < end
            if inside and time.weekday() in charge.days:
                period = (time.year, time.month) if charge.per == "month" else ()
                found.append(((number, *period), charge.price_per_kw))
        peaks.append(found)
    return peaks


def least_cost(days, weights, members, risk=None):
    """Return the least expected cost of a coalition in weighted scenarios; NaN if there is none.

    With a risk, (level, weight) of its CVaR, the least risk; at the level 1 that of the worst case.
    With a binary for each battery and step where charging and discharging at once is forbidden.
    """
    columns: list[tuple[float, float, float]] = []  # cost, lower, upper
    equal: list[tuple[dict[int, float], float]] = []
    below: list[tuple[dict[int, float], float]] = []
    whole: list[int] = []
    of_scenario: list[dict[int, float]] = []  # what each of its columns costs

    def column(cost=0.0, lower=0.0, upper=math.inf):
        columns.append((cost, lower, upper))
        return len(columns) - 1

    first = days[0]
    years = first.steps.n_steps * first.steps.step_hours / 8760
    sizes = [
        (column(offer.price_per_kwh_year * years), column(offer.price_per_kw_year * years))
        for offer in first.storage_offers
    ]
    powers = [column(offer.price_per_kw_day * years * 365) for offer in first.generation_offers]
    for day, weight in zip(days, weights, strict=True):
        grid, hours, first_column = day.grid, day.steps.step_hours, len(columns)
        inside = [index for index, member in enumerate(day.members) if member in members]
        peaks = peaks_of_steps(day)
        peak_of = {
            name: column(weight * price) for name, price in {p for part in peaks for p in part}
        }
        stored: dict[object, tuple[int, float]] = {}
        stores = [
            (battery, battery.owner, battery.energy_kwh, battery.powers_kw, None)
            for battery in day.batteries
            if battery.owner in members
        ]
        stores += [
            (offer, None, math.inf, (math.inf, math.inf), size)
            for offer, size in zip(day.storage_offers, sizes, strict=True)
        ]
        for t in range(day.steps.n_steps):
            bought = column(weight * day.buy_per_kwh[t], 0, grid.import_limit_kw * hours)
            sold = column(-weight * day.sell_per_kwh[t], 0, grid.export_limit_kw * hours)
            below += [({bought: 1.0, peak_of[name]: -hours}, 0.0) for name, _ in peaks[t]]
            flow = {member: {} for member in members}
            balance = {bought: 1.0, sold: -1.0}
            for offer, power in zip(day.generation_offers, powers, strict=True):
                balance[power] = float(offer.profile[t])
            for index, (store, owner, energy, powers_kw, size) in enumerate(stores):
                if size is None and not is_there(day, store, t):
                    stored.pop(index, None)
                    continue
                last = t == day.steps.n_steps - 1 or (
                    size is None and not is_there(day, store, t + 1)
                )
                initial = store.initial_charge_kwh if size is None else 0.0
                charge = column(0.0, 0, powers_kw[0] * hours)
                wear = weight * store.degradation_cost_per_kwh
                discharge = column(wear, 0, powers_kw[1] * hours)
                state = column(0.0, initial if last else 0.0, energy)
                balance |= {charge: -1.0, discharge: 1.0}
                if day.exclusive:
                    whole.append(column(0.0, 0, 1))
                    below.append(({charge: 1.0, whole[-1]: -powers_kw[0] * hours}, 0.0))
                    most = powers_kw[1] * hours
                    below.append(({discharge: 1.0, whole[-1]: most}, most))
                if owner:
                    flow[owner] |= {charge: 1.0, discharge: -1.0}
                row = {
                    state: 1.0,
                    charge: -store.charge_efficiency,
                    discharge: 1 / store.discharge_efficiency,
                }
                if index in stored:
                    row[stored[index][0]] = -1.0
                equal.append((row, 0.0 if index in stored else initial))
                stored[index] = (state, initial)
                if size is not None:
                    below += [({charge: 1.0, size[1]: -hours}, 0.0)]
                    below += [({discharge: 1.0, size[1]: -hours}, 0.0)]
                    below += [({state: 1.0, size[0]: -1.0}, 0.0)]
            for index in inside:
                member = day.members[index]
                pv = max(day.pv_kwh[index, t], 0.0) if member in day.curtailment else 0.0
                unused = column(0.0, 0, pv)
                balance[unused] = -1.0
                flow[member][unused] = 1.0
            net = {day.members[index]: day.net_load_kwh[index, t] for index in inside}
            equal.append((balance, sum(net.values())))
            limits = [([m], kw) for m, kw in grid.connection_limits_kw.items() if m in members]
            limits += [(line.members & set(members), line.limit_kw) for line in grid.lines]
            for behind, kw in limits:
                total = {k: v for member in behind for k, v in flow[member].items()}
                load = sum(net[member] for member in behind)
                below.append((total, kw * hours - load))
                below.append(({k: -v for k, v in total.items()}, kw * hours + load))

        of_scenario.append(
            {k: columns[k][0] / weight for k in range(first_column, len(columns)) if columns[k][0]}
        )
    if risk is not None:
        level, k = risk
        for costs in of_scenario:
            for number in costs:
                columns[number] = (0.0, *columns[number][1:])
        above = column(k, -math.inf)
        for costs, weight in zip(of_scenario, weights, strict=True):
            total = column((1 - k) * weight, -math.inf)
            equal.append(({**costs, total: -1.0}, 0.0))
            row = {total: 1.0, above: -1.0}
            if level < 1:
                row[column(k * weight / (1 - level))] = -1.0
            below.append((row, 0.0))

    def dense(rows):
        matrix = np.zeros((len(rows), len(columns)))
        for place, (entries, _) in enumerate(rows):
            for number, value in entries.items():
                matrix[place, number] = value
        return matrix, np.array([bound for _, bound in rows])

    a_eq, b_eq = dense(equal)
    a_ub, b_ub = dense(below)
    result = linprog(
        [cost for cost, _, _ in columns],
        A_ub=a_ub,
        b_ub=b_ub,
        A_eq=a_eq,
        b_eq=b_eq,
        bounds=[(low, high) for _, low, high in columns],
        integrality=[int(number in whole) for number in range(len(columns))] if whole else None,
    )
    return result.fun if result.success else math.nan
