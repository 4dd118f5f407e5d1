"""Nash bargaining points in fractions: the point itself where it is rational, else an interval."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["above_in_fractions", "blocks_in_fractions", "point_with_totals", "share_width"]

CHUNK_BITS = 18
"""Coalitions are compared 2^18 at a time: a few megabytes."""

Equation = tuple[list[Fraction], Fraction]


def blocks_in_fractions(
    held: Sequence[tuple[list[bool], Fraction, float]],
    weights: Sequence[Fraction],
    d: Sequence[Fraction],
    gaining: Sequence[bool],
    total: Fraction,
) -> list[Fraction] | None:
    """Return the point where tight rows settle what blocks of players have, which is rational.

    A block are players whom the same rows hold: their gains are in proportion to their weights.
    None where the rows leave the blocks open, or where no multipliers of the right sign exist.
    """
    n = len(d)
    rows = [([True] * n, total), *((flags, demand) for flags, demand, _ in held)]
    blocks: dict[tuple[bool, ...], list[int]] = {}
    for index in range(n):
        if gaining[index]:
            blocks.setdefault(tuple(flags[index] for flags, _ in rows), []).append(index)
    patterns = list(blocks)
    gains = _solution(
        [
            (
                [Fraction(pattern[number]) for pattern in patterns],
                demand - sum((d[i] for i in range(n) if flags[i]), Fraction(0)),
            )
            for number, (flags, demand) in enumerate(rows)
        ],
        len(patterns),
    )
    if gains is None or any(gain <= 0 for gain in gains):
        return None
    powers = [sum((weights[i] for i in blocks[pattern]), Fraction(0)) for pattern in patterns]
    multipliers = _solution(
        [
            (
                [
                    Fraction(1 if number == 0 else -1) if held_by else Fraction(0)
                    for number, held_by in enumerate(pattern)
                ],
                power / gain,
            )
            for pattern, power, gain in zip(patterns, powers, gains, strict=True)
        ],
        len(rows),
    )
    if multipliers is None or any(
        multiplier * (1 if signed > 0 else -1) < 0
        for multiplier, (_, _, signed) in zip(multipliers[1:], held, strict=True)
    ):
        return None
    x = list(d)
    for pattern, power, gain in zip(patterns, powers, gains, strict=True):
        for index in blocks[pattern]:
            x[index] = d[index] + gain * weights[index] / power
    return x


def _solution(equations: Sequence[Equation], unknowns: int) -> list[Fraction] | None:
    """Return the one solution of linear equations; None where there is none, or more."""
    rows = _eliminated(equations)
    if rows is None or len(rows) < unknowns:
        return None
    return _back_substituted(rows, [Fraction(0)] * unknowns)


def point_with_totals(
    rows: Sequence[tuple[list[bool], Fraction]], start: Sequence[Fraction]
) -> list[Fraction] | None:
    """Return the point with given totals; what they leave free stays as at the start."""
    eliminated = _eliminated([([Fraction(flag) for flag in flags], total) for flags, total in rows])
    return None if eliminated is None else _back_substituted(eliminated, list(start))


def _eliminated(equations: Sequence[Equation]) -> list[tuple[int, list[Fraction]]] | None:
    """Return independent equations, each with the unknown that it is solved for; None if none."""
    rows: list[tuple[int, list[Fraction]]] = []
    for coefficients, right in equations:
        rest = [*coefficients, right]
        for lead, row in rows:
            factor = rest[lead]
            if factor:
                rest = [a - factor * b if b else a for a, b in zip(rest, row, strict=True)]
        lead = next((index for index, entry in enumerate(rest[:-1]) if entry), -1)
        if lead >= 0:
            rows.append((lead, [entry / rest[lead] for entry in rest]))
        elif rest[-1]:
            return None
    return rows


def _back_substituted(
    rows: Sequence[tuple[int, list[Fraction]]], point: list[Fraction]
) -> list[Fraction]:
    for lead, row in reversed(rows):
        point[lead] = row[-1] - sum(
            (
                entry * point[index]
                for index, entry in enumerate(row[:-1])
                if entry and index != lead
            ),
            Fraction(0),
        )
    return point


def share_width(
    slopes: Sequence[Fraction], gains: Sequence[Fraction], weights: Sequence[Fraction]
) -> Fraction | None:
    r"""Return how far any share may be from that of the best point; None where nothing is proved.

    Gains of a point of the core, all held rows tight, leave a gap of
    :math:`\delta = \sum_i w_i (r_i - 1)^2 / r_i \ge \sum_i w_i (r_i - 1 - \log r_i)`, where
    :math:`r_i = L_i g_i / w_i`; and for the best point :math:`w_i (r - 1 - \log r) \le \delta`,
    which is at least :math:`w_i (r - 1)^2 / 3` for :math:`r \le 3/2`.
    """
    if any(slope <= 0 for slope in slopes) or any(gain <= 0 for gain in gains):
        return None
    ratios = [s * g / w for s, g, w in zip(slopes, gains, weights, strict=True)]
    gap = sum((w * (r - 1) ** 2 / r for r, w in zip(ratios, weights, strict=True)), Fraction(0))
    width = Fraction(0)
    for slope, gain, weight in zip(slopes, gains, weights, strict=True):
        part = _root_above(3 * gap / weight)
        if part > Fraction(1, 2):
            return None
        middle = weight / slope
        width = max(width, abs(gain - middle) + middle * part)
    return width


def _root_above(number: Fraction) -> Fraction:
    """Return a fraction that is no less than a square root, and hardly more."""
    if not number:
        return number
    # Thirty digits more than the number has zeros before its first.
    digits = 10**30 * (number.denominator // number.numerator + 1)
    return Fraction(math.isqrt(int(number * digits**2)) + 1, digits)


def above_in_fractions(
    table: NDArray[np.float64], sign: int, x: Sequence[Fraction]
) -> Iterator[tuple[list[bool], Fraction]]:
    """Yield the proper coalitions that get less than they have, compared in fractions."""
    n = len(x)
    floats = np.array([float(share) for share in x])
    low_bits = min(n, CHUNK_BITS)
    low = np.zeros(1)
    for share in floats[:low_bits]:
        low = np.concatenate([low, low + share])
    for start in range(0, len(table), len(low)):
        high = sum(float(floats[index]) for index in range(low_bits, n) if start >> index & 1)
        chunk = table[start : start + len(low)]
        # What comes closer than the rounding of these sums is compared again, in fractions.
        margin = 1e-13 * (float(np.abs(floats).sum()) + float(np.abs(chunk).max()))
        for place in np.flatnonzero(sign * chunk - low - high > -margin).tolist():
            mask = start + place
            if mask in (0, len(table) - 1):
                continue
            flags = [bool(mask >> index & 1) for index in range(n)]
            worth = sign * Fraction(float(table[mask]))
            if sum((x[i] for i in range(n) if flags[i]), Fraction(0)) < worth:
                yield flags, worth
