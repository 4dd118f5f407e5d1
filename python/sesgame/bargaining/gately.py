"""The Gately point: the allocation with equal propensities to disrupt."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from fractions import Fraction
from math import fsum

import numpy as np

from sesgame.bargaining.surplus import (
    LISTED_FAILURES,
    below_alone,
    rounding_of,
    shared_surplus,
    slack_of,
    surplus_of,
    worse_off,
    wrong_point,
)
from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.leave_one_out import leave_one_out
from sesgame.rule import Promise, Rule
from sesgame.stability.verification import Verification

__all__ = ["GATELY_POINT", "GatelyEvidence", "gately_point"]


@dataclasses.dataclass(frozen=True, eq=False)
class GatelyEvidence(Evidence):
    """What a Gately point rests on.

    Attributes
    ----------
    propensity : float or None
        The propensity to disrupt, which all players have in common: what the others lose by the
        departure of a player, for each unit that the player loses. None where nobody gains.
    values : tuple of float
        The allocation.
    below_alone : tuple of hashable
        Players who add less to the others than they have alone, and so are worse off than alone.
    """

    propensity: float | None
    values: tuple[float, ...]
    below_alone: tuple[Hashable, ...]

    @property
    def n_evaluations(self) -> int:
        """The coalitions of 1, n - 1 and n players."""
        return 2 * len(self.values) + 1

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
        made = (
            f"Made of {self.n_evaluations} values: each alone, all without each, and all together."
        )
        if self.propensity is None:
            return [made]
        return [
            made,
            f"Whoever left would cost the others {self.propensity:.4g} for each unit that they "
            f"would lose themselves; that figure is the same for everybody.",
        ]

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        r"""Check in fractions that all propensities to disrupt are the same.

        They determine the point: with :math:`M_i - x_i = p (x_i - v(i))` for all players, adding up
        gives :math:`p = (M(N) - v(N)) / (v(N) - \sum_j v(j))`, and then each share.

        Parameters
        ----------
        game : Game
            The game that was shared out; 2n + 1 values.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Allow for the rounding of the shares alone.

        Returns
        -------
        Verification
            True as a condition if these are the shares and their propensity.
        """
        claim = "the Gately point of this game"
        try:
            checked_values(game.players, self.values)
        except AllocationError as error:
            return Verification(claim, (str(error),), exact, self.values)
        found = leave_one_out(game, progress=False)
        grand = Fraction(found.together)
        alone = [Fraction(value) for value in found.alone.tolist()]
        most = [grand - Fraction(value) for value in found.without.tolist()]
        gain, lost = grand - sum(alone), sum(most) - grand
        slack = slack_of(game, [found.together, *map(float, [*alone, *most]), *self.values], exact)
        failures: list[str] = []
        if abs(float(gain)) <= slack:
            # Nobody gains, and whoever leaves loses nothing.
            point = alone
            if self.propensity is not None and gain == 0:
                failures.append(f"nobody gains, but the propensity is {self.propensity!r}")
        elif gain + lost == 0:
            return Verification(claim, ("no point has equal propensities",), exact, self.values)
        else:
            propensity = lost / gain
            point = [
                (m + propensity * a) / (1 + propensity) for m, a in zip(most, alone, strict=True)
            ]
            said = np.inf if self.propensity is None else self.propensity
            off = abs(said - float(propensity)) * abs(float(gain))
            if not off <= slack * (1 + abs(float(propensity))):
                failures.append(f"the propensity is {float(propensity)!r}, not {said!r}")
        failures += wrong_point(game, self.values, point, slack)
        failures += below_alone(game, self.below_alone, point, alone, slack)
        return Verification(
            claim=claim,
            failures=tuple(failures[:LISTED_FAILURES]),
            exact=exact,
            values=tuple(point) if exact else self.values,
        )


@checked_arguments
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
        Together players have less than alone; or all together add no more than they have alone,
        and yet there is something to split: no point has equal propensities.
    CharacteristicFunctionError
        The game has no finite value for one of the coalitions.

    Notes
    -----
    2n + 1 evaluations, without a table. It is what VCG would pay, less its deficit in proportion to
    what each gains by VCG over standing alone. With three players the point is in the core if the
    core is not empty; with more it need not be. Where players have together what they have alone,
    each keeps that.

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
    alone, without, together = leave_one_out(game, progress=progress)
    gain = surplus_of(game, together, alone)
    added = together - without - alone
    total = fsum(added)
    equal = rounding_of(game, [together, *alone, *added])
    if abs(total) <= equal and gain != 0:
        raise AllocationError(
            f"no Gately point: what the players add to each other is 0 beyond what they have "
            f"alone, but there is {gain:g} to split"
        )
    values = shared_surplus(alone, added, gain) if gain else alone
    evidence = GatelyEvidence(
        propensity=total / gain - 1 if gain else None,
        values=tuple(values.tolist()),
        below_alone=worse_off(game, values, alone, equal),
    )
    return GATELY_POINT.made(
        Allocation(
            game.players, values, game.kind, GATELY_POINT.title, tolerance=equal, evidence=evidence
        )
    )


GATELY_POINT = Rule(
    name="gately-point",
    title="Gately point",
    apply=lambda problem: gately_point(problem.game),
    promises=frozenset(
        {
            Promise.EFFICIENT,
            Promise.UNIQUE,
            Promise.SYMMETRIC,
            Promise.DUMMY,
            Promise.CERTIFIED,
        }
    ),
    meaning=(
        "Everybody {bears} what they have alone, and of what is gained together a part in "
        "proportion to what they add beyond that: whoever the others need most gains most."
    ),
    page="concepts/gately-point",
    sources=("gately1974", "gilles2022"),
)
