"""How far a pool of unlike batteries may be from each by itself, and when it is the default."""

import dataclasses

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import battery, community
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sesgame.energy.dispatch.model import MODELS, chosen
from sesgame.energy.dispatch.pool_gap import MOST_OF_SAVINGS, gap_of_all, largest_gap
from sesgame.testing import communities

ROUNDING = 1e-9
"""Of the turnover: a linear program ends within it."""


def turnover(problem):
    price = np.maximum(np.abs(problem.buy_per_kwh), np.abs(problem.sell_per_kwh))
    flow = np.abs(problem.net_load_kwh).sum(axis=0) + problem.storage.charge_power_kw.sum()
    return float(price @ flow)


def tables(problem):
    """Return what each coalition pays without storage, with a pool, and battery by battery."""
    models = (MODELS["netting"], MODELS["battery"], MODELS["linear"])
    return [model.native_game(problem).tabulate() for model in models]


@settings(max_examples=40)
@given(communities(n_steps=st.integers(2, 6)))
def test_each_battery_by_itself_costs_every_coalition_within_the_bracket(here):
    problem = here.problem
    without, pooled, each = tables(problem)
    slack = ROUNDING * turnover(problem)
    assert (pooled <= each + slack).all()
    assert (each <= pooled + largest_gap(problem.storage) * (without - pooled) + slack).all()
    assert each[-1] <= pooled[-1] + MODELS["battery"].gap(problem) + slack
    assert gap_of_all(problem.storage) <= largest_gap(problem.storage) + ROUNDING


@settings(max_examples=30)
@given(communities(n_steps=st.integers(2, 6)), st.lists(st.floats(-0.02, 0.02), min_size=6))
def test_the_default_is_within_its_share_of_each_battery_by_itself(here, changes):
    """Batteries of two hours, more or less: some so equal that they are pooled, some not."""
    unlike = [
        dataclasses.replace(each, power_kw=each.energy_kwh / 2 * (1 + change))
        for each, change in zip(here.batteries, changes, strict=False)
    ]
    problem = dataclasses.replace(
        here.problem,
        storage=community_with(here, unlike).problem.storage,
    )
    without, _, each = tables(problem)
    default = chosen(problem, None).native_game(problem).tabulate()
    slack = ROUNDING * turnover(problem)
    assert (np.abs(default - each) <= MOST_OF_SAVINGS * (without - each) / 0.99 + slack).all()


def community_with(here, batteries):
    return sg.energy.Community(
        members=here.members,
        steps=here.steps,
        load_kwh=here.load_kwh,
        pv_kwh=here.pv_kwh,
        tariff=here.tariff,
        batteries=batteries,
    )


@settings(max_examples=25)
@given(communities(n_steps=1), st.sampled_from([1e-9, 1e-3, 1 / 3, 1e3, 1e9]))
def test_the_default_does_not_depend_on_the_unit_of_energy(here, unit):
    storage = here.problem.storage
    assume(len(storage))
    amounts = ("energy_kwh", "charge_power_kw", "discharge_power_kw", "initial_charge_kwh")
    scaled = {name: getattr(storage, name) * unit for name in amounts}
    other = dataclasses.replace(storage, **scaled)
    assert largest_gap(other) == pytest.approx(largest_gap(storage), abs=1e-12)
    problem = dataclasses.replace(here.problem, storage=other)
    assert chosen(problem, None).name == here.default_model


def gap_of(*batteries):
    return largest_gap(community(batteries=batteries).problem.storage)


def test_the_bound_is_that_of_hours_and_charges_worked_by_hand():
    # Hours of 2 and 4.5: a factor of 2.25, so (1.5 - 1) / (1.5 + 1).
    assert gap_of(battery("ann", 4.0, 2.0), battery("bob", 9.0, 2.0)) == pytest.approx(0.2)
    # Plates that are off by a hundredth each way: a hundredth of the savings.
    plates = battery("ann", 10.1, 9.9), battery("bob", 9.9, 10.1)
    assert gap_of(*plates) == pytest.approx(0.01, rel=1e-9)
    assert gap_of(battery("ann", 10.0, 5.0), battery("bob", 20.2, 10.1)) == 0.0
    assert gap_of(battery("ann", 1.0, 9.0)) == gap_of() == 0.0
    half = battery("ann", 4.0, 2.0, initial=2.0), battery("bob", 6.0, 3.0, initial=3.0)
    assert gap_of(*half) == 0.0
    assert gap_of(half[0], battery("bob", 4.0, 2.0)) == 1.0
    full = battery("ann", 4.0, 2.0, initial=4.0), battery("bob", 6.0, 3.0, initial=6.0)
    assert gap_of(*full) == 0.0


def test_batteries_too_unlike_for_a_pool_are_run_by_themselves_and_that_is_said():
    unlike = battery("ann", 10.0, 0.5, 1.0), battery("bob", 0.5, 5.0, 1.0)
    here = community(1, batteries=unlike)
    assert here.default_model == "linear"
    by_default = here.cost_game().tabulate().tolist()
    assert by_default == here.cost_game(model="linear").tabulate().tolist()
    assert "by linear program (their hours or charges differ: a pool" in here.description()
    pooled = here.description("battery")
    gap = MODELS["battery"].gap(here.problem)
    costs = [here.cost_game(model=model).value(here.members) for model in ("battery", "linear")]
    assert costs[0] < costs[1] <= costs[0] + gap
    words = f"exact to {gap:.3g} EUR for all members, for any group to 86.8 % of what they save)"
    assert pooled.endswith(f"2 batteries, pooled ({words}")
    assert here.dispatch(model="battery").how.endswith(
        "by themselves they save at most 86.8 % less."
    )
    assert here.dispatch().pool_gap == 0.0
    both = sg.energy.Scenarios([here, here], [0.25, 0.75])
    assert both.description("battery").endswith(words)
    assert both.default_model == "linear"


def test_batteries_that_are_unequally_full_are_no_pool_by_default():
    """The charge is all behind the small power: the pool could deliver it at once."""
    unlike = battery("ann", 4.0, 4.0, 1.0), battery("bob", 4.0, 4.0, 1.0, initial=4.0)
    here = community(1, batteries=unlike)
    assert here.default_model == "linear"
    assert community(1, batteries=unlike[1:]).default_model == "battery"


def test_equal_batteries_are_an_exact_pool_and_one_unit_of_the_linear_program():
    """20.2 over 10.1 is 2 but for the last bit in other decimals, such as 0.6 over 0.2."""
    equal = battery("ann", 0.6, 0.2), battery("bob", 0.3, 0.1), battery("cid", 3.0, 1.0)
    assert len({each.energy_kwh / each.power_kw for each in equal}) > 1
    here = community(2, batteries=equal)
    assert here.default_model == "battery"
    assert here.description().endswith("3 batteries, pooled")
    assert len(MODELS["linear"].program([here.problem]).scenarios[0].flows) == 1
    np.testing.assert_allclose(
        here.cost_game().tabulate(), here.cost_game(model="linear").tabulate(), rtol=0, atol=1e-9
    )
