"""What premiums refuse, by name: files of rates, plants, zones, prices and hours."""

import json

import numpy as np
import pytest
import sesgame as sg
from reference.premium_oracle import ITALY
from sesgame.energy import (
    Battery,
    Contract,
    MeteringPoint,
    PremiumPlant,
    PremiumScheme,
    PublicGrid,
    Tariff,
)
from sesgame.errors import GameError

SCHEME = PremiumScheme.shipped("italy_2024")
ROOF = PremiumPlant(power_kw=50, zone="north", technology="photovoltaic")
QUARTER, HOUR = np.timedelta64(15, "m"), np.timedelta64(1, "h")


def world(steps=None, currency="EUR", **more):
    steps = sg.energy.TimeSteps("2024-06-01T12:00", HOUR, 2) if steps is None else steps
    out = np.ones(steps.n_steps)
    return PublicGrid(
        points=[
            MeteringPoint(name="p1", member="roof", contract="any", export_kwh=out, zone="a"),
            MeteringPoint(name="p2", member="home", contract="any", import_kwh=out, zone="b"),
        ],
        steps=steps,
        contracts=[Contract(name="any", energy=Tariff.flat(0.30, 0.08, currency))],
        **more,
    )


def unlike(prices):
    steps = sg.energy.TimeSteps("2024-06-01T12:00", HOUR, 2)
    return sg.energy.PriceSeries(steps, prices, [0.1, 0.1])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plants": {}}, "'p1' feeds in 1 kWh at 2024-06-01T12:00, and is no plant"),
        ({"plants": {"p1": ROOF, "p9": ROOF}}, "the plant 'p9' is no metering point"),
        ({"plants": {"p1": 50}}, "the plant 'p1' is 50, and no PremiumPlant"),
        ({"plants": [ROOF]}, "plants must be a mapping"),
        (
            {"plants": {"p1": PremiumPlant(power_kw=50, zone="islands", technology="x")}},
            "the plant 'p1': 'islands' is no zone of .*, which has north, centre, south",
        ),
        (
            {"plants": {"p1": PremiumPlant(power_kw=50, zone="north", technology="coal")}},
            "'coal' is no technology of .*, which has photovoltaic, other renewable",
        ),
        (
            {
                "plants": {
                    "p1": PremiumPlant(power_kw=1200, zone="north", technology="photovoltaic")
                }
            },
            "a plant of 1200 kW has no premium; up to 1000 kW do",
        ),
        (
            {
                "plants": {
                    "p1": PremiumPlant(
                        power_kw=50, zone="north", technology="photovoltaic", grant=0.5
                    )
                }
            },
            "a grant of 0.5 of the investment has no premium; up to 0.4 do",
        ),
        ({"zonal_price_per_kwh": [0.1]}, r"shape \(1,\); one price for each of the 2 hours from"),
        ({"zonal_price_per_kwh": [0.1, np.nan]}, "zonal_price_per_kwh is nan at 2024-06-01T13:00"),
        ({"zonal_price_per_kwh": "0.1"}, "zonal_price_per_kwh must be a number, or one for"),
        ({"zonal_price_per_kwh": [True, True]}, "zonal_price_per_kwh must be a number, or one"),
        ({"zonal_price_per_kwh": "dear"}, "zonal_price_per_kwh must be a number, or one for"),
        ({"zonal_price_per_kwh": {"a": 0.1}}, "there is no zonal price for the points in 'b'"),
        (
            {"zonal_price_per_kwh": {"a": 0.1, "b": 0.1, "c": 0.1}},
            "a zonal price is of 'c'; the points are in 'a', 'b'",
        ),
        (
            {"zonal_price_per_kwh": unlike([0.1, 0.2])},
            "has a buy and another sell price at 2024-06-01T13:00",
        ),
        ({"exempt": ["p3"]}, "exempt names 'p3', which is no metering point"),
        ({"exempt": "p2"}, "exempt must be a list of metering points, got 'p2'"),
        ({"start": "2024-07-01"}, "reaches beyond the data|is empty"),
        (
            {"world": world(sg.energy.TimeSteps("2024-01-23T23:00", HOUR, 2))},
            "hold from 2024-01-24, and not at 2024-01-23T23:00",
        ),
        (
            {"world": world(sg.energy.TimeSteps("2024-06-01T12:15", QUARTER, 8))},
            "the step from 2024-06-01T12:15 begins within one",
        ),
        (
            {"world": world(sg.energy.TimeSteps("2024-06-01T12:00", QUARTER, 6))},
            "the hour from 2024-06-01T13:00 has only 2 of its 4 steps",
        ),
        (
            {"world": world(sg.energy.TimeSteps("2024-06-01", np.timedelta64(25, "m"), 6))},
            "counts by the hour, and 6 steps of 25 minutes make up none",
        ),
        (
            {
                "world": world(
                    batteries=[
                        Battery(
                            owner="roof",
                            energy_kwh=1,
                            power_kw=1,
                            charge_efficiency=1,
                            discharge_efficiency=1,
                        )
                    ],
                    storage_contract="any",
                )
            },
            "batteries to be dispatched has no premium",
        ),
        ({"world": world(currency="CHF")}, "the contracts are in CHF, and .* is in EUR"),
        ({"world": 5}, "world must be PublicGrid, got int 5"),
        ({"scheme": "italy_2024"}, "scheme must be PremiumScheme, got str 'italy_2024'"),
    ],
)
def test_a_premium_without_its_data_is_refused(changes, message):
    right = {
        "world": world(),
        "scheme": SCHEME,
        "plants": {"p1": ROOF},
        "zonal_price_per_kwh": 0.1,
    }
    with pytest.raises(GameError, match=message):
        sg.energy.sharing_premium(**{**right, **changes})


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"power_kw": 0}, "power_kw of a plant is 0; it must be above 0"),
        ({"power_kw": float("nan")}, "power_kw of a plant is nan"),
        ({"power_kw": "50"}, "power_kw must be a number, got str '50'"),
        ({"grant": -0.1}, r"grant of a plant is -0.1; it is a part of the investment, in \[0, 1\]"),
        ({"zone": 3}, "zone must be text, got int 3"),
    ],
)
def test_a_plant_that_is_none_is_refused(given, message):
    right = {"power_kw": 50, "zone": "north", "technology": "photovoltaic"}
    with pytest.raises(GameError, match=message):
        PremiumPlant(**{**right, **given})


@pytest.mark.parametrize(
    ("where", "value", "message"),
    [
        (["reduction"], 1, "reduction: this is not known here; known are name, country"),
        (["name"], None, '"name" is missing'),
        (
            ["valid_until"],
            "2023-01-01",
            "when the rates hold: it ends on 2023-01-01, and begins on 2024-01-24",
        ),
        (["valid_from"], "January", "valid_from: .* is not a date like 2024-01-24"),
        (["sources"], [], "sources: rates need a source with its date"),
        (["sources", 0, "date"], None, r'sources\[0\]: "date" is missing'),
        (["sources", 0, "title"], " ", r"sources\[0\].title: a source without a title is none"),
        (["power_classes"], [], "power_classes: there is no power class"),
        (
            ["power_classes", 1, "up_to_kw"],
            200,
            r"power_classes\[1\].up_to_kw: 200 does not come after 200: classes go up",
        ),
        (["power_classes", 0, "cap_per_mwh"], 70, r"power_classes\[0\]: the base must be at least"),
        (["power_classes", 0, "cap_per_mwh"], "120", 'cap_per_mwh: "120" is not a number'),
        (["corrections_per_mwh", "photovoltaic", "north"], None, '"north" is missing'),
        (["corrections_per_mwh", "photovoltaic", "north"], -1, "a correction is at least 0"),
        (["corrections_per_mwh", "photovoltaic", "islands"], 1, "islands: this is not known"),
        (["corrections_per_mwh"], {}, "there is no technology with a zone"),
        (["grants", "reduction_at_largest"], 1.2, r"1.2 is no part, in \[0, 1\]"),
        (["grants", "largest"], -0.1, r"grants.largest: -0.1 is no part"),
        (["set_apart", "threshold_with_grant"], 45, "45 is no part"),
    ],
)
def test_a_file_of_rates_that_is_wrong_is_refused_with_file_and_field(
    tmp_path, where, value, message
):
    data = json.loads(ITALY.read_text(encoding="utf-8"))
    inside = data
    for step in where[:-1]:
        inside = inside[step]
    inside[where[-1]] = value
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(GameError, match=message) as caught:
        PremiumScheme.from_json(path)
    assert str(path) in str(caught.value)


def test_a_date_that_is_left_out_is_no_date_without_end(tmp_path):
    data = json.loads(ITALY.read_text(encoding="utf-8"))
    del data["valid_until"]
    path = tmp_path / "rates.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(GameError, match='"valid_until" is missing; it is a date, or null'):
        PremiumScheme.from_json(path)


def test_a_scheme_that_does_not_come_along_is_refused():
    with pytest.raises(GameError, match="no scheme 'france_2030'; there are italy_2024"):
        PremiumScheme.shipped("france_2030")
    with pytest.raises(GameError, match=r"no scheme '\.\./data/italy_2024'"):
        PremiumScheme.shipped("../data/italy_2024")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"injected_kwh": [[1.0, -2.0]]}, "injected_kwh of member 0 is -2.0 in step 1"),
        ({"withdrawn_kwh": [[1.0, np.inf]]}, "withdrawn_kwh of member 0 is inf in step 1"),
        ({"injected_kwh": [1.0, 2.0]}, r"injected_kwh has shape \(2,\); it needs members and"),
        ({"injected_kwh": [[1.0]]}, r"shape \(1, 1\), and withdrawn_kwh \(1, 2\)"),
        ({"worth_per_kwh": [0.1] * 3}, r"worth_per_kwh has shape \(3,\); it needs \(\) or \(2,\)"),
        ({"worth_per_kwh": [0.1, -0.1]}, "worth_per_kwh is -0.1 in step 1; it must be finite and"),
        ({"worth_per_kwh": "much"}, "worth_per_kwh is not an array of numbers"),
        ({"players": ["ann", "bob"]}, "there are 2 labels for 1 members"),
    ],
)
def test_a_game_of_no_energy_is_refused(changes, message):
    right = {"injected_kwh": [[1.0, 2.0]], "withdrawn_kwh": [[2.0, 1.0]], "worth_per_kwh": 0.1}
    with pytest.raises(GameError, match=message):
        sg.energy.shared_energy_game(**{**right, **changes})


@pytest.mark.parametrize(
    ("statute", "options", "message"),
    [
        ("by age", {}, "statute is 'by age'; it must be per head, by use, to the scarce side"),
        ("by use", {"part_of_plants": 1.5}, r"part_of_plants is 1.5; it must be in \[0, 1\]"),
        ("per head", {"part_of_plants": 0.5}, "belongs to \"by use\", and not to 'per head'"),
    ],
)
def test_a_statute_that_is_none_is_refused(statute, options, message):
    found = sg.energy.sharing_premium(world(), SCHEME, plants={"p1": ROOF}, zonal_price_per_kwh=0.1)
    with pytest.raises(GameError, match=message):
        sg.energy.premium_shares(found, statute, **options)
