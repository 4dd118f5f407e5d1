"""Scenarios and two-period storage on the command line, in comparisons and in reports."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import sesgame as sg
from fixtures.html_pages import Page
from fixtures.small_worlds import write_scenarios, write_two_period
from sesgame.cli import main
from sesgame.energy.world_files import read_world
from sesgame.errors import AllocationError

KINDS = {"days": write_scenarios, "shed": write_two_period}
PRICES = {"days": "dual-prices", "shed": "two-period-prices"}


def read(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture(params=KINDS)
def kind(request) -> str:
    return request.param


@pytest.fixture
def folder(kind, tmp_path) -> Path:
    return KINDS[kind](tmp_path / kind)


def test_a_folder_is_allocated_with_files_page_and_letters(kind, folder, tmp_path, capsys):
    rules = f"nucleolus,{PRICES[kind]}"
    words = ["allocate", str(folder), "--rules", rules, "--out", str(tmp_path / "out")]
    assert main([*words, "--report", "--letters"]) == 0
    text = capsys.readouterr().out
    world = read_world(folder)
    assert text.startswith(f"{kind}, {world.description()}; amounts in EUR")
    assert text.count("No coalition can do better on its own") == 2
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result["game"]["together"] == pytest.approx(world.cost_game().value(world.members))
    assert result["source"]["community"] == kind
    page = read(tmp_path / "out" / "report.html")
    assert "The energy" not in page.text
    letters = sorted(path.name for path in (tmp_path / "out" / "letters").iterdir())
    assert letters == ["ann.html", "bob.html", "operator.html"]
    assert "To ann" in read(tmp_path / "out" / "letters" / "ann.html").text


@pytest.mark.skipif(not (shutil.which("bash") and shutil.which("sha256sum")), reason="a shell")
def test_the_page_is_made_again_by_its_commands_and_checked_by_its_code(
    kind, folder, tmp_path, monkeypatch, capsys
):
    rules = f"nucleolus,{PRICES[kind]}"
    monkeypatch.chdir(tmp_path)
    assert main(["allocate", kind, "--rules", rules, "--out", "out", "--report"]) == 0
    commands, code = read(Path("out/report.html")).code[:2]
    check, command = commands.split("\nEND\n")
    subprocess.run(["bash", "-e", "-c", f"{check}\nEND"], check=True, capture_output=True)
    assert main(shlex.split(command.replace("\\\n", " "))[1:]) == 0
    assert Path("again/report.html").read_bytes() == Path("out/report.html").read_bytes()
    monkeypatch.chdir(tmp_path / "out")
    os.symlink(folder, kind)
    capsys.readouterr()
    exec(compile(code, "page", "exec"), {})
    assert capsys.readouterr().out.count("Efficient: the shares sum") == 2


def test_a_period_of_scenarios_is_chosen_on_the_command_line(tmp_path, capsys):
    folder = write_scenarios(tmp_path / "days")
    period = ["--start", "2016-06-01T11:00", "--end", "2016-06-01T13:00"]
    assert main(["allocate", str(folder), "--rules", "dual-prices", *period]) == 0
    assert "2 scenarios of 2016-06-01T11:00 to 2016-06-01T13:00\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("kind", "words", "message"),
    [
        ("shed", ["--start", "2016-06-01"], "two-period storage has no calendar"),
        ("shed", ["--model", "linear"], "two-period storage has no models to choose from"),
        ("shed", ["--rules", "dual-prices"], 'the rule "dual-prices" is for'),
        ("shed", ["--rules", "clustered-nucleolus"], 'the rule "clustered-nucleolus" is for'),
        ("days", ["--rules", "two-period-prices"], 'the rule "two-period-prices" is for'),
        ("days", ["--start", "2016-05-01"], "scenario 1: the period from 2016-05-01"),
    ],
)
def test_what_a_world_does_not_have_is_refused_by_name(kind, words, message, tmp_path, capsys):
    folder = KINDS[kind](tmp_path / kind)
    assert main(["allocate", str(folder), *words]) == 2
    assert message in capsys.readouterr().err


def test_rules_are_compared_on_a_world_and_on_its_folder(kind, folder, tmp_path, capsys):
    world = read_world(folder)
    comparison = sg.compare(world, progress=False)
    assert comparison.unit == "EUR"
    assert comparison[PRICES[kind]].audit.in_core
    assert main(["compare", str(folder), "--json", str(tmp_path / "rules.json")]) == 0
    written = json.loads((tmp_path / "rules.json").read_text())
    assert written["together"] == comparison.together
    values = written["rules"]["nucleolus"]["values"]
    assert list(values.values()) == comparison["nucleolus"].allocation.values.tolist()


def test_scenarios_of_too_many_members_are_split_by_search(tmp_path):
    times = ["2016-06-01T12:00", "2016-06-01T13:00"]

    def day(seed: int) -> sg.energy.Community:
        loads = [[(7 * i + seed) % 5 - 2.0, (3 * i + seed) % 4 - 1.0] for i in range(31)]
        return sg.energy.Community(
            members=[f"m{i}" for i in range(31)],
            steps=times,
            load_kwh=loads,
            tariff=sg.energy.Tariff.flat(0.30, 0.10),
        )

    world = sg.energy.Scenarios([day(0), day(1)])
    comparison = sg.compare(world, ["dual-prices", "shapley"], progress=False)
    assert comparison["dual-prices"].audit.in_core
    assert "31" in comparison["shapley"].failure


def test_a_report_of_a_world_has_its_currency_and_refuses_other_players(kind, folder):
    world = read_world(folder)
    game = world.cost_game()
    report = sg.report(game, sg.nucleolus(game), community=world)
    assert report.name == kind
    assert report.text().startswith(f"{kind}, {world.description()}; amounts in EUR")
    assert "EUR" in report.letter("ann")
    other = sg.Game.from_table([0.0, 1.0], ["ann"], kind="cost")
    with pytest.raises((sg.errors.GameError, AllocationError), match="players"):
        sg.report(other, sg.nucleolus(other), community=world)
