"""A property of a game, with the coalitions that witness that the game has it not."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from sesgame._engine import convexity, core_witness
from sesgame.formatting import short_coalition
from sesgame.game.precision import UNIT_ROUNDOFF, resolution
from sesgame.progress import progress_report
from sesgame.stability.stages import stage

if TYPE_CHECKING:
    from sesgame.game.allocation import Amount, Kind
    from sesgame.game.game import Game

__all__ = [
    "Found",
    "Property",
    "balance_of",
    "convexity_of",
    "equal_values",
    "meaning",
    "property_found",
    "violation",
]

Found = tuple[float, int, int] | None
"""By how much two coalitions violate a property, and their masks."""


@dataclasses.dataclass(frozen=True)
class Property:
    """Whether a game has a property, with a witness where it has not.

    Attributes
    ----------
    name : str
        The property.
    kind : {"gain", "cost"}
        The sense of the game.
    holds : bool or None
        Whether the game has it; None where that is not decided.
    amount : float
        By how much the witness violates it: the largest violation of all; 0 where there is none.
    coalitions : tuple of tuple of hashable
        The witness, the first in binary order.
    weights : tuple of float
        Of these coalitions, where they are a balanced collection: those of the coalitions of
        each player add up to 1.
    reason : str
        Why it is not decided.
    """

    name: str
    kind: Kind
    holds: bool | None
    amount: float = 0.0
    coalitions: tuple[tuple[Hashable, ...], ...] = ()
    weights: tuple[float, ...] = ()
    reason: str = ""

    def __bool__(self) -> bool:
        return self.holds is True

    def __repr__(self) -> str:
        if self.holds is None:
            return f"Property({self.name!r}, not decided: {self.reason})"
        if self.holds or not self.coalitions:
            return f"Property({self.name!r}, {self.holds})"
        names = ", ".join(short_coalition(coalition) for coalition in self.coalitions)
        return f"Property({self.name!r}, False, by {self.amount:.6g}: {names})"


MEANINGS = {
    "essential": "all together do better than each alone",
    "superadditive": "no two coalitions have less by joining",
    "subadditive": "no two coalitions cost more by joining",
    "monotone": "no coalition {worth} less with one more member",
    "convex": "the more are there, the more a newcomer adds",
    "concave": "the more are there, the less a newcomer adds",
    "balanced": "the core is not empty",
    "totally balanced": "the game of any coalition has a core",
}
"""What holds, in words."""

NAMED = 4
"""Coalitions of a balanced collection that a sentence names."""


def meaning(found: Property) -> str:
    """Return in words what holds of a game that has a property."""
    return MEANINGS[found.name].format(worth="costs" if found.kind == "cost" else "has")


def violation(found: Property, amount: Amount) -> str:
    """Return in words how the witness of a property violates it."""
    is_cost = found.kind == "cost"
    names = [short_coalition(coalition) for coalition in found.coalitions]
    by = amount(found.amount)
    if found.name == "superadditive":
        if is_cost:
            return f"{names[0]} and {names[1]} cost {by} more apart"
        return f"{names[0]} and {names[1]} are better off apart, by {by}"
    if found.name == "subadditive":
        if is_cost:
            return f"{names[0]} and {names[1]} are better off apart, by {by}"
        return f"{names[0]} and {names[1]} have {by} less apart"
    if found.name == "monotone":
        return f"{names[1]} {'costs' if is_cost else 'has'} {by} less than {names[0]}"
    if found.name in ("convex", "concave"):
        word = "more" if found.name == "convex" else "less"
        verb = "cost" if is_cost else "have"
        return f"{names[0]} and {names[1]} {verb} {by} {word} than their union and intersection"
    if found.name == "balanced":
        weighted = [
            f"{_weight(weight)} x {name}"
            for weight, name in zip(found.weights[:NAMED], names, strict=False)
        ]
        more = f" + {len(names) - NAMED} more" if len(names) > NAMED else ""
        verb = "cost" if is_cost else "have"
        return (
            f"the core is empty, {' + '.join(weighted)}{more} {verb} {by} "
            f"{'less' if is_cost else 'more'} than all together"
        )
    if found.name == "totally balanced":
        return f"the game of {names[0]} has an empty core"
    return f"all together do no better than each alone, {by} worse"


def _weight(weight: float) -> str:
    """Return a weight as a fraction, where it is a simple one."""
    fraction = Fraction(weight).limit_denominator(99)
    return str(fraction) if abs(fraction - weight) < SIMPLE else f"{weight:.4g}"


SIMPLE = 1e-9
"""Weights come from a linear program, in floats."""


def equal_values(game: Game) -> float:
    r"""Return up to what a sum of four values of a game counts as 0.

    Resolution, the accuracy of the four values, and what floats add to each of them when it is the
    sum of n + 1 terms:

    .. math:: 10^{-9} \max_S \Bigl| v(S) - \sum_{i \in S} v(i) \Bigr|
              + 4 \bigl( r + (n + 1) 2^{-53} \max_S |v(S)| \bigr)
    """
    rounding = (game.n_players + 1) * UNIT_ROUNDOFF * game.scale
    return resolution(game) + 4 * (game.rounding + rounding)


def convexity_of(
    game: Game, tolerance: float | None = None, *, progress: bool = True
) -> tuple[Property, Property]:
    """Return whether a tabulated game is convex, and whether it is concave."""
    slack = equal_values(game) if tolerance is None else tolerance
    with progress_report("convexity", " values", progress) as report:
        below, above = convexity(game.tabulate(progress=progress), slack, report)
    return property_found("convex", below, game), property_found("concave", above, game)


def property_found(name: str, found: Found, game: Game) -> Property:
    """Return what a pass over the table of a game has found of a property."""
    if found is None:
        return Property(name, game.kind, holds=True)
    amount, *masks = found
    coalitions = tuple(game.players.ordered_labels(mask) for mask in masks)
    return Property(name, game.kind, holds=False, amount=amount, coalitions=coalitions)


def balance_of(game: Game, progress: bool) -> Property:
    """Return whether the core is not empty, with a balanced collection where it is."""
    table = game.tabulate(progress=progress)
    with progress_report("core", " values", progress) as report:
        _, found, _, _ = core_witness(table, game.kind, game.rounding, report)
    if found is None:
        return Property("balanced", game.kind, holds=True)
    collection = stage(game.players, found)
    weights = np.array(collection.weights, np.float64)
    # A stage's weights add up to 1, those of a balanced collection to 1 for each player.
    first = game.players[0]
    covered = float(weights[[first in members for members in collection.coalitions]].sum())
    return Property(
        "balanced",
        game.kind,
        holds=False,
        amount=collection.excess / covered,
        coalitions=collection.coalitions,
        weights=tuple((weights / covered).tolist()),
    )
