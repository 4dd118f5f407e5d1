"""The adapters against the real libraries, the built-in model and networks that are built anew."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import highspy
import linopy
import numpy as np
import pyomo.environ as pyo
import pytest
import sesgame as sg
from fixtures.battery_models import GAMES, linopy_game, rural13
from sesgame import adapters
from sesgame.errors import CharacteristicFunctionError, CoalitionError, GameError
from sesgame.game.players import membership_of_masks

TOLERANCE = 1e-6
"""Relative to the value of the grand coalition: what the routes may differ by."""

# What PyPSA, linopy and pandas have to settle among themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(scope="module")
def community():
    return rural13()


@pytest.fixture(scope="module")
def built_in(community):
    game = community.cost_game()
    game.tabulate()
    return game


@pytest.fixture(scope="module", params=GAMES)
def game(request, community):
    return GAMES[request.param](community)


def test_every_route_gives_the_values_of_the_built_in_model(game, built_in):
    assert list(game.players) == list(built_in.players)
    assert game.kind == "cost"
    masks = np.random.default_rng(3).choice(1 << 13, size=300, replace=False)
    membership = membership_of_masks(np.append(masks, (1 << 13) - 1), 13)
    tolerance = TOLERANCE * abs(built_in.value(built_in.players))
    np.testing.assert_allclose(
        game.values(membership), built_in.values(membership), rtol=0, atol=tolerance
    )


def test_the_dual_prices_of_every_route_are_in_the_core(game, built_in):
    allocation = adapters.dual_allocation(game)
    scale = abs(built_in.value(built_in.players))
    assert abs(allocation.total - built_in.value(built_in.players)) <= TOLERANCE * scale
    assert abs(allocation.evidence.duality_gap) <= TOLERANCE * scale
    assert sg.audit(built_in, allocation).in_core


@pytest.mark.slow
@pytest.mark.parametrize("route", GAMES)
def test_every_route_gives_the_table_of_the_built_in_model_over_a_day(route):
    day = rural13("2016-06-01", "2016-06-02")
    table = day.cost_game().tabulate()
    np.testing.assert_allclose(
        GAMES[route](day).tabulate(), table, rtol=0, atol=TOLERANCE * abs(table[-1])
    )


def test_a_model_gives_the_same_bits_in_any_order_and_any_process(community):
    game = linopy_game(community)
    membership = membership_of_masks(np.arange(1, 200), 13)
    values = game.values(membership)
    reverse = linopy_game(community).values(membership[::-1])
    np.testing.assert_array_equal(reverse[::-1], values)
    game.check(8)
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        there = linopy_game(community).values(membership, executor=pool)
    np.testing.assert_array_equal(there, values)


def small_highs(maximise=False, integer=False):
    """Two workshops that share wood and hours: a linear production game."""
    model = highspy.Highs()
    model.silent()
    ann, bob = model.addVariable(), model.addVariable()
    chairs = model.addVariable(obj=3.0)
    tables = model.addVariable(obj=5.0)
    if integer:
        model.changeColIntegrality(chairs.index, highspy.HighsVarType.kInteger)
        model.changeColIntegrality(tables.index, highspy.HighsVarType.kInteger)
    model.addConstr(chairs + 3 * tables <= 7 * ann + 2 * bob)
    model.addConstr(2 * chairs + tables <= 2 * ann + 5 * bob)
    if maximise:
        model.setMaximize()
    return model, {"ann": ann, "bob": bob}


def test_a_model_that_maximises_is_a_gain_game_with_prices_of_the_same_sign():
    game = adapters.highspy.model_game(*small_highs(maximise=True))
    assert game.kind == "gain"
    # Wood and hours: (7, 2) makes 7/5 chairs, ... by the corners of the two constraints.
    assert game.value(["ann", "bob"]) == pytest.approx(3 * 2.4 + 5 * 2.2)
    allocation = adapters.dual_allocation(game)
    # Duals 1.4 for wood and 0.8 for hours.
    np.testing.assert_allclose(allocation.values, [1.4 * 7 + 0.8 * 2, 1.4 * 2 + 0.8 * 5])
    assert sg.audit(game, allocation).in_core


def test_an_integer_model_is_solved_to_optimality():
    game = adapters.highspy.model_game(*small_highs(maximise=True, integer=True))
    assert game.value(["ann", "bob"]) == pytest.approx(16.0)
    assert game.value(["bob"]) == pytest.approx(6.0)


def test_a_coalition_whose_model_is_infeasible_is_named():
    model, membership = small_highs()
    x = model.addVariable(ub=1.0)
    model.addConstr(x >= 2 * membership["ann"] - 2 * membership["bob"])
    game = adapters.highspy.model_game(model, membership)
    assert game.value(["ann", "bob"]) == 0.0
    with pytest.raises(CharacteristicFunctionError, match=r"\{ann\} has no value: .*infeasible"):
        game.value(["ann"])


def test_a_model_that_costs_something_without_members_is_refused():
    model, membership = small_highs()
    x = model.addVariable(obj=2.0)
    model.addConstr(x + membership["ann"] >= 3)
    with pytest.raises(GameError, match="without members the model is worth 6, not 0"):
        adapters.highspy.model_game(model, membership)


@pytest.mark.parametrize(
    ("membership", "message"),
    [
        pytest.param({"ann": 0, "bob": 9}, "'bob' is column 9; the model has 4", id="beyond"),
        pytest.param({"ann": 0, "bob": 0}, "'ann' and 'bob' have the same membership", id="twice"),
    ],
)
def test_a_membership_that_is_no_column_of_its_own_is_refused(membership, message):
    with pytest.raises(GameError, match=message):
        adapters.highspy.model_game(small_highs()[0], membership)


def test_a_linopy_model_without_membership_is_refused():
    model = linopy.Model()
    x = model.add_variables(0, 1, coords=[["a", "b"], ["c", "d"]], name="wide")
    model.add_constraints(x >= 0)
    model.add_objective(x.sum())
    with pytest.raises(GameError, match=r"no variable 'membership'; its variables are wide"):
        adapters.linopy.model_game(model)
    with pytest.raises(GameError, match=r"'wide' has the dimensions .* one is needed"):
        adapters.linopy.model_game(model, "wide")


def test_a_pyomo_model_that_cannot_be_a_game_is_refused():
    model = pyo.ConcreteModel()
    model.z = pyo.Var(["ann", "bob"], bounds=(0, 1))
    model.x = pyo.Var(bounds=(0, None))
    model.need = pyo.Constraint(expr=model.x >= 2 * model.z["ann"])
    model.cost = pyo.Objective(expr=model.x)
    with pytest.raises(GameError, match="membership of 'bob' is not in the model, or fixed"):
        adapters.pyomo.model_game(model, model.z)
    model.more = pyo.Constraint(expr=model.x**2 >= model.z["bob"])
    with pytest.raises(GameError, match="cannot be read as a linear one"):
        adapters.pyomo.model_game(model, model.z)


def test_dual_prices_need_a_model():
    with pytest.raises(GameError, match="from an adapter"):
        adapters.dual_allocation(sg.Game.from_table([0, 1], kind="gain"))


def test_a_player_that_the_game_does_not_know_is_refused(community):
    with pytest.raises(CoalitionError, match="unknown player 'nobody'"):
        linopy_game(community).value(["nobody"])
