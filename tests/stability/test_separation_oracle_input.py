"""Separation oracles that lie, raise, repeat themselves, or answer nonsense."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sesgame as sg
from reference.separation_oracles import Enumeration
from sesgame.errors import OracleError

TABLE = np.random.default_rng(3).integers(1, 20, size=1 << 5).astype(float)
TABLE[0] = 0
GAME = sg.Game.from_table(TABLE, players=list("abcde"), kind="gain")
ABC = np.array([[True, True, True, False, False]])


class Answers:
    """Gives the same answer whatever it is asked, or raises it."""

    def __init__(self, answer: object, exact: bool = False) -> None:
        self.answer = answer
        self.exact = exact

    def most_violated(self, allocation, count, *, outside=None):
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(ZeroDivisionError("no"), "raised ZeroDivisionError: no", id="raises"),
        pytest.param([ABC, [1.0]], r"returned list; it must return \(coalitions", id="a list"),
        pytest.param((ABC,), "returned tuple; it must", id="coalitions only"),
        pytest.param((ABC[:, :4], [1.0]), r"shape \(m, 5\).*not bool of", id="a player missing"),
        pytest.param((ABC[0], [1.0]), r"shape \(m, 5\)", id="one-dimensional"),
        pytest.param((ABC.astype(int), [1.0]), "not int64 of", id="numbers"),
        pytest.param(([("a", "z")], [1.0]), "unknown player 'z'", id="unknown player"),
        pytest.param(([("a", "a")], [1.0]), "duplicate player 'a'", id="player twice"),
        pytest.param((["ab"], [1.0]), "is the string 'ab'", id="string"),
        pytest.param((7, [1.0]), "the coalitions of an answer are wrong", id="no coalitions"),
        pytest.param((ABC, [1.0, 2.0]), r"1 coalitions, but values of shape \(2,\)", id="values"),
        pytest.param((ABC, ["much"]), "are not numbers", id="words"),
        pytest.param((ABC, [math.nan]), "the value of {a, b, c} is nan", id="nan"),
        pytest.param((ABC, [math.inf]), "the value of {a, b, c} is inf", id="infinite"),
        pytest.param((ABC, [1.0], math.nan), "must be a number or None, got nan", id="nan bound"),
        pytest.param((ABC, [1.0], "low"), "must be a number or None, got 'low'", id="word bound"),
        pytest.param((ABC, [99.0], 2.0), "but that of {a, b, c}, which it names", id="low bound"),
        pytest.param(([], [], -99.0), "a coalition that it was asked for is known", id="no bound"),
        pytest.param(([("a",)], [99.0]), "{a} is worth 99.0, but it was worth", id="other value"),
        pytest.param(([("a", "b", "c"), ("c", "b", "a")], [9.0, 8.0]), "is worth 8", id="two"),
    ],
)
@pytest.mark.parametrize("solution", [sg.least_core, sg.nucleolus])
def test_a_wrong_answer_is_an_error_that_says_what_is_wrong(solution, answer, message) -> None:
    with pytest.raises(OracleError, match=message):
        solution(GAME, oracle=Answers(answer))


def test_what_the_oracle_raised_is_the_cause() -> None:
    error = KeyError("model")
    with pytest.raises(OracleError) as caught:
        sg.least_core(GAME, oracle=Answers(error))
    assert caught.value.__cause__ is error


def test_an_interrupt_comes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        sg.nucleolus(GAME, oracle=Answers(KeyboardInterrupt()))


def test_a_value_that_changes_between_two_answers_is_named() -> None:
    class Drifting(Enumeration):
        drift = 0.0

        def most_violated(self, allocation, count, *, outside=None):
            rows, values = super().most_violated(allocation, count, outside=outside)
            self.drift += 0.5
            return rows, values + self.drift

    with pytest.raises(OracleError, match="a coalition has one value"):
        sg.nucleolus(GAME, oracle=Drifting(GAME))


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="None"),
        pytest.param(([], []), id="nothing"),
        pytest.param((ABC, [1.0]), id="a coalition that is not violated"),
        pytest.param((ABC, [50.0]), id="the same coalition for ever"),
        pytest.param((np.ones((1, 5), dtype=bool), [TABLE[-1]]), id="everybody"),
        pytest.param((np.zeros((1, 5), dtype=bool), [0.0]), id="nobody"),
        pytest.param((ABC, [1.0], math.inf), id="no bound at all"),
    ],
)
@pytest.mark.parametrize("solution", [sg.least_core, sg.nucleolus])
def test_an_answer_that_helps_little_ends_without_proof(solution, answer) -> None:
    found = solution(GAME, oracle=Answers(answer))
    assert not found.evidence.proved
    assert found.evidence.upper_bound == math.inf
    assert found.evidence.effort.rounds <= 3
    assert found.total == pytest.approx(TABLE[-1])


def test_an_exact_oracle_that_hides_coalitions_is_caught_by_another() -> None:
    found = sg.least_core(GAME, oracle=Answers(None, exact=True))
    assert found.evidence.proved
    assert found.evidence.verify(GAME, Answers(None, exact=True)).holds
    failures = found.evidence.verify(GAME, Enumeration(GAME)).failures
    assert "the oracle bounds stage 1 by" in failures[0]


def test_an_exact_oracle_that_names_only_settled_coalitions_proves_nothing() -> None:
    class Stubborn(Enumeration):
        def most_violated(self, allocation, count, *, outside=None):
            return super().most_violated(allocation, 1)

    game = sg.Game.from_table(np.array([0, 0, 0, 1, 0, 1, 1, 1.5]), kind="gain")
    assert sg.least_core(game, oracle=Stubborn(game)).evidence.proved
    additive = sg.Game.from_table([0, 1, 2, 3, 3, 4, 9, 6], kind="gain")
    assert not sg.nucleolus(additive, oracle=Stubborn(additive)).evidence.proved


def test_the_nucleolus_needs_an_oracle_that_can_leave_out_what_is_settled() -> None:
    class Plain:
        exact = True

        def most_violated(self, allocation, count):
            return Enumeration(GAME).most_violated(allocation, count)

    assert sg.least_core(GAME, oracle=Plain()).evidence.proved
    with pytest.raises(OracleError, match="takes the argument `outside`"):
        sg.nucleolus(GAME, oracle=Plain())


@pytest.mark.parametrize("missing", ["most_violated", "kind", "value"])
def test_what_an_oracle_lacks_is_named(missing: str) -> None:
    whole = {
        "most_violated": lambda x, count: None,
        "kind": "gain",
        "value": lambda rows: rows[:, 0],
    }
    oracle = type(
        "Oracle", (), {k: staticmethod(v) if callable(v) else v for k, v in whole.items()}
    )
    delattr(oracle, missing)
    with pytest.raises(OracleError, match=f"has no {missing}; it needs most_violated, kind, value"):
        sg.least_core(["a", "b"], oracle=oracle())


def test_an_oracle_cannot_change_the_allocation_it_is_shown() -> None:
    class Vandal(Enumeration):
        def most_violated(self, allocation, count, *, outside=None):
            answer = super().most_violated(allocation, count, outside=outside)
            allocation[:] = math.nan
            if outside is not None:
                outside[:] = 0
            return answer

    found = sg.nucleolus(GAME, oracle=Vandal(GAME))
    assert found.values == pytest.approx(sg.nucleolus(GAME).values)
