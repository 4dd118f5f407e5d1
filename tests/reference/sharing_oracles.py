"""What members who share over the public grid pay: exactly, by plain loops, and by programs.

Nothing here knows a merit order, a clearing price or a netting term. Sharing of a step is a
transport of energy from points to points, of which each kWh gains what it spares.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.optimize import linprog


def _offers(world, coalition, step):
    """Return the points of a coalition with what each draws, feeds in, pays and earns in a step.

    Of energy the part that takes part in sharing.
    """
    prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
    return [
        (
            point,
            point.participation * float(point.import_kwh[step]),
            point.participation * float(point.export_kwh[step]),
            float(prices[point.contract][0][step]),
            float(prices[point.contract][1][step]),
        )
        for point in world.points
        if point.member in coalition
    ]


def _may_share(world, coalition, taker, giver):
    if world.own_points == "with_others" and len(coalition) == 1:
        return False
    return world.own_points != "never" or taker.member != giver.member


def _fee(world, taker, giver, step):
    return float(
        world.fee_per_kwh[world.zones.index(giver.zone), world.zones.index(taker.zone), step]
    )


def exact_cost(world, coalition):
    """Return the energy cost of a coalition as a fraction: in each step, path by best path.

    A path goes from what a point feeds in to what another draws, and may give back what earlier
    paths took; the best one gains most for each kWh. Where none gains, no transport is better.
    """
    total = Fraction(0)
    for step in range(world.steps.n_steps):
        offers = _offers(world, coalition, step)
        drawn = {a: Fraction(offer[1]) for a, offer in enumerate(offers) if offer[1]}
        fed_in = {b: Fraction(offer[2]) for b, offer in enumerate(offers) if offer[2]}
        for _, d, g, buy, sell in offers:
            total += Fraction(buy) * Fraction(d) - Fraction(sell) * Fraction(g)
        gain = {
            (b, a): Fraction(offers[a][3])
            - Fraction(offers[b][4])
            - Fraction(_fee(world, offers[a][0], offers[b][0], step))
            for b in fed_in
            for a in drawn
            if _may_share(world, coalition, offers[a][0], offers[b][0])
        }
        shared = dict.fromkeys(gain, Fraction(0))
        while True:
            # The most that a kWh gains which has come to a giver or a taker, and the way there.
            best = {("give", b): (Fraction(0), []) for b, left in fed_in.items() if left}
            for _ in range(len(drawn) + len(fed_in)):
                for (b, a), worth in gain.items():
                    arcs = [(("give", b), ("take", a), worth)]
                    if shared[b, a]:
                        arcs.append((("take", a), ("give", b), -worth))
                    for start, end, value in arcs:
                        if start in best:
                            found = best[start][0] + value
                            if end not in best or found > best[end][0]:
                                best[end] = (found, [*best[start][1], (start, end, b, a)])
            ends = [end for (kind, a), end in best.items() if kind == "take" and drawn[a]]
            value, path = max(ends, key=lambda end: end[0], default=(Fraction(0), []))
            if value <= 0:
                break
            most = min(
                fed_in[path[0][2]],
                drawn[path[-1][3]],
                *(shared[b, a] for start, _, b, a in path if start[0] == "take"),
            )
            for start, _, b, a in path:
                shared[b, a] += most if start[0] == "give" else -most
            fed_in[path[0][2]] -= most
            drawn[path[-1][3]] -= most
            total -= most * value
    return total


def exact_costs(world):
    """Return the energy costs of all coalitions, in binary order."""
    return [
        exact_cost(world, [m for i, m in enumerate(world.members) if mask >> i & 1])
        for mask in range(1 << len(world.members))
    ]


def least_cost(world, coalition):
    """Return the energy cost of a coalition, by one linear program over points in each step."""
    cost = 0.0
    for step in range(world.steps.n_steps):
        offers = _offers(world, coalition, step)
        if not offers:
            return 0.0
        points = [offer[0] for offer in offers]
        d, g, buy, sell = np.array([offer[1:] for offer in offers]).T
        cost += buy @ d - sell @ g
        spared = [
            [buy[a] - sell[b] - _fee(world, taker, giver, step) for b, giver in enumerate(points)]
            for a, taker in enumerate(points)
        ]
        most = [
            np.inf if _may_share(world, coalition, taker, giver) else 0.0
            for taker in points
            for giver in points
        ]
        n = len(points)
        rows = np.vstack([np.kron(np.eye(n), np.ones(n)), np.kron(np.ones(n), np.eye(n))])
        bounds = [(0.0, limit) for limit in most]
        cost += linprog(-np.ravel(spared), rows, np.concatenate([d, g]), bounds=bounds).fun
    return cost


def ends_of_bill(world, member):
    """Return the lowest and the highest energy bill of a member at any dual prices of all.

    The programs are over all prices of points, not only those that one price of a step gives.
    """
    ends = [0.0, 0.0]
    for step in range(world.steps.n_steps):
        offers = _offers(world, world.members, step)
        points = [offer[0] for offer in offers]
        d, g, buy, sell = np.array([offer[1:] for offer in offers]).T
        takers, givers = np.flatnonzero(d), np.flatnonzero(g)
        rows, worth = [], []
        for a in takers:
            for b in givers:
                row = np.zeros(2 * len(points))
                row[a] = row[len(points) + b] = -1.0
                rows.append(row)
                worth.append(-(buy[a] - sell[b] - _fee(world, points[a], points[b], step)))
        energy = np.concatenate([d, g])
        own = np.array([point.member == member for point in points] * 2)
        alone = sum((buy * d - sell * g)[own[: len(points)]])
        if not rows:
            ends = [end + alone for end in ends]
            continue
        dual = {"A_ub": np.array(rows), "b_ub": np.array(worth)}
        gain = linprog(energy, **dual).fun
        for number, sign in enumerate((-1.0, 1.0)):
            found = linprog(
                sign * energy * own, **dual, A_eq=[energy], b_eq=[gain], bounds=(0.0, None)
            )
            ends[number] += alone - sign * found.fun
    return ends


def least_cost_with_storage(world, coalition):
    """Return the energy cost of a coalition with its batteries, by one program of all steps.

    Each battery by itself buys and sells outside under the storage's contract, takes from points
    what they feed in and gives to points what they draw; nothing is pooled, and nothing is passed
    on: what points share is what their registers have.
    """
    steps, hours = world.steps.n_steps, world.steps.step_hours
    contract = {contract.name: contract for contract in world.contracts}[world.storage_contract]
    stores = [battery for battery in world.batteries if battery.owner in coalition]
    fee = float(world.fee_per_kwh[0, 0, 0])
    outside = contract.prices(world.steps)
    cost, upper, below, equal = [], [], [], []
    constant = 0.0

    def column(price, most=np.inf):
        cost.append(price)
        upper.append(most)
        return len(cost) - 1

    charged = [[[] for _ in range(steps)] for _ in stores]
    delivered = [[[] for _ in range(steps)] for _ in stores]
    for step in range(steps):
        offers = _offers(world, coalition, step)
        taken, given = [[] for _ in offers], [[] for _ in offers]
        for a, (_, d, g, buy, sell) in enumerate(offers):
            constant += buy * d - sell * g
            for b, (_, _, _, _, ask) in enumerate(offers):
                shared = column(ask + fee - buy)
                taken[a].append(shared)
                given[b].append(shared)
        for number in range(len(stores)):
            charged[number][step].append(column(outside[0][step]))
            delivered[number][step].append(column(-outside[1][step]))
            for a, (_, _, _, buy, sell) in enumerate(offers):
                given[a].append(column(sell + fee))
                charged[number][step].append(given[a][-1])
                taken[a].append(column(fee - buy))
                delivered[number][step].append(taken[a][-1])
        for a, (_, d, g, _, _) in enumerate(offers):
            below += [(dict.fromkeys(taken[a], 1.0), d), (dict.fromkeys(given[a], 1.0), g)]
    for number, battery in enumerate(stores):
        before = None
        for step in range(steps):
            most = [power * hours for power in battery.powers_kw]
            for ways, limit in zip((charged, delivered), most, strict=True):
                below.append((dict.fromkeys(ways[number][step], 1.0), limit))
            state = column(0.0, battery.energy_kwh)
            row = {state: 1.0} | ({} if before is None else {before: -1.0})
            row |= dict.fromkeys(charged[number][step], -battery.charge_efficiency)
            row |= dict.fromkeys(delivered[number][step], 1 / battery.discharge_efficiency)
            equal.append((row, battery.initial_charge_kwh if before is None else 0.0))
            for way in delivered[number][step]:
                cost[way] += battery.degradation_cost_per_kwh
            before = state
        below.append(({before: -1.0}, -battery.initial_charge_kwh))
    if not cost:
        return constant

    def matrix(rows):
        dense = np.zeros((len(rows), len(cost)))
        for number, (row, _) in enumerate(rows):
            dense[number, list(row)] = list(row.values())
        return dense, np.array([side for _, side in rows])

    a_ub, b_ub = matrix(below)
    found = linprog(
        cost,
        a_ub,
        b_ub,
        *(matrix(equal) if equal else (None, None)),
        bounds=list(zip(np.zeros(len(cost)), upper, strict=True)),
    )
    return constant + found.fun
