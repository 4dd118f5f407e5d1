"""What a Pyomo model holds counts or is refused by name, in new releases as well."""

import pyomo.contrib.cp as cp
import pyomo.contrib.piecewise as piecewise
import pyomo.dae as dae
import pyomo.environ as pyo
import pyomo.gdp as gdp
import pyomo.mpec as mpec
import pyomo.network as network
import pytest
from pyomo.core.base.component import Component, ModelComponentFactory
from pyomo.core.base.indexed_component import IndexedComponent
from pyomo.core.base.range import NumericRange
from sesgame import adapters
from sesgame.adapters import pyomo_fields
from sesgame.errors import GameError

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def village():
    """Return a model in which ann needs 2 and bob 3, at 4 each."""
    model = pyo.ConcreteModel()
    model.z = pyo.Var(["ann", "bob"], bounds=(0, 1))
    model.x = pyo.Var(bounds=(0, 10))
    model.y = pyo.Var(bounds=(0, 10))
    model.need = pyo.Constraint(expr=model.x >= 2 * model.z["ann"] + 3 * model.z["bob"])
    model.cost = pyo.Objective(expr=4 * model.x)
    return model


def table(model):
    return adapters.pyomo.model_game(model, model.z).tabulate().round(9).tolist()


def kinds(base):
    for kind in base.__subclasses__():
        yield kind
        yield from kinds(kind)


# A base class, or a class whose instances are of another kind, says one of the listed names by
# its ancestors.
BASES = {"ActiveComponent", "IndexedComponent", "ActiveIndexedComponent", "SequenceComponent"}


def test_every_component_of_pyomo_is_on_the_list():
    registered = [ModelComponentFactory.get_class(name) for name in ModelComponentFactory]
    for kind in [*registered, *kinds(Component)]:
        names = {ancestor.__name__ for ancestor in kind.__mro__}
        if kind.__module__.startswith("pyomo.") and kind.__name__ not in BASES:
            assert names & set(pyomo_fields.COMPONENTS), kind


def test_a_made_up_component_is_refused():
    class Cone(IndexedComponent):
        def __init__(self):
            super().__init__(ctype=Cone)

        def construct(self, data=None):
            self._constructed = True

    model = village()
    model.sub = pyo.Block()
    model.sub.cone = Cone()
    with pytest.raises(GameError, match=r"'sub.cone' of the Pyomo model holds '.*Cone', of which"):
        adapters.pyomo.model_game(model, model.z)
    model.sub.deactivate()
    assert table(model) == [0.0, 8.0, 12.0, 20.0]


def with_disjunction(model):
    model.low, model.high = gdp.Disjunct(), gdp.Disjunct()
    model.low.row = pyo.Constraint(expr=model.y <= 1)
    model.high.row = pyo.Constraint(expr=model.y >= 4)
    model.either = gdp.Disjunction(expr=[model.low, model.high])


def with_complementarity(model):
    model.pair = mpec.Complementarity(expr=mpec.complements(model.x >= 0, model.y >= 0))


def with_sets(model):
    model.one = pyo.SOSConstraint(var=model.z, sos=1)


def with_pieces(model):
    model.pieces = pyo.Piecewise(
        model.y, model.x, pw_pts=[0, 2, 10], f_rule=[0, 6, 14], pw_constr_type="EQ"
    )


def with_logic(model):
    model.on = pyo.BooleanVar()
    model.always = pyo.LogicalConstraint(expr=model.on)


def with_derivative(model):
    model.time = dae.ContinuousSet(bounds=(0, 1))
    model.level = pyo.Var(model.time)
    model.flow = dae.DerivativeVar(model.level, wrt=model.time)


def with_arc(model):
    model.here, model.there = network.Port(), network.Port()
    model.arc = network.Arc(source=model.here, destination=model.there)


def with_interval(model):
    model.job = cp.IntervalVar()


def with_surface(model):
    model.surface = piecewise.PiecewiseLinearFunction(points=[0, 1], function=lambda x: x)


def with_suffix(model):
    model.sosno = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    model.sosno[model.x] = 1


def with_unknown_suffix(model):
    model.cone = pyo.Suffix(direction=pyo.Suffix.IMPORT_EXPORT)
    model.cone[model.x] = 1


def with_connector(model):
    model.plug = pyo.Connector(initialize={"flow": model.x})


REFUSED = {
    "Disjunct": with_disjunction,
    "Complementarity": with_complementarity,
    "SOSConstraint": with_sets,
    "LogicalConstraint": with_logic,
    "DerivativeVar": with_derivative,
    "Arc": with_arc,
    "IntervalVar": with_interval,
    "PiecewiseLinearFunction": with_surface,
    "sosno": with_suffix,
    "cone": with_unknown_suffix,
    "Connector": with_connector,
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_component_that_is_no_part_of_a_linear_model_is_refused(name):
    model = village()
    REFUSED[name](model)
    with pytest.raises(GameError, match=rf"of the Pyomo model holds '{name}\w*', "):
        adapters.pyomo.model_game(model, model.z)


def test_a_piecewise_of_special_ordered_sets_is_refused_and_one_of_binaries_counts():
    model = village()
    with_pieces(model)
    with pytest.raises(GameError, match=r"holds 'SOSConstraint', .* pw_repn='INC'"):
        adapters.pyomo.model_game(model, model.z)
    model.del_component(model.pieces)
    model.pieces = pyo.Piecewise(
        model.y,
        model.x,
        pw_pts=[0, 2, 10],
        f_rule=[0, 6, 14],
        pw_constr_type="EQ",
        pw_repn="INC",
    )
    model.cost.expr = model.y
    assert table(model) == [0.0, 6.0, 7.0, 9.0]


def test_a_transformed_disjunction_counts():
    model = village()
    with_disjunction(model)
    model.least = pyo.Constraint(expr=model.y >= 2 * model.z["ann"])
    model.cost.expr += model.y
    pyo.TransformationFactory("gdp.bigm").apply_to(model)
    assert table(model) == [0.0, 12.0, 12.0, 24.0]


def test_what_is_harmless_changes_nothing():
    model = village()
    model.dual = pyo.Suffix(direction=pyo.Suffix.IMPORT_EXPORT)
    model.dual[model.need] = 3.0
    model.scaling_factor = pyo.Suffix(direction=pyo.Suffix.EXPORT)
    model.scaling_factor[model.x] = 10.0
    model.notes = pyo.Suffix(direction=pyo.Suffix.LOCAL)
    model.notes[model.x] = "seen"
    model.on = pyo.BooleanVar()
    model.port = network.Port()
    model.hours = pyo.RangeSet(3)
    model.twice = pyo.ExternalFunction(function=lambda x: 2 * x)
    model.check = pyo.BuildCheck(rule=lambda _: True)
    model.pair = mpec.Complementarity(expr=mpec.complements(model.x >= 0, model.y >= 0))
    model.pair.deactivate()
    assert table(model) == [0.0, 8.0, 12.0, 20.0]


def domain(*ranges):
    made = pyo.RangeSet(ranges=[NumericRange(*limits) for limits in ranges])
    made.construct()
    return made


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        pytest.param(pyo.PositiveReals, "continuous", id="an open bound"),
        pytest.param(pyo.Integers, "integer", id="integers"),
        pytest.param(pyo.Boolean, "integer", id="Boolean"),
        pytest.param(domain((0, 0, 0), (2, 5, 0)), "semi-continuous", id="0 or 2 to 5"),
    ],
)
def test_the_domains_that_are_read(values, kind):
    model = pyo.ConcreteModel()
    model.x = pyo.Var(domain=values)
    assert adapters.pyomo._kind(model.x)[0] == kind


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(pyo.Set(initialize=[0, 2, 5]), id="some integers"),
        pytest.param(pyo.Set(initialize=[0.5, 1.5]), id="no integers"),
        pytest.param(pyo.RangeSet(0, 10, 2), id="even"),
        pytest.param(domain((0, 1, 0), (2, 5, 0)), id="two intervals"),
        pytest.param(domain((-2, -1, 0), (0, 0, 0)), id="negative or 0"),
        pytest.param(pyo.Any, id="anything"),
    ],
)
def test_another_domain_is_refused(values):
    model = village()
    model.y.domain = values
    model.cost.expr += model.y
    with pytest.raises(GameError, match=r"the variable 'y' has the domain .* neither continuous"):
        adapters.pyomo.model_game(model, model.z)


def test_a_fixed_variable_is_its_value():
    model = village()
    model.y.fix(2.0)
    model.least = pyo.Constraint(expr=model.x + model.y >= 4 * model.z["ann"])
    assert table(model) == [0.0, 8.0, 12.0, 20.0]
    model.y.fix(None)
    with pytest.raises(GameError, match="'y' evaluated to a nonnumeric value 'None'"):
        adapters.pyomo.model_game(model, model.z)


def test_a_bound_that_is_no_number_is_refused_by_name():
    model = village()
    model.limit = pyo.Param(initialize=float("nan"), mutable=True, within=pyo.Any)
    model.most = pyo.Constraint(expr=model.x <= model.limit)
    with pytest.raises(GameError, match="a bound of 'most' of the Pyomo model is not a number"):
        adapters.pyomo.model_game(model, model.z)


@pytest.mark.parametrize("bounds", [(1, 1), (0, 0.5), (0.5, 1)])
def test_a_membership_whose_bounds_leave_out_0_or_1_is_refused(bounds):
    model = village()
    model.z["ann"].setlb(bounds[0])
    model.z["ann"].setub(bounds[1])
    with pytest.raises(GameError, match=r"membership of 'ann' has the bounds .* both 0 and 1"):
        adapters.pyomo.model_game(model, model.z)


def test_more_or_fewer_than_one_objective_and_quadratic_ones_are_refused():
    model = village()
    model.other = pyo.Objective(expr=model.y)
    with pytest.raises(GameError, match="2 active objectives"):
        adapters.pyomo.model_game(model, model.z)
    model.cost.deactivate()
    model.other.expr = model.y**2
    with pytest.raises(GameError, match=r"objective \(other\) contains nonlinear terms"):
        adapters.pyomo.model_game(model, model.z)
