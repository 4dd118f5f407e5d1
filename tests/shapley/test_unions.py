"""Values of players in unions, against their definition over all orders, in fractions."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.errors import CoalitionError, GameError, PlayerLimitError
from sesgame.testing import games

UNION_OF = st.lists(st.integers(0, 2), min_size=5, max_size=5)


def unions_of(game, union_of):
    """Return the players of each union, of those that have some."""
    unions = [[i for i in game.players if union_of[i] == k] for k in range(3)]
    return [union for union in unions if union]


def fractions_of(game):
    return [Fraction(value) for value in game.tabulate().tolist()]


def mean_marginals(table, orders):
    """Return the mean marginal contributions over some orders."""
    orders = list(orders)
    shares = [Fraction(0)] * len(orders[0])
    for order in orders:
        mask = 0
        for player in order:
            shares[player] += table[mask | 1 << player] - table[mask]
            mask |= 1 << player
    return [share / len(orders) for share in shares]


def contiguous(unions):
    """Return all orders in which unions stay together."""
    return [
        order
        for order in permutations(range(sum(map(len, unions))))
        if all(
            max(order.index(i) for i in union) - min(order.index(i) for i in union)
            == len(union) - 1
            for union in unions
        )
    ]


@given(games(st.integers(2, 5)), UNION_OF)
def test_the_owen_value_is_the_mean_over_orders_that_keep_unions_together(game, union_of):
    unions = unions_of(game, union_of)
    expected = mean_marginals(fractions_of(game), contiguous(unions))
    found = sg.owen_value(game, unions)
    assert found.values == pytest.approx([float(share) for share in expected], abs=1e-12)
    assert found.evidence.efficiency_gap == pytest.approx(0, abs=1e-12)


@given(games(st.integers(2, 5)))
def test_the_owen_value_of_trivial_unions_is_the_shapley_value(game):
    shapley = sg.shapley_value(game).values
    n = game.n_players
    for unions in ([range(n)], [[i] for i in range(n)]):
        assert sg.owen_value(game, unions).values == pytest.approx(shapley, abs=1e-12)


def restricted(table, unions):
    """Return the table of whole unions and the tables inside each."""
    masks = [sum(1 << i for i in union) for union in unions]

    def value(parts, chosen):
        return table[sum(part for k, part in enumerate(parts) if chosen >> k & 1)]

    among = [value(masks, chosen) for chosen in range(1 << len(unions))]
    inside = [
        [value([1 << i for i in union], chosen) for chosen in range(1 << len(union))]
        for union in unions
    ]
    return among, inside


@given(games(st.integers(2, 5)), UNION_OF)
def test_a_union_gets_its_shapley_value_and_shares_it_out(game, union_of):
    unions = unions_of(game, union_of)
    among, inside = restricted(fractions_of(game), unions)
    by_union = mean_marginals(among, permutations(range(len(unions))))
    owen, nested = sg.owen_value(game, unions), sg.nested_shapley_value(game, unions)
    for union, share, part in zip(unions, by_union, inside, strict=True):
        assert owen.values[union].sum() == pytest.approx(float(share), abs=1e-12)
        alone = mean_marginals(part, permutations(range(len(union))))
        expected = [float(own + (share - part[-1]) / len(union)) for own in alone]
        assert nested.values[union] == pytest.approx(expected, abs=1e-12)


def test_owens_parties_of_a_parliament():
    # Two parties of the same bloc share its power equally; Shapley gives all three the same.
    majority = sg.Game.from_function(["a", "b", "c"], lambda s: float(len(s) >= 2), kind="gain")
    found = sg.owen_value(majority, [["a", "b"], ["c"]])
    assert found.values == pytest.approx([0.5, 0.5, 0.0])


def peaks(n):
    load = np.random.default_rng(n).gamma(2, 1, (n, 6))
    return sg.Game.from_function(
        range(n), lambda rows: (rows @ load).max(axis=1), kind="cost", batched=True
    )


def test_estimates_cover_the_exact_values():
    game, unions = peaks(12), [range(5), range(5, 8), range(8, 12)]
    for exact, estimate in (
        (sg.owen_value(game, unions), sg.owen_estimate),
        (sg.nested_shapley_value(game, unions), sg.nested_shapley_estimate),
    ):
        inside = 0
        for seed in range(40):
            found = estimate(game, unions, seed=seed, max_evaluations=400)
            assert found.total == pytest.approx(exact.total)
            error = np.abs(found.values - exact.values)
            inside += int((error <= found.evidence.half_widths + 1e-9).sum())
        # At 95 % each of 480 intervals: fewer than 87 % has a probability below 1e-9.
        assert inside >= 0.87 * 480, estimate


def test_the_estimate_of_owen_goes_along_contiguous_orders():
    game = sg.Game.from_function(
        range(20), lambda s: float({0, 1} <= s), kind="gain"
    )  # both of the first union or nothing
    found = sg.owen_estimate(game, [[0, 1], range(2, 20)], max_evaluations=3_000)
    assert found.values[:2] == pytest.approx([0.5, 0.5], abs=0.2)
    assert np.count_nonzero(found.values) == 2


def test_the_same_seed_gives_the_same_bits():
    game, unions = peaks(40), [range(15), range(15, 40)]
    for estimate in (sg.owen_estimate, sg.nested_shapley_estimate):
        one, two = (estimate(game, unions, seed=3, max_evaluations=2_000) for _ in range(2))
        assert one.values.tobytes() == two.values.tobytes()


@pytest.mark.parametrize("value", [sg.owen_value, sg.nested_shapley_value, sg.owen_estimate])
@pytest.mark.parametrize(
    ("unions", "error", "message"),
    [
        ([["a"], ["b"]], GameError, r"\{c\} is in no union"),
        ([["a", "b"], ["b", "c"]], GameError, "'b' is in union 1 and in union 2"),
        ([["a", "b", "c"], []], GameError, "union 2 is empty"),
        ([["a", "b", "c", "d"]], CoalitionError, "'d'"),
        ([["a", "a"], ["b", "c"]], CoalitionError, "duplicate player 'a'"),
    ],
)
def test_unions_that_are_none_are_refused(value, unions, error, message):
    game = sg.Game.from_function(["a", "b", "c"], len, kind="gain")
    with pytest.raises(error, match=message):
        value(game, unions)


def test_too_many_coalitions_for_an_exact_value_name_the_estimate():
    with pytest.raises(PlayerLimitError, match="see owen_estimate"):
        sg.owen_value(peaks(40), [range(20), *([i] for i in range(20, 40))])
    with pytest.raises(PlayerLimitError):
        sg.nested_shapley_value(peaks(40), [[i] for i in range(40)])
