"""Who gets what when people share energy, with proof.

A game comes from any dispatch model, a solution is a function of a game, and every allocation can
be audited:

>>> import sesgame as sg
>>> game = sg.Game.from_dict(
...     {("ann",): 40, ("bob",): 30, ("ann", "bob"): 50}, kind="cost"
... )
>>> sg.audit(game, {"ann": 30, "bob": 20}).in_core
True
"""

import logging

from sesgame import adapters, energy, errors, estimators, evidence, games, markets, plots
from sesgame._engine import __version__
from sesgame.bargaining.contribution_weights import contribution_weights
from sesgame.bargaining.core_nash_bargaining import nash_bargaining_in_core
from sesgame.bargaining.division import divide
from sesgame.bargaining.equal_surplus import equal_surplus_allocation
from sesgame.bargaining.gately import gately_point
from sesgame.bargaining.nash_bargaining import nash_bargaining
from sesgame.bargaining.nested_nash import nested_nash_bargaining
from sesgame.bargaining.proportional import proportional_allocation
from sesgame.bargaining.tau import tau_value
from sesgame.bills import rounded_bills
from sesgame.comparison import compare
from sesgame.energy.owen_allocation import owen_allocation
from sesgame.game.allocation import Allocation
from sesgame.game.game import Game
from sesgame.game.separation import SeparationOracle
from sesgame.markets.budget import budget_balance
from sesgame.markets.mechanisms.vcg_of_game import vcg_payments
from sesgame.markets.truthfulness import misreport_scan
from sesgame.reports.read import read_result
from sesgame.reports.report import Report, report
from sesgame.settlement.ledger import Ledger, LedgerHead, verify_bill, verify_heads
from sesgame.settlement.settle_many import settle_many
from sesgame.shapley.by_period import PeriodGame, shapley_by_period
from sesgame.shapley.exact import banzhaf_value, semivalue, shapley_value
from sesgame.shapley.sampled import banzhaf_estimate, semivalue_estimate, shapley_estimate
from sesgame.shapley.unions import (
    nested_shapley_estimate,
    nested_shapley_value,
    owen_estimate,
    owen_value,
)
from sesgame.stability.audit import audit
from sesgame.stability.best_partition import BestPartition, best_partition
from sesgame.stability.core import core_check, core_existence, least_core
from sesgame.stability.core_points import leximin_core_allocation, nearest_core_allocation
from sesgame.stability.game_properties import game_properties
from sesgame.stability.kernel import kernel_check, maximal_surpluses
from sesgame.stability.nucleolus import (
    nucleoli,
    nucleolus,
    per_capita_nucleolus,
    per_capita_prenucleolus,
    prenucleolus,
)
from sesgame.stability.per_capita_least_core import per_capita_least_core

__all__ = [
    "Allocation",
    "BestPartition",
    "Game",
    "Ledger",
    "LedgerHead",
    "PeriodGame",
    "Report",
    "SeparationOracle",
    "__version__",
    "adapters",
    "audit",
    "banzhaf_estimate",
    "banzhaf_value",
    "best_partition",
    "budget_balance",
    "compare",
    "contribution_weights",
    "core_check",
    "core_existence",
    "divide",
    "energy",
    "equal_surplus_allocation",
    "errors",
    "estimators",
    "evidence",
    "game_properties",
    "games",
    "gately_point",
    "kernel_check",
    "least_core",
    "leximin_core_allocation",
    "markets",
    "maximal_surpluses",
    "misreport_scan",
    "nash_bargaining",
    "nash_bargaining_in_core",
    "nearest_core_allocation",
    "nested_nash_bargaining",
    "nested_shapley_estimate",
    "nested_shapley_value",
    "nucleoli",
    "nucleolus",
    "owen_allocation",
    "owen_estimate",
    "owen_value",
    "per_capita_least_core",
    "per_capita_nucleolus",
    "per_capita_prenucleolus",
    "plots",
    "prenucleolus",
    "proportional_allocation",
    "read_result",
    "report",
    "rounded_bills",
    "semivalue",
    "semivalue_estimate",
    "settle_many",
    "shapley_by_period",
    "shapley_estimate",
    "shapley_value",
    "tau_value",
    "vcg_payments",
    "verify_bill",
    "verify_heads",
]

# Silent until the caller configures logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())
