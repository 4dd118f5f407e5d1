//! Coalitions of an order book of one period that gain because what they trade nearly balances at one
//! price: in large books all that keep payoffs away from the core.
//!
//! At a price the members of a coalition have profits less utilities, and deliver a net quantity that
//! has to be undone at the next price up or down. So what it gains is at most a sum over members less
//! a cost of the sum of their nets: subset sums, which two sorted halves meet (Horowitz and Sahni
//! 1974). That is done for some of the players at a time; the others join where they gain. Who has an
//! order at that very price makes up for a net of the others at no cost, up to its quantity.

use std::collections::VecDeque;

use rayon::prelude::*;

use super::book_coalitions::{Blocking, BookCoalitions};
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// Players in each half: 1,024 subsets, whose pairs come as near to a balance as matters, and of which
/// many pairs are looked at in a round.
const HALF: usize = 10;

/// Pairs of halves in a round: enough for a few coalitions of everybody, in milliseconds.
const PAIRS: u64 = 16;

/// Coalitions kept of each pair of halves: more of them differ by little.
const KEPT: usize = 24;

/// Of the way to the next price on the other side: a price that is nearer to an order is its price.
const NEXT: f64 = 1e-3;

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
    /// Who has an order at that very price, and between which nets of the others it keeps the balance
    /// at no cost.
    marginal: Option<(usize, (f64, f64))>,
    /// What undoing a unit more costs at least: of what is delivered, and of what is taken.
    down: f64,
    up: f64,
}

impl AtPrice {
    fn new(coalitions: &BookCoalitions, utility: &[f64], price: f64) -> Self {
        let n = coalitions.n_players;
        // Who joins nearly balances at the price that was asked for, less so at that of the order.
        let mut joins: Vec<f64> = utility.iter().map(|utility| -utility).collect();
        let mut gain = joins.clone();
        let mut net = vec![0.0; n];
        let at_order = price_nearby(coalitions, price);
        let (mut below, mut above) = (f64::NEG_INFINITY, f64::INFINITY);
        let mut marginal: Option<(usize, (f64, f64))> = None;
        for (step, sign) in coalitions.periods[0].steps() {
            joins[step.player] += step.quantity * f64::max(0.0, sign * (price - step.price));
            let margin = sign * (at_order - step.price);
            if margin > 0.0 {
                net[step.player] += sign * step.quantity;
                gain[step.player] += step.quantity * margin;
            }
            if margin == 0.0 && marginal.is_none() {
                let ends = if sign > 0.0 { (-step.quantity, 0.0) } else { (0.0, step.quantity) };
                marginal = Some((step.player, ends));
            } else if step.price > at_order {
                above = above.min(step.price);
            } else {
                below = below.max(step.price);
            }
        }
        let joins = joins.iter().zip(utility).map(|(&gain, &u)| u <= 0.0 || gain > 0.0).collect();
        let is_marginal = |player: usize| marginal.is_some_and(|(other, _)| other == player);
        let choosy =
            (0..n).filter(|&player| utility[player] > 0.0 && !is_marginal(player)).collect();
        // Where there is no next price nobody undoes anything; that it costs nothing is a bound, too.
        let cost = |apart: f64| if apart.is_finite() { apart } else { 0.0 };
        let (down, up) = (cost(at_order - below), cost(above - at_order));
        Self { net, gain, joins, choosy, marginal, down, up }
    }

    /// Coalitions of two halves of some players and of all others who join, in every other draw
    /// without the one at the price.
    fn coalitions(&self, coalitions: &BookCoalitions, utility: &[f64], draw: u64) -> Vec<Blocking> {
        let half = HALF.min(self.choosy.len() / 2);
        let drawn = drawn(&self.choosy, 2 * half, draw);
        let (left, right) = drawn.split_at(half);
        let mut joins = self.joins.clone();
        let (mut low, mut high) = (0.0, 0.0);
        if let Some((player, ends)) = self.marginal {
            joins[player] = utility[player] <= 0.0 || draw.is_multiple_of(2);
            if joins[player] {
                (low, high) = ends;
            }
        }
        let all = |values: &[f64]| -> f64 {
            values.iter().zip(&joins).filter(|(_, joins)| **joins).map(|(value, _)| value).sum()
        };
        let (net, gain) = (all(&self.net), all(&self.gain));
        let (first, second) = (self.subsets(left), self.subsets(right));
        // The best partner is the best of all below, within, or above the balance.
        let below = running_best(second.iter().map(|b| b.gain + self.up * b.net));
        let mut above = running_best(second.iter().rev().map(|b| b.gain - self.down * b.net));
        above.reverse();
        let mut pairs: Vec<(f64, u32, u32)> = Vec::new();
        let (mut from, mut to) = (second.len(), second.len());
        // Places within the balance, each with a larger gain than those before it.
        let mut within: VecDeque<usize> = VecDeque::new();
        for a in &first {
            let (lowest, highest) = (low - (net + a.net), high - (net + a.net));
            while from > 0 && second[from - 1].net > lowest {
                from -= 1;
                while within.front().is_some_and(|&place| second[place].gain <= second[from].gain) {
                    within.pop_front();
                }
                within.push_front(from);
            }
            while to > 0 && second[to - 1].net >= highest {
                to -= 1;
            }
            while within.back().is_some_and(|&place| place >= to) {
                within.pop_back();
            }
            let best_above = above.get(to).map(|&(value, from_end)| {
                (value + self.down * highest, second.len() - 1 - from_end)
            });
            let best_below =
                from.checked_sub(1).map(|last| (below[last].0 - self.up * lowest, below[last].1));
            let best_within = within.back().map(|&place| (second[place].gain, place));
            for (value, b) in [best_above, best_below, best_within].into_iter().flatten() {
                let most = gain + a.gain + value;
                if most > 0.0 {
                    pairs.push((most, a.flips, second[b].flips));
                }
            }
        }
        let best_first = |a: &(f64, u32, u32), b: &(f64, u32, u32)| b.0.total_cmp(&a.0);
        if pairs.len() > KEPT {
            pairs.select_nth_unstable_by(KEPT, best_first);
            pairs.truncate(KEPT);
        }
        pairs.sort_unstable_by(best_first);
        pairs
            .into_iter()
            .filter_map(|(_, a, b)| {
                let mut members = joins.clone();
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
    ///
    /// With each player those without it are merged with those with it, which are in order, too.
    fn subsets(&self, players: &[usize]) -> Vec<Subset> {
        let mut all = vec![Subset { flips: 0, net: 0.0, gain: 0.0 }];
        for (bit, &player) in players.iter().enumerate() {
            let sign = if self.joins[player] { -1.0 } else { 1.0 };
            let (net, gain) = (sign * self.net[player], sign * self.gain[player]);
            let with = |subset: &Subset| Subset {
                flips: subset.flips | 1 << bit,
                net: subset.net + net,
                gain: subset.gain + gain,
            };
            let mut merged = Vec::with_capacity(2 * all.len());
            let mut next = 0;
            for subset in &all {
                while next < all.len() && with(&all[next]).net < subset.net {
                    merged.push(with(&all[next]));
                    next += 1;
                }
                merged.push(*subset);
            }
            merged.extend(all[next..].iter().map(with));
            merged.dedup_by(|b, a| {
                let is_same = a.net == b.net;
                if is_same && b.gain > a.gain {
                    *a = *b;
                }
                is_same
            });
            all = merged;
        }
        all
    }
}

/// The price of the order that is next to nothing away from a price, or else that price.
fn price_nearby(coalitions: &BookCoalitions, price: f64) -> f64 {
    let prices = || coalitions.periods[0].steps().map(|(step, _)| step.price);
    let below = prices().filter(|&other| other <= price).fold(f64::NEG_INFINITY, f64::max);
    let above = prices().filter(|&other| other > price).fold(f64::INFINITY, f64::min);
    let (fall, rise) = (price - below, above - price);
    if fall < NEXT * rise {
        below
    } else if rise < NEXT * fall {
        above
    } else {
        price
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markets::order_book::OrderBook;

    /// Orders as (is bid, price, quantity), of a participant each.
    fn coalitions(orders: &[(bool, f64, f64)]) -> BookCoalitions {
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
        BookCoalitions::new(&book, &Progress::new()).unwrap()
    }

    #[test]
    fn an_order_at_the_price_keeps_the_balance_of_others_at_no_cost() {
        // The clearing price is that of the last offer, of which 2 of 3 are sold.
        let book = coalitions(&[
            (true, 10.0, 2.0),
            (true, 9.0, 1.0),
            (false, 0.0, 1.0),
            (false, 5.0, 3.0),
        ]);
        let utility = [9.0, 5.0, 6.0, 0.1];
        for price in [0.0, 1e-9, -1e-9] {
            let found = nearly_balanced(&book, &utility, price, 0, &Progress::new()).unwrap();
            assert_eq!(found[0].members, [true, false, false, true], "{found:?}");
            assert!((found[0].excess - 0.9).abs() < 1e-12, "{found:?}");
        }
    }

    #[test]
    fn subsets_are_in_the_order_of_their_nets_each_with_its_largest_gain() {
        let orders: Vec<_> = (0..8)
            .map(|k| (k % 2 == 0, f64::from(4 + 3 * (k % 2) - k / 2), f64::from(1 + k % 3)))
            .collect();
        let book = coalitions(&orders);
        let utility: Vec<f64> = (0..8).map(|k| 0.5 + f64::from(k * k % 5)).collect();
        let at = AtPrice::new(&book, &utility, 0.25);
        let players: Vec<usize> = (0..8).collect();
        let sum = |flips: u32, values: &[f64]| -> f64 {
            let sign = |player: usize| if at.joins[player] { -1.0 } else { 1.0 };
            players
                .iter()
                .filter(|&&player| flips >> player & 1 == 1)
                .map(|&player| sign(player) * values[player])
                .sum()
        };
        let found = at.subsets(&players);
        assert!(found.windows(2).all(|pair| pair[0].net < pair[1].net));
        for flips in 0..1 << 8 {
            let (net, gain) = (sum(flips, &at.net), sum(flips, &at.gain));
            let best = found.iter().find(|subset| subset.net == net).unwrap();
            assert!(best.gain >= gain - 1e-12 && sum(best.flips, &at.net) == net);
        }
    }
}
