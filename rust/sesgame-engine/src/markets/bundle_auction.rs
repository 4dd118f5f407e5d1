//! Bids for bundles of shared resources: winner determination to proved optimality, Clarke
//! payments, and the greedy auction of Lehmann, O'Callaghan and Shoham (2002).
//!
//! A bundle uses an amount of each of some resources (a battery's energy and power in each period);
//! a bidder wins at most one of its bundles.

use rayon::prelude::*;

use super::bundle_search::{Chosen, best_choice};
use super::units::{canonical, typical};
use crate::error::{Error, Result};
use crate::linear_program::{Model, Status};
use crate::progress::Progress;
use crate::thread_pool;

/// A bid for a bundle.
#[derive(Debug, Clone, PartialEq)]
pub struct Bundle {
    /// Who bids.
    pub bidder: usize,
    /// What the bundle is worth to the bidder; finite, not negative.
    pub value: f64,
    /// Amount used of each resource, each resource at most once; positive.
    pub usage: Vec<(usize, f64)>,
}

/// What the value of a bundle is divided by in the greedy auction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BundleSize {
    /// The square root of the sum of the shares of capacity that it uses.
    Root,
    /// The sum of these shares, each times the shares of the resource that all bundles ask for.
    Scarcity,
}

/// Bundles that compete for resources.
#[derive(Debug, Clone, PartialEq)]
pub struct BundleAuction {
    /// The number of bidders.
    pub n_bidders: usize,
    /// How much there is of each resource; finite, not negative.
    pub capacities: Vec<f64>,
    /// All bids.
    pub bundles: Vec<Bundle>,
}

/// Winning bundles, and how good they are proved to be.
#[derive(Debug, Clone, PartialEq)]
pub struct Winners {
    /// The bundle that each bidder wins.
    pub won: Vec<Option<usize>>,
    /// The value of all bundles won.
    pub welfare: f64,
    /// No choice of bundles is worth more; equals `welfare` when optimality is proved.
    pub bound: f64,
}

/// An efficient outcome with Clarke payments.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The winning bundles.
    pub winners: Winners,
    /// What each bidder pays, when all programs are solved.
    pub payments: Vec<f64>,
    /// How far each payment may be off, because a program was stopped at a gap; 0 otherwise.
    pub payment_gaps: Vec<f64>,
}

/// Overuse of a resource, relative to its capacity, that counts as rounding: the precision of the
/// solver, which the greedy auction shares so that both sell the same battery.
pub(super) const ROUNDING: f64 = 1e-9;

/// Differences of values, relative to these, that are rounding: between scores that are equal in
/// other units, and between a value and what its bidder gains already.
const TIE: f64 = 1e-12;

impl BundleAuction {
    /// The winning bundles, of those that are worth more than 0, when each bundle is worth
    /// `value(index, bundle)` instead of what was bid.
    ///
    /// # Errors
    /// [`Error::Solver`] when nothing was found in `time_limit` seconds, or the solver failed;
    /// [`Error::Interrupted`].
    pub fn winners(
        &self,
        time_limit: f64,
        progress: &Progress,
        value: impl Fn(usize, &Bundle) -> f64,
    ) -> Result<Winners> {
        let mut model = Model::new();
        model.set_integer_gap(0.0, 0.0);
        model.set_feasibility_tolerance(ROUNDING);
        if time_limit < f64::INFINITY {
            model.set_time_limit(time_limit);
        }
        let unit = typical(self.bundles.iter().map(|bundle| bundle.value));
        model.show_search(0.0, -unit);
        let mut columns = Vec::new();
        let mut of_bidder = vec![Vec::new(); self.n_bidders];
        let mut of_resource = vec![Vec::new(); self.capacities.len()];
        for (index, bundle) in self.bundles.iter().enumerate() {
            let worth = value(index, bundle);
            if worth <= TIE * bundle.value || !self.fits_alone(bundle) {
                continue;
            }
            let column = model.add_integer_column(-canonical(worth / unit), 0.0, 1.0);
            columns.push((index, worth));
            of_bidder[bundle.bidder].push((column, 1.0));
            for &(resource, amount) in &bundle.usage {
                // In parts of the capacity, so that the solver's tolerance means the same for all.
                let share = canonical(amount / self.capacities[resource]);
                of_resource[resource].push((column, share));
            }
        }
        let mut won = vec![None; self.n_bidders];
        if columns.is_empty() {
            return Ok(Winners { won, welfare: 0.0, bound: 0.0 });
        }
        for entries in &of_bidder {
            if entries.len() > 1 {
                model.add_row(f64::NEG_INFINITY, 1.0, entries);
            }
        }
        for entries in &of_resource {
            if entries.iter().map(|&(_, share)| share).sum::<f64>() > 1.0 + ROUNDING {
                model.add_row(f64::NEG_INFINITY, 1.0, entries);
            }
        }
        let solution = model.solve(progress)?;
        let stopped = solution.status == Status::TimeLimit && solution.objective.is_finite();
        if solution.status == Status::TimeLimit && !stopped {
            return Err(Error::Solver {
                stage: "winner determination".to_owned(),
                status: format!(
                    "time limit: no winners were found in {time_limit} s, only that their bundles \
                     are worth at most {}",
                    -solution.bound * unit
                ),
            });
        }
        if solution.status != Status::Optimal && !stopped {
            return Err(solution.status.to_error("winner determination"));
        }
        let mut welfare = 0.0;
        for (&(index, worth), &chosen) in columns.iter().zip(&solution.columns) {
            if chosen > 0.5 {
                won[self.bundles[index].bidder] = Some(index);
                welfare += worth;
            }
        }
        let bound = if stopped { welfare.max(-solution.bound * unit) } else { welfare };
        Ok(Winners { won, welfare, bound })
    }

    pub(super) fn fits_alone(&self, bundle: &Bundle) -> bool {
        bundle
            .usage
            .iter()
            .all(|&(resource, amount)| amount <= self.capacities[resource] * (1.0 + ROUNDING))
    }

    /// [`Self::winners`] where some that fit are known: by a search of its own as long as there is
    /// little to search, which proves what it finds like a program does. What is worth more than
    /// `enough` need not be the best; its bound is infinite then.
    ///
    /// # Errors
    /// As [`Self::winners`].
    pub(super) fn better(
        &self,
        known: Vec<Option<usize>>,
        enough: f64,
        time_limit: f64,
        progress: &Progress,
        value: impl Fn(usize, &Bundle) -> f64,
    ) -> Result<Winners> {
        let worth: Vec<f64> = self
            .bundles
            .iter()
            .enumerate()
            .map(|(index, bundle)| {
                let worth = value(index, bundle);
                if worth <= TIE * bundle.value { 0.0 } else { worth }
            })
            .collect();
        let of_all = |won: &[Option<usize>]| -> f64 {
            // In the order of the bundles, as a program sums them up.
            let won_by = |index: &usize| won[self.bundles[*index].bidder] == Some(*index);
            (0..worth.len()).filter(won_by).map(|index| worth[index]).sum()
        };
        let known = Chosen { worth: of_all(&known), won: known, is_best: false };
        let Chosen { won, is_best, .. } = best_choice(self, &worth, known, progress)?;
        let welfare = of_all(&won);
        if is_best {
            return Ok(Winners { won, welfare, bound: welfare });
        }
        if welfare > enough {
            return Ok(Winners { won, welfare, bound: f64::INFINITY });
        }
        self.winners(time_limit, progress, |index, _| worth[index])
    }

    /// The efficient outcome and its Clarke payments: one program, and one more, or a search, for each
    /// winner, in parallel.
    ///
    /// # Errors
    /// As [`BundleAuction::winners`], whose limit holds for each program;
    /// [`Error::Interrupted`].
    pub fn clarke(&self, time_limit: f64, progress: &Progress) -> Result<Outcome> {
        let winners = self.winners(time_limit, progress, |_, bundle| bundle.value)?;
        progress.set_total(1 + winners.won.iter().flatten().count() as u64);
        progress.advance(1)?;
        let gap = winners.bound - winners.welfare;
        let (payments, payment_gaps) = thread_pool::install(|| {
            winners
                .won
                .par_iter()
                .enumerate()
                .map(|(bidder, won)| {
                    let Some(won) = *won else {
                        return Ok((0.0, gap));
                    };
                    progress.check()?;
                    // What the others win already is a choice that fits.
                    let known = without_bidder(&winners.won, bidder);
                    let progress_of_it = progress.of_a_part();
                    let value = |_, bundle: &Bundle| {
                        if bundle.bidder == bidder { 0.0 } else { bundle.value }
                    };
                    let without =
                        self.better(known, f64::INFINITY, time_limit, &progress_of_it, value)?;
                    progress.advance(1)?;
                    let value = self.bundles[won].value;
                    let payment = without.welfare - (winners.welfare - value);
                    Ok((payment.clamp(0.0, value), gap + without.bound - without.welfare))
                })
                .collect::<Result<Vec<_>>>()
        })?
        .into_iter()
        .unzip();
        Ok(Outcome { winners, payments, payment_gaps })
    }

    /// The greedy outcome for bidders with one bundle each, and the critical values that winners
    /// pay: bundles by falling value per size, each accepted when it fits; of equal scores the
    /// earlier bundle first. `O(n^2)` times the resources of a bundle.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when a bidder has two bundles; [`Error::Interrupted`].
    pub fn greedy(
        &self,
        size: BundleSize,
        progress: &Progress,
    ) -> Result<(Vec<Option<usize>>, Vec<f64>)> {
        let mut seen = vec![false; self.n_bidders];
        for bundle in &self.bundles {
            if std::mem::replace(&mut seen[bundle.bidder], true) {
                return Err(Error::InvalidInput(format!(
                    "duplicate bid of bidder {}",
                    bundle.bidder
                )));
            }
        }
        let weight = self.weights(size);
        let mut ranked: Vec<usize> = (0..self.bundles.len())
            .filter(|&b| self.bundles[b].value > 0.0 && self.fits_alone(&self.bundles[b]))
            .collect();
        let score = |bundle: usize| self.bundles[bundle].value / weight[bundle];
        ranked.sort_by(|&a, &b| score(b).total_cmp(&score(a)));
        // Scores that differ by rounding only are equal.
        for tied in ranked.chunk_by_mut(|&a, &b| score(a) - score(b) <= TIE * score(a)) {
            tied.sort_unstable();
        }

        let mut won = vec![None; self.n_bidders];
        let mut left = self.capacities.clone();
        for &index in &ranked {
            let bundle = &self.bundles[index];
            if self.fits(bundle, &left) {
                take(bundle, &mut left);
                won[bundle.bidder] = Some(index);
            }
        }
        let payments = thread_pool::install(|| {
            (0..self.n_bidders)
                .into_par_iter()
                .map(|bidder| {
                    let Some(own) = won[bidder] else { return Ok(0.0) };
                    progress.check()?;
                    let mut left = self.capacities.clone();
                    for &index in ranked.iter().filter(|&&index| index != own) {
                        let bundle = &self.bundles[index];
                        if self.fits(bundle, &left) {
                            take(bundle, &mut left);
                            if !self.fits(&self.bundles[own], &left) {
                                return Ok(score(index) * weight[own]);
                            }
                        }
                    }
                    Ok(0.0)
                })
                .collect::<Result<Vec<f64>>>()
        })?;
        Ok((won, payments))
    }

    /// The size of each bundle.
    fn weights(&self, size: BundleSize) -> Vec<f64> {
        let share = |&(r, amount): &(usize, f64)| amount / self.capacities[r];
        let mut asked = vec![0.0; self.capacities.len()];
        for entry in self.bundles.iter().flat_map(|bundle| &bundle.usage) {
            // Nothing is asked of what is not there: such a bundle cannot win.
            if self.capacities[entry.0] > 0.0 {
                asked[entry.0] += share(entry);
            }
        }
        let weight = |bundle: &Bundle| {
            let total: f64 = match size {
                BundleSize::Root => bundle.usage.iter().map(share).sum::<f64>().sqrt(),
                BundleSize::Scarcity => {
                    bundle.usage.iter().map(|entry| asked[entry.0] * share(entry)).sum()
                }
            };
            // A bundle of nothing always fits: any positive weight will do.
            if total > 0.0 { total } else { 1.0 }
        };
        self.bundles.iter().map(weight).collect()
    }

    pub(super) fn fits(&self, bundle: &Bundle, left: &[f64]) -> bool {
        bundle.usage.iter().all(|&(r, amount)| amount <= left[r] + ROUNDING * self.capacities[r])
    }
}

fn without_bidder(won: &[Option<usize>], bidder: usize) -> Vec<Option<usize>> {
    let mut won = won.to_vec();
    won[bidder] = None;
    won
}

pub(super) fn take(bundle: &Bundle, left: &mut [f64]) {
    for &(resource, amount) in &bundle.usage {
        left[resource] -= amount;
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Items of which there is one each; bids as (bidder, value, items).
    pub fn items(n_items: usize, bids: &[(usize, f64, &[usize])]) -> BundleAuction {
        BundleAuction {
            n_bidders: bids.iter().map(|bid| bid.0 + 1).max().unwrap_or(0),
            capacities: vec![1.0; n_items],
            bundles: bids
                .iter()
                .map(|&(bidder, value, items)| Bundle {
                    bidder,
                    value,
                    usage: items.iter().map(|&item| (item, 1.0)).collect(),
                })
                .collect(),
        }
    }

    /// Cramton (2013), "Spectrum auction design": five bids for A, B and both.
    pub fn cramton() -> BundleAuction {
        items(
            2,
            &[
                (0, 28.0, &[0]),
                (1, 20.0, &[1]),
                (2, 32.0, &[0, 1]),
                (3, 14.0, &[0]),
                (4, 12.0, &[1]),
            ],
        )
    }

    #[test]
    fn clarke_payments_of_a_published_package_auction() {
        let outcome = cramton().clarke(f64::INFINITY, &Progress::new()).unwrap();
        assert_eq!(outcome.winners.won, [Some(0), Some(1), None, None, None]);
        assert_eq!(outcome.winners.welfare, 48.0);
        assert_eq!(outcome.payments, [14.0, 12.0, 0.0, 0.0, 0.0]);
        assert_eq!(outcome.payment_gaps, [0.0; 5]);
    }

    #[test]
    fn a_bidder_wins_at_most_one_of_its_bundles() {
        let auction = items(2, &[(0, 5.0, &[0]), (0, 4.0, &[1]), (1, 1.0, &[1])]);
        let winners =
            auction.winners(f64::INFINITY, &Progress::new(), |_, bundle| bundle.value).unwrap();
        assert_eq!(winners.won, [Some(0), Some(2)]);
    }

    #[test]
    fn greedy_winners_pay_the_bid_that_would_push_them_out() {
        // Lehmann, O'Callaghan and Shoham (2002): red alone 10, green and blue... two items.
        let auction = items(2, &[(0, 10.0, &[0]), (1, 19.0, &[0, 1]), (2, 8.0, &[1])]);
        let (won, payments) = auction.greedy(BundleSize::Root, &Progress::new()).unwrap();
        assert_eq!(won, [None, Some(1), None]);
        assert!((payments[1] - 10.0 * 2f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn an_auction_without_bids_has_no_winner() {
        let winners = items(1, &[])
            .winners(f64::INFINITY, &Progress::new(), |_, bundle| bundle.value)
            .unwrap();
        assert_eq!(winners, Winners { won: vec![], welfare: 0.0, bound: 0.0 });
    }
}
