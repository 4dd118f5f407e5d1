"""The axioms that characterise the values, on random games of 1 to 11 players."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import sesgame as sg
from hypothesis import assume, given
from hypothesis import strategies as st
from sesgame.errors import AllocationError
from sesgame.testing import (
    assert_additive,
    assert_anonymous,
    assert_covariant,
    assert_dummies_get_their_worth,
    assert_efficient,
    assert_symmetric,
    games,
)

PRECISION = 1e-12
"""Of the largest value of any coalition."""
Value = Callable[[sg.Game], sg.Allocation]
VALUES = pytest.mark.parametrize(
    "value",
    [
        pytest.param(sg.shapley_value, id="Shapley"),
        pytest.param(sg.banzhaf_value, id="Banzhaf"),
    ],
)


def some(**options: object) -> st.SearchStrategy[sg.Game]:
    """Games of any size, with integers, where ties and cancellation happen, and without."""
    n = st.integers(1, 11)
    return games(n, **options) | games(n, integer=False, **options)


def precision(*tables: sg.Game) -> float:
    return PRECISION * max(game.scale for game in tables)


@given(some())
def test_the_shapley_value_shares_out_everything(game: sg.Game) -> None:
    assert_efficient(game, sg.shapley_value(game), tolerance=precision(game))


@given(some())
def test_normalised_the_banzhaf_value_shares_out_everything_in_its_proportions(
    game: sg.Game,
) -> None:
    banzhaf = sg.banzhaf_value(game)
    total = banzhaf.values.sum()
    # Where the values nearly cancel, there are no proportions; and none where all are 0.
    assume(abs(total) > 1e-3 * game.scale)
    found = sg.banzhaf_value(game, normalised=True)
    assert_efficient(game, found)
    expected = banzhaf.values * (game.value(game.players) / total)
    np.testing.assert_allclose(found.values, expected, rtol=1e-9, atol=1e-9 * game.scale)
    assert abs(found.evidence.efficiency_gap) <= 1e-9 * game.scale


def test_banzhaf_values_that_cancel_have_no_proportions() -> None:
    # Each of two adds 1 to the empty coalition, and takes 1 from the other.
    game = sg.Game.from_table([0, 1, 1, 0], kind="gain")
    with pytest.raises(AllocationError, match="the Banzhaf value sums to 0"):
        sg.banzhaf_value(game, normalised=True)


def test_the_normalised_banzhaf_index_of_a_vote() -> None:
    vote = sg.games.weighted_vote([4, 3, 2, 1], quota=6)
    for game in (vote, sg.Game.from_table(vote.tabulate(), kind="gain")):
        found = sg.banzhaf_value(game, normalised=True)
        np.testing.assert_allclose(found.values, [5 / 12, 3 / 12, 3 / 12, 1 / 12], rtol=1e-14)


@VALUES
@given(game=some(twins=True))
def test_two_players_who_are_interchangeable_get_the_same(value: Value, game: sg.Game) -> None:
    assert_symmetric(game, value(game), tolerance=precision(game))


@VALUES
@given(game=some(dummy=True))
def test_a_player_who_always_adds_the_same_gets_just_that(value: Value, game: sg.Game) -> None:
    assert_dummies_get_their_worth(game, value(game), tolerance=precision(game))


@VALUES
@given(data=st.data(), n=st.integers(1, 11), kind=st.sampled_from(["gain", "cost"]))
def test_the_values_of_a_sum_of_games_are_the_sum_of_the_values(
    value: Value, data: st.DataObject, n: int, kind: str
) -> None:
    one, two = (data.draw(games(n, kind, integer=False)) for _ in range(2))
    assert_additive(value, one, two, tolerance=precision(one, two))


@VALUES
@given(game=some(), data=st.data())
def test_renaming_the_players_renames_the_shares(
    value: Value, game: sg.Game, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(range(game.n_players)))
    assert_anonymous(value, game, order, tolerance=precision(game))


@VALUES
@given(game=some(), unit=st.floats(0.1, 10), data=st.data())
def test_a_change_of_unit_and_of_standing_alone_carries_over(
    value: Value, game: sg.Game, unit: float, data: st.DataObject
) -> None:
    n = game.n_players
    alone = data.draw(st.lists(st.floats(-5, 5), min_size=n, max_size=n))
    scale = unit * game.scale + sum(map(abs, alone))
    assert_covariant(value, game, unit=unit, alone=alone, tolerance=PRECISION * scale)
