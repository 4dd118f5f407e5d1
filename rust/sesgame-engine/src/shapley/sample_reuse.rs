//! Stratified sample reuse: every evaluated pair counts for every player.
//!
//! `psi_i = sum over sizes of with(s) mean of o over the sampled S with i - without(s) mean of o over
//! those without i` (after the stratified estimator of Kolpaczki et al. 2024, on pairs): each coalition
//! is in one stratum of every player, so one evaluation serves all of them. What a
//! [surrogate](super::surrogate) explains can be taken off first.

use crate::shapley::evaluated_pairs::{EvaluatedPairs, PairsOfSize};
use crate::shapley::surrogate::{Surrogates, signed_sum};
use crate::shapley::unseen::Deviations;

/// The semivalue of what the surrogates leave over, one row of lanes for each player.
///
/// Where no sampled coalition of a size has a player, or all have, the mean over all of them stands in.
#[must_use]
pub fn reuse<const L: usize>(pairs: &EvaluatedPairs, surrogates: &Surrogates<L>) -> Vec<[f64; L]> {
    let parts = pairs.in_blocks(|block| reuse_block(pairs, block, surrogates));
    let mut values = vec![[0.0; L]; pairs.n_players()];
    for part in parts {
        for (value, part) in values.iter_mut().zip(part) {
            (0..L).for_each(|lane| value[lane] += part[lane]);
        }
    }
    values
}

fn reuse_block<const L: usize>(
    pairs: &EvaluatedPairs,
    block: &[PairsOfSize],
    surrogates: &Surrogates<L>,
) -> Vec<[f64; L]> {
    let n_players = pairs.n_players();
    let mut values = vec![[0.0; L]; n_players];
    let mut weights = vec![[0.0; L]; n_players];
    // Sums and numbers of the residuals of the coalitions with each player.
    let mut with = vec![([0.0; L], [0.0; L]); n_players];
    for of_size in block.iter().filter(|of_size| !of_size.is_empty()) {
        let total_weight = surrogates.weights_at(of_size.size, &mut weights);
        with.fill(([0.0; L], [0.0; L]));
        let (mut total, mut drawn) = ([0.0; L], [0.0; L]);
        for (pair, (members, odd)) in of_size.iter().enumerate() {
            let lanes = of_size.lanes::<L>(pair);
            let mut residual = signed_sum(members, &weights, &total_weight);
            for lane in 0..L {
                residual[lane] = lanes[lane] * (odd - residual[lane]);
                total[lane] += residual[lane];
                drawn[lane] += lanes[lane];
            }
            for &member in members {
                let (sum, count) = &mut with[member as usize];
                for lane in 0..L {
                    sum[lane] += residual[lane];
                    count[lane] += lanes[lane];
                }
            }
        }
        let (share, other) =
            (pairs.semivalue.with(of_size.size), pairs.semivalue.without(of_size.size));
        let half = 2 * of_size.size == n_players;
        for (value, (sum, count)) in values.iter_mut().zip(&with) {
            for lane in 0..L {
                let (sum, count, all) = (sum[lane], count[lane], drawn[lane]);
                if all == 0.0 {
                    continue;
                }
                let rest = total[lane] - sum;
                if half {
                    value[lane] += share * (sum - rest) / all;
                    continue;
                }
                let mean = total[lane] / all;
                let with = if count > 0.0 { sum / count } else { mean };
                let without = if count < all { rest / (all - count) } else { mean };
                value[lane] += share * with - other * without;
            }
        }
    }
    values
}

/// What the surrogate leaves over, as deviations; without one, from the mean of each size.
#[must_use]
pub fn deviations(pairs: &EvaluatedPairs, surrogate: &Surrogates<1>) -> Deviations {
    let without = surrogate.order() == 0;
    let parts = pairs.in_blocks(|block| {
        let mut weights = vec![[0.0]; pairs.n_players()];
        let mut found = Deviations::default();
        for of_size in block.iter().filter(|of_size| !of_size.is_empty()) {
            let total = surrogate.weights_at(of_size.size, &mut weights);
            let sum: f64 = of_size.iter().map(|(_, odd)| odd).sum();
            let mean = if without { sum / of_size.len() as f64 } else { 0.0 };
            for (members, odd) in of_size.iter() {
                let [fitted] = signed_sum(members, &weights, &total);
                found.take(odd - mean - fitted);
            }
        }
        found
    });
    parts.into_iter().fold(Deviations::default(), Deviations::and)
}

/// The root mean square of what the surrogate leaves over for each size, smoothed over its
/// neighbours; 1 while nothing is known.
#[must_use]
pub fn errors_by_size(pairs: &EvaluatedPairs, surrogate: &Surrogates<1>) -> Vec<f64> {
    let sizes = pairs.sizes();
    if pairs.n_pairs() == 0 {
        return vec![1.0; sizes.len()];
    }
    let squares = pairs.in_blocks(|block| {
        let mut weights = vec![[0.0]; pairs.n_players()];
        let of_size = |of_size: &PairsOfSize| {
            let total = surrogate.weights_at(of_size.size, &mut weights);
            let residual = |(members, odd): (&[u32], f64)| {
                let [fitted] = signed_sum(members, &weights, &total);
                (odd - fitted).powi(2)
            };
            of_size.iter().map(residual).sum()
        };
        block.iter().map(of_size).collect::<Vec<f64>>()
    });
    let squares: Vec<f64> = squares.into_iter().flatten().collect();
    // One pair of average error stands in where none was drawn.
    let average = squares.iter().sum::<f64>() / pairs.n_pairs() as f64;
    let smoothed = |index: usize| {
        let reach = 1 + (index + 1) / 8;
        let range = index.saturating_sub(reach)..(index + reach + 1).min(squares.len());
        let count: usize = sizes[range.clone()].iter().map(PairsOfSize::len).sum();
        ((squares[range].iter().sum::<f64>() + average) / (count as f64 + 1.0)).sqrt()
    };
    (0..squares.len()).map(smoothed).collect()
}
