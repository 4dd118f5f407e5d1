"""The checks of the test kit pass what is right, and name what is wrong and by how much."""

import subprocess
import sys
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from reference.market_oracles import one_bus_welfare
from sesgame.bills import rounded_bills
from sesgame.errors import AllocationError, GameError
from sesgame.markets import OrderBook, core_selecting, pay_as_bid, uniform_price, vcg
from sesgame.testing import (
    assert_additive,
    assert_anonymous,
    assert_budget_balanced,
    assert_cleared,
    assert_covariant,
    assert_dummies_get_their_worth,
    assert_efficient,
    assert_in_core,
    assert_individually_rational,
    assert_symmetric,
    assert_truthful,
    best_welfare,
    games,
    markets,
    storage_auctions,
    trading_game,
)

# c is a twin of b, and d brings 2 wherever it goes.
GAIN = sg.Game.from_dict(
    {
        ("a",): 1, ("b",): 0, ("c",): 0, ("d",): 2,
        ("a", "b"): 5, ("a", "c"): 5, ("a", "d"): 3, ("b", "c"): 0, ("b", "d"): 2, ("c", "d"): 2,
        ("a", "b", "c"): 7, ("a", "b", "d"): 7, ("a", "c", "d"): 7, ("b", "c", "d"): 2,
        ("a", "b", "c", "d"): 9,
    },
    kind="gain",
)  # fmt: skip
PAIRS = sg.Game.from_table(
    [0, 0, 0, 6, 0, 0, 0, 6, 0, 0, 0, 6, 6, 6, 6, 9], list("abcd"), kind="gain"
)
COST = sg.Game.from_dict({("a",): 40, ("b",): 30, ("a", "b"): 50}, kind="cost")
GOOD = {"a": 4, "b": 1.5, "c": 1.5, "d": 2}
BOOK = OrderBook.from_orders(
    [("ann", "bid", 9, 2), ("bob", "bid", 5, 1), ("eve", "offer", 3, 2), ("gus", "offer", 4, 2)]
)
LOADED = OrderBook.from_orders([("eve", "offer", 3, 2)], demand_kwh=3, value_of_lost_load=10)


def outcome(accepted, payments, **outside):
    """Return the outcome of somebody's own mechanism."""
    return SimpleNamespace(accepted_kwh=accepted, payments=payments, outside=outside)


def test_what_is_right_passes_in_every_form():
    forms = [
        GOOD,
        list(GOOD.values()),
        np.array(list(GOOD.values())),
        {player: Fraction(share) for player, share in reversed(GOOD.items())},
        sg.Allocation(list("dcba"), [2, 1.5, 1.5, 4], kind="gain", method="by hand"),
    ]
    for form in forms:
        assert_efficient(GAIN, form)
        assert_individually_rational(GAIN, form)
        assert_in_core(GAIN, form)
        assert_symmetric(GAIN, form)
        assert_dummies_get_their_worth(GAIN, form)
        assert_budget_balanced(form, total=9)


@pytest.mark.parametrize(
    ("check", "arguments", "message"),
    [
        pytest.param(
            assert_efficient, (GAIN, GOOD | {"a": 3}),
            "not efficient: the shares sum to 8, 1 less than v(N) = 9",
            id="too little",
        ),
        pytest.param(
            assert_efficient, (COST, [30, 22]),
            "not efficient: the shares sum to 52, 2 more than c(N) = 50", id="too much",
        ),
        pytest.param(
            assert_efficient, (COST, [Fraction(25), Fraction(24)]),
            "not efficient: the shares sum to 49, 1 less", id="exact",
        ),
        pytest.param(
            assert_efficient, (BOOK, outcome([1, 0, 1, 0], [6, 0, -6, 0])),
            "7 of welfare is lost: 6 is reached, 13 is possible", id="welfare",
        ),
        pytest.param(
            assert_individually_rational, (GAIN, GOOD | {"b": -0.5, "c": 3.5}),
            "b would gain 0.5 by leaving: gets -0.5, is worth 0 alone", id="a loser",
        ),
        pytest.param(
            assert_individually_rational, (BOOK, outcome([2, 0, 2, 0], [20, 0, -20, 0])),
            "ann loses 2 by taking part", id="a buyer who loses",
        ),
        pytest.param(
            assert_individually_rational, (LOADED, outcome([2], [-25], load=(20, 25))),
            "load loses 5 by taking part", id="a load that loses",
        ),
        pytest.param(
            assert_in_core, (GAIN, GOOD | {"a": 2, "b": 2.5, "c": 2.5}),
            "{a, b} would gain 0.5 by leaving: gets 4.5, is worth 5 alone", id="a pair",
        ),
        pytest.param(
            assert_in_core, (COST, {"a": 45, "b": 5}),
            "a would save 5 by leaving: pays 45, costs 40 alone", id="one who pays too much",
        ),
        pytest.param(
            assert_in_core, (COST, [20, 31]), "not efficient: the shares sum to 51, 1 more",
            id="inefficient",
        ),
        pytest.param(
            assert_in_core, (BOOK, vcg(BOOK)), "the payoffs are 3 more than the welfare",
            id="who pays for vcg?",
        ),
        pytest.param(
            assert_in_core, (BOOK, outcome([2, 0, 2, 0], [18, 0, -18, 0])),
            "would gain 10 by leaving", id="a market for the sellers",
        ),
        pytest.param(
            assert_symmetric, (GAIN, GOOD | {"b": 1, "c": 2}),
            "b and c are symmetric, but get 1 and 2", id="twins",
        ),
        pytest.param(
            assert_dummies_get_their_worth, (GAIN, GOOD | {"a": 3, "d": 3}),
            "d adds 2 to every coalition, but gets 3", id="a dummy",
        ),
        pytest.param(
            assert_symmetric, (sg.games.airport([4, 4]), [3, 1]), "but pay 3 and 1", id="costs",
        ),
        pytest.param(
            assert_dummies_get_their_worth, (sg.games.airport([0, 4]), [2, 2]),
            "0 adds 0 to every coalition, but pays 2", id="a dummy that pays",
        ),
        pytest.param(
            assert_anonymous, (lambda game: [0.0, 50.0], COST),
            "b pays 50, but 0 when the players are listed as b, a", id="the last pays all",
        ),
        pytest.param(
            assert_budget_balanced, (vcg(BOOK),), "a deficit of 3: 11 comes in, 14 goes out",
            id="a deficit",
        ),
        pytest.param(
            assert_budget_balanced, ({"a": Decimal("0.1"), "b": Decimal("-0.2")},),
            "a deficit of 0.1", id="to the cent",
        ),
        pytest.param(
            assert_budget_balanced, ([0.1, 0.2, -0.30001],), "a deficit of 1e-05", id="floats",
        ),
        pytest.param(
            assert_cleared, (BOOK, outcome([2, 1, 2, 0], [0] * 4)),
            "period 0: 3 kWh are bought, 2 kWh sold, for a load of 0 kWh", id="from nowhere",
        ),
        pytest.param(
            assert_cleared, (BOOK, outcome([3, 0, 2, 1], [0] * 4)),
            "order 0 of 'ann' is for 2 kWh, but 3 kWh are accepted", id="more than is wanted",
        ),
        pytest.param(
            assert_cleared, (BOOK, outcome([2, np.nan, 2, 0], [0] * 4)), "nan kWh", id="nan",
        ),
        pytest.param(
            assert_cleared, (BOOK, outcome([2], [0] * 4)), "1 quantities for 4 orders", id="some",
        ),
        pytest.param(
            assert_truthful, (uniform_price, BOOK), "gains", id="a price that one can move",
        ),
        pytest.param(
            assert_anonymous, (lambda game: [9, 0, 0, 0], GAIN),
            "but 9 when the players are listed as d, c, b, a", id="the first takes all",
        ),
        pytest.param(
            assert_covariant, (lambda game: [game.tabulate()[-1] / 4] * 4, GAIN),
            "follows from a change of unit", id="equal shares",
        ),
        pytest.param(
            assert_additive, (sg.nucleolus, GAIN, PAIRS), "in the two games one by one",
            id="the nucleolus",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(check, arguments, message):
    with pytest.raises(AssertionError) as caught:
        check(*arguments)
    assert message in str(caught.value)


def test_fractions_are_checked_without_tolerance():
    shares = {"a": Fraction(25), "b": Fraction(25)}
    assert_in_core(COST, shares, tolerance=0)
    with pytest.raises(AssertionError):
        assert_efficient(COST, shares | {"b": Fraction(25) + Fraction(1, 10**30)}, tolerance=0)


@given(games())
def test_the_shapley_value_and_the_nucleolus_satisfy_their_axioms(game):
    for rule in (sg.shapley_value, sg.prenucleolus):
        shares = rule(game)
        assert_efficient(game, shares)
        assert_symmetric(game, shares)
        assert_dummies_get_their_worth(game, shares)
        assert_covariant(rule, game)
        assert_anonymous(rule, game)


@given(games(n=3, kind="cost"), games(n=3, kind="cost"))
def test_the_shapley_value_is_additive(one, other):
    assert_additive(sg.shapley_value, one, other)


def test_bills_are_checked_to_the_cent():
    bills = dict(enumerate(rounded_bills([10 / 3] * 3, 10.0)))
    assert_budget_balanced(bills, total=10)
    assert_budget_balanced([1, -3], total=-3, surplus_allowed=True)


@given(markets(n_periods=2))
def test_a_trading_game_is_worth_what_duality_says(book):
    game = trading_game(book)
    assert len(game.players) == len(book.participants) + book.demand_kwh.any()
    inside = np.arange(len(book.participants)) % 2 == 0
    expected = Fraction(0)
    for period in range(book.n_periods):
        steps = [
            (bool(book.is_bid[k]), Fraction(book.price_per_kwh[k]), Fraction(book.quantity_kwh[k]))
            for k in np.flatnonzero(inside[book.participant] & (book.period == period))
        ]
        expected += one_bus_welfare([*steps, (True, Fraction(0), Fraction(0))])
    coalition = [p for p, is_in in zip(book.participants, inside, strict=True) if is_in]
    assert game.value(coalition) == pytest.approx(float(expected), abs=1e-9)
    assert best_welfare(book) == game.value(game.players)


@settings(max_examples=10)
@given(markets(n=3))
def test_known_mechanisms_have_their_properties(book):
    for mechanism in (vcg, uniform_price, pay_as_bid, core_selecting):
        settlement = mechanism(book)
        assert_cleared(book, settlement)
        assert_efficient(book, settlement)
        assert_individually_rational(book, settlement)
        if mechanism is not vcg:
            assert_budget_balanced(settlement, surplus_allowed=mechanism is pay_as_bid)
    assert_in_core(book, core_selecting(book), tolerance=1e-6)
    assert_truthful(vcg, book, quantity_factors=[0.5, 1, 2])


@settings(max_examples=15)
@given(storage_auctions(2))
def test_bidders_for_storage_tell_the_truth_under_vcg(auction):
    assert_individually_rational(auction, vcg(auction))
    assert_truthful(vcg, auction, price_factors=[0, 0.5, 1.5, 3])


@pytest.mark.parametrize(
    ("problem", "given", "error", "message"),
    [
        pytest.param(
            COST, {"a": 1}, AllocationError, r"of \{a\}; the players are \{a, b\}", id="a"
        ),
        pytest.param(COST, [1, 2, 3], AllocationError, "3 numbers for 2 players", id="3"),
        pytest.param(COST, [1, np.nan], AllocationError, "player 'b' gets nan", id="nan"),
        pytest.param(
            BOOK, outcome([0] * 4, [1]), GameError, "1 payments for 4 participants", id="payments"
        ),
    ],
)
def test_an_outcome_of_somebody_else_is_refused(problem, given, error, message):
    with pytest.raises(error, match=message):
        assert_individually_rational(problem, given)


def test_a_market_that_cannot_be_enumerated_is_refused():
    auction = sg.markets.StorageAuction(
        [("ann", 9, 1, 1, [0]), ("bob", 6, 1, 1, [0])], energy_kwh=1, power_kw=1, n_periods=1
    )
    for check in (assert_efficient, assert_in_core):
        with pytest.raises(TypeError, match="a StorageAuction is neither a Game nor an OrderBook"):
            check(auction, vcg(auction))


def test_the_test_kit_is_imported_on_demand_only():
    code = "import sys, sesgame; assert not {'hypothesis', 'sesgame.testing'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
