"""Files of a grid operator's series: both forms, other clocks, and all that is wrong with them."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from fixtures.operator_exports import CODES, delivered, long_table, series_of, side_by_side
from fixtures.workbooks import xlsx
from sesgame.energy import OperatorSeries
from sesgame.errors import FaultyFilesError, GameError

USE = {"ann": [1, 0, 2, 1], "bob": [3, 1, 2, 0]}
SUN = {"roof": [3, 2, 8, 0], "barn": [2, 0, 4, 0]}
FOUND = delivered(USE, SUN, 6)
TIMES = ["2024-06-01T12:00", "2024-06-01T12:15", "2024-06-01T12:30", "2024-06-01T12:45"]
GERMAN = [
    "01.06.2024 12:00:00",
    "01.06.2024 12:15:00",
    "01.06.2024 12:30:00",
    "01.06.2024 12:45:00",
]
ENERGY = ("consumed_kwh", "offered_kwh", "covered_kwh", "generated_kwh", "surplus_kwh")


def read(tmp_path, text, **options):
    path = tmp_path / "series.csv"
    path.write_text(text, encoding="utf-8")
    return OperatorSeries.from_csv(path, **options)


def refused(tmp_path, text, **options):
    with pytest.raises(FaultyFilesError) as error:
        read(tmp_path, text, **options)
    return [str(fault).replace(f"{tmp_path}/series.csv, ", "") for fault in error.value.faults]


def same_energy(one, other):
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in ENERGY)


def test_a_row_for_each_reading(tmp_path):
    found = read(tmp_path, long_table(FOUND, TIMES))
    assert same_energy(found, series_of(FOUND))
    assert (found.points, found.assumed) == (("ann", "bob", "roof", "barn"), ())
    assert found.decimals == 6
    assert found.broken_identities() == ()
    assert not found.quality.any()


def test_rows_in_any_order_of_points(tmp_path):
    """Sorted by time instead of by series, with semicolons and decimal commas."""
    head, *rows = long_table(FOUND, TIMES).splitlines()
    rows.sort(key=lambda row: row.split(",")[2])
    text = "\n".join([head, *rows]).replace(",", ";").replace(".0;", ";")
    text = "\n".join(
        ";".join([*row.split(";")[:3], row.split(";")[3].replace(".", ",")])
        for row in text.splitlines()
    )
    found = read(tmp_path, text)
    assert same_energy(found, series_of(FOUND))
    assert found.assumed == ("series.csv: semicolons between columns, decimal commas",)


def test_a_column_for_each_series_as_portals_export_them(tmp_path):
    found = read(tmp_path, side_by_side(FOUND, GERMAN))
    assert same_energy(found, series_of(FOUND))
    assert (found.quality == 1).all()
    assert found.assumed == (
        "series.csv: semicolons between columns, the day before the month, decimal commas",
        "rows left out: Name, Energy direction",
        "1 column of sums of all points left out",
    )


def test_a_workbook_as_portals_export_it(tmp_path):
    pytest.importorskip("python_calamine", reason="workbooks need the extra excel")
    rows = [row.split(";") for row in side_by_side(FOUND, GERMAN, with_sums=False).splitlines()]
    for row, time in zip(rows[4:], TIMES, strict=True):
        row[0] = datetime.fromisoformat(time)
        row[1:] = [float(cell.replace(",", ".")) if "," in cell else cell for cell in row[1:]]
    path = tmp_path / "Energiedaten.xlsx"
    path.write_bytes(xlsx(Energiedaten=rows))
    found = OperatorSeries.from_csv(path)
    assert same_energy(found, series_of(FOUND))
    assert found.assumed[0] == 'Energiedaten.xlsx: the sheet "Energiedaten" of a workbook'


def test_a_sum_that_is_not_that_of_the_readings_is_refused(tmp_path):
    text = side_by_side(FOUND, GERMAN).replace("Spaltensumme;4,0", "Spaltensumme;5,0")
    assert refused(tmp_path, text) == [
        "line 5: the sum of 1-1:1.9.0 G.01T of the point 'ann' is 5 kWh, but its readings add up "
        "to 4"
    ]


def test_substitutes_are_told_by_point(tmp_path):
    quality = {("bob", TIMES[1]): "L2", ("roof", TIMES[2]): "L3", ("roof", TIMES[3]): "L3"}
    found = read(tmp_path, long_table(FOUND, TIMES, quality))
    assert found.quality.tolist() == [[1] * 4, [1, 2, 1, 1], [1, 1, 3, 3], [1] * 4]
    assert found.provisional() == {"roof": (2, TIMES[2])}


def test_a_quality_that_nobody_says_is_not_the_best(tmp_path):
    head, *rows = long_table(FOUND, TIMES, {}).splitlines()
    rows = [row.removesuffix("L1") if row.startswith("ann,1-1:2.9.0 G.02") else row for row in rows]
    found = read(tmp_path, "\n".join([head, *rows]))
    assert found.quality.tolist() == [[0] * 4, [1] * 4, [1] * 4, [1] * 4]


@pytest.mark.parametrize(
    ("day", "clock"),
    [
        pytest.param("2024-03-31", ["00:00", "01:00", "03:00", "04:00"], id="an hour is skipped"),
        pytest.param("2024-10-27", ["01:00", "02:00", "02:00", "03:00"], id="an hour is repeated"),
    ],
)
def test_clocks_with_daylight_saving(tmp_path, day, clock):
    times = [f"{day}T{time}" for time in clock]
    found = read(tmp_path, long_table(FOUND, times), meters_zone="Europe/Vienna")
    assert found.steps.step_hours == 1
    assert same_energy(found, series_of(FOUND, found.steps))
    with pytest.raises(GameError, match="daylight saving"):
        read(tmp_path, long_table(FOUND, times))


def test_a_repeated_hour_is_told_by_the_order_of_each_series(tmp_path):
    times = [f"2024-10-27T{clock}" for clock in ("01:00", "02:00", "02:00", "03:00")]
    head, *rows = long_table(FOUND, times).splitlines()
    turned = [*rows[4:], *rows[3::-1]]
    (fault, *_) = refused(tmp_path, "\n".join([head, *turned]), meters_zone="Europe/Vienna")
    assert "of the point 'ann' has 2024-10-27T02:00 after later times" in fault
    straight = long_table(FOUND, TIMES).splitlines()
    turned = "\n".join([straight[0], *straight[5:], *straight[4:0:-1]])
    found = read(tmp_path, turned)
    assert found.consumed_kwh[found.consumers.index("ann")].tolist() == USE["ann"]


def test_points_that_come_and_go_need_no_series_of_all_times(tmp_path):
    head, *rows = long_table(FOUND, TIMES).splitlines()
    early, late = ("ann", "roof"), ("bob", "barn")
    kept = [
        row
        for row in rows
        if not (row.startswith(early) and TIMES[3] in row)
        and not (row.startswith(late) and TIMES[0] in row)
    ]
    found = read(tmp_path, "\n".join([head, *kept]), absent="zero")
    assert found.steps.n_steps == 4
    assert found.consumed_kwh.tolist() == [[1, 0, 2, 0], [0, 1, 2, 0]]
    assert found.assumed[0] == (
        "the point 'ann' is there from 2024-06-01T12:00 to 2024-06-01T12:45, not before or after"
    )
    assert "where other series have none" in refused(tmp_path, "\n".join([head, *kept]))[0]


def test_times_that_are_wrong_are_of_a_point(tmp_path):
    head, *rows = long_table(FOUND, TIMES).splitlines()
    (fault,) = refused(tmp_path, "\n".join([head, *rows, rows[4]]))
    assert "1-1:2.9.0 G.02" not in fault
    assert "of the point 'bob'" in fault
    assert "2024-06-01T12:00 comes after 2024-06-01T12:45" in fault


def test_stamps_at_the_end_of_a_step(tmp_path):
    found = read(tmp_path, long_table(FOUND, TIMES), stamp="end")
    assert found.steps.time(0) == "2024-06-01T11:45"


def test_the_end_of_a_day_may_be_24_where_steps_end_then(tmp_path):
    times = [f"2024-06-01T23:{minute}" for minute in ("15", "30", "45")] + ["2024-06-01T24:00"]
    for text in (long_table(FOUND, times), side_by_side(FOUND, times)):
        found = read(tmp_path, text, stamp="end")
        assert found.steps.time(3) == "2024-06-01T23:45"
        assert "24:00 is the end of a step" in refused(tmp_path, text)[0]


def test_a_row_of_sums_below_the_readings_is_named(tmp_path):
    text = side_by_side(FOUND, GERMAN)
    last = len(text.splitlines()) + 1
    (fault,) = refused(tmp_path, text + "Summe;1;L1\n")
    assert fault.endswith(f'line {last}: "Summe" among the readings is no time')


def test_the_part_that_takes_part_counts_and_the_whole_is_left_out_and_said(tmp_path):
    """Ann's meter takes part by half: twice as much went through it."""
    whole = {**FOUND["consumed"], "ann": [2 * kwh for kwh in FOUND["consumed"]["ann"]]}
    extra = long_table({"consumed": whole}, TIMES, codes={"consumed": "1-1:1.9.0 G.01"})
    text = long_table(FOUND, TIMES) + extra.partition("\n")[2]
    found = read(tmp_path, text)
    assert same_energy(found, series_of(FOUND))
    assert found.assumed == (
        "1-1:1.9.0 G.01 of 2 points left out, of which 1-1:1.9.0 G.01T is the part that takes part",
    )
    too_small = text.replace(
        "ann,1-1:1.9.0 G.01,2024-06-01T12:30,4.0", "ann,1-1:1.9.0 G.01,2024-06-01T12:30,1.5"
    )
    assert refused(tmp_path, too_small) == [
        f"{tmp_path}/series.csv: 1-1:1.9.0 G.01T of the point 'ann' is 2 kWh in the step from "
        "2024-06-01T12:30, more than the 1.5 of 1-1:1.9.0 G.01"
    ]


def test_all_that_a_portal_exports_beside_is_left_out_and_said(tmp_path):
    """The whole of each meter, what is left of that, and what renewable plants cover."""
    extra = {"whole": FOUND["consumed"], "all": FOUND["generated"], "left": FOUND["surplus"]}
    codes = {"whole": "1-1:1.9.0 G.01", "all": "1-1:2.9.0 G.01", "left": "1-1:2.9.0 P.01"}
    renewable = {name: [kwh / 2 for kwh in values] for name, values in FOUND["covered"].items()}
    extra["renewable"], codes["renewable"] = renewable, "1-1:2.9.0 G.03R"
    text = long_table(FOUND, TIMES) + long_table(extra, TIMES, codes=codes).partition("\n")[2]
    found = read(tmp_path, text)
    assert same_energy(found, series_of(FOUND))
    assert [words.partition(",")[0] for words in found.assumed] == [
        "1-1:1.9.0 G.01 of 2 points left out",
        "1-1:2.9.0 G.03R of 2 points left out",
        "1-1:2.9.0 G.01 of 2 points left out",
        "1-1:2.9.0 P.01 of 2 points left out",
    ]
    too_much = text.replace(
        "bob,1-1:2.9.0 G.03R,2024-06-01T12:00,1.5", "bob,1-1:2.9.0 G.03R,2024-06-01T12:00,3.5"
    )
    assert refused(tmp_path, too_much) == [
        f"{tmp_path}/series.csv: 1-1:2.9.0 G.03R of the point 'bob' is 3.5 kWh in the step from "
        "2024-06-01T12:00, more than the 3 of 1-1:2.9.0 G.03"
    ]


def test_a_surplus_of_all_beside_a_part_of_what_is_generated_is_said(tmp_path):
    text = long_table(FOUND, TIMES, codes={**CODES, "surplus": "1-1:2.9.0 P.01"})
    assert read(tmp_path, text).assumed == tuple(
        f"1-1:2.9.0 G.01T and 1-1:2.9.0 P.01 of the point {point!r} count together, though only "
        f"one is of the part that takes part"
        for point in ("roof", "barn")
    )


def test_the_digits_that_are_said_hold_for_parts_too(tmp_path):
    whole = {"consumed": {"ann": [0.996, 0, 2, 1], "bob": [3, 1, 2, 0]}}
    extra = long_table(whole, TIMES, codes={"consumed": "1-1:1.9.0 G.01"}).partition("\n")[2]
    text = long_table(FOUND, TIMES) + extra
    assert "more than the 0.996 of" in refused(tmp_path, text)[0]
    assert read(tmp_path, text, decimals=2).decimals == 2


def test_older_codes_without_a_part_are_read(tmp_path):
    codes = {
        **CODES,
        "consumed": "1-1:1.9.0 G.01",
        "generated": "1-1:2.9.0 G.01",
        "surplus": "1-1:2.9.0 P.01",
    }
    found = read(tmp_path, long_table(FOUND, TIMES, codes=codes))
    assert same_energy(found, series_of(FOUND))


def without(text, *beginnings):
    return "\n".join(row for row in text.splitlines() if not row.startswith(beginnings)) + "\n"


def test_a_missing_series_is_named(tmp_path):
    text = without(long_table(FOUND, TIMES), "bob,1-1:2.9.0 G.02", "barn,1-1:2.9.0 P.01T")
    assert [fault.rpartition("series.csv: ")[2] for fault in refused(tmp_path, text)] == [
        "the point 'bob' has no series 1-1:2.9.0 G.02: what is offered",
        "the point 'barn' has no series 1-1:2.9.0 P.01T or 1-1:2.9.0 P.01: what is surplus",
    ]


def test_gaps_are_named_and_never_filled(tmp_path):
    text = without(long_table(FOUND, TIMES), f"bob,1-1:2.9.0 G.03,{TIMES[1]}")
    for absent in ("refuse", "zero"):
        assert [
            fault.rpartition("series.csv: ")[2] for fault in refused(tmp_path, text, absent=absent)
        ] == [f"1 reading of 1-1:2.9.0 G.03 of the point 'bob' is missing, {TIMES[1]}"]
    flagged = long_table(FOUND, TIMES, {("bob", TIMES[1]): "L0", ("bob", TIMES[2]): "L0"})
    assert refused(tmp_path, flagged, absent="zero")[0].endswith(
        f"2 readings of 1-1:1.9.0 G.01T of the point 'bob' are missing, {TIMES[1]} to {TIMES[2]}"
    )
    steps_less = "\n".join(
        row for row in long_table(FOUND, TIMES).splitlines() if TIMES[1] not in row
    )
    assert "the next time is 2024-06-01T12:30" in refused(tmp_path, steps_less)[0]


def test_a_point_that_comes_late_or_leaves_has_no_energy_before_or_after_where_asked(tmp_path):
    found = delivered({"ann": [0, 0, 2, 1], "bob": [3, 1, 2, 0]}, {"roof": [3, 2, 0, 0]}, 6)
    late = [f"ann,{code},{time}" for code in CODES.values() for time in TIMES[:2]]
    gone = [f"roof,{code},{time}" for code in CODES.values() for time in TIMES[2:]]
    text = without(long_table(found, TIMES), *late, *gone)
    first = refused(tmp_path, text)[0]
    assert first.endswith(
        f"2 readings of 1-1:1.9.0 G.01T of the point 'ann' are missing, {TIMES[0]} to {TIMES[1]}; "
        'absent="zero" has no energy where a point is not in the community'
    )
    read_back = read(tmp_path, text, absent="zero")
    assert same_energy(read_back, series_of(found))
    assert read_back.assumed == (
        f"the point 'ann' is there from {TIMES[2]} to 2024-06-01T13:00, not before or after",
        f"the point 'roof' is there from {TIMES[0]} to {TIMES[2]}, not before or after",
    )


def test_a_point_without_a_single_reading_is_refused(tmp_path):
    text = side_by_side(FOUND, GERMAN, with_sums=False)
    head, body = text.splitlines()[:4], text.splitlines()[4:]
    empty = [";".join([row.split(";")[0], *([""] * 6), *row.split(";")[7:]]) for row in body]
    found = refused(tmp_path, "\n".join([*head, *empty]), absent="zero")
    assert len(found) == 3
    assert f"4 readings of 1-1:1.9.0 G.01T of the point 'ann' are missing, {TIMES[0]}" in found[0]


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        pytest.param(
            f"ann,1-1:2.9.0 G.03,{TIMES[0]}",
            f"ann,1-1:2.9.0 G.04,{TIMES[0]}",
            'line 18, column "code": "1-1:2.9.0 G.04" is no meter code of an energy community; '
            "these are 1-1:1.9.0 G.01T, 1-1:1.9.0 G.01, 1-1:2.9.0 G.02, 1-1:2.9.0 G.03, "
            "1-1:2.9.0 G.01T, 1-1:2.9.0 G.01, 1-1:2.9.0 P.01T, 1-1:2.9.0 P.01, 1-1:2.9.0 G.03R",
            id="code",
        ),
        pytest.param(
            f"roof,1-1:2.9.0 G.01T,{TIMES[1]},2.0",
            f"roof,1-1:2.9.0 G.01T,{TIMES[1]},-2.0",
            "line 27: 1-1:2.9.0 G.01T of the point 'roof' is -2 kWh in the step from "
            "2024-06-01T12:15; it must be at least 0",
            id="negative",
        ),
        pytest.param(
            f"bob,1-1:1.9.0 G.01T,{TIMES[2]},2.0",
            f"bob,1-1:1.9.0 G.01T,{TIMES[2]},two",
            'line 8, column "kwh": "two" is not a number',
            id="no number",
        ),
        pytest.param(
            f"bob,1-1:2.9.0 G.02,{TIMES[2]}",
            f"bob,1-1:2.9.0 G.02,{TIMES[1]}",
            "line 16: 1-1:2.9.0 G.02 of the point 'bob' has another reading at 2024-06-01T12:15, "
            "where other series have none",
            id="twice",
        ),
        pytest.param(
            f"ann,1-1:1.9.0 G.01T,{TIMES[3]}",
            f",1-1:1.9.0 G.01T,{TIMES[3]}",
            'line 5, column "point": the cell is empty',
            id="no point",
        ),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, old, new, says):
    text = long_table(FOUND, TIMES)
    assert text.count(old) == 1
    assert refused(tmp_path, text.replace(old, new)) == [says]


def test_an_unknown_quality_is_named(tmp_path):
    text = long_table(FOUND, TIMES, {("bob", TIMES[1]): "good"})
    assert refused(tmp_path, text)[0] == (
        "line 7: the quality of 1-1:1.9.0 G.01T of the point 'bob' is \"GOOD\"; it is one of L0, "
        "L1, L2, L3"
    )


def test_a_point_with_codes_of_both_kinds_is_refused(tmp_path):
    (fault,) = refused(tmp_path, long_table(FOUND, TIMES).replace("barn,", "ann,"))
    assert "'ann' has codes of a consumer and of a plant" in fault
    assert fault.endswith("give each register a point of its own")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        pytest.param(
            ("MeteringpointID;ann", "Zaehler;ann"), "has neither the columns", id="no points"
        ),
        pytest.param(
            ("Anteil gemeinschaftliche Erzeugung [KWH]", "Anteil [KWH]"),
            '"Anteil [KWH]" is no meter code',
            id="label",
        ),
        pytest.param(("Erzeugung [KWH]", "Erzeugung [MWH]"), "is no meter code", id="another unit"),
        pytest.param(
            ("MeteringpointID;ann;MM", "MeteringpointID;;MM"),
            "column 2 has no point above it",
            id="no name",
        ),
    ],
)
def test_a_wrong_head_is_named(tmp_path, change, says):
    text = side_by_side(FOUND, GERMAN)
    assert change[0] in text
    assert any(says in fault for fault in refused(tmp_path, text.replace(*change)))


def test_the_same_series_twice_is_refused(tmp_path):
    text = side_by_side(FOUND, GERMAN).replace(
        "MeteringpointID;ann;MM;ann;MM;ann;MM;bob", "MeteringpointID;ann;MM;ann;MM;ann;MM;ann"
    )
    (fault,) = refused(tmp_path, text)
    assert "1-1:1.9.0 G.01T of the point 'ann' is there twice" in fault


def test_an_empty_file_and_none(tmp_path):
    assert "has neither the columns" in refused(tmp_path, "")[0]
    assert "no such file" in refused_path(tmp_path / "nowhere.csv")


def refused_path(path):
    with pytest.raises(FaultyFilesError) as error:
        OperatorSeries.from_csv(path)
    return str(error.value)


def test_owners_from_a_table(tmp_path):
    owners = tmp_path / "owners.csv"
    owners.write_text("point,member\nann,ann\nbob,bob\nroof,ann\nbarn,coop\n")
    found = read(tmp_path, long_table(FOUND, TIMES), members=owners)
    assert found.members == {"ann": "ann", "bob": "bob", "roof": "ann", "barn": "coop"}
    owners.write_text("point,member\nann,ann\nann,bob\n")
    with pytest.raises(FaultyFilesError, match='line 3, column "point": duplicate point "ann"'):
        read(tmp_path, long_table(FOUND, TIMES), members=owners)
    owners.write_text("point,member\nann,\n")
    with pytest.raises(FaultyFilesError, match='line 2, column "member": the cell is empty'):
        read(tmp_path, long_table(FOUND, TIMES), members=owners)


def test_the_example_of_the_documentation(tmp_path):
    """Two flats, a school and two roofs: the dynamic key, with six decimals."""
    folder = Path(__file__).parents[2] / "examples" / "austria"
    found = OperatorSeries.from_csv(
        folder / "energy_data.csv", members=folder / "owners.csv", meters_zone="Europe/Vienna"
    )
    assert found.broken_identities() == ()
    assert found.decimals == 6
    shared = np.minimum(found.consumed_kwh.sum(axis=0), found.generated_kwh.sum(axis=0))
    # Each of the three consumers' readings is rounded to a millionth.
    assert np.abs(found.covered_kwh.sum(axis=0) - shared).max() <= 3 * 0.5e-6 + 1e-12


def test_options_are_checked(tmp_path):
    text = long_table(FOUND, TIMES)
    with pytest.raises(GameError, match="absent is 'fill'; it must be refuse or zero"):
        read(tmp_path, text, absent="fill")
    assert read(tmp_path, text, decimals=3).decimals == 3
    named = read(
        tmp_path, text, members={"ann": "ann", "bob": "bob", "roof": "ann", "barn": "coop"}
    )
    assert named.members["roof"] == "ann"
