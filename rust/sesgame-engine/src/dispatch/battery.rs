//! The battery that a coalition pools: its size, and how charge is converted and kept.

use super::{is_usable, unusable};
use crate::error::{Error, Result};

/// Share of its charging power that a leaking battery must not need to keep its initial charge.
const KEEPING_MARGIN: f64 = 1e-6;

/// What happens to energy on its way into, through and out of a battery.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Conversion {
    charge_efficiency: f64,
    discharge_efficiency: f64,
    retention: f64,
}

impl Conversion {
    /// `charge_efficiency` is the charge stored per kWh drawn at the terminals,
    /// `discharge_efficiency` the kWh delivered at the terminals per kWh of charge, `retention` the
    /// share of the charge that is kept from one step to the next.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when one of them is outside (0, 1].
    pub fn new(charge_efficiency: f64, discharge_efficiency: f64, retention: f64) -> Result<Self> {
        for (what, share) in [
            ("charge efficiency", charge_efficiency),
            ("discharge efficiency", discharge_efficiency),
            ("retention", retention),
        ] {
            // Below the bound, an amount of charge and its price no longer fit one number range.
            if !(1e-9..=1.0).contains(&share) {
                return Err(Error::InvalidInput(format!(
                    "the {what} is {share}; it must be in (0, 1] and at least 1e-9"
                )));
            }
        }
        Ok(Self { charge_efficiency, discharge_efficiency, retention })
    }

    /// Charge stored per kWh drawn at the terminals.
    #[must_use]
    pub fn charge_efficiency(&self) -> f64 {
        self.charge_efficiency
    }

    /// Energy delivered at the terminals per kWh of charge.
    #[must_use]
    pub fn discharge_efficiency(&self) -> f64 {
        self.discharge_efficiency
    }

    /// Share of the charge that is kept from one step to the next.
    #[must_use]
    pub fn retention(&self) -> f64 {
        self.retention
    }
}

/// The size of a battery, or of a pool of batteries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Battery {
    /// The most charge it holds, kWh.
    pub energy: f64,
    /// The most it draws, and the most it delivers, in one step, measured at the terminals, kWh.
    pub power: f64,
    /// The charge at the start, and the least charge at the end, kWh.
    pub initial_charge: f64,
}

impl Battery {
    /// Refuses a battery that does not exist, or one that cannot end with the charge it starts
    /// with. `whose` names it in the message.
    ///
    /// A leaking battery keeps its initial charge for any number of steps if and only if its power
    /// makes up for the losses of one step. The condition is linear, so batteries that meet it
    /// meet it together. A small margin is asked for: without any, the last kWh of charge would
    /// have an unbounded price.
    pub(super) fn check(&self, conversion: &Conversion, whose: &str) -> Result<()> {
        for (what, amount) in [
            ("energy capacity", self.energy),
            ("power", self.power),
            ("initial charge", self.initial_charge),
        ] {
            if !is_usable(amount) {
                return Err(unusable(&format!("the {what} of {whose}"), amount));
            }
            if amount < 0.0 {
                return Err(Error::InvalidInput(format!(
                    "the {what} of {whose} is {amount}; it must not be negative"
                )));
            }
        }
        if self.initial_charge > self.energy {
            return Err(Error::InvalidInput(format!(
                "the initial charge of {whose} is {}, more than its energy capacity {}",
                self.initial_charge, self.energy
            )));
        }
        let losses = (1.0 - conversion.retention) * self.initial_charge;
        let made_up = conversion.charge_efficiency * self.power;
        if losses > made_up * (1.0 - KEEPING_MARGIN) {
            return Err(Error::InvalidInput(format!(
                "{whose} loses {losses} of its initial charge in a step and can charge at most \
                 {made_up}, so it cannot end with the charge it starts with"
            )));
        }
        Ok(())
    }
}
