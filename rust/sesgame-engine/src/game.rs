//! Games that live in Rust. A solution sees a game only through these traits; what is behind
//! them (a dispatch, a vote, a tree) is the game's own affair.

use crate::coalition::Coalition;
use crate::error::Result;
use crate::leave_one_out::without_each_by_walking;
use crate::progress::Progress;

/// A characteristic function `v: 2^N -> R` with `v(empty) = 0`, evaluated without leaving Rust.
pub trait NativeGame: Send + Sync {
    /// The number of players `n`.
    fn n_players(&self) -> usize;

    /// A walker that stands at the empty coalition. One whose values take long gives none, but NaN,
    /// after [`Progress::cancel`].
    fn walker<'a>(&'a self, progress: &'a Progress) -> Box<dyn Walker + 'a>;

    /// What evaluates ranges of coalitions faster than a walker, where there is something.
    fn ranges(&self) -> Option<Box<dyn Ranges + '_>> {
        None
    }

    /// Whether its walkers take several coalitions at a time ([`Walker::enqueue`]).
    fn is_side_by_side(&self) -> bool {
        false
    }

    /// The values of all players without each, for two players or more.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`].
    fn without_each(&self, progress: &Progress) -> Result<Vec<f64>> {
        without_each_by_walking(self, progress)
    }

    /// The Shapley value without enumerating the coalitions, where the game is structured.
    ///
    /// # Errors
    /// [`crate::error::Error::Interrupted`], or what the game's form requires.
    fn shapley_value(&self, _progress: &Progress) -> Option<Result<ExactShares>> {
        None
    }
}

/// The Shapley value of a structured game.
#[derive(Debug, Clone, PartialEq)]
pub struct ExactShares {
    /// One number for each player.
    pub values: Vec<f64>,
    /// A proved bound of the error of each, rounding aside.
    pub error: f64,
    /// How it came about.
    pub method: &'static str,
}

/// Moves through the coalitions of a [`NativeGame`] one player at a time, so that the game can
/// update its state instead of building it anew.
///
/// The same sequence of moves after [`Walker::clear`] always gives the same bits.
pub trait Walker: Send {
    /// Back to the empty coalition. Rounding that earlier moves accumulated is forgotten.
    fn clear(&mut self);

    /// Adds a player who is not a member.
    fn add(&mut self, player: usize);

    /// Removes a member.
    fn remove(&mut self, player: usize);

    /// The value of the present coalition.
    fn value(&mut self) -> f64;

    /// The values of the present coalition together with each coalition of the players 0, 1 and 2, none
    /// of whom is a member, in binary order: the bits of [`Walker::value`]. `None` where eight at once
    /// are not faster.
    fn values_with_lowest(&mut self) -> Option<[f64; 8]> {
        None
    }

    /// Takes the present coalition among those that are evaluated side by side, whose values come with
    /// [`Walker::finish`]: the bits of [`Walker::value`]. False where that does not make it faster.
    fn enqueue(&mut self, _place: usize) -> bool {
        false
    }

    /// Shows the values of all coalitions taken since the last time, each with its place.
    fn finish(&mut self, _put: &mut dyn FnMut(usize, f64)) {}
}

/// Evaluates the coalitions of at most 30 players many at a time.
pub trait Ranges: Send {
    /// The values of the coalitions `first`, `first + 1`, ..; their number is 1024 and `first` a
    /// multiple of it.
    fn fill(&mut self, first: Coalition, values: &mut [f64]);
}
