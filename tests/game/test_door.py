"""Every function of a game takes a community and scenarios, and says which game it took."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import sesgame as sg
from fixtures.worlds import UNLIKE, community
from sesgame import Game
from sesgame.errors import GameError
from sesgame.game.door import as_game, checked_arguments

WORLD = community(2, batteries=UNLIKE[:1])
SCENARIOS = sg.energy.Scenarios([WORLD, WORLD])
SHARE = sg.shapley_value(WORLD.cost_game())
UNIONS = [["ann", "bob"], ["cid", "dan"]]
BESIDE = {
    "audit": {"allocation": SHARE},
    "core_check": {"allocation": SHARE},
    "kernel_check": {"allocation": SHARE},
    "maximal_surpluses": {"allocation": SHARE},
    "semivalue": {"weights": [1 / 8, 1 / 8, 1 / 8, 1 / 8]},
    "semivalue_estimate": {"weights": [1 / 8, 1 / 8, 1 / 8, 1 / 8]},
    "owen_value": {"unions": UNIONS},
    "owen_estimate": {"unions": UNIONS},
    "nested_shapley_value": {"unions": UNIONS},
    "nested_shapley_estimate": {"unions": UNIONS},
    "nested_nash_bargaining": {"unions": UNIONS},
}


def functions_of_games():
    for name in sg.__all__:
        function = getattr(sg, name)
        if inspect.isfunction(function):
            first = next(iter(inspect.signature(function).parameters.values()))
            if first.name == "game" and str(first.annotation).startswith("Game"):
                yield name


@pytest.mark.parametrize(
    "name", [n for n in functions_of_games() if n not in ("report", "compare")]
)
@pytest.mark.parametrize("world", [WORLD, SCENARIOS], ids=["community", "scenarios"])
def test_a_function_of_a_game_takes_a_world(name, world):
    function, beside = getattr(sg, name), BESIDE.get(name, {})
    found, expected = function(world, **beside), function(world.cost_game(), **beside)
    if isinstance(found, np.ndarray):
        assert found.tolist() == expected.tolist()
        return
    assert found == expected
    if isinstance(found, sg.Allocation):
        assert found.rule == expected.rule
        assert found.origin == f"cost_game() of {world!r}, model 'battery'"
        assert expected.origin == ""
        assert f"\n  of {found.origin}\n" in repr(found)
        assert found.to_dict()["origin"] == found.origin


def test_a_storage_of_two_periods_has_no_model_to_name():
    storage = sg.energy.TwoPeriodStorage(
        ["ann", "bob"], [1, 1], [3, 0], off_peak_price=0.1, peak_price=0.4, capacity_kwh=[0, 2]
    )
    assert sg.shapley_value(storage).origin == f"cost_game() of {storage!r}"


def test_a_comparison_and_a_report_show_the_world():
    assert sg.compare(WORLD, ["shapley"]).unit == "EUR"
    assert sg.report(WORLD, SHARE).problem.world is WORLD


def test_a_world_of_too_many_members_for_a_list_brings_its_oracle():
    members = [f"m{i}" for i in range(16)]
    load = np.random.default_rng(0).uniform(-1, 2, (16, 3)).round(2)
    batteries = [
        sg.energy.Battery(
            owner=owner,
            energy_kwh=1.0,
            power_kw=0.5,
            charge_efficiency=efficiency,
            discharge_efficiency=1.0,
        )
        for owner, efficiency in (("m0", 0.9), ("m1", 0.8))
    ]
    steps = ["2016-06-01T00:00", "2016-06-01T01:00", "2016-06-01T02:00"]
    tariff = sg.energy.Tariff.flat(0.3, 0.1)
    large = sg.energy.Community(
        members=members, steps=steps, load_kwh=load, tariff=tariff, batteries=batteries
    )
    found = sg.least_core(large, progress=False)
    oracle = large.separation_oracle()
    assert found == sg.least_core(large.cost_game(), oracle=oracle, progress=False)
    assert not large.cost_game().tabulated


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (None, "got None"),
        ("game.csv", "got str 'game.csv'"),
        ({("a",): 1}, r"got dict .*Game\.from_dict"),
        ([0.0, 1.0], r"got list .*Game\.from_table"),
        (np.zeros(4), r"got ndarray .*Game\.from_table"),
        (len, r"got builtin_function_or_method .*Game\.from_function"),
        (sg.energy.Community, r"got type .*Game\.from_function"),
        (SHARE, "got Allocation"),
    ],
)
def test_what_is_neither_is_named_with_what_makes_a_game_of_it(given, message):
    with pytest.raises(
        GameError, match=f"game must be a game, a community or scenarios, {message}"
    ):
        as_game(given)


def test_options_are_checked_and_whole_floats_are_whole_numbers():
    @checked_arguments
    def asked(game: Game, seed: int = 0, share: float | None = None, flag: bool = True):
        return seed, share, flag

    game = WORLD.cost_game()
    assert asked(game, 1e5, share=np.float32(0.5)) == (100_000, 0.5, True)
    assert isinstance(asked(game, 1e5)[0], int)
    for wrong, message in (
        ({"seed": True}, "seed must be a whole number, got bool True"),
        ({"seed": 1.5}, "seed must be a whole number, got float 1.5"),
        ({"share": "1"}, "share must be a number or None, got str '1'"),
        ({"flag": "no"}, "flag must be True or False, got str 'no'"),
    ):
        with pytest.raises(GameError, match=message):
            asked(game, **wrong)
    with pytest.raises(TypeError, match="unexpected keyword argument 'sead'"):
        asked(game, sead=1)
    with pytest.raises(TypeError, match="positional arguments"):
        asked(game, 1, 2, True, 4)
    with pytest.raises(TypeError, match="multiple values"):
        asked(game, 1, seed=1)
