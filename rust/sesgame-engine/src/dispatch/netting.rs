//! The community without a battery: members net their loads step by step, nothing links the steps.

use std::borrow::Cow;

use once_cell::race::OnceBox;

use super::{Tariff, check_net_load, tariff};
use crate::coalition::MAX_TABLE_PLAYERS;
use crate::error::Result;
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::leave_one_out::without_each_by_sums;
use crate::owen_integral::kink_sums::{KinkSums, MOST_STEPS};
use crate::owen_integral::{Aggregate, StepValue, ThresholdFunction, shapley_value};
use crate::partial_sums::{CoalitionSums, PartialSums};
use crate::progress::Progress;

/// Players from whom on ranges of coalitions are worth their preparation.
const MANY: usize = 10;

/// Steps for which the coalitions of the three lowest players are worked out together: what they need stays in
/// the nearest cache.
const BLOCK: usize = 4 * tariff::LANES;

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
        Box::new(NettingWalker {
            game: self,
            sums: PartialSums::new(&self.net_load, self.tariff.n_steps()),
        })
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

/// The sum of the members' loads.
struct NettingWalker<'a> {
    game: &'a NettingGame,
    sums: PartialSums<'a>,
}

impl Walker for NettingWalker<'_> {
    fn clear(&mut self) {
        self.sums.clear();
    }

    fn add(&mut self, player: usize) {
        self.sums.add(player);
    }

    fn remove(&mut self, player: usize) {
        self.sums.remove(player);
    }

    fn value(&mut self) -> f64 {
        self.game.tariff.cost(self.sums.sum())
    }

    fn values_with_lowest(&mut self) -> Option<[f64; 8]> {
        let tariff = &self.game.tariff;
        let mut with_lowest = CoalitionSums::<BLOCK>::new(&self.sums);
        (0..3).rev().for_each(|player| with_lowest.push(player, player));
        let numbers: [_; 8] = std::array::from_fn(|coalition| with_lowest.number(coalition));
        let mut costs = [[0.0; tariff::LANES]; 8];
        for first in (0..tariff.n_steps()).step_by(BLOCK) {
            let steps = first..tariff.n_steps().min(first + BLOCK);
            with_lowest.fill(steps.clone());
            for (number, costs) in numbers.iter().zip(&mut costs) {
                let load = with_lowest.sum(number.unwrap_or(0));
                tariff.add_costs(steps.clone(), load, costs);
            }
        }
        Some(costs.map(tariff::total))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumeration::{tabulate, values};

    #[test]
    fn the_bits_of_a_coalition_are_the_same_alone_and_among_eight() {
        // Steps around a round of running sums, and around a block of them.
        for n_steps in [1, 31, 128, 129, 300] {
            let number = |k: usize| ((k * k + 7 * k) % 101) as f64 / 7.0 - 6.0;
            let load: Vec<f64> = (0..9 * n_steps).map(number).collect();
            let buy: Vec<f64> = (0..n_steps).map(|step| 0.3 + number(step) / 100.0).collect();
            let sell: Vec<f64> = (0..n_steps).map(|step| number(3 * step) / 100.0).collect();
            let game = NettingGame::new(load.clone(), Tariff::new(buy, sell.clone()).unwrap());
            let game = game.unwrap();
            let member = |coalition: usize, player: usize| coalition >> player & 1 == 1;
            let membership: Vec<bool> =
                (0..512).flat_map(|c| (0..9).map(move |player| member(c, player))).collect();
            let table = tabulate(&game, &Progress::new()).unwrap();
            assert_eq!(table, values(&game, &membership, &Progress::new()).unwrap());
            for (coalition, value) in table.into_iter().enumerate() {
                let of_step = |step: usize| {
                    let members = (0..9).filter(|&player| member(coalition, player));
                    let sum: f64 = members.map(|player| load[player * n_steps + step]).sum();
                    sum * if sum > 0.0 { game.tariff.buy()[step] } else { sell[step] }
                };
                let expected: f64 = (0..n_steps).map(of_step).sum();
                // Rounding of some hundred terms of about ten.
                assert!((value - expected).abs() < 1e-10, "{value}, {expected}");
            }
        }
    }
}
