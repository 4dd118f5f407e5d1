"""The example that comes with the package, as an installed user gets it."""

from pathlib import Path

import pytest
from sesgame.cli.command_line import main

SOURCE = Path("examples/rural13")


def test_the_example_is_written_as_it_is_with_its_licence(tmp_path, capsys):
    folder = tmp_path / "new" / "village"
    assert main(["example", "rural13", str(folder)]) == 0
    written = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert written == {path.name: path.read_bytes() for path in SOURCE.iterdir()}
    assert b"Open Database\nLicense 1.0" in written["README.md"]
    command = capsys.readouterr().out.splitlines()[-1]
    assert command == f"sesgame allocate {folder} --start 2016-06-01 --end 2016-07-01"


def test_without_a_folder_it_is_named_after_the_example(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["example", "rural13"]) == 0
    assert (tmp_path / "rural13" / "members.csv").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["atlantis"], "unknown example 'atlantis'; choose from rural13", id="name"),
        pytest.param(["rural13", "."], ". already exists; name a new folder", id="there"),
        pytest.param(["rural13", "/dev/null/x"], "cannot be written: Not a directory", id="file"),
    ],
)
def test_what_cannot_be_written_is_said(arguments, message, capsys):
    assert main(["example", *arguments]) == 2
    assert message in capsys.readouterr().err
