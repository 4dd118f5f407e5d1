"""The axioms that characterise the values, on random games of 1 to 11 players."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

Table = NDArray[np.float64]
VALUES = pytest.mark.parametrize(
    "value",
    [
        pytest.param(sg.shapley_value, id="Shapley"),
        pytest.param(sg.banzhaf_value, id="Banzhaf"),
    ],
)
Value = Callable[[sg.Game], sg.Allocation]


def assert_equal(left: Table, right: Table | float, *tables: Table) -> None:
    scale = max(float(np.abs(table).max()) for table in tables)
    np.testing.assert_allclose(left, right, rtol=0, atol=1e-12 * scale)


@st.composite
def tables(draw: st.DrawFn, n_players: int | None = None) -> Table:
    if n_players is None:
        n_players = draw(st.integers(1, 11))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    # Sometimes integers, so that ties and cancellation happen.
    table = random.normal(size=1 << n_players) * 10.0 ** draw(st.integers(-6, 6))
    if draw(st.booleans()):
        table = np.sign(table)
    table[0] = 0
    return table


def players_of(table: Table) -> int:
    return len(table).bit_length() - 1


def shares(value: Value, table: Table) -> Table:
    return value(sg.Game.from_table(table, kind="gain")).values


@given(tables())
def test_the_shapley_value_shares_out_everything(table: Table) -> None:
    assert_equal(shares(sg.shapley_value, table).sum(), table[-1], table)


@VALUES
@given(st.data())
def test_two_players_who_are_interchangeable_get_the_same(
    value: Value, data: st.DataObject
) -> None:
    table = data.draw(tables())
    n_players = players_of(table)
    one, two = (data.draw(st.integers(0, n_players - 1)) for _ in range(2))
    masks = np.arange(len(table))
    swapped = masks & ~(1 << one | 1 << two) | (masks >> one & 1) << two | (masks >> two & 1) << one
    both_ways = table + table[swapped]
    result = shares(value, both_ways)
    assert_equal(result[one], result[two], both_ways)


@VALUES
@given(st.data())
def test_a_player_who_always_adds_the_same_gets_just_that(
    value: Value, data: st.DataObject
) -> None:
    table = data.draw(tables())
    player = data.draw(st.integers(0, players_of(table) - 1))
    worth = data.draw(st.floats(-10, 10))
    masks = np.arange(len(table))
    table = table[masks & ~(1 << player)] + worth * (masks >> player & 1)
    assert_equal(shares(value, table)[player], worth, table, np.array([worth]))


@VALUES
@given(st.data())
def test_the_values_of_a_sum_of_games_are_the_sum_of_the_values(
    value: Value, data: st.DataObject
) -> None:
    one = data.draw(tables())
    two = data.draw(tables(players_of(one)))
    together = shares(value, one) + shares(value, two)
    assert_equal(shares(value, one + two), together, one, two)


@VALUES
@given(st.data())
def test_renaming_the_players_renames_the_shares(value: Value, data: st.DataObject) -> None:
    table = data.draw(tables())
    order = data.draw(st.permutations(range(players_of(table))))
    masks = np.arange(len(table))
    renamed = sum((masks >> player & 1) << position for position, player in enumerate(order))
    table_of_renamed = np.empty_like(table)
    table_of_renamed[renamed] = table
    assert_equal(shares(value, table_of_renamed), shares(value, table)[list(order)], table)


@VALUES
@given(st.data())
def test_a_change_of_unit_and_of_standing_alone_carries_over(
    value: Value, data: st.DataObject
) -> None:
    table = data.draw(tables())
    n_players = players_of(table)
    unit = data.draw(st.floats(0.1, 10))
    alone = np.array(data.draw(st.lists(st.floats(-5, 5), min_size=n_players, max_size=n_players)))
    members = np.arange(len(table))[:, np.newaxis] >> np.arange(n_players) & 1
    moved = unit * table + members @ alone
    expected = unit * shares(value, table) + alone
    assert_equal(shares(value, moved), expected, moved, unit * table)
