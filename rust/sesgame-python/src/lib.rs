//! The compiled half of the Python package `sesgame`, imported as the private `sesgame._engine`.
//!
//! A thin shell: each function converts its arguments, releases the interpreter through
//! [`boundary`], calls `sesgame_engine`, and converts the result. Validation with names and all
//! documentation for users live in Python.

mod arrays;
mod boundary;
mod bundle_auction;
mod checks;
mod coalition_values;
mod contract;
mod controlled_storage;
mod convex_dispatch;
mod dispatch;
mod games;
mod linear_production;
mod master;
mod matching;
mod native_game;
mod network;
mod numeric_rows;
mod order_book;
mod peak_dispatch;
mod properties;
mod proximal_member;
mod separation;
mod shapley;
mod shapley_estimate;
mod sharing;
mod stability;
mod storage_rental;

use pyo3::prelude::*;

#[pymodule]
mod _engine {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::boundary::{Stop, n_threads};
    #[pymodule_export]
    use crate::bundle_auction::{BundleAuctionColumns, ClarkeOutcome, CoreSelectingOutcome};
    #[pymodule_export]
    use crate::coalition_values::CoalitionValues;
    #[pymodule_export]
    use crate::contract::contract_game;
    #[pymodule_export]
    use crate::controlled_storage::{ControlledGame, controlled_game};
    #[pymodule_export]
    use crate::convex_dispatch::{ConvexDispatch, ConvexDispatchGame, convex_dispatch_game};
    #[pymodule_export]
    use crate::dispatch::{
        PooledBatteryDispatch, PooledBatteryGame, netting_game, pooled_battery_dispatch,
        pooled_battery_game, pooled_bill_ranges,
    };
    #[pymodule_export]
    use crate::games::{
        airport_game, bankruptcy_game, dual_game, excess_game, induced_subgraph_game, peak_game,
        risk_game, spanning_tree_game, strategic_equivalent, unions_game, weighted_sum_game,
        weighted_vote,
    };
    #[pymodule_export]
    use crate::linear_production::{ExclusiveGame, LinearProductionGame, linear_production_game};
    #[pymodule_export]
    use crate::master::LexicographicMaster;
    #[pymodule_export]
    use crate::matching::{MatchingOutcome, assignment_game, best_matching, matching_nucleolus};
    #[pymodule_export]
    use crate::native_game::NativeGame;
    #[pymodule_export]
    use crate::network::{NetworkColumns, NetworkOutcome};
    #[pymodule_export]
    use crate::numeric_rows::numeric_rows;
    #[pymodule_export]
    use crate::order_book::{EngineRule, OrderBookColumns, OrderBookOutcome};
    #[pymodule_export]
    use crate::peak_dispatch::{PeakChargedDispatch, PeakChargedGame, peak_charged_game};
    #[pymodule_export]
    use crate::properties::{
        additivity, complements, convexity, first_without_core, marginals, symmetric_players,
    };
    #[pymodule_export]
    use crate::proximal_member::{ProximalMember, proximal_responses};
    #[pymodule_export]
    use crate::separation::{OuterApproximation, convex_separation, two_price_separation};
    #[pymodule_export]
    use crate::shapley::{banzhaf_value, semivalue, shapley_value};
    #[pymodule_export]
    use crate::shapley_estimate::{
        PairedEstimate, StratifiedEstimate, permutation_means, permutation_orders,
    };
    #[pymodule_export]
    use crate::sharing::{SharingGame, sharing_game};
    #[pymodule_export]
    use crate::stability::{
        CorePointOutcome, LeastCoreOutcome, NucleolusOutcome, coalitions_at_least, core_point,
        core_witness, excess_histogram, joint_level, largest_excess_with_each, least_core,
        maximal_surpluses, most_violated, near_nash_point, nucleoli, nucleolus, partition_of_cover,
        superadditive_cover, worst_coalition,
    };
    #[pymodule_export]
    use crate::storage_rental::{StorageDemand, StorageService, StorageUsers, storage_users};

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let farewell = wrap_pyfunction!(crate::boundary::farewell, module)?;
        module.py().import("atexit")?.call_method1("register", (farewell,))?;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        module.add("HIGHS_VERSION", sesgame_engine::linear_program::highs_version())
    }
}
