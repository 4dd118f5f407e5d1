//! The smallest coalitions whose kink is close, one by one.
//!
//! On a lattice without a quantum a coalition errs when its total load is within a few cells of the
//! threshold. Of coalitions of many members that is a random error of a small probability each; nobody and single
//! members have a probability that counts, and are few: what the lattice makes of them is replaced by what
//! they are.

use super::leave_one_out::LeaveOneOut;
use super::load_lattice::{KINK, LoadLattice, cubic};
use super::threshold_function::ThresholdFunction;

/// Cells within which stencils and interpolation may see a kink.
const REACH: f64 = 6.0;

/// Terms of the alternating series that are smaller are left out.
const LEAST_TERM: f64 = 1e-4;

/// The others of whom nobody or one has joined, at one node.
#[derive(Debug)]
pub struct SmallCoalitions<'a> {
    lattice: &'a LoadLattice,
    q: f64,
    /// Loads in cells, in rising order, and whose they are.
    sorted: Vec<(f64, usize)>,
    nobody: f64,
    single: f64,
    /// The last term of the series in which a kink is looked for.
    last: i32,
}

impl<'a> SmallCoalitions<'a> {
    /// `negligible` is a probability below which an error of a fifth of a cell does not count.
    pub fn new(lattice: &'a LoadLattice, q: f64, negligible: f64) -> Self {
        let others = lattice.cells.len() as f64 - 1.0;
        let nobody = (1.0 - q).powf(others);
        let single = nobody * q / (1.0 - q);
        let mut sorted: Vec<(f64, usize)> = Vec::new();
        if single > negligible {
            sorted.extend(lattice.loads().zip(0..));
            sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        }
        let last = (LEAST_TERM.ln() / (q / (1.0 - q)).ln()) as i32;
        let nobody = if nobody > negligible { nobody } else { 0.0 };
        Self { lattice, q, sorted, nobody, single, last }
    }

    /// What is missing in the marginal contribution of a member to a kink at `at`.
    pub fn correction(&self, leave_one_out: &LeaveOneOut, at: f64, member: usize) -> f64 {
        let load = self.lattice.load(member);
        let close = |sum: f64, k: i32| (sum + f64::from(k) * load - at).abs() < REACH;
        let mut missing = 0.0;
        if self.nobody > 0.0 && (0..=self.last).any(|k| close(0.0, k)) {
            missing += self.nobody * self.missing(leave_one_out, at, member, None);
        }
        for k in 0..=self.last {
            let from = at - f64::from(k) * load;
            let first = self.sorted.partition_point(|&(other, _)| other <= from - REACH);
            let near = self.sorted[first..].iter().take_while(|(other, _)| *other < from + REACH);
            for &(other, index) in near {
                // Each of them once, by the first term in which it is close.
                if index != member && !(0..k).any(|earlier| close(other, earlier)) {
                    missing += self.single * self.missing(leave_one_out, at, member, Some(index));
                }
            }
        }
        missing
    }

    /// The marginal contribution of a member when a given other has joined, less what the lattice makes
    /// of it.
    fn missing(
        &self,
        leave_one_out: &LeaveOneOut,
        at: f64,
        member: usize,
        other: Option<usize>,
    ) -> f64 {
        let stencil = |index: usize| {
            let (first, weights) = cubic(self.lattice.fraction[index]);
            (self.lattice.cells[index] + first, weights)
        };
        let (first, weights) = other.map_or((0, [1.0, 0.0, 0.0, 0.0]), stencil);
        let (own_first, own_weights) = stencil(member);
        let joined = other.map_or(0.0, |index| self.lattice.load(index));
        let kink = |x: i64| if x == 0 { KINK } else { x.max(0) as f64 };
        let split = |threshold: i64| -> f64 {
            let cells = weights.into_iter().zip(first..);
            cells.map(|(weight, cell)| weight * kink(cell - threshold)).sum()
        };
        let expectation = |threshold: i64| {
            let own = own_weights.into_iter().zip(own_first..);
            let with: f64 = own.map(|(weight, cell)| weight * split(threshold - cell)).sum();
            (1.0 - self.q) * split(threshold) + self.q * with
        };
        let own = self.lattice.load(member);
        let window = (joined + own.min(0.0) - 4.0, joined + own.max(0.0) + 4.0);
        let value = |x: f64| ThresholdFunction::Kink.value(x, at);
        value(joined + own) - value(joined) - leave_one_out.marginal(expectation, window, at, own)
    }
}
