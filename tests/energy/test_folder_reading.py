"""Folders that are not plain CSV, with what is said of them; and all faults of a folder at once."""

import pickle
import sys

import numpy as np
import pytest
import sesgame as sg
from fixtures.workbooks import xlsx
from sesgame.energy.folder_reading import read_folder
from sesgame.errors import Fault, FaultyFilesError, GameError

HALVES = {
    "members": "member,kind,meter,unit,scale\nann,load,ann_load,kWh,0.5\nbob,load,Zähler,kW,\n",
    "meters": "time,ann_load,Zähler\n2024-01-31T23:30,1.5,0.25\n2024-01-31T23:45,2.25,3\n"
    "2024-02-01T00:00,0.5,1.125\n",
    "tariff": "from,to,buy_eur_per_kwh,sell_eur_per_kwh\n06:00,22:00,0.34,0.08\n"
    "22:00,06:00,0.26,0.07\n",
    "batteries": None,
}


def german(text):
    """Return a table as a German spreadsheet saves it."""
    lines = [
        ";".join(
            cell.replace(".", ",") if cell[:1].isdigit() and ":" not in cell else cell
            for cell in line
        )
        for line in (line.split(",") for line in text.splitlines())
    ]
    return "\r\n".join(lines) + "\r\n"


def folder(tmp_path, files, encoding="utf-8"):
    for role, text in files.items():
        if text is not None:
            content = text if isinstance(text, bytes) else text.encode(encoding)
            (tmp_path / f"{role}.csv").write_bytes(content)
    return tmp_path


def same(one, other):
    return (
        one.members == other.members
        and one.steps == other.steps
        and np.array_equal(one.load_kwh, other.load_kwh)
        and np.array_equal(one.pv_kwh, other.pv_kwh)
        and one.tariff == other.tariff
    )


@pytest.fixture
def plain(tmp_path):
    (tmp_path / "plain").mkdir()
    return sg.energy.Community.from_csv(folder(tmp_path / "plain", HALVES))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_a_folder_of_a_german_spreadsheet_is_the_same_community(tmp_path, plain, encoding):
    files = {role: german(text) for role, text in HALVES.items() if text}
    found = sg.energy.Community.from_csv(folder(tmp_path, files, encoding))
    assert same(found, plain)
    assert plain.assumed == ()
    assert len(found.assumed) == 3
    for words in found.assumed:
        assert "semicolons between columns" in words
    assert found.assumed[2].startswith("tariff.csv: ")
    assert "decimal commas" in found.assumed[2]


def test_what_was_assumed_is_in_headings_and_results(tmp_path, plain):
    files = HALVES | {"meters": german(HALVES["meters"])}
    found = sg.energy.Community.from_csv(folder(tmp_path, files))
    words = "meters.csv: semicolons between columns, decimal commas"
    assert found.description().splitlines()[1] == f"read {words}"
    assert found.origin()["assumed"] == [words]
    assert len(plain.description().splitlines()) == 2
    assert "assumed" not in plain.origin()


def test_scenarios_say_what_was_assumed_for_each(tmp_path):
    for name, meters in (("wet", german(HALVES["meters"])), ("dry", HALVES["meters"])):
        (tmp_path / name).mkdir()
        folder(tmp_path / name, HALVES | {"meters": meters})
    (tmp_path / "scenarios.csv").write_text("folder\nwet\ndry\n")
    found = sg.energy.Scenarios.from_csv(tmp_path)
    words = "wet/meters.csv: semicolons between columns, decimal commas"
    assert found.description().splitlines()[1] == f"read {words}"
    assert found.origin()["assumed"] == [words]


def test_newest_first_is_the_same_community(tmp_path, plain):
    header, *rows = HALVES["meters"].splitlines()
    files = HALVES | {"meters": "\n".join([header, *reversed(rows)])}
    found = sg.energy.Community.from_csv(folder(tmp_path, files))
    assert same(found, plain)
    assert found.assumed == ("meters.csv: newest first, read from its end",)


def test_a_workbook_with_the_name_of_a_csv_file_is_the_same_community(tmp_path, plain):
    pytest.importorskip("python_calamine", reason="workbooks need the extra excel")
    rows = [
        [float(cell) if cell[0].isdigit() and "T" not in cell else cell for cell in line.split(",")]
        for line in HALVES["meters"].splitlines()
    ]
    found = sg.energy.Community.from_csv(folder(tmp_path, HALVES | {"meters": xlsx(sheet=rows)}))
    assert same(found, plain)
    assert found.assumed == ('meters.csv: the sheet "sheet" of a workbook',)
    (tmp_path / "meters.csv").rename(tmp_path / "meters.xlsx")
    assert same(sg.energy.Community.from_csv(tmp_path), plain)


def test_a_workbook_without_the_extra_is_told_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    here = folder(tmp_path, HALVES | {"meters": xlsx(sheet=[["time", "ann_load"]])})
    with pytest.raises(
        FaultyFilesError, match=r'meters.csv is a workbook.*pip install "sesgame\[excel\]"'
    ):
        sg.energy.Community.from_csv(here)


def test_times_up_to_24_00_mark_the_end_of_steps(tmp_path):
    meters = "time,ann_load,Zähler\n2024-01-31 23:45,1,1\n2024-01-31 24:00,1,1\n"
    found = sg.energy.Community.from_csv(folder(tmp_path, HALVES | {"meters": meters}))
    assert found.steps.time(0) == "2024-01-31T23:30"
    assert "times that mark the end of a step, as 24:00 does" in found.assumed[0]


def test_24_00_is_no_beginning_of_a_step(tmp_path):
    meters = "time,ann_load,Zähler\n2024-01-31 23:45,1,1\n2024-01-31 24:00,1,1\n"
    here = folder(tmp_path, HALVES | {"meters": meters, "clock": "setting,value\nstamp,start\n"})
    with pytest.raises(
        GameError, match=r'24:00 is the end of a step.*say that they mark the "end"'
    ):
        sg.energy.Community.from_csv(here)


def test_a_point_beside_decimal_commas_is_not_taken_for_one_before_decimals(tmp_path):
    rows = [f'2024-01-31T23:{minute},"0,5","1.{minute}5"' for minute in (15, 30, 45)]
    meters = "\n".join(["time,ann_load,Zähler", *rows])
    here = folder(tmp_path, HALVES | {"meters": f"{meters}\n"})
    with pytest.raises(GameError, match=r'"1.155" may be 1.155 or 1155'):
        sg.energy.Community.from_csv(here)
    here = folder(tmp_path, HALVES | {"meters": f"{meters.replace('1.155', '1.15')}\n"})
    assert sg.energy.Community.from_csv(here).load_kwh[1, 0] == 1.15 / 4


def test_a_row_of_units_that_contradicts_is_refused(tmp_path):
    meters = HALVES["meters"].replace("\n2024", "\n,kWh,kWh\n2024", 1)
    with pytest.raises(GameError, match=r'"Zähler" is in kWh there, and members.csv says kW$'):
        sg.energy.Community.from_csv(folder(tmp_path, HALVES | {"meters": meters}))


@pytest.mark.parametrize(
    ("unit", "scale", "message"),
    [
        pytest.param("Wh", "", "is in Wh there.*kWh; write kWh as unit, and 0.001 as", id="Wh"),
        pytest.param("Wh", "-1", "is in Wh there.*kWh; write kWh as unit", id="a sign alone"),
        pytest.param("Wh", "0.001", None, id="Wh with a scale"),
        pytest.param("kVArh", "", "is in kVArh there, and members.csv says kWh$", id="reactive"),
        pytest.param("%", "50", None, id="per cent of a scale"),
    ],
)
def test_a_row_of_units_is_not_taken_for_kwh(tmp_path, unit, scale, message):
    meters = HALVES["meters"].replace("\n2024", f"\n,{unit},kW\n2024", 1)
    members = HALVES["members"].replace("kWh,0.5", f"kWh,{scale}")
    here = folder(tmp_path, HALVES | {"meters": meters, "members": members})
    if message:
        with pytest.raises(GameError, match=message):
            sg.energy.Community.from_csv(here)
    else:
        assert sg.energy.Community.from_csv(here).load_kwh[0, 0] == 1.5 * float(scale)


FAULTY = {
    "members": "member,kind,meter,unit,scale\nann,lod,ann_load,kWh,1\nbob,load,bob_load,kW,x\n",
    "meters": "time,ann_load,bob_load\n2024-01-31T23:30,1,\n2024-01-31T23:45,y,3\n"
    "2024-02-01T00:00,2,\n",
    "tariff": "buy_eur_per_kwh,sell_eur_per_kwh\nq,z\n",
    "batteries": "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\neve,1,1,1,1\n",
}


def test_all_faults_of_a_folder_are_found_at_once(tmp_path):
    here = folder(tmp_path, FAULTY)
    found = read_folder(here)
    assert found.world is None
    members, meters, batteries, tariff = (
        str(here / f"{role}.csv") for role in ("members", "meters", "batteries", "tariff")
    )
    assert [(fault.file, fault.line, fault.column) for fault in found.faults] == [
        (members, 2, "kind"),
        (members, 3, "scale"),
        (meters, None, None),
        (meters, 3, "ann_load"),
        (batteries, 2, "owner"),
        (tariff, 2, "buy_eur_per_kwh"),
        (tariff, 2, "sell_eur_per_kwh"),
    ]
    assert found.faults[2].what == (
        '2 readings are missing: 2 in "bob_load" (line 2, 2024-01-31T23:30, to line 4, '
        "2024-02-01T00:00)"
    )
    assert found.faults[2].cure == "decide how to fill them: nothing is guessed"
    assert str(found.faults[3]) == f'{meters}, line 3, column "ann_load": "y" is not a number'


def test_what_can_be_read_is_there_beside_the_faults(tmp_path):
    files = FAULTY | {"members": FAULTY["members"].replace("lod", "load").replace("x", "2")}
    found = read_folder(folder(tmp_path, files))
    assert found.members == ("ann", "bob")
    ann, bob = found.readings
    assert (ann.member, ann.kind, ann.column, ann.unit, ann.line) == (
        "ann",
        "load",
        "ann_load",
        "kWh",
        2,
    )
    np.testing.assert_array_equal(ann.values, [1, np.nan, 2])
    np.testing.assert_array_equal(bob.kwh(found.steps), [np.nan, 3 * 0.25 * 2, np.nan])


def test_an_ordinary_reading_names_the_first_fault_and_how_many_there_are(tmp_path):
    with pytest.raises(
        FaultyFilesError, match=r'"lod" is not load, pv or battery \(and 6 more faults\)$'
    ) as caught:
        sg.energy.Community.from_csv(folder(tmp_path, FAULTY))
    assert len(caught.value.faults) == 7
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.faults == caught.value.faults
    assert str(again) == str(caught.value)


def test_a_folder_without_faults_is_the_community(tmp_path, plain):
    found = read_folder(folder(tmp_path, HALVES))
    assert same(found.world, plain)
    assert found.faults == ()
    np.testing.assert_array_equal(
        np.array([reading.kwh(found.steps) for reading in found.readings]), plain.load_kwh
    )


def test_a_folder_that_is_not_there_is_one_fault(tmp_path):
    found = read_folder(tmp_path / "x")
    assert found.faults == (Fault(f"no such folder: {tmp_path / 'x'}"),)


def test_what_only_the_whole_community_shows_is_a_fault(tmp_path):
    members = HALVES["members"].replace("bob,load,Zähler,kW,", "ann,pv,Zähler,kW,-1")
    (fault,) = read_folder(folder(tmp_path, HALVES | {"members": members})).faults
    assert "the PV of 'ann' adds up to -1.09375 kWh; what PV generates is positive" in fault.what


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Time", 'is "Time" meant?'),
        ("Zeitstempel", 'is "Zeitstempel" meant?'),
        ("T\u0131me", 'it has "T\u0131me", "ann_load", "Zähler"'),
    ],
)
def test_a_column_of_times_with_another_name_is_named(tmp_path, name, said):
    meters = HALVES["meters"].replace("time", name)
    with pytest.raises(GameError, match=r'meters.csv has no column "time"') as caught:
        sg.energy.Community.from_csv(folder(tmp_path, HALVES | {"meters": meters}))
    assert said in str(caught.value)


def test_decomposed_umlauts_are_named(tmp_path):
    meters = HALVES["meters"].replace("ä", "a\u0308")
    with pytest.raises(
        GameError,
        match='no column "Zähler"; it has .*; is "Za\u0308hler" meant',  # noqa: RUF043
    ) as caught:
        sg.energy.Community.from_csv(folder(tmp_path, HALVES | {"meters": meters}))
    assert len(caught.value.faults) == 2  # and that nobody has the other one


def test_a_price_that_begins_at_24_00_is_refused(tmp_path):
    header = "time;buy_eur_per_kwh;sell_eur_per_kwh"
    tariff = f"{header}\n31.01.2024 23:00;0,3;0,1\n31.01.2024 24:00;0,3;0,1\n"
    with pytest.raises(GameError, match='line 3, column "time": 24:00 is the end of a step'):
        sg.energy.Community.from_csv(folder(tmp_path, HALVES | {"tariff": tariff}))
