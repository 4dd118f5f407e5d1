"""What McAfee's auction says of each period: its price p0, and whether a pair is left out."""

import numpy as np
import pytest
from fixtures.drawn import drawn
from hypothesis import strategies as st
from sesgame.markets import OrderBook, mcafee, trade_reduction
from sesgame.testing import markets


def units(bids, offers, period=0):
    return [
        *((f"b{k}", "bid", price, 1, period) for k, price in enumerate(bids)),
        *((f"s{k}", "offer", price, 1, period) for k, price in enumerate(offers)),
    ]


def test_each_period_says_its_price_and_its_branch():
    """Period 0: p0 = (4 + 6)/2 = 5 suits 8 and 3. Period 1: p0 = (1 + 9)/2 = 5 is above the bid of
    4, so that the pair is left out. Period 2: nobody is refused, so there is no p0. Period 3: the
    bids are below the offers."""
    book = OrderBook.from_orders(
        [
            *units([9, 8, 4], [2, 3, 6], 0),
            *units([9, 4, 1], [2, 3, 9], 1),
            *units([9, 8], [2, 3], 2),
            *units([1], [2], 3),
        ]
    )
    settlement = mcafee(book)
    np.testing.assert_array_equal(settlement.p0_per_kwh, [5, 5, np.nan, np.nan])
    assert settlement.branches == (
        "all at p0",
        "one pair left out",
        "one pair left out",
        "no trade",
    )
    assert settlement.to_dict()["branches"] == list(settlement.branches)
    other = trade_reduction(book)
    assert (other.p0_per_kwh, other.branches) == (None, None)


def test_a_pair_alone_does_not_trade():
    assert mcafee(OrderBook.from_orders(units([9], [2]))).branches == ("no trade",)


@drawn(
    30,
    300,
    markets(
        st.integers(2, 6),
        quantities=st.just(1),
        prices=st.integers(0, 9),
        single_orders=True,
        demand=False,
    ),
)
def test_the_branch_says_who_trades_at_what(book):
    settlement = mcafee(book)
    (branch,), (p0,) = settlement.branches, settlement.p0_per_kwh
    traded = settlement.accepted_kwh.sum() / 2
    efficient = book.clear().accepted_kwh.sum() / 2
    if branch == "all at p0":
        # Of trades without gain the auction and the merit order may count other ones.
        assert settlement.welfare == pytest.approx(book.clear().welfare)
        assert settlement.price_lower[0] == settlement.price_upper[0] == pytest.approx(p0)
    elif branch == "one pair left out":
        assert traded == pytest.approx(efficient - 1)
    else:
        assert traded == 0
