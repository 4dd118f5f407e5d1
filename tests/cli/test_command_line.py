"""The commands end to end, in a process of its own where that matters."""

import csv
import hashlib
import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import pytest
import sesgame as sg
from fixtures.small_community import write_community
from sesgame.catalogue import RULES, comparable_rules
from sesgame.cli.command_line import main
from sesgame.rule import AllocationProblem

RURAL13 = Path("examples/rural13")
JUNE = ["--start", "2016-06-01", "--end", "2016-07-01"]


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def june(tmp_path_factory):
    """What `sesgame allocate` writes for one month of the example."""
    out = tmp_path_factory.mktemp("june")
    arguments = ["allocate", str(RURAL13), "--rules", "shapley,nucleolus", *JUNE]
    assert main([*arguments, "--out", str(out)]) == 0
    return out


def test_a_month_of_the_example_is_allocated(june):
    game = sg.energy.Community.from_csv(RURAL13).cost_game(start="2016-06-01", end="2016-07-01")
    rows = rows_of(june / "allocation.csv")
    assert [row["member"] for row in rows] == list(game.players)
    for rule, solution in (("shapley", sg.shapley_value), ("nucleolus", sg.nucleolus)):
        assert [float(row[f"{rule}_eur"]) for row in rows] == solution(game).values.tolist()
        for row in rows:
            saving = float(row["alone_eur"]) - float(row[f"{rule}_eur"])
            assert float(row[f"{rule}_saving_eur"]) == saving
    assert [float(row["alone_eur"]) for row in rows] == [game.value([p]) for p in game.players]


def test_bills_add_up_to_the_bill_of_the_community(june):
    result = json.loads((june / "result.json").read_text())
    bill = round(Decimal(result["game"]["together"]), 2)
    rows = rows_of(june / "bills.csv")
    for column in ("shapley_eur", "nucleolus_eur"):
        assert sum(Decimal(row[column]) for row in rows) == bill
        assert all(Decimal(row[column]).as_tuple().exponent == -2 for row in rows)


def test_the_result_can_be_checked_again(june):
    result = json.loads((june / "result.json").read_text())
    assert result["sesgame"] == sg.__version__
    assert result["options"] == {
        "command": "allocate",
        "rules": ["shapley", "nucleolus"],
        "seed": 0,
        "clusters": 12,
        "max_seconds": 300.0,
    }
    source = result["source"]
    assert (source["start"], source["end"]) == ("2016-06-01T00:00:00", "2016-07-01T00:00:00")
    assert (source["n_steps"], source["model"]) == (2880, "battery")
    names = {"members.csv", "meters.csv.gz", "tariff.csv", "batteries.csv"}
    assert source["files"] == {
        name: hashlib.sha256((RURAL13 / name).read_bytes()).hexdigest() for name in names
    }
    nucleolus = result["rules"]["nucleolus"]
    assert nucleolus["audit"]["efficient"]
    assert nucleolus["allocation"]["evidence"]


def test_what_is_computed_is_kept_where_nobody_reads_the_output(tmp_path):
    """As in ``sesgame allocate ... | head -1``."""
    allocate = ["allocate", str(write_community(tmp_path / "court")), "--out", str(tmp_path / "a")]
    compare = ["compare", str(tmp_path / "court"), "--csv", str(tmp_path / "b.csv")]
    for arguments in (allocate, compare):
        code = (
            f"import sys; from sesgame.cli.command_line import main; sys.exit(main({arguments!r}))"
        )
        with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as command:
            command.stdout.close()
        assert command.returncode == 0
    assert (tmp_path / "a" / "result.json").exists()
    assert (tmp_path / "b.csv").exists()


def test_the_table_says_who_pays_what_and_whether_it_holds(capsys):
    assert main(["allocate", str(RURAL13), "--rules", "nucleolus", *JUNE]) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "rural13, 2016-06-01T00:00 to 2016-07-01T00:00\n"
        "13 members, 2,880 steps of 15 minutes, 4 batteries, pooled (exact for all members, for "
        "any group to 0.109 % of what they save); amounts in EUR, "
    )
    assert [line for line in text.splitlines() if line.startswith("m014 ")]
    assert "No member is better off alone." in text


def test_the_same_input_gives_the_same_files(june, tmp_path):
    arguments = ["allocate", str(RURAL13), "--rules", "shapley,nucleolus", *JUNE]
    assert main([*arguments, "--out", str(tmp_path)]) == 0
    for path in june.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes()


def test_rules_are_compared_side_by_side(capsys, tmp_path):
    assert main(["compare", str(write_community(tmp_path / "court"))]) == 0
    _, head, verdicts, _, objections, notes = capsys.readouterr().out.split("\n\n")
    community = sg.energy.Community.from_csv(tmp_path / "court")
    expected = comparable_rules(AllocationProblem.of(community))
    assert {"shapley", "per-capita-prenucleolus", "vcg", "dual-prices"} < set(expected)
    rules_line, terms = head.splitlines()
    assert rules_line == f"{len(expected)} rules, 3 players, amounts in EUR"
    assert terms == str(community.cost_terms())
    for table in (verdicts, objections):
        rules = {line.split()[0] for line in table.splitlines()[1:]}
        assert rules == set(expected)
    assert notes.startswith("Evaluated once for all rules together: 7 coalitions, in ")


def test_a_comparison_is_written_as_csv_json_and_picture(capsys, tmp_path):
    files = [tmp_path / name for name in ("rules.csv", "rules.json", "rules.png")]
    options = ["--csv", str(files[0]), "--json", str(files[1]), "--plot", str(files[2])]
    period = ["--start", "2016-06-01", "--end", "2016-06-02", "--rules", "owen,nucleolus,vcg"]
    assert main(["compare", str(RURAL13), *period, *options]) == 0
    assert capsys.readouterr().out.endswith(f"Written: {', '.join(map(str, files))}\n")
    day = sg.energy.Community.from_csv(RURAL13).period("2016-06-01", "2016-06-02")
    expected = sg.compare(day, ["owen", "nucleolus", "vcg"])
    rows = rows_of(files[0])
    content = json.loads(files[1].read_text())
    assert [row["rule"] for row in rows] == [row.rule for row in expected.rows]
    for row, compared in zip(rows, expected.rows, strict=True):
        assert float(row["greatest_saving"]) == compared.savings.max()
        values = content["rules"][compared.rule]["values"]
        assert list(values.values()) == compared.allocation.values.tolist()
    assert files[2].read_bytes().startswith(b"\x89PNG")


def test_the_baseline_of_a_comparison_is_the_rule_in_force(capsys, tmp_path):
    files = ["--csv", str(tmp_path / "rules.csv"), "--plot", str(tmp_path / "rules.svg")]
    period = ["--start", "2016-06-01", "--end", "2016-06-02"]
    rules = ["--rules", "shapley,mid-market-rate", "--baseline", "mid-market-rate"]
    assert main(["compare", str(RURAL13), *period, *rules, *files]) == 0
    day = sg.energy.Community.from_csv(RURAL13).period("2016-06-01", "2016-06-02")
    expected = sg.compare(day, ["shapley", "mid-market-rate"], baseline="mid-market-rate")
    shapley, law = rows_of(tmp_path / "rules.csv")
    assert float(shapley["least_saving"]) == expected["shapley"].savings.min()
    assert law["greatest_saving"] == "0.0"
    assert "amounts in EUR, savings against mid-market-rate" in capsys.readouterr().out
    assert main(["compare", str(RURAL13), *period, "--rules", "vcg", "--baseline", "shapley"]) == 2
    assert 'the baseline "shapley" is not compared; choose from vcg' in capsys.readouterr().err
    for wrong, message in (("law", 'unknown rule "law"'), ("vcg,core", 'unknown rule "core"')):
        with pytest.raises(SystemExit):
            main(["compare", str(RURAL13), "--baseline", wrong])
        assert f"argument --baseline: {message}" in capsys.readouterr().err


def test_a_hundred_members_are_compared_and_what_fails_keeps_its_row(capsys, tmp_path):
    day = ["--start", "2016-01-15", "--end", "2016-01-16"]
    rules = "owen,least-core,vcg,shapley"
    arguments = ["compare", "examples/semiurban104", *day, "--rules", rules]
    assert main([*arguments, "--csv", str(tmp_path / "rules.csv")]) == 0
    owen, least_core, vcg, shapley = rows_of(tmp_path / "rules.csv")
    assert owen["in_core"] == least_core["in_core"] == "True"
    assert float(least_core["worst_coalition_excess"]) <= float(least_core["tolerance"])
    assert int(least_core["evaluations"]) > 104
    assert float(vcg["budget_balance"]) < 0
    assert vcg["evaluations"] == "105"
    assert "looks at every coalition of 104 members" in shapley["failure"]
    assert shapley["in_core"] == ""
    assert "shapley: the rule" in capsys.readouterr().out


def test_a_game_file_is_compared_by_every_rule_there_is(capsys, tmp_path):
    path = tmp_path / "gloves.csv"
    path.write_text("coalition,gain\nl,0\nr1,0\nr2,0\nl+r1,1\nl+r2,1\nr1+r2,0\nl+r1+r2,1\n")
    assert main(["compare", str(path), "--rules", "all"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(
        f"gloves.csv: a gain game of 3 players\n\n{len(RULES)} rules, 3 players\n"
    )
    assert "dual-prices: the rule" in out


def test_a_hundred_members_are_allocated_and_audited_by_separation(capsys, tmp_path):
    rules = ["owen", "shapley-estimate", "least-core", "clustered-nucleolus"]
    arguments = ["allocate", "examples/semiurban104", "--rules", ",".join(rules)]
    day = ["--start", "2016-01-15", "--end", "2016-01-16"]
    assert main([*arguments, *day, "--out", str(tmp_path)]) == 0
    text = capsys.readouterr().out
    assert "Estimated from" in text
    assert "grouped into 12 clusters with similar profiles" in text
    result = json.loads((tmp_path / "result.json").read_text())["rules"]
    assert list(result) == rules
    for rule in ("owen", "least-core"):
        audit = result[rule]["audit"]
        assert audit["in_core"] is True
        assert audit["bound"] <= audit["tolerance"]
    assert result["least-core"]["allocation"]["evidence"]["proved"]
    assert result["shapley-estimate"]["audit"]["in_core"] is False
    bills = rows_of(tmp_path / "bills.csv")
    for rule in rules:
        assert sum(Decimal(row[f"{rule}_eur"]) for row in bills) == Decimal("416.93")


def test_a_community_with_a_grid_is_allocated_by_linear_program(capsys, tmp_path):
    grid = "quantity,value,members\ndemand_charge_per_kw,6.5,\nconnection_limit_kw,9,ann;bob\n"
    offers = (
        "name,price_per_kwh_year,price_per_kw_year,charge_efficiency,discharge_efficiency\n"
        "lithium,9999,0,0.95,0.95\n"
    )
    folder = write_community(tmp_path / "court", grid=grid, storage_offers=offers)
    assert main(["allocate", str(folder), "--rules", "owen,nucleolus"]) == 0
    text = capsys.readouterr().out
    assert "by linear program" in text
    assert text.count("No coalition can do better on its own") == 2


def test_a_rule_for_tables_names_those_for_many_members(capsys):
    arguments = ["allocate", "examples/semiurban104", "--rules", "shapley", *JUNE]
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert "looks at every coalition of 104 members; for so many, choose from shapley-esti" in error


def test_a_rule_for_communities_is_refused_for_a_game(capsys, tmp_path):
    path = tmp_path / "game.csv"
    path.write_text("coalition,cost\nann,4\n")
    assert main(["solve", str(path), "--rule", "owen"]) == 2
    assert 'the rule "owen" is for communities' in capsys.readouterr().err


def test_a_game_file_is_solved(capsys, tmp_path):
    path = tmp_path / "gloves.csv"
    path.write_text("coalition,gain\nl,0\nr1,0\nr2,0\nl+r1,1\nl+r2,1\nr1+r2,0\nl+r1+r2,1\n")
    assert main(["solve", str(path), "--rule", "nucleolus", "--out", str(tmp_path)]) == 0
    assert "gloves.csv: a gain game of 3 players" in capsys.readouterr().out
    assert [row["nucleolus"] for row in rows_of(tmp_path / "bills.csv")] == ["1.00", "0.00", "0.00"]


def test_a_rule_that_does_not_split_the_bill_gives_no_bills(capsys, tmp_path):
    path = tmp_path / "game.csv"
    path.write_text("coalition,gain\na,0\nb,0\nc,0\na+b,1\na+c,1\nb+c,0\na+b+c,1\n")
    assert main(["solve", str(path), "--rule", "banzhaf", "--out", str(tmp_path)]) == 0
    assert "No bills" in capsys.readouterr().out
    assert list(rows_of(tmp_path / "bills.csv")[0]) == ["member"]
    result = json.loads((tmp_path / "result.json").read_text())
    assert result["rules"]["banzhaf"]["bills"] is None


def test_one_player_alone_is_a_result(tmp_path):
    path = tmp_path / "game.csv"
    path.write_text("coalition,cost\nann,4\n")
    assert main(["solve", str(path), "--rule", "shapley,nucleolus", "--out", str(tmp_path)]) == 0
    audit = json.loads((tmp_path / "result.json").read_text())["rules"]["shapley"]["audit"]
    assert audit["worst_coalition_excess"] is None


def test_an_interrupt_stops_a_year_and_writes_nothing(tmp_path):
    # On one thread a year takes several seconds; the signal comes after one.
    program = (
        "import os, signal, sys, threading\n"
        "from sesgame.cli.command_line import main\n"
        "threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    command = [sys.executable, "-c", program, "allocate", str(RURAL13), "--out", str(tmp_path)]
    environment = os.environ | {"RAYON_NUM_THREADS": "1"}
    process = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert process.returncode == 130
    assert (process.stdout, process.stderr) == ("", "sesgame: interrupted\n")
    assert list(tmp_path.iterdir()) == []
