"""Grids, batteries, storage offers and scenarios that make no sense."""

import math

import numpy as np
import pytest
import sesgame as sg
from fixtures.small_community import write_community
from fixtures.worlds import OFFER, UNLIKE, WIND, battery, community
from sesgame.energy import Battery, Grid, Line, Scenarios, StorageOffer
from sesgame.errors import AllocationError, GameError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"demand_charge_per_kw": -1.0}, "demand_charge_per_kw must be non-negative, got -1.0"),
        ({"demand_charge_per_kw": math.inf}, "demand_charge_per_kw must be non-negative, got inf"),
        ({"import_limit_kw": -1.0}, "import_limit_kw must be non-negative, got -1.0"),
        ({"export_limit_kw": math.nan}, "export_limit_kw must be non-negative, got nan"),
        ({"connection_limits_kw": {"ann": -2.0}}, "limit of 'ann' must be non-negative, got -2.0"),
    ],
)
def test_a_grid_with_an_impossible_number_is_refused(options, message):
    with pytest.raises(GameError, match=message):
        Grid(**options)


def test_lines_name_who_is_behind_them():
    with pytest.raises(GameError, match="nobody is behind line 'a'"):
        Line(name="a", members=[], limit_kw=1.0)
    with pytest.raises(GameError, match="a list of labels, not a string"):
        Line(name="a", members="ann", limit_kw=1.0)
    with pytest.raises(GameError, match="the limit of line 'a' must be non-negative, got -1"):
        Line(name="a", members=["ann"], limit_kw=-1.0)
    with pytest.raises(GameError, match="line 'a' names 'eve', who is not a member"):
        community(grid=Grid(lines=[Line(name="a", members=["eve"], limit_kw=1.0)]))
    with pytest.raises(GameError, match="a connection limit names 'eve'"):
        community(grid=Grid(connection_limits_kw={"eve": 1.0}))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"price_per_kwh_year": -1.0}, "'any': price_per_kwh_year must be non-negative, got -1.0"),
        ({"price_per_kwh_year": 0.0}, "'any' is for nothing"),
        ({"discharge_efficiency": 0.0}, r"discharge_efficiency must be in \(0, 1\], got 0.0"),
        ({"degradation_cost_per_kwh": math.nan}, "cost_per_kwh must be non-negative, got nan"),
    ],
)
def test_an_offer_that_nobody_can_make_is_refused(options, message):
    fair = {"name": "any", "price_per_kwh_year": 1.0, "price_per_kw_year": 0.0}
    fair |= {"charge_efficiency": 1.0, "discharge_efficiency": 1.0}
    with pytest.raises(GameError, match=message):
        StorageOffer(**{**fair, **options})


@pytest.mark.parametrize(
    "grid", [Grid(), Grid(import_limit_kw=9.0), Grid(demand_charge_per_kw=0.001)], ids=str
)
def test_storage_that_pays_by_trading_with_the_grid_alone_is_refused(grid):
    steps = sg.energy.TimeSteps(np.datetime64("2016-06-01"), np.timedelta64(1, "h"), 3)
    prices = sg.energy.PriceSeries(
        steps=steps,
        buy_per_kwh=np.array([0.2, 0.1, 0.5]),
        sell_per_kwh=np.array([0.1, 0.1, 0.4]),
        currency="EUR",
    )
    world = sg.energy.Community(
        members=["ann", "bob"],
        steps=steps,
        load_kwh=np.ones((2, 3)),
        tariff=prices,
        storage_offers=[OFFER],
        grid=grid,
    )
    message = (
        rf"on offer: '{OFFER.name}'.* without any member: energy costs 0\.1 at 2016-06-01T01:00 "
        r"and sells for 0\.4 EUR per kWh at 2016-06-01T02:00.*make the storage a battery"
    )
    for ask in (world.cost_game, world.dispatch, lambda: sg.owen_allocation(world)):
        with pytest.raises(GameError, match=message):
            ask()


def test_a_battery_that_nobody_owns_is_refused():
    with pytest.raises(GameError, match=r"owner of the battery of .* must be a member"):
        battery("")


def test_negative_wear_is_refused():
    with pytest.raises(GameError, match=r"cost_per_kwh must be non-negative, got -0\.1"):
        Battery(
            owner="ann",
            energy_kwh=1,
            power_kw=1,
            charge_efficiency=1,
            discharge_efficiency=1,
            degradation_cost_per_kwh=-0.1,
        )


@pytest.mark.parametrize(
    ("world", "missing"),
    [
        ({"grid": Grid(connection_limits_kw={"ann": 1.0})}, "connection limits"),
        (
            {"batteries": [battery("ann", wear=0.1), battery("bob", wear=0.2)]},
            "batteries of different degradation costs",
        ),
        ({"storage_offers": [OFFER]}, "storage to buy"),
        ({"generation_offers": [WIND]}, "generation to buy"),
        ({"batteries": UNLIKE}, "batteries of different efficiencies"),
    ],
)
def test_a_recursion_that_leaves_something_out_is_refused(world, missing):
    with pytest.raises(GameError, match=rf'model="battery" does not support .*{missing}'):
        community(**world).cost_game(model="battery")


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        (Grid(import_limit_kw=0.5), "no dispatch keeps import_limit_kw: in the step from 2016-06"),
        (
            Grid(connection_limits_kw={"bob": 0.1}),
            "no dispatch keeps the connection limit of 'bob'",
        ),
        (
            Grid(lines=[Line(name="trunk", members=["bob", "dan"], limit_kw=0.1)]),
            "no dispatch keeps the limit of line 'trunk'",
        ),
    ],
)
def test_a_limit_that_all_members_cannot_keep_is_named_with_step_and_amount(grid, message):
    with pytest.raises(GameError, match=message) as error:
        community(grid=grid).cost_game()
    assert "kW" in str(error.value)


def test_a_coalition_that_cannot_keep_a_limit_is_named_by_its_members():
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[1.0, 1.0], [5.0, 1.0]],
        pv_kwh=[[4.0, 0.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.3, 0.1),
        grid=Grid(import_limit_kw=3.0),
    )
    game = here.cost_game()
    for ask in (lambda: game.value(["bob"]), game.tabulate, lambda: sg.shapley_value(game)):
        with pytest.raises(GameError, match=r"the value of \{bob\} is inf, not a finite number"):
            ask()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("peak,1,", 'line 2, column "quantity": "peak" is none of demand_charge_per_kw, import'),
        (
            "import_limit_kw,1,\nimport_limit_kw,2,",
            'line 3, column "quantity": duplicate import_limit_kw',
        ),
        ("import_limit_kw,1,ann", "for import_limit_kw the cell must be empty"),
        ("line_limit_kw,1,", "for line_limit_kw the cell must name members"),
        ("connection_limit_kw,1,eve", 'line 2, column "members": eve is not in members.csv'),
        ("line_limit_kw,1,ann;ann", "duplicate member ann"),
        ("connection_limit_kw,1,ann\nconnection_limit_kw,1,ann", "line 3.*ann has a connection"),
        ("demand_charge_per_kw,-1,", "line 2: demand_charge_per_kw must be non-negative, got -1.0"),
        ("line_limit_kw,-1,ann", "line 2: .* of line 'line 1' must be non-negative, got -1.0"),
        ("import_limit_kw,much,", 'line 2, column "value"'),
    ],
)
def test_a_grid_file_says_in_which_line_it_is_wrong(tmp_path, rows, message):
    folder = write_community(tmp_path / "court", grid=f"quantity,value,members\n{rows}\n")
    with pytest.raises(GameError, match=message):
        sg.energy.Community.from_csv(folder)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("a,1,1,1,1\na,2,2,1,1", 'line 3, column "name": duplicate offer "a"'),
        ("a,0,0,1,1", "line 2: the storage offer 'a' is for nothing"),
        ("a,1,1,2,1", r"line 2: .* 'a': charge_efficiency must be in \(0, 1\], got 2.0"),
    ],
)
def test_a_file_of_storage_offers_says_in_which_line_it_is_wrong(tmp_path, rows, message):
    header = "name,price_per_kwh_year,price_per_kw_year,charge_efficiency,discharge_efficiency"
    folder = write_community(tmp_path / "court", storage_offers=f"{header}\n{rows}\n")
    with pytest.raises(GameError, match=message):
        sg.energy.Community.from_csv(folder)


def test_files_give_what_the_classes_take(tmp_path):
    grid = "quantity,value,members\nline_limit_kw,9,ann; bob\nexport_limit_kw,7,\n"
    batteries = (
        "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency,"
        "degradation_cost_per_kwh\nann,2,1,1,1,0.05\n"
    )
    folder = write_community(tmp_path / "court", grid=grid, batteries=batteries)
    here = sg.energy.Community.from_csv(folder)
    line = Line(name="line 1", members=["ann", "bob"], limit_kw=9.0)
    assert here.grid == Grid(export_limit_kw=7.0, lines=[line])
    assert here.batteries[0].degradation_cost_per_kwh == 0.05
    assert here.period("2016-06-01T11:00", "2016-06-01T13:00").grid == here.grid


def test_scenarios_that_do_not_fit_are_refused():
    one, two = community(0), community(1)
    with pytest.raises(GameError, match="scenarios must not be empty"):
        Scenarios([])
    with pytest.raises(GameError, match="2 scenarios, but 1 weights"):
        Scenarios([one, two], [1.0])
    with pytest.raises(GameError, match="the weights must sum to 1"):
        Scenarios([one, two], [0.5, 0.6])
    with pytest.raises(GameError, match="the weights must be positive"):
        Scenarios([one, two], [0.0, 1.0])
    with pytest.raises(GameError, match="the weights must be positive"):
        Scenarios([one, two], [math.nan, 1.0])
    with pytest.raises(GameError, match="scenario 2 has other batteries"):
        Scenarios([one, community(1, batteries=[battery("ann")])])
    with pytest.raises(GameError, match="scenario 2 has 3 steps"):
        Scenarios([one, community(1, steps=3)])
    with pytest.raises(GameError, match=r"scenario 1: the period .* reaches beyond the data"):
        sg.owen_allocation(Scenarios([one, two]), start="2016-05-31")


def test_a_reference_of_other_members_is_refused():
    with pytest.raises(AllocationError, match="missing"):
        sg.owen_allocation(community(), reference={"ann": 1.0})
    with pytest.raises(AllocationError):
        sg.owen_allocation(community(), reference=[1.0, 2.0])
    with pytest.raises(AllocationError):
        sg.owen_allocation(community(), reference=np.full(4, np.nan))
