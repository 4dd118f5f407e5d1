//! Taking a member out of an expectation by an alternating series:
//! `E f(X_i + y) = sum over k of (-q / (1 - q))^k E f(X + y + k x_i) / (1 - q)`, where `X` is the sum of all who join,
//! each with probability `q`, and `X_i` is without member `i`.

use super::load_lattice::LoadLattice;
use super::threshold_function::ThresholdFunction;

/// The series of one probability.
#[derive(Debug)]
pub struct LeaveOneOut<'a> {
    lattice: &'a LoadLattice,
    function: ThresholdFunction,
    q: f64,
    /// `-q / (1 - q)`.
    ratio: f64,
}

impl<'a> LeaveOneOut<'a> {
    pub fn new(lattice: &'a LoadLattice, function: ThresholdFunction, q: f64) -> Self {
        Self { lattice, function, q, ratio: -q / (1.0 - q) }
    }

    /// `E f(X_i + x_i) - E f(X_i)`, `f` with its threshold at `at` and the load `x_i` in cells.
    ///
    /// `expectation` is `E f(X)` by the cell of the threshold of `f`; it is linear (for a jump constant) below
    /// and above the window.
    #[inline]
    pub fn marginal(
        &self,
        expectation: impl Fn(i64) -> f64,
        window: (f64, f64),
        at: f64,
        load: f64,
    ) -> f64 {
        let expectation = |threshold: f64| self.between(&expectation, threshold);
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
                if beyond_low && self.function == ThresholdFunction::Kink {
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

    /// The expectation for a threshold between two cells.
    #[inline]
    fn between(&self, expectation: impl Fn(i64) -> f64, threshold: f64) -> f64 {
        let cell = threshold.floor();
        let (fraction, cell) = (threshold - cell, cell as i64);
        if fraction == 0.0 {
            return expectation(cell);
        }
        let (first, weights) = self.lattice.between(fraction);
        weights.into_iter().zip(cell + first..).map(|(by, cell)| by * expectation(cell)).sum()
    }
}
