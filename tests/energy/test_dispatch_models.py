"""Dispatch models on plain problems: who is chosen, what each leaves out, and that all agree."""

import dataclasses
import math

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import OFFER, UNLIKE, WIND, battery, community
from sesgame.energy import Grid, Line
from sesgame.energy.dispatch.model import MODELS, chosen
from sesgame.energy.dispatch.problem import NO_OFFERS, DispatchProblem, Storage
from sesgame.errors import GameError

EQUAL = [battery("ann", initial=1.0), battery("cid", initial=1.0)]


class Hours:
    """Steps that know no calendar."""

    n_steps = 3
    step_hours = 1.0

    def time(self, index: int) -> str:
        return f"hour {index}"


def plain_problem(**changes) -> DispatchProblem:
    """Return a problem that no community has made: one battery, two members, three hours."""
    nothing = np.zeros(0)
    fields = {
        "members": ("a", "b"),
        "steps": Hours(),
        "load_kwh": np.array([[1.0, 1.0, 3.0], [0.0, 2.0, 2.0]]),
        "pv_kwh": np.array([[4.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),
        "buy_per_kwh": np.full(3, 0.3),
        "sell_per_kwh": np.full(3, 0.1),
        "storage": Storage(np.zeros(0, dtype=np.intp), *[nothing] * 9),
        "offers": NO_OFFERS,
        "peak_charges": (),
        "import_limit_kw": math.inf,
        "export_limit_kw": math.inf,
        "flow_limits": (),
        "currency": "EUR",
    }
    return DispatchProblem(**fields | changes)


@pytest.mark.parametrize(
    ("world", "name"),
    [
        ({}, "netting"),
        ({"batteries": EQUAL}, "battery"),
        ({"batteries": [battery("ann", power=0.0)]}, "battery"),
        ({"batteries": UNLIKE}, "linear"),
        ({"batteries": [battery("ann", wear=0.1)]}, "battery"),
        ({"batteries": [battery("ann", wear=0.1), battery("bob")]}, "linear"),
        ({"grid": Grid(import_limit_kw=99.0, export_limit_kw=3.0)}, "netting"),
        ({"batteries": EQUAL, "grid": Grid(import_limit_kw=99.0)}, "battery"),
        ({"storage_offers": [OFFER]}, "linear"),
        ({"generation_offers": [WIND]}, "linear"),
        ({"grid": Grid(demand_charge_per_kw=1.0)}, "netting"),
        ({"grid": Grid(demand_charge_per_kw=1.0), "batteries": EQUAL}, "battery"),
        ({"grid": Grid(demand_charge_per_kw=1.0), "batteries": UNLIKE}, "linear"),
        ({"grid": Grid(lines=[Line(name="x", members=["ann"], limit_kw=5.0)])}, "linear"),
        # A limit that no coalition reaches matters no more.
        ({"grid": Grid(lines=[Line(name="x", members=["ann"], limit_kw=50.0)])}, "netting"),
        ({"curtailment": "allowed"}, "netting"),
    ],
)
def test_the_fastest_model_that_has_everything_is_chosen(world, name):
    assert chosen(community(**world).problem, None).name == name


def test_an_unknown_model_is_refused_with_those_that_there_are():
    message = 'must be "battery", "netting", "merged", "linear", "integer", "contract", "as-'
    with pytest.raises(GameError, match=message):
        chosen(plain_problem(), "fast")


def test_the_model_of_contracts_needs_one():
    with pytest.raises(GameError, match="there is none here"):
        chosen(plain_problem(), "contract")


@pytest.mark.parametrize("name", [name for name in MODELS if name not in ("contract", "integer")])
def test_a_model_needs_no_community(name):
    problem = plain_problem()
    model = MODELS[name]
    game = model.native_game(problem)
    # Together they sell 3 kWh at noon, and buy 3 and 5 kWh.
    assert game.tabulate() == pytest.approx([0, 0.9, 1.2, 2.1])
    assert model.dispatch(problem, [0, 1]).cost == pytest.approx(2.1)
    assert model.dual_bills(problem).bills.sum() == pytest.approx(2.1)
    assert model.dual_prices(problem, progress=False).cost == pytest.approx(2.1)
    assert model.program([problem]).game.tabulate() == pytest.approx(game.tabulate())


def test_messages_name_the_steps_of_whoever_made_the_problem():
    problem = plain_problem(import_limit_kw=4.0)
    with pytest.raises(GameError, match=r"import_limit_kw: in the step from hour 2 .* 1 kW"):
        MODELS["linear"].native_game(problem)


@pytest.mark.parametrize("seed", range(4))
def test_models_agree_where_all_have_everything(seed):
    problem = community(seed, batteries=EQUAL).problem
    pooled, linear = MODELS["battery"], MODELS["linear"]
    table = pooled.native_game(problem).tabulate()
    assert linear.native_game(problem).tabulate() == pytest.approx(table)
    assert pooled.program([problem]).game.tabulate() == pytest.approx(table)
    without = dataclasses.replace(problem, storage=plain_problem().storage)
    netting = MODELS["netting"].native_game(problem).tabulate()
    assert netting.tolist() == pooled.native_game(without).tabulate().tolist()
    mean = pooled.mean_game([problem, without], [0.25, 0.75]).tabulate()
    assert mean == pytest.approx(0.25 * table + 0.75 * netting)


@pytest.mark.parametrize("world", [{"batteries": EQUAL}, {"batteries": UNLIKE}], ids=["pool", "lp"])
def test_bills_at_dual_prices_are_those_that_the_oracle_starts_from(world):
    here = community(2, **world)
    problem = here.problem
    bills = chosen(problem, None).dual_bills(problem)
    wrapped = sg.owen_allocation(here, progress=False)
    assert bills.bills.tolist() == wrapped.values.tolist()
    assert bills.duality_gap == pytest.approx(wrapped.evidence.duality_gap, abs=1e-9)


def test_an_infinite_connection_limit_is_none():
    free = community(3, batteries=EQUAL, curtailment="allowed")
    limited = community(
        3, batteries=EQUAL, grid=Grid(connection_limits_kw={"ann": math.inf, "bob": math.inf})
    )
    assert limited.default_model == "battery"
    for model in (None, "linear"):
        table = limited.cost_game(model=model).tabulate()
        assert table.tolist() == free.cost_game(model=model).tabulate().tolist()
    one = community(3, batteries=EQUAL, grid=Grid(connection_limits_kw={"ann": 7.0}))
    both = community(
        3, batteries=EQUAL, grid=Grid(connection_limits_kw={"ann": 7.0, "bob": math.inf})
    )
    assert both.cost_game().tabulate().tolist() == one.cost_game().tabulate().tolist()
