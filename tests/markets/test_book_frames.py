"""Order books from frames, and periods by the times at which they begin."""

import datetime

import numpy as np
import pandas as pd
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.errors import GameError
from sesgame.markets import OrderBook, Settlement
from sesgame.testing import markets

NOON, ONE = np.datetime64("2024-06-01T12:00"), np.datetime64("2024-06-01T13:00")
ROWS = {
    "participant": ["ann", "eve", "eve", "village"],
    "side": ["bid", "offer", "offer", "load"],
    "price_per_kwh": [9.0, 3.0, 2.0, 12.0],
    "quantity_kwh": [1.0, 1.0, 4.0, 2.0],
    "period": pd.to_datetime([str(time) for time in (NOON, NOON, ONE, ONE)]),
}


def frame(**other):
    return pd.DataFrame({**ROWS, **other})


def test_a_frame_has_what_a_list_of_orders_has():
    book = OrderBook.from_pandas(frame())
    listed = OrderBook.from_orders(
        [
            ("ann", "bid", 9, 1, NOON),
            ("eve", "offer", 3, 1, NOON),
            ("eve", "offer", 2, 4, ONE.astype(datetime.datetime)),
        ],
        demand_kwh={"village": [0, 2]},
        value_of_lost_load=12,
    )
    assert book == listed
    assert [book.period_name(t) for t in range(2)] == ["2024-06-01T12:00", "2024-06-01T13:00"]
    assert book.load_kwh.tolist() == [[0, 2]]
    assert (book.period_at(ONE), book.period_at(0)) == (1, 0)


@drawn(15, 150, markets(st.integers(1, 4), n_periods=st.integers(1, 3), demand=False))
def test_a_book_comes_back_from_a_frame(book):
    sides = np.where(book.is_bid, "bid", "offer")
    rows = pd.DataFrame(
        {
            "participant": [book.participants[int(k)] for k in book.participant],
            "side": sides,
            "price_per_kwh": book.price_per_kwh,
            "quantity_kwh": book.quantity_kwh,
            "period": book.period,
        }
    ).set_index(np.arange(len(sides)) + 7)
    if not len(rows):
        return
    again = OrderBook.from_pandas(rows, participants=book.participants)
    assert again.price_per_kwh.tobytes() == book.price_per_kwh.tobytes()
    settled = sg.markets.vcg(again).payments
    assert settled.tobytes() == sg.markets.vcg(book).payments.tobytes()
    times = NOON + book.period.astype("timedelta64[h]")
    timed = OrderBook.from_pandas(rows.assign(period=times), participants=book.participants)
    assert sg.markets.vcg(timed).payments == pytest.approx(settled, abs=1e-9)


def test_times_with_a_zone_are_kept_in_utc():
    zoned = frame(period=ROWS["period"].tz_localize("Europe/Berlin"))
    book = OrderBook.from_pandas(zoned)
    assert book.period_name(0) == "2024-06-01T10:00Z"
    # The hour that comes twice: one after the other, not one period.
    night = pd.to_datetime(["2024-10-27T00:00Z", "2024-10-27T01:00Z"]).tz_convert("Europe/Berlin")
    twice = OrderBook.from_pandas(frame(period=[night[0], night[0], night[1], night[1]]))
    assert twice.n_periods == 2
    assert twice.without("ann").period_name(1) == "2024-10-27T01:00Z"
    assert twice.period_at(night[1]) == 1


def test_all_periods_may_be_named():
    times = NOON + np.arange(3) * np.timedelta64(1, "h")
    book = OrderBook.from_pandas(frame(), times=times)
    assert (book.n_periods, book.demand_kwh.tolist()) == (3, [0, 2, 0])
    assert np.isnan(sg.markets.uniform_price(book).price_per_kwh[2])
    by_number = OrderBook.from_pandas(frame(period=[0, 0, 1, 1]), times=times)
    assert by_number == book


def test_columns_of_other_types_and_none_of_periods():
    rows = frame(price_per_kwh=pd.array([9, 3, 2, 12], dtype="Int64"))
    assert OrderBook.from_pandas(rows) == OrderBook.from_pandas(frame())
    assert OrderBook.from_pandas(frame(side=pd.Categorical(ROWS["side"]))).n_periods == 2
    without = frame().drop(columns="period").iloc[:2]
    assert OrderBook.from_pandas(without).times is None
    demanding = OrderBook.from_pandas(without, demand_kwh=2, value_of_lost_load=12)
    assert demanding.load_names == ("load",)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        ({"colour": "red"}, "the column 'colour' of frame has no meaning here"),
        ({"side": ["bid", "offer", "ask", "load"]}, "frame, row 2, column 'side': str 'ask' is"),
        ({"side": "load"}, "the frame has no offer and no bid"),
        (
            {"participant": ["ann", None, "eve", "x"]},
            "frame, row 1, column 'participant': an offer or bid needs a participant",
        ),
        (
            {"price_per_kwh": [1, np.nan, 2, 12]},
            "frame, row 1, column 'price_per_kwh': a finite number is needed, got nan",
        ),
        (
            {"quantity_kwh": ["1", 2, 3, 4]},
            "frame, row 0, column 'quantity_kwh': a number is needed, got str '1'",
        ),
        (
            {"price_per_kwh": [1j, 2, 3, 4]},
            "frame, row 0, column 'price_per_kwh': a number is needed, got complex 1j",
        ),
        ({"quantity_kwh": [1, 2, -3, 4]}, "its quantity must be finite and non-negative"),
        ({"period": [0, 1, 0.5, 1]}, "frame, row 2, column 'period': a number from 0 to 999,999"),
        ({"period": [0, 1, -1, 1]}, "frame, row 2, column 'period'"),
        ({"period": [NOON, None, ONE, ONE]}, "frame, row 1, column 'period': a period is needed"),
        ({"period": [0, ROWS["period"][0], 1, 1]}, "frame, row 1, column 'period'"),
        (
            {"period": [ROWS["period"][0].tz_localize("UTC"), *ROWS["period"][1:]]},
            "its time 2024-06-01 12:00:00 lacks a zone, unlike that of the first",
        ),
        (
            {
                "side": ["bid", "offer", "load", "load"],
                "price_per_kwh": [9, 3, 8, 12],
                "period": 0,
            },
            r"frame, row 3, column 'price_per_kwh': the value of lost load is 12\.0 here and 8\.0",
        ),
        ({"participant": ["ann", "village", "eve", "village"]}, "is a fixed load and a part"),
    ],
)
def test_a_frame_that_is_none_of_orders(other, message):
    with pytest.raises(GameError, match=message):
        OrderBook.from_pandas(frame(**other))


def test_other_frames_and_options_that_do_not_fit():
    with pytest.raises(GameError, match="frame has no column 'participant'; it has a"):
        OrderBook.from_pandas(pd.DataFrame({"a": [1]}))
    with pytest.raises(GameError, match="frame must be a DataFrame"):
        OrderBook.from_pandas([("ann", "bid", 9, 1)])
    with pytest.raises(GameError, match="the frame has no rows"):
        OrderBook.from_pandas(frame().iloc[:0])
    with pytest.raises(GameError, match="frame has two columns 'side'"):
        OrderBook.from_pandas(pd.concat([frame(), frame()[["side"]]], axis=1))
    with pytest.raises(GameError, match="the frame has rows of fixed demand; leave out"):
        OrderBook.from_pandas(frame(), demand_kwh=3, value_of_lost_load=3)
    with pytest.raises(GameError, match=r"no period begins at 2024-06-01T13:00"):
        OrderBook.from_pandas(frame(), times=[NOON])
    with pytest.raises(GameError, match="has no column 'period'"):
        OrderBook.from_pandas(frame().drop(columns="period").iloc[:3], times=[NOON])


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([ONE, NOON], r"times must rise: times\[1\] is 2024-06-01T12:00"),
        ([NOON, NOON], "times must rise"),
        ([NOON, np.datetime64("NaT")], r"times\[1\]: its time is missing \(NaT\)"),
        (["2024-06-01T12:00", "2024-06-01T13:00"], r"times\[0\]: its period is str"),
        (7, "times must be the start of each period, got int 7"),
        ([NOON], "its period is 1, but there are 1 times"),
    ],
)
def test_times_that_cannot_be(times, message):
    orders = [("ann", "bid", 9, 1, 0), ("ann", "bid", 9, 1, 1)]
    with pytest.raises(GameError, match=message):
        OrderBook.from_orders(orders, times=times)


def test_some_orders_with_times_and_some_without_are_refused():
    with pytest.raises(GameError, match="order 1 of 'eve': its period is int 0, where others are"):
        OrderBook.from_orders([("ann", "bid", 9, 1, NOON), ("eve", "offer", 3, 1)])


# Rounding


def settled(payments, values, tolerance=1e-9, **options):
    labels = [f"p{k}" for k in range(len(payments))]
    return Settlement(labels, payments, values, "by hand", tolerance=tolerance, **options)


def test_payments_that_are_rounding_are_zero():
    settlement = settled([3.0, 1e-13, -3.0], [4.0, 0.0, -1e-14], outside={"load": (5.0, -1e-13)})
    assert settlement.payments.tolist() == [3.0, 0.0, -3.0]
    assert settlement.values.tolist() == [4.0, 0.0, 0.0]
    assert settlement.outside["load"] == (5.0, 0.0)
    assert "e-1" not in repr(settlement)
    assert "e-1" not in settlement._repr_html_()
    assert repr(settled([0.1 + 0.2, -0.3], [0.3, -0.3])).splitlines()[-2].split()[-1] == "0"


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
def test_what_is_rounding_depends_on_the_data_alone(factor):
    small = settled(np.array([3.0, 1e-7]) * factor, np.array([4.0, 1.0]) * factor, 1e-9 * factor)
    assert small.payments[1] == 1e-7 * factor
    tiny = settled(np.array([3.0, 1e-12]) * factor, np.array([4.0, 1.0]) * factor, 1e-9 * factor)
    assert tiny.payments[1] == 0


def test_nothing_but_rounding_is_nothing_and_without_a_tolerance_nothing_is_rounding():
    assert settled([1e-13, -1e-13], [0.0, 0.0]).payments.tolist() == [0, 0]
    exact = settled([3.0, 1e-30], [4.0, 0.0], tolerance=0.0)
    assert exact.payments.tolist() == [3.0, 1e-30]


def test_what_lost_load_is_worth_makes_no_payment_rounding():
    book = OrderBook.from_orders(
        [("sun", "offer", 0.01, 1e-3), ("gas", "offer", 0.02, 1e5)],
        demand_kwh=1e5,
        value_of_lost_load=2e6,
    )
    settlement = sg.markets.pay_as_bid(book)
    assert settlement.tolerance > 1e-5
    assert settlement["sun"] == pytest.approx(-1e-5)
