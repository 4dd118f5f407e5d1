"""The risk of costs in fractions, from the definition: no weights, no sorting."""

from fractions import Fraction
from itertools import combinations


def risk_of_costs(costs, probabilities, level, weight):
    """Return ``(1 - k) E + k min_z (z + E (c - z)^+ / (1 - a))``; at the level 1 with the maximum.

    A convex function of z that is linear between the costs is least at one of them.
    """
    mean = sum((p * c for p, c in zip(probabilities, costs, strict=True)), Fraction(0))
    if level == 1:
        return (1 - weight) * mean + weight * max(costs)
    tails = [
        z + sum(p * max(c - z, 0) for p, c in zip(probabilities, costs, strict=True)) / (1 - level)
        for z in costs
    ]
    return (1 - weight) * mean + weight * min(tails)


def netting_table(net, buy, sell, probabilities, level, weight):
    """Return the risks of all coalitions that net one step in each scenario, in binary order.

    `net` has a row for each member and a column for each scenario.
    """
    table = [Fraction(0)] * 2 ** len(net)
    for size in range(1, len(net) + 1):
        for members in combinations(range(len(net)), size):
            loads = [sum(net[i][w] for i in members) for w in range(len(probabilities))]
            costs = [buy * max(load, 0) - sell * max(-load, 0) for load in loads]
            table[sum(1 << i for i in members)] = risk_of_costs(costs, probabilities, level, weight)
    return table
