//! Shapley value, Banzhaf value and the other semivalues.
//!
//! Every one of them is `phi_i = sum over S without i of w(|S|) (v(S + i) - v(S))` with weights `w`
//! that depend on the size of the coalition alone ([`semivalue`]). [`exact`] reads them off a table
//! of all `2^n` values, or off a native game without a table; [`native`] also by the game's form.

mod cholesky;
pub mod coalition_pairs;
pub mod evaluated_pairs;
pub mod exact;
pub mod kernel_ridge;
pub mod native;
pub mod paired_estimate;
pub mod permutations;
mod row_pass;
pub mod sample_reuse;
pub mod semivalue;
pub mod stratified;
pub mod surrogate;
pub mod symmetric_semivalue;
pub mod unseen;
