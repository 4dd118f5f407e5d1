"""Bounds on shares of chosen points: they hold, or multipliers prove that they cannot."""

import dataclasses
import math
import pickle

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.separation_oracles import all_coalitions
from scipy.optimize import linprog, minimize
from sesgame.errors import AllocationError, ContradictoryBoundsError, GameError

RULES = [sg.nearest_core_allocation, sg.leximin_core_allocation, sg.nash_bargaining_in_core]

of_all = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
of_points = pytest.mark.parametrize("rule", RULES[:2], ids=lambda rule: rule.__name__)


def trio(kind="gain"):
    table = np.array([0, 0, 0, 8, 0, 4, 2, 9.0])
    return sg.Game.from_table(table if kind == "gain" else -table, list("abc"), kind=kind)


def feasible(game, least, most):
    """Tell by an independent solver whether the core has a point within bounds."""
    rows = all_coalitions(game.n_players)
    found = linprog(
        np.zeros(game.n_players),
        A_ub=-game.sign * rows,
        b_ub=-game.sign * game.values(rows),
        A_eq=np.ones((1, game.n_players)),
        b_eq=[game.value(game.players)],
        bounds=list(zip(least, most, strict=True)),
    )
    return found.status == 0


@of_all
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_bounds_hold_or_are_proved_contradictory(rule, data):
    kind = data.draw(st.sampled_from(["gain", "cost"]))
    game = trio(kind)
    numbers = st.one_of(st.none(), st.sampled_from([0.5, 1.0, 1.5, 2.5, 3.5, 4.0, 4.5, 6.0]))
    ends = [data.draw(numbers) for _ in range(3)]
    others = [data.draw(numbers) for _ in range(3)]
    pairs = [
        (a, b) if a is None or b is None or a <= b else (b, a)
        for a, b in zip(ends, others, strict=True)
    ]
    if kind == "cost":
        pairs = [(None if b is None else -b, None if a is None else -a) for a, b in pairs]
    least, most = ([pair[side] for pair in pairs] for side in (0, 1))
    refused = None
    try:
        found = rule(game, at_least=least, at_most=most)
    except AllocationError as error:
        refused = error
    if refused is not None:
        assert not feasible(game, least, most)
        if not isinstance(refused, ContradictoryBoundsError):
            assert "contradict the total" in str(refused)
            return
        proof = refused.contradiction
        assert proof.verify(game).holds
        assert all(str(player) in str(refused) for player in proof.players)
        # What is asked for less is no contradiction any more.
        forged = dataclasses.replace(proof, player_multipliers=(1e-3,) * len(proof.players))
        assert not forged.verify(game)
        assert pickle.loads(pickle.dumps(refused)).contradiction == proof
        return
    assert feasible(game, least, most)
    assert sg.core_check(game, found, tolerance=1e-7).in_core
    for share, low, high in zip(found.values, least, most, strict=True):
        assert (-math.inf if low is None else low) - 1e-7 <= share
        assert share <= (math.inf if high is None else high) + 1e-7
    assert found.evidence.verify(game)
    moved = found.values + np.array([1e-3, 0, -1e-3])
    assert not dataclasses.replace(found.evidence, values=tuple(moved.tolist())).verify(game)


def test_no_other_point_within_the_bounds_is_nearer():
    random = np.random.default_rng(2)
    table = random.random(16) * 8
    table[0], table[-1] = 0, 24
    game = sg.Game.from_table(table, kind="gain")
    rows, reference = all_coalitions(4), np.array([9.0, -3.0, 4.0, 14.0])
    least, most = [-math.inf, 2.0, -math.inf, 6.0], [5.0, math.inf, math.inf, 8.0]
    found = sg.nearest_core_allocation(
        game, reference=reference, at_least=[None, 2, None, 6], at_most={0: 5, 3: 8}
    )
    other = minimize(
        lambda x: ((x - reference) ** 2).sum(),
        found.values + 0.0,
        bounds=list(zip(least, most, strict=True)),
        constraints=[
            {"type": "ineq", "fun": lambda x: rows @ x - game.values(rows) + 1e-9},
            {"type": "eq", "fun": lambda x: x.sum() - 24},
        ],
    )
    assert ((found.values - reference) ** 2).sum() == pytest.approx(other.fun, abs=1e-5)
    assert found.evidence.steps[0].bounds
    assert found.evidence.verify(game)
    forged = dataclasses.replace(found.evidence, at_most=(), at_least=())
    assert not forged.verify(game)


def test_the_smallest_advantage_within_bounds_cannot_be_raised():
    game = trio()
    found = sg.leximin_core_allocation(game, at_most={"a": 3.5})
    # a is held at 3.5; b needs 4.5 to keep a with it, and c gets what is left.
    assert found.values == pytest.approx([3.5, 4.5, 1])
    assert found.evidence.verify(game)
    capped = sg.leximin_core_allocation(game, at_most={"c": 0.5})
    assert capped.values == pytest.approx([4.25, 4.25, 0.5])
    assert capped.evidence.verify(game)


@of_all
def test_loose_bounds_change_nothing(rule):
    game = trio()
    alone = {player: game.value([player]) for player in game.players}
    free = rule(game)
    bounded = rule(game, at_least=alone, at_most=[9, 9, 9])
    assert bounded.values == pytest.approx(free.values, abs=1e-9)
    assert bounded.method.endswith("within bounds)")


@of_points
def test_a_point_of_the_least_core_where_the_core_is_not_empty(rule):
    game = trio()
    deep = rule(game, of="least-core")
    assert deep.evidence.allowed_excess == pytest.approx(-0.5)
    assert deep.values == pytest.approx([4.25, 4.25, 0.5])
    assert sg.core_check(game, deep).in_core
    assert "of the least core" in deep.method
    assert deep.evidence.verify(game)
    for forged in ({"of_least_core": False}, {"stages": ()}, {"allowed_excess": 0.0}):
        assert not dataclasses.replace(deep.evidence, **forged).verify(game)
    core_point = rule(game)
    claimed = dataclasses.replace(core_point.evidence, of_least_core=True)
    assert not claimed.verify(game)
    with pytest.raises(ContradictoryBoundsError, match="least core"):
        rule(game, of="least-core", at_least={"c": 0.75})
    assert rule(game, at_least={"c": 0.75}).values[2] >= 0.75 - 1e-9


@of_points
def test_bounds_in_the_least_core_of_an_empty_core(rule):
    majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], kind="gain")
    third = rule(majority, at_most={0: 0.5})
    assert third.values == pytest.approx([1 / 3] * 3)
    with pytest.raises(ContradictoryBoundsError) as error:
        rule(majority, at_most={0: 0.25})
    assert error.value.contradiction.allowed_excess == pytest.approx(1 / 3)
    assert error.value.contradiction.verify(majority)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"at_most": {"joe": 1}}, "'joe'"),
        ({"at_most": {"a": math.nan}}, "'a' is nan"),
        ({"at_least": {"b": math.inf}}, "'b' is inf"),
        ({"at_least": [1, 2]}, "2 bounds for 3 players"),
        ({"at_least": ["x", 1, 2]}, "at_least"),
        ({"at_least": 3}, "at_least"),
        ({"at_least": {"a": 4}, "at_most": {"a": 3}}, "'a' contradict each other"),
        ({"at_least": [4, 4, 4]}, "at least 12 together, but there is 9"),
        ({"at_most": [2, 2, 2]}, "at most 6 together, but there is 9"),
        ({"at_most": sg.Allocation(list("abc"), [1, 1, 1], "cost", "old")}, "cost allocation"),
    ],
)
@of_points
def test_wrong_bounds_are_refused_by_name(rule, options, message):
    with pytest.raises(AllocationError) as error:
        rule(trio(), **options)
    assert message in str(error.value)


@of_points
def test_another_set_to_choose_from_is_refused(rule):
    with pytest.raises(GameError, match="least-core"):
        rule(trio(), of="kernel")


def test_bounds_on_the_command_line(tmp_path, capsys):
    from sesgame.cli.command_line import main

    path = tmp_path / "game.csv"
    path.write_text("coalition,gain\na,0\nb,0\nc,0\na+b,8\na+c,4\nb+c,2\na+b+c,9\n")
    assert main(["solve", str(path), "--rule", "leximin-core", "--at-most", "a=3.5"]) == 0
    assert "4.5" in capsys.readouterr().out
    assert main(["solve", str(path), "--rule", "nearest-core", "--at-most", "a=1,b=2"]) != 0
    assert "at most 1 for a" in capsys.readouterr().err
