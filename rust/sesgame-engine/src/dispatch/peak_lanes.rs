//! Searches for the caps of eight pools at a time: what each asks for next is evaluated side by side
//! ([`super::capped_lanes`]), and a pool whose search has ended makes room for another one.
//!
//! A search sees evaluations of its own pool only, which have the same bits whoever is beside it.

use std::array::from_fn;

use super::battery::Battery;
use super::cap_bounds::BlockBound;
use super::capped_lanes::{CappedLanes, CappedPools};
use super::capped_tariff::CappedTariff;
use super::convex_pool::Holding;
use super::peak_caps::{CapOptimum, Search};
use super::peak_optimum::PeakModel;
use super::pool_lanes::{Batteries, LANES};
use crate::error::Result;
use crate::progress::Progress;

/// Eight lanes, each with a pool or free for one.
#[derive(Debug)]
pub(super) struct PeakLanes<'a> {
    model: &'a PeakModel,
    capped: &'a CappedTariff,
    pools: CappedPools,
    lanes: CappedLanes,
    sought: [Option<Sought<'a>>; LANES],
    load: Vec<f64>,
}

/// A pool whose caps are sought.
#[derive(Debug)]
struct Sought<'a> {
    place: usize,
    resources: Vec<f64>,
    money: f64,
    search: Search<'a>,
    bounds: Vec<BlockBound>,
}

/// A pool whose search has ended.
#[derive(Debug)]
pub(super) struct Ended {
    pub place: usize,
    pub resources: Vec<f64>,
    /// All money that could flow.
    pub turnover: f64,
    pub optimum: Result<CapOptimum>,
}

impl<'a> PeakLanes<'a> {
    /// Free lanes, where there can be some.
    pub fn new(model: &'a PeakModel) -> Option<Self> {
        let capped = model.side_by_side()?;
        let (n_steps, n_caps) = (model.charges.n_steps(), model.charges.len());
        // A free lane is evaluated, too.
        let of_nobody = Battery { energy: 1.0, power: 1.0, initial_charge: 0.0 };
        Some(Self {
            model,
            capped,
            pools: CappedPools {
                loads: vec![[0.0; LANES]; n_steps],
                batteries: Batteries::each(|_| of_nobody),
                caps: vec![[0.0; LANES]; n_caps],
                without: [0.0; LANES],
            },
            lanes: CappedLanes::new(n_steps, n_caps),
            sought: from_fn(|_| None),
            load: Vec::new(),
        })
    }

    /// Whether no lane is free.
    pub fn is_full(&self) -> bool {
        self.sought.iter().all(Option::is_some)
    }

    /// Whether all lanes are free.
    pub fn is_empty(&self) -> bool {
        self.sought.iter().all(Option::is_none)
    }

    /// Puts a pool into a free lane, if there is any; false where its caps are to be sought by itself.
    pub fn add(&mut self, place: usize, resources: &[f64]) -> bool {
        let (series, holding) = self.model.game.split(resources);
        let Holding { energy, charge_power: power, initial_charge, money, .. } = holding;
        let is_plain = power == holding.discharge_power && power > 0.0 && energy > 0.0;
        let free = self.sought.iter().position(Option::is_none);
        let Some(lane) = free.filter(|_| is_plain) else { return false };
        self.load.clear();
        self.load.extend(series[self.model.meter.net].iter().map(|net| -net));
        for (loads, load) in self.pools.loads.iter_mut().zip(&self.load) {
            loads[lane] = *load;
        }
        self.pools.without[lane] = self.capped.tariff.cost(&self.load) + money;
        self.pools.batteries.energy[lane] = energy;
        self.pools.batteries.power[lane] = power;
        self.pools.batteries.initial_charge[lane] = initial_charge;
        let Some(search) = self.model.search(resources, &self.load, &holding) else { return false };
        self.sought[lane] = Some(Sought {
            place,
            resources: resources.to_vec(),
            money,
            search,
            bounds: vec![BlockBound::default(); self.model.charges.ends.len()],
        });
        true
    }

    /// Evaluates what each search asks for, and shows those that end.
    pub fn evaluate(&mut self, progress: &Progress, mut show: impl FnMut(Ended)) {
        let Self { model, capped, pools, lanes, sought, .. } = self;
        for (lane, of) in sought.iter().enumerate() {
            if let Some(Sought { search, .. }) = of {
                let caps = pools.caps.iter_mut().zip(search.caps());
                caps.for_each(|(lanes, cap)| lanes[lane] = *cap);
            }
        }
        let values = lanes.values(capped, &model.charges, pools);
        lanes.bounds(capped, &model.charges, pools, |lane, block, bound| {
            if let Some(Sought { bounds, .. }) = &mut sought[lane] {
                bounds[block] = bound;
            }
        });
        for (lane, of) in sought.iter_mut().enumerate() {
            let Some(Sought { search, bounds, money, .. }) = of else { continue };
            bounds[0].constant += *money;
            let told = progress.check().and_then(|()| search.tell(values[lane], bounds, progress));
            if matches!(told, Ok(true)) {
                continue;
            }
            if let Some(Sought { place, resources, search, .. }) = of.take() {
                let turnover = search.about().turnover;
                let optimum = told.map(|_| search.into_optimum());
                show(Ended { place, resources, turnover, optimum });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::super::peak_optimum::PeakWorkspace;
    use super::super::peak_optimum::tests::drawn;
    use super::*;

    /// Pools more than there are lanes, of small and whole numbers: full of ties.
    fn pools(seed: u64, n_steps: usize) -> Vec<Vec<f64>> {
        let rng = &mut ChaCha8Rng::seed_from_u64(seed);
        let mut whole = |from: i32, to: i32| f64::from(rng.random_range(from..=to));
        let pool = |_| {
            let mut resources: Vec<f64> = (0..n_steps).map(|_| whole(-8, 4) * 0.7).collect();
            let (energy, power) = (whole(0, 8), whole(0, 4));
            resources.extend([energy, power, power, whole(0, 8).min(energy), whole(-2, 2)]);
            resources
        };
        (0..19).map(pool).collect()
    }

    #[test]
    fn searches_side_by_side_have_the_bits_of_each() {
        let progress = Progress::new();
        let (mut n_apart, mut n_side_by_side, mut n_evaluations) = (0, 0, 0);
        for seed in (0..600).step_by(2) {
            let model = drawn(seed, (seed as usize % 13).max(1), true);
            let Some(mut lanes) = PeakLanes::new(&model) else {
                n_apart += 1;
                continue;
            };
            let pools = pools(seed, model.charges.n_steps());
            let mut found = vec![None; pools.len()];
            let mut put = |ended: Ended| {
                assert_eq!(ended.resources, pools[ended.place]);
                found[ended.place] = Some((ended.turnover, ended.optimum.unwrap()));
            };
            for (place, resources) in pools.iter().enumerate() {
                lanes.add(place, resources);
                while lanes.is_full() {
                    lanes.evaluate(&progress, &mut put);
                }
            }
            while !lanes.is_empty() {
                lanes.evaluate(&progress, &mut put);
            }
            for (resources, found) in pools.iter().zip(found) {
                let Some((turnover, found)) = found else { continue };
                let expected =
                    model.optimum(resources, &mut PeakWorkspace::new(), &progress).unwrap();
                assert_eq!(found, expected, "seed {seed}: {resources:?}, {model:?}");
                assert_eq!(turnover, model.turnover(resources));
                n_side_by_side += 1;
                n_evaluations += found.n_evaluations;
            }
        }
        assert!(n_apart > 20 && n_side_by_side > 2000, "{n_apart}, {n_side_by_side}");
        assert!(n_evaluations > 3 * n_side_by_side, "{n_evaluations}");
    }
}
