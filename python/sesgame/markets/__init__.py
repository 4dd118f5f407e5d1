"""Markets: truthful payments, and what they cost the budget.

One sign throughout: a positive payment means that the participant pays.
"""

from sesgame.markets.budget import BudgetBalance
from sesgame.markets.mechanisms.budget_repair import (
    bailey_cavallo,
    scale_rents,
    uplift_by_gain,
    uplift_by_load,
)
from sesgame.markets.mechanisms.core_selecting import core_selecting
from sesgame.markets.mechanisms.greedy import greedy
from sesgame.markets.mechanisms.mcafee import mcafee
from sesgame.markets.mechanisms.nodal_pricing import nodal_pricing
from sesgame.markets.mechanisms.pay_as_bid import pay_as_bid
from sesgame.markets.mechanisms.trade_reduction import trade_reduction
from sesgame.markets.mechanisms.uniform_price import uniform_price
from sesgame.markets.mechanisms.vcg import vcg
from sesgame.markets.network import NetworkMarket
from sesgame.markets.network_elements import Line, Link, NetworkOrder
from sesgame.markets.network_settlement import NetworkSettlement
from sesgame.markets.order_book import Order, OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.properties import PropertyReport
from sesgame.markets.settlement import Settlement
from sesgame.markets.storage_auction import Bundle, StorageAuction
from sesgame.markets.storage_settlement import StorageSettlement
from sesgame.markets.truthfulness import MisreportScan
from sesgame.markets.verdict import Verdict

__all__ = [
    "BudgetBalance",
    "Bundle",
    "Line",
    "Link",
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
    "Verdict",
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
