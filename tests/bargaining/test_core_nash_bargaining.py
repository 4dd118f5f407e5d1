"""Nash bargaining within the core: against fractions, other solvers, and its certificate."""

import dataclasses
import json
import math
from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import sesgame as sg
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from reference.bargaining_oracles import exact_nash_in_core
from reference.separation_oracles import Enumeration, all_coalitions
from scipy.optimize import minimize
from sesgame.errors import (
    AllocationError,
    ContradictoryBoundsError,
    OracleError,
    PlayerLimitError,
)
from sesgame.evidence import ShareBound
from sesgame.files.json_text import json_text
from sesgame.game.allocation import Evidence

TRIO = [0, 0, 0, 8, 0, 4, 2, 9]
"""v(12) = 8, v(13) = 4, v(23) = 2, v(123) = 9."""

WEIGHTS = [((1, 1, 1), (4, 4, 1)), ((1, 1, 2), (4, 4, 1)), ((2, 1, 1), (16 / 3, 8 / 3, 1))]

IRRATIONAL = (9 + math.sqrt(33)) / 4


def trio():
    return sg.Game.from_table(TRIO, ["ann", "bob", "eve"], kind="gain")


def overlapping():
    """Return a game whose tight coalitions {1, 2} and {2, 3} leave four blocks to three sums.

    With t for the share of 2: t / (6 - t) = ... gives 2 t^2 - 9 t + 6 = 0.
    """
    table = np.zeros(16)
    table[[0b0011, 0b0110]] = 6
    for mask in range(16):
        subsets = (part for part in (0b0011, 0b0110) if mask & part == part)
        table[mask] = max((table[part] for part in subsets), default=0)
    table[15] = 10
    return sg.Game.from_table(table, kind="gain")


@st.composite
def balanced_games(draw, most_players=4):
    """Draw a game in whose core everybody may gain, zero alone."""
    n = draw(st.integers(2, most_players))
    table = [float(draw(st.integers(0, 12))) for _ in range(2**n)]
    table[0] = 0.0
    for player in range(n):
        table[1 << player] = 0.0
    table[-1] = 0.0
    game = sg.Game.from_table(table, kind="gain")
    least = sg.least_core(game).evidence
    # The least total with a core, and then some.
    table[-1] = math.ceil(max(0.0, least.value) * n + max(table)) + draw(st.integers(1, 10))
    game = sg.Game.from_table(table, kind="gain")
    assume(sg.least_core(game).evidence.value < 0)
    return game


@pytest.mark.parametrize(("weights", "expected"), WEIGHTS)
def test_the_trio_by_hand(weights, expected):
    # With w = 1: 1/4 = L - m and 1/1 = L, so L = 1 and m = 3/4 for the first two.
    game = trio()
    found = sg.nash_bargaining_in_core(game, weights=weights)
    assert found.values == pytest.approx(expected, abs=1e-12)
    assert found.evidence.coalitions == (("ann", "bob"),)
    assert found.evidence.verify(game)
    exact = found.evidence.verify(game, exact=True)
    assert exact
    assert exact.values == tuple(Fraction(share).limit_denominator(9) for share in expected)
    if weights == (1, 1, 1):
        assert found.evidence.total_multiplier == pytest.approx(1)
        assert found.evidence.multipliers == pytest.approx([3 / 4])


def test_where_no_coalition_matters_the_surplus_is_shared_by_power():
    cable = sg.games.airport([12, 20, 33])
    found = sg.nash_bargaining_in_core(cable, weights=[1, 2, 1])
    assert sg.audit(cable, found).in_core
    wide = sg.Game.from_table([0, 1, 2, 4, 3, 5, 6, 12], kind="gain")
    assert sg.nash_bargaining_in_core(wide).values == pytest.approx([3, 4, 5])
    assert sg.nash_bargaining_in_core(wide, weights=[1, 2, 3]).values == pytest.approx([2, 4, 6])


@settings(max_examples=25, deadline=None)
@given(game=balanced_games(), data=st.data())
def test_it_is_that_of_fractions(game, data):
    powers = [data.draw(st.integers(1, 4)) for _ in game.players]
    expected = exact_nash_in_core(game.tabulate().tolist(), powers)
    found = sg.nash_bargaining_in_core(game, weights=powers)
    proof = found.evidence.verify(game, exact=True)
    assert proof.holds, proof
    if expected is not None:
        assert proof.values == tuple(expected)
        assert proof.claim.endswith("within 0.0e+00")
    for share, value in zip(proof.values, found.values, strict=True):
        assert float(share) == pytest.approx(value, abs=1e-10)


def test_a_game_of_five_in_fractions():
    # Two pairs are worth more than their parts of 16, and leave the last one 1.
    table = np.array([8.0 * (mask & 3 == 3) + 7.0 * (mask & 12 == 12) for mask in range(32)])
    table[-1] = 16
    game = sg.Game.from_table(table, kind="gain")
    found = sg.nash_bargaining_in_core(game, weights=[1, 2, 1, 3, 1])
    expected = exact_nash_in_core(table.tolist(), [1, 2, 1, 3, 1])
    assert expected == [Fraction(8, 3), Fraction(16, 3), Fraction(7, 4), Fraction(21, 4), 1]
    assert found.evidence.verify(game, exact=True).values == tuple(expected)


def test_an_irrational_share_has_an_interval():
    game = overlapping()
    found = sg.nash_bargaining_in_core(game)
    expected = [6 - IRRATIONAL, IRRATIONAL, 6 - IRRATIONAL, IRRATIONAL - 2]
    assert found.values == pytest.approx(expected, abs=1e-13)
    assert exact_nash_in_core(game.tabulate().tolist(), [1, 1, 1, 1]) is None
    proof = found.evidence.verify(game, exact=True)
    assert proof.holds
    width = float(proof.claim.split()[-1])
    assert 0 < width < 1e-13
    assert all(isinstance(share, Fraction) for share in proof.values)
    # 2 t^2 - 9 t + 6 changes its sign inside the interval.
    ends = [proof.values[1] + side * Fraction(width) for side in (-1, 1)]
    signs = [2 * t * t - 9 * t + 6 for t in ends]
    assert signs[0] < 0 < signs[1]


@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_no_other_solver_finds_a_larger_product(kind):
    random = np.random.default_rng(7)
    table = random.random(32) * 10
    table[[0, 1, 2, 4, 8, 16]] = 0
    table[-1] = 27
    alone = random.random(5) * 5
    table += all_sums(alone)
    game = sg.Game.from_table(table if kind == "gain" else -table, kind=kind)
    weights = np.array([1, 2, 0.5, 1, 3])
    found = sg.nash_bargaining_in_core(game, weights=weights)
    rows = all_coalitions(5)
    least = game.sign * game.values(rows)
    start = game.sign * sg.nucleolus(game).values
    other = minimize(
        lambda x: -weights @ np.log(np.maximum(x - alone, 1e-9)),
        start,
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x - least},
            {"type": "eq", "fun": lambda x: x.sum() - table[-1]},
        ],
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert found.evidence.coalitions
    assert game.sign * found.values == pytest.approx(other.x, abs=1e-5)
    assert weights @ np.log(game.sign * found.values - alone) >= -other.fun - 1e-9
    assert found.evidence.gap < 1e-12


def all_sums(alone):
    sums = np.zeros(1)
    for value in alone:
        sums = np.concatenate([sums, sums + value])
    return sums


@settings(max_examples=20, deadline=None)
@given(game=balanced_games(), data=st.data())
def test_a_moved_share_is_refused(game, data):
    found = sg.nash_bargaining_in_core(game)
    evidence = found.evidence
    assert evidence.verify(game)
    step = data.draw(st.sampled_from([1e-6, 1e-3, 0.5])) * float(np.abs(found.values).max())
    moved = found.values.copy()
    moved[0] += step
    moved[1] -= step
    for exact in (False, True):
        forged = dataclasses.replace(evidence, values=tuple(moved.tolist()))
        assert forged.verify(game, exact=exact).state == "refuted"


def test_forged_fields_are_refused():
    game = trio()
    evidence = sg.nash_bargaining_in_core(game).evidence
    forged = [
        {"multipliers": (0.7,)},
        {"multipliers": (-0.75,)},
        {"total_multiplier": 1.1},
        {"coalitions": (("ann", "eve"),)},
        {"coalitions": (), "multipliers": ()},
        {"weights": (1.0, 1.0, 2.0)},
        {"weights": (1.0, 1.0, -1.0)},
        {"disagreement": (1.0, 0.0, 0.0)},
        {"at_most": (ShareBound("ann", 3.0),)},
        {"at_most": (ShareBound("joe", 3.0),)},
        {"reason": "time limit", "proved": True},
        {"zero_gains": (dataclasses.replace(gloves().evidence.zero_gains[0], players=("eve",)),)},
    ]
    for fields in forged:
        assert dataclasses.replace(evidence, **fields).verify(game).state == "refuted", fields
    # A larger tolerance or gap is a weaker statement; it proves no more than before.
    weaker = dataclasses.replace(evidence, tolerance=10.0, gap=1.0)
    assert weaker.verify(game)
    moved = dataclasses.replace(weaker, values=(4.1, 3.9, 1.0))
    assert not moved.verify(game)


def gloves():
    game = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], ["left", "right", "eve"], kind="gain")
    return sg.nash_bargaining_in_core(game)


def test_who_gains_nothing_in_the_whole_core_is_named_and_proved():
    game = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], ["left", "right", "eve"], kind="gain")
    found = gloves()
    assert found.values == pytest.approx([0, 0, 1], abs=1e-15)
    assert set(found.evidence.without_gain) == {"left", "right"}
    assert found.evidence.verify(game)
    assert found.evidence.verify(game, exact=True)
    assert "left" in found.evidence.caveats(found, str)[0]
    # The last of three with a partner that is scarce; the product is that of the others.
    table = [0, 0, 0, 6, 0, 0, 0, 6]
    pair = sg.Game.from_table(table, kind="gain")
    shares = sg.nash_bargaining_in_core(pair, weights=[2, 1, 5])
    assert shares.values == pytest.approx([4, 2, 0])
    assert shares.evidence.without_gain == (2,)
    assert shares.evidence.verify(pair, exact=True)
    forged = dataclasses.replace(shares.evidence, zero_gains=())
    assert not forged.verify(pair)


def test_players_without_anything_to_share_keep_what_they_have():
    additive = sg.Game.from_table(all_sums([1.0, 2.0, 3.0]), kind="cost")
    found = sg.nash_bargaining_in_core(additive)
    assert found.values.tolist() == [1, 2, 3]
    assert set(found.evidence.without_gain) == {0, 1, 2}
    assert found.evidence.verify(additive)
    zeros = sg.Game.from_table(np.zeros(8), kind="gain")
    assert sg.nash_bargaining_in_core(zeros).values.tolist() == [0, 0, 0]
    one = sg.Game.from_table([0, -7], kind="cost")
    found = sg.nash_bargaining_in_core(one)
    assert found.values.tolist() == [-7]
    assert found.evidence.verify(one, exact=True)
    better = sg.nash_bargaining_in_core(one, disagreement=[-5])
    assert better.values.tolist() == [-7]
    assert better.evidence.verify(one, exact=True)


def test_the_largest_minimum_of_gains_where_a_convex_core_binds_all_in_a_row():
    # On convex games the symmetric point is the leximin one, as in bankruptcy problems.
    for estate in (100, 200, 300):
        game = sg.games.bankruptcy(estate, [100, 200, 300])
        nash = sg.nash_bargaining_in_core(game, disagreement=[0, 0, 0])
        leximin = sg.leximin_core_allocation(game)
        assert nash.values == pytest.approx(leximin.values, abs=1e-8)
    random = np.random.default_rng(3)
    for _ in range(5):
        # Squares of sums of positive numbers are convex.
        game = sg.Game.from_table(all_sums(random.random(6)) ** 2, kind="gain")
        egalitarian = sg.leximin_core_allocation(game)
        nash = sg.nash_bargaining_in_core(game, disagreement=np.zeros(6))
        assert nash.values == pytest.approx(egalitarian.values, abs=1e-7)


@settings(max_examples=15, deadline=None)
@given(game=balanced_games(), data=st.data())
def test_scale_order_and_origin_change_nothing(game, data):
    n = game.n_players
    powers = np.array([data.draw(st.integers(1, 4)) for _ in game.players], float)
    found = sg.nash_bargaining_in_core(game, weights=powers).values
    unit = data.draw(st.sampled_from([1e-9, 1e-3, 1e9]))
    alone = np.array([data.draw(st.integers(-5, 5)) for _ in game.players], float)
    table = game.tabulate()
    moved = sg.Game.from_table(-unit * (table + all_sums(alone)), kind="cost")
    costs = sg.nash_bargaining_in_core(moved, weights=10 * powers)
    assert costs.values == pytest.approx(-unit * (found + alone), rel=1e-8, abs=1e-9 * unit)
    assert costs.evidence.verify(moved)
    order = data.draw(st.sampled_from(list(permutations(range(n)))))
    masks = [sum(1 << order[i] for i in range(n) if mask >> i & 1) for mask in range(2**n)]
    renamed = sg.Game.from_table(table[masks], kind="gain")
    other = sg.nash_bargaining_in_core(renamed, weights=powers[list(order)])
    assert other.values == pytest.approx(found[list(order)], abs=1e-9)


def test_it_is_pareto_efficient_and_independent_of_irrelevant_alternatives():
    game = trio()
    assert sg.nash_bargaining_in_core(game).total == pytest.approx(9)
    # Coalitions that ask for more, but no more than they get, change nothing.
    table = list(TRIO)
    table[0b101] = 5
    narrower = sg.Game.from_table(table, game.players, kind="gain")
    assert sg.nash_bargaining_in_core(narrower).values == pytest.approx([4, 4, 1])


def test_own_disagreement_points():
    game = trio()
    found = sg.nash_bargaining_in_core(game, disagreement={"ann": 3, "bob": 0, "eve": 0})
    assert found.values == pytest.approx([5.5, 2.5, 1])
    assert found.evidence.verify(game, exact=True)
    with pytest.raises(ContradictoryBoundsError, match="at least 2 for eve") as error:
        sg.nash_bargaining_in_core(game, disagreement=[0, 0, 2])
    assert error.value.contradiction.verify(game)


def test_bounds_hold_and_have_multipliers():
    game = trio()
    found = sg.nash_bargaining_in_core(game, at_most={"ann": 3.5}, at_least={"eve": 0.5})
    assert found.values == pytest.approx([3.5, 4.5, 1])
    assert found.evidence.bounds == ("ann",)
    assert found.evidence.verify(game, exact=True).values == (Fraction(7, 2), Fraction(9, 2), 1)
    loose = dataclasses.replace(found.evidence, at_most=())
    assert not loose.verify(game)
    with pytest.raises(ContradictoryBoundsError) as error:
        sg.nash_bargaining_in_core(game, at_most={"ann": 3, "bob": 4})
    assert error.value.contradiction.players == ("ann", "bob")
    assert error.value.contradiction.verify(game)


def test_an_oracle_finds_the_same_point_as_the_table():
    for kind in ("gain", "cost"):
        random = np.random.default_rng(11)
        table = random.random(64) * 10
        table[[0, 1, 2, 4, 8, 16, 32]] = 0
        table[-1] = 30
        game = sg.Game.from_table(table if kind == "gain" else -table, kind=kind)
        whole = sg.nash_bargaining_in_core(game)
        oracle = Enumeration(game)
        found = sg.nash_bargaining_in_core(game, oracle=oracle, local_search=50)
        assert found.values == pytest.approx(whole.values, abs=1e-5)
        evidence = found.evidence
        assert evidence.proved
        assert evidence.largest_excess <= 1e-5
        assert evidence.gap < 1e-9
        assert evidence.verify(game, oracle=oracle)
        assert evidence.verify(game).state == "open"
        smaller = dataclasses.replace(evidence, values=tuple(found.values + np.eye(6)[0]))
        assert not smaller.verify(game, oracle=oracle)
        late = sg.nash_bargaining_in_core(game, oracle=oracle, max_seconds=0.0)
        assert not late.evidence.proved
        assert "not proved" in late.method
        assert late.evidence.verify(game, oracle=oracle).state != "proved"


@pytest.mark.slow
def test_a_day_of_104_members_by_the_oracle():
    whole = sg.energy.Community.from_csv("examples/semiurban104")
    day = whole.period("2016-01-15", "2016-01-16")
    game = day.cost_game()
    found = sg.nash_bargaining_in_core(
        game, oracle=day.separation_oracle(), local_search=20_000, progress=False
    )
    evidence = found.evidence
    assert evidence.proved
    assert evidence.gap <= 1e-8
    assert evidence.verify(game, oracle=day.separation_oracle())
    # Most members bring nothing that is scarce on a day of winter.
    assert 50 < len(evidence.without_gain) < 104


def test_an_empty_core_is_refused_with_what_proves_it():
    majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    for options in ({}, {"oracle": Enumeration(majority)}):
        with pytest.raises(AllocationError, match=r"0\.5 x \{0, 1\}.*0\.5 more than all"):
            sg.nash_bargaining_in_core(majority, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weights": [1, 0, 1]}, "the weight of 'bob' is 0"),
        ({"weights": [1, -2, 1]}, "'bob' has -2; the least is 0"),
        ({"weights": [1, math.nan, 1]}, "'bob' has nan"),
        ({"weights": [1, 1]}, "shape"),
        ({"weights": "many"}, "must be numbers"),
        (
            {"weights": {"ann": 1, "bob": 1, "joe": 1}},
            "none for {eve} and one for the unknown {joe}",
        ),
        ({"disagreement": {"ann": 1}}, "none for {bob, eve}"),
        ({"disagreement": [5, 5, 0]}, "together they lose 1"),
        ({"disagreement": [0, 0, math.inf]}, "'eve' has inf"),
        ({"at_most": {"joe": 1}}, "'joe'"),
        ({"at_most": {"ann": math.nan}}, "'ann' is nan"),
        ({"at_least": [1, 2]}, "2 bounds for 3 players"),
        ({"at_least": 3}, "at_least"),
        ({"at_least": {"ann": 4}, "at_most": {"ann": 3}}, "'ann' contradict each other"),
        ({"at_least": [4, 4, 4]}, "at least 12 together, but there is 9"),
        ({"at_most": [2, 2, 2]}, "at most 6 together, but there is 9"),
    ],
)
def test_bad_input_is_refused_by_name(options, message):
    with pytest.raises(AllocationError) as error:
        sg.nash_bargaining_in_core(trio(), **options)
    assert message in str(error.value)


def test_options_of_oracles_and_many_players():
    with pytest.raises(OracleError, match="max_seconds"):
        sg.nash_bargaining_in_core(trio(), max_seconds=3)
    many = sg.Game.from_function(range(40), len, kind="gain")
    with pytest.raises(PlayerLimitError):
        sg.nash_bargaining_in_core(many)


def test_evidence_comes_back_from_json():
    game = trio()
    allocation = sg.nash_bargaining_in_core(game, at_most={"ann": 3.5})
    evidence = allocation.evidence
    kept = json.loads(json_text({"kind": type(evidence).__name__, **evidence.repeatable()}))
    labels = {json.dumps(player): player for player in game.players}
    again = Evidence.from_dict(kept, allocation.values.tolist(), labels)
    assert again == evidence
    assert again.verify(game)
