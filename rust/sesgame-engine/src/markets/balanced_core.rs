//! Payoffs that share exactly the welfare of a market, that no coalition blocks, and that are
//! nearest to the VCG payoffs: a balanced budget for the least change of everybody's incentives.
//!
//! VCG gives each participant its marginal contribution, the most that it gets anywhere in the core;
//! together that is more than there is. What each gives up is then the nearest point to the origin
//! of a polyhedron whose rows, one for each blocking coalition, are generated.

use super::network::NetworkMarket;
use crate::error::{Error, Result};
use crate::nearest_point::nearest_to_origin;
use crate::progress::Progress;

/// Core payoffs, and the coalitions that had to be satisfied.
#[derive(Debug, Clone, PartialEq)]
pub struct CorePayoffs {
    /// What each participant gains.
    pub payoffs: Vec<f64>,
    /// The coalitions that blocked better payoffs, as flags by participant.
    pub blocking: Vec<Vec<bool>>,
    /// No coalition gains more than this by trading on its own.
    pub excess: f64,
}

/// Part of the welfare by which the payoffs may miss it: two opposite rows without room between
/// them would leave no point at all after rounding.
const SLACK: f64 = 1e-11;

/// Part of the welfare that a coalition may still gain: what the least squares of the nearest point
/// leave, which square the condition of the rows.
const EXCESS: f64 = 1e-8;

/// Part of the welfare: a bound above this is that of a search that was stopped, not the rounding of
/// one that is at its end.
const STOPPED: f64 = 1e-6;

/// The core payoffs nearest to `marginal`, the marginal contributions to `welfare`.
///
/// Fixed demand must be a participant's bid, so that it has a payoff. Marginal contributions below 0
/// are rounding, as is a welfare that is not above it: then nobody gains anything.
///
/// # Errors
/// [`Error::Solver`] when a search for a coalition failed or was stopped after `time_limit` seconds
/// without proof, or the coalitions that were found leave no payoffs, which clearing prices exclude;
/// [`Error::Interrupted`].
pub fn nearest_core_payoffs(
    market: &NetworkMarket,
    marginal: &[f64],
    welfare: f64,
    time_limit: f64,
    progress: &Progress,
) -> Result<CorePayoffs> {
    let n = marginal.len();
    if welfare <= 0.0 {
        return Ok(CorePayoffs { payoffs: vec![0.0; n], blocking: Vec::new(), excess: 0.0 });
    }
    // In parts of the welfare, so that every tolerance means the same in any unit.
    let marginal: Vec<f64> = marginal.iter().map(|most| (most / welfare).max(0.0)).collect();
    let to_give_up = (marginal.iter().sum::<f64>() - 1.0).max(0.0);
    // Rows on what is given up: all of it, nothing negative, and by nobody more than it has.
    let mut rows = vec![(vec![1.0; n], to_give_up), (vec![-1.0; n], -to_give_up - SLACK)];
    for (participant, &most) in marginal.iter().enumerate() {
        let unit = |sign: f64| (0..n).map(|j| if j == participant { sign } else { 0.0 }).collect();
        rows.push((unit(1.0), 0.0));
        rows.push((unit(-1.0), -most));
    }
    let mut blocking: Vec<Vec<bool>> = Vec::new();
    loop {
        progress.check()?;
        let given_up = nearest_to_origin(&rows, n)
            .ok_or_else(|| Error::Solver {
                stage: "core-selecting payments".to_owned(),
                status: format!("no payoffs meet {} coalitions", blocking.len()),
            })?
            .point;
        let parts: Vec<f64> =
            marginal.iter().zip(&given_up).map(|(most, d)| most - d.clamp(0.0, *most)).collect();
        let payoffs: Vec<f64> = parts.iter().map(|part| part * welfare).collect();
        let (members, excess, bound) = market.best_coalition(&payoffs, time_limit, progress)?;
        if excess <= EXCESS * welfare && time_limit < f64::INFINITY && bound > STOPPED * welfare {
            return Err(Error::Solver {
                stage: "core-selecting payments".to_owned(),
                status: format!(
                    "time limit: after {} blocking coalitions none is known that gains from trading \
                     on its own, but one might gain up to {bound}",
                    blocking.len()
                ),
            });
        }
        // The same coalition again: it is satisfied up to the precision of the payoffs.
        if excess <= EXCESS * welfare || blocking.contains(&members) {
            return Ok(CorePayoffs { payoffs, blocking, excess: excess.max(0.0) });
        }
        let total = |values: &[f64]| -> f64 {
            values.iter().zip(&members).filter(|(_, inside)| **inside).map(|(value, _)| value).sum()
        };
        let worth = excess / welfare + total(&parts);
        let row = members.iter().map(|&inside| if inside { -1.0 } else { 0.0 }).collect();
        rows.push((row, worth - total(&marginal)));
        blocking.push(members);
        progress.advance(1)?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::network::Order;
    use super::*;

    #[test]
    fn one_buyer_between_two_sellers_keeps_what_competition_gives_it() {
        let order = |participant, is_bid, price| Order {
            participant,
            bus: 0,
            is_bid,
            price,
            quantity: 1.0,
            must_run: false,
        };
        let market = NetworkMarket {
            n_participants: 3,
            orders: vec![order(0, true, 9.0), order(1, false, 3.0), order(2, false, 5.0)],
            lines: vec![],
            links: vec![],
            demand: vec![0.0],
            injection: vec![0.0],
            value_of_lost_load: 0.0,
        };
        // Marginal contributions 6, 2 and 0 of 6: the buyer must keep 4 against the second seller.
        let core =
            nearest_core_payoffs(&market, &[6.0, 2.0, 0.0], 6.0, f64::INFINITY, &Progress::new())
                .unwrap();
        for (found, expected) in core.payoffs.iter().zip([5.0, 1.0, 0.0]) {
            assert!((found - expected).abs() < 1e-8, "{core:?}");
        }
    }
}
