"""One estimate, from the choice of an estimator to the evidence: exact where that costs no more."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from sesgame.errors import GameError, NotConvergedWarning
from sesgame.estimators import Estimator, Permutations, Stratified
from sesgame.estimators.cross_validated import (
    Candidate,
    ControlVariate,
    CrossValidated,
    CrossValidatedSampling,
)
from sesgame.estimators.estimator import Estimate
from sesgame.estimators.valuation import Valuation
from sesgame.game.allocation import Allocation
from sesgame.game.block_scheduler import OutOfTimeError, UntilDeadline
from sesgame.shapley.closed_form import value_in_closed_form
from sesgame.shapley.confidence import half_widths, root_mean_square_errors
from sesgame.shapley.control_variate import ControlValue, control_value
from sesgame.shapley.exact import RELATIVE_TOLERANCE
from sesgame.shapley.sampling_evidence import SampledShapley, TracePoint
from sesgame.shapley.sampling_options import SampledValue, SamplingOptions

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sesgame.estimators.estimator import Sampling
    from sesgame.game.block_scheduler import Executor
    from sesgame.game.game import Game

__all__ = ["estimate_value"]

DEFAULT_EVALUATIONS = 10_000
"""The budget where nothing else limits the sampling, or 40 for each player if that is more."""

OPEN_ENDED = 100
"""How many times the default budget may be spent on a target or in a given time."""

FIRST_LOOK = 20
"""Evaluations for each player before a target is compared for the first time."""

FEWEST = 3
"""No estimate takes fewer evaluations."""

GROWTH = 1.5
"""Factor by which the sample grows between two looks."""

WARM_UP = 3.0
"""The same before the first look of a sample that time limits."""

LEAST_GROWTH = 0.05
"""Share by which a sample has to grow to be worth a further look in the time that is left."""

ROOM = 0.8
"""Share of the time that is left which the next evaluations should take: some take longer."""

NEXT_LOOK = 4
"""How much longer than the last estimate the next one may take: cubic for kernel ridge."""

FEW_EVALUATIONS = 7
"""With fewer evaluations for each player, orders can beat pairs by more than the reverse."""

FEW_OF_A_DIFFERENCE = 3
"""The same where control variates leave little: below, pairs hardly give an interval."""

FEW_PLAYERS = 200
"""Up to so many, pairs are better even where evaluations are cheap, and fit into the memory."""

CLOSED_FORM_EVALUATIONS = 100_000
"""So many native evaluations take about as long as the exact value of a structured game."""


def estimate_value(game: Game, value: SampledValue, options: SamplingOptions) -> Allocation:
    """Return the exact value where it is within the budget, otherwise an estimate."""
    estimation = _Estimation(game, value, options)
    try:
        exact = estimation.exact()
        if exact is not None:
            return exact
        estimation.plan()
    except OutOfTimeError:
        raise estimation.nothing_in_time(1) from None
    return estimation.sample() or estimation.conclude()


class _Estimation:
    """One estimate, from its plan to its evidence."""

    def __init__(self, game: Game, value: SampledValue, options: SamplingOptions) -> None:
        self.game, self.value, self.options = game, value, options
        self.estimator = options.estimator(value)
        self.start = perf_counter()
        self.executor: Executor | None = options.executor
        if options.max_seconds is not None:
            self.executor = UntilDeadline(options.executor, self.start + options.max_seconds)
        self.n_coalitions = 2**game.n_players - 1
        self.limit = options.max_evaluations or (
            max(DEFAULT_EVALUATIONS, 2 * FIRST_LOOK * game.n_players)
            * (OPEN_ENDED if options.open_ended else 1)
        )

    def exact(self) -> Allocation | None:
        """Return the exact value where that takes no more than the budget."""
        untimed = self.options.max_seconds is None or self.n_coalitions <= FEWEST
        if self.game.tabulated or (untimed and self.limit >= self.n_coalitions):
            return self._enumerated()
        return self._in_closed_form() if self.estimator is None else None

    def plan(self) -> None:
        """Choose an estimator, evaluate the control variates, and begin."""
        options, probabilities = self.options, self.value.probabilities
        if options.symmetry is not None:
            self._check_symmetry(self.game)
        self.left_out: dict[str, str] = {}
        controls = self._control_variates()
        if self.estimator is None:
            estimator, self.reason = self._choose(bool(controls))
        else:
            estimator, self.reason = self.estimator, "asked for"
        self.chosen = estimator
        if estimator.max_evaluations is not None and options.max_evaluations is None:
            self.limit = min(self.limit, estimator.max_evaluations)
        # Nobody knows how long an evaluation takes: where time decides, in small steps.
        planned = self.limit if options.max_seconds is None else min(self.limit, self.first_look)
        self.known: ControlValue | None = None
        self.sampling: Sampling
        if isinstance(estimator, CrossValidated):
            variates = [
                ControlVariate(name, self._valuation(control), *found)
                for name, (control, found) in controls.items()
            ]
            self.sampling = CrossValidatedSampling(
                self._valuation(self.game),
                probabilities,
                options.seed,
                variates,
                hurried=options.max_seconds is not None,
            )
        else:
            # Any other takes one off as it is: the first is the closest.
            control, self.known = next(iter(controls.values()), (None, None))
            valuation = self._valuation(self.game, control)
            self.sampling = estimator.sampling(valuation, probabilities, options.seed, planned)
        if self.limit <= self.sampling.step:
            raise GameError(
                f"max_evaluations must be at least {1 + self.sampling.step} for method "
                f'"{estimator.name}", got {self.limit}'
            )

    def _valuation(self, game: Game, control: Game | None = None) -> Valuation:
        """Return what evaluates a game; the executor and the store are for the one sampled."""
        options, sampled = self.options, game is self.game
        return Valuation(
            game,
            control,
            symmetry=options.symmetry,
            executor=self.executor if sampled else None,
            store=options.store if sampled else None,
            progress=options.progress,
        )

    def _check_symmetry(self, game: Game) -> None:
        """Compare some coalitions that the declared types say are worth the same."""
        assert self.options.symmetry is not None
        values_of = partial(game.values, executor=self.executor, progress=False)
        self.options.symmetry.check(values_of)

    def _control_variates(self) -> dict[str, tuple[Game, ControlValue]]:
        """Return the control variates with their values, by name.

        The one that is asked for, or else, for "auto", those that the game brings and whose value
        is cheap.
        """
        asked = self.options.control_variate
        if asked is not None:
            return {"the control variate": (asked, self._control_value(asked))}
        found = {}
        if self.estimator is None and self.value.kind != "all":
            for name, control in self.game.approximations.items():
                try:
                    found[name] = (control, self._control_value(control))
                except GameError as error:  # noqa: PERF203, the evidence says which and why
                    self.left_out[name] = str(error)
        return found

    def _control_value(self, control: Game) -> ControlValue:
        """Return the value of a control variate, which must keep to the types."""
        known = control_value(
            self.game,
            control,
            probabilities=self.value.probabilities,
            exact=self.value.exact,
            seed=self.options.seed,
            progress=self.options.progress,
        )
        if self.options.symmetry is not None:
            self._check_symmetry(control)
        return known

    def sample(self) -> Allocation | None:
        """Extend the sample until the budget, the target or the time ends it.

        Where the time turns out to be enough for all coalitions, return the exact value instead.
        """
        self.trace: list[TracePoint] = []
        self.asking = self.looking = 0.0  # seconds: of all evaluations, of the last estimate
        for total in self._totals():
            try:
                self._extend(total)
                if 0 < self.n_coalitions - self.sampling.evaluations <= self._affordable():
                    return self._enumerated()
            except OutOfTimeError:
                break
            if not self._warming_up:
                self._look()
            if self.options.target_half_width is not None and self.reached:
                break
        if self.sampling.evaluations == 1:
            raise self.nothing_in_time(1 + self.sampling.step)
        self._look()
        return None

    @property
    def first_look(self) -> int:
        """The number of evaluations after which the estimate is looked at first."""
        return FIRST_LOOK * self.game.n_players

    @property
    def _warming_up(self) -> bool:
        """Whether the sample is in the first small steps of one that time limits."""
        next_step = self.sampling.evaluations + self.sampling.step
        return self.options.max_seconds is not None and next_step < self.first_look

    @property
    def reached(self) -> bool:
        """Whether the target was reached, if there is one."""
        target = self.options.target_half_width
        return target is None or bool(self.trace and self.trace[-1].half_width <= target)

    def nothing_in_time(self, needed: int) -> GameError:
        """Return the error of a time limit that does not suffice for any estimate."""
        return GameError(
            f"max_seconds is {self.options.max_seconds}, which was over before the {needed} "
            f"evaluations were done that an estimate takes at least; the finished ones are kept by "
            f"the game: call again, or allow more time"
        )

    def _totals(self) -> Iterator[int]:
        """Yield up to how many evaluations the sample is to go, as long as budget and time last."""
        sampling, limit, timed = self.sampling, self.limit, self.options.max_seconds is not None
        total = limit
        if timed:
            total = 1 + sampling.step
        elif self.options.open_ended:
            total = min(limit, max(self.first_look, sampling.step))
        while True:
            yield total
            if total >= limit:
                return
            growth = WARM_UP if self._warming_up else GROWTH
            total = max(int(total * growth), sampling.evaluations + sampling.step)
            if timed:
                room = self._affordable()
                if room < max(sampling.step, LEAST_GROWTH * sampling.evaluations):
                    return
                total = min(total, sampling.evaluations + room)
            total = min(total, limit)

    def _extend(self, total: int) -> None:
        """Go on up to about a total number of evaluations."""
        start = perf_counter()
        try:
            self.sampling.extend(total)
        finally:
            self.asking += perf_counter() - start

    def _affordable(self) -> int:
        """Return how many further evaluations fit into the time; none where it does not limit."""
        if self.options.max_seconds is None:
            return 0
        left = self.start + self.options.max_seconds - perf_counter() - NEXT_LOOK * self.looking
        if left <= 0 or self.asking == 0:  # a clock of coarse ticks
            return 0 if left <= 0 else self.limit
        return int(ROOM * left / self.asking * (self.sampling.evaluations - 1))

    def _look(self) -> None:
        """Estimate the values, where something was added since the last time."""
        if self.trace and self.trace[-1].evaluations == self.sampling.evaluations:
            return
        start = perf_counter()
        self._estimate()
        self.looking = perf_counter() - start

    def _estimate(self) -> None:
        """Estimate the values and their errors from what is sampled by now."""
        values, errors, degrees, unseen = self.sampling.estimate()
        options, symmetry = self.options, self.options.symmetry
        if symmetry is not None:
            # The standard deviation of a mean is at most the mean of the deviations.
            values, errors, unseen = map(symmetry.pooled, (values, errors, unseen))
        if self.known is not None:
            values, errors = values + self.known.values, np.hypot(errors, self.known.errors)
        parts = self.game.n_players if options.simultaneous else 1
        level = 1 - (1 - options.confidence) / parts
        self.errors = root_mean_square_errors(errors, unseen)
        self.half_widths = half_widths(Estimate(values, errors, degrees, unseen), level)
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
        parameters: dict[str, Any] = {
            "control_variate": self.known.method if self.known else None,
            "cheap_evaluations": self.known.evaluations + sampling.evaluations if self.known else 0,
            "left_out": self.left_out,
            **asdict(self.chosen),  # type: ignore[call-overload]
            **sampling.parameters,
        }
        name, reason = self.chosen.name, self.reason
        candidates: tuple[Candidate, ...] = ()
        if isinstance(sampling, CrossValidatedSampling):
            name, reason = sampling.choice.method, sampling.reason
            candidates = sampling.candidates
        evidence = SampledShapley(
            standard_errors=self.errors,
            half_widths=self.half_widths,
            confidence=options.confidence,
            simultaneous=options.simultaneous,
            evaluations=sampling.evaluations,
            converged=self.reached,
            estimator=name,
            reason=reason,
            parameters=parameters,
            seed=options.seed,
            trace=tuple(self.trace),
            candidates=candidates,
        )
        return self._allocation(last.values, last.half_width, evidence)

    def _choose(self, controlled: bool) -> tuple[Estimator, str]:
        """Return the estimator of "auto", with or without control variates, and why."""
        options, n_players = self.options, self.game.n_players
        if self.value.kind == "all":
            return Stratified(), "the semivalue weighs small and large coalitions differently"
        if self.value.kind == "symmetric":
            return CrossValidated(), "every pair of coalitions informs every player"
        native = self.game.native is not None
        cheap = native and options.open_ended and options.max_evaluations is None
        if cheap and n_players > FEW_PLAYERS:
            return (
                Permutations(),
                f"a native game of more than {FEW_PLAYERS} players: walks are cheap",
            )
        few = FEW_OF_A_DIFFERENCE if controlled else FEW_EVALUATIONS
        if self.limit < few * n_players:
            return Permutations(), f"fewer than {few} evaluations for each player"
        return CrossValidated(), "every pair of coalitions informs every player"

    def _enumerated(self) -> Allocation:
        """Return the exact value from all coalitions."""
        options, start = self.options, perf_counter()
        exact = self.value.exact(
            self.game, executor=self.executor, store=options.store, progress=options.progress
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
