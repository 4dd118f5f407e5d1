"""Generation to buy: the plan of a user, communities, files, reports, and what cannot be."""

import math
import re
from dataclasses import replace

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from fixtures.small_community import FILES, write_community
from fixtures.worlds import MEMBERS, WIND, WORLDS, battery, community
from hypothesis import strategies as st
from reference.world_lp import least_cost
from sesgame.energy import Community, GenerationOffer, StorageOffer, Tariff, TimeSteps
from sesgame.errors import GameError
from sesgame.testing import communities

DAY = TimeSteps(np.datetime64("2024-06-01"), np.timedelta64(8, "h"), 3)


def user(storage_per_day, *, profile=(1, 4, 0), sell=0.08, **world):
    """Return a user of a cloud who rents PV and storage for a day of three steps."""
    cloud = StorageOffer(
        name="cloud",
        price_per_kwh_year=storage_per_day * 365,
        price_per_kw_year=0,
        charge_efficiency=0.9,
        discharge_efficiency=0.9,
    )
    options = {"storage_offers": [cloud], **world}
    return Community(
        members=["user"],
        steps=DAY,
        load_kwh=[[1, 2, 4]],
        tariff=Tariff.flat(0.30, sell),
        generation_offers=[GenerationOffer("PV", 0.40, profile)],
        **options,
    )


@pytest.mark.parametrize(
    ("rent", "power", "energy", "cost"),
    [
        (0.05, 1.587654, 4.444444, 0.857284),
        (0.15, 1.587654, 4.444444, 1.301728),
        (0.20, 1.0, 0.0, 1.44),
    ],
)
def test_the_double_layer_plan_of_a_user(rent, power, energy, cost):
    """Capacities above, dispatch below: both minimise one cost, so one program finds them."""
    here = user(rent)
    plan = here.dispatch()
    assert plan.generators_kw["PV"] == pytest.approx(power, abs=1e-6)
    assert plan.purchases["cloud"][0] == pytest.approx(energy, abs=1e-6)
    assert plan.cost == pytest.approx(cost, abs=1e-6)
    assert sg.owen_allocation(here, progress=False)["user"] == pytest.approx(cost, abs=1e-6)
    if energy:
        assert plan.grid_import_kwh == pytest.approx(np.zeros(3), abs=1e-9)
        assert plan.grid_export_kwh == pytest.approx(np.zeros(3), abs=1e-9)
    without = Community(
        members=["user"], steps=DAY, load_kwh=[[1, 2, 4]], tariff=Tariff.flat(0.30, 0.08)
    )
    assert without.dispatch().cost == pytest.approx(2.1)


def test_no_other_capacities_above_have_a_cheaper_dispatch_below():
    """The nested form: each choice of capacities, and the best dispatch of what they are."""
    best = user(0.15).dispatch().cost
    for power in np.linspace(0, 2.5, 11):
        for energy in np.linspace(0, 6, 9):
            below = Community(
                members=["user"],
                steps=DAY,
                load_kwh=[[1, 2, 4]],
                pv_kwh=power * np.array([[1.0, 4.0, 0.0]]),
                tariff=Tariff.flat(0.30, 0.08),
                batteries=[battery("user", energy, 9.0, 0.9)],
            )
            rent = 0.40 * power + 0.15 * energy
            assert below.dispatch().cost + rent >= best - 1e-9


@drawn(15, 80, communities(st.integers(1, 3), n_steps=st.integers(1, 4), model="linear"))
def test_every_coalition_costs_what_a_dense_model_says(here):
    assert all(offer.profile.any() for offer in here.generation_offers)
    game = here.cost_game(model="linear")
    for mask in range(1, 2 ** len(here.members)):
        members = {m for index, m in enumerate(here.members) if mask >> index & 1}
        expected = least_cost([here], [1.0], members)
        assert game.value(members) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("name", ["generation to buy", "storage and generation behind limits"])
def test_what_is_planned_balances_and_costs_what_it_says(name):
    here = community(1, **WORLDS[name])
    schedule = here.dispatch()
    bought = sum(
        schedule.generators_kw[offer.name] * offer.profile for offer in here.generation_offers
    )
    assert bought.any()
    assert schedule.bought_generation_kwh == pytest.approx(bought)
    inside = schedule.net_load_kwh + schedule.charge_kwh - schedule.discharge_kwh - bought
    unused = schedule.grid_import_kwh - schedule.grid_export_kwh - inside
    assert (unused >= -1e-9).all()
    rent = sum(
        schedule.generators_kw[offer.name] * offer.price_per_kw_day * 3 / 24
        for offer in here.generation_offers
    )
    grid = (here.buy_per_kwh * schedule.grid_import_kwh).sum()
    grid -= (here.sell_per_kwh * schedule.grid_export_kwh).sum()
    if name == "generation to buy":
        assert schedule.cost == pytest.approx(grid + rent)
    assert "kW of 'wind' bought" in repr(schedule)
    assert "bought_generation_kwh" in schedule.to_pandas()


def test_the_search_for_the_worst_coalition_takes_it_along():
    here = community(1, **WORLDS["generation to buy"])
    oracle = here.separation_oracle()
    game = here.cost_game()
    bills = sg.owen_allocation(here, progress=False)
    assert sg.audit(game, bills, oracle=oracle).in_core
    most = sg.nucleolus(game, oracle=oracle, progress=False)
    by_table = sg.nucleolus(game, progress=False)
    assert most.values == pytest.approx(by_table.values, abs=1e-6)


def test_scenarios_share_the_power_and_have_their_own_weather():
    calm = replace(WIND, profile=0.5 * WIND.profile)
    days = [
        community(1, generation_offers=[WIND]),
        community(2, generation_offers=[calm]),
    ]
    scenarios = sg.energy.Scenarios(days, [0.6, 0.4])
    game = scenarios.cost_game()
    for members in (["ann"], ["bob", "cid"], MEMBERS):
        expected = least_cost(days, [0.6, 0.4], set(members))
        assert game.value(members) == pytest.approx(expected, abs=1e-7)
    windy, still = scenarios.dispatch()
    assert windy.generators_kw == still.generators_kw
    assert windy.generators_kw["wind"] > 0
    assert sg.audit(game, sg.owen_allocation(scenarios, progress=False)).in_core
    dear = replace(WIND, price_per_kw_day=3.0)
    with pytest.raises(GameError, match="scenario 2 has other generation_offers than scenario 1"):
        sg.energy.Scenarios([days[0], community(2, generation_offers=[dear])])


def test_a_period_has_its_part_of_the_profile_and_pays_its_part_of_the_day():
    here = user(0.15, sell=0.01)
    part = here.period("2024-06-01T00:00", "2024-06-01T16:00")
    assert part.generation_offers[0].profile.tolist() == [1, 4]
    plan = part.dispatch()
    power = plan.generators_kw["PV"]
    grid = 0.30 * plan.grid_import_kwh.sum() - 0.01 * plan.grid_export_kwh.sum()
    assert power > 0
    assert plan.cost == pytest.approx(grid + 0.40 * power * 16 / 24)


def test_what_generators_feed_to_members_is_exchanged():
    here = user(0.15, storage_offers=[])
    plan = here.dispatch()
    supplied, received = sg.energy.exchanged_energy(here, plan)
    inside = (plan.bought_generation_kwh - plan.grid_export_kwh).sum()
    assert received["user"] == pytest.approx(inside)
    assert supplied["user"] == 0
    with pytest.raises(GameError, match="generation that is bought belongs to no member"):
        sg.energy.mid_market_rate(here)


def test_never_charging_and_discharging_at_once_goes_with_it():
    here = community(
        1,
        generation_offers=[WIND],
        batteries=[battery("ann", 3.0, 2.0, 0.6)],
        exclusive=True,
    )
    assert here.default_model == "integer"
    for members in (["ann"], ["ann", "cid"], MEMBERS):
        expected = least_cost([here], [1.0], set(members))
        assert here.cost_game().value(members) == pytest.approx(expected, abs=1e-7)
    assert here.dispatch().cost == pytest.approx(least_cost([here], [1.0], set(MEMBERS)), abs=1e-7)


@pytest.mark.parametrize(
    ("world", "model"),
    [
        ({}, "battery"),
        ({}, "netting"),
        ({"battery_kwh": np.zeros((4, 6)), "batteries": [battery("ann")]}, "as-it-ran"),
        (
            {"controller": sg.energy.SelfConsumption(), "batteries": [battery("ann")]},
            "re-run",
        ),
    ],
)
def test_models_that_have_no_program_refuse_it_by_name(world, model):
    here = community(1, generation_offers=[WIND], **world)
    with pytest.raises(GameError, match=f'model="{model}" does not support .*generation to buy'):
        here.cost_game(model=model)


def test_contracts_that_depend_on_whole_months_refuse_it():
    contract = sg.energy.Contract(
        name="least", energy=Tariff.flat(0.3, 0.1), minimum_per_month=90.0
    )
    here = Community(
        members=["ann"],
        steps=DAY,
        load_kwh=[[1, 2, 4]],
        tariff=contract,
        generation_offers=[GenerationOffer("PV", 2.0, [1, 4, 0])],
    )
    with pytest.raises(GameError, match="cannot be billed beside generation to buy"):
        here.cost_game()


@pytest.mark.parametrize(
    ("world", "message"),
    [
        ({"sell": 0.09, "storage_offers": []}, "'PV' costs 0.4 and feeds in energy for 0.45 EUR"),
        ({"sell": 0.09}, r"on offer: 'cloud', 'PV'\) would earn more than it costs"),
        ({"sell": 0.09}, "make the storage a battery of a member and make the generator the PV"),
    ],
)
def test_generation_that_pays_by_feeding_in_alone_is_refused(world, message):
    with pytest.raises(GameError, match=message):
        user(0.15, **world).cost_game()


def test_generation_that_pays_only_with_storage_is_refused():
    steps = TimeSteps(np.datetime64("2024-06-01"), np.timedelta64(12, "h"), 2)
    here = Community(
        members=["user"],
        steps=steps,
        load_kwh=[[1, 1]],
        tariff=sg.energy.PriceSeries(steps, [0.4, 0.4], [0.0, 0.35]),
        generation_offers=[GenerationOffer("PV", 0.5, [3, 0])],
        storage_offers=[replace(user(0.1).storage_offers[0], price_per_kwh_year=0.01)],
    )
    with pytest.raises(GameError, match="without any member: a generator whose energy is stored"):
        here.cost_game()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"price_per_kw_day": 0}, "'PV': price_per_kw_day must be above 0, got 0"),
        ({"price_per_kw_day": -1}, "price_per_kw_day must be above 0, got -1"),
        ({"price_per_kw_day": math.nan}, "price_per_kw_day must be above 0, got nan"),
        ({"profile": [1, -1, 0]}, "'PV': profile must be non-negative, got -1.0 in step 2"),
        ({"profile": [1, math.nan, 0]}, "profile must be non-negative, got nan in step 2"),
        ({"profile": [[1, 2, 3]]}, r"profile has shape \(1, 3\)"),
        ({"profile": "sun"}, "profile is not an array of numbers"),
    ],
)
def test_offers_that_cannot_be_are_refused(change, message):
    with pytest.raises(GameError, match=message):
        GenerationOffer(**{"name": "PV", "price_per_kw_day": 0.4, "profile": [1, 4, 0], **change})


def test_offers_fit_the_community():
    with pytest.raises(GameError, match="'PV': profile has 2 numbers, but there are 3 steps"):
        user(0.1, profile=(1, 4))
    cloud = user(0.1).storage_offers[0]
    with pytest.raises(GameError, match="two offers are named 'PV'"):
        user(0.1, storage_offers=[replace(cloud, name="PV")])
    steps = TimeSteps(np.datetime64("2024-06-01"), np.timedelta64(8, "h"), 3)
    above = sg.energy.PriceSeries(steps, [0.1] * 3, [0.2] * 3)
    with pytest.raises(GameError, match="where selling earns more than buying costs"):
        Community(
            members=["user"],
            steps=steps,
            load_kwh=[[1, 2, 4]],
            tariff=above,
            generation_offers=[GenerationOffer("PV", 9.0, [1, 4, 0])],
        )


HEADER = "name,price_per_kw_day,profile,unit,scale\n"
METERS = FILES["meters.csv"].splitlines()
SUNNY = "\n".join([METERS[0] + ",sun", *(line + ",0.5" for line in METERS[1:])]) + "\n"


def test_files_name_a_column_of_the_meters_as_profile(tmp_path):
    offers = f"{HEADER}roof,0.9,roof,kW,\nfield,1.5,sun,kWh,0.5\n"
    folder = write_community(tmp_path / "court", meters=SUNNY, generation_offers=offers)
    here = Community.from_csv(folder)
    roof, field = here.generation_offers
    assert roof == GenerationOffer("roof", 0.9, [0.5, 1.0, 0.75, 0.0])
    assert field == GenerationOffer("field", 1.5, [0.25] * 4)
    assert here.pv_kwh[0].tolist() == [2.0, 4.0, 3.0, 0.0]
    assert "for generation to buy" in here.description()
    assert "generation at 0.9 per kW and day" in here.cost_terms().investment


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("roof,0,sun,kW,1", "generation_offers.csv, line 2: .*'roof': price_per_kw_day must be"),
        ("roof,1,moon,kW,1", 'meters.csv has no column "moon"'),
        ("roof,1,sun,W,1", 'generation_offers.csv, line 2, column "unit": "W" is not kW or kWh'),
        ("roof,1,sun,kW,-1", "generation_offers.csv, line 2: .* got -0.5 in step 1"),
        ("roof,1,,kW,1", 'line 2, column "profile": the cell is empty'),
        ("a,1,sun,kW,1\na,1,sun,kW,1", 'line 3, column "name": duplicate offer "a"'),
        ("a,much,sun,kW,1", 'line 2, column "price_per_kw_day": "much" is not a number'),
    ],
)
def test_a_file_of_generation_offers_says_in_which_line_it_is_wrong(tmp_path, rows, message):
    folder = write_community(
        tmp_path / "court", meters=SUNNY, generation_offers=f"{HEADER}{rows}\n"
    )
    with pytest.raises(GameError, match=message):
        Community.from_csv(folder)


def test_a_report_says_what_is_bought():
    here = user(0.15)
    page = sg.report(
        here.cost_game(), sg.owen_allocation(here, progress=False), community=here, progress=False
    ).to_html()
    assert "Generation bought, PV" in page
    assert re.search(r"1\.6.kW", page)
    assert "storage bought, generation bought" in page
