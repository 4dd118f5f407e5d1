//! The airport game: each player needs a facility of some size, and one of the largest size serves all.

use super::{Stack, check_numbers};
use crate::error::Result;
use crate::game::{ExactShares, NativeGame, Walker};
use crate::progress::Progress;

/// The cost game `c(S) = max over i in S of cost_i` (Littlechild and Owen 1973).
#[derive(Debug)]
pub struct AirportGame {
    costs: Vec<f64>,
}

impl AirportGame {
    /// The game of the players with the given costs.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] when there is no player or a cost is negative or not a
    /// number.
    pub fn new(costs: Vec<f64>) -> Result<Self> {
        check_numbers("costs", &costs, 0.0)?;
        Ok(Self { costs })
    }
}

impl NativeGame for AirportGame {
    fn n_players(&self) -> usize {
        self.costs.len()
    }

    fn walker<'a>(&'a self, _: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(AirportWalker { costs: &self.costs, largest: Stack::new() })
    }

    /// Each stretch is shared equally by those who need it: `O(n log n)`.
    fn shapley_value(&self, _progress: &Progress) -> Option<Result<ExactShares>> {
        let mut order: Vec<usize> = (0..self.costs.len()).collect();
        order.sort_by(|&a, &b| self.costs[a].total_cmp(&self.costs[b]));
        let mut values = vec![0.0; order.len()];
        let (mut share, mut below) = (0.0, 0.0);
        for (place, &player) in order.iter().enumerate() {
            share += (self.costs[player] - below) / (order.len() - place) as f64;
            below = self.costs[player];
            values[player] = share;
        }
        Some(Ok(ExactShares { values, error: 0.0, method: "closed form" }))
    }
}

struct AirportWalker<'a> {
    costs: &'a [f64],
    largest: Stack<f64>,
}

impl Walker for AirportWalker<'_> {
    fn clear(&mut self) {
        self.largest.clear();
    }

    fn add(&mut self, player: usize) {
        let largest = self.largest.top().copied().unwrap_or(0.0).max(self.costs[player]);
        self.largest.push(player, largest);
    }

    fn remove(&mut self, player: usize) {
        for later in self.largest.remove(player) {
            self.add(later);
        }
    }

    fn value(&mut self) -> f64 {
        self.largest.top().copied().unwrap_or(0.0)
    }
}
