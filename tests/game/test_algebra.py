"""Games made of other games: against tables by hand, whatever the parts are made of."""

import pickle
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.testing import games

COSTS = {"near": 12.0, "middle": 20.0, "far": 33.0}
PLAYERS = list(COSTS)


def airport_cost(coalition):
    return max(COSTS[player] for player in coalition)


def airport(made_of):
    """The same game in the engine, as a table and as a function."""
    native = sg.games.airport(list(COSTS.values()), players=PLAYERS)
    if made_of == "native":
        return native
    if made_of == "table":
        return sg.Game.from_table(native.tabulate().copy(), PLAYERS, kind="cost")
    return sg.Game.from_function(PLAYERS, airport_cost, kind="cost")


MADE_OF = ["native", "table", "function"]
TABLE = [0, 12, 20, 20, 33, 33, 33, 33]


@pytest.mark.parametrize("made_of", MADE_OF)
@pytest.mark.parametrize("is_tabulated", [False, True])
@pytest.mark.parametrize(
    ("make", "players", "kind", "values"),
    [
        pytest.param(lambda g: g + g, PLAYERS, "cost", [2 * v for v in TABLE], id="sum"),
        pytest.param(lambda g: sum([g, g, g]), PLAYERS, "cost", [3 * v for v in TABLE], id="sums"),
        pytest.param(lambda g: 0.5 * g, PLAYERS, "cost", [v / 2 for v in TABLE], id="multiple"),
        pytest.param(
            lambda g: g * np.float64(2), PLAYERS, "cost", [2 * v for v in TABLE], id="of numpy"
        ),
        pytest.param(lambda g: g.dual(), PLAYERS, "cost", [0, 0, 0, 0, 13, 13, 21, 33], id="dual"),
        pytest.param(
            lambda g: g.restricted_to(["far", "near"]),
            ["near", "far"],
            "cost",
            [0, 12, 33, 33],
            id="restriction",
        ),
        pytest.param(
            lambda g: g.quotient({"rest": ["far", "near"], "one": ["middle"]}),
            ["rest", "one"],
            "cost",
            [0, 33, 20, 33],
            id="quotient",
        ),
        pytest.param(
            lambda g: g.quotient([["middle", "near"], ["far"]]),
            [("near", "middle"), ("far",)],
            "cost",
            [0, 20, 33, 33],
            id="unnamed unions",
        ),
        pytest.param(
            lambda g: g.savings(), PLAYERS, "gain", [0, 0, 0, 12, 0, 12, 20, 32], id="savings"
        ),
        pytest.param(
            lambda g: g.zero_normalised(),
            PLAYERS,
            "cost",
            [0, 0, 0, -12, 0, -12, -20, -32],
            id="zero-normalised",
        ),
    ],
)
def test_a_game_made_of_others_has_the_values_worked_by_hand(
    made_of, is_tabulated, make, players, kind, values
):
    game = airport(made_of)
    if is_tabulated:
        game.tabulate()
    made = make(game)
    assert list(made.players) == players
    assert made.kind == kind
    assert made.values(np.ones((1, len(players)), bool)).tolist() == values[-1:]
    assert made.tabulate().tolist() == values
    # What lives in the engine stays there, and what is known is not asked for again.
    assert (made.native is not None) == (made_of == "native")
    assert make(game).tabulated == game.tabulated


def test_parts_of_different_make_and_order_are_aligned_by_label():
    other = sg.Game.from_dict(
        {
            ("far",): 1, ("near",): 2, ("middle",): 4,
            ("far", "near"): 3, ("far", "middle"): 5, ("near", "middle"): 6,
            ("far", "near", "middle"): 7,
        },
        kind="cost",
    )  # fmt: skip
    assert list(other.players) != PLAYERS
    for made_of in MADE_OF:
        total = airport(made_of) + other
        assert list(total.players) == PLAYERS
        assert total.tabulate().tolist() == [0, 14, 24, 26, 34, 36, 38, 40]
    native = sg.games.airport([33, 12, 20], players=["far", "near", "middle"])
    assert (airport("native") + native).native is not None
    assert (airport("native") + native).tabulate().tolist() == [2 * value for value in TABLE]


@st.composite
def pairs_of_games(draw):
    n = draw(st.integers(1, 5))
    values = st.lists(st.integers(-99, 99), min_size=2**n - 1, max_size=2**n - 1)
    return [sg.Game.from_table([0, *draw(values)], kind="gain") for _ in range(2)]


@given(pairs_of_games(), st.integers(0, 9))
def test_the_shapley_value_is_linear(games, factor):
    v, w = games
    expected = sg.shapley_value(v).values + factor * sg.shapley_value(w).values
    found = sg.shapley_value(v + factor * w).values
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@given(pairs_of_games())
def test_the_dual_of_the_dual_is_the_game_and_has_its_shapley_value(games):
    v = games[0]
    assert v.dual().dual().tabulate().tolist() == v.tabulate().tolist()
    found, expected = sg.shapley_value(v.dual()).values, sg.shapley_value(v).values
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-11)


@given(pairs_of_games())
def test_zero_normalisation_moves_the_nucleolus_by_what_players_have_alone(games):
    v = games[0]
    alone = v.tabulate()[1 << np.arange(v.n_players)]
    moved = sg.prenucleolus(v.zero_normalised()).values + alone
    np.testing.assert_allclose(moved, sg.prenucleolus(v).values, rtol=0, atol=1e-9)


def test_exact_shapley_values_by_form_pass_through_sums_duals_and_savings():
    airport = sg.games.airport(np.arange(1.0, 201.0))
    vote = sg.games.induced_subgraph(np.ones((200, 200)) - np.eye(200))
    alone = np.arange(1.0, 201.0)
    shares = sg.shapley_value(airport).values
    np.testing.assert_allclose(sg.shapley_value(3 * airport).values, 3 * shares, rtol=1e-12)
    np.testing.assert_allclose(sg.shapley_value(airport.dual()).values, shares, rtol=1e-12)
    savings = sg.shapley_value(airport.savings())
    np.testing.assert_allclose(savings.values, alone - shares, rtol=1e-12)
    assert savings.kind == "gain"
    total = sg.shapley_value(airport.savings() + vote).values
    np.testing.assert_allclose(total, alone - shares + 99.5, rtol=1e-12)


def test_the_engine_evaluates_many_coalitions_of_sums_and_duals_at_once():
    # From 10 players on the engine fills 1,024 coalitions of a netting game together.
    rng = np.random.default_rng(3)
    loads = rng.normal(size=(21, 4))
    netting = sg.games.netting(loads, np.full(4, 0.3), np.full(4, 0.1))
    table = netting.tabulate()
    known = sg.Game.from_table(table.copy(), kind="cost")
    for make in (lambda g: g + g, lambda g: g.dual(), lambda g: g.savings()):
        fresh = make(sg.games.netting(loads, np.full(4, 0.3), np.full(4, 0.1)))
        assert not fresh.tabulated
        expected = sg.shapley_value(make(known)).values
        found = sg.shapley_value(fresh).values
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


def test_types_stay_where_nobody_is_told_apart():
    houses = {f"pump{i}": "pump" for i in range(30)} | {f"plain{i}": "plain" for i in range(20)}
    game = sg.Game.from_function(houses, lambda s: float(len(s)) ** 2, kind="gain", types=houses)
    for made in (game.dual(), 2 * game, game.zero_normalised()):
        assert made.symmetry is not None
        values = sg.shapley_value(made).values
        assert np.ptp(values) < 1e-9
        assert values.sum() == pytest.approx(made.value(houses))


def test_rounding_is_that_of_the_parts_and_of_what_is_added_to_them():
    exact = airport("native")
    rough = sg.Game.from_native(exact.native, PLAYERS, kind="cost", rounding=0.25)
    assert (rough + exact).rounding == 0.25
    assert (2 * rough).rounding == 0.5
    assert rough.restricted_to(["far"]).rounding == 0.25
    assert rough.quotient([PLAYERS]).rounding == 0.25
    assert rough.dual().rounding == pytest.approx(0.5)
    assert rough.savings().rounding == pytest.approx(1.0)
    # A community of tiny savings and large bills: what is left of rounding counts as rounding.
    large = sg.games.airport([1e9, 1e9])
    assert 1e-7 < large.savings().rounding < 1e-5


def cost_in_a_worker(coalition):
    return airport_cost(coalition)


@pytest.mark.slow
def test_a_sum_of_functions_is_evaluated_by_other_processes():
    game = sg.Game.from_function(PLAYERS, cost_in_a_worker, kind="cost")
    game.value(["far"])
    with ProcessPoolExecutor(1, get_context("spawn")) as workers:
        total = game.dual() + airport("table")
        assert total.tabulate(executor=workers).tolist() == [0, 12, 20, 20, 46, 46, 54, 66]


def test_what_a_game_made_of_functions_sends_to_a_worker_can_be_pickled():
    game = sg.Game.from_function(PLAYERS, cost_in_a_worker, kind="cost") + airport("table")
    again = pickle.loads(pickle.dumps(game.function))
    values = np.empty(2)
    again.evaluate(np.array([[True, False, False], [True, True, True]]), values)
    assert values.tolist() == [24, 66]


def test_an_error_of_a_part_names_the_coalition_that_it_was_asked_for():
    def fails(coalition):
        if len(coalition) == 2:
            raise RuntimeError("no schedule")
        return 1.0

    game = sg.Game.from_function(["a", "b", "c"], fails, kind="cost")
    with pytest.raises(sg.errors.CharacteristicFunctionError, match=r"no schedule") as caught:
        game.dual().value(["a"])
    assert caught.value.coalition == {"b", "c"}


@given(games())
def test_a_restriction_to_everybody_and_a_quotient_of_single_players_are_the_game(game):
    table = game.tabulate().tolist()
    assert game.restricted_to(list(game.players)[::-1]).tabulate().tolist() == table
    assert game.quotient([[player] for player in game.players]).tabulate().tolist() == table
