//! The allocation engine of sesgame: who gets what when people share energy.
//!
//! Pure Rust, no Python. Data flows one way: a [`game`] is evaluated into a table of `2^n` values
//! ([`enumeration`]), a solution ([`shapley`], [`stability`]) reads the table.

pub mod coalition;
pub mod coalition_values;
pub mod dispatch;
pub mod enumeration;
pub mod error;
pub mod game;
pub mod games;
pub mod leave_one_out;
pub mod linear_production;
pub mod linear_program;
pub mod markets;
pub mod memory;
pub mod nearest_point;
pub mod numeric_rows;
pub mod owen_integral;
mod partial_sums;
mod per_process;
pub mod progress;
pub mod properties;
pub mod shapley;
pub mod stability;
pub mod thread_pool;
