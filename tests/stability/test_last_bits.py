"""Answers that the last bit of a float, or a reference far away, must not decide."""

import re

import numpy as np
import pytest
import sesgame as sg
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.separation_oracles import Enumeration
from sesgame.errors import AllocationError, OracleError
from sesgame.testing import communities

TENTHS = [0, 0.1, 0.2, 5, 0.3, 0.4, 0.5, 0.6]
"""What three players have alone adds up to what they have together, but for the last bit."""


def test_the_one_imputation_is_found_whatever_the_last_bit():
    assert sum([0.1, 0.2, 0.3]) > 0.6
    game = sg.Game.from_table(TENTHS, kind="gain")
    for rule, name in [
        (sg.nucleolus, "nucleolus"),
        (sg.per_capita_nucleolus, "per-capita nucleolus"),
        (lambda game: sg.nucleolus(game, oracle=Enumeration(game)), "nucleolus"),
    ]:
        found = rule(game)
        assert found.values == pytest.approx([0.1, 0.2, 0.3], abs=1e-15)
        assert (found.method, found.rule) == (name, name.replace(" ", "-"))
        assert found.evidence.individually_rational
    for per_capita in (False, True):
        (values,) = sg.nucleoli([TENTHS], kind="gain", per_capita=per_capita)
        assert values == pytest.approx([0.1, 0.2, 0.3], abs=1e-15)


def test_in_fractions_the_last_bit_counts():
    found = sg.nucleolus(sg.Game.from_table(TENTHS, kind="gain"), exact=True)
    assert found.method == "prenucleolus (no imputation exists)"
    same = sg.Game.from_table([0, 1, 2, 50, 3, 4, 5, 6], kind="gain")
    assert sg.nucleolus(same, exact=True).exact == (1, 2, 3)


def test_players_who_have_more_alone_by_what_means_something_have_no_imputation():
    table = np.array(TENTHS)
    # 1e-9 of the largest gain, 4.7, is nothing; ten times as much is something.
    for less, method in [(1e-9, "nucleolus"), (5e-8, "prenucleolus (no imputation exists)")]:
        table[-1] = 0.6 - less
        assert sg.nucleolus(sg.Game.from_table(table, kind="gain")).method == method


@settings(max_examples=20)
@given(
    loads=st.lists(st.lists(st.integers(10, 300), min_size=8, max_size=8), min_size=2, max_size=5)
)
def test_households_without_anything_to_share_pay_for_themselves(loads):
    community = sg.energy.Community(
        members=[f"m{i}" for i in range(len(loads))],
        steps=[f"2016-01-01T{hour:02}:00" for hour in range(8)],
        load_kwh=np.array(loads) / 100,
        tariff=sg.energy.Tariff.flat(0.3127, 0.08),
    )
    game = community.cost_game()
    alone = game.values(np.eye(len(loads), dtype=bool))
    for rule in (sg.nucleolus, sg.per_capita_nucleolus):
        found = rule(game)
        assert found.method == rule.__name__.replace("per_capita_", "per-capita ")
        assert found.values == pytest.approx(alone, rel=1e-12)
        assert found.evidence.verify(game).holds
    assert not sg.core_existence(game).is_empty
    assert sg.kernel_check(game, alone).in_kernel


@pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
def test_values_that_nobody_knew_before_the_oracle_give_the_unit(unit):
    # Neither players alone nor three or all four are worth anything; pairs are.
    sizes = np.array([bin(mask).count("1") for mask in range(16)])
    game = sg.Game.from_table(unit * (sizes == 2), kind="gain")
    found = sg.least_core(game, oracle=Enumeration(game))
    assert found.evidence.proved
    assert found.evidence.lower_bound == pytest.approx(unit)
    assert found.values == pytest.approx(np.zeros(4), abs=1e-6 * unit)


FAR = (1e-12, 1e3, 1e6, 1e9, 1e12, 1e300)


@pytest.mark.parametrize("rule", [sg.nearest_core_allocation, sg.leximin_core_allocation])
@pytest.mark.parametrize("far", FAR)
@settings(max_examples=8)
@given(data=st.data(), unit=st.sampled_from([1e-6, 1.0, 1e6]))
def test_a_reference_far_away_has_an_answer_or_a_clear_error(rule, far, data, unit):
    n = data.draw(st.integers(2, 5))
    table = np.array(data.draw(st.lists(st.integers(-9, 30), min_size=1 << n, max_size=1 << n)))
    table = unit * table / 10
    table[0] = 0.0
    game = sg.Game.from_table(table, kind=data.draw(st.sampled_from(["gain", "cost"])))
    steps = data.draw(st.lists(st.integers(-3, 3), min_size=n, max_size=n))
    reference = unit * far * np.array(steps)
    refused = ""
    try:
        point = rule(game, reference=reference)
    except AllocationError as error:
        refused = str(error)
    if refused:
        assert (rule, far >= 1e6) == (sg.nearest_core_allocation, True)
        assert re.fullmatch(r"the reference is \S+ away .* about \S+ wide: too far .*", refused)
        return
    assert sum(point.values) == pytest.approx(table[-1], abs=1e-12 * unit)
    least = sg.least_core(game).evidence.value
    excess = sg.audit(game, point).worst_coalition_excess
    assert excess <= max(least, 0.0) + 1e-9 * unit


@given(community=communities(st.integers(2, 4)))
@settings(max_examples=15)
def test_the_range_of_a_bill_holds_the_bill(community):
    bills = sg.owen_allocation(community, progress=False)
    prices = bills.evidence
    assert (prices.lowest <= bills.values).all()
    assert (bills.values <= prices.highest).all()


def test_exact_shares_need_a_table():
    game = sg.Game.from_table(TENTHS, kind="gain")
    for rule in (sg.nucleolus, sg.least_core):
        with pytest.raises(OracleError, match="needs the table"):
            rule(game, oracle=Enumeration(game), exact=True)


@pytest.mark.parametrize("first", [0, 1])
def test_periods_that_are_as_short_share_scarcity_whatever_the_last_bit(first):
    """Storage meets 0.3 kWh of the peak; 0.1 + 0.2 is not more than that."""
    peaks = [[0.1, 0.2], [0.3, 0.0]]
    world = sg.energy.TwoPeriodStorage(
        ["ann", "bob"],
        [[0, 0], [0, 0]],
        [peaks[first], peaks[1 - first]],
        off_peak_price=0.1,
        peak_price=0.4,
        capacity_kwh=[0.3, 0.0],
    )
    assert world.allocation().values.tolist() == pytest.approx([0.02, 0.01])
