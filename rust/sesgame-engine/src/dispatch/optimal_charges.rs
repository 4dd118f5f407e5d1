//! All optimal schedules of one battery, between the one that holds least and the one that holds
//! most.
//!
//! A schedule is optimal if and only if it goes with one set of optimal prices (complementary
//! slackness): the charge is 0 or full where the price says so, and changes in each step by an
//! amount between two. Such charges are closed under taking the lower, or the higher, of two in
//! each step, since every condition compares one charge with a bound or with the next charge
//! (a distributive lattice). So one optimal schedule holds least in all steps at
//! once, and one holds most; neither needs a linear program.

use super::charge_walk::{ChargePrice, Held};
use super::pooled_battery::End;
use super::schedule::Pool;

/// Between what optimal schedules of one battery that starts empty lie, per step.
#[derive(Debug, Clone, Default)]
pub(super) struct OptimalCharges {
    /// The least and the most charge after each step, each of one schedule, kWh.
    pub least: Vec<f64>,
    pub most: Vec<f64>,
    /// The least and the largest change of the charge in each step, kWh.
    pub least_change: Vec<f64>,
    pub largest_change: Vec<f64>,
}

impl OptimalCharges {
    pub fn of(pool: &Pool<'_>, end: End, prices: &[ChargePrice]) -> Self {
        let energy = pool.battery.energy;
        let choices = pool.choices(prices);
        let (mut least, mut most): (Vec<f64>, Vec<f64>) = choices
            .iter()
            .scan((0.0_f64, 0.0_f64), |charge, &(held, (from, to))| {
                *charge = match held {
                    Held::Nowhere => {
                        ((charge.0 + from).clamp(0.0, energy), (charge.1 + to).clamp(0.0, energy))
                    }
                    Held::Empty => (0.0, 0.0),
                    Held::Full => (energy, energy),
                };
                Some(*charge)
            })
            .unzip();
        let n_steps = choices.len();
        if end.slope > 0.0 {
            // More than nothing at the end would have to be paid for.
            most[n_steps - 1] = least[n_steps - 1];
        }
        for step in (1..n_steps).rev() {
            let (from, to) = choices[step].1;
            let (low, high) = (least[step - 1], most[step - 1]);
            least[step - 1] = (least[step] - to).clamp(low, high);
            most[step - 1] = (most[step] - from).clamp(least[step - 1], high);
        }
        let changes = (0..n_steps).map(|step| {
            let (low, high) =
                if step == 0 { (0.0, 0.0) } else { (least[step - 1], most[step - 1]) };
            let (from, to) = choices[step].1;
            let from = from.max(least[step] - high);
            (from, to.min(most[step] - low).max(from))
        });
        let (least_change, largest_change) = changes.unzip();
        Self { least, most, least_change, largest_change }
    }

    /// The changes of the charge in the schedule that holds least.
    pub fn changes_of_least(&self) -> impl Iterator<Item = f64> {
        let before = std::iter::once(0.0).chain(self.least.iter().copied());
        self.least.iter().zip(before).map(|(after, before)| after - before)
    }
}
