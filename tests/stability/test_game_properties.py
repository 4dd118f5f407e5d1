"""What kind of game it is: against all pairs in fractions, published classes, units and labels."""

import json
import math

import numpy as np
import pytest
import sesgame as sg
from fixtures.thread_counts import outputs_by_threads
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.property_oracles import (
    PROPERTIES,
    dummies,
    symmetric_classes,
    violation,
    worst_of_neighbours,
)
from sesgame.errors import AllocationError
from sesgame.stability import game_properties as module
from sesgame.testing import airport_games, bankruptcy_games, games, voting_games

EXACT = 0.0
"""Of integers: their differences are exact in floats, so nothing has to be forgiven."""


def of(game, **options):
    return sg.game_properties(game, **options)


def assert_witness(game, found):
    """The coalitions violate what they are said to, by just that."""
    worth = {(): 0.0}
    for coalition in found.coalitions:
        worth[coalition] = game.value(coalition)
    if found.name in ("superadditive", "subadditive", "convex", "concave"):
        a, b = map(set, found.coalitions)
        together = game.value(a | b) + (game.value(a & b) if a & b else 0.0)
        amount = sum(worth[coalition] for coalition in found.coalitions) - together
        if found.name in ("subadditive", "concave"):
            amount = -amount
        if found.name in ("superadditive", "subadditive"):
            assert not a & b
        assert amount == pytest.approx(found.amount)
    elif found.name == "monotone":
        smaller, larger = found.coalitions
        assert set(smaller) < set(larger)
        assert worth[smaller] - worth[larger] == pytest.approx(found.amount)
    elif found.name == "balanced":
        weighted = list(zip(found.weights, found.coalitions, strict=True))
        for player in game.players:
            covered = sum(weight for weight, members in weighted if player in members)
            assert covered == pytest.approx(1)
        apart = sum(weight * worth[members] for weight, members in weighted)
        amount = game.sign * (apart - game.value(game.players))
        assert amount == pytest.approx(found.amount)


@settings(max_examples=30)
@given(games())
def test_a_property_and_its_violation_are_those_of_all_pairs_in_fractions(game):
    table = game.tabulate().tolist()
    found = of(game, tolerance=EXACT)
    for name in PROPERTIES:
        judged = getattr(found, name)
        expected = violation(table, name)
        assert judged.holds == (expected == 0), name
        if name in ("monotone", "convex", "concave"):
            assert judged.amount == worst_of_neighbours(table, name)
        else:
            assert judged.amount == expected
        if not judged:
            assert_witness(game, judged)
    players = list(game.players)
    classes = [tuple(players[i] for i in group) for group in symmetric_classes(table)]
    assert list(found.symmetric_players) == classes
    assert list(found.dummy_players) == [players[i] for i in dummies(table)]
    alone = sum(table[1 << i] for i in range(len(players)))
    assert found.surplus == game.sign * (table[-1] - alone)
    assert found.essential.holds == (found.surplus > 0)


@settings(max_examples=15)
@given(st.data())
def test_drawn_games_of_a_class_are_in_it(data):
    convex = of(data.draw(games(convex=True)))
    assert convex.joining_pays_more
    assert convex.joining_pays
    assert convex.balanced
    assert convex.totally_balanced
    assert of(data.draw(games(superadditive=True))).joining_pays
    assert of(data.draw(games(balanced=True))).balanced
    assert of(data.draw(games(monotone=True))).monotone
    assert of(data.draw(games(2, twins=True))).symmetric_players == ((0, 1),)
    assert of(data.draw(games(dummy=True))).dummy_players
    assert of(data.draw(airport_games())).concave
    assert of(data.draw(bankruptcy_games())).convex
    assert of(data.draw(voting_games())).monotone


@settings(max_examples=20)
@given(games(st.integers(2, 5)))
def test_balanced_is_what_core_existence_says_and_totally_balanced_that_of_every_subgame(game):
    found = of(game)
    assert found.balanced.holds == (not sg.core_existence(game).is_empty)
    if not found.balanced:
        assert_witness(game, found.balanced)
    masks = range(1, 1 << game.n_players)
    subgames = [game.restricted_to(game.coalition_labels(mask)) for mask in masks]
    empty = [sub for sub in subgames if sg.core_existence(sub).is_empty]
    assert found.totally_balanced.holds == (not empty)
    if empty:
        (members,) = found.totally_balanced.coalitions
        assert members == tuple(empty[0].players)


@settings(max_examples=20)
@given(games(integer=False), st.sampled_from([1e-9, 1e-3, 7.0, 1e9]), st.randoms())
def test_neither_the_unit_nor_the_order_of_the_players_changes_an_answer(game, factor, random):
    found = of(game)
    scaled = of(sg.Game.from_table(factor * game.tabulate(), kind=game.kind))
    order = list(range(game.n_players))
    random.shuffle(order)
    other = of(sg.Game.from_table(np.zeros(len(game.tabulate())), order, kind=game.kind) + game)
    for name in (*PROPERTIES, "essential", "balanced", "totally_balanced"):
        judged = getattr(found, name)
        assert getattr(scaled, name).holds == judged.holds, name
        assert getattr(other, name).holds == judged.holds, name
        assert getattr(scaled, name).coalitions == judged.coalitions, name
        if name not in ("essential", "balanced", "totally_balanced"):
            assert getattr(scaled, name).amount == pytest.approx(factor * judged.amount, rel=1e-9)
            assert getattr(other, name).amount == pytest.approx(judged.amount, rel=1e-9)
    assert scaled.tolerance == pytest.approx(factor * found.tolerance)
    assert sorted(map(sorted, other.symmetric_players)) == list(map(list, found.symmetric_players))
    assert sorted(other.dummy_players) == list(found.dummy_players)


GLOVES = sg.Game.from_table([0, 0, 0, 0, 0, 1, 1, 1], kind="gain")
FRIENDS = sg.games.induced_subgraph([[0, 1, 2], [1, 0, 3], [2, 3, 0]])
QUARREL = sg.games.induced_subgraph([[0, 1, 2], [1, 0, -4], [2, -4, 0]])


@pytest.mark.parametrize(
    ("game", "convex", "superadditive", "balanced"),
    [
        pytest.param(sg.games.bankruptcy(200, [100, 200, 300]), True, True, True, id="bankruptcy"),
        pytest.param(sg.games.weighted_vote([1, 1, 1], 2), False, True, False, id="majority"),
        pytest.param(sg.games.weighted_vote([1, 1, 1], 1), False, False, False, id="anybody"),
        pytest.param(sg.games.weighted_vote([1, 1, 1], 3), True, True, True, id="unanimity"),
        pytest.param(GLOVES, False, True, True, id="gloves"),
        pytest.param(FRIENDS, True, True, True, id="graph"),
        pytest.param(QUARREL, False, False, False, id="graph with a quarrel"),
    ],
)
def test_gain_games_of_the_literature_are_of_their_class(game, convex, superadditive, balanced):
    found = of(game)
    assert found.convex.holds is convex
    assert found.superadditive.holds is superadditive
    assert found.balanced.holds is balanced
    assert found.joining_pays_more is found.convex


def test_the_cost_of_an_airport_is_concave_and_a_spanning_tree_need_not_be():
    airport = of(sg.games.airport([12, 20, 33], players=["near", "middle", "far"]))
    assert airport.concave
    assert airport.subadditive
    assert airport.monotone
    assert airport.totally_balanced
    assert airport.joining_pays_more is airport.concave
    # The far house saves 8 with either near one as its neighbour, but not twice with both.
    tree = sg.games.spanning_tree(
        [[0, 2, 2, 10], [2, 0, 9, 2], [2, 9, 0, 2], [10, 2, 2, 0]], players=["a", "b", "far"]
    )
    found = of(tree)
    assert found.balanced
    assert found.subadditive
    assert found.concave.coalitions == (("a", "far"), ("b", "far"))
    assert found.concave.amount == 6 + 10 - 4 - 4


def test_rounding_of_additive_values_is_no_violation():
    """Sums of tenths in floats differ in the last place from sums in another order."""
    rng = np.random.default_rng(5)
    weights = rng.uniform(0.1, 1, 12)
    table = np.zeros(1)
    for weight in rng.permutation(weights):
        table = np.concatenate([table, table + weight])
    game = sg.Game.from_table(table, kind="gain")
    found = of(game)
    assert found.superadditive
    assert found.subadditive
    assert found.convex
    assert found.concave
    assert found.balanced
    assert not found.essential
    assert len(found.dummy_players) == 12
    assert not of(game, tolerance=0).convex or not of(game, tolerance=0).concave


def test_the_accuracy_of_the_game_is_no_violation():
    game = sg.games.airport([1, 2, 3])
    rough = sg.Game.from_native(game.native, kind="cost", rounding=1.0)
    assert of(game).essential
    assert not of(rough).essential
    assert of(rough).tolerance == pytest.approx(of(game).tolerance + 4)


def test_properties_are_the_same_for_any_number_of_threads():
    program = """
import numpy as np, sesgame as sg
table = np.random.default_rng(2).integers(-9, 9, 1 << 13).astype(float)
table[0] = 0
print(sg.game_properties(sg.Game.from_table(table, kind="gain")).to_dict())
"""
    outputs = outputs_by_threads(program)
    assert outputs["1"] == outputs["2"]
    assert "superadditive" in outputs["1"]


def test_beyond_the_pairs_that_are_compared_only_some_refute(monkeypatch):
    monkeypatch.setattr(module, "MAX_PAIR_PLAYERS", 3)
    monkeypatch.setattr(module, "MAX_SUBGAME_PLAYERS", 3)
    # All together are worth less than one player and the other three.
    table = np.array([bin(mask).count("1") for mask in range(16)], float) ** 2
    apart = table.copy()
    apart[-1] = 7
    found = of(sg.Game.from_table(apart, kind="gain"))
    assert found.superadditive.holds is False
    assert found.superadditive.coalitions == ((0,), (1, 2, 3))
    assert found.totally_balanced.holds is False
    # A convex game is known to be superadditive, whatever its size.
    assert of(sg.Game.from_table(table, kind="gain")).superadditive
    assert of(sg.Game.from_table(table, kind="gain")).totally_balanced
    # Nobody alone and no complement objects, but {0, 1} and {2, 3} among five do.
    five = np.array([bin(mask).count("1") ** 2 for mask in range(32)], float)
    five[0b01111] = 7.5
    five[0b00111] = five[0b01011] = five[0b01101] = five[0b01110] = 5
    wide = sg.Game.from_table(five, kind="gain")
    assert violation(five.tolist(), "superadditive") == 0.5
    found = of(wide)
    assert found.superadditive.holds is None
    assert "limit is 3 players" in found.superadditive.reason
    assert found.totally_balanced.holds is None
    assert not found.totally_balanced
    assert "not decided" in repr(found.superadditive)
    monkeypatch.undo()
    assert of(wide).superadditive.coalitions == ((1, 2), (0, 3))


@pytest.mark.parametrize(("kind", "sign"), [("gain", 1), ("cost", -1)])
def test_beyond_a_table_few_coalitions_prove_or_refute(kind, sign):
    def game(value):
        return sg.Game.from_function(range(40), lambda s: sign * float(value(len(s))), kind=kind)

    square = of(game(lambda k: k**2))
    assert square.essential
    assert square.joining_pays.holds is None
    assert square.joining_pays_more.holds is None
    assert square.balanced.holds is None
    assert "of which 81 were looked at" in square.balanced.reason
    assert square.symmetric_players is None
    root = of(game(math.sqrt))
    assert not root.essential
    assert root.joining_pays.holds is False
    assert root.joining_pays.amount == pytest.approx(math.sqrt(39) + 1 - math.sqrt(40))
    assert root.balanced.holds is False
    assert root.balanced.coalitions == tuple((player,) for player in range(40))
    assert root.balanced.amount == pytest.approx(40 - math.sqrt(40))
    most = of(game(lambda k: k >= 39))
    assert most.balanced.holds is False
    assert most.balanced.weights == pytest.approx([1 / 39] * 40)
    assert most.balanced.amount == pytest.approx(40 / 39 - 1)
    assert most.joining_pays.holds is None
    ring = sg.Game.from_function(range(400), lambda s: sign * float(len(s) >= 399), kind=kind)
    assert of(ring).balanced.holds is None
    assert of(game(lambda k: k % 40)).monotone.holds is (False if sign > 0 else None)


def test_properties_are_said_in_words_of_the_kind():
    majority = of(sg.games.weighted_vote([1, 1, 1], 2, players=["ann", "bob", "eve"]))
    assert majority.sentences() == [
        "Essential: all together have more than each alone, by 1.",
        "Superadditive: no two coalitions have less by joining.",
        "Monotone: no coalition has less with one more member.",
        "Not convex: {ann, bob} and {ann, eve} have 1 more than their union and intersection.",
        "Not balanced: the core is empty, 1/2 x {ann, bob} + 1/2 x {ann, eve} + 1/2 x {bob, eve} "
        "have 0.5 more than all together.",
        "Not totally balanced: the game of {ann, bob, eve} has an empty core.",
        "Symmetric players: {ann, bob, eve}.",
        "Dummy players: none.",
    ]
    apart = of(sg.Game.from_table([0, 3, 4, 9.5], ["ann", "bob"], kind="cost"))
    assert apart.sentences("EUR")[:3] == [
        "Not essential: all together cost more than each alone, by 2.50 EUR.",
        "Not subadditive: {ann} and {bob} are better off apart, by 2.50 EUR.",
        "Monotone: no coalition costs less with one more member.",
    ]
    single = of(sg.Game.from_table([0, 3], ["ann"], kind="gain"))
    assert single.sentences()[0] == "Not essential: all together have no more than each alone."
    assert "not decided" in str(of(sg.games.airport(np.ones(40))))
    assert repr(single).startswith("GameProperties(1 player, kind='gain', essential=False, ")
    assert json.loads(json.dumps(majority.to_dict()))["convex"]["coalitions"] == [
        ["ann", "bob"],
        ["ann", "eve"],
    ]
    html = of(sg.Game.from_table([0, 1, 1, 1], ["<b>", "a"], kind="gain"))._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html


@pytest.mark.parametrize("tolerance", [-1, float("nan"), float("inf")])
def test_what_is_no_tolerance_is_refused(tolerance):
    with pytest.raises(AllocationError, match="finite and non-negative"):
        of(sg.games.airport([1, 2]), tolerance=tolerance)
