"""What commands read and write: streams, devices, folders that are in use, and sets of results."""

import gzip
import io
import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sesgame as sg
from fixtures.small_community import write_community
from sesgame.cli.command_line import main
from sesgame.files.output_folder import MANIFEST

GAME = "coalition,gain\na,1\nb,1\na+b,3\n"
MARKET = (
    "participant,side,price_per_kwh,quantity_kwh\nsun,offer,0,40\ngas,offer,0.2,60\n"
    "bakery,bid,0.15,30\nvillage,load,3.0,30\n"
)

linux = pytest.mark.skipif(sys.platform != "linux", reason="devices and limits of Linux")


@pytest.fixture
def game(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("game.csv").write_text(GAME)
    return Path("game.csv")


def refused(capsys, *arguments):
    """Return the one line of a command that is refused."""
    assert main([str(argument) for argument in arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("sesgame: ")
    assert error.count("\n") == 1
    return error


class Standard:
    """Standard input, as a process has it."""

    def __init__(self, content):
        self.buffer = io.BytesIO(content)


JSON = json.dumps({"kind": "gain", "values": {"a": 1, "b": 1, "a+b": 3}})


@pytest.mark.parametrize(
    ("content", "name"),
    [
        pytest.param(GAME.encode(), "standard-input.csv", id="CSV"),
        pytest.param(gzip.compress(GAME.encode()), "standard-input.csv.gz", id="packed CSV"),
        pytest.param(JSON.encode(), "standard-input.json", id="JSON"),
        pytest.param(
            b"\xef\xbb\xbf \n" + JSON.encode(), "standard-input.json", id="JSON with mark"
        ),
    ],
)
def test_standard_input_is_a_game_of_any_kind(game, monkeypatch, capsysbinary, content, name):
    monkeypatch.setattr(sys, "stdin", Standard(content))
    assert main(["solve", "-", "--rule", "nucleolus", "--json", "-"]) == 0
    printed = capsysbinary.readouterr().out
    result = json.loads(printed)
    assert list(result["source"]["files"]) == [name]
    assert result["rules"]["nucleolus"]["allocation"]["values"] == {"a": 1.5, "b": 1.5}
    assert main(["solve", str(game), "--rule", "nucleolus", "--json", "result.json"]) == 0
    kept = Path("result.json").read_bytes().replace(b"game.csv", name.encode())
    assert json.loads(kept)["rules"] == result["rules"]


def test_every_command_writes_json_alone_to_standard_output(game, tmp_path, capsys):
    (tmp_path / "market.csv").write_text(MARKET)
    court = write_community(tmp_path / "court")
    for command, source in (
        ("solve", game),
        ("compare", game),
        ("allocate", court),
        ("auction", "market.csv"),
    ):
        assert main([command, str(source), "--json", "-"]) == 0
        assert json.loads(capsys.readouterr().out)["rules"]
    assert main(["compare", str(game), "--csv", "-", "--rules", "shapley"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("shapley,Shapley value,")


@linux
def test_a_pipe_is_read_once_and_its_digest_is_that_of_what_came(game):
    os.mkfifo("pipe.csv")
    writer = threading.Thread(target=Path("pipe.csv").write_text, args=[GAME])
    writer.start()
    assert main(["solve", "pipe.csv", "-q", "--out", "out"]) == 0
    writer.join()
    assert main(["solve", "game.csv", "-q", "--out", "again"]) == 0
    of_pipe, of_file = (json.loads(Path(f, "result.json").read_text()) for f in ("out", "again"))
    assert [*of_pipe["source"]["files"].values()] == [*of_file["source"]["files"].values()]


@linux
def test_a_pipe_in_the_folder_of_a_community_is_refused(game, tmp_path, capsys):
    folder = write_community(tmp_path / "court")
    (folder / "meters.csv").unlink()
    os.mkfifo(folder / "meters.csv")
    assert "meters.csv is no file, or one that can be read but once" in refused(
        capsys, "allocate", folder
    )


@linux
def test_what_never_ends_is_read_no_further_than_it_fits(game, monkeypatch, capsys):
    monkeypatch.setattr("sesgame.cli.inputs.MOST_TEXT", 1 << 20)
    Path("zero.csv").symlink_to("/dev/zero")
    assert "zero.csv has more than 1,048,576 bytes" in refused(capsys, "solve", "zero.csv")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "game.csv", "--csv", "game.csv"], "is the input game.csv, which is never"),
        (["compare", "link.csv", "--json", "game.csv"], "game.csv is the input link.csv"),
        (["compare", "game.csv", "--csv", "hard.csv"], "hard.csv is the input game.csv"),
        (["solve", "game.csv", "--json", "game.csv"], "is the input game.csv"),
        (["solve", "bills.csv", "--out", "."], "bills.csv is the input bills.csv"),
        (["solve", "result.json", "--out", "."], "result.json is the input result.json"),
        (["auction", "payments.csv", "--out", "."], "payments.csv is the input payments.csv"),
        (["allocate", "court", "--json", "court/members.csv"], "is the input court/members.csv"),
        (["compare", "court", "--csv", "court/meters.csv"], "is the input court/meters.csv"),
        (["compare", "game.csv", "--csv", "x", "--json", "./x"], "two results would be one file"),
        (["compare", "game.csv", "--csv", "x.png", "--plot", "X.png"], "would be one file"),
        (["compare", "game.csv", "--csv", "-", "--json", "-"], "one file: standard output"),
        (["solve", "game.csv", "--out", "o", "--json", "o/bills.csv"], "would be one file"),
        (["auction", "market.csv", "--out", "o", "--plot", "o/result.json"], "would be one file"),
        (["solve", "game.csv", "--out", "-"], "needs a folder, and standard output is none"),
        (["allocate", "-"], "a community is a folder, and standard input is none"),
        (["solve", "game.csv", "--json", "."], ". is a folder"),
        (["compare", "game.csv", "--plot", "-"], "cannot be drawn"),
        (["solve", "x" * 300 + ".csv"], "File name too long"),
        (["compare", "x" * 300], "File name too long"),
        (["solve", "game.csv", "--json", "x" * 300], "File name too long"),
        (["solve", "half.json"], r"the coalition '\ud800x' has half of a character in it"),
        (["solve", "digits.json"], "digits.json cannot be read as JSON"),
        (["solve", "digits.csv"], "111... is not a finite number"),
        (["auction", "period.csv"], '"1000000000" is not a period'),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else None,
)
def test_inputs_and_outputs_that_are_no_good_are_one_line(
    game, tmp_path, capsys, arguments, message
):
    for name, text in {
        "bills.csv": GAME,
        "result.json": JSON,
        "payments.csv": MARKET,
        "market.csv": MARKET,
        "half.json": '{"kind": "gain", "values": {"\\ud800x": 1}}',
        "digits.json": '{"kind": "gain", "values": {"a": ' + "1" * 5000 + "}}",
        "digits.csv": f"coalition,gain\na,{'1' * 5000}\n",
        "period.csv": MARKET.replace("kwh\n", "kwh,period\n", 1)
        .replace("40\n", "40,1000000000\n")
        .replace("60\n", "60,0\n")
        .replace("30\n", "30,0\n"),
    }.items():
        Path(name).write_text(text)
    write_community(tmp_path / "court")
    Path("link.csv").symlink_to("game.csv")
    os.link("game.csv", "hard.csv")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    assert message in refused(capsys, *arguments)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_number_of_5000_digits_on_the_command_line_is_one_short_line(game, capsys):
    with pytest.raises(SystemExit) as leaving:
        main(["solve", "game.csv", "--seed", "1" * 5000])
    assert leaving.value.code == 2
    assert len(capsys.readouterr().err) < 250


def test_members_who_left_get_no_letters_and_pages_do_not_outlive_their_set(game):
    assert main(["solve", "game.csv", "-q", "--out", "out", "--report", "--letters"]) == 0
    Path("out/letters/a.html").write_text("with a note by hand")
    Path("other.csv").write_text(GAME.replace("b", "c"))
    assert main(["solve", "other.csv", "-q", "--out", "out", "--letters"]) == 0
    found = {path.relative_to("out").as_posix() for path in Path("out").rglob("*.*")}
    assert found == {
        "allocation.csv",
        "bills.csv",
        "result.json",
        "letters/a.html",
        "letters/c.html",
    }
    assert MANIFEST in os.listdir("out")


def test_names_that_a_terminal_would_obey_are_shown(game, capsys):
    names = ["\x1b[2Jz", "a\nTOTAL  0", "\u202eevil", "\x9b31m"]
    function = sg.Game.from_function(names, lambda group: float(len(group)) ** 2, kind="gain")
    report = sg.report(function, {"fair\x1b[0m": sg.shapley_value(function)}, name="\x07bell")
    values = sg.shapley_value(function)
    for text in (
        report.text(),
        str(sg.compare(function)),
        repr(values),
        str(sg.audit(function, values)),
    ):
        assert not set("\x1b\u202e\x9b\x07") & set(text)
        assert "\nTOTAL" not in text
    assert "\\x1b[2Jz" in report.text()
    Path("\x1b[2Jno.csv").write_text("coalition,gain\n")
    assert "\\x1b[2Jno.csv is empty" in refused(capsys, "solve", "\x1b[2Jno.csv")


def test_an_ascii_terminal_gets_escapes_and_files_get_letters(tmp_path, monkeypatch):
    source = tmp_path / "game.csv"
    source.write_text("coalition,cost\nM\u00fcller,1\n", encoding="utf-8")
    for stream, expected in (([], b"M\\xfcller"), (["--json", "-"], "M\u00fcller".encode())):
        terminal = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", terminal)
        assert main(["solve", str(source), "--rule", "shapley", *stream]) == 0
        terminal.flush()
        assert expected in terminal.buffer.getvalue()
        assert terminal.errors == "strict"


def shell(script, folder, **options):
    """Return the exit code and standard error of a script, in which $S is the command."""
    program = f"{sys.executable} -m sesgame"
    found = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | {"S": program},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **options,
    )
    return found.returncode, found.stderr


@linux
@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("$S solve game.csv > /dev/full", "standard output cannot be written: No space left on"),
        ("$S --help > /dev/full", "standard output cannot be written: No space left on device"),
        ("$S solve game.csv >&-", "standard output cannot be written: it is closed"),
    ],
)
def test_output_that_cannot_be_printed_is_one_line(game, tmp_path, script, message):
    code, error = shell(script, tmp_path)
    assert code == 2
    assert error.startswith(f"sesgame: {message}")
    assert error.count("\n") == 1


@linux
def test_a_full_disk_leaves_the_set_that_was_there(game, tmp_path, capsys):
    write = ["solve", "game.csv", "--report", "--letters", "--out", "out"]
    assert main(write) == 0
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    Path("game.csv").write_text(GAME.replace("3", "4"))
    before[tmp_path / "game.csv"] = Path("game.csv").read_bytes()
    # Files of a kilobyte at most: the tables fit, the page does not.
    code, error = shell(f"ulimit -f 1; $S {' '.join(write)} > /dev/null", tmp_path)
    assert code == 2
    assert error == "sesgame: out/result.json cannot be written: File too large\n"
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@linux
def test_files_are_kept_where_nobody_reads_the_json(game, tmp_path):
    code, error = shell(
        "$S solve game.csv --out out --json - | true; exit ${PIPESTATUS[0]}", tmp_path
    )
    assert (code, error) == (0, "")
    assert json.loads(Path("out/result.json").read_text())["format"] == 1
