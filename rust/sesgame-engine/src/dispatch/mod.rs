//! What a coalition of an energy community pays when its members are dispatched together.
//!
//! The members of a coalition meter their net load (load positive, generation negative) at one
//! point and settle it under a tariff with two prices, so that only what they do not use among
//! themselves passes the meter.

mod battery;
pub mod bill_range;
mod convex_piecewise;
pub mod netting;
mod partial_sums;
pub mod pooled_battery;
pub mod schedule;
mod step_cost;
mod tariff;

pub use battery::{Battery, Conversion};
pub use tariff::Tariff;

use crate::error::{Error, Result};

/// Refuses numbers that would make every later result meaningless.
fn check_finite(what: &str, values: &[f64]) -> Result<()> {
    match values.iter().position(|value| !value.is_finite()) {
        None => Ok(()),
        Some(index) => {
            Err(Error::InvalidInput(format!("{what}[{index}] is {}, not finite", values[index])))
        }
    }
}

/// Refuses a matrix that is not `n` rows of `n_steps` finite numbers, and gives `n`.
fn check_net_load(net_load: &[f64], n_steps: usize) -> Result<usize> {
    if net_load.is_empty() || net_load.len() % n_steps != 0 {
        return Err(Error::InvalidInput(format!(
            "{} net loads are not one or more rows of {n_steps} steps",
            net_load.len()
        )));
    }
    match net_load.iter().position(|value| !value.is_finite()) {
        None => Ok(net_load.len() / n_steps),
        Some(index) => Err(Error::InvalidInput(format!(
            "the net load of member {} at step {} is {}, not finite",
            index / n_steps,
            index % n_steps,
            net_load[index]
        ))),
    }
}
