//! The exact Shapley value of a native game by whatever is fastest: enumerating the coalitions, or what
//! the structure of the game gives.

use crate::coalition::MAX_TABLE_PLAYERS;
use crate::error::Result;
use crate::game::{ExactShares, NativeGame};
use crate::progress::Progress;
use crate::shapley::exact::semivalue_of_game;
use crate::shapley::semivalue::Semivalue;

/// Up to so many players enumerating the coalitions takes a moment.
const FEW: usize = 20;

/// The error, of the largest share, at which a structured game needs no enumeration.
const AS_GOOD: f64 = 1e-10;

/// The Shapley value, or `None` for a game of more than [`MAX_TABLE_PLAYERS`] players whose form does
/// not give it.
///
/// # Errors
/// What the game's form requires of it, for more than [`MAX_TABLE_PLAYERS`] players;
/// [`crate::error::Error::NotFinite`], [`crate::error::Error::Interrupted`].
pub fn shapley_value(game: &dyn NativeGame, progress: &Progress) -> Result<Option<ExactShares>> {
    let n_players = game.n_players();
    if n_players > MAX_TABLE_PLAYERS {
        return game.shapley_value(progress).transpose();
    }
    if n_players > FEW && game.ranges().is_none() {
        if let Some(Ok(shares)) = game.shapley_value(progress) {
            let largest = shares.values.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
            if shares.error <= AS_GOOD * largest {
                return Ok(Some(shares));
            }
        }
        progress.check()?;
    }
    let values = semivalue_of_game(game, &Semivalue::shapley(n_players), progress)?.values;
    Ok(Some(ExactShares { values, error: 0.0, method: "enumeration" }))
}
