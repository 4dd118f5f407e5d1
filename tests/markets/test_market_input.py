"""Bad markets: which order, whose, what is wrong, and what is allowed."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import CoalitionError, GameError
from sesgame.markets import OrderBook, vcg

HEADER = "participant,side,price_per_kwh,quantity_kwh\n"


@pytest.mark.parametrize(
    ("orders", "message"),
    [
        pytest.param([], "at least one player", id="nobody"),
        pytest.param(
            [("a", "offer", np.nan, 1)],
            "order 0 of 'a': its price must be finite, got nan",
            id="nan",
        ),
        pytest.param(
            [("a", "offer", np.inf, 1)], "its price must be finite, got inf", id="infinite price"
        ),
        pytest.param(
            [("a", "offer", 1, -2)],
            "its quantity must be finite and non-negative, got -2.0",
            id="negative",
        ),
        pytest.param(
            [("a", "bid", 1, np.nan)], "its quantity must be .* got nan", id="nan quantity"
        ),
        pytest.param([("a", "sell", 1, 1)], 'must be "offer" or "bid", got \'sell\'', id="side"),
        pytest.param([("a", "offer", 1)], "order 0 must be .* got", id="too short"),
        pytest.param([("a", "offer", "x", 1)], "price_per_kwh must be numbers", id="text"),
        pytest.param([("a", "offer", 1, 1, -1)], "its period is -1", id="period"),
        pytest.param([("a", "offer", 1, 1, 0.5)], "period must be 1 integers", id="half period"),
        pytest.param(
            [("b", "bid", 1, 1), ("a", "offer", 3, 1), ("a", "offer", 2, 1)],
            "order 2 of 'a': its price 2.0 follows 3.0; .* an offer must not fall",
            id="offer falls",
        ),
        pytest.param(
            [("a", "bid", 2, 1), ("a", "offer", 9, 1), ("a", "bid", 3, 1)],
            "order 2 of 'a': its price 3.0 follows 2.0; .* a bid must not rise",
            id="bid rises",
        ),
    ],
)
def test_a_bad_order_is_refused(orders, message):
    with pytest.raises(GameError, match=message):
        OrderBook.from_orders(orders)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param({"demand_kwh": 5}, "needs a value_of_lost_load", id="no lost load"),
        pytest.param({"demand_kwh": "x"}, "demand_kwh must be numbers, got 'x'", id="text"),
        pytest.param({"demand_kwh": [[1], [1, 2]]}, "demand_kwh must be numbers", id="ragged"),
        pytest.param(
            {"demand_kwh": 1, "value_of_lost_load": "dear"},
            "value_of_lost_load must be a number or None, got str 'dear'",
            id="text for the lost load",
        ),
        pytest.param(
            {"demand_kwh": -1, "value_of_lost_load": 9}, "got -1.0 in period 0", id="negative"
        ),
        pytest.param(
            {"demand_kwh": [1, np.nan], "value_of_lost_load": 9}, "got nan in period 1", id="nan"
        ),
        pytest.param(
            {"demand_kwh": 5, "value_of_lost_load": np.inf}, "must be finite", id="infinite"
        ),
    ],
)
def test_a_bad_demand_is_refused(options, message):
    with pytest.raises(GameError, match=message):
        OrderBook.from_orders([("a", "offer", 1, 1)], **options)


def test_an_order_after_the_last_period_is_named():
    orders = [("a", "offer", 1, 1, 0), ("b", "offer", 1, 1, 7)]
    with pytest.raises(GameError, match=r"order 1 of 'b': its period is 7, but demand_kwh has"):
        OrderBook.from_orders(orders, demand_kwh=[1, 1], value_of_lost_load=9)


def test_participants_without_orders_and_an_empty_book_trade_nothing():
    book = OrderBook.from_orders([], participants=["a", "b"])
    settlement = vcg(book)
    assert settlement.payments.tolist() == [0, 0]
    assert np.isnan(settlement.price_per_kwh).all()
    with pytest.raises(GameError, match="'a' has no order"):
        sg.misreport_scan(vcg, "a", book)


def test_a_book_of_demand_alone_is_shed():
    book = OrderBook.from_orders([], participants=["a"], demand_kwh=3, value_of_lost_load=2)
    assert vcg(book).shed_kwh.tolist() == [3]


def test_quantities_of_zero_set_no_price():
    book = OrderBook.from_orders([("a", "offer", 1, 0), ("b", "offer", 2, 4), ("c", "bid", 5, 3)])
    assert sg.markets.uniform_price(book).price_per_kwh.tolist() == [2]


@pytest.mark.parametrize("factor", [-1, np.nan, np.inf])
def test_a_bad_factor_is_refused(factor):
    book = OrderBook.from_orders([("a", "offer", 1, 1)])
    with pytest.raises(GameError, match="price_factors must be finite and non-negative"):
        sg.misreport_scan(vcg, "a", book, price_factors=[1, factor])
    with pytest.raises(CoalitionError, match="unknown player 'z'"):
        sg.misreport_scan(vcg, "z", book)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty", id="empty file"),
        pytest.param("participant,side,price\na,offer,1", 'no column "price_per_kwh"', id="column"),
        pytest.param(HEADER + "a,offer,cheap,1", 'line 2, column "price_per_kwh": "c', id="price"),
        pytest.param(HEADER + "a,offer,nan,1", "line 2, .* nan is not a finite", id="nan"),
        pytest.param(HEADER + "a,offer,1,", 'line 2, column "quantity_kwh": an', id="quantity"),
        pytest.param(
            HEADER + "a,offer,1,-1", "order 0 of 'a': its quantity must be .* got -1", id="negative"
        ),
        pytest.param(HEADER + "a,give,1,1", 'line 2, column "side": "give" is neither', id="side"),
        pytest.param(HEADER + ",bid,1,1", 'column "participant": an offer or bid', id="nobody"),
        pytest.param(HEADER + "x,load,9,1", "no offer and no bid", id="load alone"),
        pytest.param(
            HEADER + "a,offer,1,1\nx,load,9,1\nx,load,8,1",
            "line 4, .*lost load is 8.0 here and 9.0 above",
            id="two values",
        ),
        pytest.param(
            "period," + HEADER + "-1,a,offer,1,1",
            '"-1" is not a period, a non-negative integer',
            id="period",
        ),
        pytest.param("node," + HEADER + "x,a,offer,1,1", '"node" has no meaning', id="unknown"),
    ],
)
def test_a_bad_csv_names_the_line(tmp_path, text, message):
    path = tmp_path / "market.csv"
    path.write_text(text)
    with pytest.raises(GameError, match=message):
        OrderBook.from_csv(path)


def test_a_missing_file_is_named():
    with pytest.raises(GameError, match=r"no such file: nowhere\.csv"):
        OrderBook.from_csv("nowhere.csv")


def test_a_csv_gives_the_book_that_it_says(tmp_path):
    path = tmp_path / "market.csv"
    path.write_text(
        "participant,side,price_per_kwh,quantity_kwh,period\n"
        "gas,offer,0.1,5,0\nshop,bid,0.2,3,1\n,load,4,2,0\n"
    )
    book = OrderBook.from_csv(path)
    assert list(book.participants) == ["gas", "shop"]
    assert book.demand_kwh.tolist() == [2, 0]
    assert book.value_of_lost_load == 4
    assert book.period.tolist() == [0, 1]
