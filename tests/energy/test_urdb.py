"""Rates of the Utility Rate Database: elements billed as by hand, refusals by their path."""

import copy
import json

import numpy as np
import pytest
import sesgame as sg
from reference.published_bills import urdb_bill
from sesgame.errors import GameError

E = sg.energy
ROUNDING = 1e-9
"""Of the money that flows: sums of some thousand steps in another order."""


def schedule(*hours, months=range(12)):
    """Return twelve months by 24 hours: 1 from an hour to another in some months, else 0."""
    low, high = hours or (0, 0)
    return [
        [int(low <= hour < high and month in months) for hour in range(24)] for month in range(12)
    ]


ALWAYS = schedule()
EVENING = schedule(16, 21)
WINTER_EVENING = schedule(16, 21, months=[0, 1, 2])
FLAT = {
    "label": "5f0",
    "name": "Made up",
    "utility": "Nobody",
    "sector": "Residential",
    "energyratestructure": [[{"rate": 0.1, "adj": 0.02, "unit": "kWh"}]],
    "energyweekdayschedule": ALWAYS,
    "energyweekendschedule": ALWAYS,
}
TIME_OF_USE = {
    "energyratestructure": [[{"rate": 0.1, "sell": 0.04}], [{"rate": 0.3, "sell": 0.2}]],
    "energyweekdayschedule": EVENING,
}
TIERS = [{"rate": 0.1, "max": 60}, {"rate": 0.15, "max": 90, "adj": 0.01}, {"rate": 0.3}]
SEASONS = [[0] * 24] * 2 + [[1] * 24] * 10
PEAKS = {
    "demandratestructure": [[{"rate": 0.0}], [{"rate": 9.0, "adj": 1.0}]],
    "demandweekdayschedule": EVENING,
    "demandweekendschedule": ALWAYS,
    "demandrateunit": "kW",
    "demandwindow": 30,
}
FLAT_PEAKS = {
    "flatdemandstructure": [[{"rate": 4.0}], [{"rate": 7.0}]],
    "flatdemandmonths": [0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0],
    "flatdemandunit": "kW",
    "demandwindow": 15,
}
RATES = {
    "one price": {},
    "periods of the day": TIME_OF_USE,
    "a season": {**TIME_OF_USE, "energyweekdayschedule": WINTER_EVENING},
    "fuel by month": {"fueladjustmentsmonthly": [0.01 * month for month in range(12)]},
    "tiers": {"energyratestructure": [TIERS]},
    "tiers that fall": {"energyratestructure": [[{"rate": 0.3, "max": 50}, {"rate": 0.1}]]},
    "tiers of a season": {
        "energyratestructure": [TIERS, [{"rate": 0.2}]],
        "energyweekdayschedule": SEASONS,
        "energyweekendschedule": SEASONS,
    },
    "peaks of the evening": PEAKS,
    "peaks of two windows": {
        **PEAKS,
        "demandratestructure": [[{"rate": 2.0}], [{"rate": 9.0}]],
    },
    "peaks of the month": FLAT_PEAKS,
    "peaks of steps": {**FLAT_PEAKS, "demandwindow": None},
    "a charge of the month": {"fixedchargefirstmeter": 12.5, "fixedchargeunits": "$/month"},
    "a charge of the day": {"fixedchargefirstmeter": 0.4, "fixedchargeunits": "$/day"},
    "a charge of the year": {"fixedchargefirstmeter": 120, "fixedchargeunits": "$/year"},
    "a charge by its older name": {"fixedmonthlycharge": 7},
    "a minimum": {"mincharge": 300.0, "minchargeunits": "$/month", "fixedmonthlycharge": 9},
    "a minimum by its older name": {"minmonthlycharge": 500.0},
    "fed in at once": {**TIME_OF_USE, "dgrules": "Net Billing Instantaneous"},
    "all together": {
        **TIME_OF_USE,
        **FLAT_PEAKS,
        **PEAKS,
        "fixedchargefirstmeter": 30.0,
        "fueladjustmentsmonthly": [0.01] * 12,
        "mincharge": 10.0,
    },
}


def rate_of(name):
    return {**FLAT, **RATES[name]}


def written(folder, rate):
    path = folder / "rate.json"
    path.write_text(json.dumps(rate), encoding="utf-8")
    return path


def steps_of(holidays=None, days=24):
    calendar = E.Calendar(None, holidays)
    start = np.datetime64("2024-02-14")
    return E.TimeSteps(start, np.timedelta64(15, "m"), 96 * days, calendar)


def registers_in(steps):
    return np.random.default_rng(4).gamma(1.0, 0.2, (2, steps.n_steps))


def rows_of(steps, registers):
    times = [time.item() for time in steps.times.astype("datetime64[s]")]
    return list(zip(times, *registers.tolist(), strict=True))


@pytest.mark.parametrize("name", RATES)
def test_a_rate_bills_what_its_file_says(name, tmp_path):
    rate = rate_of(name)
    found = E.read_urdb(written(tmp_path, rate))
    steps = steps_of()
    registers = registers_in(steps)
    bill = found.contract.bill(steps, *registers)
    expected = urdb_bill(rate, rows_of(steps, registers), steps.step_hours)
    assert bill.total == pytest.approx(expected, rel=ROUNDING)
    assert (bill.currency, found.contract.name, found.zone) == ("USD", "Made up", None)


def test_holidays_are_as_weekends_where_that_is_said(tmp_path):
    rate = {**rate_of("all together")}
    path = written(tmp_path, rate)
    days = ["2024-02-19", "2024-02-24"]
    steps = steps_of(days)
    registers = registers_in(steps)
    with pytest.raises(GameError, match="2024-02-19 is a holiday, for which the tariff has no pr"):
        E.read_urdb(path).contract.bill(steps, *registers)
    bill = E.read_urdb(path, holidays="weekend").contract.bill(steps, *registers)
    expected = urdb_bill(rate, rows_of(steps, registers), steps.step_hours, days)
    assert bill.total == pytest.approx(expected, rel=ROUNDING)
    with pytest.raises(GameError, match="nobody said which days they are"):
        E.read_urdb(path, holidays="weekend").contract.bill(steps_of(), *registers)


def test_holidays_are_refused_where_only_peaks_depend_on_days(tmp_path):
    contract = E.read_urdb(written(tmp_path, rate_of("peaks of the evening"))).contract
    steps = steps_of(["2024-02-19"])
    with pytest.raises(GameError, match="2024-02-19 is a holiday"):
        contract.bill(steps, np.ones(steps.n_steps))


@pytest.mark.parametrize("over", ["net per month", "net per year"])
def test_net_metering_is_over_the_time_that_is_said(over, tmp_path):
    rate = {**rate_of("periods of the day"), "dgrules": "Net Metering"}
    path = written(tmp_path, rate)
    with pytest.raises(GameError, match=r'dgrules: the file does not say .* "net per month" or'):
        E.read_urdb(path)
    contract = E.read_urdb(path, net_metering=over).contract
    assert contract.credit == over
    with pytest.raises(GameError, match="net_metering is given, but the rate has none"):
        E.read_urdb(written(tmp_path, FLAT), net_metering=over)
    older = {**FLAT, "usenetmetering": True}
    assert E.read_urdb(written(tmp_path, older), net_metering=over).contract.credit == over


def test_dates_count_unless_any_year_is_meant(tmp_path):
    # Midnight in Chicago, 1 January 2020 and 31 December 2023.
    rate = {**FLAT, "startdate": 1577858400, "enddate": 1704002400}
    path = written(tmp_path, rate)
    contract = E.read_urdb(path).contract
    assert (str(contract.valid_from), str(contract.valid_until)) == ("2020-01-01", "2024-01-01")
    steps = steps_of()
    with pytest.raises(GameError, match="it ended on 2024-01-01"):
        contract.bill(steps, np.ones(steps.n_steps))
    found = E.read_urdb(path, any_year=True)
    assert found.contract.bill(steps, np.ones(steps.n_steps)).total > 0
    assert "used for any year: it holds from 2020-01-01 until 2024-01-01" in found.readings


def test_what_is_taken_is_said(tmp_path):
    rate = {
        **rate_of("peaks of steps"),
        "fixedchargefirstmeter": 120,
        "fixedchargeunits": "$/year",
        "fixedchargeeaaddl": 3,
        "mincharge": 5,
        "demandattrs": [{"Voltage discount": "$-0.18/kW"}],
    }
    assert E.read_urdb(written(tmp_path, rate)).readings == (
        "demandattrs is text, and not billed: [{'Voltage discount': '$-0.18/kW'}]",
        "no demandwindow: a peak is that of a step of the meters",
        "no tier has a sell price: feeding in earns nothing",
        "the minimum is of all charges of a month, the fixed one among them",
        "one meter is billed: the charge of further meters is not",
        "a charge of a year is paid in twelve equal parts",
    )


def test_a_rate_is_chosen_by_label_or_name(tmp_path):
    other = {**FLAT, "label": "6a1", "name": "Other"}
    for document in ({"items": [FLAT, other]}, [FLAT, other]):
        path = written(tmp_path, document)
        assert E.read_urdb(path, rate="6a1").contract.name == "Other"
        with pytest.raises(GameError, match="2 rates fit: choose by label or name of 5f0 / Made"):
            E.read_urdb(path)
        with pytest.raises(GameError, match="there is no rate 'x'; there is 5f0 / Made up, 6a1"):
            E.read_urdb(path, rate="x")


def test_zeros_and_nothing_are_no_charges(tmp_path):
    rate = {
        **FLAT,
        "demandratchetpercentage": [0] * 12,
        "lookbackPercent": 0,
        "lookbackMonths": [0] * 12,
        "coincidentratestructure": [],
        "annualmincharge": None,
        "energyattrs": [],
        "energyratestructure": [[{"rate": 0.1, "max": 0}]],
    }
    contract = E.read_urdb(written(tmp_path, rate)).contract
    assert (contract.blocks, contract.demand_charges) == ((), ())


def changed(path, value):
    rate = copy.deepcopy({**rate_of("all together"), "coincidentratestructure": []})
    *way, last = path.split(".")
    owner = rate
    for name in way:
        owner = owner[int(name) if name.isdigit() else name]
    owner[int(last) if last.isdigit() else last] = value
    return rate


TIER = "energyratestructure.0.0"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("gascharge", 1.0, "gascharge: this is not known here"),
        ("demandratchetpercentage", [0.5] * 12, "demandratchetpercentage: a ratchet of which"),
        ("lookbackPercent", 0.5, "lookbackPercent: a look back at earlier peaks is not read"),
        ("demandreactivepowercharge", 2.7, "a charge on reactive power is not read"),
        ("coincidentratestructure", [[{"rate": 3.0}]], "the peak of the whole system is not rea"),
        ("annualmincharge", 100, "a minimum of the year is not read"),
        ("usenetmetering", "true", "usenetmetering: 'true' is not true or false"),
        ("dgrules", "Buy All Sell All", "dgrules: 'Buy All Sell All' is not read"),
        ("dgrules", "Net Billing Hourly", "dgrules: 'Net Billing Hourly' is not read"),
        (f"{TIER}.unit", "kWh daily", r"\[0\]\[0\].unit: tiers per 'kWh daily' are not read"),
        (f"{TIER}.unit", "kWh/kW", "tiers per 'kWh/kW' are not read"),
        (f"{TIER}.tax", 1, r"energyratestructure\[0\]\[0\].tax: this is not known here"),
        (f"{TIER}.rate", "0.1", 'rate: "0.1" is not a number'),
        (f"{TIER}.max", 400, r"\[0\]\[0\]: it has a max, and no tier says what is above it"),
        ("energyratestructure.0", TIERS, "tiers in a month with 2 periods"),
        ("energyratestructure.0", [{"rate": 1}, {"rate": 2}], "all tiers but the last need a max"),
        ("energyratestructure.0", [], r"energyratestructure\[0\]: a period needs a tier"),
        (
            "energyratestructure",
            [[{"rate": 1, "max": 5, "sell": 1}, {"rate": 2}]] * 2,
            r"\[0\]\[1\]: tiers with sell prices of their own",
        ),
        ("energyweekdayschedule", [[0] * 24] * 11, "has to be twelve months by 24 hours"),
        ("energyweekdayschedule.3.5", 2, r"schedule\[3\]\[5\]: there is no period 2, but 2, fr"),
        ("energyweekendschedule", None, '"energyweekendschedule" is missing'),
        ("fueladjustmentsmonthly", [0.1], "it has 1 numbers; it has to be one for each month"),
        ("demandrateunit", "kVA", "demandrateunit: peaks in 'kVA' are not read"),
        ("flatdemandunit", "kW daily", "flatdemandunit: peaks in 'kW daily' are not read"),
        ("demandratestructure.1", [{"rate": 1, "max": 5}, {"rate": 2}], "tiers of power are not"),
        ("flatdemandmonths", None, 'flatdemandstructure: it needs "flatdemandmonths"'),
        ("flatdemandmonths.2", 7, r"flatdemandmonths\[2\]: there is no period 7, but 2"),
        ("demandwindow", 7, "demandratestructure: mean_minutes must divide the day"),
        ("flatdemandstructure.0.0.rate", -3, "flatdemandstructure: price_per_kw must be non-neg"),
        ("fixedchargeunits", "$/kWh", "'.*kWh' is none of"),
        ("minchargeunits", "$/day", "a minimum of a day or a year is not read"),
        ("minmonthlycharge", 3.0, "minmonthlycharge: there is mincharge, too"),
        ("fixedmonthlycharge", 30.0, "fixedmonthlycharge: there is fixedchargefirstmeter, too"),
        ("startdate", 1e30, "is no time in seconds"),
    ],
)
def test_what_a_contract_does_not_have_is_refused_by_its_path(path, value, message, tmp_path):
    with pytest.raises(GameError, match=message):
        E.read_urdb(written(tmp_path, changed(path, value)))


def test_a_schedule_that_is_never_used_has_no_blocks(tmp_path):
    rate = {**FLAT, "energyratestructure": [[{"rate": 0.1}], TIERS]}
    assert E.read_urdb(written(tmp_path, rate)).contract.blocks == ()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"net_metering": "net per week"}, 'net_metering must be "net per month" or "net per'),
        ({"holidays": "weekday"}, 'holidays must be "weekend" or nothing'),
    ],
)
def test_options_that_cannot_be_are_refused(options, message, tmp_path):
    with pytest.raises(GameError, match=message):
        E.read_urdb(written(tmp_path, FLAT), **options)
