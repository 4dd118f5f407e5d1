"""Bad games and bad coalitions: what is wrong, where, and what is allowed."""

import pickle

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import (
    AllocationError,
    CharacteristicFunctionError,
    CoalitionError,
    GameError,
    PlayerLimitError,
    SesgameError,
    SolverError,
)


def table_with(index, value, size=8):
    values = np.zeros(size)
    values[index] = value
    return values


@pytest.mark.parametrize(
    ("values", "players", "message"),
    [
        pytest.param([0, 1, 2], None, r"shape \(3,\)", id="three values"),
        pytest.param([], None, r"shape \(0,\)", id="no value"),
        pytest.param([0], None, r"shape \(1,\)", id="one value"),
        pytest.param([[0, 1], [2, 3]], None, r"shape \(2, 2\)", id="two dimensions"),
        pytest.param([0, 1, 2, 3], ["a"], "for 2 players, but 1", id="too few labels"),
        pytest.param([0, 1, 2, 3], ["a", "a"], "duplicate player 'a'", id="duplicate label"),
        pytest.param([0, 1, 2, 3], ["a", []], "not hashable", id="unhashable label"),
        pytest.param([0, 1, 2, 3], "ab", "the string 'ab'", id="a string of players"),
        pytest.param(
            [0.5, 1, 2, 3], None, "empty coalition must be worth 0, got 0.5", id="v(empty)"
        ),
        pytest.param(
            [np.nan, 1, 2, 3], None, "empty coalition must be worth 0, got nan", id="v(empty) nan"
        ),
        pytest.param(["a", "b"], None, "must be numbers", id="text"),
        pytest.param(table_with(5, np.nan), None, r"value of \{0, 2\} is nan", id="nan"),
        pytest.param(table_with(6, np.inf), None, r"value of \{1, 2\} is inf", id="inf"),
        pytest.param(table_with(1, -np.inf), ["a", "b", "c"], r"of \{a\} is -inf", id="-inf"),
        pytest.param(
            table_with(40_000, np.nan, 1 << 16), None, r"\{6, 10, 11, 12, 15\} is nan", id="far"
        ),
    ],
)
def test_a_bad_table_is_refused(values, players, message):
    with pytest.raises(GameError, match=message):
        sg.Game.from_table(values, players, kind="gain")


def test_a_kind_that_is_neither_gain_nor_cost_is_refused():
    with pytest.raises(GameError, match='kind must be "gain" or "cost", got \'profit\''):
        sg.Game.from_table([0, 1], kind="profit")


def test_a_table_of_more_than_30_players_is_refused_with_what_to_use_instead():
    game = sg.Game.from_function(range(31), len, kind="gain")
    with pytest.raises(PlayerLimitError, match="shapley_estimate") as caught:
        game.tabulate()
    assert (caught.value.n_players, caught.value.limit) == (31, 30)
    assert game.value(range(31)) == 31


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        pytest.param({}, GameError, "at least one player", id="empty"),
        pytest.param({"ab": 1}, CoalitionError, r"write \('ab',\)", id="bare string"),
        pytest.param({("a",): 1, ("b",): 1}, GameError, r"no value: \{a, b\}", id="missing"),
        pytest.param(
            {("a",): 1, ("b",): 1, ("a", "b"): 1, ("b", "a"): 2},
            GameError,
            r"duplicate coalition \{a, b\}",
            id="twice",
        ),
        pytest.param({("a", "a"): 1}, CoalitionError, "duplicate player 'a'", id="repeated member"),
        pytest.param(
            {(): 2, ("a",): 1}, GameError, "empty coalition must be worth 0, got 2", id="v(empty)"
        ),
        pytest.param(
            {("a",): "much"}, CharacteristicFunctionError, r"of \{a\} is 'much'", id="text"
        ),
        pytest.param({("a",): None}, CharacteristicFunctionError, r"of \{a\} is None", id="None"),
    ],
)
def test_a_bad_mapping_is_refused(values, error, message):
    with pytest.raises(error, match=message):
        sg.Game.from_dict(values, kind="gain")


def test_an_unknown_member_of_a_mapping_is_named():
    with pytest.raises(CoalitionError, match="unknown player 'c'; the players are 'a', 'b'"):
        sg.Game.from_dict({("a",): 1, ("c",): 1}, ["a", "b"], kind="gain")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        pytest.param(None, r"of \{a, b\} is None \(NoneType\)", id="None"),
        pytest.param("3", r"of \{a, b\} is '3' \(str\)", id="string"),
        pytest.param(float("nan"), r"value of \{a, b\} is nan", id="nan"),
        pytest.param(float("inf"), r"value of \{a, b\} is inf", id="inf"),
        pytest.param([1, 2], r"of \{a, b\} is \[1, 2\] \(list\)", id="list"),
    ],
)
def test_a_function_that_returns_no_number_is_named_with_its_coalition(returned, message):
    def function(coalition):
        return returned if len(coalition) == 2 else 1.0

    game = sg.Game.from_function(["a", "b"], function, kind="gain")
    with pytest.raises(CharacteristicFunctionError, match=message) as caught:
        game.tabulate()
    assert caught.value.coalition == {"a", "b"}


def test_a_function_that_raises_is_named_with_its_coalition_and_cause():
    def function(coalition):
        if coalition == {"b"}:
            raise ZeroDivisionError("no generator")
        return 1.0

    game = sg.Game.from_function(["a", "b"], function, kind="gain")
    message = r"raised ZeroDivisionError for \{b\}: no generator"
    with pytest.raises(CharacteristicFunctionError, match=message) as caught:
        game.tabulate()
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        pytest.param(lambda m: np.zeros((len(m), 1)), r"shape \(1, 1\) .* \(1,\)", id="column"),
        pytest.param(lambda m: 1.0, r"shape \(\)", id="scalar"),
        pytest.param(lambda m: None, "returned NoneType", id="None"),
        pytest.param(lambda m: ["x"] * len(m), r"1 number\(s\) in an array", id="text"),
        pytest.param(lambda m: np.full(len(m), np.nan), r"value of \{a\} is nan", id="nan"),
        pytest.param(lambda m: 1 / 0, r"raised ZeroDivisionError .*\{a\}", id="raises"),
    ],
)
def test_a_bad_batched_function_is_refused(function, message):
    game = sg.Game.from_function(["a", "b"], function, kind="gain", batched=True)
    with pytest.raises(CharacteristicFunctionError, match=message):
        game.tabulate()


def test_something_that_cannot_be_called_is_no_characteristic_function():
    with pytest.raises(GameError, match="not callable"):
        sg.Game.from_function(["a"], 3.0, kind="gain")


@pytest.mark.parametrize(
    ("coalition", "message"),
    [
        pytest.param(["c"], "unknown player 'c'", id="unknown"),
        pytest.param(["a", "a"], "duplicate player 'a'", id="twice"),
        pytest.param("ab", "the string 'ab'", id="string"),
        pytest.param([["a"]], r"unknown player \['a'\]", id="unhashable"),
    ],
)
def test_a_bad_coalition_is_refused(coalition, message):
    game = sg.Game.from_table([0, 1, 2, 3], ["a", "b"], kind="gain")
    with pytest.raises(CoalitionError, match=message):
        game.value(coalition)


@pytest.mark.parametrize(
    "membership",
    [
        pytest.param(np.zeros((2, 3), dtype=bool), id="too many columns"),
        pytest.param(np.zeros(2, dtype=bool), id="one dimension"),
        pytest.param(np.zeros((1, 2)), id="floats"),
    ],
)
def test_a_membership_array_of_another_shape_is_refused(membership):
    game = sg.Game.from_table([0, 1, 2, 3], ["a", "b"], kind="gain")
    with pytest.raises(CoalitionError, match=r"bool array of shape \(m, 2\)"):
        game.values(membership)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        pytest.param([1.0], r"shape \(2,\), not \(1,\)", id="too short"),
        pytest.param([1.0, np.nan], "'b' gets nan", id="nan"),
        pytest.param(["x", "y"], "not numbers", id="text"),
    ],
)
def test_bad_values_of_an_allocation_are_refused(values, message):
    with pytest.raises(AllocationError, match=message):
        sg.Allocation(["a", "b"], values, "gain", "by hand")


@pytest.mark.parametrize(
    "error",
    [
        CharacteristicFunctionError("message", frozenset({"a"})),
        PlayerLimitError("message", 31, 30),
        SolverError("level 2", "infeasible"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_survives_the_way_to_another_process(error):
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, SesgameError)
    assert (str(copy), vars(copy)) == (str(error), vars(error))


def test_a_function_that_is_not_deterministic_is_found_by_a_check():
    random = np.random.default_rng(0)
    game = sg.Game.from_function(["a", "b"], lambda coalition: random.random(), kind="gain")
    with pytest.raises(CharacteristicFunctionError, match=r"the first time and .* the second;"):
        game.check()
    game.check(tolerance=1.0)


def test_a_function_with_a_memory_is_found_by_a_check():
    asked = []

    def function(coalition):
        asked.append(coalition)
        return len(coalition) + len(asked) * 1e-12

    game = sg.Game.from_function(range(5), function, kind="gain")
    with pytest.raises(CharacteristicFunctionError, match=r"\{0, 1, 2, 3, 4\} is 5\.0"):
        game.check()
    game.check(tolerance=1e-9)
