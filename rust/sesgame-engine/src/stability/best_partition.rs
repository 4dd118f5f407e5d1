//! The partition of the players into coalitions with the greatest total.
//!
//! The superadditive cover of a game is what its players reach in separate coalitions,
//!
//! ```text
//! f(S) = max { v(T) + f(S - T) : T in S, T has the highest player of S },   f(0) = 0.
//! ```
//!
//! With the highest player in `T`, `S - T` lies in the table below all coalitions with that player: half
//! of each doubling of the table depends on the other half alone, so that all threads work on it.

use rayon::prelude::*;

use crate::coalition::{Coalition, players_of_table};
use crate::error::{Error, Result};
use crate::memory::{Purpose, zeros};
use crate::progress::Progress;
use crate::thread_pool;

/// Coalitions that one task looks at.
const TASK: usize = 64;

/// What the players reach in separate coalitions, for each coalition of them.
///
/// # Complexity
/// `3^n / 3` sums; memory for another table.
///
/// # Errors
/// [`Error::InvalidInput`] when the length is no power of two; [`Error::OutOfMemory`];
/// [`Error::Interrupted`].
pub fn superadditive_cover(table: &[f64], progress: &Progress) -> Result<Vec<f64>> {
    let n = n_players(table)?;
    let mut cover: Vec<f64> = zeros(&[table.len()], Purpose::Table)?;
    progress.set_total(table.len() as u64);
    thread_pool::install(|| {
        for player in 0..n {
            let top = 1_usize << player;
            let (below, above) = cover.split_at_mut(top);
            above[..top].par_chunks_mut(TASK).enumerate().try_for_each(|(task, values)| {
                for (offset, value) in values.iter_mut().enumerate() {
                    let others = task * TASK + offset;
                    *value = best(table, below, top, others).0;
                }
                progress.advance(values.len() as u64)
            })?;
        }
        Ok(())
    })?;
    Ok(cover)
}

fn n_players(table: &[f64]) -> Result<usize> {
    players_of_table(table.len())
        .ok_or_else(|| Error::InvalidInput(format!("{} values for all coalitions", table.len())))
}

/// The greatest `v(T) + f(S - T)`, and `T`; of equal ones that with the greatest part of `others`.
fn best(table: &[f64], below: &[f64], top: usize, others: usize) -> (f64, usize) {
    let mut part = others;
    let mut found = (table[top | part] + below[others ^ part], part);
    while part != 0 {
        part = (part - 1) & others;
        let sum = table[top | part] + below[others ^ part];
        if sum > found.0 {
            found = (sum, part);
        }
    }
    (found.0, top | found.1)
}

/// A partition of the players whose coalitions reach what the cover has for all of them.
///
/// # Complexity
/// At most `2^n` sums.
///
/// # Errors
/// [`Error::InvalidInput`] when the lengths do not fit.
pub fn partition_of_cover(table: &[f64], cover: &[f64]) -> Result<Vec<Coalition>> {
    n_players(table)?;
    if cover.len() != table.len() {
        return Err(Error::InvalidInput(format!(
            "a cover of {} values for a table of {}",
            cover.len(),
            table.len()
        )));
    }
    let mut parts = Vec::new();
    let mut rest = table.len() - 1;
    while rest != 0 {
        let top = 1_usize << rest.ilog2();
        let (_, part) = best(table, &cover[..top], top, rest ^ top);
        parts.push(part as Coalition);
        rest ^= part;
    }
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// All partitions of the players of `rest`, one after the other.
    fn partitions(rest: usize) -> Vec<Vec<usize>> {
        if rest == 0 {
            return vec![Vec::new()];
        }
        let lowest = rest & rest.wrapping_neg();
        let others = rest ^ lowest;
        let mut found = Vec::new();
        let mut part = others;
        loop {
            for mut partition in partitions(others ^ part) {
                partition.push(lowest | part);
                found.push(partition);
            }
            if part == 0 {
                return found;
            }
            part = (part - 1) & others;
        }
    }

    proptest! {
        #[test]
        fn no_partition_of_any_coalition_has_more(values in prop::collection::vec(-9_i8..10, 32)) {
            let mut table: Vec<f64> = values.into_iter().map(f64::from).collect();
            table[0] = 0.0;
            let cover = superadditive_cover(&table, &Progress::new()).unwrap();
            for (coalition, value) in cover.iter().enumerate() {
                let most = partitions(coalition)
                    .iter()
                    .map(|partition| partition.iter().map(|part| table[*part]).sum::<f64>())
                    .fold(f64::NEG_INFINITY, f64::max);
                prop_assert_eq!(*value, most);
            }
            let parts = partition_of_cover(&table, &cover).unwrap();
            prop_assert_eq!(parts.iter().map(|part| table[*part as usize]).sum::<f64>(), cover[31]);
            prop_assert_eq!(parts.iter().fold(0, |all, part| { assert_eq!(all & part, 0); all | part }), 31);
        }
    }

    #[test]
    fn a_cancelled_search_stops() {
        let progress = Progress::new();
        progress.cancel();
        assert!(matches!(superadditive_cover(&[0.0; 8], &progress), Err(Error::Interrupted)));
    }

    #[test]
    fn a_table_of_another_length_is_refused() {
        assert!(superadditive_cover(&[0.0; 3], &Progress::new()).is_err());
        assert!(partition_of_cover(&[0.0; 4], &[0.0; 8]).is_err());
    }
}
