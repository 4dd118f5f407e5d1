"""Properties of games straight from their definitions, in fractions: all pairs of coalitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from itertools import product

PROPERTIES = ("superadditive", "subadditive", "monotone", "convex", "concave")


def violation(table: Sequence[float], name: str) -> Fraction:
    """By how much a game violates a property; 0 where it has it.

    Convexity by all pairs of coalitions, not only by those that differ by one player each.
    """
    values = [Fraction(value) for value in table]
    amounts: dict[str, Callable[[int, int], Fraction]] = {
        "superadditive": lambda a, b: values[a] + values[b] - values[a | b],
        "subadditive": lambda a, b: values[a | b] - values[a] - values[b],
        "monotone": lambda a, b: values[a] - values[a | b],
        "convex": lambda a, b: values[a] + values[b] - values[a | b] - values[a & b],
        "concave": lambda a, b: values[a | b] + values[a & b] - values[a] - values[b],
    }
    return max(
        (amounts[name](a, b) for a, b in pairs(len(values), name)),
        default=Fraction(0),
    )


def pairs(size: int, name: str) -> Iterator[tuple[int, int]]:
    """All pairs of coalitions that a property is about."""
    for a, b in product(range(size), repeat=2):
        if name in ("convex", "concave") or a & b == 0:
            yield a, b


def worst_of_neighbours(table: Sequence[float], name: str) -> Fraction:
    """The same over coalitions that differ by one player (monotone), or by one each (convex)."""
    values = [Fraction(value) for value in table]
    sign = -1 if name == "concave" else 1
    worst = Fraction(0)
    for mask, i, j in product(range(len(values)), *[range(len(values).bit_length() - 1)] * 2):
        a, b = mask | 1 << i, mask | 1 << j
        if name == "monotone":
            worst = max(worst, values[mask] - values[a])
        elif i != j and mask & (1 << i | 1 << j) == 0:
            worst = max(worst, sign * (values[a] + values[b] - values[a | b] - values[mask]))
    return worst


def symmetric_classes(table: Sequence[float]) -> list[list[int]]:
    """Classes of two and more players whom exchanging changes no value."""
    n = len(table).bit_length() - 1

    def exchanged(mask: int, i: int, j: int) -> int:
        if (mask >> i ^ mask >> j) & 1:
            mask ^= 1 << i | 1 << j
        return mask

    classes: list[list[int]] = []
    for player in range(n):
        for group in classes:
            i = group[0]
            if all(table[m] == table[exchanged(m, i, player)] for m in range(len(table))):
                group.append(player)
                break
        else:
            classes.append([player])
    return [group for group in classes if len(group) > 1]


def dummies(table: Sequence[float]) -> list[int]:
    """Players who add to every coalition what they have alone."""
    n = len(table).bit_length() - 1
    return [
        i
        for i in range(n)
        if all(
            Fraction(table[mask | 1 << i]) - Fraction(table[mask]) == Fraction(table[1 << i])
            for mask in range(len(table))
            if not mask >> i & 1
        )
    ]
