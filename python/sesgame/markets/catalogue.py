"""The ordered list of mechanisms: the only module that imports every one of them.

The command line, the documentation and the tests iterate over :data:`MECHANISMS`; a new mechanism
is one file and one line here.
"""

from __future__ import annotations

from sesgame.markets.mechanisms.average_price import AVERAGE_PRICE
from sesgame.markets.mechanisms.budget_repair import (
    VCG_BAILEY_CAVALLO,
    VCG_SCALE_RENTS,
    VCG_UPLIFT_BY_GAIN,
    VCG_UPLIFT_BY_LOAD,
)
from sesgame.markets.mechanisms.buyer_optimal import BUYER_OPTIMAL
from sesgame.markets.mechanisms.core_selecting import CORE_SELECTING
from sesgame.markets.mechanisms.fair_division import FAIR_DIVISION
from sesgame.markets.mechanisms.greedy import GREEDY
from sesgame.markets.mechanisms.matching_nucleolus import MATCHING_NUCLEOLUS
from sesgame.markets.mechanisms.mcafee import MCAFEE
from sesgame.markets.mechanisms.muda import MUDA
from sesgame.markets.mechanisms.nodal_pricing import NODAL_PRICING
from sesgame.markets.mechanisms.pay_as_bid import PAY_AS_BID
from sesgame.markets.mechanisms.seller_optimal import SELLER_OPTIMAL
from sesgame.markets.mechanisms.trade_reduction import TRADE_REDUCTION
from sesgame.markets.mechanisms.uniform_price import UNIFORM_PRICE
from sesgame.markets.mechanisms.vcg import VCG
from sesgame.rule import ByName

__all__ = ["MECHANISMS"]


MECHANISMS = ByName(
    [
        VCG,
        UNIFORM_PRICE,
        AVERAGE_PRICE,
        PAY_AS_BID,
        NODAL_PRICING,
        TRADE_REDUCTION,
        MCAFEE,
        MUDA,
        CORE_SELECTING,
        GREEDY,
        BUYER_OPTIMAL,
        SELLER_OPTIMAL,
        FAIR_DIVISION,
        MATCHING_NUCLEOLUS,
        VCG_UPLIFT_BY_LOAD,
        VCG_UPLIFT_BY_GAIN,
        VCG_SCALE_RENTS,
        VCG_BAILEY_CAVALLO,
    ]
)
"""Every mechanism by its name."""
