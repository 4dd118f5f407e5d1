//! Nucleolus, prenucleolus and their per-capita forms from a table.
//!
//! The lexicographic program runs to its end on a pool of few coalitions, one scan of the table
//! finds what the pool misses at any level, and that repeats until a scan finds nothing. The last
//! scan is the proof that nothing is missing.
//!
//! Reference: Schmeidler (1969); Kohlberg (1971) for the proof that the levels' weights give.

use rayon::prelude::*;

use super::excess::Kind;
use super::lexicographic::Depth;
use super::row_generation::{Concept, Effort, RowGeneration, Stage};
use crate::error::{Error, Result};
use crate::progress::Progress;
use crate::thread_pool;

/// A nucleolus and what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct Nucleolus {
    /// What each player gets (or pays).
    pub allocation: Vec<f64>,
    /// The levels, in the order in which they were settled.
    pub stages: Vec<Stage>,
    /// Whether individual rationality was asked for and possible.
    pub individually_rational: bool,
    /// Excesses are right up to this.
    pub tolerance: f64,
    /// What it took.
    pub effort: Effort,
}

/// The allocation that makes the vector of excesses, in descending order, lexicographically least.
///
/// # Errors
/// [`Error::InvalidInput`](crate::error::Error::InvalidInput) for a table whose length is no power
/// of two; [`Error::Solver`](crate::error::Error::Solver) when a level could not be finished;
/// [`Error::Interrupted`](crate::error::Error::Interrupted).
pub fn nucleolus(
    table: &[f64],
    kind: Kind,
    concept: Concept,
    progress: &Progress,
) -> Result<Nucleolus> {
    let mut generation = RowGeneration::new(table, kind, concept)?;
    let mut first = Some(0);
    while let Some(level) = first {
        generation.program.solve(level, Depth::All, progress)?;
        let demanded: Vec<f64> = generation.program.levels.iter().map(|level| level.t).collect();
        first = generation.missing(&demanded, progress)?;
    }
    Ok(Nucleolus {
        allocation: generation.allocation(),
        stages: generation.stages(),
        individually_rational: generation.bounded,
        tolerance: generation.tolerance(),
        effort: generation.effort(),
    })
}

/// The allocations of many games of equally many players, one row of `tables` each, by all cores.
///
/// # Errors
/// [`Error::InvalidInput`](crate::error::Error::InvalidInput) when `tables` is not made of whole
/// rows of `length` values; otherwise as [`nucleolus`], of the first game that fails.
pub fn nucleoli(
    tables: &[f64],
    length: usize,
    kind: Kind,
    concept: Concept,
    progress: &Progress,
) -> Result<Vec<f64>> {
    if length == 0 || !tables.len().is_multiple_of(length) {
        return Err(Error::InvalidInput(format!(
            "{} values are not whole tables of {length}",
            tables.len()
        )));
    }
    let allocations: Vec<Vec<f64>> = thread_pool::install(|| {
        tables
            .par_chunks(length)
            .map(|table| nucleolus(table, kind, concept, progress).map(|found| found.allocation))
            .collect::<Result<_>>()
    })?;
    Ok(allocations.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Concept =
        Concept { per_capita: false, individually_rational: true, accuracy: 0.0 };

    #[test]
    fn many_games_are_solved_as_one_by_one() {
        let tables = [[0.0, 1.0, 2.0, 6.0], [0.0, 0.0, 0.0, 5.0], [0.0, 4.0, 4.0, 3.0]];
        let progress = Progress::new();
        let together = nucleoli(tables.as_flattened(), 4, Kind::Gain, PLAIN, &progress).unwrap();
        let single: Vec<f64> = tables
            .iter()
            .flat_map(|table| nucleolus(table, Kind::Gain, PLAIN, &progress).unwrap().allocation)
            .collect();
        assert_eq!(together, single);
        assert_eq!(together, [2.5, 3.5, 2.5, 2.5, 1.5, 1.5]);
    }

    #[test]
    fn threads_do_not_change_a_bit() {
        let n_players = 17;
        let mut state = 1_u64;
        let mut table: Vec<f64> = std::iter::repeat_with(|| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f64
        })
        .take(1 << n_players)
        .collect();
        table[0] = 0.0;
        let solve = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| nucleolus(&table, Kind::Gain, PLAIN, &Progress::new()).unwrap())
        };
        assert_eq!(solve(1), solve(3));
    }

    #[test]
    fn half_a_table_and_a_cancelled_search_are_errors() {
        let progress = Progress::new();
        let half = nucleoli(&[0.0; 6], 4, Kind::Gain, PLAIN, &progress);
        assert!(matches!(half, Err(Error::InvalidInput(_))));
        progress.cancel();
        let cancelled = nucleolus(&[0.0; 8], Kind::Gain, PLAIN, &progress);
        assert_eq!(cancelled, Err(Error::Interrupted));
    }
}
