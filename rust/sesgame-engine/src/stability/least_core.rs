//! Least core, its per-capita form, and whether the core is empty, from a table.
//!
//! Reference: Maschler, Peleg and Shapley (1979); Bondareva (1963) and Shapley (1967) for the
//! balanced collection that proves a core empty.

use super::excess::Kind;
use super::lexicographic::{APART, Depth};
use super::row_generation::{Concept, Effort, RowGeneration, Stage};
use crate::error::Result;
use crate::progress::Progress;

/// The excesses of all coalitions, whole, over all efficient allocations.
const PLAIN: Concept = Concept { per_capita: false, individually_rational: false, accuracy: 0.0 };

/// The least core and what proves it.
#[derive(Debug, Clone, PartialEq)]
pub struct LeastCore {
    /// The least possible largest excess of a proper coalition, or excess per member; 0 for a single
    /// player.
    pub value: f64,
    /// A point at which only those coalitions are tight that are so all over the least core.
    pub allocation: Vec<f64>,
    /// The stages whose excess is `value`. The first proves the value; the coalitions that are
    /// tight at every point of the least core are those of this excess in the span of all.
    pub stages: Vec<Stage>,
    /// Excesses are right up to this.
    pub tolerance: f64,
    /// What it took.
    pub effort: Effort,
}

/// The allocations whose largest excess over proper coalitions is as small as possible; if
/// `per_capita`, the largest excess per member.
///
/// # Errors
/// As [`nucleolus`](super::nucleolus::nucleolus).
pub fn least_core(
    table: &[f64],
    kind: Kind,
    per_capita: bool,
    progress: &Progress,
) -> Result<LeastCore> {
    let mut generation = RowGeneration::new(table, kind, Concept { per_capita, ..PLAIN })?;
    let mut first = Some(0);
    while let Some(level) = first {
        // The first level below the value moves the point into the interior of the least core.
        generation.program.solve(level, Depth::BelowFirst, progress)?;
        let levels = &generation.program.levels;
        let mut demanded: Vec<f64> = levels.iter().map(|level| level.t).collect();
        if let Some((last, rest)) = demanded.split_last_mut()
            && let Some(value) = rest.first()
        {
            // Nothing outside the span may reach the value, so that nothing else is tight.
            *last = (*last).max(0.5 * (*last + value));
        }
        first = generation.missing(&demanded, progress)?;
    }
    let mut stages = generation.stages();
    let value = stages.first().map_or(0.0, |stage| stage.excess);
    let least = value - APART * generation.program.tolerance();
    stages.retain(|stage| stage.excess >= least);
    Ok(LeastCore {
        value,
        allocation: generation.allocation(),
        stages,
        tolerance: generation.tolerance(),
        effort: generation.effort(),
    })
}

/// Whether a game has allocations that no coalition objects to.
#[derive(Debug, Clone, PartialEq)]
pub enum Core {
    /// It has, for example this one.
    Contains(Vec<f64>),
    /// It has none: this collection is balanced and its weighted excess is positive.
    Empty(Stage),
}

/// Finds an allocation in the core or a balanced collection that proves the core empty. An excess of
/// at most `accuracy`, by which values may be off, proves nothing.
///
/// # Errors
/// As [`nucleolus`](super::nucleolus::nucleolus).
pub fn core(
    table: &[f64],
    kind: Kind,
    accuracy: f64,
    progress: &Progress,
) -> Result<(Core, f64, Effort)> {
    let mut generation = RowGeneration::new(table, kind, PLAIN)?;
    let mut first = Some(0);
    while let Some(level) = first {
        generation.program.solve(level, Depth::First, progress)?;
        let value = generation.program.levels.first().map_or(0.0, |level| level.t);
        let tolerance = generation.tolerance().max(accuracy);
        if value > tolerance {
            let stage = generation.stages().swap_remove(0);
            return Ok((Core::Empty(stage), tolerance, generation.effort()));
        }
        // Anything up to 0 will do: the point need not be in the least core.
        first = generation.missing(&[value.max(0.0)], progress)?;
    }
    let tolerance = generation.tolerance().max(accuracy);
    Ok((Core::Contains(generation.allocation()), tolerance, generation.effort()))
}
