//! Totally balanced games: every coalition, on its own, has a core.
//!
//! Reference: Shapley and Shubik (1969), whose market games are exactly these.

use rayon::prelude::*;

use super::excess::Kind;
use super::least_core::{Core, core};
use crate::coalition::{Coalition, members, players_of_table};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// The first coalition in binary order whose own game has an empty core, or `None`. An excess of
/// at most `accuracy`, by which values may be off, empties none.
///
/// # Complexity
/// A linear program for each of the `2^n` coalitions, `3^n` values in all.
///
/// # Errors
/// As [`core`].
pub fn first_without_core(
    table: &[f64],
    kind: Kind,
    accuracy: f64,
    progress: &Progress,
) -> Result<Option<Coalition>> {
    if players_of_table(table.len()).is_none() {
        return Err(Error::InvalidInput(format!(
            "a table has 2^n values for n = 1..30, not {}",
            table.len()
        )));
    }
    progress.set_total(table.len() as u64);
    let found = thread_pool::install(|| {
        (1..table.len())
            .into_par_iter()
            .map(|coalition| {
                progress.advance(1)?;
                let coalition = coalition as Coalition;
                // What it does must not count as progress of the whole.
                let (witness, ..) =
                    core(&table_of(table, coalition), kind, accuracy, &Progress::new())?;
                Ok(matches!(witness, Core::Empty(_)).then_some(coalition))
            })
            .find_first(|result| !matches!(result, Ok(None)))
    });
    found.unwrap_or(Ok(None))
}

/// The table of the game among the members of a coalition.
fn table_of(table: &[f64], coalition: Coalition) -> Vec<f64> {
    let mut masks = vec![0_usize];
    for player in members(coalition) {
        for place in 0..masks.len() {
            masks.push(masks[place] | 1 << player);
        }
    }
    masks.into_iter().map(|mask| table[mask]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_majority_among_three_of_four_has_no_core() {
        // The players 0, 2 and 3 decide by majority; player 1 adds 10 to anybody.
        let table: Vec<f64> = (0..16_u32)
            .map(|mask| {
                let majority = f64::from((mask & 0b1101).count_ones() >= 2);
                majority + f64::from((mask & 0b10 != 0) && mask != 0b10) * 10.0
            })
            .collect();
        let found = first_without_core(&table, Kind::Gain, 0.0, &Progress::new()).unwrap();
        assert_eq!(found, Some(0b1101));
    }

    #[test]
    fn convex_games_are_totally_balanced() {
        let table: Vec<f64> = (0..64_u32).map(|mask| f64::from(mask.count_ones().pow(2))).collect();
        assert_eq!(first_without_core(&table, Kind::Gain, 0.0, &Progress::new()).unwrap(), None);
    }
}
