"""Every mechanism of the catalogue, by what it says of itself; no other list of them is needed."""

import ast
import csv
import dataclasses
import importlib
import io
import json
import math
import re
from pathlib import Path

import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.market_oracles import best_bundles, best_pairs
from sesgame._engine import EngineRule
from sesgame.errors import GameError
from sesgame.markets import Matching, NetworkMarket, OrderBook, StorageAuction
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.market import ClearableMarket
from sesgame.markets.mechanism import MarketPromise, Trials
from sesgame.markets.settlement_files import payments_csv, result_json
from sesgame.rule import ByName
from sesgame.testing import (
    assert_budget_balanced,
    assert_cleared,
    assert_efficient,
    assert_individually_rational,
    assert_truthful,
    markets,
    matching_markets,
    network_markets,
    storage_auctions,
)

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "python" / "sesgame"
EXAMPLES = {
    OrderBook: OrderBook.from_orders(
        [
            *(("b1", "bid", 9, 1), ("b2", "bid", 8, 1), ("b3", "bid", 3, 1)),
            *(("s1", "offer", 2, 1), ("s2", "offer", 4, 1), ("s3", "offer", 9, 1)),
        ]
    ),
    NetworkMarket: NetworkMarket(
        ["north", "south"],
        [("north", "south", 0.1, 40)],
        [("wind", "north", "offer", 10, 100), ("gas", "south", "offer", 50, 100)],
        demand_mw={"south": 60},
        value_of_lost_load=1000,
    ),
    StorageAuction: StorageAuction(
        [("a", 28, 1, 0, [0]), ("b", 20, 1, 0, [1]), ("c", 32, 1, 0, [0, 1]), ("d", 14, 1, 0, [0])],
        energy_kwh=1,
        power_kw=0,
        n_periods=2,
    ),
    Matching: Matching.from_bids(
        {"ann": 9, "bob": 7, "eve": 4}, {"roof": 2, "wind": 3}, path_fees=[[0, 1], [1, 0], [0, 0]]
    ),
}
DRAWN = {
    OrderBook: markets(st.integers(0, 3), trade=True, prices=st.integers(0, 10)),
    NetworkMarket: network_markets(2),
    StorageAuction: storage_auctions(st.integers(1, 4)),
    Matching: matching_markets(),
}
SINGLE_ORDERS = {"single_orders": True, "demand": False, "prices": st.integers(0, 10)}
NARROWER = {
    "trade-reduction": markets(st.integers(2, 5), **SINGLE_ORDERS),
    "mcafee": markets(st.integers(2, 5), quantities=st.just(1), **SINGLE_ORDERS),
    "average-price": markets(st.integers(0, 3), trade=True, demand=False),
    "muda": markets(st.integers(2, 6), **SINGLE_ORDERS),
    "greedy": storage_auctions(st.integers(1, 4), max_bundles=1),
}
"""What the others are not made for they refuse; see their own tests."""
EXAMPLES_DRAWN = {OrderBook: 30, NetworkMarket: 5, StorageAuction: 4, Matching: 12}

CASES = [
    pytest.param(mechanism, kind, id=f"{mechanism.name}-{kind.__name__}")
    for mechanism in MECHANISMS.values()
    for kind in mechanism.markets
]


def check_efficient(mechanism, market, settlement):
    if isinstance(market, OrderBook):
        assert_efficient(market, settlement)
    elif isinstance(market, StorageAuction):
        assert settlement.welfare == pytest.approx(float(best_bundles(market)[0]), abs=1e-6)
    elif isinstance(market, Matching):
        assert settlement.welfare == pytest.approx(float(best_pairs(market.worth)))
    else:
        best = market.value_of_lost_load * market.demand_mw.sum() - market.clear().cost
        assert settlement.welfare == pytest.approx(best, abs=market.tolerance)


def check_in_core(mechanism, market, settlement):
    assert settlement.properties(scan=[]).core_excess <= 1e-5


CHECKS = {
    MarketPromise.EFFICIENT: check_efficient,
    MarketPromise.VOLUNTARY: lambda _, market, settlement: assert_individually_rational(
        market, settlement, tolerance=1e-5
    ),
    MarketPromise.TRUTHFUL: lambda mechanism, market, _: assert_truthful(
        mechanism, market, tolerance=1e-5
    ),
    MarketPromise.TRUTHFUL_FOR_BUYERS: lambda mechanism, market, _: assert_truthful(
        mechanism, market, participants=market.rows, tolerance=1e-5
    ),
    MarketPromise.TRUTHFUL_FOR_SELLERS: lambda mechanism, market, _: assert_truthful(
        mechanism, market, participants=market.columns, tolerance=1e-5
    ),
    MarketPromise.BALANCED: lambda _, market, settlement: assert_budget_balanced(settlement),
    MarketPromise.NO_DEFICIT: lambda _, market, settlement: assert_budget_balanced(
        settlement, surplus_allowed=True, tolerance=1e-5
    ),
    MarketPromise.IN_CORE: check_in_core,
}


def test_every_promise_has_a_check():
    assert set(CHECKS) == set(MarketPromise)


@pytest.mark.parametrize("share", [0.25, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize(("mechanism", "kind"), CASES)
def test_a_mechanism_keeps_its_promises_on_drawn_markets(mechanism, kind, share):
    @settings(max_examples=math.ceil(share * EXAMPLES_DRAWN[kind]))
    @given(NARROWER.get(mechanism.name, DRAWN[kind]))
    def check(market):
        settlement = mechanism.settle(market)
        for promise in mechanism.promises:
            CHECKS[promise](mechanism.settle, market, settlement)
        if kind is OrderBook:
            assert_cleared(market, settlement)

    check()


@pytest.mark.parametrize(
    ("name", "promise"),
    [
        ("buyer-optimal", MarketPromise.TRUTHFUL_FOR_SELLERS),
        ("seller-optimal", MarketPromise.TRUTHFUL_FOR_BUYERS),
        ("fair-division", MarketPromise.TRUTHFUL_FOR_BUYERS),
        ("matching-nucleolus", MarketPromise.TRUTHFUL_FOR_SELLERS),
        ("average-price", MarketPromise.TRUTHFUL),
        ("vcg", MarketPromise.BALANCED),
        ("uniform-price", MarketPromise.TRUTHFUL),
        ("pay-as-bid", MarketPromise.TRUTHFUL),
        ("pay-as-bid", MarketPromise.BALANCED),
        ("trade-reduction", MarketPromise.EFFICIENT),
        ("vcg+uplift-by-gain", MarketPromise.TRUTHFUL),
        ("vcg+scale-rents", MarketPromise.TRUTHFUL),
    ],
)
def test_the_check_of_a_promise_fails_where_it_is_not_given(name, promise):
    mechanism = MECHANISMS[name]
    book = EXAMPLES[mechanism.markets[0]]
    assert promise not in mechanism.promises
    with pytest.raises(AssertionError):
        CHECKS[promise](mechanism.settle, book, mechanism.settle(book))


@pytest.mark.parametrize(("mechanism", "kind"), CASES)
def test_a_settlement_says_by_which_mechanism_it_was_made(mechanism, kind):
    settlement = mechanism(EXAMPLES[kind])
    assert settlement.method == mechanism.title
    assert settlement.rule.name == mechanism.name
    again = settlement.rule(EXAMPLES[kind])
    assert again.payments.tobytes() == settlement.payments.tobytes()


@pytest.mark.parametrize(("mechanism", "kind"), CASES)
def test_a_settlement_is_reported_and_written(mechanism, kind):
    settlement = mechanism.settle(EXAMPLES[kind])
    report = settlement.properties()
    assert report.method == mechanism.title
    written = {mechanism.name: settlement}
    rows = list(csv.DictReader(io.StringIO(payments_csv(written))))
    labels = [*map(str, settlement.participants), *settlement.outside]
    assert [row["participant"] for row in rows] == labels
    paid = [float(row[mechanism.name]) for row in rows[: len(settlement.participants)]]
    assert paid == settlement.payments.tolist()
    text = result_json("example", written, {mechanism.name: report})
    assert text == result_json("example", written, {mechanism.name: report})
    content = json.loads(text)["rules"][mechanism.name]
    assert content["rule"] == mechanism.name
    assert content["payments"] == dict(zip(labels, paid, strict=False))
    assert content["properties"]["budget"]["gap"] == report.budget.gap
    assert " at 0x" not in text


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        pytest.param(mechanism, kind, id=f"{mechanism.name} {kind.__name__}")
        for mechanism in MECHANISMS.values()
        for kind in EXAMPLES
        if not mechanism.takes(kind) and "+" not in mechanism.name  # a repair is for any settlement
    ],
)
def test_a_market_of_another_kind_is_refused_by_its_name(mechanism, kind):
    with pytest.raises(GameError, match=f"got {kind.__name__} "):
        mechanism(EXAMPLES[kind])


@pytest.mark.parametrize("mechanism", MECHANISMS.values(), ids=MECHANISMS)
def test_a_mechanism_has_one_name_a_page_and_sources(mechanism):
    *_, function = mechanism.name.split("+")
    assert callable(getattr(sg.markets, function.replace("-", "_")))
    if "+" not in mechanism.name:
        assert mechanism.settle is getattr(sg.markets, function.replace("-", "_"))
    assert mechanism.title.replace(" + ", "+").replace(" ", "-") == mechanism.name
    page = (ROOT / "docs" / f"{mechanism.page}.md").read_text()
    keys = re.findall(r"^@\w+\{(\w+),", (ROOT / "docs" / "references.bib").read_text(), re.M)
    assert mechanism.sources
    assert set(mechanism.sources) <= set(keys)
    assert any(source in page for source in mechanism.sources)


def test_the_engine_scans_a_mechanism_only_where_it_pays_what_the_engine_says():
    """Somebody's own function that ends in one of our settlements is run as it is."""
    book = OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
    assert {one.engine_rule for one in MECHANISMS.values()} == {
        None,
        EngineRule.VCG,
        EngineRule.UNIFORM_PRICE,
        EngineRule.PAY_AS_BID,
    }

    def dearer(market):
        settlement = sg.markets.vcg(market)
        return dataclasses.replace(settlement, payments=settlement.payments + 1)

    assert dearer(book).rule is MECHANISMS["vcg"]
    scanned = {
        mechanism: sg.misreport_scan(mechanism, "ann", book, price_factors=[1]).utilities.item()
        for mechanism in (sg.markets.vcg, MECHANISMS["vcg"], dearer)
    }
    assert list(scanned.values()) == [6.0, 6.0, 5.0]


def test_fewer_trials_are_the_fewer_of_both():
    few = Trials(participants=40, prices=3, quantities=1)
    assert Trials().at_most(few) == Trials(participants=32, prices=3, quantities=1)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_no_outcome_of_a_mechanism_is_worth_more_than_the_markets_own_clearing(kind):
    market: ClearableMarket = EXAMPLES[kind]
    best = market.clear().welfare
    welfare = [one.settle(market).welfare for one in MECHANISMS.values() if one.takes(kind)]
    assert max(welfare) == pytest.approx(best)


def test_two_mechanisms_of_one_name_are_refused():
    vcg = MECHANISMS["vcg"]
    with pytest.raises(ValueError, match='two rules are called "vcg"'):
        ByName([vcg, dataclasses.replace(vcg, title="again")])


def test_former_names_find_the_mechanism():
    assert MECHANISMS["vcg+scaled-rents"] is MECHANISMS["vcg+scale-rents"]
    assert "vcg+scaled-rents" not in list(MECHANISMS)


def test_the_tables_of_the_documentation_are_those_of_the_catalogue(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "docs" / "_extensions")
    tables = importlib.import_module("mechanism_tables")
    pages = [page.read_text(encoding="utf-8") for page in tables.PAGES]
    assert [tables.with_tables(text) for text in pages] == pages
    for name in tables.TABLES:
        assert "".join(pages).count(tables.table(name)) == 1


def test_names_are_written_once():
    """In the file of the mechanism; everything else iterates over the catalogue."""
    files = [
        *(PACKAGE / "markets").rglob("*.py"),
        PACKAGE / "cli" / "auction.py",
        PACKAGE / "plots" / "markets.py",
    ]
    places = {}
    for path in files:
        if path.name == "vcg_of_game.py":  # a rule of games of the same name
            continue
        for statement in ast.parse(path.read_text()).body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
                continue
            for node in ast.walk(statement):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    places.setdefault(node.value, set()).add(path.name)
    for mechanism in MECHANISMS.values():
        for name in (mechanism.name, mechanism.title):
            expected = 0 if "+" in name else 1
            assert len(places.get(name, ())) == expected, (name, places.get(name))
