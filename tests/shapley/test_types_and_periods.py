"""Players counted by type, and values settled by period."""

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame.errors import CoalitionError, GameError, PlayerLimitError


@given(
    types=st.lists(st.integers(0, 2), min_size=2, max_size=7),
    seed=st.integers(0, 1000),
    kind=st.sampled_from(["gain", "cost"]),
)
def test_counting_types_gives_the_shapley_value(types, seed, kind):
    worth = np.random.default_rng(seed).integers(-9, 9, (8, 8, 8))
    worth[0, 0, 0] = 0

    def value(coalition):
        counts = np.bincount([types[player] for player in coalition], minlength=3)
        return float(worth[tuple(counts)])

    game = sg.Game.from_function(range(len(types)), value, kind=kind)
    counted = sg.shapley_value(game, types=dict(enumerate(types)))
    table = sg.Game.from_table(game.tabulate(), kind=kind)
    assert counted.values == pytest.approx(sg.shapley_value(table).values, abs=1e-9)
    assert counted.evidence.method == "types"


def by_size_and_kind(coalition):
    pumps = sum(player % 2 == 0 for player in coalition)
    return float(3 * pumps + len(coalition)) ** 1.5


KINDS = {player: player % 2 for player in range(60)}


def test_estimates_give_players_of_one_type_the_same_and_cover_the_exact_value():
    game = sg.Game.from_function(range(60), by_size_and_kind, kind="cost")
    exact = sg.shapley_value(game, types=KINDS).values
    for method in ("pairs", "permutations", "sample_reuse", "stratified"):
        inside = 0
        for seed in range(10):
            fresh = sg.Game.from_function(range(60), by_size_and_kind, kind="cost")
            found = sg.shapley_estimate(
                fresh, method=method, types=KINDS, seed=seed, max_evaluations=1_500
            )
            assert len(set(found.values[::2])) == len(set(found.values[1::2])) == 1
            error = np.abs(found.values - exact) - 1e-9 * exact.max()
            inside += int((error <= found.evidence.half_widths)[:2].sum())
        # Of 20 intervals at 95 %: 14 or fewer has a probability of 3e-4 if they were just wide
        # enough, and those of a mean are stated wider.
        assert inside >= 15, method


def test_of_coalitions_with_the_same_counts_one_is_evaluated():
    asked = []

    def value(coalition):
        asked.append(coalition)
        return by_size_and_kind(coalition)

    game = sg.Game.from_function(range(60), value, kind="cost")
    sg.shapley_estimate(game, types=KINDS, max_evaluations=4_000)
    assert len(asked) <= 31 * 31 + 16


def test_types_that_are_wrong_are_noticed():
    game = sg.Game.from_function(range(40), lambda s: float(7 in s), kind="gain")
    for value in (sg.shapley_value, sg.shapley_estimate):
        with pytest.raises(GameError, match="they have as many members of each type"):
            value(game, types=dict.fromkeys(range(40), "same"))
        with pytest.raises(CoalitionError, match="99"):
            value(game, types={99: "x"})
        with pytest.raises(GameError, match="types must be a mapping from player to type"):
            value(game, types=["x"] * 40)
    with pytest.raises(PlayerLimitError, match="samples them"):
        sg.shapley_value(game, types={0: "x", 1: "x"})


LOADS = np.random.default_rng(5).normal(size=(9, 4, 3))


def net_costs(loads):
    def costs(membership):
        net = np.tensordot(membership.astype(float), loads, axes=1)
        return np.where(net > 0, 0.3 * net, 0.1 * net).sum(axis=2)

    return costs


def test_periods_add_up_to_the_whole_and_are_shapley_values_each():
    game = sg.PeriodGame(range(9), net_costs(LOADS), ["a", "b", "c", "d"], kind="cost")
    shares = sg.shapley_by_period(game)
    assert shares.allocation.evidence.estimator == "exact"
    for column, loads in zip(shares.values.T, LOADS.swapaxes(0, 1), strict=True):
        part = sg.games.netting(loads, [0.3] * 3, [0.1] * 3)
        assert column == pytest.approx(sg.shapley_value(part).values, abs=1e-12)
    whole = sg.shapley_value(game.total())
    assert shares.allocation.values == pytest.approx(whole.values, abs=1e-12)


def test_sampled_periods_add_up_and_their_intervals_cover():
    exact = sg.shapley_by_period(sg.PeriodGame(range(9), net_costs(LOADS), range(4), kind="cost"))
    inside = entries = 0
    for seed in range(30):
        game = sg.PeriodGame(range(9), net_costs(LOADS), range(4), kind="cost")
        found = sg.shapley_by_period(game, seed=seed, max_evaluations=330)
        grand = game.values(np.ones((1, 9), dtype=bool))[0]
        assert found.values.sum(axis=0) == pytest.approx(grand)
        assert found.allocation.values == pytest.approx(found.values.sum(axis=1))
        off = np.abs(found.allocation.values - exact.allocation.values)
        inside += int((off <= found.allocation.evidence.half_widths).sum())
        entries += int((np.abs(found.values - exact.values) <= 2.2 * found.standard_errors).sum())
    # 270 and 1,080 intervals of about 95 %: below 87 % has a probability under 1e-6.
    assert inside >= 0.87 * 270
    assert entries >= 0.87 * 1080


def test_each_coalition_is_evaluated_once_for_all_periods():
    asked = 0

    def costs(membership):
        nonlocal asked
        asked += len(membership)
        return net_costs(LOADS)(membership)

    sg.shapley_by_period(sg.PeriodGame(range(9), costs, range(4), kind="cost"))
    assert asked == 2**9


def test_games_of_days_are_settled_by_day():
    days = {
        day: sg.games.netting(LOADS[:, index], [0.3] * 3, [0.1] * 3)
        for index, day in enumerate(["mon", "tue"])
    }
    shares = sg.shapley_by_period(sg.PeriodGame.from_games(days))
    assert shares.to_pandas()["tue"].to_numpy() == pytest.approx(
        sg.shapley_value(days["tue"]).values, abs=1e-12
    )


def test_periods_that_make_no_sense_are_refused():
    with pytest.raises(GameError, match="periods must not be empty"):
        sg.PeriodGame(["a", "b"], len, [], kind="gain")
    with pytest.raises(GameError, match="duplicate period 'x'"):
        sg.PeriodGame(["a", "b"], len, ["x", "y", "x"], kind="gain")
    with pytest.raises(GameError, match=r"kind must be .*, got 'both'"):
        sg.PeriodGame(["a", "b"], len, ["x"], kind="both")
    with pytest.raises(GameError, match="periods must not be empty"):
        sg.PeriodGame.from_games({})
    one = sg.games.airport([1.0, 2.0])
    with pytest.raises(GameError, match="the game of period 'tue'"):
        sg.PeriodGame.from_games({"mon": one, "tue": sg.games.airport([1.0])})
    short = sg.PeriodGame(["a", "b"], lambda s: np.zeros((len(s), 2)), ["x"], kind="gain")
    with pytest.raises(GameError, match=r"of shape \(1, 2\); for 1 coalitions and 1 periods"):
        short.values(np.ones((1, 2), dtype=bool))
    holed = sg.PeriodGame(["a", "b"], lambda s: np.full((len(s), 1), np.nan), ["x"], kind="gain")
    with pytest.raises(GameError, match=r"the value of \{a, b\} in period 'x' is nan"):
        holed.values(np.ones((1, 2), dtype=bool))
    with pytest.raises(ValueError, match="confidence must be between 0 and 1, got 2"):
        sg.shapley_by_period(short, confidence=2)
    with pytest.raises(ValueError, match="max_evaluations must be at least 1, got 0"):
        sg.shapley_by_period(short, max_evaluations=0)
