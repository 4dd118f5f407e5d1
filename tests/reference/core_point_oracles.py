"""Slow, exact reference methods for chosen points of the core, in fractions, for 2 to 4 players."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from reference.stability_oracles import Row, maximise, solve_exactly

Coalitions = list[tuple[Row, Fraction]]


def proper(table: Sequence[float], sign: int) -> Coalitions:
    """Return membership and worth, in the sense of gains, of all proper coalitions."""
    n = len(table).bit_length() - 1
    return [
        ([Fraction(mask >> i & 1) for i in range(n)], sign * Fraction(table[mask]))
        for mask in range(1, len(table) - 1)
    ]


def largest_excess(table: Sequence[float], sign: int, x: Row, per_capita: bool = False) -> Fraction:
    """Return the largest excess (per member) of a proper coalition; x is in the sense of gains."""
    return max(
        (worth - dot(row, x)) / (sum(row) if per_capita else 1)
        for row, worth in proper(table, sign)
    )


def dot(a: Row, b: Row) -> Fraction:
    """Return the product of two vectors."""
    return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))


def always_tight(
    table: Sequence[float], sign: int, value: Fraction, equal: Fraction, per_capita: bool = False
) -> set[int]:
    """Return the masks of the coalitions of this excess, up to a difference, at every vertex.

    The value is an excess per member where that is said; the difference is of whole excesses.
    """
    n = len(table).bit_length() - 1
    # What each coalition needs to have an excess of the value.
    coalitions = [
        (row, worth - value * (sum(row) if per_capita else 1)) for row, worth in proper(table, sign)
    ]
    total = ([Fraction(1)] * n, sign * Fraction(table[-1]))
    vertices = []
    for chosen in combinations(coalitions, n - 1):
        rows = [total, *chosen]
        x = solve_exactly([row for row, _ in rows], [b for _, b in rows])
        if x is not None and all(needed <= dot(row, x) for row, needed in coalitions):
            vertices.append(x)
    return {
        mask
        for mask, (row, needed) in enumerate(coalitions, start=1)
        if all(needed - dot(row, x) >= -equal for x in vertices)
    }


def nearest(table: Sequence[float], sign: int, allowed: Fraction, reference: Row) -> Row:
    """Return the point nearest to a reference: of all sets of tight coalitions, the best that fits.

    Shares, and the reference, are in the sense of gains.
    """
    coalitions, n = proper(table, sign), len(table).bit_length() - 1
    total = ([Fraction(1)] * n, sign * Fraction(table[-1]))
    found = []
    for size in range(n):
        for chosen in combinations(coalitions, size):
            rows = [total, *((row, worth - allowed) for row, worth in chosen)]
            # x - r = sum of m_S 1_S, and the rows have what they are to have.
            gram = [[dot(a, b) for b, _ in rows] for a, _ in rows]
            m = solve_exactly(gram, [b - dot(a, reference) for a, b in rows])
            if m is None:
                continue
            x = [
                r + sum((c * a[i] for c, (a, _) in zip(m, rows, strict=True)), Fraction(0))
                for i, r in enumerate(reference)
            ]
            if all(worth - dot(row, x) <= allowed for row, worth in coalitions):
                apart = [a - b for a, b in zip(x, reference, strict=True)]
                found.append((dot(apart, apart), x))
    return min(found)[1]


def leximin(table: Sequence[float], sign: int, allowed: Fraction, reference: Row) -> Row:
    """Return the point of the lexicographic max-min of advantages, by a program for each level."""
    n = len(reference)
    settled: dict[int, Fraction] = {}
    while len(settled) < n:
        level = highest(table, sign, allowed, reference, settled, None, None)
        free = [i for i in range(n) if i not in settled]
        held = [
            i for i in free if highest(table, sign, allowed, reference, settled, level, i) == level
        ]
        settled |= dict.fromkeys(held, level)
    return [reference[i] + settled[i] for i in range(n)]


def highest(
    table: Sequence[float],
    sign: int,
    allowed: Fraction,
    reference: Row,
    settled: dict[int, Fraction],
    level: Fraction | None,
    player: int | None,
) -> Fraction:
    """Return how high the least free advantage can be; or a player's, the others at the level."""
    n, coalitions = len(reference), proper(table, sign)
    # Advantages and the level as differences of non-negative numbers; a slack for each inequality.
    unequal = [
        (row, Fraction(0), worth - allowed - dot(row, reference)) for row, worth in coalitions
    ]
    for i in range(n):
        unit = [Fraction(int(i == j)) for j in range(n)]
        if i not in settled:
            bound = (Fraction(-1), Fraction(0)) if level is None else (Fraction(0), level)
            unequal.append((unit, *bound))
    equal = [([Fraction(1)] * n, Fraction(0), sign * Fraction(table[-1]) - sum(reference))]
    equal += [
        ([Fraction(int(i == j)) for j in range(n)], Fraction(0), value)
        for i, value in settled.items()
    ]
    rows, rhs = [], []
    for number, (row, t, least) in enumerate([*unequal, *equal]):
        slack = [Fraction(-int(number == k)) for k in range(len(unequal))]
        whole = [*row, t]
        rows.append([*whole, *(-a for a in whole), *slack])
        rhs.append(least)
    wanted = [Fraction(0)] * (n + 1)
    wanted[n if player is None else player] = Fraction(1)
    z = maximise([*wanted, *(-a for a in wanted), *[Fraction(0)] * len(unequal)], rows, rhs)
    index = n if player is None else player
    return z[index] - z[n + 1 + index]
