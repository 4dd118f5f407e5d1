"""The adapter of PyPSA against networks that are built anew without the others."""

import sys

import numpy as np
import pandas as pd
import pytest
from sesgame import adapters
from sesgame.errors import GameError

if sys.version_info < (3, 11):
    pytest.skip("PyPSA needs Python 3.11", allow_module_level=True)

import pypsa

TOLERANCE = 1e-6
"""Relative to the value of the grand coalition: what two solves may differ by."""

# What PyPSA, linopy and pandas have to settle among themselves.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]


def village():
    """A network with a bit of everything: two buses, a line, a link, a store, an investment."""
    network = pypsa.Network()
    network.set_snapshots(range(4))
    network.snapshot_weightings.loc[:, :] = pd.DataFrame({"objective": [1, 2, 3, 2]}).to_numpy()
    for carrier in ("AC", "heat"):
        network.add("Carrier", carrier)
    network.add("Bus", ["north", "south"])
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
        p_nom_max=2.0,
        capital_cost=1.0,
        p_max_pu=[0.3, 0.8, 0.1, 0.5],
    )
    owners = {"ann": "ann", "roof": "bob", "bob": "bob", "eve": "eve", "pump": "eve"}
    owners |= {"tank": "ann", "wind": "club"}
    return network, owners, ["supply", "heating"]


def cost_of_network_without_others(coalition):
    network, owners, _ = village()
    for kind in ("Generator", "Load", "Store", "Link"):
        static = network.components[kind].static
        for name in static.index:
            if name in owners and owners[name] not in coalition:
                network.remove(kind, name)
    network.optimize(solver_name="highs", log_to_console=False, include_objective_constant=False)
    return network.objective


@pytest.mark.parametrize(
    "coalition",
    [
        pytest.param(["ann", "bob", "eve", "club"], id="all"),
        pytest.param(["ann", "eve"], id="storage and heat pump"),
        pytest.param(["bob", "club"], id="roof and investment", marks=pytest.mark.slow),
        pytest.param(["ann", "bob"], id="cable", marks=pytest.mark.slow),
        pytest.param(["eve"], id="heat alone", marks=pytest.mark.slow),
    ],
)
def test_a_network_game_is_worth_what_the_network_without_the_others_costs(coalition, caplog):
    caplog.set_level("ERROR")
    network, owners, shared = village()
    game = adapters.pypsa.network_game(network, owners, shared=shared)
    assert list(game.players) == ["ann", "bob", "eve", "club"]
    cost = cost_of_network_without_others(coalition)
    np.testing.assert_allclose(game.value(coalition), cost, rtol=1e-9, atol=1e-9)


def committed():
    network = pypsa.Network()
    network.set_snapshots(range(3))
    network.add("Carrier", "AC")
    network.add("Bus", "bus")
    network.add("Load", "town", bus="bus", p_set=[2.0, 5, 3])
    network.add("Generator", "supply", bus="bus", p_nom=20, marginal_cost=10.0)
    network.add(
        "Generator",
        "plant",
        bus="bus",
        p_nom=6,
        p_min_pu=0.5,
        marginal_cost=2.0,
        start_up_cost=9.0,
        committable=True,
    )
    return network


def test_unit_commitment_gives_a_game_without_dual_prices():
    owners = {"town": "town", "plant": "plant"}
    game = adapters.pypsa.network_game(committed(), owners, shared=["supply"])
    # The plant must run at 3 or more: 2 is bought at first, then it runs for 5 and 3.
    assert game.value(["town"]) == pytest.approx(100.0)
    assert game.value(["plant"]) == pytest.approx(0.0)
    assert game.value(["town", "plant"]) == pytest.approx(20 + 9 + 16)
    with pytest.raises(GameError, match="integer variables: it has no dual prices"):
        adapters.dual_allocation(game)


def network_of_two():
    network = pypsa.Network()
    network.add("Carrier", "AC")
    network.add("Bus", ["a", "b"])
    network.add("Line", "cable", bus0="a", bus1="b", x=0.1, s_nom=1)
    network.add("Load", "ann", bus="a", p_set=1.0)
    network.add("Generator", "supply", bus="a", p_nom=2.0, marginal_cost=1.0)
    return network


@pytest.mark.parametrize(
    ("owners", "shared", "message"),
    [
        pytest.param({"ann": "x"}, [], "the Generator 'supply' has no owner", id="no owner"),
        pytest.param({}, ["supply"], "the Load 'ann' has no owner", id="load without owner"),
        pytest.param({"ann": "x"}, ["ann", "supply"], "has an owner and is shared", id="both"),
        pytest.param({"ann": "x", "cable": "x"}, ["supply"], "'cable' is not in the", id="line"),
        pytest.param({"ann": "x"}, ["supply", "moon"], "'moon' is not in the", id="unknown"),
        pytest.param({"supply": "x"}, ["ann"], r"without members .* \"infeasible\"", id="load"),
    ],
)
def test_a_network_whose_owners_are_not_clear_is_refused(owners, shared, message):
    with pytest.raises(GameError, match=message):
        adapters.pypsa.network_game(network_of_two(), owners, shared=shared)


def test_owners_can_tell_components_of_one_name_apart():
    network = network_of_two()
    network.add("Generator", "ann", bus="a", p_nom=1.0)
    owners = {("Load", "ann"): "ann", ("Generator", "ann"): "club"}
    game = adapters.pypsa.network_game(network, owners, shared=["supply"])
    np.testing.assert_allclose(game.tabulate(), [0.0, 1.0, 0.0, 0.0])
