"""Pools with wear, two powers, and limits of import and export: the recursion is the default."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import MEMBERS, UNLIKE, WORLDS, battery, community
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.world_lp import least_cost
from sesgame.energy import Battery, Grid, Line
from sesgame.energy.dispatch.model import MODELS, chosen
from sesgame.errors import GameError
from sesgame.testing import communities

SAME = 1e-9
"""Of the turnover: to this a linear program is solved."""

POOLED = ("wear of equal batteries", "powers that differ", "limits of equal batteries")


def coalitions():
    return [set(c) for size in range(1, 5) for c in combinations(MEMBERS, size)]


@st.composite
def pooled_worlds(draw, limits=True):
    """Return small communities whose batteries wear alike, with limits that tie."""
    here = draw(communities(st.integers(1, 3), n_steps=st.integers(1, 5)))
    wear = draw(st.sampled_from([0.0, 0.01, 0.1]))
    parts = draw(st.tuples(st.sampled_from([1.0, 0.5, 0.25]), st.sampled_from([1.0, 0.5, 0.0])))
    batteries = [
        replace(
            each,
            degradation_cost_per_kwh=wear,
            charge_power_kw=parts[0] * each.power_kw,
            discharge_power_kw=parts[1] * each.power_kw,
        )
        for each in here.batteries
    ]
    grid = Grid()
    if limits:
        # Loads are whole quarters, so that limits are often just what is needed.
        kw = st.none() | st.integers(0, 16).map(lambda n: n / 4 / here.steps.step_hours)
        given = {"import_limit_kw": draw(kw), "export_limit_kw": draw(kw)}
        grid = Grid(**{name: limit for name, limit in given.items() if limit is not None})
    return sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh,
        pv_kwh=here.pv_kwh,
        tariff=here.tariff,
        batteries=batteries,
        grid=grid,
        curtailment="allowed" if limits else "none",
    )


def value(game, members):
    """Return what a coalition pays; nothing where it cannot keep a limit."""
    try:
        return game.value(members)
    except GameError as error:
        assert "not a finite number" in str(error)  # noqa: PT017
        return None


@settings(max_examples=20)
@given(pooled_worlds())
def test_recursion_and_linear_program_of_a_pool_agree(here):
    problem = here.problem
    slack = SAME * problem.rounding / np.finfo(np.float64).eps
    try:
        program = MODELS["battery"].program([problem]).cost_game()
    except GameError as error:
        with pytest.raises(GameError, match=str(error).split(":")[0]):
            here.cost_game(model="battery")
        return
    game = here.cost_game(model="battery")
    for size in range(1, len(here.members) + 1):
        for members in combinations(here.members, size):
            expected, found = value(program, members), value(game, members)
            if expected is None:
                assert found is None
                with pytest.raises(GameError, match=r"cannot keep an .* limit.* in the step from"):
                    here.dispatch(members, model="battery")
            else:
                assert found == pytest.approx(expected, rel=0, abs=slack)
                assert here.dispatch(members, model="battery").cost == pytest.approx(
                    expected, rel=0, abs=slack
                )


@pytest.mark.parametrize("name", POOLED)
def test_the_default_is_a_recursion_that_costs_what_a_model_of_each_coalition_says(name):
    here = community(1, **WORLDS[name])
    assert here.default_model == "battery"
    game = here.cost_game()
    for members in coalitions():
        assert game.value(members) == pytest.approx(least_cost([here], [1.0], members), abs=1e-7)


@settings(max_examples=15)
@given(pooled_worlds(limits=False))
def test_bills_are_in_the_core_and_their_ranges_those_of_the_linear_program(here):
    bills = sg.owen_allocation(here, model="battery", progress=False)
    assert sg.audit(here.cost_game(model="battery"), bills).in_core
    evidence = bills.evidence
    program = MODELS["battery"].program([here.problem]).dual_prices(progress=False)
    # Ranges are known to a millionth of the turnover: differences over a short distance, which
    # rounding alone may put off where nobody pays anything.
    slack = 1e-6 * (np.abs(evidence.bills_by_step).sum() + np.abs(program.bills_by_step).sum())
    slack += here.rounding / 1e-6
    assert evidence.lowest == pytest.approx(program.lowest, rel=0, abs=slack)
    assert evidence.highest == pytest.approx(program.highest, rel=0, abs=slack)


@pytest.mark.parametrize("name", POOLED)
@pytest.mark.parametrize("seed", range(3))
def test_bills_by_step_add_up_and_say_what_limits_of_nobody_earn(name, seed):
    here = community(seed, **WORLDS[name])
    bills = sg.owen_allocation(here, model="battery", progress=False)
    by_program = MODELS["battery"].program([here.problem]).dual_prices(progress=False)
    evidence = bills.evidence
    assert np.allclose(evidence.bills_by_step.sum(axis=1), bills.values, rtol=0, atol=1e-12)
    assert evidence.cost == pytest.approx(by_program.cost, abs=1e-9)
    assert evidence.duality_gap == pytest.approx(by_program.duality_gap, abs=1e-7)
    game = here.cost_game(model="battery")
    for members in coalitions():
        share = sum(bills[member] for member in members)
        assert share + evidence.duality_gap <= game.value(members) + 1e-9


def test_a_binding_limit_that_nobody_brings_is_said_by_the_recursion_too():
    # Of three kWh left over half of one can be sold: energy is worth nothing, the limit 0.05.
    here = sg.energy.Community(
        members=["ann", "bob"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[0.0, 0.0], [1.0, 0.0]],
        pv_kwh=[[4.0, 0.0], [0.0, 0.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.10),
        grid=Grid(export_limit_kw=0.5),
        curtailment="allowed",
    )
    assert here.default_model == "netting"
    bills = sg.owen_allocation(here, progress=False)
    assert bills.evidence.duality_gap == pytest.approx(-0.05)
    assert "a limit that no member brings earns so much" in " ".join(
        bills.evidence.grounds(bills, str)
    )
    assert here.dispatch().grid_export_kwh.tolist() == [0.5, 0.0]
    assert not sg.audit(here.cost_game(), bills).efficient


def test_wear_keeps_a_battery_idle_where_it_costs_more_than_it_saves():
    def dispatch(wear):
        return sg.energy.Community(
            members=["ann"],
            steps=["2016-06-01T12:00", "2016-06-01T13:00"],
            load_kwh=[[-2.0, 2.0]],
            tariff=sg.energy.Tariff.flat(0.30, 0.10),
            batteries=[battery("ann", 4.0, 4.0, 1.0, wear=wear)],
        ).dispatch()

    assert dispatch(0.19).discharge_kwh.tolist() == [0.0, 2.0]
    assert dispatch(0.19).cost == pytest.approx(0.38)
    assert dispatch(0.21).discharge_kwh.tolist() == [0.0, 0.0]


def test_each_power_limits_its_own_way():
    here = sg.energy.Community(
        members=["ann"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00", "2016-06-01T14:00"],
        load_kwh=[[-5.0, 0.0, 5.0]],
        tariff=sg.energy.Tariff.flat(0.30, 0.0),
        batteries=[battery("ann", 9.0, 3.0, 1.0, discharge_power_kw=1.0)],
    )
    schedule = here.dispatch()
    assert schedule.charge_kwh[0] <= 3.0
    assert schedule.discharge_kwh[2] == 1.0
    assert schedule.cost == pytest.approx(1.2)


def test_the_model_is_chosen_by_what_the_recursion_can_state():
    equal = [battery("ann"), battery("cid", 6.0, 4.0)]
    line = Grid(lines=[Line(name="x", members=["ann"], limit_kw=7.0)])
    named = {
        "lines": {"batteries": equal, "grid": line},
        "batteries of different efficiencies, batteries of different degradation costs": {
            "batteries": UNLIKE
        },
    }
    for reason, world in named.items():
        here = community(**world)
        assert here.default_model == "linear"
        assert here.description().endswith(f"by linear program (for {reason})")


def test_a_pool_that_only_keeps_a_limit_together_is_no_default():
    """Of unlike batteries no bound is known where some coalition needs them to keep a limit."""
    nearly = [battery("ann", 4.0, 2.0), battery("bob", 4.0, 2.001)]
    here = community(1, batteries=nearly)
    drawn = np.maximum(here.net_load_kwh, 0.0).sum(axis=0).max() / here.steps.step_hours
    wide, tight = (
        community(1, batteries=nearly, grid=Grid(import_limit_kw=drawn + spare))
        for spare in (0.01, -0.01)
    )
    assert wide.default_model == "battery"
    assert tight.default_model == "linear"
    assert "of no proved exactness: without storage some group" in tight.description()
    assert "no proved exactness for groups" in tight.description("battery")
    assert "has no bound: without storage some group" in tight.dispatch(model="battery").how
    alike = community(
        1,
        batteries=[nearly[0], battery("bob", 4.0, 2.0)],
        grid=tight.grid,
    )
    assert alike.default_model == "battery"
    scenarios = sg.energy.Scenarios([wide, with_more_load(wide)])
    assert chosen(scenarios.problems[0], None).name == "battery"
    assert scenarios.default_model == "linear"


def with_more_load(here):
    """Return a community whose limit is too tight for its loads."""
    return sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh + 0.1,
        pv_kwh=here.pv_kwh,
        tariff=here.tariff,
        batteries=here.batteries,
        grid=here.grid,
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"charge_power_kw": -1.0}, "charge_power_kw must be from 0 to power_kw, 5.0, got -1.0"),
        ({"discharge_power_kw": 6.0}, "discharge_power_kw must be from 0 to power_kw, 5.0, got 6"),
        ({"charge_power_kw": float("nan")}, "charge_power_kw must be from 0 to power_kw"),
    ],
)
def test_a_power_of_one_way_is_at_most_that_of_both(change, message):
    with pytest.raises(GameError, match=message):
        battery("ann", 1.0, 5.0, **change)


def test_a_battery_that_cannot_deliver_still_takes_what_costs_money_to_feed_in():
    only_draws = Battery(
        owner="ann",
        energy_kwh=2.0,
        power_kw=2.0,
        charge_efficiency=1.0,
        discharge_efficiency=1.0,
        discharge_power_kw=0.0,
    )
    here = sg.energy.Community(
        members=["ann"],
        steps=["2016-06-01T12:00", "2016-06-01T13:00"],
        load_kwh=[[-3.0, -1.0]],
        tariff=sg.energy.Tariff.flat(0.30, -0.10),
        batteries=[only_draws],
    )
    assert here.default_model == "battery"
    assert here.dispatch().cost == pytest.approx(0.2)
    assert here.cost_game(model="linear").value(["ann"]) == pytest.approx(0.2)
