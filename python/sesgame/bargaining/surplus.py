r"""What rules of one line have in common: a start for everybody, and the rest by weights.

.. math:: x_i = b_i + \frac{w_i}{w(N)} \bigl( v(N) - b(N) \bigr)

They differ in where everybody starts, such as at what they have alone, and in the weights.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Hashable, Mapping
from fractions import Fraction
from math import fsum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from sesgame.errors import AllocationError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.leave_one_out import leave_one_out, values_alone
from sesgame.game.precision import resolution, rounding_of_excesses
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from sesgame.game.game import Game

    Numbers: TypeAlias = Allocation | Mapping[Hashable, float] | ArrayLike

__all__ = [
    "ALONE",
    "EQUAL",
    "GIVEN",
    "MARGINAL",
    "NOTHING",
    "SurplusEvidence",
    "below_alone",
    "disagreement_of",
    "named_numbers",
    "numbers_by_player",
    "rounding_of",
    "shared_surplus",
    "slack_of",
    "surplus_of",
    "weights_by_player",
    "weights_of",
    "worse_off",
    "wrong_point",
]

ALONE, MARGINAL, NOTHING, GIVEN, EQUAL = "alone", "marginal", "nothing", "given", "equal"
"""From where players start, and in proportion to what the rest is shared."""

LISTED_FAILURES = 10


def rounding_of(game: Game, amounts: ArrayLike) -> float:
    """Return by how much the sum of v(N) and n amounts may be off, in the unit of the game."""
    magnitude = fsum(np.abs(amounts))
    return float(rounding_of_excesses(0.0, magnitude, game.n_players)) + game.rounding


def surplus_of(
    game: Game, together: float, start: NDArray[np.float64], against: str = "standing alone"
) -> float:
    """Return what is left of v(N) after everybody has what they start from, 0 if that is rounding.

    Raises
    ------
    AllocationError
        Together they lose.
    """
    surplus = fsum([together, *(-start).tolist()])
    if abs(surplus) <= rounding_of(game, [together, *start]):
        return 0.0
    if game.sign * surplus < 0:
        raise AllocationError(
            f"no agreement: together they lose {abs(surplus):.6g} against {against}"
        )
    return surplus


def shared_surplus(
    start: NDArray[np.float64], weights: NDArray[np.float64], surplus: float
) -> NDArray[np.float64]:
    """Return the start and a part of the surplus in proportion to weights that do not sum to 0."""
    # Of weights near the largest or the smallest floats, neither sum nor product is one.
    parts = weights / np.abs(weights).max()
    shares: NDArray[np.float64] = start + parts / fsum(parts) * surplus
    return shares


def worse_off(
    game: Game, values: NDArray[np.float64], alone: NDArray[np.float64], equal: float
) -> tuple[Hashable, ...]:
    """Return the players who are better off alone by more than `equal`."""
    worse = np.flatnonzero(game.sign * (values - alone) < -equal)
    return tuple(game.players[int(index)] for index in worse)


def numbers_by_player(game: Game, numbers: Numbers, what: str) -> NDArray[np.float64]:
    """Return one finite number for each player, in player order.

    Raises
    ------
    AllocationError
        A player is missing or unknown, or has something else than a finite number.
    """
    if isinstance(numbers, Allocation):
        numbers = dict(zip(numbers.players, numbers.values.tolist(), strict=True))
    if isinstance(numbers, Mapping):
        missing = [player for player in game.players if player not in numbers]
        unknown = [player for player in numbers if player not in game.players]
        if missing or unknown:
            parts = [f"none for {format_coalition(missing)}"] if missing else []
            parts += [f"one for the unknown {format_coalition(unknown)}"] if unknown else []
            raise AllocationError(f"{what}: each player has one; there is {' and '.join(parts)}")
        numbers = [numbers[player] for player in game.players]
    try:
        array = np.array(numbers, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"{what} must be numbers: {error}") from error
    if array.shape != (game.n_players,):
        raise AllocationError(
            f"{what}: {game.n_players} players need shape ({game.n_players},), not {array.shape}"
        )
    for index in np.flatnonzero(~np.isfinite(array)):
        raise AllocationError(
            f"{what}: {game.players[int(index)]!r} has {array[index]}, not a finite number"
        )
    return array


def weights_by_player(game: Game, weights: Numbers, what: str = "weights") -> NDArray[np.float64]:
    """Return weights in player order, none negative and one of them positive.

    Raises
    ------
    AllocationError
        They are others; the player is named.
    """
    array = numbers_by_player(game, weights, what)
    for index in np.flatnonzero(array < 0):
        raise AllocationError(
            f"{what}: {game.players[int(index)]!r} has {array[index]:g}; the least is 0"
        )
    if not array.any():
        raise AllocationError(f"{what}: all are 0; one at least must be positive")
    return array


def weights_of(game: Game, weights: Numbers | None) -> NDArray[np.float64]:
    """Return bargaining weights in player order, shape (n,); ones where none are given.

    Raises
    ------
    AllocationError
        A weight is negative or not finite, of nobody or missing, or all are 0.
    """
    if weights is None:
        return np.ones(game.n_players)
    return weights_by_player(game, weights, "bargaining weights")


def disagreement_of(
    game: Game,
    disagreement: Numbers | None,
    *,
    progress: bool = True,
) -> NDArray[np.float64]:
    """Return the disagreement payoffs in player order, shape (n,); by default values alone.

    Raises
    ------
    AllocationError
        One is not finite, of nobody or missing, or they are an allocation of the other kind.
    """
    if disagreement is None:
        return values_alone(game, progress=progress)[0]
    if isinstance(disagreement, Allocation) and disagreement.kind != game.kind:
        raise AllocationError(
            f"disagreement payoffs: a {disagreement.kind} allocation for a {game.kind} game"
        )
    return numbers_by_player(game, disagreement, "disagreement payoffs")


def named_numbers(text: str) -> dict[str, float]:
    """Return numbers by name, from text such as ``ann=1.5,bob=2``.

    Raises
    ------
    ValueError
        There is no number, or a name is missing or there twice.
    """
    found: dict[str, float] = {}
    for pair in text.split(","):
        name, _, number = pair.rpartition("=")
        label = name.strip()
        if not label or label in found:
            raise ValueError(pair)
        found[label] = float(number)
    return found


def slack_of(game: Game, values: ArrayLike, exact: bool) -> float:
    """Return how far shares may be from those that a verifier derives in fractions.

    Rounding of the shares alone if `exact`; otherwise also what the game does not know of its own
    values, and what a person calls the same.
    """
    # The shares are n sums and products of numbers as large as v(N) and the shares together.
    rounding = 4 * rounding_of(game, values) - 4 * game.rounding
    return rounding if exact else rounding + game.rounding + resolution(game)


def wrong_point(
    game: Game, values: Sequence[float], point: Sequence[Fraction], slack: float
) -> list[str]:
    """Say who has something else than what was derived in fractions."""
    if len(values) != game.n_players:
        return [f"there are {len(values)} shares for {game.n_players} players"]
    return [
        f"{player} has {value!r}, not {float(share)!r}"
        for player, value, share in zip(game.players, values, point, strict=True)
        if not abs(value - float(share)) <= slack
    ]


def below_alone(
    game: Game,
    named: Sequence[Hashable],
    point: Sequence[Fraction],
    alone: Sequence[Fraction],
    slack: float,
) -> list[str]:
    """Say whether others than the named players are worse off than alone."""
    sign = int(game.sign)
    losses = [float(sign * (a - x)) for a, x in zip(alone, point, strict=True)]
    found = dict(zip(game.players, losses, strict=True))
    wrong = [player for player, loss in found.items() if loss > slack and player not in named]
    wrong += [player for player in named if not found.get(player, -np.inf) > -slack]
    if not wrong:
        return []
    return [f"not those who are worse off than alone: {format_coalition(wrong)}"]


@dataclasses.dataclass(frozen=True, eq=False)
class SurplusEvidence(Evidence):
    """From where everybody starts, and how the rest is shared.

    Attributes
    ----------
    start : {"alone", "marginal", "nothing", "given"}
        At v(i), at what each adds to all others, at 0, or at the payoffs `start_payoffs`.
    by : {"equal", "alone", "given"}
        Whether the rest is shared equally, in proportion to v(i), or to `weights`.
    start_payoffs : tuple of float
        One for each player, if they are given.
    weights : tuple of float
        One for each player, if they are given.
    values : tuple of float
        The allocation.
    below_alone : tuple of hashable
        Players who are worse off than alone.
    """

    start: str
    by: str
    start_payoffs: tuple[float, ...]
    weights: tuple[float, ...]
    values: tuple[float, ...]
    below_alone: tuple[Hashable, ...]

    @property
    def n_evaluations(self) -> int:
        """Each alone and all together, and all without each where what they add counts."""
        n = len(self.values)
        return 2 * n + 1 if self.start == MARGINAL else n + 1

    @property
    def words(self) -> dict[str, str]:
        """What the rest is in proportion to, and what is shared."""
        by = {EQUAL: "in equal parts", ALONE: "in proportion to what they have alone"}
        shared = by.get(self.by, "in proportion to agreed numbers")
        if self.start == NOTHING:
            return {"portion": f"a part of the whole, {shared}"}
        base = {
            ALONE: "what they have alone",
            MARGINAL: "what they add to all others",
            GIVEN: "what was agreed for the case that nothing comes about",
        }[self.start]
        return {"portion": f"{base} and, of what is gained together, a part {shared}"}

    @property
    def _claim(self) -> str:
        starts = {
            ALONE: "what each has alone",
            MARGINAL: "what each adds to all others",
            NOTHING: "nothing for anybody",
            GIVEN: f"the payoffs {list(self.start_payoffs)!r}",
        }
        shares = {
            EQUAL: "equal parts of the rest",
            ALONE: "parts of the rest in proportion to what each has alone",
            GIVEN: f"parts of the rest in proportion to {list(self.weights)!r}",
        }
        return f"{starts[self.start]}, and {shares[self.by]}"

    @staticmethod
    def of(starts: Collection[str], by: Collection[str]) -> Callable[[Evidence], bool]:
        """Return what tells evidence of one of these starts and proportions from all other."""

        def is_of(evidence: Evidence) -> bool:
            return (
                isinstance(evidence, SurplusEvidence)
                and evidence.start in starts
                and evidence.by in by
            )

        return is_of

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who is worse off than alone."""
        if not self.below_alone:
            return []
        return [f"{format_coalition(self.below_alone)}: worse off than alone."]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the shares are made of."""
        without = "all without each, " if self.start == MARGINAL else ""
        return [f"Made of {self.n_evaluations} values: each alone, {without}and all together."]

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Derive the allocation again in fractions, from the values of the game.

        The gains over the start are in proportion to the weights and sum to what there is: for
        positive weights that is the first-order condition of the largest product of gains, each
        to the power of its weight (Nash).

        Parameters
        ----------
        game : Game
            The game that was shared out; n + 1 values, or 2n + 1.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Allow for the rounding of the shares alone.

        Returns
        -------
        Verification
            True as a condition if these are the shares. Its values are fractions if `exact`.
        """
        failures = self._wrong_form(game)
        if failures:
            return Verification("a surplus that is shared", tuple(failures), exact, self.values)
        values, together = values_alone(game, progress=False)
        alone, grand = [Fraction(value) for value in values.tolist()], Fraction(together)
        if self.start == MARGINAL:
            without = leave_one_out(game, progress=False).without
            start = [grand - Fraction(value) for value in without.tolist()]
        else:
            start = {
                ALONE: alone,
                NOTHING: [Fraction(0)] * game.n_players,
                GIVEN: [Fraction(value) for value in self.start_payoffs],
            }[self.start]
        weights = {
            EQUAL: [Fraction(1)] * game.n_players,
            ALONE: alone,
            GIVEN: [Fraction(value) for value in self.weights],
        }[self.by]
        total, surplus = sum(weights), grand - sum(start)
        if total == 0:
            failures = ["the weights sum to 0"]
            return Verification(self._claim, tuple(failures), exact, self.values)
        point = [b + w * surplus / total for b, w in zip(start, weights, strict=True)]
        # What is subtracted may be larger than the shares.
        slack = slack_of(game, [together, *map(float, start), *self.values], exact)
        failures = wrong_point(game, self.values, point, slack)
        failures += below_alone(game, self.below_alone, point, alone, slack)
        return Verification(
            claim=self._claim,
            failures=tuple(failures[:LISTED_FAILURES]),
            exact=exact,
            values=tuple(point) if exact else self.values,
        )

    def _wrong_form(self, game: Game) -> list[str]:
        """Say what keeps the fields from being those of any such allocation."""
        if self.start not in (ALONE, MARGINAL, NOTHING, GIVEN):
            return [f"nobody starts from {self.start!r}"]
        if self.by not in (EQUAL, ALONE, GIVEN):
            return [f"nothing is shared by {self.by!r}"]
        try:
            checked_values(game.players, self.values)
            if self.start == GIVEN:
                numbers_by_player(game, self.start_payoffs, "payoffs")
            elif self.start_payoffs:
                return [f"the start is {self.start}, and payoffs are given"]
            if self.by == GIVEN:
                weights_by_player(game, self.weights)
            elif self.weights:
                return [f"the rest is shared by {self.by}, and weights are given"]
        except AllocationError as error:
            return [str(error)]
        return []
