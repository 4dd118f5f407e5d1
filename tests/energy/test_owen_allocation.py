"""Dual bills: in the core by enumeration, and their ranges against a linear program."""

import json

import numpy as np
import pandas as pd
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from reference.dispatch_lp import bill_range
from sesgame.testing import assert_budget_balanced, assert_in_core, communities


def random_community(seed: int, members: int, steps: int, *, ties: bool = False):
    """Return a community in which the last member is an operator with a battery and no meter."""
    random = np.random.default_rng(seed)
    load = random.normal(size=(members, steps))
    load[-1] = 0
    if ties:
        load = np.round(load)
    sell = random.uniform(-0.1 if seed % 2 else 0.0, 0.2, steps)
    buy = sell + random.uniform(0, 0.3, steps)
    if ties:
        sell, buy = np.full(steps, 0.1), np.full(steps, 0.3)
    owners = ["m0", f"m{members - 1}"]
    half_hours = sg.energy.TimeSteps.from_times(
        np.datetime64("2016-06-01T00:00") + np.arange(steps) * np.timedelta64(30, "m")
    )
    return sg.energy.Community(
        members=[f"m{index}" for index in range(members)],
        steps=half_hours,
        load_kwh=load,
        tariff=sg.energy.PriceSeries(half_hours, buy, sell),
        batteries=[
            sg.energy.Battery(
                owner=owner,
                energy_kwh=float(random.integers(0, 4)),
                power_kw=float(random.integers(0, 4)),
                charge_efficiency=0.9,
                discharge_efficiency=0.95,
            )
            for owner in owners
        ],
    )


@pytest.mark.parametrize("ties", [False, True])
def test_the_bills_are_in_the_core_of_every_community_that_can_be_enumerated(ties):
    for seed in range(30):
        community = random_community(seed, 2 + seed % 11, 2 + seed, ties=ties)
        bills = sg.owen_allocation(community, model="battery")
        assert_in_core(community.cost_game(model="battery"), bills)
        assert bills.evidence.cost == pytest.approx(bills.total, abs=1e-9)


@drawn(20, 50, communities())
def test_the_bills_are_in_the_core_of_communities_with_what_is_rare(community):
    for model in (None, "battery"):
        bills = sg.owen_allocation(community, model=model)
        assert_in_core(community.cost_game(model=model), bills)
        assert_budget_balanced(bills, total=community.dispatch(model=model).cost)


@pytest.mark.parametrize("ties", [False, True])
def test_the_range_of_a_bill_is_that_of_all_optimal_prices(ties):
    for seed in range(8):
        community = random_community(seed, 4, 6, ties=ties)
        bills = sg.owen_allocation(community, model="battery")
        pool = community.pool("battery")
        power = pool.charge_power_kw * community.steps.step_hours
        resources = np.column_stack(
            [community.net_load_kwh, pool.energy_kwh, power, pool.initial_charge_kwh]
        )
        for member, own in enumerate(resources):
            expected = bill_range(
                resources.sum(axis=0),
                own,
                pool.charge_efficiency,
                pool.discharge_efficiency,
                1.0,
                community.buy_per_kwh,
                community.sell_per_kwh,
            )
            found = (bills.evidence.lowest[member], bills.evidence.highest[member])
            assert found == pytest.approx(expected, abs=1e-6), f"seed {seed}, member {member}"
            assert found[0] <= bills.values[member] <= found[1]


def test_balanced_surplus_leaves_the_price_open_between_sell_and_buy():
    community = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-2.0, 0.0], [2.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
    )
    bills = sg.owen_allocation(community)
    assert bills.total == 0
    np.testing.assert_allclose(bills.evidence.lowest, [-0.6, 0.2], atol=1e-9)
    np.testing.assert_allclose(bills.evidence.highest, [-0.2, 0.6], atol=1e-9)


def test_the_steps_add_up_to_the_bills_and_periods_to_the_year():
    community = random_community(3, 5, 48)
    bills = sg.owen_allocation(community)
    np.testing.assert_allclose(bills.evidence.bills_by_step.sum(axis=1), bills.values)
    netting = sg.owen_allocation(community, model="netting")
    parts = [
        sg.owen_allocation(community, start=start, end=end, model="netting").values
        for start, end in [(None, "2016-06-01T12:00"), ("2016-06-01T12:00", None)]
    ]
    np.testing.assert_allclose(sum(parts), netting.values)


def test_a_part_of_the_meters_is_billed_like_meters_of_that_part_alone():
    random = np.random.default_rng(0)
    whole = random_community(4, 7, 48)
    pv = np.abs(random.normal(size=(7, 48)))
    whole = sg.energy.Community(
        members=whole.members,
        steps=whole.steps,
        load_kwh=whole.load_kwh,
        pv_kwh=pv,
        tariff=whole.tariff,
        batteries=whole.batteries,
    )
    part = whole.period("2016-06-01T06:00", "2016-06-01T18:00")
    alone = sg.energy.Community(
        members=whole.members,
        steps=part.steps,
        load_kwh=part.net_load_kwh,
        tariff=sg.energy.PriceSeries(part.steps, part.buy_per_kwh, part.sell_per_kwh),
        batteries=whole.batteries,
    )
    found = sg.owen_allocation(part, model="battery").evidence
    expected = sg.owen_allocation(alone, model="battery").evidence
    for name in ("bills", "lowest", "highest", "bills_by_step"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    assert found.turnover == expected.turnover == pytest.approx(np.abs(found.bills_by_step).sum())


def test_a_member_without_meter_or_battery_pays_nothing():
    community = random_community(1, 4, 24)
    alone = sg.energy.Community(
        members=[*community.members, "eve"],
        steps=community.steps,
        load_kwh=np.vstack([community.load_kwh, np.zeros(24)]),
        tariff=community.tariff,
        batteries=community.batteries,
    )
    bills = sg.owen_allocation(alone)
    assert bills["eve"] == bills.evidence.highest[4] == bills.evidence.lowest[4] == 0


def test_ten_thousand_members_are_billed_to_the_cost_of_their_dispatch():
    random = np.random.default_rng(0)
    members, steps = 10_000, 24
    load = random.normal(size=(members, steps))
    community = sg.energy.Community(
        members=[f"m{index}" for index in range(members)],
        steps=pd.date_range("2016-06-01", periods=steps, freq="h").to_numpy(),
        load_kwh=load,
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
        batteries=[
            sg.energy.Battery(
                owner=f"m{index}",
                energy_kwh=5,
                power_kw=2,
                charge_efficiency=0.95,
                discharge_efficiency=0.95,
            )
            for index in range(0, members, 3)
        ],
    )
    bills = sg.owen_allocation(community)
    assert bills.total == pytest.approx(community.dispatch().cost, rel=1e-10)
    assert np.all(bills.values <= community.cost_game().native.values(np.eye(members, dtype=bool)))


def test_the_evidence_can_be_written_down():
    written = sg.owen_allocation(random_community(1, 3, 4)).to_dict()
    assert len(json.loads(json.dumps(written))["evidence"]["energy_price"]) == 4
