"""What is wrong with prosumers, bids and scans is told by name."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import GameError

FINE = {
    "cost_quadratic": [0.02, 0.03],
    "cost_linear": [0.1, 0.1],
    "demand_kwh": [4.0, 3.0],
    "sensitivity": 10,
}


def market(**change):
    return sg.energy.DemandBidding(**{**FINE, **change})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(
            {"cost_quadratic": [0.02, 0.0]},
            "cost_quadratic of prosumer 1 is 0; it must be above 0: else the best reply is not",
            id="no unique reply",
        ),
        pytest.param({"cost_quadratic": [0.02, -1]}, "prosumer 1 is -1", id="negative quadratic"),
        pytest.param({"cost_quadratic": [0.02]}, "at least two prosumers, got 1", id="one"),
        pytest.param(
            {"cost_linear": [0.1, -0.1]}, "cost_linear of prosumer 1 is -0.1", id="linear"
        ),
        pytest.param({"cost_linear": [0.1]}, r"cost_linear has shape \(1,\)", id="too few"),
        pytest.param({"demand_kwh": [4, -3]}, "demand_kwh of prosumer 1 is -3", id="demand"),
        pytest.param({"demand_kwh": [4, np.inf]}, "it must be finite", id="infinite demand"),
        pytest.param({"sensitivity": 0}, "sensitivity must be above 0", id="no sensitivity"),
        pytest.param({"sensitivity": -1}, "sensitivity must be above 0", id="wrong sensitivity"),
        pytest.param({"sensitivity": "10"}, "sensitivity must be a number", id="text"),
        pytest.param({"bounds": 3}, "bounds must be a list", id="one bound"),
        pytest.param({"bounds": (0, 9, 9)}, r"bounds must be \(lowest, highest\)", id="three"),
        pytest.param({"bounds": (0, [1, 2, 3])}, r"bounds must be", id="bounds of others"),
        pytest.param({"bounds": ([0, 5], [9, 4])}, "bounds of prosumer 1 are 5 and 4", id="cross"),
        pytest.param({"bounds": (0, np.nan)}, "bounds of prosumer 0 are 0 and nan", id="nan"),
        pytest.param(
            {"bounds": (0, [2, 2])}, "need 7 kWh, and the most .* is 4 kWh", id="too little"
        ),
        pytest.param({"bounds": (5, 9)}, "need 7 kWh, and the least .* is 10 kWh", id="too much"),
        pytest.param({"bounds": ([4, 3], [4, 3])}, "every price is an equilibrium", id="no choice"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(GameError, match=message):
        market(**change)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.deviation_scan([1.0]), r"bids has shape \(1,\)"),
        (lambda m: m.deviation_scan([1.0, np.nan]), "bids of prosumer 1 is nan"),
        (lambda m: m.deviation_scan(n_bids=0), "n_bids must be at least 1"),
        (lambda m: m.best_bids("ab"), "bids must be a number for each prosumer"),
        (lambda m: m.cost_report_scan([0.0]), "factors of report 0 is 0; it must be above 0"),
        (lambda m: m.cost_report_scan(prosumers=[2]), "no prosumer 2; they are 0 to 1"),
        (lambda m: m.cost_report_scan(prosumers=["a"]), "prosumers must be a list of whole"),
        (lambda m: m.cost_report_scan(prosumers=1), "prosumers must be a list of whole numbers"),
        (lambda m: m.cost_report_scan("ab"), "factors must be a list of numbers"),
        (lambda m: m.deviation_scan(n_bids="many"), "n_bids must be a whole number"),
    ],
)
def test_what_is_wrong_with_a_scan_is_named(call, message):
    with pytest.raises(GameError, match=message):
        call(market())


def test_bids_beyond_bounds_are_refused():
    with pytest.raises(GameError, match=r"prosumer 0 would have to produce .* bounds are 0 and 5"):
        market(bounds=(0, 5)).deviation_scan([-9.0, 9.0])


def test_no_price_of_anarchy_without_a_cost():
    with pytest.raises(GameError, match="the least cost of production is 0"):
        _ = market(demand_kwh=[0, 0], bounds=(0, 5)).price_of_anarchy
