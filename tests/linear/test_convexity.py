"""Which quadratic costs are convex."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sesgame.linear.convexity import indefinite_columns


def entries_of(matrix):
    rows, columns = np.nonzero(matrix)
    return rows, columns, matrix[rows, columns]


@settings(max_examples=30)
@given(st.integers(1, 6), st.integers(0, 2**32 - 1), st.booleans())
def test_a_square_is_convex_and_less_than_a_square_is_not(size, seed, hidden):
    generator = np.random.default_rng(seed)
    factor = generator.integers(-3, 4, (generator.integers(1, size + 1), size)).astype(float)
    square = factor.T @ factor
    assert indefinite_columns(entries_of(square), 1).size == 0
    assert indefinite_columns(entries_of(-square), -1).size == 0
    less = square - 1e-6 * (1 + np.abs(square).max()) * np.eye(size)
    if np.linalg.matrix_rank(factor) < size:
        found = indefinite_columns(entries_of(less), 1)
        block = less[np.ix_(found, found)]
        assert np.linalg.eigvalsh(block)[0] < 0


@pytest.mark.parametrize(
    ("matrix", "columns"),
    [
        pytest.param(np.zeros((2, 2)), [], id="none"),
        pytest.param(np.diag([1.0, 0.0, -1.0]), [2], id="diagonal"),
        pytest.param([[1, 0, 0, 0], [0, 1, 0, 2], [0, 0, 1, 0], [0, 2, 0, 1]], [1, 3], id="block"),
        pytest.param([[1, 0, 0], [0, 1, 4], [0, 0, 1]], [1, 2], id="one triangle"),
        pytest.param([[1, 1], [1, 1]], [], id="singular"),
        pytest.param([[0, 1], [1, 0]], [0, 1], id="product"),
    ],
)
def test_the_columns_that_make_it_not_convex(matrix, columns):
    matrix = np.array(matrix, dtype=np.float64)
    assert indefinite_columns(entries_of(matrix), 1).tolist() == columns


def test_a_chain_of_many_columns_is_one_block():
    n = 100
    rows = np.concatenate([np.arange(n), np.arange(n - 1), np.arange(1, n)])
    columns = np.concatenate([np.arange(n), np.arange(1, n), np.arange(n - 1)])
    values = np.concatenate([np.full(n, 2.0), np.full(2 * n - 2, -1.0)])
    assert indefinite_columns((rows, columns, values), 1).size == 0
    values[:n] = 1.9
    assert indefinite_columns((rows, columns, values), 1).size == n
