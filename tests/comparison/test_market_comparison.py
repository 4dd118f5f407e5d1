"""Mechanisms side by side on one market."""

import csv
import io
import json

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import AllocationError, GameError
from sesgame.markets import NetworkMarket, OrderBook, Settlement, StorageAuction, pay_as_bid, vcg
from sesgame.markets.catalogue import MECHANISMS

BOOK = OrderBook.from_orders(
    [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1), ("gus", "offer", 4, 1)]
)
GRID = NetworkMarket(
    ["north", "south"],
    [("north", "south", 0.1, 40)],
    [("wind", "north", "offer", 10, 100), ("gas", "south", "offer", 50, 100)],
    demand_mw={"south": 60},
    value_of_lost_load=1000,
)
BATTERY = StorageAuction(
    [("a", 28, 1, 0, [0]), ("b", 20, 1, 0, [1]), ("c", 32, 1, 0, [0, 1])],
    energy_kwh=1,
    power_kw=0,
    n_periods=2,
)


@pytest.mark.parametrize("market", [BOOK, GRID, BATTERY], ids=lambda one: type(one).__name__)
def test_by_default_all_that_take_the_market_as_by_themselves(market):
    compared = sg.compare(market, progress=False)
    fitting = [one.name for one in MECHANISMS.values() if one.takes(type(market))]
    assert [row.rule for row in compared.rows] == fitting
    assert compared.best_welfare == market.clear().welfare
    for row in compared.rows:
        settlement = MECHANISMS[row.rule].settle(market)
        assert row.settlement.payments.tolist() == settlement.payments.tolist()
        figures = row.figures()
        known = row.properties
        assert figures["efficient"] == known.verdicts["efficient"].word
        assert figures["misreport_gain"] == known.misreport_gain
        assert figures["budget_surplus"] == known.budget.gap
        assert row.seconds > 0


def test_names_mechanisms_and_settlements_are_rows():
    def everything_for_free(book):
        settled = vcg(book)
        return Settlement(book.participants, 0 * settled.payments, settled.values, "free")

    compared = sg.compare(BOOK, ["vcg", pay_as_bid, vcg(BOOK), everything_for_free])
    assert [row.rule for row in compared.rows] == [
        "vcg",
        "pay_as_bid",
        "vcg (2)",
        "everything_for_free",
    ]
    free = compared["everything_for_free"]
    assert (free.properties, free.figures()["efficient"]) == (None, None)
    assert compared["vcg (2)"].seconds is None
    named = sg.compare(BOOK, {"mine": everything_for_free})
    assert str(named).splitlines()[3].split()[:7] == ["mine", "7", *["-"] * 4, "yes"]


def test_a_mechanism_that_refuses_the_market_has_its_row_with_the_reason():
    uneven = OrderBook.from_orders(
        [("ann", "bid", 9, 1), ("bob", "bid", 8, 2), ("eve", "offer", 3, 3)]
    )
    compared = sg.compare(uneven, ["mcafee", "nodal-pricing", "vcg"])
    assert "McAfee's auction is for equal units" in compared["mcafee"].failure
    assert "is for NetworkMarket, got a OrderBook" in compared["nodal-pricing"].failure
    assert f"mcafee: {compared['mcafee'].failure}." in str(compared)
    assert compared["vcg"].failure == ""


def test_what_is_not_of_this_market_is_refused():
    other = OrderBook.from_orders(
        [("ann", "bid", 9, 1), ("bob", "bid", 5, 1), ("eve", "offer", 3, 1), ("gus", "offer", 5, 1)]
    )
    with pytest.raises(AllocationError, match="vcg settles another market"):
        sg.compare(BOOK, [vcg(other)])
    with pytest.raises(AllocationError, match="settles a market of other participants"):
        sg.compare(BOOK, [vcg(GRID)])
    with pytest.raises(GameError, match='unknown rule "shapley"; choose from vcg'):
        sg.compare(BOOK, ["shapley"])
    with pytest.raises(GameError, match="model, baseline is for games, not for markets"):
        sg.compare(BOOK, model="netting", baseline="vcg")
    with pytest.raises(GameError, match="weights is for games"):
        sg.compare(BOOK, weights=[1])
    with pytest.raises(GameError, match="a rule must be the name of a mechanism"):
        sg.compare(BOOK, [3])
    with pytest.raises(GameError, match="rules must be names of mechanisms"):
        sg.compare(BOOK, 3)
    with pytest.raises(AllocationError, match="no mechanism and no settlement"):
        sg.compare(BOOK, [])
    with pytest.raises(GameError, match="max_seconds must be positive"):
        sg.compare(BOOK, max_seconds=0)
    broken = sg.compare(BOOK, {"broken": lambda book: None})["broken"]
    assert broken.failure == "broken must return a Settlement, got None"


def test_the_table_says_of_what_it_is_and_who_gains_how():
    said = str(sg.compare(BOOK, ["vcg", "pay-as-bid"], unit="EUR", progress=False))
    assert said.startswith(
        "2 rules on OrderBook(4 participants, 4 orders, 1 period), amounts in EUR. Everything by "
        "the reports; no outcome has a larger welfare than 7."
    )
    assert "pay-as-bid, incentive compatible: no: ann gains at least" in said
    assert "yes, by theorem" in said
    html = sg.compare(BOOK, ["vcg"], progress=False)._repr_html_()
    assert "vcg" in html
    assert "<table" in html


def test_csv_json_and_frames_say_the_same(tmp_path):
    compared = sg.compare(BOOK, ["vcg", "pay-as-bid"], progress=False)
    rows = list(csv.DictReader(io.StringIO(compared.to_csv(tmp_path / "rules.csv"))))
    assert (tmp_path / "rules.csv").read_text() == compared.to_csv()
    kept = json.loads(compared.to_json(tmp_path / "rules.json"))
    assert kept["rules"]["vcg"]["settlement"]["payments"]["ann"] == 4
    pytest.importorskip("pandas")
    frame, paid = compared.to_pandas(), compared.payments_to_pandas()
    for row in rows:
        assert float(row["misreport_gain"]) == frame.loc[row["rule"], "misreport_gain"]
        assert row["in_the_core"] == frame.loc[row["rule"], "in_the_core"]
    assert np.array_equal(paid["vcg"], compared["vcg"].settlement.payments)
    with pytest.raises(KeyError, match="'x' is not compared; the rules are vcg, pay-as-bid"):
        compared["x"]


def test_each_row_is_told_when_it_is_there():
    told = []
    sg.compare(BOOK, ["vcg", "pay-as-bid"], done=lambda row: told.append(row.rule), progress=False)
    assert told == ["vcg", "pay-as-bid"]
