"""Check that the oldest version that pyproject.toml allows of each dependency is installed.

    make test-lowest

A floor that no test has seen is a guess. So each requirement of users and of tests has a floor, the
same wherever the package is named, and this environment has exactly that version.
"""

from __future__ import annotations

import sys
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]
TESTED_GROUPS = ("build", "test")


def requirements(project: dict[str, Any]) -> tuple[list[Requirement], list[Requirement]]:
    """Return what users install, and what the tests run with."""
    used = list(project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        used += extra
    tested = [text for group in TESTED_GROUPS for text in project["dependency-groups"][group]]
    tested += project["project"]["dependencies"]
    return [Requirement(text) for text in used], [Requirement(text) for text in tested]


def floor(requirement: Requirement) -> Version | None:
    """Return the oldest version that a requirement allows."""
    floors = [spec.version for spec in requirement.specifier if spec.operator == ">="]
    return Version(floors[0]) if len(floors) == 1 else None


def faults(used: list[Requirement], tested: list[Requirement]) -> list[str]:
    """Return the floors that no test can see: missing, different, or of untested packages."""
    found = []
    floors: dict[str, Version] = {}
    for requirement in [*tested, *used]:
        lowest = floor(requirement)
        if lowest is None:
            found.append(f"{requirement} has no floor")
        elif requirement.name not in floors and requirement in tested:
            floors[requirement.name] = lowest
        elif requirement.name not in floors:
            found.append(f"{requirement} is not among what is tested")
        elif lowest != floors[requirement.name]:
            found.append(f"{requirement.name} has the floors {floors[requirement.name]}, {lowest}")
    return list(dict.fromkeys(found))


def untested(tested: list[Requirement], installed: dict[str, str]) -> list[str]:
    """Return the floors that are not what is installed."""
    return [
        f"{requirement} is tested with {installed.get(requirement.name, 'none')}"
        for requirement in tested
        if requirement.marker is None or requirement.marker.evaluate()
        if requirement.name not in installed
        or Version(installed[requirement.name]) != floor(requirement)
    ]


def main() -> None:
    """Compare the floors with this environment."""
    with (ROOT / "pyproject.toml").open("rb") as file:
        used, tested = requirements(tomllib.load(file))
    installed = {canonicalize_name(one.name): one.version for one in distributions()}
    found = faults(used, tested) + untested(tested, installed)
    if found:
        sys.exit("Floors of pyproject.toml that are not tested here: " + "; ".join(found))
    print("Each dependency is as old as pyproject.toml allows.")


if __name__ == "__main__":
    main()
