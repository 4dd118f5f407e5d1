"""Divisions of an estate: fractions, duality, the Talmud's nucleolus, bad input."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from reference import one_line_oracles as oracle
from sesgame.errors import AllocationError, GameError, SesgameError

RULES = ["equal-awards", "equal-losses", "proportional", "talmud"]


@st.composite
def estates(draw):
    claims = draw(st.lists(st.integers(0, 300), min_size=1, max_size=6))
    return draw(st.integers(0, sum(claims))), claims


def exact(rule, estate, claims):
    estate, claims = Fraction(estate), [Fraction(claim) for claim in claims]
    if rule == "proportional":
        total = sum(claims)
        return [c * estate / total for c in claims] if total else claims
    return getattr(oracle, rule.replace("-", "_"))(estate, claims)


@pytest.mark.parametrize("rule", RULES)
@given(case=estates())
def test_shares_are_those_of_fractions(rule, case):
    estate, claims = case
    found = sg.divide(estate, claims, rule=rule)
    expected = [float(share) for share in exact(rule, estate, claims)]
    np.testing.assert_allclose(found.values, expected, rtol=1e-12, atol=1e-12 * sum(claims))
    assert found.total == pytest.approx(estate, abs=found.tolerance)
    assert (found.values >= 0).all()
    assert (found.values <= claims).all()


@given(case=estates())
def test_the_talmud_is_the_nucleolus_of_the_bankruptcy_game(case):
    estate, claims = case
    game = sg.games.bankruptcy(estate, claims)
    expected = sg.nucleolus(game, progress=False).values
    found = sg.divide(estate, claims, rule="talmud").values
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9 * sum(claims))


@pytest.mark.parametrize(
    ("estate", "talmud"),
    [(100, [100 / 3] * 3), (200, [50, 75, 75]), (300, [50, 100, 150])],
)
def test_the_marriage_contracts_of_the_talmud(estate, talmud):
    # Ketubot 93a, as in Aumann and Maschler (1985), table I.
    found = sg.divide(estate, [100, 200, 300], rule="talmud")
    np.testing.assert_allclose(found.values, talmud, rtol=1e-14)


def test_labels_are_kept_and_the_estate_is_said():
    found = sg.divide(200, {"ann": 100, "bob": 200, "eve": 300}, rule="equal-losses")
    assert dict(zip(found.players, found.values.tolist(), strict=True)) == {
        "ann": 0,
        "bob": 50,
        "eve": 150,
    }
    sentences = found.evidence.grounds(found, lambda value: f"{value:g} EUR")
    assert sentences == ["There is 200 EUR for claims of 600 EUR."]


@pytest.mark.parametrize(
    ("estate", "claims", "rule", "message"),
    [
        (700, [100, 200], "talmud", "estate is 700; it must be from 0 to 300"),
        (-1, [100], "talmud", "estate is -1"),
        (float("nan"), [100], "talmud", "estate is nan"),
        (float("inf"), [100], "talmud", "estate is inf"),
        (10, {"ann": 20, "bob": -5}, "talmud", "claim of 'bob' is -5"),
        (10, [float("inf"), 1], "talmud", "inf"),
        (10, [], "talmud", "there is no claim"),
        (10, ["x"], "talmud", "must be numbers"),
        (10, [[10, 20]], "talmud", "shape"),
        (10, [20], "lottery", "rule must be one of"),
    ],
)
def test_what_cannot_be_divided_is_named(estate, claims, rule, message):
    with pytest.raises(SesgameError, match=message) as caught:
        sg.divide(estate, claims, rule=rule)
    assert isinstance(caught.value, AllocationError)


@pytest.mark.parametrize(
    ("estate", "rule", "message"),
    [
        ("much", "talmud", "estate must be a number, got str 'much'"),
        (None, "talmud", "estate must be a number, got None"),
        (10, ["talmud"], "rule must be text, got list"),
    ],
)
def test_a_wrong_type_is_named(estate, rule, message):
    with pytest.raises(GameError, match=message):
        sg.divide(estate, [20], rule=rule)
