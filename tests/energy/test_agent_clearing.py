"""Clearing by agents: published and worked numbers, drawn communities, states, what is refused."""

import dataclasses
import pickle
import warnings

import numpy as np
import pytest
import sesgame as sg
from fixtures.agents_for_tests import Quadratic, quadratic_agents, two_neighbours
from fixtures.drawn import drawn
from sesgame.errors import GameError, NotConvergedWarning
from sesgame.testing import communities

clear = sg.energy.clear_by_agents


def test_the_worked_example_has_the_bills_of_the_common_dispatch():
    community = two_neighbours()
    found = clear(community.agents(), progress=False)
    expected = [0.3, 0.27075, 0.27075, 0.3, 0.3, 0.3]
    np.testing.assert_allclose(found.price, expected, atol=2e-6)
    np.testing.assert_allclose(found.bills, [0.717, 2.9415], atol=5e-6)
    np.testing.assert_allclose(found.bills, sg.owen_allocation(community).values, atol=5e-6)
    assert found.converged
    assert found.residuals[-1].max() <= found.tolerance


@pytest.mark.parametrize(
    "options",
    [
        {"rho": 0.05, "adapt": False},
        {"rho": 0.05},
        {"rho": 0.05, "relaxation": 1.6},
        {"rho": 10.0},
        {"rho": 1e-3},
    ],
    ids=str,
)
def test_quadratic_prosumers_find_the_central_price(options):
    # lambda = (sum D + sum d / 2c) / sum 1 / 2c
    agents = quadratic_agents()
    halves = [1 / (2 * agent.c) for agent in agents.values()]
    slopes = [agent.d for agent in agents.values()]
    price = (12 + np.dot(slopes, halves)) / sum(halves)
    assert price == pytest.approx(0.31612903, abs=5e-9)
    found = clear(agents, n_steps=1, tolerance=1e-9, progress=False, **options)
    assert found.price[0] == pytest.approx(price, rel=1e-7)
    produced = [(price - agent.d) / (2 * agent.c) for agent in agents.values()]
    np.testing.assert_allclose(found.exchange[:, 0], [4, 3, 5] - np.array(produced), atol=1e-6)
    assert found.cost == pytest.approx(found.bills.sum(), rel=1e-6)


def test_adaptation_is_what_saves_rounds():
    rounds = {
        adapt: clear(
            quadratic_agents(), n_steps=1, rho=10.0, adapt=adapt, tolerance=1e-9, progress=False
        ).rounds
        for adapt in (True, False)
    }
    assert 10 * rounds[True] < rounds[False]


def ranges(community):
    prices = sg.owen_allocation(community, model="linear", progress=False).evidence
    return prices.lowest, prices.highest, prices


def without_what_agents_lack(community):
    return sg.energy.Community(
        members=community.members,
        steps=community.steps,
        load_kwh=community.load_kwh,
        pv_kwh=community.pv_kwh,
        tariff=community.tariff,
        batteries=community.batteries,
        curtailment=community.curtailment,
    )


@drawn(20, 120, communities(model="linear"))
def test_bills_are_within_the_range_of_the_dual_prices(community):
    community = without_what_agents_lack(community)
    lowest, highest, prices = ranges(community)
    found = clear(community.agents(), tolerance=1e-8, max_rounds=20_000, progress=False)
    money = (np.abs(community.net_load_kwh).sum() + 1) * np.abs(community.buy_per_kwh).max() + 1e-6
    assert found.converged
    assert (found.bills >= lowest - 2e-5 * money).all()
    assert (found.bills <= highest + 2e-5 * money).all()
    assert found.cost == pytest.approx(prices.cost, abs=2e-5 * money)
    assert found.allocation().tolerance <= 1e-4 * money


def test_a_limit_that_belongs_to_nobody_earns_what_it_earns_at_dual_prices():
    # Half an hour of solar surplus that does not fit through the connection.
    community = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2020-06-01T12:00", "2020-06-01T13:00"],
        load_kwh=[[1.0, 1.0], [2.0, 4.0]],
        pv_kwh=[[9.0, 0.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        batteries=[
            sg.energy.Battery(
                owner="bob",
                energy_kwh=3,
                power_kw=2,
                charge_efficiency=0.9,
                discharge_efficiency=0.9,
            )
        ],
        curtailment="allowed",
        grid=sg.energy.Grid(export_limit_kw=2.0),
    )
    lowest, highest, prices = ranges(community)
    found = clear(community.agents(), tolerance=1e-9, max_rounds=20_000, progress=False)
    assert prices.duality_gap < -1e-3  # the limit binds
    assert found.cost == pytest.approx(prices.cost, abs=1e-6)
    assert found.bills.sum() - found.cost == pytest.approx(-prices.duality_gap, abs=1e-5)
    assert (found.bills >= lowest - 1e-5).all()
    assert (found.bills <= highest + 1e-5).all()


def test_wear_is_a_part_of_the_bill_of_its_owner():
    community = two_neighbours(degradation_cost_per_kwh=0.02)
    lowest, highest, prices = ranges(community)
    found = clear(community.agents(), tolerance=1e-8, progress=False)
    assert found.own_costs[0] > 0.01
    assert found.own_costs[1] == 0.0
    paid = (found.exchange * found.price).sum(axis=1)
    np.testing.assert_allclose(found.bills, paid + found.own_costs, atol=1e-12)
    assert found.cost == pytest.approx(prices.cost, abs=1e-6)
    assert (found.bills >= lowest - 1e-6).all()
    assert (found.bills <= highest + 1e-6).all()


@pytest.mark.parametrize(("money", "energy"), [(64.0, 1.0), (1.0, 1024.0), (2**-9, 2**-9)])
def test_units_do_not_matter(money, energy):
    community = two_neighbours()
    scaled = sg.energy.Community(
        members=community.members,
        steps=community.steps,
        load_kwh=energy * community.load_kwh,
        pv_kwh=energy * community.pv_kwh,
        tariff=sg.energy.Tariff.flat(0.30 * money / energy, 0.08 * money / energy),
        batteries=[
            sg.energy.Battery(
                owner="a",
                energy_kwh=4 * energy,
                power_kw=2 * energy,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
            )
        ],
    )
    one, other = (clear(each.agents(), progress=False) for each in (community, scaled))
    # Powers of two change no bits.
    np.testing.assert_array_equal(other.bills, money * one.bills)
    np.testing.assert_array_equal(other.residuals, one.residuals)


def test_the_order_of_agents_does_not_matter():
    agents = two_neighbours().agents()
    one = clear(agents, progress=False)
    other = clear({label: agents[label] for label in ("grid", "b", "a")}, progress=False)
    assert other.members == ("b", "a")
    np.testing.assert_allclose(other.bills[::-1], one.bills, rtol=1e-9)


def test_a_clearing_goes_on_as_if_it_had_never_stopped(tmp_path):
    agents = two_neighbours().agents()
    whole = clear(agents, progress=False)
    with pytest.warns(NotConvergedWarning, match="after 43 rounds the residuals are"):
        part = clear(agents, max_rounds=43, checkpoint=tmp_path / "state.json", progress=False)
    assert not part.converged
    assert part.rounds == 43
    for state in (part.state, tmp_path / "state.json", pickle.loads(pickle.dumps(part.state))):
        rest = clear(agents, resume=state, progress=False)
        np.testing.assert_array_equal(rest.price, whole.price)
        np.testing.assert_array_equal(rest.bills, whole.bills)
        np.testing.assert_array_equal(rest.residuals, whole.residuals)
    assert sg.energy.ClearingState.load(tmp_path / "state.json") == part.state


def test_what_did_not_converge_says_so_in_the_allocation():
    community = two_neighbours()
    with pytest.warns(NotConvergedWarning):
        part = clear(community.agents(), max_rounds=5, progress=False)
    evidence = part.allocation().evidence
    assert "do not agree after 5 rounds" in evidence.unproved
    assert evidence.grounds(part.allocation(), str) == []
    assert "not converged" in repr(part)


def test_the_allocation_is_a_row_beside_others():
    community = two_neighbours()
    found = clear(community.agents(), tolerance=1e-8, progress=False).allocation()
    assert found.kind == "cost"
    np.testing.assert_allclose(found.values, [0.717, 2.9415], atol=1e-6)
    evidence = found.evidence
    assert evidence.arrangement == pytest.approx(3.6585, abs=1e-6)
    assert evidence.unproved == ""
    assert evidence.basis.members == ("a", "b")
    np.testing.assert_allclose(evidence.basis.costs_alone, [0.717, 3.0], atol=1e-9)
    text = str(sg.compare(community, ["dual-prices", "agents"]))
    assert "agents" in text


def test_the_rule_is_the_clearing():
    community = two_neighbours()
    row = sg.compare(community, ["agents"])["agents"]
    clearing = clear(community.agents(), tolerance=1e-10, progress=False)
    np.testing.assert_array_equal(row.allocation.values, clearing.bills)


def test_what_is_said_of_bills_is_checked_on_the_game():
    community = two_neighbours()
    game = community.cost_game()
    evidence = clear(community.agents(), progress=False).allocation().evidence
    found = evidence.verify(game)
    assert found.state == "open"
    assert found.failures == ()
    for change, what in (
        ({"cost": 3.5}, "bills are 3.6585 in all, and the cost 3.5"),
        ({"cost": 3.5, "values": (0.6, 2.9)}, "it is said to cost 3.5, and the optimum is 3.6585"),
        ({"balance_residual": 1e-3}, "the residuals are up to 0.001"),
        ({"converged": False}, "and the tolerance 1e-06"),
        (
            {"terms": dataclasses.replace(evidence.terms, costs_alone=(0.5, 3.0))},
            "alone a bears 0.5 there, and 0.717 here",
        ),
    ):
        refuted = dataclasses.replace(evidence, **change).verify(game)
        assert refuted.state == "refuted"
        assert what in " ".join(refuted.failures)
    # Of agents that are of no community no game tells anything.
    assert dataclasses.replace(evidence, terms=None).verify(game) is None


def test_over_relaxation_comes_to_the_same_prices():
    agents = two_neighbours().agents()
    found = clear(agents, relaxation=1.6, tolerance=1e-8, max_rounds=20_000, progress=False)
    np.testing.assert_allclose(found.bills, [0.717, 2.9415], atol=1e-6)


def test_without_a_grid_the_members_clear_among_themselves():
    # Nobody outside: what one has to spare the other one has to take.
    agents = two_neighbours().agents()
    mixed = {"a": agents["a"], "quadratic": Quadratic(0.02, 0.1, np.array([1.0, 2, 3, 1, 2, 1]))}
    found = clear(mixed, rho=0.05, tolerance=1e-8, max_rounds=20_000, progress=False)
    assert np.abs(found.exchange.sum(axis=0)).max() < 1e-6
    # What the prosumer pays beyond its own cost is what a gets.
    assert found.bills.sum() == pytest.approx(found.cost, abs=1e-6)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"rho": 0.0}, "rho must be positive", id="rho"),
        pytest.param({"rho": -1.0}, "rho must be positive", id="negative rho"),
        pytest.param({"relaxation": 2.0}, "relaxation must be above 0 and below 2", id="alpha"),
        pytest.param({"tolerance": 0.0}, "tolerance must be positive", id="tolerance"),
        pytest.param({"max_rounds": 0}, "max_rounds must be at least 1", id="rounds"),
        pytest.param({"timeout": 0.0}, "timeout must be positive", id="timeout"),
        pytest.param({"n_steps": 5}, "n_steps has 5 steps, and the agent 'a' has 6", id="steps"),
        pytest.param({"resume": 3}, "resume must be a ClearingState or a path", id="resume"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(GameError, match=message):
        clear(two_neighbours().agents(), progress=False, **options)


def test_states_of_other_clearings_are_refused(tmp_path):
    agents = two_neighbours().agents()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotConvergedWarning)
        state = clear(agents, max_rounds=2, progress=False).state
    for wrong, message in (
        ({"labels": ("x", "b", "grid")}, "of the agents"),
        ({"scaled_price": np.zeros(5)}, "of 5 steps, not of 6"),
        ({"weights": np.ones(3)}, "with other weights"),
        ({"relaxation": 1.5}, "relaxation=1.5, not of 1"),
        ({"balanced_kwh": np.zeros((1, 6))}, "with mask=True"),
    ):
        with pytest.raises(GameError, match=message):
            clear(agents, resume=dataclasses.replace(state, **wrong), progress=False)
    path = tmp_path / "state.json"
    for content, message in (
        ("{}", "is no state of a clearing by agents"),
        ("[1, 2", "is no JSON"),
        ('{"kind": "clearing by agents"}', "has no labels"),
    ):
        path.write_text(content)
        with pytest.raises(GameError, match=message):
            clear(agents, resume=path, progress=False)
    state.save(path)
    path.write_text(path.read_text().replace('"rho": ', '"rho": -'))
    with pytest.raises(GameError, match="rho, relaxation and weights must be positive"):
        clear(agents, resume=path, progress=False)
    with pytest.raises(GameError, match="labels in a file must be text or whole numbers"):
        dataclasses.replace(state, labels=(("x",), "b", "grid")).save(path)


STEPS = [f"2020-01-01T0{hour}:00" for hour in range(3)]


def small(**options):
    return sg.energy.Community(
        **{
            "members": ["ann", "bob"],
            "steps": STEPS,
            "load_kwh": [[1, 2, 3], [2, 1, 1]],
            "pv_kwh": [[0, 5, 0], [0, 0, 0]],
            "tariff": sg.energy.Tariff.flat(0.3, 0.1),
            **options,
        }
    )


def battery(**options):
    return sg.energy.Battery(
        **{
            "owner": "ann",
            "energy_kwh": 2,
            "power_kw": 1,
            "charge_efficiency": 0.9,
            "discharge_efficiency": 0.9,
            **options,
        }
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            {"grid": sg.energy.Grid(demand_charges=[sg.energy.DemandCharge(5.0)])},
            "agents do not have demand charges",
            id="demand charge",
        ),
        pytest.param(
            {"grid": sg.energy.Grid(connection_limits_kw={"ann": 1.0})},
            "agents do not have connection limits",
            id="connection",
        ),
        pytest.param(
            {
                "storage_offers": [
                    sg.energy.StorageOffer(
                        name="lithium",
                        price_per_kwh_year=25,
                        price_per_kw_year=10,
                        charge_efficiency=0.95,
                        discharge_efficiency=0.95,
                    )
                ]
            },
            "agents do not have storage to buy",
            id="offer",
        ),
        pytest.param(
            {
                "batteries": [battery()],
                "exclusive": True,
                "tariff": sg.energy.Tariff.flat(0.3, -0.1),
            },
            r"never charges and discharges at once \(an integer decision",
            id="integer",
        ),
        pytest.param(
            {"tariff": sg.energy.Tariff.flat(0.1, 0.3)},
            "where selling earns more than buying costs, no price clears",
            id="sells above buy",
        ),
        pytest.param(
            {"batteries": [battery()], "controller": sg.energy.SelfConsumption()},
            'agents choose what their batteries do, and with model="re-run"',
            id="controller",
        ),
        pytest.param(
            {"batteries": [battery()], "battery_kwh": [[0, 1, -1], [0, 0, 0]]},
            'agents choose what their batteries do, and with model="as-it-ran"',
            id="readings",
        ),
    ],
)
def test_what_agents_do_not_have_is_refused_by_name(options, message):
    with pytest.raises(GameError, match=message):
        small(**options).agents()


def test_the_rule_goes_on_until_an_audit_has_nothing_to_say():
    community = two_neighbours()
    comparison = sg.compare(
        community, {"rule": "agents", "rough": clear(community.agents())}, progress=False
    )
    rule, rough = comparison.rows
    assert rule.audit.in_core
    assert rule.efficient
    assert not rough.efficient
    assert abs(rough.budget_balance) > rough.audit.tolerance
    assert rule.allocation.evidence.converged
    assert rule.allocation.evidence.rounds > rough.allocation.evidence.rounds


def test_the_rule_keeps_what_agents_agree_on_where_more_is_out_of_reach(monkeypatch):
    monkeypatch.setattr("sesgame.energy.agents.agents_rule.FINE", 1e-300)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = sg.compare(two_neighbours(), "agents")["agents"].allocation
    assert found.evidence.converged
    assert found.evidence.tolerance == 1e-6


def test_other_models_and_periods_are_those_of_the_community():
    community = two_neighbours()
    netted = clear(community.agents(model="netting"), progress=False)
    assert netted.cost == pytest.approx(
        community.cost_game(model="netting").value(["a", "b"]), abs=1e-5
    )
    part = community.agents(start="2020-01-01T02:00", end="2020-01-01T04:00")
    assert len(clear(part, progress=False).price) == 2
    assert list(two_neighbours().agents()) == ["a", "b", "grid"]
    named = sg.energy.Community(
        members=["grid", "bob"],
        steps=STEPS,
        load_kwh=[[1, 2, 3], [2, 1, 1]],
        tariff=sg.energy.Tariff.flat(0.3, 0.1),
    )
    assert list(named.agents()) == ["grid", "bob", "grid_"]


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([0.3], [0.1, 0.1]), {}, "one price for each step"),
        (([0.1], [0.3]), {}, "no price clears"),
        (([np.inf], [0.3]), {}, "buy_per_kwh is inf in step 0"),
        (([0.3], [0.1]), {"import_limit_kwh": -1.0}, "import_limit_kwh must be non-negative"),
        (([0.3], [0.1]), {"weight": 0.0}, "weight must be positive"),
        ((["x"], [0.1]), {}, "buy_per_kwh is not an array of numbers"),
    ],
)
def test_a_grid_that_is_none_is_refused(arguments, options, message):
    with pytest.raises(GameError, match=message):
        sg.energy.GridAgent(*arguments, **options)


def test_a_grid_answers_within_its_limits():
    grid = sg.energy.GridAgent([0.3, 0.3], [0.1, 0.1], import_limit_kwh=1.0, export_limit_kwh=0.5)
    assert grid.respond(np.array([-9.0, 9.0]), 1.0).tolist() == [-1.0, 0.5]
    assert grid.own_cost(np.array([-9.0, 9.0]), 1.0) == pytest.approx(0.3 - 0.05)
    # At 0 there is a kink: at prices between both nothing is exchanged.
    assert grid.respond(np.array([-0.2, -0.2]), 1.0).tolist() == [0.0, 0.0]
