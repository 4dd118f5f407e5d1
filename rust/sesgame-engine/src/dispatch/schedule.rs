//! The optimal schedule of a pooled battery, and the prices that prove it optimal.
//!
//! The recursion tells, for each step, the slopes of the least cost at an empty and at a full
//! battery. The price of charge then follows backwards in time: it is that of the next step (less
//! the decay) as long as it lies between these two slopes; where it does not, the battery is empty
//! or full at that moment and the price is the slope. Prices are compared by rank, so nothing
//! depends on a tolerance. Each price says how far the battery is charged or discharged in its
//! step, but for ties; among the charges that are then possible, one goes forwards and backwards
//! for a schedule.

use super::battery::{Battery, Conversion};
use super::convex_piecewise::ConvexPiecewise;
use super::pooled_battery::{ChargePrice, least_cost, split_at_idle};
use super::rank_set::WordTree;
use super::step_cost::{StepCosts, StepPrices};
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

/// An optimal solution of the dual programme: what one more unit of each resource changes.
///
/// Strong duality: `cost = sum over t of energy_t L_t - capacity E - power P - initial_charge s_0`.
/// For every other pool the right-hand side is a lower bound on its cost.
#[derive(Debug, Clone)]
pub struct ResourcePrices {
    /// What one more kWh of load costs, per step.
    pub energy: Vec<f64>,
    /// What one more kWh of energy capacity saves.
    pub capacity: f64,
    /// What one more kWh per step of power saves.
    pub power: f64,
    /// What one more kWh of initial charge saves, which must be there again at the end.
    pub initial_charge: f64,
}

impl ResourcePrices {
    /// The lower bound that the prices put on the cost of a pool.
    #[must_use]
    pub fn bound(&self, load: &[f64], battery: Battery) -> f64 {
        let energy: f64 = self.energy.iter().zip(load).map(|(price, load)| price * load).sum();
        energy
            - self.capacity * battery.energy
            - self.power * battery.power
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
    let costs = StepCosts::new(tariff, conversion);
    let charge_prices = charge_prices(&costs, conversion, load, battery);
    let charges = charges(&costs, conversion, load, battery, &charge_prices);
    let schedule = Schedule::new(
        &costs,
        conversion,
        load,
        battery,
        charges,
        resource_prices(&costs, conversion, load, battery, &charge_prices),
    );
    let bound = schedule.prices.bound(load, battery);
    let prices = tariff.buy().iter().zip(tariff.sell());
    let turnover: f64 = prices
        .zip(load)
        .map(|((buy, sell), load)| buy.abs().max(sell.abs()) * (load.abs() + battery.power))
        .sum();
    if (schedule.cost - bound).abs() > DUALITY_TOLERANCE * turnover {
        return Err(Error::Solver {
            stage: "dispatch of the pooled battery".to_owned(),
            status: format!("cost {} and its bound {bound} differ", schedule.cost),
        });
    }
    Ok(schedule)
}

/// What holds the charge at a moment.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Held {
    Nowhere,
    Empty,
    Full,
}

/// The price of charge after each step, and where it makes the battery empty or full.
struct ChargePrices {
    after_step: Vec<(ChargePrice, Held)>,
    /// The price of the charge that must be there at the end.
    end: f64,
}

fn charge_prices(
    costs: &StepCosts,
    conversion: Conversion,
    load: &[f64],
    battery: Battery,
) -> ChargePrices {
    let mut limits = Vec::with_capacity(load.len());
    let mut function = ConvexPiecewise::<WordTree>::new(costs.n_ranks());
    let end = least_cost(costs, load, battery, &mut function, |function, step, scale| {
        let at_idle = || idle_price(costs, step, load[step], battery.power);
        let price = |(rank, slope)| ChargePrice { rank, slope: slope * scale };
        let at_end = |end: Option<_>| end.map(price).or_else(at_idle);
        limits.push((
            at_end(function.lowest()).filter(|_| function.left() <= 0.0),
            at_end(function.highest()).filter(|_| function.reaches_bound()),
        ));
    });
    let mut price = end.price;
    let mut after_step: Vec<_> = limits
        .into_iter()
        .rev()
        .map(|(empty, full)| {
            let mut held = Held::Nowhere;
            match (empty, full) {
                (Some(empty), _) if empty.rank > price.rank => (price, held) = (empty, Held::Empty),
                (_, Some(full)) if full.rank < price.rank => (price, held) = (full, Held::Full),
                _ => {}
            }
            let after = (price, held);
            price.slope *= conversion.retention();
            after
        })
        .collect();
    after_step.reverse();
    ChargePrices { after_step, end: end.price.slope }
}

/// A price of charge at which the battery is left as it is; none when it has no power.
fn idle_price(costs: &StepCosts, step: usize, load: f64, power: f64) -> Option<ChargePrice> {
    let stretches = costs.stretches(costs.prices(step), load, power);
    split_at_idle(&stretches, costs.most_discharged(power))
        .iter()
        .rfind(|(below, _)| below.length > 0.0)
        .map(|(below, _)| ChargePrice { rank: below.rank, slope: below.slope })
}

/// A charge after each step, and at the start, that the prices call for.
fn charges(
    costs: &StepCosts,
    conversion: Conversion,
    load: &[f64],
    battery: Battery,
    prices: &ChargePrices,
) -> Vec<f64> {
    let retention = conversion.retention();
    // By how much the charge may change in each step, and the charges that can then be reached.
    let mut changes = Vec::with_capacity(load.len());
    let mut reach = Vec::with_capacity(load.len() + 1);
    let (mut low, mut high) = (battery.initial_charge, battery.initial_charge);
    reach.push((low, high));
    for (step, (&load, &(price, held))) in load.iter().zip(&prices.after_step).enumerate() {
        let least = -battery.power / conversion.discharge_efficiency();
        let (mut from, mut to) = (least, least);
        for stretch in costs.stretches(costs.prices(step), load, battery.power) {
            from += if stretch.rank < price.rank { stretch.length } else { 0.0 };
            to += if stretch.rank <= price.rank { stretch.length } else { 0.0 };
        }
        changes.push((from, to));
        (low, high) = match held {
            Held::Nowhere => (
                (retention * low + from).clamp(0.0, battery.energy),
                (retention * high + to).clamp(0.0, battery.energy),
            ),
            Held::Empty => (0.0, 0.0),
            Held::Full => (battery.energy, battery.energy),
        };
        reach.push((low, high));
    }
    let mut charge = battery.initial_charge.clamp(low, high);
    let mut charges = vec![charge];
    for (&(low, high), (from, to)) in reach.iter().zip(changes).rev() {
        // Of all that lead here, the charge that moves least energy.
        let idle = charge - 0.0_f64.clamp(from, to);
        charge = (idle / retention).clamp(low, high);
        charges.push(charge);
    }
    charges.reverse();
    charges
}

impl Schedule {
    fn new(
        costs: &StepCosts,
        conversion: Conversion,
        load: &[f64],
        battery: Battery,
        state_of_charge: Vec<f64>,
        prices: ResourcePrices,
    ) -> Self {
        let mut schedule = Self {
            cost: 0.0,
            charge: Vec::with_capacity(load.len()),
            discharge: Vec::with_capacity(load.len()),
            grid_import: Vec::with_capacity(load.len()),
            grid_export: Vec::with_capacity(load.len()),
            state_of_charge,
            prices,
        };
        for (step, &load) in load.iter().enumerate() {
            let (before, after) =
                (schedule.state_of_charge[step], schedule.state_of_charge[step + 1]);
            let change = after - conversion.retention() * before;
            let prices = costs.prices(step);
            let (charge, discharge) = terminals(prices, &conversion, load, battery.power, change);
            let grid = load + charge - discharge;
            schedule.cost += prices.exchange(grid);
            schedule.charge.push(charge);
            schedule.discharge.push(discharge);
            schedule.grid_import.push(grid.max(0.0));
            schedule.grid_export.push((-grid).max(0.0));
        }
        schedule
    }
}

/// What is drawn and delivered at the terminals when the charge changes by `change` at least cost.
fn terminals(
    prices: &StepPrices,
    conversion: &Conversion,
    load: f64,
    power: f64,
    change: f64,
) -> (f64, f64) {
    let (ec, ed) = (conversion.charge_efficiency(), conversion.discharge_efficiency());
    let charge = (change / ec).clamp(0.0, power);
    let discharge = (-change * ed).clamp(0.0, power);
    if prices.sell >= 0.0 || ec * ed == 1.0 {
        return (charge, discharge);
    }
    // Waste as much as pays: until nothing is sold, or without end when buying pays, too.
    let most_charge = ((change + power / ed) / ec).min(power);
    let wanted = if prices.buy < 0.0 {
        f64::INFINITY
    } else {
        (-(load + charge - discharge) / (1.0 - ec * ed)).max(0.0)
    };
    let extra = wanted.min(most_charge - charge);
    (charge + extra, (discharge + extra * ec * ed).min(power))
}

/// The dual solution that goes with the prices of charge.
///
/// In a step in which charge is worth `y` afterwards, the price of energy `l` lies between the sell
/// and the buy price and maximises `l L - P ((ec y - l)+ + (l - y / ed)+)`.
fn resource_prices(
    costs: &StepCosts,
    conversion: Conversion,
    load: &[f64],
    battery: Battery,
    prices: &ChargePrices,
) -> ResourcePrices {
    let (ec, ed) = (conversion.charge_efficiency(), conversion.discharge_efficiency());
    let (mut capacity, mut power) = (0.0, 0.0);
    let mut energy = Vec::with_capacity(load.len());
    for (step, (&load, (price, held))) in load.iter().zip(&prices.after_step).enumerate() {
        let next = prices.after_step.get(step + 1);
        let next = next.map_or(prices.end, |(next, _)| next.slope * conversion.retention());
        if *held == Held::Full {
            capacity += next - price.slope;
        }
        let (drawn, delivered) = (price.slope * ec, price.slope / ed);
        let StepPrices { buy, sell, .. } = *costs.prices(step);
        let energy_price = if load >= battery.power {
            buy
        } else if load >= 0.0 {
            drawn.max(delivered).clamp(sell, buy)
        } else if load > -battery.power {
            drawn.min(delivered).clamp(sell, buy)
        } else {
            sell
        };
        power += (drawn - energy_price).max(0.0) + (energy_price - delivered).max(0.0);
        energy.push(energy_price);
    }
    let first = prices.after_step[0].0.slope;
    let initial_charge = first * conversion.retention() - prices.end;
    ResourcePrices { energy, capacity, power, initial_charge }
}
