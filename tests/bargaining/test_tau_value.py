"""The tau value against fractions, on convex games and others, its conditions, its evidence."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.thread_counts import outputs_by_threads
from hypothesis import assume, given
from hypothesis import strategies as st
from reference import one_line_oracles as oracle
from sesgame.errors import GameError
from sesgame.testing import assert_efficient, assert_individually_rational, games

ROUNDING = 1e-10
"""Of integers up to some hundred, sums of five and quotients of them."""


@st.composite
def tables(draw):
    """Return integers for all coalitions, often of a quasi-balanced game."""
    n = draw(st.integers(1, 5))
    table = [0, *draw(st.lists(st.integers(-10, 30), min_size=2**n - 1, max_size=2**n - 1))]
    table[-1] += draw(st.integers(0, 60))
    return table


@given(table=tables(), kind=st.sampled_from(["gain", "cost"]))
def test_it_is_that_of_fractions_or_refused(table, kind):
    sign = 1 if kind == "gain" else -1
    game = sg.Game.from_table([float(sign * value) for value in table], kind=kind)
    if not oracle.is_quasi_balanced(table):
        with pytest.raises(GameError, match="not quasi-balanced"):
            sg.tau_value(game)
        return
    found = sg.tau_value(game)
    point = [sign * share for share in oracle.tau(table)]
    for numbers, exact in (
        (found.values, point),
        (found.evidence.minimal_rights, [sign * r for r in oracle.minimal_rights(table)]),
        (found.evidence.utopia_payoffs, [sign * m for m in oracle.marginal(table)]),
    ):
        np.testing.assert_allclose(numbers, [float(x) for x in exact], rtol=0, atol=ROUNDING)
    assert_efficient(game, found)
    assert_individually_rational(game, found)
    assert found.evidence.verify(game).holds
    exact = found.evidence.verify(game, exact=True)
    assert exact.holds
    assert list(exact.values) == point


@given(game=games(convex=True))
def test_of_convex_games_it_is_the_gately_point(game):
    alone = game.values(np.eye(game.n_players, dtype=bool))
    # An additive game has no propensities, and rounding may make it lose.
    assume(game.sign * (game.value(game.players) - alone.sum()) > 1e-6 * game.scale)
    found = sg.tau_value(game)
    expected = sg.gately_point(game).values
    np.testing.assert_allclose(found.values, expected, rtol=0, atol=1e-9 * game.scale)


def test_the_conditions_are_named():
    def game(table, kind="gain"):
        return sg.Game.from_table(table, ["a", "b", "c"][: len(table).bit_length() - 1], kind=kind)

    with pytest.raises(GameError, match="minimal right 2 of 'a' is above the utopia payoff 1"):
        sg.tau_value(game([0, 2, 0, 1]))
    with pytest.raises(GameError, match="minimal right 2 of 'a' is below the utopia payoff 3"):
        sg.tau_value(game([0, 2, 0, 3], "cost"))
    # Pairs are worth 1, as all are: nobody adds anything, and somebody has a right to 1.
    with pytest.raises(GameError, match="minimal right 1 of 'a' is above the utopia payoff 0"):
        sg.tau_value(game([0, 0, 0, 1, 0, 1, 1, 1]))
    # Each has 1 alone and adds 2 to the others, and all have 2.
    with pytest.raises(GameError, match=r"rights sum to 3, above v\(N\) = 2"):
        sg.tau_value(game([0, 1, 1, 0, 1, 0, 0, 2]))


def test_published_and_worked_games():
    trio = sg.Game.from_table([0, 0, 0, 8, 0, 4, 2, 9], kind="gain")
    found = sg.tau_value(trio)
    np.testing.assert_allclose(found.values, [47 / 9, 29 / 9, 5 / 9], rtol=1e-14)
    assert found.evidence.minimal_rights == (3, 1, 0)
    cable = sg.tau_value(sg.games.airport([12, 20, 33]))
    np.testing.assert_allclose(cable.values, [60 / 13, 100 / 13, 269 / 13], rtol=1e-13)
    estate = sg.tau_value(sg.games.bankruptcy(200, [100, 200, 300]))
    np.testing.assert_allclose(estate.values, [40, 80, 80], rtol=1e-13)


def lexicographic(values, sign):
    """Return the game whose coalitions are listed by size, then by players."""
    n = (len(values) + 1).bit_length() - 1
    listed = [s for size in range(1, n + 1) for s in combinations(range(n), size)]
    table = [0.0] * (len(values) + 1)
    for members, value in zip(listed, values, strict=True):
        table[sum(1 << i for i in members)] = float(value)
    return sg.Game.from_table(table, kind="gain" if sign > 0 else "cost")


def test_games_of_the_manual_of_tuglab():
    # Inputs of Miras Calvo and Sanchez Rodriguez, TUGlab; the values follow by hand.
    four = lexicographic([0, 0, 0, 0, 10, 40, 30, 60, 10, 20, 90, 90, 90, 130, 160], 1)
    found = sg.tau_value(four)
    assert found.evidence.utopia_payoffs == (30, 70, 70, 70)
    assert found.evidence.minimal_rights == (0, 0, 10, 0)
    expected = np.array([450, 1050, 1130, 1050]) / 23
    np.testing.assert_allclose(found.values, expected, rtol=1e-13)
    costs = sg.tau_value(lexicographic([2, 2, 2, 3, 4, 4, 5], -1))
    np.testing.assert_allclose(costs.values, [1.5, 1.5, 2], rtol=1e-13)


@given(claims=st.lists(st.integers(1, 60), min_size=1, max_size=5), part=st.fractions(0, 1))
def test_of_a_bankruptcy_it_is_the_adjusted_proportional_rule(claims, part):
    # Curiel, Maschler and Tijs (1987), Bankruptcy games: rights that nobody disputes, then the
    # rest in proportion to what is left of the claims, each cut at the rest.
    estate = int(part * sum(claims))
    undisputed = [max(0, estate - sum(claims) + claim) for claim in claims]
    left = estate - sum(undisputed)
    cut = [min(c - u, left) for c, u in zip(claims, undisputed, strict=True)]
    rates = [Fraction(c, sum(cut)) if sum(cut) else Fraction(0) for c in cut]
    expected = [u + left * rate for u, rate in zip(undisputed, rates, strict=True)]
    found = sg.tau_value(sg.games.bankruptcy(estate, claims))
    shares = [float(share) for share in expected]
    np.testing.assert_allclose(found.values, shares, rtol=0, atol=ROUNDING)


def test_the_scans_have_the_same_bits_for_any_number_of_threads():
    program = f"""
import sys; sys.path.insert(0, {str(Path(sg.__file__).parents[1])!r})
import numpy as np, sesgame as sg
draw = np.random.default_rng(1)
print(sg.tau_value(sg.games.airport(draw.random(16))).values.tobytes().hex())
netting = sg.games.netting(draw.normal(size=(300, 7)), 0.3, 0.1)
print(sg.gately_point(netting).values.tobytes().hex())
"""
    outputs = outputs_by_threads(program)
    assert outputs["1"] == outputs["2"]
    assert len(outputs["1"].split()) == 2


def test_minimal_rights_of_more_players_than_a_block_are_the_largest():
    rng = np.random.default_rng(7)
    n = 14
    table = np.append(0.0, rng.integers(0, 30, 2**n - 1)).astype(float)
    table[-1] = 2000.0  # everybody adds so much that only small groups leave a right
    game = sg.Game.from_table(table, kind="gain")
    found = sg.tau_value(game)
    most = table[-1] - table[(1 << n) - 1 - (1 << np.arange(n))]
    sums = (np.arange(1 << n)[:, None] >> np.arange(n) & 1) @ most
    for player in range(n):
        inside = np.arange(1 << n) >> player & 1 == 1
        expected = (table - sums)[inside].max() + most[player]
        assert found.evidence.minimal_rights[player] == pytest.approx(expected, abs=1e-9)
    assert found.evidence.verify(game, exact=True).holds


@pytest.mark.parametrize(
    "forged",
    [
        {"values": (5.0, 3.0, 1.0)},
        {"minimal_rights": (2.0, 1.0, 0.0)},
        {"utopia_payoffs": (7.0, 5.0, 2.0)},
        {"utopia_payoffs": (7.0, 5.0)},
        {"below_alone": (1,)},
    ],
    ids=str,
)
def test_a_forged_field_is_refused(forged):
    game = sg.Game.from_table([0, 0, 0, 8, 0, 4, 2, 9], kind="gain")
    evidence = sg.tau_value(game).evidence
    assert evidence.verify(game)
    assert not replace(evidence, **forged).verify(game)


@pytest.mark.parametrize("unit", [1.0, 0.1, 1e-300, 1e200])
def test_rights_that_tie_in_floats_are_compared_exactly(unit):
    draw = np.random.default_rng(2)
    for _ in range(5):
        table = np.zeros(1)
        for weight in draw.integers(1, 30, size=6):
            table = np.concatenate([table, table + unit * int(weight)])
        table[-1] *= 1.5
        game = sg.Game.from_table(table, kind="gain")
        proof = sg.tau_value(game).evidence.verify(game, exact=True)
        assert proof.failures == ()
        worth = [Fraction(value) for value in table.tolist()]
        most = [worth[-1] - worth[63 ^ 1 << i] for i in range(6)]
        least = [
            max(
                worth[mask] - sum(most[j] for j in range(6) if mask >> j & 1 and j != i)
                for mask in range(64)
                if mask >> i & 1
            )
            for i in range(6)
        ]
        part = (worth[-1] - sum(least)) / (sum(most) - sum(least))
        assert proof.values == tuple(r + part * (m - r) for r, m in zip(least, most, strict=True))
