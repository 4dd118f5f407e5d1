"""Which key an operator applied, and where what it says is something else."""

from fractions import Fraction

import numpy as np
import pytest
from fixtures.drawn import drawn
from fixtures.operator_exports import delivered, series_of
from hypothesis import strategies as st
from sesgame.energy import (
    DynamicKey,
    EqualKey,
    HierarchicalKey,
    PairwiseKey,
    StaticKey,
    fitting_keys,
    key_difference,
)
from sesgame.errors import GameError

USE = {"ann": [1, 0, 2, 1], "bob": [3, 1, 2, 0], "cem": [6, 0, 0, 0]}
SUN = {"roof": [3, 2, 1, 0], "barn": [2, 0, 1, 0]}
SHARES = {"ann": "0.25", "bob": "0.7", "cem": "0.05"}


def titles(series):
    return [key.title for key in fitting_keys(series)]


def test_the_key_that_was_applied_is_found():
    assert titles(series_of(delivered(USE, SUN))) == ["dynamic"]
    fixed = series_of(delivered(USE, SUN, shares=SHARES))
    (key,) = fitting_keys(fixed)
    assert key == StaticKey({name: float(part) for name, part in SHARES.items()}, decimals=2)
    assert key_difference(fixed, key).agrees
    assert str(key_difference(fixed, key)) == "the static key explains what was covered"


def test_what_another_key_would_have_covered_is_named_by_point_and_step():
    """Five kWh for 1, 3 and 6: half of each by the dynamic key, 1, 3 and 0.25 by fixed shares."""
    found = key_difference(series_of(delivered(USE, SUN, shares=SHARES)), DynamicKey())
    assert not found.agrees
    assert found.consumers == ("ann", "bob", "cem")
    # Steps: (1, 3, .25), (0, 1, 0), (.5, 1.4, 0) instead of (.5, 1.5, 3), (0, 1, 0), (1, 1, 0).
    assert found.covered_kwh.round(12).tolist() == [1.5, 5.4, 0.25]
    assert found.by_key_kwh.round(12).tolist() == [1.5, 3.5, 3.0]
    assert found.n_steps.tolist() == [2, 2, 1]
    assert found.difference_kwh.round(12).tolist() == [0.0, 1.9, -2.75]
    assert found.largest_kwh.round(12).tolist() == [0.5, 1.5, -2.75]
    assert str(found).splitlines()[3] == (
        "  cem: -2.75 kWh in all, in 1 step by up to -2.75 kWh, the first from 2024-06-01T12:00"
    )


def test_a_single_wrong_step_is_found():
    found = delivered(USE, SUN)
    found["covered"]["bob"][2] -= 0.25
    difference = key_difference(series_of(found), DynamicKey())
    assert difference.n_steps.tolist() == [0, 1, 0]
    assert difference.first == ("", "2024-06-01T12:30", "")
    assert fitting_keys(series_of(found)) == ()


def test_where_there_is_enough_for_all_the_series_tell_no_key():
    series = series_of(delivered({"ann": [1, 2], "bob": [1, 2]}, {"roof": [9, 9]}))
    assert titles(series) == ["dynamic", "static", "equal"]


def test_nothing_generated_and_nobody_who_draws():
    assert titles(series_of(delivered({"ann": [1, 2]}, {"roof": [0, 0]}))) == ["dynamic", "equal"]
    assert titles(series_of(delivered({"ann": [1, 2]}, {}))) == ["dynamic", "equal"]
    assert titles(series_of(delivered({}, {"roof": [1, 2]}))) == ["dynamic", "equal"]


def test_keys_of_several_plants_are_compared_with_too():
    """Bob first, then the others; and the roof for ann alone, the barn for bob."""
    found = delivered(USE, SUN)
    bob_first = HierarchicalKey([["bob"], ["ann", "cem"]])
    assert key_difference(series_of(found), bob_first).n_steps[1] > 0
    own_plants = PairwiseKey(
        {
            "roof": StaticKey({"ann": 1.0, "bob": 0.0, "cem": 0.0}),
            "barn": StaticKey({"bob": 1.0, "ann": 0.0, "cem": 0.0}),
        }
    )
    by_key = key_difference(series_of(found), own_plants).by_key_kwh
    assert by_key.tolist() == [1 + 0 + 1, 2 + 0 + 1, 0]


energy = st.integers(0, 5_000).map(lambda one: Fraction(one, 1_000))


@drawn(12, 150, st.data())
def test_rounding_hides_no_key_that_was_applied(data):
    decimals = data.draw(st.integers(3, 6))
    n_steps, n_consumers = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))

    def readings():
        return data.draw(st.lists(energy, min_size=n_steps, max_size=n_steps))

    use = {f"c{k}": readings() for k in range(n_consumers)}
    sun = {f"p{k}": readings() for k in range(data.draw(st.integers(1, 3)))}
    parts = data.draw(st.lists(st.integers(0, 100), min_size=n_consumers, max_size=n_consumers))
    if not sum(parts):
        parts[0] = 1
    hundredths = np.diff([0, *(100 * np.cumsum(parts) // sum(parts))])
    shares = {name: Fraction(int(part), 100) for name, part in zip(use, hundredths, strict=True)}
    dynamic = series_of(delivered(use, sun, decimals), decimals=decimals)
    assert key_difference(dynamic, DynamicKey()).agrees
    assert DynamicKey() in fitting_keys(dynamic)
    static = series_of(delivered(use, sun, decimals, shares), decimals=decimals)
    agreed = StaticKey({name: float(part) for name, part in shares.items()}, decimals=2)
    assert key_difference(static, agreed).agrees
    if sum(map(sum, sun.values())) > 2:
        # Enough that a hundredth of it is more than the rounding of all readings.
        assert agreed in fitting_keys(static)


@pytest.mark.parametrize(
    ("key", "says"),
    [
        pytest.param(StaticKey({"ann": 1.0}), "does not name the point 'bob'", id="left out"),
        pytest.param(
            StaticKey({"ann": 0.5, "bob": 0.3, "cem": 0.1, "eve": 0.1}),
            "names the point 'eve'",
            id="unknown",
        ),
        pytest.param("dynamic", "key must be SharingKey, got str", id="a name"),
    ],
)
def test_a_key_that_does_not_fit_is_refused(key, says):
    with pytest.raises(GameError, match=says):
        key_difference(series_of(delivered(USE, SUN)), key)


def test_series_of_another_kind_are_refused():
    with pytest.raises(GameError, match="series must be an OperatorSeries"):
        fitting_keys({"ann": 1})
    with pytest.raises(GameError, match="series must be an OperatorSeries"):
        key_difference({"ann": 1}, EqualKey())
