"""Why a game does not let any rule keep a promise, or not every rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.stability.few_coalitions import balance_of_few, equal_values_of_few
from sesgame.stability.property import Property, balance_of, convexity_of, equal_values, violation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.allocation import Amount
    from sesgame.game.game import Game

__all__ = ["no_core", "not_convex", "obstacle_sentence"]

MOST_PLAYERS = 20
"""Of how many players all second differences are looked at for a remark: a tenth of a second."""


def no_core(game: Game, few: NDArray[np.float64] | None = None) -> Property | None:
    """Return what keeps every rule from contenting all coalitions of a game.

    Parameters
    ----------
    game : Game
        Tabulated, unless `few` is given.
    few : ndarray of float, shape (2n + 1,), optional
        The values of the players alone, of all but each, and of all, where more are not known.

    Returns
    -------
    Property or None
        ``essential``, with what is lost against standing alone, where all together have less than
        each alone; ``balanced``, with a balanced collection, where the core is empty. None where
        there is a core, or nothing is known of it.
    """
    n = game.n_players
    if few is None:
        table = game.tabulate(progress=False)
        alone, total, slack = table[1 << np.arange(n)], table[-1], equal_values(game)
    else:
        alone, total, slack = few[:n], few[-1], equal_values_of_few(game, few)
    lost = game.sign * float(alone.sum() - total)
    if lost > slack:
        return Property("essential", game.kind, holds=False, amount=lost)
    found = balance_of(game, progress=False) if few is None else balance_of_few(game, few, slack)
    return found if found.holds is False else None


def not_convex(game: Game) -> Property | None:
    """Return why rules that do not look for the core may miss it, up to 20 players.

    In a convex game of gains, or a concave one of costs, the Shapley value and every vector of
    marginal contributions are in the core.
    """
    if game.n_players > MOST_PLAYERS:
        return None
    convex, concave = convexity_of(game, progress=False)
    found = convex if game.kind == "gain" else concave
    return found if found.holds is False else None


def obstacle_sentence(obstacle: Property, amount: Amount) -> str:
    """Return in a sentence what an obstacle keeps rules from."""
    if obstacle.name == "essential":
        lost = amount(obstacle.amount)
        return (
            f"All together are worse off than each alone, by {lost}: any rule leaves somebody so."
        )
    if obstacle.name == "balanced":
        return f"No rule can content every group: {violation(obstacle, amount)}."
    return (
        f"Not {obstacle.name}: {violation(obstacle, amount)}. A rule that does not look for the "
        f"core may miss it."
    )
