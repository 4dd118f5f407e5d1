"""Values of players in unions: Owen's coalitional value and the two-step Shapley value."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable
from functools import partial
from math import comb
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sesgame._engine import shapley_value as engine_shapley_value
from sesgame.errors import GameError, PlayerLimitError
from sesgame.estimators.union_permutations import UnionPermutations
from sesgame.estimators.valuation import CELLS
from sesgame.formatting import format_coalition
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.game import Game
from sesgame.rule import Need, Option, Promise, Rule
from sesgame.shapley.estimation import estimate_value
from sesgame.shapley.exact import ADDS, RELATIVE_TOLERANCE, ExactSemivalue, shapley_value
from sesgame.shapley.sampled import (
    BY_SAMPLE,
    SAMPLING,
    sampling_of,
    shapley_estimate,
)
from sesgame.shapley.sampling_evidence import SampledShapley, TracePoint
from sesgame.shapley.sampling_options import SampledValue, SamplingOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.block_scheduler import Executor
    from sesgame.game.store import StorePath

__all__ = [
    "NESTED_SHAPLEY",
    "NESTED_SHAPLEY_ESTIMATE",
    "OWEN",
    "OWEN_ESTIMATE",
    "UNIONS",
    "Unions",
    "groups_of_unions",
    "nested_shapley_estimate",
    "nested_shapley_value",
    "owen_estimate",
    "owen_value",
]

MAX_COALITIONS = 1 << 24
"""Coalitions that an exact value of unions looks at, for one union."""

Unions = Iterable[Iterable[Hashable]]


def _unions(text: str) -> tuple[tuple[str, ...], ...]:
    """Return groups of names that are separated by commas, and the groups by semicolons."""
    return tuple(
        tuple(name.strip() for name in union.split(",") if name.strip())
        for union in text.split(";")
    )


UNIONS: Option[Unions] = Option(
    name="unions",
    parse=_unions,
    metavar='"A,B;C"',
    help="members separated by commas, a priori unions by semicolons",
    required=True,
)


@checked_arguments
def owen_value(
    game: Game,
    unions: Unions,
    *,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return Owen's coalitional value: the Shapley value over orders that keep unions together.

    .. math:: \phi_i = \sum_{H \subseteq M \setminus k} \frac{|H|! \, (m - |H| - 1)!}{m!}
              \sum_{S \subseteq B_k \setminus i} \frac{|S|! \, (b - |S| - 1)!}{b!}
              \bigl(v(Q_H \cup S \cup i) - v(Q_H \cup S)\bigr)

    for a player i of the union :math:`B_k` with b members, one of m unions; :math:`Q_H` are the
    members of the unions H. A union gets what the Shapley value gives it as one player.

    (The bills at dual prices, also by Owen, are :func:`sesgame.owen_allocation`.)

    Parameters
    ----------
    game : Game
        Gains or costs.
    unions : iterable of iterables of players
        Each player in one union.
    executor, store, progress
        As in :meth:`sesgame.Game.values`.

    Returns
    -------
    Allocation
        Values that sum to v(N); the evidence is an :class:`ExactSemivalue`.

    Raises
    ------
    GameError
        A union is empty, a player is in two unions or in none, or unknown.
    PlayerLimitError
        For some union, 2^(m - 1 + b) is more than 2^24.
    CharacteristicFunctionError, ExecutorError, StoreError
        As in :meth:`sesgame.Game.values`.

    Notes
    -----
    The sum over k of 2^(m - 1 + b_k) coalitions.

    References
    ----------
    Owen (1977), "Values of games with a priori unions" [owen1977]_.

    Examples
    --------
    The two owners of left gloves bargain together with the owner of the right one:

    >>> import sesgame as sg
    >>> gloves = sg.Game.from_function(
    ...     ["ann", "bob", "eve"], lambda s: float("eve" in s and len(s) > 1), kind="gain"
    ... )
    >>> sg.owen_value(gloves, [["ann", "bob"], ["eve"]]).values.tolist()
    [0.25, 0.25, 0.5]
    """
    groups = groups_of_unions(game, unions)
    n, m = game.n_players, len(groups)
    for group in groups:
        if m - 1 + len(group) > MAX_COALITIONS.bit_length() - 1:
            raise PlayerLimitError(
                f"for the union of {game.players[group[0]]!r}, {len(group)} of {n} players in {m} "
                f"unions, 2^{m - 1 + len(group)} coalitions count; at most "
                f"2^{MAX_COALITIONS.bit_length() - 1} are looked at; see owen_estimate",
                n,
                MAX_COALITIONS.bit_length() - 1,
            )
    values_of = partial(game.values, executor=executor, store=store, progress=progress)
    shares = np.empty(n)
    scale, coalitions = 0.0, 0
    for number, group in enumerate(groups):
        added = _added_by_parts(n, groups, number, values_of)
        scale, coalitions = max(scale, added.scale), coalitions + added.coalitions
        shares[group] = engine_shapley_value(added.mean)
    grand = float(game.values(np.ones((1, n), dtype=np.bool_), progress=False)[0])
    return OWEN.made(
        Allocation(
            game.players,
            shares,
            kind=game.kind,
            method=OWEN.title,
            tolerance=RELATIVE_TOLERANCE * scale,
            evidence=ExactSemivalue(coalitions, float(shares.sum()) - grand),
        )
    )


KEEP_TOGETHER = "orders in which the members of each union come together, one union after the other"

OWEN = Rule(
    name="owen-value",
    title="Owen value",
    apply=lambda problem: owen_value(problem.game, problem[UNIONS]),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE, Promise.ADDITIVE, Promise.DUMMY}),
    options=(UNIONS,),
    meaning=f"{ADDS} {KEEP_TOGETHER}.",
    page="concepts/unions",
    sources=("owen1977",),
)


@checked_arguments
def owen_estimate(
    game: Game,
    unions: Unions,
    *,
    seed: int = 0,
    max_evaluations: int | None = None,
    target_half_width: float | None = None,
    max_seconds: float | None = None,
    confidence: float = 0.95,
    simultaneous: bool = False,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    """Estimate Owen's coalitional value from random orders in which unions stay together.

    Parameters
    ----------
    game, unions
        As for :func:`owen_value`; any number of players.
    seed, max_evaluations, target_half_width, max_seconds, confidence, simultaneous
        As in :func:`sesgame.shapley_estimate`.
    executor, store, progress
        As in :meth:`sesgame.Game.values`.

    Returns
    -------
    Allocation
        Values that sum to v(N), with :class:`SampledShapley` as evidence.

    Raises
    ------
    GameError
        As for :func:`owen_value`.
    GameError, CharacteristicFunctionError, ExecutorError, StoreError
        As in :func:`sesgame.shapley_estimate`.

    Warns
    -----
    NotConvergedWarning
        `target_half_width` was not reached.

    Examples
    --------
    >>> import sesgame as sg
    >>> members = range(40)
    >>> game = sg.Game.from_function(members, lambda s: float(len(s)) ** 2, kind="gain")
    >>> halves = [range(20), range(20, 40)]
    >>> estimate = sg.owen_estimate(game, halves, seed=1, max_evaluations=2_000)
    >>> round(estimate.total, 6), bool(abs(estimate[0] - 40.0) < 2.0)
    (1600.0, True)
    """
    groups = groups_of_unions(game, unions)
    named = [[game.players[index] for index in group] for group in groups]
    n = game.n_players
    value = SampledValue(
        OWEN_ESTIMATE.title, np.full(n, 1 / n), lambda game, **how: owen_value(game, named, **how)
    )
    options = SamplingOptions(
        method=UnionPermutations(unions=tuple(tuple(group) for group in groups)),
        seed=seed,
        max_evaluations=max_evaluations,
        target_half_width=target_half_width,
        max_seconds=max_seconds,
        confidence=confidence,
        simultaneous=simultaneous,
        executor=executor,
        store=store,
        progress=progress,
    )
    return OWEN_ESTIMATE.made(estimate_value(game, value, options))


OWEN_ESTIMATE = Rule(
    name="owen-estimate",
    title="Owen estimate",
    apply=lambda problem: owen_estimate(problem.game, problem[UNIONS], **sampling_of(problem)),
    needs=frozenset({Need.SAMPLE}),
    promises=frozenset({Promise.EFFICIENT}),
    options=(UNIONS, *SAMPLING),
    meaning=f"{ADDS} {KEEP_TOGETHER}{BY_SAMPLE}.",
    page="concepts/unions",
    sources=("owen1977",),
)


@checked_arguments
def nested_shapley_value(
    game: Game,
    unions: Unions,
    *,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the two-step Shapley value: first among the unions, then inside each.

    .. math:: \phi_i = Sh_i(v|_{B_k}) + \frac{Sh_k(v^M) - v(B_k)}{|B_k|}

    Each union gets its Shapley value :math:`Sh_k` in the game of whole unions. Inside, each member
    gets its Shapley value in the game of the union alone, and what the union gains by the others is
    shared out equally.

    Parameters
    ----------
    game, unions, executor, store, progress
        As for :func:`owen_value`.

    Returns
    -------
    Allocation
        Values that sum to v(N); the evidence is an :class:`ExactSemivalue`.

    Raises
    ------
    GameError
        As for :func:`owen_value`.
    PlayerLimitError
        More than 30 unions, or a union of more than 30.
    CharacteristicFunctionError, ExecutorError, StoreError
        As in :meth:`sesgame.Game.values`.

    Notes
    -----
    2^m coalitions of unions and 2^b inside each: 400 players in 20 unions of 20 are exact.

    References
    ----------
    Kamijo (2009), "A two-step Shapley value for cooperative games with coalition structures"
    [kamijo2009]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> gloves = sg.Game.from_function(
    ...     ["ann", "bob", "eve"], lambda s: float("eve" in s and len(s) > 1), kind="gain"
    ... )
    >>> sg.nested_shapley_value(gloves, [["ann", "eve"], ["bob"]]).values.tolist()
    [0.5, 0.0, 0.5]
    """
    groups = groups_of_unions(game, unions)
    among_unions, alone = _games_of_levels(game, groups, executor, store)
    among = shapley_value(among_unions, progress=progress)
    shares = np.empty(game.n_players)
    for group, inner_game, share in zip(groups, alone, among.values, strict=True):
        inside = shapley_value(inner_game, progress=progress)
        shares[group] = inside.values + (share - inside.total) / len(group)
    return NESTED_SHAPLEY.made(
        Allocation(
            game.players,
            shares,
            kind=game.kind,
            method=NESTED_SHAPLEY.title,
            tolerance=among.tolerance + RELATIVE_TOLERANCE * float(np.abs(shares).sum()),
            evidence=ExactSemivalue(
                (1 << len(groups)) + sum(1 << len(group) for group in groups),
                float(shares.sum() - among.total),
            ),
        )
    )


BY_UNION = (
    "Each union {bears} what it adds to the {worth} of all, on average over all orders of the "
    "unions. Inside, everybody {bears} what they add to the {worth} of a part of their union, on "
    "average over all orders; what the union saves or gains by the others is split equally"
)

NESTED_SHAPLEY = Rule(
    name="nested-shapley-value",
    title="nested Shapley value",
    apply=lambda problem: nested_shapley_value(problem.game, problem[UNIONS]),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE, Promise.ADDITIVE}),
    options=(UNIONS,),
    meaning=f"{BY_UNION}.",
    page="concepts/unions",
    sources=("kamijo2009",),
)


@checked_arguments
def nested_shapley_estimate(
    game: Game,
    unions: Unions,
    *,
    seed: int = 0,
    max_evaluations: int | None = None,
    confidence: float = 0.95,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    """Estimate the two-step Shapley value of :func:`nested_shapley_value`.

    Parameters
    ----------
    game, unions
        As for :func:`nested_shapley_value`; any number of unions and players.
    seed, confidence
        As in :func:`sesgame.shapley_estimate`.
    max_evaluations : int, optional
        In all: half for the unions, and half inside them, for each by its number of members. By
        default what :func:`sesgame.shapley_estimate` takes for each.
    executor, store, progress
        As in :meth:`sesgame.Game.values`.

    Returns
    -------
    Allocation
        Values that sum to v(N), with :class:`SampledShapley` as evidence. A game of few enough
        players is exact.

    Raises
    ------
    GameError
        As for :func:`owen_value`.
    GameError, CharacteristicFunctionError, ExecutorError, StoreError
        As in :func:`sesgame.shapley_estimate`.

    Notes
    -----
    The two levels are sampled independently, so their errors add up in squares, and so do the
    half-widths of their intervals, each with the degrees of freedom of its own.

    Examples
    --------
    >>> import sesgame as sg
    >>> game = sg.Game.from_function(range(60), lambda s: float(len(s)) ** 2, kind="gain")
    >>> thirds = [range(20), range(20, 40), range(40, 60)]
    >>> estimate = sg.nested_shapley_estimate(game, thirds, max_evaluations=6_000)
    >>> round(estimate.total, 6), bool(abs(estimate[0] - 60.0) < 2.0)
    (3600.0, True)
    """
    start = perf_counter()
    groups = groups_of_unions(game, unions)
    among_unions, alone = _games_of_levels(game, groups, executor, store)
    n = game.n_players
    shares, errors, half_widths = np.empty((3, n))

    def sampled(level: Game, number: int, part: float) -> tuple[Allocation, SampledShapley]:
        budget = None if max_evaluations is None else max(1, int(max_evaluations * part))
        found = shapley_estimate(
            level,
            seed=(seed + number) % 2**64,
            max_evaluations=budget,
            confidence=confidence,
            progress=progress,
        )
        assert isinstance(found.evidence, SampledShapley)
        return found, found.evidence

    among, evidence = sampled(among_unions, 0, 0.5)
    evaluations = evidence.evaluations
    outer = zip(among.values, evidence.standard_errors, evidence.half_widths, strict=True)
    steps = zip(groups, alone, outer, strict=True)
    for number, (group, inner_game, (share, error, width)) in enumerate(steps, start=1):
        inside, inner = sampled(inner_game, number, 0.5 * len(group) / n)
        evaluations += inner.evaluations
        shares[group] = inside.values + (share - inside.total) / len(group)
        errors[group] = np.hypot(inner.standard_errors, error / len(group))
        half_widths[group] = np.hypot(inner.half_widths, width / len(group))
    widest = float(half_widths.max())
    allocation = Allocation(
        game.players,
        shares,
        kind=game.kind,
        method=NESTED_SHAPLEY_ESTIMATE.title,
        tolerance=widest,
        evidence=dataclasses.replace(
            evidence,
            standard_errors=errors,
            half_widths=half_widths,
            evaluations=evaluations,
            reason=f"among {len(groups)} unions, and inside each",
            trace=(TracePoint(evaluations, perf_counter() - start, widest, shares),),
        ),
    )
    return NESTED_SHAPLEY_ESTIMATE.made(allocation)


NESTED_SHAPLEY_ESTIMATE = Rule(
    name="nested-shapley-estimate",
    title="nested Shapley estimate",
    apply=lambda problem: nested_shapley_estimate(
        problem.game, problem[UNIONS], **sampling_of(problem)
    ),
    needs=frozenset({Need.SAMPLE}),
    promises=frozenset({Promise.EFFICIENT}),
    options=(UNIONS, *SAMPLING),
    meaning=f"{BY_UNION}{BY_SAMPLE}.",
    page="concepts/unions",
    sources=("kamijo2009",),
)


def groups_of_unions(game: Game, unions: Unions) -> list[list[int]]:
    """Return the players of each union by their position, each player once.

    Raises
    ------
    GameError
        A union is empty, a player is in two unions or in none, or unknown.
    """
    try:
        groups = [sorted(game.players.indices(union)) for union in unions]
    except TypeError as error:
        raise GameError(f"unions are groups of players, got {unions!r}") from error
    union_of: dict[int, int] = {}
    for number, group in enumerate(groups):
        if not group:
            raise GameError(f"union {number + 1} is empty; each has at least one player")
        for index in group:
            if index in union_of:
                raise GameError(
                    f"{game.players[index]!r} is in union {union_of[index] + 1} and in union "
                    f"{number + 1}; each player is in one"
                )
            union_of[index] = number
    missing = [game.players[index] for index in range(game.n_players) if index not in union_of]
    if missing:
        raise GameError(f"{format_coalition(missing)} is in no union; each player is in one")
    return groups


class _Added(NamedTuple):
    """What each part of a union adds on average, and the values that this is made of."""

    mean: NDArray[np.float64]
    scale: float
    coalitions: int


def _added_by_parts(
    n_players: int,
    groups: list[list[int]],
    number: int,
    values_of: Callable[[NDArray[np.bool_]], NDArray[np.float64]],
) -> _Added:
    """Return what each part of a union adds to the unions before it, on average over these."""
    group, m = groups[number], len(groups)
    others = [other for place, other in enumerate(groups) if place != number]
    outside = np.zeros((1 << (m - 1), n_players), dtype=np.bool_)
    sizes = np.zeros(len(outside), dtype=np.intp)
    for place, other in enumerate(others):
        outside[np.ix_(_has(place, m - 1), np.array(other))] = True
        sizes[_has(place, m - 1)] += 1
    inside = np.zeros((1 << len(group), n_players), dtype=np.bool_)
    for place, member in enumerate(group):
        inside[_has(place, len(group)), member] = True
    weights = np.array([_weight(size, m) for size in range(m)])[sizes]
    mean = np.zeros(len(inside))
    scale = 0.0
    rows = max(1, CELLS // (n_players * len(inside)))
    for start in range(0, len(outside), rows):
        block = outside[start : start + rows]
        values = values_of((block[:, np.newaxis] | inside).reshape(-1, n_players))
        values = values.reshape(len(block), -1)
        scale = max(scale, float(np.abs(values).max()))
        mean += weights[start : start + rows] @ (values - values[:, :1])
    return _Added(mean, scale, len(outside) * len(inside))


def _games_of_levels(
    game: Game, groups: list[list[int]], executor: Executor | None, store: StorePath | None
) -> tuple[Game, list[Game]]:
    """Return the game of whole unions, and the game inside each union."""

    def level(labels: Iterable[Hashable], parts: list[list[int]]) -> Game:
        incidence = np.zeros((len(parts), game.n_players), dtype=np.bool_)
        for row, part in zip(incidence, parts, strict=True):
            row[part] = True

        def values(membership: NDArray[np.bool_]) -> NDArray[np.float64]:
            return game.values(
                membership @ incidence, executor=executor, store=store, progress=False
            )

        return Game.from_function(labels, values, kind=game.kind, batched=True)

    inside = [
        level([game.players[index] for index in group], [[index] for index in group])
        for group in groups
    ]
    return level(range(len(groups)), groups), inside


def _has(place: int, count: int) -> NDArray[np.intp]:
    """Return the masks of `count` bits in which one bit is set."""
    return np.flatnonzero(np.arange(1 << count) >> place & 1)


def _weight(size: int, count: int) -> float:
    """Return the probability that just these `size` of `count` unions come first, then another."""
    return 1 / (count * comb(count - 1, size))
