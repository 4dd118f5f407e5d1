"""Sampled values with standard errors, for games too large to evaluate as a whole."""

from __future__ import annotations

import warnings
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from math import lgamma, log
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from sesgame.errors import GameError, NotConvergedWarning
from sesgame.estimators import Estimator, Permutations, Stratified, TwoStage
from sesgame.estimators.valuation import Valuation
from sesgame.files.json_text import plain
from sesgame.game.allocation import Allocation, Amount, Course, Evidence, Intervals
from sesgame.game.player_types import Symmetry
from sesgame.rule import SEED, AllocationProblem, Need, Option, Promise, Rule
from sesgame.shapley.closed_form import value_in_closed_form
from sesgame.shapley.confidence import student_quantile
from sesgame.shapley.control_variate import control_value
from sesgame.shapley.exact import (
    ADDS,
    NEED_NOT_ADD_UP,
    RELATIVE_TOLERANCE,
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

CLOSED_FORM_EVALUATIONS = 100_000
"""So many native evaluations take about as long as the exact value of a structured game."""


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
    """Sampling diagnostics: standard errors, intervals, convergence, and how they came about.

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
        The number of coalitions asked for; repetitions are not evaluated again. 0 where a
        structured game has the value in closed form; its half-widths then are the proved error.
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
        """The trace as arrays."""
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
        exact value where all coalitions are known or within the budget, and where a structured
        game has it in closed form (:mod:`sesgame.games`) and the budget is at least 100,000, which
        takes about as long; permutations where there are fewer than 7 evaluations for each player
        and for a native game of more than 200 that is limited by a target or by time; and otherwise
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
        most 20 players or tabulated; of few types of players; native, exact where it is
        structured (netting of thousands of members) and otherwise from 20,000 walks, whose error is
        counted. What is sampled is the difference: phi(v) = phi(f) + phi(v - f). The netting or
        pooled-battery game of a community serves for a detailed dispatch model of it.
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


def estimate_value(game: Game, value: SampledValue, options: SamplingOptions) -> Allocation:
    """Return the exact value where it is within the budget, otherwise an estimate."""
    estimation = _Estimation(game, value, options)
    exact = estimation.exact()
    if exact is not None:
        return exact
    estimation.plan()
    estimation.sample()
    return estimation.conclude()


class _Estimation:
    """One estimate, from its plan to its evidence."""

    def __init__(self, game: Game, value: SampledValue, options: SamplingOptions) -> None:
        self.game, self.value, self.options = game, value, options
        self.estimator = options.estimator(value)
        self.start = perf_counter()
        self.limit = options.max_evaluations or (
            max(DEFAULT_EVALUATIONS, 2 * FIRST_LOOK * game.n_players)
            * (OPEN_ENDED if options.open_ended else 1)
        )

    def exact(self) -> Allocation | None:
        """Return the exact value where that takes no more than the budget."""
        if self.game.tabulated or self.limit >= 2**self.game.n_players - 1:
            return self._enumerated()
        return self._in_closed_form() if self.estimator is None else None

    def plan(self) -> None:
        """Choose an estimator, evaluate the control variate, and begin."""
        game, options = self.game, self.options
        estimator, self.reason = (
            self._choose() if self.estimator is None else (self.estimator, "asked for")
        )
        self.chosen = estimator
        if estimator.max_evaluations is not None and options.max_evaluations is None:
            self.limit = min(self.limit, estimator.max_evaluations)
        control = options.control_variate
        self.known = None
        if control is not None:
            self.known = control_value(
                game,
                control,
                probabilities=self.value.probabilities,
                exact=self.value.exact,
                seed=options.seed,
                progress=options.progress,
            )
        if options.symmetry is not None:
            for checked in (game, control):
                if checked is not None:
                    options.symmetry.check(partial(checked.values, progress=False))
        valuation = Valuation(
            game,
            control,
            symmetry=options.symmetry,
            executor=options.executor,
            store=options.store,
            progress=options.progress,
        )
        self.sampling = estimator.sampling(
            valuation, self.value.probabilities, options.seed, self.limit
        )
        if self.limit <= self.sampling.step:
            raise GameError(
                f"max_evaluations must be at least {1 + self.sampling.step} for method "
                f'"{estimator.name}", got {self.limit}'
            )

    def sample(self) -> None:
        """Extend the sample until the budget, the target or the time ends it."""
        options, sampling, limit = self.options, self.sampling, self.limit
        target = options.target_half_width
        self.trace: list[TracePoint] = []
        total = limit
        if options.open_ended:
            total = min(limit, max(FIRST_LOOK * self.game.n_players, sampling.step))
        while True:
            if sampling.extend(total):
                self._estimate()
            self.reached = target is None or self.trace[-1].half_width <= target
            if total >= limit or (target is not None and self.reached):
                return
            total = max(int(total * GROWTH), sampling.evaluations + sampling.step)
            if options.max_seconds is not None:
                seconds = self.trace[-1].seconds
                room = (options.max_seconds - seconds) * sampling.evaluations / seconds
                if room < sampling.step:
                    return
                total = min(total, sampling.evaluations + int(room))
            total = min(total, limit)

    def _estimate(self) -> None:
        """Estimate the values and their errors from what is sampled by now."""
        values, errors, degrees = self.sampling.estimate()
        options, symmetry = self.options, self.options.symmetry
        if symmetry is not None:
            # The standard deviation of a mean is at most the mean of the deviations.
            values, errors = symmetry.pooled(values), symmetry.pooled(errors)
        if self.known is not None:
            values, errors = values + self.known.values, np.hypot(errors, self.known.errors)
        parts = self.game.n_players if options.simultaneous else 1
        level = 1 - (1 - options.confidence) / parts
        self.errors = errors
        self.half_widths = errors * student_quantile((1 + level) / 2, degrees)
        widest = float(self.half_widths.max())
        seconds = perf_counter() - self.start
        self.trace.append(TracePoint(self.sampling.evaluations, seconds, widest, values))

    def conclude(self) -> Allocation:
        """Return the estimate with its evidence; warn where a target was not reached."""
        options, sampling, last = self.options, self.sampling, self.trace[-1]
        if not self.reached:
            warnings.warn(
                f"after {sampling.evaluations} evaluations the widest interval is "
                f"+-{last.half_width:.3g}, not the +-{options.target_half_width:.3g} that was "
                f"asked for",
                NotConvergedWarning,
                stacklevel=4,
            )
        controlled = {"control_variate": self.known.method if self.known else None}
        evidence = SampledShapley(
            standard_errors=self.errors,
            half_widths=self.half_widths,
            confidence=options.confidence,
            simultaneous=options.simultaneous,
            evaluations=sampling.evaluations,
            converged=self.reached,
            estimator=self.chosen.name,
            reason=self.reason,
            parameters=asdict(self.chosen) | sampling.parameters | controlled,  # type: ignore[call-overload]
            seed=options.seed,
            trace=tuple(self.trace),
        )
        return self._allocation(last.values, last.half_width, evidence)

    def _choose(self) -> tuple[Estimator, str]:
        """Return the estimator of "auto", and why."""
        options, n_players = self.options, self.game.n_players
        if self.value.kind == "all":
            return Stratified(), "the semivalue weighs small and large coalitions differently"
        if self.value.kind == "symmetric":
            return TwoStage(), "every pair of coalitions informs every player"
        native = self.game.native is not None
        cheap = native and options.open_ended and options.max_evaluations is None
        if cheap and n_players > FEW_PLAYERS:
            return (
                Permutations(),
                f"a native game of more than {FEW_PLAYERS} players: walks are cheap",
            )
        if self.limit < FEW_EVALUATIONS * n_players:
            return Permutations(), f"fewer than {FEW_EVALUATIONS} evaluations for each player"
        return TwoStage(), "every pair of coalitions informs every player"

    def _enumerated(self) -> Allocation:
        """Return the exact value from all coalitions."""
        options, start = self.options, perf_counter()
        exact = self.value.exact(
            self.game, executor=options.executor, store=options.store, progress=options.progress
        )
        reason = "all coalitions are known or within the budget"
        seconds = perf_counter() - start
        point = TracePoint(2**self.game.n_players - 1, seconds, 0.0, exact.values)
        return self._exact(point, exact.tolerance, reason)

    def _in_closed_form(self) -> Allocation | None:
        """Return the exact value of a structured game, where that takes no more than the budget.

        A time limit cannot be kept by it, and a target may be finer than what it proves.
        """
        options, start = self.options, perf_counter()
        few = self.limit < CLOSED_FORM_EVALUATIONS
        if few or self.value.kind != "Shapley" or options.max_seconds is not None:
            return None
        found = value_in_closed_form(self.game, options.progress)
        if found is None or found.error_bound > (options.target_half_width or np.inf):
            return None
        reason = f"a structured game ({found.method}): exact in no more time than the budget"
        point = TracePoint(0, perf_counter() - start, found.error_bound, found.values)
        tolerance = found.error_bound + RELATIVE_TOLERANCE * float(np.abs(found.values).sum())
        return self._exact(point, tolerance, reason)

    def _exact(self, point: TracePoint, tolerance: float, reason: str) -> Allocation:
        """Return what needed no sample; its half-widths are what it errs by at most."""
        n_players = self.game.n_players
        evidence = SampledShapley(
            standard_errors=np.zeros(n_players),
            half_widths=np.full(n_players, point.half_width),
            confidence=self.options.confidence,
            simultaneous=self.options.simultaneous,
            evaluations=point.evaluations,
            converged=True,
            estimator="exact",
            reason=reason,
            parameters={},
            seed=self.options.seed,
            trace=(point,),
        )
        return self._allocation(point.values, tolerance, evidence)

    def _allocation(
        self, values: NDArray[np.float64], tolerance: float, evidence: SampledShapley
    ) -> Allocation:
        return Allocation(
            self.game.players,
            values,
            kind=self.game.kind,
            method=self.value.name,
            tolerance=tolerance,
            evidence=evidence,
        )
