//! The weights that tell one semivalue from another.
//!
//! Dubey, Neyman and Weber (1981) show that the semivalues are exactly the weighted means of marginal
//! contributions whose weights depend on the size of the coalition that is joined.

use crate::error::{Error, Result};

/// How far the probabilities of joining a coalition may sum to something else than 1.
const WEIGHT_TOLERANCE: f64 = 1e-9;

/// A semivalue of `n`-player games: `w(s)` weighs the marginal contribution to each coalition of
/// `s = 0..n` other players, with `sum over s of C(n-1, s) w(s) = 1`.
#[derive(Debug, Clone, PartialEq)]
pub struct Semivalue {
    weights: Vec<f64>,
}

impl Semivalue {
    /// The Shapley value: each size is as likely as any other, `w(s) = s! (n-s-1)! / n!`.
    ///
    /// ```
    /// use sesgame_engine::shapley::semivalue::Semivalue;
    /// assert_eq!(Semivalue::shapley(2).weights(), [0.5, 0.5]);
    /// ```
    #[must_use]
    pub fn shapley(n_players: usize) -> Self {
        // By ratios: the factorials themselves overflow long before the weights underflow.
        let mut weight = 1.0 / n_players as f64;
        let weights = (1..=n_players).map(|next| {
            let present = weight;
            weight *= next as f64 / (n_players - next) as f64;
            present
        });
        Self { weights: weights.collect() }
    }

    /// The Banzhaf value: each coalition is as likely as any other, `w(s) = 2^(1-n)`.
    #[must_use]
    pub fn banzhaf(n_players: usize) -> Self {
        Self { weights: vec![0.5_f64.powi(n_players as i32 - 1); n_players] }
    }

    /// The semivalue with the given weights.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when a weight is negative or not finite, or when the probabilities
    /// `C(n-1, s) w(s)` do not sum to 1.
    pub fn new(weights: Vec<f64>) -> Result<Self> {
        if let Some(size) = weights.iter().position(|w| !(w.is_finite() && *w >= 0.0)) {
            return Err(Error::InvalidInput(format!(
                "the weight of coalitions of size {size} is {}; weights are finite and at least 0",
                weights[size]
            )));
        }
        let mut coalitions = 1.0;
        let mut total = 0.0;
        for (size, weight) in weights.iter().enumerate() {
            total += coalitions * weight;
            coalitions *= (weights.len() - 1 - size) as f64 / (size + 1) as f64;
        }
        if (total - 1.0).abs() > WEIGHT_TOLERANCE {
            return Err(Error::InvalidInput(format!(
                "the weights give a total probability of {total}; \
                 sum over s of C(n-1, s) weights[s] has to be 1"
            )));
        }
        Ok(Self { weights })
    }

    /// `w(s)` for `s = 0..n`.
    #[must_use]
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// The number of players `n`.
    #[must_use]
    pub fn n_players(&self) -> usize {
        self.weights.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapley_and_banzhaf_are_semivalues() {
        for n_players in 1..=30 {
            for value in [Semivalue::shapley(n_players), Semivalue::banzhaf(n_players)] {
                assert_eq!(Semivalue::new(value.weights().to_vec()), Ok(value));
            }
        }
    }

    #[test]
    fn a_negative_weight_is_named_by_its_size() {
        let error = Semivalue::new(vec![1.5, -0.5]).unwrap_err();
        assert!(error.to_string().contains("size 1 is -0.5"), "{error}");
    }

    #[test]
    fn weights_that_do_not_sum_to_one_are_refused() {
        let error = Semivalue::new(vec![0.5, 0.25]).unwrap_err();
        assert!(error.to_string().contains("0.75"), "{error}");
    }
}
