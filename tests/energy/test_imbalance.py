"""Producers who sell ahead together: published numbers, and the core for every outcome."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.energy import imbalance_settlement
from sesgame.errors import GameError

SOLD = {"wind": 10.0, "sun": 6.0, "river": 8.0}
CAME = {"wind": 12.0, "sun": 4.0, "river": 7.0}


def test_three_producers_who_are_short_together_are_paid_what_was_worked_by_hand():
    settled = imbalance_settlement(SOLD, CAME, 50, 80, 20)
    assert settled.payments == pytest.approx([660, 140, 320])
    game = settled.game()
    assert [game.value([name]) for name in SOLD] == pytest.approx([540, 140, 320])
    assert game.value(list(SOLD)) == pytest.approx(1120)
    assert settled.imbalance_price.tolist() == [80]
    audit = sg.audit(game, settled.allocation())
    assert audit.in_core
    assert audit.efficient


amounts = st.integers(-3, 12)


@drawn(
    40,
    200,
    st.lists(st.tuples(amounts, amounts), min_size=1, max_size=4),
    st.tuples(st.integers(-20, 40), st.integers(0, 30), st.integers(0, 30)),
)
def test_payments_balance_and_are_in_the_core_of_every_outcome(pairs, prices):
    surplus, above, beyond = prices
    ahead, shortage = surplus + above, surplus + above + beyond
    sold = {f"p{i}": c for i, (c, _) in enumerate(pairs)}
    came = {f"p{i}": x for i, (_, x) in enumerate(pairs)}
    settled = imbalance_settlement(sold, came, ahead, shortage, surplus)
    paid = [Fraction(each) for each in settled.payments.tolist()]
    game = settled.game()
    for size in range(1, len(pairs) + 1):
        for group in combinations(range(len(pairs)), size):
            c, x = (sum(pairs[i][side] for i in group) for side in (0, 1))
            alone = ahead * c - shortage * max(c - x, 0) + surplus * max(x - c, 0)
            got = sum(paid[i] for i in group)
            assert got >= alone
            assert game.value([f"p{i}" for i in group]) == pytest.approx(alone, abs=1e-9)
            if size == len(pairs):
                assert got == alone


def test_periods_are_settled_one_by_one():
    two = imbalance_settlement(
        {"a": [3, 3], "b": [2, 2]}, {"a": [4, 1], "b": [2, 2]}, [50, 60], [80, 90], [20, 10]
    )
    ones = [
        imbalance_settlement({"a": 3, "b": 2}, {"a": 4, "b": 2}, 50, 80, 20),
        imbalance_settlement({"a": 3, "b": 2}, {"a": 1, "b": 2}, 60, 90, 10),
    ]
    assert two.payments == pytest.approx(sum(each.payments for each in ones))
    assert two.imbalance_price.tolist() == [20, 90]
    by_hand = sum(each.game().tabulate() for each in ones)
    assert two.game().tabulate() == pytest.approx(by_hand)


def test_who_is_off_by_nothing_together_is_paid_the_price_ahead_whatever_the_order():
    # 0.1 + 0.2 is not 0.3 in floats, but nobody is short.
    for names in (["a", "b", "c"], ["c", "a", "b"]):
        sold = {"a": 0.1, "b": 0.2, "c": 0.0}
        came = {"a": 0.0, "b": 0.0, "c": 0.3}
        settled = imbalance_settlement(
            {name: sold[name] for name in names}, {name: came[name] for name in names}, 50, 80, 20
        )
        assert settled.imbalance_price.tolist() == [50]
        assert dict(zip(names, settled.payments, strict=True)) == pytest.approx(
            {"a": 0, "b": 0, "c": 15}
        )


def test_the_settlement_is_written_down():
    settled = imbalance_settlement(SOLD, CAME, 50, 80, 20)
    assert settled.to_dict()["payments"]["wind"] == pytest.approx(660)
    allocation = settled.allocation()
    assert "one price" in allocation.evidence.grounds(allocation, str)[0]
    assert np.array_equal(settled.payments_by_step.sum(axis=1), settled.payments)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"outputs": {"wind": 12.0}}, r"must be of the same producers; not \['river', 'sun'\]"),
        ({"contracts": {}}, "at least one player"),
        ({"shortage": 40}, "in step 0 the price ahead is 50 and the shortage price 40"),
        ({"surplus": 60}, "in step 0 the price ahead is 50 and the surplus price 60"),
        ({"price": float("nan")}, "price must be finite"),
        ({"price": "dear"}, "price must be a number, or one for each of 1 steps"),
        ({"price": [50, 50]}, "price must be a number, or one for each of 1 steps"),
        ({"outputs": CAME | {"sun": [1, 2]}}, "outputs must have as many steps of each producer"),
        ({"outputs": CAME | {"sun": float("inf")}}, "outputs of sun must be finite"),
        ({"contracts": SOLD | {"sun": "six"}}, "contracts of sun: an array of"),
        ({"contracts": SOLD | {"sun": [[1.0]]}}, r"contracts of sun have shape \(1, 1\)"),
        (
            {"outputs": {name: [1.0, 2.0] for name in SOLD}},
            "contracts have 1 steps, but outputs have 2",
        ),
    ],
)
def test_what_does_not_fit_is_refused(change, message):
    given = {"contracts": SOLD, "outputs": CAME, "price": 50, "shortage": 80, "surplus": 20}
    with pytest.raises(GameError, match=message):
        imbalance_settlement(**{**given, **change})
