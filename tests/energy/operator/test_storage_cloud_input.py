"""Storage clouds refuse what they are not for, by name."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.energy import StorageCloud
from sesgame.errors import CoalitionError, GameError

STEPS = sg.energy.TimeSteps.from_times([f"2016-06-01T{hour:02}:00" for hour in (0, 6, 12, 18)])


def world(buy=(0.1, 0.3, 0.1, 0.3), sell=(0, 0, 0, 0), **others):
    return sg.energy.Community(
        members=["ann", "bob"],
        steps=STEPS,
        load_kwh=[[0, 5, 0, 0], [0, 0, 0, 4]],
        tariff=sg.energy.PriceSeries(STEPS, buy, sell),
        **others,
    )


def offer(name="lithium"):
    return sg.energy.StorageOffer(
        name=name,
        price_per_kwh_year=30.0,
        price_per_kw_year=0.0,
        charge_efficiency=0.9,
        discharge_efficiency=0.9,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"capacity_cost_per_kwh_day": -0.1}, "capacity_cost_per_kwh_day must be a non-negative"),
        ({"capacity_cost_per_kwh_day": float("nan")}, "capacity_cost_per_kwh_day must be"),
        ({"power_cost_per_kw_day": -1}, "power_cost_per_kw_day must be a non-negative number"),
        ({"wear_cost_per_kwh": float("inf")}, "wear_cost_per_kwh must be a non-negative number"),
        ({"charge_efficiency": 0}, r"charge_efficiency must be in \(0, 1\], got 0"),
        ({"discharge_efficiency": 1.1}, r"discharge_efficiency must be in \(0, 1\], got 1.1"),
        ({"hours": 0}, "hours must be a positive number, got 0"),
        ({"power_rent_ratio": -1}, "power_rent_ratio must be a positive number, got -1"),
        ({"hours": 2, "power_rent_ratio": 1}, "give one of them"),
        ({"most_kwh": 0}, "most_kwh must be a positive number"),
        ({"owned_kwh": -5}, "owned_kwh must be a positive number"),
        ({"rented_for": "week"}, 'rented_for must be "period" or "day", got \'week\''),
        ({"capacity_cost_per_kwh_day": "much"}, "capacity_cost_per_kwh_day must be a number"),
        ({"hours": [2]}, "hours must be a number or None"),
    ],
)
def test_numbers_out_of_their_range_are_named(options, message):
    given = {"capacity_cost_per_kwh_day": 0.08, **options}
    with pytest.raises(GameError, match=message):
        StorageCloud(world(), **given)


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ({"grid": sg.energy.Grid(demand_charge_per_kw=0.4)}, "a demand charge"),
        ({"grid": sg.energy.Grid(import_limit_kw=1.0)}, "a limit of import or export"),
    ],
)
def test_communities_with_more_than_prices_are_refused(others, message):
    with pytest.raises(GameError, match=f"a storage cloud does not support .*{message}"):
        StorageCloud(world(**others), 0.08)


def test_a_cost_is_given_or_that_of_the_one_offer():
    with pytest.raises(GameError, match=r"capacity_cost_per_kwh_day is missing.*there is none"):
        StorageCloud(world())
    with pytest.raises(GameError, match=r"there are 2 \('lithium', 'lead'\)"):
        StorageCloud(world(storage_offers=[offer(), offer("lead")]))
    terms = StorageCloud(world(storage_offers=[offer()])).terms
    assert terms.capacity_cost_per_kwh_day == pytest.approx(30 / 365)
    assert (terms.charge_efficiency, terms.wear_cost_per_kwh) == (0.9, 0.0)


def test_only_communities_have_clouds():
    scenarios = sg.energy.Scenarios([world()])
    with pytest.raises(GameError, match="a storage cloud is for a Community"):
        StorageCloud(scenarios, 0.08)


def test_demand_without_limit_names_the_steps_and_the_cure():
    cloud = StorageCloud(world(sell=(0, 0.2, 0, 0.2)), 0.01)
    with pytest.raises(
        GameError, match=r"bought at 2016-06-01T00:00 is sold for more at 2016-06-01T06:00; say"
    ):
        cloud.best_rent()
    with pytest.raises(GameError, match="demand for storage has no limit"):
        cloud.game()
    assert StorageCloud(world(sell=(0, 0.2, 0, 0.2)), 0.01, most_kwh=3).best_rent().virtual_kwh == 6


def test_negative_prices_need_power_that_comes_with_capacity():
    prices = {"buy": (0.1, 0.3, 0.1, 0.3), "sell": (-0.1, 0, 0, 0)}
    lossy = {"charge_efficiency": 0.9}
    with pytest.raises(GameError, match="a price is negative at 2016-06-01T00:00"):
        StorageCloud(world(**prices), 0.08, **lossy)
    with pytest.raises(GameError, match="power that is free, or rented by itself, would burn"):
        StorageCloud(world(**prices), 0.08, power_rent_ratio=0.5, **lossy)
    assert StorageCloud(world(**prices), 0.0, power_rent_ratio=0.5).best_rent().profit >= 0
    assert StorageCloud(world(**prices), 0.0, hours=2, **lossy).best_rent().profit >= 0


@pytest.mark.parametrize("rent", [-0.1, float("nan"), float("inf"), "1", None])
def test_rents_are_numbers_of_at_least_0(rent):
    cloud = StorageCloud(world(), 0.08)
    for call in (cloud.demand, cloud.offer):
        with pytest.raises(GameError, match="rent_per_kwh_day must be a"):
            call(rent)


def test_terms_members_and_quantities_that_are_not_there():
    curve = StorageCloud(world(), 0.08).demand_curve
    with pytest.raises(CoalitionError, match="eve"):
        curve.of("eve")
    with pytest.raises(GameError, match="term must be from 0 to 0, got 1"):
        curve.of("ann", 1)
    with pytest.raises(GameError, match="quantity must be"):
        curve.at(0.1, "money")
    with pytest.raises(GameError, match="term must be a whole number"):
        curve.of("ann", "1")
    for ask in (curve.at, curve.total_kwh, curve.step_at):
        with pytest.raises(GameError, match="rent_per_kwh_day must be a number"):
            ask("0.1")


def test_nobody_rents_what_saves_nothing():
    flat = world((0.3, 0.3, 0.3, 0.3))
    with pytest.raises(GameError, match="storage saves no member anything"):
        StorageCloud(flat, 0.08).best_rent()
    assert StorageCloud(flat, 0.08).demand(0.0).tolist() == [[0.0], [0.0]]


def test_two_rents_need_ratios_and_power_of_its_own():
    cloud = StorageCloud(world(), 0.08)
    for wrong in ([], "ab", 5, [float("nan")], None):
        with pytest.raises(GameError, match="ratios"):
            cloud.best_rents(wrong)
    with pytest.raises(GameError, match="power_rent_ratio must be a positive number"):
        cloud.best_rents([0.5, -1.0])
    with pytest.raises(GameError, match="hours=2 gives each kWh its power"):
        StorageCloud(world(), 0.08, hours=2).best_rents([0.5])


def test_a_loss_is_no_offer():
    with pytest.raises(GameError, match=r"no rent earns what storage costs: .* at a loss of"):
        StorageCloud(world(), 5.0).best_rent()


def test_the_operator_needs_a_label_of_its_own():
    with pytest.raises(GameError, match="'ann' is a member"):
        StorageCloud(world(), 0.08).game("ann")
    other = sg.Game.from_table([0.0, 1, 2, 3], ["x", "y"], kind="cost")
    with pytest.raises(GameError, match="other members"):
        StorageCloud(world(), 0.08).highest_rent_in_core(other)


@pytest.mark.parametrize(
    ("virtual", "physical"),
    [(0.0, 0.0), (-1.0, 0.0), (5.0, 6.0), (5.0, -1.0), (np.nan, 1.0), ("5", 1.0)],
)
def test_virtual_to_physical_takes_sizes_in_order(virtual, physical):
    with pytest.raises(GameError, match="must be"):
        sg.energy.virtual_to_physical(virtual, physical)
