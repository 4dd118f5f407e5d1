//! Games of a threshold on what the members have together: a weighted vote, a bankruptcy, loads above a
//! limit.

use std::borrow::Cow;

use super::votes::count;
use super::{LARGEST, check_numbers};
use crate::error::{Error, Result};
use crate::game::{ExactShares, NativeGame, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::owen_integral::{Aggregate, StepValue, ThresholdFunction, shapley_value};
use crate::partial_sums::SumWalker;
use crate::progress::Progress;

/// The game `v(S) = sum over t of height_t (f(X_t) - f(0))`, where `X_t` is what the members of S have
/// together in step t and `f` has its threshold at `at_t`.
#[derive(Debug)]
pub struct ThresholdGame {
    function: ThresholdFunction,
    /// One row of amounts for each player.
    amounts: Vec<f64>,
    n_players: usize,
    at: Vec<f64>,
    height: Vec<f64>,
}

impl ThresholdGame {
    /// The vote in which a coalition wins, and is worth 1, when its weights reach the quota, counted as in
    /// [`super::votes`].
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no voter, a weight is negative or not a number, or the
    /// quota is not positive.
    pub fn weighted_vote(weights: Vec<f64>, quota: f64) -> Result<Self> {
        check_numbers("weights", &weights, 0.0)?;
        if !(quota > 0.0 && quota <= LARGEST) {
            return Err(Error::InvalidInput(format!("the quota is {quota}; it must be positive")));
        }
        let (votes, quota) = count(weights, quota);
        Self::new(ThresholdFunction::Jump, votes, vec![quota], vec![1.0])
    }

    /// The bankruptcy game: what is left of the estate when everybody else is paid in full.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no claimant, a claim is negative or not a number, or the
    /// estate is negative or larger than the claims together.
    pub fn bankruptcy(estate: f64, claims: Vec<f64>) -> Result<Self> {
        check_numbers("claims", &claims, 0.0)?;
        let total: f64 = claims.iter().sum();
        // Each claim and each addition may be off by a unit in the last place of the sum.
        let rounding = 2.0 * claims.len() as f64 * f64::EPSILON * total;
        if !(0.0..=total + rounding).contains(&estate) {
            return Err(Error::InvalidInput(format!(
                "the estate is {estate}; it must be from 0 to {total}, the sum of the claims"
            )));
        }
        Self::new(ThresholdFunction::Kink, claims, vec![(total - estate).max(0.0)], vec![1.0])
    }

    /// The game in which a coalition pays for what its load exceeds the limit by, in each step.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when the loads are not rows of as many steps as there are prices, or
    /// something is not a number.
    pub fn excess(loads: Vec<f64>, limits: Vec<f64>, prices: Vec<f64>) -> Result<Self> {
        check_numbers("loads", &loads, -LARGEST)?;
        check_numbers("prices", &prices, -LARGEST)?;
        check_numbers("limits", &limits, 0.0)?;
        Self::new(ThresholdFunction::Kink, loads, limits, prices)
    }

    /// What sums by step are worth.
    fn value(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        |sums| {
            let steps = sums.iter().zip(&self.at).zip(&self.height);
            steps.map(|((&sum, &at), height)| height * self.function.value(sum, at)).sum()
        }
    }

    fn new(
        function: ThresholdFunction,
        amounts: Vec<f64>,
        at: Vec<f64>,
        height: Vec<f64>,
    ) -> Result<Self> {
        if at.len() != height.len() || !amounts.len().is_multiple_of(at.len()) {
            return Err(Error::InvalidInput(format!(
                "{} loads are not rows of {} limits and {} prices",
                amounts.len(),
                at.len(),
                height.len()
            )));
        }
        Ok(Self { function, n_players: amounts.len() / at.len(), amounts, at, height })
    }
}

impl NativeGame for ThresholdGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SumWalker::new(&self.amounts, self.at.len(), self.value()))
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.amounts, self.at.len(), || self.value(), progress)
    }

    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        Some(shapley_value(self, progress))
    }
}

impl Aggregate for ThresholdGame {
    fn n_steps(&self) -> usize {
        self.at.len()
    }

    fn step(&self, step: usize) -> StepValue<'_> {
        let n_steps = self.at.len();
        let loads = if n_steps == 1 {
            Cow::Borrowed(&self.amounts[..])
        } else {
            self.amounts.iter().skip(step).step_by(n_steps).copied().collect()
        };
        let (height, at) = (self.height[step], self.at[step]);
        StepValue { loads, slope: 0.0, height, function: self.function, at }
    }
}
