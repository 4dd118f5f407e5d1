"""The lock has what pyproject.toml asks for, for every Python: versions and hashes, no address."""

import re
import sys
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
PYTHONS = ["3.10", "3.11", "3.12", "3.13", "3.14"]
UNLOCKED = {"peers", "auction-peers", "sampling-peers"}  # other packages, always the newest


def entries(lock):
    """Return the requirements of a lock, each with its hashes."""
    text = re.sub(r"^#.*\n", "", lock.read_text(encoding="utf-8"), flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    return [(Requirement(line.split("--hash=")[0]), line.split("--hash=")[1:]) for line in lines]


def environment(python, platform="linux"):
    return {
        **default_environment(),
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": platform,
        "platform_system": {"linux": "Linux", "win32": "Windows", "darwin": "Darwin"}[platform],
        "os_name": "nt" if platform == "win32" else "posix",
    }


def applies(requirement, where):
    return requirement.marker is None or requirement.marker.evaluate(where)


def pins(lock, where):
    """Return the version of each package in an environment."""
    found = {}
    for requirement, _ in entries(lock):
        if applies(requirement, where):
            (spec,) = requirement.specifier
            assert spec.operator == "=="
            assert requirement.name not in found, f"{requirement.name} is pinned twice"
            found[requirement.name] = spec.version
    return found


def test_there_is_a_lock_for_each_group_that_make_installs():
    assert {lock.stem for lock in LOCKS} == set(PROJECT["dependency-groups"]) - UNLOCKED


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_the_lock_has_what_pyproject_asks_for(lock, python):
    where = environment(python)
    pinned = pins(lock, where)
    wanted = PROJECT["dependency-groups"][lock.stem]
    for requirement in map(Requirement, wanted):
        if applies(requirement, where):
            name = requirement.name.lower()
            assert requirement.specifier.contains(pinned[name], prereleases=True), requirement


@pytest.mark.parametrize("platform", ["linux", "darwin", "win32"])
@pytest.mark.parametrize("python", PYTHONS)
def test_the_locks_agree_with_each_other(python, platform):
    together = {}
    for lock in LOCKS:
        for name, version in pins(lock, environment(python, platform)).items():
            assert together.setdefault(name, version) == version, f"{name} in {lock.name}"


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_each_file_has_a_hash_and_no_address(lock):
    for requirement, hashes in entries(lock):
        assert requirement.url is None
        assert hashes, f"{requirement} has no hash"
        assert all(re.fullmatch(r"sha256:[0-9a-f]{64} *", one) for one in hashes), requirement
    assert "http" not in lock.read_text(encoding="utf-8")


def test_cargo_never_changes_its_lock():
    files = ["Makefile", ".ci/run", *map(str, (ROOT / ".github" / "workflows").glob("*.yml"))]
    commands = [
        line
        for file in files
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if re.search(r"\bcargo (build|test|bench|clippy|run|fetch)\b|\bmaturin develop\b", line)
    ]
    assert commands
    for line in commands:
        assert "--locked" in line or "$(CARGO_OPTIONS)" in line, line
    assert "CARGO_OPTIONS := --locked" in (ROOT / "Makefile").read_text(encoding="utf-8")
    assert PROJECT["tool"]["maturin"]["locked"] is True
