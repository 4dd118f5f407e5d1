//! The best choice among few bundles, by branch and bound with fixed prices of the resources.
//!
//! At any prices `y >= 0` a choice of bundles that fits is worth at most what the capacities cost and
//! what each bidder has left of its best bundle: `y c + sum over bidders of max(0, v_j - y u_j)`. A choice
//! is worth less than that by the sum of what each bidder's bundle has less than its best, and by the
//! capacity that stays unused. So bidders are gone through one by one, and a branch ends where those
//! sums leave nothing above the best choice known. The prices are those of the relaxation, which
//! make the bound as low as any do; that it holds does not depend on them.

use super::bundle_auction::{Bundle, BundleAuction, ROUNDING, take};
use crate::error::Result;
use crate::linear_program::{Model, Status};
use crate::progress::Progress;

/// Bundles tried before the search is given up: some hundredths of a second, less than a program takes
/// where there is so much to search.
const MOST_NODES: u64 = 1 << 18;

/// Part of the bound: differences of sums of values that are rounding.
const SAME: f64 = 1e-12;

/// What a bidder can do.
struct Choice {
    bidder: usize,
    /// By how much its own part of the bound falls, and the bundle; the best first.
    options: Vec<(f64, Option<usize>)>,
}

/// A choice of bundles that fits.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chosen {
    /// The bundle of each bidder.
    pub won: Vec<Option<usize>>,
    /// What they are worth.
    pub worth: f64,
    /// Whether no choice is worth more.
    pub is_best: bool,
}

/// The best choice of bundles where each is worth `worth`, or `known` if none is better; the best that was
/// seen where there is too much to search.
///
/// Bundles that are worth nothing are not chosen.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub(super) fn best_choice(
    auction: &BundleAuction,
    worth: &[f64],
    known: Chosen,
    progress: &Progress,
) -> Result<Chosen> {
    let usable: Vec<usize> = (0..worth.len())
        .filter(|&bundle| worth[bundle] > 0.0 && auction.fits_alone(&auction.bundles[bundle]))
        .collect();
    if usable.is_empty() {
        return Ok(Chosen { is_best: true, ..known });
    }
    let Some(prices) = prices(auction, worth, &usable, progress)? else { return Ok(known) };
    let rest = |bundle: usize| {
        let Bundle { usage, .. } = &auction.bundles[bundle];
        worth[bundle] - usage.iter().map(|&(r, amount)| prices[r] * amount).sum::<f64>()
    };
    let mut choices: Vec<Choice> = (0..auction.n_bidders)
        .map(|bidder| Choice { bidder, options: vec![(0.0, None)] })
        .collect();
    for &bundle in &usable {
        choices[auction.bundles[bundle].bidder].options.push((rest(bundle), Some(bundle)));
    }
    choices.retain(|choice| choice.options.len() > 1);
    let capacity = |(price, capacity): (&f64, &f64)| price * capacity * (1.0 + ROUNDING);
    let mut bound: f64 = prices.iter().zip(&auction.capacities).map(capacity).sum();
    for Choice { options, .. } in &mut choices {
        options.sort_by(|a, b| b.0.total_cmp(&a.0));
        let best = options[0].0;
        bound += best;
        options.iter_mut().for_each(|option| option.0 = best - option.0);
    }
    // Where the second best costs most there is the least to try.
    choices.sort_by(|a, b| b.options[1].0.total_cmp(&a.options[1].0));
    let mut search = Search {
        auction,
        worth,
        choices: &choices,
        left: auction.capacities.repeat(choices.len() + 1),
        won: vec![None; auction.n_bidders],
        same: SAME * bound.abs(),
        best: known,
        nodes: 0,
    };
    let is_best = search.go_on(0, bound, 0.0, progress)?;
    Ok(Chosen { is_best, ..search.best })
}

/// The prices of the resources in the relaxation, none below 0.
fn prices(
    auction: &BundleAuction,
    worth: &[f64],
    usable: &[usize],
    progress: &Progress,
) -> Result<Option<Vec<f64>>> {
    let mut model = Model::new();
    let mut of_bidder = vec![Vec::new(); auction.n_bidders];
    let mut of_resource = vec![Vec::new(); auction.capacities.len()];
    let unit = usable.iter().map(|&bundle| worth[bundle]).fold(0.0, f64::max);
    for &bundle in usable {
        let column = model.add_column(-worth[bundle] / unit, 0.0, 1.0);
        of_bidder[auction.bundles[bundle].bidder].push((column, 1.0));
        for &(resource, amount) in &auction.bundles[bundle].usage {
            of_resource[resource].push((column, amount / auction.capacities[resource]));
        }
    }
    for entries in of_bidder.iter().filter(|entries| entries.len() > 1) {
        model.add_row(f64::NEG_INFINITY, 1.0, entries);
    }
    let mut rows = vec![None; of_resource.len()];
    for (row, entries) in rows.iter_mut().zip(&of_resource) {
        if !entries.is_empty() {
            *row = Some(model.add_row(f64::NEG_INFINITY, 1.0, entries));
        }
    }
    let solution = model.solve(progress)?;
    if solution.status != Status::Optimal {
        return Ok(None);
    }
    let price = |(row, capacity): (&Option<usize>, &f64)| {
        row.map_or(0.0, |row| f64::max(0.0, -solution.row_duals[row]) * unit / capacity)
    };
    Ok(Some(rows.iter().zip(&auction.capacities).map(price).collect()))
}

struct Search<'a> {
    auction: &'a BundleAuction,
    worth: &'a [f64],
    choices: &'a [Choice],
    /// What is left of each resource before each bidder chooses.
    left: Vec<f64>,
    won: Vec<Option<usize>>,
    same: f64,
    best: Chosen,
    nodes: u64,
}

impl Search<'_> {
    /// Tries all options of the bidders from one on; false where there are too many.
    fn go_on(&mut self, from: usize, bound: f64, value: f64, progress: &Progress) -> Result<bool> {
        let Some(Choice { bidder, options }) = self.choices.get(from) else {
            if value > self.best.worth + self.same {
                self.best = Chosen { won: self.won.clone(), worth: value, is_best: false };
            }
            return Ok(true);
        };
        for &(less, bundle) in options {
            // The options that follow have even less.
            if bound - less <= self.best.worth + self.same {
                break;
            }
            self.nodes += 1;
            if self.nodes > MOST_NODES {
                return Ok(false);
            }
            if self.nodes.is_multiple_of(1 << 12) {
                progress.check()?;
            }
            let mut worth = value;
            let n_resources = self.auction.capacities.len();
            let (before, after) = self.left.split_at_mut((from + 1) * n_resources);
            let (before, after) = (&before[from * n_resources..], &mut after[..n_resources]);
            after.copy_from_slice(before);
            if let Some(bundle) = bundle {
                if !self.auction.fits(&self.auction.bundles[bundle], before) {
                    continue;
                }
                take(&self.auction.bundles[bundle], after);
                worth += self.worth[bundle];
            }
            self.won[*bidder] = bundle;
            let done = self.go_on(from + 1, bound - less, worth, progress)?;
            self.won[*bidder] = None;
            if !done {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The most that bidders from one on can add, by trying everything.
    fn most(auction: &BundleAuction, worth: &[f64], bidder: usize, left: &[f64]) -> f64 {
        if bidder == auction.n_bidders {
            return 0.0;
        }
        let mut best = most(auction, worth, bidder + 1, left);
        for (bundle, bid) in auction.bundles.iter().enumerate() {
            if bid.bidder == bidder && auction.fits(bid, left) {
                let mut left = left.to_vec();
                take(bid, &mut left);
                best = best.max(worth[bundle] + most(auction, worth, bidder + 1, &left));
            }
        }
        best
    }

    #[test]
    fn the_best_choice_is_that_of_trying_everything() {
        let mut state = 1_u64;
        let mut drawn = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) % below
        };
        for _ in 0..400 {
            let capacities: Vec<f64> = (0..4).map(|_| drawn(4) as f64).collect();
            let bundles: Vec<Bundle> = (0..9)
                .map(|_| Bundle {
                    bidder: drawn(5) as usize,
                    value: drawn(6) as f64,
                    usage: (0..4)
                        .map(|resource| (resource, drawn(4) as f64 / 2.0))
                        .filter(|usage| usage.1 > 0.0)
                        .collect(),
                })
                .collect();
            let auction = BundleAuction { n_bidders: 5, capacities, bundles };
            let worth: Vec<f64> = auction.bundles.iter().map(|bundle| bundle.value).collect();
            let nothing = Chosen { won: vec![None; 5], worth: 0.0, is_best: false };
            let found = best_choice(&auction, &worth, nothing, &Progress::new()).unwrap();
            assert!(found.is_best);
            assert_eq!(found.worth, most(&auction, &worth, 0, &auction.capacities));
            let mut left = auction.capacities.clone();
            for (bidder, bundle) in found.won.iter().enumerate() {
                let Some(bundle) = bundle.map(|bundle| &auction.bundles[bundle]) else { continue };
                assert!(bundle.bidder == bidder && auction.fits(bundle, &left));
                take(bundle, &mut left);
            }
            // Where nothing is better, what is known stays.
            let again = best_choice(&auction, &worth, found.clone(), &Progress::new()).unwrap();
            assert_eq!(again, found);
        }
    }
}
