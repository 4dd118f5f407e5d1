"""Files of coefficients for Spanish grid operators: read, written, hours of a year, and refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sesgame.energy import SharingCoefficients, TimeSteps
from sesgame.errors import GameError

ANN, BOB, EVE = (f"ES000000000000000{k}T{letter}0F" for k, letter in enumerate("RWA", start=1))
CUPS = {"ann": ANN, "bob": BOB, "eve": EVE}
THIRDS = f"{ANN};0,333333\n{BOB};0,333333\n{EVE};0,333334\n"
MADRID = "Europe/Madrid"


def file_of(tmp_path, text, name="CAU_2024.txt"):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def hourly(points, n_hours, first=1, coefficient=lambda k, hour: "0,500000"):
    hours = range(first, first + n_hours)
    return "".join(
        f"{point};{hour};{coefficient(k, hour)}\n"
        for k, point in enumerate(points)
        for hour in hours
    )


def year(number, zone=MADRID):
    ends = [np.datetime64(f"{number + k}-01-01T00:00") for k in (0, 1)]
    shift = np.timedelta64(1 if zone else 0, "h")  # Madrid's winter, in UTC
    steps = TimeSteps.from_times([ends[0], ends[0] + np.timedelta64(1, "h")], zone=zone)
    n_hours = int((ends[1] - ends[0]) / np.timedelta64(1, "h"))
    return TimeSteps(ends[0] - shift, np.timedelta64(1, "h"), n_hours, steps.calendar)


def test_fixed_coefficients_are_read_and_written_as_they_stand_there(tmp_path):
    path = file_of(tmp_path, THIRDS)
    found = SharingCoefficients.from_cups_file(path)
    assert found.members == (ANN, BOB, EVE)
    assert found.values.tolist() == [0.333333, 0.333333, 0.333334]
    assert (found.steps, found.decimals) == (None, 6)
    named = SharingCoefficients.from_cups_file(path, cups=CUPS)
    assert named.members == ("ann", "bob", "eve")
    assert found.to_cups_file(tmp_path / "again_2024.txt") == THIRDS
    assert (tmp_path / "again_2024.txt").read_bytes() == THIRDS.encode()
    assert named.to_cups_file(cups=CUPS) == THIRDS


def test_windows_ends_of_lines_blank_lines_and_a_mark_at_the_start_change_nothing(tmp_path):
    text = "\ufeff" + THIRDS.replace("\n", "\r\n") + "\r\n"
    found = SharingCoefficients.from_cups_file(file_of(tmp_path, text))
    assert found.to_cups_file() == THIRDS


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=30).filter(any))
def test_what_is_written_adds_up_to_1_exactly_and_is_off_by_less_than_a_millionth(weights):
    values = np.array(weights) / sum(weights)
    codes = [f"ES{k:016d}AA0F" for k in range(len(weights))]
    lines = SharingCoefficients(codes, values).to_cups_file().splitlines()
    assert [line.split(";")[0] for line in lines] == codes
    written = [int(line.split(";")[1].replace(",", "")) for line in lines]
    assert all(len(line.split(";")[1]) == 8 for line in lines)
    assert sum(written) == 10**6
    # Beside a millionth, what a product of floats below 10^6 rounds away.
    assert np.abs(np.array(written) - values * 1e6).max() < 1 + 1e-9


def test_among_equal_remainders_the_first_have_the_last_millionth():
    equal = SharingCoefficients([ANN, BOB, EVE], [1 / 3] * 3)
    assert equal.to_cups_file() == (f"{ANN};0,333334\n{BOB};0,333333\n{EVE};0,333333\n")


@pytest.mark.parametrize(("number", "n_hours", "first"), [(2023, 8760, 0), (2024, 8784, 1)])
def test_hours_of_a_year_elapse_also_where_the_clock_is_changed(tmp_path, number, n_hours, first):
    """Ann has all in one hour: the last before clocks go forward, and so on."""
    steps = year(number)
    assert steps.n_steps == n_hours
    spring = next(k for k in range(n_hours) if "+02:00" in steps.time(k))
    autumn = next(k for k in range(spring, n_hours) if "+01:00" in steps.time(k))

    def coefficient(k, hour):
        return f"{int((k == 0) == (hour - first in (spring, autumn)))},000000"

    text = hourly([ANN, BOB], n_hours, first, coefficient)
    path = file_of(tmp_path, text, f"CAU_{number}.txt")
    found = SharingCoefficients.from_cups_file(path, zone=MADRID)
    assert found.steps == steps
    assert np.flatnonzero(found.values[0]).tolist() == [spring, autumn]
    # 03:00 is the first hour of summer time, and 02:00 is there twice in autumn.
    assert [steps.time(k)[11:] for k in (spring, autumn)] == ["03:00+02:00", "02:00+01:00"]
    days = [
        found.steps.times.astype("datetime64[D]").tolist().count(day)
        for day in (
            found.steps.times[spring].astype("datetime64[D]").item(),
            found.steps.times[autumn].astype("datetime64[D]").item(),
        )
    ]
    assert days == [23, 25]
    quarters = TimeSteps(
        steps.start + steps.step * spring, np.timedelta64(900, "s"), 8, steps.calendar
    )
    assert found.during(quarters)[0].tolist() == [1.0] * 4 + [0.0] * 4
    if first:
        assert found.to_cups_file() == text


def test_without_a_zone_the_clock_never_changes(tmp_path):
    path = file_of(tmp_path, hourly([ANN, BOB], 8760), "hours.txt")
    found = SharingCoefficients.from_cups_file(path, year=2023)
    assert found.steps == year(2023, None)
    assert found.during(year(2023, None)).shape == (2, 8760)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "is empty; it needs lines of CUPS;coefficient", id="empty"),
        pytest.param(f"{ANN};0.5\n", '1: "0.5" is no coefficient .* decimal comma', id="point"),
        pytest.param(f"{ANN};-0,1\n", '"-0,1" is no coefficient in', id="negative"),
        pytest.param(f"{ANN};0,1234567\n", "up to 6 decimals", id="decimals"),
        pytest.param(f"{ANN};1,5\n", r"line 1: \"1,5\" is no coefficient in \[0, 1\]", id="above"),
        pytest.param(f"{ANN};0,5\n\nES12;0,5\n", '3: "ES12" is no CUPS of 22', id="cups"),
        pytest.param(f"{ANN};one;0,5\n", '"one" is no hour of the year', id="hour"),
        pytest.param(f"{ANN}\n", '" is not CUPS;coefficient, or CUPS;hour', id="cells"),
        pytest.param(f"{ANN};0,5\n{BOB};1;0,5\n", "lines with an hour and lines", id="mixed"),
        pytest.param(f"{ANN};0,5\n{ANN};0,5\n", f"of {ANN} is there more than once", id="twice"),
        pytest.param(f"{ANN};0,5\n{BOB};0,4\n", "add up to 0.9, and not to 1", id="sum"),
        pytest.param(
            f"{ANN};0,500001\n{BOB};0,500001\n",
            "add up to 1.000002, and not to 1",
            id="sum that is off in the last digit",
        ),
        pytest.param(
            hourly([ANN, BOB], 8760), "the hours 1 to 8760; the 8,784 hours", id="leap year"
        ),
        pytest.param(
            hourly([ANN], 8784, coefficient=lambda k, hour: "1,0").replace(";2000;", ";2001;"),
            f"of {ANN} from 2024-03-24T07:00 is missing",
            id="missing hour",
        ),
        pytest.param(
            hourly([ANN, BOB], 8784).replace(f"{BOB};5;0,5", f"{BOB};5;0,4"),
            "add up to 0.9 at 2024-01-01T04:00, and not to 1",
            id="sum of an hour",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_named(tmp_path, text, message):
    path = file_of(tmp_path, text)
    with pytest.raises(GameError, match=message) as refused:
        SharingCoefficients.from_cups_file(path)
    assert str(path) in str(refused.value)


def test_a_file_of_hours_needs_one_year_and_members_need_one_cups_each(tmp_path):
    path = file_of(tmp_path, hourly([ANN, BOB], 8760), "hours.txt")
    with pytest.raises(GameError, match=r"a year that its name does not say, like CAU_2024\.txt"):
        SharingCoefficients.from_cups_file(path)
    with pytest.raises(GameError, match="has another year than 2023"):
        SharingCoefficients.from_cups_file(file_of(tmp_path, hourly([ANN], 9)), year=2023)
    with pytest.raises(GameError, match=f"{EVE} is the CUPS of no member; known are {ANN}"):
        SharingCoefficients.from_cups_file(file_of(tmp_path, THIRDS), cups={"ann": ANN, "bob": BOB})
    with pytest.raises(GameError, match="'eve' has no CUPS of 22 characters"):
        SharingCoefficients(["ann", "eve"], [0.5, 0.5]).to_cups_file(cups={"ann": ANN})
    with pytest.raises(GameError, match="'ann' has str 'ann', which is no CUPS"):
        SharingCoefficients(["ann"], [1.0]).to_cups_file()
    with pytest.raises(GameError, match=f"'ann' and 'bob' have the same CUPS {ANN}"):
        SharingCoefficients(["ann", "bob"], [0.5, 0.5]).to_cups_file(cups={"ann": ANN, "bob": ANN})


def test_what_the_file_cannot_hold_is_refused(tmp_path):
    rest = SharingCoefficients([ANN, BOB, EVE], [0.33] * 3, decimals=2)
    with pytest.raises(GameError, match=r"add up to 0\.99, and the file takes a sum of 1 alone"):
        rest.to_cups_file()
    hours = TimeSteps.from_times(["2024-06-01T12:00", "2024-06-01T13:00"])
    day = SharingCoefficients([ANN], [[1.0, 1.0]], hours)
    with pytest.raises(
        GameError, match="2 steps of 60 minutes from 2024-06-01T12:00, and 2024 has"
    ):
        day.to_cups_file()
    whole = SharingCoefficients([ANN], np.ones((1, 8784)), year(2024))
    with pytest.raises(GameError, match="has another year than 2024"):
        whole.to_cups_file(tmp_path / "CAU_2023.txt")


def test_whose_a_file_is_has_to_be_said_once_for_each(tmp_path):
    path = file_of(tmp_path, THIRDS)
    with pytest.raises(GameError, match=f"'eve' and 'zoe' have the same CUPS {EVE}"):
        SharingCoefficients.from_cups_file(path, cups={**CUPS, "zoe": EVE})
    with pytest.raises(GameError, match="'zoe' has int 7, which is no CUPS"):
        SharingCoefficients.from_cups_file(path, cups={**CUPS, "zoe": 7})
    for wrong in (7, [EVE], "ES"):
        with pytest.raises(GameError, match="cups must be a mapping of members to CUPS, got"):
            SharingCoefficients.from_cups_file(path, cups=wrong)
        with pytest.raises(GameError, match="cups must be a mapping of members to CUPS, got"):
            SharingCoefficients.from_cups_file(path).to_cups_file(cups=wrong)
    beyond = {**CUPS, "zoe": EVE.replace("3", "4")}
    assert SharingCoefficients.from_cups_file(path, cups=beyond).members == ("ann", "bob", "eve")


@pytest.mark.parametrize("number", [0, 1899, 3000, 10**6, -1])
def test_a_year_of_no_meter_is_refused(tmp_path, number):
    path = file_of(tmp_path, hourly([ANN], 3), "hours.txt")
    with pytest.raises(GameError, match=f"the year {number}, which has to be in 1900 to 2999"):
        SharingCoefficients.from_cups_file(path, year=number, zone=MADRID)
