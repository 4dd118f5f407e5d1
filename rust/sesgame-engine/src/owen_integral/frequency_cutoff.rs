//! How fast the characteristic function of a random coalition's sum decays, proved for all
//! frequencies at once.
//!
//! With `C(w) = sum over j of (1 - Re z_j(w))`, `z_j` the characteristic function of member j's load, the
//! one of the sum, where each of n members joins with probability `q`, is at most
//! `(1 - 2 q (1 - q) C(w) / n)^(n / 2)` in absolute value: each factor has
//! `|1 - q + q z|^2 <= 1 - 2 q (1 - q) (1 - Re z)`, and the logarithm is concave. One Fourier transform of the
//! histogram of the loads gives `C` on a grid of frequencies, and a bound of its slope the rest.

use std::f64::consts::PI;

use super::load_lattice::{KINK, LoadLattice, Stencil, cubic, linear};
use super::odd_transform::Transforms;

/// `C` from below, for linear and for cubic stencils, on the frequencies up to pi per cell.
#[derive(Debug)]
pub struct Decay {
    spacing: f64,
    /// A lower bound of `C` on frequencies from `j` to `j + 1` spacings.
    least: Vec<f64>,
    members: f64,
}

/// Which frequencies count: those up to which the characteristic function may be larger than
/// `exp(-exponent) (w / unit)^order`.
#[derive(Debug)]
pub struct Cutoff {
    spacing: f64,
    /// The variance `q (1 - q)` from which all frequencies from j spacings on are below the threshold.
    variance: Vec<f64>,
}

impl Decay {
    pub fn new(lattice: &LoadLattice, transforms: &Transforms) -> Self {
        let ring = (16 * lattice.most_cells()).next_power_of_two();
        let transform = transforms.of(ring);
        let members = lattice.cells.len() as f64;
        let spacing = 4.0 * PI / ring as f64;
        // A stencil's slope is at most that of its farthest cell, two from the load.
        let steepest: f64 = lattice.loads().map(|load| load.abs() + 2.0).sum();
        let slack = steepest * spacing / 2.0;
        let by = |stencil: fn(f64) -> Stencil| {
            let mut histogram = vec![0.0; ring];
            for (&cells, &fraction) in lattice.cells.iter().zip(&lattice.fraction) {
                let (first, weights) = stencil(fraction);
                for (cell, weight) in (cells + first..).zip(weights) {
                    histogram[cell.rem_euclid(ring as i64) as usize] += weight;
                }
            }
            let spectrum = transform.spectrum(&histogram);
            spectrum.into_iter().map(|value| members - value.re - slack).collect::<Vec<_>>()
        };
        let mut least = by(linear);
        if !lattice.exact {
            least.iter_mut().zip(by(cubic)).for_each(|(least, other)| *least = least.min(other));
        }
        Self { spacing, least, members }
    }

    pub fn cutoff(&self, exponent: f64, unit: f64, order: f64) -> Cutoff {
        let mut largest = 0.0_f64;
        let mut variance: Vec<f64> = self
            .least
            .iter()
            .enumerate()
            .rev()
            .map(|(j, least)| {
                let below = ((j as f64).max(0.1) * self.spacing / unit).ln();
                let exponent = (exponent - order * below).max(0.0);
                let needed = -(-2.0 * exponent / self.members).exp_m1() / 2.0;
                largest = largest.max(needed * self.members / least.max(1e-300));
                largest
            })
            .collect();
        variance.reverse();
        Cutoff { spacing: self.spacing, variance }
    }

    /// What stencils let a marginal contribution err by, in cells, where members join with probability
    /// `q`.
    ///
    /// A linear stencil adds a variance `s`, at most 1/4, to a load; a kink's expectation then grows by at
    /// most `s` times the [`Self::concentration`]. A cubic one differs from it by second differences of
    /// weights that sum to `s / 2`, and a kink's second difference is a single point: the expectations
    /// differ by at most `s / 2` times the mean over all frequencies of the characteristic function
    /// of the rest. In the alternating series that takes a member out, the k-th term shifts by
    /// interpolation instead of k stencils, which differ by `(1 + k) w^4 / 42` at most.
    pub fn stencil_error(&self, lattice: &LoadLattice, q: f64) -> f64 {
        if lattice.exact {
            return 0.0;
        }
        let variance = q * (1.0 - q);
        let linear = 2.0 * q * lattice.split_variance() * self.concentration(variance);
        let (mut mean, mut mean_square) = (0.0, 0.0);
        for (j, least) in self.least.iter().enumerate() {
            let bound = (-variance * (least - 4.0).max(0.0)).exp() / self.least.len() as f64;
            mean += bound;
            mean_square += bound * ((j + 1) as f64 * self.spacing).powi(2);
        }
        let series = 2.0 * (PI * PI / 4.0) * mean_square / 42.0 / (1.0 - 2.0 * q).powi(2);
        let kink = 2.0 * KINK / (1.0 - 2.0 * q);
        linear + series + mean * (q * lattice.split_variance() + kink)
    }

    /// The largest probability with which the sum, whether or not some of the loads are split, can
    /// lie in an open interval of two cells: Esseen's inequality with Fejer's kernel.
    fn concentration(&self, variance: f64) -> f64 {
        // Where loads are not split, `C` differs by at most n w^2 / 8; two members may be missing,
        // one who is known to be there and one whose marginal contribution it is.
        let bound = |(j, least): (usize, &f64)| {
            let w = (j + 1) as f64 * self.spacing;
            let c = least - self.members * w * w / 8.0 - 4.0;
            (1.0 - j as f64 * self.spacing).max(0.0) * (-variance * c.max(0.0)).exp()
        };
        let below_one = (1.0 / self.spacing).ceil() as usize;
        let sum: f64 = self.least.iter().take(below_one).enumerate().map(bound).sum();
        (1.0877 * 2.0 * sum * self.spacing).min(1.0)
    }
}

impl Cutoff {
    /// The frequency above which all are below the threshold, or `None` where none is.
    pub fn frequency(&self, variance: f64) -> Option<f64> {
        let first = self.variance.partition_point(|&needed| needed > variance);
        (first < self.variance.len()).then_some(first as f64 * self.spacing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// |E e^(iwX)| when each of the loads joins with probability q.
    fn characteristic(lattice: &LoadLattice, q: f64, w: f64) -> f64 {
        lattice
            .cells
            .iter()
            .zip(&lattice.fraction)
            .map(|(&cells, fraction)| {
                let wave = |cells: i64| (w * cells as f64).sin_cos();
                let ((s0, c0), (s1, c1)) = (wave(cells), wave(cells + 1));
                let re = 1.0 - q + q * ((1.0 - fraction) * c0 + fraction * c1);
                let im = q * ((1.0 - fraction) * s0 + fraction * s1);
                re.hypot(im)
            })
            .product()
    }

    #[test]
    fn beyond_the_cutoff_no_frequency_counts() {
        let integers: Vec<f64> = (0..60_i32).map(|k| f64::from(k * k % 101 - 40)).collect();
        let reals: Vec<f64> = (0..60_i32).map(|k| f64::from(k + 1).sqrt() - 4.0).collect();
        for loads in [integers, reals] {
            let lattice = LoadLattice::new(&loads);
            let scale = (lattice.loads().map(|load| load * load).sum::<f64>() / 60.0).sqrt();
            let cutoff =
                Decay::new(&lattice, &Transforms::default()).cutoff(12.0, 1.0 / scale, 2.0);
            let mut found = 0;
            for q in [0.1, 0.3, 0.45] {
                let Some(first) = cutoff.frequency(q * (1.0 - q)) else { continue };
                found += 1;
                for step in 0..20_000 {
                    let w = first + (PI - first) * f64::from(step) / 20_000.0;
                    let threshold = (-12.0_f64).exp() * (w * scale).powi(2);
                    assert!(characteristic(&lattice, q, w) <= threshold, "{q} {w}");
                }
            }
            assert!(found > 0);
        }
    }
}
