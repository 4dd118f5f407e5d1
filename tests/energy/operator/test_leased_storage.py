"""Batteries of members that an operator leases and rents out: leases, bills, and its account."""

import re

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.worlds import WORLDS
from fixtures.worlds import community as small_community
from hypothesis import strategies as st
from sesgame.energy import StorageCloud
from sesgame.errors import GameError

STEPS = sg.energy.TimeSteps.from_times([f"2016-06-01T{hour:02}:00" for hour in (0, 6, 12, 18)])


def battery(owner="ann", energy=6.0, power=3.0, efficiency=1.0, wear=0.0, **others):
    return sg.energy.Battery(
        owner=owner,
        energy_kwh=energy,
        power_kw=power,
        charge_efficiency=efficiency,
        discharge_efficiency=efficiency,
        degradation_cost_per_kwh=wear,
        **others,
    )


def world(load=((0, 5, 0, 0), (0, 0, 0, 4)), buy=(0.1, 0.3, 0.1, 0.3), batteries=None, **others):
    return sg.energy.Community(
        members=["ann", "bob"],
        steps=STEPS,
        load_kwh=load,
        tariff=sg.energy.PriceSeries(STEPS, buy, [0.0] * 4),
        batteries=[battery()] if batteries is None else batteries,
        **others,
    )


def of_random(seed, *, efficiency=0.9, wear=0.0, n_steps=8, scale=1.0):
    """Return three members with PV, of whom two own batteries, and prices without resale."""
    random = np.random.default_rng(seed)
    steps = sg.energy.TimeSteps(
        np.datetime64("2016-06-01"), np.timedelta64(24 * 60 // n_steps, "m"), n_steps
    )
    buy, sell = random.uniform(0.2, 0.5, n_steps), random.uniform(0, 0.15, n_steps)
    size = random.uniform(4, 12) * scale
    return sg.energy.Community(
        members=["ann", "bob", "cem"],
        steps=steps,
        load_kwh=random.normal(0, 3, (3, n_steps)) * scale,
        tariff=sg.energy.PriceSeries(steps, buy, sell),
        batteries=[
            battery("ann", size, size / 2, efficiency, wear),
            battery("cem", 2 * size, size / 1.9, efficiency, wear),
        ],
    )


def alone(community):
    game = community.cost_game()
    return np.array([game.value([member]) for member in community.members])


# By hand: ann fills 5 of her 6 kWh for the first evening, bob could use 4 for the second.


def test_an_owner_is_paid_what_the_battery_saves_it_alone():
    best = StorageCloud(world()).best_rent()
    assert best.leases == pytest.approx([1.0, 0.0])
    assert best.rent_per_kwh_day == pytest.approx(0.2)
    assert (best.virtual_kwh, best.physical_kwh) == (9, 5)
    assert best.bills == pytest.approx([0.5, 1.2])
    assert (best.profit, best.worst_profit) == (pytest.approx(0.8), pytest.approx(0.8))
    bills = best.allocation()
    # All 9 kWh are bought at .1, which no community can better.
    assert bills.evidence.arrangement == pytest.approx(0.9)
    assert bills.evidence.basis.costs_alone == pytest.approx([0.5, 1.2])
    assert bills.evidence.basis.optimum == pytest.approx(0.9)
    assert bills.evidence.basis.terms == world().cost_terms()


def test_wear_is_the_owners_alone_and_the_operators_in_a_lease():
    best = StorageCloud(world(batteries=[battery(wear=0.05)])).best_rent()
    assert best.leases == pytest.approx([0.75, 0.0])
    assert best.profit == pytest.approx(1.8 - 0.75 - 9 * 0.05)
    assert best.bills == pytest.approx([0.75, 1.2])
    assert best.allocation().evidence.arrangement == pytest.approx(0.9 + 0.45)


def test_terms_are_those_of_the_batteries_in_proportion_to_their_size():
    owned = [battery("ann", 6, 3, 0.9, 0.01), battery("bob", 4, 1, 0.9, 0.01)]
    terms = StorageCloud(world(batteries=owned)).terms
    # Bob's takes 4 hours: 10 kWh in proportion take as long, and ann's other .5 kW is not used.
    assert (terms.owned_kwh, terms.owned_kw, terms.hours) == (10, 2.5, 4)
    assert (terms.charge_efficiency, terms.discharge_efficiency) == (0.9, 0.9)
    assert (terms.wear_cost_per_kwh, terms.capacity_cost_per_kwh_day) == (0.01, 0)
    assert terms.leases.shape == (2,)
    assert StorageCloud(world(), hours=4).terms.hours == 4


def test_the_statement_says_what_was_paid_in_leases_and_to_whom():
    statement = StorageCloud(world()).best_rent().statement()
    assert statement.lease_paid == pytest.approx([1.0, 0.0])
    assert statement.profit == pytest.approx(0.8)
    head, ann, bob = repr(statement).splitlines()[1:4]
    assert head.split()[-1] == "lease"
    assert (ann.split()[-1], bob.split()[-1]) == ("1.00", "0.00")
    assert "and 1.00 of leases; profit 0.80" in repr(statement)
    assert statement.to_pandas()["lease_paid"].tolist() == pytest.approx([1.0, 0.0])
    # Who rents nothing and is paid a lease has a line, too.
    idle = StorageCloud(world(batteries=[battery(wear=0.05)])).offer(0.3).statement()
    assert idle.rent_paid.tolist() == [0, 0]
    assert repr(idle).splitlines()[2].split() == ["ann", *["0.00"] * 5, "0.75"]


def test_an_operator_that_would_lose_does_not_lease():
    # The first 2 kWh save ann .4 a day and 2 more save .2: no one rent earns her 1.2.
    cloud = StorageCloud(world(load=((0, 2, 0, 4), (0, 0, 0, 0)), batteries=[battery(energy=4)]))
    with pytest.raises(
        GameError,
        match=r"would not lease the batteries: .* rents of 0.8 are less than leases of 1.2 and "
        r"wear of 0, a loss of 0.4; offer",
    ) as told:
        cloud.best_rent()
    rent = float(re.search(r"offer\((.*)\)", str(told.value))[1])
    offer = cloud.offer(rent)
    assert offer.profit == pytest.approx(-0.4)
    assert (offer.bills <= alone(cloud.community) + 1e-12).all()
    assert offer.allocation().evidence.verify(cloud.community.cost_game()).holds


def test_a_rent_is_out_of_the_question_without_enough_energy_or_power():
    with pytest.raises(GameError, match=r"members need 5 kWh .* the batteries have 4 kWh and 3 kW"):
        StorageCloud(world(batteries=[battery(energy=4)])).offer(0.2)
    # Each may use .5 kW and more at will, but the only cheap step before has 3 kWh of .5 kW.
    weak = StorageCloud(world(batteries=[battery(power=0.5)]), hours=1)
    with pytest.raises(GameError, match=r"need 5 kWh and 0\.8333\S* kW .* have 6 kWh and 0.5 kW"):
        weak.offer(0.2)
    with pytest.raises(GameError, match=r"at no rent do the 6 kWh and 0\.5 kW"):
        weak.best_rent()


def test_schedules_that_take_less_power_are_found():
    # The last moment would be 5 kWh in six hours; two cheap steps do with 2 and 3.
    cloud = StorageCloud(
        world(((0, 0, 2.5, 2.5), (0, 0, 0, 0)), (0.1, 0.1, 0.3, 0.3), [battery(power=0.5)]),
        hours=1,
    )
    offer = cloud.offer(0.2)
    assert offer.kindest.power_kw <= 0.5 + 1e-9
    assert offer.worst.power_kw == pytest.approx(5 / 6)
    assert cloud.best_rent().gap == 0


def _check(community, offer):
    """Check an offer against the community's own game and its energy."""
    game = community.cost_game()
    turnover = offer.terms.turnover
    # Nobody is worse off than alone with its own battery.
    assert (offer.bills <= alone(community) + 1e-9 * turnover).all()
    assert (offer.leases >= 0).all()
    assert (offer.leases[[m not in ("ann", "cem", "cid") for m in community.members]] == 0).all()
    # What members and operator pay together is energy at the meters, and wear.
    net = community.net_load_kwh + offer.usage.drawn_kwh
    energy = np.maximum(net, 0) @ community.buy_per_kwh
    energy -= np.maximum(-net, 0) @ community.sell_per_kwh
    wear = offer.terms.wear_cost_per_kwh * offer.kindest.delivered_kwh
    total = offer.bills.sum() - offer.profit
    assert total == pytest.approx(energy.sum() + wear, abs=1e-8 * turnover)
    assert total == pytest.approx(offer.allocation().evidence.arrangement, abs=1e-9 * turnover)
    assert total >= game.value(game.players) - 1e-9 * turnover
    assert offer.profit == pytest.approx(
        offer.revenue - offer.leases.sum() - offer.kindest.cost, abs=1e-9 * turnover
    )
    assert offer.kindest.energy_kwh <= offer.terms.owned_kwh * (1 + 1e-6)
    assert offer.kindest.power_kw <= offer.terms.owned_kw * (1 + 1e-6)
    assert offer.allocation(game).evidence.verify(game).holds


def _offered(cloud, rent):
    """Return the offer at a rent; None where the batteries have too little for it."""
    try:
        return cloud.offer(rent)
    except GameError as error:
        if "by the kindest schedules, and the batteries have" not in str(error):
            raise
        return None


@drawn(8, 40, st.integers(0, 10**6), st.sampled_from([0.9, 1.0]), st.sampled_from([0.0, 0.02]))
def test_no_member_is_worse_off_accounts_balance_and_no_rent_earns_more(seed, efficiency, wear):
    community = of_random(seed, efficiency=efficiency, wear=wear)
    cloud = StorageCloud(community)
    rents = cloud.demand_curve.rents
    tried = (*rents.tolist(), *np.linspace(0.01, 1.1 * rents[0], 15).tolist())
    offers = [_offered(cloud, rent) for rent in tried]
    fitting = [offer for offer in offers if offer is not None]
    for offer in fitting[::4]:
        _check(community, offer)
    most = max((offer.profit for offer in fitting), default=-np.inf)
    slack = 1e-9 * cloud.terms.turnover
    if most < -slack:
        with pytest.raises(GameError, match=r"would not lease|at no rent"):
            cloud.best_rent()
        return
    best = cloud.best_rent()
    _check(community, best)
    assert best.profit >= most - slack
    assert best.most_profit >= best.profit - slack


def test_units_and_the_order_of_members_do_not_matter():
    community, other = of_random(6), of_random(6, scale=1000.0)
    one, large = StorageCloud(community).best_rent(), StorageCloud(other).best_rent()
    assert large.rent_per_kwh_day == pytest.approx(one.rent_per_kwh_day)
    assert large.bills == pytest.approx(1000 * one.bills)
    members = community.members[::-1]
    turned = sg.energy.Community(
        members=members,
        steps=community.steps,
        load_kwh=community.load_kwh[::-1],
        tariff=community.tariff,
        batteries=community.batteries[::-1],
    )
    assert StorageCloud(turned).best_rent().bills[::-1] == pytest.approx(one.bills)
    # A game with its members in another order is as good.
    given = one.allocation(turned.cost_game()).evidence
    assert given.basis.members == community.members


def test_renting_stands_in_one_table_with_agents_and_a_leader():
    community = small_community(10, **WORLDS["wear of equal batteries"])
    ways = {
        "nucleolus": "nucleolus",
        "rent": StorageCloud(community, most_kwh=2.0),
        "leader": sg.energy.leader_prices_by_step(community, progress=False),
        "agents": sg.energy.clear_by_agents(community.agents(), progress=False),
    }
    table = sg.compare(community, ways, progress=False)
    assert [row.failure for row in table.rows] == [""] * 4
    assert all(row.lost >= -1e-5 for row in table.rows)
    rent = table["rent"]
    assert rent.residual_claimant == "operator"
    assert rent.savings.min() >= -1e-9
    assert rent.paid - rent.profit - table["nucleolus"].paid == pytest.approx(rent.lost, abs=1e-6)


def test_the_rule_leases_where_members_have_batteries():
    community = world()
    table = sg.compare(community, ["nucleolus", "storage-cloud"], progress=False)
    row = table["storage-cloud"]
    assert (row.failure, row.profit) == ("", pytest.approx(0.8))
    assert "leases the batteries" in " ".join(row.allocation.evidence.grounds(row.allocation, str))


def test_a_wrong_account_of_a_lease_is_refuted():
    from dataclasses import replace

    community = world()
    evidence = StorageCloud(community).allocation().evidence
    game = community.cost_game()
    assert evidence.verify(game).holds
    for change, message in (
        ({"leases_paid": (0.5, 0.0)}, "rents less costs"),
        ({"leases_paid": (-0.5, 1.5)}, "a lease is negative"),
        ({"values": (0.4, 1.3)}, "'bob' pays 1.3, and 1.2 alone"),
    ):
        wrong = replace(evidence, **change).verify(game)
        assert any(message in failure for failure in wrong.failures), wrong.failures
    labels = {f'"{member}"': member for member in community.members}
    kept = {"kind": "CloudBills", **evidence.repeatable()}
    assert sg.evidence.Evidence.from_dict(kept, list(evidence.values), labels) == evidence


def test_the_highest_rent_in_the_core_counts_leases():
    cloud = StorageCloud(world())
    # Both together pay .9 with ann's battery, and 1.7 less .8 of profit at a rent of .2.
    found = cloud.highest_rent_in_core()
    assert found.coalition == ("ann", "bob")
    # Bills of 2.7 less 1.8 of savings and 1 of a lease, and 9 kWh of rent, are .9.
    assert found.rent_per_kwh_day == pytest.approx(1 / 9)


OFFER = sg.energy.StorageOffer(
    name="lithium",
    price_per_kwh_year=30.0,
    price_per_kw_year=0.0,
    charge_efficiency=1.0,
    discharge_efficiency=1.0,
)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        (
            {"batteries": [battery(), battery("bob", efficiency=0.9)]},
            "charge_efficiency is 1 of that of 'ann' and 0.9 of that of 'bob'",
        ),
        (
            {"batteries": [battery(wear=0.01), battery("bob")]},
            "degradation_cost_per_kwh is 0.01 of that of 'ann' and 0 of that of 'bob'",
        ),
        (
            {"batteries": [battery(), battery("bob", initial_charge_kwh=1.0)]},
            "battery of 'bob' holds 1 kWh at the beginning; .* must be 0",
        ),
        ({"batteries": [battery(power=0.0)]}, "no battery can store anything"),
        ({"batteries": [battery(discharge_power_kw=0.0)]}, "'ann' delivers nothing"),
        ({"storage_offers": [OFFER]}, r"beside what is offered for sale \('lithium'\)"),
        ({"controller": sg.energy.SelfConsumption()}, "batteries that a controller runs"),
        ({"battery_kwh": [[1, -1, 0, 0], [0] * 4]}, "batteries whose readings say what they did"),
        ({"grid": sg.energy.Grid(demand_charge_per_kw=0.4)}, "a demand charge"),
    ],
)
def test_batteries_that_cannot_be_leased_are_refused_by_name(others, message):
    with pytest.raises(GameError, match=message):
        StorageCloud(world(**others))


@pytest.mark.parametrize(
    "given",
    [
        {"capacity_cost_per_kwh_day": 0.1},
        {"power_cost_per_kw_day": 0.1},
        {"wear_cost_per_kwh": 0.1},
        {"charge_efficiency": 0.9},
        {"discharge_efficiency": 0.9},
        {"power_rent_ratio": 1.0},
        {"owned_kwh": 3.0},
    ],
)
def test_what_batteries_say_is_not_said_twice(given):
    ((name, value),) = given.items()
    with pytest.raises(GameError, match=f"{name}={value} is given, but members have batteries"):
        StorageCloud(world(), **given)


def test_games_of_the_operators_own_storage_are_not_those_of_a_lease():
    cloud = StorageCloud(world())
    for call in (cloud.game, cloud.dual_prices, lambda: cloud.best_rents([1.0])):
        with pytest.raises(GameError, match="here it leases the batteries of members"):
            call()
    assert repr(cloud) == "StorageCloud(2 members, 6 kWh leased)"
