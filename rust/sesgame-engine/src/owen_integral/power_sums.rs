//! Products over many members in a few terms.
//!
//! `log of prod over j of (1 - q + q z_j) = n log(1 - q) - sum over k of (-r)^k P_k / k`, `r = q / (1 - q)`, with the
//! power sums `P_k = sum over j of z_j^k`: transforms of histograms, which do not depend on q.

use multiversion::multiversion;
use rustfft::num_complex::Complex64;

use super::exponential::exponential;
use super::load_lattice::{LoadLattice, cubic};
use super::member_factors::Complex;
use super::odd_transform::OddTransform;

/// What is left of the logarithm.
const REST: f64 = 1e-14;

/// The number of terms that are needed for `n` members, or `None` when there are more than `most`.
pub fn terms(q: f64, n: f64, most: usize) -> Option<usize> {
    let r = q / (1.0 - q);
    (1..=most).find(|&k| n * r.powi(k as i32 + 1) / (k as f64 + 1.0) / (1.0 - r) < REST)
}

/// The power sums on the odd frequencies of a ring.
#[derive(Debug)]
pub struct PowerSums {
    n: f64,
    by_power: Vec<Complex>,
}

impl PowerSums {
    pub fn new(lattice: &LoadLattice, transform: &OddTransform, ring: usize, terms: usize) -> Self {
        // For each member the distribution of the sum of so many of its load, on its cells.
        let mut spreads: Vec<Vec<f64>> = vec![vec![1.0]; lattice.cells.len()];
        let mut histogram = |power: usize| {
            let mut counts = vec![0.0; ring];
            for ((&cells, &fraction), spread) in
                lattice.cells.iter().zip(&lattice.fraction).zip(&mut spreads)
            {
                let mut first = cells;
                if fraction > 0.0 {
                    let (offset, weights) = cubic(fraction);
                    *spread = convolved(spread, &weights);
                    first += offset;
                }
                let at = (power as i64).wrapping_mul(first);
                for (up, weight) in (0_i64..).zip(spread.iter()) {
                    counts[at.wrapping_add(up) as usize & (ring - 1)] += weight;
                }
            }
            counts
        };
        let parts = |spectrum: Vec<Complex64>| Complex {
            re: spectrum.iter().map(|value| value.re).collect(),
            im: spectrum.iter().map(|value| value.im).collect(),
        };
        Self {
            n: lattice.cells.len() as f64,
            by_power: (1..=terms)
                .map(|power| parts(transform.spectrum(&histogram(power))))
                .collect(),
        }
    }

    /// The product over all members on a block of frequencies, from `terms` power sums.
    pub fn product(&self, q: f64, terms: usize, first: usize, product: &mut Complex) {
        let length = product.re.len();
        product.re.fill(self.n * (-q).ln_1p());
        product.im.fill(0.0);
        let mut power = -1.0;
        for (k, sums) in self.by_power[..terms].iter().enumerate() {
            power *= -q / (1.0 - q);
            let factor = power / (k + 1) as f64;
            let last = (first + length).min(sums.re.len());
            add_scaled(&mut product.re, &sums.re[first..last], factor);
            add_scaled(&mut product.im, &sums.im[first..last], factor);
        }
        exponential(product);
    }
}

/// The distribution of a sum of two.
fn convolved(first: &[f64], second: &[f64]) -> Vec<f64> {
    let mut sums = vec![0.0; first.len() + second.len() - 1];
    for (offset, by) in second.iter().enumerate() {
        add_scaled(&mut sums[offset..offset + first.len()], first, *by);
    }
    sums
}

#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2+fma"))]
fn add_scaled(sums: &mut [f64], values: &[f64], factor: f64) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += factor * value;
    }
}

#[cfg(test)]
mod tests {
    use super::super::member_factors::{MemberFactors, TOGETHER, join};
    use super::*;

    #[test]
    fn a_product_is_that_of_its_factors() {
        let integers: Vec<f64> = (0..300_i32).map(|k| f64::from(k * k % 101 - 40)).collect();
        let reals: Vec<f64> = (0..300_i32).map(|k| f64::from(k + 1).sqrt() - 9.0).collect();
        for (loads, doublings) in [(integers, 0), (reals, 5)] {
            let lattice = LoadLattice::new(&loads).scaled(doublings);
            let ring = 1 << 12;
            let sums = PowerSums::new(&lattice, &OddTransform::new(ring), ring, 30);
            for q in [0.001, 0.05, 0.15] {
                let terms = terms(q, 300.0, 30).unwrap();
                let mut fast = Complex::filled(0.0, 64);
                sums.product(q, terms, 512, &mut fast);
                let mut slow = Complex::filled(1.0, 64);
                let mut factors = MemberFactors::new(&lattice, ring, 512, 64);
                for first in (0..300).step_by(TOGETHER) {
                    join(&mut slow, factors.symmetric(first..first + TOGETHER), q);
                }
                for k in 0..64 {
                    let error = (fast.re[k] - slow.re[k]).hypot(fast.im[k] - slow.im[k]);
                    assert!(error < 1e-13, "{q} {k} {error:e}");
                }
            }
        }
    }
}
