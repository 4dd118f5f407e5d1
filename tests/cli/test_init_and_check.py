"""From an empty folder to one that is read: what `sesgame init` writes and `sesgame check` says."""

import csv
import itertools
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.small_community import FILES, edited, write_community
from sesgame.cli.command_line import main

NUMBERS = {
    "buy_eur_per_kwh": "0.30",
    "sell_eur_per_kwh": "0.08",
    "price_eur": "5",
    "price_eur_per_kw": "4",
    "per_cent": "21",
    "energy_kwh": "10",
    "power_kw": "5",
    "charge_efficiency": "0.95",
    "discharge_efficiency": "0.95",
}


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.reader(file))


def rewrite(path, change):
    """Change each cell of a file, by its row, its column's name, and itself."""
    head, *rows = rows_of(path)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        for number, row in enumerate(rows):
            writer.writerow(
                [change(number, name, cell) for name, cell in zip(head, row, strict=True)]
            )


def fill(folder):
    """Write a number for each "?", and readings into the empty cells of the meters."""
    for path in folder.iterdir():
        rewrite(path, lambda row, name, cell: NUMBERS[name] if cell == "?" else cell)
    first, second = (row[0] for row in rows_of(folder / "meters.csv")[1:3])
    hours = (np.datetime64(second) - np.datetime64(first)) / np.timedelta64(1, "h")

    def reading(row, name, cell):
        if cell:
            return cell
        hour = row * hours % 24
        if name.endswith("_pv"):
            height = max(0, 1 - ((hour - 13.2) / 7) ** 2)
            return f"{hours * 2 * height * (0.5 + row * 7 % 11 / 20):.3f}"
        evening, own = 0.3 * (17 < hour < 22), 0.01 * ord(name[0])
        return f"{hours * (own + 0.05 * (row * 13 % 17) + evening):.3f}"

    rewrite(folder / "meters.csv", reading)


CHOICES = [
    [],
    ["--members", "ann,bob,cem", "--pv", "ann,cem"],
    ["--month", "2025-06", "--zone", "Europe/Berlin", "--pv", "ann"],
    ["--month", "2025-03", "--zone", "Europe/Madrid", "--step", "1h", "--battery", "all"],
    ["--month", "2025-10", "--zone", "Europe/Madrid", "--stamp", "end", "--contracts"],
    ["--month", "2025-10", "--meters-zone", "UTC", "--tariff-zone", "Europe/Madrid"],
    ["--month", "2025-02", "--battery", "ann;bob", "--contracts", "--step", "1 h"],
]


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: " ".join(choice) or "nothing")
def test_what_is_written_is_read_once_it_is_filled_in(tmp_path, capsys, choice):
    folder = tmp_path / "village"
    assert main(["init", str(folder), *choice]) == 0
    assert main(["check", str(folder)]) == 2
    capsys.readouterr()
    fill(folder)
    assert main(["check", str(folder)]) == 0
    assert "no faults, no questions" in capsys.readouterr().out
    assert main(["allocate", str(folder), "--rules", "shapley"]) == 0


@pytest.mark.parametrize(
    ("month", "step", "n_steps"),
    [
        ("2025-02", "15min", 28 * 96),
        ("2025-03", "15min", 31 * 96 - 4),
        ("2025-10", "1h", 31 * 24 + 1),
        ("2024-02", "24h", 29),
    ],
)
def test_a_month_has_a_row_for_each_step_of_its_clock(tmp_path, month, step, n_steps):
    words = ["--month", month, "--step", step, "--zone", "Europe/Madrid"]
    assert main(["init", str(tmp_path / "a"), *words]) == 0
    stamps = [row[0] for row in rows_of(tmp_path / "a" / "meters.csv")[1:]]
    assert len(stamps) == n_steps
    steps = sg.energy.TimeSteps.from_times(stamps, zone="Europe/Madrid")
    assert (steps.n_steps, stamps[0]) == (n_steps, f"{month}-01T00:00")
    assert steps.calendar.wall_times(steps.end.reshape(1))[0].item().day == 1


def test_every_reader_refuses_what_is_still_to_be_written(tmp_path, capsys):
    """Each "?" in turn, where all others are filled in."""
    words = ["--contracts", "--battery", "all"]
    assert main(["init", str(tmp_path / "a"), *words]) == 0
    marks = [
        (path.name, name)
        for path in sorted((tmp_path / "a").iterdir())
        for head, *rows in [rows_of(path)]
        for row in rows
        for name, cell in zip(head, row, strict=True)
        if cell == "?"
    ]
    assert len(marks) == 9
    for number, (file, column) in enumerate(marks):
        folder = tmp_path / f"one{number}"
        main(["init", str(folder), *words])
        fill(folder)
        rewrite(folder / file, lambda _, name, cell, column=column: "?" if name == column else cell)
        capsys.readouterr()
        assert main(["allocate", str(folder)]) == 2
        error = capsys.readouterr().err
        assert f'{file}, line 2, column "{column}": still "?": write the ' in error


def test_a_price_is_asked_for_in_its_unit(tmp_path, capsys):
    folder = write_community(tmp_path / "a", tariff="buy_eur_per_kwh,sell_eur_per_kwh\n ? ,0.1\n")
    assert main(["check", str(folder)]) == 2
    message = (
        'tariff.csv, line 2, column "buy_eur_per_kwh": still "?": write the price in EUR per kWh'
    )
    assert message in capsys.readouterr().out


def test_nothing_is_overwritten(tmp_path, capsys):
    (tmp_path / "members.csv").write_text("mine")
    (tmp_path / "meters.csv.gz").write_bytes(b"mine, too")
    (tmp_path / "notes.txt").write_text("anything")
    assert main(["init", str(tmp_path)]) == 2
    error = capsys.readouterr().err
    assert "already has members.csv, meters.csv.gz, and nothing is overwritten" in error
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "members.csv",
        "meters.csv.gz",
        "notes.txt",
    ]
    assert (tmp_path / "members.csv").read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        pytest.param(["--members", ""], "member 1 has no name", id="nobody"),
        pytest.param(["--members", "ann,ann"], 'duplicate member "ann"', id="one twice"),
        pytest.param(["--pv", "eve"], '"eve" has PV, but is not among', id="PV of a stranger"),
        pytest.param(["--battery", "ann;eve"], '"eve" has a battery', id="battery of a stranger"),
        pytest.param(["--step", "7min"], '"7min" is no step', id="no part of a day"),
        pytest.param(["--step", "0min"], '"0min" is no step', id="no time"),
        pytest.param(["--currency", "euro"], '"euro" is no currency', id="currency"),
        pytest.param(["--zone", "Europe/Berln"], "is it Europe/Berlin?", id="zone"),
        pytest.param(
            ["--zone", "UTC", "--meters-zone", "UTC"], "drop it or --meters-zone", id="zone twice"
        ),
        pytest.param(
            ["--tariff-zone", "Europe/Berlin", "--month", "2025-06"],
            "nobody knows on which clock the meters are",
            id="a tariff's zone beside an unknown clock",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(tmp_path, capsys, words, message):
    assert main(["init", str(tmp_path / "a"), *words]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (tmp_path / "a").exists()


def test_members_with_any_name_come_back(tmp_path):
    names = ["=1+1", "'t Hof", "a b", "Çem", "?"]
    folder = tmp_path / "a"
    assert main(["init", str(folder), "--members", ",".join(names), "--battery", "?"]) == 0
    fill_all_but_names = {"?": "0.5"}
    for name in ("tariff.csv", "batteries.csv"):
        rewrite(
            folder / name,
            lambda _, column, cell: (
                cell if column == "owner" else fill_all_but_names.get(cell, cell)
            ),
        )
    rewrite(folder / "meters.csv", lambda _, column, cell: cell or "1.5")
    community = sg.energy.Community.from_csv(folder)
    assert list(community.members) == names
    assert community.batteries[0].owner == "?"


def test_the_sums_are_those_of_the_meters(tmp_path, capsys):
    folder = write_community(tmp_path / "court")
    assert main(["check", str(folder), "--json", "-"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["folders"]
    ann, bob, operator = found["members"]
    assert ann == {
        "member": "ann",
        "load_kwh": 5.5,
        "pv_kwh": 9.0,
        "import_kwh": 2.0,
        "export_kwh": 5.5,
        "charged_kwh": 0.0,
        "discharged_kwh": 0.0,
        "storage_kwh": 0.0,
        "peak_kw": 2.0,
        "peak_at": "2016-06-01T13:00",
    }
    assert (bob["import_kwh"], bob["peak_kw"], bob["peak_at"]) == (7.5, 2.5, "2016-06-01T12:00")
    assert (operator["storage_kwh"], operator["peak_kw"], operator["peak_at"]) == (2.0, 0.0, "")
    # As one they need 3 - 2, 0 of 3 - 4, 4 - 3 and 3 kWh.
    assert (found["together"]["import_kwh"], found["together"]["export_kwh"]) == (5.0, 1.0)
    assert (found["verdict"], found["n_readings"], found["n_missing"]) == ("fine", 12, 0)


def test_a_metered_battery_is_part_of_what_a_member_draws(tmp_path, capsys):
    """It charges 1 and 2 kWh and gives 1.5 back, which the meters of load do not see."""
    folder = write_community(
        tmp_path / "court",
        members=(
            "member,kind,meter,unit\nann,load,use,kWh\nann,battery,store,kWh\nbob,load,other,kWh\n"
        ),
        meters=(
            "time,use,store,other\n2016-06-01T10:00,1,1,1\n2016-06-01T11:00,1,2,1\n"
            "2016-06-01T12:00,1,-1.5,1\n"
        ),
        batteries=(
            "owner,energy_kwh,power_kw,charge_efficiency,discharge_efficiency\nann,4,4,1,1\n"
        ),
    )
    assert main(["check", str(folder), "--json", "-"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["folders"]
    ann = found["members"][0]
    named = ("load_kwh", "charged_kwh", "discharged_kwh", "import_kwh", "export_kwh", "peak_kw")
    assert [ann[name] for name in named] == [3.0, 3.0, 1.5, 5.0, 0.5, 3.0]
    assert found["together"]["export_kwh"] == 0.0


SCHEMA = {
    "folder": str,
    "verdict": str,
    "faults": list,
    "assumed": list,
    "start": (str, type(None)),
    "end": (str, type(None)),
    "clock": (str, type(None)),
    "n_steps": (int, type(None)),
    "step_hours": (float, type(None)),
    "n_readings": int,
    "n_missing": int,
    "currency": (str, type(None)),
    "members": list,
    "together": (dict, type(None)),
    "questions": list,
}
FINE = {}
ODD = {"tariff": "buy_eur_per_kwh,sell_eur_per_kwh\n30,8\n"}
WRONG = edited("meters", "11:00,1.0", "11:00,")


@pytest.mark.parametrize(
    ("change", "verdict", "code"), [(FINE, "fine", 0), (ODD, "questions", 1), (WRONG, "faults", 2)]
)
def test_the_verdict_is_the_exit_code_and_the_schema_is_one(
    tmp_path, capsys, change, verdict, code
):
    folder = write_community(tmp_path / "court", **change)
    file = tmp_path / "check.json"
    assert main(["check", str(folder), "--json", str(file)]) == code
    text = capsys.readouterr().out
    content = json.loads(file.read_text())
    assert (content["format"], content["sesgame"]) == (1, sg.__version__)
    (found,) = content["folders"]
    assert found["verdict"] == verdict
    assert {name: isinstance(found[name], kind) for name, kind in SCHEMA.items()} == dict.fromkeys(
        found, True
    )
    assert found["n_missing"] == (verdict == "faults")
    for fault in found["faults"]:
        assert list(fault) == ["what", "file", "line", "column", "cure"]
        assert fault["what"] in text
    for question in found["questions"]:
        assert list(question) == ["topic", "file", "column", "when", "seen", "meaning", "cure"]
        assert all(isinstance(value, str) for value in question.values())
        assert question["seen"] in text
    assert main(["check", str(folder), "-q"]) == code
    assert capsys.readouterr() == ("", "")


def test_the_page_of_formats_has_the_fields():
    text = Path("docs/file-formats.md").read_text(encoding="utf-8")
    section = text[text.index("### A check") :].partition("\n## ")[0]
    named = re.findall(r"`(\w+)`", section)
    assert set(SCHEMA) <= set(named)


def test_a_check_never_overwrites_what_it_reads(tmp_path, capsys):
    folder = write_community(tmp_path / "court")
    assert main(["check", str(folder), "--json", str(folder / "tariff.csv")]) == 2
    assert "is never overwritten" in capsys.readouterr().err


def test_no_folder_is_said_in_one_line(tmp_path, capsys):
    assert main(["check", str(tmp_path / "atlantis")]) == 2
    assert capsys.readouterr().err == f"sesgame: no such folder: {tmp_path / 'atlantis'}\n"


def test_many_members_and_many_questions_are_told_in_part(tmp_path, capsys):
    names = [f"m{k}" for k in range(40)]
    meters = "\n".join(
        f"2025-06-01T{hour:02}:00," + ",".join(str(9000 + hour + k) for k in range(40))
        for hour in range(4)
    )
    folder = write_community(
        tmp_path / "a",
        members="member,kind,meter,unit\n" + "".join(f"{n},load,{n},kWh\n" for n in names),
        meters=f"time,{','.join(names)}\n{meters}\n",
        batteries=None,
    )
    assert main(["check", str(folder)]) == 1
    text = capsys.readouterr().out
    assert "20 more" in text
    assert "cumulative register: 20 more; --json names all" in text


def test_a_period_is_checked_by_itself(tmp_path, capsys):
    folder = write_community(tmp_path / "court")
    words = ["check", str(folder), "--start", "2016-06-01T11:00", "--end", "2016-06-01T13:00"]
    assert main([*words, "--json", "-"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["folders"]
    assert (found["n_steps"], found["n_readings"]) == (2, 6)
    assert found["members"][1]["load_kwh"] == 4.5
    assert main(["check", str(folder), "--end", "2017-01-01"]) == 2
    assert "reaches beyond the data" in capsys.readouterr().out


def test_scenarios_are_checked_one_by_one_and_together(tmp_path, capsys):
    write_community(tmp_path / "sunny")
    write_community(tmp_path / "dull", **ODD)
    (tmp_path / "scenarios.csv").write_text("folder\nsunny\ndull\n")
    assert main(["check", str(tmp_path), "--json", "-"]) == 1
    found = json.loads(capsys.readouterr().out)["folders"]
    assert [(Path(each["folder"]).name, each["verdict"]) for each in found] == [
        ("sunny", "fine"),
        ("dull", "questions"),
        (tmp_path.name, "fine"),
    ]
    write_community(tmp_path / "dull", **edited("members", "bob,", "eve,"))
    assert main(["check", str(tmp_path)]) == 2
    assert "scenario 2 has other members" in capsys.readouterr().out
    write_community(tmp_path / "dull", **WRONG)
    assert main(["check", str(tmp_path)]) == 2
    assert "1 reading is missing" in capsys.readouterr().out


def test_points_on_the_public_grid_are_summed_up_by_their_registers(tmp_path, capsys):
    street = tmp_path / "street"
    shutil.copytree("examples/street", street)
    assert main(["check", str(street), "--zone", "Europe/Berlin", "--json", "-"]) == 0
    (found,) = json.loads(capsys.readouterr().out)["folders"]
    world = sg.energy.PublicGrid.from_csv(
        street, meters_zone="Europe/Berlin", tariff_zone="Europe/Berlin"
    )
    assert (found["clock"], found["n_steps"]) == ("Europe/Berlin", world.steps.n_steps)
    for sums in found["members"]:
        own = [point for point in world.points if point.member == sums["member"]]
        drawn = sum(point.import_kwh for point in own)
        assert sums["import_kwh"] == pytest.approx(drawn.sum(), rel=1e-12)  # order of sums
        assert sums["peak_kw"] == pytest.approx(drawn.max() / world.steps.step_hours, rel=1e-12)
        assert sums["export_kwh"] == pytest.approx(sum(point.export_kwh.sum() for point in own))
    contracts = (street / "contracts.csv").read_text()
    (street / "contracts.csv").write_text(contracts.replace("0.32,0.08", "32,8"))
    assert main(["check", str(street)]) == 1
    text = capsys.readouterr().out
    assert '"buy_eur_per_kwh": green: 32 EUR per kWh is the middle price' in text
    (street / "contracts.csv").write_text(contracts.replace("0.32", "?"))
    assert main(["check", str(street)]) == 2
    assert 'still "?": write the price in EUR per kWh' in capsys.readouterr().out


CLOCK = ["--meters-zone", "UTC", "--tariff-zone", "Europe/Madrid", "--stamp", "end"]
BANDS = "from,to,buy_eur_per_kwh,sell_eur_per_kwh\n00:00,13:00,0.20,0.05\n13:00,24:00,0.40,0.05\n"


def test_zones_and_stamps_are_said_on_the_command_line(tmp_path, monkeypatch, capsys):
    """The same result as by clock.csv, which verify and the page's code find again."""
    monkeypatch.chdir(tmp_path)
    write_community(tmp_path / "court", tariff=BANDS)
    assert main(["allocate", "court", "--rules", "shapley", *CLOCK, "--out", "a", "--report"]) == 0
    result = json.loads(Path("a/result.json").read_text())
    expected = sg.energy.Community.from_csv(
        "court", meters_zone="UTC", tariff_zone="Europe/Madrid", stamp="end"
    ).cost_game()
    assert result["game"]["together"] == expected.value(expected.players)
    assert result["source"]["start"] == "2016-06-01T11:00+02:00"
    page = Path("a/report.html").read_text()
    said = (
        "meters_zone=&#x27;UTC&#x27;, tariff_zone=&#x27;Europe/Madrid&#x27;, stamp=&#x27;end&#x27;"
    )
    assert said in page
    again = " ".join(page.replace("\\\n", " ").split())
    assert "--meters-zone UTC --tariff-zone Europe/Madrid --stamp end" in again
    assert main(["verify", "court", "a/result.json"]) == 0
    assert main(["compare", "court", "--rules", "shapley", *CLOCK]) == 0
    assert main(["check", "court", *CLOCK]) == 0
    Path("court/clock.csv").write_text(
        "setting,value\nmeters_zone,UTC\ntariff_zone,Europe/Madrid\nstamp,end\n"
    )
    assert main(["allocate", "court", "--rules", "shapley", "--out", "b"]) == 0
    assert json.loads(Path("b/result.json").read_text())["game"] == result["game"]
    capsys.readouterr()
    assert main(["allocate", "court", "--zone", "Europe/Berlin"]) == 2
    assert "meters_zone is 'Europe/Berlin', but court/clock.csv says 'UTC'" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("option", ["--zone", "--meters-zone", "--tariff-zone", "--stamp"])
def test_a_clock_is_that_of_a_community_with_a_calendar(tmp_path, capsys, option):
    value = "end" if option == "--stamp" else "UTC"
    (tmp_path / "game.csv").write_text("coalition,gain\na,1\n")
    assert main(["compare", str(tmp_path / "game.csv"), option, value]) == 2
    assert f"{option} is for communities" in capsys.readouterr().err
    (tmp_path / "two_period.csv").write_text("off_peak_eur_per_kwh,peak_eur_per_kwh\n0.1,0.3\n")
    (tmp_path / "energy.csv").write_text("member,off_peak_kwh,peak_kwh\nann,1,2\n")
    assert main(["allocate", str(tmp_path), option, value]) == 2
    assert "no calendar: there is no clock to name" in capsys.readouterr().err
    assert main(["check", str(tmp_path)]) == 0


def test_a_forged_clock_in_a_result_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_community(tmp_path / "court")
    assert main(["allocate", "court", "--rules", "shapley", "--out", "a"]) == 0
    content = json.loads(Path("a/result.json").read_text())
    for value, message in ((7, "options.stamp must be text"), ("middle", "stamp must be")):
        content["options"]["stamp"] = value
        Path("forged.json").write_text(json.dumps(content))
        assert main(["verify", "court", "forged.json"]) == 2
        assert message in capsys.readouterr().err


@pytest.mark.slow
def test_choices_are_many(tmp_path):
    """Whatever is combined, the files that are written go together."""
    options = (["--pv", "bob"], ["--battery", "bob"], ["--contracts"], ["--zone", "Asia/Tokyo"])
    for number, chosen in enumerate(itertools.product([False, True], repeat=len(options))):
        words = [
            word for option, is_on in zip(options, chosen, strict=True) if is_on for word in option
        ]
        folder = tmp_path / f"{number}"
        assert main(["init", str(folder), *words, "-q"]) == 0
        fill(folder)
        assert sg.energy.Community.from_csv(folder).members == ("ann", "bob")


EXPORT = (
    "Zeit;Haus Ost (kWh);Haus West;Status\n"
    "01.06.2025 00:00;1,25;300;gültig\n"
    "01.06.2025 01:00;;280;gültig\n"
    "01.06.2025 02:00;1,5;250;gültig\n"
)


def test_a_folder_is_drafted_from_an_export(tmp_path, capsys):
    """Columns become members, units are those of the table, and what nobody knows is asked for."""
    export, folder = tmp_path / "export.csv", tmp_path / "a"
    export.write_text(EXPORT, encoding="cp1252")
    assert main(["init", str(folder), "--readings", str(export), "--zone", "Europe/Berlin"]) == 0
    said = capsys.readouterr().out
    assert 'the column "Status" has no numbers and is left out' in said
    assert "decimal comma" in said
    assert rows_of(folder / "members.csv")[1:] == [
        ["Haus Ost (kWh)", "load", "Haus Ost (kWh)", "kWh", "1.0"],
        ["Haus West", "load", "Haus West", "?", "1"],
    ]
    assert rows_of(folder / "meters.csv")[1:] == [
        ["2025-06-01T00:00", "1.25", "300.0"],
        ["2025-06-01T01:00", "", "280.0"],
        ["2025-06-01T02:00", "1.5", "250.0"],
    ]
    assert main(["check", str(folder)]) == 2
    found = capsys.readouterr().out
    assert '"unit": "?" is not kW or kWh' in found
    assert "1 reading is missing" in found
    assert 'still "?": write the price in EUR per kWh' in found


def test_what_an_export_says_already_is_not_asked(tmp_path, capsys):
    export = tmp_path / "export.csv"
    export.write_text(EXPORT, encoding="cp1252")
    for words in (["--members", "a"], ["--pv", "a"], ["--month", "2025-06"], ["--step", "1h"]):
        assert main(["init", str(tmp_path / "a"), "--readings", str(export), *words]) == 2
        assert f"{words[0]} is for a folder without readings" in capsys.readouterr().err
    export.write_text(EXPORT.replace("280", "280 kWh"), encoding="cp1252")
    assert main(["init", str(tmp_path / "a"), "--readings", str(export)]) == 2
    assert '"280 kWh" is not a number' in capsys.readouterr().err
    assert not (tmp_path / "a").exists()


def test_a_month_of_real_meters_raises_no_question_and_snow_does(capsys):
    """The example, whose PV is under snow in January, with nothing else to ask all year."""
    assert main(["check", "examples/rural13", "--month", "2016-06", "-q"]) == 0
    assert main(["check", "examples/rural13", "--json", "-"]) == 1
    (found,) = json.loads(capsys.readouterr().out)["folders"]
    assert {(each["topic"], each["column"]) for each in found["questions"]} == {
        ("repeated readings", f"PV{number}") for number in (5, 6, 8)
    }
    assert all("snow" in each["meaning"] for each in found["questions"])


def test_a_file_with_nearly_the_name_of_one_is_asked_about(tmp_path, capsys):
    batteries = FILES["batteries.csv"]
    folder = write_community(tmp_path / "c", battery=batteries, batteries=None, letters="a\n1\n")
    assert main(["check", str(folder)]) == 1
    printed = capsys.readouterr().out
    assert "file that is not read: battery.csv: nobody reads a file" in printed
    assert "1 question" in printed
    (folder / "battery.csv").rename(folder / "batteries.csv")
    assert main(["check", str(folder)]) == 0
