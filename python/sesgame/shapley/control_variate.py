"""Control variates: games whose value is cheap, and explains most of the game that is sampled.

What such a game explains is taken off the sampled one; only the difference is estimated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame.errors import GameError
from sesgame.estimators import Permutations
from sesgame.estimators.valuation import Valuation
from sesgame.game.game import MAX_TABLE_PLAYERS, Game
from sesgame.shapley.closed_form import value_in_closed_form
from sesgame.shapley.confidence import root_mean_square_errors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Allocation

    Array = NDArray[np.float64]

__all__ = ["ControlValue", "control_value"]

CONTROL_TABLE_PLAYERS = 20
"""Up to so many players a control variate is tabulated, and as many profiles of types evaluated."""

CONTROL_NATIVE_PLAYERS = 22
"""The same of a native game: some seconds where a coalition takes a microsecond."""

CONTROL_ORDERS = 20_000
"""Orders for the Shapley value of a larger native control variate without a closed form."""


class ControlValue(NamedTuple):
    """The value of a control variate, its standard errors, how it came about and what that took."""

    values: Array
    errors: Array
    method: str
    evaluations: int


def control_value(
    game: Game,
    control: Game,
    *,
    probabilities: Array,
    exact: Callable[..., Allocation],
    seed: int,
    progress: bool,
) -> ControlValue:
    """Return the value of a control variate: of all coalitions, in closed form, or by walks.

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
        raise GameError(f"control_variate must be a game, got {control!r}")
    if control.players != game.players or control.kind != game.kind:
        raise GameError(
            f"control_variate must have the players of the game, in the same order, and its kind; "
            f"got {control!r} for {game!r}"
        )
    most = CONTROL_TABLE_PLAYERS if control.native is None else CONTROL_NATIVE_PLAYERS
    if control.tabulated or n_players <= most:
        values = exact(control, progress=progress).values
        return ControlValue(values, np.zeros(n_players), "enumeration", 2**n_players - 1)
    if np.ptp(probabilities) > 0:
        raise GameError(
            f"control_variate must be tabulated or have at most {most} players "
            f"for other values than Shapley's, got {control!r}"
        )
    types = control.symmetry
    if (
        types is not None
        and n_players > MAX_TABLE_PLAYERS
        and types.n_profiles <= 1 << CONTROL_TABLE_PLAYERS
    ):
        values = exact(control, progress=progress).values
        return ControlValue(values, np.zeros(n_players), "types", types.n_profiles - 1)
    form = value_in_closed_form(control, progress)
    if form is not None:
        # A standard deviation is at most the bound.
        return ControlValue(form.values, np.full(n_players, form.error_bound), form.method, 0)
    if control.native is None:
        raise GameError(
            f"control_variate must be tabulated, native, of few types of players, or have at most "
            f"{CONTROL_TABLE_PLAYERS} players, got {control!r}"
        )
    valuation = Valuation(control, executor=None, store=None, progress=progress)
    budget = 1 + CONTROL_ORDERS * (n_players - 1)
    walks = Permutations().sampling(valuation, probabilities, seed, budget)
    walks.extend(budget)
    found = walks.estimate()
    errors = root_mean_square_errors(found.standard_errors, found.unseen)
    return ControlValue(found.values, errors, "walks", walks.evaluations)
