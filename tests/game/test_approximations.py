"""Cheap games beside an expensive one: they go where it goes, and change no exact result."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import GameError

LOADS = np.random.default_rng(3).normal(size=(6, 8))


def close() -> sg.Game:
    return sg.games.netting(LOADS, 0.3, 0.1)


def game(**options: Any) -> sg.Game:
    return sg.Game.from_native(
        sg.games.netting(LOADS, 0.4, 0.1).native,
        kind="cost",
        approximations={"cheaper": close()},
        **options,
    )


def test_approximations_change_no_exact_result() -> None:
    alone = sg.games.netting(LOADS, 0.4, 0.1)
    np.testing.assert_array_equal(sg.shapley_value(game()).values, sg.shapley_value(alone).values)
    assert game() == alone


@pytest.mark.parametrize(
    "travel", [copy.copy, copy.deepcopy, lambda sent: pickle.loads(pickle.dumps(sent))]
)
def test_approximations_travel(travel: Any) -> None:
    assert travel(game()).approximations == {"cheaper": close()}


@pytest.mark.parametrize(
    "made",
    [
        pytest.param(lambda g: g.savings(), id="savings"),
        pytest.param(lambda g: g.zero_normalised(), id="zero-normalised"),
        pytest.param(lambda g: g.dual(), id="dual"),
        pytest.param(lambda g: 2 * g, id="multiple"),
        pytest.param(lambda g: g + g, id="sum"),
        pytest.param(lambda g: g.restricted_to([1, 3, 4]), id="subgame"),
        pytest.param(lambda g: g.quotient([[0, 1], [2, 3], [4, 5]]), id="quotient"),
    ],
)
def test_what_a_game_is_made_into_its_approximations_are_made_into(made: Any) -> None:
    found, expected = made(game()), made(close())
    cheaper = found.approximations["cheaper"]
    assert cheaper.players == found.players
    assert cheaper.kind == found.kind
    np.testing.assert_allclose(cheaper.tabulate(), expected.tabulate(), atol=1e-12)


@pytest.mark.parametrize(
    ("approximations", "message"),
    [
        pytest.param({"other": sg.games.airport([1.0, 2])}, "must have the players", id="players"),
        pytest.param({"gain": close().savings()}, "and its kind", id="kind"),
        pytest.param({"no game": 3.0}, "must be games by name", id="no game"),
        pytest.param([close()], "must be a mapping", id="no names"),
    ],
)
def test_what_is_no_approximation_is_refused(approximations: Any, message: str) -> None:
    with pytest.raises(GameError, match=message):
        sg.Game.from_function(range(6), len, kind="cost", approximations=approximations)
