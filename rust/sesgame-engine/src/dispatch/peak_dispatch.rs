//! The optimal dispatch of one pool under charges on peaks, and the prices that prove it optimal.
//!
//! The prices are two: what a kWh of import in each step pays of the charges, and the dual prices of
//! the dispatch without charges whose buy prices are so much higher. As a charge is shared among the
//! steps in full, the cost of that dispatch is a lower bound, and that of the schedule with its own
//! peaks an upper one: whoever doubts the peaks needs to trust neither the cutting planes nor the
//! recursion over caps.

use super::battery::{Battery, Conversion};
use super::capped_battery::{CappedBattery, Cut, Pool, Workspace};
use super::peak_caps::{CapOptimum, PROVED};
use super::peak_charge::PeakCharges;
use super::schedule::{Schedule, dispatch};
use super::{Tariff, check_net_load};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// An optimal dispatch under charges on peaks.
#[derive(Debug, Clone)]
pub struct PeakDispatch {
    /// The schedule, its cost with the charges on its peaks, and the prices of resources: those of
    /// energy hold the shares of the charges.
    pub schedule: Schedule,
    /// No dispatch costs less, by the prices alone.
    pub bound: f64,
    /// The highest import under each charge that costs something.
    pub peaks: Vec<f64>,
    /// What a kWh of import pays of each charge that costs something, for each of its steps; no less
    /// than 0, and no more than the price of the charge in sum.
    pub peak_prices: Vec<Vec<f64>>,
}

/// The least-cost dispatch of a pool under charges on its peaks.
///
/// # Errors
/// [`Error::InvalidInput`] as [`dispatch`] and when the charges are those of another number of steps;
/// [`Error::Solver`] when cost and bound differ by more than `1e-9` of all money that flows;
/// [`Error::Interrupted`].
pub fn peak_dispatch(
    load: &[f64],
    tariff: Tariff,
    battery: Battery,
    conversion: Conversion,
    charges: PeakCharges,
    progress: &Progress,
) -> Result<PeakDispatch> {
    if check_net_load(load, tariff.n_steps())? != 1 {
        return Err(Error::InvalidInput("a dispatch has one net load".to_owned()));
    }
    battery.check(&conversion, "the battery")?;
    let model = CappedBattery::new(tariff, conversion, charges)?;
    let pool = Pool { load, battery };
    let mut work = Workspace::new();
    let found = model.optimum(pool, &mut work, progress)?;
    let peak_prices = model.peak_prices(pool, &found, &mut work);
    let mut schedule = model.priced(pool, &peak_prices)?;
    let bound = schedule.prices.bound(load, battery);
    model.reschedule(pool, &found.caps, &mut schedule, &mut work);
    let peaks = model.charges.peaks(&schedule.grid_import);
    schedule.cost += model.charges.cost(&peaks);
    if (schedule.cost - bound).abs() > PROVED * model.turnover(pool) {
        return Err(Error::Solver {
            stage: "dispatch of the pooled battery with peak charges".to_owned(),
            status: format!("cost {} and its bound {bound} differ", schedule.cost),
        });
    }
    Ok(PeakDispatch { schedule, bound, peaks, peak_prices })
}

impl CappedBattery {
    /// What a kWh of import pays of each charge in each of its steps, by the bounds that prove the
    /// caps.
    fn peak_prices(
        &self,
        pool: Pool<'_>,
        found: &CapOptimum,
        work: &mut Workspace,
    ) -> Vec<Vec<f64>> {
        let charges = &self.charges;
        let mut by_step = vec![vec![0.0; pool.load.len()]; charges.len()];
        let mut block_of = vec![0; pool.load.len()];
        for (number, block) in charges.blocks.iter().enumerate() {
            for run in &charges.runs[block.runs.clone()] {
                block_of[run.steps.clone()].fill(number);
            }
        }
        let without = self.tariff.cost(pool.load);
        let mut cuts = vec![Cut::default(); charges.blocks.len()];
        for (caps, weights) in &found.proof {
            self.value(pool, caps, without, work);
            let mut pay = |step: usize, charge: usize, price: f64| {
                by_step[charge][step] += weights[block_of[step]] * price;
            };
            self.walk_back(pool, caps, work, &mut cuts, |_, _| {}, &mut pay);
        }
        let mut shared = Vec::with_capacity(charges.len());
        for ((paid, steps), price) in by_step.iter().zip(&charges.steps).zip(&charges.prices) {
            let mut prices: Vec<f64> = steps.iter().map(|&step| paid[step]).collect();
            let sum: f64 = prices.iter().sum();
            // What is left over belongs to the load that no battery brings to nothing, if any.
            let loads = steps.iter().map(|&step| pool.load[step]).enumerate();
            let (place, highest) = loads.fold((0, f64::NEG_INFINITY), |best, (place, load)| {
                if load > best.1 { (place, load) } else { best }
            });
            if sum > *price {
                // Rounding: it would prove too much.
                prices.iter_mut().for_each(|each| *each *= price / sum);
            } else if highest > pool.battery.power {
                prices[place] += price - sum;
            }
            shared.push(prices);
        }
        shared
    }

    /// The dispatch without charges at which import pays its share of them in each step.
    fn priced(&self, pool: Pool<'_>, peak_prices: &[Vec<f64>]) -> Result<Schedule> {
        let mut buy = self.tariff.buy().to_vec();
        for (steps, prices) in self.charges.steps.iter().zip(peak_prices) {
            steps.iter().zip(prices).for_each(|(&step, price)| buy[step] += price);
        }
        let tariff = Tariff::new(buy, self.tariff.sell().to_vec())?;
        dispatch(pool.load, &tariff, pool.battery, self.conversion)
    }

    /// Puts the flows of an optimal dispatch at caps, and what its energy costs, into a schedule.
    fn reschedule(
        &self,
        pool: Pool<'_>,
        caps: &[f64],
        schedule: &mut Schedule,
        work: &mut Workspace,
    ) {
        let Pool { load, battery } = pool;
        let mut prices = vec![0.0; load.len()];
        let mut cuts = vec![Cut::default(); self.charges.blocks.len()];
        self.value(pool, caps, 0.0, work);
        self.walk_back(
            pool,
            caps,
            work,
            &mut cuts,
            |step, price| prices[step] = price,
            |_, _, _| {},
        );
        schedule.state_of_charge = self.states(pool, caps, &prices, work);
        for run in &self.charges.runs {
            let mut above: Vec<(f64, f64)> = run
                .charges
                .iter()
                .map(|&charge| (caps[charge], self.charges.prices[charge]))
                .collect();
            above.sort_by(|one, other| one.0.total_cmp(&other.0));
            for step in run.steps.clone() {
                let change = schedule.state_of_charge[step + 1] - schedule.state_of_charge[step];
                let (charge, discharge) =
                    self.terminals(step, load[step], battery.power, change, &above);
                let grid = load[step] + charge - discharge;
                schedule.charge[step] = charge;
                schedule.discharge[step] = discharge;
                schedule.grid_import[step] = grid.max(0.0);
                schedule.grid_export[step] = (-grid).max(0.0);
            }
        }
        let flows = schedule.grid_import.iter().zip(&schedule.grid_export);
        schedule.cost = flows
            .zip(self.tariff.buy().iter().zip(self.tariff.sell()))
            .map(|((bought, sold), (buy, sell))| buy * bought - sell * sold)
            .sum();
    }
}
