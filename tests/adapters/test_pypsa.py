"""The adapter of PyPSA against networks that are built anew without the others."""

import copy
import functools
import importlib
import inspect
import itertools
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame import adapters
from sesgame.adapters.pypsa import catalogue
from sesgame.adapters.pypsa.owners import owners_of_components
from sesgame.errors import CharacteristicFunctionError, GameError

if sys.version_info < (3, 11):
    pytest.skip("PyPSA needs Python 3.11", allow_module_level=True)

import pypsa
from fixtures.pypsa_networks import (
    EXAMPLES,
    NEWER,
    Example,
    cost_without_others,
    empty_network,
)

TOLERANCE = 1e-6
"""Relative to the value: HiGHS is optimal to 1e-7 of rows and columns, in each of two solves."""

# What PyPSA, linopy and pandas have to settle among themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


@pytest.fixture(autouse=True)
def _quiet_pypsa(caplog):
    caplog.set_level("ERROR")


def game_of(example):
    return adapters.pypsa.network_game(
        example.network, example.owners, shared=example.shared, **example.options
    )


def value_of(game, coalition):
    try:
        return game.value(coalition)
    except CharacteristicFunctionError:
        return None


def cost_of(example, coalition):
    """Return the cost by PyPSA, None if there is no solution."""
    try:
        return cost_without_others(example, coalition)
    except AssertionError as error:
        assert str(error) == "infeasible"  # noqa: PT017 - what PyPSA finds, not what is tested
        return None


@pytest.mark.slow
@pytest.mark.parametrize("name", EXAMPLES)
def test_every_coalition_of_an_example_is_worth_what_pypsa_makes_of_it(name):
    kind, attribute = NEWER.get(name, ("Bus", "v_nom"))
    if attribute not in pypsa.Network().components[kind].defaults.index:
        pytest.skip(f"this version of PyPSA has no {kind}.{attribute}")
    example = EXAMPLES[name]()
    game = game_of(example)
    for size in range(1, game.n_players + 1):
        for coalition in itertools.combinations(game.players, size):
            cost = cost_of(example, coalition)
            value = value_of(game, coalition)
            assert (value is None) == (cost is None), coalition
            if cost is not None:
                assert value == pytest.approx(cost, rel=TOLERANCE, abs=TOLERANCE), coalition


def village():
    """A network with a bit of everything: two buses, a line, a link, a store, an investment."""
    network = empty_network(("north", "south"), carriers=("AC", "heat"))
    network.snapshot_weightings.loc[:, :] = pd.DataFrame({"objective": [1, 2, 3, 2]}).to_numpy()
    network.add("Bus", "warm", carrier="heat")
    network.add("Line", "cable", bus0="north", bus1="south", x=0.1, s_nom=3)
    network.add("Generator", "supply", bus="north", p_nom=50, marginal_cost=[3.0, 5, 4, 2])
    network.add("Generator", "heating", bus="warm", p_nom=50, marginal_cost=9.0)
    network.add("Load", "ann", bus="north", p_set=[1.0, 2, 3, 1])
    network.add("Load", "bob", bus="south", p_set=2.0)
    network.add("Load", "eve", bus="warm", p_set=[1.0, 0, 2, 1])
    network.add("Generator", "roof", bus="south", p_nom=4, p_max_pu=[0, 0.5, 1, 0.2])
    network.add("Link", "pump", bus0="north", bus1="warm", p_nom=1, efficiency=3.0)
    network.add("Store", "tank", bus="warm", e_nom=4, e_initial=1.0, standing_loss=0.1)
    network.add(
        "Generator",
        "wind",
        bus="south",
        p_nom_extendable=True,
        capital_cost=1.0,
        p_max_pu=[0.3, 0.8, 0.1, 0.5],
    )
    owners = {"ann": "ann", "roof": "bob", "bob": "bob", "eve": "eve", "pump": "eve"}
    owners |= {"tank": "ann", "wind": "club"}
    return Example(network, owners, ["supply", "heating"])


@pytest.mark.parametrize(
    "coalition",
    [
        pytest.param(["ann", "bob", "eve", "club"], id="all", marks=pytest.mark.slow),
        pytest.param(["ann", "eve"], id="storage and heat pump", marks=pytest.mark.slow),
        pytest.param(["bob", "club"], id="roof and investment", marks=pytest.mark.slow),
        pytest.param(["ann", "bob"], id="cable", marks=pytest.mark.slow),
        pytest.param(["eve"], id="heat alone", marks=pytest.mark.slow),
    ],
)
def test_a_network_game_is_worth_what_the_network_without_the_others_costs(coalition):
    example = village()
    game = game_of(example)
    assert list(game.players) == ["ann", "bob", "eve", "club"]
    cost = cost_without_others(example, coalition)
    np.testing.assert_allclose(game.value(coalition), cost, rtol=1e-9, atol=1e-9)


UNLIMITED = st.sampled_from([{"p_nom_extendable": True}, {"p_nom": np.inf}, {"p_nom": 2.0}])
NUMBER = st.integers(0, 6).map(lambda number: number / 2)
SHARE = st.sampled_from([0.0, 0.25, 0.5, 1.0])


@st.composite
def examples(draw):
    """Draw components with limits, weights and owners; what is short is bought, the rest dumped."""
    network = empty_network(("a", "b"), steps=3, carriers=("AC", "gas"))
    network.components["Carrier"].static.loc["gas", "co2_emissions"] = 1.0
    weights = draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=3, max_size=3))
    for column in network.snapshot_weightings.columns:
        network.snapshot_weightings[column] = weights
    buses = st.sampled_from(["a", "b"])
    costs = st.lists(NUMBER.map(lambda cost: cost + 0.25), min_size=3, max_size=3)
    network.add("Generator", ["buy a", "buy b"], bus=["a", "b"], p_nom=60, marginal_cost=20.0)
    network.add("Generator", ["dump a", "dump b"], bus=["a", "b"], p_nom=99, sign=-1)
    kinds = st.sampled_from(
        ["Load", "Generator", "committed", "StorageUnit", "Store", "Link", "Process", "Line"]
    )
    owners = {}
    drawn = [*draw(st.lists(kinds, min_size=3, max_size=6)), "Load", "Generator"]
    for number, kind in enumerate(drawn):
        name, bus = f"{kind} {number}", draw(buses)
        between = {"bus0": bus, "bus1": "b" if bus == "a" else "a"}
        paid = {"marginal_cost": draw(costs), "capital_cost": draw(NUMBER)}
        size = {**draw(UNLIMITED), **paid, "p_nom_min": draw(SHARE)}
        if kind == "Load":
            loads = draw(st.lists(NUMBER.map(lambda load: load + 0.5), min_size=3, max_size=3))
            sign = draw(st.sampled_from([-1, -1, -1, 1]))
            network.add("Load", name, bus=bus, p_set=loads, sign=sign)
        elif kind == "Generator":
            more = {"carrier": draw(st.sampled_from(["gas", "AC"])), "p_max_pu": 0.8}
            limits = {"e_sum_max": draw(st.sampled_from([2.0, np.inf]))}
            network.add("Generator", name, bus=bus, **size, **more, **limits)
        elif kind == "committed":
            times = {"min_up_time": draw(st.integers(0, 2)), "start_up_cost": draw(NUMBER)}
            ramp = {"ramp_limit_up": 0.5, "ramp_limit_start_up": draw(SHARE), "p_init": 1.0}
            limits = {"p_nom": 3.0, "p_min_pu": draw(SHARE), "committable": True}
            cost = {"marginal_cost": paid["marginal_cost"]}
            network.add("Generator", name, bus=bus, **limits, **times, **ramp, **cost)
        elif kind == "StorageUnit":
            more = {"max_hours": 2.0, "efficiency_store": 0.9, "inflow": draw(SHARE)}
            network.add("StorageUnit", name, bus=bus, **size, **more)
            network.components["StorageUnit"].static.loc[name, "carrier"] = "gas"
        elif kind == "Store":
            more = {"e_initial": draw(SHARE), "e_cyclic": draw(st.booleans()), "carrier": "gas"}
            limits = draw(st.sampled_from([{"e_nom_extendable": True}, {"e_nom": 3.0}]))
            network.add(
                "Store", name, bus=bus, standing_loss=0.1, capital_cost=0.1, **more, **limits
            )
        elif kind in ("Link", "Process"):
            factor = {"Link": {"efficiency": 0.9}, "Process": {"rate1": 0.8, "delay1": 1}}[kind]
            network.add(kind, name, **between, **size, **factor)
        else:
            network.add("Line", name, **between, x=0.1 * (number + 1), s_nom=1.0 + draw(SHARE))
        owners[kind if kind != "committed" else "Generator", name] = draw(st.sampled_from("xyz"))
    for kind in draw(st.sets(st.sampled_from(["primary_energy", "operational_limit"]))):
        attribute = {"primary_energy": "co2_emissions", "operational_limit": "gas"}[kind]
        limit = {"carrier_attribute": attribute, "sense": "<=", "constant": draw(NUMBER)}
        network.add("GlobalConstraint", kind, type=kind, **limit)
    example = Example(network, owners, ["buy a", "buy b", "dump a", "dump b"])
    absent = draw(st.sampled_from(["x", "y", "z", ""]))
    return example, set(owners.values()) - {absent}


# Few: PyPSA takes some ten seconds to build a network and to solve it without the others.
@pytest.mark.slow
@settings(max_examples=12, deadline=None)
@given(examples())
def test_drawn_networks_are_worth_what_pypsa_makes_of_them_without_the_others(drawn):
    example, coalition = drawn
    cost = cost_of(example, coalition)
    value = value_of(game_of(example), coalition)
    assert (value is None) == (cost is None)
    if cost is not None:
        assert value == pytest.approx(cost, rel=TOLERANCE, abs=TOLERANCE)


@pytest.mark.parametrize(
    "size",
    [
        pytest.param({"p_nom_extendable": True, "capital_cost": 0.1}, id="investment"),
        pytest.param(
            {"p_nom": np.inf, "marginal_cost": 0.05}, id="infinite", marks=pytest.mark.slow
        ),
    ],
)
def test_what_has_no_limit_is_still_its_owners(size):
    network = empty_network(steps=2)
    network.add("Generator", "grid", bus="north", p_nom=50, marginal_cost=0.3)
    network.add("Load", ["ann", "bob"], bus="north", p_set=[2.0, 1.0])
    network.add("Generator", "park", bus="north", **size)
    owners = {"ann": "ann", "bob": "bob", "park": "eve"}
    game = adapters.pypsa.network_game(network, owners, shared=["grid"])
    # Two steps of 3 at 0.30; the park takes 0.10 for each of 3, or 0.05 for each of 6.
    np.testing.assert_allclose(game.tabulate(), [0, 1.2, 0.6, 1.8, 0, 0.2, 0.1, 0.3], atol=1e-12)
    # Nobody needs eve's limit: there is none that could have a price.
    np.testing.assert_allclose(adapters.dual_allocation(game).values, [0.2, 0.1, 0.0], atol=1e-7)


def test_what_an_owner_brings_into_a_global_constraint_is_its_own():
    example = EXAMPLES["CO2 cap and initial charge"]()
    example.network.remove("StorageUnit", "cell")
    example.network.remove("GlobalConstraint", "fuel")
    del example.owners["cell"]
    game = game_of(example)
    # Ann alone: 10 of gas at 0.1 under the cap, 2 bought at 0.5. Eve's tank emits what it gives:
    # 6 of its own, and 4 of gas are left.
    assert game.value(["ann"]) == pytest.approx(2.0)
    assert game.value(["ann", "eve"]) == pytest.approx(1.4)


def test_investment_periods_are_optimised_together_by_default():
    network = empty_network()
    snapshots = pd.MultiIndex.from_product([[2025, 2030], range(2)], names=["period", "timestep"])
    network.set_snapshots(snapshots)
    network.investment_periods = [2025, 2030]
    network.investment_period_weightings["objective"] = [5.0, 3.0]
    network.add("Generator", "grid", bus="north", p_nom=50, marginal_cost=0.3)
    network.add("Load", "ann", bus="north", p_set=2.0)
    network.add("Generator", "pv", bus="north", p_nom=2, p_max_pu=0.5, build_year=2030, lifetime=9)
    owners = {"ann": "ann", "pv": "eve"}
    game = adapters.pypsa.network_game(network, owners, shared=["grid"])
    # Two steps of 2 at 0.30, five times and three times; from 2030 on pv gives 1.
    np.testing.assert_allclose(game.tabulate(), [0, 9.6, 0, 7.8], atol=1e-12)


def test_a_window_of_snapshots_has_the_loads_of_these():
    network = empty_network(steps=3)
    network.add("Generator", "grid", bus="north", p_nom=50, marginal_cost=2.0)
    network.add("Load", "ann", bus="north", p_set=[1.0, 2.0, 3.0])
    game = adapters.pypsa.network_game(network, {"ann": "ann"}, shared=["grid"], snapshots=[1, 2])
    assert game.value(["ann"]) == pytest.approx(10.0)


def test_a_line_that_is_not_there_does_not_hold_the_voltages_of_a_mesh():
    example = EXAMPLES["owned lines in a mesh"]()
    game = game_of(example)
    # Without the lines ac, bc and new there is only ab: 2 and 1 over it from a at 1 and 2, and
    # what c needs costs 7.
    assert game.value(["bob"]) == pytest.approx(2 * 1 + 1 * 2)
    coalition = ["bob", "eve"]
    cost = cost_without_others(example, coalition)
    assert game.value(coalition) == pytest.approx(cost, rel=TOLERANCE)


def test_a_rule_of_dual_prices_needs_a_mesh_that_stays():
    network = EXAMPLES["owned lines in a mesh"]().network
    network.remove("Line", "new")
    owners = {"bob": "bob", "eve": "eve", "ac": "club", "bc": "club"}
    game = adapters.pypsa.network_game(network, owners, shared=["at a", "at b", "at c"])
    with pytest.raises(GameError, match=r"does not bind every coalition \(a line in a mesh"):
        adapters.dual_allocation(game)


def test_a_constraint_that_a_user_adds_belongs_to_its_one_owner():
    def hook(network, snapshots):
        assert list(snapshots) == list(network.snapshots)
        produced = network.model["Generator-p"].sum("snapshot")
        network.model.add_constraints(produced.sel(name="pv") >= 1.0, name="the park runs")

    network = empty_network()
    network.add("Generator", "grid", bus="north", p_nom=50, marginal_cost=3.0)
    network.add("Load", "ann", bus="north", p_set=1.0)
    network.add("Generator", "pv", bus="north", p_nom=2, marginal_cost=4.0)
    owners = {"ann": "ann", "pv": "eve"}
    game = adapters.pypsa.network_game(network, owners, shared=["grid"], extra_functionality=hook)
    assert game.value(["ann"]) == pytest.approx(12.0)
    assert game.value(["ann", "eve"]) == pytest.approx(3 * 3 + 4)


def test_unit_commitment_gives_a_game_without_dual_prices():
    example = EXAMPLES["unit commitment"]()
    game = game_of(example)
    assert game.value(["town"]) == pytest.approx(165.0)
    with pytest.raises(GameError, match="integer variables: it has no dual prices"):
        adapters.dual_allocation(game)


@functools.cache
def _network_of_two():
    network = empty_network(("a", "b"), steps=1)
    network.add("Line", "cable", bus0="a", bus1="b", x=0.1, s_nom=1)
    network.add("Load", "ann", bus="a", p_set=1.0)
    network.add("Generator", "supply", bus="a", p_nom=2.0, marginal_cost=1.0, carrier="AC")
    return network


def network_of_two():
    return copy.deepcopy(_network_of_two())


@pytest.mark.parametrize(
    ("owners", "shared", "message"),
    [
        pytest.param({"ann": "x"}, [], "the Generator 'supply' has no owner", id="no owner"),
        pytest.param({}, ["supply"], "the Load 'ann' has no owner", id="load without owner"),
        pytest.param({"ann": "x"}, ["ann", "supply"], "has an owner and is shared", id="both"),
        pytest.param({"ann": "x", "a": "x"}, ["supply"], "'a' is not in the", id="bus"),
        pytest.param({"ann": "x"}, ["supply", "moon"], "'moon' is not in the", id="unknown"),
        pytest.param({"supply": "x"}, ["ann"], r"without members .* \"infeasible\"", id="load"),
        pytest.param([("ann", "x")], [], "owners must be a mapping", id="list"),
        pytest.param({"ann": "x"}, "supply", "shared must be a collection", id="text"),
        pytest.param("owner", [], "no component has an owner in a column", id="no column"),
    ],
)
def test_a_network_whose_owners_are_not_clear_is_refused(owners, shared, message):
    with pytest.raises(GameError, match=message):
        adapters.pypsa.network_game(network_of_two(), owners, shared=shared)


@pytest.mark.parametrize(
    ("owners", "found"),
    [
        pytest.param({7: "x", "s": "y"}, {("Load", "7"): "x", ("Generator", "s"): "y"}, id="int"),
        pytest.param(
            {("Load", 7): "x", ("carrier", "sun"): "y"},
            {("Load", "7"): "x", ("Generator", "s"): "y"},
            id="carrier",
        ),
        pytest.param(
            {7: "x", ("Generator", "carrier", "sun"): "y", ("carrier", "sun"): "z", "7": "x"},
            {("Load", "7"): "x", ("Generator", "s"): "y"},
            id="the more specific key",
        ),
        pytest.param(
            {7: "x", "s": "y", "cable": 3},
            {("Load", "7"): "x", ("Generator", "s"): "y", ("Line", "cable"): 3},
            id="a line",
        ),
        pytest.param("owner", {("Generator", "s"): 1, ("Load", "7"): 2}, id="column"),
    ],
)
def test_owners_are_named_in_many_ways(owners, found):
    network = empty_network(("a", "b"), steps=1, carriers=("AC", "sun"))
    network.add("Line", "cable", bus0="a", bus1="b", x=0.1, s_nom=1)
    network.add("Load", 7, bus="a", p_set=1.0)
    network.add("Generator", "s", bus="a", carrier="sun")
    if owners == "owner":
        network.components["Load"].static["owner"] = 2
        network.components["Generator"].static["owner"] = 1
    assert owners_of_components(network, owners, ())[0] == found


def test_owners_can_tell_components_of_one_name_apart():
    network = network_of_two()
    network.add("Generator", "ann", bus="a", p_nom=1.0)
    owners = {("Load", "ann"): "ann", ("Generator", "ann"): "club"}
    assert owners_of_components(network, owners, ["supply"]) == (owners, ["ann", "club"])


def test_every_attribute_and_option_of_pypsa_is_on_the_list():
    network = pypsa.Network()
    for components in network.components:
        for attribute in components.defaults.index:
            assert attribute in catalogue.COMPONENTS[components.name], (components.name, attribute)
    accessor = network.optimize
    for function in (accessor.__call__, accessor.create_model):
        options = set(inspect.signature(function).parameters) - {"consistency_check"}
        assert options <= set(catalogue.OPTIONS)
    with_ports = pypsa.Network()
    with_ports.add("Link", "l", bus2="c", efficiency2=0.5, bus0="a", bus1="b")
    catalogue.check_network(with_ports, (), None)


def _set(kind, column, value):
    def change(network):
        network.components[kind].static[column] = value

    return change


def _new_attribute(network):
    defaults = network.components["Load"].defaults
    defaults.loc["response"] = defaults.loc["sign"]
    network.components["Load"].static["response"] = 0.3


def _weighting(network):
    network.snapshot_weightings["risk"] = 2.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(_set("Generator", "made_up", 1.0), "made_up is no attribute", id="column"),
        pytest.param(_new_attribute, "Load.response is set: sesgame does not know", id="attribute"),
        pytest.param(_set("Line", "v_ang_min", -5.0), "v_ang_min is set: PyPSA", id="angle"),
        pytest.param(_set("Bus", "nom_max_gas", 1.0), "tech_capacity_expansion_limit", id="bus"),
        pytest.param(
            lambda network: network.add("GlobalConstraint", "g", type="made_up"),
            "'g' has the type 'made_up', which PyPSA ignores",
            id="global constraint",
        ),
        pytest.param(_weighting, "snapshot_weightings has a column 'risk'", id="weighting"),
    ],
)
def test_what_is_on_no_list_is_refused_by_name(change, message):
    network = network_of_two()
    change(network)
    with pytest.raises(GameError, match=message):
        adapters.pypsa.network_game(network, {"ann": "x"}, shared=["supply"])


def test_an_owned_line_without_impedance_is_refused():
    network = network_of_two()
    network.components["Line"].static["x"] = 0.0
    with pytest.raises(GameError, match=r"the Line 'cable' has an owner, but no impedance \(x\)"):
        adapters.pypsa.network_game(network, {"ann": "x", "cable": "x"}, shared=["supply"])


@pytest.mark.parametrize(
    ("network", "options", "message"),
    [
        pytest.param("village", {}, "network must be a pypsa.Network, got str", id="network"),
        pytest.param(None, {"solver_name": "cbc"}, "'solver_name' is not passed", id="solver"),
        pytest.param(None, {"solver": 1}, "'solver' is not passed to PyPSA; m", id="unknown"),
        pytest.param(None, {"extra_functionality": 1}, "must be a function", id="no function"),
        pytest.param(None, {"ignored": "owner"}, "ignored must be a collection", id="ignored"),
        pytest.param(None, {"snapshots": [99]}, "PyPSA cannot build the model", id="snapshots"),
    ],
)
def test_what_pypsa_is_not_to_do_is_refused_by_name(network, options, message):
    network = network or network_of_two()
    with pytest.raises(GameError, match=message):
        adapters.pypsa.network_game(network, {"ann": "x"}, shared=["supply"], **options)


def test_a_column_of_owners_or_one_to_ignore_is_no_attribute():
    network = network_of_two()
    for kind, owner in {"Load": "ann", "Generator": "club"}.items():
        network.components[kind].static["owner"] = owner
        network.components[kind].static["country"] = "NL"
    catalogue.check_network(network, ["country"], "owner")
    with pytest.raises(GameError, match="country is no attribute"):
        catalogue.check_network(network, [], "owner")


@pytest.mark.slow
def test_a_solved_network_gives_the_same_game_and_stays_as_it_is():
    example = village()
    game = game_of(example)
    example.network.optimize(log_to_console=False, include_objective_constant=False)
    model, objective = example.network.model, example.network.objective
    again = game_of(example)
    assert again.value(game.players) == pytest.approx(game.value(game.players), rel=TOLERANCE)
    assert game.value(game.players) == pytest.approx(objective, rel=TOLERANCE)
    assert example.network.model is model


def test_the_page_has_the_tables_of_the_catalogue(monkeypatch):
    monkeypatch.syspath_prepend(Path(__file__).parents[2] / "docs" / "_extensions")
    tables = importlib.import_module("pypsa_tables")
    text = tables.PAGE.read_text(encoding="utf-8")
    assert text.count(tables.attributes()) == text.count(tables.options()) == 1
    assert tables.with_tables(text) == text
