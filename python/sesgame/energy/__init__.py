"""Energy communities: meters, tariffs and batteries become a cost game.

>>> import sesgame as sg
>>> tariff = sg.energy.Tariff.flat(0.30, 0.08)
>>> tariff.currency
'EUR'
"""

from sesgame.energy.agents.agent import Agent
from sesgame.energy.agents.agent_clearing import AgentClearing, clear_by_agents
from sesgame.energy.agents.clearing_state import ClearingState
from sesgame.energy.agents.community_agents import CommunityAgents
from sesgame.energy.agents.grid_agent import GridAgent
from sesgame.energy.agents.masked_sums import MaskedAgent, masking_secrets
from sesgame.energy.agents.member_agent import MemberAgent
from sesgame.energy.bargaining import BargainedDispatchEvidence, bargained_dispatch
from sesgame.energy.battery import Battery, Pool, StorageOffer
from sesgame.energy.bill import Bill, BillLine
from sesgame.energy.calendar_hours import CalendarHours
from sesgame.energy.clock import Calendar
from sesgame.energy.clustering import ClusteredEvidence, clustered_nucleolus, clusters_of
from sesgame.energy.community import Community
from sesgame.energy.contract import Contract
from sesgame.energy.contract_elements import Block, FixedFee, Tax
from sesgame.energy.controller import (
    Controller,
    PeakShaving,
    SelfConsumption,
    StorageWindow,
    TimeWindows,
)
from sesgame.energy.costs_of_risk import CostOfRisk, cost_of_risk
from sesgame.energy.demand_charge import DemandCharge
from sesgame.energy.dispatch.dual_prices import (
    ContractPrices,
    OwenPrices,
    PeakPrices,
    PeakShare,
    ProgrammePrices,
)
from sesgame.energy.dispatch.own_accounts import OwnAccounts
from sesgame.energy.dispatch.scenario_prices import ScenarioPrices
from sesgame.energy.dispatch.separation import DispatchOracle
from sesgame.energy.eltariff import read_eltariff
from sesgame.energy.equilibrium import EquilibriumCheck, equilibrium_check
from sesgame.energy.exchanges import exchanged_energy
from sesgame.energy.gaussian_storage import GaussianStorage, GaussianStoragePrices
from sesgame.energy.generation_offer import GenerationOffer
from sesgame.energy.grid import Grid, Line
from sesgame.energy.imbalance import (
    ImbalanceEvidence,
    ImbalanceSettlement,
    imbalance_settlement,
)
from sesgame.energy.local_sharing.bill_sharing import bill_sharing
from sesgame.energy.local_sharing.mid_market_rate import mid_market_rate
from sesgame.energy.local_sharing.supply_demand_ratio import supply_demand_ratio
from sesgame.energy.local_sharing.uniform_local_price import uniform_local_price
from sesgame.energy.operator.bidding_results import (
    BiddingEquilibrium,
    BiddingOptimum,
    CostReportScan,
    DeviationScan,
)
from sesgame.energy.operator.demand_bidding import DemandBidding
from sesgame.energy.operator.leader_price import LeaderPrice, leader_price
from sesgame.energy.operator.leader_prices_by_step import (
    LeaderPricesByStep,
    leader_prices_by_step,
)
from sesgame.energy.operator.levelised_cost import (
    capital_recovery_factor,
    levelised_cost,
    levelised_cost_of_storage,
    service_price,
)
from sesgame.energy.operator.several_sellers import (
    BuyerDrift,
    SellersEquilibrium,
    SeveralSellers,
)
from sesgame.energy.operator.storage_cloud import StorageCloud
from sesgame.energy.operator.storage_cloud_core import CoreRent
from sesgame.energy.operator.storage_cloud_demand import StorageDemand
from sesgame.energy.operator.storage_cloud_offer import (
    CloudOffer,
    StorageStatement,
    virtual_to_physical,
)
from sesgame.energy.operator.storage_cloud_schedules import StorageNeed
from sesgame.energy.operator.wear import wear_cost, years_of_life
from sesgame.energy.operator_series.identities import BrokenIdentity
from sesgame.energy.operator_series.key_difference import (
    KeyDifference,
    fitting_keys,
    key_difference,
)
from sesgame.energy.operator_series.operator_bills import operator_bills
from sesgame.energy.operator_series.operator_series import OperatorSeries
from sesgame.energy.plausibility.question import Question
from sesgame.energy.plausibility.questions import questions
from sesgame.energy.premiums.premium_result import ClassPremium, SetApart, SharingPremium
from sesgame.energy.premiums.premium_scheme import PowerClass, PremiumPlant, PremiumScheme
from sesgame.energy.premiums.premium_shares import premium_shares
from sesgame.energy.premiums.shared_energy_game import shared_energy_game
from sesgame.energy.premiums.sharing_premium import sharing_premium
from sesgame.energy.public_grid.metering_point import MeteringPoint
from sesgame.energy.public_grid.public_grid import PublicGrid
from sesgame.energy.public_grid.shared_storage import StoredSharingPrices
from sesgame.energy.public_grid.sharing_prices import SharingPrices
from sesgame.energy.published_tariff import PublishedTariff
from sesgame.energy.risk import Risk
from sesgame.energy.scenario_settlement import ScenarioSettlement
from sesgame.energy.scenarios import Scenarios
from sesgame.energy.schedule import Schedule
from sesgame.energy.sharing import sharing_game
from sesgame.energy.sharing_coefficients import SharingCoefficients
from sesgame.energy.sharing_keys.best_given_key import BestGivenKey, best_given_key
from sesgame.energy.sharing_keys.best_static_key import BestStaticKey, best_static_key
from sesgame.energy.sharing_keys.change_in_bills import change_in_bills
from sesgame.energy.sharing_keys.dynamic_key import DynamicKey
from sesgame.energy.sharing_keys.equal_key import EqualKey
from sesgame.energy.sharing_keys.given_key import GivenKey
from sesgame.energy.sharing_keys.hierarchical_key import HierarchicalKey
from sesgame.energy.sharing_keys.keys import KEYS
from sesgame.energy.sharing_keys.nearest_key import NearestKey, nearest_key
from sesgame.energy.sharing_keys.pairwise_key import PairwiseKey
from sesgame.energy.sharing_keys.shared_generation import shared_generation
from sesgame.energy.sharing_keys.sharing_key import SharingKey
from sesgame.energy.sharing_keys.static_key import StaticKey
from sesgame.energy.tariff import PriceBand, PriceSeries, Tariff
from sesgame.energy.time_steps import TimeSteps
from sesgame.energy.two_period import TwoPeriodStorage
from sesgame.energy.two_period_prices import TwoPeriodPrices, TwoPeriodRiskPrices
from sesgame.energy.urdb import read_urdb

__all__ = [
    "KEYS",
    "Agent",
    "AgentClearing",
    "BargainedDispatchEvidence",
    "Battery",
    "BestGivenKey",
    "BestStaticKey",
    "BiddingEquilibrium",
    "BiddingOptimum",
    "Bill",
    "BillLine",
    "Block",
    "BrokenIdentity",
    "BuyerDrift",
    "Calendar",
    "CalendarHours",
    "ClassPremium",
    "ClearingState",
    "CloudOffer",
    "ClusteredEvidence",
    "Community",
    "CommunityAgents",
    "Contract",
    "ContractPrices",
    "Controller",
    "CoreRent",
    "CostOfRisk",
    "CostReportScan",
    "DemandBidding",
    "DemandCharge",
    "DeviationScan",
    "DispatchOracle",
    "DynamicKey",
    "EqualKey",
    "EquilibriumCheck",
    "FixedFee",
    "GaussianStorage",
    "GaussianStoragePrices",
    "GenerationOffer",
    "GivenKey",
    "Grid",
    "GridAgent",
    "HierarchicalKey",
    "ImbalanceEvidence",
    "ImbalanceSettlement",
    "KeyDifference",
    "LeaderPrice",
    "LeaderPricesByStep",
    "Line",
    "MaskedAgent",
    "MemberAgent",
    "MeteringPoint",
    "NearestKey",
    "OperatorSeries",
    "OwenPrices",
    "OwnAccounts",
    "PairwiseKey",
    "PeakPrices",
    "PeakShare",
    "PeakShaving",
    "Pool",
    "PowerClass",
    "PremiumPlant",
    "PremiumScheme",
    "PriceBand",
    "PriceSeries",
    "ProgrammePrices",
    "PublicGrid",
    "PublishedTariff",
    "Question",
    "Risk",
    "ScenarioPrices",
    "ScenarioSettlement",
    "Scenarios",
    "Schedule",
    "SelfConsumption",
    "SellersEquilibrium",
    "SetApart",
    "SeveralSellers",
    "SharingCoefficients",
    "SharingKey",
    "SharingPremium",
    "SharingPrices",
    "StaticKey",
    "StorageCloud",
    "StorageDemand",
    "StorageNeed",
    "StorageOffer",
    "StorageStatement",
    "StorageWindow",
    "StoredSharingPrices",
    "Tariff",
    "Tax",
    "TimeSteps",
    "TimeWindows",
    "TwoPeriodPrices",
    "TwoPeriodRiskPrices",
    "TwoPeriodStorage",
    "bargained_dispatch",
    "best_given_key",
    "best_static_key",
    "bill_sharing",
    "capital_recovery_factor",
    "change_in_bills",
    "clear_by_agents",
    "clustered_nucleolus",
    "clusters_of",
    "cost_of_risk",
    "equilibrium_check",
    "exchanged_energy",
    "fitting_keys",
    "imbalance_settlement",
    "key_difference",
    "leader_price",
    "leader_prices_by_step",
    "levelised_cost",
    "levelised_cost_of_storage",
    "masking_secrets",
    "mid_market_rate",
    "nearest_key",
    "operator_bills",
    "premium_shares",
    "questions",
    "read_eltariff",
    "read_urdb",
    "service_price",
    "shared_energy_game",
    "shared_generation",
    "sharing_game",
    "sharing_premium",
    "supply_demand_ratio",
    "uniform_local_price",
    "virtual_to_physical",
    "wear_cost",
    "years_of_life",
]
