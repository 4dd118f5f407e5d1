"""The private engine refuses what does not fit: no panic, crash or endless loop comes of it."""

import inspect
import re

import numpy as np
import pytest
from fixtures.engine_calls import FUNCTIONS, METHODS, NAMES, OBJECTS, Draw, fuzz
from sesgame import _engine

RESULTS = (
    "ClarkeOutcome",
    "ConvexDispatch",
    "CorePointOutcome",
    "CoreSelectingOutcome",
    "EngineRule",
    "LeastCoreOutcome",
    "NetworkOutcome",
    "NucleolusOutcome",
    "OrderBookOutcome",
    "PeakChargedDispatch",
    "PooledBatteryDispatch",
    "StorageService",
)
"""Classes that only hold results, and the enumeration."""


def test_every_function_and_method_of_the_engine_is_called():
    public = {name: value for name, value in vars(_engine).items() if not name.startswith("_")}
    classes = {name for name, value in public.items() if inspect.isclass(value)}
    functions = {name for name, value in public.items() if callable(value)} - classes
    methods = {
        f"{owner}.{name}"
        for owner in classes.difference(RESULTS)
        for name, value in vars(getattr(_engine, owner)).items()
        if callable(value) and not name.startswith("_")
    }
    made_by_name = {name for name in FUNCTIONS if name in classes}
    assert set(FUNCTIONS) - made_by_name == functions
    assert set(METHODS) == methods
    assert set(OBJECTS) == classes.difference(RESULTS)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_that_fit_are_taken(name):
    owner, _, method = name.partition(".")
    for index in range(4):
        draw = Draw(17, index)
        target = (
            getattr(OBJECTS[owner](draw, fits=True), method) if method else getattr(_engine, name)
        )
        target(*(METHODS if method else FUNCTIONS)[name](draw))


def test_drawn_calls_return_or_raise():
    tried = fuzz(seed=0, count=10 * len(NAMES))
    assert tried.failures == []
    assert set(tried.calls) == set(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_many_drawn_calls_return_or_raise(seed):
    assert fuzz(seed, count=100 * len(NAMES)).failures == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(
            lambda: _engine.CoalitionValues(3).look_up(np.ones((1, 4), dtype=bool)),
            "a row of membership has 4 elements; there must be 3",
            id="length",
        ),
        pytest.param(
            lambda: _engine.CoalitionValues(3).values(np.array([5], dtype=np.uint32)),
            "slots holds 5; each must be below 0",
            id="index",
        ),
        pytest.param(
            lambda: _engine.nucleolus(np.array([0.0, np.nan]), "gain", False, True, 0.0),
            "table holds NaN; each must be a finite number",
            id="number",
        ),
        pytest.param(
            lambda: _engine.induced_subgraph_game(np.zeros((2, 3))),
            "weights has shape [2, 3]; it must be [2, 2]",
            id="shape",
        ),
        pytest.param(
            lambda: _engine.OrderBookColumns(
                1,
                np.array([0, 1], dtype=np.uintp),
                np.zeros(1, dtype=np.uint32),
                np.ones(1, dtype=bool),
                np.ones(1),
                np.ones(1),
                np.zeros(1),
                9.0,
            ).misreport_utilities(
                0, _engine.EngineRule.VCG, 0.5, np.full((2, 1), np.nan), np.ones((2, 1))
            ),
            "prices holds NaN; each must be a finite number",
            id="misreport",
        ),
        pytest.param(
            lambda: _engine.CoalitionValues(0),
            "n_players is 0; there must be at least one",
            id="nobody",
        ),
    ],
)
def test_a_message_names_the_argument(call, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        call()
