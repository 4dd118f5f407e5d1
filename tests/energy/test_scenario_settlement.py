"""Settling a scenario that has come to pass: before, after, with a reserve, by a fixed fee."""

import json

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.worlds import OFFER, UNLIKE, WIND, WORLDS, battery, community
from hypothesis import strategies as st
from sesgame.energy import Battery, Risk, Scenarios, TwoPeriodStorage

PEAKS = TwoPeriodStorage(
    ["ann", "bob"],
    [[0, 0], [0, 0]],
    [[6, 4], [1, 3]],
    off_peak_price=0.1,
    peak_price=0.3,
    storage_price=0.12,
    weights=[0.7, 0.3],
)
"""All buy 10 kWh of storage, for the peak of the first scenario."""

WAYS = [
    pytest.param({"reserve": True}, id="bills of the day and a reserve"),
    pytest.param({"reserve": False}, id="a fixed fee"),
    pytest.param({"when": "ex ante"}, id="bills before the day"),
]


def three_days(risk=None, **world):
    return Scenarios([community(seed, **world) for seed in range(3)], [0.5, 0.3, 0.2], risk=risk)


def test_storage_that_is_scarce_on_one_day_fills_a_reserve_for_the_other():
    cold, mild = PEAKS.settle(1), PEAKS.settle("2")
    assert cold.bills.sum() == pytest.approx(10 * 0.2714285714)
    assert (cold.cost, mild.cost) == pytest.approx((2.2, 1.6))
    assert (cold.reserve, mild.reserve) == pytest.approx((0.5142857143, -1.2))
    assert cold.expected_reserve == pytest.approx(0)
    assert cold.reserves == pytest.approx([0.5142857143, -1.2])
    assert "from the reserve" in cold.manner


def test_the_fixed_fee_is_the_investment_and_energy_is_less_what_storage_earns():
    for number, operating in ((1, 1.0), (2, 0.4)):
        day = PEAKS.settle(number, reserve=False)
        assert day.fees == pytest.approx([1.2 * 4.5 / 8.2, 1.2 * 3.7 / 8.2])
        assert day.energy.sum() == pytest.approx(operating)
        assert day.reserve == pytest.approx(0)
        halves = PEAKS.settle(number, reserve=False, shares={"ann": 0.5, "bob": 0.5})
        assert halves.fees == pytest.approx([0.6, 0.6])
        assert halves.reserve == pytest.approx(0)
    assert "fixed fee" in day.manner


def test_bills_before_the_day_are_those_of_the_game_whatever_comes():
    expected = PEAKS.allocation().values
    for number in (1, 2):
        day = PEAKS.settle(number, when="ex ante")
        assert day.bills == pytest.approx(expected)
        assert day.reserve == pytest.approx(expected.sum() - day.cost)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("risk", [None, Risk(0.5, 0.5), Risk.worst_case()])
@pytest.mark.parametrize("name", ["unlike batteries", "storage to buy", "generation to buy"])
def test_each_way_has_the_bills_of_the_game_on_the_average_of_the_weights(name, risk, way):
    days = three_days(risk, **WORLDS[name])
    settled = [days.settle(number, **way) for number in (1, 2, 3)]
    weights = settled[0].scenario_weights
    total = sum(weight * each.bills for weight, each in zip(weights, settled, strict=True))
    bills = sg.owen_allocation(days, progress=False)
    assert total.sum() == pytest.approx(bills.total, abs=1e-9)
    assert sg.audit(days.cost_game(), total).in_core
    for number, each in enumerate(settled):
        assert each.bills.sum() - each.cost == pytest.approx(each.reserve, abs=1e-9)
        assert each.reserves[number] == pytest.approx(each.reserve, abs=1e-12)
        if not way.get("reserve", True):
            assert each.reserve == pytest.approx(0, abs=1e-9)
    assert (weights * settled[0].reserves).sum() == pytest.approx(0, abs=1e-9)
    schedules = days.dispatch()
    assert [each.cost for each in settled] == pytest.approx([each.cost for each in schedules])


@pytest.mark.parametrize("risk", [None, Risk(0.5, 0.5)])
def test_where_nothing_was_bought_bills_of_the_day_balance_and_are_in_its_core(risk):
    days = three_days(risk, batteries=UNLIKE)
    for number, day in enumerate(days.communities, start=1):
        settled = days.settle(number)
        assert settled.reserve == pytest.approx(0, abs=1e-9)
        assert sg.audit(day.cost_game(), settled.bills).in_core


def test_with_a_fixed_fee_the_day_is_in_the_core_of_members_who_own_what_they_paid_for():
    days = three_days(Risk(0.5, 0.5), storage_offers=[OFFER])
    shares = {"ann": 0.4, "bob": 0.3, "cid": 0.2, "dan": 0.1}
    ((energy, power),) = days.scenario_prices().purchases.values()
    assert energy > 0.1
    for number, day in enumerate(days.communities, start=1):
        settled = days.settle(number, reserve=False, shares=shares)
        owned = sg.energy.Community(
            members=day.members,
            steps=day.steps,
            load_kwh=day.load_kwh,
            pv_kwh=day.pv_kwh,
            tariff=day.tariff,
            batteries=[
                Battery(
                    owner=owner,
                    energy_kwh=energy * part,
                    power_kw=power * part,
                    charge_efficiency=OFFER.charge_efficiency,
                    discharge_efficiency=OFFER.discharge_efficiency,
                    degradation_cost_per_kwh=OFFER.degradation_cost_per_kwh,
                )
                for owner, part in shares.items()
            ],
        )
        game = owned.cost_game(model="linear")
        assert sg.audit(game, settled.energy).in_core


def test_with_a_fixed_fee_the_day_is_in_the_core_of_members_who_own_generators_they_rented():
    days = three_days(Risk(0.5, 0.5), generation_offers=[WIND])
    shares = {"ann": 0.4, "bob": 0.3, "cid": 0.2, "dan": 0.1}
    prices = days.scenario_prices()
    power = prices.generators_kw[WIND.name]
    hours = days.communities[0].steps.n_steps * days.communities[0].steps.step_hours
    assert power > 0.1
    assert prices.invested == pytest.approx(power * WIND.price_per_kw_day * hours / 24)
    for number, day in enumerate(days.communities, start=1):
        settled = days.settle(number, reserve=False, shares=shares)
        own = np.array([[shares[member]] for member in day.members]) * power * WIND.profile
        owned = sg.energy.Community(
            members=day.members,
            steps=day.steps,
            load_kwh=day.load_kwh,
            pv_kwh=day.pv_kwh + own,
            tariff=day.tariff,
        )
        assert settled.fees.sum() == pytest.approx(prices.invested)
        assert sg.audit(owned.cost_game(), settled.energy).in_core
        assert settled.cost == pytest.approx(owned.dispatch().cost + prices.invested)


@pytest.mark.parametrize("world", [{"storage_offers": [OFFER]}, {"generation_offers": [WIND]}])
def test_a_day_that_no_scenario_knew_is_settled_with_what_was_bought(world):
    days = three_days(Risk(0.5), **world)
    came = community(7, **world)
    settled = {
        way: days.settle(came, **options)
        for way, options in (
            ("reserve", {}),
            ("fee", {"reserve": False}),
            ("before", {"when": "ex ante"}),
        )
    }
    assert settled["fee"].reserve == pytest.approx(0, abs=1e-9)
    assert len({round(each.cost, 9) for each in settled.values()}) == 1
    assert settled["before"].bills == pytest.approx(days.settle(1, when="ex ante").bills)
    assert settled["reserve"].scenario == came.name
    # It costs what its own plan costs, and more for what was bought for other days.
    assert settled["fee"].cost >= came.dispatch().cost - 1e-9
    same = days.settle(days.communities[1])
    assert same.cost == pytest.approx(days.settle(2).cost)
    plain = three_days(Risk(0.5), batteries=[battery("ann")])
    unknown = community(9, batteries=[battery("ann")])
    assert plain.settle(unknown).bills == pytest.approx(
        sg.owen_allocation(unknown, progress=False).values
    )


def test_what_a_limit_of_nobody_earns_goes_to_the_reserve_or_back_with_the_fee():
    days = three_days(Risk(0.5, 0.5), **WORLDS["limits of the community"])
    gaps = [days.settle(number).reserve for number in (1, 2, 3)]
    assert max(gaps) > 1e-3
    assert [days.settle(number, reserve=False).reserve for number in (1, 2, 3)] == pytest.approx(
        [0, 0, 0], abs=1e-9
    )


def test_names_of_communities_name_their_scenarios():
    days = Scenarios([community(1, name="sunny"), community(2, name="dull")])
    assert days.scenario_names == ("sunny", "dull")
    assert days.settle("dull").bills.tolist() == days.settle(2).bills.tolist()
    assert three_days().scenario_names == ("1", "2", "3")


def test_caution_leaves_a_reserve_on_the_average_only_where_bills_are_agreed_before():
    days = PEAKS.with_risk(Risk(0.5, 0.5))
    before = days.settle(1, when="ex ante")
    assert before.expected_reserve == pytest.approx(2.11 - (0.7 * 2.2 + 0.3 * 1.6))
    after = days.settle(1)
    assert after.scenario_weights == pytest.approx([0.85, 0.15])
    assert after.expected_reserve < -0.1
    assert (after.scenario_weights * after.reserves).sum() == pytest.approx(0)


def test_a_settlement_is_shown_and_written_down():
    day = PEAKS.settle(2, reserve=False)
    shown = [line.split() for line in repr(day).splitlines()]
    assert shown[0][:3] == ["Scenario", "2:", "a"]
    assert shown[2:4] == [["ann", "0.10", "0.66", "0.76"], ["bob", "0.30", "0.54", "0.84"]]
    assert shown[4:6] == [["reserve", "0.00"], ["cost", "1.60"]]
    assert [row[-1] for row in map(str.split, repr(PEAKS.settle(2)).splitlines()[-3:])] == [
        "1.20",
        "1.60",
        "0.00",
    ]
    kept = json.loads(json.dumps(day.to_dict()))
    assert sum(row["bill"] for row in kept["bills"]) == pytest.approx(kept["cost"])
    assert day["ann"] == pytest.approx(kept["bills"][0]["bill"])
    with pytest.raises(sg.errors.AllocationError, match="no member 'eve'; there are ann, bob"):
        day["eve"]
    frame = pytest.importorskip("pandas") and day.to_pandas()
    assert frame["bill"].sum() == pytest.approx(1.6)


amounts = st.lists(st.integers(0, 9), min_size=2, max_size=2)


@drawn(
    15,
    60,
    st.lists(st.tuples(amounts, amounts), min_size=1, max_size=4),
    st.sampled_from([None, Risk(0.5, 0.5), Risk(0.7), Risk.worst_case(), Risk.worst_case(0.3)]),
    st.sampled_from([0.02, 0.12, 0.5]),
)
def test_two_period_storage_is_settled_to_its_cost(scenarios, risk, price):
    storage = TwoPeriodStorage(
        ["ann", "bob"],
        [off for off, _ in scenarios],
        [peak for _, peak in scenarios],
        off_peak_price=0.1,
        peak_price=0.3,
        storage_price=price,
        capacity_kwh=[2, 0],
        capital_cost_per_kwh=0.05,
        risk=risk,
    )
    expected = storage.allocation()
    assert sg.audit(storage.cost_game(), expected).in_core
    settled = [storage.settle(number) for number in range(1, len(scenarios) + 1)]
    weights = settled[0].scenario_weights
    mean = sum(weight * each.bills for weight, each in zip(weights, settled, strict=True))
    assert mean == pytest.approx(expected.values, abs=1e-9)
    assert (weights * settled[0].reserves).sum() == pytest.approx(0, abs=1e-9)
    for number in range(1, len(scenarios) + 1):
        assert storage.settle(number, reserve=False).reserve == pytest.approx(0, abs=1e-9)
    assert np.isfinite([each.cost for each in settled]).all()
