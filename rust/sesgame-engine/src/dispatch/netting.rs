//! The community without a battery: members net their loads step by step, nothing links the steps.

use std::borrow::Cow;

use super::{Tariff, check_net_load};
use crate::aggregate::kinks::{KinkRanges, MOST_STEPS};
use crate::aggregate::{Aggregate, Bend, StepValue, shapley_value};
use crate::error::Result;
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::partial_sums::PartialSums;
use crate::progress::Progress;

/// Players from whom on ranges of coalitions are worth their preparation.
const MANY: usize = 10;

/// The cost game of netting: `c(S) = sum over t of max(buy_t * L_t, sell_t * L_t)` with `L_t` the
/// sum of the members' net loads.
///
/// Kept as `sum of the members' linear parts + sum over t of max(X_t, 0)`: what every kWh earns in any
/// case, and what those that are not shared cost more, `X = (buy - sell) L`.
#[derive(Debug)]
pub struct NettingGame {
    n_steps: usize,
    /// `sum over t of sell_t L_t` of each member.
    linear: Vec<f64>,
    /// One row of `(buy_t - sell_t) L_t` for each member.
    margins: Vec<f64>,
}

impl NettingGame {
    /// The game of the members with the given net loads in kWh per step, one row of
    /// `tariff.n_steps()` numbers for each member.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] when the rows do not fit the tariff or hold a number
    /// that is not finite.
    pub fn new(mut net_load: Vec<f64>, tariff: Tariff) -> Result<Self> {
        let n_steps = tariff.n_steps();
        check_net_load(&net_load, n_steps)?;
        let mut linear = Vec::new();
        for row in net_load.chunks_exact_mut(n_steps) {
            linear.push(row.iter().zip(tariff.sell()).map(|(load, sell)| load * sell).sum());
            for ((load, buy), sell) in row.iter_mut().zip(tariff.buy()).zip(tariff.sell()) {
                *load *= buy - sell;
            }
        }
        Ok(Self { n_steps, linear, margins: net_load })
    }
}

impl NativeGame for NettingGame {
    fn n_players(&self) -> usize {
        self.linear.len()
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        let sums = PartialSums::new(&self.margins, self.n_steps);
        Box::new(NettingWalker { linear: PartialSums::new(&self.linear, 1), sums })
    }

    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        (self.n_steps <= MOST_STEPS && self.n_players() >= MANY).then(|| {
            Box::new(KinkRanges::new(&self.margins, self.n_steps, &self.linear)) as Box<dyn Ranges>
        })
    }

    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        let shares = shapley_value(self, progress).map(|mut shares| {
            shares.values.iter_mut().zip(&self.linear).for_each(|(value, linear)| *value += linear);
            shares
        });
        Some(shares)
    }
}

impl Aggregate for NettingGame {
    fn n_steps(&self) -> usize {
        self.n_steps
    }

    fn step(&self, step: usize) -> StepValue<'_> {
        let loads = self.margins.iter().skip(step).step_by(self.n_steps).copied().collect();
        StepValue { loads: Cow::Owned(loads), slope: 0.0, height: 1.0, bend: Bend::Kink, at: 0.0 }
    }
}

struct NettingWalker<'a> {
    linear: PartialSums<'a>,
    sums: PartialSums<'a>,
}

impl Walker for NettingWalker<'_> {
    fn clear(&mut self) {
        self.linear.clear();
        self.sums.clear();
    }

    fn add(&mut self, player: usize) {
        self.linear.add(player);
        self.sums.add(player);
    }

    fn remove(&mut self, player: usize) {
        self.linear.remove(player);
        self.sums.remove(player);
    }

    fn value(&mut self) -> f64 {
        self.linear.sum()[0] + positive_sum(self.sums.sum())
    }
}

/// The sum of the positive numbers.
///
/// Thirty-two running sums, whatever the width of the processor's vectors: the same bits everywhere.
#[multiversion::multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn positive_sum(numbers: &[f64]) -> f64 {
    const LANES: usize = 32;
    let positive = |number: f64| if number > 0.0 { number } else { 0.0 };
    let mut sums = [0.0; LANES];
    let chunks = numbers.chunks_exact(LANES);
    let rest = chunks.remainder();
    for chunk in chunks {
        for lane in 0..LANES {
            sums[lane] += positive(chunk[lane]);
        }
    }
    for (sum, &number) in sums.iter_mut().zip(rest) {
        *sum += positive(number);
    }
    for half in [16, 8, 4, 2, 1] {
        for lane in 0..half {
            sums[lane] += sums[lane + half];
        }
    }
    sums[0]
}
