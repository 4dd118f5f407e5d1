"""What a settlement says of its properties, and what has to be known for that."""

import dataclasses

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import CoalitionError, GameError
from sesgame.markets import (
    Matching,
    NetworkMarket,
    OrderBook,
    StorageAuction,
    bailey_cavallo,
    core_selecting,
    mcafee,
    nodal_pricing,
    pay_as_bid,
    uniform_price,
    vcg,
)
from sesgame.markets.catalogue import MECHANISMS
from sesgame.markets.mechanism import MarketPromise
from sesgame.markets.properties import _sample
from sesgame.markets.truthfulness import likely_price_factors

BOOK = OrderBook.from_orders(
    [("ann", "bid", 9, 2), ("bob", "bid", 5, 1), ("eve", "offer", 3, 2), ("gus", "offer", 4, 2)]
)
ONE_PRICE = OrderBook.from_orders(
    [(f"{side} {k}", side, 0.5, 0.1) for side in ("bid", "offer") for k in range(3)]
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
UNITS = OrderBook.from_orders(
    [("b1", "bid", 9, 1), ("b2", "bid", 8, 1), ("s1", "offer", 2, 1), ("s2", "offer", 4, 1)]
)
CONTRACTS = Matching.from_bids(
    {"ann": 9, "bob": 8}, {"eve": 2, "gus": 4}, path_fees=[[1, 2], [2, 1]]
)
TAKEN = {OrderBook: UNITS, NetworkMarket: GRID, StorageAuction: BATTERY, Matching: CONTRACTS}


def truthful(settlement, **options):
    return str(settlement.properties(**options).verdicts["incentive compatible"])


@pytest.mark.parametrize(
    ("mechanism", "kind"),
    [
        pytest.param(mechanism, kind, id=f"{mechanism.name}-{kind.__name__}")
        for mechanism in MECHANISMS.values()
        for kind in mechanism.markets
    ],
)
def test_only_a_theorem_is_a_yes(mechanism, kind):
    report = mechanism(TAKEN[kind]).properties()
    promised = MarketPromise.TRUTHFUL in mechanism.promises
    assert (report.incentive_compatible is True) == promised
    verdict = report.verdicts["incentive compatible"]
    assert verdict.word in (("yes",) if promised else ("no", "none found"))
    assert verdict.ground.startswith("by theorem") == promised
    assert (report.misreports == 0) == promised


def test_a_gain_is_at_least_that_of_the_best_misreport_that_was_tried():
    report = pay_as_bid(BOOK).properties()
    verdict = report.verdicts["incentive compatible"]
    assert verdict.figure == report.misreport_gain == pytest.approx(10, rel=1e-5)
    assert str(verdict) == "no: ann gains at least 10 with prices x 0.4444, quantities x 1"
    price, quantity = report.misreport
    again = pay_as_bid(BOOK.misreport("ann", price, quantity))
    gain = BOOK.true_value("ann", again) - again["ann"] - pay_as_bid(BOOK).utilities[0]
    assert gain == pytest.approx(report.misreport_gain)


def test_a_search_that_finds_nothing_says_how_much_was_searched():
    report = uniform_price(ONE_PRICE).properties()
    assert report.incentive_compatible is None
    count = report.misreports
    assert count == 6 * (count // 6) > 60
    said = f"none found in {count} misreports of 6 participants, all factors of prices among them"
    assert str(report.verdicts["incentive compatible"]) == said
    assert report.verdicts["incentive compatible"].brief == "none found"
    one = truthful(uniform_price(ONE_PRICE), scan=["bid 0"])
    assert one.endswith("of 1 of 6 participants, all factors of prices among them")
    assert truthful(uniform_price(ONE_PRICE), scan=[]) == "unknown: no misreport was tried"


def test_of_many_participants_a_sample_is_tried_that_the_seed_draws():
    many = OrderBook.from_orders(
        [(f"{side} {k}", side, 0.5, 1 + k) for side in ("bid", "offer") for k in range(20)]
    )
    said = truthful(uniform_price(many))
    assert "misreports of 32 of 40 participants, all factors" in said
    assert said == truthful(uniform_price(many))
    drawn = [_sample(range(40), 32, seed) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    # Those with the largest trade are in every sample; nobody is there twice.
    assert all(one[:16] == list(range(16)) and len(set(one)) == 32 for one in drawn)
    assert _sample(range(32), 32, 0) == list(range(32))


def test_misreports_are_tried_until_time_is_up_and_what_was_tried_counts():
    settlement = core_selecting(BOOK)
    report = settlement.properties(max_seconds=1e-9)
    assert (report.misreports, report.scanned) == (1, 1)
    said = str(report.verdicts["incentive compatible"])
    assert said == "none found in 1 misreports of 1 of 4 participants, stopped after 1e-09 s"
    assert "stopped" not in truthful(settlement, scan=["gus"], max_seconds=1e9)
    with pytest.raises(GameError, match="max_seconds must be positive, got 0"):
        settlement.properties(max_seconds=0)


def test_payments_that_the_mechanism_does_not_make_have_no_theorem():
    edited = dataclasses.replace(vcg(BOOK), payments=vcg(BOOK).payments + 1)
    assert edited.properties().incentive_compatible is None
    assert truthful(edited) == "unknown: the payments are not those of the rule"
    nobody = dataclasses.replace(vcg(BOOK), rule=None)
    assert truthful(nobody) == "unknown"


def test_a_gain_that_is_found_refutes_a_promise():
    boastful = dataclasses.replace(
        MECHANISMS["pay-as-bid"], promises=frozenset({MarketPromise.TRUTHFUL})
    )
    settlement = dataclasses.replace(pay_as_bid(BOOK), rule=boastful)
    assert truthful(settlement) == "yes, by theorem"
    assert truthful(settlement, scan=["ann"]).startswith("no: ann gains at least 9.99999")
    # On another kind of market than the promise is for, it says nothing.
    elsewhere = dataclasses.replace(boastful, markets=(StorageAuction,))
    assert truthful(dataclasses.replace(settlement, rule=elsewhere)).startswith("no: ann")


def test_a_theorem_about_prices_says_so():
    assert truthful(mcafee(UNITS)) == "yes, by theorem, of prices"


def test_rebates_keep_the_theorem_and_other_repairs_do_not():
    assert truthful(bailey_cavallo(vcg, BATTERY)) == "yes, by theorem"
    repaired = sg.markets.uplift_by_load(vcg(BOOK))
    assert repaired.rule.promises == {MarketPromise.EFFICIENT, MarketPromise.BALANCED}
    assert repaired.properties().incentive_compatible is False
    # Nothing is kept of what was not promised.
    uplifted = sg.markets.uplift_by_gain(sg.markets.trade_reduction(UNITS))
    assert uplifted.rule.promises == {MarketPromise.VOLUNTARY, MarketPromise.BALANCED}


def test_a_bound_on_the_welfare_is_no_loss():
    settlement = vcg(BATTERY)
    stopped = dataclasses.replace(settlement, best_welfare=50.0, welfare_bound=50.0)
    stopped = dataclasses.replace(stopped, payment_gaps=np.full(3, 2.0))
    report = stopped.properties(scan=[])
    assert report.efficient is None
    assert str(report.verdicts["efficient"]) == "unknown: at most 2 of welfare lost"
    assert settlement.properties().efficient is True


def test_a_generator_of_a_published_grid_gains_by_asking_for_more():
    """case30 of MATPOWER: nodal prices are not truthful, at factors near 1."""
    market = NetworkMarket.from_matpower("case30", value_of_lost_load=1000)
    report = nodal_pricing(market).properties()
    assert report.incentive_compatible is False
    assert report.misreport_gain > 0.9
    assert truthful(vcg(market)) == "yes, by theorem"


def test_misreports_pass_just_beside_the_prices_of_others():
    factors = likely_price_factors(BOOK, "ann", 40)
    for price in (3, 4, 5):
        for beside in (1 - 1e-6, 1 + 1e-6):
            assert np.isclose(factors, price / 9 * beside, rtol=1e-12).any()
    assert not (factors == 1).any()
    many = OrderBook(range(500), range(500), np.arange(500) % 2, np.arange(1.0, 501), np.ones(500))
    assert len(likely_price_factors(many, 7, 64)) <= 64
    # At a price of nothing no factor moves anything.
    free = OrderBook.from_orders([("a", "offer", 0, 1), ("b", "bid", 3, 1)])
    assert np.isfinite(likely_price_factors(free, "a", 40)).all()


def test_whose_misreports_are_tried_has_to_be_there():
    with pytest.raises(GameError, match="participant 'load' has no order"):
        pay_as_bid(
            OrderBook.from_orders([("a", "bid", 1, 1)], participants=["a", "load"])
        ).properties(scan=["load"])
    with pytest.raises(CoalitionError, match="nobody"):
        pay_as_bid(BOOK).properties(scan=["nobody"])
