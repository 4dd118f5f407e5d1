"""Storage that an operator rents: demand, rents, what serves it, and the operator's account."""

import math
import pickle
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from reference.rented_storage_lp import User, needs
from reference.storage_by_fractions import least_cost
from sesgame.energy import StorageCloud

STEPS = sg.energy.TimeSteps.from_times([f"2016-06-01T{hour:02}:00" for hour in (0, 6, 12, 18)])


def street(
    load=((0, 5, 0, 0), (0, 0, 0, 4), (0, 2, 0, 2)),
    buy=(0.1, 0.3, 0.1, 0.3),
    sell=(0, 0, 0, 0),
    steps=STEPS,
    **others,
):
    return sg.energy.Community(
        members=[f"m{number}" for number in range(len(load))],
        steps=steps,
        load_kwh=load,
        tariff=sg.energy.PriceSeries(steps, buy, sell),
        **others,
    )


def of_random(seed, n=3, n_steps=8, *, is_whole=False, days=1):
    """Return a community with PV whose prices allow no purchase for resale."""
    random = np.random.default_rng(seed)
    steps = sg.energy.TimeSteps(
        np.datetime64("2016-06-01"), np.timedelta64(24 * 60 // n_steps, "m"), n_steps * days
    )
    load = random.normal(0, 3, (n, n_steps * days))
    buy = random.uniform(0.2, 0.5, n_steps * days)
    if is_whole:
        load, buy = load.round(), buy.round(1)
    sell = np.minimum(random.uniform(0, 0.15, n_steps * days), 0.15)
    return street(load, buy, sell, steps)


WAYS = {
    "energy": {},
    "bundle": {"hours": 3.0},
    "two rents": {"power_rent_ratio": 0.7},
    "losses": {"charge_efficiency": 0.9, "discharge_efficiency": 0.95},
    "losses in a bundle": {"hours": 2.0, "charge_efficiency": 0.9, "discharge_efficiency": 0.95},
    "most": {"most_kwh": 1.5},
}


def users_of(cloud):
    """Return the users of a cloud as linear programs."""
    world = cloud.community
    per_kwh = None if cloud.hours is None else world.steps.step_hours / cloud.hours
    return [
        User(
            net,
            world.buy_per_kwh,
            world.sell_per_kwh,
            cloud.terms.charge_efficiency,
            cloud.terms.discharge_efficiency,
            per_kwh,
        )
        for net in world.net_load_kwh
    ]


# The case of four steps, worked by hand: storage of A and B earns .2 once a day, of C twice.


def test_demand_falls_in_steps_and_takes_the_larger_size_at_a_tie():
    cloud = StorageCloud(street(), 0.08)
    at = {rent: cloud.demand(rent).ravel().tolist() for rent in (0.05, 0.2, 0.2001, 0.4, 0.41)}
    assert at == {
        0.05: [5, 4, 2],
        0.2: [5, 4, 2],
        0.2001: [0, 0, 2],
        0.4: [0, 0, 2],
        0.41: [0, 0, 0],
    }
    assert cloud.demand_curve.rents == pytest.approx([0.4, 0.2], abs=1e-15)
    rents, kwh = cloud.demand_curve.of("m2")
    assert (rents.round(12).tolist(), kwh.tolist()) == ([0.4], [2.0])


def test_what_is_kept_cannot_be_written_to():
    curve = StorageCloud(street(), 0.08).demand_curve
    for values in (curve.rent_per_kwh_day, curve.energy_kwh, curve.rents, curve.of("m0")[1]):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 99.0


def test_the_best_rent_is_a_breakpoint_with_the_kindest_and_the_worst_storage():
    best = StorageCloud(street(), 0.08).best_rent()
    assert best.rent_per_kwh_day == pytest.approx(0.2)
    assert (best.virtual_kwh, best.physical_kwh, best.worst.energy_kwh) == (11, 7, 11)
    assert best.profit == pytest.approx(1.64)
    assert best.worst_profit == pytest.approx(1.32)
    assert best.savings == pytest.approx([0, 0, 0.4], abs=1e-12)
    assert best.gap == 0
    other = StorageCloud(street(), 0.08).offer(0.4)
    assert (other.virtual_kwh, other.profit) == (2, pytest.approx(0.64))


def test_no_welfare_is_lost_in_the_worked_case():
    cloud = StorageCloud(street(), 0.08)
    best, game = cloud.best_rent(), cloud.game()
    gain = sum(game.value([member]) for member in cloud.community.members) - game.value(
        game.players
    )
    assert gain == pytest.approx(2.04)
    assert best.savings.sum() + best.profit == pytest.approx(2.04)


def test_of_rents_that_earn_the_same_the_lowest_is_taken():
    # 2 kWh at .4 earn what 4 kWh at .2 do.
    world = street([(0, 0, 0, 2), (0, 2, 0, 2)], steps=STEPS)
    best = StorageCloud(world, 0.0).best_rent()
    assert best.rent_per_kwh_day == pytest.approx(0.2)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_what_users_pay_at_any_rent_is_the_optimum_of_their_program(way, seed):
    cloud = StorageCloud(of_random(seed), 0.02, **WAYS[way])
    curve, hours = cloud.demand_curve, cloud.community.steps.step_hours
    rents = [*curve.rents.tolist(), *(0.5 * (curve.rents[1:] + curve.rents[:-1])).tolist(), 1e-3]
    for rent in rents[:: max(1, len(rents) // 5)]:
        paid = rent * curve.at(rent, "size")[:, 0]
        ours = cloud.terms.bills_alone - curve.at(rent, "saved")[:, 0] + paid
        power_rent = rent * (cloud.power_rent_ratio or 0.0) / hours
        for number, user in enumerate(users_of(cloud)):
            energy = None
            if cloud.most_kwh is not None:
                energy = float(curve.at(rent)[number, 0])
                assert energy <= cloud.most_kwh * (1 + 1e-12)
            least = user.least_cost(rent, power_rent, energy=energy)
            assert ours[number] == pytest.approx(least, abs=1e-7), (rent, number)


@pytest.mark.parametrize("seed", range(12))
def test_savings_of_whole_sizes_are_those_in_fractions(seed):
    world = of_random(seed, n=1, n_steps=6, is_whole=True)
    cloud = StorageCloud(world, 0.0)
    net, buy, sell = (
        [Fraction(number) for number in numbers.tolist()]
        for numbers in (world.net_load_kwh[0], world.buy_per_kwh, world.sell_per_kwh)
    )
    curve = cloud.demand_curve
    sizes, saved = np.append(0.0, curve.energy_kwh), np.append(0.0, curve.saved)
    for size in range(int(sizes[-1]) + 3):
        exact = least_cost(net, buy, sell, Fraction(0), Fraction(1)) - least_cost(
            net, buy, sell, Fraction(size), Fraction(1)
        )
        assert np.interp(size, sizes, saved) == pytest.approx(float(exact), abs=1e-12)


@pytest.mark.parametrize("way", WAYS)
@drawn(3, 60, st.integers(0, 10**6))
def test_demand_is_monotone_and_savings_concave(way, seed):
    cloud = StorageCloud(of_random(seed, n=2, n_steps=12), 0.0, **WAYS[way])
    curve = cloud.demand_curve
    for start, end in zip(curve.starts[:-1], curve.starts[1:], strict=True):
        part = slice(start, end)
        assert (np.diff(curve.rent_per_kwh_day[part]) < 0).all()
        assert (np.diff(curve.size[part]) > 0).all()
        steps = np.diff(np.append(0.0, curve.size[part]))
        risen = np.diff(np.append(0.0, curve.saved[part]))
        assert risen == pytest.approx(curve.rent_per_kwh_day[part] * steps, abs=1e-9)
    # Of power and capacity together: power may take the place of capacity.
    totals = np.array([curve.at(rent, "size").sum() for rent in curve.rents.tolist()])
    assert (np.diff(totals) > -1e-9).all()
    savings = [cloud.offer(rent).savings for rent in (0.0, *curve.rents[::7].tolist())]
    assert (np.array(savings) > -1e-9).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("cost", [{}, {"power_cost_per_kw_day": 0.05}, {"wear_cost_per_kwh": 0.02}])
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_no_grid_of_prices_beats_the_best_rent(way, cost, seed):
    cloud = StorageCloud(of_random(seed, n=3, n_steps=8), 0.03, **WAYS[way], **cost)
    grid = np.linspace(0.0, 1.1 * cloud.demand_curve.rents[0], 31).tolist()
    some = cloud.demand_curve.rents[:: 1 + len(cloud.demand_curve.rents) // 30].tolist()
    profits = [cloud.offer(rent).profit for rent in (*grid, *some)]
    if max(profits) < -1e-9:
        with pytest.raises(sg.errors.GameError, match="no rent earns"):
            cloud.best_rent()
        return
    best = cloud.best_rent()
    assert best.gap == 0
    assert max(profits) <= best.profit + 1e-9


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_two_rents_earn_no_more_than_their_bound(seed):
    cloud = StorageCloud(of_random(seed, n=3, n_steps=8), 0.03, 0.02)
    ratios = (0.25, 0.5, 1.0, 2.0)
    best = cloud.best_rents(ratios)
    of_each = [StorageCloud(cloud.community, 0.03, 0.02, power_rent_ratio=r) for r in ratios]
    assert best.profit == pytest.approx(max(each.best_rent().profit for each in of_each))
    # Of pairs in between none earns more than is said.
    between = [StorageCloud(cloud.community, 0.03, 0.02, power_rent_ratio=r) for r in (0.3, 1.7)]
    assert max(each.best_rent().profit for each in between) <= best.profit + best.gap
    assert best.gap >= 0


@pytest.mark.parametrize("costs", [(0.05, 0.0, 0.0), (0.05, 0.03, 0.0), (0.05, 0.03, 0.01)])
@pytest.mark.parametrize("way", ["energy", "losses", "bundle"])
@pytest.mark.parametrize("seed", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 2))])
def test_the_kindest_and_the_worst_storage_are_those_of_all_optimal_schedules(way, costs, seed):
    # Whole loads and few prices leave many optimal schedules.
    world = of_random(seed, n=4, n_steps=6, is_whole=True)
    energy_cost, power_cost, wear_cost = costs
    cloud = StorageCloud(world, energy_cost, power_cost, wear_cost_per_kwh=wear_cost, **WAYS[way])
    for rent in cloud.demand_curve.rents[::2].tolist():
        offer = cloud.offer(rent)
        sizes = offer.energy_kwh[:, 0].tolist()
        hours = world.steps.step_hours
        cost, most = needs(users_of(cloud), sizes, energy_cost, power_cost / hours, wear_cost)
        assert offer.kindest.cost == pytest.approx(cost, abs=1e-6)
        assert offer.worst.energy_kwh == pytest.approx(most, abs=1e-6)
        assert offer.kindest.cost <= offer.worst.cost + 1e-9
        assert offer.physical_kwh <= offer.virtual_kwh + 1e-9


def test_what_is_owned_rules_out_rents():
    assert StorageCloud(street(), 0.08, owned_kwh=5).best_rent().rent_per_kwh_day == pytest.approx(
        0.4
    )
    with pytest.raises(sg.errors.GameError, match=r"members need 7 kWh, and the operator owns 5"):
        StorageCloud(street(), 0.08, owned_kwh=5).offer(0.2)
    with pytest.raises(sg.errors.GameError, match="at no rent do the 1 kWh"):
        StorageCloud(street(), 0.08, owned_kwh=1).best_rent()


def test_schedules_that_cost_the_least_are_of_those_within_what_is_owned():
    # The cheapest schedules that the program finds hold 3 kWh, others for the same wear 2.
    loads, buy = ((1, 2, 2, -1), (-2, 0, -1, 1)), (0.1, 0.2, 0.1, 0.2)
    bought = StorageCloud(street(loads, buy), 0.0, wear_cost_per_kwh=0.02).best_rent()
    cloud = StorageCloud(street(loads, buy), 0.0, wear_cost_per_kwh=0.02, owned_kwh=2)
    owned = cloud.best_rent()
    assert owned.rent_per_kwh_day == pytest.approx(bought.rent_per_kwh_day)
    assert owned.physical_kwh == pytest.approx(2)
    assert owned.profit == pytest.approx(bought.profit)
    assert owned.gap == 0


def test_in_two_stages_each_day_has_its_own_demand_and_all_share_one_storage():
    world = of_random(3, n=3, n_steps=6, days=3)
    cloud = StorageCloud(world, 0.03, rented_for="day")
    best = cloud.best_rent()
    assert best.energy_kwh.shape == (3, 3)
    alone = [
        StorageCloud(world.period(f"2016-06-0{day}", f"2016-06-0{day + 1}"), 0.03).offer(
            best.rent_per_kwh_day
        )
        for day in (1, 2, 3)
    ]
    assert best.revenue == pytest.approx(sum(offer.revenue for offer in alone))
    assert best.physical_kwh == pytest.approx(max(offer.physical_kwh for offer in alone))
    assert best.kindest.cost == pytest.approx(3 * 0.03 * best.physical_kwh)
    # Nobody does worse than with one capacity for all days at the same rent, but for what is left
    # in the evening.
    assert (best.savings >= -1e-9).all()


def test_units_and_order_do_not_matter():
    world = of_random(5, n=3, n_steps=8)
    best = StorageCloud(world, 0.03).best_rent()
    order = [2, 0, 1]
    cents = street(
        1000 * world.net_load_kwh[order],
        world.buy_per_kwh / 10,
        world.sell_per_kwh / 10,
        world.steps,
    )
    other = StorageCloud(cents, 0.003).best_rent()
    assert other.rent_per_kwh_day == pytest.approx(best.rent_per_kwh_day / 10)
    assert other.profit == pytest.approx(100 * best.profit)
    assert other.savings == pytest.approx(100 * best.savings[order])


def test_bills_say_what_the_operator_keeps_and_come_back_from_their_evidence():
    offer = sg.energy.StorageOffer(
        name="lithium",
        price_per_kwh_year=0.08 * 365,
        price_per_kw_year=0.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
    )
    world = street(storage_offers=[offer])
    best = StorageCloud(world).best_rent()
    bills = best.allocation()
    evidence = bills.evidence
    assert bills.values == pytest.approx([1.5, 1.2, 0.8])
    assert evidence.arrangement == pytest.approx(bills.total - best.profit)
    assert (evidence.residual_claimant, evidence.n_evaluations) == ("operator", 0)
    # Alone each would buy storage for itself; all together lose nothing here.
    assert evidence.basis.costs_alone == pytest.approx([0.9, 0.72, 0.56])
    assert evidence.arrangement == pytest.approx(evidence.basis.optimum)
    game = world.cost_game()
    assert evidence.verify(game).holds
    labels = {f'"{member}"': member for member in world.members}
    kept = {"kind": "CloudBills", **evidence.repeatable()}
    again = sg.evidence.Evidence.from_dict(kept, bills.values.tolist(), labels)
    assert again == evidence


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"profit": 2.0}, "rents less costs"),
        ({"physical_kwh": 12.0}, "serve"),
        ({"rents_paid": (-1.0, 0.8, 0.4)}, "a rent is negative"),
        ({"values": (0.5, 0.2, 0.1)}, "less than the least cost of all"),
    ],
)
def test_a_wrong_account_is_refuted(change, message):
    from dataclasses import replace

    cloud = StorageCloud(street(), 0.08)
    bills = cloud.allocation()
    game = cloud.terms.comparable.cost_game()
    assert bills.evidence.verify(game).holds
    wrong = replace(bills.evidence, **change).verify(game)
    assert not wrong.holds
    assert any(message in failure for failure in wrong.failures)


def test_the_statement_adds_up():
    statement = StorageCloud(street(), 0.08).best_rent().statement()
    assert statement.earned == pytest.approx(2.2)
    assert statement.profit == pytest.approx(1.64)
    assert statement.delivered_kwh.tolist() == [5, 4, 4]
    assert statement.met_by_others_kwh == 0
    assert "m1" in repr(statement)
    assert "profit 1.64" in repr(statement)
    assert statement.to_pandas().loc["m0", "rent_paid"] == pytest.approx(1.0)


def test_what_one_charges_while_another_discharges_passes_no_storage():
    # The first stores its sun while the second uses what it charged in the night.
    world = street([(0, -2, 0, 2), (0, 2, 0, 0)], (0.1, 0.3, 0.3, 0.3))
    offer = StorageCloud(world, 0.01).best_rent()
    assert offer.rent_per_kwh_day == pytest.approx(0.2)
    assert (offer.virtual_kwh, offer.physical_kwh) == pytest.approx((4, 2))
    statement = offer.statement()
    assert statement.delivered_kwh.tolist() == pytest.approx([2, 2])
    assert statement.need.delivered_kwh == pytest.approx(2)
    assert statement.met_by_others_kwh == pytest.approx(2)
    assert "2.00 kWh went from one member's charging" in repr(statement)


# The operator as a player.


def test_bills_at_dual_prices_are_in_the_core_with_the_operator():
    for owned in (None, 5.0):
        cloud = StorageCloud(street(), 0.08, owned_kwh=owned)
        prices = cloud.dual_prices()
        game = cloud.game()
        assert prices.evidence.duality_gap == pytest.approx(0, abs=1e-9)
        assert sg.audit(game, prices).in_core
        # Storage that can be bought as much as is needed has no price beyond its cost.
        assert (prices["operator"] < -0.1) == (owned is not None)
        assert sg.audit(game, sg.nucleolus(game)).in_core


@pytest.mark.parametrize("way", ["energy", "bundle", "losses"])
@pytest.mark.parametrize("seed", range(2))
def test_the_game_of_the_operator_bounds_what_a_rent_makes(way, seed):
    cloud = StorageCloud(of_random(seed, n=3, n_steps=6), 0.02, 0.01, **WAYS[way])
    game = cloud.game("op")
    alone = [game.value([member]) for member in cloud.community.members]
    assert alone == pytest.approx(cloud.terms.bills_alone.tolist())
    for coalition in (("m0", "m1"), ("m0", "m1", "m2")):
        assert game.value(coalition) == pytest.approx(
            sum(game.value([member]) for member in coalition)
        )
    offer = cloud.best_rent()
    assert offer.bills.sum() - offer.profit >= game.value(game.players) - 1e-9
    assert sg.audit(game, cloud.dual_prices("op")).in_core
    assert pickle.loads(pickle.dumps(game)) == game


@pytest.mark.parametrize("most", [5.0, 50.0])
def test_the_game_takes_storage_for_resale_as_far_as_members_rent_it(most):
    # More pays than all loads could use, up to what a member may rent.
    world = street([(1, -2, 3, 4), (0, 0, 1, 0)], sell=(0.1, 0.3, 0.1, 0.3))
    cloud = StorageCloud(world, 0.01, most_kwh=most)
    offer, game = cloud.best_rent(), cloud.game()
    # Each kWh of it earns 0.2 twice a day and costs 0.01.
    least = cloud.terms.bills_alone.sum() - 2 * most * (2 * 0.2 - 0.01)
    assert game.value(game.players) == pytest.approx(least)
    assert cloud.dual_prices().values.sum() == pytest.approx(least)
    assert offer.bills.sum() - offer.profit >= least - 1e-9


def test_the_highest_rent_in_the_core_is_where_the_first_group_objects():
    offer = sg.energy.StorageOffer(
        name="lithium",
        price_per_kwh_year=0.08 * 365,
        price_per_kw_year=0.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
    )
    cloud = StorageCloud(street(storage_offers=[offer]))
    found = cloud.highest_rent_in_core()
    game = cloud.community.cost_game()
    assert found.is_proved
    # m0 and m1 share 5 kWh for .4, and rent 9 kWh.
    assert found.coalition == ("m0", "m1")
    assert found.rent_per_kwh_day == pytest.approx(0.4 / 9)
    table = game.to_table() if hasattr(game, "to_table") else None
    assert table is None or len(table) == 8
    for rent, objects in ((found.rent_per_kwh_day, False), (found.rent_per_kwh_day * 1.001, True)):
        bills = cloud.offer(rent).bills
        excess = max(
            bills[list(members)].sum() - game.value([f"m{number}" for number in members])
            for members in ((0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2))
        )
        assert (excess > 1e-9) == objects


def test_members_without_a_choice_take_any_rent():
    found = StorageCloud(street(), 0.08).highest_rent_in_core()
    assert (math.isinf(found.rent_per_kwh_day), found.coalition) == (True, ())


def test_no_rent_is_in_the_core_where_sharing_energy_is_worth_more():
    # m1 has in the first step what m0 needs: storage cannot make up for that.
    world = street([(5, 0, 0, 0), (-5, 0, 0, 0)])
    with pytest.raises(sg.errors.GameError, match="no rent is in the core"):
        StorageCloud(world, 0.08).highest_rent_in_core()


# Bits, copies, threads.


def test_results_are_the_same_bits_and_travel():
    world = of_random(7, n=4, n_steps=24)
    cloud = StorageCloud(world, 0.02)
    one, other = cloud.best_rent(), pickle.loads(pickle.dumps(cloud)).best_rent()
    assert one == other
    assert pickle.loads(pickle.dumps(one)) == one
    assert cloud.demand_curve == StorageCloud(world, 0.02).demand_curve
