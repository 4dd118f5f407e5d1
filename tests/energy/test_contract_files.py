"""Contracts in files: every element, and what is wrong with file, line and column."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import GameError

E = sg.energy

HOURS = [f"2024-06-{day:02}T{hour:02}:00" for day in range(1, 31) for hour in range(24)]
FILES = {
    "members": "member,kind,meter,unit\nann,load,ann,kWh\nbob,load,bob,kWh\n",
    "meters": "time,ann,bob\n"
    + "".join(f"{time},{1 + k % 7},{-2 + k % 5}\n" for k, time in enumerate(HOURS)),
    "contracts": (
        "contract,buy_eur_per_kwh,sell_eur_per_kwh,from,to,loss_factor,credit,"
        "minimum_eur_per_month,valid_until\n"
        "home,0.35,0.08,06:00,22:00,1.05,capped,12,2025-01-01\n"
        "home,0.20,0.05,22:00,06:00,1.05,capped,12,2025-01-01\n"
    ),
    "fees": (
        "contract,label,price_eur,per,of,in_game\n"
        "home,meter,2.5,month,point,yes\n,app,0.1,day,member,\n"
    ),
    "demand_charges": (
        "contract,price_eur_per_kw,per,from,to,days,months,mean_minutes,n_highest,one_per_day,"
        "floor_kw,cap_kw,mean_of_months,ratchet,ratchet_months,history_kw\n"
        "home,4,month,07:00,19:00,mon-fri,,60,3,yes,2.5,50,12,,,2024-04 4.1;2024-05 4.4\n"
        "home,1,month,,,,jun,,,,,,,0.8,6,2023-06 9\n"
    ),
    "blocks": "contract,above_kwh,surcharge_eur_per_kwh,months\nhome,300,0.05,jun-aug\n",
    "taxes": "contract,label,per_cent,on\nhome,excise,5,energy\n,VAT,21,energy;meter;excise\n",
}

WHOLE = E.Contract(
    name="home",
    energy=E.Tariff(
        [E.PriceBand(0.35, 0.08, 6 * 60, 22 * 60), E.PriceBand(0.20, 0.05, 22 * 60, 6 * 60)]
    ),
    loss_factor=1.05,
    credit="capped",
    minimum_per_month=12.0,
    valid_until="2025-01-01",
    fees=[
        E.FixedFee(label="meter", price=2.5, in_game=True),
        E.FixedFee(label="app", price=0.1, per="day", of="member"),
    ],
    demand_charges=[
        E.DemandCharge(
            price_per_kw=4.0,
            start_minute=7 * 60,
            end_minute=19 * 60,
            days=range(5),
            mean_minutes=60,
            n_highest=3,
            one_per_day=True,
            floor_kw=2.5,
            cap_kw=50.0,
            mean_of_months=12,
            history_kw={"2024-04": 4.1, "2024-05": 4.4},
        ),
        E.DemandCharge(
            price_per_kw=1.0, months=[6], ratchet=0.8, ratchet_months=6, history_kw={"2023-06": 9.0}
        ),
    ],
    blocks=[E.Block(above_kwh=300.0, surcharge_per_kwh=0.05, months=[6, 7, 8])],
    taxes=[
        E.Tax(label="excise", per_cent=5.0, on=["energy"]),
        E.Tax(label="VAT", per_cent=21.0, on=["energy", "meter", "excise"]),
    ],
)


def folder_of(folder, **changed):
    for name, text in {**FILES, **changed}.items():
        if text is not None:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
    return folder


def test_files_say_all_that_python_says(tmp_path):
    community = E.Community.from_csv(folder_of(tmp_path))
    assert community.contract == WHOLE
    net = community.net_load_kwh.sum(axis=0)
    bill = WHOLE.bill(
        community.steps, np.maximum(net, 0), np.maximum(-net, 0), point=tmp_path.name, n_members=2
    )
    assert community.bill() == bill
    assert community.cost_game().value(["ann", "bob"]) == pytest.approx(bill.cost)


def test_a_tariff_takes_elements_beside_it(tmp_path):
    here = folder_of(
        tmp_path,
        contracts=None,
        tariff="buy_eur_per_kwh,sell_eur_per_kwh\n0.3,0.1\n",
        fees="label,price_eur\nmeter,3\n",
        demand_charges=None,
        blocks=None,
        taxes="label,per_cent\nVAT,10\n",
    )
    bill = E.Community.from_csv(here).bill()
    meter, tax = (line for line in bill.lines if line.kind in ("fee", "tax"))
    assert meter.amount == 3.0
    assert tax.amount == pytest.approx(0.1 * (bill.total - tax.amount))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"fees": "contract,label,price_eur\nhome,meter,1\nshop,meter,1\n"},
            r'fees.csv, line 3, column "contract": there is no contract "shop"; there is home',
        ),
        (
            {"contracts": FILES["contracts"].replace("2025-01-01", "2024-06-10")},
            "'home': it ended on 2024-06-10, and 2024-06-30 is to be billed",
        ),
        (
            {"taxes": "label,per_cent\nVAT,-120\n"},
            "taxes.csv, line 2: the tax 'VAT' is -120 %; it must be at least -100 %",
        ),
        (
            {"fees": "label,price_sek\nmeter,1\n"},
            'fees.csv: the column "price_sek" is in SEK, and the contracts are in EUR',
        ),
        ({"fees": "label,price\nmeter,1\n"}, 'no column of money with its currency, such as "pri'),
        (
            {"contracts": FILES["contracts"].replace("22:00,06:00,1.05", "22:00,06:00,1.06")},
            'contracts.csv, line 3, column "loss_factor": home has another one in line 2',
        ),
        (
            {"contracts": FILES["contracts"].replace("home,0.20", "shop,0.20")},
            "contracts.csv, from line 2: the tariff has no price on mon at 00:00",
        ),
        (
            {
                "contracts": "contract,buy_eur_per_kwh,sell_eur_per_kwh\nhome,0.3,0.1\n"
                "shop,0.2,0.1\n",
                "taxes": None,
            },
            "one connection has one contract, and nobody has shop here",
        ),
        (
            {"demand_charges": "price_eur_per_kw,per\n1,month\n1,week\n"},
            'demand_charges.csv, line 3: per must be "period", "month" or "year", got \'week\'',
        ),
        (
            {"demand_charges": "price_eur_per_kw,n_highest\n1,two\n"},
            'line 2, column "n_highest": "two" is not a whole number',
        ),
        ({"taxes": "label,per_cent,on\nVAT,5,sun\n"}, 'taxes.csv, line 2: .*on "sun"'),
        ({"tariff": "buy_eur_per_kwh,sell_eur_per_kwh\n1,1\n"}, "keep one of the two"),
        ({"fees": "label,price_eur,in_game\nmeter,1,oui\n"}, '"oui" is not yes or no'),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, changed, message):
    with pytest.raises(GameError, match=message):
        E.Community.from_csv(folder_of(tmp_path, **changed))
