//! Coalitions of an order book of one period that gain because what they trade nearly balances at one
//! price: in large books all that keep payoffs away from the core.
//!
//! At a price the members of a coalition have profits less utilities, and deliver a net quantity that
//! has to be undone at the next price up or down. So what it gains is at most a sum over members less
//! a cost of the sum of their nets: subset sums, which two sorted halves meet (Horowitz and Sahni
//! 1974). That is done for some of the players at a time; the others join where they gain.

use rayon::prelude::*;

use super::book_coalitions::{Blocking, BookCoalitions};
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// Players in each half: 4,096 subsets, which are sorted in a fraction of a millisecond and whose
/// pairs come as near to a balance as doubles of prices and quantities mean anything.
const HALF: usize = 12;

/// Pairs of halves in a round: enough for a few coalitions of everybody, in milliseconds.
const PAIRS: u64 = 16;

/// Coalitions kept of each pair of halves.
const KEPT: usize = 128;

/// A subset of one half.
#[derive(Debug, Clone, Copy)]
struct Subset {
    /// Players that leave where they would join, or join where they would not, as bits.
    flips: u32,
    net: f64,
    gain: f64,
}

/// Coalitions that gain against utilities, the largest excess first; another selection of players in
/// each `round`. None where no price separates anybody.
///
/// # Errors
/// [`crate::error::Error::Interrupted`].
pub fn nearly_balanced(
    coalitions: &BookCoalitions,
    utility: &[f64],
    price: f64,
    round: u64,
    progress: &Progress,
) -> Result<Vec<Blocking>> {
    let at = AtPrice::new(coalitions, utility, price);
    let found = thread_pool::install(|| {
        (PAIRS * round..PAIRS * (round + 1))
            .into_par_iter()
            .map(|draw| {
                progress.check()?;
                Ok(at.coalitions(coalitions, utility, draw))
            })
            .collect::<Result<Vec<_>>>()
    })?;
    let mut found = found.concat();
    found.sort_by(|a, b| b.excess.total_cmp(&a.excess));
    found.dedup_by(|a, b| a.members == b.members);
    Ok(found)
}

/// All players at one price.
struct AtPrice {
    /// What each delivers, and its profit less its utility.
    net: Vec<f64>,
    gain: Vec<f64>,
    /// Who gains, or wants nothing.
    joins: Vec<bool>,
    /// The players who want something: all others always join.
    choosy: Vec<usize>,
    /// What undoing a unit costs at least: of what is delivered, and of what is taken.
    down: f64,
    up: f64,
}

impl AtPrice {
    fn new(coalitions: &BookCoalitions, utility: &[f64], price: f64) -> Self {
        let n = coalitions.n_players;
        let mut net = vec![0.0; n];
        let mut gain: Vec<f64> = utility.iter().map(|utility| -utility).collect();
        let (mut below, mut above) = (f64::NEG_INFINITY, f64::INFINITY);
        for (step, sign) in coalitions.periods[0].steps() {
            let margin = sign * (price - step.price);
            if margin > 0.0 {
                net[step.player] += sign * step.quantity;
                gain[step.player] += step.quantity * margin;
            }
            if step.price > price {
                above = above.min(step.price);
            } else {
                below = below.max(step.price);
            }
        }
        let joins = (0..n).map(|player| utility[player] <= 0.0 || gain[player] > 0.0).collect();
        let choosy = (0..n).filter(|&player| utility[player] > 0.0).collect();
        // Where there is no next price nobody undoes anything; that it costs nothing is a bound, too.
        let cost = |apart: f64| if apart.is_finite() { apart } else { 0.0 };
        Self { net, gain, joins, choosy, down: cost(price - below), up: cost(above - price) }
    }

    fn coalitions(&self, coalitions: &BookCoalitions, utility: &[f64], draw: u64) -> Vec<Blocking> {
        let half = HALF.min(self.choosy.len() / 2);
        let drawn = drawn(&self.choosy, 2 * half, draw);
        let (left, right) = drawn.split_at(half);
        let all = |values: &[f64]| -> f64 {
            values
                .iter()
                .zip(&self.joins)
                .filter(|(_, joins)| **joins)
                .map(|(value, _)| value)
                .sum()
        };
        let (net, gain) = (all(&self.net), all(&self.gain));
        let (first, second) = (self.subsets(left), self.subsets(right));
        // The best partner is the best of all below, or of all above, the balance.
        let below = running_best(second.iter().map(|b| b.gain + self.up * b.net));
        let mut above = running_best(second.iter().rev().map(|b| b.gain - self.down * b.net));
        above.reverse();
        let mut pairs: Vec<(f64, u32, u32)> = Vec::new();
        let mut at = second.len();
        for a in &first {
            let balance = -(net + a.net);
            while at > 0 && second[at - 1].net >= balance {
                at -= 1;
            }
            let best_above = above.get(at).map(|&(value, from_end)| {
                (value + self.down * balance, second.len() - 1 - from_end)
            });
            let best_below =
                at.checked_sub(1).map(|last| (below[last].0 - self.up * balance, below[last].1));
            for (value, b) in best_above.into_iter().chain(best_below) {
                let most = gain + a.gain + value;
                if most > 0.0 {
                    pairs.push((most, a.flips, second[b].flips));
                }
            }
        }
        pairs.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        pairs
            .into_iter()
            .take(KEPT)
            .filter_map(|(_, a, b)| {
                let mut members = self.joins.clone();
                for (flips, half) in [(a, left), (b, right)] {
                    for (bit, &player) in half.iter().enumerate() {
                        members[player] ^= flips >> bit & 1 == 1;
                    }
                }
                let excess = coalitions.excess(&members, utility);
                (excess > 0.0).then_some(Blocking { members, excess })
            })
            .collect()
    }

    /// All subsets of some players that flip, by net; of equal nets the one that gains most.
    fn subsets(&self, players: &[usize]) -> Vec<Subset> {
        let mut all = vec![Subset { flips: 0, net: 0.0, gain: 0.0 }];
        for (bit, &player) in players.iter().enumerate() {
            let sign = if self.joins[player] { -1.0 } else { 1.0 };
            for k in 0..all.len() {
                all.push(Subset {
                    flips: all[k].flips | 1 << bit,
                    net: all[k].net + sign * self.net[player],
                    gain: all[k].gain + sign * self.gain[player],
                });
            }
        }
        all.sort_unstable_by(|a, b| {
            a.net.total_cmp(&b.net).then(b.gain.total_cmp(&a.gain)).then(a.flips.cmp(&b.flips))
        });
        all.dedup_by(|b, a| a.net == b.net);
        all
    }
}

/// The best so far at each place, and where it stands.
fn running_best(values: impl Iterator<Item = f64>) -> Vec<(f64, usize)> {
    let mut best = (f64::NEG_INFINITY, 0);
    values
        .enumerate()
        .map(|(place, value)| {
            if value > best.0 {
                best = (value, place);
            }
            best
        })
        .collect()
}

/// Some of the players, by a multiplicative generator: the same ones on every machine.
fn drawn(players: &[usize], count: usize, draw: u64) -> Vec<usize> {
    let mut players = players.to_vec();
    let mut state = draw + 1;
    for k in 0..count {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let left = (players.len() - k) as u64;
        players.swap(k, k + ((state >> 33) % left) as usize);
    }
    players.truncate(count);
    players
}
