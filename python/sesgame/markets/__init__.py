"""Markets: truthful payments, and what they cost the budget.

One sign throughout: a positive payment means that the participant pays.
"""

from sesgame.markets.one_bus import OneBusSettlement, pay_as_bid, uniform_price, vcg
from sesgame.markets.order_book import Order, OrderBook
from sesgame.markets.settlement import Settlement
from sesgame.markets.truthfulness import MisreportScan

__all__ = [
    "MisreportScan",
    "OneBusSettlement",
    "Order",
    "OrderBook",
    "Settlement",
    "pay_as_bid",
    "uniform_price",
    "vcg",
]
