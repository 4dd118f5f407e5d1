"""Scenarios and two-period storage as worlds: their folders, and what a rule may ask of them."""

import gzip

import numpy as np
import pytest
import sesgame as sg
from fixtures.small_community import edited, write_community
from fixtures.small_worlds import TWO_PERIOD, write_scenarios, write_two_period
from sesgame.energy import Community, Scenarios, TwoPeriodStorage
from sesgame.energy.world_files import read_world, world_files
from sesgame.errors import GameError
from sesgame.game.world import World


def test_a_folder_is_read_as_what_its_files_say(tmp_path):
    assert isinstance(read_world(write_community(tmp_path / "court")), Community)
    assert isinstance(read_world(write_scenarios(tmp_path / "days")), Scenarios)
    assert isinstance(read_world(write_two_period(tmp_path / "shed")), TwoPeriodStorage)


def test_scenarios_of_a_folder_are_those_of_its_communities(tmp_path):
    world = Scenarios.from_csv(write_scenarios(tmp_path / "days"))
    parts = [Community.from_csv(tmp_path / "days" / name) for name in ("sunny", "dull")]
    assert (world.name, world.weights) == ("days", (0.6, 0.4))
    by_hand = 0.6 * parts[0].cost_game().tabulate() + 0.4 * parts[1].cost_game().tabulate()
    assert world.cost_game().tabulate() == pytest.approx(by_hand)


def test_without_weights_scenarios_are_equally_probable(tmp_path):
    world = Scenarios.from_csv(write_scenarios(tmp_path / "days", "folder\nsunny\ndull\n"))
    assert world.weights == (0.5, 0.5)


def test_two_period_storage_of_a_folder_is_that_of_its_numbers(tmp_path):
    world = TwoPeriodStorage.from_csv(write_two_period(tmp_path / "shed"))
    same = TwoPeriodStorage(
        ["ann", "bob", "operator"],
        [[2, 1, 0], [2, 1, 0]],
        [[4, 2, 0], [2, 1, 0]],
        off_peak_price=0.1,
        peak_price=0.3,
        capacity_kwh=[0, 0, 1.5],
        storage_price=0.08,
        weights=[0.25, 0.75],
    )
    assert (world.name, world.currency, world.members) == ("shed", "EUR", same.members)
    assert world.cost_game().tabulate().tolist() == same.cost_game().tabulate().tolist()
    assert world.allocation().values.tolist() == same.allocation().values.tolist()


def test_one_day_needs_neither_scenarios_nor_storage(tmp_path):
    folder = write_two_period(
        tmp_path / "shed",
        two_period="off_peak_chf_per_kwh,peak_chf_per_kwh\n0.1,0.3\n",
        energy="member,off_peak_kwh,peak_kwh\nann,2,4\nbob,1,2\n",
        storage=None,
        weights=None,
    )
    world = TwoPeriodStorage.from_csv(folder)
    assert (world.currency, world.storage_price) == ("CHF", np.inf)
    assert world.cost_game().tabulate() == pytest.approx([0, 1.4, 0.7, 2.1])


def test_the_capital_cost_of_an_owner_is_the_mean_of_what_it_owns(tmp_path):
    storage = "owner,energy_kwh,capital_cost_per_kwh\nann,1,0.2\nann,3,0.1\nbob,2,\n"
    world = TwoPeriodStorage.from_csv(write_two_period(tmp_path / "shed", storage=storage))
    costs = dict(zip(world.members, world.capital_cost_per_kwh, strict=True))
    assert [costs["ann"], costs["bob"]] == pytest.approx([0.125, 0.0])


def test_the_files_of_a_world_are_those_that_are_read(tmp_path):
    days, shed = write_scenarios(tmp_path / "days"), write_two_period(tmp_path / "shed")
    (shed / "energy.csv.gz").write_bytes(gzip.compress((shed / "energy.csv").read_bytes()))
    (shed / "energy.csv").unlink()
    names = [path.relative_to(shed).name for path in world_files(shed)]
    assert names == ["two_period.csv", "energy.csv.gz", "storage.csv", "weights.csv"]
    of_days = [path.relative_to(days).as_posix() for path in world_files(days)]
    each = ["members.csv", "meters.csv", "tariff.csv", "batteries.csv"]
    sunny, dull = ([f"{day}/{name}" for name in each] for day in ("sunny", "dull"))
    assert of_days == ["scenarios.csv", *sunny, *dull]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("weight\n1\n", r'scenarios.csv has no column "folder"'),
        ("folder,odds\nsunny,1\n", r'scenarios.csv: the column "odds" has no meaning'),
        ("folder\nrainy\n", r'scenarios.csv, line 2, column "folder": no such folder: .*rainy'),
        ("folder\nsunny\n\nsunny\n", r'scenarios.csv, line 4, column "folder": duplicate folder'),
        ("folder,weight\n,1\n", r'line 2, column "folder": the cell is empty'),
        ("folder,weight\nsunny,0.5\ndull,-0.5\n", r'line 3, column "weight": -0.5 is not above 0'),
        ("folder,weight\nsunny,0.5\ndull,half\n", r'line 3, column "weight": "half" is not a num'),
        ("folder,weight\nsunny,0.5\ndull,0.6\n", r"scenarios.csv: .* must sum to 1, got 1.1"),
    ],
)
def test_what_is_wrong_with_scenarios_is_named(tmp_path, text, message):
    folder = write_scenarios(tmp_path / "days", text)
    with pytest.raises(GameError, match=message):
        read_world(folder)


def test_scenarios_that_differ_in_more_than_meters_and_prices_are_named_by_file(tmp_path):
    folder = write_scenarios(tmp_path / "days")
    write_community(folder / "dull", **edited("batteries", "operator,2", "operator,3"))
    with pytest.raises(GameError, match=r"scenarios.csv: scenario 2 has other batteries"):
        read_world(folder)


def test_what_is_wrong_in_the_folder_of_a_scenario_is_named_by_its_own_file(tmp_path):
    folder = write_scenarios(tmp_path / "days")
    write_community(folder / "dull", **edited("meters", "1.00", "much"))
    with pytest.raises(GameError, match=r'dull/meters.csv, line 3, column "roof": "much" is not'):
        read_world(folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"energy": None}, "has no energy.csv"),
        ({"two_period": "a,b\n1,2\n"}, "two_period.csv has no column for the price at the peak"),
        (
            {"two_period": "off_peak_usd_per_kwh,peak_eur_per_kwh\n0.1,0.3\n"},
            'has no column "off_peak_eur_per_kwh"',
        ),
        (
            {"two_period": "off_peak_eur_per_kwh,peak_eur_per_kwh\n0.1,0.3\n0.1,0.3\n"},
            "two_period.csv, line 3: one row",
        ),
        (
            {"two_period": "off_peak_eur_per_kwh,peak_eur_per_kwh\n0.3,0.1\n"},
            'line 2, column "peak_eur_per_kwh": 0.1 is below',
        ),
        (
            {"two_period": "off_peak_eur_per_kwh,peak_eur_per_kwh\n-0.3,0.1\n"},
            'line 2, column "off_peak_eur_per_kwh": -0.3 is negative',
        ),
        (
            {"two_period": TWO_PERIOD["two_period.csv"].replace("0.08", "0")},
            'line 2, column "storage_eur_per_kwh": 0 is not above 0',
        ),
        (
            {"energy": TWO_PERIOD["energy.csv"].replace("cold,bob,1,2", "cold,bob,1,-2")},
            'energy.csv, line 3, column "peak_kwh": -2 is negative',
        ),
        (
            {"energy": TWO_PERIOD["energy.csv"].replace("mild,bob", "cold,bob")},
            'energy.csv, line 4, column "member": duplicate row of bob in scenario cold',
        ),
        (
            {"energy": TWO_PERIOD["energy.csv"].replace("mild,bob,1,1\n", "")},
            "energy.csv has no row of bob in scenario mild",
        ),
        (
            {"energy": TWO_PERIOD["energy.csv"].replace("cold,ann", "cold,")},
            'energy.csv, line 2, column "member": the cell is empty',
        ),
        (
            {"storage": "owner,energy_kwh\ncid,1\n"},
            'storage.csv, line 2, column "owner": "cid" is not in energy.csv',
        ),
        (
            {"storage": "owner,energy_kwh\nann,-1\n"},
            'storage.csv, line 2, column "energy_kwh": -1 is negative',
        ),
        (
            {"storage": "owner,energy_kwh,capital_cost_per_kwh\nann,1,-1\n"},
            'storage.csv, line 2, column "capital_cost_per_kwh": -1 is negative',
        ),
        (
            {"weights": "scenario,weight\nhot,1\n"},
            'weights.csv, line 2, column "scenario": "hot" is not in energy.csv',
        ),
        (
            {"weights": "scenario,weight\nmild,0.5\nmild,0.5\n"},
            'weights.csv, line 3, column "scenario": duplicate scenario "mild"',
        ),
        ({"weights": "scenario,weight\nmild,1\n"}, 'has no weight of the scenario "cold"'),
        (
            {"weights": "scenario,weight\nmild,1\ncold,0\n"},
            'weights.csv, line 3, column "weight": 0 is not above 0',
        ),
        (
            {"weights": "scenario,weight\nmild,1\ncold,0.5\n"},
            "weights.csv: the weights must sum to 1, got 1.5",
        ),
    ],
)
def test_what_is_wrong_with_two_period_storage_is_named(tmp_path, changes, message):
    folder = write_two_period(tmp_path / "shed", **changes)
    with pytest.raises(GameError, match=message):
        read_world(folder)


def test_a_folder_of_two_kinds_is_refused(tmp_path):
    folder = write_two_period(write_scenarios(tmp_path / "both"))
    with pytest.raises(GameError, match=r"both scenarios.csv and two_period.csv"):
        read_world(folder)
    with pytest.raises(GameError, match="no such folder:"):
        read_world(tmp_path / "nowhere")


@pytest.fixture(params=["court", "days", "shed"])
def world(request, tmp_path) -> World:
    write = {"court": write_community, "days": write_scenarios, "shed": write_two_period}
    return read_world(write[request.param](tmp_path / request.param))


def test_what_a_rule_and_a_report_ask_is_answered_by_every_world(world):
    game = world.cost_game(model=world.chosen_model(None))
    assert tuple(game.players) == world.members
    assert game.kind == "cost"
    assert world.currency == "EUR"
    assert world.max_listed_players() == 30
    assert world.local_search() >= 0
    assert world.chosen_model(None) == world.default_model
    assert world.period() is world or world.period().members == world.members
    first, second = world.description().split("\n")
    assert "3 members" in second
    assert world.name not in first
    assert all(isinstance(key, str) for key in world.origin())


def test_the_oracle_of_a_world_proves_what_its_table_says(world):
    game = world.cost_game()
    oracle = world.separation_oracle()
    if oracle is None:
        assert isinstance(world, TwoPeriodStorage)
        return
    shares = sg.shapley_value(game)
    listed = sg.audit(game, shares).worst_coalition_excess
    searched = sg.audit(game, shares, oracle=oracle, progress=False).worst_coalition_excess
    assert searched == pytest.approx(listed, abs=1e-9)


def test_the_period_of_scenarios_is_that_of_each(tmp_path):
    world = Scenarios.from_csv(write_scenarios(tmp_path / "days"))
    part = world.period("2016-06-01T11:00", "2016-06-01T13:00")
    assert [community.steps.n_steps for community in part.communities] == [2, 2]
    assert part.period_in_words == "1 June 2016 11:00 to 1 June 2016 13:00"
    assert part.description() == (
        "2 scenarios of 2016-06-01T11:00 to 2016-06-01T13:00\n"
        "3 members, 2 steps of 60 minutes, 1 battery, pooled"
    )
    assert sg.owen_allocation(
        world, start="2016-06-01T11:00", end="2016-06-01T13:00"
    ).values == pytest.approx(sg.owen_allocation(part).values)
    with pytest.raises(GameError, match=r"scenario 1: the period .* reaches beyond the data"):
        world.period("2016-05-31")


def test_scenarios_of_different_days_have_no_common_period(tmp_path):
    folder = write_scenarios(tmp_path / "days")
    text = (folder / "dull" / "meters.csv").read_text().replace("2016-06-01", "2016-06-02")
    (folder / "dull" / "meters.csv").write_text(text)
    world = read_world(folder)
    assert world.period_in_words == ""
    assert world.description().startswith("2 scenarios\n3 members")
    assert "start" not in world.origin()


def test_two_period_storage_has_no_calendar_no_model_and_no_dispatch(tmp_path):
    world = TwoPeriodStorage.from_csv(write_two_period(tmp_path / "shed"))
    with pytest.raises(GameError, match="has no calendar"):
        world.period("2016-06-01")
    with pytest.raises(GameError, match="model is 'linear'; two-period storage has no models"):
        world.cost_game(model="linear")
    with pytest.raises(GameError, match=r"not for TwoPeriodStorage\('shed', 3 members"):
        sg.owen_allocation(world)
    with pytest.raises(GameError, match="clusters are for a Community or Scenarios"):
        sg.energy.clusters_of(world, 2)


def test_members_cluster_by_what_they_do_in_all_scenarios():
    def day(load):
        return Community(
            members=["ann", "bob", "cid"],
            steps=["2016-06-01T12:00", "2016-06-01T13:00"],
            load_kwh=load,
            tariff=sg.energy.Tariff.flat(0.30, 0.10),
        )

    first, second = [[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]], [[2.0, 0.0], [0.0, 2.0], [4.0, 0.0]]
    # By the first day alone all are alike; the second tells bob from the others.
    assert sg.energy.clusters_of(day(first), 2) == (("ann", "bob", "cid"),)
    world = Scenarios([day(first), day(second)])
    assert sg.energy.clusters_of(world, 2) == (("ann", "cid"), ("bob",))
    bills = sg.energy.clustered_nucleolus(world, 2, progress=False)
    assert bills.values.sum() == pytest.approx(world.cost_game().value(world.members))
    assert bills.evidence.audit.individually_rational
