"""Metered storage under contracts: every element bills what the batteries left, by hand."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import GameError

from tests.fixtures.contracts import BANDS, ELEMENTS, contract_of, rows_of
from tests.reference import bill_oracle
from tests.reference.controlled_storage import run, self_consumption

E = sg.energy

ROUNDING = 1e-9
"""Of the money that flows: sums of some hundred steps in another order."""

MEMBERS = ("ann", "bob", "cid")
LOSSY = {"charge_efficiency": 0.9, "discharge_efficiency": 0.8}
WEAR = 0.03


def month_ends(contract, **changes):
    """Return three days with two unlike batteries, of which there are readings."""
    random = np.random.default_rng(7)
    steps = E.TimeSteps(np.datetime64("2024-02-28T00:00"), np.timedelta64(30, "m"), 3 * 48)
    load = random.gamma(2.0, 0.25, (3, steps.n_steps))
    sun = np.maximum(np.sin(np.arange(steps.n_steps) * np.pi / 24 - np.pi / 2), 0.0)
    options = {
        "members": MEMBERS,
        "steps": steps,
        "load_kwh": load,
        "pv_kwh": random.gamma(2.0, 0.9, (3, steps.n_steps)) * sun,
        "tariff": contract,
        "batteries": [
            E.Battery(owner="ann", energy_kwh=3, power_kw=2, **LOSSY),
            E.Battery(
                owner="bob", energy_kwh=2, power_kw=2, **LOSSY, degradation_cost_per_kwh=WEAR
            ),
        ],
        "battery_kwh": random.normal(0.0, 0.3, (3, steps.n_steps)) * [[1.0], [1.0], [0.0]],
        "controller": E.SelfConsumption(),
    }
    return E.Community(**options | changes)


def by_hand(community, flow_kwh):
    """Return what a profile is billed, as in a spreadsheet."""
    drawn, fed_in = np.maximum(flow_kwh, 0.0), np.maximum(-flow_kwh, 0.0)
    contract = community.contract
    rows = rows_of(community.steps, contract.energy, drawn, fed_in)
    return bill_oracle.in_game(contract, rows, community.steps.step_hours)


def as_it_ran(community, members):
    """Return the cost of a coalition by its readings."""
    rows = [community.members.index(member) for member in members]
    worn = WEAR * np.maximum(-community.battery_kwh[1], 0.0).sum() * ("bob" in members)
    flow = (community.net_load_kwh + community.battery_kwh)[rows].sum(axis=0)
    return by_hand(community, flow) + worn


def run_again(community, members):
    """Return the cost of a coalition with the batteries that its controller runs."""
    rows = [community.members.index(member) for member in members]
    flow, worn = community.net_load_kwh[rows].sum(axis=0), 0.0
    moves, _ = run(community, members, self_consumption)
    units = [battery for battery in community.batteries if battery.owner in members]
    for step, done in enumerate(moves):
        for battery, (charge, discharge, _) in zip(units, done, strict=True):
            flow[step] += charge - discharge
            worn += battery.degradation_cost_per_kwh * discharge
    return by_hand(community, flow) + worn


def coalitions():
    return [who for size in (1, 2, 3) for who in itertools.combinations(MEMBERS, size)]


@pytest.mark.parametrize("element", ELEMENTS)
def test_every_element_bills_what_metered_storage_leaves(element):
    community = month_ends(contract_of(element))
    ran, again = (community.cost_game(model=model) for model in ("as-it-ran", "re-run"))
    everybody = as_it_ran(community, MEMBERS)
    for members in coalitions():
        expected = as_it_ran(community, members)
        assert ran.value(members) == pytest.approx(expected, rel=ROUNDING), members
        expected = everybody if members == MEMBERS else run_again(community, members)
        assert again.value(members) == pytest.approx(expected, rel=ROUNDING), members
    assert again.value([]) == ran.value([]) == 0.0


@pytest.mark.parametrize("element", ["net metering, month", "capped credit", "minimum bill"])
def test_the_bill_is_the_cost_of_the_game_without_wear(element):
    community = month_ends(contract_of(element))
    worn = WEAR * np.maximum(-community.battery_kwh[1], 0.0).sum()
    assert community.default_model == "re-run"
    assert community.bill().cost + worn == pytest.approx(community.cost_game().value(MEMBERS))
    alone = community.bill(["ann"]).cost
    assert alone == pytest.approx(community.cost_game().value(["ann"]))
    shares = sg.shapley_value(community.cost_game())
    assert "re-run by self-consumption" in str(
        sg.report(community.cost_game(), shares, community=community)
    )


def test_selling_above_buying_is_billed_where_storage_is_metered():
    above = E.Tariff([replace(BANDS.bands[0], sell_per_kwh=0.5), *BANDS.bands[1:]])
    contract = replace(contract_of("minimum bill"), energy=above)
    community = month_ends(contract)
    for model, cost in (("as-it-ran", as_it_ran), ("re-run", run_again)):
        value = community.cost_game(model=model).value(["ann", "bob"])
        assert value == pytest.approx(cost(community, ["ann", "bob"]), rel=ROUNDING)
        assert "not subadditive" in community.description(model)
    bare = month_ends(contract, batteries=(), battery_kwh=None, controller=None)
    assert bare.default_model == "contract"
    assert "not subadditive" in bare.description()
    expected = by_hand(bare, bare.net_load_kwh[[0, 2]].sum(axis=0))
    assert bare.cost_game().value(["ann", "cid"]) == pytest.approx(expected, rel=ROUNDING)


def test_no_dual_prices_where_selling_earns_more():
    energy = E.Tariff.flat(0.2, 0.3)
    contract = E.Contract(name="odd", energy=energy, credit="net per month")
    bare = month_ends(contract, batteries=(), battery_kwh=None, controller=None)
    with pytest.raises(GameError, match="no bills at dual prices"):
        sg.owen_allocation(bare, progress=False)


@pytest.mark.parametrize(
    ("changes", "model", "message"),
    [
        ({}, "linear", 'does not support net metering per month; model="re-run" does'),
        ({"controller": None}, "battery", 'net metering per month; model="as-it-ran" does'),
        ({}, "contract", "cannot be billed beside batteries, readings of batteries"),
        (
            {"battery_kwh": None, "controller": None},
            None,
            "or give meters with the storage as it ran",
        ),
        (
            {"grid": E.Grid(export_limit_kw=0.1), "batteries": ()},
            "as-it-ran",
            'model="as-it-ran" does not support an export limit$',
        ),
    ],
)
def test_what_no_bill_of_a_month_has_is_refused(changes, model, message):
    if changes.get("batteries") == ():
        changes["controller"] = None
    community = month_ends(contract_of("net metering, month"), **changes)
    with pytest.raises(GameError, match=message):
        community.cost_game(model=model)


def test_readings_of_batteries_that_wear_unequally_have_no_known_wear():
    batteries = [
        E.Battery(owner="ann", energy_kwh=3, power_kw=2, **LOSSY, degradation_cost_per_kwh=wear)
        for wear in (0.0, WEAR)
    ]
    community = month_ends(BANDS, batteries=batteries)
    for model in ("as-it-ran", "re-run"):
        with pytest.raises(GameError, match="readings of batteries of ann that wear unequally"):
            community.cost_game(model=model)
    assert month_ends(BANDS, batteries=batteries, battery_kwh=None).default_model == "re-run"
