"""The table of a contract's elements: each has a file, Python, a line, a page and an oracle."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures import documentation_pages as documentation
from reference import bill_oracle
from sesgame.errors import GameError

E = sg.energy
HALF_HOURS = [
    str(np.datetime64("2024-02-23T00:00") + np.timedelta64(30 * k, "m")) for k in range(12 * 48)
]
"""From the middle of the last week of February 2024, which has 29 days, into March."""

METERS = "time,ann,bob\n" + "".join(
    f"{time},{0.5 + k * 7 % 11 / 8},{-1.0 + k * 5 % 13 / 8}\n" for k, time in enumerate(HALF_HOURS)
)
MEMBERS = "member,kind,meter,unit\nann,load,ann,kWh\nbob,load,bob,kWh\n"
PRICES = "contract,buy_eur_per_kwh,sell_eur_per_kwh"
BANDS = f"{PRICES},from,to\nhome,0.35,0.08,06:00,22:00\nhome,0.20,0.05,22:00,06:00\n"
DAY = E.PriceBand(0.35, 0.08, 6 * 60, 22 * 60)
NIGHT = E.PriceBand(0.20, 0.05, 22 * 60, 6 * 60)
PLAIN = E.Contract(name="home", energy=E.Tariff([DAY, NIGHT]))

ROUNDING = 1e-9
"""Of the money that flows: sums of some hundred steps in another order."""


@dataclasses.dataclass(frozen=True)
class Element:
    """A row of the table."""

    fields: str
    """Of the classes in Python, separated by spaces."""
    file: str
    columns: str
    text: dict
    """What the files of a folder hold that has it, by name."""
    options: dict
    """The same in Python, in place of what the plain contract has."""
    line: str
    """The label of the line of the bill; empty where it refuses days instead."""
    oracle: str
    """What works it out by hand."""


def term(columns, cells):
    """Return prices with more columns, the same in all rows."""
    head, *rows = BANDS.splitlines()
    return {
        "contracts": f"{head},{columns}\n" + "".join(f"{row},{cells}\n" for row in rows),
    }


def prices(columns, *rows):
    return {"contracts": f"{PRICES},{columns}\n" + "".join(f"home,{row}\n" for row in rows)}


def band(*args, **options):
    return E.PriceBand(*args, **options)


def tariff(*bands, **options):
    return {"energy": E.Tariff(bands, **options)}


def fee(columns, cells, **options):
    """Return a row for a fee, and the fee."""
    text = f"label,price_eur{columns}\nmeter,2.5{cells}\n"
    return {"fees": text}, {"fees": [E.FixedFee(label="meter", price=2.5, **options)]}


def block(columns, cells, **options):
    text = f"above_kwh,surcharge_eur_per_kwh{columns}\n40,0.05{cells}\n"
    element = E.Block(above_kwh=40.0, surcharge_per_kwh=0.05, **options)
    return {"blocks": text}, {"blocks": [element]}


def tax(columns, cells, **options):
    text = f"label,per_cent{columns}\nVAT,21{cells}\n"
    return {"taxes": text}, {"taxes": [E.Tax(label="VAT", per_cent=21.0, **options)]}


def charge(columns, cells, **options):
    text = f"price_eur_per_kw{columns}\n4{cells}\n"
    return {"demand_charges": text}, {
        "demand_charges": [E.DemandCharge(price_per_kw=4.0, **options)]
    }


SERIES = E.TimeSteps("2024-02-23", np.timedelta64(6, "h"), 48)
SERIES_ROWS = [
    f"{time}:00:00,{0.2 + k % 5 / 20},{0.05 + k % 3 / 50}"
    for k, time in enumerate(SERIES.times.astype("datetime64[h]").astype(str))
]
OF_SERIES = [0.2 + k % 5 / 20 for k in range(48)], [0.05 + k % 3 / 50 for k in range(48)]
WITHIN = prices("from,to", "0.35,0.08,06:10,22:00", "0.20,0.05,22:00,06:10")
ELEMENTS = {
    "name": Element(
        "Contract.name Contract.energy",
        "contracts.csv",
        "contract",
        {"contracts": BANDS.replace("home", "shop")},
        {"name": "shop"},
        "energy",
        "energy",
    ),
    "energy price": Element(
        "Tariff.bands PriceBand.buy_per_kwh",
        "contracts.csv",
        "buy_eur_per_kwh",
        {"contracts": f"{PRICES}\nhome,0.31,0.08\n"},
        tariff(band(0.31, 0.08)),
        "energy",
        "price",
    ),
    "feed-in price": Element(
        "PriceBand.sell_per_kwh",
        "contracts.csv",
        "sell_eur_per_kwh",
        {"contracts": f"{PRICES}\nhome,0.31,0.07\n"},
        tariff(band(0.31, 0.07)),
        "feed-in",
        "price",
    ),
    "currency": Element(
        "Tariff.currency PriceSeries.currency",
        "contracts.csv",
        "buy_eur_per_kwh",
        {"contracts": BANDS.replace("eur", "chf")},
        tariff(DAY, NIGHT, currency="CHF"),
        "energy",
        "energy",
    ),
    "hours": Element(
        "PriceBand.start_minute PriceBand.end_minute",
        "contracts.csv",
        "from to",
        prices("from,to", "0.3,0.1,07:30,21:00", "0.2,0.1,21:00,07:30"),
        tariff(band(0.3, 0.1, 450, 1260), band(0.2, 0.1, 1260, 450)),
        "energy",
        "counts",
    ),
    "days of the week and holidays": Element(
        "PriceBand.days",
        "contracts.csv",
        "days",
        prices("days", "0.3,0.1,mon-fri", "0.2,0.05,sat sun hol")
        | {"holidays": "date\n2024-02-28\n"},
        tariff(band(0.3, 0.1, days=range(5)), band(0.2, 0.05, days=[5, 6, 7])),
        "energy",
        "counts",
    ),
    "seasons": Element(
        "PriceBand.months",
        "contracts.csv",
        "months",
        prices("months", "0.3,0.1,oct-feb", "0.2,0.05,mar-sep"),
        tariff(band(0.3, 0.1, months=[10, 11, 12, 1, 2]), band(0.2, 0.05, months=range(3, 10))),
        "energy",
        "counts",
    ),
    "new prices from a date": Element(
        "PriceBand.valid_from",
        "contracts.csv",
        "valid_from",
        prices("valid_from", "0.3,0.1,", "0.2,0.05,2024-02-27"),
        tariff(band(0.3, 0.1), band(0.2, 0.05, valid_from="2024-02-27")),
        "energy",
        "price",
    ),
    "price series": Element(
        "PriceSeries.steps PriceSeries.buy_per_kwh PriceSeries.sell_per_kwh",
        "tariff.csv",
        "time",
        {
            "contracts": None,
            "tariff": "time,buy_eur_per_kwh,sell_eur_per_kwh\n" + "\n".join(SERIES_ROWS) + "\n",
            # A tariff alone bills the period as a whole.
            "fees": "label,price_eur\nmeter,0\n",
        },
        {
            "name": "tariff",
            "energy": E.PriceSeries(SERIES, *OF_SERIES),
            "fees": [E.FixedFee(label="meter", price=0.0)],
        },
        "feed-in",
        "price",
    ),
    "mean price within a step": Element(
        "Tariff.average PriceSeries.average",
        "clock.csv",
        "prices_within_step",
        WITHIN | {"clock": "setting,value\nprices_within_step,average\n"},
        tariff(band(0.35, 0.08, 370, 1320), band(0.20, 0.05, 1320, 370), average=True),
        "energy",
        "mean_price",
    ),
    "loss factor": Element(
        "Contract.loss_factor",
        "contracts.csv",
        "loss_factor",
        term("loss_factor", "1.08"),
        {"loss_factor": 1.08},
        "energy, 1.08 kWh for each metered",
        "energy",
    ),
    "capped credit": Element(
        "Contract.credit",
        "contracts.csv",
        "credit",
        term("credit", "capped") | {"meters": METERS.replace(",-", ",-9")},
        {"credit": "capped"},
        "feed-in beyond what energy costs",
        "energy",
    ),
    "net metering over a month": Element(
        "Contract.credit",
        "contracts.csv",
        "credit",
        term("credit", "net per month"),
        {"credit": "net per month"},
        "energy, netted",
        "netted",
    ),
    "net metering over a year": Element(
        "Contract.credit",
        "contracts.csv",
        "credit",
        term("credit", "net per year"),
        {"credit": "net per year"},
        "energy, netted",
        "netted",
    ),
    "blocks": Element(
        "Contract.blocks Block.above_kwh Block.surcharge_per_kwh",
        "blocks.csv",
        "above_kwh surcharge_eur_per_kwh",
        *block("", ""),
        "energy above 9.655",
        "surcharge",
    ),
    "blocks of a season": Element(
        "Block.months",
        "blocks.csv",
        "months",
        *block(",months", ",mar-may", months=[3, 4, 5]),
        "energy above 6.45",
        "surcharge",
    ),
    "fixed fees": Element(
        "Contract.fees FixedFee.label FixedFee.price",
        "fees.csv",
        "label price_eur",
        *fee("", ""),
        "meter",
        "fixed",
    ),
    "fees per day": Element(
        "FixedFee.per", "fees.csv", "per", *fee(",per", ",day", per="day"), "meter", "fixed"
    ),
    "fees of each member": Element(
        "FixedFee.of", "fees.csv", "of", *fee(",of", ",member", of="member"), "meter", "fixed"
    ),
    "fees in the game": Element(
        "FixedFee.in_game",
        "fees.csv",
        "in_game",
        *fee(",in_game", ",yes", in_game=True),
        "meter",
        "fixed",
    ),
    "minimum bill": Element(
        "Contract.minimum_per_month",
        "contracts.csv",
        "minimum_eur_per_month",
        term("minimum_eur_per_month", "400"),
        {"minimum_per_month": 400.0},
        "up to the minimum of",
        "minimum",
    ),
    "taxes": Element(
        "Contract.taxes Tax.label Tax.per_cent",
        "taxes.csv",
        "label per_cent",
        *tax("", ""),
        "VAT",
        "each_tax",
    ),
    "what a tax is on": Element(
        "Tax.on",
        "taxes.csv",
        "on",
        *tax(",on", ",energy;fee", on=["energy", "fee"]),
        "VAT",
        "each_tax",
    ),
    "billed by month or as a whole": Element(
        "Contract.billed_per",
        "contracts.csv",
        "billed_per",
        term("billed_per,credit", "period,capped")
        | {"meters": re.sub(r"(2024-03[^,]*,)", r"\g<1>-9", METERS)},
        {"billed_per": "period", "credit": "capped"},
        "energy",
        "period",
    ),
    "beginning": Element(
        "Contract.valid_from",
        "contracts.csv",
        "valid_from",
        prices("valid_from", "0.3,0.1,2024-02-25"),
        tariff(band(0.3, 0.1, valid_from="2024-02-25")) | {"valid_from": "2024-02-25"},
        "",
        "holds",
    ),
    "end": Element(
        "Contract.valid_until",
        "contracts.csv",
        "valid_until",
        term("valid_until", "2024-03-01"),
        {"valid_until": "2024-03-01"},
        "",
        "holds",
    ),
    "demand charge": Element(
        "Contract.demand_charges DemandCharge.price_per_kw",
        "demand_charges.csv",
        "price_eur_per_kw",
        *charge("", ""),
        "demand charge",
        "peaks",
    ),
    "peak of a year": Element(
        "DemandCharge.per",
        "demand_charges.csv",
        "per",
        *charge(",per", ",year", per="year"),
        "demand charge",
        "peaks",
    ),
    "hours of a peak": Element(
        "DemandCharge.start_minute DemandCharge.end_minute",
        "demand_charges.csv",
        "from to",
        *charge(",from,to", ",07:00,19:00", start_minute=420, end_minute=1140),
        "demand charge from 07:00 to 19:00",
        "counts",
    ),
    "days of a peak": Element(
        "DemandCharge.days",
        "demand_charges.csv",
        "days",
        *charge(",days", ",sat sun", days=[5, 6]),
        "demand charge on sat sun",
        "counts",
    ),
    "season of a peak": Element(
        "DemandCharge.months",
        "demand_charges.csv",
        "months",
        *charge(",months", ",mar", months=[3]),
        "demand charge",
        "counts",
    ),
    "further hours of a peak": Element(
        "DemandCharge.also CalendarHours.start_minute CalendarHours.end_minute CalendarHours.days "
        "CalendarHours.months",
        "demand_charges.csv",
        "also",
        *charge(
            ",from,to,days,also",
            ",20:00,07:00,mon-fri,00:00-24:00 sat sun;09:00-10:00 fri mar",
            start_minute=1200,
            end_minute=420,
            days=range(5),
            also=[
                E.CalendarHours(days=[5, 6]),
                E.CalendarHours(start_minute=540, end_minute=600, days=[4], months=[3]),
            ],
        ),
        "from 20:00 to 07:00 on mon tue wed thu fri and on sat sun and from 09:00 to 10:00 on fri",
        "peaks",
    ),
    "mean of a window": Element(
        "DemandCharge.mean_minutes",
        "demand_charges.csv",
        "mean_minutes",
        *charge(",mean_minutes", ",60", mean_minutes=60),
        "highest window of 60 minutes",
        "peaks",
    ),
    "mean of the highest": Element(
        "DemandCharge.n_highest",
        "demand_charges.csv",
        "n_highest",
        *charge(",n_highest", ",3", n_highest=3),
        "mean of the 3 highest steps",
        "peaks",
    ),
    "one a day": Element(
        "DemandCharge.one_per_day",
        "demand_charges.csv",
        "one_per_day",
        *charge(",n_highest,one_per_day", ",9,yes", n_highest=9, one_per_day=True),
        "mean of the 9 highest steps, one a day",
        "peaks",
    ),
    "floor": Element(
        "DemandCharge.floor_kw",
        "demand_charges.csv",
        "floor_kw",
        *charge(",floor_kw", ",9", floor_kw=9.0),
        "at least 9 kW",
        "peaks",
    ),
    "cap": Element(
        "DemandCharge.cap_kw",
        "demand_charges.csv",
        "cap_kw",
        *charge(",cap_kw", ",2", cap_kw=2.0),
        "at most 2 kW",
        "peaks",
    ),
    "mean of months": Element(
        "DemandCharge.mean_of_months DemandCharge.history_kw",
        "demand_charges.csv",
        "mean_of_months history_kw",
        *charge(
            ",mean_of_months,history_kw",
            ",12,2023-12 4.1;2024-01 7.5",
            mean_of_months=12,
            history_kw={"2023-12": 4.1, "2024-01": 7.5},
        ),
        "mean of 12 months (of 4 known)",
        "peaks",
    ),
    "ratchet": Element(
        "DemandCharge.ratchet DemandCharge.ratchet_months",
        "demand_charges.csv",
        "ratchet ratchet_months",
        *charge(
            ",ratchet,ratchet_months,history_kw",
            ",0.8,1,2023-12 90;2024-01 20",
            ratchet=0.8,
            ratchet_months=1,
            history_kw={"2023-12": 90.0, "2024-01": 20.0},
        ),
        "ratchet of 80 %",
        "peaks",
    ),
}

CLASSES = (
    E.Contract,
    E.Tariff,
    E.PriceBand,
    E.PriceSeries,
    E.FixedFee,
    E.Block,
    E.Tax,
    E.DemandCharge,
    E.CalendarHours,
)
UNCHANGED = {"name", "currency"}
"""What does not change the amount of a bill."""


def folder_of(folder, element):
    files = {"members": MEMBERS, "meters": METERS, "contracts": BANDS, **element.text}
    for role, text in files.items():
        if text is not None:
            (folder / f"{role}.csv").write_text(text, encoding="utf-8")
    return folder


def contract_of(element):
    return dataclasses.replace(PLAIN, **element.options)


def registers_of(community):
    net = community.load_kwh.sum(axis=0)
    return np.maximum(net, 0.0), np.maximum(-net, 0.0)


def rows_of(community, contract):
    """Return the rows of a spreadsheet: wall time, drawn, fed in, buy price, sell price."""
    rows, axis = [], community.steps
    holidays = axis.calendar.holidays or ()
    for time, drawn, fed_in in zip(axis.times, *registers_of(community), strict=True):
        wall = time.astype("datetime64[s]").item()
        pair = (
            bill_oracle.mean_price(contract.energy, wall, 30, holidays)
            if contract.energy.average
            else bill_oracle.price(contract.energy, wall, holidays)
        )
        rows.append((wall, float(drawn), float(fed_in), *pair))
    return rows, holidays


def by_hand(community, contract):
    rows, holidays = rows_of(community, contract)
    if not bill_oracle.holds(contract, rows):
        return None
    hours, n_members = community.steps.step_hours, len(community.members)
    return bill_oracle.totals(contract, rows, hours, n_members, holidays)


@pytest.mark.parametrize("name", [name for name in ELEMENTS if ELEMENTS[name].line])
def test_an_element_is_read_and_billed_as_by_hand(name, tmp_path, monkeypatch):
    element = ELEMENTS[name]
    contract = contract_of(element)
    folder = folder_of(tmp_path, element)
    community = E.Community.from_csv(folder)
    assert community.contract == contract
    made = contract.bill(
        community.steps, *registers_of(community), point=tmp_path.name, n_members=2
    )
    assert community.bill() == made
    assert any(element.line in line.label for line in made.lines)
    expected = by_hand(community, contract)
    found = {line.kind: made.total_of(line.kind) for line in made.lines}
    assert found == pytest.approx(expected, rel=ROUNDING)
    assert community.cost_game().value(community.members) == pytest.approx(made.cost, rel=ROUNDING)
    if name not in UNCHANGED:
        without = by_hand(community, PLAIN)
        assert sum(without.values()) != pytest.approx(made.total, rel=ROUNDING)

    def unknown(*_):
        raise KeyError(element.oracle)

    monkeypatch.setattr(bill_oracle, element.oracle, unknown)
    with pytest.raises(KeyError):
        by_hand(community, contract)


@pytest.mark.parametrize("name", [name for name in ELEMENTS if not ELEMENTS[name].line])
def test_days_on_which_a_contract_does_not_hold_are_refused(name, tmp_path):
    element = ELEMENTS[name]
    contract = contract_of(element)
    community = E.Community.from_csv(folder_of(tmp_path, dataclasses.replace(element, text={})))
    rows, _ = rows_of(community, PLAIN)
    assert bill_oracle.holds(PLAIN, rows)
    assert not bill_oracle.holds(contract, rows)
    later = rf"'home': it {'begins' if contract.valid_from else 'ended'} on"
    with pytest.raises(GameError, match=later):
        E.Community.from_csv(folder_of(tmp_path, element))
    with pytest.raises(GameError, match=later):
        contract.bill(community.steps, *registers_of(community))
    held = [row for row, each in enumerate(rows) if bill_oracle.holds(contract, [each])]
    part = community.steps.part(slice(held[0], held[-1] + 1))
    assert contract.bill(part, np.ones(len(held))).lines


def test_every_field_of_a_contract_is_in_the_table():
    fields = {
        f"{kind.__name__}.{field.name}" for kind in CLASSES for field in dataclasses.fields(kind)
    }
    named = [field for element in ELEMENTS.values() for field in element.fields.split()]
    assert set(named) == fields


def test_every_column_of_the_files_is_in_the_table():
    """Those of which a mistaken one is refused: the message lists them."""
    text = (documentation.DOCS / "file-formats.md").read_text(encoding="utf-8")
    section = text.split("### `contracts.csv`")[1].split("\n### ")[0]
    rows = dict(re.findall(r"^\| `(\w+\.csv)` \|(.*)\|$", section, re.MULTILINE))
    for file, cells in rows.items():
        listed = set(re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", cells)))
        known = {
            column
            for element in ELEMENTS.values()
            if element.file == file
            for column in element.columns.split()
        }
        assert listed == known, file
    assert set(rows) == {"fees.csv", "demand_charges.csv", "blocks.csv", "taxes.csv"}


def test_the_page_has_the_table():
    """A row for each element, in order, with its Python, its file and column, and its line."""
    page = documentation.DOCS / "contracts.md"
    section = page.read_text(encoding="utf-8").split("## The elements")[1].split("\n## ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in section.splitlines()
        if line.startswith("|")
    ][2:]
    assert [row[0] for row in rows] == list(ELEMENTS)
    for (name, python, file, line), element in zip(rows, ELEMENTS.values(), strict=True):
        for field in element.fields.split():
            kind, _, attribute = field.partition(".")
            assert f"`{field}`" in python or f"`{kind}({attribute}=" in python, name
        assert f"`{element.file}`" in file
        for column in element.columns.split():
            assert f"`{column}`" in file, (name, column)
        assert bool(line) == bool(element.line), name


def test_every_kind_of_file_is_in_the_table():
    files = {Path(element.file).stem for element in ELEMENTS.values()}
    assert files >= {"contracts", "fees", "demand_charges", "blocks", "taxes"}
