//! Functions of one number that are linear or constant on both sides of a threshold: what a step of an
//! aggregate game costs.

use std::f64::consts::PI;

/// The form of the function.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ThresholdFunction {
    /// `max(x - at, 0)`.
    Kink,
    /// 1 from `at` on, 0 below.
    Jump,
}

impl ThresholdFunction {
    /// The function.
    pub fn value(self, x: f64, at: f64) -> f64 {
        match self {
            Self::Kink => (x - at).max(0.0),
            Self::Jump => f64::from(x >= at),
        }
    }

    /// How fast the function's frequencies decay: like `w^-order`.
    pub(super) fn order(self) -> f64 {
        match self {
            Self::Kink => 2.0,
            Self::Jump => 1.0,
        }
    }

    /// The coefficient of the odd frequency `2 pi m / ring` of the wave that agrees with twice the
    /// function within half a ring, up to what is linear: from the wave's second (first) difference,
    /// which is 2 at the threshold and -2 half a ring from it.
    pub(super) fn coefficient(self, m: usize, ring: usize) -> (f64, f64) {
        let half = PI * m as f64 / ring as f64;
        match self {
            Self::Kink => (-1.0 / (ring as f64 * half.sin().powi(2)), 0.0),
            // (4 / ring) / (1 - exp(-2 i half))
            Self::Jump => (2.0 / ring as f64, -2.0 / (ring as f64 * half.tan())),
        }
    }
}
