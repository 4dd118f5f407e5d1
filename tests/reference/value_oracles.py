"""Slow, obvious, exact reference methods: rational arithmetic, straight from the definitions.

Tables are in binary order, as lists of numbers that ``Fraction`` takes without loss.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import permutations
from math import factorial


def semivalue(table: Sequence[float], weights: Sequence[Fraction]) -> list[Fraction]:
    """Weighted sum of the marginal contributions to the coalitions of each size."""
    values = [Fraction(value) for value in table]
    n_players = len(weights)
    return [
        sum(
            (
                weights[mask.bit_count()] * (values[mask | 1 << player] - values[mask])
                for mask in range(len(values))
                if not mask >> player & 1
            ),
            Fraction(0),
        )
        for player in range(n_players)
    ]


def banzhaf_value(table: Sequence[float]) -> list[Fraction]:
    """Mean marginal contribution over all coalitions of the others."""
    n_players = len(table).bit_length() - 1
    return semivalue(table, [Fraction(1, 2 ** (n_players - 1))] * n_players)


def shapley_value(table: Sequence[float]) -> list[Fraction]:
    """Mean marginal contribution over all orders of the players, one by one."""
    n_players = len(table).bit_length() - 1
    sums = [Fraction(0)] * n_players
    for order in permutations(range(n_players)):
        mask = 0
        for player in order:
            sums[player] += Fraction(table[mask | 1 << player]) - Fraction(table[mask])
            mask |= 1 << player
    return [total / factorial(n_players) for total in sums]


def shapley_shubik_index(weights: Sequence[int], quota: int) -> list[Fraction]:
    """Shapley value of the weighted majority, by counting coalitions of each size and weight."""
    n_players, total = len(weights), sum(weights)
    index = []
    for player, own in enumerate(weights):
        count = [[0] * (total + 1) for _ in range(n_players)]
        count[0][0] = 1
        for other, weight in enumerate(weights):
            if other != player:
                for size in range(n_players - 2, -1, -1):
                    for reached in range(total - weight, -1, -1):
                        if count[size][reached]:
                            count[size + 1][reached + weight] += count[size][reached]
        decisive = [sum(reached[max(0, quota - own) : quota]) for reached in count]
        orders = (
            factorial(size) * factorial(n_players - size - 1) * decisive[size]
            for size in range(n_players)
        )
        index.append(Fraction(sum(orders), factorial(n_players)))
    return index
