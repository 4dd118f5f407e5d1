"""Sampled values with standard errors, for games too large to evaluate as a whole."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import lgamma, log
from operator import index
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from sesgame.errors import GameError, NotConvergedWarning
from sesgame.estimators import ESTIMATORS, Estimator, Permutations, Stratified, TwoStage
from sesgame.estimators.valuation import Valuation
from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Amount, Course, Evidence, Intervals
from sesgame.game.player_types import Symmetry
from sesgame.rule import SEED, Need, Promise, Rule
from sesgame.shapley.closed_form import control_value, value_by_form
from sesgame.shapley.confidence import student_quantile
from sesgame.shapley.exact import (
    ADDS,
    NEED_NOT_ADD_UP,
    RELATIVE_TOLERANCE,
    WEIGHTS,
    banzhaf_value,
    semivalue,
    shapley_value,
)

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
    "SampledShapley",
    "TracePoint",
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

DEFAULT_EVALUATIONS = 10_000
"""The budget where nothing else limits the sampling, or 40 for each player if that is more."""

OPEN_ENDED = 100
"""How many times the default budget may be spent on a target or in a given time."""

FIRST_LOOK = 20
"""Evaluations for each player before a target is compared for the first time."""

GROWTH = 1.5
"""Factor by which the sample grows between two looks."""

FEW_EVALUATIONS = 7
"""With fewer evaluations for each player, orders can beat pairs by more than the reverse."""

FEW_PLAYERS = 200
"""Up to so many, pairs are better even where evaluations are cheap, and fit into the memory."""

FORM_EVALUATIONS = 100_000
"""So many native evaluations take about as long as the exact value of a game with a form."""


class TracePoint(NamedTuple):
    """How far the estimate was after a number of evaluations.

    The half-width is the largest of all players; `values` are the estimates, shape (n,).
    """

    evaluations: int
    seconds: float
    half_width: float
    values: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SampledShapley(Evidence):
    """How a sampled value came about and how far it can be trusted.

    Attributes
    ----------
    standard_errors : ndarray of float, shape (n,)
        Of each player's value.
    half_widths : ndarray of float, shape (n,)
        Half of each player's confidence interval.
    confidence : float
        The probability that an interval covers, or all of them at once if `simultaneous`.
    simultaneous : bool
        Whether the intervals hold for all players at once (Bonferroni).
    evaluations : int
        The number of coalitions asked for; repetitions are not evaluated again. 0 where the form
        of the game gave the value, whose half-widths then are the error that is proved.
    converged : bool
        Whether `target_half_width` was reached; True where there was none.
    estimator : str
        The method used: ``"exact"``, or one of :mod:`sesgame.estimators`.
    reason : str
        Why that one.
    parameters : dict
        What characterises the estimator.
    seed : int
        The seed.
    trace : tuple of TracePoint
        The largest half-width, and the values, after each step.
    """

    standard_errors: NDArray[np.float64]
    half_widths: NDArray[np.float64]
    confidence: float
    simultaneous: bool
    evaluations: int
    converged: bool
    estimator: str
    reason: str
    parameters: dict[str, Any]
    seed: int
    trace: tuple[TracePoint, ...]

    @property
    def n_evaluations(self) -> int:
        """Those of the sample."""
        return self.evaluations

    @property
    def course(self) -> Course:
        """What :attr:`trace` says, as arrays."""
        return Course(
            self.estimator,
            self.reason if self.estimator == "exact" else "",
            self.confidence,
            self.half_widths,
            np.array([point.evaluations for point in self.trace]),
            np.array([point.half_width for point in self.trace]),
            np.array([point.values for point in self.trace]),
        )

    def intervals(self, allocation: Allocation) -> Intervals | None:
        """Return the confidence intervals."""
        if not self.half_widths.any():
            return None
        values = allocation.values
        return Intervals(
            values - self.half_widths,
            values + self.half_widths,
            f"the interval at {self.confidence:.0%} confidence"
            + (", for all members at once" if self.simultaneous else ""),
            self.half_widths,
            self.confidence,
            self.simultaneous,
        )

    def caveats(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how far the estimates may be off."""
        if not self.half_widths.any():
            return []
        widest = amount(float(np.max(self.half_widths)))
        return [
            f"Estimated from {self.evaluations:,} coalitions: at {self.confidence:.0%} confidence "
            f"each share is within {widest} of the exact one; smaller differences count as none."
        ]

    def grounds(self, allocation: Allocation, amount: Amount) -> list[str]:
        """Return how the sample was drawn."""
        return [
            f"Method: {self.estimator}, because {self.reason}; seed {self.seed}. "
            f"The same seed gives the same sample again."
        ]

    def repeatable(self) -> dict[str, Any]:
        """Return the evidence without how long the sample took."""
        points = [point._asdict() for point in self.trace]
        for point in points:
            del point["seconds"]
        return {**self.to_dict(), "trace": plain(points)}


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
        exact value where all coalitions are known or within the budget, and where the form of a
        native game gives it (:mod:`sesgame.games`) and the budget is at least 100,000, which takes
        about as long; permutations where there are fewer than 7 evaluations for each player and
        for a native game of more than 200 that is limited by a target or by time; and otherwise
        pairs. The evidence says which and why.
    seed : int, default 0
        Determines the sample.
    max_evaluations : int, optional
        The budget. By default 10,000, or 40 for each player if that is more, and a hundred times
        as many where `target_half_width` or `max_seconds` is given.
    target_half_width : float, optional
        Stop when every player's interval is at most this wide to either side, in the unit of the
        game.
    max_seconds : float, optional
        Stop after about this time. What is reached then depends on the machine.
    confidence : float, default 0.95
        The probability that an interval covers.
    simultaneous : bool, default False
        Widen the intervals so that they hold for all players at once.
    control_variate : Game, optional
        A game f of the same players that is close to `game` and has a cheap Shapley value: of at
        most 20 players or tabulated; of few types of players; native, exact where its form gives
        the value (netting of thousands of members) and otherwise from 20,000 walks, whose error is
        counted. What is sampled is the difference: phi(v) = phi(f) + phi(v - f). The netting or
        pooled-battery game of a community serves for a detailed dispatch model of it.
    types : mapping of player to hashable, optional
        Which players stand in for each other, as in :func:`sesgame.shapley_value`: the estimate is
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
    ValueError
        An option is out of its range, or the budget is not enough for the method: for one order of
        the players, one pair of coalitions, or all strata.
    GameError
        `control_variate` has other players or another kind, or its Shapley value is not cheap.
    CharacteristicFunctionError, ExecutorError, GameError, StoreError
        As in :meth:`sesgame.Game.values`.

    Warns
    -----
    NotConvergedWarning
        `target_half_width` was not reached; the result is returned all the same.

    Notes
    -----
    What each estimator does, when to take it and where its intervals come from stands in its class.
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
    value = SampledValue(
        SHAPLEY_ESTIMATE.title,
        np.full(n_players, 1 / n_players),
        lambda game, **how: shapley_value(game, **how),
    )
    options = Stopping(seed, max_evaluations, target_half_width, max_seconds, confidence)
    return SHAPLEY_ESTIMATE.made(
        estimate_value(
            game,
            value,
            method,
            options,
            simultaneous=simultaneous,
            control_variate=control_variate,
            symmetry=None if types is None else Symmetry(game.players, types),
            executor=executor,
            store=store,
            progress=progress,
        )
    )


SHAPLEY_ESTIMATE = Rule(
    name="shapley-estimate",
    title="Shapley estimate",
    apply=lambda problem: shapley_estimate(problem.game, seed=problem[SEED]),
    needs=frozenset({Need.SAMPLE}),
    promises=frozenset({Promise.EFFICIENT}),
    options=(SEED,),
    meaning=f"{ADDS} orders in which the members could have come together{BY_SAMPLE}.",
    page="concepts/shapley-estimate",
    sources=("castro2009", "covert2021"),
)


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
        ``"pairs"``, ``"sample_reuse"`` or ``"stratified"``; ``"auto"`` takes pairs.
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
    ValueError
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
    options = Stopping(seed, max_evaluations, target_half_width, max_seconds, confidence)
    return BANZHAF_ESTIMATE.made(
        estimate_value(
            game,
            SampledValue(
                BANZHAF_ESTIMATE.title,
                probabilities,
                lambda game, **how: banzhaf_value(game, **how),
            ),
            method,
            options,
            simultaneous=simultaneous,
            control_variate=control_variate,
            executor=executor,
            store=store,
            progress=progress,
        )
    )


BANZHAF_ESTIMATE = Rule(
    name="banzhaf-estimate",
    title="Banzhaf estimate",
    apply=lambda problem: banzhaf_estimate(problem.game, seed=problem[SEED]),
    needs=frozenset({Need.SAMPLE}),
    options=(SEED,),
    meaning=f"{ADDS} groups{BY_SAMPLE}; {NEED_NOT_ADD_UP}",
    page="concepts/shapley-estimate",
    sources=("banzhaf1965",),
)


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
        ``weights[s] == weights[n - 1 - s]``, for which ``"auto"`` takes pairs.
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
    ValueError, CharacteristicFunctionError, ExecutorError, StoreError
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
            f"the weight of coalitions of size {size} is {checked[size]}; weights are finite and "
            f"at least 0"
        )
    with np.errstate(divide="ignore"):
        probabilities = _joining(np.log(checked))
    total = probabilities.sum()
    if abs(total - 1) > 1e-9:
        raise GameError(
            f"the weights give a total probability of {total}; "
            f"sum over s of C(n-1, s) weights[s] has to be 1"
        )
    options = Stopping(seed, max_evaluations, target_half_width, max_seconds, confidence)
    return SEMIVALUE_ESTIMATE.made(
        estimate_value(
            game,
            SampledValue(
                SEMIVALUE_ESTIMATE.title,
                probabilities / total,
                lambda game, **how: semivalue(game, checked.tolist(), **how),
            ),
            method,
            options,
            simultaneous=simultaneous,
            control_variate=control_variate,
            executor=executor,
            store=store,
            progress=progress,
        )
    )


SEMIVALUE_ESTIMATE = Rule(
    name="semivalue-estimate",
    title="semivalue estimate",
    apply=lambda problem: semivalue_estimate(problem.game, problem[WEIGHTS], seed=problem[SEED]),
    needs=frozenset({Need.SAMPLE}),
    options=(WEIGHTS, SEED),
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


class SampledValue(NamedTuple):
    """What is to be estimated: its name, the probabilities of the sizes, and its exact form."""

    name: str
    probabilities: NDArray[np.float64]
    exact: Callable[..., Allocation]

    @property
    def kind(self) -> str:
        """The least general of Shapley, symmetric and all, as estimators call them."""
        if np.ptp(self.probabilities) == 0:
            return "Shapley"
        symmetric = np.allclose(self.probabilities, self.probabilities[::-1], rtol=0, atol=1e-12)
        return "symmetric" if symmetric else "all"

    def can_be_estimated(self, estimator: Estimator) -> bool:
        """Tell whether an estimator can do it."""
        kinds = ["Shapley", "symmetric", "all"]
        return kinds.index(self.kind) <= kinds.index(estimator.semivalues)


class Stopping(NamedTuple):
    """When to stop, and with what confidence."""

    seed: int
    max_evaluations: int | None
    target_half_width: float | None
    max_seconds: float | None
    confidence: float

    @property
    def open_ended(self) -> bool:
        """Whether something else than the budget may end the sampling."""
        return self.target_half_width is not None or self.max_seconds is not None

    def checked(self) -> Stopping:
        """Return the same with whole numbers as int, or say which option is out of its range."""
        seed, max_evaluations, target_half_width, max_seconds, confidence = self
        whole = _whole(seed)
        if whole is None or not 0 <= whole < 2**64:
            raise ValueError(f"seed is {seed!r}; it must be an integer from 0 to 2**64 - 1")
        budget = None if max_evaluations is None else _whole(max_evaluations)
        if max_evaluations is not None and (budget is None or budget < 1):
            raise ValueError(
                f"max_evaluations is {max_evaluations!r}; it must be a whole number, at least 1"
            )
        if target_half_width is not None and not target_half_width > 0:
            raise ValueError(f"target_half_width is {target_half_width}; it must be positive")
        if max_seconds is not None and not max_seconds > 0:
            raise ValueError(f"max_seconds is {max_seconds}; it must be positive")
        if not 0 < confidence < 1:
            raise ValueError(f"confidence is {confidence}; it must be between 0 and 1")
        return self._replace(seed=whole, max_evaluations=budget)


def _whole(number: object) -> int | None:
    """Return a whole number as int, 1e5 and numpy's included; None for anything else."""
    if isinstance(number, float) and number.is_integer():
        return int(number)
    try:
        return index(number)  # type: ignore[arg-type]
    except TypeError:
        return None


def estimate_value(
    game: Game,
    value: SampledValue,
    method: str | Estimator,
    options: Stopping,
    *,
    simultaneous: bool,
    control_variate: Game | None,
    symmetry: Symmetry | None = None,
    executor: Executor | None,
    store: StorePath | None,
    progress: bool,
) -> Allocation:
    """Sample until the budget, the target or the time ends it."""
    options = options.checked()
    estimator = _checked(method, value, options.max_evaluations)
    start = perf_counter()
    n_players = game.n_players
    seed, max_evaluations, target, max_seconds, confidence = options
    limit = max_evaluations or max(DEFAULT_EVALUATIONS, 2 * FIRST_LOOK * n_players) * (
        OPEN_ENDED if options.open_ended else 1
    )
    if game.tabulated or limit >= 2**n_players - 1:
        return _enumerated(game, value, options, simultaneous, executor, store, progress)
    if estimator is None:
        exact = _by_form(game, value, options, limit, simultaneous, progress)
        if exact is not None:
            return exact
        estimator, reason = _choose(game, value, options, limit)
    else:
        reason = "asked for"
    if estimator.max_evaluations is not None and max_evaluations is None:
        limit = min(limit, estimator.max_evaluations)
    known = None
    if control_variate is not None:
        known = control_value(
            game,
            control_variate,
            probabilities=value.probabilities,
            exact=value.exact,
            seed=seed,
            progress=progress,
        )
    if symmetry is not None:
        for checked in (game, control_variate):
            if checked is not None:
                symmetry.check(checked)
    valuation = Valuation(
        game,
        control_variate,
        symmetry=symmetry,
        executor=executor,
        store=store,
        progress=progress,
    )
    sampling = estimator.sampling(valuation, value.probabilities, seed, limit)
    if limit <= sampling.step:
        raise ValueError(
            f'max_evaluations is {limit}; method "{estimator.name}" takes at least '
            f"{1 + sampling.step} evaluations"
        )

    level = 1 - (1 - confidence) / (n_players if simultaneous else 1)
    trace: list[TracePoint] = []
    total = min(limit, max(FIRST_LOOK * n_players, sampling.step)) if options.open_ended else limit
    while True:
        if sampling.extend(total):
            values, errors, degrees = sampling.estimate()
            if symmetry is not None:
                # The standard deviation of a mean is at most the mean of the deviations.
                values, errors = symmetry.pooled(values), symmetry.pooled(errors)
            if known is not None:
                values, errors = values + known.values, np.hypot(errors, known.errors)
            half_widths = errors * student_quantile((1 + level) / 2, degrees)
            widest = float(half_widths.max())
            seconds = perf_counter() - start
            trace.append(TracePoint(sampling.evaluations, seconds, widest, values))
        reached = target is None or widest <= target
        if total >= limit or (target is not None and reached):
            break
        total = max(int(total * GROWTH), sampling.evaluations + sampling.step)
        if max_seconds is not None:
            room = (max_seconds - seconds) * sampling.evaluations / seconds
            if room < sampling.step:
                break
            total = min(total, sampling.evaluations + int(room))
        total = min(total, limit)
    if not reached:
        warnings.warn(
            f"after {sampling.evaluations} evaluations the widest interval is +-{widest:.3g}, "
            f"not the +-{target:.3g} that was asked for",
            NotConvergedWarning,
            stacklevel=3,
        )
    controlled = {"control_variate": known.method if known else None}
    evidence = SampledShapley(
        standard_errors=errors,
        half_widths=half_widths,
        confidence=confidence,
        simultaneous=simultaneous,
        evaluations=sampling.evaluations,
        converged=reached,
        estimator=estimator.name,
        reason=reason,
        parameters=asdict(estimator) | sampling.parameters | controlled,  # type: ignore[call-overload]
        seed=seed,
        trace=tuple(trace),
    )
    return Allocation(
        game.players,
        values,
        kind=game.kind,
        method=value.name,
        tolerance=widest,
        evidence=evidence,
    )


def _choose(
    game: Game, value: SampledValue, options: Stopping, limit: int
) -> tuple[Estimator, str]:
    if value.kind == "all":
        return Stratified(), "the semivalue weighs small and large coalitions differently"
    if value.kind == "symmetric":
        return TwoStage(), "every pair of coalitions informs every player"
    cheap = game.native is not None and options.open_ended and options.max_evaluations is None
    if cheap and game.n_players > FEW_PLAYERS:
        return Permutations(), f"a native game of more than {FEW_PLAYERS} players: walks are cheap"
    if limit < FEW_EVALUATIONS * game.n_players:
        return Permutations(), f"fewer than {FEW_EVALUATIONS} evaluations for each player"
    return TwoStage(), "every pair of coalitions informs every player"


def _enumerated(
    game: Game,
    value: SampledValue,
    options: Stopping,
    simultaneous: bool,
    executor: Executor | None,
    store: StorePath | None,
    progress: bool,
) -> Allocation:
    """Return the exact value from all coalitions."""
    start = perf_counter()
    exact = value.exact(game, executor=executor, store=store, progress=progress)
    reason = "all coalitions are known or within the budget"
    point = TracePoint(2**game.n_players - 1, perf_counter() - start, 0.0, exact.values)
    return _exact(game, value, options, simultaneous, exact.tolerance, point, reason)


def _by_form(
    game: Game,
    value: SampledValue,
    options: Stopping,
    limit: int,
    simultaneous: bool,
    progress: bool,
) -> Allocation | None:
    """Return the exact value by the form of the game, where that takes no more than the budget.

    A time limit cannot be kept by it, and a target may be finer than what it proves.
    """
    if value.kind != "Shapley" or options.max_seconds is not None or limit < FORM_EVALUATIONS:
        return None
    start = perf_counter()
    form = value_by_form(game, progress)
    if form is None or form.error_bound > (options.target_half_width or np.inf):
        return None
    reason = f"the form of the game gives it ({form.method}) in no more time than the budget"
    point = TracePoint(0, perf_counter() - start, form.error_bound, form.values)
    tolerance = form.error_bound + RELATIVE_TOLERANCE * float(np.abs(form.values).sum())
    return _exact(game, value, options, simultaneous, tolerance, point, reason)


def _exact(
    game: Game,
    value: SampledValue,
    options: Stopping,
    simultaneous: bool,
    tolerance: float,
    point: TracePoint,
    reason: str,
) -> Allocation:
    """Return what needed no sample; its half-widths are what it errs by at most."""
    evidence = SampledShapley(
        standard_errors=np.zeros(game.n_players),
        half_widths=np.full(game.n_players, point.half_width),
        confidence=options.confidence,
        simultaneous=simultaneous,
        evaluations=point.evaluations,
        converged=True,
        estimator="exact",
        reason=reason,
        parameters={},
        seed=options.seed,
        trace=(point,),
    )
    return Allocation(
        game.players,
        point.values,
        kind=game.kind,
        method=value.name,
        tolerance=tolerance,
        evidence=evidence,
    )


def _checked(
    method: str | Estimator, value: SampledValue, max_evaluations: int | None
) -> Estimator | None:
    """Return the estimator, or None for "auto"; or say why it does not serve."""
    if method == "auto":
        return None
    if isinstance(method, str):
        if method not in ESTIMATORS:
            names = ", ".join(f'"{name}"' for name in ("auto", *ESTIMATORS))
            raise ValueError(f"method is {method!r}; it must be an estimator or one of {names}")
        method = ESTIMATORS[method]()
    if isinstance(method, type) or not hasattr(method, "sampling"):
        raise ValueError(f"method is {method!r}; it must be a name or an estimator")
    if not value.can_be_estimated(method):
        able = ", ".join(
            f'"{name}"' for name, other in ESTIMATORS.items() if value.can_be_estimated(other())
        )
        raise ValueError(
            f'method "{method.name}" cannot estimate this semivalue; these can: {able}'
        )
    most = method.max_evaluations
    if most is not None and max_evaluations is not None and max_evaluations > most:
        raise ValueError(
            f'max_evaluations is {max_evaluations}; method "{method.name}" takes at most {most}'
        )
    return method
