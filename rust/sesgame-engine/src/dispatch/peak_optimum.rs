//! The best caps of one pool: the oracle of [`super::peak_caps`] that a battery makes, and its start.

use super::capped_battery::{CappedBattery, Cut, Pool, Workspace};
use super::peak_caps::{CapOptimum, CapOracle, CapSearch, best_caps};
use super::peak_charge::PeakCharges;
use super::{Conversion, Tariff};
use crate::error::{Error, Result};
use crate::progress::Progress;

/// One pool as an oracle.
struct PoolOracle<'a> {
    model: &'a CappedBattery,
    pool: Pool<'a>,
    without: f64,
    work: &'a mut Workspace,
}

impl CapOracle for PoolOracle<'_> {
    fn evaluate(&mut self, caps: &[f64], cuts: &mut [Cut]) -> f64 {
        let value = self.model.value(self.pool, caps, self.without, self.work);
        self.model.cuts(self.pool, caps, self.work, cuts);
        value
    }
}

impl CappedBattery {
    /// # Errors
    /// [`Error::InvalidInput`] when the charges are those of another number of steps.
    pub(super) fn new(
        tariff: Tariff,
        conversion: Conversion,
        charges: PeakCharges,
    ) -> Result<Self> {
        if charges.n_steps() != tariff.n_steps() {
            return Err(Error::InvalidInput(format!(
                "charges on peaks of {} steps do not fit a tariff of {}",
                charges.n_steps(),
                tariff.n_steps()
            )));
        }
        Ok(Self { tariff, conversion, charges })
    }

    /// The best caps of a pool, and what proves them the best.
    pub(super) fn optimum(
        &self,
        pool: Pool<'_>,
        work: &mut Workspace,
        progress: &Progress,
    ) -> Result<CapOptimum> {
        let without = self.tariff.cost(pool.load);
        if pool.battery.power == 0.0 {
            let caps = self.charges.peaks(pool.load);
            let cost = without + self.charges.cost(&caps);
            return Ok(CapOptimum { caps, cost, bound: cost, ..CapOptimum::default() });
        }
        if self.charges.is_empty() {
            let cost = self.value(pool, &[], without, work);
            return Ok(CapOptimum { cost, bound: cost, ..CapOptimum::default() });
        }
        let every = 0..self.charges.len();
        let ranges: Vec<_> = every.clone().map(|charge| self.highest(pool, charge)).collect();
        let search = CapSearch {
            prices: &self.charges.prices,
            ranges: &ranges,
            start: every.map(|charge| self.shaved_peak(pool, charge)).collect(),
            blocks: &self.charges.blocks,
            energy: pool.battery.energy,
            turnover: self.turnover(pool),
        };
        best_caps(&search, &mut PoolOracle { model: self, pool, without, work }, progress)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::peak_caps::PROVED;
    use super::super::peak_dispatch::peak_dispatch;
    use super::super::peak_program::cost_by_program;
    use super::*;
    use crate::dispatch::{Battery, PeakCharge};

    /// A drawn pool whose numbers are small and whole or halves: full of ties.
    fn drawn(seed: u64, n_charges: usize) -> (CappedBattery, Vec<f64>, Battery) {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n_steps = n_charges * rng.random_range(3..12_usize);
        let mut whole = |from: i32, to: i32| f64::from(rng.random_range(from..=to));
        let load: Vec<f64> = (0..n_steps).map(|_| whole(-4, 8)).collect();
        let lowest = whole(-2, 1);
        let sell: Vec<f64> = (0..n_steps).map(|_| whole(0, 3) / 2.0 + lowest).collect();
        let buy = sell.iter().map(|sell| sell + whole(0, 3) / 2.0).collect();
        let energy = whole(0, 8);
        let battery =
            Battery { energy, power: whole(0, 4), initial_charge: whole(0, 8).min(energy) };
        let efficiencies = [1.0, 0.9, 0.5];
        let (ec, ed) = (efficiencies[whole(0, 2) as usize], efficiencies[whole(0, 2) as usize]);
        let length = n_steps / n_charges;
        let whole_months = whole(0, 1) == 0.0;
        let mut charges: Vec<PeakCharge> = (0..n_charges)
            .map(|month| PeakCharge {
                price: whole(0, 8) / 2.0,
                steps: (month * length..(month + 1) * length)
                    .filter(|_| whole_months || whole(0, 2) > 0.0)
                    .collect(),
            })
            .filter(|charge| !charge.steps.is_empty())
            .collect();
        if whole(0, 4) == 0.0 {
            charges.push(PeakCharge { price: whole(1, 4), steps: (0..n_steps).collect() });
        }
        let model = CappedBattery::new(
            Tariff::new(buy, sell).unwrap(),
            Conversion::new(ec, ed, 1.0).unwrap(),
            PeakCharges::new(&charges, n_steps).unwrap(),
        )
        .unwrap();
        (model, load, battery)
    }

    #[test]
    fn the_optimum_is_that_of_the_linear_program() {
        let progress = Progress::new();
        let mut work = Workspace::new();
        for seed in 0..520 {
            let n_charges = seed as usize % 13;
            let (model, load, battery) = drawn(seed, n_charges.max(1));
            let pool = Pool { load: &load, battery };
            let found = model.optimum(pool, &mut work, &progress).unwrap();
            let expected = cost_by_program(&model, pool, &progress).unwrap();
            let turnover = model.turnover(pool);
            assert!(
                (found.cost - expected).abs() <= 1e-9 * turnover,
                "seed {seed}: {found:?}, expected {expected}, {model:?} {load:?} {battery:?}"
            );
            assert!(found.bound <= found.cost + 1e-12 * turnover, "seed {seed}: {found:?}");
            assert!(found.cost - found.bound <= PROVED * turnover, "seed {seed}: {found:?}");
        }
    }

    #[test]
    fn a_schedule_and_its_prices_prove_each_other() {
        let progress = Progress::new();
        for seed in 0..650 {
            let n_charges = seed as usize % 13;
            let (model, load, battery) = drawn(seed, n_charges.max(1));
            let found = peak_dispatch(
                &load,
                model.tariff.clone(),
                battery,
                model.conversion,
                model.charges.clone(),
                &progress,
            )
            .unwrap_or_else(|error| panic!("seed {seed}: {error} {model:?} {load:?} {battery:?}"));
            let turnover = model.turnover(Pool { load: &load, battery });
            assert!(found.bound <= found.schedule.cost + 1e-12 * turnover, "seed {seed}");
            for (prices, price) in found.peak_prices.iter().zip(&model.charges.prices) {
                assert!(prices.iter().all(|price| *price >= 0.0));
                assert!(prices.iter().sum::<f64>() <= price * (1.0 + 1e-12));
            }
            let mut state = battery.initial_charge;
            for step in 0..load.len() {
                let schedule = &found.schedule;
                let (charge, discharge) = (schedule.charge[step], schedule.discharge[step]);
                assert!(charge.max(discharge) <= battery.power && charge.min(discharge) >= 0.0);
                state += charge * model.conversion.charge_efficiency()
                    - discharge / model.conversion.discharge_efficiency();
                assert!((state - schedule.state_of_charge[step + 1]).abs() < 1e-9, "seed {seed}");
                assert!((-1e-9..=battery.energy + 1e-9).contains(&state), "seed {seed}");
            }
            assert!(state >= battery.initial_charge - 1e-9, "seed {seed}");
        }
    }
}
