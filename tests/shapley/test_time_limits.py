"""``max_seconds`` of an estimate, by a clock that only evaluations move."""

from __future__ import annotations

import itertools
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from numpy.typing import NDArray
from sesgame.errors import GameError
from sesgame.estimators import ESTIMATORS, BoostedTrees

Members = NDArray[np.bool_]
N_PLAYERS = 24
SECONDS = 0.05
"""What an evaluation takes."""


class Clock:
    """A clock that stands still but for what takes time on purpose; it never shows a time twice."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.evaluations = 0
        for module in (
            "shapley.estimation",
            "game.block_scheduler",
            "game.worker_transport",
            "game.evaluation",
        ):
            monkeypatch.setattr(f"sesgame.{module}.perf_counter", self)

    def __call__(self) -> float:
        self.now += 1e-6
        return self.now

    def value(self, coalition: frozenset[int]) -> float:
        self.now += SECONDS
        self.evaluations += 1
        return float(len(coalition)) ** 1.5 + (3 in coalition)

    def values(self, rows: Members) -> NDArray[np.float64]:
        """Batched: what a call takes, and what each coalition of it takes."""
        self.now += 0.02 + 0.001 * len(rows)
        self.evaluations += len(rows)
        return np.asarray(rows.sum(axis=1) ** 1.5 + rows[:, 3])

    def game(self, n_players: int = N_PLAYERS) -> sg.Game:
        return sg.Game.from_function(range(n_players), self.value, kind="cost")

    def batched(self, n_players: int = N_PLAYERS) -> sg.Game:
        return sg.Game.from_function(range(n_players), self.values, kind="cost", batched=True)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


FEW_TREES = pytest.param(BoostedTrees(n_trees=5), marks=pytest.mark.slow, id="boosted_trees")
OTHERS = [name for name in ESTIMATORS if name != BoostedTrees.name]


@pytest.mark.parametrize("method", ["auto", *OTHERS, FEW_TREES])
def test_a_time_limit_is_kept_from_the_first_block_on(method: Any, clock: Clock) -> None:
    estimate = sg.shapley_estimate(clock.game(), method=method, max_seconds=10.0)
    # What has begun at the deadline is finished: one evaluation.
    assert clock.now < 10.0 + 2 * SECONDS
    assert clock.now > 7.0
    # Some of the last ones are not used where they do not complete an order.
    assert estimate.evidence.evaluations > 0.5 * clock.evaluations
    assert estimate.total == pytest.approx(N_PLAYERS**1.5 + 1)


def test_a_sample_that_is_cut_short_has_no_interval_that_claims_more(clock: Clock) -> None:
    estimate = sg.shapley_estimate(clock.game(), method="pairs", max_seconds=1.0)
    assert 1 < estimate.evidence.evaluations <= 20
    assert np.isinf(estimate.evidence.half_widths).all()
    assert clock.now < 1.0 + 2 * SECONDS


@pytest.mark.parametrize(("method", "needed"), [("permutations", 47), ("pairs", 3)])
def test_too_little_time_for_any_estimate_is_said_and_nothing_is_lost(
    method: Any, needed: int, clock: Clock
) -> None:
    game = clock.game()
    with pytest.raises(GameError, match=rf"max_seconds is 0\.07,.* before the {needed} eval"):
        sg.shapley_estimate(game, method=method, max_seconds=0.07)
    done = clock.evaluations
    assert 1 <= done <= 3
    assert f"{done} value" in repr(game)  # the grand coalition among them


def test_the_same_call_again_goes_on(clock: Clock) -> None:
    game = clock.game()
    for _ in itertools.repeat(None, 5):
        try:
            estimate = sg.shapley_estimate(game, method="permutations", max_seconds=1.0)
        except GameError:
            continue
        break
    assert estimate.evidence.evaluations >= 47
    assert f"{clock.evaluations} values known" in repr(game)


def test_a_batched_function_is_asked_for_more_as_it_turns_out_to_be_fast(clock: Clock) -> None:
    estimate = sg.shapley_estimate(clock.batched(), method="pairs", max_seconds=10.0)
    assert clock.now < 10.0 + 0.5
    assert estimate.evidence.evaluations > 5_000


def test_all_coalitions_are_evaluated_where_the_time_turns_out_to_be_enough(clock: Clock) -> None:
    estimate = sg.shapley_estimate(clock.game(8), max_seconds=60.0)
    assert estimate.evidence.estimator == "exact"
    assert clock.evaluations == 255
    assert estimate.evidence.half_widths.max() == 0


def test_few_players_are_sampled_where_it_is_not(clock: Clock) -> None:
    estimate = sg.shapley_estimate(clock.game(14), max_seconds=20.0)
    assert clock.now < 20.0 + 2 * SECONDS
    assert estimate.evidence.estimator == "pairs"
    assert np.isfinite(estimate.evidence.half_widths).all()


def test_types_are_checked_within_the_time(clock: Clock) -> None:
    types = {player: "all" for player in range(N_PLAYERS) if player != 3}
    with pytest.raises(GameError, match=r"max_seconds is 0\.2, .* before the 1 eval"):
        sg.shapley_estimate(clock.game(), types=types, max_seconds=0.2)


def test_a_time_limit_is_kept_with_an_executor(clock: Clock) -> None:
    with ThreadPoolExecutor(1) as threads:
        estimate = sg.shapley_estimate(
            clock.game(), method="pairs", max_seconds=10.0, executor=threads
        )
    # Blocks of 0.25 s of which some are in flight.
    assert clock.now < 10.0 + 3.0
    assert estimate.evidence.evaluations > 60


def test_an_executor_that_never_answers_is_not_waited_for() -> None:
    class Silent:
        def submit(self, fn: Any, /, *args: Any) -> Future[Any]:
            return Future()

    game = sg.Game.from_function(range(30), len, kind="gain")
    with pytest.raises(GameError, match=r"before the 1 evaluations were done"):
        sg.shapley_estimate(game, max_seconds=0.05, executor=Silent())


@pytest.mark.parametrize("method", ["permutations", "pairs"])
def test_a_native_game_is_asked_in_steps(method: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Clock(monkeypatch)
    game = sg.games.peak(np.random.default_rng(2).gamma(2, 0.3, (40, 4)), 1.0)
    # The clock hardly moves, so that the budget ends it.
    estimate = sg.shapley_estimate(game, method=method, max_seconds=1.0, max_evaluations=5_000)
    assert 0.9 * 5_000 < estimate.evidence.evaluations <= 5_000
    assert np.isfinite(estimate.evidence.half_widths).all()


def test_the_owen_estimate_keeps_its_time(clock: Clock) -> None:
    unions = [range(start, start + 6) for start in range(0, N_PLAYERS, 6)]
    estimate = sg.owen_estimate(clock.game(), unions, max_seconds=10.0)
    assert clock.now < 10.0 + 2 * SECONDS
    assert estimate.evidence.evaluations > 100
