"""Each floor of pyproject.toml is one that `make test-lowest` installs."""

import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def floors():
    sys.path.insert(0, str(ROOT / "release"))
    try:
        import floors
    finally:
        sys.path.remove(str(ROOT / "release"))
    return floors


def test_every_floor_is_among_what_is_tested(floors):
    with (ROOT / "pyproject.toml").open("rb") as file:
        used, tested = floors.requirements(floors.tomllib.load(file))
    assert floors.faults(used, tested) == []
    assert {one.name for one in used} <= {one.name for one in tested}


@pytest.mark.parametrize(
    ("used", "tested", "fault"),
    [
        pytest.param([], ["alpha"], "alpha has no floor", id="no floor"),
        pytest.param(
            ["alpha>=1"], ["alpha>=2"], "alpha has the floors 2, 1", id="two floors of a package"
        ),
        pytest.param(
            ["beta>=1"], ["alpha>=2"], "beta>=1 is not among what is tested", id="an untested extra"
        ),
    ],
)
def test_a_floor_that_no_test_sees_is_named(floors, used, tested, fault):
    assert floors.faults(list(map(Requirement, used)), list(map(Requirement, tested))) == [fault]


def test_another_version_than_the_floor_is_named(floors):
    tested = [
        Requirement("alpha>=1.2"),
        Requirement("beta>=3; python_version < '3'"),
        Requirement("gamma>=1"),
    ]
    assert floors.untested(tested, {"alpha": "1.2.0", "gamma": "1"}) == []
    assert floors.untested(tested, {"alpha": "1.3"}) == [
        "alpha>=1.2 is tested with 1.3",
        "gamma>=1 is tested with none",
    ]
