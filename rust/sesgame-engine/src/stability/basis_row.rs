//! The rows of a basis of the lexicographic linear program, whichever method found it.

use super::row_pool::RowPool;

/// A row of the basis.
#[derive(Debug, Clone, Copy)]
pub(super) struct BasisRow {
    /// Its number in the pool.
    pub row: usize,
    /// The settled total `x(S)`, for a coalition of an earlier level.
    pub settled: Option<f64>,
}

impl BasisRow {
    /// How much `t` relaxes it.
    pub fn weight(&self, pool: &RowPool) -> f64 {
        if self.settled.is_some() { 0.0 } else { pool.weight(self.row) }
    }

    /// Its right-hand side.
    pub fn value(&self, pool: &RowPool) -> f64 {
        self.settled.unwrap_or_else(|| pool.value(self.row))
    }
}
