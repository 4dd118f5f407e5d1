"""What a HiGHS object holds is used, harmless or refused: all that HiGHS knows is on a list."""

import highspy
import numpy as np
import pytest
from sesgame import adapters
from sesgame.adapters.highspy_fields import CALLBACKS, FIELDS, KINDS, OPTIONS
from sesgame.errors import GameError

HOLDERS = ("HighsModel", "HighsLp", "HighsSparseMatrix", "HighsHessian", "HighsOptions")
ENUMERATIONS = ("HighsVarType", "MatrixFormat", "HessianFormat", "ObjSense")


class Model(highspy.Highs):
    """Minimises ``3 buy`` with ``buy >= 5 ann + 2 bob``; a test changes what it says it holds."""

    def __init__(self, change=lambda model: None):
        super().__init__()
        self.change = change
        self.silent()
        self.buy = self.addVariable(obj=3.0)
        self.ann, self.bob = self.addVariable(ub=1), self.addVariable(ub=1)
        self.addConstr(self.buy >= 5 * self.ann + 2 * self.bob)

    def getModel(self):  # noqa: N802 # the name is HiGHS's
        model = super().getModel()
        self.change(model)
        return model

    def game(self):
        return adapters.highspy.model_game(self, {"ann": self.ann, "bob": self.bob})


def test_a_model_with_nothing_special_is_a_game():
    np.testing.assert_allclose(Model().game().tabulate(), [0.0, 15.0, 6.0, 21.0])


@pytest.mark.parametrize("name", HOLDERS)
def test_every_field_is_on_a_list(name):
    kind = getattr(highspy, name)
    public = {field for field in dir(kind) if not field.startswith("_")}
    data = {field for field in public if not callable(getattr(kind, field))}
    assert data
    assert data <= set(FIELDS[name])


@pytest.mark.parametrize("name", ENUMERATIONS)
def test_every_kind_is_on_a_list(name):
    assert set(getattr(highspy, name).__members__) <= set(FIELDS[name])


def test_every_callback_is_on_a_list():
    names = {callback.callback_type.name for callback in highspy.Highs().callbacks}
    assert names - {"kCallbackMax"} <= set(CALLBACKS)


def test_every_option_that_highs_writes_is_on_the_list(tmp_path):
    file = tmp_path / "options.txt"
    highspy.Highs().writeOptions(str(file))
    lines = file.read_text().splitlines()
    names = {line.partition(" = ")[0] for line in lines if line and not line.startswith("#")}
    assert "user_bound_scale" in names
    assert names <= set(OPTIONS)


def scaled(model):
    model.lp_.is_scaled_ = True


def moved(model):
    model.lp_.is_moved_ = True


def partitioned(model):
    model.lp_.a_matrix_.format_ = highspy.MatrixFormat.kRowwisePartitioned


@pytest.mark.parametrize(
    ("change", "name"),
    [
        pytest.param(scaled, "is_scaled_", id="scaled"),
        pytest.param(moved, "is_moved_", id="moved"),
        pytest.param(partitioned, "kRowwisePartitioned", id="partitioned"),
    ],
)
def test_data_that_cannot_be_read_are_refused(change, name):
    with pytest.raises(GameError, match=f"{name}', which is refused"):
        Model(change).game()


@pytest.mark.parametrize(
    ("option", "value"),
    [
        pytest.param("user_objective_scale", 2, id="objective"),
        pytest.param("user_bound_scale", -1, id="bounds"),
        pytest.param("solve_relaxation", True, id="relaxation"),
        pytest.param("infinite_cost", 1e16, id="infinite costs"),
    ],
)
def test_an_option_that_changes_the_model_is_refused(option, value):
    model = Model()
    model.setOptionValue(option, value)
    with pytest.raises(GameError, match=f"option of HiGHS holds '{option}', which is refused"):
        model.game()


def test_an_option_of_a_solve_changes_nothing():
    model = Model()
    model.setOptionValue("time_limit", 0.0)
    model.setOptionValue("objective_target", 100.0)
    np.testing.assert_allclose(model.game().tabulate(), [0.0, 15.0, 6.0, 21.0])


def test_several_objectives_are_refused():
    model = Model()
    objective = highspy.HighsLinearObjective()
    objective.coefficients = np.ones(3)
    objective.weight = 1.0
    model.addLinearObjective(objective)
    with pytest.raises(GameError, match="linear objectives', which is refused"):
        model.game()


def test_rows_that_come_in_while_highs_solves_are_refused():
    model = Model()
    model.cbMipDefineLazyConstraints.callbacks.append(print)  # HiGHS has the name, not the thing
    with pytest.raises(GameError, match="kCallbackMipDefineLazyConstraints', which is refused"):
        model.game()
    model.cbMipDefineLazyConstraints.callbacks.clear()
    model.cbLogging.callbacks.append(print)
    assert model.game().value(["ann"]) == 15.0


def quadratic(model):
    model.hessian_.dim_ = 3


@pytest.mark.parametrize(
    ("holder", "content"),
    [
        pytest.param("HighsModel", lambda model: model.lp_.num_col_, id="model"),
        pytest.param("HighsLp", lambda lp: lp.num_col_, id="linear part"),
        pytest.param("HighsSparseMatrix", lambda matrix: matrix.num_col_, id="matrix"),
        pytest.param("HighsHessian", lambda hessian: hessian.dim_, id="hessian"),
        pytest.param("HighsOptions", lambda options: options.output_flag, id="options"),
    ],
)
def test_a_field_that_is_on_no_list_is_refused_if_it_is_there(monkeypatch, holder, content):
    kind = getattr(highspy, holder)
    monkeypatch.setattr(kind, "sos_", property(lambda _: 0), raising=False)
    Model().game()  # as in an empty object: there is none
    monkeypatch.setattr(kind, "sos_", property(content))
    with pytest.raises(GameError, match="holds 'sos_', of which it is not known"):
        Model(quadratic).game()


def test_a_kind_of_column_that_is_on_no_list_is_refused(monkeypatch):
    known = {name: field for name, field in KINDS.items() if name != "kInteger"}
    monkeypatch.setattr("sesgame.adapters.highspy_fields.KINDS", known)
    model = Model()
    model.changeColIntegrality(0, highspy.HighsVarType.kInteger)
    with pytest.raises(GameError, match="holds 'kInteger', of which it is not known"):
        model.game()


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        pytest.param(9, "is column 9; the model has 3 columns", id="beyond"),
        pytest.param(-1, "is column -1", id="negative"),
        pytest.param("bob", "is 'bob'; a variable of the model or the number", id="text"),
        pytest.param(True, "is True; a variable", id="truth"),
        pytest.param(1.0, "is 1.0; a variable", id="float"),
    ],
)
def test_a_membership_that_is_no_variable_is_refused(variable, message):
    model = Model()
    with pytest.raises(GameError, match=message):
        adapters.highspy.model_game(model, {"ann": model.ann, "bob": variable})


def test_a_membership_of_another_model_is_refused():
    model, other = Model(), Model()
    with pytest.raises(GameError, match="'bob' is a variable of another model"):
        adapters.highspy.model_game(model, {"ann": model.ann, "bob": other.bob})


def test_what_is_no_model_or_no_mapping_is_refused():
    with pytest.raises(GameError, match=r"must be a highspy\.Highs"):
        adapters.highspy.model_game("model.mps", {"ann": 0})
    with pytest.raises(GameError, match="must map each player"):
        adapters.highspy.model_game(Model(), [1, 2])


def test_a_membership_that_cannot_be_0_or_1_is_refused():
    model = Model()
    model.changeColBounds(model.bob.index, 1.0, 1.0)
    with pytest.raises(GameError, match="'bob' has the bounds 1 and 1; both 0 and 1"):
        model.game()
