"""Equality by value: arrays, NaN, functions that have travelled, and what is read-only."""

import copy
import dataclasses
import pickle
from functools import partial

import numpy as np
import pytest
import sesgame as sg
from sesgame.game.by_value import ByValue, equal


@dataclasses.dataclass(frozen=True, eq=False)
class Measured(ByValue):
    values: np.ndarray
    name: str = ""
    seconds: float = dataclasses.field(default=0.0, compare=False)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (np.array([1.0, np.nan]), np.array([1.0, np.nan]), True),
        (np.array([1.0]), np.array([[1.0]]), False),
        (np.array([1.0]), np.array([1]), False),
        (np.array(["a"]), np.array(["a"]), True),
        (float("nan"), float("nan"), True),
        ((1, [2.0]), (1, [2.0]), True),
        ((1, [2.0]), (1, [2.0, 3.0]), False),
        ({"a": np.zeros(2)}, {"a": np.zeros(2)}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1.0], np.array([1.0]), False),
        (partial(pow, 2), partial(pow, 2), True),
        (partial(pow, 2), partial(pow, 3), False),
        ("a".upper, "a".upper, True),
        (1, "1", False),
    ],
)
def test_two_values_are_equal_part_by_part(one, other, same):
    assert equal(one, other) is same
    assert equal(other, one) is same


def test_objects_with_arrays_are_compared_and_have_no_hash():
    here = Measured(np.array([1.0, np.nan]), "a", 1.0)
    assert here == Measured(np.array([1.0, np.nan]), "a", 2.0)
    assert here != Measured(np.array([1.0, 2.0]), "a")
    assert here != "a"
    with pytest.raises(TypeError, match="unhashable"):
        hash(here)


@pytest.mark.parametrize("move", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_what_was_read_only_arrives_read_only(move):
    arrived = move(sg.shapley_value(sg.games.airport([1, 2])))
    with pytest.raises(ValueError, match="read-only"):
        arrived.values[0] = 7.0


def test_functions_are_compared_by_what_they_do():
    def above(limit):
        return lambda coalition: max(0.0, len(coalition) - limit)

    def game(function):
        return sg.Game.from_function(["a", "b"], function, kind="gain")

    assert game(above(1)) == game(above(1))
    assert game(above(1)) != game(above(2))
    assert game(len) != game(above(1))
