//! Solutions that rest on the largest excess of a coalition: core, least core, nucleolus.
//!
//! Everything here rests on one operation, the scan of a table of `2^n` values for the coalitions
//! of largest [`excess`].

mod basis_row;
pub mod best_partition;
pub mod core_point;
pub mod excess;
pub mod excess_with_each;
mod highs_level;
mod imputations;
pub mod joint_level;
pub mod least_core;
mod lexicographic;
pub mod master;
pub mod maximal_surplus;
pub mod nash_program;
pub mod nucleolus;
pub mod row_generation;
mod row_pool;
mod span;
pub mod table_scan;
pub mod total_balance;
