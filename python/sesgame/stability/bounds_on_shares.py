"""Legal caps: the least and the most that each player may get or pay, whatever the rule.

Where no point satisfies them, multipliers say which bounds and which coalitions contradict each
other (Farkas' lemma), and anybody can add them up.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from sesgame.errors import AllocationError, ContradictoryBoundsError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Evidence
from sesgame.rule import AllocationProblem, Option
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.game import Game

__all__ = [
    "AT_LEAST",
    "AT_MOST",
    "BoundsContradiction",
    "ShareBound",
    "ShareBounds",
    "bounds_of",
    "broken_bounds",
    "contradictory_bounds",
    "held_bound",
]

LISTED = 4
"""As many coalitions of a contradiction are named in a message."""


@dataclasses.dataclass(frozen=True)
class ShareBound:
    """A bound on the share of one player.

    Attributes
    ----------
    player : hashable
        Whose share.
    amount : float
        The least, or the most, in the sense of the game.
    """

    player: Hashable
    amount: float


def bound_of(bounds: Sequence[ShareBound], player: Hashable) -> float:
    """Return the bound of a player, NaN where there is none."""
    return next((bound.amount for bound in bounds if bound.player == player), math.nan)


@dataclasses.dataclass(frozen=True, eq=False)
class ShareBounds:
    """The least and the most that each player may get (gains) or pay (costs).

    Attributes
    ----------
    at_least, at_most : ndarray of float, shape (n,)
        In player order and in the sense of the game; infinite where there is no bound.
    """

    at_least: NDArray[np.float64]
    at_most: NDArray[np.float64]

    @classmethod
    def of(cls, game: Game, at_least: Any, at_most: Any, *, total: float) -> ShareBounds:
        """Return the bounds that are given, in whatever form.

        Parameters
        ----------
        game : Game
            Whose players they are for.
        at_least, at_most : Allocation, mapping or array_like of float, shape (n,), or None
            A missing player, and None as a number, has no bound.
        total : float
            What there is to split.

        Raises
        ------
        AllocationError
            A wrong form, an unknown player, NaN; bounds of a player that contradict each other, or
            those of all that contradict the total. It names who.
        """
        bounds = cls(
            _by_player(game, "at_least", at_least, -math.inf),
            _by_player(game, "at_most", at_most, math.inf),
        )
        bounds._check(game, total)
        return bounds

    @property
    def any(self) -> bool:
        """Whether there is a bound at all."""
        return bool(np.isfinite(self.at_least).any() or np.isfinite(self.at_most).any())

    def named(self, game: Game) -> dict[str, tuple[ShareBound, ...]]:
        """Return those that there are, as evidence keeps them."""
        return {
            name: tuple(
                ShareBound(player, bound)
                for player, bound in zip(game.players, bounds.tolist(), strict=True)
                if math.isfinite(bound)
            )
            for name, bounds in (("at_least", self.at_least), ("at_most", self.at_most))
        }

    @property
    def pairs(self) -> list[tuple[float, float]]:
        """For each player the two bounds; empty where there is none at all."""
        if not self.any:
            return []
        return list(zip(self.at_least.tolist(), self.at_most.tolist(), strict=True))

    def _check(self, game: Game, total: float) -> None:
        """Refuse bounds that are contradictory by themselves."""
        crossed = np.flatnonzero(self.at_least > self.at_most)
        if crossed.size:
            index = int(crossed[0])
            raise AllocationError(
                f"the bounds of {game.players[index]!r} contradict each other: at least "
                f"{self.at_least[index]:g}, at most {self.at_most[index]:g}"
            )
        equal = game.rounding + 1e-12 * abs(total)  # sums of n shares are rounded
        least, most = float(self.at_least.sum()), float(self.at_most.sum())
        if least > total + equal:
            everybody = format_coalition(game.players)
            raise AllocationError(
                f"the bounds contradict the total: {everybody} are to have at least {least:g} "
                f"together, but there is {total:g}"
            )
        if most < total - equal:
            everybody = format_coalition(game.players)
            raise AllocationError(
                f"the bounds contradict the total: {everybody} are to have at most {most:g} "
                f"together, but there is {total:g}"
            )


def _by_player(game: Game, name: str, given: Any, no_bound: float) -> NDArray[np.float64]:
    """Return one number for each player, and one that is no bound where none is given."""
    n = game.n_players
    if given is None:
        return np.full(n, no_bound)
    if isinstance(given, Allocation):
        if given.kind != game.kind:
            raise AllocationError(f"{name} is a {given.kind} allocation for a {game.kind} game")
        given = dict(zip(given.players, given.values.tolist(), strict=True))
    if isinstance(given, Mapping):
        unknown = [player for player in given if player not in game.players]
        if unknown:
            raise AllocationError(f"{name} has a bound for {unknown[0]!r}, who is no player")
        given = [given.get(player) for player in game.players]
    try:
        numbers = [no_bound if one is None else float(one) for one in given]
    except (TypeError, ValueError) as error:
        raise AllocationError(f"{name} is not one number (or None) a player: {error}") from error
    if len(numbers) != n:
        raise AllocationError(f"{name} has {len(numbers)} bounds for {n} players")
    for player, number in zip(game.players, numbers, strict=True):
        if math.isnan(number) or number == -no_bound:
            raise AllocationError(f"{name} of {player!r} is {number}, which is no bound")
    return np.array(numbers)


@dataclasses.dataclass(frozen=True, eq=False)
class BoundsContradiction(Evidence):
    """Multipliers that prove that no point of a core, or of a least core, satisfies bounds.

    With positive multipliers m of coalitions and p, q of lower and upper bounds (in the sense of
    gains), and z of the grand coalition, ``sum of m_S 1_S + p - q + z 1_N = 0``. What is demanded,
    ``sum of m_S (v(S) - e) + p at_least - q at_most + z v(N)``, is positive all the same.

    Attributes
    ----------
    allowed_excess : float
        The excess e that coalitions may have: 0 for the core, the value of the least core.
    at_least, at_most : tuple of ShareBound
        The bounds.
    players : tuple of hashable
        Whose bounds contradict.
    player_multipliers : tuple of float
        One for each, positive for the bound that keeps it up in the sense of gains, else negative.
    coalitions : tuple of tuple of hashable
        Which coalitions they contradict.
    multipliers : tuple of float
        One positive number for each.
    total_multiplier : float
        That of the grand coalition.
    """

    allowed_excess: float
    at_least: tuple[ShareBound, ...]
    at_most: tuple[ShareBound, ...]
    players: tuple[Hashable, ...]
    player_multipliers: tuple[float, ...]
    coalitions: tuple[tuple[Hashable, ...], ...]
    multipliers: tuple[float, ...]
    total_multiplier: float

    @property
    def _claim(self) -> str:
        return (
            f"no split of the total with excesses of at most {self.allowed_excess!r} satisfies "
            f"the bounds"
        )

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Add the multipliers up in fractions.

        Parameters
        ----------
        game : Game
            The values of the coalitions are asked of it, and of all but one player, and of one.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            As other evidence has it; this one is proved in fractions in any case.

        Returns
        -------
        Verification
            True as a condition where the demands contradict each other, exactly.
        """
        failures = _contradiction_failures(self, game)
        return Verification(claim=self._claim, failures=failures, exact=True, values=())


def _contradiction_failures(proof: BoundsContradiction, game: Game) -> tuple[str, ...]:
    """Say why the multipliers do not prove a contradiction; nothing where they do."""
    n, players = game.n_players, game.players
    if not all(multiplier > 0 for multiplier in proof.multipliers):
        return ("a coalition has no positive multiplier",)
    rows = np.zeros((len(proof.coalitions), n), dtype=np.bool_)
    for row, coalition in zip(rows, proof.coalitions, strict=True):
        row[players.indices(coalition)] = True
    single = np.eye(n, dtype=np.bool_)
    asked = np.concatenate([rows, single, ~single, np.ones((1, n), dtype=np.bool_)])
    values = game.values(asked, progress=False).tolist()
    worth = [int(game.sign) * Fraction(value) for value in values]
    together, allowed = worth[-1], Fraction(proof.allowed_excess)
    total = Fraction(proof.total_multiplier)
    sums = [total] * n
    demanded = total * together
    for row, value, multiplier in zip(rows, worth, proof.multipliers, strict=False):
        demanded += Fraction(multiplier) * (value - allowed)
        for member in np.flatnonzero(row):
            sums[int(member)] += Fraction(multiplier)
    for player, signed in zip(proof.players, proof.player_multipliers, strict=True):
        index = players.index(player)
        bound = held_bound(proof, game, player, signed)
        if not math.isfinite(bound):
            return (f"{player!r} has a multiplier, but not that bound",)
        sums[index] += Fraction(signed)
        demanded += Fraction(signed) * int(game.sign) * Fraction(bound)
    # Multipliers are rounded: what does not cancel is at most what a player can get at all.
    alone, without = worth[len(rows) : len(rows) + n], worth[len(rows) + n : -1]
    if n > 1:
        for index, rest in enumerate(sums):
            ends = (alone[index] - allowed, together - without[index] + allowed)
            demanded -= abs(rest) * max(abs(end) for end in ends)
    elif sums[0]:
        demanded -= sums[0] * together
    return () if demanded > 0 else ("the bounds and the coalitions do not contradict each other",)


def contradictory_bounds(
    game: Game, proof: BoundsContradiction, missed: float, where: str
) -> ContradictoryBoundsError:
    """Return the error that names whose bounds contradict which coalitions, and by how much."""
    named = [
        f"{'at least' if (signed > 0) == (game.sign > 0) else 'at most'} "
        f"{held_bound(proof, game, player, signed):g} for {player}"
        for player, signed in zip(proof.players, proof.player_multipliers, strict=True)
    ]
    coalitions = [format_coalition(coalition) for coalition in proof.coalitions]
    rest = f" and {len(coalitions) - LISTED} more" if len(coalitions) > LISTED else ""
    keeps = f" and what keeps {', '.join(coalitions[:LISTED])}{rest}" if coalitions else ""
    return ContradictoryBoundsError(
        f"no point of the {where} satisfies the bounds: {', '.join(named)}{keeps} contradict each "
        f"other; all bounds would have to give way by {missed:g}",
        proof,
    )


class _Bounded(Protocol):
    """Evidence that keeps bounds."""

    @property
    def at_least(self) -> tuple[ShareBound, ...]: ...

    @property
    def at_most(self) -> tuple[ShareBound, ...]: ...


def held_bound(evidence: _Bounded, game: Game, player: Hashable, signed: float) -> float:
    """Return the bound that a signed multiplier is of; NaN where there is none.

    What keeps a player up in the sense of gains is the lower bound of gains, the upper of costs.
    """
    keeps_up = (signed > 0) == (game.sign > 0)
    return bound_of(evidence.at_least if keeps_up else evidence.at_most, player)


def broken_bounds(
    evidence: _Bounded, game: Game, values: NDArray[np.float64], slack: float
) -> list[str]:
    """Say whose bounds shares break by more than some slack."""
    shares = dict(zip(game.players, values.tolist(), strict=True))
    return [
        f"{bound.player!r} has {shares.get(bound.player)!r}, not {name} {bound.amount!r}"
        for name, bounds, side in (
            ("at least", evidence.at_least, 1),
            ("at most", evidence.at_most, -1),
        )
        for bound in bounds
        if not side * (shares.get(bound.player, math.nan) - bound.amount) >= -slack
    ]


ALONE = "alone"


def _parsed(text: str) -> str | dict[str, float]:
    """Return the word for values alone, or bounds by member."""
    if text == ALONE:
        return text
    pairs = [pair.rpartition("=") for pair in text.split(",")]
    return {member.strip(): float(amount) for member, _, amount in pairs}


AT_LEAST: Option[Any] = Option(
    name="at-least",
    parse=_parsed,
    metavar=f"{ALONE}|A=1.5,B=2,...",
    help="the least that each member may get, or pay: the stand-alone values, or amounts",
)

AT_MOST: Option[Any] = Option(
    name="at-most",
    parse=_parsed,
    metavar=f"{ALONE}|A=1.5,B=2,...",
    help="the most that each member may get, or pay: the stand-alone values, or amounts",
)


def bounds_of(problem: AllocationProblem) -> dict[str, Any]:
    """Return the bounds that a problem asks for, as keywords of a rule's function."""
    game = problem.game
    bounds = {option.keyword: problem.get(option) for option in (AT_LEAST, AT_MOST)}
    for keyword, bound in bounds.items():
        if isinstance(bound, str) and bound == ALONE:
            alone = game.values(np.eye(game.n_players, dtype=np.bool_))
            bounds[keyword] = Allocation(game.players, alone, game.kind, "values alone")
    return bounds
