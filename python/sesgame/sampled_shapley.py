"""Sampled Shapley values with standard errors, for games too large to evaluate as a whole."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from sesgame.allocation import Allocation, Evidence
from sesgame.confidence import student_quantile
from sesgame.errors import GameError, NotConvergedWarning
from sesgame.sampling import PairSampling, PermutationSampling, Sampling, Valuation
from sesgame.shapley import shapley_value

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.blocks import Executor
    from sesgame.game import Game
    from sesgame.store import StorePath

__all__ = ["SampledShapley", "TracePoint", "shapley_estimate"]

Method = Literal["auto", "pairs", "permutations"]

DEFAULT_EVALUATIONS = 10_000
"""The budget where nothing else limits the sampling, or 40 for each player if that is more."""

OPEN_ENDED = 100
"""How many times the default budget may be spent on a target or in a given time."""

FIRST_LOOK = 20
"""Evaluations for each player before a target is compared for the first time."""

GROWTH = 1.5
"""Factor by which the sample grows between two looks."""

FEW_EVALUATIONS = 10
"""Up to so many evaluations for each player, orders beat pairs."""


CONTROL_TABLE_PLAYERS = 20
"""Up to so many players a control variate is tabulated and its Shapley value is exact."""

CONTROL_ORDERS = 20_000
"""Orders for the Shapley value of a larger control variate."""


class TracePoint(NamedTuple):
    """How far the estimate was after a number of evaluations."""

    evaluations: int
    seconds: float
    half_width: float


@dataclass(frozen=True, eq=False)
class SampledShapley(Evidence):
    """How a sampled Shapley value came about and how far it can be trusted.

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
        The number of coalitions asked for; repetitions are not evaluated again.
    converged : bool
        Whether `target_half_width` was reached; True where there was none.
    estimator : {"exact", "pairs", "permutations"}
        The method used.
    reason : str
        Why that one.
    parameters : dict
        What characterises the estimator.
    seed : int
        The seed.
    trace : tuple of TracePoint
        The largest half-width after each step.
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


def shapley_estimate(
    game: Game,
    *,
    method: Method = "auto",
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
    r"""Estimate the Shapley value from a sample of coalitions, with confidence intervals.

    .. math:: \phi_i = \frac{1}{n!} \sum_\pi \bigl(v(P_i^\pi \cup \{i\}) - v(P_i^\pi)\bigr)

    over all orders :math:`\pi`, where :math:`P_i^\pi` are the players before i.

    Parameters
    ----------
    game : Game, any number of players
        The game, of gains or costs.
    method : {"auto", "pairs", "permutations"}
        ``"permutations"`` averages marginal contributions along random orders: antithetic,
        Latin-hypercube, on all cores for a native game. ``"pairs"`` evaluates coalitions together
        with their complements, fits a surrogate and corrects its bias: more accurate per
        evaluation. ``"auto"`` takes pairs where evaluations are what counts, permutations for a
        native game that is limited by a target or by time and where there are at most 10
        evaluations for each player, and the exact value where all coalitions are known or within
        the budget; the evidence says which and why.
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
        A game f of the same players that is close to `game` and cheap: tabulated, native, or of at
        most 20 players. What is sampled is the difference: phi(v) = phi(f) + phi(v - f). The
        netting or pooled-battery game of a community serves for a detailed dispatch model of it.
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
        An option is out of its range, or the budget is not enough for one order of the players.
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
    Permutations: n - 1 evaluations and n marginal contributions for each order, memory linear in n
    for a native game; Student intervals over independent batches [castro2009]_. Pairs: a quarter
    of the first step is spread over all sizes of coalitions, the rest goes where the surrogate
    errs most; intervals from a jackknife over ten groups of pairs. Paired regression is
    [covert2021]_. With the same seed and options, `max_seconds` aside, the bits are the same for
    any number of threads and any executor; nothing is evaluated twice, and with a `store` a run
    that was stopped goes on where it was.

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
    _check_options(method, seed, max_evaluations, target_half_width, max_seconds, confidence)
    start = perf_counter()
    n_players = game.n_players
    open_ended = target_half_width is not None or max_seconds is not None
    limit = max_evaluations or max(DEFAULT_EVALUATIONS, 2 * FIRST_LOOK * n_players) * (
        OPEN_ENDED if open_ended else 1
    )
    if game.tabulated or limit >= 2**n_players - 1:
        return _exact(game, seed, confidence, simultaneous, executor, store, progress)
    if method == "auto":
        method, reason = _choose(game, max_evaluations, open_ended, limit)
    else:
        reason = "asked for"
    known = None if control_variate is None else _control_value(game, control_variate, seed)
    valuation = Valuation(game, control_variate, executor=executor, store=store, progress=progress)
    sampling: Sampling
    if method == "pairs":
        sampling = PairSampling(valuation, seed)
    else:
        sampling = PermutationSampling(valuation, seed, limit)

    level = 1 - (1 - confidence) / (n_players if simultaneous else 1)
    trace: list[TracePoint] = []
    total = min(limit, max(FIRST_LOOK * n_players, 2)) if open_ended else limit
    while True:
        if sampling.extend(total):
            values, errors, degrees = sampling.estimate()
            if known is not None:
                values, errors = values + known.values, np.hypot(errors, known.errors)
            half_widths = errors * student_quantile((1 + level) / 2, degrees)
            widest = float(half_widths.max())
            seconds = perf_counter() - start
            trace.append(TracePoint(sampling.evaluations, seconds, widest))
        reached = target_half_width is None or widest <= target_half_width
        if total >= limit or (target_half_width is not None and reached):
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
            f"not the +-{target_half_width:.3g} that was asked for",
            NotConvergedWarning,
            stacklevel=2,
        )
    evidence = SampledShapley(
        standard_errors=errors,
        half_widths=half_widths,
        confidence=confidence,
        simultaneous=simultaneous,
        evaluations=sampling.evaluations,
        converged=reached,
        estimator=method,
        reason=reason,
        parameters=sampling.parameters | {"control_variate": control_variate is not None},
        seed=seed,
        trace=tuple(trace),
    )
    return Allocation(
        game.players,
        values,
        kind=game.kind,
        method="Shapley estimate",
        tolerance=widest,
        evidence=evidence,
    )


def _choose(
    game: Game, max_evaluations: int | None, open_ended: bool, limit: int
) -> tuple[Method, str]:
    if game.native is not None and open_ended and max_evaluations is None:
        return "permutations", "a native game limited by time: walks along orders are cheap"
    if limit <= FEW_EVALUATIONS * game.n_players:
        return "permutations", f"at most {FEW_EVALUATIONS} evaluations for each player"
    return "pairs", "evaluations are limited: every pair of coalitions informs every player"


class _ControlValue(NamedTuple):
    values: NDArray[np.float64]
    errors: NDArray[np.float64]


def _control_value(game: Game, control: Game, seed: int) -> _ControlValue:
    """Return the value of the control variate, exact or from very many native walks."""
    if control.players != game.players or control.kind != game.kind:
        raise GameError(
            f"the control variate is {control!r} and the game {game!r}; "
            f"both need the same players in the same order and the same kind"
        )
    if control.tabulated or control.n_players <= CONTROL_TABLE_PLAYERS:
        exact = shapley_value(control, progress=False)
        return _ControlValue(exact.values, np.zeros(control.n_players))
    if control.native is None:
        raise GameError(
            f"the control variate is {control!r}; it must be tabulated, native, "
            f"or have at most {CONTROL_TABLE_PLAYERS} players"
        )
    valuation = Valuation(control, executor=None, store=None, progress=False)
    budget = 1 + CONTROL_ORDERS * (control.n_players - 1)
    walks = PermutationSampling(valuation, seed, budget)
    walks.extend(budget)
    values, errors, _ = walks.estimate()
    return _ControlValue(values, errors)


def _exact(
    game: Game,
    seed: int,
    confidence: float,
    simultaneous: bool,
    executor: Executor | None,
    store: StorePath | None,
    progress: bool,
) -> Allocation:
    start = perf_counter()
    exact = shapley_value(game, executor=executor, store=store, progress=progress)
    evaluations = 2**game.n_players - 1
    zeros = np.zeros(game.n_players)
    evidence = SampledShapley(
        standard_errors=zeros,
        half_widths=zeros,
        confidence=confidence,
        simultaneous=simultaneous,
        evaluations=evaluations,
        converged=True,
        estimator="exact",
        reason="all coalitions are known or within the budget",
        parameters={},
        seed=seed,
        trace=(TracePoint(evaluations, perf_counter() - start, 0.0),),
    )
    return Allocation(
        game.players,
        exact.values,
        kind=game.kind,
        method="Shapley estimate",
        tolerance=exact.tolerance,
        evidence=evidence,
    )


def _check_options(
    method: str,
    seed: int,
    max_evaluations: int | None,
    target_half_width: float | None,
    max_seconds: float | None,
    confidence: float,
) -> None:
    if method not in ("auto", "pairs", "permutations"):
        raise ValueError(f'method is {method!r}; it must be "auto", "pairs" or "permutations"')
    if not (isinstance(seed, int) and 0 <= seed < 2**64):
        raise ValueError(f"seed is {seed!r}; it must be an integer from 0 to 2**64 - 1")
    if max_evaluations is not None and not max_evaluations >= 1:
        raise ValueError(f"max_evaluations is {max_evaluations}; it must be at least 1")
    if target_half_width is not None and not target_half_width > 0:
        raise ValueError(f"target_half_width is {target_half_width}; it must be positive")
    if max_seconds is not None and not max_seconds > 0:
        raise ValueError(f"max_seconds is {max_seconds}; it must be positive")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; it must be between 0 and 1")
