//! Taking a member out of an expectation by an alternating series:
//! `E f(X_i + y) = sum over k of (-q / (1 - q))^k E f(X + y + k x_i) / (1 - q)`, where `X` is the sum of all who join,
//! each with probability `q`, and `X_i` is without member `i`.

use super::bend::Bend;
use super::grid::Grid;

/// The series of one probability.
#[derive(Debug)]
pub struct Alternating<'a> {
    grid: &'a Grid,
    bend: Bend,
    q: f64,
    /// `-q / (1 - q)`.
    ratio: f64,
}

impl<'a> Alternating<'a> {
    pub fn new(grid: &'a Grid, bend: Bend, q: f64) -> Self {
        Self { grid, bend, q, ratio: -q / (1.0 - q) }
    }

    /// `E f(X_i + x_i) - E f(X_i)`, `f` bent at `at` and the load `x_i` in cells.
    ///
    /// `expectation` is `E f(X)` by the cell where `f` is bent; it is linear (for a jump constant) below
    /// and above the window.
    #[inline]
    pub fn marginal(
        &self,
        expectation: impl Fn(i64) -> f64,
        window: (f64, f64),
        at: f64,
        load: f64,
    ) -> f64 {
        let expectation = |bend: f64| self.between(&expectation, bend);
        let (low, high) = (window.0 - 2.0, window.1 + 2.0);
        let mut sum = 0.0;
        let mut weight = 1.0;
        let mut before = expectation(at);
        for k in 1_i64.. {
            let moved = at - k as f64 * load;
            let after = expectation(moved);
            sum += weight * (after - before);
            before = after;
            weight *= self.ratio;
            let beyond_low = moved < low && load > 0.0;
            let beyond_high = moved > high && load < 0.0;
            if beyond_low || beyond_high {
                if beyond_low && self.bend == Bend::Kink {
                    sum += weight * load / (1.0 - self.ratio);
                }
                break;
            }
            if weight.abs() < 1e-17 {
                break;
            }
        }
        sum / (1.0 - self.q)
    }

    /// The expectation where `f` is bent between two cells.
    #[inline]
    fn between(&self, expectation: impl Fn(i64) -> f64, bend: f64) -> f64 {
        let cell = bend.floor();
        let (fraction, cell) = (bend - cell, cell as i64);
        if fraction == 0.0 {
            return expectation(cell);
        }
        let (first, weights) = self.grid.between(fraction);
        weights.into_iter().zip(cell + first..).map(|(by, cell)| by * expectation(cell)).sum()
    }
}
