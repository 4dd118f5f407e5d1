//! The coalition of largest excess where a dispatch prices every mixture of members.
//!
//! The cost of shares `z` of the members is convex, and the prices of one dispatch bound it from below
//! at all shares ([`super::member_prices`]). With a row for each such bound, the largest excess of
//! shares is a linear program of a column for each member, whatever the number of steps: outer
//! approximation in a single tree of branch and bound (Duran and Grossmann 1986, Quesada and Grossmann
//! 1992). A bound holds for every allocation, so those of one question serve all later ones.
//!
//! Nothing here runs in parallel: the same questions in the same order have the same answers, bit by
//! bit, unless time is up. What was asked before may decide which of equal coalitions is found.

mod search;
#[cfg(test)]
mod tests;

use std::sync::{Mutex, PoisonError};

use self::search::Search;
use super::member_prices::{MemberPrices, PricedCost};
use crate::error::{Error, Result};
use crate::linear_production::Question;
use crate::progress::Progress;

/// Bounds that are kept between questions, those used last; 8 bytes for each of them and member.
const KEPT: usize = 4096;

/// What was found, and what is proved.
#[derive(Debug, Clone, PartialEq)]
pub struct Separation {
    /// Coalitions that were asked for with excesses above the level, the largest first.
    pub coalitions: Vec<Vec<bool>>,
    /// No coalition that was asked for has a larger excess.
    pub bound: f64,
    /// The bound of the relaxation, in which members may join in part.
    pub relaxation: f64,
    /// Whether the search ended before its limit.
    pub finished: bool,
}

/// Costs that separate, and the bounds that are known of them.
#[derive(Debug)]
pub struct OuterApproximation<C> {
    cost: C,
    bounds: Mutex<Bounds>,
}

/// The bounds known, in the order in which they were found.
#[derive(Debug, Default)]
struct Bounds {
    known: Vec<MemberPrices>,
    /// When each held a relaxation last.
    used: Vec<u64>,
    clock: u64,
}

impl Bounds {
    fn add(&mut self, bound: MemberPrices) -> usize {
        self.known.push(bound);
        self.used.push(self.clock);
        self.known.len() - 1
    }

    /// The numbers of those used last, at most so many; the first, of all members, always.
    fn recent(&self, most: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (1..self.known.len()).collect();
        order.sort_by_key(|&number| (std::cmp::Reverse(self.used[number]), number));
        order.truncate(most - 1);
        order.push(0);
        order.sort_unstable();
        order
    }

    /// Forgets what was used longest ago.
    fn forget(&mut self) {
        if self.known.len() > KEPT {
            let kept = self.recent(KEPT / 2);
            self.known = kept.iter().map(|&number| self.known[number].clone()).collect();
            self.used = kept.iter().map(|&number| self.used[number]).collect();
        }
    }
}

impl<C: PricedCost> OuterApproximation<C> {
    /// The search in these costs.
    pub fn new(cost: C) -> Self {
        Self { cost, bounds: Mutex::default() }
    }

    /// The number of members.
    pub fn n_players(&self) -> usize {
        self.cost.n_players()
    }

    /// How many bounds are kept.
    pub fn n_bounds(&self) -> usize {
        self.bounds.lock().unwrap_or_else(PoisonError::into_inner).known.len()
    }

    /// The largest excess `x(S) - c(S)` of a proper coalition.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when lengths do not fit, [`Error::Interrupted`], [`Error::Solver`].
    pub fn most_violated(
        &self,
        question: &Question<'_>,
        progress: &Progress,
    ) -> Result<Separation> {
        let n_players = self.cost.n_players();
        let &Question { allocation, outside, level, .. } = question;
        if allocation.len() != n_players || !outside.len().is_multiple_of(n_players) {
            return Err(Error::InvalidInput(format!(
                "an allocation of {} and vectors of {} numbers for {n_players} players",
                allocation.len(),
                outside.len()
            )));
        }
        if n_players == 1 {
            return Ok(Separation {
                coalitions: Vec::new(),
                bound: level,
                relaxation: level,
                finished: true,
            });
        }
        let mut bounds = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        if bounds.known.is_empty() {
            let first = self.cost.prices(&vec![1.0; n_players], progress)?;
            bounds.add(first);
        }
        bounds.clock += 1;
        let answer = Search::new(&self.cost, &mut bounds, question, progress).run();
        bounds.forget();
        answer
    }
}
