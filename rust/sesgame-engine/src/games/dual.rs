//! The dual of a game: what a coalition cannot be kept from.

use std::sync::Arc;

use super::check_finite;
use crate::coalition::{Coalition, grand};
use crate::error::Result;
use crate::game::{ExactShares, NativeGame, Ranges, Walker};
use crate::progress::Progress;

/// `v*(S) = v(N) - v(N - S)`.
pub struct DualGame {
    game: Arc<dyn NativeGame>,
    total: f64,
}

impl DualGame {
    /// The dual of a game whose grand coalition is worth `total`.
    ///
    /// # Errors
    /// [`crate::error::Error::InvalidInput`] when `total` is not finite.
    pub fn new(game: Arc<dyn NativeGame>, total: f64) -> Result<Self> {
        check_finite("the value of all together", &[total])?;
        Ok(Self { game, total })
    }
}

impl NativeGame for DualGame {
    fn n_players(&self) -> usize {
        self.game.n_players()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        let mut walker = DualWalker {
            inner: self.game.walker(progress),
            outside: vec![true; self.n_players()],
            total: self.total,
        };
        walker.clear();
        Box::new(walker)
    }

    fn is_side_by_side(&self) -> bool {
        self.game.is_side_by_side()
    }

    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        let inner = self.game.ranges()?;
        Some(Box::new(DualRanges { inner, all: grand(self.n_players()), total: self.total }))
    }

    /// The Shapley value of the dual is that of the game.
    fn shapley_value(&self, progress: &Progress) -> Option<Result<ExactShares>> {
        self.game.shapley_value(progress)
    }
}

/// Walks the game itself through those who are outside. They stay in descending order of their index,
/// as an enumeration has them, so that its bits are those of the game's own table.
struct DualWalker<'a> {
    inner: Box<dyn Walker + 'a>,
    outside: Vec<bool>,
    total: f64,
}

impl DualWalker<'_> {
    /// Moves `player`, with all lower ones out of the way: few, where low players move most.
    fn replace(&mut self, player: usize, is_outside: bool) {
        for lower in (0..player).filter(|&lower| self.outside[lower]) {
            self.inner.remove(lower);
        }
        if is_outside {
            self.inner.add(player);
        } else {
            self.inner.remove(player);
        }
        for lower in (0..player).rev().filter(|&lower| self.outside[lower]) {
            self.inner.add(lower);
        }
        self.outside[player] = is_outside;
    }
}

impl Walker for DualWalker<'_> {
    fn clear(&mut self) {
        self.inner.clear();
        self.outside.fill(true);
        (0..self.outside.len()).rev().for_each(|player| self.inner.add(player));
    }

    fn add(&mut self, player: usize) {
        self.replace(player, false);
    }

    fn remove(&mut self, player: usize) {
        self.replace(player, true);
    }

    fn value(&mut self) -> f64 {
        let anybody = self.outside.contains(&true);
        self.total - if anybody { self.inner.value() } else { 0.0 }
    }

    fn enqueue(&mut self, place: usize) -> bool {
        self.outside.contains(&true) && self.inner.enqueue(place)
    }

    fn finish(&mut self, put: &mut dyn FnMut(usize, f64)) {
        self.inner.finish(&mut |place, value| put(place, self.total - value));
    }
}

struct DualRanges<'a> {
    inner: Box<dyn Ranges + 'a>,
    all: Coalition,
    total: f64,
}

impl Ranges for DualRanges<'_> {
    fn fill(&mut self, first: Coalition, values: &mut [f64]) {
        let last = first | (values.len() - 1) as Coalition;
        self.inner.fill(self.all ^ last, values);
        if last == self.all {
            values[0] = 0.0; // that of nobody, which a game need not give
        }
        values.reverse();
        values.iter_mut().for_each(|value| *value = self.total - *value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumeration::tabulate;
    use crate::games::AirportGame;

    #[test]
    fn the_dual_is_what_the_others_leave() {
        let game = Arc::new(AirportGame::new(vec![4.0, 8.0, 11.0]).unwrap());
        let dual = DualGame::new(game, 11.0).unwrap();
        let table = tabulate(&dual, &Progress::new()).unwrap();
        assert_eq!(table, [0.0, 0.0, 0.0, 0.0, 3.0, 3.0, 7.0, 11.0]);
    }

    #[test]
    fn a_walk_in_any_order_comes_to_the_same_bits() {
        let game = Arc::new(AirportGame::new(vec![0.1, 0.2, 0.3, 0.7]).unwrap());
        let dual = DualGame::new(game, 0.7).unwrap();
        let table = tabulate(&dual, &Progress::new()).unwrap();
        let progress = Progress::new();
        let mut walker = dual.walker(&progress);
        for player in [1, 3, 0] {
            walker.add(player);
        }
        walker.remove(1);
        assert_eq!(walker.value(), table[0b1001]);
    }
}
