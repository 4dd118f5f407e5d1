# The compiled engine; private. Arrays are C-contiguous.

from collections.abc import Callable
from typing import Any, ClassVar, Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray
from typing_extensions import disjoint_base

__version__: str
HIGHS_VERSION: str

@final
class LexicographicMaster:
    def __new__(
        cls,
        kind: Literal["gain", "cost"],
        grand: float,
        alone: NDArray[np.float64],
        without: NDArray[np.float64],
        individually_rational: bool,
        accuracy: float,
    ) -> LexicographicMaster: ...
    def solve(self, first: int, to_the_end: bool) -> None: ...
    def require(
        self,
        membership: NDArray[np.bool_],
        values: NDArray[np.float64],
        tolerance: float,
        limit: int,
    ) -> tuple[int | None, int]: ...
    def include(self, membership: NDArray[np.bool_], values: NDArray[np.float64]) -> int: ...
    def nearest(self, center: NDArray[np.float64], level: float) -> NDArray[np.float64] | None: ...
    def stages(
        self,
    ) -> list[
        tuple[
            float,
            NDArray[np.bool_],
            NDArray[np.float64],
            NDArray[np.float64],
            list[tuple[int, float]],
        ]
    ]: ...
    @property
    def allocation(self) -> NDArray[np.float64]: ...
    @property
    def levels(self) -> list[float]: ...
    @property
    def bounded(self) -> bool: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def pivots(self) -> int: ...
    @property
    def pool_rows(self) -> int: ...

@final
class Stop:
    def __new__(cls) -> Stop: ...
    def set(self) -> None: ...
    def __enter__(self) -> None: ...
    def __exit__(self, *_raised: object) -> None: ...

@disjoint_base
class NativeGame:
    def __copy__(self) -> NativeGame: ...
    def __deepcopy__(self, _memo: Any) -> NativeGame: ...
    def __reduce__(self) -> tuple[Any, ...]: ...
    @property
    def n_players(self) -> int: ...
    @property
    def source(self) -> tuple[Any, ...] | None: ...
    def made_by(self, source: tuple[Any, ...]) -> None: ...
    def leave_one_out(
        self, report: Callable[[int, int], None] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float]: ...
    def semivalue(
        self, weights: list[float], report: Callable[[int, int], None] | None = None
    ) -> tuple[NDArray[np.float64], float]: ...
    def shapley_value(
        self, report: Callable[[int, int], None] | None = None
    ) -> tuple[NDArray[np.float64], float, str] | None: ...
    def shapley_value_by_form(
        self, report: Callable[[int, int], None] | None = None
    ) -> tuple[NDArray[np.float64], float, str] | None: ...
    def tabulate(self, report: Callable[[int, int], None] | None = None) -> NDArray[np.float64]: ...
    def values_alone(self) -> tuple[NDArray[np.float64], float]: ...
    def values(self, membership: NDArray[np.bool_]) -> NDArray[np.float64]: ...

@final
class CoalitionValues:
    def __new__(cls, n_players: int) -> CoalitionValues: ...
    def __len__(self) -> int: ...
    def look_up(
        self, membership: NDArray[np.bool_]
    ) -> tuple[NDArray[np.uint32], NDArray[np.intp]]: ...
    def learn(self, slots: NDArray[np.uint32], values: NDArray[np.float64]) -> None: ...
    def values(self, slots: NDArray[np.uint32]) -> NDArray[np.float64]: ...
    def learned_since(self, first: int) -> tuple[NDArray[np.bool_], NDArray[np.float64]]: ...

@final
class PairedEstimate:
    def __new__(
        cls, probabilities: NDArray[np.float64], method: str, sizes: str, seed: int
    ) -> PairedEstimate: ...
    def draw(self, count: int, grand: float, scale: float) -> NDArray[np.bool_]: ...
    def record(self, odd: NDArray[np.float64]) -> None: ...
    def estimate(
        self, grand: float, scale: float, taken_off: float = 0.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], float, int]: ...
    def revalued(
        self, method: str, odd: NDArray[np.float64], keep: NDArray[np.bool_] | None = None
    ) -> PairedEstimate: ...
    def held_out(self, grand: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...
    def kernel_ridge(
        self, grand: float, scale: float, report: Callable[[int, int], None] | None = None
    ) -> tuple[
        NDArray[np.float64], NDArray[np.float64], float, tuple[float, NDArray[np.float64]]
    ]: ...

@final
class SharingGame(NativeGame):
    def local_prices(
        self,
    ) -> tuple[
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
        NDArray[np.float64],
    ]: ...

@final
class StratifiedEstimate:
    def __new__(
        cls, probabilities: NDArray[np.float64], n_ranges: int, seed: int
    ) -> StratifiedEstimate: ...
    @property
    def n_strata(self) -> int: ...
    def draw(self, count: int, scale: float) -> NDArray[np.bool_]: ...
    def record(self, values: NDArray[np.float64]) -> None: ...
    def estimate(
        self, scale: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...

@final
class StorageUsers:
    def demand(self, report: Callable[[int, int], None] | None = None) -> StorageDemand: ...
    def service(
        self,
        energy_kwh: NDArray[np.float64],
        power_kwh: NDArray[np.float64],
        report: Callable[[int, int], None] | None = None,
    ) -> StorageService: ...

@final
class StorageDemand:
    @property
    def starts(self) -> NDArray[np.int64]: ...
    @property
    def rent(self) -> NDArray[np.float64]: ...
    @property
    def energy_kwh(self) -> NDArray[np.float64]: ...
    @property
    def power_kwh(self) -> NDArray[np.float64]: ...
    @property
    def size(self) -> NDArray[np.float64]: ...
    @property
    def saved(self) -> NDArray[np.float64]: ...
    def rent_levels(
        self,
        energy_cost: float,
        power_cost: float,
        wear_cost: float,
        most_energy: float,
        report: Callable[[int, int], None] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...

@final
class StorageService:
    @property
    def saved(self) -> NDArray[np.float64]: ...
    @property
    def least_held(self) -> NDArray[np.float64]: ...
    @property
    def most_held(self) -> NDArray[np.float64]: ...
    @property
    def least_change(self) -> NDArray[np.float64]: ...
    @property
    def largest_change(self) -> NDArray[np.float64]: ...
    @property
    def drawn(self) -> NDArray[np.float64]: ...
    @property
    def least_drawn(self) -> NDArray[np.float64]: ...
    @property
    def most_drawn(self) -> NDArray[np.float64]: ...

@final
class ProximalMember:
    def __new__(
        cls,
        net_load_kwh: NDArray[np.float64],
        unused_kwh: NDArray[np.float64],
        batteries: list[
            tuple[tuple[float, float, float, float], tuple[float, float], float, tuple[int, int]]
        ],
    ) -> ProximalMember: ...
    def respond(
        self, target: NDArray[np.float64], rho: float
    ) -> tuple[NDArray[np.float64], float]: ...

def proximal_responses(
    members: list[ProximalMember],
    targets: NDArray[np.float64],
    rhos: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

@final
class PooledBatteryDispatch:
    @property
    def cost(self) -> float: ...
    @property
    def state_of_charge(self) -> NDArray[np.float64]: ...
    @property
    def charge(self) -> NDArray[np.float64]: ...
    @property
    def discharge(self) -> NDArray[np.float64]: ...
    @property
    def grid_import(self) -> NDArray[np.float64]: ...
    @property
    def grid_export(self) -> NDArray[np.float64]: ...
    @property
    def energy_price(self) -> NDArray[np.float64]: ...
    @property
    def capacity_price(self) -> NDArray[np.float64]: ...
    @property
    def power_price(self) -> NDArray[np.float64]: ...
    @property
    def initial_charge_price(self) -> float: ...

@final
class PooledBatteryGame(NativeGame):
    def bill_ranges(
        self, report: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float64]: ...

@final
class ControlledGame(NativeGame):
    def moves(
        self, members: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...

@final
class PeakChargedDispatch:
    @property
    def schedule(self) -> ConvexDispatch: ...
    @property
    def caps(self) -> NDArray[np.float64]: ...
    @property
    def shares(self) -> list[NDArray[np.float64]]: ...
    @property
    def turnover(self) -> float: ...

@final
class PeakChargedGame(NativeGame):
    @property
    def n_by_program(self) -> int: ...
    def bill_ranges(
        self, report: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float64]: ...
    def dispatch(self, members: NDArray[np.bool_]) -> PeakChargedDispatch: ...
    def infeasible_step(self, members: NDArray[np.bool_]) -> int | None: ...
    def least_cost(
        self, members: NDArray[np.bool_], shares: list[NDArray[np.float64]]
    ) -> float: ...

@final
class ConvexDispatch:
    @property
    def cost(self) -> float: ...
    @property
    def state_of_charge(self) -> NDArray[np.float64]: ...
    @property
    def charge(self) -> NDArray[np.float64]: ...
    @property
    def discharge(self) -> NDArray[np.float64]: ...
    @property
    def exchange_price(self) -> NDArray[np.float64]: ...
    @property
    def resource_price(self) -> NDArray[np.float64]: ...
    @property
    def cap_price(self) -> NDArray[np.float64]: ...
    @property
    def constant_cost(self) -> float: ...
    @property
    def capacity_price(self) -> NDArray[np.float64]: ...
    @property
    def charge_power_price(self) -> NDArray[np.float64]: ...
    @property
    def discharge_power_price(self) -> NDArray[np.float64]: ...
    @property
    def initial_charge_price(self) -> float: ...

@final
class ConvexDispatchGame(NativeGame):
    def bill_ranges(
        self, report: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float64]: ...
    def dispatch(
        self, members: NDArray[np.bool_], caps: NDArray[np.float64] | None = None
    ) -> ConvexDispatch: ...
    def infeasible_step(
        self, members: NDArray[np.bool_], caps: NDArray[np.float64] | None = None
    ) -> int | None: ...
    def at_caps(
        self, members: NDArray[np.bool_], caps: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

_MovedBounds: TypeAlias = tuple[NDArray[np.int32], NDArray[np.float64], NDArray[np.float64]]

@final
class ExclusiveGame(NativeGame):
    def optimum(self, members: NDArray[np.bool_]) -> NDArray[np.float64]: ...

@final
class LinearProductionGame(NativeGame):
    def exclusive(self, choices: NDArray[np.int64]) -> ExclusiveGame: ...
    def most_violated(
        self,
        allocation: NDArray[np.float64],
        outside: NDArray[np.int64],
        level: float,
        gap: float,
        any_above: bool,
        max_seconds: float,
    ) -> tuple[NDArray[np.bool_] | None, float, float, bool]: ...
    def optimum(
        self, members: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]: ...
    def cost_rates(
        self,
        members: NDArray[np.bool_],
        directions: NDArray[np.float64],
        report: Callable[[int, int], None] | None,
    ) -> NDArray[np.float64]: ...
    def extreme_duals(
        self, members: NDArray[np.bool_], weights: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

@final
class OuterApproximation:
    @property
    def n_players(self) -> int: ...
    @property
    def n_bounds(self) -> int: ...
    def most_violated(
        self,
        allocation: NDArray[np.float64],
        outside: NDArray[np.int64],
        level: float,
        gap: float,
        any_above: bool,
        max_seconds: float,
        report: Callable[..., None] | None = None,
    ) -> tuple[NDArray[np.bool_], float, float, bool]: ...

def convex_separation(game: ConvexDispatchGame) -> OuterApproximation: ...
def two_price_separation(
    net_load_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    power_kwh: NDArray[np.float64],
    charge_efficiency: float,
    discharge_efficiency: float,
    initial_charge_kwh: NDArray[np.float64],
    charged: PeakChargedGame | None = None,
) -> OuterApproximation: ...
def linear_production_game(
    cost: NDArray[np.float64],
    column_bounds: NDArray[np.float64],
    row_bounds: NDArray[np.float64],
    row_starts: NDArray[np.int64],
    row_columns: NDArray[np.int64],
    coefficients: NDArray[np.float64],
    own_cost: NDArray[np.float64],
    moved_columns: _MovedBounds,
    moved_rows: _MovedBounds,
    is_cost: bool,
) -> LinearProductionGame: ...
def assignment_game(worth: NDArray[np.float64]) -> NativeGame: ...
def airport_game(costs: NDArray[np.float64]) -> NativeGame: ...
def bankruptcy_game(estate: float, claims: NDArray[np.float64]) -> NativeGame: ...
def banzhaf_value(table: NDArray[np.float64]) -> NDArray[np.float64]: ...
def contract_game(
    net_load_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    terms: _ContractTerms,
) -> NativeGame: ...
def controlled_game(
    net_load_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    band: tuple[NDArray[np.float64], NDArray[np.float64]],
    units: list[tuple[float, float, float, int, int]],
    brought: NDArray[np.float64],
    shifts: NDArray[np.float64],
    charges: list[tuple[float, NDArray[np.int64]]],
    terms: _ContractTerms | None = None,
    cost_of_all: float | None = None,
) -> ControlledGame: ...
def convex_dispatch_game(
    resources: NDArray[np.float64],
    money: NDArray[np.float64],
    slopes: NDArray[np.float64],
    kinks: tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]],
    anchor: NDArray[np.int32],
    caps: NDArray[np.float64],
    batteries: tuple[
        NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]
    ],
    losses: tuple[float, float, float, float, float],
) -> ConvexDispatchGame: ...
def dual_game(game: NativeGame, total: float) -> NativeGame: ...
def excess_game(
    loads: NDArray[np.float64], limits: NDArray[np.float64], prices: NDArray[np.float64]
) -> NativeGame: ...
def induced_subgraph_game(weights: NDArray[np.float64]) -> NativeGame: ...
def netting_game(
    net_load_kwh: NDArray[np.float64], buy: NDArray[np.float64], sell: NDArray[np.float64]
) -> NativeGame: ...
def numeric_rows(
    text: str, n_columns: int, text_column: int
) -> tuple[list[str], NDArray[np.float64]] | None: ...
def peak_game(
    loads: NDArray[np.float64], ends: list[int], prices: NDArray[np.float64]
) -> NativeGame: ...
def permutation_means(
    game: NativeGame,
    orders: int,
    seed: int,
    first: int,
    count: int,
    report: Callable[[int, int], None] | None = None,
) -> tuple[NDArray[np.float64], float, float]: ...
def permutation_orders(
    n_players: int, orders: int, seed: int, batch: int
) -> NDArray[np.uint32]: ...
def peak_charged_game(
    resources: NDArray[np.float64],
    money: NDArray[np.float64],
    slopes: NDArray[np.float64],
    kinks: tuple[NDArray[np.float64], NDArray[np.int32], NDArray[np.int32], NDArray[np.bool_]],
    anchor: NDArray[np.int32],
    charges: list[tuple[float, NDArray[np.int64]]],
    meter: tuple[int, int, float],
    batteries: tuple[
        NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]
    ],
    losses: tuple[float, float, float, float, float],
) -> PeakChargedGame: ...
def storage_users(
    net_load_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    starts: NDArray[np.int64],
    days: NDArray[np.float64],
    charge_efficiency: float,
    discharge_efficiency: float,
    sizing: str,
    factor: float,
    most: float,
) -> StorageUsers: ...
def pooled_battery_dispatch(
    net_load_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    energy_kwh: float,
    power_kwh: float,
    charge_efficiency: float,
    discharge_efficiency: float,
    initial_charge_kwh: float,
    retention: float = 1.0,
) -> PooledBatteryDispatch: ...
def pooled_battery_game(
    net_load_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    power_kwh: NDArray[np.float64],
    charge_efficiency: float,
    discharge_efficiency: float,
    initial_charge_kwh: NDArray[np.float64],
    retention: float = 1.0,
) -> PooledBatteryGame: ...
def pooled_bill_ranges(
    load_kwh: NDArray[np.float64],
    pv_kwh: NDArray[np.float64],
    total_kwh: NDArray[np.float64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    power_kwh: NDArray[np.float64],
    charge_efficiency: float,
    discharge_efficiency: float,
    initial_charge_kwh: NDArray[np.float64],
    report: Callable[[int, int], None] | None = None,
) -> NDArray[np.float64]: ...
def semivalue(table: NDArray[np.float64], weights: list[float]) -> NDArray[np.float64]: ...
def shapley_value(table: NDArray[np.float64]) -> NDArray[np.float64]: ...
def sharing_game(
    import_kwh: NDArray[np.float64],
    export_kwh: NDArray[np.float64],
    member: NDArray[np.int64],
    group: NDArray[np.int64],
    zone: NDArray[np.int64],
    buy: NDArray[np.float64],
    sell: NDArray[np.float64],
    fee: NDArray[np.float64],
    alone: NDArray[np.float64],
    own_points: str,
) -> SharingGame: ...
def spanning_tree_game(costs: NDArray[np.float64]) -> NativeGame: ...
def strategic_equivalent(
    game: NativeGame, factor: float, offsets: NDArray[np.float64]
) -> NativeGame: ...
def unions_game(game: NativeGame, unions: list[list[int]]) -> NativeGame: ...
def risk_game(
    games: list[NativeGame], probabilities: NDArray[np.float64], level: float, weight: float
) -> NativeGame: ...
def weighted_sum_game(games: list[NativeGame], weights: NDArray[np.float64]) -> NativeGame: ...
def weighted_vote(weights: NDArray[np.float64], quota: float) -> NativeGame: ...

_PeakMonth: TypeAlias = tuple[int, NDArray[np.int64], NDArray[np.int64]]
_BilledPeak: TypeAlias = tuple[
    float,
    int,
    list[_PeakMonth],
    int,
    tuple[float, float],
    NDArray[np.float64],
    tuple[int, float, int],
]
_ContractTerms: TypeAlias = tuple[
    bool,
    tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]] | None,
    float,
    tuple[
        NDArray[np.int64], NDArray[np.float64], NDArray[np.float64], list[tuple[int, float, float]]
    ],
    list[_BilledPeak],
]
_Report: TypeAlias = Callable[[int, int], None] | None
_Kind: TypeAlias = Literal["gain", "cost"]
_Stage: TypeAlias = tuple[float, list[tuple[int, float]], list[tuple[int, float]]]
_Weights: TypeAlias = list[tuple[int, float]]
_Step: TypeAlias = tuple[float, _Weights, _Weights, _Weights, float]
_Effort: TypeAlias = tuple[int, int, int, int]

@final
class CorePointOutcome:
    @property
    def allowed(self) -> float: ...
    @property
    def allocation(self) -> NDArray[np.float64]: ...
    @property
    def stages(self) -> list[_Stage]: ...
    @property
    def steps(self) -> list[_Step]: ...
    @property
    def contradiction(self) -> _Step | None: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def effort(self) -> _Effort: ...

@final
class LeastCoreOutcome:
    @property
    def value(self) -> float: ...
    @property
    def allocation(self) -> NDArray[np.float64]: ...
    @property
    def stages(self) -> list[_Stage]: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def effort(self) -> _Effort: ...

@final
class NucleolusOutcome:
    @property
    def allocation(self) -> NDArray[np.float64]: ...
    @property
    def stages(self) -> list[_Stage]: ...
    @property
    def individually_rational(self) -> bool: ...
    @property
    def tolerance(self) -> float: ...
    @property
    def effort(self) -> _Effort: ...

_Ends: TypeAlias = tuple[tuple[float, int, int] | None, tuple[float, int, int] | None]

def additivity(table: NDArray[np.float64], slack: float, report: _Report = None) -> _Ends: ...
def coalitions_at_least(
    table: NDArray[np.float64],
    kind: _Kind,
    allocation: NDArray[np.float64],
    threshold: float,
    limit: int,
    report: _Report = None,
) -> tuple[list[int], int]: ...
def complements(table: NDArray[np.float64], slack: float, report: _Report = None) -> _Ends: ...
def convexity(table: NDArray[np.float64], slack: float, report: _Report = None) -> _Ends: ...
def core_point(
    table: NDArray[np.float64],
    kind: _Kind,
    leximin: bool,
    reference: NDArray[np.float64],
    accuracy: float,
    least_core: bool,
    bounds: list[tuple[float, float]],
    report: _Report = None,
) -> CorePointOutcome: ...
def core_witness(
    table: NDArray[np.float64], kind: _Kind, accuracy: float, report: _Report = None
) -> tuple[NDArray[np.float64] | None, _Stage | None, float, _Effort]: ...
def excess_histogram(
    table: NDArray[np.float64],
    kind: _Kind,
    allocation: NDArray[np.float64],
    ends: tuple[float, float],
    bins: int,
    report: _Report = None,
) -> NDArray[np.uint64]: ...
def first_without_core(
    table: NDArray[np.float64], kind: _Kind, accuracy: float, report: _Report = None
) -> int | None: ...
def joint_level(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    raised: NDArray[np.bool_],
    total: float,
) -> tuple[float, NDArray[np.float64], NDArray[np.float64], float] | None: ...
def least_core(
    table: NDArray[np.float64], kind: _Kind, per_capita: bool, report: _Report = None
) -> LeastCoreOutcome: ...
def largest_excess_with_each(
    table: NDArray[np.float64],
    kind: _Kind,
    allocation: NDArray[np.float64],
    report: _Report = None,
) -> NDArray[np.float64]: ...
def marginals(
    table: NDArray[np.float64], offsets: list[float], slack: float, report: _Report = None
) -> tuple[NDArray[np.float64], NDArray[np.float64], _Ends]: ...
def maximal_surpluses(
    table: NDArray[np.float64],
    kind: _Kind,
    allocation: NDArray[np.float64],
    report: _Report = None,
) -> NDArray[np.float64]: ...
def most_violated(
    table: NDArray[np.float64],
    kind: _Kind,
    allocation: NDArray[np.float64],
    level: float,
    count: int,
    sample: int,
) -> list[int]: ...
def n_threads() -> int: ...
def near_nash_point(
    rows: NDArray[np.float64],
    demands: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float] | None: ...
def nucleoli(
    tables: NDArray[np.float64],
    kind: _Kind,
    per_capita: bool,
    individually_rational: bool,
) -> NDArray[np.float64]: ...
def nucleolus(
    table: NDArray[np.float64],
    kind: _Kind,
    per_capita: bool,
    individually_rational: bool,
    accuracy: float,
    report: _Report = None,
) -> NucleolusOutcome: ...
def partition_of_cover(table: NDArray[np.float64], cover: NDArray[np.float64]) -> list[int]: ...
def superadditive_cover(
    table: NDArray[np.float64], report: _Report = None
) -> NDArray[np.float64]: ...
def symmetric_players(
    table: NDArray[np.float64], slack: float, report: _Report = None
) -> list[list[int]]: ...
def worst_coalition(
    table: NDArray[np.float64],
    kind: _Kind,
    allocation: NDArray[np.float64],
    equal: float,
    report: Callable[[int, int], None] | None = None,
) -> tuple[int, float] | None: ...

@final
class ClarkeOutcome:
    @property
    def won(self) -> list[int | None]: ...
    @property
    def welfare(self) -> float: ...
    @property
    def bound(self) -> float: ...
    @property
    def payments(self) -> NDArray[np.float64]: ...
    @property
    def payment_gaps(self) -> NDArray[np.float64]: ...

@final
class CoreSelectingOutcome:
    @property
    def won(self) -> list[int | None]: ...
    @property
    def welfare(self) -> float: ...
    @property
    def payments(self) -> NDArray[np.float64]: ...
    @property
    def clarke_payments(self) -> NDArray[np.float64]: ...
    @property
    def blocking(self) -> list[list[int]]: ...
    @property
    def excess(self) -> float: ...

@final
class BundleAuctionColumns:
    def __new__(
        cls,
        n_bidders: int,
        bidder: NDArray[np.uintp],
        value: NDArray[np.float64],
        usage: NDArray[np.float64],
        capacities: NDArray[np.float64],
    ) -> BundleAuctionColumns: ...
    def clarke(
        self, time_limit: float, report: Callable[..., None] | None = None
    ) -> ClarkeOutcome: ...
    def core_selecting(
        self, time_limit: float, report: Callable[..., None] | None = None
    ) -> CoreSelectingOutcome: ...
    def greedy(self, by_scarcity: bool) -> tuple[list[int | None], NDArray[np.float64]]: ...
    def best(
        self,
        gain: NDArray[np.float64],
        time_limit: float,
        report: Callable[..., None] | None = None,
    ) -> tuple[list[int | None], float, float]: ...

@final
class MatchingOutcome:
    @property
    def column_of(self) -> NDArray[np.int64]: ...
    @property
    def best_for_rows(self) -> NDArray[np.float64]: ...
    @property
    def best_for_columns(self) -> NDArray[np.float64]: ...

def best_matching(worth: NDArray[np.float64]) -> MatchingOutcome: ...
def matching_nucleolus(
    worth: NDArray[np.float64], report: Callable[[int, int], None] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]: ...

@final
class NetworkOutcome:
    @property
    def accepted(self) -> NDArray[np.float64]: ...
    @property
    def shed(self) -> NDArray[np.float64]: ...
    @property
    def price(self) -> NDArray[np.float64]: ...
    @property
    def flow(self) -> NDArray[np.float64]: ...
    @property
    def link_flow(self) -> NDArray[np.float64]: ...
    @property
    def cost(self) -> float: ...
    @property
    def payments(self) -> NDArray[np.float64]: ...
    @property
    def pivotal(self) -> NDArray[np.float64]: ...

@final
class NetworkColumns:
    def __new__(
        cls,
        n_participants: int,
        participant: NDArray[np.uintp],
        bus: NDArray[np.uintp],
        is_bid: NDArray[np.bool_],
        price: NDArray[np.float64],
        quantity: NDArray[np.float64],
        must_run: NDArray[np.bool_],
        line_ends: NDArray[np.uintp],
        line_numbers: NDArray[np.float64],
        link_ends: NDArray[np.uintp],
        link_numbers: NDArray[np.float64],
        demand: NDArray[np.float64],
        injection: NDArray[np.float64],
        value_of_lost_load: float,
    ) -> NetworkColumns: ...
    def settle(self, clarke: bool, report: Callable[..., None] | None = None) -> NetworkOutcome: ...
    def best_coalition(
        self, utility: NDArray[np.float64], time_limit: float
    ) -> tuple[list[bool], float, float]: ...

@final
class EngineRule:
    VCG: ClassVar[EngineRule]
    UNIFORM_PRICE: ClassVar[EngineRule]
    PAY_AS_BID: ClassVar[EngineRule]
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __int__(self) -> int: ...

@final
class OrderBookOutcome:
    @property
    def accepted(self) -> NDArray[np.float64]: ...
    @property
    def shed(self) -> NDArray[np.float64]: ...
    @property
    def price_lower(self) -> NDArray[np.float64]: ...
    @property
    def price_upper(self) -> NDArray[np.float64]: ...
    @property
    def payments(self) -> NDArray[np.float64]: ...
    @property
    def pivotal(self) -> NDArray[np.float64]: ...

@final
class OrderBookColumns:
    def __new__(
        cls,
        n_participants: int,
        starts: NDArray[np.uintp],
        participant: NDArray[np.uint32],
        is_bid: NDArray[np.bool_],
        price: NDArray[np.float64],
        quantity: NDArray[np.float64],
        demand: NDArray[np.float64],
        value_of_lost_load: float,
    ) -> OrderBookColumns: ...
    def settle(self, clarke: bool) -> OrderBookOutcome: ...
    def nearest_core_payoffs(
        self,
        rounding: float,
        time_limit: float,
        report: Callable[..., None] | None = None,
    ) -> tuple[NDArray[np.float64], list[list[bool]], float]: ...
    def best_coalition(
        self, utility: NDArray[np.float64], rounding: float, time_limit: float
    ) -> tuple[list[bool] | None, float, float]: ...
    def misreport_utilities(
        self,
        participant: int,
        rule: EngineRule,
        position: float,
        prices: NDArray[np.float64],
        quantities: NDArray[np.float64],
        report: Callable[[int, int], None] | None = None,
    ) -> NDArray[np.float64]: ...
