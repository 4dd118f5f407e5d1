"""The tau value: the efficient compromise between minimal rights and utopia payoffs."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from fractions import Fraction
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame._engine import largest_excess_with_each
from sesgame.bargaining.surplus import (
    LISTED_FAILURES,
    below_alone,
    rounding_of,
    shared_surplus,
    slack_of,
    worse_off,
    wrong_point,
)
from sesgame.errors import AllocationError, GameError
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.door import checked_arguments
from sesgame.progress import progress_report
from sesgame.rule import Need, Promise, Rule
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = ["TAU_VALUE", "TauEvidence", "tau_value"]

CHUNK_BITS = 18
"""Coalitions are compared 2^18 at a time: a few megabytes."""


@dataclasses.dataclass(frozen=True, eq=False)
class TauEvidence(Evidence):
    """Between what a tau value lies.

    Attributes
    ----------
    minimal_rights : tuple of float
        What is left for each player in its best coalition if all others there get their utopia
        payoffs.
    utopia_payoffs : tuple of float
        What each player adds to all others.
    values : tuple of float
        The allocation.
    below_alone : tuple of hashable
        Players who are worse off than alone: none, since a minimal right is at least that.
    """

    minimal_rights: tuple[float, ...]
    utopia_payoffs: tuple[float, ...]
    values: tuple[float, ...]
    below_alone: tuple[Hashable, ...] = ()

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how far everybody is from the one end and the other."""
        rights, utopia = fsum(self.minimal_rights), fsum(self.utopia_payoffs)
        if rights == utopia:
            return ["What everybody can ask for at least is also the most: nothing is left open."]
        part = (fsum(self.values) - rights) / (utopia - rights)
        return [
            f"Everybody is {part:.1%} of the way from the least to the most that they can ask for."
        ]

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Derive rights, payoffs and allocation again, with code that shares nothing with it.

        Parameters
        ----------
        game : Game
            The game that was shared out; it is tabulated.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Allow for the rounding of the shares alone, and compare each coalition that may be the
            best one of a player in integers: a few seconds at 20 players, where half of them tie.

        Returns
        -------
        Verification
            True as a condition if the game is quasi-balanced and these are the numbers.
        """
        claim = "the tau value of this game"
        try:
            for numbers in (self.values, self.minimal_rights, self.utopia_payoffs):
                checked_values(game.players, numbers)
        except AllocationError as error:
            return Verification(claim, (str(error),), exact, self.values)
        table, sign = game.tabulate(progress=False), int(game.sign)
        n, last = game.n_players, (1 << game.n_players) - 1
        grand = sign * Fraction(float(table[last]))
        alone = [sign * Fraction(float(table[1 << i])) for i in range(n)]
        most = [grand - sign * Fraction(float(table[last ^ (1 << i)])) for i in range(n)]
        least = _minimal_rights(table, sign, most, exact)
        slack = slack_of(game, [*self.values, *self.utopia_payoffs, float(grand)], exact)
        total_least, total_most = sum(least, Fraction(0)), sum(most, Fraction(0))
        spread = total_most - total_least
        part = (grand - total_least) / spread if spread else Fraction(0)
        point = [r + part * (m - r) for r, m in zip(least, most, strict=True)]
        failures = [
            f"the minimal right of {player} is above its utopia payoff"
            for player, r, m in zip(game.players, least, most, strict=True)
            if float(r - m) > slack
        ]
        if float(total_least - grand) > n * slack:
            failures.append("the minimal rights sum to more than there is")
        for numbers, derived in (
            (self.minimal_rights, least),
            (self.utopia_payoffs, most),
            (self.values, point),
        ):
            failures += wrong_point(game, numbers, [sign * x for x in derived], slack)
        failures += below_alone(
            game, self.below_alone, [sign * x for x in point], [sign * a for a in alone], slack
        )
        shares = tuple(sign * x for x in point)
        return Verification(
            claim=claim,
            failures=tuple(failures[:LISTED_FAILURES]),
            exact=exact,
            values=shares if exact else self.values,
        )


def _minimal_rights(
    table: NDArray[np.float64], sign: int, most: list[Fraction], exact: bool
) -> list[Fraction]:
    """Return max over S with i of v(S) - M(S) + M_i, in the sense of gains.

    In floats; or floats tell which coalitions may be the best ones, and those are compared in
    integers, as all values are multiples of one power of two.
    """
    n = len(most)
    floats = np.array([float(m) for m in most])
    low_bits = min(n, CHUNK_BITS)
    size = 1 << low_bits
    low = _subset_sums(floats[:low_bits])
    exponent, whole, low_whole = 0, np.array([], dtype=object), np.array([], dtype=object)
    if exact:
        starts = range(0, len(table), size)
        exponent = min(_exponent(table[start : start + size]) for start in starts)
        whole = np.array([int(m * Fraction(2) ** -exponent) for m in most], dtype=object)
        low_whole = _subset_sums(whole[:low_bits])
    # Sums of at most 30 floats and a difference lose less than 1e-14 of what is added up.
    margin = 1e-13 * (float(np.abs(floats).sum()) + float(np.abs(table).max()))
    reached: list[float] = [-np.inf] * n
    best: list[Any] = [-np.inf] * n
    members = np.arange(size)[:, np.newaxis] >> np.arange(low_bits) & 1 == 1
    for start in range(0, len(table), size):
        beyond = [index for index in range(low_bits, n) if start >> index & 1]
        excesses = sign * table[start : start + size] - (low + float(floats[beyond].sum()))
        inside = {index: members[:, index] for index in range(low_bits)}
        inside |= {index: np.ones(size, dtype=np.bool_) for index in beyond}
        for index, of in inside.items():
            reached[index] = max(float(excesses[of].max()), reached[index])
        if not exact:
            continue
        close = np.zeros(size, dtype=np.bool_)
        for index, of in inside.items():
            close |= of & (excesses >= reached[index] - margin)
        places = np.flatnonzero(close)
        values = sign * _integers(table[start + places], exponent)
        wholes = values - low_whole[places] - sum(whole[beyond])
        for index, of in inside.items():
            best[index] = max([best[index], *wholes[of[places]]])
    if exact:
        return [e * Fraction(2) ** exponent + m for e, m in zip(best, most, strict=True)]
    return [Fraction(e) + m for e, m in zip(reached, most, strict=True)]


def _subset_sums(weights: NDArray[Any]) -> NDArray[Any]:
    sums = np.zeros(1, dtype=weights.dtype)
    for weight in weights:
        sums = np.concatenate([sums, sums + weight])
    return sums


MANTISSA_BITS = 53
"""Those of a float, which is a whole number of so many bits times a power of two."""


def _exponent(values: NDArray[np.float64]) -> int:
    """Return that of a power of two of which all values are multiples."""
    return int(np.frexp(values)[1].min()) - MANTISSA_BITS


def _integers(values: NDArray[np.float64], exponent: int) -> NDArray[Any]:
    """Return the values, exactly, as multiples of a power of two."""
    mantissas, exponents = np.frexp(values)
    whole = np.ldexp(mantissas, MANTISSA_BITS).astype(np.int64).astype(object)
    shifts = (exponents - MANTISSA_BITS - exponent).astype(object)
    multiples: NDArray[Any] = whole << shifts
    return multiples


@checked_arguments
def tau_value(game: Game, *, progress: bool = True) -> Allocation:
    r"""Return the tau value: efficient, on the line from minimal rights to utopia payoffs.

    .. math:: \tau = r + \alpha (M - r), \quad M_i = v(N) - v(N \setminus i), \quad
              r_i = \max_{S \ni i} \Bigl( v(S) - \sum_{j \in S \setminus i} M_j \Bigr)

    with :math:`\alpha` such that :math:`\tau(N) = v(N)`.

    Parameters
    ----------
    game : Game, n up to 30
        A quasi-balanced game: :math:`r_i \le M_i` for all players, and v(N) between the sums of
        both. Every game with a core is. It is tabulated.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Efficient and individually rational. With :class:`~sesgame.evidence.TauEvidence`.

    Raises
    ------
    GameError
        The game is not quasi-balanced; which of the conditions fails is said, and for whom.
    PlayerLimitError
        More than 30 players.

    Notes
    -----
    One pass over the 2^n values, about 3 * 2^n operations. In convex games minimal rights are
    values alone, and the tau value is the Gately point. It need not be in the core from four
    players on.

    References
    ----------
    Tijs (1981) [tijs1981]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> two = {("ann", "bob"): 8, ("ann", "eve"): 4, ("bob", "eve"): 2}
    >>> alone = {("ann",): 0, ("bob",): 0, ("eve",): 0}
    >>> trio = sg.Game.from_dict(alone | two | {("ann", "bob", "eve"): 9}, kind="gain")
    >>> found = sg.tau_value(trio)
    >>> found.evidence.minimal_rights, found.values.round(4).tolist()
    ((3.0, 1.0, 0.0), [5.2222, 3.2222, 0.5556])
    """
    table = game.tabulate(progress=progress)
    n = game.n_players
    singles = 1 << np.arange(n)
    together, alone = float(table[-1]), table[singles]
    most = together - table[len(table) - 1 - singles]
    with progress_report(TAU_VALUE.title, " values", progress) as report:
        excesses = largest_excess_with_each(table, game.kind, most, report)
    # A player's best coalition is at least itself alone, whatever the sums above have lost.
    sign = game.sign
    least = sign * np.maximum(sign * most + excesses, sign * alone)
    equal = rounding_of(game, [together, *most, *most])
    _check_quasi_balanced(game, least, most, together, equal)
    spread = most - least
    spread[np.abs(spread) <= equal] = 0.0
    left = fsum([together, *(-least).tolist()])
    values = shared_surplus(least, spread, left) if spread.any() else least
    evidence = TauEvidence(
        minimal_rights=tuple(least.tolist()),
        utopia_payoffs=tuple(most.tolist()),
        values=tuple(values.tolist()),
        below_alone=worse_off(game, values, alone, equal),
    )
    return TAU_VALUE.made(
        Allocation(
            game.players, values, game.kind, TAU_VALUE.title, tolerance=equal, evidence=evidence
        )
    )


def _check_quasi_balanced(
    game: Game,
    least: NDArray[np.float64],
    most: NDArray[np.float64],
    together: float,
    equal: float,
) -> None:
    """Refuse a game without a tau value, and say why.

    That v(N) is at most the sum of the utopia payoffs is no condition of its own: the grand
    coalition gives each player the right to what that sum lacks.
    """
    problem = "no tau value, since the game is not quasi-balanced"
    beyond = "below" if game.kind == "cost" else "above"
    above = np.flatnonzero(game.sign * (least - most) > equal)
    if above.size:
        index = int(above[0])
        raise GameError(
            f"{problem}: the minimal right {least[index]:.6g} of {game.players[index]!r} is "
            f"{beyond} the utopia payoff {most[index]:.6g}"
        )
    worth = "c(N)" if game.kind == "cost" else "v(N)"
    if game.sign * (float(least.sum()) - together) > game.n_players * equal:
        raise GameError(
            f"{problem}: the minimal rights sum to {least.sum():.6g}, {beyond} {worth} = "
            f"{together:.6g}"
        )


TAU_VALUE = Rule(
    name="tau-value",
    title="tau value",
    apply=lambda problem: tau_value(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=frozenset(
        {
            Promise.EFFICIENT,
            Promise.INDIVIDUALLY_RATIONAL,
            Promise.UNIQUE,
            Promise.SYMMETRIC,
            Promise.DUMMY,
            Promise.CERTIFIED,
        }
    ),
    meaning=(
        "The most that anybody can ask for is what they add to the {worth} of all others; the "
        "least is what some group can leave them if all others in it get the most. Everybody is "
        "the same part of the way from the least to the most."
    ),
    page="concepts/tau-value",
    sources=("tijs1981",),
)
