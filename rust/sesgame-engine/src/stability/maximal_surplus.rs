//! Maximal surpluses: what one player can gain by leaving without another.
//!
//! `s_ij(x)` is the largest excess of a coalition that holds player `i` and not player `j`. The
//! prekernel is where `s_ij = s_ji` for every pair. Reference: Davis and Maschler (1965).

use rayon::prelude::*;

use super::excess::{Kind, SignedSums, block_maximum};
use crate::coalition::{Coalition, members};
use crate::error::Result;
use crate::progress::Progress;
use crate::thread_pool;

/// The matrix of maximal surpluses by rows `i`; minus infinity on the diagonal.
///
/// One pass over the table. Coalitions below every surplus found so far are skipped.
///
/// # Errors
/// As [`worst_coalition`](super::excess::worst_coalition).
pub fn maximal_surpluses(
    table: &[f64],
    kind: Kind,
    allocation: &[f64],
    progress: &Progress,
) -> Result<Vec<f64>> {
    let n_players = allocation.len();
    let sums = SignedSums::new(table, kind, allocation)?;
    let size = sums.low.len();
    progress.set_total(table.len() as u64);
    let nothing = || vec![f64::NEG_INFINITY; n_players * n_players];
    thread_pool::install(|| {
        table
            .par_chunks(size)
            .enumerate()
            .with_min_len(16)
            .try_fold(nothing, |mut surpluses, (block, values)| {
                let floor = least_off_diagonal(&surpluses, n_players);
                if block_maximum(values, &sums.low, sums.sign) - sums.high[block] > floor {
                    for index in sums.proper(block) {
                        let coalition = block * size + index;
                        let excess = sums.excess(table, coalition);
                        if excess > floor {
                            raise(&mut surpluses, n_players, coalition as Coalition, excess);
                        }
                    }
                }
                progress.advance(values.len() as u64).map(|()| surpluses)
            })
            .try_reduce(nothing, |mut a, b| {
                for (a, b) in a.iter_mut().zip(b) {
                    *a = a.max(b);
                }
                Ok(a)
            })
    })
}

/// The least surplus of any pair of players.
fn least_off_diagonal(surpluses: &[f64], n_players: usize) -> f64 {
    (0..surpluses.len())
        .filter(|place| place / n_players != place % n_players)
        .map(|place| surpluses[place])
        .fold(f64::INFINITY, f64::min)
}

/// Takes a coalition into account for every pair of a member and an outsider.
fn raise(surpluses: &mut [f64], n_players: usize, coalition: Coalition, excess: f64) {
    for member in members(coalition) {
        let row = &mut surpluses[member * n_players..(member + 1) * n_players];
        for (outsider, surplus) in row.iter_mut().enumerate() {
            if coalition >> outsider & 1 == 0 {
                *surplus = surplus.max(excess);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_gets_its_best_coalition() {
        let n_players = 14;
        let table: Vec<f64> =
            (0..1_u64 << n_players).map(|mask| (mask * 2_654_435_761 % 10_007) as f64).collect();
        let allocation: Vec<f64> = (0..n_players).map(|player| 100.0 * player as f64).collect();
        let found = maximal_surpluses(&table, Kind::Gain, &allocation, &Progress::new()).unwrap();
        for i in 0..n_players {
            for j in (0..n_players).filter(|&j| j != i) {
                let expected = (1..table.len() - 1)
                    .filter(|mask| mask >> i & 1 == 1 && mask >> j & 1 == 0)
                    .map(|mask| {
                        let paid: f64 = members(mask as Coalition).map(|p| allocation[p]).sum();
                        table[mask] - paid
                    })
                    .fold(f64::NEG_INFINITY, f64::max);
                assert_eq!(found[i * n_players + j], expected);
            }
        }
    }
}
