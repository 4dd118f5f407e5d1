//! The largest excess of the coalitions with each player: what minimal rights follow from.
//!
//! With the marginal contributions `M` as the allocation, the minimal right of player `i` is
//! `M_i + max over S with i of v(S) - M(S)`. Reference: Tijs (1981).

use rayon::prelude::*;

use super::excess::{Kind, SignedSums};
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// The largest excess of the coalitions, the grand one among them, that each player belongs to.
///
/// A block of the table is folded: of its upper half, whose coalitions have the block's highest
/// player, the maximum is that player's, and the larger of both halves is what is left for the
/// others.
///
/// # Complexity
/// One pass over the table and about `3 * 2^n` operations.
///
/// # Errors
/// As [`worst_coalition`](super::excess::worst_coalition).
pub fn largest_excess_with_each(
    table: &[f64],
    kind: Kind,
    allocation: &[f64],
    progress: &Progress,
) -> Result<Vec<f64>> {
    let sums = SignedSums::new(table, kind, allocation)?;
    let size = sums.low.len();
    let n_low = size.trailing_zeros() as usize;
    progress.set_total(table.len() as u64);
    let nothing = || vec![f64::NEG_INFINITY; allocation.len()];
    let (largest, _) = thread_pool::install(|| {
        table
            .par_chunks(size)
            .enumerate()
            .with_min_len(16)
            .try_fold(
                || (nothing(), vec![0.0; size]),
                |(mut largest, mut excesses), (block, values)| {
                    subtract(&mut excesses, values, &sums.low, sums.sign);
                    let high = sums.high[block];
                    for player in (0..n_low).rev() {
                        let (lower, upper) = excesses[..2 << player].split_at_mut(1 << player);
                        largest[player] = f64::max(largest[player], fold(lower, upper) - high);
                    }
                    for (player, largest) in largest[n_low..].iter_mut().enumerate() {
                        if block >> player & 1 == 1 {
                            *largest = f64::max(*largest, excesses[0] - high);
                        }
                    }
                    progress.advance(values.len() as u64).map(|()| (largest, excesses))
                },
            )
            .try_reduce(
                || (nothing(), Vec::new()),
                |(mut a, scratch), (b, _)| {
                    a.iter_mut().zip(b).for_each(|(a, b)| *a = f64::max(*a, b));
                    Ok((a, scratch))
                },
            )
    })?;
    Ok(largest)
}

#[multiversion::multiversion(targets("x86_64+avx512f", "x86_64+avx2"))]
fn subtract(excesses: &mut [f64], values: &[f64], low: &[f64], sign: f64) {
    for ((excess, value), low) in excesses.iter_mut().zip(values).zip(low) {
        *excess = sign * value - low;
    }
}

/// Keeps the larger of each pair in `lower`, and gives the largest of `upper`.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn fold(lower: &mut [f64], upper: &[f64]) -> f64 {
    const LANES: usize = 32;
    let larger = |a: f64, b: f64| if a > b { a } else { b };
    for (lower, &upper) in lower.iter_mut().zip(upper) {
        *lower = larger(*lower, upper);
    }
    let mut best = [f64::NEG_INFINITY; LANES];
    let chunks = upper.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            best[lane] = larger(chunk[lane], best[lane]);
        }
    }
    rest.iter().chain(&best).fold(f64::NEG_INFINITY, |best, &value| larger(value, best))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coalition::{Coalition, members};

    #[test]
    fn every_player_gets_the_best_coalition_it_belongs_to() {
        for n_players in [1, 2, 5, 12, 14] {
            let table: Vec<f64> = (0..1_u64 << n_players)
                .map(|mask| (mask * 2_654_435_761 % 10_007) as f64)
                .collect();
            let allocation: Vec<f64> = (0..n_players).map(|p| 100.0 * f64::from(p)).collect();
            for kind in [Kind::Gain, Kind::Cost] {
                let found =
                    largest_excess_with_each(&table, kind, &allocation, &Progress::new()).unwrap();
                for (player, found) in found.into_iter().enumerate() {
                    let expected = (1..table.len())
                        .filter(|mask| mask >> player & 1 == 1)
                        .map(|mask| {
                            let shares = members(mask as Coalition).map(|p| allocation[p]);
                            kind.sign() * (table[mask] - shares.sum::<f64>())
                        })
                        .fold(f64::NEG_INFINITY, f64::max);
                    assert_eq!(found, expected);
                }
            }
        }
    }
}
