"""What cannot be made of games is refused, and says who or what."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import CharacteristicFunctionError, CoalitionError, GameError


def game():
    return sg.games.airport([12, 20, 33], players=["near", "middle", "far"])


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda g: g + 3, GameError, "added to a game, got 3"),
        (lambda g: 1 + g, GameError, "added to a game, got 1"),
        (lambda g: g + "x", GameError, "got 'x'"),
        (lambda g: g + g.savings(), GameError, r"a cost game and a gain game .* savings\(\)"),
        (
            lambda g: g + g.restricted_to(["far"]),
            GameError,
            r"\{near, middle\} are only in the first",
        ),
        (
            lambda g: g + sg.games.airport([1, 2, 3], players=["near", "middle", "away"]),
            GameError,
            r"\{far\} is only in the first and \{away\} is only in the second",
        ),
        (lambda g: -1 * g, GameError, r"-1 is negative.*savings\(\)"),
        (lambda g: g * -0.5, GameError, r"-0.5 is negative.*dual\(\)"),
        (lambda g: g * float("nan"), GameError, "finite number, got nan"),
        (lambda g: g * float("inf"), GameError, "finite number, got inf"),
        (lambda g: g * "2", GameError, "finite number, got '2'"),
        (lambda g: g * None, GameError, "finite number, got None"),
        (lambda g: g * g, GameError, "finite number, got Game"),
        (lambda g: np.ones(2) * g, GameError, "finite number, got array"),
        (lambda g: g.restricted_to([]), CoalitionError, "nobody"),
        (lambda g: g.restricted_to(["x"]), CoalitionError, "unknown player 'x'"),
        (lambda g: g.restricted_to(["far", "far"]), CoalitionError, "duplicate player 'far'"),
        (lambda g: g.restricted_to("far"), GameError, "collection of labels, got 'far'"),
        (lambda g: g.restricted_to(3), GameError, "collection of labels, got 3"),
        (lambda g: g.quotient([]), GameError, "there is no union"),
        (lambda g: g.quotient([["far"], []]), GameError, "union 1 is empty"),
        (
            lambda g: g.quotient([["far"], ["far", "near", "middle"]]),
            GameError,
            "'far' is in two unions, 0 and 1",
        ),
        (lambda g: g.quotient([["far"]]), GameError, r"in none is \{near, middle\}"),
        (lambda g: g.quotient([["x"]]), CoalitionError, "unknown player 'x'"),
        (lambda g: g.quotient(["far", "near"]), CoalitionError, "got 'far'"),
        (lambda g: g.quotient([3]), CoalitionError, "got 3"),
        (lambda g: g.quotient(None), GameError, "got None"),
        (lambda g: g.savings().savings(), GameError, "only a cost game has savings"),
    ],
)
@pytest.mark.parametrize("is_native", [True, False])
def test_what_makes_no_game_is_refused(make, error, message, is_native):
    made = (
        game() if is_native else sg.Game.from_table(game().tabulate(), game().players, kind="cost")
    )
    with pytest.raises(error, match=message):
        make(made)


def test_values_that_grow_beyond_floats_name_the_coalition():
    table = sg.Game.from_table([0, 1, 1, 1e308], ["a", "b"], kind="gain")
    with pytest.raises(CharacteristicFunctionError, match=r"\{a, b\} is inf"):
        _ = table * 10
    function = sg.Game.from_function(["a", "b"], lambda s: 1e308 * (len(s) - 1), kind="gain")
    with pytest.raises(CharacteristicFunctionError, match=r"\{a, b\} is inf"):
        (function * 10).tabulate()
