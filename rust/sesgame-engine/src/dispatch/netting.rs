//! The community without a battery: members net their loads step by step, nothing links the steps.

use super::partial_sums::PartialSums;
use super::{Tariff, check_net_load};
use crate::error::Result;
use crate::game::{NativeGame, Walker};

/// The cost game of netting: `c(S) = sum over t of max(buy_t * L_t, sell_t * L_t)` with `L_t` the
/// sum of the members' net loads.
#[derive(Debug)]
pub struct NettingGame {
    tariff: Tariff,
    net_load: Vec<f64>,
    n_players: usize,
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
        Ok(Self { tariff, net_load, n_players })
    }
}

impl NativeGame for NettingGame {
    fn n_players(&self) -> usize {
        self.n_players
    }

    fn walker(&self) -> Box<dyn Walker + '_> {
        let sums = PartialSums::new(&self.net_load, self.tariff.n_steps());
        Box::new(NettingWalker { tariff: &self.tariff, sums })
    }
}

struct NettingWalker<'a> {
    tariff: &'a Tariff,
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
        self.tariff.cost(self.sums.sum())
    }
}
