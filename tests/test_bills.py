from decimal import Decimal

import pytest
from sesgame.bills import rounded_bills
from sesgame.errors import AllocationError


@pytest.mark.parametrize(
    ("shares", "total", "expected"),
    [
        pytest.param([10 / 3] * 3, 10.0, ["3.34", "3.33", "3.33"], id="a third each"),
        pytest.param([-10 / 3] * 3, -10.0, ["-3.33", "-3.33", "-3.34"], id="a third each, back"),
        pytest.param([0.004, 0.003, 0.003], 0.01, ["0.01", "0.00", "0.00"], id="one cent"),
        pytest.param([0.1, 0.2], 0.3, ["0.10", "0.20"], id="floats that are not decimal"),
        pytest.param([1e15, 0.125], None, ["1000000000000000.00", "0.12"], id="far apart"),
        pytest.param([], 0.0, [], id="nobody"),
    ],
)
def test_bills_are_whole_cents_of_the_shares(shares, total, expected):
    assert rounded_bills(shares, total) == tuple(map(Decimal, expected))


def test_a_currency_may_have_no_cents():
    assert rounded_bills([10.4, 10.4, 10.2], decimals=0) == (11, 10, 10)


def test_shares_that_are_not_the_bill_are_refused():
    with pytest.raises(AllocationError, match=r"add up to 9.0, but the bill to split is 10.0"):
        rounded_bills([4.0, 5.0], 10.0)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_an_amount_that_is_not_finite_is_refused(value):
    with pytest.raises(AllocationError, match="share 1 is"):
        rounded_bills([1.0, value])
    with pytest.raises(AllocationError, match="the total is"):
        rounded_bills([1.0], value)
