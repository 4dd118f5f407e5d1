"""Markets: truthful payments, and what they cost the budget.

One sign throughout: a positive payment means that the participant pays.
"""

from sesgame.markets.budget import (
    BudgetBalance,
    bailey_cavallo,
    scale_rents,
    uplift_by_gain,
    uplift_by_load,
)
from sesgame.markets.mechanisms.trade_reduction import mcafee, trade_reduction
from sesgame.markets.mechanisms.vcg import core_selecting, vcg
from sesgame.markets.network import (
    Line,
    NetworkMarket,
    NetworkOrder,
    NetworkSettlement,
    nodal_pricing,
)
from sesgame.markets.order_book import Order, OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement, pay_as_bid, uniform_price
from sesgame.markets.properties import PropertyReport
from sesgame.markets.settlement import Settlement
from sesgame.markets.storage_auction import (
    Bundle,
    StorageAuction,
    StorageSettlement,
    greedy,
)
from sesgame.markets.truthfulness import MisreportScan

__all__ = [
    "BudgetBalance",
    "Bundle",
    "Line",
    "MisreportScan",
    "NetworkMarket",
    "NetworkOrder",
    "NetworkSettlement",
    "OneBusSettlement",
    "Order",
    "OrderBook",
    "PropertyReport",
    "Settlement",
    "StorageAuction",
    "StorageSettlement",
    "bailey_cavallo",
    "core_selecting",
    "greedy",
    "mcafee",
    "nodal_pricing",
    "pay_as_bid",
    "scale_rents",
    "trade_reduction",
    "uniform_price",
    "uplift_by_gain",
    "uplift_by_load",
    "vcg",
]
