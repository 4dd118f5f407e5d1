//! The two prices at the community's meter.

use std::ops::Range;

use super::check_usable;
use crate::error::{Error, Result};

/// What one kWh costs when it is bought and earns when it is sold, in every step.
///
/// Where `buy >= sell`, the cost of a step, `max(buy * g, sell * g)`, is convex in the grid exchange
/// `g`. Where `buy < sell` a dispatch could earn without limit by buying and selling the same energy;
/// what meters have read has only one direction in a step, so that it has a cost there, too. Prices
/// may be negative.
#[derive(Debug, Clone)]
pub struct Tariff {
    buy: Box<[f64]>,
    sell: Box<[f64]>,
}

impl Tariff {
    /// A tariff of at least one step.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the lengths differ or are 0, a price is not finite, or a step's
    /// buy price is below its sell price (the message names the step).
    pub fn new(buy: Vec<f64>, sell: Vec<f64>) -> Result<Self> {
        let tariff = Self::of_any_order(buy, sell)?;
        match tariff.step_sold_above_buy() {
            None => Ok(tariff),
            Some(step) => Err(Error::InvalidInput(format!(
                "at step {step} the buy price {} is below the sell price {}",
                tariff.buy[step], tariff.sell[step]
            ))),
        }
    }

    /// A tariff under which selling may earn more than buying costs, for energy that is not
    /// dispatched.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the lengths differ or are 0, or a price is not finite.
    pub fn of_any_order(buy: Vec<f64>, sell: Vec<f64>) -> Result<Self> {
        if buy.is_empty() || buy.len() != sell.len() {
            return Err(Error::InvalidInput(format!(
                "a tariff needs the same number of buy and sell prices and at least one; \
                 there are {} and {}",
                buy.len(),
                sell.len()
            )));
        }
        check_usable("buy", &buy)?;
        check_usable("sell", &sell)?;
        Ok(Self { buy: buy.into(), sell: sell.into() })
    }

    /// The tariff of some steps.
    pub(super) fn of_steps(&self, steps: Range<usize>) -> Self {
        Self { buy: self.buy[steps.clone()].into(), sell: self.sell[steps].into() }
    }

    /// The first step in which selling earns more than buying costs.
    pub(super) fn step_sold_above_buy(&self) -> Option<usize> {
        self.buy.iter().zip(&self.sell).position(|(buy, sell)| buy < sell)
    }

    /// The number of steps.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.buy.len()
    }

    /// The price of a kWh from the grid, per step.
    #[must_use]
    pub fn buy(&self) -> &[f64] {
        &self.buy
    }

    /// The price of a kWh to the grid, per step.
    #[must_use]
    pub fn sell(&self) -> &[f64] {
        &self.sell
    }

    /// The largest price of each step, in absolute value.
    fn largest(&self) -> impl Iterator<Item = f64> {
        self.buy.iter().zip(&self.sell).map(|(buy, sell)| buy.abs().max(sell.abs()))
    }

    /// The largest price of all steps, in absolute value.
    pub(super) fn highest(&self) -> f64 {
        self.largest().fold(0.0, f64::max)
    }

    /// All money that could flow when a net load is served with a battery.
    pub(super) fn turnover(&self, net_load: &[f64], power: f64) -> f64 {
        self.largest().zip(net_load).map(|(price, load)| price * (load.abs() + power)).sum()
    }

    /// The cost of a net load that goes to the grid as it is.
    #[must_use]
    pub fn cost(&self, net_load: &[f64]) -> f64 {
        netting_cost(&self.buy, &self.sell, net_load)
    }

    /// The cost of a net load of the steps from `start` on.
    pub(super) fn cost_from(&self, start: usize, net_load: &[f64]) -> f64 {
        let steps = start..start + net_load.len();
        netting_cost(&self.buy[steps.clone()], &self.sell[steps], net_load)
    }

    /// Adds the costs of a net load in some steps to running sums, whose [`total`] is [`Self::cost`]. Only the
    /// last steps may be no whole round of sums.
    pub(super) fn add_costs(&self, steps: Range<usize>, net_load: &[f64], sums: &mut [f64; LANES]) {
        add_netting_costs(&self.buy[steps.clone()], &self.sell[steps], net_load, sums);
    }
}

/// Running sums, whatever the width of the processor's vectors: the same bits everywhere.
pub(super) const LANES: usize = 32;

/// The sum over steps of `buy * load` where that is positive, and `sell * load` elsewhere.
fn netting_cost(buy: &[f64], sell: &[f64], net_load: &[f64]) -> f64 {
    let mut sums = [0.0; LANES];
    add_netting_costs(buy, sell, net_load, &mut sums);
    total(sums)
}

/// Adds the costs of steps to running sums; only the last steps may be no whole round of them.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn add_netting_costs(buy: &[f64], sell: &[f64], net_load: &[f64], sums: &mut [f64; LANES]) {
    let step_cost =
        |buy: f64, sell: f64, load: f64| if load > 0.0 { buy * load } else { sell * load };
    let (buy, last_buy) = buy.as_chunks::<LANES>();
    let (sell, last_sell) = sell.as_chunks::<LANES>();
    let (load, last_load) = net_load.as_chunks::<LANES>();
    let mut here = *sums;
    for ((buy, sell), load) in buy.iter().zip(sell).zip(load) {
        for lane in 0..LANES {
            here[lane] += step_cost(buy[lane], sell[lane], load[lane]);
        }
    }
    *sums = here;
    let rest = last_buy.iter().zip(last_sell).zip(last_load);
    for (sum, ((&buy, &sell), &load)) in sums.iter_mut().zip(rest) {
        *sum += step_cost(buy, sell, load);
    }
}

/// The sum of running sums, in a fixed order.
pub(super) fn total(mut sums: [f64; LANES]) -> f64 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn import_is_bought_and_export_is_sold() {
        let tariff = Tariff::new(vec![0.3; 11], vec![0.1; 11]).unwrap();
        let mut load = vec![0.0; 11];
        (load[2], load[10]) = (2.0, -5.0);
        assert!((tariff.cost(&load) - (0.6 - 0.5)).abs() < 1e-15);
    }

    #[test]
    fn a_buy_price_below_the_sell_price_is_refused_by_step() {
        let error = Tariff::new(vec![0.3, 0.1], vec![0.1, 0.2]).unwrap_err();
        assert!(error.to_string().contains("at step 1 the buy price 0.1"));
    }
}
