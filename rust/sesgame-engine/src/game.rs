//! Games that live in Rust. A solution sees a game only through these two traits; what is behind
//! them (a dispatch, a vote, a tree) is the game's own affair.

/// A characteristic function `v: 2^N -> R` with `v(empty) = 0`, evaluated without leaving Rust.
pub trait NativeGame: Send + Sync {
    /// The number of players `n`.
    fn n_players(&self) -> usize;

    /// A walker that stands at the empty coalition.
    fn walker(&self) -> Box<dyn Walker + '_>;
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
}
