"""Nash bargaining in two levels: among unions, then among the members of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.bargaining.nash_bargaining import BARGAINING_WEIGHTS, DISAGREEMENT
from sesgame.bargaining.surplus import (
    LISTED_FAILURES,
    below_alone,
    disagreement_of,
    rounding_of,
    shared_surplus,
    slack_of,
    surplus_of,
    weights_by_player,
    weights_of,
    worse_off,
    wrong_point,
)
from sesgame.errors import AllocationError, CoalitionError, GameError
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation, Amount, Evidence, checked_values
from sesgame.game.door import checked_arguments
from sesgame.game.leave_one_out import values_alone
from sesgame.rule import Option, Promise, Rule
from sesgame.shapley.unions import UNIONS, Unions, groups_of_unions
from sesgame.stability.verification import Verification

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from sesgame.bargaining.nash_bargaining import Numbers
    from sesgame.game.game import Game

__all__ = ["NESTED_NASH", "UNION_WEIGHTS", "NestedNashEvidence", "nested_nash_bargaining"]


@dataclasses.dataclass(frozen=True, eq=False)
class NestedNashEvidence(Evidence):
    """What two levels of Nash bargaining rest on.

    Attributes
    ----------
    unions : tuple of tuple of hashable
        Who bargains together.
    union_weights : tuple of float
        One for each union.
    weights : tuple of float
        One for each player.
    start_payoffs : tuple of float
        What each player gets if its union comes to nothing; empty for values alone.
    values : tuple of float
        The allocation.
    below_alone : tuple of hashable
        Players who are worse off than alone.
    """

    unions: tuple[tuple[Hashable, ...], ...]
    union_weights: tuple[float, ...]
    weights: tuple[float, ...]
    start_payoffs: tuple[float, ...]
    values: tuple[float, ...]
    below_alone: tuple[Hashable, ...]

    @property
    def n_evaluations(self) -> int:
        """Each player alone, each union, and all together."""
        return len(self.values) + len(self.unions) + 1

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return who is worse off than alone."""
        if not self.below_alone:
            return []
        return [f"{format_coalition(self.below_alone)}: worse off than alone."]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the shares are made of."""
        return [
            f"Made of {self.n_evaluations} values: each alone, each union on its own, and all "
            f"together."
        ]

    def verify(self, game: Game, oracle: object = None, *, exact: bool = False) -> Verification:
        """Derive both levels again in fractions, from the values of the game.

        Parameters
        ----------
        game : Game
            The game that was shared out.
        oracle : optional
            Not asked: nothing here rests on the word of one.
        exact : bool, default False
            Allow for the rounding of the shares alone.

        Returns
        -------
        Verification
            True as a condition if these are the shares.
        """
        claim = (
            f"Nash bargaining among the unions {list(map(list, self.unions))!r} with the weights "
            f"{list(self.union_weights)!r}, and inside with the weights {list(self.weights)!r}"
        )
        if self.start_payoffs:
            claim += f" and the disagreement payoffs {list(self.start_payoffs)!r}"
        try:
            groups = groups_of_unions(game, self.unions)
            checked_values(game.players, self.values)
            weights = _exact(_inside(game, groups, self.weights))
            by_union = _exact(_of_unions(groups, self.union_weights))
            alone, together = values_alone(game, progress=False)
            given = disagreement_of(game, self.start_payoffs) if self.start_payoffs else alone
        except (AllocationError, CoalitionError, GameError) as error:
            return Verification(claim, (str(error),), exact, self.values)
        worths = _exact(_worths(game, groups))
        start, grand = _exact(given), Fraction(together)
        left = grand - sum(worths)
        point = list(start)
        for group, worth, weight in zip(groups, worths, by_union, strict=True):
            share = worth + weight * left / sum(by_union)
            gained = share - sum(start[index] for index in group)
            inside = sum(weights[index] for index in group)
            for index in group:
                point[index] += weights[index] * gained / inside
        terms = [together, *map(float, worths), *given.tolist(), *self.values]
        slack = slack_of(game, terms, exact)
        failures = wrong_point(game, self.values, point, slack)
        failures += below_alone(game, self.below_alone, point, _exact(alone), slack)
        return Verification(
            claim=claim,
            failures=tuple(failures[:LISTED_FAILURES]),
            exact=exact,
            values=tuple(point) if exact else self.values,
        )


@checked_arguments
def nested_nash_bargaining(
    game: Game,
    unions: Unions,
    *,
    weights: Numbers | None = None,
    union_weights: Mapping[Any, float] | ArrayLike | None = None,
    disagreement: Numbers | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return Nash bargaining in two levels: among unions, then inside each over what it has got.

    .. math:: y_k = v(B_k) + \frac{u_k}{u(M)} \Bigl( v(N) - \sum_l v(B_l) \Bigr), \qquad
              x_i = d_i + \frac{w_i}{w(B_k)} \bigl( y_k - d(B_k) \bigr)

    for a player i of the union :math:`B_k`, one of those in M.

    Parameters
    ----------
    game : Game
        Any number of players; it is not tabulated.
    unions : iterable of iterables of players
        Each player in one union.
    weights : Allocation, mapping or array_like of float, shape (n,), optional
        Bargaining weights of the players, at least 0, one of each union positive; by default all
        the same.
    union_weights : array_like of float, shape (m,), optional
        Bargaining weights of the unions, in their order; by default all the same, whatever the
        number of their members.
    disagreement : Allocation, mapping or array_like of float, shape (n,), optional
        What each player gets, or pays, if its union comes to nothing; by default values alone. A
        union that does not agree with the others has its own value, :math:`v(B_k)`.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Efficient, no union worse off than on its own, and nobody below the disagreement payoff.
        With :class:`~sesgame.evidence.NestedNashEvidence`.

    Raises
    ------
    GameError
        A union is empty, a player is in two unions or in none, or unknown.
    AllocationError
        The unions lose together, or the members of one of them, which is named; or weights or
        payoffs are not as above.
    CharacteristicFunctionError
        The game has no finite value for one of the coalitions.

    Notes
    -----
    n + m + 1 values.

    References
    ----------
    Harsanyi (1963) [harsanyi1963]_ for bargaining among groups.

    Examples
    --------
    >>> import sesgame as sg
    >>> two = {("ann", "bob"): 8, ("ann", "eve"): 4, ("bob", "eve"): 2}
    >>> alone = {("ann",): 0, ("bob",): 0, ("eve",): 0}
    >>> trio = sg.Game.from_dict(alone | two | {("ann", "bob", "eve"): 9}, kind="gain")
    >>> sg.nested_nash_bargaining(trio, [["ann", "bob"], ["eve"]]).values.tolist()
    [4.25, 4.25, 0.5]
    """
    groups = groups_of_unions(game, unions)
    shares = _inside(game, groups, weights_of(game, weights))
    of_unions = _of_unions(groups, union_weights)
    alone, together = values_alone(game, progress=progress)
    start = alone if disagreement is None else disagreement_of(game, disagreement)
    worths = _worths(game, groups)
    left = surplus_of(game, together, worths, "what the unions have on their own")
    totals = shared_surplus(worths, of_unions, left)
    values = np.empty(game.n_players)
    for group, total in zip(groups, totals.tolist(), strict=True):
        name = format_coalition([game.players[index] for index in group])
        gained = surplus_of(
            game, total, start[group], f"the disagreement payoffs of the members of {name}"
        )
        values[group] = shared_surplus(start[group], shares[group], gained)
    equal = rounding_of(game, [together, *worths, *start, *alone])
    evidence = NestedNashEvidence(
        unions=tuple(tuple(game.players[index] for index in group) for group in groups),
        union_weights=tuple(of_unions.tolist()),
        weights=tuple(shares.tolist()),
        start_payoffs=() if disagreement is None else tuple(start.tolist()),
        values=tuple(values.tolist()),
        below_alone=worse_off(game, values, alone, equal),
    )
    return NESTED_NASH.made(
        Allocation(
            game.players, values, game.kind, NESTED_NASH.title, tolerance=equal, evidence=evidence
        )
    )


def _exact(numbers: NDArray[np.float64]) -> list[Fraction]:
    return [Fraction(number) for number in numbers.tolist()]


def _inside(game: Game, groups: Sequence[Sequence[int]], weights: Numbers) -> NDArray[np.float64]:
    """Return weights in player order, of which each union has a positive one."""
    shares = weights_by_player(game, weights, "bargaining weights")
    for group in groups:
        if not shares[list(group)].any():
            name = format_coalition([game.players[index] for index in group])
            raise AllocationError(
                f"bargaining weights: all members of {name} have 0; one at least must be positive"
            )
    return shares


def _of_unions(groups: Sequence[Sequence[int]], weights: Any) -> NDArray[np.float64]:
    """Return one weight for each union, none negative and one of them positive."""
    if weights is None:
        return np.ones(len(groups))
    try:
        array = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"the weights of unions must be numbers: {error}") from error
    if array.shape != (len(groups),):
        raise AllocationError(
            f"{len(groups)} unions need weights of shape ({len(groups)},), not {array.shape}"
        )
    for number in np.flatnonzero(~(np.isfinite(array) & (array >= 0))):
        raise AllocationError(
            f"the weight of union {number + 1} is {array[number]:g}; it must be finite, and at "
            f"least 0"
        )
    if not array.any():
        raise AllocationError("the weights of all unions are 0; one at least must be positive")
    return array


def _worths(game: Game, groups: Sequence[Sequence[int]]) -> NDArray[np.float64]:
    """Return what each union has on its own."""
    membership = np.zeros((len(groups), game.n_players), dtype=np.bool_)
    for number, group in enumerate(groups):
        membership[number, list(group)] = True
    return game.values(membership, progress=False)


def _numbers(text: str) -> tuple[float, ...]:
    """Return numbers that are separated by commas."""
    return tuple(float(number) for number in text.split(","))


UNION_WEIGHTS: Option[Any] = Option(
    name="union-weights",
    parse=_numbers,
    metavar="U1,U2,...",
    help="bargaining weight of each union, in their order, by default the same for all",
)

NESTED_NASH = Rule(
    name="nested-nash-bargaining",
    title="nested Nash bargaining solution",
    apply=lambda problem: nested_nash_bargaining(
        problem.game,
        problem[UNIONS],
        weights=problem.get(BARGAINING_WEIGHTS),
        union_weights=problem.get(UNION_WEIGHTS),
        disagreement=problem.get(DISAGREEMENT),
    ),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE, Promise.CERTIFIED}),
    options=(UNIONS, BARGAINING_WEIGHTS, UNION_WEIGHTS, DISAGREEMENT),
    meaning=(
        "Each union {bears} what it has on its own and its part of what all unions gain together; "
        "inside, everybody {bears} what they have alone and their part of what their union gains."
    ),
    page="concepts/nash-bargaining",
    sources=("harsanyi1963",),
)
