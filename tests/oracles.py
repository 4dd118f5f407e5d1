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
