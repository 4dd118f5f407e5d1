"""The Clarke tax: who tips the choice pays, and truth is the best report."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.errors import GameError
from sesgame.markets import PublicChoice, clarke_tax

BATTERY = PublicChoice(
    {
        "ann": {"none": 0, "small": 40, "large": 70},
        "bob": {"none": 0, "small": 30, "large": 20},
        "eve": {"none": 0, "small": 10, "large": 10},
    },
    cost={"small": 60, "large": 90},
)


def test_a_choice_worked_by_hand():
    """A third of the cost each: net worths are (0, 20, 40), (0, 10, -10) and (0, -10, -20).

    In all 0, 20 and 10: the small one. Without Ann 0, 0 and -30: nothing else would be better;
    without Bob 0, 10 and 20: he pays 10; without Eve 0, 30 and 30: nobody would miss her.
    """
    settlement = clarke_tax(BATTERY)
    assert settlement.alternative == "small"
    assert settlement.taxes.tolist() == [0, 10, 0]
    assert settlement.pivotal == ("bob",)
    assert settlement.payments.tolist() == [20, 30, 20]
    assert settlement.utilities.tolist() == [20, 0, -10]
    assert settlement.outside["cost"] == (-60, -60)
    assert settlement.welfare == 20
    assert sg.budget_balance(settlement).gap == 10
    assert settlement.to_dict()["alternative"] == "small"


CHOICES = st.integers(1, 4).flatmap(
    lambda n: st.integers(1, 3).flatmap(
        lambda k: st.builds(
            lambda rows, cost: PublicChoice(
                {f"p{i}": dict(enumerate(row)) for i, row in enumerate(rows)},
                cost=dict(enumerate(cost)),
            ),
            st.lists(st.lists(st.integers(-9, 9), min_size=k, max_size=k), min_size=n, max_size=n),
            st.lists(st.integers(0, 9), min_size=k, max_size=k),
        )
    )
)


@drawn(40, 400, CHOICES)
def test_taxes_are_those_of_brute_force_in_fractions(choice):
    n = len(choice.participants)
    net = [
        [
            Fraction(worth) - Fraction(cost) / n
            for worth, cost in zip(row, choice.cost.tolist(), strict=True)
        ]
        for row in choice.worth.tolist()
    ]
    totals = [sum(column) for column in zip(*net, strict=True)]
    chosen = totals.index(max(totals))
    settlement = clarke_tax(choice)
    assert settlement.alternative == choice.alternatives[chosen]
    for i in range(n):
        others = [total - own for total, own in zip(totals, net[i], strict=True)]
        assert settlement.taxes[i] == pytest.approx(float(max(others) - others[chosen]), abs=1e-9)
    assert sg.budget_balance(settlement).gap >= -1e-9


@drawn(15, 150, CHOICES)
def test_no_misreport_pays(choice):
    for participant in filter(choice.has_orders, choice.participants):
        scan = sg.misreport_scan(
            clarke_tax, participant, choice, price_factors=[0, 0.5, 1.5, 3, 20], progress=False
        )
        assert scan.gain == 0


def test_a_misreport_would_pay_without_the_tax():
    """The counter-example: shares of the cost alone let Ann tip the choice for nothing."""
    exaggerated = BATTERY.misreport("ann", 3.0, 1.0)
    truth, lie = clarke_tax(BATTERY), clarke_tax(exaggerated)
    assert (truth.alternative, lie.alternative) == ("small", "large")
    gain = (BATTERY.true_value("ann", lie) - 30) - (BATTERY.true_value("ann", truth) - 20)
    assert gain == 20
    assert lie.taxes[0] >= gain


def test_a_tax_is_what_the_others_would_have_without_the_participant():
    settlement = clarke_tax(BATTERY)
    for index, participant in enumerate(BATTERY.participants):
        others = clarke_tax(BATTERY.without(participant))
        net = BATTERY.net_worth[:, 1].sum() - BATTERY.net_worth[index, 1]
        assert settlement.taxes[index] == pytest.approx(others.welfare - net)
        assert others[participant] - others.taxes[index] == 0
        assert sg.budget_balance(others).gap == pytest.approx(others.taxes.sum())


@pytest.mark.parametrize("factor", [1e-3, 100.0])
def test_the_unit_of_money_decides_nothing(factor):
    scaled = PublicChoice(
        {
            label: dict(zip(BATTERY.alternatives, row, strict=True))
            for label, row in zip(
                BATTERY.participants, (BATTERY.worth * factor).tolist(), strict=True
            )
        },
        cost=dict(zip(BATTERY.alternatives, (BATTERY.cost * factor).tolist(), strict=True)),
    )
    usual, other = clarke_tax(BATTERY), clarke_tax(scaled)
    assert other.alternative == usual.alternative
    assert other.payments == pytest.approx(factor * usual.payments)


def test_of_equal_alternatives_the_first_is_chosen():
    third = 0.1 + 0.2
    choice = PublicChoice(
        {"ann": {"as it is": 0.3, "new": third}, "bob": {"as it is": 0, "new": 0}}
    )
    assert clarke_tax(choice).alternative == "as it is"


@pytest.mark.parametrize(
    ("worth", "options", "message"),
    [
        ({}, {}, "worth must map participants"),
        ([1], {}, "worth must map participants"),
        ({"ann": 3}, {}, "worth of 'ann' must map alternatives to numbers"),
        ({"ann": {}}, {}, "worth of 'ann' must map alternatives"),
        ({"ann": {"a": 1}, "bob": {"b": 1}}, {}, "worth of 'bob' is for 'b'; 'ann' has 'a'"),
        ({"ann": {"a": None}}, {}, "worth of 'a' to 'ann' must be a finite number"),
        ({"ann": {"a": np.nan}}, {}, "worth of 'a' to 'ann' must be a finite number"),
        ({"ann": {"a": 1}}, {"cost": {"b": 1}}, "cost is for 'b'; the alternatives are 'a'"),
        ({"ann": {"a": 1}}, {"cost": 3}, "cost must map alternatives to numbers"),
        ({"ann": {"a": 1}}, {"shares": [0.5]}, "shares must add up to 1, not to 0.5"),
        ({"ann": {"a": 1}}, {"shares": {"bob": 1}}, "shares are for 'bob'"),
        (
            {"ann": {"a": 1}, "bob": {"a": 1}},
            {"shares": [2, -1]},
            "the share of 'bob' is negative: -1.0",
        ),
    ],
)
def test_choices_that_cannot_be(worth, options, message):
    with pytest.raises(GameError, match=message):
        PublicChoice(worth, **options)
