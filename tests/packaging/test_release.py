"""What a release must agree on, wherever it is said."""

import re
import subprocess
import sys
from importlib.metadata import metadata
from pathlib import Path

import sesgame as sg

ROOT = Path(__file__).parents[2]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8")


def test_the_version_is_that_of_cargo_everywhere():
    (version,) = re.findall(r'^version = "(.+)"$', text("Cargo.toml"), re.MULTILINE)
    assert sg.__version__ == version
    assert metadata("sesgame")["Version"] == version
    assert f"\nversion: {version}\n" in text("CITATION.cff")
    assert 'dynamic = ["version"]' in text("pyproject.toml")
    for manifest in ROOT.glob("rust/*/Cargo.toml"):
        assert "version.workspace = true" in manifest.read_text(encoding="utf-8")


def test_the_changelog_begins_with_what_is_not_released_yet():
    titles = re.findall(r"^## (.+)$", text("CHANGELOG.md"), re.MULTILINE)
    assert titles[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", title) for title in titles[1:])


def test_the_notices_of_what_is_compiled_in_are_current():
    script = ROOT / "release" / "third_party_notices.py"
    run = subprocess.run(
        [sys.executable, script, "--check"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_the_licences_of_the_wheel_are_those_of_what_is_in_it():
    (compiled,) = re.findall(r"Licences in the extension: (.+)", text("THIRD-PARTY-NOTICES.md"))
    (declared,) = re.findall(r'^license = "(.+)"$', text("pyproject.toml"), re.MULTILINE)
    assert set(declared.split(" AND ")) == {*compiled.split(" AND "), "ODbL-1.0"}


def test_the_first_page_lists_every_extra():
    (table,) = re.findall(r"\| extra \| for \|\n(.+?)\n\n", text("docs/index.md"), re.DOTALL)
    listed = [name for row in table.splitlines() for name in re.findall("`(.+?)`", row)]
    assert sorted(listed) == sorted(metadata("sesgame").get_all("Provides-Extra"))
