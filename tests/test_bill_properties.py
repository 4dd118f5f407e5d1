from decimal import Decimal
from fractions import Fraction
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from sesgame.bills import rounded_bills

amounts = st.floats(allow_nan=False, allow_infinity=False)
shares = st.lists(amounts, min_size=1, max_size=40)


@given(shares, st.integers(0, 3))
def test_bills_add_up_to_the_rounded_sum_and_are_off_by_less_than_a_cent(values, decimals):
    bills = [Fraction(bill) for bill in rounded_bills(values, decimals=decimals)]
    unit = Fraction(1, 10**decimals)
    total = sum(map(Fraction, values), Fraction(0))
    assert sum(bills) == round(total / unit) * unit
    for bill, value in zip(bills, values, strict=True):
        assert abs(bill - Fraction(value)) < unit


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40))
def test_bills_add_up_to_the_communitys_bill(values):
    # A sum in floating point: off by the rounding errors that solutions have, too.
    total = sum(values)
    bills = rounded_bills(values, total)
    assert sum(bills, Decimal(0)) == Decimal(round(Fraction(total) * 100)) / 100


@given(shares)
def test_whoever_has_the_larger_share_never_has_the_smaller_bill(values):
    ranked = sorted(zip(values, rounded_bills(values), strict=True), key=lambda pair: pair[0])
    for (low, small), (high, large) in pairwise(ranked):
        assert small <= large or low == high
