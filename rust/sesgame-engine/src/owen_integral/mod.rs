//! Exact Shapley values of aggregate games in polynomial time.
//!
//! The value of a coalition of an aggregate game is a sum of functions of sums: in each step `t` the members'
//! loads add up, and the step is worth a threshold function of what they add up to. Netting under
//! two prices is such a game, and so are a weighted vote and a bankruptcy, which have one step. What each
//! step adds to the Shapley value is an integral ([`evaluate`]) that takes some `n^1.5` operations for each
//! frequency that counts, instead of `2^n`.

mod evaluate;
mod exponential;
mod frequency_cutoff;
pub(crate) mod kink_sums;
mod leave_one_out;
pub(crate) mod load_lattice;
mod member_factors;
mod odd_transform;
mod plan;
mod power_sums;
mod quadrature;
mod small_coalitions;
mod tail_bound;
mod threshold_function;

pub use threshold_function::ThresholdFunction;

use std::borrow::Cow;

use rayon::prelude::*;

use crate::error::Result;
use crate::game::{ExactShares, NativeGame};
use crate::progress::Progress;
use crate::thread_pool;

/// What a step is worth as a function of the members' total load: `slope x + height (f(x) - f(0))`.
#[derive(Debug, Clone)]
pub struct StepValue<'a> {
    /// The load of each member.
    pub loads: Cow<'a, [f64]>,
    /// The part that is linear.
    pub slope: f64,
    /// The factor of the threshold function `f`.
    pub height: f64,
    /// The form of `f`.
    pub function: ThresholdFunction,
    /// The threshold of `f`.
    pub at: f64,
}

/// A game whose value is a sum over steps of threshold functions of the members' total loads.
pub trait Aggregate: NativeGame {
    /// The number of steps.
    fn n_steps(&self) -> usize;

    /// One step.
    fn step(&self, step: usize) -> StepValue<'_>;
}

/// The Shapley value, with a bound of its error.
///
/// # Errors
/// [`crate::error::Error::InvalidInput`] when the loads at a jump have no common quantum;
/// [`crate::error::Error::Interrupted`].
pub fn shapley_value(game: &dyn Aggregate, progress: &Progress) -> Result<ExactShares> {
    progress.set_total(game.n_steps() as u64);
    let transforms = odd_transform::Transforms::default();
    let by_step = |step: usize| {
        let StepValue { loads, slope, height, function, at } = game.step(step);
        let mut shares = evaluate::Shares { values: vec![0.0; loads.len()], error: 0.0 };
        if height != 0.0 {
            shares = evaluate::shares(&loads, function, at, &transforms, progress)?;
        }
        for (value, load) in shares.values.iter_mut().zip(loads.iter()) {
            *value = slope * load + height * *value;
        }
        shares.error *= height.abs();
        progress.advance(1)?;
        Ok(shares)
    };
    // In blocks, so that the memory does not grow with the steps; added in their order.
    const BLOCK: usize = 256;
    let mut total =
        ExactShares { values: vec![0.0; game.n_players()], error: 0.0, method: "aggregate" };
    for first in (0..game.n_steps()).step_by(BLOCK) {
        let last = (first + BLOCK).min(game.n_steps());
        let shares: Vec<_> = thread_pool::install(|| {
            (first..last).into_par_iter().map(by_step).collect::<Result<_>>()
        })?;
        for shares in shares {
            total.values.iter_mut().zip(shares.values).for_each(|(sum, value)| *sum += value);
            total.error += shares.error;
        }
    }
    Ok(total)
}
