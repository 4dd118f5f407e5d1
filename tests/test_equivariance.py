"""No rule's answer depends on the unit, on what players have in any case, or on their order.

Drawn are games in which equal numbers abound, given in tenths and thirds, so that whatever is
decided by the last bit of a float is decided differently in another unit.
"""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference.stability_oracles import exact_nucleolus
from sesgame.catalogue import RULES
from sesgame.errors import AllocationError, GameError
from sesgame.rule import Promise
from test_rules import apply, options_for

UNITS = (1e-9, 1e-3, 0.01, 0.1, 1 / 3, 7.0, 1000.0, 1e9)

MONEY = ("reference", "disagreement", "at_most", "at_least")
"""Options that are amounts by player, in the unit of the game."""

SAME = 1e-9
"""Of the largest value: shares in two units, orders or places differ by rounding alone."""

COVARIANT = (
    *("nucleolus", "prenucleolus", "per-capita-nucleolus", "per-capita-prenucleolus"),
    *("least-core", "per-capita-least-core", "nearest-core", "leximin-core", "gately-point"),
    *("nash-bargaining", "nash-bargaining-in-core", "nested-nash-bargaining"),
    *("equal-surplus", "equal-non-separable", "tau-value"),
)
"""Rules to which what players have in any case does not matter, beside the additive ones."""

of_games = pytest.mark.parametrize(
    "rule", [rule for rule in RULES.values() if not rule.worlds], ids=lambda rule: rule.name
)


@st.composite
def degenerate_games(draw, most=5):
    """Return tables in which many coalitions are equally well off, and the kind of game."""
    n = draw(st.integers(2, most))
    masks = np.arange(1 << n)
    members = masks[:, np.newaxis] >> np.arange(n) & 1
    sizes = members.sum(axis=1)
    tenths = st.integers(-9, 30).map(lambda k: k / 10)

    def several(numbers, count):
        return np.array(draw(st.lists(numbers, min_size=count, max_size=count)), dtype=np.float64)

    form = draw(st.sampled_from(["any", "additive", "symmetric", "gloves", "vote", "simple", "no"]))
    if form == "any":
        table = several(tenths, 1 << n)
    elif form == "additive":
        table = members @ several(tenths, n)
        table[-1] = round(table[-1], 1)
    elif form == "symmetric":
        table = several(tenths, n + 1)[sizes]
    elif form == "gloves":
        left = several(st.integers(0, 1), n)
        table = np.minimum(members @ left, members @ (1 - left)) / 10
    elif form == "vote":
        weights = several(st.integers(1, 4), n)
        table = (members @ weights >= draw(st.integers(1, int(weights.sum())))) * 1.0
    elif form == "simple":
        table = several(st.integers(0, 1), 1 << n)
    else:
        # All together have what they have alone: there is one imputation at most.
        table = members @ several(tenths, n) + several(st.integers(-2, 2), 1 << n) * (sizes > 1) / 5
        table[-1] = round(float(table[masks[sizes == 1]].sum()), 1)
    table[0] = 0.0
    return table, draw(st.sampled_from(["gain", "cost"]))


def answer(rule, table, kind, *, unit=1.0, added=0.0, players=None):
    """Return what a rule says of a game; None where it has no answer."""
    game = sg.Game.from_table(table, players, kind=kind)
    options = options_for(sorted(game.players))
    for name in MONEY:
        if isinstance(options.get(name), dict):
            extra = dict(zip(game.players, np.broadcast_to(added, game.n_players), strict=True))
            options[name] = {
                player: unit * (amount + player / 10) + extra[player]
                for player, amount in options[name].items()
                if amount is not None
            }
    try:
        return apply(rule, game, options)
    except (AllocationError, GameError):
        return None


def discrete(found):
    """Return what evidence says but for numbers that are measured, and the effort.

    Of proofs that are as good as each other any will do: of stages and steps the number counts.
    """
    if dataclasses.is_dataclass(found):
        facts = {
            field.name: discrete(getattr(found, field.name))
            for field in dataclasses.fields(found)
            if field.name != "effort"
        }
        proofs = facts.keys() & {"stages", "steps"}
        return facts | {name: len(facts[name]) for name in proofs}
    if isinstance(found, np.ndarray):
        return None if found.dtype.kind == "f" else found.tolist()
    if isinstance(found, (tuple, list)):
        return [discrete(part) for part in found]
    return None if isinstance(found, (float, Fraction)) else found


def shares_or_value(rule, allocation):
    """Return the shares of a rule that has one answer, otherwise the number that it proves."""
    if {Promise.UNIQUE, Promise.SYMMETRIC, Promise.ADDITIVE} & rule.promises:
        return allocation.values
    value = getattr(allocation.evidence, "value", None)
    return None if value is None else np.array([value])


def assert_same(found, expected, scale):
    assert np.abs(found - expected).max() <= SAME * scale, (found, expected)


@of_games
@settings(max_examples=10)
@given(drawn=degenerate_games(), unit=st.sampled_from(UNITS))
@example(drawn=(np.array([0, 0.1, 0.2, 5, 0.3, 0.4, 0.5, 0.6]), "gain"), unit=7.0)
def test_an_answer_does_not_depend_on_the_unit(rule, drawn, unit):
    check_unit(rule, *drawn, unit)


@pytest.mark.slow
@of_games
@settings(max_examples=100)
@given(drawn=degenerate_games(6), unit=st.sampled_from(UNITS))
def test_no_drawn_game_makes_an_answer_depend_on_the_unit(rule, drawn, unit):
    check_unit(rule, *drawn, unit)


def check_unit(rule, table, kind, unit):
    one, other = answer(rule, table, kind), answer(rule, unit * table, kind, unit=unit)
    assert (one is None) == (other is None)
    if one is None:
        return
    assert_same(other.values / unit, one.values, np.abs(table).max())
    assert other.method == one.method
    assert discrete(other.evidence) == discrete(one.evidence)


@of_games
@settings(max_examples=8)
@given(drawn=degenerate_games(), data=st.data())
def test_an_answer_does_not_depend_on_the_order_of_players(rule, drawn, data):
    table, kind = drawn
    n = len(table).bit_length() - 1
    order = data.draw(st.permutations(range(n)))
    masks = np.arange(1 << n)
    moved = table[sum((masks >> place & 1) << player for place, player in enumerate(order))]
    one, other = answer(rule, table, kind), answer(rule, moved, kind, players=order)
    assert (one is None) == (other is None)
    if one is None:
        return
    found = shares_or_value(rule, other)
    if found is None:
        return
    expected = shares_or_value(rule, one)
    if len(expected) == n:
        expected = expected[list(order)]
    assert_same(found, expected, np.abs(table).max())


@pytest.mark.parametrize(
    "rule",
    [
        rule
        for rule in RULES.values()
        if not rule.worlds
        and (rule.name in COVARIANT or {Promise.ADDITIVE, Promise.DUMMY} <= rule.promises)
    ],
    ids=lambda rule: rule.name,
)
@settings(max_examples=8)
@given(drawn=degenerate_games(), data=st.data(), size=st.sampled_from([0.1, 1.0, 1000.0]))
def test_an_answer_does_not_depend_on_what_players_have_in_any_case(rule, drawn, data, size):
    table, kind = drawn
    n = len(table).bit_length() - 1
    added = size * np.array(data.draw(st.lists(st.integers(-9, 9), min_size=n, max_size=n)))
    members = np.arange(1 << n)[:, np.newaxis] >> np.arange(n) & 1
    one = answer(rule, table, kind)
    other = answer(rule, table + members @ added, kind, added=added)
    assert (one is None) == (other is None)
    if one is None:
        return
    found, expected = shares_or_value(rule, other), shares_or_value(rule, one)
    if len(expected) == n:
        expected = expected + added
    assert_same(found, expected, np.abs(table).max() + np.abs(added).max())
    assert other.method == one.method


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        (sg.nucleolus, {}),
        (sg.prenucleolus, {"individually_rational": False}),
        (sg.per_capita_nucleolus, {"per_capita": True}),
        (sg.per_capita_prenucleolus, {"per_capita": True, "individually_rational": False}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
@settings(max_examples=8)
@given(drawn=degenerate_games())
def test_exact_nucleoli_are_those_of_a_slow_exact_method(rule, options, drawn):
    table, kind = drawn
    game = sg.Game.from_table(table, kind=kind)
    expected, _ = exact_nucleolus(
        [Fraction(value) for value in table.tolist()], sign=int(game.sign), **options
    )
    found = rule(game, exact=True)
    assert list(found.exact) == expected
    assert found.values.tolist() == [float(share) for share in expected]
    assert found.evidence.verify(game, exact=True).holds


@settings(max_examples=15)
@given(drawn=degenerate_games())
def test_exact_least_cores_are_those_of_a_slow_exact_method(drawn):
    table, kind = drawn
    game = sg.Game.from_table(table, kind=kind)
    fractions = [Fraction(value) for value in table.tolist()]
    point, value = exact_nucleolus(fractions, sign=int(game.sign), individually_rational=False)
    found = sg.least_core(game, exact=True)
    assert found.evidence.value == float(value)
    assert sum(found.exact) == fractions[-1]
    assert max(excesses(game, fractions, found.exact), default=0) == value
    # Nothing is tight at the prenucleolus that is not so all over the least core.
    at_prenucleolus = excesses(game, fractions, point)
    tight = [mask for mask, excess in enumerate(at_prenucleolus, start=1) if excess == value]
    assert [game.players.mask(coalition) for coalition in found.evidence.tight] == tight
    assert found.evidence.verify(game, exact=True).holds


def excesses(game, table, point):
    """Return the excesses of all proper coalitions in fractions."""
    n, sign = game.n_players, int(game.sign)
    return [
        sign * (table[mask] - sum(point[i] for i in range(n) if mask >> i & 1))
        for mask in range(1, (1 << n) - 1)
    ]
