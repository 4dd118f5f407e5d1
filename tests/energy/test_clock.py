"""Clocks: zones of meters, tariff and period, daylight saving, calendars, and prices in a step."""

import datetime
import json

import numpy as np
import pandas as pd
import pytest
from reference.bills_by_hand import DAYS, bill, stamps_of, utc_steps
from sesgame.cli import main
from sesgame.energy import Community, DemandCharge, Grid, PriceBand, PriceSeries, Tariff, TimeSteps
from sesgame.energy.clock import instants_of, wall_times
from sesgame.errors import GameError

ALL_DAYS, ALL_MONTHS = (*DAYS, "hol"), tuple(range(1, 13))
PEAKS = [
    (0, 480, DAYS[:5], ALL_MONTHS, None, 0.10, 0.05),
    (480, 600, DAYS[:5], ALL_MONTHS, None, 0.15, 0.05),
    (600, 840, DAYS[:5], ALL_MONTHS, None, 0.25, 0.06),
    (840, 1080, DAYS[:5], ALL_MONTHS, None, 0.15, 0.05),
    (1080, 1320, DAYS[:5], ALL_MONTHS, None, 0.25, 0.07),
    (1320, 1440, DAYS[:5], ALL_MONTHS, None, 0.15, 0.05),
    (0, 1440, ("sat", "sun", "hol"), ALL_MONTHS, None, 0.10, 0.04),
]


def tariff_of(bands, **options):
    return Tariff(
        [
            PriceBand(buy, sell, first, last, {ALL_DAYS.index(day) for day in days}, months, since)
            for first, last, days, months, since, buy, sell in bands
        ],
        **options,
    )


def drawn_kwh(n_steps, seed=0):
    return np.random.default_rng(seed).integers(-4, 9, n_steps) / 4


@pytest.mark.parametrize("meters", ["UTC", "Europe/Lisbon", "America/Sao_Paulo"])
def test_a_year_of_meters_in_three_zones_under_the_tariff_of_a_fourth(meters):
    starts = utc_steps("2023-12-31T20:00", 366 * 24, 60)
    kwh = drawn_kwh(len(starts))
    holidays = [datetime.date(2024, 8, 15), datetime.date(2024, 12, 25), datetime.date(2024, 1, 1)]
    index = pd.DatetimeIndex(stamps_of(starts, meters))
    community = Community.from_frames(
        pd.DataFrame({"ann": kwh}, index=index),
        unit="kWh",
        tariff=tariff_of(PEAKS),
        meters_zone=meters,
        tariff_zone="Europe/Madrid",
        holidays=holidays,
    )
    expected = bill(starts, 60, kwh, "Europe/Madrid", PEAKS, holidays, part=60)
    assert community.cost_game().value(["ann"]) == pytest.approx(expected, abs=1e-9)


def test_the_clock_of_the_meters_changes_no_bill():
    """One meter, told in five clocks: naive, aware, text with offsets, and stamps of ends."""
    starts = utc_steps("2024-10-26T12:00", 96, 30)
    kwh = drawn_kwh(len(starts), 3)
    said = {"unit": "kWh", "tariff": tariff_of(PEAKS), "tariff_zone": "Europe/Madrid"}
    said["holidays"] = []
    indexes = [
        (pd.DatetimeIndex(stamps_of(starts, zone)), {"meters_zone": zone})
        for zone in ("UTC", "Europe/Madrid", "Australia/Lord_Howe")
    ]
    indexes += [
        (pd.DatetimeIndex(starts).tz_convert(z), {}) for z in ("Europe/Madrid", "Asia/Kolkata")
    ]
    madrid = [s.astimezone(indexes[3][0].tz) for s in starts]
    indexes.append((pd.Index([s.isoformat() for s in madrid]), {}))
    ends = [s + datetime.timedelta(minutes=30) for s in starts]
    indexes.append(
        (
            pd.DatetimeIndex(stamps_of(ends, "Europe/Madrid")),
            {"meters_zone": "Europe/Madrid", "stamp": "end"},
        )
    )
    values = {
        Community.from_frames(pd.DataFrame({"ann": kwh}, index=index), **said, **clock)
        .cost_game()
        .value(["ann"])
        for index, clock in indexes
    }
    assert len(values) == 1
    assert values.pop() == pytest.approx(bill(starts, 30, kwh, "Europe/Madrid", PEAKS), abs=1e-12)


@pytest.mark.parametrize("seed", range(6))
def test_seasons_holidays_and_new_prices_are_those_made_by_hand(seed):
    random = np.random.default_rng(seed)
    starts = utc_steps("2024-02-20T00:00", 24 * 80, 60)
    zone = ["Europe/Berlin", "Europe/London", "America/Santiago"][seed % 3]
    summer = tuple(random.permutation(ALL_MONTHS)[: random.integers(1, 12)].tolist())
    winter = tuple(sorted(set(ALL_MONTHS) - set(summer)))
    change = datetime.date(2024, 3, int(random.integers(1, 30)))
    bands = []
    for since in (None, change):
        for months in (summer, winter):
            split = int(random.integers(1, 24)) * 60
            for days in (DAYS[:5], (*DAYS[5:], "hol")):
                for first, last in ((0, split), (split, 1440)):
                    buy, sell = (random.integers(10, 40) / 100, random.integers(1, 9) / 100)
                    bands.append((first, last, days, months, since, buy, sell))
    holidays = [starts[int(k)].date() for k in random.integers(0, len(starts), 5)]
    kwh = drawn_kwh(len(starts), seed)
    community = Community(
        members=["ann"],
        steps=TimeSteps.from_times(
            stamps_of(starts, "UTC"), zone="UTC", tariff_zone=zone, holidays=holidays
        ),
        load_kwh=[kwh],
        tariff=tariff_of(bands),
    )
    expected = bill(starts, 60, kwh, zone, bands, holidays, part=60)
    assert community.cost_game().value(["ann"]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("zone", ["Europe/Madrid", "Asia/Kolkata", "Australia/Lord_Howe"])
@pytest.mark.parametrize("minutes", [15, 60, 360, 1440])
def test_a_price_that_changes_within_a_step_is_refused_or_averaged(zone, minutes):
    starts = utc_steps("2024-03-29T00:00", 6 * 1440 // minutes, minutes)
    steps = TimeSteps.from_times(stamps_of(starts, "UTC"), zone="UTC", tariff_zone=zone)
    halves = [
        (30, 450, ALL_DAYS, ALL_MONTHS, None, 0.10, 0.08),
        (450, 30, ALL_DAYS, ALL_MONTHS, None, 0.30, 0.02),
    ]
    buy, sell = tariff_of(halves, average=True).prices(steps)
    for k in range(steps.n_steps):
        assert buy[k] == pytest.approx(bill([starts[k]], minutes, [1.0], zone, halves), abs=1e-12)
        assert sell[k] == pytest.approx(
            -bill([starts[k]], minutes, [-1.0], zone, halves), abs=1e-12
        )
    # A quarter-hour always fits, and an hour where the zone is half an hour off.
    if minutes == 15 or (minutes == 60 and zone == "Asia/Kolkata"):
        np.testing.assert_array_equal(tariff_of(halves).prices(steps)[0], buy)
    else:
        with pytest.raises(GameError, match=r"the price changes within the step of .*average"):
            tariff_of(halves).prices(steps)


def test_finer_prices_are_refused_or_averaged():
    quarters = TimeSteps.from_times(pd.date_range("2024-06-01", periods=8, freq="15min"))
    hours = TimeSteps.from_times(pd.date_range("2024-06-01", periods=2, freq="h"))
    prices = np.arange(8.0)
    with pytest.raises(GameError, match=r"within the step of 60 minutes from 2024-06-01T00:00"):
        PriceSeries(quarters, prices, prices).prices(hours)
    buy, _ = PriceSeries(quarters, prices, prices, average=True).prices(hours)
    assert buy.tolist() == [1.5, 5.5]


def test_series_and_meters_are_on_clocks_that_are_known_or_on_none():
    times = pd.date_range("2024-06-01", periods=4, freq="h")
    plain, known = TimeSteps.from_times(times), TimeSteps.from_times(times, zone="Europe/Oslo")
    series = PriceSeries(known, np.arange(4.0), np.zeros(4))
    with pytest.raises(GameError, match="the prices have a zone, the meters have none"):
        series.prices(plain)
    with pytest.raises(GameError, match="the meters have a zone, the prices have none"):
        PriceSeries(plain, np.arange(4.0), np.zeros(4)).prices(known)
    utc = TimeSteps.from_times(times[:2] - pd.Timedelta("1h"), zone="UTC")
    assert series.prices(utc)[0].tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("times", "zone", "message"),
    [
        (["2024-03-31T01:30", "2024-03-31T02:00"], "Europe/Madrid", "there is no 2024-03-31T02:00"),
        (
            ["2024-10-27T02:00", "2024-10-27T02:30"],
            "Europe/Madrid",
            "2024-10-27T02:00 is there twice .* give stamps with offsets",
        ),
        (
            ["2024-10-27T02:00", "2024-10-27T02:00", "2024-10-27T02:30", "2024-10-27T02:30"],
            "Europe/Madrid",
            "its stamps are not in order",
        ),
        (
            ["2024-10-27T01:00", "2024-10-27T02:00", "2024-10-27T03:00", "2024-10-27T04:00"],
            "Europe/Madrid",
            r"after 2024-10-27T02:00\+02:00 the next time is 2024-10-27T03:00\+01:00: steps are "
            r"missing \(most steps take 60 minutes\)$",
        ),
        (["2024-06-02", "2024-06-01"], None, "the times run backwards, newest first"),
        (["2024-06-02", "2024-06-01"], "Europe/Madrid", "the times run backwards, newest first"),
        (["2024-06-01", "2024-06-02"], "Europe/Madird", '"Europe/Madird" .* is it Europe/Madrid?'),
        (["2024-06-01", "2024-06-02"], "../etc/passwd", "is no time zone"),
        (["2024-06-01", "2024-06-02"], "+25:00", "is no time zone"),
        (
            ["2024-06-01T00:00Z", "2024-06-01T01:00"],
            None,
            "2024-06-01T00:00Z carries an offset .* 2024-06-01T01:00 does not",
        ),
        (
            ["2024-10-27T02:00+02:00", "2024-10-27T02:00+01:00"],
            None,
            r"the offsets \+01:00 and \+02:00, .* \(tariff_zone\)",
        ),
    ],
)
def test_stamps_that_cannot_be_are_named(times, zone, message):
    with pytest.raises(GameError, match=message):
        TimeSteps.from_times(times, zone=zone)


def test_what_nobody_said_of_a_clock_is_asked_for():
    hours = pd.date_range("2024-06-01", periods=3, freq="h")
    load = pd.DataFrame({"ann": 1.0}, index=hours)
    by_clock = {"unit": "kWh", "tariff": tariff_of(PEAKS)}
    with pytest.raises(GameError, match=r"the clock of UTC, .* \(tariff_zone\), .* or UTC if that"):
        Community.from_frames(load, meters_zone="UTC", **by_clock)
    with pytest.raises(GameError, match="the clock of UTC"):
        Community.from_frames(load.tz_localize("UTC"), **by_clock)
    with pytest.raises(GameError, match="the clock of UTC"):
        Community.from_frames(
            load,
            unit="kWh",
            meters_zone="UTC",
            tariff=Tariff.flat(0.3, 0.1),
            grid=Grid(demand_charges=[DemandCharge(price_per_kw=1.0)]),
        )
    with pytest.raises(GameError, match="nobody knows on which clock the times are"):
        Community.from_frames(load, tariff_zone="Europe/Madrid", **by_clock)
    with pytest.raises(GameError, match="meters_zone is 'UTC', but the index of load is in 'Asia"):
        Community.from_frames(load.tz_localize("Asia/Tokyo"), meters_zone="UTC", **by_clock)
    with pytest.raises(GameError, match='stamp must be "start" or "end"'):
        Community.from_frames(load, stamp="middle", **by_clock)
    with pytest.raises(GameError, match="prices for holidays, but nobody said which days"):
        Community.from_frames(load, **by_clock)
    # A flat tariff has no clock, so nothing has to be said.
    flat = {"unit": "kWh", "tariff": Tariff.flat(0.3, 0.1)}
    assert Community.from_frames(load, meters_zone="UTC", **flat).steps.calendar.zone == "UTC"


def test_prices_by_an_unnamed_clock_are_said_aloud():
    hours = pd.date_range("2024-06-01", periods=3, freq="h")
    load = pd.DataFrame({"ann": 1.0}, index=hours)
    said = {"unit": "kWh", "tariff": tariff_of(PEAKS), "holidays": []}
    here = Community.from_frames(load, **said)
    assert here.description().splitlines()[0].endswith(", prices on the clock of the meters")
    assert here.origin()["clock"] is None
    there = Community.from_frames(load, meters_zone="Europe/Madrid", **said)
    first = there.description().splitlines()[0]
    assert first == "2024-06-01T00:00+02:00 to 2024-06-01T03:00+02:00, Europe/Madrid"
    assert there.origin()["clock"] == "Europe/Madrid"


def test_periods_and_months_are_on_the_clock_of_the_tariff():
    starts = utc_steps("2024-02-28T00:00", 24 * 70, 60)
    steps = TimeSteps.from_times(stamps_of(starts, "UTC"), zone="UTC", tariff_zone="Europe/Madrid")
    community = Community(
        members=["ann"], steps=steps, load_kwh=np.ones((1, len(starts))), tariff=Tariff.flat(1, 0)
    )
    months = community.months()
    assert [month.steps.n_steps for month in months[1:-1]] == [31 * 24 - 1, 30 * 24]
    assert months[1].steps.times[0] == np.datetime64("2024-03-01T00:00")
    assert months[1].steps.in_calendar == "1 March 2024 to 31 March 2024"
    assert community.period("2024-03-31", "2024-04-01").steps.n_steps == 23
    assert community.period("2024-03-01T00:00+01:00", "2024-03-01T02:00Z").steps.n_steps == 3
    with pytest.raises(GameError, match=r"there is no 2024-03-31T02:30 in Europe/Madrid"):
        community.period("2024-03-31T02:30", None)
    frame = community.dispatch(start="2024-03-31", end="2024-04-01").to_pandas()
    assert str(frame.index.tz) == "Europe/Madrid"
    assert frame.index[2] == pd.Timestamp("2024-03-31T03:00", tz="Europe/Madrid")
    kolkata = TimeSteps.from_times(stamps_of(starts, "UTC"), zone="UTC", tariff_zone="Asia/Kolkata")
    with pytest.raises(GameError, match="is in two months on the clock of Asia/Kolkata"):
        kolkata.months  # noqa: B018


def test_a_demand_charge_counts_by_the_clock_of_the_tariff():
    starts = utc_steps("2024-03-30T00:00", 72, 60)
    steps = TimeSteps.from_times(stamps_of(starts, "UTC"), zone="UTC", tariff_zone="Europe/Madrid")
    noon = DemandCharge(price_per_kw=1.0, per="period", start_minute=720, end_minute=780)
    (counted,) = noon.peak_charges(steps)
    assert [starts[k].hour for k in counted.steps] == [11, 10, 10]
    february = DemandCharge(price_per_kw=1.0, months=[2])
    assert february.peak_charges(steps) == []
    half = DemandCharge(price_per_kw=1.0, start_minute=750, end_minute=780)
    with pytest.raises(
        GameError, match="the hours of a demand charge begin or end within the step"
    ):
        half.peak_charges(steps)
    worked = DemandCharge(price_per_kw=1.0, days=[7])
    with pytest.raises(GameError, match="on holidays, but nobody said which days they are"):
        worked.peak_charges(steps)


def test_tariffs_with_gaps_are_named():
    winter = PriceBand(0.3, 0.1, months=range(1, 4))
    with pytest.raises(GameError, match="no price on mon at 00:00 in April"):
        Tariff([winter])
    late = PriceBand(0.3, 0.1, valid_from="2024-06-02")
    steps = TimeSteps.from_times(pd.date_range("2024-06-01", periods=2, freq="h"))
    with pytest.raises(GameError, match="the tariff begins after 2024-06-01"):
        Tariff([late]).prices(steps)
    week = [PriceBand(0.3, 0.1, days=range(5)), PriceBand(0.2, 0.1, days=(5, 6))]
    with pytest.raises(GameError, match="2024-06-01 is a holiday, for which the tariff has no"):
        Tariff(week).prices(TimeSteps.from_times(steps.times, holidays=["2024-06-01"]))
    with pytest.raises(GameError, match="'soon' is no date"):
        PriceBand(0.3, 0.1, valid_from="soon")


def test_every_zone_goes_there_and_back():
    """Instants to walls and back, over all changes of some unusual zones."""
    hours = np.datetime64("2010-01-01T00:00:00") + np.arange(24 * 365 * 3) * np.timedelta64(1, "h")
    for zone in (
        "Europe/Dublin",
        "Africa/Casablanca",
        "America/St_Johns",
        "Pacific/Apia",
        "Antarctica/Troll",
        "Asia/Kathmandu",
        "-03:30",
    ):
        walls = wall_times(hours, zone)
        np.testing.assert_array_equal(instants_of(walls, zone), hours)


# Folders


def folder_with(folder, clock=None, holidays=None, times=("2024-07-01T08:00", "2024-07-01T09:00")):
    (folder / "members.csv").write_text("member,kind,meter,unit\nann,load,ann,kWh\n")
    rows = "".join(f"{time},1\n" for time in times)
    (folder / "meters.csv").write_text(f"time,ann\n{rows}")
    (folder / "tariff.csv").write_text(
        "from,to,days,months,valid_from,buy_eur_per_kwh,sell_eur_per_kwh\n"
        "10:00,22:00,mon-fri,,,0.25,0.05\n22:00,10:00,mon-fri,,,0.10,0.05\n"
        "00:00,24:00,sat sun hol,,,0.05,0.05\n"
        ",,,oct-mar,2025-01-01,0.40,0.05\n,,,apr-sep,2025-01-01,0.20,0.05\n"
    )
    if clock is not None:
        (folder / "clock.csv").write_text(f"setting,value\n{clock}\n")
    if holidays is not None:
        (folder / "holidays.csv").write_text(f"date,name\n{holidays}\n")
    return folder


def test_a_folder_says_its_clocks_and_holidays(tmp_path):
    folder = folder_with(tmp_path, "meters_zone,UTC\ntariff_zone,Europe/Madrid", "2024-08-15,")
    community = Community.from_csv(folder)
    assert community.buy_per_kwh.tolist() == [0.25, 0.25]
    assert community.steps.time(0) == "2024-07-01T10:00+02:00"
    folder_with(folder, holidays="2024-07-01,a day off")
    assert Community.from_csv(folder).buy_per_kwh.tolist() == [0.05, 0.05]
    folder_with(folder, "meters_zone,UTC\ntariff_zone,Europe/Madrid\nstamp,end", "2024-08-15,")
    assert Community.from_csv(folder).buy_per_kwh.tolist() == [0.10, 0.25]
    folder_with(folder, times=("2025-01-01T00:00", "2025-01-01T01:00"))
    assert Community.from_csv(folder).buy_per_kwh.tolist() == [0.40, 0.40]


@pytest.mark.parametrize(
    ("clock", "holidays", "said", "message"),
    [
        ("zone,UTC", "", {}, r'clock.csv, line 2, column "setting": "zone" is none of meters_zone'),
        (
            "stamp,middle",
            "",
            {},
            r'clock.csv, line 2, column "value": "middle" is not start or end',
        ),
        ("meters_zone,Mars", "", {}, r'clock.csv, line 2, column "value": "Mars" is no time zone'),
        ("stamp,end\nstamp,end", "", {}, "clock.csv, line 3, .* duplicate stamp"),
        ("meters_zone,UTC", "2024-08-15,", {}, r"say in which zone the tariff is \(tariff_zone\)"),
        ("meters_zone,UTC", "", {"meters_zone": "Asia/Tokyo"}, "but .*clock.csv says 'UTC'"),
        ("stamp,end", "31.9.2024,", {}, r'holidays.csv, line 2, column "date": .* is no date'),
        ("stamp,end", "2024-08-15,\n2024-08-15,", {}, "holidays.csv, line 3, .* in line 2"),
        ("tariff_zone,Asia/Tokyo", "2024-08-15,", {}, "meters.csv: .* say meters_zone"),
    ],
)
def test_what_a_folder_says_wrong_of_its_clock_is_named(tmp_path, clock, holidays, said, message):
    with pytest.raises(GameError, match=message):
        Community.from_csv(folder_with(tmp_path, clock, holidays), **said)


def test_a_month_of_a_folder_is_settled_and_verified(tmp_path, capsys):
    times = pd.date_range("2024-05-31T22:00", "2024-07-01T02:00", freq="h", inclusive="left")
    folder = tmp_path / "club"
    folder.mkdir()
    folder_with(
        folder,
        "meters_zone,UTC\ntariff_zone,Europe/Madrid",
        "2024-08-15,",
        [f"{time:%Y-%m-%dT%H:%M}" for time in times],
    )
    out = tmp_path / "out"
    assert main(["allocate", str(folder), "--month", "2024-06", "--out", str(out)]) == 0
    assert (
        "2024-06-01T00:00+02:00 to 2024-07-01T00:00+02:00, Europe/Madrid" in capsys.readouterr().out
    )
    source = json.loads((out / "result.json").read_text())["source"]
    assert (source["n_steps"], source["clock"]) == (30 * 24, "Europe/Madrid")
    assert main(["verify", str(folder), str(out / "result.json")]) == 0
    capsys.readouterr()
    assert main(["allocate", str(folder), "--month", "2024-06", "--start", "2024-06-02"]) == 2
    assert "give it without --start and --end" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["allocate", str(folder), "--month", "June"])
    assert "must be a month like 2024-06, not 'June'" in capsys.readouterr().err
