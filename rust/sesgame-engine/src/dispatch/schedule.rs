//! The optimal schedule of a pooled battery, and the prices that prove it optimal.
//!
//! Both follow from what the recursion tells of the least cost after each step
//! ([`super::charge_walk`]).

use super::battery::{Battery, Conversion};
use super::charge_walk::{self, ChargePrice, Held};
use super::convex_piecewise::{ConvexPiecewise, Segment};
use super::pooled_battery::{End, least_cost};
use super::step_cost::{StepCosts, split_at_idle};
use super::{Tariff, check_net_load};
use crate::error::{Error, Result};

/// By how much the two sides of strong duality may differ, as a share of all money that could flow.
const DUALITY_TOLERANCE: f64 = 1e-9;

/// An optimal dispatch of one pool.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The least cost.
    pub cost: f64,
    /// Charge at the beginning, and after each step, kWh.
    pub state_of_charge: Vec<f64>,
    /// Drawn at the terminals in each step, kWh.
    pub charge: Vec<f64>,
    /// Delivered at the terminals in each step, kWh.
    pub discharge: Vec<f64>,
    /// Bought in each step, kWh.
    pub grid_import: Vec<f64>,
    /// Sold in each step, kWh.
    pub grid_export: Vec<f64>,
    /// What the resources are worth.
    pub prices: ResourcePrices,
}

/// An optimal solution of the dual program: what one more unit of each resource changes.
///
/// Strong duality: `cost = sum over t of (energy_t L_t - capacity_t E - power_t P) -
/// initial_charge s_0`. For every other pool the right-hand side is a lower bound on its cost.
#[derive(Debug, Clone)]
pub struct ResourcePrices {
    /// What one more kWh of load costs, per step.
    pub energy: Vec<f64>,
    /// What one more kWh of energy capacity saves, per step.
    pub capacity: Vec<f64>,
    /// What one more kWh per step of power saves, per step.
    pub power: Vec<f64>,
    /// What one more kWh of initial charge saves, which must be there again at the end.
    pub initial_charge: f64,
}

impl ResourcePrices {
    /// The lower bound that the prices put on the cost of a pool.
    #[must_use]
    pub fn bound(&self, load: &[f64], battery: Battery) -> f64 {
        let energy: f64 = self.energy.iter().zip(load).map(|(price, load)| price * load).sum();
        energy
            - self.capacity.iter().sum::<f64>() * battery.energy
            - self.power.iter().sum::<f64>() * battery.power
            - self.initial_charge * battery.initial_charge
    }
}

/// The least-cost dispatch of a pool with net load `load` in kWh per step, its schedule and its
/// prices.
///
/// # Errors
/// [`Error::InvalidInput`] when the load does not fit the tariff, a number is not finite, or the
/// battery cannot be or cannot keep its charge; [`Error::Solver`] when rounding keeps cost and
/// bound apart.
pub fn dispatch(
    load: &[f64],
    tariff: &Tariff,
    battery: Battery,
    conversion: Conversion,
) -> Result<Schedule> {
    if check_net_load(load, tariff.n_steps())? != 1 {
        return Err(Error::InvalidInput("a dispatch has one net load".to_owned()));
    }
    battery.check(&conversion, "the battery")?;
    let costs = StepCosts::new(tariff.clone(), conversion);
    let pool = Pool { costs: &costs, conversion, load, battery };
    let (_, prices) = pool.charge_prices();
    let schedule = pool.schedule(pool.charges(&prices), pool.resource_prices(&prices));
    let bound = schedule.prices.bound(load, battery);
    let turnover = tariff.turnover(load, battery.power);
    if (schedule.cost - bound).abs() > DUALITY_TOLERANCE * turnover {
        return Err(Error::Solver {
            stage: "dispatch of the pooled battery".to_owned(),
            status: format!("cost {} and its bound {bound} differ", schedule.cost),
        });
    }
    Ok(schedule)
}

/// What is to be dispatched.
pub(super) struct Pool<'a> {
    pub costs: &'a StepCosts,
    pub conversion: Conversion,
    pub load: &'a [f64],
    pub battery: Battery,
}

impl Pool<'_> {
    /// The end of the recursion, and the price of charge after each step.
    pub(super) fn charge_prices(&self) -> (End, Vec<ChargePrice>) {
        let mut limits = Vec::with_capacity(self.load.len());
        let mut function = ConvexPiecewise::new();
        let end = least_cost(self.costs, self.load, self.battery, &mut function, |step, least| {
            let segments = least.segments();
            let at_end =
                |end: Option<&Segment>| end.map(|end| end.slope).or_else(|| self.idle_slope(step));
            limits.push((
                at_end(segments.first()).filter(|_| least.left() <= 0.0),
                at_end(segments.last()).filter(|_| least.reaches_bound()),
            ));
        });
        let mut slope = end.slope;
        let mut prices: Vec<_> = limits
            .into_iter()
            .enumerate()
            .rev()
            .map(|(step, limits)| {
                let unit = self.costs.unit(step);
                let price = ChargePrice::new(unit, slope, limits);
                slope = price.slope * unit.reset.unwrap_or(1.0);
                price
            })
            .collect();
        prices.reverse();
        (end, prices)
    }

    /// A price of charge at which the battery is left as it is; none when it has no power.
    fn idle_slope(&self, step: usize) -> Option<f64> {
        let segments = self.costs.segments(step, self.load[step], self.battery.power);
        split_at_idle(&segments, self.costs.most_discharged(self.battery.power))
            .iter()
            .rfind(|(falling, _)| falling.length > 0.0)
            .map(|(falling, _)| self.costs.unit(step).convert(*falling).slope)
    }

    /// What holds the charge after each step, and between which changes the prices leave a choice.
    pub(super) fn choices(&self, prices: &[ChargePrice]) -> Vec<(Held, (f64, f64))> {
        let power = self.battery.power;
        let least = -self.costs.most_discharged(power);
        let steps = self.load.iter().zip(prices).enumerate().map(|(step, (&load, at))| {
            let segments = self.costs.segments(step, load, power);
            (at.held, at.changes(self.costs.unit(step), least, segments))
        });
        steps.collect()
    }

    /// A charge at the start and after each step that the prices call for.
    fn charges(&self, prices: &[ChargePrice]) -> Vec<f64> {
        let Battery { energy, initial_charge, .. } = self.battery;
        let steps = self.choices(prices);
        charge_walk::charges(initial_charge, energy, self.conversion.retention(), &steps)
    }

    /// The flows that go with the charges.
    fn schedule(&self, state_of_charge: Vec<f64>, prices: ResourcePrices) -> Schedule {
        let mut schedule = Schedule {
            cost: 0.0,
            charge: Vec::with_capacity(self.load.len()),
            discharge: Vec::with_capacity(self.load.len()),
            grid_import: Vec::with_capacity(self.load.len()),
            grid_export: Vec::with_capacity(self.load.len()),
            state_of_charge: Vec::new(),
            prices,
        };
        for (step, (&load, charges)) in self.load.iter().zip(state_of_charge.windows(2)).enumerate()
        {
            let change = charges[1] - self.conversion.retention() * charges[0];
            let (charge, discharge) = self.terminals(step, change);
            let grid = load + charge - discharge;
            schedule.cost += self.costs.exchange(step, grid);
            schedule.charge.push(charge);
            schedule.discharge.push(discharge);
            schedule.grid_import.push(grid.max(0.0));
            schedule.grid_export.push((-grid).max(0.0));
        }
        Schedule { state_of_charge, ..schedule }
    }

    /// What is drawn and delivered at the terminals when the charge changes by `change` at least
    /// cost.
    pub(super) fn terminals(&self, step: usize, change: f64) -> (f64, f64) {
        let (ec, ed) =
            (self.conversion.charge_efficiency(), self.conversion.discharge_efficiency());
        let power = self.battery.power;
        let charge = (change / ec).clamp(0.0, power);
        let discharge = (-change * ed).clamp(0.0, power);
        let tariff = self.costs.tariff();
        if tariff.sell()[step] >= 0.0 || ec * ed == 1.0 {
            return (charge, discharge);
        }
        // Waste as much as pays: until nothing is sold or, when buying pays, too, at full power.
        let most_charged = ((change + power / ed) / ec).min(power);
        let wanted = if tariff.buy()[step] < 0.0 {
            f64::INFINITY
        } else {
            ((discharge - charge - self.load[step]) / (1.0 - ec * ed)).max(0.0)
        };
        let extra = wanted.min(most_charged - charge);
        (charge + extra, (discharge + extra * ec * ed).min(power))
    }

    /// The dual solution that goes with the prices of charge.
    ///
    /// In a step after which charge is worth `y`, the price of energy `l` lies between the sell
    /// and the buy price and maximises `l L - P ((ec y - l)+ + (l - y / ed)+)`.
    pub(super) fn resource_prices(&self, prices: &[ChargePrice]) -> ResourcePrices {
        let (ec, ed) =
            (self.conversion.charge_efficiency(), self.conversion.discharge_efficiency());
        let tariff = self.costs.tariff();
        let mut energy = Vec::with_capacity(prices.len());
        let mut capacity = Vec::with_capacity(prices.len());
        let mut power = Vec::with_capacity(prices.len());
        for (step, (&load, charge)) in self.load.iter().zip(prices).enumerate() {
            capacity.push(charge.of_capacity());
            let (drawn, delivered) = (charge.price * ec, charge.price / ed);
            let (buy, sell) = (tariff.buy()[step], tariff.sell()[step]);
            let energy_price = if load >= self.battery.power {
                buy
            } else if load >= 0.0 {
                drawn.max(delivered).clamp(sell, buy)
            } else if load > -self.battery.power {
                drawn.min(delivered).clamp(sell, buy)
            } else {
                sell
            };
            power.push((drawn - energy_price).max(0.0) + (energy_price - delivered).max(0.0));
            energy.push(energy_price);
        }
        let initial_charge =
            prices[0].price * self.conversion.retention() - prices[prices.len() - 1].next;
        ResourcePrices { energy, capacity, power, initial_charge }
    }
}
