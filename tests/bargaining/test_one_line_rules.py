"""Equal surplus, Nash bargaining, proportional: fractions, axioms, evidence, bad input."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import one_line_oracles as oracle
from sesgame.errors import AllocationError, CharacteristicFunctionError, CoalitionError, GameError
from sesgame.testing import assert_covariant, assert_efficient, assert_individually_rational

numbers = st.integers(-30, 60)
kinds = st.sampled_from(["gain", "cost"])
ROUNDING = 1e-11
"""Of integers up to 200 and quotients of them: some hundred units in the last place."""


@st.composite
def tables(draw, n=None):
    """Return integers for all coalitions, such that all together gain over standing alone."""
    n = draw(st.integers(1, 5)) if n is None else n
    table = [0, *draw(st.lists(numbers, min_size=2**n - 1, max_size=2**n - 1))]
    table[-1] = int(sum(oracle.alone(table))) + draw(st.integers(0, 80)) if n > 1 else table[-1]
    return table


def made(table, kind="gain"):
    """Return the game of a table of gains; as costs, with the other sign."""
    sign = 1.0 if kind == "gain" else -1.0
    return sg.Game.from_table([sign * value + 0.0 for value in table], kind=kind)


def trio():
    return made([0, 0, 0, 8, 0, 4, 2, 9])


def cable():
    return sg.games.airport([12, 20, 33], players=["near", "middle", "far"])


RULES = {
    "equal surplus": (sg.equal_surplus_allocation, lambda t: (oracle.alone(t), [1] * n_of(t))),
    "equal non-separable": (
        lambda game: sg.equal_surplus_allocation(game, from_="marginal"),
        lambda t: (oracle.marginal(t), [1] * n_of(t)),
    ),
    "nash": (sg.nash_bargaining, lambda t: (oracle.alone(t), [1] * n_of(t))),
    "weighted nash": (
        lambda game: sg.nash_bargaining(game, weights=np.arange(game.n_players) + 0.5),
        lambda t: (oracle.alone(t), [Fraction(2 * i + 1, 2) for i in range(n_of(t))]),
    ),
    "proportional total": (
        lambda game: sg.proportional_allocation(game, np.arange(game.n_players) + 0.5),
        lambda t: ([Fraction(0)] * n_of(t), [Fraction(2 * i + 1, 2) for i in range(n_of(t))]),
    ),
    "proportional surplus": (
        lambda game: sg.proportional_allocation(
            game, np.arange(game.n_players) + 0.5, of="surplus"
        ),
        lambda t: (oracle.alone(t), [Fraction(2 * i + 1, 2) for i in range(n_of(t))]),
    ),
}


def n_of(table):
    return len(table).bit_length() - 1


of_rules = pytest.mark.parametrize("name", RULES)


@of_rules
@given(table=tables(), kind=kinds)
def test_shares_are_those_of_fractions_and_verified(name, table, kind):
    rule, start_and_weights = RULES[name]
    sign = 1 if kind == "gain" else -1
    point = [sign * share for share in oracle.shared(table, *start_and_weights(table))]
    game = made(table, kind)
    found = rule(game)
    np.testing.assert_allclose(found.values, [float(x) for x in point], rtol=0, atol=ROUNDING)
    assert_efficient(game, found)
    worse = tuple(
        i for i, (x, a) in enumerate(zip(point, oracle.alone(table), strict=True)) if sign * x < a
    )
    assert found.evidence.below_alone == worse
    assert found.evidence.verify(game).holds
    exact = found.evidence.verify(game, exact=True)
    assert exact.holds
    assert list(exact.values) == point


@of_rules
@given(table=tables(), power=st.integers(-30, 30))
def test_shares_do_not_depend_on_the_unit(name, table, power):
    rule, _ = RULES[name]
    factor = 2.0**power  # exact, so that every bit has to agree
    before, after = made(table), made([factor * value for value in table])
    assert rule(after).values.tolist() == (factor * rule(before).values).tolist()
    assert rule(after).evidence.verify(after).holds


@pytest.mark.parametrize("unit", [1e-9, 1e9])
@of_rules
def test_a_moved_share_is_refused_in_every_unit(name, unit):
    rule, _ = RULES[name]
    game = made([unit * value for value in (0, 1, 2, 8, 3, 6, 7, 17)])
    found = rule(game)
    moved = found.values + unit * np.array([1e-6, -1e-6, 0.0])
    assert found.evidence.verify(game).holds
    forged = replace(found.evidence, values=tuple(moved.tolist()))
    assert not forged.verify(game).holds
    assert not forged.verify(game, exact=True).holds


@pytest.mark.parametrize("name", ["equal surplus", "equal non-separable", "weighted nash"])
@given(table=tables(3), kind=kinds)
def test_amounts_that_everybody_has_anyway_are_added(name, table, kind):
    rule, _ = RULES[name]
    assert_covariant(rule, made(table, kind), unit=2.0, alone=[5, -3, 1])


@given(table=tables(), factors=st.lists(st.integers(1, 9), min_size=5, max_size=5))
def test_nash_bargaining_is_where_the_product_of_gains_is_largest(table, factors):
    n = n_of(table)
    weights = np.array(factors[:n], dtype=float)
    game = made(table)
    found = sg.nash_bargaining(game, weights=weights)
    gains = found.values - [float(a) for a in oracle.alone(table)]
    assume((gains > 0).all())
    # w_i / (x_i - d_i) is the multiplier of x(N) = v(N), the same for all.
    np.testing.assert_allclose(weights / gains, weights.sum() / gains.sum(), rtol=1e-9)
    assert_individually_rational(game, found)


@given(table=tables(4), lost=st.integers(1, 40), kind=kinds)
def test_who_loses_together_is_told_how_much(table, lost, kind):
    table[-1] = int(sum(oracle.alone(table))) - lost
    game = made(table, kind)
    message = f"together they lose {lost} against standing alone"
    for rule in (
        sg.nash_bargaining,
        sg.equal_surplus_allocation,
        sg.gately_point,
        lambda game: sg.proportional_allocation(game, [1] * 4, of="surplus"),
    ):
        with pytest.raises(AllocationError, match=message):
            rule(game)
    assert sg.proportional_allocation(game, [1, 1, 1, 1]).total == game.value(game.players)
    assert_efficient(game, sg.equal_surplus_allocation(game, from_="marginal"))


def test_a_loss_that_is_rounding_is_none():
    game = made([0, 0.1, 0.2, 0.3])  # 0.1 + 0.2 is more than 0.3
    assert sg.nash_bargaining(game).values.tolist() == [0.1, 0.2]
    assert sg.gately_point(game).values.tolist() == [0.1, 0.2]


def test_the_trio_and_the_cable_worked_by_hand():
    values = [
        sg.equal_surplus_allocation(g, from_=f).values
        for g in (trio(), cable())
        for f in ("alone", "marginal")
    ]
    expected = [
        [3, 3, 3],
        [17 / 3, 11 / 3, -1 / 3],
        [4 / 3, 28 / 3, 67 / 3],
        [20 / 3, 20 / 3, 59 / 3],
    ]
    np.testing.assert_allclose(values, expected, rtol=1e-14)
    assert sg.equal_surplus_allocation(trio(), from_="marginal").evidence.below_alone == (2,)
    found = sg.proportional_allocation(cable())
    np.testing.assert_allclose(found.values, [396 / 65, 132 / 13, 1089 / 65], rtol=1e-14)
    np.testing.assert_allclose(sg.nash_bargaining(trio()).values, [3, 3, 3])


def test_disagreement_payoffs_of_ones_own():
    found = sg.nash_bargaining(trio(), weights=[2, 1, 0], disagreement={0: 1.0, 2: -1.0, 1: 0.0})
    assert found.values.tolist() == [7, 3, -1]
    assert found.evidence.below_alone == (2,)
    assert found.evidence.verify(trio(), exact=True).holds
    with pytest.raises(AllocationError, match="lose 3 against their disagreement payoffs"):
        sg.nash_bargaining(trio(), disagreement=[4, 4, 4])
    costs = sg.equal_surplus_allocation(cable())
    with pytest.raises(AllocationError, match="a cost allocation for a gain game"):
        sg.nash_bargaining(trio(), disagreement=costs)


def test_vcg_less_its_deficit_is_two_of_the_rules():
    for game in (trio(), cable()):
        vcg = sg.vcg_payments(game)
        gap = vcg.total - game.value(game.players)
        alone = game.values(np.eye(3, dtype=bool))
        gains = vcg.values - alone
        equally = vcg.values - gap / 3
        by_gain = vcg.values - gap * gains / gains.sum()
        ensc = sg.equal_surplus_allocation(game, from_="marginal")
        np.testing.assert_allclose(equally, ensc.values, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(by_gain, sg.gately_point(game).values, rtol=1e-12)


def test_values_alone_of_one_sign_are_proportions_and_of_both_are_not():
    sold = sg.Game.from_table([0, -1, -3, -5], ["ann", "bob"], kind="cost")
    found = sg.proportional_allocation(sold)
    assert found.values.tolist() == [-1.25, -3.75]
    assert found.evidence.verify(sold, exact=True).holds
    mixed = sg.Game.from_table([0, -1, 3, 1], ["ann", "bob"], kind="cost")
    with pytest.raises(AllocationError, match="values alone: 'ann' has -1; the least is 0"):
        sg.proportional_allocation(mixed)


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ([1, -2, 1], "1 has -2; the least is 0"),
        ([1, float("nan"), 1], "1 has nan, not a finite number"),
        ([1, float("inf"), 1], "1 has inf, not a finite number"),
        ([0, 0, 0], "all are 0"),
        ([1, 1], "3 players need shape"),
        ({0: 1, 1: 1}, r"none for \{2\}"),
        ({0: 1, 1: 1, 2: 1, "eve": 1}, r"one for the unknown \{eve\}"),
        ("abc", "must be"),
        ([1, "x", 1], "must be numbers"),
        ({0: 1, 1: None, 2: [3]}, "must be numbers"),
        (object(), "must be numbers"),
    ],
)
def test_numbers_that_are_none_are_named(numbers, message):
    for rule in (
        lambda: sg.nash_bargaining(trio(), weights=numbers),
        lambda: sg.proportional_allocation(trio(), numbers),
        lambda: sg.nested_nash_bargaining(trio(), [[0, 1], [2]], weights=numbers),
    ):
        with pytest.raises(AllocationError, match=message):
            rule()


def test_words_that_are_none_are_named():
    with pytest.raises(AllocationError, match="from_ must be"):
        sg.equal_surplus_allocation(trio(), from_="nothing")
    with pytest.raises(AllocationError, match="of must be"):
        sg.proportional_allocation(trio(), [1, 1, 1], of="it")


def test_weights_at_the_ends_of_floats_are_weights():
    for weight in (1e308, 5e-324):
        assert sg.nash_bargaining(trio(), weights=[weight] * 3).values.tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    "forged",
    [
        {"start": "marginal"},
        {"start": "elsewhere"},
        {"by": "alone"},
        {"by": "given", "weights": (1.0, 2.0, 3.0)},
        {"by": "given", "weights": (0.0, 0.0, 0.0)},
        {"by": "given", "weights": ()},
        {"weights": (1.0, 1.0, 1.0)},
        {"start": "given", "start_payoffs": (1.0, 2.0, 3.0)},
        {"start_payoffs": (0.0, 0.0, 0.0)},
        {"values": (3.0, 3.0)},
        {"values": (3.0, 3.0, float("nan"))},
        {"below_alone": (0,)},
        {"below_alone": ("nobody",)},
    ],
    ids=str,
)
def test_a_forged_field_is_refused(forged):
    game = made([0, 0, 0, 8, 1, 4, 2, 9])
    evidence = sg.equal_surplus_allocation(game).evidence
    assert evidence.verify(game)
    assert not replace(evidence, **forged).verify(game)


def test_who_is_below_alone_cannot_be_left_out():
    evidence = sg.equal_surplus_allocation(trio(), from_="marginal").evidence
    assert not replace(evidence, below_alone=()).verify(trio())
    gately = made([0, 0, 0, 9, 1, 2, 2, 8])
    evidence = sg.gately_point(gately).evidence
    assert evidence.verify(gately)
    assert not replace(evidence, below_alone=()).verify(gately)
    assert not replace(evidence, propensity=evidence.propensity + 0.1).verify(gately)
    assert not replace(evidence, values=(1.0, 2.0)).verify(gately)


# Nested Nash bargaining


@given(
    table=tables(4),
    worths=st.tuples(st.integers(0, 20), st.integers(0, 20)),
    kind=kinds,
    weights=st.lists(st.integers(1, 5), min_size=6, max_size=6),
)
def test_both_levels_are_those_of_fractions(table, worths, kind, weights):
    alone = oracle.alone(table)
    table[0b0101] = int(alone[0] + alone[2]) + worths[0]
    table[0b1010] = int(alone[1] + alone[3]) + worths[1]
    table[-1] = table[0b0101] + table[0b1010] + 7
    game, sign = made(table, kind), 1 if kind == "gain" else -1
    inside, unions = weights[:4], weights[4:]
    point = list(alone)
    for number, (group, gain) in enumerate(zip(((0, 2), (1, 3)), worths, strict=True)):
        gained = gain + Fraction(7 * unions[number], sum(unions))
        for i in group:
            point[i] += gained * Fraction(inside[i], inside[group[0]] + inside[group[1]])
    found = sg.nested_nash_bargaining(game, [[2, 0], [1, 3]], weights=inside, union_weights=unions)
    expected = [float(sign * x) for x in point]
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=ROUNDING)
    exact = found.evidence.verify(game, exact=True)
    assert exact.holds
    assert list(exact.values) == [sign * x for x in point]
    assert_individually_rational(game, found)


def test_two_levels_protect_a_union_that_one_level_does_not():
    found = sg.nested_nash_bargaining(trio(), [[0, 1], [2]])
    assert found.values.tolist() == [4.25, 4.25, 0.5]
    assert sg.audit(trio(), found).in_core
    assert sg.audit(trio(), sg.nash_bargaining(trio())).worst_coalition_excess == 2


def test_the_union_of_all_and_unions_of_one_are_one_level():
    for unions in ([[0, 1, 2]], [[0], [1], [2]]):
        found = sg.nested_nash_bargaining(trio(), unions)
        np.testing.assert_allclose(found.values, [3, 3, 3])


def test_who_loses_in_two_levels_is_named():
    losing = made([0, 2, 3, 4, 1, 3, 4, 9])
    with pytest.raises(AllocationError, match=r"lose 4 .* members of \{0, 1\}"):
        sg.nested_nash_bargaining(losing, [[0, 1], [2]], disagreement=[5, 5, 1])
    apart = made([0, 0, 0, 8, 2, 3, 4, 9])
    with pytest.raises(AllocationError, match="lose 1 against what the unions have on their own"):
        sg.nested_nash_bargaining(apart, [[0, 1], [2]])


@pytest.mark.parametrize(
    ("unions", "options", "error", "message"),
    [
        ([[0, 1], [1, 2]], {}, GameError, "1 is in union 1 and in union 2"),
        ([[0, 1]], {}, GameError, r"\{2\} is in no union"),
        ([[0, 1, 2], []], {}, GameError, "union 2 is empty"),
        ([[0, 1], [7]], {}, CoalitionError, "unknown player 7"),
        (5, {}, GameError, "unions are groups of players"),
        ([[0, 1], [2]], {"weights": [0, 0, 1]}, AllocationError, r"members of \{0, 1\} have 0"),
        ([[0, 1], [2]], {"union_weights": [1, 1, 1]}, AllocationError, "2 unions need weights"),
        ([[0, 1], [2]], {"union_weights": [1, -1]}, AllocationError, "union 2 is -1"),
        ([[0, 1], [2]], {"union_weights": [0, 0]}, AllocationError, "all unions are 0"),
        ([[0, 1], [2]], {"union_weights": "ab"}, AllocationError, "must be numbers"),
    ],
)
def test_unions_that_are_none_are_named(unions, options, error, message):
    with pytest.raises(error, match=message):
        sg.nested_nash_bargaining(trio(), unions, **options)


@pytest.mark.parametrize(
    "forged",
    [
        {"unions": ((0, 2), (1,))},
        {"unions": ((0, 1),)},
        {"union_weights": (1.0, 2.0)},
        {"union_weights": (1.0,)},
        {"weights": (1.0, 2.0, 1.0)},
        {"start_payoffs": (1.0, 0.0, 0.0)},
        {"values": (4.25, 4.5, 0.25)},
        {"below_alone": (1,)},
    ],
    ids=str,
)
def test_a_forged_field_of_two_levels_is_refused(forged):
    evidence = sg.nested_nash_bargaining(trio(), [[0, 1], [2]]).evidence
    assert evidence.verify(trio())
    assert not replace(evidence, **forged).verify(trio())


# Contribution weights


def test_contribution_weights_of_both_forms():
    found = sg.contribution_weights([6, 2, 0], [1, 3, 4])
    expected = [np.e - np.exp(-0.25), np.exp(1 / 3) - np.exp(-0.75), 1 - np.exp(-1)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
    np.testing.assert_allclose(found / found.sum(), [0.554954, 0.264173, 0.180872], atol=5e-7)
    shares = sg.contribution_weights({"a": 6, "b": 2}, {"b": 4, "a": 0}, form="share")
    assert shares == {"a": 0.5, "b": 0.5}


@pytest.mark.parametrize("form", ["exponential", "share"])
def test_contribution_weights_do_not_depend_on_the_unit(form):
    before = sg.contribution_weights([6, 2, 0], [1, 3, 0], form=form)
    after = sg.contribution_weights([6000, 2000, 0], [1000, 3000, 0], form=form)
    np.testing.assert_allclose(before, after, rtol=1e-12)
    assert before[2] == 0
    huge = sg.contribution_weights([1e308, 1e308], [1e308, 0], form=form)
    assert np.isfinite(huge).all()


def test_who_gives_only_and_who_takes_only():
    # To the last digit but one, which not every processor's exponential has alike.
    gives, takes = np.expm1([1, 0.5]), [-np.expm1(-1), 0]
    assert sg.contribution_weights([2, 1], [0, 0]).tolist() == pytest.approx(gives, rel=1e-15)
    assert sg.contribution_weights([0, 0], [2, 0]).tolist() == pytest.approx(takes, rel=1e-15)


@pytest.mark.parametrize(
    ("supplied", "received", "form", "message"),
    [
        ([0, 0], [0, 0], "exponential", "nobody supplies or receives"),
        ([], [], "exponential", "nobody supplies or receives|no player|at least one"),
        ([1, -1], [0, 0], "exponential", "1 has supplied -1 kWh"),
        ([1, 1], [0, float("nan")], "share", "nan"),
        ([1, 1], [1], "share", "shape"),
        ({"a": 1}, [1], "share", "both by label"),
        ({"a": 1}, {"b": 1}, "share", "of different members"),
        (3, 4, "share", "not one number for each member"),
        ([1], [1], "linear", "form must be"),
    ],
)
def test_energy_that_is_none_is_named(supplied, received, form, message):
    with pytest.raises((AllocationError, GameError), match=message):
        sg.contribution_weights(supplied, received, form=form)


# Any number of players


def test_two_thousand_members_are_shared_out_and_verified():
    loads = np.random.default_rng(4).normal(0.5, 1, (2_000, 3))
    game = sg.games.netting(loads, 0.3, 0.1)
    for rule in (
        sg.nash_bargaining,
        sg.gately_point,
        lambda g: sg.equal_surplus_allocation(g, from_="marginal"),
    ):
        found = rule(game)
        assert found.total == pytest.approx(game.value(game.players), rel=1e-12)
        assert found.evidence.verify(game).holds


def test_a_value_that_is_not_finite_names_its_coalition():
    game = sg.Game.from_function(
        ["ann", "bob"], lambda s: float("nan") if len(s) == 1 else 1.0, kind="cost"
    )
    for rule in (sg.nash_bargaining, sg.equal_surplus_allocation, sg.proportional_allocation):
        with pytest.raises(CharacteristicFunctionError, match="ann"):
            rule(game)


# Communities


def court():
    return sg.energy.Community(
        members=["ann", "bob", "cid"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[0.0, 1.0], [1.0, 1.0], [2.0, 2.0]],
        pv_kwh=[[3.0, 0.0], [0.0, 0.0], [0.0, 0.0]],
        batteries=[
            sg.energy.Battery(
                owner="bob", energy_kwh=4, power_kw=2, charge_efficiency=1, discharge_efficiency=1
            )
        ],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
    )


@pytest.mark.parametrize(
    ("quantity", "expected"),
    [
        ("load", [1, 2, 4]),
        ("pv", [3, 0, 0]),
        ("peak", [1, 1, 2]),
        ("storage", [0, 4, 0]),
    ],
)
def test_quantities_of_a_community_are_proportions(quantity, expected):
    community = court()
    assert list(community.by_member(quantity).values()) == expected
    row = sg.compare(community, ["proportional"], proportional_to=quantity)["proportional"]
    game = community.cost_game()
    found = sg.proportional_allocation(game, expected)
    assert row.allocation.values.tolist() == found.values.tolist()


def test_a_quantity_that_there_is_not_is_named():
    with pytest.raises(GameError, match="load, pv, peak and storage, but no 'size'"):
        court().by_member("size")
    row = sg.compare(trio(), ["proportional"], proportional_to="load")["proportional"]
    assert "is for communities" in row.failure
