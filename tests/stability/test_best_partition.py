"""The best coalition structure against all partitions, and what its cover is good for."""

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
import sesgame as sg
from fixtures.drawn import drawn
from hypothesis import given
from hypothesis import strategies as st


def partitions(players):
    """Yield all partitions of a list."""
    if not players:
        yield []
        return
    first, *others = players
    for rest in partitions(others):
        yield [[first], *rest]
        for place, part in enumerate(rest):
            yield [*rest[:place], [first, *part], *rest[place + 1 :]]


def exact_best(table, n, kind):
    """Return the best total in fractions, by going through all partitions."""
    totals = (
        sum(Fraction(table[sum(1 << player for player in part)]) for part in partition)
        for partition in partitions(list(range(n)))
    )
    return max(totals) if kind == "gain" else min(totals)


TABLES = st.integers(1, 6).flatmap(
    lambda n: st.lists(
        st.floats(-1e3, 1e3).map(lambda value: round(value, 2)),
        min_size=(1 << n) - 1,
        max_size=(1 << n) - 1,
    )
)


@given(TABLES, st.sampled_from(["gain", "cost"]))
def test_no_partition_is_better(values, kind):
    table = [0.0, *values]
    n = len(table).bit_length() - 1
    game = sg.Game.from_table(table, kind=kind)
    found = sg.best_partition(game)
    best = exact_best(table, n, kind)
    assert abs(Fraction(found.total) - best) <= Fraction(found.tolerance)
    assert sorted(player for part in found.coalitions for player in part) == list(range(n))
    assert found.values == tuple(game.value(part) for part in found.coalitions)
    assert found.cover.value(game.players) == pytest.approx(float(best), abs=found.tolerance)
    assert found.advantage >= 0
    joining = sg.game_properties(found.cover).joining_pays
    assert joining.holds


@given(TABLES, st.sampled_from([1e-6, 0.01, 1e3]), st.sampled_from(["gain", "cost"]))
def test_the_unit_does_not_matter(values, factor, kind):
    table = np.array([0.0, *values])
    found = sg.best_partition(sg.Game.from_table(table, kind=kind))
    scaled = sg.best_partition(sg.Game.from_table(factor * table, kind=kind))
    assert scaled.total == pytest.approx(factor * found.total, abs=4 * scaled.tolerance)


@given(st.lists(st.floats(0, 9), min_size=7, max_size=7))
def test_names_and_their_order_do_not_matter(values):
    values = dict(zip(["a", "b", "c", "ab", "ac", "bc", "abc"], values, strict=True))
    totals = []
    for order in permutations("abc"):
        game = sg.Game.from_function(
            order, lambda s: values["".join(sorted(s))] if s else 0.0, kind="gain"
        )
        totals.append(sg.best_partition(game).total)
    assert totals == pytest.approx([totals[0]] * 6, abs=1e-9 * max(values.values(), default=1.0))


def test_what_loses_nothing_by_joining_is_one():
    additive = sg.Game.from_function(
        list("abc"), lambda s: sum({"a": 0.1, "b": 0.2, "c": 0.3}[one] for one in s), kind="gain"
    )
    assert sg.best_partition(additive).coalitions == (("a", "b", "c"),)
    pairs = {2: 2.0, 4: 3.0}
    sizes = sg.Game.from_function(range(4), lambda s: pairs.get(len(s), 0.0), kind="gain")
    assert sorted(map(len, sg.best_partition(sizes).coalitions)) == [2, 2]


@drawn(20, 200, TABLES)
def test_a_core_point_of_the_cover_splits_each_coalitions_own_value(values):
    game = sg.Game.from_table([0.0, *values], kind="gain")
    found = sg.best_partition(game)
    if sg.core_existence(found.cover).is_empty:
        return
    shares = sg.nucleolus(found.cover)
    slack = 1e-7 * max(game.scale, 1e-300)
    for part, value in zip(found.coalitions, found.values, strict=True):
        assert abs(sum(shares[player] for player in part) - value) <= slack


def test_more_players_are_refused_before_they_are_tabulated():
    many = sg.Game.from_function(range(25), lambda s: 1 / 0, kind="gain")
    with pytest.raises(sg.errors.PlayerLimitError, match="25 players") as caught:
        sg.best_partition(many)
    assert caught.value.limit == 24


def test_it_says_what_the_structure_is():
    game = sg.Game.from_function(
        ["ann", "bob", "eve"], lambda s: {1: 2, 2: 3, 3: 9}[len(s)], kind="cost"
    )
    found = sg.best_partition(game)
    assert str(found) == (
        "2 coalitions, cost 5:\n  {ann}: 2\n  {bob, eve}: 3\n"
        "One coalition of all: 9; everybody alone: 6."
    )
    assert found.to_dict()["coalitions"] == [["ann"], ["bob", "eve"]]
    assert "{bob, eve}" in found._repr_html_()
