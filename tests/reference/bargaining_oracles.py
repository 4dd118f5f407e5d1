"""Nash bargaining in the core by trying every set of tight coalitions, in fractions."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import combinations

from reference.stability_oracles import solve_exactly


def exact_nash_in_core(table: Sequence[float], weights: Sequence[float]) -> list[Fraction] | None:
    """Return the point of the core with the largest product of gains over standing alone.

    For gains, and games in whose core everybody can gain. None where the point is irrational.
    """
    n = (len(table) - 1).bit_length()
    worth = [Fraction(value) for value in table]
    alone = [worth[1 << i] for i in range(n)]
    power = [Fraction(weight) for weight in weights]
    everybody = len(table) - 1
    for size in range(n):
        for tight in combinations(range(1, everybody), size):
            x = _point((everybody, *tight), worth, alone, power)
            if x is not None and all(
                sum(x[i] for i in range(n) if mask >> i & 1) >= worth[mask]
                for mask in range(1, everybody)
            ):
                return x
    return None


def _point(
    rows: tuple[int, ...],
    worth: list[Fraction],
    alone: list[Fraction],
    power: list[Fraction],
) -> list[Fraction] | None:
    """Return the point that some tight coalitions, the grand one first, hold; None if none."""
    n = len(alone)
    blocks: dict[tuple[int, ...], list[int]] = {}
    for i in range(n):
        blocks.setdefault(tuple(mask >> i & 1 for mask in rows), []).append(i)
    if len(blocks) != len(rows):
        return None
    surplus = [worth[mask] - sum(alone[i] for i in range(n) if mask >> i & 1) for mask in rows]
    patterns = [[Fraction(flag) for flag in pattern] for pattern in blocks]
    gains = solve_exactly([list(column) for column in zip(*patterns, strict=True)], surplus)
    if gains is None or min(gains) <= 0:
        return None
    powers = [sum(power[i] for i in block) for block in blocks.values()]
    slopes = [part / gain for part, gain in zip(powers, gains, strict=True)]
    multipliers = solve_exactly(patterns, slopes)
    if multipliers is None or any(multiplier > 0 for multiplier in multipliers[1:]):
        return None
    x = list(alone)
    for block, part, gain in zip(blocks.values(), powers, gains, strict=True):
        for i in block:
            x[i] += gain * power[i] / part
    return x
