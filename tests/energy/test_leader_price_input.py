"""What is wrong with followers, suppliers and grid is told by name."""

import numpy as np
import pytest
import sesgame as sg
from sesgame.errors import GameError

FINE = {"a": [3.0, 2.0], "b": [1.0, 1.0], "supply_cost": 0.5}
PAIR = ([0.1, 0.2], [1.0, 1.0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param({"b": [1.0, 0.0]}, "b of consumer 1 is 0; it must be above 0", id="flat"),
        pytest.param({"b": [1.0, -1.0]}, "b of consumer 1 is -1", id="rising"),
        pytest.param({"a": [3.0, -2.0]}, "a of consumer 1 is -2; it must be at least 0", id="a"),
        pytest.param({"a": [3.0, np.nan]}, "a of consumer 1 is nan; it must be finite", id="nan"),
        pytest.param({"a": []}, r"a has shape \(0,\); it needs one number", id="nobody"),
        pytest.param({"b": [1.0]}, r"b has shape \(1,\); .* each consumer: \(2,\)", id="too few"),
        pytest.param({"a": ["x", "y"]}, "a must be a number for each consumer", id="text"),
        pytest.param({"supply_cost": -0.1}, "supply_cost must be at least 0", id="cost"),
        pytest.param({"supply_cost": float("nan")}, "supply_cost must be at least 0", id="no cost"),
        pytest.param({"supply_cost": "much"}, "supply_cost must be a number", id="cost in words"),
        pytest.param({"suppliers": PAIR}, "suppliers need grid", id="suppliers without grid"),
        pytest.param(
            {"suppliers": ([0.1, 0.2], [1.0, 0.0]), "grid": (0.1, 0.6)},
            "e of supplier 1 is 0; it must be above 0",
            id="flat supply",
        ),
        pytest.param(
            {"suppliers": ([-0.1, 0.2], [1.0, 1.0]), "grid": (0.1, 0.6)},
            "c of supplier 0 is -0.1; it must be at least 0",
            id="negative supply cost",
        ),
        pytest.param(
            {"suppliers": 3, "grid": (0.1, 0.6)}, r"suppliers must be \(c, e\)", id="no pair"
        ),
        pytest.param({"grid": (0.6, 0.1)}, "sell <= supply_cost <= buy", id="grid crossed"),
        pytest.param({"grid": (0.1, 0.4)}, "sell <= supply_cost <= buy", id="dear supply"),
        pytest.param({"grid": (0.1,)}, r"grid has shape \(1,\)", id="half a grid"),
    ],
)
def test_what_is_wrong_is_named(change, message):
    with pytest.raises(GameError, match=message):
        sg.energy.leader_price(**{**FINE, **change})
