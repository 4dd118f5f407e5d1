"""Why a game does not let any rule keep a promise, or not every rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sesgame.stability.property import Property, balance_of, convexity_of, equal_values, violation

if TYPE_CHECKING:
    from sesgame.game.allocation import Amount
    from sesgame.game.game import Game

__all__ = ["no_core", "not_convex", "obstacle_sentence"]

MOST_PLAYERS = 20
"""Of how many players all second differences are looked at for a remark: a tenth of a second."""


def no_core(game: Game) -> Property | None:
    """Return what keeps every rule from contenting all coalitions of a tabulated game.

    Returns
    -------
    Property or None
        ``essential``, with what is lost against standing alone, where all together have less than
        each alone; ``balanced``, with a balanced collection, where the core is empty.
    """
    table = game.tabulate(progress=False)
    alone = float(table[1 << np.arange(game.n_players)].sum())
    lost = game.sign * (alone - float(table[-1]))
    if lost > equal_values(game):
        return Property("essential", game.kind, holds=False, amount=lost)
    balanced = balance_of(game, progress=False)
    return balanced if balanced.holds is False else None


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
