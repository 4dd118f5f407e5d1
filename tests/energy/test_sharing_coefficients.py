"""Tables of sharing coefficients: what is read, what it adds up to, and what is refused."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sesgame.energy import SharingCoefficients, TimeSteps
from sesgame.errors import GameError

HOURS = TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T13:00", "2024-06-01T14:00"])
STATIC = "member,coefficient\nann,0.2500\nbob,0.7500\n"
HOURLY = (
    "time,ann,bob\n2024-06-01T12:00,0.25,0.75\n2024-06-01T13:00,1,0\n2024-06-01T14:00,0.333,0.667\n"
)


def read(tmp_path, text, **options):
    path = tmp_path / "coefficients.csv"
    path.write_text(text)
    return SharingCoefficients.from_csv(path, **options)


def test_a_fixed_table_holds_at_all_times(tmp_path):
    found = read(tmp_path, STATIC)
    assert (found.members, found.values.tolist(), found.decimals) == (
        ("ann", "bob"),
        [0.25, 0.75],
        4,
    )
    assert found.during(HOURS).tolist() == [[0.25] * 3, [0.75] * 3]
    assert repr(found) == "SharingCoefficients(2 members, fixed)"


def test_an_hourly_table_holds_for_the_quarters_of_its_hours(tmp_path):
    found = read(tmp_path, HOURLY)
    quarters = TimeSteps(np.datetime64("2024-06-01T12:30"), np.timedelta64(15, "m"), 6)
    assert found.during(quarters)[0].tolist() == [0.25, 0.25, 1.0, 1.0, 1.0, 1.0]
    assert found.during(HOURS).tolist() == found.values.tolist()
    assert repr(found) == "SharingCoefficients(2 members, 3 steps of 60 minutes)"


def test_a_table_is_on_a_clock_of_its_own(tmp_path):
    """The day on which clocks go back has 25 hours, two of which have one name."""
    stamps = ["00:00", "01:00", "02:00", "02:00", "03:00"]
    text = "time,ann,bob\n" + "".join(
        f"2024-10-27T{stamp},{k / 10},{1 - k / 10}\n" for k, stamp in enumerate(stamps)
    )
    found = read(tmp_path, text, zone="Europe/Madrid")
    utc = TimeSteps.from_times(["2024-10-27T00:00", "2024-10-27T01:00"], zone="UTC")
    assert found.during(utc)[0].tolist() == [0.2, 0.3]


@given(st.integers(2, 6), st.data())
def test_what_is_rounded_to_printed_digits_adds_up_and_a_digit_less_does_not(decimals, data):
    """Exact shares, rounded and printed, are read; one that is off by more than that is refused."""
    weights = data.draw(st.lists(st.integers(1, 1000), min_size=2, max_size=40))
    printed = [round(float(Fraction(weight, sum(weights))), decimals) for weight in weights]
    names = [f"m{k}" for k in range(len(weights))]
    found = SharingCoefficients(names, printed, decimals=decimals)
    assert abs(float(found.sums) - 1) <= len(weights) * 0.51 * 10.0**-decimals
    largest = int(np.argmax(printed))
    printed[largest] -= (len(weights) + 1) * 10.0**-decimals
    if printed[largest] >= 0:
        with pytest.raises(GameError, match="add up to"):
            SharingCoefficients(names, printed, decimals=decimals)


def test_what_rounding_leaves_is_said():
    thirds = SharingCoefficients(["a", "b", "c"], [0.333] * 3, decimals=3)
    assert float(thirds.sums) == pytest.approx(0.999)
    assert repr(thirds) == "SharingCoefficients(3 members, fixed, to 0.001 of 1)"


MISTAKES = [
    pytest.param(
        STATIC.replace("0.7500", "0.7400"),
        r"coefficients.csv: the coefficients add up to 0.99, and not to 1",
        id="a sum below 1",
    ),
    pytest.param(
        "member,coefficient\nann,0.5\nbob,0.4\n", "add up to 0.9, and not to 1", id="one decimal"
    ),
    pytest.param(
        HOURLY.replace("13:00,1,0", "13:00,1,0.01"),
        r"line 3, 2024-06-01T13:00: the coefficients add up to 1.01, and not to 1",
        id="a sum above 1",
    ),
    pytest.param(
        STATIC.replace("0.2500", "-0.2500"),
        r'line 2, column "coefficient": -0.25 is no coefficient',
        id="below zero",
    ),
    pytest.param(
        HOURLY.replace("0.333,0.667", "1.333,-0.333"),
        r'line 4, column "ann": 1.333 is no coefficient',
        id="above one",
    ),
    pytest.param(STATIC.replace("bob", "ann"), 'duplicate member "ann"', id="a member twice"),
    pytest.param(STATIC.replace("bob", ""), "the cell is empty", id="nobody"),
    pytest.param(
        STATIC.replace("0.2500", "?"), 'still "\\?": write the number', id="to be filled in"
    ),
    pytest.param(STATIC.replace("0.2500", "25 %"), '"25 %" is not a number', id="per cent"),
    pytest.param("time\n2024-06-01T12:00\n", "no member beside them", id="times alone"),
    pytest.param(
        HOURLY.replace("T13:00", "T12:30"), "coefficients.csv: after 2024-06-01T12:30", id="a gap"
    ),
    pytest.param(HOURLY.replace("2024-06-01T13:00", "noon"), 'line 3, .*"noon"', id="no time"),
]


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_every_mistake_is_named(tmp_path, text, message):
    with pytest.raises(GameError, match=message):
        read(tmp_path, text)


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (TimeSteps(np.datetime64("2024-06-01T11:00"), np.timedelta64(1, "h"), 2), "cover"),
        (TimeSteps(np.datetime64("2024-06-01T14:00"), np.timedelta64(1, "h"), 2), "cover"),
        (
            TimeSteps(np.datetime64("2024-06-01T12:30"), np.timedelta64(1, "h"), 2),
            "change within the step from 2024-06-01T12:30",
        ),
        (TimeSteps.from_times(["2024-06-01T12:00Z", "2024-06-01T13:00Z"]), "have a zone"),
    ],
)
def test_steps_that_they_do_not_fit_are_refused(tmp_path, steps, message):
    with pytest.raises(GameError, match=message):
        read(tmp_path, HOURLY).during(steps)


@pytest.mark.parametrize(
    ("values", "steps", "message"),
    [
        ([0.5], None, r"shape \(1,\), but \(2,\) is needed"),
        ([0.5, 0.5], HOURS, r"shape \(2,\), but \(2, 3\)"),
        ([[0.5] * 3, [0.5, 0.5, 0.6]], HOURS, "add up to 1.1 at 2024-06-01T14:00"),
        ([[0.5] * 3, [0.5, 1.5, 0.5]], HOURS, "'bob' is 1.5 at 2024-06-01T13:00"),
        ([0.5, float("nan")], None, "'bob' is nan, and not in"),
        (["0.5", "0.5"], None, "must be numbers, got"),
        ([True, False], None, "must be numbers, got"),
    ],
)
def test_arrays_are_checked_as_files_are(values, steps, message):
    with pytest.raises(GameError, match=message):
        SharingCoefficients(["ann", "bob"], values, steps)


def test_decimals_are_not_negative():
    with pytest.raises(GameError, match="decimals must be at least 0, got -1"):
        SharingCoefficients(["ann"], [1.0], decimals=-1)


@pytest.mark.parametrize(
    ("values", "decimals", "found"),
    [
        ([0.34, 0.34, 0.34], 2, "1.02"),
        ([0.333333, 0.333333, 0.333338], 6, "1.000004"),
        ([0.5, 0.25, 0.25 + 4e-15], 15, "1.000000000000004"),
    ],
)
def test_a_sum_is_told_with_the_digits_in_which_it_is_off(values, decimals, found):
    with pytest.raises(GameError, match=f"add up to {found}, and not to 1"):
        SharingCoefficients(["ann", "bob", "cem"], values, decimals=decimals)
