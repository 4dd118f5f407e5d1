"""Bargained dispatches against worked numbers, and against a model of each flow by itself."""

from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.own_bills_lp import OwnBills
from sesgame.energy.bargaining import mixture
from sesgame.errors import AllocationError, GameError

NEAR = 1e-7
"""Of the largest gain: where the linear program ends, and where the best mixture does."""


def hours(count):
    times = np.datetime64("2016-06-01T00:00") + np.arange(count) * np.timedelta64(1, "h")
    return sg.energy.TimeSteps.from_times(times)


def battery(owner, energy_kwh, power_kw=100.0, efficiency=1.0, initial_charge_kwh=0.0):
    return sg.energy.Battery(
        owner=owner,
        energy_kwh=energy_kwh,
        power_kw=power_kw,
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        initial_charge_kwh=initial_charge_kwh,
    )


def cycles(worths, energy_kwh, load_kwh):
    """Return members who share a battery that is charged for nothing, in each of some cycles.

    In each cycle follows an hour for each member, in which a kWh is worth so much to it.
    """
    worths = np.asarray(worths, dtype=float)
    n, count = worths.shape
    buy = np.concatenate([np.zeros((1, count)), worths]).T.ravel()
    load = np.zeros((n, count, n + 1))
    for member in range(n):
        load[member, :, member + 1] = load_kwh
    steps = hours(len(buy))
    return sg.energy.Community(
        members=["ann", "bob", "cid"][:n],
        steps=steps,
        load_kwh=load.reshape(n, -1),
        tariff=sg.energy.PriceSeries(steps, buy, np.zeros(len(buy))),
        batteries=[battery("ann", energy_kwh)],
    )


def without_battery(community):
    """Return what each member pays alone, without any battery."""
    load = community.net_load_kwh
    bought, sold = np.maximum(load, 0), np.maximum(-load, 0)
    return bought @ community.buy_per_kwh - sold @ community.sell_per_kwh


OFFER = sg.energy.StorageOffer(
    name="big",
    price_per_kwh_year=9,
    price_per_kw_year=9,
    charge_efficiency=1,
    discharge_efficiency=1,
)
TRIO = cycles([[0.20, 0.05], [0.10, 0.15], [0.02, 0.12]], 10, 8)
PAIR = cycles([[0.20], [0.10]], 10, 10)


def random_community(seed, n=3, steps=6, *, batteries=2):
    """Return PV, loads and batteries of members who mostly can all gain."""
    random = np.random.default_rng(seed)
    load = random.uniform(0, 3, (n, steps)) * random.integers(0, 2, (n, steps))
    pv = random.uniform(0, 4, (n, steps)) * random.integers(0, 2, (n, steps))
    sell = random.uniform(0, 0.1, steps)
    times = hours(steps)
    return sg.energy.Community(
        members=[f"m{index}" for index in range(n)],
        steps=times,
        load_kwh=load,
        pv_kwh=pv,
        tariff=sg.energy.PriceSeries(times, sell + random.uniform(0, 0.4, steps), sell),
        batteries=[
            battery("m0", 3.0, 1.5, 0.9, initial_charge_kwh=1.0),
            battery(f"m{n - 1}", 2.0, 2.0, 0.9),
        ][:batteries],
    )


def test_three_members_share_two_cycles_of_a_battery():
    alone = without_battery(TRIO)
    bills = sg.energy.bargained_dispatch(TRIO, disagreement=alone)
    evidence = bills.evidence
    assert evidence.gains == pytest.approx([1.6, 0.85, 0.68], abs=1e-9)
    assert evidence.gains.sum() == pytest.approx(3.13)
    assert bills.values == pytest.approx(alone - evidence.gains)
    optimum = TRIO.cost_game().value(TRIO.members)
    assert alone.sum() - optimum == pytest.approx(3.24)
    assert bills.total - optimum == pytest.approx(0.11)
    assert evidence.arrangement == pytest.approx(bills.total)
    assert 0 <= evidence.gap <= 1e-8


def test_two_members_take_half_of_the_energy_each_whatever_it_is_worth():
    evidence = sg.energy.bargained_dispatch(PAIR, disagreement=[2.0, 1.0]).evidence
    assert evidence.gains == pytest.approx([1.0, 0.5], abs=1e-9)
    assert evidence.accounts.discharge_kwh.sum(axis=1) == pytest.approx([5, 5])
    assert evidence.most == pytest.approx([2.0, 1.0])
    assert evidence.multipliers == pytest.approx([0.5, 1.0])


def test_weights_divide_the_battery():
    weights = {"bob": 1, "ann": 3}
    found = sg.energy.bargained_dispatch(PAIR, weights=weights, disagreement=[2.0, 1.0])
    assert found.evidence.gains == pytest.approx([1.5, 0.25], abs=1e-9)
    scaled = sg.energy.bargained_dispatch(PAIR, weights=[3e300, 1e300], disagreement=[2.0, 1.0])
    assert scaled.values == pytest.approx(found.values, abs=1e-9)


@pytest.mark.parametrize(
    ("seed", "steps", "batteries", "loads"),
    [(142, 4, 2, [[1e-4], [0.01]]), (214, 5, 1, [[0.01], [1e-4]])],
)
def test_a_member_of_hardly_any_weight_does_not_keep_others_from_a_proof(
    seed, steps, batteries, loads
):
    drawn = random_community(seed, n=2, steps=steps, batteries=batteries)
    community = sg.energy.Community(
        members=drawn.members,
        steps=drawn.steps,
        load_kwh=drawn.load_kwh * loads,
        pv_kwh=drawn.pv_kwh,
        tariff=drawn.tariff,
        batteries=drawn.batteries,
    )
    bills = sg.energy.bargained_dispatch(community, weights=[100, 1e-3])
    assert bills.evidence.gap <= 1e-8
    assert (bills.evidence.gains > 0).all()
    checked_accounts(community, bills)


def checked_accounts(community, bills):
    """Check that what members do is possible, and costs what they pay."""
    own = bills.evidence.accounts
    near = 1e-7
    flows = [getattr(own, name) for name in vars(own)]
    assert all((flow >= 0).all() for flow in flows)
    came = own.import_kwh + own.received_kwh + own.discharge_kwh
    went = own.export_kwh + own.given_kwh + own.charge_kwh
    assert came - went == pytest.approx(community.net_load_kwh, abs=near)
    spare = np.maximum(-community.net_load_kwh, 0)
    assert (own.given_kwh <= spare + near).all()
    assert (own.export_kwh + own.given_kwh <= spare + own.discharge_kwh + near).all()
    assert own.given_kwh.sum(axis=0) == pytest.approx(own.received_kwh.sum(axis=0), abs=near)
    capacity = sum(each.energy_kwh for each in community.batteries)
    power = sum(each.power_kw for each in community.batteries) * community.steps.step_hours
    assert (own.stored_kwh.sum(axis=0) <= capacity + near).all()
    assert (own.charge_kwh.sum(axis=0) <= power + near).all()
    assert (own.discharge_kwh.sum(axis=0) <= power + near).all()
    paid = own.import_kwh @ community.buy_per_kwh - own.export_kwh @ community.sell_per_kwh
    assert bills.values == pytest.approx(paid, abs=near)
    for member, left in zip(community.members, own.stored_kwh[:, -1], strict=True):
        batteries = [each for each in community.batteries if each.owner == member]
        assert left >= sum(each.initial_charge_kwh for each in batteries) - near


def test_nothing_is_better_in_a_model_of_each_flow_by_itself():
    agreed, refused = 0, 0
    for seed in range(12):
        community = random_community(seed, batteries=seed % 3)
        game = community.cost_game(model="linear")
        alone = game.values(np.eye(3, dtype=bool))
        model = OwnBills(community, alone)
        most = np.array([model.most(unit)[i] for i, unit in enumerate(np.eye(3))])
        weights = [1.0, 2.0, 1.0 + seed % 3]
        blocking = [f"m{i}" for i in range(3) if most[i] <= 1e-9]
        if blocking:
            with pytest.raises(AllocationError, match=r"no agreement: .* gain nothing") as caught:
                sg.energy.bargained_dispatch(community, weights=weights, model="linear")
            named = str(caught.value).split("{")[1].split("}")[0].split(", ")
            assert named == blocking
            refused += 1
            continue
        bills = sg.energy.bargained_dispatch(community, weights=weights, model="linear")
        checked_accounts(community, bills)
        gains = bills.evidence.gains
        scale = most.max()
        assert bills.evidence.most == pytest.approx(most, abs=NEAR * scale)
        assert (gains > 0).all()
        # Pareto: nobody's gain can be larger with nobody's smaller.
        better = model.most(np.ones(3), at_least=gains - NEAR * scale)
        assert better.sum() <= gains.sum() + 10 * NEAR * scale
        # The product is concave: where none is better along the tangent, none is at all.
        slopes = np.array(weights) / sum(weights) / gains
        assert slopes @ model.most(slopes) <= 1.0 + bills.evidence.gap + NEAR
        assert bills.total >= game.value(community.members) - NEAR * scale
        agreed += 1
    assert agreed >= 4
    assert refused >= 2


def in_units(community, money, energy):
    """Return a community whose amounts of money and energy are in other units."""
    price = money / energy
    steps = community.steps
    return sg.energy.Community(
        members=community.members,
        steps=steps,
        load_kwh=community.load_kwh * energy,
        pv_kwh=community.pv_kwh * energy,
        tariff=sg.energy.PriceSeries(
            steps, community.buy_per_kwh * price, community.sell_per_kwh * price
        ),
        batteries=[
            replace(
                each,
                energy_kwh=each.energy_kwh * energy,
                power_kw=each.power_kw * energy,
                initial_charge_kwh=each.initial_charge_kwh * energy,
            )
            for each in community.batteries
        ],
    )


@pytest.mark.parametrize("units", [(100.0, 1.0), (1.0, 1000.0), (1e9, 1e-9), (1e-9, 7.0)])
def test_bills_do_not_depend_on_the_unit(units):
    money, energy = units
    for community, alone in ((TRIO, without_battery(TRIO)), (random_community(AGREED), None)):
        one = sg.energy.bargained_dispatch(community, disagreement=alone)
        other = sg.energy.bargained_dispatch(
            in_units(community, money, energy),
            disagreement=None if alone is None else alone * money,
        )
        assert other.values / money == pytest.approx(one.values, abs=1e-8 * one.evidence.most.max())


@settings(max_examples=4)
@given(order=st.permutations(range(3)))
def test_bills_follow_the_members_in_any_order(order):
    community = random_community(AGREED)
    found = sg.energy.bargained_dispatch(community, weights=[1, 2, 3])
    other = sg.energy.Community(
        members=[community.members[i] for i in order],
        steps=community.steps,
        load_kwh=community.load_kwh[list(order)],
        pv_kwh=community.pv_kwh[list(order)],
        tariff=community.tariff,
        batteries=community.batteries[::-1],
    )
    relabelled = sg.energy.bargained_dispatch(other, weights=[[1, 2, 3][i] for i in order])
    assert relabelled.values == pytest.approx(found.values[list(order)], abs=1e-8)


AGREED = 2


def test_the_period_and_the_model_are_those_of_the_game():
    community = random_community(AGREED, steps=12)
    part = {"start": "2016-06-01T00:00", "end": "2016-06-01T06:00"}
    found = sg.energy.bargained_dispatch(community, **part)
    assert found.values.tolist() == (
        sg.energy.bargained_dispatch(community.period(*part.values())).values.tolist()
    )
    for model in ("battery", "linear"):
        pooled = sg.energy.bargained_dispatch(community, **part, model=model)
        game = community.period(*part.values()).cost_game(model=model)
        assert (pooled.evidence.disagreement == game.values(np.eye(3, dtype=bool))).all()
        assert pooled.total >= game.value(game.players) - 1e-8
    with pytest.raises(AllocationError, match="gain nothing"):
        sg.energy.bargained_dispatch(TRIO, model="netting")


def test_barter_of_spare_energy_needs_no_battery():
    steps = hours(2)
    community = sg.energy.Community(
        members=["east", "west"],
        steps=steps,
        load_kwh=[[0, 3], [2, 0]],
        pv_kwh=[[4, 0], [0, 5]],
        tariff=sg.energy.PriceSeries(steps, [0.3, 0.3], [0.1, 0.1]),
    )
    bills = sg.energy.bargained_dispatch(community)
    checked_accounts(community, bills)
    # East gives x <= 2 at 0.1 and saves 0.3 y; west gives y <= 3 and saves 0.3 x.
    assert bills.evidence.gains == pytest.approx([0.3 * y - 0.1 * x for x, y in ((2, 3), (3, 2))])


def test_nobody_pays_for_the_energy_of_others():
    # Ann could buy early for bob, whom her battery serves: a payment in all but name.
    steps = hours(2)
    community = sg.energy.Community(
        members=["ann", "bob"],
        steps=steps,
        load_kwh=[[0, 0], [0, 4]],
        tariff=sg.energy.PriceSeries(steps, [0.1, 0.3], [0, 0]),
        batteries=[battery("ann", 10)],
    )
    found = sg.energy.bargained_dispatch(community, disagreement=[0.1, 1.2])
    assert found.values == pytest.approx([0.0, 0.4])
    with pytest.raises(AllocationError, match=r"no agreement: without side payments \{ann\} gain"):
        sg.energy.bargained_dispatch(community)


def test_disagreement_out_of_reach_is_no_agreement():
    with pytest.raises(AllocationError, match=r"exceed it by 1\.26 in all") as caught:
        # With 10 kWh they can pay 1 + 0, or 0 + 1: at least 0.
        sg.energy.bargained_dispatch(PAIR, disagreement=[0.0, -0.26])
    assert "no agreement: no dispatch" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1, 0]}, "'bob' has 0"),
        ({"weights": [1, -1]}, "'bob' has -1; the least is 0"),
        ({"weights": [0, 0]}, "all are 0"),
        ({"weights": [1, np.nan]}, "'bob' has nan"),
        ({"weights": {"ann": 1, "eve": 2}}, "unknown {eve}"),
        ({"weights": "two"}, "must be numbers"),
        ({"disagreement": [1]}, "shape"),
        ({"disagreement": [1, 1e9]}, "'bob' has 1e\\+09, more than 1e\\+06 times"),
        ({"disagreement": [1, np.inf]}, "'bob' has inf"),
        ({"disagreement": sg.Allocation(["ann", "bob"], [2, 1], "gain", "x")}, "gain allocation"),
    ],
)
def test_numbers_by_member_are_checked(options, message):
    with pytest.raises(AllocationError, match=message):
        sg.energy.bargained_dispatch(PAIR, **options)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"grid": sg.energy.Grid(import_limit_kw=5)}, "have an import limit"),
        ({"grid": sg.energy.Grid(demand_charge_per_kw=5)}, "have a demand charge"),
        ({"grid": sg.energy.Grid(connection_limits_kw={"ann": 99})}, "have connection limits"),
        ({"storage_offers": [OFFER]}, "storage to buy"),
        (
            {"generation_offers": [sg.energy.GenerationOffer("sun", 99, [1, 1, 1])]},
            "generation to buy",
        ),
    ],
)
def test_what_the_program_has_not_is_refused_by_name(more, message):
    fields = ("members", "steps", "load_kwh", "pv_kwh", "tariff", "batteries")
    community = sg.energy.Community(**{name: getattr(PAIR, name) for name in fields}, **more)
    with pytest.raises(GameError, match=message):
        sg.energy.bargained_dispatch(community)


def test_storage_that_has_to_choose_is_refused_by_name():
    community = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-1.0, 1.0], [0.0, 1.0]],
        tariff=sg.energy.Tariff.flat(0.3, -0.1),
        batteries=[battery("ann", 2)],
        exclusive=True,
    )
    with pytest.raises(GameError, match="never charges and discharges at once"):
        sg.energy.bargained_dispatch(community)


def test_a_game_alone_has_no_dispatch():
    with pytest.raises(GameError, match="must be Community, got Game"):
        sg.energy.bargained_dispatch(PAIR.cost_game())


def test_a_community_without_energy_or_prices_has_nothing_to_agree_on():
    for load, price in (([[0, 0]] * 2, 0.3), ([[1, -1], [-1, 1]], 0.0)):
        community = sg.energy.Community(
            members=["ann", "bob"],
            steps=["2016-06-01T12:00", "2016-06-01T13:00"],
            load_kwh=load,
            tariff=sg.energy.Tariff.flat(price, 0.0),
        )
        with pytest.raises(AllocationError, match=r"\{ann, bob\} gain nothing"):
            sg.energy.bargained_dispatch(community)


def test_a_comparison_says_what_is_lost_against_the_optimum():
    row = sg.compare(
        TRIO,
        ["bargained-dispatch"],
        disagreement=dict(zip(TRIO.members, without_battery(TRIO), strict=True)),
    )["bargained-dispatch"]
    assert row.lost == pytest.approx(0.11)
    assert row.paid == pytest.approx(row.arrangement)


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_mixture_satisfies_the_conditions_of_the_largest_product(seed):
    random = np.random.default_rng(seed)
    n, k = int(random.integers(1, 7)), int(random.integers(1, 30))
    gains = random.uniform(0, 1, (k, n)) ** 4 * random.integers(0, 2, (k, n))
    gains[random.integers(k)] += 1e-3
    weights = random.uniform(0.01, 1, n)
    weights /= weights.sum()
    parts = mixture(gains, weights)
    assert (parts >= 0).all()
    assert parts.sum() == pytest.approx(1.0)
    slopes = gains @ (weights / (parts @ gains))
    assert slopes.max() <= 1.0 + 1e-11
