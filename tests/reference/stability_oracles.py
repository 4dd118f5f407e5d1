"""Slow, obvious, exact reference methods for the nucleolus, in fractions over all coalitions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Row = list[Fraction]


def solve_exactly(matrix: list[Row], rhs: Row) -> Row | None:
    """Return the solution of linear equations, None where it is not unique or there is none."""
    n = len(matrix[0])
    rows = [[*row, value] for row, value in zip(matrix, rhs, strict=True)]
    done = 0
    for column in range(n):
        pivot = next((r for r in range(done, len(rows)) if rows[r][column] != 0), None)
        if pivot is None:
            return None
        rows[done], rows[pivot] = rows[pivot], rows[done]
        head = [entry / rows[done][column] for entry in rows[done]]
        rows[done] = head
        for r in range(len(rows)):
            if r != done and rows[r][column] != 0:
                factor = rows[r][column]
                rows[r] = [a - factor * b for a, b in zip(rows[r], head, strict=True)]
        done += 1
    if any(row[-1] != 0 for row in rows[done:]):
        return None
    return [rows[r][-1] for r in range(n)]


def rank(vectors: list[Row]) -> int:
    """Return the rank of some vectors."""
    reduced: list[tuple[int, Row]] = []
    for vector in vectors:
        rest = vector
        for lead, row in reduced:
            if rest[lead] != 0:
                factor = rest[lead]
                rest = [a - factor * b for a, b in zip(rest, row, strict=True)]
        lead = next((i for i, entry in enumerate(rest) if entry != 0), None)
        if lead is not None:
            reduced.append((lead, [entry / rest[lead] for entry in rest]))
    return len(reduced)


def maximise(objective: Row, matrix: list[Row], rhs: Row) -> Row:
    """Return z >= 0 with matrix z = rhs that maximises objective z; two phases, Bland's rule."""
    m, n = len(matrix), len(objective)
    tableau = []
    for i in range(m):
        sign = -1 if rhs[i] < 0 else 1
        unit = [Fraction(int(i == j)) for j in range(m)]
        tableau.append([*(sign * a for a in matrix[i]), *unit, sign * rhs[i]])
    basis = [n + i for i in range(m)]

    def optimise(costs: Row, allowed: int) -> None:
        while True:
            prices = [costs[b] for b in basis]
            entering = next(
                (
                    j
                    for j in range(allowed)
                    if j not in basis
                    and costs[j] > sum(p * row[j] for p, row in zip(prices, tableau, strict=True))
                ),
                None,
            )
            if entering is None:
                return
            ratios = [
                (tableau[i][-1] / tableau[i][entering], basis[i], i)
                for i in range(m)
                if tableau[i][entering] > 0
            ]
            leave = min(ratios)[2]
            pivot(leave, entering)

    def pivot(leave: int, entering: int) -> None:
        head = [a / tableau[leave][entering] for a in tableau[leave]]
        tableau[leave] = head
        for i in range(m):
            factor = tableau[i][entering]
            if i != leave and factor != 0:
                tableau[i] = [a - factor * b for a, b in zip(tableau[i], head, strict=True)]
        basis[leave] = entering

    optimise([Fraction(0)] * n + [Fraction(-1)] * m, n + m)
    for i in range(m):
        if basis[i] >= n:
            assert tableau[i][-1] == 0, "infeasible"
            column = next((j for j in range(n) if tableau[i][j] != 0 and j not in basis), None)
            if column is not None:
                pivot(i, column)
    optimise([*objective, *[Fraction(0)] * m], n)
    z = [Fraction(0)] * n
    for i in range(m):
        if basis[i] < n:
            z[basis[i]] = tableau[i][-1]
    return z


def exact_nucleolus(
    table: Sequence[Fraction | int],
    *,
    sign: int = 1,
    individually_rational: bool = True,
    per_capita: bool = False,
) -> tuple[list[Fraction], Fraction]:
    """Return the nucleolus and the largest excess, by duals of the successive level programs.

    Level dual: maximise sum of lambda_S v(S) + mu_i v(i) + nu_T x(T) over lambda, mu >= 0 and free
    nu with sum of lambda_S 1_S + mu_i 1_i + nu_T 1_T = 0 and sum of w(S) lambda_S = 1, where T runs
    over what is settled and S over coalitions outside its span. A positive weight settles.
    """
    n = len(table).bit_length() - 1
    worth = [sign * Fraction(value) for value in table]
    vectors = [[Fraction(mask >> i & 1) for i in range(n)] for mask in range(1 << n)]
    weight = [Fraction(bin(mask).count("1") if per_capita else 1) for mask in range(1 << n)]
    if n == 1:
        return [sign * worth[1]], Fraction(0)
    bounded = individually_rational and sum(worth[1 << i] for i in range(n)) <= worth[-1]
    settled: list[tuple[Row, Fraction]] = [(vectors[-1], worth[-1])]
    first = None
    while (x := solve_exactly([row for row, _ in settled], [b for _, b in settled])) is None:
        spanned = [row for row, _ in settled]
        known = rank(spanned)
        open_ = [s for s in range(1, (1 << n) - 1) if rank([*spanned, vectors[s]]) > known]
        bounds = [s for s in open_ if bounded and s & (s - 1) == 0]
        columns = [(vectors[s], weight[s], worth[s]) for s in open_]
        columns += [(vectors[s], Fraction(0), worth[s]) for s in bounds]
        for row, total in settled:
            columns.append((row, Fraction(0), total))
            columns.append(([-a for a in row], Fraction(0), -total))
        matrix = [[column[0][i] for column in columns] for i in range(n)]
        matrix.append([column[1] for column in columns])
        z = maximise([column[2] for column in columns], matrix, [Fraction(0)] * n + [Fraction(1)])
        t = sum((a * column[2] for a, column in zip(z, columns, strict=True)), Fraction(0))
        first = t if first is None else first
        for position, s in enumerate([*open_, *bounds]):
            if z[position] > 0:
                relaxed = t * weight[s] if position < len(open_) else Fraction(0)
                settled.append((vectors[s], worth[s] - relaxed))
    assert first is not None
    return [sign * share for share in x], first
