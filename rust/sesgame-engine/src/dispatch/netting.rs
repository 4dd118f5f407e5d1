//! The community without a battery: members net their loads step by step, nothing links the steps.

use std::borrow::Cow;

use once_cell::race::OnceBox;

use super::{Tariff, check_net_load};
use crate::coalition::MAX_TABLE_PLAYERS;
use crate::error::Result;
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::owen_integral::kink_sums::{KinkSums, MOST_STEPS};
use crate::owen_integral::{Aggregate, StepValue, ThresholdFunction, shapley_value};
use crate::partial_sums::SumWalker;
use crate::progress::Progress;

/// Players from whom on ranges of coalitions are worth their preparation.
const MANY: usize = 10;

/// The cost game of netting: `c(S) = sum over t of buy_t * max(L_t, 0) - sell_t * max(-L_t, 0)` with
/// `L_t` the sum of the members' net loads. Selling may earn more than buying costs.
#[derive(Debug)]
pub struct NettingGame {
    tariff: Tariff,
    net_load: Vec<f64>,
    n_players: usize,
    /// Made when ranges of coalitions are asked for; nobody waits for a thread that makes it, which a
    /// forked process would not have.
    margins: OnceBox<Margins>,
}

/// The game as `sum of linear + sum over t of max(X_t, 0)`: what every kWh costs that is sold, and what
/// those that are bought cost more, `X = (buy - sell) L`.
#[derive(Debug)]
struct Margins {
    linear: Vec<f64>,
    rows: Vec<f64>,
}

impl NettingGame {
    /// The game of the members with the given net loads in kWh per step, one row of
    /// `tariff.n_steps()` numbers for each member.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] when the rows do not fit the tariff or hold a number
    /// that is not finite.
    pub fn new(net_load: Vec<f64>, tariff: Tariff) -> Result<Self> {
        let n_players = check_net_load(&net_load, tariff.n_steps())?;
        Ok(Self { tariff, net_load, n_players, margins: OnceBox::new() })
    }

    /// The cost of a load.
    fn cost(&self) -> impl FnMut(&[f64]) -> f64 + Send {
        |load| self.tariff.cost(load)
    }

    fn margins(&self) -> Margins {
        let (buy, sell) = (self.tariff.buy(), self.tariff.sell());
        let rows = || self.net_load.chunks_exact(sell.len());
        let sold = |row: &[f64]| row.iter().zip(sell).map(|(load, sell)| load * sell).sum();
        let more = |row| {
            let prices = buy.iter().zip(sell).map(|(buy, sell)| buy - sell);
            std::iter::zip::<&[f64], _>(row, prices).map(|(load, price)| load * price)
        };
        Margins { linear: rows().map(sold).collect(), rows: rows().flat_map(more).collect() }
    }
}

impl NativeGame for NettingGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(SumWalker::new(&self.net_load, self.tariff.n_steps(), self.cost()))
    }

    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_sums(&self.net_load, self.tariff.n_steps(), || self.cost(), progress)
    }

    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        let n_steps = self.tariff.n_steps();
        // Sums of kinks are of those that bend upwards.
        let is_convex = self.tariff.step_sold_above_buy().is_none();
        if !is_convex
            || n_steps > MOST_STEPS
            || !(MANY..=MAX_TABLE_PLAYERS).contains(&self.n_players)
        {
            return None;
        }
        let margins = self.margins.get_or_init(|| Box::new(self.margins()));
        Some(Box::new(KinkSums::new(&margins.rows, n_steps, &margins.linear)))
    }

    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        Some(shapley_value(self, progress))
    }
}

impl Aggregate for NettingGame {
    fn n_steps(&self) -> usize {
        self.tariff.n_steps()
    }

    fn step(&self, step: usize) -> StepValue<'_> {
        let loads = self.net_load.iter().skip(step).step_by(self.tariff.n_steps()).copied();
        let (buy, sell) = (self.tariff.buy()[step], self.tariff.sell()[step]);
        StepValue {
            loads: Cow::Owned(loads.collect()),
            slope: sell,
            height: buy - sell,
            function: ThresholdFunction::Kink,
            at: 0.0,
        }
    }
}
