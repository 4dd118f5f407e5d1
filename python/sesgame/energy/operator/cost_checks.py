"""The ranges of numbers that costs are made of."""

from __future__ import annotations

import math

from sesgame.errors import GameError

__all__ = ["at_least_zero", "factor_above", "part_of_one"]


def at_least_zero(name: str, value: float) -> None:
    """Refuse what is negative or not finite.

    Raises
    ------
    GameError
        It is.
    """
    if not (math.isfinite(value) and value >= 0):
        raise GameError(f"{name} must be non-negative, got {value}")


def factor_above(name: str, value: float) -> None:
    """Refuse a rate or a margin that would take all there is, or more.

    Raises
    ------
    GameError
        It is -1 or below, or not finite.
    """
    if not (math.isfinite(value) and value > -1):
        raise GameError(f"{name} must be above -1 (-100 %), got {value}")


def part_of_one(name: str, value: float) -> None:
    """Refuse what is no part of a whole.

    Raises
    ------
    GameError
        It is not in (0, 1].
    """
    if not 0 < value <= 1:
        raise GameError(f"{name} must be in (0, 1], got {value}")
