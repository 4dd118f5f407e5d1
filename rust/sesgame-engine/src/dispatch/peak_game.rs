//! Coalitions that pool their batteries and pay charges on the peaks of their import.

use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;

use super::bill_range::{CostOfSums, DISTANCE};
use super::convex_pool::{ConvexDispatchGame, Workspace};
use super::convex_schedule::ConvexSchedule;
use super::peak_caps::{CapOptimum, PROVED};
use super::peak_charge::PeakCharges;
use super::peak_lanes::{Ended, PeakLanes};
use super::peak_optimum::{Meter, PeakModel, PeakWorkspace};
use super::peak_program::cost_by_program;
use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::partial_sums::SumWalker;
use crate::progress::Progress;
use crate::thread_pool;

/// The cost game of a community that pools its batteries and pays charges on peaks: the game of
/// [`super::convex_pool`] with, in addition, `sum over charges of D_c max over t of (g_t)+` over the
/// steps `t` of each, where `g` is what the meter sees.
///
/// A value is that of a dispatch that is proved to cost at most `1e-9` of all money that flows more
/// than the cheapest, by cutting planes ([`super::peak_caps`]); where they end without that proof a
/// linear program gives the value, and is counted.
#[derive(Debug)]
pub struct PeakChargedGame {
    model: PeakModel,
    n_by_program: AtomicU64,
}

/// A cost between two bounds.
#[derive(Debug, Clone, Copy)]
struct Bracket {
    cost: f64,
    bound: f64,
}

/// A dispatch that is proved optimal under charges on peaks.
#[derive(Debug, Clone)]
pub struct PeakDispatch {
    /// The schedule at the best caps; its cost is that of what passes the caps, not of the caps.
    pub schedule: ConvexSchedule,
    /// The best caps: one for each charge that costs something.
    pub caps: Vec<f64>,
    /// What a kWh of import pays of each charge that costs something, for each of its steps; no less
    /// than 0, and no more than the price of the charge in sum. The dispatch without charges in which
    /// import pays its shares costs as much as that with charges: whoever doubts the caps needs to
    /// trust neither the cutting planes nor the recursion over caps.
    pub shares: Vec<Vec<f64>>,
    /// All money that could flow.
    pub turnover: f64,
}

impl PeakChargedGame {
    /// The game of pools under charges. Above its cap import is dearer by the price of each charge.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the charges are those of another number of steps, the pools have
    /// not a cap for each charge that costs something, or the meter sees what they do not have.
    pub fn new(game: ConvexDispatchGame, charges: PeakCharges, meter: Meter) -> Result<Self> {
        let costs = &game.costs;
        if charges.n_steps() != costs.n_steps() || charges.len() != costs.n_caps() {
            return Err(Error::InvalidInput(format!(
                "{} charges on peaks of {} steps do not fit {} caps in {}",
                charges.len(),
                charges.n_steps(),
                costs.n_caps(),
                costs.n_steps()
            )));
        }
        if meter.net.max(meter.gross) >= costs.n_resources()
            || meter.most_import.is_nan()
            || meter.most_import < 0.0
        {
            return Err(Error::InvalidInput(format!(
                "a meter of resources {} and {} up to {} does not fit {} resources",
                meter.net,
                meter.gross,
                meter.most_import,
                costs.n_resources()
            )));
        }
        let model = PeakModel::new(game, charges, meter);
        Ok(Self { model, n_by_program: AtomicU64::new(0) })
    }

    /// The pools without the charges, whose kinks hold a cap for each.
    pub(super) fn pools(&self) -> &ConvexDispatchGame {
        &self.model.game
    }

    /// The steps of each charge that costs something.
    pub(super) fn charged_steps(&self) -> impl Iterator<Item = &[usize]> {
        self.model.charges.steps.iter().map(|steps| &**steps)
    }

    /// The number of steps.
    #[must_use]
    pub fn n_steps(&self) -> usize {
        self.model.charges.n_steps()
    }

    /// The sum of the rows of members.
    #[must_use]
    pub fn sums(&self, members: &[bool]) -> Vec<f64> {
        self.model.game.sums(members)
    }

    /// How many values a linear program has given so far, since the cutting planes ended without
    /// proof.
    #[must_use]
    pub fn n_by_program(&self) -> u64 {
        self.n_by_program.load(Ordering::Relaxed)
    }

    /// The step at which a pool has no dispatch, if there is any.
    #[must_use]
    pub fn infeasible_step(&self, resources: &[f64]) -> Option<usize> {
        let caps = vec![0.0; self.model.charges.len()];
        self.model.game.infeasible_step(resources, &caps, &mut Workspace::new())
    }

    /// An optimal dispatch of a pool, and what proves it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when limits leave no dispatch, with the step; [`Error::Solver`] when
    /// the cutting planes end without proof, or rounding keeps cost and bound apart;
    /// [`Error::Interrupted`].
    pub fn dispatch(&self, resources: &[f64], progress: &Progress) -> Result<PeakDispatch> {
        let (model, work) = (&self.model, &mut PeakWorkspace::new());
        let found = model.optimum(resources, work, progress)?;
        let turnover = model.turnover(resources);
        if found.cost - found.bound > PROVED * turnover {
            return Err(Error::Solver {
                stage: "dispatch of the pooled battery with peak charges".to_owned(),
                status: format!("cost {} and its bound {} differ", found.cost, found.bound),
            });
        }
        // Where there is no dispatch there are no caps, either.
        let mut caps = found.caps.clone();
        caps.resize(model.charges.len(), 0.0);
        let schedule = model.game.schedule(resources, &caps)?;
        let shares = model.shares(resources, &found, work);
        Ok(PeakDispatch { schedule, caps, shares, turnover })
    }

    /// What no dispatch of a pool costs less than, by shares of the charges alone: the least cost
    /// without charges when import pays `shares`, for each charge that costs something those of its
    /// steps. Infinite where the pool has no dispatch.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is not a share for each step of each charge, one is negative,
    /// or those of a charge add up to more than its price; the charge is named by its number.
    pub fn least_cost(&self, resources: &[f64], shares: &[Vec<f64>]) -> Result<f64> {
        let PeakModel { game, charges, .. } = &self.model;
        if shares.len() != charges.len() {
            return Err(Error::InvalidInput(format!(
                "there are shares of {} charges; there must be some of each of {}",
                shares.len(),
                charges.len()
            )));
        }
        let mut paid = vec![vec![0.0; charges.n_steps()]; charges.len()];
        for (number, share) in shares.iter().enumerate() {
            let (steps, price) = (&charges.steps[number], charges.prices[number]);
            if share.len() != steps.len() || !share.iter().all(|each| *each >= 0.0) {
                return Err(Error::InvalidInput(format!(
                    "the shares of charge {number} must be non-negative, one for each step"
                )));
            }
            let sum: f64 = share.iter().sum();
            // A sum of so many numbers is exact to as many units in its last place.
            if sum > price * (1.0 + f64::EPSILON * share.len() as f64) {
                return Err(Error::InvalidInput(format!(
                    "the shares of charge {number} add up to {sum}; the charge is {price} for a kWh \
                     in a step"
                )));
            }
            steps.iter().zip(share).for_each(|(&step, each)| paid[number][step] = *each);
        }
        let costs = game.costs.with_shares(|charge, step| paid[charge][step]);
        Ok(game.alone(resources, costs).cost(resources, &[], &mut Workspace::new()))
    }

    /// The smallest and the largest bill of each member over all optimal prices, as
    /// [`super::bill_range::bill_ranges`]; what is not proved of a cost widens them.
    ///
    /// # Errors
    /// [`Error::Interrupted`] and [`Error::Solver`].
    pub fn bill_ranges(&self, progress: &Progress) -> Result<Vec<(f64, f64)>> {
        let game = &self.model.game;
        let rows: Vec<&[f64]> = game.rows().chunks(game.width()).collect();
        let all = game.sums(&vec![true; rows.len()]);
        let together = self.bracket(&all, &mut PeakWorkspace::new(), progress)?;
        let weight_of_all: f64 = rows.iter().map(|row| self.model.turnover(row)).sum();
        progress.set_total(rows.len() as u64);
        thread_pool::install(|| {
            rows.par_iter()
                .map_init(
                    || (PeakWorkspace::new(), vec![0.0; all.len()]),
                    |(work, moved), row| {
                        progress.advance(1)?;
                        let weight = self.model.turnover(row);
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

    /// Between what the least cost of a pool lies.
    fn bracket(
        &self,
        resources: &[f64],
        work: &mut PeakWorkspace,
        progress: &Progress,
    ) -> Result<Bracket> {
        let found = self.model.optimum(resources, work, progress);
        self.proved(found, resources, self.model.turnover(resources), progress)
    }

    /// What a search has found of a pool if that is proved, and otherwise what a linear program finds.
    fn proved(
        &self,
        found: Result<CapOptimum>,
        resources: &[f64],
        turnover: f64,
        progress: &Progress,
    ) -> Result<Bracket> {
        match found {
            Ok(found)
                if found.cost.is_infinite() || found.cost - found.bound <= PROVED * turnover =>
            {
                return Ok(Bracket { cost: found.cost, bound: found.bound });
            }
            Ok(_) | Err(Error::Solver { .. }) => {}
            Err(error) => return Err(error),
        }
        self.n_by_program.fetch_add(1, Ordering::Relaxed);
        let cost = cost_by_program(&self.model, resources, progress)?;
        Ok(Bracket { cost, bound: cost })
    }

    /// The least cost of a pool, with memory of its own to find it; NaN where there is none.
    fn cost_of_sums<'a>(&'a self, progress: &'a Progress) -> impl FnMut(&[f64]) -> f64 + Send + 'a {
        let mut work = PeakWorkspace::new();
        move |resources| {
            self.bracket(resources, &mut work, progress).map_or(f64::NAN, |bracket| bracket.cost)
        }
    }
}

impl NativeGame for PeakChargedGame {
    fn n_players(&self) -> usize {
        self.model.game.n_players()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        let game = &self.model.game;
        Box::new(PeakWalker {
            game: self,
            sums: SumWalker::new(game.rows(), game.width(), self.cost_of_sums(progress)),
            lanes: PeakLanes::new(&self.model),
            found: Vec::new(),
            progress,
        })
    }

    fn is_side_by_side(&self) -> bool {
        self.model.side_by_side().is_some()
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        let game = &self.model.game;
        without_each_by_sums(game.rows(), game.width(), || self.cost_of_sums(progress), progress)
    }
}

/// The walker of pools under charges: eight searches at a time where two prices are all.
struct PeakWalker<'a, F> {
    game: &'a PeakChargedGame,
    sums: SumWalker<'a, F>,
    lanes: Option<PeakLanes<'a>>,
    /// The values of coalitions whose search has ended, by their place.
    found: Vec<(usize, f64)>,
    progress: &'a Progress,
}

impl<F> PeakWalker<'_, F> {
    /// Goes on with all searches.
    fn evaluate(&mut self) {
        let Self { game, lanes, found, progress, .. } = self;
        let Some(lanes) = lanes else { return };
        lanes.evaluate(progress, |Ended { place, resources, turnover, optimum }| {
            let bracket = game.proved(optimum, &resources, turnover, progress);
            found.push((place, bracket.map_or(f64::NAN, |bracket| bracket.cost)));
        });
    }
}

impl<F: FnMut(&[f64]) -> f64 + Send> Walker for PeakWalker<'_, F> {
    fn clear(&mut self) {
        self.sums.clear();
    }

    fn add(&mut self, player: usize) {
        self.sums.add(player);
    }

    fn remove(&mut self, player: usize) {
        self.sums.remove(player);
    }

    fn value(&mut self) -> f64 {
        self.sums.value()
    }

    fn enqueue(&mut self, place: usize) -> bool {
        let is_taken = self.lanes.as_mut().is_some_and(|lanes| lanes.add(place, self.sums.sum()));
        while self.lanes.as_ref().is_some_and(PeakLanes::is_full) {
            self.evaluate();
        }
        is_taken
    }

    fn finish(&mut self, put: &mut dyn FnMut(usize, f64)) {
        while self.lanes.as_ref().is_some_and(|lanes| !lanes.is_empty()) {
            self.evaluate();
        }
        self.found.drain(..).for_each(|(place, value)| put(place, value));
    }
}
