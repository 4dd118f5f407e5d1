"""Nash bargaining with side payments: the largest product of gains over a disagreement point."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from sesgame.bargaining.core_nash_bargaining import nash_bargaining_in_core
from sesgame.bargaining.surplus import (
    ALONE,
    EQUAL,
    GIVEN,
    SurplusEvidence,
    disagreement_of,
    named_numbers,
    rounding_of,
    shared_surplus,
    surplus_of,
    weights_of,
    worse_off,
)
from sesgame.errors import GameError, OracleError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.game.leave_one_out import values_alone
from sesgame.rule import Option, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sesgame.game.separation import SeparationOracle

    Numbers: TypeAlias = Allocation | Mapping[Hashable, float] | ArrayLike

__all__ = [
    "BARGAINING_WEIGHTS",
    "DISAGREEMENT",
    "NASH_BARGAINING",
    "nash_bargaining",
]


@checked_arguments
def nash_bargaining(
    game: Game | Iterable[Hashable],
    *,
    weights: Numbers | None = None,
    disagreement: Numbers | None = None,
    within_core: bool = False,
    oracle: SeparationOracle | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the Nash bargaining solution: the efficient point of the largest product of gains.

    .. math:: \max_{x(N) = v(N)} \prod_i (x_i - d_i)^{w_i}, \qquad
              x_i = d_i + \frac{w_i}{w(N)} \bigl( v(N) - d(N) \bigr)

    Parameters
    ----------
    game : Game
        Any number of players; it is not tabulated. Within the core, and with an oracle, players
        will do. For costs the gains are :math:`d_i - x_i`.
    weights : Allocation, mapping or array_like of float, shape (n,), optional
        Bargaining weights, at least 0; who has 0 gets just the disagreement payoff. By default all
        the same. :func:`sesgame.contribution_weights` makes some of energy given and taken.
    disagreement : Allocation, mapping or array_like of float, shape (n,), optional
        What each gets, or pays, if nothing comes about; by default what each has alone.
    within_core : bool, default False
        Choose among the points of the core alone: :func:`sesgame.nash_bargaining_in_core`, which
        takes bounds on shares and limits of a search, too. Weights are then positive.
    oracle : SeparationOracle, optional
        Within the core of a game of too many players for a table: finds coalitions that object.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Efficient, and nobody below the disagreement payoff. With
        :class:`~sesgame.evidence.SurplusEvidence`; within the core with
        :class:`~sesgame.evidence.NashInCoreEvidence`.

    Raises
    ------
    OracleError
        An oracle is given, but not `within_core`.
    AllocationError
        Together players have less than in disagreement; or weights or payoffs are not one for each
        player, weights are negative, or all are 0.
    CharacteristicFunctionError
        The game has no finite value for one of the coalitions.

    Notes
    -----
    n + 1 values. Payments between members make the frontier a plane, so that the solution is a
    formula; with equal weights and values alone it is the equal surplus allocation. It need not be
    in the core, and whoever can choose what to report as the disagreement payoff gains by that.

    References
    ----------
    Nash (1950) [nash1950]_; weights: Kalai (1977) [kalai1977]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> two = {("ann", "bob"): 8, ("ann", "eve"): 4, ("bob", "eve"): 2}
    >>> alone = {("ann",): 0, ("bob",): 0, ("eve",): 0}
    >>> trio = sg.Game.from_dict(alone | two | {("ann", "bob", "eve"): 9}, kind="gain")
    >>> sg.nash_bargaining(trio, weights={"ann": 2, "bob": 1, "eve": 0}).values.tolist()
    [6.0, 3.0, 0.0]
    >>> sg.nash_bargaining(trio, within_core=True).values.round(6).tolist()
    [4.0, 4.0, 1.0]
    """
    if within_core:
        return nash_bargaining_in_core(
            game, weights=weights, disagreement=disagreement, oracle=oracle, progress=progress
        )
    if oracle is not None:
        raise OracleError("an oracle finds coalitions that object; it needs within_core=True")
    if not isinstance(game, Game):
        raise GameError(f"players alone are no game: {game!r}; pass a Game")
    shares = weights_of(game, weights)
    alone, together = values_alone(game, progress=progress)
    start = alone if disagreement is None else disagreement_of(game, disagreement)
    against = "standing alone" if disagreement is None else "their disagreement payoffs"
    values = shared_surplus(start, shares, surplus_of(game, together, start, against))
    equal = rounding_of(game, [together, *start, *alone])
    evidence = SurplusEvidence(
        start=ALONE if disagreement is None else GIVEN,
        by=EQUAL if weights is None else GIVEN,
        start_payoffs=() if disagreement is None else tuple(start.tolist()),
        weights=() if weights is None else tuple(shares.tolist()),
        values=tuple(values.tolist()),
        below_alone=worse_off(game, values, alone, equal),
    )
    return NASH_BARGAINING.made(
        Allocation(
            game.players,
            values,
            game.kind,
            NASH_BARGAINING.title,
            tolerance=equal,
            evidence=evidence,
        )
    )


BARGAINING_WEIGHTS: Option[Any] = Option(
    name="bargaining-weights",
    parse=named_numbers,
    metavar="A=2,B=1,...",
    help="bargaining weight of each member, by default the same for all",
)

DISAGREEMENT: Option[Any] = Option(
    name="disagreement",
    parse=named_numbers,
    metavar="A=1.5,B=2,...",
    help="what each member gets, or pays, if nothing comes about, by default the stand-alone value",
)

NASH_BARGAINING = Rule(
    name="nash-bargaining",
    title="Nash bargaining solution",
    proved_by=SurplusEvidence.of((ALONE, GIVEN), (EQUAL, GIVEN)),
    apply=lambda problem: nash_bargaining(
        problem.game,
        weights=problem.get(BARGAINING_WEIGHTS),
        disagreement=problem.get(DISAGREEMENT),
    ),
    promises=frozenset(
        {
            Promise.EFFICIENT,
            Promise.INDIVIDUALLY_RATIONAL,
            Promise.UNIQUE,
            Promise.CERTIFIED,
        }
    ),
    options=(BARGAINING_WEIGHTS, DISAGREEMENT),
    meaning=(
        "Everybody {bears} {portion}: no other split has a larger product of gains, each counted "
        "by its weight."
    ),
    page="concepts/nash-bargaining",
    sources=("nash1950", "kalai1977"),
)
