"""Markets: truthful payments, and what they cost the budget.

One sign throughout: a positive payment means that the participant pays.
"""

from sesgame.markets.aemo_frames import aemo_book, aemo_prices
from sesgame.markets.budget import BudgetBalance
from sesgame.markets.entsoe_frames import entsoe_prices
from sesgame.markets.market_prices import MarketPrices
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
from sesgame.markets.mechanisms.clarke_tax import PublicChoiceSettlement, clarke_tax
from sesgame.markets.mechanisms.core_selecting import core_selecting
from sesgame.markets.mechanisms.fair_division import fair_division
from sesgame.markets.mechanisms.greedy import greedy
from sesgame.markets.mechanisms.line_rents import line_rents, rent_to_line_owners
from sesgame.markets.mechanisms.matching_nucleolus import matching_nucleolus
from sesgame.markets.mechanisms.mcafee import mcafee
from sesgame.markets.mechanisms.muda import muda
from sesgame.markets.mechanisms.nodal_pricing import nodal_pricing
from sesgame.markets.mechanisms.pay_as_bid import pay_as_bid
from sesgame.markets.mechanisms.seller_optimal import seller_optimal
from sesgame.markets.mechanisms.trade_reduction import trade_reduction
from sesgame.markets.mechanisms.uniform_price import uniform_price
from sesgame.markets.mechanisms.uplift_by_rule import uplift_by_rule
from sesgame.markets.mechanisms.vcg import vcg
from sesgame.markets.network import NetworkMarket
from sesgame.markets.network_elements import Line, Link, NetworkOrder
from sesgame.markets.network_settlement import NetworkSettlement
from sesgame.markets.order_book import Order, OrderBook
from sesgame.markets.order_book_settlement import OneBusSettlement
from sesgame.markets.properties import PropertyReport
from sesgame.markets.public_choice import PublicChoice
from sesgame.markets.pymarket_frames import pymarket_book
from sesgame.markets.settlement import Settlement
from sesgame.markets.standing_alone import values_alone
from sesgame.markets.storage_auction import Bundle, StorageAuction
from sesgame.markets.storage_settlement import StorageSettlement
from sesgame.markets.trading_games import deficit_game, market_game
from sesgame.markets.truthfulness import MisreportScan
from sesgame.markets.verdict import Verdict

__all__ = [
    "BudgetBalance",
    "Bundle",
    "CorePoint",
    "Line",
    "Link",
    "MarketPrices",
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
    "PublicChoice",
    "PublicChoiceSettlement",
    "Settlement",
    "StorageAuction",
    "StorageSettlement",
    "Verdict",
    "aemo_book",
    "aemo_prices",
    "average_price",
    "bailey_cavallo",
    "buyer_optimal",
    "clarke_tax",
    "core_selecting",
    "deficit_game",
    "entsoe_prices",
    "fair_division",
    "greedy",
    "line_rents",
    "market_game",
    "matching_nucleolus",
    "mcafee",
    "muda",
    "nodal_pricing",
    "pay_as_bid",
    "pymarket_book",
    "rent_to_line_owners",
    "scale_rents",
    "seller_optimal",
    "trade_reduction",
    "uniform_price",
    "uplift_by_gain",
    "uplift_by_load",
    "uplift_by_rule",
    "values_alone",
    "vcg",
]
