"""``sesgame share``: what it says, writes and refuses."""

import csv
import hashlib
import json
import os
import sys
from decimal import Decimal
from threading import Thread

import numpy as np
import pytest
import sesgame as sg
from sesgame.cli.command_line import main
from sesgame.cli.shared_tables import SHARE_FILES

STREET = "examples/street"
DYNAMIC = ["--key", "dynamic", "--local-price", "0.12"]
DAY = ["--start", "2024-06-04", "--end", "2024-06-05"]


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def street(start="2024-06-04", end="2024-06-05"):
    return sg.energy.PublicGrid.from_csv(STREET).period(start, end)


def bills(world, key=None, **options):
    key = sg.energy.DynamicKey() if key is None else key
    return sg.energy.shared_generation(world, key, local_price_per_kwh=0.12, **options)


def test_energy_by_point_and_step_bills_and_what_is_lost_are_written(tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["share", STREET, *DYNAMIC, *DAY, "--out", str(out)]) == 0
    world = street()
    expected = bills(world)
    shared, names = expected.evidence, [point.name for point in world.points]
    assert {path.name for path in out.iterdir()} == {
        *SHARE_FILES,
        "share.json",
        "result.json",
        "SESGAME-SHA256SUMS",
    }
    for file, table in (
        ("assigned_kwh.csv", shared.assigned_by_step()),
        ("used_kwh.csv", shared.used_by_step()),
    ):
        rows = rows_of(out / file)
        assert [row["time"] for row in rows] == [world.steps.time(k) for k in range(96)]
        points = [name for name in rows[0] if name != "time"]
        assert points == ["P01", "P02", "P03", "P04", "P05"]  # P06 draws nothing
        for point in points:
            assert [float(row[point]) for row in rows] == table[names.index(point)].tolist()
    steps = rows_of(out / "energy_by_step.csv")
    lost = [float(row["lost_kwh"]) for row in steps]
    assert lost == shared.lost_kwh_by_step.tolist()
    for name, registers in (("drawn_kwh", "import_kwh"), ("fed_in_kwh", "export_kwh")):
        together = sum(getattr(point, registers) for point in world.points)
        assert [float(row[name]) for row in steps] == pytest.approx(together.tolist())
    assert [float(row["used_kwh"]) for row in steps] == pytest.approx(
        shared.used_by_step().sum(axis=0).tolist()
    )
    points = {row["point"]: row for row in rows_of(out / "energy_by_point.csv")}
    assert float(points["P04"]["used_kwh"]) == shared.used_kwh[names.index("P04")]
    assert points["P04"]["member"] == "bakery"
    plants = rows_of(out / "energy_by_plant.csv")
    assert [float(row["surplus_kwh"]) for row in plants] == shared.surplus_kwh.tolist()
    billed = {row["member"]: Decimal(row["bill_eur"]) for row in rows_of(out / "bills.csv")}
    assert list(billed.values()) == list(sg.rounded_bills(expected.values))
    assert sum(billed.values()) == round(Decimal(expected.total), 2)
    text = capsys.readouterr().out
    assert f"The key loses {shared.lost_money:.2f} EUR" in text
    assert sg.audit(world.cost_game(), expected).sentences("EUR")[-1] in text
    assert f"Written: {out / 'bills.csv'}" in text


def test_everything_else_is_in_the_json(tmp_path, capsys):
    path = tmp_path / "share.json"
    assert main(["share", STREET, *DYNAMIC, *DAY, "--unused", "owner", "--json", str(path)]) == 0
    world = street()
    expected = bills(world, unused="owner")
    content = json.loads(path.read_text())
    assert list(content["allocation"]["values"].values()) == expected.values.tolist()
    assert content["allocation"]["evidence"]["unused"] == "owner"
    assert content["lost_money"] == expected.evidence.lost_money
    assert content["optimum"] == world.cost_game().value(world.members)
    assert content["options"] == {"key": "dynamic", "local-price": 0.12, "unused": "owner"}
    assert content["audit"]["in_core"] is False
    assert (content["community"], content["currency"]) == ("street", "EUR")
    capsys.readouterr()


def test_the_table_of_what_is_assigned_goes_to_standard_output_alone(capsys):
    assert main(["share", STREET, *DYNAMIC, *DAY, "--csv", "-"]) == 0
    header, first, *_ = capsys.readouterr().out.splitlines()
    assert header == "time,P01,P02,P03,P04,P05"
    assert first.startswith("2024-06-04T00:00,")


def test_groups_files_and_months_are_those_of_the_functions(tmp_path, capsys):
    path = tmp_path / "coefficients.csv"
    path.write_text("point,coefficient\nP01,0.1\nP02,0.2\nP03,0.3\nP04,0.4\nP05,0\n")
    world = street("2024-06-03", "2024-06-10")
    parts = {"P01": 0.1, "P02": 0.2, "P03": 0.3, "P04": 0.4, "P05": 0.0}
    groups = [["P02", "P03"], ["P01", "P04", "P05"]]
    for options, key in (
        (["--key", "static", "--coefficients", str(path)], sg.energy.StaticKey(parts)),
        (
            ["--key", "hierarchical", "--groups", "P02,P03;P01,P04,P05"],
            sg.energy.HierarchicalKey(groups),
        ),
    ):
        found = tmp_path / "found.json"
        price = ["--local-price", "P01=0.12,P05=0.12,P06=0.12"]
        command = ["share", STREET, *options, *price, "--json", str(found), "-q"]
        assert main(command) == 0
        values = json.loads(found.read_text())["allocation"]["values"]
        assert list(values.values()) == bills(world, key).values.tolist()
        found.unlink()
    assert capsys.readouterr() == ("", "")


def write_lane(folder, homes, times, participation="1"):
    """Write a roof that feeds in 2 kWh in each step, and homes that draw 1 kWh each."""
    folder.mkdir()
    names = [f"home{k}" for k in range(homes)]
    rows = [f"{name},m{name},all,{name},,kWh,{participation}" for name in names]
    rows = ["roof,ann,all,,up,kWh,1", *rows]
    header = "point,member,contract,import,export,unit,participation"
    (folder / "points.csv").write_text("\n".join([header, *rows]) + "\n")
    (folder / "contracts.csv").write_text(
        "contract,buy_eur_per_kwh,sell_eur_per_kwh\nall,0.30,0.08\n"
    )
    (folder / "clock.csv").write_text("setting,value\nmeters_zone,Europe/Madrid\n")
    readings = [f"{time},2{',1' * homes}" for time in times]
    (folder / "meters.csv").write_text("\n".join([f"time,up,{','.join(names)}", *readings]) + "\n")
    return str(folder)


def test_a_day_of_23_hours_is_named_by_its_clock(tmp_path, capsys):
    times = [f"2024-03-31T{hour:02}:00" for hour in range(24) if hour != 2]
    folder, table = write_lane(tmp_path / "lane", 1, times), tmp_path / "assigned.csv"
    assert main(["share", folder, *DYNAMIC, "--csv", str(table)]) == 0
    rows = rows_of(table)
    assert len(rows) == 23
    assert [row["time"][11:] for row in rows[1:3]] == ["01:00+01:00", "03:00+02:00"]
    assert {row["home0"] for row in rows} == {"1.0"}
    assert "The key loses nothing" in capsys.readouterr().out


def test_energy_is_that_of_the_part_of_a_register_that_takes_part(tmp_path, capsys):
    times = ["2024-06-01T12:00", "2024-06-01T13:00"]
    folder, out = write_lane(tmp_path / "lane", 1, times, "0.25"), tmp_path / "out"
    assert main(["share", folder, *DYNAMIC, "--out", str(out)]) == 0
    (home,) = rows_of(out / "energy_by_point.csv")
    assert (home["drawn_kwh"], home["assigned_kwh"], home["used_kwh"]) == ("0.5", "0.5", "0.5")
    assert [row["drawn_kwh"] for row in rows_of(out / "energy_by_step.csv")] == ["0.25", "0.25"]
    # Three quarters of 2 kWh stay with the supplier.
    bills = {row["member"]: row["bill_eur"] for row in rows_of(out / "bills.csv")}
    assert bills["mhome0"] == "0.51"  # 1.5 x 0.30 + 0.5 x 0.12
    assert "shares 0.5 of 4.0 kWh" in capsys.readouterr().out


def test_bills_of_too_many_members_to_look_at_each_group_are_written(tmp_path, capsys):
    times = ["2024-06-01T12:00", "2024-06-01T13:00"]
    folder, out = write_lane(tmp_path / "lane", 40, times), tmp_path / "out"
    assert main(["share", folder, *DYNAMIC, "--out", str(out)]) == 0
    assert len(rows_of(out / "bills.csv")) == 41
    audit = json.loads((out / "share.json").read_text())["audit"]
    # Of 2n + 1 groups: who stays away lets the others use as much of the roof.
    assert audit["worst_coalition"] == ["ann", *(f"mhome{k}" for k in range(1, 40))]
    assert "bills.csv" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("0.12", "is 0.12 EUR."),
        ("P01=0.1,P05=0.1,P06=0.2", "is 0.1 EUR from {P01, P05}, 0.2 EUR from {P06}."),
    ],
)
def test_the_local_price_is_said(price, said, capsys):
    assert main(["share", STREET, *DAY, "--key", "equal", "--local-price", price]) == 0
    text = capsys.readouterr().out
    assert f"The local price of a shared kWh {said}" in text
    assert "is for nothing" not in text


def test_a_local_price_that_has_no_effect_is_said(capsys):
    price = "P01=0.1,P02=0.3,P05=0.1,P06=0.1"
    assert main(["share", STREET, *DAY, "--key", "equal", "--local-price", price]) == 0
    assert "The local price of {P02} is for nothing: none feeds in." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["P06,P01,0.3", "P06,P02,0.3"], "plant 'P06': {}: the coefficients add up to 0.6"),
        (["P01,P02,1"], "plant 'P01': the static key does not name the point 'P01'"),
    ],
)
def test_the_coefficients_of_a_plant_are_refused_by_its_name(rows, message, tmp_path, capsys):
    path = tmp_path / "pairs.csv"
    rows += [f"{plant},P02,1" for plant in ("P01", "P05", "P06") if plant not in rows[0]]
    path.write_text("\n".join(["plant,point,coefficient", *rows]) + "\n")
    pairwise = ["--key", "pairwise", "--coefficients", str(path), "--local-price", "0.1"]
    assert main(["share", STREET, *DAY, *pairwise]) == 2
    assert message.format(path) in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            ["examples/rural13", *DYNAMIC], "with points.csv, and examples/rural13", id="folder"
        ),
        pytest.param(["nowhere", *DYNAMIC], "nowhere", id="nothing"),
        pytest.param(["-", *DYNAMIC], "a community is a folder", id="standard input"),
        pytest.param(
            [STREET, "--key", "static", "--local-price", "1"], "needs coefficients", id="none"
        ),
        pytest.param(
            [STREET, *DYNAMIC, "--groups", "P01"], "groups are for another key", id="groups"
        ),
        pytest.param([STREET, *DYNAMIC, "--out", STREET + "/meters.csv"], "meters.csv", id="out"),
        pytest.param(
            [STREET, *DYNAMIC, "--csv", STREET + "/meters.csv"], "is the input", id="input"
        ),
        pytest.param([STREET, *DYNAMIC, "--plot", "flows.nonsense"], "cannot be drawn", id="plot"),
        pytest.param([STREET, *DYNAMIC, "--start", "2025-06-01"], "2025", id="period"),
        pytest.param(
            [STREET, "--key", "equal", "--local-price", "nan"], "is not finite", id="price"
        ),
    ],
)
def test_what_cannot_be_shared_is_one_line_of_refusal(arguments, message, capsys):
    assert main(["share", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert message in captured.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param([STREET], "required: --key, --local-price", id="needed"),
        pytest.param(
            [STREET, "--key", "fair", "--local-price", "1"], "must be static|hourly", id="key"
        ),
        pytest.param([STREET, *DYNAMIC, "--unused", "me"], "must be plant|owner", id="unused"),
        pytest.param(
            [STREET, "--key", "equal", "--local-price", "a"], "must be PRICE|A=0.1", id="price"
        ),
        pytest.param(
            [STREET, "--key", "equal", "--local-price", "P01=0.1,P05=0.1,P06=0.1,P06=0.3"],
            "must be PRICE|A=0.1",
            id="two prices of a plant",
        ),
    ],
)
def test_what_the_command_does_not_understand_is_refused_with_what_is_allowed(
    arguments, message, capsys
):
    with pytest.raises(SystemExit) as leaving:
        main(["share", *arguments])
    assert leaving.value.code == 2
    assert message in capsys.readouterr().err


def test_the_coefficients_are_never_written_over(tmp_path, capsys):
    path = tmp_path / "coefficients.csv"
    text = "point,coefficient\nP01,0.1\nP02,0.2\nP03,0.3\nP04,0.4\nP05,0\n"
    path.write_text(text)
    static = ["--key", "static", "--coefficients", str(path), "--local-price", "0.1"]
    rule = ["--rules", "sharing-key"]
    for command, option in (("share", "--csv"), ("compare", "--csv"), ("allocate", "--json")):
        rules = [] if command == "share" else rule
        assert main([command, STREET, *static, *rules, option, str(path)]) == 2
        assert "is the input" in capsys.readouterr().err
        assert path.read_text() == text


def test_results_keep_the_digest_of_the_coefficients(tmp_path, capsys):
    path, found = tmp_path / "coefficients.csv", tmp_path / "found.json"
    path.write_text("point,coefficient\nP01,0.1\nP02,0.2\nP03,0.3\nP04,0.4\nP05,0\n")
    static = ["--key", "static", "--coefficients", str(path), "--local-price", "0.1"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    for command in (["share"], ["allocate", "--rules", "sharing-key"]):
        assert main([*command, STREET, *DAY, *static, "--json", str(found)]) == 0
        options = json.loads(found.read_text())["options"]
        assert options["coefficients"] == f"coefficients.csv, SHA-256 {digest}"
    capsys.readouterr()


@pytest.mark.skipif(sys.platform != "linux", reason="pipes with names are Linux's here")
def test_coefficients_through_a_pipe_have_no_digest(tmp_path, capsys):
    pipe, found = tmp_path / "pipe", tmp_path / "found.json"
    os.mkfifo(pipe)
    text = "point,coefficient\nP01,0.1\nP02,0.2\nP03,0.3\nP04,0.4\nP05,0\n"
    writer = Thread(target=pipe.write_text, args=(text,))
    writer.start()
    streamed = ["--key", "static", "--coefficients", str(pipe), "--local-price", "0.1"]
    assert main(["share", STREET, *DAY, *streamed, "--json", str(found)]) == 0
    writer.join()
    assert json.loads(found.read_text())["options"]["coefficients"] == str(pipe)
    capsys.readouterr()


def test_who_gives_how_much_to_whom_is_drawn(tmp_path, capsys):
    picture = tmp_path / "flows.svg"
    assert main(["share", STREET, *DYNAMIC, *DAY, "--plot", str(picture)]) == 0
    assert "bakery" not in picture.read_text()  # points are drawn, not members
    assert picture.read_text().startswith("<?xml")
    assert f"Written: {picture}" in capsys.readouterr().out
    assert np.isfinite(bills(street()).values).all()


def test_the_rule_bills_what_all_pay_under_the_key(tmp_path, capsys):
    out, key = tmp_path / "out", ["--rules", "sharing-key", *DYNAMIC, *DAY]
    assert main(["allocate", STREET, *key, "--out", str(out), "--letters", "--report"]) == 0
    assert "No bills" not in capsys.readouterr().out
    billed = [row["sharing-key_eur"] for row in rows_of(out / "bills.csv")]
    expected = bills(street())
    assert billed == list(map(str, sg.rounded_bills(expected.values)))
    assert len(list((out / "letters").iterdir())) == 6
    game = street().cost_game()
    others = expected.total - expected["anna"] - game.value([*game.players][1:])
    assert others > 0
    letter = (out / "letters" / "anna.html").read_text()
    assert f"the others are {others:.2f}\N{NO-BREAK SPACE}EUR worse off with you" in letter
    assert main(["verify", STREET, str(out / "result.json")]) == 0
    result = json.loads((out / "result.json").read_text())
    result["rules"]["sharing-key"]["bills"]["anna"] = "0.00"
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(result))
    assert main(["verify", STREET, str(forged)]) == 2
    assert "bills.anna is not the share to the cent" in capsys.readouterr().err


def test_what_was_shared_is_verified_from_its_files(tmp_path, capsys):
    times = [f"2024-03-31T{hour:02}:00" for hour in range(24) if hour != 2]
    folder, out = write_lane(tmp_path / "lane", 2, times), tmp_path / "out"
    (tmp_path / "lane" / "clock.csv").unlink()
    zone = ["--zone", "Europe/Madrid", "--start", "2024-03-31T10:00"]
    assert main(["share", folder, *DYNAMIC, *zone, "--out", str(out)]) == 0
    kept = out / "result.json"
    assert main(["verify", folder, str(kept)]) == 0
    assert "total, bills and audit are those of the shares" in capsys.readouterr().out
    (out / "bills.csv").write_text("member,alone_eur,bill_eur\n")
    assert main(["verify", folder, str(kept)]) == 1
    assert "bills.csv is not as it was written" in capsys.readouterr().out
    (tmp_path / "lane" / "contracts.csv").write_text("contract,buy_eur_per_kwh\nall,0.31\n")
    assert main(["verify", folder, str(kept)]) == 1
    assert "contracts.csv has another digest" in capsys.readouterr().out


def test_a_night_without_a_plant_is_billed_as_contracts_have_it(tmp_path, capsys):
    out, night = tmp_path / "out", ["--start", "2024-06-04T00:00", "--end", "2024-06-04T02:00"]
    assert main(["share", STREET, *DYNAMIC, *night, "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "The dynamic key shares 0.0 of 0.0 kWh" in text
    assert "local price" not in text
    assert rows_of(out / "energy_by_plant.csv") == []
    for row in rows_of(out / "bills.csv"):
        assert float(row["bill_eur"]) == pytest.approx(float(row["alone_eur"]), abs=0.01)


def test_a_comparison_says_which_key_it_is(capsys):
    rules = ["--rules", "sharing-key,shapley", *DYNAMIC, "--baseline", "sharing-key"]
    assert main(["compare", STREET, *DAY, *rules]) == 0
    assert "asked for: key dynamic, local-price 0.12\n" in capsys.readouterr().out
    assert main(["compare", STREET, *DAY, "--rules", "shapley"]) == 0
    assert "asked for" not in capsys.readouterr().out
