"""The Gately point against fractions, its own definition, and games worked by hand."""

from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import assume, given
from hypothesis import strategies as st
from sesgame.errors import AllocationError

numbers = st.integers(-30, 60)


@st.composite
def tables(draw):
    n = draw(st.integers(2, 5))
    return [0, *draw(st.lists(numbers, min_size=2**n - 1, max_size=2**n - 1))]


def exact(table):
    """Return v(i), M_i and the Gately point of gains in fractions; None where there is none."""
    n = len(table).bit_length() - 1
    grand = Fraction(table[-1])
    alone = [Fraction(table[1 << i]) for i in range(n)]
    added = [grand - table[len(table) - 1 - (1 << i)] for i in range(n)]
    gain, total = grand - sum(alone), sum(added) - sum(alone)
    if gain == 0:
        return alone, added, alone
    if gain < 0 or total == 0:
        return alone, added, None
    return alone, added, [a + (m - a) * gain / total for a, m in zip(alone, added, strict=True)]


def made(table, kind):
    """Return the game of a table of gains, and its sign; as costs, with the other sign."""
    sign = 1 if kind == "gain" else -1
    return sg.Game.from_table([float(sign * value) for value in table], kind=kind), sign


@given(table=tables(), kind=st.sampled_from(["gain", "cost"]))
def test_it_is_that_of_fractions(table, kind):
    game, sign = made(table, kind)
    _, _, point = exact(table)
    if point is None:
        with pytest.raises(AllocationError, match=r"no Gately point|together they lose"):
            sg.gately_point(game)
    else:
        found = sg.gately_point(game)
        expected = [float(sign * x) for x in point]
        np.testing.assert_allclose(found.values, expected, rtol=1e-12, atol=1e-11)
        assert found.evidence.verify(game).holds
        proved = found.evidence.verify(game, exact=True)
        assert proved.holds
        assert [sign * x for x in proved.values] == point


@given(table=tables(), kind=st.sampled_from(["gain", "cost"]))
def test_all_have_the_same_propensity_to_disrupt(table, kind):
    # So much that all together gain, and everybody adds more than they have alone.
    table = [*table[:-1], table[-1] + 10 * sum(map(abs, table)) + 1]
    alone, added, point = exact(table)
    gains = [x - a for x, a in zip(point, alone, strict=True)]
    assume(all(gains))
    found = sg.gately_point(made(table, kind)[0])
    for x, m, gain in zip(point, added, gains, strict=True):
        assert found.evidence.propensity == pytest.approx(float((m - x) / gain), rel=1e-9, abs=1e-9)


@given(
    point=st.tuples(numbers, numbers, numbers),
    slack=st.lists(st.integers(0, 40), min_size=6, max_size=6),
)
def test_of_three_players_it_is_in_the_core_if_there_is_one(point, slack):
    shares = [sum(x for i, x in enumerate(point) if mask >> i & 1) for mask in range(8)]
    less = [0, *slack, 0]  # so that the point is in the core
    table = [float(share - missing) for share, missing in zip(shares, less, strict=True)]
    game = sg.Game.from_table(table, kind="gain")
    assert sg.audit(game, sg.gately_point(game)).in_core


@given(table=tables(), power=st.integers(-30, 30))
def test_it_does_not_depend_on_the_unit(table, power):
    assume(exact(table)[2] is not None)
    factor = 2.0**power  # exact, so that every bit has to agree
    values = np.array(table, dtype=float)
    before = sg.gately_point(sg.Game.from_table(values, kind="gain"))
    after = sg.gately_point(sg.Game.from_table(factor * values, kind="gain"))
    assert after.values.tolist() == (factor * before.values).tolist()


def test_the_separable_costs_of_the_cable_and_what_remains():
    cable = sg.games.airport([12, 20, 33])
    found = sg.gately_point(cable)
    np.testing.assert_allclose(found.values, [60 / 13, 100 / 13, 269 / 13], rtol=1e-14)
    assert found.total == pytest.approx(33)
    assert found.evidence.propensity == pytest.approx(0.625)
    assert found.evidence.n_evaluations == 7


def test_a_game_worked_by_hand():
    values = [0, 0, 0, 8, 0, 4, 2, 9]
    found = sg.gately_point(sg.Game.from_table(values, kind="gain"))
    np.testing.assert_allclose(found.values, [63 / 13, 45 / 13, 9 / 13], rtol=1e-14)


def test_who_has_together_what_they_have_alone_keeps_it():
    found = sg.gately_point(sg.Game.from_table([0, 1, 2, 3], kind="gain"))
    assert found.values.tolist() == [1, 2]
    assert found.evidence.propensity is None
    assert sg.gately_point(sg.Game.from_table([0, 5], ["ann"], kind="cost")).values.tolist() == [5]


def test_who_adds_less_than_they_have_alone_is_named():
    # Without c the others have 9, with c 8; c has 1 alone.
    game = sg.Game.from_table([0, 0, 0, 9, 1, 2, 2, 8], ["a", "b", "c"], kind="gain")
    found = sg.gately_point(game)
    assert found["c"] < 1
    assert found.evidence.below_alone == ("c",)
    assert "{c}: worse off than alone" in sg.report(game, found).text()


def test_it_is_for_any_number_of_players():
    loads = np.random.default_rng(4).normal(0.5, 1, (2_000, 3))
    game = sg.games.netting(loads, 0.3, 0.1)
    found = sg.gately_point(game, progress=False)
    assert found.total == pytest.approx(game.value(game.players), rel=1e-12)
    assert found.evidence.n_evaluations == 4_001


def test_a_value_that_is_not_finite_names_its_coalition():
    def cost(coalition):
        return float("nan") if len(coalition) == 2 else 1.0

    game = sg.Game.from_function(["ann", "bob", "cid"], cost, kind="cost")
    with pytest.raises(sg.errors.CharacteristicFunctionError, match="bob"):
        sg.gately_point(game)
