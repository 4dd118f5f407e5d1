//! Coalitions as bit masks in binary order: bit `i` is set when player `i` is a member, so the
//! mask is also the coalition's index in a table of `2^n` values.

/// A coalition of at most [`MAX_TABLE_PLAYERS`] players as a bit mask.
pub type Coalition = u32;

/// The largest number of players whose `2^n` values fit a table (8 GiB of `f64` at 30).
pub const MAX_TABLE_PLAYERS: usize = 30;

/// The coalition of all `n_players` players.
///
/// ```
/// assert_eq!(sesgame_engine::coalition::grand(3), 0b111);
/// ```
#[must_use]
pub const fn grand(n_players: usize) -> Coalition {
    debug_assert!(n_players <= 31);
    (1 << n_players) - 1
}

/// The members of a coalition, in ascending order.
///
/// ```
/// let members: Vec<usize> = sesgame_engine::coalition::members(0b1010).collect();
/// assert_eq!(members, [1, 3]);
/// ```
pub fn members(mut coalition: Coalition) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        (coalition != 0).then(|| {
            let player = coalition.trailing_zeros() as usize;
            coalition &= coalition - 1;
            player
        })
    })
}

/// The number of players of a table with `length` values, or `None` when the length is not
/// `2^n` for an `n` from 1 to [`MAX_TABLE_PLAYERS`].
///
/// ```
/// use sesgame_engine::coalition::players_of_table;
/// assert_eq!(players_of_table(8), Some(3));
/// assert_eq!(players_of_table(6), None);
/// ```
#[must_use]
pub fn players_of_table(length: usize) -> Option<usize> {
    let n_players = length.trailing_zeros() as usize;
    (length.is_power_of_two() && (1..=MAX_TABLE_PLAYERS).contains(&n_players)).then_some(n_players)
}
