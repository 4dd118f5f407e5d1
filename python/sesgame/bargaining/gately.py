"""The Gately point: the allocation with equal propensities to disrupt."""

from __future__ import annotations

import dataclasses

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.game import Game
from sesgame.rule import Promise, Rule

__all__ = ["GATELY_POINT", "GatelyEvidence", "gately_point"]


@dataclasses.dataclass(frozen=True)
class GatelyEvidence(Evidence):
    """What a Gately point rests on.

    Attributes
    ----------
    propensity : float
        The propensity to disrupt, which all players have in common: what the others lose by the
        departure of a player, for each unit that the player loses. NaN where nobody gains.
    below_alone : tuple of hashable
        Players who add less to the others than they have alone, and so are worse off than alone.
    n_values : int
        How many coalitions were evaluated.
    """

    propensity: float
    below_alone: tuple[object, ...]
    n_values: int

    @property
    def n_evaluations(self) -> int:
        """The coalitions of 1, n - 1 and n players."""
        return self.n_values

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who is worse off than alone."""
        if not self.below_alone:
            return []
        return [
            f"{format_coalition(self.below_alone)}: worse off than alone, since they add less to "
            f"the others than they have alone."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the point is made of, and what all have in common."""
        made = f"Made of {self.n_values} values: each alone, all without each, and all together."
        if np.isnan(self.propensity):
            return [made]
        return [
            made,
            f"Whoever left would cost the others {self.propensity:.4g} for each unit that they "
            f"would lose themselves; that figure is the same for everybody.",
        ]


def gately_point(game: Game, *, progress: bool = True) -> Allocation:
    r"""Return the Gately point: gains in proportion to what each player adds beyond standing alone.

    .. math:: x_i = v(i) + \frac{M_i - v(i)}{\sum_j (M_j - v(j))} \Bigl( v(N) - \sum_j v(j) \Bigr),
              \qquad M_i = v(N) - v(N \setminus i)

    It is the one efficient allocation at which the propensity to disrupt,
    :math:`(x(N \setminus i) - v(N \setminus i)) / (x_i - v(i))`, is the same for all players. For
    costs it is the separable costs, remaining benefits method of joint projects.

    Parameters
    ----------
    game : Game
        Any number of players; it is not tabulated.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Efficient; individually rational where the players gain together and each adds at least
        what it has alone. With :class:`~sesgame.evidence.GatelyEvidence`.

    Raises
    ------
    AllocationError
        All together add no more than they have alone, and yet there is something to split: no
        point has equal propensities.
    CharacteristicFunctionError
        The game has no finite value for one of the coalitions.

    Notes
    -----
    2n + 1 evaluations, in one block. With three players the point is in the core if the core is
    not empty; with more it need not be. Where players have together what they have alone, each
    keeps that.

    References
    ----------
    Gately (1974) [gately1974]_; Gilles and Mallozzi (2022) [gilles2022]_ for its properties.

    Examples
    --------
    >>> import sesgame as sg
    >>> cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
    >>> sg.gately_point(cable).values.round(3).tolist()
    [4.615, 7.692, 20.692]
    """
    n = game.n_players
    single = np.eye(n, dtype=np.bool_)
    everybody = np.ones((1, n), dtype=np.bool_)
    values = game.values(np.concatenate([single, ~single, everybody]), progress=progress)
    alone, without, together = values[:n], values[n : 2 * n], float(values[-1])
    gain = together - float(alone.sum())
    added = together - without - alone
    total = float(added.sum())
    equal = max(4 * n * np.finfo(float).eps * float(np.abs(values).max()), game.rounding)
    if abs(gain) <= equal and abs(total) <= equal:
        shares, propensity = np.full(n, 1 / n), np.nan
    elif abs(total) <= equal:
        raise AllocationError(
            f"no Gately point: what the players add to each other is 0 beyond what they have "
            f"alone, but there is {gain:g} to split"
        )
    else:
        shares = added / total
        propensity = total / gain - 1 if abs(gain) > equal else np.nan
    gains = shares * gain
    losers = np.flatnonzero(game.sign * gains < -equal)
    allocation = Allocation(
        game.players,
        alone + gains,
        game.kind,
        GATELY_POINT.title,
        tolerance=equal,
        evidence=GatelyEvidence(
            propensity, tuple(game.players[int(player)] for player in losers), 2 * n + 1
        ),
    )
    return GATELY_POINT.made(allocation)


GATELY_POINT = Rule(
    name="gately-point",
    title="Gately point",
    apply=lambda problem: gately_point(problem.game),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE, Promise.SYMMETRIC, Promise.DUMMY}),
    meaning=(
        "Everybody {bears} what they have alone, and of what is gained together a part in "
        "proportion to what they add beyond that: whoever the others need most gains most."
    ),
    page="concepts/gately-point",
    sources=("gately1974", "gilles2022"),
)
