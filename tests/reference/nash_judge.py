"""Whether a point has the largest product of gains within a core, by the vertices of the core.

A concave function is largest at a point of a polytope exactly where its derivative rises towards
none of the vertices; those are found by trying all sets of tight rows, in fractions.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import combinations

from reference.stability_oracles import solve_exactly

Row = tuple[tuple[int, ...], Fraction]
"""A row g x >= h."""


@cache
def vertices(table: tuple[float, ...], bounds: tuple[Row, ...]) -> list[list[Fraction]]:
    """Return the vertices of the core of a game of gains within bounds."""
    n = (len(table) - 1).bit_length()
    rows: list[Row] = [
        (tuple(mask >> i & 1 for i in range(n)), Fraction(table[mask]))
        for mask in range(1, len(table) - 1)
    ]
    rows += bounds
    grand: Row = ((1,) * n, Fraction(table[-1]))
    found = []
    for tight in combinations(rows, n - 1):
        square = [grand, *tight]
        matrix = [[Fraction(entry) for entry in vector] for vector, _ in square]
        x = solve_exactly(matrix, [demand for _, demand in square])
        if x is not None and all(
            sum(g * share for g, share in zip(vector, x, strict=True)) >= demand
            for vector, demand in rows
        ):
            found.append(x)
    return found


def rise(
    x: Sequence[Fraction],
    d: Sequence[Fraction],
    weights: Sequence[Fraction],
    corners: Sequence[Sequence[Fraction]],
    gaining: Sequence[bool],
) -> Fraction:
    """Return by how much the derivative of the sum of w log(x - d) rises towards a corner."""
    slopes = [
        weight / (share - start) if gains else Fraction(0)
        for weight, share, start, gains in zip(weights, x, d, gaining, strict=True)
    ]
    return max(
        sum((s * (y - share) for s, y, share in zip(slopes, corner, x, strict=True)), Fraction(0))
        for corner in corners
    )
