"""What "auto" chooses: candidates, control variates, and that only values and the seed decide."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
import sesgame as sg
from fixtures.thread_counts import outputs_by_threads
from numpy.typing import NDArray
from sesgame.errors import GameError
from sesgame.estimators.cross_validated import _regressed

Array = NDArray[np.float64]
N = 9
MASKS = 1 << np.arange(N)
TREES = "boosted_trees"


def day(n_members: int = N, charge: float = 0.1) -> sg.energy.Community:
    """A summer day of twelve steps with batteries of two kinds and a demand charge."""
    random = np.random.default_rng(n_members)
    hours = np.arange(0, 24, 2)
    sun = np.clip(np.sin((hours - 6) / 12 * np.pi), 0, None)
    members = [f"member {number}" for number in range(n_members)]
    return sg.energy.Community(
        members=members,
        steps=np.datetime64("2016-06-01T00:00") + hours * np.timedelta64(1, "h"),
        load_kwh=random.gamma(2, 0.5, (n_members, 12)),
        pv_kwh=random.gamma(1, 2.0, n_members)[:, np.newaxis] * sun,
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        batteries=[
            sg.energy.Battery(
                owner=member,
                energy_kwh=random.uniform(2, 6),
                power_kw=random.uniform(1, 2),
                charge_efficiency=efficiency,
                discharge_efficiency=efficiency,
            )
            for member, efficiency in zip(members[::2], [0.9, 0.95] * n_members, strict=False)
        ],
        grid=sg.energy.Grid(demand_charge_per_kw=charge) if charge else None,
    )


class Counted:
    """A game of a table that counts what it is asked for."""

    def __init__(self, table: Array) -> None:
        self.table, self.asked = table, 0

    def __call__(self, rows: NDArray[np.bool_]) -> Array:
        self.asked += len(rows)
        return self.table[rows @ MASKS]


@cache
def tables() -> tuple[Array, dict[str, Array]]:
    """All costs of the day, and those of its approximations."""
    game = day().cost_game()
    return game.tabulate(), {name: own.tabulate() for name, own in game.approximations.items()}


def expensive(approximations: dict[str, Array] | None = None) -> sg.Game:
    table, others = tables()
    offered = others if approximations is None else approximations
    return sg.Game.from_function(
        range(N),
        Counted(table),
        kind="cost",
        batched=True,
        approximations={
            name: sg.Game.from_table(other, kind="cost") for name, other in offered.items()
        },
    )


def exact() -> Array:
    return sg.shapley_value(sg.Game.from_table(tables()[0], kind="cost")).values


@pytest.fixture
def without_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out what takes most of the time."""
    monkeypatch.setitem(sys.modules, "sklearn.ensemble", None)


def test_leaving_a_pair_out_is_what_a_fit_without_it_errs_by() -> None:
    random = np.random.default_rng(1)
    controls, own = random.normal(size=(2, 30)), random.normal(size=30)
    importance = random.uniform(0.5, 2, 30)
    coefficients, residuals = _regressed(own, controls, importance)
    for pair in range(30):
        root = np.sqrt(np.where(np.arange(30) == pair, 0, importance))
        fitted = np.linalg.lstsq((controls * root).T, own * root, rcond=None)[0]
        assert residuals[pair] == pytest.approx(own[pair] - fitted @ controls[:, pair])
    root = np.sqrt(importance)
    fitted = np.linalg.lstsq((controls * root).T, own * root, rcond=None)[0]
    np.testing.assert_allclose(coefficients, fitted)


def test_a_coefficient_that_one_pair_decides_predicts_nothing() -> None:
    controls = np.array([[1.0, 0.0, 0.0]])
    _, residuals = _regressed(np.array([2.0, 1.0, 1.0]), controls, np.ones(3))
    assert residuals.tolist() == [np.inf, 1.0, 1.0]


def test_what_was_chosen_and_against_what_is_in_the_evidence() -> None:
    game = expensive()
    found = sg.shapley_estimate(game, seed=3, max_evaluations=160, progress=False)
    evidence = found.evidence
    best = min(candidate.expected_error for candidate in evidence.candidates)
    chosen = next(own for own in evidence.candidates if own.expected_error <= 1.05 * best)
    assert evidence.estimator == chosen.method
    assert set(chosen.coefficients) <= {"pooled battery", "netting"}
    assert "pooled battery" in chosen.coefficients
    assert evidence.parameters["coefficients"] == chosen.coefficients
    assert "enumeration" in evidence.parameters["control_variate"]
    methods = {candidate.method for candidate in evidence.candidates}
    assert methods == {"pairs", "regression", "kernel_ridge", TREES}
    alone = min(own.expected_error for own in evidence.candidates if not own.coefficients)
    assert chosen.expected_error < alone / 3
    assert "pooled battery errs by" in evidence.reason or "netting errs by" in evidence.reason
    text = " ".join(evidence.grounds(found, "{:.3g} EUR".format))
    assert "by cross-validation" in text
    assert "evaluations of cheaper games" in text
    kept = found.to_dict()["evidence"]["candidates"][0]
    assert set(kept) == {"method", "coefficients", "residual", "expected_error"}


@pytest.mark.usefixtures("without_trees")
def test_only_the_expensive_game_is_charged_to_the_budget() -> None:
    game = expensive()
    found = sg.shapley_estimate(game, max_evaluations=160, progress=False).evidence
    asked = game.function.function.asked
    assert asked <= found.evaluations <= 160
    # Each control variate is asked for the same coalitions, and all of them for its value.
    assert found.parameters["cheap_evaluations"] == 2 * (found.evaluations + 2**N - 1)


@pytest.mark.usefixtures("without_trees")
def test_an_expected_error_is_about_the_error() -> None:
    squares, expected = [], []
    for seed in range(12):
        found = sg.shapley_estimate(expensive(), seed=seed, max_evaluations=160, progress=False)
        squares.append(np.mean((found.values - exact()) ** 2))
        own = found.evidence
        expected.append(
            next(
                candidate.expected_error
                for candidate in own.candidates
                if candidate.method == own.estimator
                and candidate.coefficients == own.parameters["coefficients"]
            )
        )
    assert 0.5 < np.sqrt(np.mean(squares)) / np.mean(expected) < 2


@pytest.mark.usefixtures("without_trees")
def test_an_approximation_that_explains_nothing_is_left_alone() -> None:
    noise = np.random.default_rng(5).normal(size=2**N) * 100
    noise[0] = 0
    for seed in range(3):
        with_noise, without = (
            sg.shapley_estimate(expensive(offered), seed=seed, max_evaluations=160, progress=False)
            for offered in ({"noise": noise}, {})
        )
        assert with_noise.evidence.parameters["coefficients"].get("noise", 0.0) == pytest.approx(
            0, abs=0.01
        )
        error, alone = (np.abs(own.values - exact()).max() for own in (with_noise, without))
        assert error < 1.5 * alone


@pytest.mark.usefixtures("without_trees")
def test_an_approximation_whose_value_is_dear_is_left_out_and_named() -> None:
    dear = sg.Game.from_function(range(40), lambda s: float(len(s)), kind="cost")
    game = sg.Game.from_function(
        range(40), lambda s: len(s) ** 0.5, kind="cost", approximations={"dear": dear}
    )
    found = sg.shapley_estimate(game, max_evaluations=400, progress=False).evidence
    assert "control_variate must be tabulated" in found.parameters["left_out"]["dear"]
    assert not found.parameters["coefficients"]


@pytest.mark.parametrize("name", ["executor", "steps"])
def test_the_choice_does_not_depend_on(name: str) -> None:
    here = sg.shapley_estimate(expensive(), seed=2, max_evaluations=120, progress=False)
    game = expensive()
    if name == "steps":  # what is known before decides nothing
        game.values(np.random.default_rng(0).random((50, N)) < 0.5)
        there = sg.shapley_estimate(game, seed=2, max_evaluations=120, progress=False)
    else:
        with ThreadPoolExecutor(2) as threads:
            there = sg.shapley_estimate(
                game, seed=2, max_evaluations=120, executor=threads, progress=False
            )
    np.testing.assert_array_equal(here.values, there.values)
    assert here.evidence.candidates == there.evidence.candidates


def test_one_thread_and_two_choose_alike() -> None:
    program = (
        "import numpy as np, sesgame as sg; random = np.random.default_rng(1);"
        "load = random.normal(size=(12, 6));"
        "close = sg.games.netting(load, 0.3, 0.1);"
        "dear = lambda rows: close.values(rows) + 0.2 * (rows @ load).max(axis=1).clip(0);"
        "game = sg.Game.from_function(range(12), dear, kind='cost', batched=True,"
        " approximations={'netting': close});"
        "found = sg.shapley_estimate(game, max_evaluations=160);"
        "print(found.values.tobytes().hex(), found.evidence.candidates)"
    )
    outputs = outputs_by_threads(program)
    assert "netting" in outputs["1"]
    assert outputs["1"] == outputs["2"]


@pytest.mark.usefixtures("without_trees")
def test_without_scikit_learn_the_evidence_says_so() -> None:
    found = sg.shapley_estimate(expensive(), max_evaluations=160, progress=False).evidence
    assert 'pip install "sesgame[surrogate]"' in found.parameters["untried"][TREES]
    assert TREES not in {candidate.method for candidate in found.candidates}


@pytest.mark.usefixtures("without_trees")
@pytest.mark.parametrize("budget", [N, N + 1, 20, 27, 28, 40, 60, 90])
def test_small_budgets_give_an_estimate(budget: int) -> None:
    found = sg.shapley_estimate(expensive(), max_evaluations=budget, progress=False)
    assert found.evidence.evaluations <= budget
    assert np.isfinite(found.values).all()
    assert found.total == pytest.approx(tables()[0][-1])
    # The control variates are taken off with orders, too.
    assert found.evidence.parameters["control_variate"]


def test_a_budget_below_one_order_is_refused() -> None:
    with pytest.raises(GameError, match="max_evaluations"):
        sg.shapley_estimate(expensive(), max_evaluations=N - 1, progress=False)


@pytest.mark.usefixtures("without_trees")
def test_a_control_variate_that_is_the_game_leaves_nothing() -> None:
    found = sg.shapley_estimate(
        expensive({"twin": tables()[0]}), max_evaluations=120, progress=False
    )
    np.testing.assert_allclose(found.values, exact(), atol=1e-9)
    # Agreement of a hundred pairs is no certainty.
    assert (found.evidence.half_widths > 0).all()


@pytest.mark.usefixtures("without_trees")
def test_the_banzhaf_value_takes_the_control_variates_too() -> None:
    found = sg.banzhaf_estimate(expensive(), max_evaluations=160, progress=False)
    assert "pooled battery" in found.evidence.parameters["coefficients"]
    truth = sg.banzhaf_value(sg.Game.from_table(tables()[0], kind="cost")).values
    assert (np.abs(found.values - truth) <= 3 * found.evidence.half_widths).all()


@pytest.mark.slow
@pytest.mark.usefixtures("without_trees")
def test_intervals_with_control_variates_cover_and_are_narrow() -> None:
    # Over 120 seeds a player's count has a binomial spread of 2 %; the players are correlated.
    covered, squares, alone = np.zeros(N), [], []
    errors = []
    for seed in range(120):
        found = sg.shapley_estimate(expensive(), seed=seed, max_evaluations=160, progress=False)
        error = found.values - exact()
        errors.append(error)
        covered += np.abs(error) <= found.evidence.half_widths
        squares.append(np.mean(error**2))
        plain = sg.shapley_estimate(
            expensive(), method="pairs", seed=seed, max_evaluations=160, progress=False
        )
        alone.append(np.mean((plain.values - exact()) ** 2))
    assert 0.92 <= covered.mean() / 120 <= 0.99
    assert covered.min() / 120 >= 0.85
    assert np.sqrt(np.mean(squares)) < np.sqrt(np.mean(alone)) / 4
    # 9 means of 120: a false alarm in about one of 10,000 runs.
    means = np.array(errors)
    z = means.mean(axis=0) / (means.std(axis=0, ddof=1) / np.sqrt(len(means)))
    assert np.abs(z).max() < 4.5
