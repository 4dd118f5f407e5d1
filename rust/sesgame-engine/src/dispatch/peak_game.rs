//! Coalitions that pool their batteries and pay charges on the peaks of their import.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::battery::{Battery, Conversion};
use super::bill_range::DISTANCE;
use super::capped_battery::{CappedBattery, Pool, Workspace};
use super::peak_caps::PROVED;
use super::peak_charge::PeakCharges;
use super::peak_program::cost_by_program;
use super::{Tariff, check_net_load};
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::SumWalker;
use crate::progress::Progress;
use crate::thread_pool;

/// The cost game of a community that pools its batteries and pays charges on peaks: the game of
/// [`super::pooled_battery`] with, in addition, `sum over charges of D_c max over t of (g_t)+` over
/// the steps `t` of each.
///
/// A value is that of a dispatch that is proved to cost at most `1e-9` of all money that flows more
/// than the cheapest, by cutting planes ([`super::peak_caps`]); where they end without that proof a
/// linear program gives the value, and is counted.
#[derive(Debug)]
pub struct PeakChargedGame {
    model: CappedBattery,
    /// One row for each member: the net loads, then energy, power and initial charge.
    rows: Vec<f64>,
    n_players: usize,
    n_by_program: AtomicU64,
}

/// A cost between two bounds.
#[derive(Debug, Clone, Copy)]
struct Bracket {
    cost: f64,
    bound: f64,
}

impl PeakChargedGame {
    /// The game of members with the given net loads and batteries, as
    /// [`super::pooled_battery::PooledBatteryGame::new`]; no charge is lost between steps.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the rows do not fit the tariff or the batteries, a number is
    /// not finite, or a battery cannot be.
    pub fn new(
        net_load: &[f64],
        tariff: Tariff,
        batteries: &[Battery],
        conversion: Conversion,
        charges: PeakCharges,
    ) -> Result<Self> {
        let n_steps = tariff.n_steps();
        let n_players = check_net_load(net_load, n_steps)?;
        if batteries.len() != n_players {
            return Err(Error::InvalidInput(format!(
                "there are {} batteries for {n_players} members",
                batteries.len()
            )));
        }
        let mut rows = Vec::with_capacity(n_players * (n_steps + 3));
        for (member, (load, battery)) in net_load.chunks(n_steps).zip(batteries).enumerate() {
            battery.check(&conversion, &format!("the battery of member {member}"))?;
            rows.extend_from_slice(load);
            rows.extend([battery.energy, battery.power, battery.initial_charge]);
        }
        let model = CappedBattery::new(tariff, conversion, charges)?;
        Ok(Self { model, rows, n_players, n_by_program: AtomicU64::new(0) })
    }

    /// How many values a linear program has given so far, since the cutting planes ended without
    /// proof.
    #[must_use]
    pub fn n_by_program(&self) -> u64 {
        self.n_by_program.load(Ordering::Relaxed)
    }

    /// The smallest and the largest bill of each member over all optimal prices, as
    /// [`super::bill_range::bill_ranges`]; what is not proved of a cost widens them.
    ///
    /// # Errors
    /// [`Error::Interrupted`] and [`Error::Solver`].
    pub fn bill_ranges(&self, progress: &Progress) -> Result<Vec<(f64, f64)>> {
        let width = self.width();
        let rows: Vec<&[f64]> = self.rows.chunks(width).collect();
        let mut all = vec![0.0; width];
        for row in &rows {
            all.iter_mut().zip(*row).for_each(|(sum, value)| *sum += value);
        }
        let together = self.bracket(&all, &mut Workspace::new(), progress)?;
        let weight_of_all: f64 = rows.iter().map(|row| self.weight(row)).sum();
        progress.set_total(rows.len() as u64);
        thread_pool::install(|| {
            rows.par_iter()
                .map_init(
                    || (Workspace::new(), vec![0.0; width]),
                    |(work, moved), row| {
                        progress.advance(1)?;
                        let weight = self.weight(row);
                        if weight == 0.0 {
                            return Ok((0.0, 0.0));
                        }
                        let share = (DISTANCE * weight_of_all / weight).min(1.0);
                        let mut at = |share: f64| {
                            let sums = all.iter().zip(row.iter());
                            moved
                                .iter_mut()
                                .zip(sums)
                                .for_each(|(at, (all, own))| *at = all + share * own);
                            self.bracket(moved, work, progress)
                        };
                        let (before, after) = (at(-share)?, at(share)?);
                        Ok((
                            (together.bound - before.cost) / share,
                            (after.cost - together.bound) / share,
                        ))
                    },
                )
                .collect()
        })
    }

    fn width(&self) -> usize {
        self.model.tariff.n_steps() + 3
    }

    /// All money that could flow on account of the given resources.
    fn weight(&self, resources: &[f64]) -> f64 {
        let pool = self.pool(resources);
        let Battery { energy, initial_charge, .. } = pool.battery;
        self.model.turnover(pool) + self.model.tariff.highest() * (energy + initial_charge)
    }

    fn pool<'a>(&self, resources: &'a [f64]) -> Pool<'a> {
        let (load, pool) = resources.split_at(self.model.tariff.n_steps());
        let battery = Battery { energy: pool[0], power: pool[1], initial_charge: pool[2] };
        Pool { load, battery }
    }

    /// Between what the least cost of a pool lies.
    fn bracket(
        &self,
        resources: &[f64],
        work: &mut Workspace,
        progress: &Progress,
    ) -> Result<Bracket> {
        let pool = self.pool(resources);
        match self.model.optimum(pool, work, progress) {
            Ok(found) if found.cost - found.bound <= PROVED * self.model.turnover(pool) => {
                return Ok(Bracket { cost: found.cost, bound: found.bound });
            }
            Ok(_) | Err(Error::Solver { .. }) => {}
            Err(error) => return Err(error),
        }
        self.n_by_program.fetch_add(1, Ordering::Relaxed);
        let cost = cost_by_program(&self.model, pool, progress)?;
        Ok(Bracket { cost, bound: cost })
    }

    /// The least cost of a pool, with memory of its own to find it; NaN where there is none.
    fn cost_of_sums<'a>(&'a self, progress: &'a Progress) -> impl FnMut(&[f64]) -> f64 + Send + 'a {
        let mut work = Workspace::new();
        move |resources| {
            self.bracket(resources, &mut work, progress).map_or(f64::NAN, |bracket| bracket.cost)
        }
    }
}

impl NativeGame for PeakChargedGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SumWalker::new(&self.rows, self.width(), self.cost_of_sums(progress)))
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.rows, self.width(), || self.cost_of_sums(progress), progress)
    }
}
