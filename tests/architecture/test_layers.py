"""Who may import whom in ``sesgame``: the table of its layers, and what follows from it."""

import re
from pathlib import Path

import pytest
from fixtures.package_imports import FACE, Import, Package

LAYERS = (
    # Errors, and the compiled engine.
    ("errors", "_engine"),
    # Text, files and what else knows nothing of games.
    ("files", "formatting", "progress", "optional_imports", "bills", "cached"),
    # Players, games, allocations; linear models.
    ("game", "linear"),
    # What a rule is; games of the literature; samplers.
    ("rule", "games", "estimators"),
    # Rules that need only a game, and the audit.
    ("shapley", "stability", "bargaining"),
    # What makes games, and rules that need more than a game.
    ("energy", "markets", "adapters"),
    # The ordered list of all rules, and the home of all evidence.
    ("catalogue", "evidence"),
    # What people read and pay: no rule and no evidence by name.
    ("reports", "comparison", "plots", "settlement"),
    # Entry points.
    ("cli", "testing", "__main__"),
)
"""From the lowest to the highest; a room imports only from rooms of lower layers."""

BESIDE = (
    ("markets", "energy.dispatch"),
    ("bargaining", "stability"),
    ("bargaining", "shapley"),
    ("reports", "comparison"),
    ("plots", "comparison"),
    ("__main__", "cli"),
    ("files", "optional_imports"),
)
"""Inside a layer the first may import the second, and never the other way."""

READ = 7
"""The layer whose modules know evidence by what it says, not by its class."""

AT_THE_TOP = 12

ROOT = Path(__file__).parents[2]
LEVELS = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}
# The face collects the names of all layers but the entry points, which are its only readers.
LEVELS[FACE] = LEVELS["cli"] - 0.5


@pytest.fixture(scope="module")
def package():
    return Package(ROOT / "python" / "sesgame")


def room(module):
    return module.partition(".")[0]


def may_import(found: Import) -> bool:
    source, target = room(found.source), room(found.target)
    if source == target or LEVELS[target] < LEVELS[source]:
        return True
    return any(
        source == upper and f"{found.target}.".startswith(f"{lower}.") for upper, lower in BESIDE
    )


def assert_none(found):
    lines = [str(one) for one in found]
    assert not lines, "\n".join(["", *lines])


def test_contributors_read_the_same_table():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| ([^|]+) \|", text, re.MULTILINE)
    read = {int(level): tuple(re.findall(r"`(\w+)`", rooms)) for level, rooms in rows}
    assert read == dict(enumerate(LAYERS))


def test_every_room_has_a_layer(package):
    assert_none({room(module) for module in package.modules} - set(LEVELS))


def test_every_import_is_of_a_module_that_there_is(package):
    assert_none(found for found in package.imports if found.target not in package.modules)


def test_no_import_goes_up_or_to_another_room_of_its_layer(package):
    assert len(package.imports) > len(package.modules)
    assert_none(found for found in package.imports if not may_import(found))


def test_no_files_import_each_other_in_a_loop(package):
    assert_none(
        found
        for loop in package.loops()
        for found in package.imports
        if {found.source, found.target} <= set(loop)
    )


def test_inside_functions_nothing_of_the_package_is_imported(package):
    assert_none(package.late_imports())


def test_what_people_read_names_no_class_of_evidence(package):
    evidence = package.subclasses("Evidence")
    assert len(evidence) > 10
    readers = [module for module in package.modules if LEVELS[room(module)] == READ]
    assert_none(package.namings(evidence, readers))


def test_no_name_of_an_init_hides_a_module(package):
    assert_none(package.hidden_modules())


def test_few_modules_lie_at_the_top(package):
    files = package.top_level()
    assert len(files) <= AT_THE_TOP, files


def test_who_verifies_names_no_solver(package):
    verifier, found = {"stability.verification"}, []
    while found != (found := [one for one in package.imports if one.source in verifier]):
        verifier |= {one.target for one in found if room(one.target) == "stability"}
    assert len(found) > 3
    assert_none(one for one in found if room(one.target) in ("_engine", "linear"))
