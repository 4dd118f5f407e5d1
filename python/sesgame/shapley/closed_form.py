"""Shapley values of structured games, in polynomial time and without a sample.

A native game of what its members have together has an exact Shapley value by Owen's integral, or
by a formula.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sesgame.errors import GameError
from sesgame.progress import progress_report

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["ClosedFormValue", "value_in_closed_form"]


class ClosedFormValue(NamedTuple):
    """An exact Shapley value, a proved bound of the error of each share, and the method."""

    values: NDArray[np.float64]
    error_bound: float
    method: str


def value_in_closed_form(game: Game, progress: bool) -> ClosedFormValue | None:
    """Return the Shapley value of a structured native game, None where it has no closed form.

    None as well where the numbers of the game are too fine for it.
    """
    native = game.native
    if native is None:
        return None
    with progress_report("steps", "", progress) as report, game.naming_coalitions():
        try:
            shares = native.shapley_value_by_form(report)
        except GameError:
            raise
        except ValueError:  # weights without a common quantum
            return None
    return None if shares is None else ClosedFormValue(*shares)
