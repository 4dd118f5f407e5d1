"""What an audit finds, against enumeration in exact arithmetic and on games worked by hand."""

import dataclasses
from fractions import Fraction

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given
from hypothesis import strategies as st
from sesgame._engine import worst_coalition
from sesgame.errors import AllocationError
from sesgame.testing import games

GLOVES = {("l",): 0, ("r",): 0, ("s",): 0, ("l", "r"): 1, ("l", "s"): 1, ("r", "s"): 0}


def glove_game():
    """One left and two right gloves: the core is the single point (1, 0, 0)."""
    return sg.Game.from_dict({**GLOVES, ("l", "r", "s"): 1}, kind="gain")


def test_the_one_core_point_of_the_glove_game_passes():
    result = sg.audit(glove_game(), {"l": 1, "r": 0, "s": 0})
    assert result.efficient
    assert result.individually_rational
    assert result.in_core
    assert result.worst_coalition_excess == 0


def test_a_fair_split_of_the_glove_game_names_the_pair_that_objects():
    result = sg.audit(glove_game(), {"s": 1 / 6, "r": 1 / 6, "l": 4 / 6})
    assert result.efficient
    assert result.individually_rational
    assert not result.in_core
    assert result.worst_coalition == ("l", "r")
    assert result.worst_coalition_excess == pytest.approx(1 / 6)
    assert result.sentences("EUR")[-1] == "The coalition {l, r} would gain 0.17 EUR by leaving."


def test_a_search_that_was_stopped_says_what_no_coalition_gains():
    game = sg.Game.from_dict({("a",): 0, ("b",): 0, ("a", "b"): 6}, kind="gain")
    found = sg.audit(game, {"a": 7, "b": -1})
    assert found.sentences("EUR")[2] == "The coalition {b} would gain 1.00 EUR by leaving."
    stopped = dataclasses.replace(found, bound=1.25)
    assert stopped.sentences("EUR")[2] == (
        "The coalition {b} would gain 1.00 EUR by leaving; "
        "no coalition gains more than 1.25 EUR (proved upper bound)."
    )


def test_an_inefficient_allocation_is_told_by_how_much():
    result = sg.audit(glove_game(), [1.5, -0.25, 0])
    assert not result.efficient
    assert result.efficiency_gap == 0.25
    assert not result.individually_rational
    assert (result.worst_player, result.worst_player_excess) == ("r", 0.25)
    assert not result.in_core
    assert result.sentences() == [
        "Not efficient: the shares sum to 0.25 more than the total.",
        "r would gain 0.25 by standing alone.",
        "The coalition {r} would gain 0.25 by leaving.",
    ]


def test_a_stable_cost_share_names_the_closest_group_and_what_it_would_lose():
    game = sg.Game.from_dict({("a",): 40, ("b",): 30, ("a", "b"): 50}, kind="cost")
    result = sg.audit(game, {"a": 31, "b": 19})
    assert result.in_core
    assert result.sentences("EUR") == [
        "Efficient: the shares sum to the total.",
        "No member is better off alone.",
        "No coalition can do better on its own; the closest is {a}, "
        "which would lose 9.00 EUR by leaving.",
    ]


def test_an_audit_says_why_no_rule_contents_everybody():
    majority = sg.Game.from_table([0, 0, 0, 1, 0, 1, 1, 1], ["a", "b", "c"], kind="gain")
    result = sg.audit(majority, sg.shapley_value(majority))
    assert result.obstacle.name == "balanced"
    assert result.sentences()[-1] == (
        "No rule can content every group: the core is empty, 1/2 x {a, b} + 1/2 x {a, c} + "
        "1/2 x {b, c} have 0.5 more than all together."
    )
    apart = sg.Game.from_table([0, 3, 4, 9.5], ["a", "b"], kind="cost")
    assert sg.audit(apart, [4, 5.5]).sentences("EUR")[-1] == (
        "All together are worse off than each alone, by 2.50 EUR: any rule leaves somebody so."
    )
    # There is a core: another split contents everybody.
    assert sg.audit(glove_game(), sg.shapley_value(glove_game())).obstacle is None
    assert sg.audit(majority, sg.shapley_value(majority)).to_dict()["obstacle"]["holds"] is False


def test_with_an_oracle_the_few_coalitions_that_it_looks_at_say_why():
    class Nobody:
        exact = True

        def most_violated(self, allocation, count):
            everybody_but_one = np.ones((1, 40), bool)
            everybody_but_one[0, 0] = False
            return everybody_but_one, np.ones(1)

    most = sg.Game.from_function(range(40), lambda s: float(len(s) >= 39), kind="gain")
    result = sg.audit(most, [1 / 40] * 40, oracle=Nobody())
    assert result.obstacle.weights == (1 / 39,) * 40
    assert "1/39 x {1, 2, 3, 4, 5, 6 and 33 more} + " in result.sentences()[-1]
    assert " + 36 more have 0.025641 more than all together." in result.sentences()[-1]


def test_a_single_player_has_no_coalition_to_leave_with():
    game = sg.Game.from_table([0, 5], kind="cost")
    result = sg.audit(game, [5])
    assert result.in_core
    assert result.worst_coalition == ()
    assert result.worst_coalition_excess == -np.inf
    assert not sg.audit(game, [6]).in_core
    assert len(result.sentences()) == 2


def test_of_groups_that_differ_by_rounding_alone_the_first_is_named():
    """Which sum is larger in the last place may differ from machine to machine."""
    table = [0.0, 3.0, 3.0 + 4e-16, 5.0, 3.0 + 8e-16, 5.0, 5.0, 6.0]
    result = sg.audit(sg.Game.from_table(table, ["a", "b", "c"], kind="cost"), [3.0, 3.0, 3.0])
    assert (result.worst_player, result.worst_coalition) == ("a", ("a", "b"))
    result = sg.audit(sg.Game.from_table([-x for x in table], kind="gain"), [-3.0, -3.0, -3.0])
    assert (result.worst_player, result.worst_coalition) == (0, (0, 1))
    result = sg.audit(sg.Game.from_table(table, kind="cost"), [2.0, 2.0 + 4e-16, 2.0 + 4e-16])
    assert (result.worst_player, result.worst_coalition) == (0, (0,))


def test_the_worst_group_is_named_however_rough_an_estimate_is():
    game = sg.Game.from_table([0.0, 3.0, 3.0, 5.0, 3.0, 5.0, 4.9, 6.0], kind="cost")
    rough = sg.Allocation(game.players, [3.0, 3.0, 3.0], "cost", "a guess", tolerance=9.0)
    # What an allocation says of itself widens nothing; what who audits says does.
    assert not sg.audit(game, rough).in_core
    result = sg.audit(game, rough, tolerance=9.0)
    assert result.worst_coalition == (1, 2)
    assert result.in_core
    assert result.worst_coalition_excess == pytest.approx(1.1)


def test_bills_that_come_out_at_zero_are_off_by_no_more_than_rounding():
    """Three members earn at noon what they pay at night: all costs are sums that cancel."""
    load, pv = np.zeros((3, 5)), np.zeros((3, 5))
    load[:, :4] = np.random.default_rng(1).uniform(0.01, 0.2, (3, 4))
    pv[:, 4] = 0.30 * load.sum(axis=1) / 0.08
    community = sg.energy.Community(
        members=["ann", "bob", "eve"],
        steps=sg.energy.TimeSteps(np.datetime64("2016-06-01"), np.timedelta64(1, "h"), 5),
        load_kwh=load,
        pv_kwh=pv,
        tariff=sg.energy.Tariff.flat(0.30, 0.08),
    )
    for model in ("netting", "linear"):
        game = community.cost_game(model=model)
        assert game.scale < game.rounding < 1e-14
        result = sg.audit(game, [0.0, 0.0, 0.0])
        assert result.efficient
        assert result.in_core
        assert not sg.audit(game, [1e-13, 0.0, 0.0]).efficient


@given(games(st.integers(2, 6)), st.lists(st.integers(-50, 50), min_size=6, max_size=6))
def test_the_worst_coalition_is_that_of_exact_enumeration(game, drawn):
    table, n_players = game.tabulate().tolist(), game.n_players
    shares = drawn[:n_players]
    excess = [
        int(game.sign)
        * (Fraction(value) - sum(shares[i] for i in range(n_players) if mask >> i & 1))
        for mask, value in enumerate(table)
    ]
    worst = max(range(1, len(table) - 1), key=lambda mask: (excess[mask], -mask))
    result = sg.audit(game, shares)
    assert result.worst_coalition_excess == excess[worst]
    assert result.worst_coalition == tuple(i for i in range(n_players) if worst >> i & 1)
    assert result.worst_player_excess == max(excess[1 << i] for i in range(n_players))
    assert result.efficiency_gap == sum(shares) - table[-1]
    assert result.in_core == (excess[worst] <= 0 and sum(shares) == table[-1])


@pytest.mark.parametrize("n_players", [11, 12, 13, 14, 17])
@pytest.mark.parametrize("kind", ["gain", "cost"])
def test_one_scan_names_the_first_of_excesses_that_count_as_equal(n_players, kind):
    random = np.random.default_rng(n_players)
    table = random.integers(-99, 99, 1 << n_players).astype(float)
    table[0] = 0
    shares = random.integers(-9, 9, n_players)
    sums = np.zeros(1)
    for share in shares:
        sums = np.concatenate([sums, sums + share])
    excess = {"gain": 1, "cost": -1}[kind] * (table - sums)
    for equal in (0.0, 1.0, 7.0, 300.0):
        first = 1 + int(np.argmax(excess[1:-1] >= excess[1:-1].max() - equal))
        found = worst_coalition(table, kind, shares.astype(float), equal)
        assert found == (first, excess[1:-1].max())
    for place in (1, (1 << n_players) - 2, (1 << n_players) // 2, (1 << n_players) // 2 - 1):
        spiked = table.copy()
        spiked[place] = {"gain": 1e6, "cost": -1e6}[kind]
        assert worst_coalition(spiked, kind, shares.astype(float), 5.0)[0] == place
    with pytest.raises(ValueError, match="equal is -1; it must be at least 0"):
        worst_coalition(table, kind, shares.astype(float), -1.0)


@pytest.mark.parametrize(
    ("allocation", "message"),
    [
        pytest.param({"l": 1, "r": 0}, r"missing \{s\}, unknown \{\}", id="missing"),
        pytest.param({"l": 1, "r": 0, "s": 0, "t": 0}, r"unknown \{t\}", id="unknown"),
        pytest.param([1, 0], r"shape \(3,\), not \(2,\)", id="too short"),
        pytest.param([1, 0, np.nan], "'s' gets nan", id="nan"),
        pytest.param({"l": 1, "r": 0, "s": np.inf}, "'s' gets inf", id="inf"),
        pytest.param(
            sg.Allocation(["l", "r", "s"], [1, 0, 0], "cost", "x"), "a cost allocation", id="kind"
        ),
    ],
)
def test_an_allocation_that_does_not_fit_the_game_is_refused(allocation, message):
    with pytest.raises(AllocationError, match=message):
        sg.audit(glove_game(), allocation)


def test_an_allocation_in_another_player_order_is_put_in_order():
    allocation = sg.Allocation(["s", "l", "r"], [0, 1, 0], "gain", "by hand")
    assert sg.audit(glove_game(), allocation).in_core


def test_a_negative_tolerance_is_refused():
    with pytest.raises(AllocationError, match="tolerance must be finite and non-negative, got -1"):
        sg.audit(glove_game(), [1, 0, 0], tolerance=-1)
