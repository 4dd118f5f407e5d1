"""What a linopy model holds counts or is refused by name, in new releases as well."""

import inspect
import warnings

import linopy
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from linopy import constraints as linopy_constraints
from sesgame import adapters
from sesgame.adapters import linopy_fields
from sesgame.errors import GameError

MEMBERS = pd.Index(["ann", "bob"], name="member")
HAS_SCALING = "scaling" in inspect.signature(linopy.Model.add_variables).parameters
HAS_INDICATORS = hasattr(linopy.Model, "add_indicator_constraints")
WITH_SCALING = pytest.mark.skipif(not HAS_SCALING, reason="this linopy has no scaling")

# linopy renames; both names are in one of the releases that are read.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def village(**of_variables):
    """Return a model in which ann needs 2 and bob 3, at 4 each; and its variable."""
    model = linopy.Model()
    membership = model.add_variables(0, 1, [MEMBERS], name="membership")
    bought = model.add_variables(0, 10, name="bought", **of_variables)
    load = xr.DataArray([2.0, 3.0], [MEMBERS])
    model.add_constraints(bought - (load * membership).sum() >= 0, name="need")
    model.add_objective(4 * bought)
    return model, bought


def table(model):
    return adapters.linopy.model_game(model).tabulate().round(9).tolist()


def plain(names):
    return {name.removeprefix("_") for name in names if not name.startswith("__")}


def test_every_field_of_linopy_is_on_a_list():
    assert plain(linopy.Model.__slots__) <= set(linopy_fields.MODEL)
    assert plain(linopy.objective.Objective.__slots__) <= set(linopy_fields.OBJECTIVE)
    assert set(linopy.variables.Variables.dataset_attrs) <= set(linopy_fields.VARIABLE)
    assert set(linopy_constraints.Constraints.dataset_attrs) <= set(linopy_fields.CONSTRAINT)
    for kind in vars(linopy_constraints).values():
        if isinstance(kind, type) and "_csr" in getattr(kind, "__slots__", ()):
            assert plain(kind.__slots__) <= set(linopy_fields.CONSTRAINT_ROWS)


def test_linopy_adds_nothing_to_a_model_in_a_way_that_the_tests_do_not_know():
    assert {name for name in dir(linopy.Model) if name.startswith("add_")} <= {
        "add_constraints",
        "add_expressions",
        "add_indicator_constraints",
        "add_objective",
        "add_piecewise_formulation",
        "add_sos_constraints",
        "add_variables",
    }
    kinds = {"binary", "integer", "semi_continuous"}
    building = {"self", "name", "coords", "mask", "scaling", "kwargs"}
    known = {
        "add_variables": building | kinds | {"lower", "upper"},
        "add_constraints": building | {"lhs", "sign", "rhs", "freeze", "penalty"},
        "add_objective": building | {"expr", "overwrite", "sense"},
    }
    for name, parameters in known.items():
        assert set(inspect.signature(getattr(linopy.Model, name)).parameters) <= parameters


def test_a_made_up_field_is_refused():
    model, bought = village()
    bought.attrs["cone"] = "second order"
    with pytest.raises(GameError, match="variable 'bought' holds 'cone', of which it is not known"):
        adapters.linopy.model_game(model)
    del bought.attrs["cone"]
    model.constraints["need"].data.attrs["lazy"] = True
    with pytest.raises(GameError, match="constraint 'need' holds 'lazy', of which"):
        adapters.linopy.model_game(model)

    class Next(linopy.Model):
        __slots__ = ("_cones",)

    later = Next()
    later._cones = {}
    linopy_fields.check_fields(later)
    later._cones = {"cone": [1, 2]}
    with pytest.raises(GameError, match="the linopy model holds 'cones', of which"):
        linopy_fields.check_fields(later)


def test_a_constraint_on_single_variables_counts():
    model, bought = village()
    twice = model.add_variables(0, 20, [pd.RangeIndex(2, name="piece")], name="twice")
    model.add_constraints(twice.at[0] - 2 * bought.at[()] == 0, name="single")
    model.add_objective(4 * bought + twice.sum(), overwrite=True)
    assert table(model) == [0, 12, 18, 30]  # 4 and twice 1 for each of 2 and 3
    data = model.constraints["single"].data
    if "const" in data:
        model.constraints["single"]._data = data.assign(const=data["const"].fillna(0) + 1.0)
        with pytest.raises(GameError, match="constraint 'single' holds 'const', of which"):
            adapters.linopy.model_game(model)


@pytest.mark.parametrize("kind", [1, 2])
def test_special_ordered_sets_are_refused_until_they_are_reformulated(kind):
    model, bought = village()
    pair = model.add_variables(0, 5, [pd.RangeIndex(3, name="piece")], name="pair")
    model.add_constraints(pair.sum() - bought >= 0)
    model.add_objective(
        4 * bought + (xr.DataArray([1.0, 2.0, 3.0], pair.coords) * pair).sum(), overwrite=True
    )
    before = table(model)
    model.add_sos_constraints(pair, kind, "piece")
    with pytest.raises(GameError, match=r"'pair' holds 'sos_type', .*apply_sos_reformulation"):
        adapters.linopy.model_game(model)
    if hasattr(model, "apply_sos_reformulation"):
        model.apply_sos_reformulation()
        assert table(model) == before


@pytest.mark.skipif(not HAS_INDICATORS, reason="this linopy has no indicator constraints")
@pytest.mark.parametrize("freeze", [False, True])
def test_indicator_constraints_are_refused(freeze):
    model, bought = village()
    on = model.add_variables(binary=True, name="on")
    model.freeze_constraints = freeze
    model.add_indicator_constraints(on, 0, bought, "<=", 0, name="off")
    with pytest.raises(GameError, match=r"constraint 'off' holds 'bin\w+', .* no indicator"):
        adapters.linopy.model_game(model)


def test_piecewise_formulations_count_and_those_with_sets_are_refused():
    def model(method):
        model, bought = village()
        cost = model.add_variables(name="cost")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model.add_piecewise_formulation(
                (bought, [0.0, 2.0, 10.0]), (cost, [0.0, 6.0, 14.0]), method=method
            )
        model.add_objective(1 * cost, overwrite=True)
        return model

    assert table(model("incremental")) == [0.0, 6.0, 7.0, 9.0]
    with pytest.raises(GameError, match="holds 'sos_type'"):
        adapters.linopy.model_game(model("sos2"))


@WITH_SCALING
def test_scaling_changes_no_value():
    model, bought = village(scaling=8.0)
    model.add_constraints(bought <= 9, scaling=3.0)
    extra = model.add_variables(0, 4, name="extra", scaling=0.5)
    model.add_constraints(extra + bought >= 6)
    model.add_objective(4 * bought + 0.5 * extra * extra, overwrite=True, scaling=10.0)
    linear = adapters.linopy.linear_model(model)
    np.testing.assert_allclose(linear.col_upper, [1, 1, 10, 4])
    np.testing.assert_allclose(linear.cost, [0, 0, 4, 0])
    np.testing.assert_allclose([part.tolist() for part in linear.hessian], [[3], [3], [1]])
    dense = np.zeros((3, 4))
    dense[linear.rows, linear.columns] = linear.coefficients
    np.testing.assert_allclose(dense[0], [-2, -3, 1, 0])


@WITH_SCALING
def test_a_scaled_model_has_the_values_of_its_own_units():
    model, _ = village(scaling=8.0)
    model.objective.scaling = 10.0
    assert table(model) == [0.0, 8.0, 12.0, 20.0]


def test_what_is_changed_after_a_solve_counts():
    model, bought = village()
    model.matrices  # noqa: B018 # keeps its arrays in some releases
    model.constraints["need"].coeffs  # noqa: B018
    bought.upper = 4
    adapters.linopy.linear_model(model)
    assert adapters.linopy.linear_model(model).col_upper[2] == 4


def test_masked_variables_are_no_columns_and_a_masked_member_is_refused():
    model, bought = village()
    mask = xr.DataArray([True, False, True], [pd.RangeIndex(3, name="unit")])
    units = model.add_variables(0, 1, mask.coords, name="units", mask=mask)
    model.add_constraints(units.sum() - bought >= -3)
    assert len(adapters.linopy.linear_model(model).cost) == 5
    assert table(model) == [0.0, 8.0, 12.0, 20.0]
    masked = linopy.Model()
    there = xr.DataArray([True, False], [MEMBERS])
    membership = masked.add_variables(0, 1, [MEMBERS], name="membership", mask=there)
    masked.add_constraints(membership.sum() <= 2)
    masked.add_objective(membership.sum())
    with pytest.raises(GameError, match="the membership of 'bob' is masked"):
        adapters.linopy.model_game(masked)


def test_a_membership_may_be_in_the_objective_alone():
    model, bought = village()
    membership = model.variables["membership"]
    fee = model.add_variables(0, 1, [pd.Index(["ann", "bob", "eve"], name="member")], name="fee")
    model.add_constraints(fee.sel(member="ann") - membership.sel(member="ann") == 0)
    model.add_constraints(fee.sel(member="bob") - membership.sel(member="bob") == 0)
    model.add_objective(4 * bought + 7 * fee.sel(member="eve"), overwrite=True)
    values = adapters.linopy.model_game(model, "fee")
    assert list(values.players) == ["ann", "bob", "eve"]
    assert values.value(["eve"]) == 7.0


def test_a_number_that_is_missing_is_refused_by_the_name_of_its_variable_or_constraint():
    model, bought = village()
    bought.data["upper"] = bought.upper * np.nan
    with pytest.raises(GameError, match=r"bought.* (has NaN|contains nan's)"):
        adapters.linopy.model_game(model)
    model, bought = village()
    need = model.constraints["need"]
    need.data["rhs"] = need.rhs * np.nan
    with pytest.raises(GameError, match=r"need.* (has NaN|contains nan's)"):
        adapters.linopy.model_game(model)


@pytest.mark.skipif(
    not hasattr(linopy.Model, "freeze_constraints"), reason="this linopy freezes nothing"
)
def test_frozen_constraints_count():
    model, bought = village()
    model.freeze_constraints = True
    model.add_constraints(2 * bought >= 9 * model.variables["membership"].sel(member="ann"))
    assert table(model) == [0.0, 18.0, 12.0, 20.0]


def test_a_model_without_constraints_is_its_objective():
    model = linopy.Model()
    membership = model.add_variables(0, 1, [MEMBERS], name="membership")
    idle = model.add_variables(0, 1, name="idle")
    model.add_objective((xr.DataArray([2.0, 3.0], [MEMBERS]) * membership).sum() + idle)
    assert table(model) == [0.0, 2.0, 3.0, 5.0]


@pytest.mark.parametrize("bounds", [(1, 1), (0, 0.5), (0.5, 1)])
def test_a_membership_whose_bounds_leave_out_0_or_1_is_refused(bounds):
    model, _ = village()
    membership = model.variables["membership"]
    membership.lower, membership.upper = bounds
    with pytest.raises(GameError, match=r"membership of 'ann' has the bounds .* both 0 and 1"):
        adapters.linopy.model_game(model)


def test_a_membership_in_quadratic_terms_counts():
    model, bought = village()
    ann, bob = (model.variables["membership"].sel(member=name) for name in MEMBERS)
    model.add_objective(4 * bought + ann * bought + 3 * bob * bob, overwrite=True)
    # ann alone buys 2 at 5; bob 3 at 4, and his own 3; both buy 5 at 5, and 3.
    assert table(model) == [0.0, 10.0, 15.0, 28.0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param((3,), "must be a linopy.Model, not 3", id="model"),
        pytest.param((village()[0], ["ann"]), "the name of a variable", id="membership"),
    ],
)
def test_something_else_than_a_model_and_a_name_is_refused(arguments, message):
    with pytest.raises(GameError, match=message):
        adapters.linopy.model_game(*arguments)
