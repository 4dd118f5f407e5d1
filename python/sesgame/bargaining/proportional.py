"""Proportional allocation: by standing alone, by agreed numbers, of the whole or of the surplus."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame.bargaining.surplus import (
    ALONE,
    GIVEN,
    NOTHING,
    SurplusEvidence,
    named_numbers,
    rounding_of,
    shared_surplus,
    surplus_of,
    weights_by_player,
    worse_off,
)
from sesgame.errors import AllocationError, GameError
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.leave_one_out import values_alone
from sesgame.rule import AllocationProblem, Option, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sesgame.game.game import Game

__all__ = ["PROPORTIONAL", "PROPORTIONAL_TO", "SHARE_OF", "proportional_allocation"]


@checked_arguments
def proportional_allocation(
    game: Game,
    by: Literal["alone"] | Allocation | Mapping[Hashable, float] | ArrayLike = "alone",
    *,
    of: Literal["total", "surplus"] = "total",
    progress: bool = True,
) -> Allocation:
    r"""Return the proportional allocation: of the whole, or of what is gained together.

    .. math:: x_i = \frac{w_i}{w(N)} v(N) \qquad \text{or} \qquad
              x_i = v(i) + \frac{w_i}{w(N)} \Bigl( v(N) - \sum_j v(j) \Bigr)

    Parameters
    ----------
    game : Game
        Any number of players; it is not tabulated.
    by : "alone", Allocation, mapping or array_like of float, shape (n,), default "alone"
        What the parts are in proportion to: what each has alone, v(i), or a number for each player,
        such as its load in kWh, its peak in kW or what it has paid in; in player order, or by
        label. The contribution rate of the literature is `of="surplus"` with what each contributes.
    of : {"total", "surplus"}, default "total"
        What is shared in proportion: v(N), or what all have together beyond what they have alone.
    progress : bool, default True
        Show progress where standard error is a terminal.

    Returns
    -------
    Allocation
        Efficient; individually rational if the surplus is shared. With
        :class:`~sesgame.evidence.SurplusEvidence`, which names who is worse off than alone.

    Raises
    ------
    AllocationError
        A number is negative or not finite, of nobody or missing, or all are 0; values alone have
        both signs; the surplus is negative; or `of` is something else.
    CharacteristicFunctionError
        The game has no finite value for one of the coalitions.

    Notes
    -----
    n + 1 values. `by` of ones shares equally.

    References
    ----------
    Moulin (2003) [moulin2003]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> cable = sg.games.airport([12, 20, 33], players=["near", "middle", "far"])
    >>> sg.proportional_allocation(cable).values.round(3).tolist()
    [6.092, 10.154, 16.754]
    >>> by_kw = {"near": 5, "middle": 5, "far": 10}
    >>> sg.proportional_allocation(cable, by_kw, of="surplus").values.tolist()
    [4.0, 12.0, 17.0]
    """
    if of not in ("total", "surplus"):
        raise AllocationError(f'of must be "total" or "surplus", got {of!r}')
    by_alone = isinstance(by, str) and by == ALONE
    if isinstance(by, str) and not by_alone:
        raise AllocationError(f'by must be "alone" or a number for each player, got {by!r}')
    given = None if by_alone else weights_by_player(game, by)
    alone, together = values_alone(game, progress=progress)
    if given is None:
        # In proportion to values that are all negative is in proportion to their size.
        weights = weights_by_player(game, -alone if alone.max() <= 0 else alone, "values alone")
    else:
        weights = given
    start = np.zeros(game.n_players) if of == "total" else alone
    surplus = together if of == "total" else surplus_of(game, together, alone)
    values = shared_surplus(start, weights, surplus)
    equal = rounding_of(game, [together, *alone])
    evidence = SurplusEvidence(
        start=NOTHING if of == "total" else ALONE,
        by=ALONE if given is None else GIVEN,
        start_payoffs=(),
        weights=() if given is None else tuple(given.tolist()),
        values=tuple(values.tolist()),
        below_alone=worse_off(game, values, alone, equal),
    )
    return PROPORTIONAL.made(
        Allocation(
            game.players,
            values,
            game.kind,
            PROPORTIONAL.title,
            tolerance=equal,
            evidence=evidence,
        )
    )


def _basis(text: str) -> str | dict[str, float]:
    """Return a word, or numbers by member."""
    return named_numbers(text) if "=" in text else text


def _one_of(text: str) -> str:
    if text not in ("total", "surplus"):
        raise ValueError(text)
    return text


PROPORTIONAL_TO: Option[Any] = Option(
    name="proportional-to",
    parse=_basis,
    metavar="alone|load|pv|peak|storage|A=1.5,B=2,...",
    help="what parts are in proportion to: stand-alone values (default), load or PV in kWh, the "
    "highest net load in kW, the capacity of batteries in kWh, or a number for each member",
)

SHARE_OF: Option[Any] = Option(
    name="share-of",
    parse=_one_of,
    metavar="total|surplus",
    help="what is shared in proportion: all there is (default), or what is gained over standing "
    "alone",
)


def _applied(problem: AllocationProblem) -> Allocation:
    """Return the allocation of a problem, whose basis may be a word of its world."""
    by = problem.get(PROPORTIONAL_TO)
    if by is None:
        by = ALONE
    if isinstance(by, str) and by != ALONE:
        if problem.world is None or not hasattr(problem.world, "by_member"):
            raise GameError(
                f"{PROPORTIONAL_TO.keyword}={by!r} is for communities; a game has values alone"
            )
        by = problem.world.by_member(by)
    return proportional_allocation(problem.game, by, of=problem.get(SHARE_OF) or "total")


PROPORTIONAL = Rule(
    name="proportional",
    proved_by=SurplusEvidence.of((ALONE, NOTHING), (ALONE, GIVEN)),
    apply=_applied,
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE, Promise.CERTIFIED}),
    options=(PROPORTIONAL_TO, SHARE_OF),
    meaning="Everybody {bears} {portion}.",
    page="concepts/proportional",
    sources=("moulin2003",),
)
