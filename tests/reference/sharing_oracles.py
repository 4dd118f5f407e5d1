"""What members who share over the public grid pay: exactly, by plain loops, and by programs.

Nothing here knows a merit order, a clearing price or a netting term. Sharing of a step is a
transport of energy from points to points, of which each kWh gains what it spares.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.optimize import linprog


def _offers(world, coalition, step):
    """Return the points of a coalition with what each draws, feeds in, pays and earns in a step."""
    prices = {contract.name: contract.prices(world.steps) for contract in world.contracts}
    return [
        (
            point,
            float(point.import_kwh[step]),
            float(point.export_kwh[step]),
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
