//! Fourier transforms on the odd frequencies of a ring, at a quarter of the ring's size.
//!
//! `X_k = sum over x of h(x) exp(i pi (2 k + 1) x / N)`, N half the ring, sees only `f(x) = h(x) - h(x + N)`, and
//! `X_(N-1-k)` is the conjugate of `X_k`. The even `X_2l` determine the others and are the transform of
//! `(f(x) + i f(x + N / 2)) exp(i pi x / N)`, `x < N / 2`.

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::sync::{Arc, Mutex};

use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};

/// The plans of one ring.
pub struct OddTransform {
    ring: usize,
    up: Arc<dyn Fft<f64>>,
    down: Arc<dyn Fft<f64>>,
    twist: Vec<Complex64>,
}

impl OddTransform {
    /// For a ring of a power of two, at least 4.
    pub fn new(ring: usize) -> Self {
        let quarter = ring / 4;
        let mut planner = FftPlanner::new();
        let turn = |x: usize| Complex64::cis(PI * x as f64 / (ring / 2) as f64);
        Self {
            ring,
            up: planner.plan_fft_inverse(quarter),
            down: planner.plan_fft_forward(quarter),
            twist: (0..quarter).map(turn).collect(),
        }
    }

    /// `sum over x of values(x) exp(i w x)` for `w = 2 pi (2 k + 1) / ring`, `k < ring / 4`.
    pub fn spectrum(&self, values: &[f64]) -> Vec<Complex64> {
        let (half, quarter) = (self.ring / 2, self.ring / 4);
        let folded = |x: usize| values[x] - values[x + half];
        let mut even: Vec<Complex64> = (0..quarter)
            .map(|x| Complex64::new(folded(x), folded(x + quarter)) * self.twist[x])
            .collect();
        self.up.process(&mut even);
        let at = |k: usize| {
            if k.is_multiple_of(2) { even[k / 2] } else { even[(half - 1 - k) / 2].conj() }
        };
        (0..quarter).map(at).collect()
    }

    /// The sum over k of the real parts of `spectrum(k) exp(-i w x)`, for every x of the ring.
    /// Frequencies that are missing at the end are 0.
    pub fn wave(&self, spectrum: &[Complex64]) -> Vec<f64> {
        let (half, quarter) = (self.ring / 2, self.ring / 4);
        let value = |k: usize| spectrum.get(k).copied().unwrap_or_default();
        let even = |l: usize| {
            if 2 * l < quarter { value(2 * l) } else { value(half - 1 - 2 * l).conj() }
        };
        let mut even: Vec<Complex64> = (0..quarter).map(even).collect();
        self.down.process(&mut even);
        let mut wave = vec![0.0; self.ring];
        for (x, (value, twist)) in even.iter().zip(&self.twist).enumerate() {
            let value = value * twist.conj();
            (wave[x], wave[x + quarter]) = (value.re, value.im);
            (wave[x + half], wave[x + half + quarter]) = (-value.re, -value.im);
        }
        wave
    }
}

/// The plans that were made so far.
#[derive(Default)]
pub struct Transforms {
    by_ring: Mutex<BTreeMap<usize, Arc<OddTransform>>>,
}

impl Transforms {
    pub fn of(&self, ring: usize) -> Arc<OddTransform> {
        // A panic leaves nothing half done: what is there is whole.
        let mut plans = self.by_ring.lock().unwrap_or_else(|poison| poison.into_inner());
        Arc::clone(plans.entry(ring).or_insert_with(|| Arc::new(OddTransform::new(ring))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_agree_with_their_definitions() {
        for ring in [4, 8, 64] {
            let transform = OddTransform::new(ring);
            let values: Vec<f64> = (0..ring).map(|x| ((x * x + 3) % 7) as f64).collect();
            let w = |k: usize| 2.0 * PI * (2 * k + 1) as f64 / ring as f64;
            let spectrum = transform.spectrum(&values);
            for (k, fast) in spectrum.iter().enumerate() {
                let terms = values.iter().enumerate();
                let slow: Complex64 =
                    terms.map(|(x, value)| value * Complex64::cis(w(k) * x as f64)).sum();
                assert!((fast - slow).norm() < 1e-11, "{ring} {k}");
            }
            for (x, fast) in transform.wave(&spectrum).iter().enumerate() {
                let terms = spectrum.iter().enumerate();
                let slow: f64 =
                    terms.map(|(k, value)| (value * Complex64::cis(-w(k) * x as f64)).re).sum();
                assert!((fast - slow).abs() < 1e-10, "{ring} {x}");
            }
        }
    }
}
