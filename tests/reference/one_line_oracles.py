"""Rules of one line, the tau value and divisions of an estate in fractions, by definition."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

Table = Sequence[int | float | Fraction]


def alone(table: Table) -> list[Fraction]:
    """Return v(i)."""
    return [Fraction(table[1 << i]) for i in range(len(table).bit_length() - 1)]


def marginal(table: Table) -> list[Fraction]:
    """Return v(N) - v(N without i)."""
    n, last = len(table).bit_length() - 1, len(table) - 1
    return [Fraction(table[last]) - Fraction(table[last ^ (1 << i)]) for i in range(n)]


def shared(table: Table, start: Sequence[Fraction], weights: Sequence[Fraction]) -> list[Fraction]:
    """Return the start and the rest of v(N) by weights."""
    rest = Fraction(table[-1]) - sum(start)
    total = sum(weights)
    return [b + Fraction(w) * rest / total for b, w in zip(start, weights, strict=True)]


def minimal_rights(table: Table) -> list[Fraction]:
    """Return max over S with i of v(S) - sum of M_j over the others in S, for gains."""
    most = marginal(table)
    n = len(most)
    return [
        max(
            Fraction(table[mask]) - sum(most[j] for j in range(n) if j != i and mask >> j & 1)
            for mask in range(1, len(table))
            if mask >> i & 1
        )
        for i in range(n)
    ]


def is_quasi_balanced(table: Table) -> bool:
    """Return whether r <= M and r(N) <= v(N) <= M(N), for gains."""
    least, most = minimal_rights(table), marginal(table)
    between = sum(least) <= Fraction(table[-1]) <= sum(most)
    return between and all(r <= m for r, m in zip(least, most, strict=True))


def tau(table: Table) -> list[Fraction]:
    """Return the tau value of a quasi-balanced game of gains."""
    least, most = minimal_rights(table), marginal(table)
    if least == most:
        return least
    return shared(table, least, [m - r for r, m in zip(least, most, strict=True)])


def equal_awards(estate: Fraction, claims: Sequence[Fraction]) -> list[Fraction]:
    """Return min(c_i, t) with the t that shares out the estate, found among the claims."""
    for level in sorted({Fraction(0), *claims}):
        # The t of an estate between two claims is as far above the lower one as is open.
        open_claims = [c for c in claims if c > level]
        spent = sum(min(c, level) for c in claims)
        higher = min(open_claims, default=level)
        if spent <= estate <= spent + (higher - level) * len(open_claims):
            t = level + (estate - spent) / len(open_claims) if open_claims else level
            return [min(c, t) for c in claims]
    raise AssertionError("the estate is not covered by the claims")


def equal_losses(estate: Fraction, claims: Sequence[Fraction]) -> list[Fraction]:
    """Return max(0, c_i - t), by the duality with equal awards of what is lost."""
    lost = equal_awards(sum(claims, Fraction(0)) - estate, claims)
    return [c - part for c, part in zip(claims, lost, strict=True)]


def talmud(estate: Fraction, claims: Sequence[Fraction]) -> list[Fraction]:
    """Return the contested-garment consistent division of Aumann and Maschler."""
    halves = [c / 2 for c in claims]
    half = sum(halves, Fraction(0))
    if estate <= half:
        return equal_awards(estate, halves)
    losses = equal_awards(2 * half - estate, halves)
    return [c - part for c, part in zip(claims, losses, strict=True)]
