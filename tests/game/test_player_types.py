"""Players of one type: few evaluations, the same table."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import CharacteristicFunctionError, CoalitionError, GameError

PLAYERS = ["h1", "f", "h2", "s1", "h3", "s2"]
TYPES = {"h1": "house", "h2": "house", "h3": "house", "s1": "shop", "s2": "shop"}


def value(coalition):
    houses, shops = (sum(TYPES.get(p) == t for p in coalition) for t in ("house", "shop"))
    return houses**1.5 + 3.0 * shops * houses - 2.0 * ("f" in coalition) * shops


def test_a_table_of_typed_players_takes_one_evaluation_for_each_profile():
    asked = []

    def function(coalition):
        asked.append(coalition)
        return value(coalition)

    typed = sg.Game.from_function(PLAYERS, function, kind="gain", types=TYPES)
    plain = sg.Game.from_function(PLAYERS, value, kind="gain")
    typed.value(["h3", "s2"])
    assert asked == [frozenset({"h1", "s1"})]
    np.testing.assert_array_equal(typed.tabulate(), plain.tabulate())
    assert len(asked) == 4 * 3 * 2 - 1


def test_types_also_serve_games_that_are_too_large_for_a_table():
    types = {player: player % 2 for player in range(100)}
    asked = []

    def function(membership):
        asked.append(len(membership))
        return membership.sum(axis=1) ** 2

    game = sg.Game.from_function(range(100), function, kind="gain", types=types, batched=True)
    membership = np.random.default_rng(0).random((500, 100)) < 0.5
    np.testing.assert_array_equal(game.values(membership), membership.sum(axis=1) ** 2)
    assert sum(asked) < 250


def test_a_check_finds_types_that_differ_after_all():
    game = sg.Game.from_function(PLAYERS, value, kind="gain", types=TYPES)
    game.check()
    wrong = sg.Game.from_function(PLAYERS, value, kind="gain", types={**TYPES, "f": "house"})
    message = r"the first time and .* for \{h1.*\}, which is of the same types"
    with pytest.raises(CharacteristicFunctionError, match=message):
        wrong.check()


@pytest.mark.parametrize(
    ("types", "error", "message"),
    [
        pytest.param({"x": 1}, CoalitionError, "unknown player 'x'", id="unknown player"),
        pytest.param({"f": []}, GameError, r"type of 'f' is not hashable: \[\]", id="unhashable"),
        pytest.param(["house"], GameError, "a mapping from player to type", id="list"),
    ],
)
def test_bad_types_are_refused(types, error, message):
    with pytest.raises(error, match=message):
        sg.Game.from_function(PLAYERS, value, kind="gain", types=types)
