//! Core-selecting payments of a bundle auction: the least total that no coalition blocks, and of
//! these the payments nearest to Clarke's (Day and Cramton 2012). Blocking coalitions are found by
//! winner determination on bids less what their bidders already gain (Day and Raghavan 2007).

use super::bundle_auction::{Bundle, BundleAuction, Outcome, Winners};
use crate::error::{Error, Result};
use crate::linear_program::Model;
use crate::nearest_point::nearest_to_origin;
use crate::progress::Progress;

/// Core payments, and the coalitions that made them.
#[derive(Debug, Clone, PartialEq)]
pub struct CorePayments {
    /// What each bidder pays.
    pub payments: Vec<f64>,
    /// The bidders of each blocking coalition that was generated, by the winners it leaves out.
    pub blocking: Vec<Vec<usize>>,
    /// No coalition gains more than this by a deal of its own with the seller.
    pub excess: f64,
}

/// Part of the welfare that a coalition may still gain: the precision of the programs.
const EXCESS: f64 = 1e-9;

/// Part of the welfare by which the total may exceed the least: the rows that demand it and the one
/// that allows it would leave no point between them after rounding.
const SLACK: f64 = 1e-11;

/// What a coalition with the seller demands: the winners it leaves out pay at least `least`.
struct Demand {
    left_out: Vec<usize>,
    least: f64,
}

/// The core-selecting payments of the efficient outcome `outcome`.
///
/// # Errors
/// As [`BundleAuction::winners`] for each search, each of which may take `time_limit` seconds;
/// [`Error::Solver`] when the outcome is not proved to be efficient (its core is then empty), or a
/// search was stopped before it proved that no coalition blocks; [`Error::Interrupted`].
pub fn core_selecting(
    auction: &BundleAuction,
    outcome: &Outcome,
    time_limit: f64,
    progress: &Progress,
) -> Result<CorePayments> {
    if outcome.payment_gaps.iter().any(|&gap| gap > 0.0) {
        let Winners { welfare, bound, .. } = outcome.winners;
        return Err(failure(format!(
            "time limit: the bundles won are worth {welfare}, at most {bound} is possible, and not \
             all payments are proved"
        )));
    }
    let value: Vec<f64> = outcome
        .winners
        .won
        .iter()
        .map(|won| won.map_or(0.0, |bundle| auction.bundles[bundle].value))
        .collect();
    let welfare = outcome.winners.welfare;
    let tolerance = EXCESS * welfare;
    let mut payments = outcome.payments.clone();
    let mut demands: Vec<Demand> = Vec::new();
    loop {
        progress.check()?;
        let revenue: f64 = payments.iter().sum();
        let gain = |bidder: usize| value[bidder] - payments[bidder];
        // Any deal that gains makes a demand; only that there is none has to be proved.
        let known = outcome.winners.won.clone();
        let worth = |_, bundle: &Bundle| bundle.value - gain(bundle.bidder);
        let deal = auction.better(known, revenue + tolerance, time_limit, progress, worth)?;
        let excess = deal.welfare - revenue;
        let possible = deal.bound - revenue;
        if excess <= tolerance && deal.bound > deal.welfare && possible > tolerance {
            return Err(failure(format!(
                "time limit: after {} blocking coalitions none is known that gains from a deal of \
                 its own, but one might gain up to {possible}",
                demands.len()
            )));
        }
        if excess <= tolerance {
            let blocking = demands.into_iter().map(|demand| demand.left_out).collect();
            return Ok(CorePayments { payments, blocking, excess: excess.max(0.0) });
        }
        let inside = |bidder: usize| deal.won[bidder].is_some();
        let winners = || (0..auction.n_bidders).filter(|&b| outcome.winners.won[b].is_some());
        let worth: f64 =
            deal.won.iter().flatten().map(|&bundle| auction.bundles[bundle].value).sum();
        let kept: f64 = winners().filter(|&b| inside(b)).map(|b| value[b]).sum();
        let left_out: Vec<usize> = winners().filter(|&b| !inside(b)).collect();
        let least = worth - kept;
        let is_met =
            |demand: &Demand| demand.left_out == left_out && least <= demand.least + tolerance;
        if demands.iter().any(is_met) {
            // The same demand again: it is met up to the precision of the payments.
            let blocking = demands.into_iter().map(|demand| demand.left_out).collect();
            return Ok(CorePayments { payments, blocking, excess });
        }
        demands.retain(|demand| demand.left_out != left_out);
        demands.push(Demand { left_out, least });
        payments = nearest(&outcome.payments, &value, &demands, welfare, progress)?;
        progress.advance(1)?;
    }
}

/// The payments of least total that meet all demands, nearest to Clarke's.
///
/// In parts of the welfare, so that every tolerance, the solver's included, means the same in any
/// unit.
fn nearest(
    clarke: &[f64],
    value: &[f64],
    demands: &[Demand],
    welfare: f64,
    progress: &Progress,
) -> Result<Vec<f64>> {
    let winners: Vec<usize> = (0..value.len()).filter(|&b| value[b] > 0.0).collect();
    let parts = |amounts: &[f64]| -> Vec<f64> { amounts.iter().map(|a| a / welfare).collect() };
    let (clarke, value) = (parts(clarke), parts(value));
    let least = |demand: &Demand| demand.least / welfare;
    let mut model = Model::new();
    model.set_feasibility_tolerance(EXCESS);
    for &bidder in &winners {
        model.add_column(1.0, clarke[bidder], value[bidder]);
    }
    let position =
        |bidder: usize| winners.iter().position(|&b| b == bidder).expect("a winner is left out");
    for demand in demands {
        let entries: Vec<_> = demand.left_out.iter().map(|&b| (position(b), 1.0)).collect();
        model.add_row(least(demand), f64::INFINITY, &entries);
    }
    let least_total = model.solve(progress)?.optimal("core-selecting payments")?.objective;

    // In the raise above Clarke's payments the nearest point is the nearest to the origin.
    let n = winners.len();
    let unit = |k: usize, sign: f64| (0..n).map(|j| if j == k { sign } else { 0.0 }).collect();
    let clarke_total: f64 = winners.iter().map(|&b| clarke[b]).sum();
    let mut rows: Vec<(Vec<f64>, f64)> = vec![(vec![-1.0; n], clarke_total - least_total - SLACK)];
    for (k, &bidder) in winners.iter().enumerate() {
        rows.push((unit(k, 1.0), 0.0));
        rows.push((unit(k, -1.0), clarke[bidder] - value[bidder]));
    }
    for demand in demands {
        let mut row = vec![0.0; n];
        demand.left_out.iter().for_each(|&b| row[position(b)] = 1.0);
        let clarke: f64 = demand.left_out.iter().map(|&b| clarke[b]).sum();
        rows.push((row, least(demand) - clarke));
    }
    let raise =
        nearest_to_origin(&rows, n).ok_or_else(|| failure("no point is nearest".to_owned()))?;
    let mut payments = clarke.clone();
    for (&bidder, raise) in winners.iter().zip(raise.point) {
        payments[bidder] = (clarke[bidder] + raise).clamp(clarke[bidder], value[bidder]);
    }
    Ok(payments.iter().map(|part| part * welfare).collect())
}

fn failure(status: String) -> Error {
    Error::Solver { stage: "core-selecting payments".to_owned(), status }
}

#[cfg(test)]
mod tests {
    use super::super::bundle_auction::tests::{cramton, items};
    use super::*;

    fn payments(auction: &BundleAuction) -> CorePayments {
        let progress = Progress::new();
        let outcome = auction.clarke(f64::INFINITY, &progress).unwrap();
        core_selecting(auction, &outcome, f64::INFINITY, &progress).unwrap()
    }

    #[test]
    fn the_published_package_auction_shares_the_raise_equally() {
        let core = payments(&cramton());
        for (found, expected) in core.payments.iter().zip([17.0, 15.0, 0.0, 0.0, 0.0]) {
            assert!((found - expected).abs() < 1e-9, "{core:?}");
        }
        assert_eq!(core.blocking, [[0, 1]]);
    }

    #[test]
    fn clarke_payments_of_zero_become_the_bid_that_they_displaced() {
        // The classical case against VCG: two local bidders displace a global one and pay nothing.
        let core = payments(&items(2, &[(0, 2.0, &[0, 1]), (1, 2.0, &[0]), (2, 2.0, &[1])]));
        for (found, expected) in core.payments.iter().zip([0.0, 1.0, 1.0]) {
            assert!((found - expected).abs() < 1e-9, "{core:?}");
        }
    }
}
