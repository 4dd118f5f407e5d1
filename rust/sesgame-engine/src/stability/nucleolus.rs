//! Nucleolus, prenucleolus and their per-capita forms from a table.
//!
//! The lexicographic programme runs to its end on a pool of few coalitions, one scan of the table
//! finds what the pool misses at any level, and that repeats until a scan finds nothing. The last
//! scan is the proof that nothing is missing.
//!
//! Reference: Schmeidler (1969); Kohlberg (1971) for the proof that the levels' weights give.

use super::excess::Kind;
use super::lexicographic::Depth;
use super::row_generation::{Concept, Effort, RowGeneration, Stage};
use crate::error::Result;
use crate::progress::Progress;

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
        generation.programme.solve(level, Depth::All, progress)?;
        let demanded: Vec<f64> = generation.programme.levels.iter().map(|level| level.t).collect();
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
