"""Matching markets against published cases, all coalitions, and the rules of games."""

import dataclasses
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.market_oracles import best_pairs, matching_nucleolus_in_fractions
from sesgame.errors import AllocationError
from sesgame.markets import (
    CorePoint,
    Matching,
    buyer_optimal,
    fair_division,
    matching_nucleolus,
    seller_optimal,
    vcg,
)
from sesgame.testing import (
    assert_budget_balanced,
    assert_individually_rational,
    assert_truthful,
    matching_markets,
)

CORE_RULES = (buyer_optimal, seller_optimal, fair_division, matching_nucleolus)
HOUSES = Matching([[5, 8, 2], [7, 9, 6], [2, 3, 0]])
"""[shapleyshubik1971]: the worths of three houses to three buyers."""
KWH = Matching.from_bids(
    {"ann": 0.28, "bob": 0.26, "eve": 0.24},
    {"roof": 0.08, "wind": 0.12, "hydro": 0.20},
    path_fees=[[0.01, 0.03, 0.01], [0.02, 0.01, 0.02], [0.03, 0.02, 0.01]],
)


@pytest.mark.parametrize(
    ("rule", "market", "gains"),
    [
        pytest.param(buyer_optimal, HOUSES, [5, 6, 1, 1, 3, 0], id="houses, buyers"),
        pytest.param(seller_optimal, HOUSES, [3, 5, 0, 2, 5, 1], id="houses, sellers"),
        pytest.param(fair_division, HOUSES, [4, 5.5, 0.5, 1.5, 4, 0.5], id="houses, middle"),
        pytest.param(
            matching_nucleolus, HOUSES, [4, 17 / 3, 1 / 3, 5 / 3, 4, 1 / 3], id="houses, nucleolus"
        ),
        pytest.param(buyer_optimal, Matching([[6, 4], [5, 4]]), [5, 4, 1, 0], id="two, buyers"),
        pytest.param(seller_optimal, Matching([[6, 4], [5, 4]]), [0, 0, 6, 4], id="two, sellers"),
        pytest.param(
            matching_nucleolus, Matching([[6, 4], [5, 4]]), [2.5, 2, 3.5, 2], id="two, nucleolus"
        ),
        pytest.param(buyer_optimal, KWH, [0.09, 0.06, 0.03, 0.10, 0.07, 0], id="kWh, buyers"),
        pytest.param(seller_optimal, KWH, [0.04, 0.01, 0, 0.15, 0.12, 0.03], id="kWh, sellers"),
        pytest.param(
            matching_nucleolus,
            KWH,
            [0.185 / 3, 0.115 / 3, 0.015, 0.385 / 3, 0.275 / 3, 0.015],
            id="kWh, nucleolus",
        ),
        pytest.param(vcg, HOUSES, [5, 6, 1, 2, 5, 1], id="houses, vcg"),
        pytest.param(matching_nucleolus, Matching([[1], [1]]), [0, 0, 1], id="gloves"),
        pytest.param(matching_nucleolus, Matching([[9], [5]]), [2, 0, 7], id="two for one"),
        pytest.param(fair_division, Matching([[0, -3]]), [0, 0, 0], id="nothing to gain"),
    ],
)
def test_worked_and_published_cases(rule, market, gains):
    settlement = rule(market)
    np.testing.assert_allclose(settlement.utilities, gains, rtol=0, atol=1e-14)
    assert settlement.verify().holds


def test_each_pair_has_a_price_and_the_owner_of_the_path_its_fee():
    settlement = matching_nucleolus(KWH)
    assert [(pair.row, pair.column) for pair in settlement.pairs] == [
        ("ann", "roof"),
        ("bob", "wind"),
        ("eve", "hydro"),
    ]
    paid = [pair.paid for pair in settlement.pairs]
    received = [pair.received for pair in settlement.pairs]
    np.testing.assert_allclose(paid, [0.2183333333, 0.2216666667, 0.225], atol=1e-9)
    np.testing.assert_allclose(np.subtract(paid, received), 0.01, atol=1e-12)
    assert settlement.outside["path owners"] == pytest.approx((-0.03, -0.03))
    assert sg.budget_balance(settlement).balanced
    assert settlement.to_dict()["pairs"][2]["column"] == "hydro"
    assert settlement.to_dict()["point"] == CorePoint.NUCLEOLUS.value


@drawn(15, 60, matching_markets(bids=False))
def test_every_rule_agrees_with_the_rules_of_games(market):
    """The general nucleolus and the tau value of all coalitions, and what each participant adds."""
    game = market.game()
    total = game.value(game.players)
    assert total == pytest.approx(float(best_pairs(market.worth)))
    np.testing.assert_allclose(
        matching_nucleolus(market).utilities, sg.nucleolus(game, progress=False).values, atol=1e-9
    )
    np.testing.assert_allclose(
        fair_division(market).utilities, sg.tau_value(game).values, atol=1e-9
    )
    adds = [total - float(best_pairs(market.without(one).worth)) for one in market.participants]
    m = len(market.rows)
    np.testing.assert_allclose(buyer_optimal(market).utilities[:m], adds[:m], atol=1e-12)
    np.testing.assert_allclose(seller_optimal(market).utilities[m:], adds[m:], atol=1e-12)
    np.testing.assert_allclose(vcg(market).utilities, adds, atol=1e-12)
    for rule in CORE_RULES:
        assert sg.core_check(game, rule(market).utilities).in_core


@drawn(20, 80, matching_markets(bids=False))
def test_the_nucleolus_is_that_of_fractions(market):
    worth = [[Fraction(float(entry)) for entry in row] for row in market.worth]
    expected = [float(gain) for gain in matching_nucleolus_in_fractions(worth)]
    np.testing.assert_allclose(matching_nucleolus(market).utilities, expected, rtol=0, atol=1e-12)


@drawn(15, 30, matching_markets())
def test_the_core_gap_is_that_of_every_coalition(market):
    game, settlement = market.game(), fair_division(market)
    payoffs = settlement.utilities + np.where(np.arange(len(game.players)) % 2, 1.0, -1.5)
    excesses = [
        game.value([game.players[i] for i in members]) - payoffs[list(members)].sum()
        for size in range(1, len(payoffs) + 1)
        for members in combinations(range(len(payoffs)), size)
    ]
    gap = market.core_gap(payoffs, 0.0, tolerance=market.tolerance)
    assert gap.excess == gap.bound == pytest.approx(max(0.0, *excesses))
    if gap.blocking:
        members = sorted(map(game.players.index, gap.blocking))
        found = game.value(gap.blocking) - payoffs[members].sum()
        assert found == pytest.approx(gap.excess)


@settings(max_examples=20)
@given(matching_markets())
def test_nobody_loses_and_the_budget_is_balanced_in_the_core(market):
    for rule in CORE_RULES:
        settlement = rule(market)
        assert_individually_rational(market, settlement)
        assert_budget_balanced(settlement)
        for pair in settlement.pairs:
            i, j = market.rows.index(pair.row), market.columns.index(pair.column)
            assert market.offer[j] - 1e-9 <= pair.received <= pair.paid - market.fee[i, j] + 1e-9
            assert pair.paid <= market.bid[i, j] + 1e-9
    assert sg.budget_balance(vcg(market)).gap <= market.tolerance


@settings(max_examples=10)
@given(matching_markets(st.integers(1, 3)))
def test_truth_is_best_for_the_side_that_gets_its_best(market):
    assert_truthful(buyer_optimal, market, participants=market.rows)
    assert_truthful(seller_optimal, market, participants=market.columns)
    assert_truthful(vcg, market)


def test_the_other_side_gains_by_a_misreport():
    """One buyer at 9, one seller at 3: in the core any price; who gets the rest asks for more."""
    market = Matching.from_bids({"ann": 9}, {"eve": 3})
    for rule, liar, side in ((buyer_optimal, "eve", "buyer"), (seller_optimal, "ann", "seller")):
        report = rule(market).properties()
        assert report.manipulator == liar
        assert report.incentive_compatible is False
        scanned = rule(market).properties(scan=[])
        assert scanned.incentive_compatible is None
        truthful = {"buyer": "ann", "seller": "eve"}[side]
        assert sg.misreport_scan(rule, truthful, market).gain == 0
    with pytest.raises(AssertionError, match="eve gains"):
        assert_truthful(buyer_optimal, market, participants=["eve"])


def test_a_verdict_says_for_whom_truth_is_a_theorem():
    # Both sellers compete for one buyer: neither moves the price that it gets.
    market = Matching.from_bids({"ann": 9}, {"eve": 3, "gus": 3})
    verdict = buyer_optimal(market).properties().verdicts["incentive compatible"]
    assert str(verdict).startswith("none found in ")
    assert str(verdict).endswith("of 2 participants; no buyer gains, by theorem")
    given_worths = buyer_optimal(HOUSES).properties().verdicts["incentive compatible"]
    assert str(given_worths) == "yes, by theorem, since only buyers report"
    edited = buyer_optimal(HOUSES)
    edited = dataclasses.replace(edited, payments=edited.payments + np.array([1, 0, 0, -1, 0, 0]))
    assert edited.properties().incentive_compatible is None


@pytest.mark.parametrize("forbidden", [0.0, -1.0, -np.inf], ids=["zero", "loss", "forbidden"])
def test_a_pair_that_is_forbidden_is_one_that_gains_nothing(forbidden):
    market = Matching([[5, forbidden], [4, 3]])
    # The slacks of {second, first}, {first} and {other second} sum to 4: 4/3 each.
    gains = matching_nucleolus(market).utilities
    np.testing.assert_allclose(gains, [4 / 3, 5 / 3, 11 / 3, 4 / 3], atol=1e-14)
    both = Matching([[forbidden]])
    assert buyer_optimal(both).pairs == ()
    assert buyer_optimal(both).payments.tolist() == [0, 0]


def test_a_forbidden_pair_makes_no_contract_whatever_it_is_worth():
    market = Matching.from_bids([9, 8], [1, 2], path_fees=[[np.inf, 0], [0, np.inf]])
    pairs = [(pair.row, pair.column) for pair in fair_division(market).pairs]
    assert pairs == [(0, 3), (1, 2)]
    assert market.clear().welfare == 9 - 2 + 8 - 1
    assert market.without(2).clear().welfare == 9 - 2
    assert market.without(0).clear().welfare == 8 - 1


def large(kind, m, n):
    rng = np.random.default_rng(3)
    return {
        "random": lambda: rng.random((m, n)),
        "ties": lambda: rng.integers(0, 9, (m, n)).astype(float),
        "trade": lambda: rng.uniform(8, 15, (m, 1)) - rng.uniform(5, 12, n) - rng.random((m, n)),
        "product": lambda: np.outer(np.arange(1.0, m + 1), np.arange(1.0, n + 1)),
    }[kind]()


@pytest.mark.parametrize("kind", ["random", "ties", "trade", "product"])
@pytest.mark.parametrize(
    ("m", "n"), [(60, 60), (40, 70), pytest.param(200, 200, marks=pytest.mark.slow)]
)
def test_large_markets_are_proved(kind, m, n):
    market = Matching(large(kind, m, n))
    found = [rule(market) for rule in (*CORE_RULES, vcg)]
    for settlement in found:
        assert settlement.verify().holds
        assert settlement.welfare == pytest.approx(market.clear().welfare)
        for other in found:  # what proves one point refutes another one
            distance = np.abs(other.utilities - settlement.utilities).max()
            claimed = dataclasses.replace(settlement, point=other.point)
            assert claimed.verify().holds == (distance <= 1e-9)
    assert kind != "random" or len({str(one.utilities.round(6)) for one in found}) == len(found)
    levels = matching_nucleolus(market).levels
    assert list(levels) == sorted(levels)


@drawn(15, 60, matching_markets(st.integers(2, 4), bids=False), st.integers(0, 10**6))
def test_other_payoffs_in_the_core_are_not_proved_to_be_the_nucleolus(market, seed):
    settlement = matching_nucleolus(market)
    ends = buyer_optimal(market).utilities, seller_optimal(market).utilities
    part = np.random.default_rng(seed).random()
    moved = part * ends[0] + (1 - part) * ends[1]
    claimed = dataclasses.replace(settlement, payments=settlement.values - moved)
    distance = np.abs(moved - settlement.utilities).max()
    assert claimed.verify().holds == (distance <= 1e-9)


def test_a_proof_names_what_fails():
    settlement = matching_nucleolus(HOUSES)

    def verify(payoffs, **changes):
        payments = settlement.values - np.array(payoffs)
        return dataclasses.replace(settlement, payments=payments, **changes).verify()

    assert "0 and 3 could gain 4 more" in verify([1, 5.5, 0.5, 0, 7, 0.5]).failures[0]
    assert "0 gains -1, less than nothing" in verify([-1, 6, 1, 6, 9, 0]).failures
    assert "share other than" in verify([5, 6, 1, 1.5, 3, 0]).failures[0]
    twice = np.array([1, 2, 2])
    assert "5 has two contracts" in verify([5, 6, 1, 1, 3, 0], column_of=twice).failures
    nobody = np.array([1, 2, -1])
    assert "2 has no contract, and a gain" in verify([5, 6, 1, 1, 3, 0], column_of=nobody).failures
    assert "could get" in verify([5, 6, 1, 1, 3, 0]).failures[0]
    middle = verify([5, 6, 1, 1, 3, 0], point=CorePoint.FAIR)
    assert "could get 0 more, or 2 less" in middle.failures[0]
    assert (
        "could get 2 less" in verify([5, 6, 1, 1, 3, 0], point=CorePoint.SELLERS_BEST).failures[0]
    )
    with pytest.raises(AllocationError, match="no point that can be proved"):
        dataclasses.replace(settlement, point=None).verify()


@drawn(10, 40, matching_markets(bids=False), st.sampled_from([1e-9, 0.01, 1 / 3, 7, 1e6]))
def test_units_of_money_change_nothing(market, unit):
    other = Matching(market.bid * unit, rows=market.rows, columns=market.columns)
    for rule in (*CORE_RULES, vcg):
        mine, theirs = rule(market), rule(other)
        assert mine.column_of.tolist() == theirs.column_of.tolist()
        np.testing.assert_allclose(theirs.utilities / unit, mine.utilities, rtol=0, atol=1e-11)


def test_progress_of_the_nucleolus_is_shown_and_its_market_may_be_wide_or_tall():
    seen = []
    worth = large("random", 30, 50)
    sg._engine.matching_nucleolus(worth, lambda *state: seen.append(state))
    assert seen[-1] == (30, 30)
    tall = matching_nucleolus(Matching(worth.T))
    wide = matching_nucleolus(Matching(worth))
    np.testing.assert_allclose(np.roll(tall.utilities, 30), wide.utilities, atol=1e-12)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        pytest.param(lambda: Matching([[1, np.nan]]), "row 0 and column 2 is nan", id="nan"),
        pytest.param(lambda: Matching([[np.inf]]), "row 0 and column 1 is inf", id="inf"),
        pytest.param(lambda: Matching([1, 2]), r"worth has shape \(2,\)", id="vector"),
        pytest.param(lambda: Matching([[]]), r"worth has shape \(1, 0\)", id="no column"),
        pytest.param(lambda: Matching([["x"]]), "worth must be numbers", id="text"),
        pytest.param(
            lambda: Matching([[1]], rows=["a", "b"]), "rows has 2 labels for 1 rows", id="labels"
        ),
        pytest.param(
            lambda: Matching([[1]], rows=["a"], columns=["a"]),
            "'a' is a row and a column",
            id="both sides",
        ),
        pytest.param(
            lambda: Matching([[1], [2]], rows=["a", "a"]), "duplicate player 'a'", id="twice"
        ),
        pytest.param(
            lambda: Matching.from_bids([1, np.nan], [1]),
            "the bid of row 1 and column 2 is nan",
            id="bid",
        ),
        pytest.param(
            lambda: Matching.from_bids({"ann": 1}, {"eve": -np.inf}),
            "the offer of 'eve' must be finite, and no larger than .*, got -inf",
            id="offer",
        ),
        pytest.param(
            lambda: Matching([[1, 1e299]]), "row 0 and column 2 is 1e\\+299", id="too large"
        ),
        pytest.param(
            lambda: Matching.from_bids([1e308], {"eve": -1e308}),
            "the bid of row 0 and column 'eve' is 1e\\+308; it must be a number up to 1e\\+298",
            id="too large together",
        ),
        pytest.param(
            lambda: Matching.from_bids([1], [1], path_fees=[[-1e300]]),
            "the path fee of row 0 and column 1 is -1e\\+300",
            id="fee too large",
        ),
        pytest.param(
            lambda: Matching.from_bids([1], [1], path_fees=[[-np.inf]]),
            "the path fee of row 0 and column 1 is -inf",
            id="fee",
        ),
        pytest.param(
            lambda: Matching.from_bids([1, 2], [1, 2, 3], path_fees=[[1, 2]] * 2),
            r"path_fees has shape \(2, 2\); it needs a number for each of 2 rows and 3 columns",
            id="fees",
        ),
        pytest.param(
            lambda: Matching.from_bids([[1, 2]], [1, 2, 3]), r"bids has shape \(1, 2\)", id="bids"
        ),
        pytest.param(
            lambda: Matching.from_bids([1], []), r"bids has shape \(1,\), offers \(0,\)", id="none"
        ),
        pytest.param(
            lambda: Matching.from_bids({"a": 1}, [1], rows=["b"]),
            "bids is a mapping, whose keys are the labels",
            id="labels twice",
        ),
        pytest.param(
            lambda: Matching.from_bids({"a": "x"}, [1]), "bids must be numbers", id="bid in text"
        ),
        pytest.param(
            lambda: buyer_optimal(sg.Game.from_table([0, 1], kind="gain")),
            "buyer_optimal takes Matching, got Game|market must be",
            id="a game",
        ),
        pytest.param(lambda: sg.games.assignment([[-1]]), "worth holds -1", id="negative"),
        pytest.param(lambda: sg.games.assignment([1]), "it needs 2 dimensions", id="no matrix"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(sg.errors.GameError, match=message):
        make()
