//! The best caps of one pool: the oracle of [`super::peak_caps`] that the recursion makes, its start,
//! and what each step pays of the charges.

use super::battery::Battery;
use super::bill_range::CostOfSums as _;
use super::cap_bounds::BlockBound;
use super::capped_tariff::{CappedPool, CappedTariff, CappedWorkspace};
use super::convex_pool::{ConvexDispatchGame, Holding, Workspace};
use super::peak_caps::{CapOptimum, CapSearch, Search};
use super::peak_charge::PeakCharges;
use super::peak_start::shaved_peak;
use crate::error::Result;
use crate::progress::Progress;

/// Which resources of a pool the meter of its import sees, and up to what limit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meter {
    /// Minus the net load.
    pub net: usize,
    /// Minus the load while nothing is generated, where that is a choice; otherwise the same.
    pub gross: usize,
    /// No more is imported in any step; may be infinite.
    pub most_import: f64,
}

/// Pools, the charges on the peaks of their import, and the meter that sees those. The kinks of the
/// pools hold a cap for each charge, from which on import is dearer by its price.
#[derive(Debug)]
pub(super) struct PeakModel {
    pub game: ConvexDispatchGame,
    pub charges: PeakCharges,
    pub meter: Meter,
    /// The prices, where there are two and nothing else.
    two_prices: Option<CappedTariff>,
}

/// The memory that one search after the other uses.
#[derive(Debug)]
pub(super) struct PeakWorkspace {
    any: Workspace,
    capped: CappedWorkspace,
    load: Vec<f64>,
}

impl PeakWorkspace {
    pub fn new() -> Self {
        Self { any: Workspace::new(), capped: CappedWorkspace::new(), load: Vec::new() }
    }
}

/// One pool as an oracle.
struct PoolOracle<'a> {
    model: &'a PeakModel,
    resources: &'a [f64],
    holding: Holding,
    /// What it costs without a battery, where two prices are all.
    without: Option<f64>,
    work: &'a mut PeakWorkspace,
}

impl<'a> PoolOracle<'a> {
    fn new(model: &'a PeakModel, resources: &'a [f64], work: &'a mut PeakWorkspace) -> Self {
        let (series, holding) = model.game.split(resources);
        work.load.clear();
        work.load.extend(series[model.meter.net].iter().map(|net| -net));
        let two_prices = model.two_prices.as_ref();
        let without = two_prices
            .filter(|_| holding.charge_power == holding.discharge_power)
            .map(|capped| capped.tariff.cost(&work.load) + holding.money);
        Self { model, resources, holding, without, work }
    }

    /// The least cost at caps, and bounds of it; `pay` sees what a kWh pays in a step of each charge.
    fn bounds(
        &mut self,
        caps: &[f64],
        bounds: &mut [BlockBound],
        mut pay: impl FnMut(usize, usize, f64),
    ) -> f64 {
        let PeakModel { game, charges, two_prices, .. } = self.model;
        let (Some(capped), Some(without)) = (two_prices, self.without) else {
            return game.cost_and_bounds_by_step(
                (self.resources, caps),
                &mut self.work.any,
                &charges.ends,
                bounds,
                |step, cap, price| pay(step, cap, -price),
            );
        };
        let PeakWorkspace { capped: work, load, .. } = &mut *self.work;
        let Holding { energy, charge_power: power, initial_charge, money, .. } = self.holding;
        let battery = Battery { energy, power, initial_charge };
        let pool = CappedPool { load, battery, charges, caps };
        let value = capped.value(pool, without, work);
        capped.bounds(pool, work, bounds, pay);
        bounds[0].constant += money;
        value
    }
}

impl PeakModel {
    pub fn new(game: ConvexDispatchGame, charges: PeakCharges, meter: Meter) -> Self {
        let tariff = game.costs.two_prices(meter.net, &charges.prices);
        let conversion = game.terminals.conversion(game.retention);
        let two_prices = tariff
            .zip(conversion)
            .filter(|_| game.retention == 1.0 && meter.most_import == f64::INFINITY)
            .map(|(tariff, conversion)| CappedTariff { tariff, conversion });
        Self { game, charges, meter, two_prices }
    }

    /// The best caps of a pool, and what proves them the best; infinite costs where it has no dispatch.
    pub fn optimum(
        &self,
        resources: &[f64],
        work: &mut PeakWorkspace,
        progress: &Progress,
    ) -> Result<CapOptimum> {
        let PeakModel { game, charges, .. } = self;
        if charges.is_empty() {
            let cost = game.cost(resources, &[], &mut work.any);
            return Ok(CapOptimum { cost, bound: cost, ..CapOptimum::default() });
        }
        let mut oracle = PoolOracle::new(self, resources, work);
        let Some(mut search) = self.search(resources, &oracle.work.load, &oracle.holding) else {
            let caps = charges.peaks(&oracle.work.load);
            let cost = game.cost(resources, &caps, &mut work.any) + charges.cost(&caps);
            return Ok(CapOptimum { caps, cost, bound: cost, ..CapOptimum::default() });
        };
        let mut bounds = vec![BlockBound::default(); charges.ends.len()];
        loop {
            let value = oracle.bounds(search.caps(), &mut bounds, |_, _, _| {});
            if !search.tell(value, &bounds, progress)? {
                return Ok(search.into_optimum());
            }
        }
    }

    /// The search for the best caps of a pool; none where nothing can be done about its load.
    pub fn search(&self, resources: &[f64], load: &[f64], holding: &Holding) -> Option<Search<'_>> {
        let Self { game, charges, meter, .. } = self;
        if holding.charge_power.max(holding.discharge_power) == 0.0 && meter.net == meter.gross {
            return None;
        }
        let ranges = self.ranges(resources);
        let start = ranges.iter().enumerate().map(|(charge, (least, _))| {
            shaved_peak(charges, charge, load, holding, &game.terminals, *least)
        });
        Some(Search::new(CapSearch {
            prices: &charges.prices,
            start: start.collect(),
            n_blocks: charges.ends.len(),
            energy: holding.energy,
            turnover: self.turnover_within(resources, &ranges),
            ranges,
        }))
    }

    /// Between what the peak of an optimal dispatch of a pool lies under a charge.
    pub fn range(&self, resources: &[f64], charge: usize) -> (f64, f64) {
        let (series, holding) = self.game.split(resources);
        let highest = |row: usize| {
            let steps = self.charges.steps[charge].iter();
            steps.fold(f64::NEG_INFINITY, |most, &step| most.max(-series[row][step]))
        };
        let Meter { net, gross, most_import } = self.meter;
        let of_net = highest(net);
        let of_gross = if gross == net { of_net } else { highest(gross) };
        let high = (of_gross + holding.charge_power).clamp(0.0, most_import);
        ((of_net - holding.discharge_power).clamp(0.0, high), high)
    }

    fn ranges(&self, resources: &[f64]) -> Vec<(f64, f64)> {
        (0..self.charges.len()).map(|charge| self.range(resources, charge)).collect()
    }

    /// All money that could flow when a pool is served, peaks included.
    pub fn turnover(&self, resources: &[f64]) -> f64 {
        self.turnover_within(resources, &self.ranges(resources))
    }

    /// The same, where the ranges of peaks are known.
    fn turnover_within(&self, resources: &[f64], ranges: &[(f64, f64)]) -> f64 {
        let peaks = self.charges.prices.iter().zip(ranges).map(|(price, (_, high))| price * high);
        self.game.weight(resources) + peaks.sum::<f64>()
    }

    /// What finds the caps of eight pools at a time: where two prices are all, and no step is under two
    /// charges, whose caps would have an order.
    pub fn side_by_side(&self) -> Option<&CappedTariff> {
        let is_apart = self.charges.runs.iter().all(|run| run.charges.len() <= 1);
        self.two_prices.as_ref().filter(|_| is_apart && !self.charges.is_empty())
    }

    /// What a kWh of import pays of each charge in each of its steps, by the bounds that prove the
    /// caps.
    pub fn shares(
        &self,
        resources: &[f64],
        found: &CapOptimum,
        work: &mut PeakWorkspace,
    ) -> Vec<Vec<f64>> {
        let charges = &self.charges;
        let mut by_step = vec![vec![0.0; self.game.costs.n_steps()]; charges.len()];
        let mut oracle = PoolOracle::new(self, resources, work);
        let mut bounds = vec![BlockBound::default(); charges.ends.len()];
        for (caps, weights) in &found.proof {
            oracle.bounds(caps, &mut bounds, |step, charge, price| {
                let block = charges.ends.partition_point(|&end| end <= step);
                by_step[charge][step] += weights[block] * price;
            });
        }
        let (load, holding) = (&oracle.work.load, oracle.holding);
        let mut shares = Vec::with_capacity(charges.len());
        for ((paid, steps), price) in by_step.iter().zip(&charges.steps).zip(&charges.prices) {
            let mut share: Vec<f64> = steps.iter().map(|&step| paid[step]).collect();
            let sum: f64 = share.iter().sum();
            // What is left over belongs to the load that no battery brings to nothing, if any.
            let loads = steps.iter().map(|&step| load[step]).enumerate();
            let (place, highest) = loads.fold((0, f64::NEG_INFINITY), |best, (place, load)| {
                if load > best.1 { (place, load) } else { best }
            });
            if sum > *price {
                // Rounding: it would prove too much.
                share.iter_mut().for_each(|each| *each *= price / sum);
            } else if highest > holding.discharge_power {
                share[place] += price - sum;
            }
            shares.push(share);
        }
        shares
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::peak_caps::PROVED;
    use super::super::peak_game::PeakChargedGame;
    use super::super::peak_program::cost_by_program;
    use super::*;
    use crate::dispatch::{Conversion, ExchangeCosts, Kink, PeakCharge, Wear};

    /// A drawn pool whose numbers are small and whole or halves: full of ties. Two prices are all, or
    /// there are wear, unlike powers and limits, too.
    pub(in crate::dispatch) fn drawn(seed: u64, n_charges: usize, is_plain: bool) -> PeakModel {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let n_steps = n_charges * rng.random_range(3..12_usize);
        let mut whole = |from: i32, to: i32| f64::from(rng.random_range(from..=to));
        let net: Vec<f64> = (0..n_steps).map(|_| whole(-8, 4)).collect();
        let lowest = whole(-2, 1);
        let energy = whole(0, 8);
        let powers = [whole(0, 4), whole(0, 4)];
        let efficiencies = [1.0, 0.9, 0.5];
        let (ec, ed) = (efficiencies[whole(0, 2) as usize], efficiencies[whole(0, 2) as usize]);
        let holding = Holding {
            energy,
            charge_power: powers[0],
            discharge_power: if is_plain { powers[0] } else { powers[1] },
            initial_charge: whole(0, 8).min(energy),
            money: whole(-2, 2),
        };
        let length = n_steps / n_charges;
        let whole_months = whole(0, 1) == 0.0;
        let mut charges: Vec<PeakCharge> = (0..n_charges)
            .map(|month| PeakCharge {
                price: whole(1, 8) / 2.0,
                steps: (month * length..(month + 1) * length)
                    .filter(|_| whole_months || whole(0, 2) > 0.0)
                    .collect(),
            })
            .filter(|charge| !charge.steps.is_empty())
            .collect();
        if whole(0, 4) == 0.0 {
            charges.push(PeakCharge { price: whole(1, 4), steps: (0..n_steps).collect() });
        }
        let most_import = if is_plain { f64::INFINITY } else { 7.0 + whole(0, 4) };
        let kink = |constant: f64, cap: Option<usize>| Kink {
            constant,
            resource: Some(0),
            cap: cap.map(|cap| cap as u32),
            after_previous: false,
        };
        // Each step has as many kinks as there can be charges; the price of those that are none is 0.
        let (mut slopes, mut kinks) = (Vec::new(), Vec::new());
        for step in 0..n_steps {
            let sell = whole(0, 3) / 2.0 + lowest;
            let mut slope = sell + whole(0, 3) / 2.0;
            slopes.extend([sell, slope]);
            kinks.push(kink(0.0, None));
            let here = |charge: &&usize| charges[**charge].steps.contains(&step);
            let here: Vec<usize> =
                (0..charges.len()).collect::<Vec<_>>().iter().filter(here).copied().collect();
            for place in 0..2 {
                slope += here.get(place).map_or(0.0, |&charge| charges[charge].price);
                slopes.push(slope);
                kinks.push(kink(0.0, here.get(place).copied()));
            }
            if !is_plain {
                slopes.push(f64::INFINITY);
                kinks.push(kink(most_import, None));
            }
        }
        let charges = PeakCharges::new(&charges, n_steps).unwrap();
        let costs =
            ExchangeCosts::new(&slopes, &kinks, &vec![0; n_steps], 1, charges.len()).unwrap();
        let wear = Wear { charge: 0.0, discharge: if is_plain { 0.0 } else { whole(0, 2) / 4.0 } };
        let conversion = Conversion::new(ec, ed, 1.0).unwrap();
        let caps = vec![0.0; charges.len()];
        let game = ConvexDispatchGame::new(costs, &net, &[holding], caps, conversion, wear);
        PeakModel::new(game.unwrap(), charges, Meter { net: 0, gross: 0, most_import })
    }

    #[test]
    fn the_optimum_is_that_of_the_linear_program() {
        let progress = Progress::new();
        let mut work = PeakWorkspace::new();
        let mut n_without = 0;
        for seed in 0..1040 {
            let model = drawn(seed, (seed as usize % 13).max(1), seed % 2 == 0);
            assert_eq!(model.two_prices.is_some(), seed % 2 == 0, "seed {seed}");
            let resources = model.game.sums(&[true]);
            let found = model.optimum(&resources, &mut work, &progress).unwrap();
            let expected = cost_by_program(&model, &resources, &progress).unwrap();
            if expected.is_infinite() {
                assert!(found.cost.is_infinite(), "seed {seed}");
                n_without += 1;
                continue;
            }
            let turnover = model.turnover(&resources);
            assert!(
                (found.cost - expected).abs() <= 1e-9 * turnover,
                "seed {seed}: {found:?}, expected {expected}, {model:?}"
            );
            assert!(found.bound <= found.cost + 1e-12 * turnover, "seed {seed}: {found:?}");
            assert!(found.cost - found.bound <= PROVED * turnover, "seed {seed}: {found:?}");
            let shares = model.shares(&resources, &found, &mut work);
            let game = PeakChargedGame::new(model.game, model.charges, model.meter).unwrap();
            let proved = game.least_cost(&resources, &shares).unwrap();
            assert!((proved - found.cost).abs() <= PROVED * turnover, "seed {seed}: {proved}");
        }
        assert!((1..300).contains(&n_without), "{n_without} have no dispatch");
    }

    #[test]
    fn two_prices_and_any_costs_tell_the_same() {
        let mut work = PeakWorkspace::new();
        for seed in (0..400).step_by(2) {
            let model = drawn(seed, (seed as usize % 13).max(1), true);
            let resources = model.game.sums(&[true]);
            let any =
                PeakModel { two_prices: None, ..drawn(seed, (seed as usize % 13).max(1), true) };
            let n_charges = model.charges.len();
            let caps: Vec<f64> = (0..n_charges).map(|charge| (charge % 4) as f64).collect();
            let others: Vec<f64> = caps.iter().map(|cap| 3.5 - cap).collect();
            let mut bounds = vec![BlockBound::default(); model.charges.ends.len()];
            let mut values = Vec::new();
            for model in [&model, &any] {
                let mut oracle = PoolOracle::new(model, &resources, &mut work);
                let other = oracle.bounds(&others, &mut bounds, |_, _, _| {});
                let value = oracle.bounds(&caps, &mut bounds, |_, _, _| {});
                let energy = oracle.holding.energy;
                let at = |caps: &[f64]| -> f64 {
                    let of_caps = |bound: &BlockBound| -> f64 {
                        bound.slopes.iter().zip(caps).map(|(slope, cap)| slope * cap).sum()
                    };
                    let blocks = bounds.windows(2);
                    let between: f64 =
                        blocks.map(|pair| (pair[0].end + pair[1].start).min(0.0) * energy).sum();
                    between
                        + bounds.iter().map(|bound| bound.constant + of_caps(bound)).sum::<f64>()
                };
                assert!((at(&caps) - value).abs() < 1e-9, "seed {seed}: {value}, {bounds:?}");
                assert!(at(&others) < other + 1e-9, "seed {seed}: {other}, {bounds:?}");
                values.push(value);
            }
            assert!((values[0] - values[1]).abs() < 1e-9, "seed {seed}: {values:?}");
        }
    }
}
