//! The game between unions of players, or between some of them.

use std::sync::Arc;

use crate::error::{Error, Result};
use crate::game::{NativeGame, Walker};
use crate::progress::Progress;

/// `w(T) = v(union of the unions in T)`: a quotient game where the unions cover all players, and a
/// restricted one (a subgame) where each union is one player.
pub struct UnionsGame {
    game: Arc<dyn NativeGame>,
    /// The players of each union, in descending order.
    unions: Vec<Vec<usize>>,
}

impl UnionsGame {
    /// The game whose players are unions of those of `game`.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] when there is no union, one is empty, a player is in two of them, or is
    /// none of the game.
    pub fn new(game: Arc<dyn NativeGame>, mut unions: Vec<Vec<usize>>) -> Result<Self> {
        let mut is_taken = vec![false; game.n_players()];
        for &player in unions.iter().flatten() {
            if is_taken.get(player) != Some(&false) {
                return Err(Error::InvalidInput(format!(
                    "player {player} of {} is in two unions, or in no game",
                    game.n_players()
                )));
            }
            is_taken[player] = true;
        }
        if unions.is_empty() || unions.iter().any(Vec::is_empty) {
            return Err(Error::InvalidInput("there is no union, or an empty one".to_owned()));
        }
        for union in &mut unions {
            union.sort_unstable_by(|a, b| b.cmp(a));
        }
        Ok(Self { game, unions })
    }
}

impl NativeGame for UnionsGame {
    fn n_players(&self) -> usize {
        self.unions.len()
    }

    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a> {
        Box::new(UnionsWalker { inner: self.game.walker(progress), unions: &self.unions })
    }

    fn is_side_by_side(&self) -> bool {
        self.game.is_side_by_side()
    }
}

struct UnionsWalker<'a> {
    inner: Box<dyn Walker + 'a>,
    unions: &'a [Vec<usize>],
}

impl Walker for UnionsWalker<'_> {
    fn clear(&mut self) {
        self.inner.clear();
    }

    fn add(&mut self, union: usize) {
        self.unions[union].iter().for_each(|&player| self.inner.add(player));
    }

    fn remove(&mut self, union: usize) {
        // The last to join is the first to leave: free where the walker stacks its members.
        self.unions[union].iter().rev().for_each(|&player| self.inner.remove(player));
    }

    fn value(&mut self) -> f64 {
        self.inner.value()
    }

    fn enqueue(&mut self, place: usize) -> bool {
        self.inner.enqueue(place)
    }

    fn finish(&mut self, put: &mut dyn FnMut(usize, f64)) {
        self.inner.finish(put);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::enumeration::tabulate;
    use crate::games::AirportGame;

    fn airport() -> Arc<dyn NativeGame> {
        Arc::new(AirportGame::new(vec![4.0, 8.0, 11.0]).unwrap())
    }

    #[test]
    fn unions_act_together() {
        let game = UnionsGame::new(airport(), vec![vec![0, 2], vec![1]]).unwrap();
        assert_eq!(tabulate(&game, &Progress::new()).unwrap(), [0.0, 11.0, 8.0, 11.0]);
    }

    #[test]
    fn players_who_are_left_out_never_join() {
        let game = UnionsGame::new(airport(), vec![vec![0], vec![1]]).unwrap();
        assert_eq!(tabulate(&game, &Progress::new()).unwrap(), [0.0, 4.0, 8.0, 8.0]);
    }

    #[test]
    fn overlapping_empty_and_foreign_unions_are_refused() {
        for unions in [vec![], vec![vec![]], vec![vec![0], vec![0, 1]], vec![vec![3]]] {
            assert!(UnionsGame::new(airport(), unions).is_err());
        }
    }
}
