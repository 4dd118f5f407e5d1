"""Batteries that are nearly alike run as one unit of a linear program, within a proved bound."""

import dataclasses

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import battery, community
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.energy import Grid
from sesgame.energy.dispatch.model import MODELS
from sesgame.energy.dispatch.pool_gap import MOST_OF_SAVINGS
from sesgame.testing import communities

NEARLY = [
    battery("ann", 4.0, 2.0),
    battery("bob", 4.01, 2.0),
    battery("cid", 2.0, 1.0, 0.95),
    battery("dan", 2.0, 1.001, 0.95),
]
"""Two kinds, and two of each of nearly the same hours."""
ROUNDING = 1e-9


@settings(max_examples=12, deadline=None)
@given(
    communities(st.integers(1, 3), n_steps=st.integers(2, 5), model="linear"),
    st.lists(st.floats(-0.015, 0.015), min_size=6),
)
def test_merged_units_cost_too_little_by_at_most_their_bound(here, changes):
    nearly = [
        dataclasses.replace(
            each,
            power_kw=each.energy_kwh / 2 * (1 + change),
            charge_power_kw=None,
            discharge_power_kw=None,
        )
        for each, change in zip(here.batteries, changes, strict=False)
    ]
    problem = sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh,
        pv_kwh=here.pv_kwh,
        tariff=here.tariff,
        batteries=nearly,
        grid=here.grid,
        curtailment=here.curtailment,
    ).problem
    none = dataclasses.replace(problem, storage=problem.storage.part(np.zeros(0, dtype=np.intp)))
    without, merged, each = (
        MODELS[name].native_game(of).tabulate()
        for name, of in (("linear", none), ("merged", problem), ("linear", problem))
    )
    price = np.maximum(np.abs(problem.buy_per_kwh), np.abs(problem.sell_per_kwh))
    money = price @ np.abs(problem.load_kwh).sum(axis=0) + price.sum() * 12
    money += sum(charge.price_per_kw for charge in problem.peak_charges) * 12
    gap = MODELS["merged"].proved_gap(problem)
    assert gap <= MOST_OF_SAVINGS + 1e-12
    # A group that cannot keep a limit without storage has no bound; then nothing is merged.
    bounded = np.isfinite(without)
    assert (merged[bounded] <= each[bounded] + ROUNDING * money).all()
    saved = without[bounded] - merged[bounded]
    assert (each[bounded] <= merged[bounded] + gap * saved + ROUNDING * money).all()


def test_units_of_two_kinds_are_the_default_and_their_bound_is_printed():
    here = community(1, batteries=NEARLY)
    assert here.default_model == "merged"
    assert len(MODELS["merged"].storage_units(here.problem)) == 2
    assert len(MODELS["linear"].storage_units(here.problem)) == 4
    share = MODELS["merged"].proved_gap(here.problem)
    assert 0 < share < MOST_OF_SAVINGS
    assert here.description().endswith(
        f"4 batteries as 2 units, by linear program (for batteries of different efficiencies; "
        f"exact to {100 * share:.3g} % of what they save, for any group)"
    )
    schedule = here.dispatch()
    assert (schedule.model, schedule.pool_gap) == ("merged", share)
    assert schedule.how.endswith(f"by themselves they save at most {100 * share:.3g} % less.")
    assert sg.audit(here.cost_game(), sg.owen_allocation(here, progress=False)).in_core
    assert sg.energy.Scenarios([here, here]).default_model == "merged"


def test_equal_batteries_are_merged_by_both_and_unlike_ones_by_neither():
    equal = [battery("ann", 4.0, 2.0), battery("bob", 2.0, 1.0), battery("cid", efficiency=0.95)]
    here = community(1, batteries=equal)
    assert here.default_model == "linear"
    assert len(MODELS["linear"].storage_units(here.problem)) == 2
    unlike = community(1, batteries=[battery("ann", 4.0, 2.0), battery("bob", 4.0, 4.0)])
    assert len(MODELS["merged"].storage_units(unlike.problem)) == 2
    assert unlike.default_model == "linear"


@pytest.mark.parametrize(("spare_kw", "units"), [(99.0, 2), (0.5, 3)])
def test_a_battery_behind_a_limit_that_can_bind_is_a_unit_of_its_own(spare_kw, units):
    free = community(1, batteries=NEARLY)
    most = float(np.abs(free.net_load_kwh[0]).max()) / free.steps.step_hours
    grid = Grid(connection_limits_kw={"ann": most + spare_kw})
    problem = community(1, batteries=NEARLY, grid=grid).problem
    assert problem.binding.flows[0].any() == (spare_kw < 99)
    assert len(MODELS["merged"].storage_units(problem)) == units


def test_nothing_is_merged_where_a_group_needs_storage_to_keep_a_limit():
    here = community(1, batteries=NEARLY)
    drawn = np.maximum(here.net_load_kwh, 0.0).sum(axis=0).max() / here.steps.step_hours
    limited = community(1, batteries=NEARLY, grid=Grid(import_limit_kw=drawn - 0.5))
    assert MODELS["merged"].proved_gap(limited.problem) == 0.0
    assert limited.default_model == "linear"
