"""The open Swedish tariff format: elements billed as by hand, and what is refused by its path."""

import copy
import json

import numpy as np
import pytest
import sesgame as sg
from reference.published_bills import eltariff_bill
from sesgame.errors import GameError

E = sg.energy
YEAR = {"fromIncluding": "2025-01-01", "toExcluding": "2026-01-01"}
PATTERNS = [
    {"reference": "weekdays", "frequency": "P1W", "days": [1, 2, 3, 4, 5], "dates": []},
    {"reference": "weekends", "frequency": "P1W", "days": [6, 7], "dates": []},
    {
        "reference": "holidays",
        "frequency": "P1Y",
        "days": [],
        # A Thursday, and a Saturday, on which nothing is otherwise.
        "dates": ["2025-02-27", "2025-03-01"],
    },
]
ROUNDING = 1e-9
"""Of the money that flows: sums of some thousand steps in another order."""


def price(money):
    return {"priceExVat": money, "priceIncVat": money * 1.25, "currency": "SEK"}


def hours(first, end, include=("weekdays", "weekends"), exclude=()):
    return {
        "fromIncluding": f"{first}:00",
        "toExcluding": f"{end}:00",
        "calendarPatternReferences": {"include": list(include), "exclude": list(exclude)},
    }


def recurring(*periods, reference="main"):
    return [{"reference": reference, "frequency": "P1D", "activePeriods": list(periods)}]


def fee(money, period, name="Subscription", **more):
    return {
        "id": "1",
        "name": name,
        "type": "public",
        "reference": "main",
        "validPeriod": YEAR,
        "price": price(money),
        "pricedPeriod": period,
        **more,
    }


def energy(money, periods=None, valid=YEAR, **more):
    return {
        "id": "2",
        "name": "Transfer",
        "type": "fixed",
        "reference": "main",
        "validPeriod": valid,
        "price": price(money),
        "spotPriceSettings": None,
        "recurringPeriods": periods,
        **more,
    }


def power(money, periods=None, valid=YEAR, n=3, of="P1D", duration="PT1H", function="peak(main)"):
    return {
        "id": "3",
        "name": "Peak",
        "type": "peak",
        "reference": "main",
        "validPeriod": valid,
        "price": price(money),
        "unit": "kW",
        "url": None,
        "peakIdentificationSettings": {
            "peakFunction": function,
            "peakIdentificationPeriod": of,
            "peakDuration": duration,
            "numberOfPeaksForAverageCalculation": n,
        },
        "recurringPeriods": periods,
    }


def segment(function, components):
    return {"id": "s", "name": "Prices", "costFunction": function, "components": components}


ONE_PRICE = (energy(0.2),)


def tariff_of(fixed=(), energies=ONE_PRICE, powers=(), **more):
    return {
        "id": "t1",
        "name": "House 20A",
        "description": "made up",
        "product": "house.20",
        "companyName": "Grid AB",
        "companyOrgNo": "1",
        "direction": "consumption",
        "timeZone": "Europe/Stockholm",
        "lastUpdated": "2025-01-01T00:00:00",
        "validPeriod": YEAR,
        "billingPeriod": "P1M",
        "fixedPrice": segment("sum(price(c))", list(fixed)),
        "energyPrice": segment("sum(energy(c) * price(c))", list(energies)),
        "powerPrice": segment("sum(peak(c)*price(c))", list(powers)),
        **more,
    }


def written(folder, tariff, patterns=PATTERNS, **more):
    path = folder / "tariffs.json"
    document = {"tariffs": [tariff], "calendarPatterns": patterns, **more}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


HIGH = recurring(hours("07:00", "20:00", ["weekdays"], ["weekends", "holidays"]))
LOW = recurring(
    hours("00:00", "07:00", ["weekdays"], ["holidays"]),
    hours("20:00", "00:00", ["weekdays"], ["holidays"]),
    hours("00:00", "00:00", ["weekends", "holidays"]),
)
WINTER = {"fromIncluding": "2025-01-01", "toExcluding": "2025-03-01"}
LAST_YEAR = {"fromIncluding": "2024-01-01", "toExcluding": "2025-01-01"}
NEXT_YEAR = {"fromIncluding": "2026-01-01", "toExcluding": "2027-01-01"}
REST = {"fromIncluding": "2025-03-01", "toExcluding": "2026-01-01"}
TARIFFS = {
    "one price": tariff_of(),
    "prices that add up": tariff_of(energies=[energy(0.2), energy(0.439, reference="tax")]),
    "fee of a year": tariff_of(fixed=[fee(1000, "P1Y")]),
    "fees of a month and a day": tariff_of(fixed=[fee(40, "P1M"), fee(1.5, "P1D")]),
    "hours of the night": tariff_of(
        energies=[energy(0.5), energy(-0.3, recurring(hours("22:00", "06:30")))]
    ),
    "working days without holidays": tariff_of(energies=[energy(0.5, HIGH), energy(0.2, LOW)]),
    "a price on holidays alone": tariff_of(
        energies=[energy(0.5), energy(-0.2, recurring(hours("00:00", "00:00", ["holidays"])))]
    ),
    "days without a word of holidays": tariff_of(
        energies=[energy(0.5, recurring(hours("06:00", "22:00", ["weekdays"]))), energy(0.1)]
    ),
    "a price for a season": tariff_of(energies=[energy(0.2), energy(0.3, HIGH, valid=WINTER)]),
    "a new price from a date": tariff_of(
        energies=[
            energy(0.2, valid={"fromIncluding": "2025-01-01", "toExcluding": "2025-03-05"}),
            energy(0.6, valid={"fromIncluding": "2025-03-05", "toExcluding": "2026-01-01"}),
        ]
    ),
    "mean of the highest of different days": tariff_of(powers=[power(36)]),
    "mean of the highest, of any day": tariff_of(powers=[power(36, of="PT1H")]),
    "the highest quarter-hour": tariff_of(powers=[power(36, n=1, of="P1M", duration="PT15M")]),
    "peaks of high and low hours": tariff_of(powers=[power(76, HIGH), power(28, LOW)]),
    "peaks of evenings, and of all weekends": tariff_of(
        powers=[
            power(
                9,
                recurring(hours("17:00", "21:00"), hours("00:00", "00:00", ["weekends"])),
            )
        ]
    ),
    "peaks of a season": tariff_of(
        powers=[power(76, HIGH, valid=WINTER), power(28, valid=REST, n=1)]
    ),
    "all together": tariff_of(
        fixed=[fee(3280, "P1Y", "Fuse")],
        energies=[energy(0.064), energy(0.439), energy(0.2, HIGH, valid=WINTER)],
        powers=[power(76, HIGH, valid=WINTER), power(28, LOW, n=5), power(4, of="PT1H")],
    ),
    "prices of other years": tariff_of(
        fixed=[fee(10, "P1M"), fee(99, "P1M", validPeriod=LAST_YEAR)],
        energies=[energy(0.2), energy(9.9, valid=NEXT_YEAR)],
        powers=[power(36), power(99, valid=LAST_YEAR)],
    ),
    "no validity of its own": tariff_of(validPeriod=None, powers=[power(9, valid=WINTER)]),
    "free": tariff_of(energies=[energy(0.0)]),
}


def steps_of(found, first="2025-02-20", days=20):
    calendar = E.Calendar(None, found.holidays or None)
    return E.TimeSteps(np.datetime64(first), np.timedelta64(15, "m"), 96 * days, calendar)


def drawn_in(steps, seed=3):
    return np.random.default_rng(seed).gamma(1.0, 0.3, steps.n_steps)


def rows_of(steps, drawn):
    times = [time.item() for time in steps.times.astype("datetime64[s]")]
    return list(zip(times, drawn.tolist(), strict=True))


@pytest.mark.parametrize("name", TARIFFS)
def test_a_tariff_bills_what_its_file_says(name, tmp_path):
    tariff = TARIFFS[name]
    found = E.read_eltariff(written(tmp_path, tariff))
    steps = steps_of(found)
    drawn = drawn_in(steps)
    expected = eltariff_bill(tariff, PATTERNS, rows_of(steps, drawn), steps.step_hours)
    bill = found.contract.bill(steps, drawn)
    assert bill.total == pytest.approx(expected, rel=ROUNDING)
    assert found.zone == "Europe/Stockholm"
    assert found.contract.name == "House 20A"
    assert bill.total_of("tax") == pytest.approx(0.2 * bill.total, rel=ROUNDING)
    assert any("feeding in earns nothing" in each for each in found.readings)


def test_holidays_are_those_on_which_something_is_otherwise(tmp_path):
    found = E.read_eltariff(written(tmp_path, TARIFFS["working days without holidays"]))
    assert [str(day) for day in found.holidays] == ["2025-02-27"]
    assert E.read_eltariff(written(tmp_path, TARIFFS["one price"])).holidays == ()


def test_holidays_that_the_file_does_not_have_are_given(tmp_path):
    tariff = TARIFFS["working days without holidays"]
    path = written(tmp_path, tariff, PATTERNS[:2])
    with pytest.raises(GameError, match=r"exclude\[1\]: the file does not say which days are hol"):
        E.read_eltariff(path)
    found = E.read_eltariff(path, holidays=["2025-03-06"])
    steps = steps_of(found)
    drawn = drawn_in(steps)
    expected = eltariff_bill(
        tariff, PATTERNS[:2], rows_of(steps, drawn), steps.step_hours, ["2025-03-06"]
    )
    assert found.contract.bill(steps, drawn).total == pytest.approx(expected, rel=ROUNDING)
    with pytest.raises(GameError, match="2025-02-27 is only in one"):
        E.read_eltariff(written(tmp_path, tariff), holidays=["2025-03-01"])


@pytest.mark.parametrize("name", ["working days without holidays", "peaks of high and low hours"])
def test_steps_without_the_holidays_of_the_file_are_refused(name, tmp_path):
    found = E.read_eltariff(written(tmp_path, TARIFFS[name]))
    steps = E.TimeSteps(np.datetime64("2025-02-20"), np.timedelta64(15, "m"), 96)
    with pytest.raises(GameError, match="holidays, but nobody said which days they are"):
        found.contract.bill(steps, np.ones(96))


@pytest.mark.parametrize(
    "powers", [(), (power(9, recurring(hours("06:00", "22:00", ["weekdays"]))),)]
)
def test_steps_with_holidays_are_refused_where_the_file_says_nothing_of_them(powers, tmp_path):
    night = recurring(hours("06:00", "22:00", ["weekdays"]))
    energies = [energy(0.1)] if powers else [energy(0.5, night)]
    found = E.read_eltariff(written(tmp_path, tariff_of(energies=energies, powers=powers)))
    calendar = E.Calendar(None, ["2025-02-20"])
    steps = E.TimeSteps(np.datetime64("2025-02-20"), np.timedelta64(15, "m"), 96, calendar)
    with pytest.raises(GameError, match="2025-02-20 is a holiday, for which the tariff has no pri"):
        found.contract.bill(steps, np.ones(96))


def test_days_outside_the_validity_are_refused(tmp_path):
    found = E.read_eltariff(written(tmp_path, tariff_of()))
    steps = E.TimeSteps(np.datetime64("2026-01-01"), np.timedelta64(15, "m"), 96)
    with pytest.raises(GameError, match="it ended on 2026-01-01"):
        found.contract.bill(steps, np.ones(96))


SUPPLIES = {
    "one price": E.Tariff.flat(0.5, 0.3, "SEK"),
    "bands from two dates": E.Tariff(
        [
            E.PriceBand(0.9, 0.3, 7 * 60, 23 * 60),
            E.PriceBand(0.4, 0.2, 23 * 60, 7 * 60),
            E.PriceBand(0.7, 0.1, months=range(1, 3), valid_from="2025-02-25"),
            E.PriceBand(0.8, 0.1, months=range(3, 13), valid_from="2025-02-25"),
        ],
        "SEK",
    ),
}


@pytest.mark.parametrize("supply", SUPPLIES)
@pytest.mark.parametrize(
    "name", ["one price", "working days without holidays", "a new price from a date"]
)
def test_the_supply_adds_to_the_grid(name, supply, tmp_path):
    path = written(tmp_path, TARIFFS[name])
    alone = E.read_eltariff(path)
    steps = steps_of(alone)
    both = E.read_eltariff(path, supply=SUPPLIES[supply]).contract.energy.prices(steps)
    grid = alone.contract.energy.prices(steps)
    supplied = SUPPLIES[supply].prices(steps)
    assert np.allclose(both, np.add(grid, supplied), rtol=0, atol=1e-12)  # sums of decimals
    series = E.PriceSeries(steps, *supplied, "SEK")
    found = E.read_eltariff(path, supply=series)
    assert np.allclose(found.contract.energy.prices(steps), both, rtol=0, atol=1e-12)
    assert found.readings[0] == "what the grid company bills and the supply that was given"


def test_a_supply_in_another_currency_or_zone_is_refused(tmp_path):
    path = written(tmp_path, tariff_of())
    with pytest.raises(GameError, match="prices in SEK and in EUR do not add up"):
        E.read_eltariff(path, supply=E.Tariff.flat(0.5, 0.3))
    with pytest.raises(GameError, match="supply must be Tariff or PriceSeries or None, got int 7"):
        E.read_eltariff(path, supply=7)
    steps = E.TimeSteps.from_times(["2025-02-20T00:00", "2025-02-20T01:00"], zone="UTC")
    with pytest.raises(GameError, match="on the clock of UTC, and the tariff on that of Europe/S"):
        E.read_eltariff(path, supply=E.PriceSeries(steps, [1, 1], [1, 1], "SEK"))


def test_a_tariff_is_chosen_by_product_name_or_id(tmp_path):
    other = tariff_of(energies=[energy(0.7)], product="flat.16", name="Flat 16A", id="t2")
    path = written(tmp_path, tariff_of())
    document = json.loads(path.read_text(encoding="utf-8"))
    document["tariffs"].append(other)
    path.write_text(json.dumps(document), encoding="utf-8")
    for product in ("flat.16", "Flat 16A", "t2"):
        assert E.read_eltariff(path, product=product).contract.name == "Flat 16A"
    with pytest.raises(GameError, match=r"2 tariffs fit: choose .* house.20 / House 20A / t1, fl"):
        E.read_eltariff(path)
    with pytest.raises(GameError, match=r"there is no tariff 'villa'; there is house\.20"):
        E.read_eltariff(path, product="villa")


def test_a_single_tariff_is_read_too(tmp_path):
    path = tmp_path / "tariff.json"
    path.write_text(json.dumps({"tariff": tariff_of(), "calendarPatterns": []}), encoding="utf-8")
    assert E.read_eltariff(path).contract.currency == "SEK"


def changed(path, value):
    """Return a tariff with something else at a path like ``energyPrice.components.0.type``."""
    tariff = copy.deepcopy(tariff_of([fee(10, "P1M")], [energy(0.2, HIGH)], [power(36, HIGH)]))
    *way, last = path.split(".")
    owner = tariff
    for name in way:
        owner = owner[int(name) if name.isdigit() else name]
    owner[last] = value
    return tariff


FIXED, ENERGY, POWER = (f"{name}Price.components.0" for name in ("fixed", "energy", "power"))
SETTINGS = f"{POWER}.peakIdentificationSettings"
FEBRUARY = {"fromIncluding": "2025-02-01", "toExcluding": "2025-03-01"}
TWO_YEARS = {"fromIncluding": "2025-01-01", "toExcluding": "2027-01-01"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("direction", "production", "direction: 'production' is not 'consumption'"),
        ("billingPeriod", "P1Y", "billingPeriod: 'P1Y' is not 'P1M'"),
        ("timeZone", "Europe/Stokholm", "timeZone: .* is not a zone"),
        ("fuse", 20, r"tariffs\[0\].fuse: this is not known here"),
        ("validPeriod", {"fromIncluding": "2025-01-01"}, 'validPeriod: "toExcluding" is missing'),
        ("fixedPrice.costFunction", "max(price(c))", "'max.price.c..' is not known; 'sum.price"),
        ("energyPrice.costFunction", "sum(energy(main))", "energyPrice.costFunction: the cost fun"),
        ("powerPrice.costFunction", "sum(power(p)*price(p))", "powerPrice.costFunction: the cost "),
        ("energyPrice.unit", "MWh", "energyPrice.unit: prices are per kWh, not per MWh"),
        (
            f"{FIXED}.type",
            "specific",
            r"fixedPrice.components\[0\].type: prices of type 'specific'",
        ),
        (f"{FIXED}.pricedPeriod", "P3M", "'P3M' is none of P1D, P1M, P1Y"),
        (f"{FIXED}.validPeriod", FEBRUARY, "a fee from 2025-02-01 to 2025-03-01 in a tariff from"),
        (f"{FIXED}.price.currency", "EUR", "it is SEK, and other prices are EUR"),
        (f"{FIXED}.price.priceIncVat", 11.2, "priceIncVat 11.2 is not priceExVat 10 with 25"),
        (f"{FIXED}.price.priceExVat", "10", 'priceExVat: "10" is not a number'),
        (f"{ENERGY}.type", "spot", "prices of type 'spot' are not in the file"),
        (
            f"{ENERGY}.spotPriceSettings",
            {"multiplier": 1.2},
            "prices that are elsewhere are not re",
        ),
        (f"{ENERGY}.recurringPeriods.0.frequency", "P1W", "'P1W' is not P1D"),
        (
            f"{ENERGY}.recurringPeriods.0.activePeriods.0.fromIncluding",
            "7 am",
            r'activePeriods\[0\].fromIncluding: "7 am" is not a clock time like 06:00:00',
        ),
        (
            f"{ENERGY}.recurringPeriods.0.activePeriods.0.toExcluding",
            "06:00:00",
            "hours over midnight on some days only",
        ),
        (
            f"{ENERGY}.recurringPeriods.0.activePeriods.0.calendarPatternReferences.include",
            ["saturdays"],
            'there is no calendar pattern "saturdays"; there is weekdays, weekends, holidays',
        ),
        (f"{POWER}.type", "dynamic", "prices of type 'dynamic' are not in the file"),
        (f"{POWER}.price", None, '"price" is missing'),
        (f"{POWER}.validPeriod", {**FEBRUARY, "toExcluding": "2025-03-10"}, "not of whole months"),
        (f"{SETTINGS}.peakFunction", "max(peak(a),peak(b)/2)", "is not known; 'peak.main.' is"),
        (f"{SETTINGS}.peakFunction", "peak(high)", "the peak function counts 'high' alone"),
        (f"{SETTINGS}.peakDuration", "PT2H", "'PT2H' is none of PT15M"),
        (f"{SETTINGS}.peakIdentificationPeriod", "P1M", "does not say whether these are of one mo"),
        (f"{SETTINGS}.peakIdentificationPeriod", "P1W", "'P1W' is not P1D, P1M or the duration"),
        (f"{SETTINGS}.numberOfPeaksForAverageCalculation", 2.5, "2.5.* is not a whole number"),
        (f"{SETTINGS}.numberOfPeaksForAverageCalculation", 0, "n_highest must be at least 1"),
    ],
)
def test_what_a_contract_does_not_have_is_refused_by_its_path(path, value, message, tmp_path):
    with pytest.raises(GameError, match=message):
        E.read_eltariff(written(tmp_path, changed(path, value)))


def test_a_season_of_peaks_in_a_tariff_of_two_years_is_refused(tmp_path):
    tariff = tariff_of(powers=[power(36, valid=FEBRUARY)], validPeriod=TWO_YEARS)
    with pytest.raises(GameError, match="longer than twelve months: divide the tariff"):
        E.read_eltariff(written(tmp_path, tariff))


def test_a_time_without_prices_is_refused_where_the_tariff_does_not_say_how_long_it_holds(tmp_path):
    tariff = tariff_of(powers=[power(9, valid=TWO_YEARS)], validPeriod=None)
    with pytest.raises(GameError, match="no energy price is valid on 2026-01-01, and the tariff d"):
        E.read_eltariff(written(tmp_path, tariff))


def test_a_time_without_prices_is_said_where_the_tariff_holds(tmp_path):
    until_march = {"fromIncluding": "2025-01-01", "toExcluding": "2025-03-01"}
    found = E.read_eltariff(written(tmp_path, tariff_of(energies=[energy(0.2, valid=until_march)])))
    said = [words for words in found.readings if "energy price" in words]
    assert said == ["no energy price is valid on 2025-03-01: energy costs nothing"]


def test_holidays_of_two_kinds_are_refused(tmp_path):
    eves = {"reference": "eves", "frequency": "P1Y", "days": [], "dates": ["2025-03-06"]}
    morning = hours("00:00", "12:00", ["weekdays"], ["holidays"])
    noon = hours("12:00", "24:00", ["weekdays"], ["holidays", "eves"])
    tariff = tariff_of(energies=[energy(0.1), energy(0.2, recurring(morning, noon))])
    with pytest.raises(GameError, match="it holds on 2025-03-06 and not on 2025-02-27"):
        E.read_eltariff(written(tmp_path, tariff, [*PATTERNS, eves]))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ({"reference": "x", "frequency": "P1D"}, "P1D is not P1W, for days, or P1Y, for dates"),
        ({"reference": "x", "frequency": "P1W", "days": [0]}, "0 is no day of the week, 1 to 7"),
        ({"reference": "x", "frequency": "P1Y", "days": [1]}, "days go with P1W, and dates with"),
        ({"reference": "x", "frequency": "P1Y", "dates": ["May"]}, r"\[0\]: \"May\" is not a date"),
    ],
)
def test_a_calendar_pattern_that_cannot_be_is_refused(pattern, message, tmp_path):
    with pytest.raises(GameError, match=message):
        E.read_eltariff(written(tmp_path, tariff_of(), [pattern]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no JSON"),
        ("1" * 5000, "is no JSON"),
        ('{"tariff": {"name": "a"}, "tariffs": []}', 'tariff: there is "tariffs", too'),
        ('{"tariffs": [], "tariffs": []}', 'an object has the key "tariffs" twice'),
        ('{"tariffs": [NaN]}', "NaN is no number of JSON"),
        ("[]", "the whole: .* is not an object"),
        ('{"tariffs": []}', "there is no tariff None; there is none"),
    ],
)
def test_a_file_that_is_something_else_is_refused(text, message, tmp_path):
    path = tmp_path / "tariffs.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(GameError, match=message):
        E.read_eltariff(path)
