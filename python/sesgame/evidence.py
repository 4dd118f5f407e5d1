"""Evidence of allocations: certificates, diagnostics and intervals, in one public module."""

from sesgame.adapters.duality import DualityEvidence
from sesgame.bargaining.core_nash_evidence import NashEffort, NashInCoreEvidence, ZeroGain
from sesgame.bargaining.division import DivisionEvidence
from sesgame.bargaining.gately import GatelyEvidence
from sesgame.bargaining.nested_nash import NestedNashEvidence
from sesgame.bargaining.surplus import SurplusEvidence
from sesgame.bargaining.tau import TauEvidence
from sesgame.energy.agents.agent_prices import AgentPrices
from sesgame.energy.bargaining import BargainedDispatchEvidence
from sesgame.energy.clustering import ClusteredEvidence
from sesgame.energy.dispatch.dual_prices import (
    ContractPrices,
    DualPrices,
    OwenPrices,
    PeakPrices,
    ProgrammePrices,
)
from sesgame.energy.dispatch.own_accounts import OwnAccounts
from sesgame.energy.dispatch.scenario_prices import ScenarioPrices
from sesgame.energy.gaussian_storage import GaussianStoragePrices
from sesgame.energy.imbalance import ImbalanceEvidence
from sesgame.energy.local_sharing.local_prices import LocalPrices
from sesgame.energy.operator.leader_evidence import LeaderPricesEvidence
from sesgame.energy.operator.storage_cloud_bills import CloudBills
from sesgame.energy.operator.storage_cloud_game import OperatorPrices
from sesgame.energy.operator_series.bills_evidence import OperatorBills, OperatorLine
from sesgame.energy.public_grid.shared_storage import StoredSharingPrices
from sesgame.energy.public_grid.sharing_prices import SharingPrices
from sesgame.energy.sharing_keys.shared_generation import SharedGeneration
from sesgame.energy.two_period_prices import TwoPeriodPrices, TwoPeriodRiskPrices
from sesgame.estimators.cross_validated import Candidate
from sesgame.game.allocation import Course, Evidence, Intervals
from sesgame.game.cost_basis import CostBasis, CostTerms
from sesgame.markets.mechanisms.vcg_of_game import ClarkeEvidence
from sesgame.shapley.exact import ExactSemivalue
from sesgame.shapley.sampling_evidence import SampledShapley, TracePoint
from sesgame.stability.bounds_on_shares import BoundsContradiction, ShareBound
from sesgame.stability.core import CoreCheck, CoreExistence, LeastCoreEvidence
from sesgame.stability.core_points import CorePointEvidence, CorePointStep
from sesgame.stability.kernel import KernelCheck
from sesgame.stability.nucleolus import NucleolusEvidence
from sesgame.stability.search_evidence import GeneratedEvidence, GeneratedStage, GenerationEffort
from sesgame.stability.stages import Effort, Stage
from sesgame.stability.verification import Verification

__all__ = [
    "AgentPrices",
    "BargainedDispatchEvidence",
    "BoundsContradiction",
    "Candidate",
    "ClarkeEvidence",
    "CloudBills",
    "ClusteredEvidence",
    "ContractPrices",
    "CoreCheck",
    "CoreExistence",
    "CorePointEvidence",
    "CorePointStep",
    "CostBasis",
    "CostTerms",
    "Course",
    "DivisionEvidence",
    "DualPrices",
    "DualityEvidence",
    "Effort",
    "Evidence",
    "ExactSemivalue",
    "GatelyEvidence",
    "GaussianStoragePrices",
    "GeneratedEvidence",
    "GeneratedStage",
    "GenerationEffort",
    "ImbalanceEvidence",
    "Intervals",
    "KernelCheck",
    "LeaderPricesEvidence",
    "LeastCoreEvidence",
    "LocalPrices",
    "NashEffort",
    "NashInCoreEvidence",
    "NestedNashEvidence",
    "NucleolusEvidence",
    "OperatorBills",
    "OperatorLine",
    "OperatorPrices",
    "OwenPrices",
    "OwnAccounts",
    "PeakPrices",
    "ProgrammePrices",
    "SampledShapley",
    "ScenarioPrices",
    "ShareBound",
    "SharedGeneration",
    "SharingPrices",
    "Stage",
    "StoredSharingPrices",
    "SurplusEvidence",
    "TauEvidence",
    "TracePoint",
    "TwoPeriodPrices",
    "TwoPeriodRiskPrices",
    "Verification",
    "ZeroGain",
]
