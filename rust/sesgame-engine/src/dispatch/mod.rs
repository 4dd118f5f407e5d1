//! What a coalition of an energy community pays when its members are dispatched together.
//!
//! The members of a coalition meter their net load (load positive, generation negative) at one
//! point and settle it under a tariff with two prices, so that only what they do not use among
//! themselves passes the meter.

mod battery;
pub mod bill_range;
mod billed_peak;
pub mod cap_bounds;
mod capacity_value;
mod capped_lanes;
mod capped_tariff;
mod charge_at_price;
mod charge_walk;
pub mod contract;
pub mod controlled_storage;
mod convex_lanes;
mod convex_piecewise;
pub mod convex_pool;
pub mod convex_schedule;
mod exchange_cost;
mod exchange_segments;
mod exchange_shape;
pub mod member_prices;
pub mod netting;
mod optimal_charges;
pub mod outer_approximation;
mod peak_caps;
mod peak_charge;
pub mod peak_game;
mod peak_lanes;
mod peak_optimum;
mod peak_program;
mod peak_start;
mod pool_lanes;
pub mod pooled_battery;
mod proximal_battery;
pub mod proximal_member;
pub mod schedule;
pub mod sharing;
mod step_cost;
pub mod storage_rental;
mod tariff;

pub use battery::{Battery, Conversion};
pub use billed_peak::{BilledPeak, Memory, PeakWindows};
pub use capacity_value::{Knot, Sizing};
pub use exchange_cost::{ExchangeCosts, Kink};
pub use exchange_segments::Wear;
pub use peak_charge::{PeakCharge, PeakCharges};
pub use peak_optimum::Meter;
pub use tariff::Tariff;

use crate::error::{Error, Result};

/// The largest amount or price: products of a few of them stay within the range of numbers.
const LARGEST: f64 = 1e60;

/// Tells whether a number can be calculated with.
fn is_usable(value: f64) -> bool {
    value.abs() <= LARGEST
}

/// What a message says of a number that cannot be calculated with.
fn unusable(what: &str, value: f64) -> Error {
    Error::InvalidInput(format!(
        "{what} is {value}; it must be finite and at most {LARGEST:e} in absolute value"
    ))
}

/// Refuses numbers that would make every later result meaningless.
fn check_usable(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|&value| !is_usable(value)) {
        None => Ok(()),
        Some(index) => Err(unusable(&format!("{what}[{index}]"), values[index])),
    }
}

/// Refuses a matrix that is not `n` rows of `n_steps` usable numbers, and gives `n`.
fn check_net_load(net_load: &[f64], n_steps: usize) -> Result<usize> {
    if net_load.is_empty() || !net_load.len().is_multiple_of(n_steps) {
        return Err(Error::InvalidInput(format!(
            "{} net loads are not one or more rows of {n_steps} steps",
            net_load.len()
        )));
    }
    match net_load.iter().position(|&value| !is_usable(value)) {
        None => Ok(net_load.len() / n_steps),
        Some(index) => {
            let (member, step) = (index / n_steps, index % n_steps);
            let what = format!("the net load of member {member} at step {step}");
            Err(unusable(&what, net_load[index]))
        }
    }
}
