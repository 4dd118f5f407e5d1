"""The public names, beside the list of those that callers may rely on."""

import importlib
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("public_names.txt")
"""One name a line, sorted. A new name is added here in the change that brings it; none is lost."""

WHOLE = (
    "sesgame",
    "sesgame.adapters",
    "sesgame.energy",
    "sesgame.errors",
    "sesgame.estimators",
    "sesgame.evidence",
    "sesgame.games",
    "sesgame.markets",
    "sesgame.plots",
    "sesgame.testing",
)
"""The modules whose names are all public."""


def names_of_modules():
    return [
        f"{module}.{name}" for module in WHOLE for name in importlib.import_module(module).__all__
    ]


def promised():
    return SNAPSHOT.read_text(encoding="utf-8").splitlines()


def test_the_list_is_sorted_and_has_each_name_once():
    assert promised() == sorted(set(promised()))


@pytest.mark.parametrize("name", promised())
def test_a_promised_name_is_there(name):
    module, _, attribute = name.rpartition(".")
    assert hasattr(importlib.import_module(module), attribute)


def test_no_public_name_is_missing_from_the_list():
    assert sorted(set(names_of_modules()) - set(promised())) == []


def test_a_promised_name_of_a_public_module_is_declared():
    of_modules = [name for name in promised() if name.rpartition(".")[0] in WHOLE]
    assert sorted(set(of_modules) - set(names_of_modules())) == []
