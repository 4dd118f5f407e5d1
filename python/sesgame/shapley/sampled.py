"""Sampled values with standard errors, for games too large to evaluate as a whole."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from math import lgamma, log
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from sesgame.errors import GameError
from sesgame.estimators import Estimator
from sesgame.game.allocation import Allocation
from sesgame.game.door import checked_arguments
from sesgame.game.player_types import Symmetry
from sesgame.rule import SEED, AllocationProblem, Need, Option, Promise, Rule
from sesgame.shapley.estimation import estimate_value
from sesgame.shapley.exact import (
    ADDS,
    NEED_NOT_ADD_UP,
    WEIGHTS,
    banzhaf_value,
    semivalue,
    shapley_value,
)
from sesgame.shapley.sampling_options import SampledValue, SamplingOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game
    from sesgame.game.store import StorePath

__all__ = [
    "BANZHAF_ESTIMATE",
    "BY_SAMPLE",
    "SEMIVALUE_ESTIMATE",
    "SHAPLEY_ESTIMATE",
    "banzhaf_estimate",
    "semivalue_estimate",
    "shapley_estimate",
]

Method = Literal[
    "auto",
    "pairs",
    "permutations",
    "regression",
    "sample_reuse",
    "stratified",
    "kernel_ridge",
    "boosted_trees",
]

BY_SAMPLE = ", estimated from a sample of groups"


@checked_arguments
def shapley_estimate(
    game: Game,
    *,
    method: Method | Estimator = "auto",
    seed: int = 0,
    max_evaluations: int | None = None,
    target_half_width: float | None = None,
    max_seconds: float | None = None,
    confidence: float = 0.95,
    simultaneous: bool = False,
    control_variate: Game | None = None,
    types: Mapping[Hashable, Hashable] | None = None,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Estimate the Shapley value from a sample of coalitions, with confidence intervals.

    .. math:: \phi_i = \frac{1}{n!} \sum_\pi \bigl(v(P_i^\pi \cup \{i\}) - v(P_i^\pi)\bigr)

    over all orders :math:`\pi`, where :math:`P_i^\pi` are the players before i.

    Parameters
    ----------
    game : Game, any number of players
        The game, of gains or costs.
    method : str or Estimator, default "auto"
        One of ``"permutations"``, ``"pairs"``, ``"regression"``, ``"sample_reuse"``,
        ``"stratified"``, ``"kernel_ridge"`` and ``"boosted_trees"``, or an estimator of
        :mod:`sesgame.estimators` with parameters of your own. ``"auto"`` takes the
        exact value where all coalitions are known or within the budget, and where a structured
        game has it in closed form (:mod:`sesgame.games`) and the budget is at least 100,000, which
        takes about as long; permutations where there are fewer than 7 evaluations for each player
        (3 with control variates) and for a native game of more than 200 that is limited by a target
        or by time. Otherwise it takes pairs, and by cross-validation on those evaluated it chooses
        what is made of them and which control variates are taken off: those of
        ``Game.approximations``, or `control_variate`, at the coefficients that explain
        most. The choice depends on the values and the seed alone. The evidence says what was
        chosen and why, with the candidates and what each erred by. Boosted trees are among them
        where scikit-learn is installed.
    seed : int, default 0
        Determines the sample.
    max_evaluations : int, optional
        The budget. By default 10,000, or 40 for each player if that is more, and a hundred times
        as many where `target_half_width` or `max_seconds` is given.
    target_half_width : float, optional
        Stop when every player's interval is at most this wide to either side, in the unit of the
        game.
    max_seconds : float, optional
        Stop after this time, and what was begun by then: with a function of one coalition an
        evaluation, with a batched one a call of about a quarter of a second. What is reached then
        depends on the machine. The control variate is evaluated before.
    confidence : float, default 0.95
        The probability that an interval covers.
    simultaneous : bool, default False
        Widen the intervals so that they hold for all players at once.
    control_variate : Game, optional
        A game f of the same players that is close to `game` and has a cheap Shapley value: of at
        most 20 players (22 if native) or tabulated; of few types of players; native, exact where it
        is structured (netting of thousands of members) and otherwise from 20,000 walks, whose error
        is counted. What is sampled is the difference: phi(v) = b phi(f) + phi(v - b f), with b = 1
        or, for "auto", what explains most. The netting or pooled-battery game of a community serves
        for a detailed dispatch model of it. By default "auto" takes the game's `approximations`.
    types : mapping of player to hashable, optional
        Which players are symmetric, as in :func:`sesgame.shapley_value`: the estimate is
        the mean over a type, and of coalitions with as many members of each type one is evaluated.
        The standard error is that of the mean for permutations, and for other methods at most what
        is stated, the mean of the players' own.
    executor, store, progress
        As in :meth:`sesgame.Game.values`.

    Returns
    -------
    Allocation
        Values that sum to v(N); the tolerance is the largest half-width and the evidence a
        :class:`SampledShapley`.

    Raises
    ------
    GameError
        An option is out of its range, or the budget is not enough for the method: for one order of
        the players, one pair of coalitions, or all strata.
    GameError
        `control_variate` has other players or another kind, or its Shapley value is not cheap; or
        `max_seconds` was over before the first order, pair or strata were evaluated.
    CharacteristicFunctionError, ExecutorError, GameError, StoreError
        As in :meth:`sesgame.Game.values`.

    Warns
    -----
    NotConvergedWarning
        `target_half_width` was not reached; the result is returned all the same.

    Notes
    -----
    What each estimator does, when to take it and where its intervals come from stands in its class.
    With a standard error s and what one deviation u would change that the sample has not shown, the
    half-width at the level 1 - a is sqrt((t s)^2 + (u ln a)^2), by the rule of three
    [hanley1983]_: agreement of a few evaluations is no certainty, and only a width from all
    coalitions, or from a closed form, is 0.
    With the same seed and options, `max_seconds` aside, the bits are the same for any number of
    threads and any executor; nothing is evaluated twice, and with a `store` a run that was stopped
    goes on where it was.

    Examples
    --------
    >>> import sesgame as sg
    >>> weights = range(1, 41)
    >>> game = sg.Game.from_function(
    ...     weights, lambda coalition: float(sum(coalition) > 410), kind="gain"
    ... )
    >>> estimate = sg.shapley_estimate(game, seed=1, max_evaluations=2_000)
    >>> round(estimate.total, 6), estimate.evidence.estimator
    (1.0, 'pairs')
    >>> bool(abs(estimate[40] - 40 / 820) < 2 * estimate.evidence.half_widths[39])
    True
    """
    n_players = game.n_players
    value = SampledValue(SHAPLEY_ESTIMATE.title, np.full(n_players, 1 / n_players), shapley_value)
    options = SamplingOptions(
        method=method,
        seed=seed,
        max_evaluations=max_evaluations,
        target_half_width=target_half_width,
        max_seconds=max_seconds,
        confidence=confidence,
        simultaneous=simultaneous,
        control_variate=control_variate,
        symmetry=None if types is None else Symmetry(game.players, types),
        executor=executor,
        store=store,
        progress=progress,
    )
    return SHAPLEY_ESTIMATE.made(estimate_value(game, value, options))


def _count(text: str) -> int:
    """Return how many coalitions may be evaluated."""
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


MAX_EVALUATIONS = Option(
    name="max-evaluations",
    parse=_count,
    metavar="COUNT",
    help="how many coalitions an estimate may evaluate, at most",
)

SAMPLING = (SEED, MAX_EVALUATIONS)
"""What every rule that samples takes."""


def sampling_of(problem: AllocationProblem) -> dict[str, Any]:
    """Return the options of :data:`SAMPLING`, as keywords of an estimate."""
    return {option.keyword: problem.get(option) for option in SAMPLING}


SHAPLEY_ESTIMATE = Rule(
    name="shapley-estimate",
    title="Shapley estimate",
    apply=lambda problem: shapley_estimate(problem.game, **sampling_of(problem)),
    needs=frozenset({Need.SAMPLE}),
    promises=frozenset({Promise.EFFICIENT}),
    options=SAMPLING,
    meaning=f"{ADDS} orders in which the members could have come together{BY_SAMPLE}.",
    page="concepts/shapley-estimate",
    sources=("castro2009", "covert2021"),
)


@checked_arguments
def banzhaf_estimate(
    game: Game,
    *,
    method: Method | Estimator = "auto",
    seed: int = 0,
    max_evaluations: int | None = None,
    target_half_width: float | None = None,
    max_seconds: float | None = None,
    confidence: float = 0.95,
    simultaneous: bool = False,
    control_variate: Game | None = None,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Estimate the Banzhaf value from a sample of coalitions, with confidence intervals.

    .. math:: \beta_i = 2^{1-n} \sum_{S \not\ni i} \bigl(v(S \cup \{i\}) - v(S)\bigr)

    Parameters
    ----------
    game : Game, any number of players
        The game, of gains or costs.
    method : str or Estimator, default "auto"
        ``"pairs"``, ``"sample_reuse"`` or ``"stratified"``; ``"auto"`` takes pairs, less
        control variates as for :func:`shapley_estimate`.
    seed, max_evaluations, target_half_width, max_seconds, confidence, simultaneous
        As in :func:`shapley_estimate`.
    control_variate : Game, optional
        As in :func:`shapley_estimate`; tabulated, or of at most 20 players.
    executor, store, progress
        As in :meth:`sesgame.Game.values`.

    Returns
    -------
    Allocation
        Values, which do not sum to v(N) in general; the evidence is a :class:`SampledShapley`.

    Raises
    ------
    GameError
        As for :func:`shapley_estimate`, or the method estimates the Shapley value only.
    GameError, CharacteristicFunctionError, ExecutorError, StoreError
        As for :func:`shapley_estimate`.

    Warns
    -----
    NotConvergedWarning
        `target_half_width` was not reached.

    Examples
    --------
    >>> import sesgame as sg
    >>> members = range(30)
    >>> majority = sg.Game.from_function(members, lambda s: float(len(s) > 15), kind="gain")
    >>> estimate = sg.banzhaf_estimate(majority, max_evaluations=2_000)
    >>> bool(abs(estimate[0] - 0.1445) < 2 * estimate.evidence.half_widths[0])
    True
    """
    others = game.n_players - 1
    probabilities = _joining(np.full(game.n_players, -others * log(2)))
    value = SampledValue(BANZHAF_ESTIMATE.title, probabilities, banzhaf_value)
    options = SamplingOptions(
        method=method,
        seed=seed,
        max_evaluations=max_evaluations,
        target_half_width=target_half_width,
        max_seconds=max_seconds,
        confidence=confidence,
        simultaneous=simultaneous,
        control_variate=control_variate,
        executor=executor,
        store=store,
        progress=progress,
    )
    return BANZHAF_ESTIMATE.made(estimate_value(game, value, options))


BANZHAF_ESTIMATE = Rule(
    name="banzhaf-estimate",
    title="Banzhaf estimate",
    apply=lambda problem: banzhaf_estimate(problem.game, **sampling_of(problem)),
    needs=frozenset({Need.SAMPLE}),
    options=SAMPLING,
    meaning=f"{ADDS} groups{BY_SAMPLE}; {NEED_NOT_ADD_UP}",
    page="concepts/shapley-estimate",
    sources=("banzhaf1965",),
)


@checked_arguments
def semivalue_estimate(
    game: Game,
    weights: Sequence[float],
    *,
    method: Method | Estimator = "auto",
    seed: int = 0,
    max_evaluations: int | None = None,
    target_half_width: float | None = None,
    max_seconds: float | None = None,
    confidence: float = 0.95,
    simultaneous: bool = False,
    control_variate: Game | None = None,
    executor: Executor | None = None,
    store: StorePath | None = None,
    progress: bool = True,
) -> Allocation:
    r"""Estimate the semivalue with the given weights, with confidence intervals.

    .. math:: \psi_i = \sum_{S \not\ni i} w_{|S|} \bigl(v(S \cup \{i\}) - v(S)\bigr),
              \qquad \sum_{s=0}^{n-1} \binom{n-1}{s} w_s = 1

    Parameters
    ----------
    game : Game, any number of players
        The game, of gains or costs.
    weights : sequence of float, shape (n,)
        ``weights[s]`` weighs each coalition of s players that a player joins; at least 0.
    method : str or Estimator, default "auto"
        ``"stratified"`` for all semivalues; ``"pairs"`` and ``"sample_reuse"`` for those with
        ``weights[s] == weights[n - 1 - s]``, of which ``"auto"`` takes pairs.
    seed, max_evaluations, target_half_width, max_seconds, confidence, simultaneous
        As in :func:`shapley_estimate`.
    control_variate, executor, store, progress
        As in :func:`banzhaf_estimate`.

    Returns
    -------
    Allocation
        Values, which do not sum to v(N) in general; the evidence is a :class:`SampledShapley`.

    Raises
    ------
    GameError
        There are not n weights, one is negative or not finite, or they do not sum to 1 as above.
    GameError, CharacteristicFunctionError, ExecutorError, StoreError
        As for :func:`banzhaf_estimate`.

    Warns
    -----
    NotConvergedWarning
        `target_half_width` was not reached.

    Examples
    --------
    What each player adds to everybody else, and nothing in between:

    >>> import sesgame as sg
    >>> game = sg.Game.from_function(range(40), lambda s: float(len(s)) ** 2, kind="gain")
    >>> estimate = sg.semivalue_estimate(game, [0.0] * 39 + [1.0], max_evaluations=1_000)
    >>> round(estimate[0], 6)
    79.0
    """
    checked = np.array([float(weight) for weight in weights])
    if len(checked) != game.n_players:
        raise GameError(
            f"{len(checked)} weights for {game.n_players} players; one for each size 0..n-1"
        )
    if not (np.isfinite(checked).all() and (checked >= 0).all()):
        size = int(np.argmin(np.isfinite(checked) & (checked >= 0)))
        raise GameError(
            f"weights must be finite and non-negative, got {checked[size]} for coalitions of size "
            f"{size}"
        )
    with np.errstate(divide="ignore"):
        probabilities = _joining(np.log(checked))
    total = probabilities.sum()
    if abs(total - 1) > 1e-9:
        raise GameError(
            f"the weights give a total probability of {total}; "
            f"sum over s of C(n-1, s) weights[s] has to be 1"
        )
    value = SampledValue(
        SEMIVALUE_ESTIMATE.title,
        probabilities / total,
        lambda game, **how: semivalue(game, checked.tolist(), **how),
    )
    options = SamplingOptions(
        method=method,
        seed=seed,
        max_evaluations=max_evaluations,
        target_half_width=target_half_width,
        max_seconds=max_seconds,
        confidence=confidence,
        simultaneous=simultaneous,
        control_variate=control_variate,
        executor=executor,
        store=store,
        progress=progress,
    )
    return SEMIVALUE_ESTIMATE.made(estimate_value(game, value, options))


SEMIVALUE_ESTIMATE = Rule(
    name="semivalue-estimate",
    title="semivalue estimate",
    apply=lambda problem: semivalue_estimate(
        problem.game, problem[WEIGHTS], **sampling_of(problem)
    ),
    needs=frozenset({Need.SAMPLE}),
    options=(WEIGHTS, *SAMPLING),
    meaning=f"{ADDS} groups, with agreed weights by their size{BY_SAMPLE}; {NEED_NOT_ADD_UP}",
    page="concepts/shapley-estimate",
    sources=("dubey1981",),
)


def _joining(log_weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probability of joining any coalition of s others, from the weight of each."""
    others = len(log_weights) - 1
    choose = [
        lgamma(others + 1) - lgamma(s + 1) - lgamma(others - s + 1) for s in range(others + 1)
    ]
    probabilities = np.exp(np.array(choose) + log_weights)
    # The same bits from both ends, where the weights are the same.
    if np.array_equal(log_weights, log_weights[::-1]):
        probabilities = (probabilities + probabilities[::-1]) / 2
    return probabilities
