//! Payoffs of an order book that share exactly its welfare, that no coalition blocks, and that are
//! nearest to the VCG payoffs: a balanced budget for the least change of everybody's incentives.
//!
//! VCG gives each participant its marginal contribution, the most that it gets anywhere in the core;
//! together that is more than there is. What each gives up is then the nearest point to the origin
//! of a polyhedron whose rows, one for each blocking coalition, are generated (Day and Raghavan 2007).
//!
//! The profits at a clearing price are in the core. Coalitions are therefore looked for between them
//! and the present payoffs, near enough to them for what is found to touch the core (Ben-Ameur and
//! Neto 2007), and the distance of the two bounds how far either is from the payoffs sought.

use std::collections::HashSet;

use super::book_coalitions::{Blocking, BookCoalitions};
use super::book_search::{Found, Goal, best_coalition, best_price, search};
use super::near_balance::nearly_balanced;
use super::order_book::OrderBook;
use crate::error::{Error, Result};
use crate::nearest_point::NearestPoint;
use crate::progress::Progress;

/// Core payoffs, and the coalitions that had to be satisfied.
#[derive(Debug, Clone, PartialEq)]
pub struct CorePayoffs {
    /// What each player gains.
    pub payoffs: Vec<f64>,
    /// The coalitions that keep the payoffs from being nearer, as flags by player.
    pub blocking: Vec<Vec<bool>>,
    /// No coalition gains more than this by trading on its own.
    pub excess: f64,
    /// The Euclidean distance from the payoffs sought is at most this, beside what `excess` makes of
    /// them.
    pub distance: f64,
}

/// Part of the welfare that a coalition may still gain.
const EXCESS: f64 = 1e-8;

/// Part of the welfare from which on a coalition blocks: a tenth, so that what may still be gained is
/// proved before nothing more is found.
const BLOCKS: f64 = EXCESS / 10.0;

/// Part of the welfare up to which rows hold: far less than what blocks, far more than rounding.
const HELD: f64 = 1e-11;

/// Part of the welfare: payoffs at clearing prices that are proved to be as near as this are taken, in
/// a core that is thin. It is what an excess of [`EXCESS`] can make of a distance, whose square it
/// changes.
const NEAR: f64 = 1e-5;

/// Coalitions for each of those who gain. The nearest payoffs of as many columns are tight for fewer
/// than one of each, so where several times as many did not do, the core is thin: coalitions go on to
/// be found that differ by little.
const MANY: usize = 4;

/// Part of the welfare: a bound above this is that of an integer program that was stopped, not the
/// rounding of one that is at its end.
const STOPPED: f64 = 1e-6;

/// The core payoffs of a book nearest to its marginal contributions.
///
/// Marginal contributions up to `rounding` are none, as is such a welfare: then nobody gains anything.
///
/// # Errors
/// [`Error::Solver`] when a search for a coalition failed or was stopped after `time_limit` seconds
/// without proof, or the coalitions that were found leave no payoffs, which clearing prices exclude;
/// [`Error::Interrupted`].
pub fn nearest_core_payoffs(
    book: &OrderBook<'_>,
    rounding: f64,
    time_limit: f64,
    progress: &Progress,
) -> Result<CorePayoffs> {
    let coalitions = BookCoalitions::new(book, &progress.of_a_part())?;
    let (welfare, marginal) = coalitions.marginal_contributions();
    if welfare <= rounding {
        let payoffs = vec![0.0; marginal.len()];
        return Ok(CorePayoffs { payoffs, blocking: Vec::new(), excess: 0.0, distance: 0.0 });
    }
    let nothing = |amount: f64| if amount > rounding { amount } else { 0.0 };
    let most: Vec<f64> = marginal.into_iter().map(nothing).collect();
    let inner = coalitions.profits_near(&most);
    let mut sought = Sought::new(&most, welfare);
    for round in 0.. {
        let (payoffs, blocking) = sought.payoffs(progress)?;
        let distance = sought.distance(&inner, &payoffs);
        if sought.blocking.len() > MANY * sought.winners.len() && distance <= NEAR * welfare {
            return Ok(CorePayoffs { payoffs: inner, blocking, excess: 0.0, distance });
        }
        let found = if book.n_periods() == 1 {
            sought.blocking_now(&coalitions, (&payoffs, &inner), round, time_limit, progress)?
        } else {
            best_coalition(book, &payoffs, BLOCKS * welfare, time_limit, progress)?
        };
        let proved = if book.n_periods() == 1 { EXCESS } else { STOPPED };
        if found.stopped && found.coalitions.is_empty() && found.bound > proved * welfare {
            return Err(sought.failure(&format!(
                "time limit: after {} blocking coalitions none is known that gains from trading on its \
                 own, but one might gain up to {}",
                sought.blocking.len(),
                found.bound
            )));
        }
        let mut more = false;
        for coalition in found.coalitions {
            more |= sought.satisfy(coalition, &payoffs);
        }
        // Coalitions that are all known are satisfied, up to the precision of the payoffs.
        if !more {
            let excess = found.bound.max(0.0);
            return Ok(CorePayoffs { payoffs, blocking, excess, distance: 0.0 });
        }
        progress.advance(1)?;
    }
    unreachable!("each round ends or finds another of finitely many coalitions")
}

/// The payoffs sought: in parts of the welfare, so that every tolerance means the same in any unit.
struct Sought {
    welfare: f64,
    /// What each gains at most: its marginal contribution.
    most: Vec<f64>,
    /// Those who gain anything, who are the columns of the polyhedron.
    winners: Vec<usize>,
    given_up: NearestPoint,
    blocking: Vec<Vec<bool>>,
    known: HashSet<Vec<bool>>,
}

impl Sought {
    fn new(most: &[f64], welfare: f64) -> Self {
        let most: Vec<f64> = most.iter().map(|most| most / welfare).collect();
        let winners: Vec<usize> = (0..most.len()).filter(|&player| most[player] > 0.0).collect();
        let n = winners.len();
        // Given up is what all could have beyond what there is, nothing negative, and by nobody more
        // than it has.
        let to_give_up = (most.iter().sum::<f64>() - 1.0).max(0.0);
        let mut given_up = NearestPoint::new(vec![0.0; n], &[(vec![1.0; n], to_give_up)]);
        for (place, &player) in winners.iter().enumerate() {
            let unit = |sign: f64| (0..n).map(|j| if j == place { sign } else { 0.0 }).collect();
            given_up.add((unit(1.0), 0.0));
            given_up.add((unit(-1.0), -most[player]));
        }
        let (blocking, known) = (Vec::new(), HashSet::new());
        Self { welfare, most, winners, given_up, blocking, known }
    }

    /// The nearest payoffs that satisfy the coalitions so far, and those that keep them away.
    fn payoffs(&mut self, progress: &Progress) -> Result<(Vec<f64>, Vec<Vec<bool>>)> {
        let nearest = self.given_up.solve(HELD, progress)?.ok_or_else(|| {
            self.failure(&format!("no payoffs meet {} coalitions", self.blocking.len()))
        })?;
        let mut payoffs: Vec<f64> = self.most.iter().map(|most| most * self.welfare).collect();
        for (&player, given_up) in self.winners.iter().zip(nearest.point) {
            let most = self.most[player];
            payoffs[player] = (most - given_up.clamp(0.0, most)) * self.welfare;
        }
        let multipliers = &nearest.multipliers[2 * self.winners.len()..];
        let held =
            self.blocking.iter().zip(multipliers).filter(|(_, multiplier)| **multiplier > 0.0);
        Ok((payoffs, held.map(|(members, _)| members.clone()).collect()))
    }

    /// How far payoffs in the core are at most from those sought, when others, as near to the marginal
    /// contributions or nearer, satisfy only some coalitions: the squares of two sides of a triangle
    /// whose angle between them is not acute.
    fn distance(&self, inner: &[f64], outer: &[f64]) -> f64 {
        let most = self.most.iter().map(|most| most * self.welfare);
        let square: f64 = most
            .zip(inner.iter().zip(outer))
            .map(|(most, (inner, outer))| (outer - inner) * (2.0 * most - inner - outer))
            .sum();
        square.max(0.0).sqrt()
    }

    /// Coalitions that block payoffs in a book of one period, or the proof that none does.
    ///
    /// Between payoffs in the core and the present ones, the nearer to the core the more of what a
    /// coalition is short of there counts: what is found then touches the core. Where it shows nothing
    /// one goes outwards.
    fn blocking_now(
        &self,
        coalitions: &BookCoalitions,
        (payoffs, inner): (&[f64], &[f64]),
        round: u64,
        time_limit: f64,
        progress: &Progress,
    ) -> Result<Found> {
        let blocks = BLOCKS * self.welfare;
        let (bound, _) = best_price(coalitions, payoffs);
        if bound <= EXCESS * self.welfare {
            return Ok(Found { coalitions: Vec::new(), bound, stopped: false });
        }
        let mut found: Vec<Blocking> = Vec::new();
        let mut part = EXCESS * self.welfare / bound;
        loop {
            let between: Vec<f64> = inner
                .iter()
                .zip(payoffs)
                .map(|(inner, outer)| inner + part * (outer - inner))
                .collect();
            let (_, price) = best_price(coalitions, &between);
            if price.is_finite() {
                let near = nearly_balanced(coalitions, &between, price, round, progress)?;
                found.extend(near.into_iter().filter_map(|coalition| {
                    let excess = coalitions.excess(&coalition.members, payoffs);
                    (excess > blocks).then_some(Blocking { excess, ..coalition })
                }));
            }
            if found.len() >= self.winners.len() / 4 || part >= 1.0 {
                break;
            }
            part = f64::min(10.0 * part, 1.0);
        }
        if found.is_empty() {
            let rounding = EXCESS * self.welfare - blocks;
            return search(
                coalitions,
                payoffs,
                Goal::Some,
                (blocks, rounding),
                time_limit,
                progress,
            );
        }
        found.truncate(self.winners.len());
        Ok(Found { coalitions: found, bound, stopped: false })
    }

    /// Has a coalition have what it is worth; false where it is known already.
    fn satisfy(&mut self, coalition: Blocking, payoffs: &[f64]) -> bool {
        let Blocking { members, excess } = coalition;
        if !self.known.insert(members.clone()) {
            return false;
        }
        let inside = |player: &&usize| members[**player];
        let parts = self.winners.iter().filter(inside).map(|&player| payoffs[player]).sum::<f64>();
        let most: f64 = self.winners.iter().filter(inside).map(|&player| self.most[player]).sum();
        let row = self.winners.iter().map(|&player| if members[player] { -1.0 } else { 0.0 });
        self.given_up.add((row.collect(), (excess + parts) / self.welfare - most));
        self.blocking.push(members);
        true
    }

    fn failure(&self, status: &str) -> Error {
        Error::Solver { stage: "core-selecting payments".to_owned(), status: status.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders as (is bid, price, quantity), of a participant each.
    fn core(orders: &[(bool, f64, f64)]) -> CorePayoffs {
        let book = OrderBook {
            n_participants: orders.len(),
            starts: &[0, orders.len()],
            participant: &(0..orders.len()).map(|k| u32::try_from(k).unwrap()).collect::<Vec<_>>(),
            is_bid: &orders.iter().map(|order| order.0).collect::<Vec<_>>(),
            price: &orders.iter().map(|order| order.1).collect::<Vec<_>>(),
            quantity: &orders.iter().map(|order| order.2).collect::<Vec<_>>(),
            demand: &[0.0],
            value_of_lost_load: 0.0,
        };
        nearest_core_payoffs(&book, 1e-12, f64::INFINITY, &Progress::new()).unwrap()
    }

    #[test]
    fn one_buyer_between_two_sellers_keeps_what_competition_gives_it() {
        // Marginal contributions 6, 2 and 0 of 6: the buyer must keep 4 against the second seller.
        let core = core(&[(true, 9.0, 1.0), (false, 3.0, 1.0), (false, 5.0, 1.0)]);
        for (found, expected) in core.payoffs.iter().zip([5.0, 1.0, 0.0]) {
            assert!((found - expected).abs() < 1e-8, "{core:?}");
        }
    }

    #[test]
    fn what_has_to_be_given_up_is_shared_equally_where_nobody_objects() {
        // Two buyers, two sellers and a third at 3: the price may be anything from 2 to 3.
        let core = core(&[
            (true, 10.0, 1.0),
            (true, 6.0, 1.0),
            (false, 0.0, 1.0),
            (false, 2.0, 1.0),
            (false, 3.0, 3.0),
        ]);
        let total: f64 = core.payoffs.iter().sum();
        assert!((total - 14.0).abs() < 1e-9, "{core:?}");
        for (found, expected) in core.payoffs.iter().zip([7.5, 3.5, 2.5, 0.5, 0.0]) {
            assert!((found - expected).abs() < 1e-7, "{core:?}");
        }
    }

    #[test]
    fn nobody_gains_where_nothing_is_traded() {
        let core = core(&[(true, 1.0, 1.0), (false, 2.0, 1.0), (false, 3.0, 0.0)]);
        assert_eq!(core.payoffs, [0.0; 3]);
    }
}
