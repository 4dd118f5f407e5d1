"""Questions: each planted mistake is asked about by its topic, and people's readings are not."""

import numpy as np
import pytest
from fixtures.small_community import write_community
from sesgame.energy import Community, Contract, Tariff, Tax, TimeSteps, questions
from sesgame.energy.battery import Battery
from sesgame.energy.folder_reading import read_folder
from sesgame.energy.plausibility.columns import MeterColumn, columns_of
from sesgame.energy.plausibility.meters import meter_questions
from sesgame.energy.plausibility.money import battery_questions, price_questions
from sesgame.energy.plausibility.solar_time import longitude_of, solar_times
from sesgame.energy.plausibility.sun import sun_questions

SUNNY = {"Europe/Madrid": 40.4, "Europe/Berlin": 52.5, "Europe/Stockholm": 59.3}
"""Latitudes of the cities of some zones."""


def june(minutes=15, days=10, zone="Europe/Madrid", first="2024-06-03"):
    times = np.arange(
        np.datetime64(first), np.datetime64(first) + days, np.timedelta64(minutes, "m")
    )
    return TimeSteps.from_times(times, zone=zone)


def load(steps, seed=0, mean_kw=0.5):
    """A household: a daily course with noise, to the Wh, as meters count."""
    rng = np.random.default_rng(seed)
    hours = (steps.times - steps.times.astype("datetime64[D]")) / np.timedelta64(1, "h")
    course = 1 + 0.8 * np.sin((hours - 12) / 24 * 2 * np.pi) ** 2
    noise = rng.lognormal(0, 0.6, steps.n_steps)
    return np.round(mean_kw * steps.step_hours * course * noise, 3)


def sun(steps, zone="Europe/Madrid", seed=1, rated_kw=4.0, azimuth_hours=0.0):
    """A roof: the height of the sun at the city of the zone, with clouds that differ by day."""
    rng = np.random.default_rng(seed)
    middles = steps.instants + steps.step // 2
    solar = solar_times(middles, longitude_of(zone))
    hours = (solar - solar.astype("datetime64[D]")) / np.timedelta64(1, "h")
    day_of_year = (middles.astype("datetime64[D]") - np.datetime64("2024-01-01")).astype(int)
    declination = np.radians(23.44) * np.sin(2 * np.pi * (day_of_year - 80) / 365)
    latitude = np.radians(SUNNY[zone])
    height = np.sin(latitude) * np.sin(declination) + np.cos(latitude) * np.cos(
        declination
    ) * np.cos((hours - 12) / 24 * 2 * np.pi)
    facing = 1 + 0.6 * np.sin((hours - 12 - azimuth_hours) / 24 * 2 * np.pi) * np.sign(
        azimuth_hours
    )
    clear = rng.uniform(0.3, 1.0, steps.n_steps)
    return np.round(np.maximum(height, 0) * facing * clear * rated_kw * steps.step_hours, 3)


def column(values, kind="load", name="ann", unit="kWh", scale=1.0, member="ann"):
    return MeterColumn(name, kind, unit, {member: scale}, np.asarray(values, dtype=float))


def topics(steps, *columns):
    found = [*meter_questions(steps, columns), *sun_questions(steps, columns)]
    return [(question.topic, question.column) for question in found]


@pytest.mark.parametrize("minutes", [5, 15, 60])
@pytest.mark.parametrize("seed", range(4))
def test_people_who_live_and_generate_raise_no_question(minutes, seed):
    steps = june(minutes)
    columns = [
        column(load(steps, seed * 10 + k, mean_kw=0.2 * 3**k), name=f"m{k}", member=f"m{k}")
        for k in range(5)
    ]
    roof = column(sun(steps, seed=seed), "pv", "roof")
    assert topics(steps, *columns, roof) == []


STEPS = june()
LOAD = load(STEPS)
PV = sun(STEPS)
HOUR = STEPS.n_steps // 240


def replaced(values, first, last, by):
    values = values.copy()
    values[first:last] = by
    return values


def planted(values, **options):
    return lambda: topics(STEPS, column(values, **options))


PLANTED = [
    pytest.param(
        planted(12_345 + np.cumsum(LOAD)), "cumulative register", id="a register that has counted"
    ),
    pytest.param(planted(np.cumsum(LOAD)), "cumulative register", id="a new register"),
    pytest.param(
        planted(np.concatenate([9_000 + np.cumsum(LOAD[:500]), np.cumsum(LOAD[500:])])),
        "cumulative register",
        id="a register that was replaced",
    ),
    pytest.param(
        planted(replaced(LOAD, 100, 220, 0.0)), "repeated readings", id="a gap filled with zeros"
    ),
    pytest.param(
        planted(replaced(LOAD, 100, 220, LOAD[99])),
        "repeated readings",
        id="a gap filled with the last reading",
    ),
    pytest.param(
        planted(np.where(np.isin(np.arange(960) // 24 % 16, [3, 11]), LOAD, 0.0)),
        None,
        id="a charger that is off for hours and once for a day",
    ),
    pytest.param(
        planted(replaced(LOAD, 100, 140, np.linspace(0.1, 0.9, 40))),
        "interpolated readings",
        id="a gap filled by a line",
    ),
    pytest.param(planted(-LOAD), "negative load", id="a load with its sign turned"),
    pytest.param(planted(LOAD, scale=-1.0), "negative load", id="a scale with its sign turned"),
    pytest.param(planted(PV - LOAD, kind="pv"), "negative PV", id="a two-way meter taken for PV"),
    pytest.param(planted(LOAD, name="Verbrauch [kW]"), "unit", id="kW in the name"),
    pytest.param(planted(LOAD, name="ann_Wh"), "unit", id="Wh in the name"),
    pytest.param(planted(LOAD, name="ann kWh", unit="kW"), "unit", id="kWh in the name"),
    pytest.param(
        planted(PV, kind="pv", unit="kW", scale=4.0, name="roof"), None, id="a share of its rating"
    ),
    pytest.param(
        planted(8 * PV, kind="pv", unit="kW", scale=4.0),
        "PV above its rating",
        id="kW that are scaled once more",
    ),
    pytest.param(planted(np.roll(PV, 12 * HOUR), kind="pv"), "PV at night", id="12 hours off"),
    pytest.param(planted(LOAD, kind="pv"), "PV at night", id="a load taken for PV"),
    pytest.param(planted(LOAD, name="ann (Wh)", scale=0.001), None, id="a scale that is given"),
    pytest.param(planted(LOAD, name="kWhite"), None, id="a name that is no unit"),
]


@pytest.mark.parametrize(("found", "topic"), PLANTED)
def test_a_planted_mistake_is_asked_about_once(found, topic):
    assert [each for each, _ in found()] == ([topic] if topic else [])


@pytest.mark.parametrize("factor", [1e-6, 1e6])
def test_thresholds_are_those_of_the_data(factor):
    """In another unit of energy everything is as plausible as before."""

    def all_topics(factor):
        return topics(
            STEPS,
            column(12_345 * factor + factor * np.cumsum(LOAD), name="a"),
            column(factor * replaced(LOAD, 100, 220, LOAD[99]), name="b"),
            column(factor * replaced(LOAD, 100, 140, np.linspace(0.1, 0.9, 40)), name="c"),
            column(1000 * factor * load(STEPS, 5), name="d"),
            column(factor * np.roll(PV, 12 * HOUR), "pv", "e"),
            column(factor * load(STEPS, 6), name="f"),
        )

    found = all_topics(1.0)
    assert {topic for topic, _ in found} == {
        "cumulative register",
        "repeated readings",
        "interpolated readings",
        "a thousand times",
        "PV at night",
    }
    assert all_topics(factor) == found


@pytest.mark.parametrize(
    ("values", "is_register"),
    [
        pytest.param([12_345.0, 12_345.5, 12_346.1], True, id="three readings far from zero"),
        pytest.param([1.0, 1.0, 1.5, 2.0], False, id="a load that rises for some steps"),
        pytest.param([2.0, 2.1, 2.2], False, id="a load that hardly rises"),
        pytest.param([100.0, 100.0, 101.0], False, id="one rise"),
        pytest.param([5.0] * 4, False, id="a constant"),
    ],
)
def test_some_hours_are_a_register_where_they_are_far_from_zero(values, is_register):
    steps = TimeSteps(np.datetime64("2024-06-03T06:00"), np.timedelta64(1, "h"), len(values))
    assert topics(steps, column(values)) == [("cumulative register", "ann")] * is_register


def test_meters_in_other_units_are_the_smaller_group():
    loads = [column(load(STEPS, k), name=f"m{k}", member=f"m{k}") for k in range(4)]
    wh = [column(1000 * load(STEPS, k), name=f"w{k}", member=f"w{k}") for k in (7, 8)]
    assert topics(STEPS, *loads, *wh) == [("a thousand times", "w7"), ("a thousand times", "w8")]
    mwh = column(load(STEPS, 9) / 1000, name="big", member="big")
    (question,) = meter_questions(STEPS, [*loads, mwh])
    assert question.topic == "a thousand times"
    assert question.cure == "write 1000 as scale in members.csv"
    # A scale that is given mends it, and a factory beside flats is a factory.
    scaled = column(1000 * load(STEPS, 7), name="w7", member="w7", scale=0.001)
    factory = column(80 * load(STEPS, 11), name="factory", member="factory")
    assert topics(STEPS, *loads, scaled, factory) == []


def test_a_copy_is_asked_about_and_a_shared_column_is_not():
    copy = column(LOAD, name="bob", member="bob")
    assert topics(STEPS, column(LOAD), copy) == [("copied readings", "ann, bob")]
    shared = MeterColumn("profile", "load", "kWh", {"ann": 1.0, "bob": 2.0}, LOAD)
    assert topics(STEPS, shared) == []
    zeros = [column(np.zeros(STEPS.n_steps), name=name, member=name) for name in ("eve", "joe")]
    assert {topic for topic, _ in topics(STEPS, *zeros)} == {"repeated readings"}


def test_a_two_way_meter_beside_pv_of_the_same_member_counts_it_twice():
    net, roof = column(LOAD - PV, name="net"), column(PV, "pv", "roof")
    assert topics(STEPS, net, roof) == [("PV counted twice", "net")]
    assert topics(STEPS, net, column(PV, "pv", "roof", member="bob")) == []


@pytest.mark.parametrize("zone", SUNNY)
@pytest.mark.parametrize("azimuth_hours", [-3.0, 0.0, 3.0], ids=["east", "south", "west"])
@pytest.mark.parametrize(
    ("minutes", "shift"),
    [(15, -2), (15, -1), (15, 0), (15, 1), (15, 2), (60, -2), (60, 0), (60, 2)],
)
def test_a_clock_that_is_an_hour_off_is_seen_from_the_sun(zone, azimuth_hours, minutes, shift):
    steps = june(minutes, zone=zone)
    shifted = np.roll(sun(steps, zone, azimuth_hours=azimuth_hours), shift * 60 // minutes)
    found = topics(steps, column(shifted, "pv", "roof"))
    assert found == [("PV off the sun's noon", "roof")] * bool(shift)


@pytest.mark.parametrize("month", range(1, 13))
def test_the_sun_is_on_time_in_every_month(month):
    steps = june(first=f"2024-{month:02}-05")
    assert topics(steps, column(sun(steps), "pv", "roof")) == []


def test_nobody_knows_when_the_sun_shines_on_a_clock_without_a_place():
    for zone in (None, "UTC", "+01:00"):
        steps = june(zone=zone)
        assert topics(steps, column(np.roll(PV, 12 * HOUR), "pv", "roof")) == []


def test_places_are_those_of_the_database_of_zones():
    assert longitude_of("Europe/Berlin") == pytest.approx(13 + 22 / 60)
    assert longitude_of("America/Argentina/Buenos_Aires") == pytest.approx(-(58 + 27 / 60))
    assert longitude_of("Etc/GMT+1") is None


def test_the_sun_is_highest_at_noon_of_solar_time():
    """Greenwich, by the almanac: 12:14 on 11 February, 11:44 on 3 November; 4 minutes a degree."""
    noons = np.array(["2024-02-11T12:14", "2024-11-03T11:44"], dtype="datetime64[s]")
    exact = np.array(["2024-02-11T12:00", "2024-11-03T12:00"], dtype="datetime64[s]")
    off = (solar_times(noons, 0.0) - exact) / np.timedelta64(1, "m")
    assert np.abs(off).max() < 1.5  # the formula is good to about a minute, the almanac to half
    east = (solar_times(noons, 15.0) - solar_times(noons, 0.0)) / np.timedelta64(1, "m")
    assert east.tolist() == [60.0, 60.0]


@pytest.mark.parametrize(
    ("first", "n_steps", "topic"),
    [
        ("2024-06-03T00:00", 192, None),
        ("2024-06-03T00:15", 192, "end stamps"),
        ("2024-06-03T00:00", 191, "a last step"),
        ("2024-06-03T06:00", 192, None),
        ("2024-06-03T00:15", 50, None),
    ],
)
def test_a_period_that_misses_midnight_by_a_step_is_asked_about(first, n_steps, topic):
    steps = TimeSteps(np.datetime64(first), np.timedelta64(15, "m"), n_steps)
    assert topics(steps, column(load(steps))) == ([(topic, "time")] if topic else [])


@pytest.mark.parametrize(
    ("buy", "sell", "currency", "columns"),
    [
        (0.30, 0.08, "EUR", []),
        (30.0, 8.0, "EUR", ["buy_eur_per_kwh", "sell_eur_per_kwh"]),
        (300.0, 0.08, "EUR", ["buy_eur_per_kwh"]),
        (2.5, 0.6, "SEK", []),
        (250.0, 60.0, "SEK", ["buy_sek_per_kwh", "sell_sek_per_kwh"]),
        (70.0, 5.0, "HUF", []),
        (30.0, 0.08, "XXX", ["sell_xxx_per_kwh"]),
        (0.30, 0.0, "EUR", []),
        (0.08, 0.30, "EUR", ["sell_eur_per_kwh"]),
    ],
)
def test_prices_in_cents_or_by_the_mwh_are_asked_about(buy, sell, currency, columns):
    found = price_questions(STEPS, Tariff.flat(buy, sell, currency), "tariff.csv")
    assert [question.column for question in found] == columns
    assert {question.topic for question in found} <= {
        "sell above buy" if sell > buy else "price unit"
    }


def test_a_tax_that_is_a_fraction_is_asked_about():
    contract = Contract(
        name="home",
        energy=Tariff.flat(0.3, 0.1),
        taxes=[Tax(label="VAT", per_cent=0.21), Tax(label="levy", per_cent=5.0)],
    )
    (question,) = price_questions(STEPS, contract, "contracts.csv")
    assert (question.topic, question.cure) == ("percentage", "write 21")


def test_batteries_in_watts_are_asked_about():
    def of(energy_kwh, power_kw):
        battery = Battery(
            owner="ann",
            energy_kwh=energy_kwh,
            power_kw=power_kw,
            charge_efficiency=0.9,
            discharge_efficiency=0.9,
        )
        return [question.topic for question in battery_questions([battery])]

    assert of(10.0, 5.0) == of(10.0, 0.0) == of(0.0, 5.0) == []
    assert of(10.0, 5000.0) == of(10_000.0, 5.0) == ["battery unit"]


def test_columns_are_those_of_the_file_whoever_has_them(tmp_path):
    (meter, *_) = read_folder(write_community(tmp_path / "court")).readings
    meter = meter._replace(column="p", unit="kW", scale=2.0)
    rows = [("ann", "load"), ("bob", "load"), ("bob", "pv")]
    found = columns_of(meter._replace(member=who, kind=kind) for who, kind in rows)
    assert [(each.kind, each.scales) for each in found] == [
        ("load", {"ann": 2.0, "bob": 2.0}),
        ("pv", {"bob": 2.0}),
    ]


def test_a_community_from_anywhere_is_asked_about_like_its_files():
    found = questions(
        Community(
            members=["ann", "bob"],
            steps=STEPS,
            load_kwh=[LOAD, 12_345 + np.cumsum(LOAD)],
            pv_kwh=[np.roll(PV, 12 * HOUR), np.zeros(STEPS.n_steps)],
            tariff=Tariff.flat(30.0, 8.0),
        )
    )
    assert [(question.topic, question.column) for question in found] == [
        ("cumulative register", "load_kwh of bob"),
        ("PV at night", "pv_kwh of ann"),
        ("price unit", "buy_eur_per_kwh"),
        ("price unit", "sell_eur_per_kwh"),
    ]
