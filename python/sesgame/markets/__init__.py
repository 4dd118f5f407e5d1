"""Markets: truthful payments, and what they cost the budget.

One sign throughout: a positive payment means that the participant pays.
"""

from sesgame.markets.budget import BudgetBalance
from sesgame.markets.matching import Matching
from sesgame.markets.matching_proof import CorePoint
from sesgame.markets.matching_settlement import MatchedPair, MatchingSettlement
from sesgame.markets.mechanisms.average_price import average_price
from sesgame.markets.mechanisms.budget_repair import (
    bailey_cavallo,
    scale_rents,
    uplift_by_gain,
    uplift_by_load,
)
from sesgame.markets.mechanisms.buyer_optimal import buyer_optimal
from sesgame.markets.mechanisms.core_selecting import core_selecting
from sesgame.markets.mechanisms.fair_division import fair_division
from sesgame.markets.mechanisms.greedy import greedy
from sesgame.markets.mechanisms.matching_nucleolus import matching_nucleolus
from sesgame.markets.mechanisms.mcafee import mcafee
from sesgame.markets.mechanisms.muda import muda
from sesgame.markets.mechanisms.nodal_pricing import nodal_pricing
from sesgame.markets.mechanisms.pay_as_bid import pay_as_bid
from sesgame.markets.mechanisms.seller_optimal import seller_optimal
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
    "CorePoint",
    "Line",
    "Link",
    "MatchedPair",
    "Matching",
    "MatchingSettlement",
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
    "average_price",
    "bailey_cavallo",
    "buyer_optimal",
    "core_selecting",
    "fair_division",
    "greedy",
    "matching_nucleolus",
    "mcafee",
    "muda",
    "nodal_pricing",
    "pay_as_bid",
    "scale_rents",
    "seller_optimal",
    "trade_reduction",
    "uniform_price",
    "uplift_by_gain",
    "uplift_by_load",
    "vcg",
]
