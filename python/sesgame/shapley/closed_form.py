"""Values that need no sampling: by the form of a game, and of the games that control others.

A native game of what its members have together has an exact Shapley value in polynomial time. It
answers for itself where the budget would take as long, and as a control variate it takes what it
explains off any game of the same players.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.errors import GameError
from sesgame.estimators import Permutations
from sesgame.estimators.valuation import Valuation
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.progress import progress_report

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Allocation

    Array = NDArray[np.float64]

__all__ = ["ControlValue", "FormValue", "control_value", "value_by_form"]

CONTROL_TABLE_PLAYERS = 20
"""Up to so many players a control variate is tabulated, and as many profiles of types evaluated."""

CONTROL_ORDERS = 20_000
"""Orders for the Shapley value of a larger native control variate without a form."""


class FormValue(NamedTuple):
    """An exact Shapley value, a proved bound of the error of each share, and the method."""

    values: Array
    error_bound: float
    method: str


def value_by_form(game: Game, progress: bool) -> FormValue | None:
    """Return the Shapley value that follows from the form of a native game, if it has one.

    None as well where the numbers of the game are too fine for its form.
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
    return None if shares is None else FormValue(*shares)


class ControlValue(NamedTuple):
    """The value of a control variate, the standard errors of it, and how it came about."""

    values: Array
    errors: Array
    method: str


def control_value(
    game: Game,
    control: Game,
    *,
    probabilities: Array,
    exact: Callable[..., Allocation],
    seed: int,
    progress: bool,
) -> ControlValue:
    """Return the value of a control variate: from all coalitions, by its form, or by native walks.

    Parameters
    ----------
    game, control : Game
        The game that is sampled, and the control variate.
    probabilities : ndarray of float, shape (n,)
        Of the sizes of the coalitions that a player joins: equal for the Shapley value.
    exact : callable
        Gives the value of a game from all its coalitions.
    seed : int
        For the walks.
    progress : bool
        Whether to show how far it is.

    Raises
    ------
    GameError
        Players or kind are others, or there is no cheap way to the value.
    """
    n_players = game.n_players
    if not isinstance(control, Game):
        raise GameError(f"the control variate is {control!r}; it must be a game")
    if control.players != game.players or control.kind != game.kind:
        raise GameError(
            f"the control variate is {control!r} and the game {game!r}; "
            f"both need the same players in the same order and the same kind"
        )
    if control.tabulated or n_players <= CONTROL_TABLE_PLAYERS:
        values = exact(control, progress=progress).values
        return ControlValue(values, np.zeros(n_players), "enumeration")
    if np.ptp(probabilities) > 0:
        raise GameError(
            f"the control variate is {control!r}; for other values than Shapley's it must be "
            f"tabulated or have at most {CONTROL_TABLE_PLAYERS} players"
        )
    types = control.symmetry
    if (
        types is not None
        and n_players > MAX_TABLE_PLAYERS
        and types.n_profiles <= 1 << CONTROL_TABLE_PLAYERS
    ):
        values = exact(control, progress=progress).values
        return ControlValue(values, np.zeros(n_players), "types")
    form = value_by_form(control, progress)
    if form is not None:
        # A standard deviation is at most the bound.
        return ControlValue(form.values, np.full(n_players, form.error_bound), form.method)
    if control.native is None:
        raise GameError(
            f"the control variate is {control!r}; it must be tabulated, native, of few types of "
            f"players, or have at most {CONTROL_TABLE_PLAYERS} players"
        )
    valuation = Valuation(control, executor=None, store=None, progress=progress)
    budget = 1 + CONTROL_ORDERS * (n_players - 1)
    walks = Permutations().sampling(valuation, probabilities, seed, budget)
    walks.extend(budget)
    values, errors, _ = walks.estimate()
    return ControlValue(values, errors, "walks")
