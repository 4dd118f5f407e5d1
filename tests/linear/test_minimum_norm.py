"""The nearest point of a polytope that is known by its extremes, against a projection."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sesgame.linear.minimum_norm import nearest_combination

NUMBERS = st.integers(-5, 5).map(float)


def nearest(points, reference):
    asked = []

    def extreme(direction):
        asked.append(points[int((points @ direction).argmax())])
        return asked[-1]

    chosen = nearest_combination(extreme, reference, 1e-10)
    assert sum(weight for _, weight in chosen) == pytest.approx(1)
    assert all(weight > 0 for _, weight in chosen)
    return sum(weight * asked[number] for number, weight in chosen)


@given(
    points=st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=8),
    reference=st.lists(NUMBERS, min_size=3, max_size=3),
)
def test_no_point_of_the_hull_is_nearer(points, reference):
    points, reference = np.array(points), np.array(reference)
    found = nearest(points, reference)
    # Nothing lies farther towards the reference than the point found: that is the criterion.
    towards = reference - found
    assert (points @ towards).max() <= found @ towards + 1e-8


@given(low=st.lists(NUMBERS, min_size=4, max_size=4), reference=st.lists(NUMBERS, min_size=4))
def test_in_a_box_each_coordinate_is_clipped(low, reference):
    low = np.array(low)
    reference = np.array(reference[:4])
    corners = np.array([low + 2 * np.array([m >> i & 1 for i in range(4)]) for m in range(16)])
    assert nearest(corners, reference) == pytest.approx(np.clip(reference, low, low + 2), abs=1e-7)
