"""Exact Shapley value, Banzhaf value and other semivalues.

A semivalue pays each player a weighted mean of what it adds to the coalitions it could join, with
weights that depend on the size of the coalition alone [dubey1981]_. From the table of all 2^n
values the engine computes any of them in one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import fsum, lgamma
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np

from sesgame._engine import banzhaf_value as engine_banzhaf_value
from sesgame._engine import semivalue as engine_semivalue
from sesgame._engine import shapley_value as engine_shapley_value
from sesgame.errors import AllocationError, GameError, PlayerLimitError
from sesgame.game.allocation import Allocation, Amount, Evidence
from sesgame.game.door import checked_arguments
from sesgame.game.game import MAX_TABLE_PLAYERS
from sesgame.game.player_types import Symmetry
from sesgame.progress import progress_report
from sesgame.rule import Need, Option, Promise, Rule

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game
    from sesgame.game.store import StorePath

T = TypeVar("T")

__all__ = [
    "ADDS",
    "BANZHAF",
    "NORMALISED_BANZHAF",
    "SEMIVALUE",
    "SHAPLEY",
    "WEIGHTS",
    "ExactSemivalue",
    "banzhaf_value",
    "semivalue",
    "shapley_value",
]

ADDS = "Everybody {bears} what they add to the {worth} of a group, on average over all"
"""How values by marginal contributions are explained to members."""

NEED_NOT_ADD_UP = "the shares need not add up to what there is to split."

RELATIVE_TOLERANCE = 1e-12
"""Rounding of a pass over at most 2^30 values, of the largest absolute value of a coalition."""

PROFILE_TOLERANCE = 1e-9
"""The same where the weights come from logarithms of factorials."""

MAX_PROFILES = 1 << 24
"""Profiles of types that are evaluated at most."""


@dataclass(frozen=True, eq=False)
class ExactSemivalue(Evidence):
    """How an exact semivalue came about.

    Attributes
    ----------
    coalitions : int
        The number of values it is made of: all 2^n, one for each profile of types, or 0 where it
        follows in closed form from the structure of the game.
    efficiency_gap : float
        x(N) - v(N). Zero up to rounding for the Shapley value, and a property of the game for the
        others, which do not share out v(N).
    method : {"enumeration", "types", "closed form", "aggregate"}
        All coalitions; one for each profile of types; a formula; or Owen's integral, for games of
        what the members have together.
    error_bound : float
        A proved bound of the error of each value, rounding aside: 0 but for ``"aggregate"``.
    """

    coalitions: int
    efficiency_gap: float
    method: str = "enumeration"
    error_bound: float = 0.0

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return what the values are made of."""
        if self.method == "types":
            return [f"Exact: made of the values of {self.coalitions:,} kinds of groups."]
        if self.method == "enumeration" and self.coalitions == 1 << len(allocation.players):
            return [f"Exact: made of the values of all {self.coalitions - 1:,} groups."]
        if self.method == "enumeration":
            return [f"Exact: made of {self.coalitions:,} values of groups."]
        if self.error_bound == 0.0:
            return ["Exact, by the closed form for such games."]
        bound = f"{self.error_bound:.1e}"
        return [f"Exact by the structure of the game: the error is proved to be below {bound}."]


@checked_arguments
def shapley_value(
    game: Game,
    *,
    types: Mapping[Hashable, Hashable] | None = None,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the Shapley value: each player's mean marginal contribution over all orders.

    .. math:: \phi_i = \sum_{S \not\ni i} \frac{|S|! \, (n - |S| - 1)!}{n!}
                       \bigl(v(S \cup \{i\}) - v(S)\bigr)

    Parameters
    ----------
    game : Game, n up to 30, and more if it is structured
        The game, of gains or costs. A function is tabulated if it is not yet; a native game needs
        no table. Most of :mod:`sesgame.games`, and communities without batteries, are exact for
        thousands of players.
    types : mapping of player to hashable, optional
        Players of one type are symmetric: the value of a coalition depends only on
        how many of each type it has. A player that is not there is of a type of its own. Then n
        may be as large as the product of (count + 1) over the types stays within 2^24: only that
        many coalitions are evaluated, and a few more, to see whether the types are right. The same
        goes for a game with types of its own (see :meth:`sesgame.Game.from_function`).
    executor, store, progress
        How the game is tabulated, as in :meth:`sesgame.Game.tabulate`.

    Returns
    -------
    Allocation
        Values in the unit and the sense of the game; the evidence is an :class:`ExactSemivalue`.

    Raises
    ------
    CoalitionError
        `types` names an unknown player.
    PlayerLimitError
        More than 30 players, too few of them of the same type, and no closed form.
    CharacteristicFunctionError
        The game could not be evaluated; the coalition is named.
    GameError
        The numbers of a structured game are too fine for its closed form, or `types` is no
        mapping, or two coalitions with as many members of each type differ in value.

    Notes
    -----
    A game of what the members have together, step by step, has a Shapley value in polynomial time
    [owen1972]_: see ``docs/games.md`` for how, and for the error that the evidence states.

    About 3 * 2^n additions in one pass over the table, close to the time of reading it, on all
    cores from 19 players on; memory for 2^n / 256 values beside the table. The result has the
    same bits for any number of threads. It is the only rule that is efficient, symmetric, additive
    and gives nothing to a player who never contributes [shapley1953]_. It need not be in the core.

    Examples
    --------
    The owner of a right glove meets two owners of left ones:

    >>> import sesgame as sg
    >>> gloves = sg.Game.from_function(
    ...     ["ann", "bob", "eve"], lambda s: float("eve" in s and len(s) > 1), kind="gain"
    ... )
    >>> sg.shapley_value(gloves).values.round(4).tolist()
    [0.1667, 0.1667, 0.6667]

    Sixty households with a heat pump and forty without share the cost of their peak; 61 * 41
    coalitions are evaluated:

    >>> houses = {f"pump{i}": "pump" for i in range(60)} | {f"plain{i}": "plain" for i in range(40)}
    >>> def cost(coalition):
    ...     kw = sum(4.0 if name.startswith("pump") else 1.0 for name in coalition)
    ...     return 5.0 * max(0.0, kw - 100.0)
    >>> peak = sg.Game.from_function(houses, cost, kind="cost")
    >>> share = sg.shapley_value(peak, types=houses)
    >>> round(share["pump0"], 3), round(share["plain0"], 3), round(share.total, 6)
    (12.862, 3.208, 900.0)
    """
    if types is not None:
        declared = Symmetry(game.players, types)
        if declared.n_profiles > MAX_PROFILES:
            raise PlayerLimitError(
                f"the types make {declared.n_profiles} different coalitions, more than "
                f"{MAX_PROFILES}; shapley_estimate(game, types=types) samples them",
                game.n_players,
                MAX_PROFILES,
            )
        by_profile = game.values(
            declared.profile_coalitions(), executor=executor, store=store, progress=progress
        )
        declared.check(partial(game.values, progress=False))
        return _from_profiles(game, declared, by_profile)
    if game.native is not None and not game.tabulated:
        with progress_report("steps", "", progress) as report, game.naming_coalitions():
            native = game.native
            exact = _by_engine(lambda: native.shapley_value(report))
        if exact is not None:
            return _from_native(game, *exact)
    symmetry = game.symmetry
    beyond_a_table = game.n_players > MAX_TABLE_PLAYERS
    if beyond_a_table and symmetry is not None and symmetry.n_profiles <= MAX_PROFILES:
        by_profile = game.values(
            symmetry.profile_coalitions(), executor=executor, store=store, progress=progress
        )
        return _from_profiles(game, symmetry, by_profile)
    table = game.tabulate(executor=executor, store=store, progress=progress)
    return _allocation(game, engine_shapley_value(table), SHAPLEY)


SHAPLEY = Rule(
    name="shapley",
    title="Shapley value",
    apply=lambda problem: shapley_value(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=frozenset(
        {Promise.EFFICIENT, Promise.UNIQUE, Promise.ADDITIVE, Promise.SYMMETRIC, Promise.DUMMY}
    ),
    meaning=f"{ADDS} orders in which the members could have come together.",
    page="concepts/shapley-value",
    sources=("shapley1953",),
)


@checked_arguments
def banzhaf_value(
    game: Game,
    *,
    normalised: bool = False,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the Banzhaf value: each player's mean marginal contribution over all coalitions.

    .. math:: \beta_i = 2^{1-n} \sum_{S \not\ni i} \bigl(v(S \cup \{i\}) - v(S)\bigr)

    Normalised, these are the proportions in which v(N) is shared,
    :math:`v(N) \beta_i / \sum_j \beta_j`.

    Parameters
    ----------
    game : Game, n up to 30
        The game, of gains or costs; it is tabulated if it is not yet.
    normalised : bool, default False
        Share out v(N): efficient, and no longer additive.
    executor, store, progress
        How the game is tabulated, as in :meth:`sesgame.Game.tabulate`.

    Returns
    -------
    Allocation
        Values in the unit and the sense of the game. Unless normalised, they do not sum to v(N) in
        general: the evidence, an :class:`ExactSemivalue`, has the gap.

    Raises
    ------
    AllocationError
        Normalised, and the values sum to 0.
    PlayerLimitError, CharacteristicFunctionError
        As for :func:`shapley_value`.

    Notes
    -----
    Time and memory as for :func:`shapley_value`. For a simple game this is the probability of being
    decisive when everybody votes by the toss of a coin [banzhaf1965]_.

    Examples
    --------
    >>> import sesgame as sg
    >>> majority = sg.Game.from_function(["a", "b", "c"], lambda s: float(len(s) > 1), kind="gain")
    >>> sg.banzhaf_value(majority).values.tolist()
    [0.5, 0.5, 0.5]
    """
    if _needs_no_table(game):
        weights = [0.5 ** (game.n_players - 1)] * game.n_players
        found = _enumerated(game, weights, BANZHAF, progress)
    else:
        table = game.tabulate(executor=executor, store=store, progress=progress)
        found = _allocation(game, engine_banzhaf_value(table), BANZHAF)
    return _normalised(game, found) if normalised else found


def _normalised(game: Game, banzhaf: Allocation) -> Allocation:
    """Return v(N) in proportion to the Banzhaf value."""
    total = fsum(banzhaf.values)
    if abs(total) <= game.n_players * banzhaf.tolerance:
        raise AllocationError(
            "no normalised Banzhaf value: the Banzhaf value sums to 0, so that there are no "
            "proportions"
        )
    together = game.value(game.players)
    factor = together / total
    values = banzhaf.values * factor
    evidence = cast("ExactSemivalue", banzhaf.evidence)
    return NORMALISED_BANZHAF.made(
        replace(
            banzhaf,
            values=values,
            method=NORMALISED_BANZHAF.title,
            tolerance=banzhaf.tolerance * (1 + abs(factor)),
            evidence=replace(evidence, efficiency_gap=fsum([*values, -together])),
        )
    )


BANZHAF = Rule(
    name="banzhaf",
    title="Banzhaf value",
    apply=lambda problem: banzhaf_value(problem.game),
    needs=frozenset({Need.TABLE}),
    promises=frozenset({Promise.UNIQUE, Promise.ADDITIVE, Promise.SYMMETRIC, Promise.DUMMY}),
    meaning=f"{ADDS} groups; {NEED_NOT_ADD_UP}",
    page="concepts/banzhaf-and-semivalues",
    sources=("banzhaf1965",),
)


NORMALISED_BANZHAF = Rule(
    name="normalised-banzhaf",
    title="normalised Banzhaf value",
    apply=lambda problem: banzhaf_value(problem.game, normalised=True),
    needs=frozenset({Need.TABLE}),
    promises=frozenset({Promise.EFFICIENT, Promise.UNIQUE, Promise.SYMMETRIC}),
    meaning=(
        "The {worth} of all is shared in proportion to what everybody adds to the {worth} of a "
        "group, on average over all groups."
    ),
    page="concepts/banzhaf-and-semivalues",
    sources=("banzhaf1965",),
)


@checked_arguments
def semivalue(
    game: Game,
    weights: Sequence[float],
    *,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Return the semivalue with the given weights.

    .. math:: \psi_i = \sum_{S \not\ni i} w_{|S|} \bigl(v(S \cup \{i\}) - v(S)\bigr),
              \qquad \sum_{s=0}^{n-1} \binom{n-1}{s} w_s = 1

    Parameters
    ----------
    game : Game, n up to 30
        The game, of gains or costs; it is tabulated if it is not yet.
    weights : sequence of float, shape (n,)
        ``weights[s]`` weighs each coalition of s players that a player joins; at least 0.
    executor, store, progress
        How the game is tabulated, as in :meth:`sesgame.Game.tabulate`.

    Returns
    -------
    Allocation
        Values in the unit and the sense of the game; the evidence is an :class:`ExactSemivalue`.

    Raises
    ------
    GameError
        There are not n weights, one is negative or not finite, or they do not sum to 1 as above.
    PlayerLimitError, CharacteristicFunctionError
        As for :func:`shapley_value`.

    Notes
    -----
    Time and memory as for :func:`shapley_value`. Every value that is linear, monotone, anonymous
    and gives a dummy player its own worth has this form [dubey1981]_.

    Examples
    --------
    What each player adds to everybody else, and nothing in between:

    >>> import sesgame as sg
    >>> game = sg.Game.from_table([0, 1, 2, 4, 3, 5, 6, 9], kind="gain")
    >>> sg.semivalue(game, [0, 0, 1]).values.tolist()
    [3.0, 4.0, 5.0]
    """
    checked = [float(weight) for weight in weights]
    if len(checked) != game.n_players:
        raise GameError(
            f"{len(checked)} weights for {game.n_players} players; one for each size 0..n-1"
        )
    if _needs_no_table(game):
        return _enumerated(game, checked, SEMIVALUE, progress)
    table = game.tabulate(executor=executor, store=store, progress=progress)
    return _allocation(game, _by_engine(lambda: engine_semivalue(table, checked)), SEMIVALUE)


def _weights(text: str) -> tuple[float, ...]:
    """Return numbers that are separated by commas."""
    return tuple(float(number) for number in text.split(","))


WEIGHTS: Option[Sequence[float]] = Option(
    name="weights",
    parse=_weights,
    metavar="W0,W1,...",
    help="weights of a semivalue, by the number of other players in the coalition: 0, 1, ...",
    required=True,
)

SEMIVALUE = Rule(
    name="semivalue",
    apply=lambda problem: semivalue(problem.game, problem[WEIGHTS]),
    needs=frozenset({Need.TABLE}),
    promises=frozenset({Promise.UNIQUE, Promise.ADDITIVE, Promise.SYMMETRIC, Promise.DUMMY}),
    options=(WEIGHTS,),
    meaning=f"{ADDS} groups, with agreed weights by their size; {NEED_NOT_ADD_UP}",
    page="concepts/banzhaf-and-semivalues",
    sources=("dubey1981",),
)


def _from_profiles(game: Game, symmetry: Symmetry, values: NDArray[np.float64]) -> Allocation:
    """Return the Shapley value from the values of all profiles of types.

    A player of type a joins, on average over the orders, a coalition of each profile k with
    probability C(c_a - 1, k_a) prod_{b != a} C(c_b, k_b) s! (n - s - 1)! / n!, s the sum of k.
    """
    counts = [len(group) for group in symmetry.groups]
    n_players = game.n_players
    # The first type varies fastest, so it is the last axis.
    grid = values.reshape([count + 1 for count in reversed(counts)])
    log_factorial = np.array([lgamma(size + 1) for size in range(n_players + 1)])
    shares = np.empty(n_players)
    for index, group in enumerate(symmetry.groups):
        axis = len(counts) - 1 - index
        marginal = np.diff(grid, axis=axis)
        log_probability = np.zeros(marginal.shape)
        size = np.zeros(marginal.shape, dtype=np.intp)
        for other, count in enumerate(counts):
            most = count - 1 if other == index else count
            shape = [1] * len(counts)
            shape[len(counts) - 1 - other] = most + 1
            members = np.arange(most + 1)
            choose = log_factorial[most] - log_factorial[members] - log_factorial[most - members]
            log_probability += choose.reshape(shape)
            size += members.reshape(shape)
        log_probability += log_factorial[size] + log_factorial[n_players - 1 - size]
        shares[group] = (np.exp(log_probability - log_factorial[n_players]) * marginal).sum()
    gap = float(shares.sum() - values[-1])
    tolerance = PROFILE_TOLERANCE * float(np.abs(values).max())
    return _made(SHAPLEY, game, shares, tolerance, ExactSemivalue(len(values), gap, "types"))


def _by_engine(solve: Callable[[], T]) -> T:
    try:
        return solve()
    except GameError:
        raise
    except ValueError as error:  # what the engine refuses
        raise GameError(str(error)) from None


def _needs_no_table(game: Game) -> bool:
    return game.native is not None and not game.tabulated and game.n_players <= MAX_TABLE_PLAYERS


def _enumerated(game: Game, weights: list[float], rule: Rule, progress: bool) -> Allocation:
    """Return the semivalue of a native game from all coalitions, without a table."""
    native = game.native
    assert native is not None
    with progress_report("coalitions", "", progress) as report, game.naming_coalitions():
        values, scale = _by_engine(lambda: native.semivalue(weights, report))
    evidence = ExactSemivalue(1 << game.n_players, float(values.sum()) - _total(game))
    return _made(rule, game, values, RELATIVE_TOLERANCE * scale, evidence)


def _from_native(
    game: Game, values: NDArray[np.float64], error_bound: float, method: str
) -> Allocation:
    coalitions = 1 << game.n_players if method == "enumeration" else 0
    gap = float(values.sum()) - _total(game)
    tolerance = error_bound + RELATIVE_TOLERANCE * float(np.abs(values).sum())
    evidence = ExactSemivalue(coalitions, gap, method, error_bound)
    return _made(SHAPLEY, game, values, tolerance, evidence)


def _total(game: Game) -> float:
    """Return v(N)."""
    return float(game.values(np.ones((1, game.n_players), dtype=np.bool_))[0])


def _allocation(game: Game, values: NDArray[np.float64], rule: Rule) -> Allocation:
    table = game.tabulate()
    evidence = ExactSemivalue(len(table), float(values.sum() - table[-1]))
    return _made(rule, game, values, RELATIVE_TOLERANCE * game.scale, evidence)


def _made(
    rule: Rule, game: Game, values: NDArray[np.float64], tolerance: float, evidence: ExactSemivalue
) -> Allocation:
    return rule.made(Allocation(game.players, values, game.kind, rule.title, tolerance, evidence))
