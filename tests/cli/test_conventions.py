"""How much is said and where, versions, completion, and from a result back to its inputs."""

import io
import json
import logging
import shutil
import subprocess
import sys
import warnings
from importlib import metadata
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from fixtures.small_community import write_community
from sesgame.catalogue import RULES
from sesgame.cli.command_line import command_line, main
from sesgame.cli.completion import bash_completion
from sesgame.errors import SesgameWarning
from sesgame.files.output_folder import MANIFEST
from sesgame.markets import NetworkMarket, OrderBook
from sesgame.markets.catalogue import MECHANISMS

GAME = "coalition,gain\na,1\nb,1\na+b,3\n"
MARKET_RULES = {
    name for name, rule in MECHANISMS.items() if rule.takes(OrderBook) or rule.takes(NetworkMarket)
}
RULES_ASKED = ["--rules", "shapley,nucleolus"]


@pytest.fixture
def game(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("game.csv").write_text(GAME)
    return "game.csv"


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("command", ["solve", "compare"])
def test_quiet_prints_nothing_and_verbose_each_rule_when_it_is_done(game, capsys, command, before):
    def run(flag):
        words = [flag, command, game] if before else [command, game, flag]
        assert main([*words, *RULES_ASKED]) == 0
        return capsys.readouterr()

    assert run("-q") == run("--quiet") == ("", "")
    found = run("-v")
    first, second = (line for line in found.err.splitlines() if ": done in " in line)
    assert first.startswith("sesgame: shapley: done in ")
    assert first.endswith(" s (1 of 2)")
    assert second.startswith("sesgame: nucleolus: done in ")
    assert second.endswith(" s (2 of 2)")
    assert "nucleolus" in found.out
    assert main([command, game, *RULES_ASKED]) == 0
    usual = capsys.readouterr()
    assert usual.err == ""
    assert len(usual.out) == len(found.out) or command == "compare"  # which prints times


def test_on_a_terminal_each_rule_is_told_before_the_next_begins(game, monkeypatch, capsys):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    seen = []
    apply = RULES["nucleolus"].apply

    def watched(problem):
        seen.append(terminal.getvalue())
        return apply(problem)

    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setitem(RULES["nucleolus"].__dict__, "apply", watched)
    assert main(["solve", game, *RULES_ASKED]) == 0
    assert "shapley: done in" in seen[0]
    assert "nucleolus" not in seen[0]


def test_a_rule_that_fails_is_told_as_such(game, capsys):
    assert main(["compare", game, "--rules", "shapley,owen", "-v"]) == 0
    assert "sesgame: owen: failed (2 of 2)\n" in capsys.readouterr().err


def test_a_market_tells_each_rule(tmp_path, capsys):
    path = tmp_path / "market.csv"
    path.write_text(
        "participant,side,price_per_kwh,quantity_kwh\nsun,offer,0,40\nbakery,bid,0.15,30\n"
    )
    assert main(["auction", str(path), "--rules", "vcg,pay-as-bid", "-v"]) == 0
    captured = capsys.readouterr()
    assert captured.err == "sesgame: vcg: done (1 of 2)\nsesgame: pay-as-bid: done (2 of 2)\n"
    assert main(["auction", str(path), "--rules", "vcg", "-q"]) == 0
    assert capsys.readouterr() == ("", "")


def test_quiet_and_verbose_are_not_both(game, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["solve", game, "-q", "-v"])
    assert leaving.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_a_warning_is_one_line_also_where_all_else_is_quiet(game, monkeypatch, capsys):
    apply = RULES["nucleolus"].apply

    def warned(problem):
        warnings.warn("mind\nthis", SesgameWarning, stacklevel=1)
        return apply(problem)

    monkeypatch.setitem(RULES["nucleolus"].__dict__, "apply", warned)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert main(["solve", game, "-q", "--rule", "nucleolus"]) == 0
    assert capsys.readouterr().err == "sesgame: warning: mind this\n"


def test_a_command_leaves_the_log_and_the_terminal_as_they_were(game, capsys):
    logger = logging.getLogger("sesgame")
    before = logger.level, list(logger.handlers), warnings.showwarning, sys.stdout.errors
    assert main(["solve", game, "-v"]) == 0
    assert (logger.level, logger.handlers, warnings.showwarning, sys.stdout.errors) == before


def test_versions_are_those_of_all_that_computes(capsys):
    for words in (["--version", "--verbose"], ["-v", "--version"]):
        assert main(words) == 0
        first, *rows = capsys.readouterr().out.splitlines()
        assert first == f"sesgame {sg.__version__}"
        found = dict(row.split(maxsplit=1) for row in rows)
        assert found["Python"].startswith(sys.version.split()[0])
        assert found["numpy"] == np.__version__
        assert any(
            row.startswith("HiGHS in sesgame ") and row.split()[3][0].isdigit() for row in rows
        )
        for line in metadata.requires("sesgame"):
            name = line.partition(">")[0].partition("[")[0].strip()
            assert any(row.lower().startswith(f"{name.lower()} ") for row in rows), name
    assert main(["-q", "--version"]) == 0
    assert capsys.readouterr().out == f"sesgame {sg.__version__}\n"


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash_completes_commands_options_and_rules(tmp_path):
    script = tmp_path / "completion.bash"
    script.write_text(bash_completion(command_line()))
    asked = {
        "": {
            "allocate",
            "auction",
            "check",
            "compare",
            "completion",
            "example",
            "init",
            "share",
            "solve",
            "verify",
        },
        "so": {"solve"},
        "--ver": {"--version", "--verbose"},
        "solve --rul": {"--rule", "--rules"},
        "-q compare g.csv --rules al": {"all"},
        "compare g.csv --rules shapley,nuc": {
            f"shapley,{name}" for name in RULES if name.startswith("nuc")
        },
        "auction m.csv --rules ": MARKET_RULES,
        "allocate --model ": {
            "as-it-ran",
            "battery",
            "contract",
            "integer",
            "linear",
            "merged",
            "netting",
            "re-run",
        },
        "share street --key d": {"dynamic"},
        "compare street --baseline nucl": {"nucleolus"},
        "allocate --start ": set(),
        "solve ga": set(),
        "completion ": {"bash"},
    }
    lines = [f"source {script}"]
    for words in asked:
        quoted = " ".join(f'"{word}"' for word in ["sesgame", *words.split(" ")])
        lines += [f"COMP_WORDS=({quoted})", "COMP_CWORD=$((${#COMP_WORDS[@]}-1))"]
        lines += ["COMPREPLY=()", "_sesgame", 'echo "${COMPREPLY[*]}"']
    found = subprocess.run(
        ["bash", "-u", "-c", "\n".join(lines)], capture_output=True, text=True, check=True
    )
    assert [set(line.split()) for line in found.stdout.splitlines()] == list(asked.values())


def test_a_result_is_verified_from_its_inputs(game, tmp_path, capsys):
    assert main(["solve", game, *RULES_ASKED, "--out", "out", "--report", "-q"]) == 0
    shutil.copy(game, "renamed.csv")
    for source in (game, "renamed.csv"):
        assert main(["verify", source, "out/result.json"]) == 0
        printed = capsys.readouterr().out
        assert "1 input file: the same digests" in printed
        assert "nucleolus: total, bills and audit are those of the shares; proved: " in printed
        assert "shapley: total, bills and audit are those of the shares; read; " in printed


def test_a_community_is_verified_in_its_period_and_by_its_model(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    folder = write_community(tmp_path / "court")
    words = ["allocate", "court", "--rules", "nucleolus,owen", "--model", "linear", "-q"]
    period = ["--start", "2016-06-01T11:00", "--end", "2016-06-01T13:00"]
    assert main([*words, *period, "--out", "out"]) == 0
    assert main(["verify", "court", "out/result.json"]) == 0
    assert "refuted" not in capsys.readouterr().out
    content = (folder / "tariff.csv").read_text()
    (folder / "tariff.csv").write_text(f"{content}\n")
    assert main(["verify", "court", "out/result.json"]) == 1
    assert capsys.readouterr().out.startswith("refuted: tariff.csv has another digest, ")
    (folder / "grid.csv").write_text("quantity,value,members\ndemand_charge_per_kw,6.5,\n")
    (folder / "tariff.csv").write_text(content)
    assert main(["verify", "court", "out/result.json"]) == 1
    assert capsys.readouterr().out == "refuted: grid.csv was not there\n"


def changed(path, change):
    content = json.loads(Path(path).read_text())
    change(content)
    Path("changed.json").write_text(json.dumps(content))
    return "changed.json"


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        (lambda c: c["source"]["files"].update({"game.csv": "0" * 64}), 1, "another digest"),
        (lambda c: c["source"].update(files={}), 1, "names no input files"),
        (lambda c: c["source"].update(files=7), 1, "source.files are no digests by name"),
        (lambda c: c["source"].update(files={"game.csv": 7}), 1, "are no digests by name"),
        (lambda c: c["source"]["files"].update({"x.csv": "0" * 64}), 1, "x.csv is missing"),
        (lambda c: c.pop("source"), 2, "does not say what it was made from"),
        (lambda c: c.update(format=7), 2, "has the format 7"),
        (lambda c: c["game"].update(together=4.0), 2, "game.together is 4.0, but"),
        (
            lambda c: c["rules"]["nucleolus"]["allocation"]["values"].update(a=1.0, b=2.0),
            2,
            "rules.nucleolus.",
        ),
    ],
)
def test_what_is_not_so_is_refused_or_refuted(game, capsys, change, code, message):
    assert main(["solve", game, *RULES_ASKED, "--out", "out", "-q"]) == 0
    assert main(["verify", game, changed("out/result.json", change)]) == code
    captured = capsys.readouterr()
    assert message in (captured.out if code == 1 else captured.err)
    if code == 1:
        assert captured.out.startswith("refuted: ")


def test_a_certificate_that_does_not_hold_is_refuted(game, capsys):
    assert main(["solve", game, "--rules", "nucleolus", "--out", "out", "-q"]) == 0

    def other_shares(content):
        rule = content["rules"]["nucleolus"]
        game = sg.Game.from_dict({("a",): 1, ("b",): 1, ("a", "b"): 3}, kind="gain")
        given = sg.Allocation(game.players, [1.25, 1.75], kind="gain", method="nucleolus")
        report = sg.report(game, {"nucleolus": given})
        rule["allocation"]["values"] = {"a": 1.25, "b": 1.75}
        rule["audit"] = report.audits["nucleolus"].to_dict()
        rule["bills"] = dict(zip("ab", map(str, report.bills["nucleolus"]), strict=True))

    assert main(["verify", game, changed("out/result.json", other_shares)]) == 1
    assert "refuted: the nucleolus of this game" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["bills.csv", "allocation.csv", "report.html"])
def test_a_file_beside_the_result_that_is_of_another_run_is_refuted(game, capsys, name):
    assert main(["solve", game, "--out", "out", "--report", "-q"]) == 0
    path = Path("out", name)
    path.write_text(f"{path.read_text()} ")
    assert main(["verify", game, "out/result.json"]) == 1
    assert capsys.readouterr().out == f"refuted: {path} is not as it was written\n"
    path.unlink()
    assert main(["verify", game, "out/result.json"]) == 1
    assert "of the same set is missing" in capsys.readouterr().out
    Path("out", MANIFEST).unlink()
    assert main(["verify", game, "out/result.json"]) == 0
