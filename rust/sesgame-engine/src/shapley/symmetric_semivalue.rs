//! The semivalues that pairs of complementary coalitions can estimate.
//!
//! Where a player joins `s` others as probably as all but `s` of them, only the odd part
//! `o(S) = v(S) - v(N \ S)` of the game counts:
//! `psi_i = sum over t of p(t-1) mean of o(S) over the coalitions S of t players with i`.
//! The Shapley value (uniform over sizes) and the Banzhaf value (uniform over coalitions) are such.

use crate::error::{Error, Result};

/// How far probabilities may be from symmetry and from a sum of 1.
const TOLERANCE: f64 = 1e-9;

/// `p(s)`, the probability that a player joins a coalition of `s = 0..n` others.
#[derive(Debug, Clone, PartialEq)]
pub struct SymmetricSemivalue {
    probabilities: Vec<f64>,
}

impl SymmetricSemivalue {
    /// The Shapley value of `n` players: uniform over sizes.
    #[must_use]
    pub fn shapley(n_players: usize) -> Self {
        Self { probabilities: vec![(n_players as f64).recip(); n_players] }
    }

    /// The semivalue with the given probabilities.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when one is negative or not finite, they do not sum to 1, or
    /// `p(s)` and `p(n - 1 - s)` differ.
    pub fn new(probabilities: Vec<f64>) -> Result<Self> {
        let total: f64 = probabilities.iter().sum();
        if probabilities.iter().any(|p| !(p.is_finite() && *p >= 0.0))
            || (total - 1.0).abs() > TOLERANCE
        {
            return Err(Error::InvalidInput(format!(
                "the probabilities of the sizes sum to {total}; they are at least 0 and sum to 1"
            )));
        }
        let reversed = probabilities.iter().rev();
        if let Some(size) =
            probabilities.iter().zip(reversed).position(|(p, q)| (p - q).abs() > TOLERANCE)
        {
            let other = probabilities.len() - 1 - size;
            return Err(Error::InvalidInput(format!(
                "coalitions of {size} others have probability {} and those of {other} {}; \
                 pairs of complementary coalitions need the same for both",
                probabilities[size], probabilities[other]
            )));
        }
        Ok(Self { probabilities })
    }

    /// The number of players.
    #[must_use]
    pub fn n_players(&self) -> usize {
        self.probabilities.len()
    }

    /// The weight of the mean of `o` over the coalitions of `size` players with a given one.
    #[must_use]
    pub fn with(&self, size: usize) -> f64 {
        self.probabilities[size - 1]
    }

    /// The weight of the mean of `-o` over the coalitions of `size` players without a given one.
    #[must_use]
    pub fn without(&self, size: usize) -> f64 {
        self.probabilities[size]
    }

    /// Whether the values of all players sum to the worth of the grand coalition.
    #[must_use]
    pub fn shares_out(&self) -> bool {
        let first = self.probabilities[0];
        self.probabilities.iter().all(|p| (p - first).abs() <= TOLERANCE * first)
    }

    /// What the pairs whose smaller coalition has `size` players weigh in the least squares whose
    /// additive solution is the semivalue; for the Shapley value in proportion to
    /// `1 / (size (n - size))`.
    #[must_use]
    pub fn mass(&self, size: usize) -> f64 {
        let n = self.n_players();
        let both = if 2 * size == n { 1.0 } else { 2.0 };
        both * (self.without(size) / (n - size) as f64 + self.with(size) / size as f64)
    }

    /// The standard error that one pair of `size` leaves, for a standard deviation of 1.
    #[must_use]
    pub fn spread(&self, size: usize) -> f64 {
        let (with, without) = (self.with(size), self.without(size));
        let others = (self.n_players() - size) as f64;
        (with * with / size as f64 + without * without / others).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mass_of_the_shapley_value_is_its_kernel() {
        let shapley = SymmetricSemivalue::shapley(7);
        for size in 1..=3 {
            let kernel = 2.0 / (size * (7 - size)) as f64;
            assert!((shapley.mass(size) - kernel).abs() < 1e-15);
        }
        assert!(shapley.shares_out());
    }

    #[test]
    fn probabilities_that_no_pairs_can_estimate_are_refused() {
        let error = SymmetricSemivalue::new(vec![0.5, 0.25, 0.25]).unwrap_err();
        assert!(error.to_string().contains("coalitions of 0 others have probability 0.5"));
        for bad in [vec![0.5, 0.6], vec![1.5, -0.5], vec![f64::NAN, 1.0]] {
            assert!(SymmetricSemivalue::new(bad).is_err());
        }
        assert!(!SymmetricSemivalue::new(vec![0.25, 0.5, 0.25]).unwrap().shares_out());
    }
}
