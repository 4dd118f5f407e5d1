"""Who is named when a coalition's model has no solution: that coalition, and no other."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import highspy
import numpy as np
import pytest
from sesgame import adapters
from sesgame.errors import CharacteristicFunctionError, GameError
from sesgame.game.players import membership_of_masks

PLAYERS = ("ann", "bob", "eve")


def supply_game(needs, supply, kind=highspy.HighsVarType.kContinuous):
    """Who needs more than the supply has no value; everything else costs 1 for each unit."""
    model = highspy.Highs()
    model.silent()
    made = model.addVariable(ub=supply, obj=1.0)
    model.changeColIntegrality(made.index, kind)
    members = [model.addVariable(ub=1) for _ in needs]
    model.addConstr(made >= sum(need * z for need, z in zip(needs, members, strict=True)))
    return adapters.highspy.model_game(model, dict(zip(PLAYERS, members, strict=False)))


def named(game, coalition, **options):
    """Who an error names when a coalition is asked for, or its value."""
    membership = np.array([[player in coalition for player in game.players]])
    try:
        return float(game.values(membership, **options)[0])
    except CharacteristicFunctionError as error:
        return error.coalition


KINDS = [
    pytest.param(highspy.HighsVarType.kContinuous, id="linear"),
    pytest.param(highspy.HighsVarType.kInteger, id="integer"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_all_together_are_named_if_only_they_need_too_much(kind):
    game = supply_game((2.0, 2.0, 2.0), 5.0, kind)
    table = game.values(membership_of_masks(np.arange(7), 3))
    np.testing.assert_allclose(table, [0, 2, 2, 4, 2, 4, 4])
    assert named(game, PLAYERS) == frozenset(PLAYERS)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mask", range(1, 8))
def test_the_coalition_that_is_asked_for_first_is_the_one_that_is_named(kind, mask):
    needs = (1.0, 2.0, 4.0)
    (members,) = membership_of_masks(np.array([mask]), 3)
    coalition = frozenset(player for player, is_in in zip(PLAYERS, members, strict=True) if is_in)
    expected = coalition if mask > 2 else float(mask)
    assert named(supply_game(needs, 2.0, kind), coalition) == expected


@pytest.mark.parametrize(
    "executor",
    [
        pytest.param(lambda: ThreadPoolExecutor(2), id="threads"),
        pytest.param(
            lambda: ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
            id="processes",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_worker_that_begins_with_another_coalition_names_no_other(executor):
    game = supply_game((2.0, 2.0, 2.0), 5.0)
    with executor() as pool:
        np.testing.assert_allclose(
            game.values(membership_of_masks(np.array([6, 3, 5, 1]), 3), executor=pool), [4, 4, 4, 2]
        )
        assert named(game, PLAYERS, executor=pool) == frozenset(PLAYERS)


def test_a_coalition_without_bound_is_named_and_no_other():
    model = highspy.Highs()
    model.silent()
    made = model.addVariable(obj=1.0)
    members = [model.addVariable(ub=1) for _ in PLAYERS]
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = 4, highspy.HessianFormat.kTriangular
    hessian.start_ = np.array([0, 3, 3, 3, 3])
    hessian.index_, hessian.value_ = np.array([1, 2, 3]), np.full(3, -0.4)
    assert model.passHessian(hessian) == highspy.HighsStatus.kOk
    model.addConstr(made >= sum(members))
    game = adapters.highspy.model_game(model, dict(zip(PLAYERS, members, strict=True)))
    # Each kWh costs 0.4 less for each member: with three of them the more the better.
    assert named(game, ["ann"]) == pytest.approx(0.6)
    assert named(game, ["ann", "eve"]) == pytest.approx(0.4)
    assert named(game, PLAYERS) == frozenset(PLAYERS)


def test_no_member_alone_is_blamed_for_a_model_that_needs_somebody():
    model = highspy.Highs()
    model.silent()
    made = model.addVariable(lb=1.0)
    z = model.addVariable(ub=1)
    model.addConstr(made <= 3 * z)
    with pytest.raises(GameError, match=r"without members the model must be worth 0, but .*infeas"):
        adapters.highspy.model_game(model, {"ann": z})


def test_a_bound_that_a_member_moves_beyond_the_other_one_makes_it_infeasible():
    model = highspy.Highs()
    model.silent()
    made, other = model.addVariable(ub=2.0, obj=1.0), model.addVariable()
    ann, bob = model.addVariable(ub=1), model.addVariable(ub=1)
    model.addConstr(other <= 1.0 * bob)
    model.addConstr(other >= 3.0 * ann - 5.0 * bob)
    model.addConstr(made >= 3.0 * ann - 2.0 * bob)
    game = adapters.highspy.model_game(model, {"ann": ann, "bob": bob})
    assert named(game, ["ann"]) == frozenset({"ann"})
    assert named(game, ["ann", "bob"]) == pytest.approx(1.0)


def test_memberships_may_stand_alone_in_rows_and_in_the_objective():
    model = highspy.Highs()
    model.silent()
    z = [model.addVariable(ub=1, obj=cost) for cost in (1.0, 2.0, 4.0)]
    model.addConstr(z[0] + z[1] + z[2] <= 2)
    game = adapters.highspy.model_game(model, dict(zip(PLAYERS, z, strict=True)))
    np.testing.assert_allclose(
        game.values(membership_of_masks(np.arange(7), 3)), [0, 1, 2, 3, 4, 5, 6]
    )
    assert named(game, PLAYERS) == frozenset(PLAYERS)


def test_a_model_of_memberships_alone_is_their_cost():
    model = highspy.Highs()
    model.silent()
    z = [model.addVariable(ub=1, obj=cost) for cost in (1.0, 2.0)]
    game = adapters.highspy.model_game(model, dict(zip(PLAYERS, z, strict=False)))
    np.testing.assert_allclose(game.tabulate(), [0, 1, 2, 3])
    np.testing.assert_allclose(adapters.dual_allocation(game).values, [1, 2])


def test_a_quadratic_objective_that_is_not_convex_is_refused_with_its_columns():
    model = highspy.Highs()
    model.silent()
    x, y = model.addVariable(ub=5.0), model.addVariable(ub=5.0)
    z = model.addVariable(ub=1)
    model.addConstr(x + y >= z)
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = 3, highspy.HessianFormat.kTriangular
    hessian.start_ = np.array([0, 2, 3, 3])
    hessian.index_, hessian.value_ = np.array([0, 1, 1]), np.array([1.0, 2.0, 1.0])
    assert model.passHessian(hessian) == highspy.HighsStatus.kOk
    with pytest.raises(GameError, match="not convex in the columns 0, 1 "):
        adapters.highspy.model_game(model, {"ann": z})
    hessian.value_ = np.array([1.0, 1.0, 1.0])
    model.passHessian(hessian)
    assert adapters.highspy.model_game(model, {"ann": z}).value(["ann"]) == pytest.approx(0.5)
    model.setMaximize()
    with pytest.raises(GameError, match="not concave in the columns 0 "):
        adapters.highspy.model_game(model, {"ann": z})
    model.setMinimize()
    model.changeColIntegrality(x.index, highspy.HighsVarType.kInteger)
    with pytest.raises(GameError, match="quadratic objective and integer or semi-continuous"):
        adapters.highspy.model_game(model, {"ann": z})


def test_a_semicontinuous_column_without_a_finite_bound_is_refused():
    model = highspy.Highs()
    model.silent()
    model.changeColIntegrality(
        model.addVariable(lb=2.0).index, highspy.HighsVarType.kSemiContinuous
    )
    with pytest.raises(GameError, match="column 0 is semi-continuous, 0 or between 2 and inf"):
        adapters.highspy.model_game(model, {"ann": model.addVariable(ub=1)})
