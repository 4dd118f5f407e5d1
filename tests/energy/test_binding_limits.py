"""Limits that no coalition can reach leave the program, and nothing else changes."""

from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import MEMBERS, UNLIKE, battery
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.world_lp import least_cost
from sesgame.energy import Grid, Line
from sesgame.energy.dispatch.model import MODELS
from sesgame.errors import GameError
from sesgame.testing import communities

STEPS = [f"2016-06-01T{hour:02}:00" for hour in range(8)]
ACCURACY = 1e-7
"""Of a cost of some euros: the reference is solved by HiGHS, at its tolerances."""


def here(grid=None, *, batteries=UNLIKE, sell=0.08):
    """Return four members whose flows are whole kWh, so that limits can be just reached."""
    rng = np.random.default_rng(5)
    return sg.energy.Community(
        members=MEMBERS,
        steps=STEPS,
        load_kwh=rng.integers(0, 5, (4, 8)).astype(float),
        pv_kwh=rng.integers(0, 5, (4, 8)) * np.array([[1.0], [0.0], [1.0], [0.0]]),
        tariff=sg.energy.Tariff.flat(0.30, sell),
        batteries=batteries,
        grid=grid or Grid(),
    )


def coalitions(members=MEMBERS):
    return [c for size in range(1, len(members) + 1) for c in combinations(members, size)]


def check_every_coalition(community, model):
    game = community.cost_game(model=model)
    for members in coalitions(community.members):
        expected = least_cost([community], [1.0], set(members))
        if np.isnan(expected):
            with pytest.raises(GameError, match="not a finite number"):
                game.value(members)
        else:
            assert game.value(members) == pytest.approx(expected, abs=ACCURACY), members


@settings(max_examples=12, deadline=None)
@given(communities(st.integers(1, 3), n_steps=st.integers(1, 5), model="linear"))
def test_every_coalition_of_drawn_worlds_costs_what_a_model_of_its_own_says(community):
    check_every_coalition(community, "linear")


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(communities(st.integers(1, 4), n_steps=st.integers(1, 6), model="linear"))
def test_every_coalition_of_many_drawn_worlds_costs_what_a_model_of_its_own_says(community):
    check_every_coalition(community, "linear")


@pytest.mark.parametrize(
    ("grid", "words"),
    [
        (Grid(import_limit_kw=99.0), "no group can reach the import limit"),
        (Grid(export_limit_kw=99.0), "no group can reach the export limit"),
        (
            Grid(connection_limits_kw={"ann": 99.0, "bob": 99.0}),
            "no group can reach 2 of 2 connection limits",
        ),
        (
            Grid(lines=[Line(name="x", members=["ann", "cid"], limit_kw=99.0)]),
            "no group can reach 1 of 1 line",
        ),
    ],
)
def test_a_limit_that_no_group_can_reach_changes_nothing_and_is_named(grid, words):
    free, limited = here(), here(grid)
    assert limited.description().endswith(f"; {words})")
    one, other = (MODELS["linear"].program([each.problem]).program for each in (free, limited))
    assert len(one.model.cost) == len(other.model.cost)
    assert len(one.model.row_lower) == len(other.model.row_lower)
    assert free.cost_game().tabulate().tolist() == limited.cost_game().tabulate().tolist()
    bills = [sg.owen_allocation(each, progress=False).evidence for each in (free, limited)]
    assert bills[0].lowest.tolist() == bills[1].lowest.tolist()
    assert bills[0].highest.tolist() == bills[1].highest.tolist()


def test_a_pool_is_chosen_where_all_limits_are_out_of_reach():
    equal = [battery("ann"), battery("cid", 6.0, 4.0)]
    assert here(Grid(connection_limits_kw={"ann": 99.0}), batteries=equal).default_model == (
        "battery"
    )
    bound = here(Grid(connection_limits_kw={"ann": 4.5}), batteries=equal)
    assert bound.default_model == "linear"
    # Where it costs to sell, too: such a limit leaves no PV unused.
    idle = here(Grid(connection_limits_kw={"ann": 99.0}), batteries=equal, sell=-0.01)
    assert idle.default_model == "battery"
    free = here(batteries=equal, sell=-0.01)
    assert idle.cost_game().tabulate().tolist() == free.cost_game().tabulate().tolist()


@pytest.mark.parametrize("sell", [0.08, -0.02])
@pytest.mark.parametrize("batteries", [(), UNLIKE], ids=["none", "unlike"])
@pytest.mark.parametrize(
    "grid",
    [
        pytest.param({"connection_limits_kw": {"ann": 4.0, "bob": 4.0}}, id="just reached"),
        pytest.param(
            {
                "lines": [
                    Line(name="all", members=MEMBERS, limit_kw=9.0),
                    Line(name="two", members=["ann", "cid"], limit_kw=6.0),
                    Line(name="one", members=["cid"], limit_kw=4.0),
                ],
                "connection_limits_kw": {"cid": 4.5},
            },
            id="one within the other",
        ),
        pytest.param(
            {
                "lines": [
                    Line(name="left", members=["ann", "bob"], limit_kw=8.0),
                    Line(name="right", members=["bob", "cid"], limit_kw=8.0),
                ]
            },
            id="across",
        ),
    ],
)
def test_limits_within_and_across_each_other_cost_what_a_model_says(grid, batteries, sell):
    check_every_coalition(here(Grid(**grid), batteries=batteries, sell=sell), "linear")


def test_values_have_the_same_bits_in_any_order_and_from_any_solver():
    grid = Grid(connection_limits_kw={"ann": 4.0, "cid": 4.5})
    game = MODELS["linear"].program([here(grid).problem]).game
    numbers = np.arange(16)
    rows = (numbers[:, np.newaxis] >> np.arange(4) & 1).astype(np.bool_)
    table = game.tabulate().tolist()
    assert game.values(rows[::-1])[::-1].tolist() == table
    again = MODELS["linear"].program([here(grid).problem]).game
    assert [again.values(rows[[number]]).item() for number in reversed(numbers)][::-1] == table


def test_bills_by_step_count_unused_pv_in_its_own_step():
    """At noon ann can feed in 1 of her 4 kWh; what is left over is worth nothing."""
    community = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T11:00", "2016-06-01T12:00"],
        load_kwh=[[0.0, 0.0], [1.0, 2.0]],
        pv_kwh=[[0.0, 4.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, -0.05),
        grid=Grid(connection_limits_kw={"ann": 1.0}),
        curtailment="allowed",
    )
    evidence = sg.owen_allocation(community, progress=False).evidence
    assert evidence.bills_by_step == pytest.approx(np.array([[0.0, -0.3], [0.3, 0.6]]))


@settings(max_examples=6, deadline=None)
@given(communities(2, n_steps=3, model="linear"), communities(2, n_steps=3, model="linear"))
def test_scenarios_that_buy_nothing_cost_by_themselves_what_they_cost_together(one, other):
    def of(community):
        return sg.energy.Community(
            members=one.members,
            steps=one.steps,
            load_kwh=community.load_kwh,
            pv_kwh=community.pv_kwh,
            tariff=one.tariff,
            batteries=one.batteries,
        )

    both = sg.energy.Scenarios([of(one), of(other)], [0.25, 0.75])
    together = both.programme("linear").game.tabulate()
    np.testing.assert_allclose(
        both.cost_game(model="linear").tabulate(), together, rtol=0, atol=ACCURACY
    )
