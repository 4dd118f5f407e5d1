import gzip

import numpy as np
import pandas as pd
import pytest
import sesgame as sg
from fixtures.small_community import FILES, edited, write_community
from sesgame.energy import Battery, Community, PriceBand, PriceSeries, Tariff, TimeSteps
from sesgame.errors import CoalitionError, GameError


def test_files_become_energy_by_member_and_step(tmp_path):
    community = Community.from_csv(write_community(tmp_path / "court"))
    assert community.name == "court"
    assert community.members == ("ann", "bob", "operator")
    assert community.steps == TimeSteps.from_times(
        np.arange("2016-06-01T10", "2016-06-01T14", dtype="datetime64[h]")
    )
    np.testing.assert_array_equal(
        community.load_kwh, [[1, 1, 1.5, 2], [2, 2, 2.5, 1], [0, 0, 0, 0]]
    )
    np.testing.assert_array_equal(community.pv_kwh, [[2, 4, 3, 0], [0, 0, 0, 0], [0, 0, 0, 0]])
    np.testing.assert_array_equal(community.net_load_kwh[0], [-1, -3, -1.5, 2])
    assert community.batteries == (
        Battery(
            owner="operator",
            energy_kwh=2,
            power_kw=1,
            charge_efficiency=1,
            discharge_efficiency=1,
        ),
    )
    assert community.currency == "EUR"
    assert repr(community) == (
        "Community('court', 3 members, 4 steps of 1 h from 2016-06-01T10:00, 1 battery)"
    )


def test_power_becomes_energy_by_the_length_of_the_step(tmp_path):
    quarter_hours = FILES["meters.csv"]
    for hour, minutes in zip((11, 12, 13), (15, 30, 45), strict=True):
        quarter_hours = quarter_hours.replace(f"T{hour}:00", f"T10:{minutes}")
    community = Community.from_csv(write_community(tmp_path, meters=quarter_hours))
    np.testing.assert_array_equal(community.load_kwh[0], [1, 1, 1.5, 2])
    np.testing.assert_array_equal(community.pv_kwh[0], [0.5, 1, 0.75, 0])


def test_meters_of_one_member_add_up(tmp_path):
    changes = edited("members", "bob,load,bob_load,kWh,1\n", "ann,load,bob_load,kWh,0.5\n")
    community = Community.from_csv(write_community(tmp_path, **changes))
    np.testing.assert_array_equal(community.load_kwh[0], [2, 2, 2.75, 2.5])
    assert community.members == ("ann", "operator")


def test_files_may_be_compressed_and_come_from_a_spreadsheet(tmp_path):
    plain = Community.from_csv(write_community(tmp_path / "plain"))
    folder = write_community(tmp_path / "other", meters=None)
    text = "\ufeff" + FILES["meters.csv"].replace("\n", "\r\n").replace(",", " , ")
    (folder / "meters.csv.gz").write_bytes(gzip.compress(text.encode()))
    (folder / "batteries.csv").unlink()
    other = Community.from_csv(folder)
    np.testing.assert_array_equal(other.net_load_kwh, plain.net_load_kwh)
    assert other.batteries == ()


def test_a_period_holds_the_steps_that_start_in_it(tmp_path):
    community = Community.from_csv(write_community(tmp_path))
    part = community.period("2016-06-01T11:00", "2016-06-01T13:00")
    assert part.steps.n_steps == 2
    assert part.steps.time(0) == "2016-06-01T11:00"
    np.testing.assert_array_equal(part.net_load_kwh, community.net_load_kwh[:, 1:3])
    np.testing.assert_array_equal(part.buy_per_kwh, [0.3, 0.3])
    later = community.period(start="2016-06-01T10:30")
    assert later.steps.time(0) == "2016-06-01T11:00"
    assert community.period().steps == community.steps


def test_frames_give_the_same_community_as_files(tmp_path):
    from_files = Community.from_csv(write_community(tmp_path))
    index = pd.date_range("2016-06-01T10:00", periods=4, freq="h")
    load = pd.DataFrame({"ann": [1, 1, 1.5, 2], "bob": [2, 2, 2.5, 1]}, index=index)
    pv = pd.DataFrame({"ann": [2.0, 4, 3, 0]}, index=index)
    from_frames = Community.from_frames(
        load,
        pv,
        unit="kWh",
        tariff=from_files.tariff,
        batteries=from_files.batteries,
        members=["ann", "bob", "operator"],
    )
    np.testing.assert_array_equal(from_frames.net_load_kwh, from_files.net_load_kwh)
    assert from_frames.members == from_files.members
    assert from_frames.steps == from_files.steps
    with pytest.raises(GameError, match="'bob' belongs to no member"):
        Community.from_frames(load, unit="kW", tariff=from_files.tariff, members=["ann"])
    with pytest.raises(GameError, match="same times"):
        Community.from_frames(load, pv[::2], unit="kW", tariff=from_files.tariff)
    with pytest.raises(GameError, match="duplicate meter column 'ann'"):
        Community.from_frames(load[["ann", "ann"]], unit="kW", tariff=from_files.tariff)
    with pytest.raises(GameError, match="'bob' is not numbers"):
        Community.from_frames(load.assign(bob="x"), unit="kW", tariff=from_files.tariff)
    with pytest.raises(GameError, match="index of load is numbers, not times"):
        Community.from_frames(load.reset_index(drop=True), unit="kW", tariff=from_files.tariff)
    with pytest.raises(GameError, match='must be "kW" or "kWh"'):
        Community.from_frames(load, unit="W", tariff=from_files.tariff)


def test_a_roof_without_load_is_a_member_only_if_it_is_named():
    index = pd.date_range("2016-06-01T10:00", periods=4, freq="h")
    load = pd.DataFrame({"ann": 1.0, "bob": 2.0}, index=index)
    misspelt = pd.DataFrame({"Ann": 3.0}, index=index)
    tariff = Tariff.flat(0.3, 0.1)
    with pytest.raises(GameError, match="'Ann' belongs to no member; who has PV and no load"):
        Community.from_frames(load, misspelt, unit="kW", tariff=tariff)
    named = ["ann", "bob", "Ann"]
    community = Community.from_frames(load, misspelt, unit="kW", tariff=tariff, members=named)
    assert community.members == tuple(named)
    assert community.net_load_kwh[:, 0].tolist() == [1.0, 2.0, -3.0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"members": ["a", "a"]}, "duplicate player 'a'", id="a member twice"),
        pytest.param({"members": "ab"}, "pass a list of labels", id="a string"),
        pytest.param(
            {"load_kwh": [[1, 2]]}, r"shape \(1, 2\); 2 members and 2 steps need", id="shape"
        ),
        pytest.param(
            {"load_kwh": [[1, 2], [3, np.nan]]}, "of 'b' is nan at 2016-06-01T01:00", id="NaN"
        ),
        pytest.param({"load_kwh": [["x", 2], [3, 4]]}, "not an array of numbers", id="text"),
        pytest.param({"pv_kwh": [[0, 0], [0, -1]]}, "the PV of 'b' adds up to -1 kWh", id="PV"),
        pytest.param({"steps": ["2016-06-01", "2016-06-01"]}, "duplicate time", id="steps"),
        pytest.param(
            {
                "tariff": Tariff.flat(0.1, 0.2),
                "batteries": [
                    Battery(
                        owner="b",
                        energy_kwh=1,
                        power_kw=1,
                        charge_efficiency=1,
                        discharge_efficiency=1,
                    )
                ],
            },
            "at 2016-06-01T00:00 energy",
            id="tariff",
        ),
    ],
)
def test_a_community_made_by_hand_is_checked(changes, message):
    fields = {
        "members": ["a", "b"],
        "steps": ["2016-06-01T00:00", "2016-06-01T01:00"],
        "load_kwh": [[1, 2], [3, 4]],
        "tariff": Tariff.flat(0.3, 0.1),
    }
    assert Community(**fields).pv_kwh.sum() == 0
    with pytest.raises(GameError, match=message):
        Community(**(fields | changes))


def test_prices_follow_the_clock_and_the_day_of_the_week():
    # 2016-06-03 was a Friday.
    steps = TimeSteps.from_times(np.arange("2016-06-03T21", "2016-06-04T08", dtype="datetime64[h]"))
    workdays = frozenset(range(5))
    tariff = Tariff(
        [
            PriceBand(0.35, 0.08, 6 * 60, 22 * 60, workdays),
            PriceBand(0.25, 0.07, 22 * 60, 6 * 60, workdays),
            PriceBand(0.20, 0.06, days=frozenset((5, 6))),
        ]
    )
    buy, sell = tariff.prices(steps)
    np.testing.assert_array_equal(buy, [0.35, 0.25, 0.25, *[0.20] * 8])
    np.testing.assert_array_equal(sell, [0.08, 0.07, 0.07, *[0.06] * 8])


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        pytest.param("mon-fri", {0, 1, 2, 3, 4}, id="a range"),
        pytest.param("fri-mon", {4, 5, 6, 0}, id="over the weekend"),
        pytest.param("sat sun", {5, 6}, id="words"),
        pytest.param("Mon wed-thu", {0, 2, 3}, id="both"),
    ],
)
def test_days_are_written_as_words(tmp_path, days, expected):
    tariff = (
        "from,to,days,buy_chf_per_kwh,sell_chf_per_kwh\n"
        f"00:00,24:00,{days},0.3,0.1\n"
        f"00:00,00:00,{' '.join(sorted(set(WEEKDAYS) - {WEEKDAYS[d] for d in expected}))},0.2,0.1\n"
    )
    community = Community.from_csv(write_community(tmp_path, tariff=tariff))
    assert community.currency == "CHF"
    assert community.tariff.bands[0].days == expected


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def test_hourly_prices_hold_for_all_quarter_hours_in_the_hour():
    hours = TimeSteps.from_times(["2016-06-01T00", "2016-06-01T01", "2016-06-01T02"])
    series = PriceSeries(hours, [0.1, 0.2, 0.3], [0.0, -0.1, 0.1])
    quarters = TimeSteps(np.datetime64("2016-06-01T00:45"), np.timedelta64(15, "m"), 6)
    buy, sell = series.prices(quarters)
    np.testing.assert_array_equal(buy, [0.1, 0.2, 0.2, 0.2, 0.2, 0.3])
    np.testing.assert_array_equal(sell, [0.0, -0.1, -0.1, -0.1, -0.1, 0.1])


def test_a_price_series_is_read_from_its_file(tmp_path):
    rows = [f"2016-06-01T{hour}:00,0.{hour},0.1" for hour in range(10, 15)]
    tariff = "\n".join(["time,buy_eur_per_kwh,sell_eur_per_kwh", *rows]) + "\n"
    community = Community.from_csv(write_community(tmp_path, tariff=tariff))
    np.testing.assert_array_equal(community.buy_per_kwh, [0.10, 0.11, 0.12, 0.13])


def test_the_example_is_what_its_readme_says():
    community = Community.from_csv("examples/rural13")
    assert len(community.members) == 13
    assert community.steps.n_steps == 35_136
    assert community.steps.step_hours == 0.25
    assert str(community.steps.end) == "2017-01-01T00:00:00"
    assert sum(community.pv_kwh.any(axis=1)) == 8
    assert len(community.batteries) == 4


@pytest.mark.parametrize(
    ("coalition", "model", "cost"),
    [
        # Ann has 1, 3 and 1.5 kWh too much and lacks 2; Bob lacks 2, 2, 2.5 and 1 kWh.
        pytest.param({"ann"}, "netting", 2 * 0.3 - 5.5 * 0.1, id="ann"),
        pytest.param({"bob"}, "netting", 7.5 * 0.3, id="bob"),
        pytest.param({"ann", "bob"}, "netting", 5 * 0.3 - 1 * 0.1, id="both"),
        pytest.param({"operator"}, "battery", 0.0, id="a battery alone"),
        # The battery delivers 1 kWh in the last hour, and nothing can be sold for more before.
        pytest.param({"ann", "operator"}, "battery", 1 * 0.3 - 4.5 * 0.1, id="ann, battery"),
        pytest.param({"ann", "bob", "operator"}, "battery", 4 * 0.3, id="all"),
        pytest.param({"ann", "bob", "operator"}, "netting", 5 * 0.3 - 1 * 0.1, id="unused"),
    ],
)
def test_the_cost_of_a_coalition_is_that_of_its_best_dispatch(tmp_path, coalition, model, cost):
    community = Community.from_csv(write_community(tmp_path))
    game = community.cost_game(model=model)
    assert game.kind == "cost"
    assert game.value(coalition) == pytest.approx(cost, abs=1e-12)
    assert community.dispatch(coalition, model=model).cost == pytest.approx(cost, abs=1e-12)


def test_batteries_are_used_where_there_are_some(tmp_path):
    community = Community.from_csv(write_community(tmp_path / "a"))
    assert community.cost_game().tabulate()[-1] == pytest.approx(1.2)
    community = Community.from_csv(write_community(tmp_path / "b", batteries=None))
    assert community.cost_game().tabulate()[-1] == pytest.approx(1.4)


def test_the_costs_of_netting_add_up_over_periods(tmp_path):
    community = Community.from_csv(write_community(tmp_path))
    noon = "2016-06-01T12:00"
    morning = community.cost_game(end=noon, model="netting").tabulate()
    afternoon = community.cost_game(start=noon, model="netting").tabulate()
    whole = community.cost_game(model="netting").tabulate()
    np.testing.assert_allclose(morning + afternoon, whole, atol=1e-12)


def test_a_schedule_balances_energy_and_money_in_every_step(tmp_path):
    community = Community.from_csv(write_community(tmp_path))
    schedule = community.dispatch(["operator", "ann"], start="2016-06-01T11:00")
    assert schedule.members == ("ann", "operator")
    np.testing.assert_allclose(
        schedule.net_load_kwh + schedule.charge_kwh - schedule.discharge_kwh,
        schedule.grid_import_kwh - schedule.grid_export_kwh,
        atol=1e-12,
    )
    np.testing.assert_allclose(
        np.diff(schedule.state_of_charge_kwh),
        schedule.charge_kwh - schedule.discharge_kwh,
        atol=1e-12,
    )
    money = 0.3 * schedule.grid_import_kwh.sum() - 0.1 * schedule.grid_export_kwh.sum()
    assert schedule.cost == pytest.approx(money)
    frame = schedule.to_pandas()
    assert frame.index[0] == pd.Timestamp("2016-06-01T11:00")
    assert frame["state_of_charge_kwh"].iloc[-1] == pytest.approx(0)
    assert repr(schedule).startswith("Schedule(2 members, 3 steps, 1 kWh bought")
    with pytest.raises(CoalitionError, match="unknown player 'eve'"):
        community.dispatch(["eve"])


def test_power_is_limited_by_the_hour_not_by_the_step():
    # With 1 kW, a quarter-hour stores and delivers 0.25 kWh.
    community = Community(
        members=["ann"],
        steps=["2016-06-01T00:00", "2016-06-01T00:15"],
        load_kwh=[[-1, 1]],
        tariff=Tariff.flat(0.3, 0.1),
        batteries=[
            Battery(
                owner="ann",
                energy_kwh=2,
                power_kw=1,
                charge_efficiency=1,
                discharge_efficiency=1,
            )
        ],
    )
    assert community.cost_game().value(["ann"]) == pytest.approx(0.75 * 0.3 - 0.75 * 0.1)


def test_energy_is_part_of_the_public_face():
    assert set(sg.energy.__all__) <= set(dir(sg.energy))
