"""Communities with all that a linear program has, against a dense model of each coalition."""

from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import MEMBERS, OFFER, WORLDS, battery, community
from reference.world_lp import least_cost
from sesgame.energy import Grid, StorageOffer
from sesgame.errors import GameError


def coalitions():
    return [set(c) for size in range(1, 5) for c in combinations(MEMBERS, size)]


@pytest.mark.parametrize("name", WORLDS)
def test_every_coalition_costs_what_a_model_of_its_own_says(name):
    for seed in range(3):
        here = community(seed, **WORLDS[name])
        game = here.cost_game(model="linear")
        for members in coalitions():
            expected = least_cost([here], [1.0], members)
            if np.isnan(expected):
                with pytest.raises(GameError, match="not a finite number"):
                    game.value(members)
            else:
                assert game.value(members) == pytest.approx(expected, abs=1e-7), (seed, members)


@pytest.mark.parametrize("name", WORLDS)
def test_bills_at_dual_prices_are_in_the_core_and_add_up_by_step(name):
    for seed in range(3):
        here = community(seed, **WORLDS[name])
        bills = sg.owen_allocation(here, model="linear", progress=False)
        evidence = bills.evidence
        assert np.allclose(evidence.bills_by_step.sum(axis=1), bills.values, atol=1e-9)
        assert evidence.cost == pytest.approx(here.cost_game().value(MEMBERS), abs=1e-9)
        assert (evidence.lowest <= bills.values + 1e-9).all()
        assert (evidence.highest >= bills.values - 1e-9).all()
        for members in coalitions():
            cost = least_cost([here], [1.0], members)
            share = sum(bills[member] for member in members)
            # What limits that nobody brings earn is charged on top of the cost.
            assert np.isnan(cost) or share - (bills.total - evidence.cost) <= cost + 1e-7
        if "limit" not in name and "feeder" not in name and name != "everything":
            assert evidence.duality_gap == pytest.approx(0, abs=1e-9)


def test_a_binding_limit_that_nobody_brings_is_reported_as_a_gap():
    # Of three kWh left over half of one can be sold: energy is worth nothing, the limit 0.05.
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[0.0, 0.0], [1.0, 0.0]],
        pv_kwh=[[4.0, 0.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        grid=Grid(export_limit_kw=0.5),
        curtailment="allowed",
    )
    bills = sg.owen_allocation(here, progress=False)
    assert bills.evidence.duality_gap == pytest.approx(-0.05)
    audit = sg.audit(here.cost_game(), bills)
    assert not audit.efficient
    assert audit.efficiency_gap == pytest.approx(0.05)


def test_recursion_and_linear_program_agree_in_values_prices_and_ranges():
    for seed in range(6):
        here = community(seed, batteries=[battery("ann", 4.0, 2.0), battery("cid", 2.0, 1.0)])
        assert here.default_model == "battery"
        fast, linear = (here.cost_game(model=model).tabulate() for model in ("battery", "linear"))
        assert np.allclose(fast, linear, atol=1e-9)
        recursion = sg.owen_allocation(here, progress=False)
        program = sg.owen_allocation(here, model="linear", progress=False)
        for bound in ("lowest", "highest"):
            expected = getattr(recursion.evidence, bound)
            assert np.allclose(getattr(program.evidence, bound), expected, atol=1e-7)


def test_the_schedule_is_feasible_and_costs_what_it_says():
    here = community(1, **WORLDS["everything"])
    schedule = here.dispatch(["ann", "bob", "cid"])
    flow = schedule.net_load_kwh + schedule.charge_kwh - schedule.discharge_kwh
    unused = flow - (schedule.grid_import_kwh - schedule.grid_export_kwh)
    assert (unused < 1e-9).all(), "only PV may be left unused"
    assert schedule.model == "linear"
    assert schedule.cost == pytest.approx(here.cost_game().value(["ann", "bob", "cid"]))
    assert set(schedule.purchases) == {"lithium"}
    assert schedule.peak_import_kw == pytest.approx(schedule.grid_import_kwh.max() * 2)
    assert len(schedule.to_pandas()) == 6


def test_cheap_storage_is_bought_and_dear_storage_is_not():
    def bought(price):
        offer = StorageOffer(
            name="any",
            price_per_kwh_year=price,
            price_per_kw_year=0.0,
            charge_efficiency=1.0,
            discharge_efficiency=1.0,
        )
        energy, _ = community(0, storage_offers=[offer]).dispatch().purchases["any"]
        return energy

    assert bought(1e6) == 0 < bought(1.0)


def test_scenarios_share_what_is_bought_and_cost_their_mean():
    days = [community(seed, storage_offers=[OFFER]) for seed in range(3)]
    scenarios = sg.energy.Scenarios(days, [0.5, 0.3, 0.2])
    game = scenarios.cost_game()
    for members in coalitions():
        expected = least_cost(days, [0.5, 0.3, 0.2], members)
        assert game.value(members) == pytest.approx(expected, abs=1e-7)
    schedules = scenarios.dispatch()
    assert len({str(schedule.purchases) for schedule in schedules}) == 1
    mean = sum(w * s.cost for w, s in zip([0.5, 0.3, 0.2], schedules, strict=True))
    assert mean == pytest.approx(game.value(MEMBERS))
    assert sg.audit(game, sg.owen_allocation(scenarios, progress=False)).in_core


def test_scenarios_without_purchases_are_weighted_recursions():
    days = [community(seed, batteries=[battery("ann")]) for seed in range(3)]
    scenarios = sg.energy.Scenarios(days)
    table = sum(day.cost_game().tabulate() for day in days) / 3
    assert scenarios.default_model == "battery"
    assert np.allclose(scenarios.cost_game().tabulate(), table, atol=1e-12)
    bills = sg.owen_allocation(scenarios, progress=False)
    assert sg.audit(scenarios.cost_game(), bills).in_core
    each = [sg.owen_allocation(day, progress=False) for day in days]
    lowest = sum(bill.evidence.lowest for bill in each) / 3
    assert np.allclose(bills.evidence.lowest, lowest, atol=1e-7)


def test_the_nearest_bills_are_nearest_among_all_optimal_prices():
    # Loads and surplus cancel, so every price between 0.10 and 0.30 proves the dispatch.
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-2.0, 1.0], [2.0, 1.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
    )
    bills = sg.owen_allocation(here, reference={"ann": -0.1, "bob": 0.7}, progress=False)
    assert bills.values == pytest.approx([-0.1, 0.7])
    assert bills.evidence.distance == pytest.approx(0, abs=1e-9)
    assert bills.evidence.energy_price == pytest.approx([0.2, 0.3])
    beyond = sg.owen_allocation(here, reference=[-5.0, 9.0], progress=False)
    assert beyond.values == pytest.approx([-0.3, 0.9])
    assert [beyond.evidence.lowest[0], beyond.evidence.highest[0]] == pytest.approx([-0.3, 0.1])


def test_a_demand_charge_with_ties_is_shared_as_the_reference_asks():
    # Two equal peaks: any mixture of their prices proves the dispatch.
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[2.0, 1.0], [1.0, 2.0]],
        tariff=sg.energy.Tariff.flat(0.0, 0.0),
        grid=Grid(demand_charge_per_kw=3.0),
    )
    for ann in (3.0, 4.5, 6.0):
        bills = sg.owen_allocation(here, reference=[ann, 9 - ann], progress=False)
        assert bills.values == pytest.approx([ann, 9 - ann])
    assert bills.evidence.lowest == pytest.approx([3.0, 3.0])
    assert bills.evidence.highest == pytest.approx([6.0, 6.0])


def test_an_operator_without_meters_earns_by_its_battery():
    load = np.array([[2.0, 2.0, 2.0], [0.0, 0.0, 0.0]])
    here = sg.energy.Community(
        members=["ann", "operator"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00", "2016-06-01T14:00"],
        load_kwh=load,
        tariff=sg.energy.PriceSeries(
            sg.energy.TimeSteps.from_times(
                ["2016-06-01T12:00", "2016-06-01T13:00", "2016-06-01T14:00"]
            ),
            [0.1, 0.4, 0.4],
            [0.0, 0.0, 0.0],
        ),
        batteries=[battery("operator", 1.0, 1.0, 1.0, wear=0.05)],
    )
    bills = sg.owen_allocation(here, progress=False)
    assert bills["operator"] == pytest.approx(-0.25)
    assert sg.audit(here.cost_game(), bills).in_core


def test_storage_without_capacity_or_power_does_nothing():
    idle = [battery("ann", 0.0, 2.0, 0.9), battery("bob", 2.0, 0.0, 0.8)]
    here = community(0, batteries=idle)
    plain = community(0)
    for model in ("battery", "linear"):
        table = here.cost_game(model=model).tabulate()
        assert np.allclose(table, plain.cost_game().tabulate(), atol=1e-9)


def test_storage_without_capacity_cannot_burn_what_nobody_wants():
    # Feeding in costs money: a battery with losses would help, one without capacity is none.
    here = sg.energy.Community(
        members=["ann"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-2.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, -0.10),
        batteries=[battery("ann", 0.0, 2.0, 0.5)],
    )
    assert here.cost_game().value(["ann"]) == pytest.approx(0.2)
    assert here.dispatch().cost == sg.owen_allocation(here).total == pytest.approx(0.2)


def test_netting_buys_no_storage_whichever_way_the_prices_are_found():
    here = community(0, **WORLDS["storage to buy"])
    cost = here.cost_game(model="netting").value(here.members)
    by_recursion = sg.owen_allocation(here, model="netting", progress=False)
    nearest = sg.owen_allocation(
        here, model="netting", reference=by_recursion.values, progress=False
    )
    assert by_recursion.values.sum() == pytest.approx(cost)
    assert nearest.values.sum() == pytest.approx(cost)
    assert nearest.values == pytest.approx(by_recursion.values)
