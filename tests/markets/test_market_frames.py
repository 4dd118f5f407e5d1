"""Bids and prices in the frames of ENTSO-E, AEMO and pymarket: what is used, and what is refused.

All numbers are made up; the columns are those of the formats.
"""

import numpy as np
import pandas as pd
import pytest
import sesgame as sg
from sesgame.errors import GameError
from sesgame.markets import aemo_book, aemo_prices, entsoe_prices, pymarket_book

BANDS = range(1, 11)
HARMLESS = {
    "VERSIONNO": 1,
    "PARTICIPANTID": "OWNER",
    "LASTCHANGED": "2026-06-01",
    "ENTRYTYPE": "DAILY",
}


def day_offers(**other):
    """Return BIDDAYOFFER_D of a generator, a pump and an ancillary service."""
    rows = {
        "SETTLEMENTDATE": ["2026/06/01 00:00:00"] * 3,
        "DUID": ["GEN1", "PUMP1", "GEN1"],
        "BIDTYPE": ["ENERGY", "ENERGY", "RAISEREG"],
        "DIRECTION": ["GEN", "LOAD", "GEN"],
        **HARMLESS,
        **{f"PRICEBAND{k}": [10.0 * k, 40.0 + k, 0.0] for k in BANDS},
    }
    return pd.DataFrame({**rows, **other})


def period_offers(**other):
    """Return BIDPEROFFER_D of the same, for one interval."""
    rows = {
        "INTERVAL_DATETIME": ["2026/06/01 12:05:00"] * 3,
        "SETTLEMENTDATE": ["2026/06/01 00:00:00"] * 3,
        "DUID": ["GEN1", "PUMP1", "GEN1"],
        "BIDTYPE": ["ENERGY", "ENERGY", "RAISEREG"],
        "DIRECTION": ["GEN", "LOAD", "GEN"],
        "MAXAVAIL": [90.0, 24.0, 5.0],
        "FIXEDLOAD": [0.0, np.nan, 7.0],
        "PERIODID": 97,
        **{f"BANDAVAIL{k}": [60.0 if k < 3 else 0.0, 12.0 if k > 7 else 0.0, 1.0] for k in BANDS},
    }
    return pd.DataFrame({**rows, **other})


def test_bands_become_orders_of_five_minutes():
    """GEN1 has 60 MW at 10 and 30 of 60 at 20 $/MWh; the pump takes 12 MW each at 50 and 49."""
    book = aemo_book(day_offers(), period_offers())
    assert (
        book.participants
        == sg.markets.OrderBook.from_orders(
            [("GEN1", "bid", 1, 1), ("PUMP1", "bid", 1, 1)]
        ).participants
    )
    assert book.period_name(0) == "2026-06-01T12:00"
    assert book.price_per_kwh == pytest.approx([0.010, 0.020, 0.050, 0.049])
    assert book.quantity_kwh == pytest.approx([5000, 2500, 1000, 1000])
    assert book.is_bid.tolist() == [False, False, True, True]
    settlement = sg.markets.uniform_price(book)
    assert settlement.price_per_kwh == pytest.approx([0.010])


def test_demand_of_a_region_is_a_fixed_load():
    demand = pd.DataFrame(
        {
            "SETTLEMENTDATE": ["2026/06/01 12:05:00"] * 3,
            "REGIONID": ["SA1", "NSW1", "SA1"],
            "INTERVENTION": [0, 0, 1],
            "TOTALDEMAND": [72.0, 7000.0, 1.0],
            "NETINTERCHANGE": 3.0,
        }
    )
    book = aemo_book(
        day_offers(),
        period_offers(),
        demand=demand,
        region="SA1",
        value_of_lost_load=17.5,
        units=["GEN1"],
    )
    assert book.demand_kwh == pytest.approx([6000])
    assert sg.markets.uniform_price(book).price_per_kwh == pytest.approx([0.020])
    with pytest.raises(GameError, match="demand has several regions: SA1, NSW1; region= chooses"):
        aemo_book(day_offers(), period_offers(), demand=demand, value_of_lost_load=17.5)
    later = demand.assign(SETTLEMENTDATE="2026/06/01 12:10:00").iloc[:2]
    with pytest.raises(GameError, match="demand has no row of 'SA1' for the interval that begins"):
        aemo_book(
            day_offers(), period_offers(), demand=later, region="SA1", value_of_lost_load=17.5
        )
    with pytest.raises(GameError, match="region is for demand"):
        aemo_book(day_offers(), period_offers(), region="SA1")


def test_tables_before_directions_need_to_know_the_loads():
    old = day_offers().drop(columns="DIRECTION"), period_offers().drop(columns="DIRECTION")
    with pytest.raises(GameError, match="day_offers has no column 'DIRECTION'; loads= says"):
        aemo_book(*old)
    assert aemo_book(*old, loads=["PUMP1"]) == aemo_book(day_offers(), period_offers())
    assert not aemo_book(*old, loads=()).is_bid.any()


def test_what_ties_intervals_together_is_refused_or_left_out_by_name():
    fixed = period_offers(FIXEDLOAD=[20.0, np.nan, 0.0])
    with pytest.raises(GameError, match=r"row 0, column 'FIXEDLOAD': 20 fixes the output"):
        aemo_book(day_offers(), fixed)
    assert aemo_book(day_offers(), fixed, leave_out=["FIXEDLOAD"]) == aemo_book(
        day_offers(), period_offers()
    )
    ramps = period_offers(ROCUP=[3.0, 3.0, 0.0], ROCDOWN=0.0)
    with pytest.raises(GameError, match=r"'ROCUP': 3 limits how fast output rises.*leave_out"):
        aemo_book(day_offers(), ramps)
    aemo_book(day_offers(), ramps, leave_out=["ROCUP"])
    aemo_book(day_offers(MR_FACTOR=1.0, T1=0.0), period_offers())
    # Of a row that is no energy nothing matters.
    aemo_book(day_offers(MINIMUMLOAD=[0.0, 0.0, 9.0]), period_offers())


@pytest.mark.parametrize(
    ("day", "period", "options", "message"),
    [
        ({"COLOUR": 1}, {}, {}, "the column 'COLOUR' of day_offers has no meaning here"),
        ({}, {"BANDAVAIL11": 1}, {}, "the column 'BANDAVAIL11' of period_offers"),
        ({"DIRECTION": "BIDIRECTIONAL"}, {}, {}, "row 0, column 'DIRECTION': GEN or LOAD is"),
        ({"DIRECTION": None}, {}, {}, "row 0, column 'DIRECTION': GEN or LOAD is needed"),
        ({"DUID": ["GEN1", "GEN1", "GEN1"], "DIRECTION": "GEN"}, {}, {}, "a second row of 'GEN1'"),
        ({}, {"DUID": "GEN1", "DIRECTION": "GEN"}, {}, "period_offers, row 1.*a second row of"),
        ({"DUID": ["OTHER", "PUMP1", "GEN1"]}, {}, {}, "'GEN1' has no prices for 2026-06-01"),
        ({"PRICEBAND3": [np.nan, 1, 1]}, {}, {}, "row 0, column 'PRICEBAND3': a finite number"),
        ({}, {"MAXAVAIL": "much"}, {}, "row 0, column 'MAXAVAIL': a number is needed, got str"),
        ({}, {"BANDAVAIL1": -5.0}, {}, "'GEN1' has -5 MW in band 1"),
        ({}, {"INTERVAL_DATETIME": "noon"}, {}, "column 'INTERVAL_DATETIME': a time is needed"),
        ({}, {"MAXAVAIL": 0.0}, {}, "no energy is offered or bid for"),
        ({}, {}, {"units": ["GEN9"]}, "day_offers has no unit 'GEN9'"),
        ({}, {}, {"units": "GEN1"}, "units must be a list of names, got str 'GEN1'"),
        ({}, {}, {"loads": ["GEN1"]}, "'GEN1' is named a load and has GEN"),
        ({}, {}, {"leave_out": ["PRICEBAND1"]}, "leave_out: 'PRICEBAND1' is nothing that may be"),
    ],
)
def test_bids_of_aemo_that_cannot_be(day, period, options, message):
    with pytest.raises(GameError, match=message):
        aemo_book(day_offers(**day), period_offers(**period), **options)


def test_a_frame_lacks_a_column_of_its_table():
    with pytest.raises(GameError, match="period_offers has no column 'MAXAVAIL'"):
        aemo_book(day_offers(), period_offers().drop(columns="MAXAVAIL"))


PRICES = pd.DataFrame(
    {
        "SETTLEMENTDATE": ["2026/06/01 12:10:00", "2026/06/01 12:05:00", "2026/06/01 12:05:00"],
        "REGIONID": ["SA1", "SA1", "SA1"],
        "INTERVENTION": [0, 0, 1],
        "RRP": [-20.0, 85.0, 300.0],
        "RAISE6SECRRP": 1.0,
        "PRICE_STATUS": "FIRM",
    }
)


def test_prices_of_aemo_are_those_of_the_pricing_run():
    prices = aemo_prices(PRICES)
    assert prices.price_per_kwh == pytest.approx([0.085, -0.020])
    assert (prices.area, prices.currency, prices.in_utc) == ("SA1", "AUD", False)
    assert prices.step_hours == pytest.approx(1 / 12)
    assert str(prices.times[0]) == "2026-06-01T12:00:00.000000"
    assert prices.to_pandas().tolist() == pytest.approx([0.085, -0.020])


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        ({"COLOUR": 1}, {}, "the column 'COLOUR' is none of DISPATCHPRICE"),
        ({"RRP": [np.nan, 1, 1]}, {}, "row 0, column 'RRP': a finite number is needed"),
        ({"REGIONID": ["SA1", "NSW1", "SA1"]}, {}, "prices has several regions: SA1, NSW1"),
        ({}, {"region": "QLD1"}, "prices has no region 'QLD1'; it has SA1"),
        ({"INTERVENTION": 0}, {}, "prices has two rows of 'SA1' for 2026-06-01T12:05"),
        ({"INTERVENTION": 1}, {}, "no row of 'SA1' whose INTERVENTION is 0"),
        (
            {"SETTLEMENTDATE": ["2026/06/01 12:15:00", *PRICES["SETTLEMENTDATE"][1:]]},
            {},
            "after 2026-06-01T12:00 the next time is 2026-06-01T12:10, not 5 min later",
        ),
    ],
)
def test_prices_of_aemo_that_cannot_be(other, options, message):
    with pytest.raises(GameError, match=message):
        aemo_prices(PRICES.assign(**other), **options)


def export(starts, ends, **other):
    """Return an export of "Energy Prices" from the transparency platform."""
    rows = {
        "MTU (CET/CEST)": [f"{start} - {end}" for start, end in zip(starts, ends, strict=True)],
        "Area": "BZN|BE",
        "Sequence": "Sequence 1",
        "Day-ahead Price (EUR/MWh)": [52.0, "48.5", -3.5][: len(starts)],
        "Intraday Period (CET/CEST)": "",
        "Intraday Price (EUR/MWh)": "",
    }
    return pd.DataFrame({**rows, **other})


DAY = ["01/06/2026 00:00:00", "01/06/2026 01:00:00", "01/06/2026 02:00:00", "01/06/2026 03:00:00"]
EXPORT = export(DAY[:3], DAY[1:])


def test_an_export_and_a_series_are_the_same_prices():
    prices = entsoe_prices(EXPORT)
    assert prices.price_per_kwh == pytest.approx([0.052, 0.0485, -0.0035])
    assert repr(prices) == "MarketPrices('BZN|BE', 3 periods of 60 min from 2026-05-31T22:00Z, EUR)"
    series = pd.Series(
        [52.0, 48.5, -3.5],
        index=pd.date_range("2026-06-01", periods=3, freq="h", tz="Europe/Brussels"),
    )
    assert entsoe_prices(series, area="BZN|BE") == prices
    shuffled = EXPORT.iloc[[2, 0, 1]]
    assert entsoe_prices(shuffled) == prices
    quarters = pd.Series([1.0, 2.0], index=pd.date_range("2026", periods=2, freq="15min", tz="UTC"))
    assert entsoe_prices(quarters, currency="PLN").step_hours == 0.25


def test_the_nights_on_which_clocks_change():
    autumn = [
        ("25/10/2026 02:00:00 (CEST)", "25/10/2026 02:00:00 (CET)"),
        ("25/10/2026 02:00:00 (CET)", "25/10/2026 03:00:00 (CET)"),
    ]
    prices = entsoe_prices(export(*zip(*autumn, strict=True)))
    assert [str(time)[11:16] for time in prices.times] == ["00:00", "01:00"]
    spring = [
        ("29/03/2026 01:00:00 (CET)", "29/03/2026 03:00:00 (CEST)"),
        ("29/03/2026 03:00:00 (CEST)", "29/03/2026 04:00:00 (CEST)"),
    ]
    prices = entsoe_prices(export(*zip(*spring, strict=True)))
    assert [str(time)[11:16] for time in prices.times] == ["00:00", "01:00"]
    # Without the zone the order tells the hours apart, if both are there.
    unsaid = [f"25/10/2026 0{hour}:00:00" for hour in (1, 2, 2, 3)]
    prices = entsoe_prices(export(unsaid[:3], unsaid[1:]))
    assert [str(time)[11:16] for time in prices.times] == ["23:00", "00:00", "01:00"]
    with pytest.raises(GameError, match="cannot be told from each other where clocks change"):
        entsoe_prices(export(unsaid[1:2], unsaid[2:3]))


def test_one_area_and_one_auction_are_chosen():
    two = pd.concat([EXPORT, EXPORT.assign(Area="BZN|FR")], ignore_index=True)
    with pytest.raises(GameError, match=r"several in its column 'Area': BZN\|BE, BZN\|FR; area="):
        entsoe_prices(two)
    assert entsoe_prices(two, area="BZN|FR").area == "BZN|FR"
    auctions = pd.concat([EXPORT, EXPORT.assign(Sequence="Sequence 2")], ignore_index=True)
    with pytest.raises(GameError, match="'Sequence': Sequence 1, Sequence 2; sequence= chooses"):
        entsoe_prices(auctions)
    assert entsoe_prices(auctions, sequence="Sequence 2") == entsoe_prices(EXPORT)
    with pytest.raises(GameError, match=r"area 'BZN\|DE' is not in the frame"):
        entsoe_prices(two, area="BZN|DE")


OLD = pd.DataFrame(
    {"MTU (CET/CEST)": ["01.01.2021 00:00 - 01.01.2021 01:00"], "Day-ahead Price [EUR/MWh]": [1.0]}
)
AWARE = pd.date_range("2026-06-01", periods=3, freq="h", tz="UTC")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (OLD, r"the column 'Day-ahead Price \[EUR/MWh\]' is none of an export of Energy Prices"),
        (EXPORT.drop(columns="Day-ahead Price (EUR/MWh)"), "no column like 'Day-ahead Price"),
        (
            EXPORT.rename(columns={"MTU (CET/CEST)": "MTU (EET/EEST)"}),
            r"'MTU \(EET/EEST\)' is none",
        ),
        (
            EXPORT.assign(**{"Day-ahead Price (EUR/MWh)": [1.0, "n/e", 2.0]}),
            r"frame, row 1, column 'Day-ahead Price \(EUR/MWh\)': a price is needed, got str 'n/e'",
        ),
        (EXPORT.assign(**{"MTU (CET/CEST)": "noon"}), "str 'noon' is no period like"),
        (EXPORT.iloc[[0, 2]].iloc[[0]], "two periods are needed"),
        (pd.concat([EXPORT, EXPORT.iloc[[0]]]), "there are two prices for the period at"),
        (EXPORT.iloc[:0], "the frame has no rows"),
        (pd.Series([1.0, 2.0, 3.0], index=AWARE.tz_localize(None)), "have no zone"),
        (pd.Series([1.0, 2.0, 3.0]), "the index of the series must be times"),
        (pd.Series([1.0, None, 3.0], index=AWARE), "a finite number is needed, got nan"),
        (pd.Series(["1", "2", "3"], index=AWARE), "a number is needed, got str '1'"),
        (pd.Series([1.0, 2.0, 3.0], index=AWARE[[0, 1, 1]]), "there are two prices"),
        ([1.0, 2.0], "frame must be a DataFrame"),
    ],
)
def test_prices_of_entsoe_that_cannot_be(given, message):
    with pytest.raises(GameError, match=message):
        entsoe_prices(given)


def test_a_gap_in_prices_is_named():
    starts = [*DAY[:2], "01/06/2026 04:00:00"]
    with pytest.raises(
        GameError, match="after 2026-05-31T23:00Z the next time is 2026-06-01T02:00Z"
    ):
        entsoe_prices(export(starts, DAY[1:]))


@pytest.mark.parametrize(
    ("given", "row"),
    [
        # Every second hour is missing, or three of four quarters of each.
        (EXPORT.iloc[[0, 2]], 0),
        (export(DAY[:3], ["01/06/2026 00:15:00", *DAY[2:]]), 0),
        (export(DAY[:3], [*DAY[1:3], "01/06/2026 04:00:00"]), 2),
    ],
)
def test_a_period_that_ends_elsewhere_than_the_next_begins_is_named(given, row):
    with pytest.raises(GameError, match=rf"row {row}, column 'MTU .* is no period of \d+ min"):
        entsoe_prices(given)


def bids(rows):
    columns = ["quantity", "price", "user", "buying", "time", "divisible"]
    return pd.DataFrame(rows, columns=columns)


def test_bids_of_pymarket_are_orders():
    book = pymarket_book(
        bids(
            [
                (1.0, 6.7, 0, True, 0, True),
                (2.0, 5.0, 1, True, 0, True),
                (1.5, 1.0, 2, False, 0, True),
                (1.5, 2.0, 0, False, 0, True),
            ]
        )
    )
    listed = sg.markets.OrderBook.from_orders(
        [
            *((0, "bid", 6.7, 1), (1, "bid", 5, 2)),
            *((2, "offer", 1, 1.5), (0, "offer", 2, 1.5)),
        ]
    )
    assert book == listed


def test_the_earlier_bid_of_pymarket_comes_first_and_steps_stand_by_merit():
    rows = [
        (1.0, 3.0, "ann", True, 5, True),
        (1.0, 3.0, "bob", True, 1, True),
        (1.0, 9.0, "ann", True, 7, True),
        (1.0, 2.0, "eve", False, 0, True),
    ]
    book = pymarket_book(bids(rows))
    orders = [
        (book.participants[int(k)], float(p))
        for k, p in zip(book.participant, book.price_per_kwh, strict=True)
    ]
    assert orders == [("eve", 2.0), ("bob", 3.0), ("ann", 9.0), ("ann", 3.0)]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((1.0, 3.0, "ann", True, 0, False), "row 0, column 'divisible': a bid that is all or"),
        ((1.0, 3.0, "ann", 1, 0, True), "row 0, column 'buying': True or False is needed"),
        ((1.0, 3.0, None, True, 0, True), "row 0, column 'user': a name is needed"),
        ((1.0, "3", "ann", True, 0, True), "row 0, column 'price': a number is needed"),
        ((-1.0, 3.0, "ann", True, 0, True), "its quantity must be finite and non-negative"),
        ((1.0, 3.0, "ann", True, np.nan, True), "row 0, column 'time': a finite number"),
    ],
)
def test_bids_of_pymarket_that_cannot_be(row, message):
    with pytest.raises(GameError, match=message):
        pymarket_book(bids([row]))


def test_other_columns_of_pymarket_are_refused():
    whole = bids([(1.0, 3.0, "ann", True, 0, True)])
    with pytest.raises(GameError, match="the column 'node' of bids has no meaning"):
        pymarket_book(whole.assign(node=1))
    with pytest.raises(GameError, match="bids has no column 'time'"):
        pymarket_book(whole.drop(columns="time"))
    with pytest.raises(GameError, match="bids has no rows"):
        pymarket_book(whole.iloc[:0])


def test_published_prices_are_what_a_local_market_falls_back_on():
    """Two members and the grid: what is missing costs the price and the fee, what is left earns
    the price."""
    prices = entsoe_prices(EXPORT)
    hours = prices.times.astype("datetime64[s]").tolist()
    zone = pd.Timestamp("2026-06-01", tz="UTC").tzinfo
    times = [hour.replace(tzinfo=zone) for hour in hours]
    orders = [
        *(("ann", "bid", 1.0, 3.0, time) for time in times),
        *(("eve", "offer", 0.0, kwh, time) for kwh, time in zip((1, 5, 1), times, strict=True)),
        *prices.orders("grid", 10, fee_per_kwh=0.10),
    ]
    settlement = sg.markets.uniform_price(sg.markets.OrderBook.from_orders(orders))
    assert settlement.price_per_kwh == pytest.approx([0.152, 0.0485, 0.0965])
    assert settlement["ann"] == pytest.approx(3 * (0.152 + 0.0485 + 0.0965))


@pytest.mark.parametrize(
    ("quantity", "fee", "message"),
    [
        ([1, 2], 0.0, r"quantity_kwh has shape \(2,\) for 3 periods"),
        (1, -0.1, r"fee_per_kwh must be finite and non-negative, got -0\.1"),
        (1, np.inf, "fee_per_kwh must be finite"),
    ],
)
def test_orders_at_published_prices_that_cannot_be(quantity, fee, message):
    with pytest.raises(GameError, match=message):
        entsoe_prices(EXPORT).orders("grid", quantity, fee_per_kwh=fee)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"price_per_kwh": [np.nan]}, "the price at 2026-06-01T12:00 must be finite"),
        ({"price_per_kwh": [1.0, 2.0]}, "2 prices for 1 times"),
        ({"times": []}, "times must be the start of each period, got none"),
        ({"step": np.timedelta64(0, "h")}, "step must be positive"),
    ],
)
def test_prices_that_cannot_be(other, message):
    given = {
        "times": [np.datetime64("2026-06-01T12:00")],
        "price_per_kwh": [1.0],
        "currency": "EUR",
        "area": "made up",
        "step": np.timedelta64(1, "h"),
    }
    with pytest.raises(GameError, match=message):
        sg.markets.MarketPrices(**{**given, **other})
