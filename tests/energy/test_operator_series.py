"""Series of a grid operator: what holds between them, and what is said where it does not."""

from fractions import Fraction

import numpy as np
import pytest
from fixtures.drawn import drawn
from fixtures.operator_exports import delivered, series_of
from hypothesis import strategies as st
from sesgame.energy import Contract, OperatorSeries, Tariff, TimeSteps
from sesgame.errors import GameError

USE = {"ann": [1, 0, 2, 1], "bob": [3, 1, 2, 0], "cem": [6, 0, 0, 0]}
SUN = {"roof": [3, 2, 8, 0], "barn": [2, 0, 4, 0]}


def test_a_published_example_of_the_dynamic_key():
    """Five kWh for needs of 1, 3 and 6: each gets half; more than all need leaves the rest."""
    found = series_of(delivered({"a": [1, 1], "b": [3, 3], "c": [6, 6]}, {"pv": [5, 12]}))
    assert found.covered_kwh.tolist() == [[0.5, 1.0], [1.5, 3.0], [3.0, 6.0]]
    assert found.surplus_kwh.tolist() == [[0.0, 2.0]]
    assert found.delivered_kwh.tolist() == [[5.0, 10.0]]
    assert found.broken_identities() == ()


@pytest.mark.parametrize("shares", [None, {"ann": "1/3", "bob": "1/3", "cem": "1/3"}])
def test_what_an_operator_delivers_holds_whatever_the_key(shares):
    found = series_of(delivered(USE, SUN, shares=shares))
    assert found.broken_identities() == ()
    assert found.points == ("ann", "bob", "cem", "roof", "barn")
    balance = found.covered_kwh.sum(axis=0) - found.delivered_kwh.sum(axis=0)
    assert np.abs(balance).max() < 1e-14  # sums of a few kWh as floats


readings = st.integers(0, 10**6).map(lambda grams: Fraction(grams, 10**5))


@drawn(12, 150, st.data())
def test_rounding_to_the_digits_of_the_series_breaks_nothing_and_one_more_unit_does(data):
    decimals = data.draw(st.integers(2, 6))
    n_steps = data.draw(st.integers(1, 4))
    n_consumers, n_plants = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 3))

    def drawn_readings(name):
        return [
            round(one, decimals)
            for one in data.draw(st.lists(readings, min_size=n_steps, max_size=n_steps), label=name)
        ]

    use = {f"c{k}": drawn_readings(f"c{k}") for k in range(n_consumers)}
    sun = {f"p{k}": drawn_readings(f"p{k}") for k in range(n_plants)}
    found = delivered(use, sun, decimals)
    assert series_of(found, decimals=decimals).broken_identities() == ()
    # The slack of an identity is a few units of the last digit for each point.
    unit = 10.0**-decimals
    too_much = (n_consumers + n_plants + 4) * unit
    step = data.draw(st.integers(0, n_steps - 1))
    found["surplus"]["p0"][step] += too_much
    broken = series_of(found, decimals=decimals).broken_identities()
    assert [(one.point, one.step, one.n_steps) for one in broken] == [("p0", step, 1)]
    assert broken[0].kwh == pytest.approx(too_much, abs=3 * unit)


@pytest.mark.parametrize(
    ("what", "point", "kwh", "says"),
    [
        pytest.param(
            "covered",
            "ann",
            0.5,
            "covered at most consumed: this does not hold of the point 'ann' in the step from "
            "2024-06-01T12:30, by 0.5 kWh",
            id="more than was used",
        ),
        pytest.param(
            "offered",
            "bob",
            -6.0,
            "covered at most offered: this does not hold of the point 'bob' in the step from "
            "2024-06-01T12:30, by 2 kWh",
            id="more than was offered",
        ),
        pytest.param(
            "surplus",
            "barn",
            -0.25,
            "surplus = generation - the own part of what all consumers cover: this does not hold "
            "of the point 'barn' in the step from 2024-06-01T12:30, by -0.25 kWh",
            id="less is left than nobody used",
        ),
    ],
)
def test_what_does_not_hold_is_named_with_point_step_and_kwh(what, point, kwh, says):
    found = delivered(USE, SUN)
    found[what][point][2] += kwh
    if found[what][point][2] < 0:
        found[what][point][2] = 0.0
    assert says in [str(one) for one in series_of(found).broken_identities()]


def test_energy_without_generation_is_named():
    found = delivered(USE, SUN)
    found["covered"]["ann"][3] = found["offered"]["ann"][3] = 1.0
    names = [(one.identity, one.point, one.step) for one in series_of(found).broken_identities()]
    assert names == [("all consumers cover at most what all plants generate", "", 3)]


def test_each_identity_and_point_is_named_once_with_its_steps():
    found = delivered(USE, SUN)
    found["covered"]["cem"] = [7.0, 1.0, 0.0, 0.0]
    (one,) = [
        broken
        for broken in series_of(found).broken_identities()
        if broken.identity == "covered at most consumed"
    ]
    assert (one.point, one.step, one.n_steps, one.kwh) == ("cem", 0, 2, 1.0)
    assert str(one).endswith("by 1 kWh, the first of 2 steps")


def test_a_plant_that_stops_delivers_nothing():
    found = series_of(delivered({"ann": [1, 1, 1]}, {"old": [2, 0, 0], "new": [0, 0, 3]}))
    assert found.broken_identities() == ()
    assert found.delivered_kwh.tolist() == [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]


def test_a_period_has_the_steps_that_start_in_it():
    found = series_of(delivered(USE, SUN), quality={"ann": [1, 1, 3, 3]})
    part = found.period("2024-06-01T12:15", "2024-06-01T12:45")
    assert part.consumed_kwh.tolist() == [[0, 2], [1, 2], [0, 0]]
    assert part.provisional() == {"ann": (1, "2024-06-01T12:30")}
    assert found.provisional() == {"ann": (2, "2024-06-01T12:30")}
    assert found.period() is found
    with pytest.raises(GameError, match="reaches beyond the data"):
        found.period("2024-06-01T12:15", "2024-06-02")


@pytest.mark.parametrize(("day", "n_hours"), [("2024-03-31", 23), ("2024-10-27", 25)])
def test_days_of_other_lengths(day, n_hours):
    begin = TimeSteps.from_times([f"{day}T00:00", f"{day}T01:00"], zone="Europe/Vienna")
    hours = TimeSteps(begin.start, np.timedelta64(1, "h"), n_hours, begin.calendar)
    found = series_of(delivered({"ann": range(n_hours)}, {"roof": [7] * n_hours}), steps=hours)
    whole = found.period(day, str(np.datetime64(day) + 1))
    assert whole.steps.n_steps == n_hours
    assert whole.broken_identities() == ()


def test_the_world_of_the_series_has_their_totals():
    found = series_of(
        delivered(USE, SUN), members={**{one: one for one in USE}, "roof": "ann", "barn": "coop"}
    )
    basic, green = (
        Contract(name=name, energy=Tariff.flat(0.3, 0.06)) for name in ("basic", "green")
    )
    world = found.public_grid(
        [basic, green],
        contract={"ann": "basic", "bob": "green", "cem": "basic", "barn": "green"},
        fee_per_kwh={
            ("near", "near"): 0.02,
            ("near", "far"): 0.05,
            ("far", "near"): 0.05,
            ("far", "far"): 0.02,
        },
        zone={"ann": "near", "bob": "far", "cem": "far", "barn": "near"},
        members=["ann", "bob", "cem", "coop", "club"],
    )
    assert world.members == ("ann", "bob", "cem", "coop", "club")
    by_name = {point.name: point for point in world.points}
    assert by_name["roof"].member == "ann"
    assert by_name["roof"].contract == "basic"
    assert by_name["roof"].export_kwh.tolist() == [3, 2, 8, 0]
    assert by_name["bob"].import_kwh.tolist() == [3, 1, 2, 0]
    assert world.zones == ("near", "far")


GOOD = delivered({"ann": [1, 2]}, {"roof": [2, 2]})


def broken_input(what, point, readings):
    return {**GOOD, what: {**GOOD[what], point: readings}}


@pytest.mark.parametrize(
    ("found", "options", "says"),
    [
        pytest.param(
            {**GOOD, "offered": {}}, {}, "offered_kwh has no series of 'ann'", id="missing"
        ),
        pytest.param(
            broken_input("surplus", "barn", [0, 0]),
            {},
            "surplus_kwh has 'barn' beyond",
            id="strange",
        ),
        pytest.param(
            broken_input("covered", "ann", [1]),
            {},
            r"has shape \(1,\); it needs \(2,\)",
            id="short",
        ),
        pytest.param(
            broken_input("generated", "roof", [1, -2]),
            {},
            "'roof' is -2.0 in step 1",
            id="negative",
        ),
        pytest.param(
            broken_input("consumed", "ann", [np.nan, 1]), {}, "'ann' is nan in step 0", id="gap"
        ),
        pytest.param(
            broken_input("consumed", "ann", ["x", 1]), {}, "is no array of numbers", id="text"
        ),
        pytest.param(
            broken_input("consumed", "ann", ["1", "2"]), {}, "is no array of numbers", id="digits"
        ),
        pytest.param(
            broken_input("covered", "ann", [True, True]), {}, "is no array of numbers", id="yes"
        ),
        pytest.param(
            {**GOOD, "generated": {"ann": [2, 2]}, "surplus": {"ann": [0, 0]}},
            {},
            "'ann' is a consumer and a plant",
            id="both",
        ),
        pytest.param(
            GOOD, {"members": {"ann": "x"}}, "does not say whose the point 'roof'", id="nobody's"
        ),
        pytest.param(
            GOOD,
            {"members": {"ann": 1, "roof": 2, "b": 3}},
            "'b', which has no series",
            id="no series",
        ),
        pytest.param(GOOD, {"members": {"ann": [], "roof": 2}}, "is no label", id="no label"),
        pytest.param(GOOD, {"members": ["ann"]}, "members must be a mapping", id="list"),
        pytest.param(GOOD, {"quality": {"ann": [1, 4]}}, "whole numbers from 0 to 3", id="flag"),
        pytest.param(
            GOOD, {"quality": {"bob": [1, 1]}}, "'bob', which has no series", id="whose flag"
        ),
        pytest.param(GOOD, {"decimals": -1}, "decimals must be a whole number", id="decimals"),
    ],
)
def test_bad_input_is_named(found, options, says):
    with pytest.raises(GameError, match=says):
        series_of(found, **options)


def test_no_series_at_all():
    empty = {f"{what}_kwh": {} for what in GOOD}
    with pytest.raises(GameError, match="there are no series"):
        OperatorSeries(steps=["2024-06-01T12:00", "2024-06-01T12:15"], **empty)


@pytest.mark.parametrize(
    ("contract", "says"),
    [
        pytest.param({"ann": "basic"}, "contract has nothing for the point 'roof'", id="none"),
        pytest.param({"ann": "basic", "rof": "basic"}, "'rof', which is neither", id="strange"),
        pytest.param(7, "contract must be text, or a mapping", id="number"),
    ],
)
def test_a_world_needs_a_contract_for_each_point(contract, says):
    basic = Contract(name="basic", energy=Tariff.flat(0.3, 0.06))
    with pytest.raises(GameError, match=says):
        series_of(GOOD).public_grid([basic], contract=contract)


def test_a_contract_that_no_point_needs_is_refused():
    basic = Contract(name="basic", energy=Tariff.flat(0.3, 0.06))
    found = series_of(GOOD, members={"ann": "eve", "roof": "coop"})
    needed = {"ann": "basic", "coop": "basic"}
    assert found.public_grid([basic], contract=needed).members == ("eve", "coop")
    with pytest.raises(GameError, match="'eve', each of whose points has its own"):
        found.public_grid([basic], contract={**needed, "eve": "basic"})


def test_a_label_that_is_a_member_and_the_point_of_another_is_refused():
    found = series_of(GOOD, members={"ann": "roof", "roof": "ann"})
    with pytest.raises(GameError, match="is a member and a point of 'roof'"):
        found.by_point("price", {"ann": 0.1}, [])


def test_one_object_in_words():
    assert repr(series_of(delivered(USE, SUN))) == (
        "OperatorSeries(3 consumers, 2 plants, 4 steps of 15 minutes from 2024-06-01T12:00)"
    )
